//! Comments on tasks. Everyone with write access may comment; only the author edits or deletes a
//! comment.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    tasks::{lock, note},
    team::Team,
};

/// Adds a comment by the author of the change.
pub async fn add_comment(change: &mut Change, team: &Team, task: Uuid, body: &str) -> Result<Uuid> {
    lock(change.db(), team.id, task).await?;
    let id = Uuid::now_v7();
    let body = checked(body)?;
    let (actor, at) = (change.actor, change.at);
    sqlx::query(
        "INSERT INTO comments (team_id, id, task_id, author_id, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(team.id)
    .bind(id)
    .bind(task)
    .bind(actor)
    .bind(&body)
    .bind(at)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        task,
        EventKind::CommentAdded,
        json!({}),
        json!({ "comment": id }),
    )
    .await?;
    Ok(id)
}

/// Edits the author's own comment.
pub async fn edit_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
    body: &str,
) -> Result<()> {
    let old = own(change, team, task, comment).await?;
    let body = checked(body)?;
    let at = change.at;
    sqlx::query("UPDATE comments SET body = $3, edited_at = $4 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .bind(&body)
        .bind(at)
        .execute(change.db())
        .await?;
    note(
        change,
        team,
        task,
        EventKind::CommentEdited,
        json!({ "comment": comment, "body": old }),
        json!({ "body": body }),
    )
    .await
}

/// Deletes the author's own comment, including its text in the history.
pub async fn delete_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
) -> Result<()> {
    own(change, team, task, comment).await?;
    sqlx::query("DELETE FROM comments WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .execute(change.db())
        .await?;
    sqlx::query(
        "UPDATE events SET before = before - 'body', after = after - 'body'
         WHERE team_id = $1 AND task_id = $2 AND kind = 'comment.edited' AND before->>'comment' = $3",
    )
    .bind(team.id)
    .bind(task)
    .bind(comment.to_string())
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        task,
        EventKind::CommentDeleted,
        json!({ "comment": comment }),
        json!({}),
    )
    .await
}

async fn own(change: &mut Change, team: &Team, task: Uuid, comment: Uuid) -> Result<String> {
    lock(change.db(), team.id, task).await?;
    let (author, body): (Option<Uuid>, String) = sqlx::query_as(
        "SELECT author_id, body FROM comments WHERE team_id = $1 AND task_id = $2 AND id = $3",
    )
    .bind(team.id)
    .bind(task)
    .bind(comment)
    .fetch_one(change.db())
    .await?;
    if author.is_none() || author != change.actor {
        return Err(Problem::Forbidden(
            "Only the author can change a comment. Nothing was changed.".into(),
        ));
    }
    Ok(body)
}

fn checked(body: &str) -> Result<String> {
    let body = crate::domain::text::plain_lines(body.trim());
    if body.is_empty() || body.chars().count() > 20_000 {
        return Err(Problem::field(
            "body",
            "A comment must have 1 to 20,000 characters.",
        ));
    }
    Ok(body)
}
