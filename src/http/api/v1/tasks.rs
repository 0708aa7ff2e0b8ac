//! Tasks as JSON, by the same domain functions as the pages.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    app::App,
    domain::{
        dates::read_date,
        error::{Problem, Result},
        events::{Changed, EventStore},
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        tasks::{
            archive, assign, block, comments,
            create::{self, NewTask},
            edit, move_task,
            placement::Place,
            queries,
            task_edit::{Edit, Seen},
        },
    },
    http::{
        api::v1::task_response::{respond, task_json},
        extract::{form::JsonBody, task::TaskContext},
        pages::tasks::{goal_named, project_named, sprint_named},
    },
};

/// Deserializes a field that may be missing, null (which clears it), or have a value.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A sprint by number, or `this` or `next`.
#[derive(Debug, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum SprintRef {
    Number(i32),
    Word(String),
}

impl SprintRef {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

/// A new task. Only the title is required; without a sprint the task is added to the current one.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskIn {
    /// The title, 1 to 500 characters.
    title: String,
    /// The description in Markdown.
    description: String,
    /// The column's slug, such as `todo`; by default the first column.
    column: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    sprint: Option<Option<SprintRef>>,
    /// The goal's number in the sprint.
    goal: Option<i32>,
    /// The owners' usernames, such as `elif`.
    owners: Vec<String>,
    /// The names of the labels, such as `postgres`.
    labels: Vec<String>,
    /// The estimate in points, 0 to 1000.
    estimate: Option<i32>,
    /// The due date, such as `2026-11-30`.
    due: Option<String>,
    /// The team or person that needs the task.
    needed_by: String,
}

/// Creates a task.
#[utoipa::path(post, path = "/api/v1/teams/{slug}/tasks", tag = "tasks", params(("slug" = String, Path, description = "The team's slug")), request_body = TaskIn,
    responses((status = 201, description = "The created task"), (status = 422, description = "A field is invalid")))]
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    JsonBody(sent): JsonBody<TaskIn>,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let sprint = match &sent.sprint {
        Some(Some(sprint)) => sprint_named(&app.db, &team, &sprint.text()).await?,
        Some(None) => None,
        None => sprint_named(&app.db, &team, "this").await?,
    };
    let new = NewTask {
        goal: goal_named(
            &app.db,
            &team,
            &sent.goal.map_or(String::new(), |goal| goal.to_string()),
            sprint.map(|sprint| sprint.id),
            None,
        )
        .await?,
        sprint: sprint.map(|sprint| sprint.id),
        title: sent.title,
        description: sent.description,
        column: sent.column,
        owners: sent.owners,
        labels: sent.labels,
        estimate: sent.estimate,
        due: read_due(sent.due.as_deref())?,
        needed_by: sent.needed_by,
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(create::create_task(change, &team, &new))
        })
        .await;
    let task = outcome.as_ref().ok().map(|changed| changed.value.0);
    respond(&app, &team, task, outcome, StatusCode::CREATED).await
}

fn read_due(text: Option<&str>) -> Result<Option<time::Date>> {
    text.map(|text| {
        read_date(text).ok_or_else(|| Problem::field("due", "Enter a date as YYYY-MM-DD."))
    })
    .transpose()
}

/// Returns a task.
#[utoipa::path(get, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), responses((status = 200, description = "The task"), (status = 404)))]
pub async fn get(
    State(app): State<App>,
    TaskContext { access, .. }: TaskContext,
) -> Result<Json<Value>> {
    Ok(Json(task_json(&app.db, &access.team, access.id).await?))
}

/// The fields to change, with the version that the client last saw.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskPatch {
    /// The version that the client last saw; an outdated one gets 409.
    version: Option<i64>,
    /// The title, 1 to 500 characters.
    title: Option<String>,
    /// The description in Markdown.
    description: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    sprint: Option<Option<SprintRef>>,
    /// The goal's number in the sprint.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>)]
    goal: Option<Option<i32>>,
    /// The project's slug, or empty for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    project: Option<Option<String>>,
    /// The owners' usernames, such as `elif`.
    owners: Option<Vec<String>>,
    /// The names of the labels, such as `postgres`.
    labels: Option<Vec<String>>,
    /// The estimate in points, 0 to 1000.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>)]
    estimate: Option<Option<i32>>,
    /// The due date, such as `2026-11-30`.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    due: Option<Option<String>>,
    /// The team or person that needs the task.
    needed_by: Option<String>,
}

/// Edits a task. An outdated version gets 409, with the current values and those that were sent.
#[utoipa::path(patch, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), request_body = TaskPatch,
    responses((status = 200, description = "The task"), (status = 409, description = "The task was edited meanwhile"), (status = 422, description = "A field is invalid")))]
pub async fn patch(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<TaskPatch>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let sprint = match &sent.sprint {
        Some(Some(sprint)) => Some(
            sprint_named(&app.db, &access.team, &sprint.text())
                .await?
                .map(|sprint| sprint.id),
        ),
        Some(None) => Some(None),
        None => None,
    };
    let goal = match sent.goal {
        Some(Some(goal)) => Some(
            goal_named(
                &app.db,
                &access.team,
                &goal.to_string(),
                sprint.flatten(),
                Some(access.id),
            )
            .await?,
        ),
        Some(None) => Some(None),
        None => None,
    };
    let project = match &sent.project {
        Some(slug) => Some(project_named(&app.db, &viewer, slug.as_deref().unwrap_or("")).await?),
        None => None,
    };
    let edit = Edit {
        puts_back: false,
        title: sent.title,
        description: sent.description,
        sprint,
        goal,
        project,
        estimate: sent.estimate,
        due: sent.due.map(|due| read_due(due.as_deref())).transpose()?,
        needed_by: sent.needed_by,
        owners: sent.owners,
        labels: sent.labels,
        seen: sent.version.map(|version| Seen {
            version,
            strict: true,
        }),
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::edit_task(change, &access.team, access.id, &edit))
        })
        .await;
    changed(&app, &access, outcome).await
}

async fn changed<T>(
    app: &App,
    access: &TaskAccess,
    outcome: Result<Changed<T>>,
) -> Result<Response> {
    respond(app, &access.team, Some(access.id), outcome, StatusCode::OK).await
}

/// Archives a task.
#[utoipa::path(delete, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), responses((status = 200, description = "The archived task"), (status = 404)))]
pub async fn delete(State(app): State<App>, at: TaskContext) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(archive::archive_task(change, &access.team, access.id))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// Moves a task next to a neighbour, or to the end of a column.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/position", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), request_body = Place,
    responses((status = 200, description = "The task"), (status = 409, description = "The task was moved meanwhile"), (status = 422, description = "There is no such column")))]
pub async fn position(
    State(db): State<PgPool>,
    State(store): State<EventStore>,
    at: TaskContext,
    JsonBody(place): JsonBody<Place>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = store
        .change(&viewer.actor(), |change, _| {
            Box::pin(move_task::move_task(
                change,
                &access.team,
                access.id,
                &place,
            ))
        })
        .await;
    match outcome {
        // Moves are frequent, so the response is the card without the fields of the task page, also
        // for a repeated move.
        Ok(_) | Err(Problem::DoneBefore { .. }) => {
            Ok(Json(queries::card(&db, &access.team, access.id).await?).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// Blocks a task, with the reason: a task, team, person or text.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/block", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), request_body = block::Reason,
    responses((status = 200, description = "The task"), (status = 422, description = "The blocking task, team or person does not exist")))]
pub async fn block(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(reason): JsonBody<block::Reason>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(block::block_task(change, &access.team, access.id, &reason))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// Unblocks a task and moves it back to its previous column.
#[utoipa::path(delete, path = "/api/v1/tasks/{key}/block", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), responses((status = 200, description = "The task")))]
pub async fn unblock(State(app): State<App>, at: TaskContext) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(block::unblock_task(change, &access.team, access.id))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// A task's owners, by username.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnersIn {
    /// The owners' usernames, such as `elif`.
    owners: Vec<String>,
}

/// Sets a task's owners.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/owners", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), request_body = OwnersIn,
    responses((status = 200, description = "The task"), (status = 422, description = "There is no such username")))]
pub async fn owners(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<OwnersIn>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(assign::set_owners(
                change,
                &access.team,
                access.id,
                &sent.owners,
            ))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// A comment in Markdown.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentIn {
    /// The text in Markdown.
    body: String,
}

/// Adds a comment to a task.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/comments", tag = "tasks", params(("key" = String, Path, description = "The task's key, such as INF-42")), request_body = CommentIn,
    responses((status = 201, description = "The task"), (status = 422, description = "Empty or too long")))]
pub async fn comment(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<CommentIn>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.to_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::add_comment(
                change,
                &access.team,
                access.id,
                &sent.body,
            ))
        })
        .await;
    respond(
        &app,
        &access.team,
        Some(access.id),
        outcome,
        StatusCode::CREATED,
    )
    .await
}
