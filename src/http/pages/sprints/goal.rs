//! A goal's page: progress, comments, and the forms that edit it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        follows::follow::{self, FollowTarget},
        goals::{
            self, Goal,
            comments::{self, GoalComment},
            edit,
            progress::{self, Entry},
        },
        humanize,
        measure::Measure,
        notifications::edit::Opened,
        policy::{team_access, viewer::Viewer},
        sprints::{Sprint, SprintState},
        tasks::{self, Card},
        team::Team,
        teams::roster::load_roster,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page::{self, Rendered},
        pages::inbox,
        pages::sprints::{
            goal_form::{FormErrors, GoalForm, read_draft},
            progress_chart::pace_chart,
        },
    },
};

#[derive(Template)]
#[template(path = "sprints/goal.html")]
struct GoalPage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    /// Whether the viewer may answer concerns; also after the sprint was closed.
    may_answer: bool,
    may_moderate: bool,
    /// The viewer's account.
    me: Uuid,
    may_comment: bool,
    sprint: Sprint,
    goal: Goal,
    form: GoalForm,
    entries: Vec<Entry>,
    /// The entered values as a chart, if there are enough.
    pace: Option<Rendered>,
    cards: Vec<Card>,
    remarks: Vec<GoalComment>,
    /// Whether the reader follows the goal.
    follows: bool,
    now: OffsetDateTime,
}

impl GoalPage {
    fn is_author(&self, comment: &GoalComment) -> bool {
        let author = comment.author.as_ref();
        self.may_comment && author.is_some_and(|author| author.id == self.me)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }

    fn follow_url(&self) -> String {
        format!("{}/follow", self.current_url())
    }

    fn current_url(&self) -> String {
        format!("/teams/{}/goals/{}", self.team.slug, self.goal.id)
    }

    fn came_from(&self) -> (String, &'static str) {
        way_back(&self.team, &self.sprint)
    }
}

/// The page where the sprint's goals are set: planning before it starts, the board afterwards.
pub(crate) fn way_back(team: &Team, sprint: &Sprint) -> (String, &'static str) {
    if sprint.state == SprintState::Planned {
        (
            format!("/teams/{}/planning?sprint={}", team.slug, sprint.number),
            "Back to planning",
        )
    } else {
        (
            format!("/teams/{}?sprint={}", team.slug, sprint.number),
            "Back to board",
        )
    }
}

/// `GET /teams/{slug}/goals/{id}`
pub(crate) async fn goal(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let mut page = goal_page(&app, &viewer, &headers, &slug, &goal, Default::default()).await?;
    let opened = Opened::Goal(page.goal.id);
    let viewer = inbox::note_opened(&app, viewer, &headers, page.team.id, opened).await?;
    page.layout.unread = viewer.unread;
    page::page(&page)
}

async fn goal_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    slug: &str,
    goal: &str,
    form_errors: FormErrors,
) -> Result<GoalPage> {
    let access = team_access::team(&app.db, viewer, slug).await?;
    let now = app.clock.now();
    let (goal, sprint) = goals::goal(&app.db, &access.team, id(goal)?, now).await?;
    let entries = progress::entries(&app.db, access.team.id, goal.id, goal.measure).await?;
    let alike = entries.iter().rev().filter(|entry| entry.alike);
    let entered: Vec<(OffsetDateTime, i64)> = alike.map(|entry| (entry.at, entry.value)).collect();
    let pace = match entered.as_slice() {
        [] => None,
        _ if goal.measure == Measure::YesNo => None,
        entered => Some(pace_chart(
            &goal,
            &sprint,
            &load_roster(&app.db, access.team.id).await?.week,
            entered,
        )?),
    };
    let of_goal = tasks::lookup::ids_of_goal(&app.db, access.team.id, goal.id).await?;
    let mut cards = tasks::queries::cards_of(&app.db, &access.team, &of_goal).await?;
    cards.sort_by_key(|card| (card.state, card.column_since));
    Ok(GoalPage {
        layout: Layout::new(app, viewer, headers, goal.title.clone(), slug).await?,
        form: GoalForm::new(
            app,
            viewer,
            &access.team,
            String::new(),
            Some(goal.clone()),
            form_errors,
        )
        .await?,
        remarks: comments::load_comments(&app.db, &[goal.id]).await?,
        may_edit: access.may_edit && goal.frozen.is_none(),
        may_answer: access.may_edit,
        may_moderate: access.may_lead,
        me: viewer.person.id,
        may_comment: viewer.may_write(),
        follows: follow::follows(
            &app.db,
            viewer.person.id,
            access.team.id,
            FollowTarget::Goal(goal.id),
        )
        .await?,
        team: access.team,
        sprint,
        goal,
        entries,
        pace,
        cards,
        now,
    })
}

/// `POST /teams/{slug}/goals/{id}`
pub(crate) async fn edit_goal(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let goal_id = id(&goal)?;
    let draft = read_draft(&fields)
        .and_then(|draft| Ok((draft, fields.parse("version", "Invalid version.")?)));
    let outcome = match draft {
        Ok((draft, seen)) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(edit::edit_goal(change, &team, goal_id, &draft, seen))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    let (status, errors) = match outcome {
        Ok(_) => return Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response()),
        Err(problem) => problem.in_form("title")?,
    };
    page::with_errors(
        status,
        &goal_page(&app, &viewer, &headers, &slug, &goal, (fields, errors)).await?,
    )
}

/// `POST /teams/{slug}/goals/{id}/progress`: enters the current value.
pub(crate) async fn enter_progress(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let goal_id = id(&goal)?;
    let missing = || Problem::field("value", "Enter the current value as a whole number.");
    let value = fields
        .parse("value", "Enter a whole number.")
        .and_then(|value| value.ok_or_else(missing));
    let outcome = match value {
        Ok(value) => {
            let actor = viewer.actor();
            let note = fields.text("note");
            app.store
                .change(&actor, |change, _| {
                    Box::pin(edit::set_progress(change, &team, goal_id, value, note))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = goal_page(&app, &viewer, &headers, &slug, &goal, (fields, errors)).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/goals/{id}/remove`
pub(crate) async fn remove_goal(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let goal = id(&goal)?;
    let (_, sprint) = goals::goal(&app.db, &team, goal, app.clock.now()).await?;
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(crate::domain::goals::reorder::remove_goal(
                change, &team, goal,
            ))
        })
        .await?;
    Ok(Redirect::to(&way_back(&team, &sprint).0).into_response())
}

/// `POST /teams/{slug}/goals/{id}/order`: moves it up or down by one.
pub(crate) async fn reorder_goal(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (goal, up) = (id(&goal)?, fields.text("to") == "up");
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(crate::domain::goals::reorder::reorder_goal(
                change, &team, goal, up,
            ))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response())
}
