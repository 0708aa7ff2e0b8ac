//! A team's about page: mission, people, objectives and roadmap.

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
        clock,
        error::{Problem, Result},
        goals::contributions::{self, Contribution},
        humanize,
        markdown::{self, worker::render_text},
        measure::{Measure, part},
        policy::{team_access, viewer::Viewer},
        projects::{
            self, combined_progress,
            queries::{KeyResult, Objective, Project},
        },
        team::Team,
        teams::{
            profile::{self, About},
            roster::{Member, load_roster},
        },
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/about.html")]
struct AboutPage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    may_lead: bool,
    about: About,
    roadmap: markdown::Html,
    members: Vec<Member>,
    quarters: Vec<(String, Vec<ObjectiveProgress>)>,
    this_quarter: String,
    zone: String,
    errors: BTreeMap<&'static str, String>,
}

/// An objective with its key results.
struct ObjectiveProgress {
    objective: Objective,
    results: Vec<Reached>,
}

/// A key result with its progress and contributions.
struct Reached {
    result: KeyResult,
    figure: String,
    is: i64,
    projects: Vec<Project>,
    goals: Vec<Contribution>,
}

impl AboutPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn since(&self, member: &Member) -> String {
        humanize::date(clock::day_in(member.since, &self.zone))
    }

    fn chat_is_address(&self) -> bool {
        self.about.chat.starts_with("https://") || self.about.chat.starts_with("http://")
    }
}

/// `GET /teams/{slug}/about`
pub(crate) async fn about(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&about_page(&app, &viewer, &headers, &slug, None).await?)
}

async fn about_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    slug: &str,
    rejected: Option<(About, BTreeMap<&'static str, String>)>,
) -> Result<AboutPage> {
    let access = team_access::team(&app.db, viewer, slug).await?;
    let team = access.team;
    let current = profile::profile(&app.db, team.id).await?;
    let links = team_access::links(&app.db, viewer).await?;
    let roadmap = render_text(&current.roadmap, &links).await?;
    let (about, errors) = rejected.unwrap_or((current, BTreeMap::new()));
    let roster = load_roster(&app.db, team.id).await?;
    let mut quarters: Vec<(String, Vec<ObjectiveProgress>)> = Vec::new();
    for objective_progress in objectives(&app.db, viewer, &team).await? {
        match quarters
            .iter_mut()
            .find(|(quarter, _)| *quarter == objective_progress.objective.quarter)
        {
            Some((_, objectives)) => objectives.push(objective_progress),
            None => quarters.push((
                objective_progress.objective.quarter.clone(),
                vec![objective_progress],
            )),
        }
    }
    Ok(AboutPage {
        layout: Layout::new(app, viewer, headers, format!("About {}", team.name), slug)
            .await?
            .at("about"),
        this_quarter: quarter(roster.week.today(app.clock.now())),
        zone: roster.week.zone,
        members: roster.members,
        may_edit: access.may_edit,
        may_lead: access.may_lead,
        team,
        about,
        roadmap,
        quarters,
        errors,
    })
}

/// The quarter of a day, as `2026-Q4`.
fn quarter(day: time::Date) -> String {
    format!("{:04}-Q{}", day.year(), (u8::from(day.month()) - 1) / 3 + 1)
}

/// Loads a team's objectives, with the contributions to all key results in one query.
async fn objectives(db: &Pool, viewer: &Viewer, team: &Team) -> Result<Vec<ObjectiveProgress>> {
    let objectives = projects::queries::objectives(db, team.id).await?;
    let results: Vec<Uuid> = objectives
        .iter()
        .flat_map(|(_, results)| results)
        .map(|result| result.id)
        .collect();
    let seen = team_access::teams(db, viewer).await?;
    let seen: Vec<Uuid> = seen.into_iter().map(|access| access.team.id).collect();
    let mut feeding = projects::queries::projects(db, &seen).await?;
    feeding.retain(|project| {
        project
            .key_result_id
            .is_some_and(|id| results.contains(&id))
    });
    let ids: Vec<Uuid> = feeding.iter().map(|project| project.id).collect();
    let goals = contributions::load_contributions(db, &ids, &results, &seen).await?;
    let reached = |result: KeyResult| {
        let projects: Vec<Project> = feeding
            .iter()
            .filter(|project| project.key_result_id == Some(result.id))
            .cloned()
            .collect();
        let of_projects = projects.iter().map(|project| {
            let of_it = goals
                .iter()
                .filter(|goal| goal.project == Some(project.id))
                .map(Contribution::figure);
            (
                project.measure,
                project
                    .manual_value
                    .unwrap_or_else(|| combined_progress(project.measure, of_it)),
            )
        });
        // A goal whose project contributes to the same key result is already counted in the
        // project.
        let of_goals: Vec<Contribution> = goals
            .iter()
            .filter(|goal| goal.key_result == Some(result.id))
            .filter(|goal| {
                !projects
                    .iter()
                    .any(|project| goal.project == Some(project.id))
            })
            .cloned()
            .collect();
        let figures = of_projects.chain(of_goals.iter().map(Contribution::figure));
        let current = result
            .manual_value
            .unwrap_or_else(|| combined_progress(result.measure, figures));
        let (figure, is) = (
            result.measure.figure(current, result.target),
            part(current, result.target),
        );
        Reached {
            result,
            figure,
            is,
            projects,
            goals: of_goals,
        }
    };
    let objective_progress =
        |(objective, results): (Objective, Vec<KeyResult>)| ObjectiveProgress {
            objective,
            results: results.into_iter().map(reached).collect(),
        };
    Ok(objectives.into_iter().map(objective_progress).collect())
}

/// `POST /teams/{slug}/about`
pub(crate) async fn edit_about(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let about = About {
        mission: crate::domain::text::plain_lines(fields.text("mission").trim()),
        chat: fields.text("chat").trim().to_owned(),
        roadmap: crate::domain::text::plain_lines(fields.text("roadmap").trim()),
    };
    let actor = viewer.actor();
    match app
        .store
        .change(&actor, |change, _| {
            Box::pin(profile::update_profile(change, &team, &about))
        })
        .await
    {
        Ok(_) => Ok(Redirect::to(&format!("/teams/{slug}/about")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = about_page(&app, &viewer, &headers, &slug, Some((about, errors))).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    #[test]
    fn a_quarter_has_three_months() {
        assert_eq!(super::quarter(date!(2026 - 01 - 01)), "2026-Q1");
        assert_eq!(super::quarter(date!(2026 - 06 - 30)), "2026-Q2");
        assert_eq!(super::quarter(date!(2026 - 12 - 31)), "2026-Q4");
    }
}
