//! What is kept in sync, in the form in which both sides are compared.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A field that is kept in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Field {
    Title,
    Status,
    /// The iteration: read, never written.
    Sprint,
    Estimate,
    Due,
    Assignees,
    Labels,
    Archived,
}

impl Field {
    pub(crate) const ALL: [Self; 8] = [
        Self::Title,
        Self::Status,
        Self::Sprint,
        Self::Estimate,
        Self::Due,
        Self::Assignees,
        Self::Labels,
        Self::Archived,
    ];

    /// Its name in an event, and in sentences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Status => "status",
            Self::Sprint => "sprint",
            Self::Estimate => "estimate",
            Self::Due => "due date",
            Self::Assignees => "owners",
            Self::Labels => "labels",
            Self::Archived => "archiving",
        }
    }
}

/// The values of an item, or of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Values {
    pub(crate) title: String,
    /// The id of the option.
    pub(crate) status: Option<String>,
    /// The id of the iteration.
    pub(crate) sprint: Option<String>,
    pub(crate) estimate: Option<f64>,
    /// As GitHub writes it: 2026-11-24.
    pub(crate) due: Option<String>,
    /// The logins of people whom both sides know, in lower case and sorted.
    pub(crate) assignees: Vec<String>,
    /// In the order of `sort_labels`.
    pub(crate) labels: Vec<String>,
    pub(crate) is_archived: bool,
    /// The task's column when both sides were equal: only a task that has left it has another status.
    pub(crate) column: Option<Uuid>,
    /// Fields for which another field of GitHub was chosen since: they are compared for the first time.
    pub(crate) fresh: Vec<Field>,
}

impl Values {
    /// Whether a field is the same on both sides.
    pub(crate) fn has_same(&self, field: Field, other: &Self) -> bool {
        match field {
            Field::Title => self.title == other.title,
            Field::Status => self.status == other.status,
            Field::Sprint => self.sprint == other.sprint,
            Field::Estimate => self.estimate == other.estimate,
            Field::Due => self.due == other.due,
            Field::Assignees => self.assignees == other.assignees,
            Field::Labels => folded(&self.labels) == folded(&other.labels),
            Field::Archived => self.is_archived == other.is_archived,
        }
    }

    /// Takes a field over from another.
    pub(crate) fn take(&mut self, field: Field, from: &Self) {
        match field {
            Field::Title => self.title.clone_from(&from.title),
            Field::Status => {
                self.status.clone_from(&from.status);
                self.column = from.column;
            }
            Field::Sprint => self.sprint.clone_from(&from.sprint),
            Field::Estimate => self.estimate = from.estimate,
            Field::Due => self.due.clone_from(&from.due),
            Field::Assignees => self.assignees.clone_from(&from.assignees),
            Field::Labels => self.labels.clone_from(&from.labels),
            Field::Archived => self.is_archived = from.is_archived,
        }
    }

    /// Whether a field has no value.
    pub(crate) fn is_empty(&self, field: Field) -> bool {
        self.has_same(field, &Self::default())
    }

    /// A field in words, but for the status, whose id means nothing.
    pub(crate) fn in_words(&self, field: Field) -> String {
        let none = || "none".to_owned();
        match field {
            Field::Title => format!("“{}”", self.title),
            Field::Status => self.status.clone().unwrap_or_else(none),
            Field::Sprint => self.sprint.clone().unwrap_or_else(none),
            Field::Estimate => self.estimate.map_or_else(none, |points| points.to_string()),
            Field::Due => self.due.clone().unwrap_or_else(none),
            Field::Assignees if self.assignees.is_empty() => none(),
            Field::Assignees => self.assignees.join(", "),
            Field::Labels if self.labels.is_empty() => none(),
            Field::Labels => self.labels.join(", "),
            Field::Archived if self.is_archived => "archived".to_owned(),
            Field::Archived => "not archived".to_owned(),
        }
    }
}

fn folded(labels: &[String]) -> Vec<String> {
    labels.iter().map(|label| label.to_lowercase()).collect()
}

/// Sorts labels, and removes those that are written twice: neither side distinguishes case.
pub(crate) fn sort_labels(labels: &mut Vec<String>) {
    labels.sort_by_key(|label| label.to_lowercase());
    labels.dedup_by_key(|label| label.to_lowercase());
}
