//! Moving something by one place in a list.

use serde::Deserialize;

use crate::domain::error::{Problem, Result};

/// Which way to move.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PositionIn {
    /// `up` or `down`, by one place; at the end nothing changes.
    #[schema(required, example = "up")]
    to: String,
}

impl PositionIn {
    /// Whether it is to be moved up.
    pub(crate) fn is_up(&self) -> Result<bool> {
        match self.to.as_str() {
            "up" => Ok(true),
            "down" => Ok(false),
            _ => Err(Problem::field("to", "Choose up or down.")),
        }
    }
}

/// Which way to move a column.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ColumnPositionIn {
    /// `left` or `right`, by one place; at the end nothing changes.
    #[schema(required, example = "right")]
    to: String,
}

impl ColumnPositionIn {
    /// Whether it is to be moved to the right.
    pub(crate) fn is_right(&self) -> Result<bool> {
        match self.to.as_str() {
            "right" => Ok(true),
            "left" => Ok(false),
            _ => Err(Problem::field("to", "Choose left or right.")),
        }
    }
}
