//! Tasks: creating, editing, moving, assigning, blocking, commenting. One file per operation.

pub mod agents;
pub mod archive;
pub mod assign;
pub mod attachments;
pub mod block;
pub mod blocked_on;
pub mod blockers;
pub mod bulk_edit;
pub mod card_details;
pub mod checklist;
pub mod claims;
pub mod comments;
pub mod conflicts;
pub mod create;
pub mod delete_column;
pub mod dependencies;
pub mod edit;
pub mod event_names;
pub mod event_text;
pub mod hidden_names;
pub mod labels;
pub mod lookup;
pub mod move_task;
pub mod of_person;
pub mod placement;
pub mod pull_request;
pub mod queries;
pub mod rank;
pub mod ready;
pub mod seen_version;
pub mod sprint_assignment;
pub mod sprint_counts;
pub mod stakeholders;
pub mod table;
pub mod task_details;
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
pub(crate) struct Card {
    #[serde(skip)]
    pub(crate) id: Uuid,
    /// The key, which never changes its number.
    #[schema(example = "INF-42")]
    pub(crate) key: String,
    /// The title.
    #[schema(example = "Move the payment database to Postgres 17")]
    pub(crate) title: String,
    /// The version, which every change of the task increases.
    #[schema(example = 7)]
    pub(crate) version: i64,
    /// The column's slug.
    #[schema(example = "in-progress")]
    pub(crate) column: String,
    #[serde(skip)]
    pub(crate) column_name: String,
    /// The column's state: `todo`, `doing`, `blocked`, `review` or `done`.
    pub(crate) state: ColumnState,
    /// The sort key in the column, compared byte by byte; `null` if archived.
    #[schema(example = "a1V")]
    pub(crate) rank: Option<String>,
    /// The sprint's number; null in the backlog.
    #[schema(example = 42)]
    pub(crate) sprint: Option<i32>,
    /// The goal's number in the sprint; null without a goal.
    #[schema(example = 1)]
    pub(crate) goal: Option<i32>,
    #[serde(skip)]
    pub(crate) goal_id: Option<Uuid>,
    #[serde(skip)]
    pub(crate) goal_hue: Option<i16>,
    #[serde(skip)]
    pub(crate) goal_title: Option<String>,
    /// The estimate in points.
    #[schema(example = 5)]
    pub(crate) estimate: Option<i32>,
    /// The due date.
    #[serde(serialize_with = "iso_date")]
    #[schema(example = "2026-11-27")]
    pub(crate) due: Option<Date>,
    /// The end of the due date in the team's time zone.
    #[serde(skip)]
    pub(crate) due_ends: Option<OffsetDateTime>,
    /// The team or people outside that need the task, as free text ("Needed by").
    #[schema(example = "Ingestion")]
    pub(crate) needed_by: String,
    /// The number of steps in the checklist that are done.
    #[schema(example = 2)]
    pub(crate) steps_done: i64,
    /// The number of steps in the checklist.
    #[schema(example = 3)]
    pub(crate) steps: i64,
    /// The number of comments.
    #[schema(example = 4)]
    pub(crate) comments: i64,
    /// The number of attached files.
    #[schema(example = 1)]
    pub(crate) attachments: i64,
    /// The newest pull request.
    #[serde(skip)]
    pub(crate) pull_request: Option<pull_request::CardPullRequest>,
    /// The picture that the card shows.
    #[serde(skip)]
    pub(crate) cover: Option<Cover>,
    /// When the task came to its column.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    pub(crate) column_since: OffsetDateTime,
    /// Whether the task is archived.
    #[schema(example = json!(false))]
    pub(crate) archived: bool,
    /// The owners.
    #[schema(example = json!([{ "handle": "elif", "name": "Elif Hartmann" }]))]
    pub(crate) owners: Vec<Person>,
    /// The names of the labels.
    #[schema(value_type = Vec<String>, example = json!(["postgres"]))]
    pub(crate) labels: Vec<Label>,
    /// What the task is waiting on.
    #[schema(example = json!([]))]
    pub(crate) blocked_by: Vec<Blocker>,
    /// Keys of the tasks that are waiting on this one.
    #[schema(example = json!(["ING-17"]))]
    pub(crate) blocking: Vec<String>,
}

/// A picture that is attached to the task, with its size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cover {
    pub(crate) id: Uuid,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl Card {
    /// Whether everything it is waiting on is a task that is done.
    pub(crate) fn is_free_to_go_on(&self) -> bool {
        let done =
            |blocker: &Blocker| blocker.kind.is_task() && blocker.state == Some(ColumnState::Done);
        !self.blocked_by.is_empty() && self.blocked_by.iter().all(done)
    }
}

/// What a blocked task is waiting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum BlockerKind {
    Task,
    Team,
    Person,
    /// Something else, described in words.
    Text,
}

impl BlockerKind {
    pub(crate) fn is_task(self) -> bool {
        self == Self::Task
    }
}

/// A reason why a task is blocked.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Blocker)]
pub struct Blocker {
    /// The reason's id.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    pub(crate) id: Uuid,
    /// What the task is waiting on: `task`, `team`, `person` or `text`.
    #[schema(value_type = String, example = "task")]
    pub(crate) kind: BlockerKind,
    /// The task's key, the team's slug or the person's username; null for a text, and for what the
    /// task's team may not see.
    #[schema(example = "ING-17")]
    pub(crate) on: Option<String>,
    /// The title or name to show for `on`.
    #[schema(example = "Stop writing to the old payment tables")]
    pub(crate) name: Option<String>,
    /// The name of the blocking task's team.
    #[schema(example = "Ingestion")]
    pub(crate) team: Option<String>,
    /// The state of the blocking task.
    pub(crate) state: Option<ColumnState>,
    /// When the blocking task was done.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-26T14:05:00Z")]
    pub(crate) done_at: Option<OffsetDateTime>,
    /// Whether the blocking task was archived before it was done.
    #[serde(default, skip_serializing)]
    pub(crate) archived: bool,
    /// Details in words.
    #[schema(example = "They switch over on Thursday")]
    pub(crate) note: String,
    /// Since when the task is waiting.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    pub(crate) since: OffsetDateTime,
}

fn iso_date<S: serde::Serializer>(date: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => to.collect_str(date),
        None => to.serialize_none(),
    }
}

/// A task's row, locked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LockedTask {
    #[sqlx(rename = "task_id")]
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) column_id: Uuid,
    pub(crate) rank: Option<String>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) sprint_id: Option<Uuid>,
    pub(crate) goal_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) cover_id: Option<Uuid>,
    pub(crate) estimate: Option<i32>,
    pub(crate) due_on: Option<Date>,
    pub(crate) needed_by: String,
    pub(crate) version: i64,
    pub(crate) moved_version: i64,
    pub(crate) column_since: OffsetDateTime,
    pub(crate) archived_at: Option<OffsetDateTime>,
}

/// The columns of `LockedTask`, for statements that lock the row.
macro_rules! locked {
    () => {
        "id AS task_id, number, column_id, rank, title, description, sprint_id, goal_id, project_id, cover_id, estimate, due_on, needed_by,
         version, moved_version, column_since, archived_at"
    };
}
use locked;

/// Locks a task's row until the end of the transaction and returns it. Lock columns before tasks,
/// and teams after them.
pub(crate) async fn lock(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<LockedTask> {
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
pub(crate) async fn touch(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<i64> {
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
