//! Comments on tasks. Everyone with write access may comment; only the author edits a comment, and
//! leads may delete it as well.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, EventKind, audit_log},
        person::Person,
        tasks::{lock, note},
        team::Team,
    },
};

/// The most comments of a task.
const MAX: i64 = 1000;

/// Adds a comment by the author of the change.
pub async fn add_comment(change: &mut Change, team: &Team, task: Uuid, body: &str) -> Result<Uuid> {
    add_comment_as(change, team, task, "", body).await
}

/// Adds a comment by an author that has no account, such as a pull request.
pub(crate) async fn add_comment_as(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    author: &str,
    body: &str,
) -> Result<Uuid> {
    lock(change.db(), team.id, task).await?;
    let id = Uuid::now_v7();
    let body = checked(body)?;
    let comments: i64 =
        sqlx::query_scalar("SELECT count(*) FROM comments WHERE team_id = $1 AND task_id = $2")
            .bind(team.id)
            .bind(task)
            .fetch_one(change.db())
            .await?;
    if comments >= MAX {
        return Err(Problem::field(
            "body",
            "A task can have at most 1,000 comments. Continue in another task.",
        ));
    }
    let (actor, at, agent) = (change.actor, change.at, change.agent.clone());
    sqlx::query(
        "INSERT INTO comments (team_id, id, task_id, author_id, body, created_at, author, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(team.id)
    .bind(id)
    .bind(task)
    .bind(actor)
    .bind(&body)
    .bind(at)
    .bind(author)
    .bind(agent)
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

/// A comment on a task.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: Uuid,
    pub(crate) body: String,
    /// `None` for an imported comment, and once the account was deleted.
    pub(crate) author: Option<Person>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) edited_at: Option<OffsetDateTime>,
}

/// Returns the comments on a task, oldest first.
pub(crate) async fn load_comments(db: &Pool, team: Uuid, task: Uuid) -> Result<Vec<Comment>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        body: String,
        created_at: OffsetDateTime,
        edited_at: Option<OffsetDateTime>,
        author_id: Option<Uuid>,
        handle: Option<String>,
        name: Option<String>,
        hue: Option<i16>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.id, c.body, c.created_at, c.edited_at, a.id AS author_id, a.handle, a.name, a.hue
         FROM comments c LEFT JOIN accounts a ON a.id = c.author_id
         WHERE c.team_id = $1 AND c.task_id = $2 AND c.deleted_at IS NULL ORDER BY c.created_at, c.id",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?;
    let comment = |row: Row| Comment {
        author: match (row.author_id, row.handle, row.name, row.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        },
        id: row.id,
        body: row.body,
        created_at: row.created_at,
        edited_at: row.edited_at,
    };
    Ok(rows.into_iter().map(comment).collect())
}

/// Edits the author's own comment.
pub async fn edit_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
    body: &str,
) -> Result<()> {
    let (author, old) = lock_comment(change, team, task, comment).await?;
    if !author.is_actor(change) {
        return Err(Problem::Forbidden(
            "Only the author can edit a comment. Nothing was changed.".into(),
        ));
    }
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

/// Deletes a comment: the author's own, or anyone's if the author of the change `may_moderate`, which is noted in the
/// audit log. Its earlier texts are removed from the history at once. The last text of an own comment is kept for an hour,
/// so that deleting it can be undone until then.
pub async fn delete_comment(
    change: &mut Change,
    team: &Team,
    (task, key): (Uuid, &str),
    comment: Uuid,
    may_moderate: bool,
) -> Result<()> {
    let (author, _) = lock_comment(change, team, task, comment).await?;
    let is_own = author.is_actor(change);
    if !is_own && !may_moderate {
        return Err(Problem::Forbidden(
            "Only the author and leads can delete a comment. Nothing was changed.".into(),
        ));
    }
    if is_own {
        return delete_own(change, team, task, comment).await;
    }
    sqlx::query("DELETE FROM comments WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .execute(change.db())
        .await?;
    forget_edits(change, team, task, comment).await?;
    let kind = EventKind::CommentRemoved;
    let about = format!("a comment by {} on {key} of {{team}}", author.in_words());
    audit_log::note_for_team(change, team.id, kind.as_str(), &about).await?;
    let before = json!({ "comment": comment, "author": author.handle });
    note(change, team, task, kind, before, json!({})).await
}

/// Deletes a comment for its author.
async fn delete_own(change: &mut Change, team: &Team, task: Uuid, comment: Uuid) -> Result<()> {
    let at = change.at;
    sqlx::query("UPDATE comments SET deleted_at = $3 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .bind(at)
        .execute(change.db())
        .await?;
    forget_edits(change, team, task, comment).await?;
    let before = json!({ "comment": comment });
    note(
        change,
        team,
        task,
        EventKind::CommentDeleted,
        before,
        json!({}),
    )
    .await
}

/// Removes a comment's earlier texts from the history.
async fn forget_edits(change: &mut Change, team: &Team, task: Uuid, comment: Uuid) -> Result<()> {
    sqlx::query(
        "UPDATE events SET before = before - 'body', after = after - 'body'
         WHERE team_id = $1 AND task_id = $2 AND kind = 'comment.edited' AND before->>'comment' = $3",
    )
    .bind(team.id)
    .bind(task)
    .bind(comment.to_string())
    .execute(change.db())
    .await?;
    Ok(())
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
        (EventKind::CommentAdded, _) => {
            lock_comment(change, team, task, comment).await?;
            delete_own(change, team, task, comment).await
        }
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

/// The author of a comment; an imported one may have none.
#[derive(sqlx::FromRow)]
struct Author {
    author_id: Option<Uuid>,
    handle: Option<String>,
}

impl Author {
    fn is_actor(&self, change: &Change) -> bool {
        self.author_id.is_some() && self.author_id == change.actor
    }

    fn in_words(&self) -> String {
        self.handle
            .as_ref()
            .map_or("a former member".to_owned(), |handle| format!("@{handle}"))
    }
}

/// Locks the task, and returns the comment's author and text.
async fn lock_comment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    comment: Uuid,
) -> Result<(Author, String)> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        author: Author,
        body: String,
    }
    lock(change.db(), team.id, task).await?;
    let row: Row = sqlx::query_as(
        "SELECT c.author_id, a.handle, c.body FROM comments c LEFT JOIN accounts a ON a.id = c.author_id
         WHERE c.team_id = $1 AND c.task_id = $2 AND c.id = $3 AND c.deleted_at IS NULL",
    )
    .bind(team.id)
    .bind(task)
    .bind(comment)
    .fetch_one(change.db())
    .await?;
    Ok((row.author, row.body))
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
