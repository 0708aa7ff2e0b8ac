//! Files attached to tasks. Anyone allowed to comment may attach files; the uploader and leads may delete them.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, EventKind, audit_log},
        humanize,
        tasks::{lock, note},
        team::Team,
    },
};

/// The most attachments of a task.
const MAX: i64 = 200;

/// The media type of everything that is not a picture.
pub(crate) const OTHER: &str = "application/octet-stream";

/// A file in the store, not yet attached to a task.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) name: String,
    /// The SHA-256 hash in hexadecimal.
    pub(crate) hash: String,
    pub(crate) bytes: i64,
    pub(crate) picture: Option<NewPicture>,
}

/// What only pictures have.
#[derive(Clone, Debug)]
pub(crate) struct NewPicture {
    pub(crate) media_type: &'static str,
    /// The hash of the small version.
    pub(crate) thumbnail: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A file attached to a task.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Attachment {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: i64,
    pub(crate) width: Option<i32>,
    pub(crate) height: Option<i32>,
    pub(crate) hash: String,
    pub(crate) thumbnail: Option<String>,
    pub(crate) thumbnail_bytes: Option<i64>,
    pub(crate) uploader_id: Option<Uuid>,
    pub(crate) uploader: Option<String>,
}

impl Attachment {
    pub(crate) fn is_picture(&self) -> bool {
        self.thumbnail.is_some()
    }

    pub(crate) fn size(&self) -> String {
        humanize::bytes(self.bytes.unsigned_abs())
    }
}

/// What a text contains to show a picture, or to link to another file.
pub(crate) fn markdown(name: &str, url: &str, is_picture: bool) -> String {
    let name: String = name
        .chars()
        .map(|letter| {
            if "[]\\`*_<>!|~".contains(letter) {
                ' '
            } else {
                letter
            }
        })
        .collect();
    let mark = if is_picture { "!" } else { "" };
    format!("{mark}[{}]({url})", name.trim())
}

/// The address of an attachment.
pub(crate) fn url(key: &str, id: Uuid) -> String {
    format!("/tasks/{key}/attachments/{id}")
}

/// Attaches a stored file. Returns its id.
pub(crate) async fn add_attachment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    file: &NewFile,
) -> Result<Uuid> {
    lock(change.db(), team.id, task).await?;
    let there: i64 =
        sqlx::query_scalar("SELECT count(*) FROM attachments WHERE team_id = $1 AND task_id = $2")
            .bind(team.id)
            .bind(task)
            .fetch_one(change.db())
            .await?;
    if there >= MAX {
        return Err(Problem::field(
            "file",
            "A task can have at most 200 attachments. Nothing was attached. Delete some first.",
        ));
    }
    let id = Uuid::now_v7();
    let picture = file.picture.as_ref();
    let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    let (actor, at) = (change.actor, change.at);
    sqlx::query(
        "INSERT INTO attachments (team_id, id, task_id, hash, thumbnail, width, height, name, media_type, bytes, uploader_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(team.id)
    .bind(id)
    .bind(task)
    .bind(&file.hash)
    .bind(picture.map(|picture| &picture.thumbnail))
    .bind(picture.map(|picture| side(picture.width)))
    .bind(picture.map(|picture| side(picture.height)))
    .bind(&file.name)
    .bind(picture.map_or(OTHER, |picture| picture.media_type))
    .bind(file.bytes)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    let after = json!({ "attachment": id, "name": file.name });
    note(
        change,
        team,
        task,
        EventKind::AttachmentAdded,
        json!({}),
        after,
    )
    .await?;
    Ok(id)
}

/// Deletes an attachment: the uploader's own, or anyone's if the author of the change `may_moderate`, which is noted in
/// the audit log. An own one is kept for an hour, so that deleting it can be undone until then.
pub(crate) async fn delete_attachment(
    change: &mut Change,
    team: &Team,
    (task, key): (Uuid, &str),
    id: Uuid,
    may_moderate: bool,
) -> Result<()> {
    let row = lock_attachment(change, team, task, id).await?;
    if row.uploader_id.is_some() && row.uploader_id == change.actor {
        return delete_own(change, team, task, id, &row.name).await;
    }
    if !may_moderate {
        return Err(Problem::Forbidden(
            "Only the uploader and leads can delete an attachment. Nothing was changed.".into(),
        ));
    }
    sqlx::query("DELETE FROM attachments WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(id)
        .execute(change.db())
        .await?;
    // its name may be why it was deleted
    sqlx::query(
        "UPDATE events SET before = before - 'name', after = after - 'name'
         WHERE team_id = $1 AND task_id = $2 AND kind IN ('attachment.added', 'attachment.deleted')
         AND $3 IN (before->>'attachment', after->>'attachment')",
    )
    .bind(team.id)
    .bind(task)
    .bind(id.to_string())
    .execute(change.db())
    .await?;
    let kind = EventKind::AttachmentRemoved;
    let by = row
        .handle
        .as_ref()
        .map_or("a former member".to_owned(), |handle| format!("@{handle}"));
    let about = format!("an attachment by {by} on {key} of {{team}}");
    audit_log::note_for_team(change, team.id, kind.as_str(), &about).await?;
    let before = json!({ "attachment": id, "author": row.handle });
    note(change, team, task, kind, before, json!({})).await
}

async fn delete_own(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    id: Uuid,
    name: &str,
) -> Result<()> {
    let at = change.at;
    sqlx::query("UPDATE attachments SET deleted_at = $3 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(id)
        .bind(at)
        .execute(change.db())
        .await?;
    let before = json!({ "attachment": id, "name": name });
    let kind = EventKind::AttachmentDeleted;
    note(change, team, task, kind, before, json!({})).await
}

/// Refuses anything that is not a picture of this task.
///
/// # Errors
/// `Conflict` if it is not, or was deleted.
pub(crate) async fn require_picture(
    db: &mut PgConnection,
    team: Uuid,
    task: Uuid,
    id: Uuid,
) -> Result<()> {
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM attachments WHERE team_id = $1 AND task_id = $2 AND id = $3
                        AND thumbnail IS NOT NULL AND deleted_at IS NULL)",
    )
    .bind(team)
    .bind(task)
    .bind(id)
    .fetch_one(db)
    .await?;
    if is_there {
        return Ok(());
    }
    Err(Problem::conflict(
        "This picture is not attached to the task any more. Nothing was changed.",
    ))
}

/// Undoes an event of an attachment.
pub(crate) async fn undo_attachment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    kind: EventKind,
    (before, after): (&Value, &Value),
) -> Result<()> {
    let id = |value: &Value| value["attachment"].as_str().and_then(|id| id.parse().ok());
    let id: Uuid = id(after).or_else(|| id(before)).ok_or(Problem::NotFound)?;
    match kind {
        EventKind::AttachmentAdded => {
            let row = lock_attachment(change, team, task, id).await?;
            delete_own(change, team, task, id, &row.name).await
        }
        EventKind::AttachmentDeleted => restore_attachment(change, team, task, id).await,
        _ => Err(Problem::NotFound),
    }
}

async fn restore_attachment(change: &mut Change, team: &Team, task: Uuid, id: Uuid) -> Result<()> {
    let name: String = sqlx::query_scalar(
        "UPDATE attachments SET deleted_at = NULL
         WHERE team_id = $1 AND task_id = $2 AND id = $3 AND deleted_at IS NOT NULL RETURNING name",
    )
    .bind(team.id)
    .bind(task)
    .bind(id)
    .fetch_one(change.db())
    .await?;
    let after = json!({ "attachment": id, "name": name });
    let kind = EventKind::AttachmentAdded;
    note(change, team, task, kind, json!({}), after).await
}

#[derive(sqlx::FromRow)]
struct LockedAttachment {
    uploader_id: Option<Uuid>,
    handle: Option<String>,
    name: String,
}

async fn lock_attachment(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    id: Uuid,
) -> Result<LockedAttachment> {
    lock(change.db(), team.id, task).await?;
    Ok(sqlx::query_as(
        "SELECT t.uploader_id, a.handle, t.name FROM attachments t LEFT JOIN accounts a ON a.id = t.uploader_id
         WHERE t.team_id = $1 AND t.task_id = $2 AND t.id = $3 AND t.deleted_at IS NULL",
    )
    .bind(team.id)
    .bind(task)
    .bind(id)
    .fetch_one(change.db())
    .await?)
}

/// What an event of an own attachment says.
pub(crate) fn in_words(before: &Value, after: &Value) -> String {
    let is_deleted = before["attachment"].is_string();
    match (is_deleted, before["name"].as_str(), after["name"].as_str()) {
        (true, Some(name), _) => format!("deleted the attachment “{name}”"),
        (true, None, _) => "deleted an attachment".to_owned(),
        (false, _, Some(name)) => format!("attached “{name}”"),
        (false, _, None) => "attached a file, which was deleted".to_owned(),
    }
}

/// The attachments of a task, oldest first.
pub(crate) async fn attachments(db: &Pool, team: Uuid, task: Uuid) -> Result<Vec<Attachment>> {
    Ok(sqlx::query_as(
        "SELECT t.*, a.name AS uploader, s.bytes AS thumbnail_bytes FROM attachments t
         LEFT JOIN accounts a ON a.id = t.uploader_id LEFT JOIN stored_files s ON s.hash = t.thumbnail
         WHERE t.team_id = $1 AND t.task_id = $2 AND t.deleted_at IS NULL ORDER BY t.id",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?)
}

/// What a change has attached to a task: id, name, and whether it is a picture.
pub(crate) async fn of_change(
    db: &Pool,
    team: Uuid,
    task: Uuid,
    change: Uuid,
) -> Result<Vec<(Uuid, String, bool)>> {
    Ok(sqlx::query_as(
        "SELECT t.id, t.name, t.thumbnail IS NOT NULL FROM events e
         JOIN attachments t ON t.team_id = e.team_id AND t.task_id = e.task_id AND t.id::text = e.after->>'attachment'
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.change_id = $3 AND e.kind = 'attachment.added' ORDER BY e.seq",
    )
    .bind(team)
    .bind(task)
    .bind(change)
    .fetch_all(db)
    .await?)
}

/// An attachment of this task.
pub(crate) async fn attachment(db: &Pool, team: Uuid, task: Uuid, id: Uuid) -> Result<Attachment> {
    Ok(sqlx::query_as(
        "SELECT t.*, a.name AS uploader, s.bytes AS thumbnail_bytes FROM attachments t
         LEFT JOIN accounts a ON a.id = t.uploader_id LEFT JOIN stored_files s ON s.hash = t.thumbnail
         WHERE t.team_id = $1 AND t.task_id = $2 AND t.id = $3 AND t.deleted_at IS NULL",
    )
    .bind(team)
    .bind(task)
    .bind(id)
    .fetch_one(db)
    .await?)
}
