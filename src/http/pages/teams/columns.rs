//! Forms of a board's columns and labels, in the team settings.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        boards::{Column, columns, labels, queries},
        column_state::ColumnState,
        error::{Problem, Result},
        humanize::counted,
        keys,
        policy::{team_access, viewer::Viewer},
        tasks::delete_column,
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
        pages::teams::settings::respond,
    },
};

fn read_state(fields: &Fields) -> Result<ColumnState> {
    ColumnState::try_from(fields.text("state").to_owned())
        .map_err(|_| Problem::field("column", "Choose one of the five states."))
}

/// `POST /teams/{slug}/columns`
pub(crate) async fn add_column(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let outcome = match read_state(&fields) {
        Ok(state) => {
            let (actor, name) = (viewer.actor(), fields.text("name"));
            app.store
                .change(&actor, |change, _| {
                    Box::pin(columns::add_column(change, &team, name, state))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/columns/{column}`: with `to` it moves the column `left` or `right`,
/// otherwise it edits name and state.
pub(crate) async fn edit_column(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let (actor, column) = (viewer.actor(), keys::plain(&column)?);
    let outcome = match fields.get("to") {
        Some(to) => {
            let right = to == "right";
            app.store
                .change(&actor, |change, _| {
                    Box::pin(columns::move_column(change, &team, column, right))
                })
                .await
        }
        None => match read_state(&fields) {
            Ok(state) => {
                let name = fields.text("name");
                app.store
                    .change(&actor, |change, _| {
                        Box::pin(columns::edit_column(change, &team, column, name, state))
                    })
                    .await
            }
            Err(problem) => Err(problem),
        },
    };
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

#[derive(Template)]
#[template(path = "teams/remove_column.html")]
struct RemoveColumnPage {
    layout: Layout,
    team: Team,
    column: Column,
    others: Vec<Column>,
    /// The number of tasks in the column, and of archived ones.
    held: (i64, i64),
    error: String,
}

impl RemoveColumnPage {
    /// What the column holds, and where that moves.
    fn content(&self) -> String {
        match self.held {
            (0, 0) => "It has no tasks.".to_owned(),
            (1, 0) => "It has 1 task, which moves to the end of another column.".to_owned(),
            (tasks, 0) => format!("It has {tasks} tasks. They move to the end of another column."),
            (tasks, archived) => format!(
                "It has {} and {archived} archived. They move to the end of another column.",
                counted(tasks, "task")
            ),
        }
    }
}

/// `GET /teams/{slug}/columns/{column}/remove`: asks where to move its tasks.
pub(crate) async fn remove_column_form(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    page::page(&remove_page(&app, &viewer, &headers, team, &column, String::new()).await?)
}

async fn remove_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    column: &str,
    error: String,
) -> Result<RemoveColumnPage> {
    let (own, others): (Vec<Column>, Vec<Column>) = queries::columns(&app.db, team.id)
        .await?
        .into_iter()
        .partition(|candidate| candidate.slug == column);
    let column = own.into_iter().next().ok_or(Problem::NotFound)?;
    let held = queries::tasks_in_column(&app.db, team.id, column.id).await?;
    let layout = Layout::new(
        app,
        viewer,
        headers,
        format!("Delete {}", column.name),
        &team.slug,
    )
    .await?;
    Ok(RemoveColumnPage {
        layout: layout.at("settings"),
        team,
        column,
        others,
        held,
        error,
    })
}

/// `POST /teams/{slug}/columns/{column}/remove`
pub(crate) async fn remove_column(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let (actor, into, name) = (viewer.actor(), fields.text("into"), keys::plain(&column)?);
    let removed = app
        .store
        .change(&actor, |change, _| {
            Box::pin(delete_column::remove_column(change, &team, name, into))
        })
        .await;
    match removed {
        Ok(_) => Ok(Redirect::to(&format!("/teams/{slug}/settings#columns")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let message = errors.into_values().collect::<Vec<_>>().join(" ");
            let page = remove_page(&app, &viewer, &headers, team, name, message).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/labels/{id}`: with `remove` it deletes the label, otherwise it edits name
/// and colour.
pub(crate) async fn edit_label(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, label)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let (actor, label) = (viewer.actor(), id(&label)?);
    let outcome = if fields.get("remove").is_some() {
        app.store
            .change(&actor, |change, _| {
                Box::pin(labels::remove_label(change, &team, label))
            })
            .await
    } else {
        match hue(&fields) {
            Ok(hue) => {
                let name = fields.text("name");
                app.store
                    .change(&actor, |change, _| {
                        Box::pin(labels::edit_label(change, &team, label, name, hue))
                    })
                    .await
            }
            Err(problem) => Err(problem),
        }
    };
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

fn hue(fields: &Fields) -> Result<i16> {
    let hue = fields
        .text("hue")
        .parse()
        .ok()
        .filter(|hue| (0..12).contains(hue));
    hue.ok_or_else(|| Problem::field("label", "Choose a colour."))
}
