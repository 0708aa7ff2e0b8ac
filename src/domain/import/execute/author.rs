//! Who an import is by, in its events.

use serde_json::{Value, json};

use crate::domain::{events::Change, teams::membership::COMMAND_LINE};

/// The contents of an event, with the command line as its author if it has no other.
pub(crate) fn with_author(change: &Change, mut after: Value) -> Value {
    if change.actor.is_none() {
        after["by"] = json!(COMMAND_LINE);
    }
    after
}
