//! A project's page: progress, forecast, milestones, and the tasks of all its teams.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        error::{Problem, Result},
        events::EventStore,
        follows::follow::{self, FollowTarget},
        goals::contributions::{self, Contribution},
        humanize,
        markdown::{self, worker::render_text},
        measure::{Measure, part},
        notifications::edit::Opened,
        policy::{team_access, viewer::Viewer},
        projects::{
            combined_progress, edit,
            forecast::{self, Forecast, LOOKS_BACK},
            queries::{self, Milestone, Project},
        },
        sprints::{self, SprintState},
        team::Team,
        teams,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page,
        pages::inbox,
        pages::projects::list::{ProjectForm, read_draft},
    },
};

#[derive(Template)]
#[template(path = "projects/project.html")]
struct ProjectPage {
    layout: Layout,
    team: Team,
    teams: Vec<Team>,
    may_edit: bool,
    project: Project,
    about: markdown::Html,
    current: i64,
    milestones: Vec<Milestone>,
    goals: Vec<Contribution>,
    progress: Vec<Progress>,
    forecast: Option<Forecast>,
    /// The number of tasks in each state.
    tasks: Vec<(ColumnState, i64)>,
    form: ProjectForm,
    /// Whether the reader follows the project.
    follows: bool,
    /// The errors of a refused form, by field.
    errors: BTreeMap<&'static str, String>,
}

/// The progress that one sprint added.
struct Progress {
    name: String,
    number: i32,
    added: i64,
    total: i64,
    is: i64,
}

impl ProjectPage {
    fn follow_url(&self) -> String {
        format!("/projects/{}/follow", self.project.slug)
    }

    fn figure(&self) -> String {
        self.project
            .measure
            .figure(self.current, self.project.target)
    }

    fn is(&self) -> i64 {
        part(self.current, self.project.target)
    }

    fn of_milestone<'a>(&'a self, milestone: &'a Uuid) -> impl Iterator<Item = &'a Contribution> {
        self.goals
            .iter()
            .filter(move |goal| goal.milestone == Some(*milestone))
    }

    fn forecast_words(&self) -> String {
        match self.forecast {
            None => String::new(),
            Some(Forecast {
                fewest,
                most: Some(most),
            }) if fewest == most => match most {
                1 => "one more sprint".to_owned(),
                _ => format!("{most} more sprints"),
            },
            Some(Forecast {
                fewest,
                most: Some(most),
            }) => format!("{fewest} to {most} more sprints"),
            Some(Forecast { fewest, most: None }) => {
                format!("{fewest} more sprints at best; half of the recent sprints added nothing")
            }
        }
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The values entered in this milestone's form, if that was refused.
    fn submitted_in(&self, milestone: &Milestone) -> Option<&Fields> {
        Some(&self.form.submitted)
            .filter(|submitted| submitted.text("row") == milestone.id.to_string())
    }

    fn reached(&self) -> usize {
        self.milestones
            .iter()
            .filter(|milestone| milestone.reached_at.is_some())
            .count()
    }

    fn due(&self, milestone: &Milestone) -> String {
        milestone
            .due_on
            .map_or(String::new(), |day| format!("due {}", humanize::day(day)))
    }

    fn live_url(&self) -> String {
        teams::live_url(self.teams.iter())
    }

    fn event_number(&self) -> i64 {
        teams::event_number(self.teams.iter())
    }
}

/// `GET /projects/{slug}`
pub(crate) async fn project(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (fields, errors) = (Fields::default(), BTreeMap::new());
    let mut page = project_page(&app, &viewer, &headers, &slug, fields, errors).await?;
    let opened = Opened::Project(page.project.id);
    let viewer = inbox::note_opened(&app, viewer, &headers, page.team.id, opened).await?;
    page.layout.unread = viewer.unread;
    page::page(&page)
}

async fn project_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    slug: &str,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<ProjectPage> {
    let (access, project_id) = team_access::project(&app.db, viewer, slug).await?;
    let seen = team_access::teams(&app.db, viewer).await?;
    let ids: Vec<Uuid> = seen.iter().map(|access| access.team.id).collect();
    let projects = queries::projects(&app.db, &[access.team.id]).await?;
    let project = projects
        .into_iter()
        .find(|project| project.id == project_id)
        .ok_or(Problem::NotFound)?;
    let goals = contributions::load_contributions(&app.db, &[project.id], &[], &ids).await?;
    let sprints = sprints::queries::sprints(&app.db).await?;
    let progress = progress(&project, &goals, &sprints);
    let current = project.manual_value.unwrap_or_else(|| {
        combined_progress(project.measure, goals.iter().map(Contribution::figure))
    });
    // A sprint whose numbers are not final does not count for the forecast.
    let open = sprints
        .iter()
        .filter(|sprint| sprint.state != SprintState::Closed);
    let going = open.map(|sprint| sprint.number).min().unwrap_or(i32::MAX);
    let over: Vec<i64> = progress
        .iter()
        .filter(|row| row.number < going)
        .map(|row| row.added)
        .collect();
    let forecast = match project.finished_at {
        None => forecast::forecast(
            &over[over.len().saturating_sub(LOOKS_BACK)..],
            project.target - current,
        ),
        Some(_) => None,
    };
    let of_milestone = ["milestone", "due_on", "called", "by"]
        .iter()
        .any(|field| errors.contains_key(*field));
    let form = ProjectForm {
        action: format!("/projects/{slug}"),
        key_results: queries::selectable_key_results(&app.db, &ids).await?,
        current: Some(project.clone()),
        teams: Vec::new(),
        submitted,
        errors: if of_milestone {
            BTreeMap::new()
        } else {
            errors.clone()
        },
    };
    let teams: Vec<Team> = seen.into_iter().map(|access| access.team).collect();
    Ok(ProjectPage {
        layout: Layout::new(app, viewer, headers, project.name.clone(), "")
            .await?
            .at("projects"),
        about: render_text(&project.about, &team_access::links(&app.db, viewer).await?).await?,
        milestones: queries::milestones(&app.db, &project).await?,
        tasks: queries::count_by_state(&app.db, project.id, &ids).await?,
        errors,
        may_edit: access.may_edit,
        follows: follow::follows(
            &app.db,
            viewer.person.id,
            access.team.id,
            FollowTarget::Project(project.id),
        )
        .await?,
        team: access.team,
        teams,
        current,
        goals,
        progress,
        forecast,
        form,
        project,
    })
}

/// The project's total after each sprint since its first goal, and what the sprint added. Sprints
/// without a goal for it added nothing, and count.
fn progress(
    project: &Project,
    goals: &[Contribution],
    sprints: &[sprints::Sprint],
) -> Vec<Progress> {
    let Some(first) = goals.iter().map(|goal| goal.sprint).min() else {
        return Vec::new();
    };
    let last = goals.iter().map(|goal| goal.sprint).max().unwrap_or(first);
    let mut counted: Vec<&sprints::Sprint> = sprints
        .iter()
        .filter(|sprint| {
            sprint.number >= first
                && (sprint.number <= last || sprint.state != SprintState::Planned)
        })
        .collect();
    counted.sort_by_key(|sprint| sprint.number);
    let mut before = 0;
    counted
        .into_iter()
        .map(|sprint| {
            let until = goals
                .iter()
                .filter(|goal| goal.sprint <= sprint.number)
                .map(Contribution::figure);
            let total = combined_progress(project.measure, until);
            let added = total - before;
            before = total;
            let (name, is) = (sprint.name.clone(), part(total, project.target));
            Progress {
                name,
                number: sprint.number,
                added,
                total,
                is,
            }
        })
        .collect()
}

/// `POST /projects/{slug}`
pub(crate) async fn edit_project(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (access, project) = team_access::project(&app.db, &viewer, &slug).await?;
    let team = access.require_edit()?.team;
    let outcome = match read_draft(&fields) {
        Ok(draft) => {
            let actor = viewer.actor();
            let change = app.store.change(&actor, |change, _| {
                Box::pin(edit::edit_project(change, &team, project, &draft))
            });
            change.await.map(|_| ())
        }
        Err(problem) => Err(problem),
    };
    respond(&app, &viewer, &headers, &slug, fields, outcome).await
}

/// `POST /projects/{slug}/finish`: finishes the project, or resumes it with `again`.
pub(crate) async fn finish_project(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let (access, project) = team_access::project(&db, &viewer, &slug).await?;
    let (team, finished) = (access.require_edit()?.team, fields.get("again").is_none());
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(edit::finish_project(change, &team, project, finished))
        })
        .await?;
    Ok(Redirect::to(&format!("/projects/{slug}")).into_response())
}

pub(crate) async fn respond(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    slug: &str,
    fields: Fields,
    outcome: Result<()>,
) -> Result<Response> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/projects/{slug}")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = project_page(app, viewer, headers, slug, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
