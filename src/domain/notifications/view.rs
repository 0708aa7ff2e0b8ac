//! The views of an inbox.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::notifications::reason::Reason;

/// Which threads a page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Unread,
    All,
    Snoozed,
    Done,
}

impl View {
    pub(crate) const ALL: [Self; 4] = [Self::Unread, Self::All, Self::Snoozed, Self::Done];

    /// The name in the URL.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::All => "all",
            Self::Snoozed => "snoozed",
            Self::Done => "done",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Unread => "Unread",
            Self::All => "All",
            Self::Snoozed => "Snoozed",
            Self::Done => "Done",
        }
    }

    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == name)
    }
}

/// What a page of the inbox is to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) view: View,
    /// Only threads with this reason.
    pub(crate) reason: Option<Reason>,
    /// Only threads of this team.
    pub(crate) team: Option<Uuid>,
    /// Only threads older than this one: its time and id.
    pub(crate) after: Option<(OffsetDateTime, Uuid)>,
    /// The most threads.
    pub(crate) most: i64,
}
