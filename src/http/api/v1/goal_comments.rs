//! Comments and concerns on goals as JSON.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        goals::{
            self,
            comments::{self, GoalComment},
        },
        person::Person,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// A comment or concern on a goal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalCommentResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// `comment`, or `concern`, which waits for an answer.
    #[schema(example = "concern")]
    kind: &'static str,
    /// The text in Markdown.
    #[schema(example = "The export reads these tables until the 27th.")]
    body: String,
    /// The author; null once the account was deleted.
    #[schema(example = json!({ "handle": "jonas", "name": "Jonas Gruber" }))]
    author: Option<Person>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    created_at: OffsetDateTime,
    /// The team's answer; null without one.
    #[schema(example = "We move those last.")]
    answer: Option<String>,
    /// The full name of who answered.
    #[schema(example = "Elif Hartmann")]
    answered_by: Option<String>,
}

impl From<GoalComment> for GoalCommentResponse {
    fn from(comment: GoalComment) -> Self {
        Self {
            id: comment.id,
            kind: if comment.concern {
                "concern"
            } else {
                "comment"
            },
            body: comment.body,
            author: comment.author,
            created_at: comment.created_at,
            answer: comment.answer,
            answered_by: comment.answered_by,
        }
    }
}

/// A new comment or concern.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GoalCommentIn {
    /// The text in Markdown, not empty.
    #[schema(required, example = "The export reads these tables until the 27th.")]
    body: String,
    /// `comment` (which is the default), or `concern`, which stays open until the team answers it.
    #[schema(example = "concern")]
    kind: Option<String>,
}

/// The answer to a concern.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnswerIn {
    /// The text in Markdown, not empty.
    #[schema(required, example = "We move those last.")]
    answer: String,
}

/// Returns the comments and concerns on a goal, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/goals/{id}/comments",
    operation_id = "list_goal_comments",
    tag = "goals",
    params(Paging),
    responses((status = 200, description = "The comments, oldest first", body = Page<GoalCommentResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { access, .. }: TeamContext,
    ObjectId(goal): ObjectId,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<GoalCommentResponse>>> {
    if goals::sprint_of(&app.db, access.team.id, goal)
        .await?
        .is_none()
    {
        return Err(Problem::NotFound);
    }
    let comments = comments::load_comments(&app.db, &[goal]).await?;
    let page = paging.cut(comments, |comment| comment.id.to_string())?;
    Ok(Json(page.map(GoalCommentResponse::from)))
}

/// Adds a comment or concern to a goal; everyone whose account may write can.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/goals/{id}/comments",
    operation_id = "add_goal_comment",
    tag = "goals",
    request_body = GoalCommentIn,
    responses(
        (status = 201, description = "The comment", body = GoalCommentResponse),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn add(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
    JsonBody(sent): JsonBody<GoalCommentIn>,
) -> Result<(StatusCode, Json<GoalCommentResponse>)> {
    let (viewer, access) = at.require_comment()?;
    let concern = match sent.kind.as_deref() {
        None | Some("comment") => false,
        Some("concern") => true,
        Some(_) => return Err(Problem::field("kind", "Choose comment or concern.")),
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::add_comment(
                change,
                &access.team,
                goal,
                &sent.body,
                concern,
            ))
        })
        .await;
    let id = created(&app.db, access.team.id, "remark", outcome).await?;
    let comments = comments::load_comments(&app.db, &[goal]).await?;
    let comment = comments.into_iter().find(|comment| comment.id == id);
    let comment = comment.ok_or(Problem::NotFound)?;
    Ok((StatusCode::CREATED, Json(comment.into())))
}

/// Answers a concern, which resolves it.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/goal-comments/{id}/answer",
    operation_id = "answer_concern",
    tag = "goals",
    request_body = AnswerIn,
    responses(
        (status = 204, description = "The concern is answered"),
        (status = 409, description = "The concern was answered already"),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn answer(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(comment): ObjectId,
    JsonBody(sent): JsonBody<AnswerIn>,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::answer_concern(
                change,
                &team,
                comment,
                &sent.answer,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a comment or concern: one's own, or as a lead of the team anyone's.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/goal-comments/{id}",
    operation_id = "delete_goal_comment",
    tag = "goals",
    responses((status = 204, description = "The comment is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(comment): ObjectId,
) -> Result<StatusCode> {
    let (viewer, access) = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(comments::delete_comment(
                change,
                &access.team,
                comment,
                access.may_lead,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
