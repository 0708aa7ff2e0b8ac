//! The imports of a team as rows: files that were uploaded and wait for confirmation, and what was imported.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, types::Json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::Column,
        error::{Problem, Result},
        events::Change,
        import::{fields::columns::Field, source::Source, summary::Summary},
    },
};

/// The largest uploaded file, in bytes.
pub(crate) const MAX_BYTES: u64 = 100 * 1024 * 1024;

/// The most files of a team that wait.
const MOST_WAITING: i64 = 10;

/// The size of the pieces in which a file is stored.
pub(crate) const PIECE: usize = 1024 * 1024;

/// After this time without a sign of the program that runs an import, it was stopped, and nothing was imported.
const SILENT: Duration = Duration::minutes(1);

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum State {
    /// The file waits for its preview to be confirmed.
    Uploaded,
    Running,
    Done,
    Undone,
}

/// What was chosen for an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Choices {
    /// Names of lists, with the column, the state, or both that each becomes.
    pub(crate) lists: Vec<(String, String)>,
    /// The columns of a table for some fields; an empty name is none.
    pub(crate) columns: Vec<(Field, String)>,
    /// `none`, or a sprint's number; empty for the current sprint.
    pub(crate) sprint: String,
}

/// An import of a team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Import {
    pub(crate) id: Uuid,
    /// The name of the account that imported it; `None` for the command line.
    pub(crate) by: Option<String>,
    /// The format of an uploaded file, or the name of the tool.
    source: String,
    /// Empty for the command line.
    pub(crate) file_name: String,
    pub(crate) choices: Json<Choices>,
    pub(crate) state: State,
    /// How many of its tasks are written so far.
    pub(crate) written: i32,
    pub(crate) tasks: i32,
    beat_at: Option<OffsetDateTime>,
    /// Why the last attempt failed; empty if it did not.
    pub(crate) problem: String,
    /// What was imported, a sentence per line.
    pub(crate) summary: String,
    pub(crate) created_at: OffsetDateTime,
}

impl Import {
    /// The format of the uploaded file.
    pub(crate) fn source(&self) -> Option<Source> {
        Source::named(&self.source)
    }

    /// The name of the tool that the file is from.
    pub(crate) fn tool(&self) -> &str {
        match self.source() {
            Some(source) => source.label(),
            None => &self.source,
        }
    }

    /// An import whose program was stopped is again a file that waits.
    fn or_stopped(self, now: OffsetDateTime) -> Self {
        if self.state != State::Running || self.beat_at.is_some_and(|beat| now - beat < SILENT) {
            return self;
        }
        Self {
            state: State::Uploaded,
            problem: "Fortnight was stopped during the import. Nothing was imported. Start the import again.".to_owned(),
            ..self
        }
    }
}

/// Query: the columns of `Import`, from the table and the accounts.
const IMPORTS: &str = "SELECT i.id, a.name AS by, i.source, i.file_name, i.choices, i.state, i.written, i.tasks, i.beat_at, i.problem, i.summary, i.created_at
     FROM imports i LEFT JOIN accounts a ON a.id = i.account_id WHERE i.state <> 'uploading' AND i.team_id = ";

/// The newest imports of a team.
pub(crate) async fn of_team(db: &Pool, team: Uuid, now: OffsetDateTime) -> Result<Vec<Import>> {
    let mut query = sqlx::QueryBuilder::new(IMPORTS);
    query.push_bind(team);
    query.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT 50");
    let imports: Vec<Import> = query.build_query_as().fetch_all(db).await?;
    Ok(imports
        .into_iter()
        .map(|import| import.or_stopped(now))
        .collect())
}

/// An import of a team.
///
/// # Errors
/// `NotFound` if the team has no such import.
pub(crate) async fn find(db: &Pool, team: Uuid, id: Uuid, now: OffsetDateTime) -> Result<Import> {
    let mut query = sqlx::QueryBuilder::new(IMPORTS);
    query.push_bind(team).push(" AND i.id = ").push_bind(id);
    let import: Option<Import> = query.build_query_as().fetch_optional(db).await?;
    Ok(import.ok_or(Problem::NotFound)?.or_stopped(now))
}

/// Begins an upload, of which nothing is stored yet.
pub(crate) async fn add(
    db: &Pool,
    team: Uuid,
    account: Uuid,
    (source, file_name): (Source, &str),
    now: OffsetDateTime,
) -> Result<Uuid> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM imports WHERE team_id = $1 AND state IN ('uploading', 'uploaded')",
    )
    .bind(team)
    .fetch_one(db)
    .await?;
    if waiting >= MOST_WAITING {
        return Err(Problem::field(
            "file",
            "Ten files of this team wait for an import. Import or delete one of them first.",
        ));
    }
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO imports (team_id, id, account_id, source, file_name, state, created_at) VALUES ($1, $2, $3, $4, $5, 'uploading', $6)",
    )
    .bind(team)
    .bind(id)
    .bind(account)
    .bind(source.as_str())
    .bind(file_name)
    .bind(now)
    .execute(db)
    .await?;
    Ok(id)
}

/// Stores a piece of an uploaded file.
pub(crate) async fn add_piece(
    db: &Pool,
    team: Uuid,
    id: Uuid,
    nth: i32,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO import_pieces (team_id, import_id, nth, bytes) VALUES ($1, $2, $3, $4)",
    )
    .bind(team)
    .bind(id)
    .bind(nth)
    .bind(bytes)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that all of a file has arrived.
pub(crate) async fn mark_uploaded(db: &Pool, team: Uuid, id: Uuid) -> Result<()> {
    sqlx::query("UPDATE imports SET state = 'uploaded' WHERE team_id = $1 AND id = $2 AND state = 'uploading'")
        .bind(team)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// The uploaded file.
pub(crate) async fn read_file(db: &Pool, team: Uuid, id: Uuid) -> Result<Vec<u8>> {
    let pieces: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT bytes FROM import_pieces WHERE team_id = $1 AND import_id = $2 ORDER BY nth",
    )
    .bind(team)
    .bind(id)
    .fetch_all(db)
    .await?;
    Ok(pieces.concat())
}

/// Stores what was chosen for an import that is not done.
pub(crate) async fn set_choices(db: &Pool, team: Uuid, id: Uuid, choices: &Choices) -> Result<()> {
    sqlx::query("UPDATE imports SET choices = $3 WHERE team_id = $1 AND id = $2 AND state <> 'done' AND state <> 'undone'")
        .bind(team)
        .bind(id)
        .bind(Json(choices))
        .execute(db)
        .await?;
    Ok(())
}

/// Marks an import as running. Returns whether it was not: of two clicks, only the first begins it.
pub(crate) async fn begin(db: &Pool, team: Uuid, id: Uuid, now: OffsetDateTime) -> Result<bool> {
    let begun = sqlx::query(
        "UPDATE imports SET state = 'running', beat_at = $3, written = 0, tasks = 0, problem = ''
         WHERE team_id = $1 AND id = $2 AND (state = 'uploaded' OR state = 'running' AND beat_at <= $4)",
    )
    .bind(team)
    .bind(id)
    .bind(now)
    .bind(now - SILENT)
    .execute(db)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Notes that an import is still running, and how far it is.
pub(crate) async fn record_progress(
    db: &Pool,
    team: Uuid,
    id: Uuid,
    (written, tasks): (usize, usize),
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE imports SET beat_at = $3, written = $4, tasks = $5 WHERE team_id = $1 AND id = $2 AND state = 'running'",
    )
    .bind(team)
    .bind(id)
    .bind(now)
    .bind(i32::try_from(written).unwrap_or(i32::MAX))
    .bind(i32::try_from(tasks).unwrap_or(i32::MAX))
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that an import failed. Its file stays, so that it can be tried again.
pub(crate) async fn mark_failed(db: &Pool, team: Uuid, id: Uuid, problem: &str) -> Result<()> {
    sqlx::query(
        "UPDATE imports SET state = 'uploaded', problem = $3 WHERE team_id = $1 AND id = $2 AND state = 'running'",
    )
    .bind(team)
    .bind(id)
    .bind(problem)
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes an import that has not begun, or was stopped, with its file.
pub(crate) async fn discard(db: &Pool, team: Uuid, id: Uuid, now: OffsetDateTime) -> Result<()> {
    sqlx::query(
        "DELETE FROM imports WHERE team_id = $1 AND id = $2 AND (state IN ('uploading', 'uploaded') OR state = 'running' AND beat_at <= $3)",
    )
    .bind(team)
    .bind(id)
    .bind(now - SILENT)
    .execute(db)
    .await?;
    Ok(())
}

/// What an import did to a board.
#[derive(Default)]
pub(crate) struct Imported {
    /// In sentences, one per line.
    pub(crate) summary: String,
    pub(crate) tasks: usize,
    /// The new columns and labels.
    pub(crate) columns: Vec<Uuid>,
    pub(crate) labels: Vec<Uuid>,
    /// Default columns that the file had none like.
    pub(crate) removed: Vec<Column>,
}

impl Imported {
    pub(crate) fn of(summary: &Summary) -> Self {
        let mut lines = vec![summary.headline()];
        lines.extend(summary.landings());
        lines.extend(summary.remarks());
        Self {
            summary: lines.join("\n"),
            tasks: summary.created,
            ..Self::default()
        }
    }
}

/// Completes an import whose file was uploaded, in its own transaction. The file is no longer needed.
pub(crate) async fn complete(
    change: &mut Change,
    team: Uuid,
    id: Uuid,
    imported: &Imported,
) -> Result<()> {
    let completed = sqlx::query(
        "UPDATE imports SET state = 'done', ended_at = $3, change_id = $4, summary = $5, tasks = $6, written = $6, columns = $7, labels = $8, removed = $9
         WHERE team_id = $1 AND id = $2 AND state = 'running'",
    )
    .bind(team)
    .bind(id)
    .bind(change.at)
    .bind(change.id)
    .bind(&imported.summary)
    .bind(i32::try_from(imported.tasks).unwrap_or(i32::MAX))
    .bind(&imported.columns)
    .bind(&imported.labels)
    .bind(removed_as_json(imported))
    .execute(change.db())
    .await?;
    if completed.rows_affected() == 0 {
        return Err(Problem::conflict(
            "This import was begun again meanwhile. Nothing was imported.",
        ));
    }
    delete_file(change.db(), team, id).await
}

async fn delete_file(db: &mut PgConnection, team: Uuid, id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM import_pieces WHERE team_id = $1 AND import_id = $2")
        .bind(team)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// Adds the row of an import by the command line, so that it can be undone as well.
pub(crate) async fn add_completed(
    change: &mut Change,
    team: Uuid,
    source: &str,
    imported: &Imported,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO imports (team_id, id, account_id, source, file_name, state, written, tasks, summary, change_id, columns, labels, removed, created_at, ended_at)
         VALUES ($1, $2, $3, $4, '', 'done', $5, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(team)
    .bind(Uuid::now_v7())
    .bind(change.actor)
    .bind(source)
    .bind(i32::try_from(imported.tasks).unwrap_or(i32::MAX))
    .bind(&imported.summary)
    .bind(change.id)
    .bind(&imported.columns)
    .bind(&imported.labels)
    .bind(removed_as_json(imported))
    .bind(change.at)
    .execute(change.db())
    .await?;
    Ok(())
}

fn removed_as_json(imported: &Imported) -> serde_json::Value {
    let removed = imported
        .removed
        .iter()
        .map(|column| json!({ "slug": column.slug, "name": column.name, "state": column.state }));
    removed.collect()
}
