//! A team's board: its columns, access, filters, and presentation.

pub mod board_auth;
pub mod card_sources;
pub mod columns;
pub mod filters;
pub mod labels;
pub mod queries;
pub mod saved_filters;
pub mod wip_limits;

use uuid::Uuid;

use crate::domain::column_state::ColumnState;

/// A column of a team's board.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Column {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) state: ColumnState,
    /// A soft limit: it is shown when exceeded, and refuses nothing.
    pub(crate) wip_limit: Option<i32>,
}
