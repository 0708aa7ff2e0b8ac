//! Tasks as JSON: the same verbs as the pages.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        dates::read_date,
        error::{Problem, Result},
        events::Changed,
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        team::Team,
    },
    http::extract::{form::JsonBody, task::TaskContext},
};
use crate::{
    domain::tasks::{
        archive, assign, block, comments,
        create::{self, NewTask},
        edit, move_task,
        placement::Place,
        queries,
        task_edit::{Edit, Seen},
    },
    http::pages::tasks::{goal_named, project_named, sprint_named},
};

/// A task with everything that its page has.
async fn whole(app: &App, team: &Team, task: Uuid) -> Result<Value> {
    let whole = queries::load_task(&app.db, team, task).await?;
    let mut body = serde_json::to_value(&whole.card).map_err(anyhow::Error::from)?;
    body["description"] = json!(whole.description);
    body["project"] = json!(whole.project);
    body["checklist"] = whole
        .steps
        .iter()
        .map(|step| json!({ "text": step.text, "done": step.done }))
        .collect();
    Ok(body)
}

/// The answer to a write; a repeated one is answered with what the first one made, as it stands.
async fn answer<T>(
    app: &App,
    team: &Team,
    task: Option<Uuid>,
    outcome: Result<Changed<T>>,
    status: StatusCode,
) -> Result<Response> {
    let task = match (outcome, task) {
        (Ok(_), Some(task)) => task,
        (Err(Problem::DoneBefore { change }), task) => {
            let touched = queries::touched_by(&app.db, team.id, change)
                .await?
                .map(|(task, _)| task);
            touched.or(task).ok_or(Problem::DoneBefore { change })?
        }
        (Err(problem), _) => return Err(problem),
        (Ok(_), None) => return Err(Problem::NotFound),
    };
    Ok((status, Json(whole(app, team, task).await?)).into_response())
}

/// A field that is missing, null, or has a value: null empties it.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A sprint by its number, or in a word.
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

/// A new task. Only the title is needed; without a sprint it lands in the one that is going on.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskIn {
    title: String,
    description: String,
    column: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    sprint: Option<Option<SprintRef>>,
    goal: Option<i32>,
    owners: Vec<String>,
    labels: Vec<String>,
    estimate: Option<i32>,
    due: Option<String>,
    needed_by: String,
}

/// Makes a task.
#[utoipa::path(post, path = "/api/v1/teams/{slug}/tasks", tag = "tasks", params(("slug" = String, Path)), request_body = TaskIn,
    responses((status = 201, description = "The task"), (status = 422, description = "A field was refused")))]
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
        Some(Some(sprint)) => sprint_named(&app, &team, &sprint.text()).await?,
        Some(None) => None,
        None => sprint_named(&app, &team, "this").await?,
    };
    let new = NewTask {
        goal: goal_named(
            &app,
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
    answer(&app, &team, task, outcome, StatusCode::CREATED).await
}

fn read_due(text: Option<&str>) -> Result<Option<time::Date>> {
    text.map(|text| {
        read_date(text)
            .ok_or_else(|| Problem::field("due", "That is no date. Write it as 2026-11-30."))
    })
    .transpose()
}

/// Reads a task.
#[utoipa::path(get, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path)), responses((status = 200, description = "The task"), (status = 404)))]
pub async fn get(
    State(app): State<App>,
    TaskContext { access, .. }: TaskContext,
) -> Result<Json<Value>> {
    Ok(Json(whole(&app, &access.team, access.id).await?))
}

/// The fields to change, with the version that was seen.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskPatch {
    version: Option<i64>,
    title: Option<String>,
    description: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    sprint: Option<Option<SprintRef>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>)]
    goal: Option<Option<i32>>,
    /// A project's address.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    project: Option<Option<String>>,
    owners: Option<Vec<String>>,
    labels: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>)]
    estimate: Option<Option<i32>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    due: Option<Option<String>>,
    needed_by: Option<String>,
}

/// Changes a task. An older version gets 409, with what stands now beside what was sent.
#[utoipa::path(patch, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path)), request_body = TaskPatch,
    responses((status = 200, description = "The task"), (status = 409, description = "It was changed meanwhile"), (status = 422, description = "A field was refused")))]
pub async fn patch(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<TaskPatch>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let sprint = match &sent.sprint {
        Some(Some(sprint)) => Some(
            sprint_named(&app, &access.team, &sprint.text())
                .await?
                .map(|sprint| sprint.id),
        ),
        Some(None) => Some(None),
        None => None,
    };
    let goal = match sent.goal {
        Some(Some(goal)) => Some(
            goal_named(
                &app,
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
        Some(slug) => Some(project_named(&app, &viewer, slug.as_deref().unwrap_or("")).await?),
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
    answer(app, &access.team, Some(access.id), outcome, StatusCode::OK).await
}

/// Archives a task.
#[utoipa::path(delete, path = "/api/v1/tasks/{key}", tag = "tasks", params(("key" = String, Path)), responses((status = 200, description = "The task, archived"), (status = 404)))]
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

/// Moves a task beside its new neighbour, or to a column's end.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/position", tag = "tasks", params(("key" = String, Path)), request_body = Place,
    responses((status = 200, description = "The task"), (status = 409, description = "Somebody moved it meanwhile"), (status = 422, description = "No such column")))]
pub async fn position(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(place): JsonBody<Place>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
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
        // A move is made often: its answer is the card, without what only a task's page needs. A repeated one's too.
        Ok(_) | Err(Problem::DoneBefore { .. }) => {
            Ok(Json(queries::card(&app.db, &access.team, access.id).await?).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// Blocks a task, with what it waits on.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/block", tag = "tasks", params(("key" = String, Path)), request_body = block::Reason,
    responses((status = 200, description = "The task"), (status = 422, description = "Nothing of that name to wait on")))]
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

/// Unblocks a task: back to the column that it was blocked in.
#[utoipa::path(delete, path = "/api/v1/tasks/{key}/block", tag = "tasks", params(("key" = String, Path)), responses((status = 200, description = "The task")))]
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

/// A task's owners by handle.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnersIn {
    owners: Vec<String>,
}

/// Sets a task's owners.
#[utoipa::path(put, path = "/api/v1/tasks/{key}/owners", tag = "tasks", params(("key" = String, Path)), request_body = OwnersIn,
    responses((status = 200, description = "The task"), (status = 422, description = "Nobody of that handle")))]
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
    body: String,
}

/// Says something on a task.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/comments", tag = "tasks", params(("key" = String, Path)), request_body = CommentIn,
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
    answer(
        &app,
        &access.team,
        Some(access.id),
        outcome,
        StatusCode::CREATED,
    )
    .await
}
