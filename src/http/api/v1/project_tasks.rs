//! The tasks of a project as JSON.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        policy::team_access,
        projects::queries,
        tasks::{Card, edit, queries::cards_by_id, task_details::load_task, task_edit::Edit},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::done,
        },
        extract::{
            path::{ProjectContext, Slug},
            task::TaskContext,
        },
    },
};

/// The most tasks of a project that are listed, the last moved first.
const MAX: i64 = 5_000;

/// Returns a project's tasks that are not archived, in the teams that the token's owner can see: its own and those of
/// its goals, the last moved first.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{slug}/tasks",
    operation_id = "list_project_tasks",
    tag = "projects",
    params(Paging),
    responses((status = 200, description = "The tasks, the last moved first", body = Page<Card>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    at: ProjectContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Card>>> {
    let teams = team_access::seen_teams(&app.db, &at.viewer).await?;
    let ids: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let tasks = queries::tasks_of_project(&app.db, at.project, &ids, false, None, MAX).await?;
    let page = paging.cut(tasks, |(_, task)| task.to_string())?;
    let mut cards = cards_by_id(&app.db, &teams, page.items.iter()).await?;
    let cards: Vec<Card> = page
        .items
        .iter()
        .filter_map(|(_, task)| cards.remove(task))
        .collect();
    Ok(Json(Page {
        items: cards,
        next_cursor: page.next_cursor,
    }))
}

/// Adds a task to a project; it belongs to no other one then.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{slug}/tasks/{key}",
    operation_id = "add_task_to_project",
    tag = "projects",
    responses((status = 204, description = "The task belongs to the project")),
)]
pub(crate) async fn add(
    State(app): State<App>,
    at: TaskContext,
    Slug(slug): Slug,
) -> Result<StatusCode> {
    let (_, project) = team_access::project(&app.db, &at.viewer, &slug).await?;
    set_project(&app, at.require_edit()?, Some(project)).await
}

/// Takes a task out of a project. The tasks of its goals stay with their goals.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{slug}/tasks/{key}",
    operation_id = "remove_task_from_project",
    tag = "projects",
    responses((status = 204, description = "The task itself does not belong to the project")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TaskContext,
    Slug(slug): Slug,
) -> Result<StatusCode> {
    team_access::project(&app.db, &at.viewer, &slug).await?;
    let at = at.require_edit()?;
    let task = load_task(&app.db, &at.access.team, at.access.id).await?;
    if task.project.as_deref() != Some(slug.as_str()) {
        return Ok(StatusCode::NO_CONTENT);
    }
    set_project(&app, at, None).await
}

async fn set_project(app: &App, at: TaskContext, project: Option<Uuid>) -> Result<StatusCode> {
    let TaskContext { viewer, access } = at;
    let edit = Edit {
        project: Some(project),
        ..Edit::default()
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::edit_task(change, &access.team, access.id, &edit))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
