//! A team, as all features name one.

use uuid::Uuid;

/// The team as boards and tasks show it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    /// The prefix of its task keys: INF.
    pub(crate) key: String,
    /// The number of its newest event.
    pub(crate) seq: i64,
}
