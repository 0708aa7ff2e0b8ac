//! Comments on tasks as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        person::Person,
        tasks::comments::{self, Comment},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            task_request::CommentIn,
            task_response::{TaskResponse, respond},
            written::done,
        },
        extract::{form::JsonBody, path::ObjectId, task::TaskContext},
    },
};

/// A comment on a task.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CommentResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The text in Markdown.
    #[schema(example = "Replication lag is under a second. @jonas, shall we switch on Thursday?")]
    body: String,
    /// The author; null for an imported comment, and once the account was deleted.
    #[schema(example = json!({ "handle": "elif", "name": "Elif Hartmann" }))]
    author: Option<Person>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    created_at: OffsetDateTime,
    /// When it was last edited; null if never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-24T09:15:00Z")]
    edited_at: Option<OffsetDateTime>,
}

impl From<Comment> for CommentResponse {
    fn from(comment: Comment) -> Self {
        Self {
            id: comment.id,
            body: comment.body,
            author: comment.author,
            created_at: comment.created_at,
            edited_at: comment.edited_at,
        }
    }
}

/// Returns the comments on a task, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{key}/comments",
    operation_id = "list_comments",
    tag = "tasks",
    params(Paging),
    responses((status = 200, description = "The comments, oldest first", body = Page<CommentResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TaskContext { access, .. }: TaskContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CommentResponse>>> {
    // A task has at most a thousand.
    let comments = comments::load_comments(&db, access.team.id, access.id).await?;
    let page = paging.cut(comments, |comment| comment.id.to_string())?;
    Ok(Json(page.map(CommentResponse::from)))
}

/// Adds a comment to a task.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{key}/comments",
    operation_id = "add_comment",
    tag = "tasks",
    params(("key" = String, Path, description = "The task's key", example = "INF-42")),
    request_body = CommentIn,
    responses(
        (status = 201, description = "The task", body = TaskResponse),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn add(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<CommentIn>,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_comment()?;
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

/// Edits one's own comment.
#[utoipa::path(
    patch,
    path = "/api/v1/tasks/{key}/comments/{id}",
    operation_id = "edit_comment",
    tag = "tasks",
    request_body = CommentIn,
    responses(
        (status = 200, description = "The comment", body = CommentResponse),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TaskContext,
    ObjectId(comment): ObjectId,
    JsonBody(sent): JsonBody<CommentIn>,
) -> Result<Json<CommentResponse>> {
    let TaskContext { viewer, access } = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::edit_comment(
                change,
                &access.team,
                access.id,
                comment,
                &sent.body,
            ))
        })
        .await;
    done(outcome)?;
    let comments = comments::load_comments(&app.db, access.team.id, access.id).await?;
    let found = comments.into_iter().find(|found| found.id == comment);
    Ok(Json(found.ok_or(Problem::NotFound)?.into()))
}

/// Deletes a comment: one's own, or as a lead of the team anyone's.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}/comments/{id}",
    operation_id = "delete_comment",
    tag = "tasks",
    responses((status = 204, description = "The comment is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TaskContext,
    ObjectId(comment): ObjectId,
) -> Result<StatusCode> {
    let TaskContext { viewer, access } = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::delete_comment(
                change,
                &access.team,
                (access.id, &access.key),
                comment,
                access.may_lead,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
