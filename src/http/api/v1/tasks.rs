//! Tasks as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        events::{Changed, EventStore},
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        tasks::{
            Card, archive, assign, block,
            create::{self, NewTask},
            edit, move_task,
            placement::Place,
            queries,
            task_edit::{Edit, Seen},
        },
    },
    http::{
        api::v1::{
            task_request::{OwnersIn, TaskIn, TaskPatch},
            task_response::{TaskResponse, respond, task_response},
        },
        extract::{form::JsonBody, task::TaskContext},
        pages::tasks::{goal_named, project_named, sprint_named},
    },
};

fn goal_without_sprint() -> Problem {
    Problem::field(
        "goal",
        "A goal belongs to a sprint: send its sprint too, or no goal.",
    )
}

/// Creates a task.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/tasks",
    operation_id = "create_task",
    tag = "tasks",
    params(("slug" = String, Path, description = "The team's slug", example = "infrastructure")),
    request_body = TaskIn,
    responses(
        (status = 201, description = "The created task", body = TaskResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
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
    if sent.goal.is_some() && sprint.is_none() {
        return Err(goal_without_sprint());
    }
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
        parse_date(text).ok_or_else(|| Problem::field("due", "Enter a date as YYYY-MM-DD."))
    })
    .transpose()
}

/// Returns a task.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{key}",
    operation_id = "get_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    responses(
        (status = 200, description = "The task", body = TaskResponse),
        (status = 404, description = "The task does not exist or is hidden"),
    ),
)]
pub(crate) async fn get(
    State(db): State<Pool>,
    TaskContext { access, .. }: TaskContext,
) -> Result<Json<TaskResponse>> {
    Ok(Json(task_response(&db, &access.team, access.id).await?))
}

/// Edits a task. An outdated version gets 409, with the current values and those that were sent.
#[utoipa::path(
    patch,
    path = "/api/v1/tasks/{key}",
    operation_id = "edit_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    request_body = TaskPatch,
    responses(
        (status = 200, description = "The task", body = TaskResponse),
        (status = 409, description = "The task was edited meanwhile"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn patch(
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
    if matches!(sent.goal, Some(Some(_))) && sprint == Some(None) {
        return Err(goal_without_sprint());
    }
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
        is_undo: false,
        title: sent.title,
        description: sent.description,
        sprint,
        goal,
        cover: None,
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
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}",
    operation_id = "archive_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    responses(
        (status = 200, description = "The archived task", body = TaskResponse),
        (status = 404, description = "The task does not exist or is hidden"),
    ),
)]
pub(crate) async fn delete(State(app): State<App>, at: TaskContext) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(archive::archive_task(change, &access.team, access.id))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// Restores an archived task, to the end of its column.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{key}/restore",
    operation_id = "restore_task",
    tag = "tasks",
    responses((status = 200, description = "The task", body = TaskResponse)),
)]
pub(crate) async fn restore(State(app): State<App>, at: TaskContext) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(archive::restore_task(change, &access.team, access.id, None))
        })
        .await;
    changed(&app, &access, outcome).await
}

/// Moves a task next to a neighbour, or to the end of a column.
#[utoipa::path(
    put,
    path = "/api/v1/tasks/{key}/position",
    operation_id = "move_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    request_body = Place,
    responses(
        (status = 200, description = "The task", body = Card),
        (status = 409, description = "The task was moved meanwhile"),
        (status = 422, description = "There is no such column"),
    ),
)]
pub(crate) async fn position(
    State(db): State<Pool>,
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
#[utoipa::path(
    put,
    path = "/api/v1/tasks/{key}/block",
    operation_id = "block_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    request_body = block::Reason,
    responses(
        (status = 200, description = "The task", body = TaskResponse),
        (status = 422, description = "The blocking task, team or person does not exist"),
    ),
)]
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
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}/block",
    operation_id = "unblock_task",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    responses(
        (status = 200, description = "The task", body = TaskResponse),
    ),
)]
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

/// Sets a task's owners.
#[utoipa::path(
    put,
    path = "/api/v1/tasks/{key}/owners",
    operation_id = "set_owners",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    request_body = OwnersIn,
    responses(
        (status = 200, description = "The task", body = TaskResponse),
        (status = 422, description = "There is no such username"),
    ),
)]
pub(crate) async fn owners(
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
