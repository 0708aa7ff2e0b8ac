//! Tasks: creating, editing, moving, assigning, blocking, commenting. One file per operation.

pub mod archive;
pub mod assign;
pub mod block;
pub mod bulk_edit;
pub mod card_details;
pub mod checklist;
pub mod comments;
pub mod conflicts;
pub mod create;
pub mod delete_column;
pub mod dependencies;
pub mod edit;
pub mod event_text;
pub mod labels;
pub mod lookup;
pub mod move_task;
pub mod placement;
pub mod queries;
pub mod rank;
pub mod sprint_assignment;
pub mod sprint_counts;
pub mod stakeholders;
pub mod task_edit;
pub mod timeline;
pub mod undo;
pub mod waits;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::labels::Label,
    column_state::ColumnState,
    error::Result,
    events::{Change, Event, EventKind},
    person::Person,
    team::Team,
};

/// A task as a board shows it, the same for every reader.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    #[serde(skip)]
    pub id: Uuid,
    pub key: String,
    pub title: String,
    pub version: i64,
    /// The column's slug.
    pub column: String,
    #[serde(skip)]
    pub column_name: String,
    pub state: ColumnState,
    /// The sort key in the column, compared byte by byte; `None` if archived.
    pub rank: Option<String>,
    pub sprint: Option<i32>,
    pub goal: Option<i32>,
    #[serde(skip)]
    pub goal_id: Option<Uuid>,
    #[serde(skip)]
    pub goal_hue: Option<i16>,
    #[serde(skip)]
    pub goal_title: Option<String>,
    pub estimate: Option<i32>,
    #[serde(serialize_with = "iso_date")]
    pub due: Option<Date>,
    /// The end of the due date in the team's time zone.
    #[serde(skip)]
    pub due_ends: Option<OffsetDateTime>,
    /// The team or people outside that need the task, as free text ("Needed by").
    pub needed_by: String,
    pub steps_done: i64,
    pub steps: i64,
    pub comments: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub column_since: OffsetDateTime,
    pub archived: bool,
    pub owners: Vec<Person>,
    pub labels: Vec<Label>,
    pub blocked_by: Vec<Wait>,
    /// Keys of the tasks that are waiting on this one.
    pub blocking: Vec<String>,
}

impl Card {
    /// Whether everything it is waiting on is a task that is done.
    pub fn is_free_to_go_on(&self) -> bool {
        let done = |wait: &Wait| wait.kind.is_task() && wait.state == Some(ColumnState::Done);
        !self.blocked_by.is_empty() && self.blocked_by.iter().all(done)
    }
}

/// What a blocked task is waiting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum BlockerKind {
    Task,
    Team,
    Person,
    /// Something else, described in words.
    Text,
}

impl BlockerKind {
    pub fn is_task(self) -> bool {
        self == Self::Task
    }
}

/// A reason why a task is blocked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wait {
    pub id: Uuid,
    pub kind: BlockerKind,
    /// The task's key, the team's slug or the person's handle.
    pub on: Option<String>,
    /// The title or name to show for `on`.
    pub name: Option<String>,
    /// Team and state of the blocking task.
    pub team: Option<String>,
    pub state: Option<ColumnState>,
    /// When the blocking task was done.
    #[serde(with = "time::serde::rfc3339::option")]
    pub done_at: Option<OffsetDateTime>,
    /// Whether the blocking task was archived before it was done.
    #[serde(default, skip_serializing)]
    pub archived: bool,
    pub note: String,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

fn iso_date<S: serde::Serializer>(date: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => to.collect_str(date),
        None => to.serialize_none(),
    }
}

/// A task's row, locked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LockedTask {
    #[sqlx(rename = "task_id")]
    pub id: Uuid,
    pub number: i64,
    pub column_id: Uuid,
    pub rank: Option<String>,
    pub title: String,
    pub description: String,
    pub sprint_id: Option<Uuid>,
    pub goal_id: Option<Uuid>,
    pub project_id: Option<Uuid>,
    pub estimate: Option<i32>,
    pub due_on: Option<Date>,
    pub needed_by: String,
    pub version: i64,
    pub moved_version: i64,
    pub column_since: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
}

/// The columns of `LockedTask`, for statements that lock the row.
macro_rules! locked {
    () => {
        "id AS task_id, number, column_id, rank, title, description, sprint_id, goal_id, project_id, estimate, due_on, needed_by,
         version, moved_version, column_since, archived_at"
    };
}
use locked;

/// Locks a task's row until the end of the transaction and returns it. Lock columns before tasks,
/// and teams after them.
pub async fn lock(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<LockedTask> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        locked!(),
        " FROM tasks WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE"
    ))
    .bind(team)
    .bind(task)
    .fetch_one(db)
    .await?)
}

/// Increments a task's version for a change that is not in its own columns, and returns the new
/// version.
pub async fn touch(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "UPDATE tasks SET version = version + 1 WHERE team_id = $1 AND id = $2 RETURNING version",
    )
    .bind(team)
    .bind(task)
    .fetch_one(db)
    .await?)
}

/// Increments a task's version for a change that is not in its own columns, and records the event.
async fn note(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    kind: EventKind,
    before: Value,
    after: Value,
) -> Result<()> {
    let version = touch(change.db(), team.id, task).await?;
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind,
        before,
        after,
        version: Some(version),
    });
    Ok(())
}
