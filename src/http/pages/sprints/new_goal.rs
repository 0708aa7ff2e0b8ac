//! The page of a new goal.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        goals::edit,
        policy::{team_access, viewer::Viewer},
        sprints::{Sprint, queries},
        team::Team,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page,
        pages::sprints::{
            goal::way_back,
            goal_form::{FormErrors, GoalForm, read_draft},
        },
    },
};

#[derive(Template)]
#[template(path = "sprints/new_goal.html")]
struct NewGoalPage {
    layout: Layout,
    team: Team,
    sprint: Sprint,
    form: GoalForm,
}

impl NewGoalPage {
    fn came_from(&self) -> (String, &'static str) {
        way_back(&self.team, &self.sprint)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct InSprint {
    sprint: String,
}

/// `GET /teams/{slug}/goals/new?sprint=43`
pub(crate) async fn new_goal_form(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(wanted): Query<InSprint>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let page = new_goal_page(
        &app,
        &viewer,
        &headers,
        team,
        &wanted.sprint,
        Default::default(),
    )
    .await?;
    page::page(&page)
}

async fn new_goal_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    sprint: &str,
    form_errors: FormErrors,
) -> Result<NewGoalPage> {
    let sprint = sprint_to_plan(&app.db, &team, sprint).await?;
    Ok(NewGoalPage {
        layout: Layout::new(app, viewer, headers, "New goal", &team.slug).await?,
        form: GoalForm::new(
            app,
            viewer,
            &team,
            sprint.number.to_string(),
            None,
            form_errors,
        )
        .await?,
        sprint,
        team,
    })
}

/// The named sprint, or else the next planned one.
async fn sprint_to_plan(db: &Pool, team: &Team, number: &str) -> Result<Sprint> {
    let sprints = queries::sprints_of(db, team.id).await?;
    let named = match number.trim() {
        "" => queries::next(&sprints).or_else(|| queries::current(&sprints)),
        number => sprints
            .iter()
            .find(|sprint| sprint.number.to_string() == number),
    };
    named
        .cloned()
        .ok_or_else(|| Problem::field("sprint", format!("There is no sprint {number}.")))
}

/// `POST /teams/{slug}/goals`
pub(crate) async fn add_goal(
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
    let sprint = sprint_to_plan(&app.db, &team, fields.text("sprint")).await?;
    let outcome = match read_draft(&fields) {
        Ok(draft) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(edit::add_goal(change, &team, sprint.id, &draft))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    let (status, errors) = match outcome {
        Ok(_) => return Ok(Redirect::to(&way_back(&team, &sprint).0).into_response()),
        Err(problem) => problem.in_form("title")?,
    };
    let number = sprint.number.to_string();
    page::with_errors(
        status,
        &new_goal_page(&app, &viewer, &headers, team, &number, (fields, errors)).await?,
    )
}
