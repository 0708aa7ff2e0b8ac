//! Comments on tasks. Everyone with write access may comment; only the author edits or deletes a
//! comment.

use serde_json::{Value, json};
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

/// Deletes the author's own comment. Its earlier texts are removed from the history at once, and its
/// last text an hour later, so that deleting it can be undone until then.
pub async fn delete_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
) -> Result<()> {
    own(change, team, task, comment).await?;
    let at = change.at;
    sqlx::query("UPDATE comments SET deleted_at = $3 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .bind(at)
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

/// Undoes an event of a comment.
pub(crate) async fn undo_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    kind: EventKind,
    (before, after): (&Value, &Value),
) -> Result<()> {
    let id = |value: &Value| value["comment"].as_str().and_then(|id| id.parse().ok());
    let comment = id(after).or_else(|| id(before)).ok_or(Problem::NotFound)?;
    match (kind, before["body"].as_str()) {
        (EventKind::CommentAdded, _) => delete_comment(change, team, task, comment).await,
        (EventKind::CommentEdited, Some(old)) => {
            edit_comment(change, team, task, comment, old).await
        }
        (EventKind::CommentDeleted, _) => restore_comment(change, team, task, comment).await,
        _ => Err(Problem::NotFound),
    }
}

async fn restore_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
) -> Result<()> {
    let restored = sqlx::query(
        "UPDATE comments SET deleted_at = NULL WHERE team_id = $1 AND task_id = $2 AND id = $3 AND deleted_at IS NOT NULL",
    )
    .bind(team.id)
    .bind(task)
    .bind(comment)
    .execute(change.db())
    .await?;
    if restored.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    note(
        change,
        team,
        task,
        EventKind::CommentAdded,
        json!({}),
        json!({ "comment": comment }),
    )
    .await
}

async fn own(change: &mut Change, team: &Team, task: Uuid, comment: Uuid) -> Result<String> {
    lock(change.db(), team.id, task).await?;
    let (author, body): (Option<Uuid>, String) = sqlx::query_as(
        "SELECT author_id, body FROM comments WHERE team_id = $1 AND task_id = $2 AND id = $3 AND deleted_at IS NULL",
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
