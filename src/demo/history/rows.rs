//! The rows that the demo's history consists of.

use std::collections::HashMap;

use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{column_state::ColumnState, events::EventKind};

/// The ids that tasks refer to.
pub struct Known {
    /// By handle.
    pub people: HashMap<&'static str, Uuid>,
    pub teams: Vec<Uuid>,
    /// By sprint; 0 is the active one.
    pub sprints: HashMap<i32, Uuid>,
    /// By team, sprint and position.
    pub goals: HashMap<(usize, i32, i32), Uuid>,
}

/// A task's row.
pub struct Row {
    pub team: usize,
    pub id: Uuid,
    pub number: i64,
    pub column: ColumnState,
    pub rank: Option<String>,
    pub title: String,
    pub description: String,
    pub sprint: Option<Uuid>,
    pub goal: Option<Uuid>,
    pub estimate: Option<i32>,
    pub due: Option<Date>,
    pub needed_by: &'static str,
    pub version: i64,
    pub moved_version: i64,
    pub created_by: Uuid,
    pub created_at: OffsetDateTime,
    pub column_since: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
    /// Handles, in order.
    pub owners: Vec<&'static str>,
    pub labels: &'static [&'static str],
}

pub struct Step {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub position: i32,
    pub text: &'static str,
    pub done: bool,
}

pub struct Comment {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub author: Uuid,
    pub body: String,
    pub at: OffsetDateTime,
}

pub struct Blocker {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub kind: &'static str,
    pub on_task: Option<(usize, Uuid)>,
    pub on_team: Option<Uuid>,
    pub on_person: Option<Uuid>,
    pub note: &'static str,
    pub since: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

pub struct Event {
    pub seq: i64,
    pub change: Uuid,
    pub task: Uuid,
    pub actor: Uuid,
    pub kind: EventKind,
    pub before: Value,
    pub after: Value,
    pub version: Option<i64>,
    pub at: OffsetDateTime,
}

/// What the events of one transaction have in common.
pub struct Change {
    pub id: Uuid,
    pub actor: Uuid,
    pub at: OffsetDateTime,
}

/// A default column's slug.
pub fn slug(state: ColumnState) -> String {
    crate::domain::slug::slug(state.default_name())
}
