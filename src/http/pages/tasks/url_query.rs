//! What the URL of a page with tasks can ask for.

use serde::Deserialize;
use uuid::Uuid;

/// The change that was just made, which the page offers to undo.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct UndoQuery {
    #[serde(rename = "did")]
    pub(crate) done_change: Option<Uuid>,
}

/// Which part of the activity to show.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ActivityQuery {
    pub(crate) earlier: Option<i64>,
}
