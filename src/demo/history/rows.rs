//! The rows that the demo's history consists of.

use std::collections::HashMap;

use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{column_state::ColumnState, events::EventKind};

/// The ids that tasks refer to.
pub struct InsertedIds {
    /// By handle.
    pub(crate) people: HashMap<&'static str, Uuid>,
    pub(crate) teams: Vec<Uuid>,
    /// By sprint; 0 is the active one.
    pub(crate) sprints: HashMap<i32, Uuid>,
    /// By team, sprint and position.
    pub(crate) goals: HashMap<(usize, i32, i32), Uuid>,
}

/// A task's row.
pub struct Row {
    pub(crate) team: usize,
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) column: ColumnState,
    pub(crate) rank: Option<String>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) sprint: Option<Uuid>,
    pub(crate) goal: Option<Uuid>,
    pub(crate) estimate: Option<i32>,
    pub(crate) due: Option<Date>,
    pub(crate) needed_by: &'static str,
    pub(crate) version: i64,
    pub(crate) moved_version: i64,
    pub(crate) created_by: Uuid,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) column_since: OffsetDateTime,
    pub(crate) archived_at: Option<OffsetDateTime>,
    /// Handles, in order.
    pub(crate) owners: Vec<&'static str>,
    pub(crate) labels: &'static [&'static str],
}

pub struct Step {
    pub(crate) team: usize,
    pub(crate) id: Uuid,
    pub(crate) task: Uuid,
    pub(crate) position: i32,
    pub(crate) text: &'static str,
    pub(crate) done: bool,
}

pub struct Comment {
    pub(crate) team: usize,
    pub(crate) id: Uuid,
    pub(crate) task: Uuid,
    pub(crate) author: Uuid,
    pub(crate) body: String,
    pub(crate) at: OffsetDateTime,
}

pub struct Blocker {
    pub(crate) team: usize,
    pub(crate) id: Uuid,
    pub(crate) task: Uuid,
    pub(crate) kind: &'static str,
    pub(crate) on_task: Option<(usize, Uuid)>,
    pub(crate) on_team: Option<Uuid>,
    pub(crate) on_person: Option<Uuid>,
    pub(crate) note: &'static str,
    pub(crate) since: OffsetDateTime,
    pub(crate) ended_at: Option<OffsetDateTime>,
}

pub struct Event {
    pub(crate) seq: i64,
    pub(crate) change: Uuid,
    pub(crate) task: Uuid,
    pub(crate) actor: Uuid,
    pub(crate) kind: EventKind,
    pub(crate) before: Value,
    pub(crate) after: Value,
    pub(crate) version: Option<i64>,
    pub(crate) at: OffsetDateTime,
}

/// What the events of one transaction have in common.
pub struct Change {
    pub(crate) id: Uuid,
    pub(crate) actor: Uuid,
    pub(crate) at: OffsetDateTime,
}

/// A default column's slug.
pub fn slug(state: ColumnState) -> String {
    crate::domain::slug::slug(state.default_name())
}
