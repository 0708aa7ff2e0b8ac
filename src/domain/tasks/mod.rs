//! Tasks: creating, editing, moving, assigning, blocking, commenting. One file per operation.

pub mod archive;
pub mod assign;
pub mod block;
pub mod blockers;
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
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Card {
    #[serde(skip)]
    pub id: Uuid,
    /// The key, which never changes its number.
    #[schema(example = "INF-42")]
    pub key: String,
    /// The title.
    #[schema(example = "Move the payment database to Postgres 17")]
    pub title: String,
    /// The version, which every change of the task increases.
    #[schema(example = 7)]
    pub version: i64,
    /// The column's slug.
    #[schema(example = "in-progress")]
    pub column: String,
    #[serde(skip)]
    pub column_name: String,
    /// The column's state: `todo`, `doing`, `blocked`, `review` or `done`.
    pub state: ColumnState,
    /// The sort key in the column, compared byte by byte; `null` if archived.
    #[schema(example = "a1V")]
    pub rank: Option<String>,
    /// The sprint's number; null in the backlog.
    #[schema(example = 42)]
    pub sprint: Option<i32>,
    /// The goal's number in the sprint; null without a goal.
    #[schema(example = 1)]
    pub goal: Option<i32>,
    #[serde(skip)]
    pub goal_id: Option<Uuid>,
    #[serde(skip)]
    pub goal_hue: Option<i16>,
    #[serde(skip)]
    pub goal_title: Option<String>,
    /// The estimate in points.
    #[schema(example = 5)]
    pub estimate: Option<i32>,
    /// The due date.
    #[serde(serialize_with = "iso_date")]
    #[schema(example = "2026-11-27")]
    pub due: Option<Date>,
    /// The end of the due date in the team's time zone.
    #[serde(skip)]
    pub due_ends: Option<OffsetDateTime>,
    /// The team or people outside that need the task, as free text ("Needed by").
    #[schema(example = "Ingestion")]
    pub needed_by: String,
    /// The number of steps in the checklist that are done.
    #[schema(example = 2)]
    pub steps_done: i64,
    /// The number of steps in the checklist.
    #[schema(example = 3)]
    pub steps: i64,
    /// The number of comments.
    #[schema(example = 4)]
    pub comments: i64,
    /// When the task came to its column.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    pub column_since: OffsetDateTime,
    /// Whether the task is archived.
    #[schema(example = json!(false))]
    pub archived: bool,
    /// The owners.
    #[schema(example = json!([{ "handle": "elif", "name": "Elif Hartmann" }]))]
    pub owners: Vec<Person>,
    /// The names of the labels.
    #[schema(value_type = Vec<String>, example = json!(["postgres"]))]
    pub labels: Vec<Label>,
    /// What the task is waiting on.
    #[schema(example = json!([]))]
    pub blocked_by: Vec<Blocker>,
    /// Keys of the tasks that are waiting on this one.
    #[schema(example = json!(["ING-17"]))]
    pub blocking: Vec<String>,
}

impl Card {
    /// Whether everything it is waiting on is a task that is done.
    pub fn is_free_to_go_on(&self) -> bool {
        let done =
            |blocker: &Blocker| blocker.kind.is_task() && blocker.state == Some(ColumnState::Done);
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
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Blocker)]
pub struct Blocker {
    /// The reason's id.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    pub id: Uuid,
    /// What the task is waiting on: `task`, `team`, `person` or `text`.
    #[schema(value_type = String, example = "task")]
    pub kind: BlockerKind,
    /// The task's key, the team's slug or the person's username; null for a text, and for what the
    /// task's team may not see.
    #[schema(example = "ING-17")]
    pub on: Option<String>,
    /// The title or name to show for `on`.
    #[schema(example = "Stop writing to the old payment tables")]
    pub name: Option<String>,
    /// The name of the blocking task's team.
    #[schema(example = "Ingestion")]
    pub team: Option<String>,
    /// The state of the blocking task.
    pub state: Option<ColumnState>,
    /// When the blocking task was done.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-26T14:05:00Z")]
    pub done_at: Option<OffsetDateTime>,
    /// Whether the blocking task was archived before it was done.
    #[serde(default, skip_serializing)]
    pub archived: bool,
    /// Details in words.
    #[schema(example = "They switch over on Thursday")]
    pub note: String,
    /// Since when the task is waiting.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
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
