//! A team, as all features name one.

use uuid::Uuid;

/// The team as boards and tasks show it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    /// The prefix of its task keys: INF.
    pub key: String,
    /// The number of its newest event.
    pub seq: i64,
}
