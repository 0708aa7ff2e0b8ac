//! A team, as every other part of the product names one.

use uuid::Uuid;

/// A team, as its board and its tasks name it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    /// What its tasks' keys begin with: INF.
    pub key: String,
    /// The number of its newest event.
    pub seq: i64,
}
