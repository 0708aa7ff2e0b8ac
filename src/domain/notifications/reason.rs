//! Why a person is notified.

/// Declares the enum with the name of each reason in the database and its label.
macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal, $label:literal;)*) => {
        /// Why a person is notified. If several apply to one event, the first counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(type_name = "text")]
        pub(crate) enum Reason {
            $($(#[$doc])* #[sqlx(rename = $name)] $reason,)*
        }

        impl Reason {
            /// All reasons, the most important first.
            pub(crate) const ALL: &[Self] = &[$(Self::$reason,)*];

            /// The name in the database and in URLs.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }

            /// The label in lists of reasons.
            pub(crate) const fn label(self) -> &'static str {
                match self {
                    $(Self::$reason => $label,)*
                }
            }
        }
    };
}

reasons! {
    /// A text names the person.
    Mentioned = "mentioned", "You are mentioned";
    /// A task waits on the person, or on a task of theirs.
    BlockedOnYou = "blocked-on-you", "A task is blocked on you";
    /// The person became an owner.
    Assigned = "assigned", "A task is assigned to you";
    /// A task of the person is in review.
    Review = "review", "Your task is in review";
    /// What a task of the person waited on is done.
    Unblocked = "unblocked", "Your task is unblocked";
    /// An action was given to the person.
    Action = "action", "An action is given to you";
    /// Another team asks for something, and the person leads this team.
    Request = "request", "Your team gets a request";
    /// The person's request was accepted, answered or declined.
    RequestAnswered = "request-answered", "Your request is answered";
    /// A task of the person is due tomorrow or today.
    DueSoon = "due-soon", "Your task is due soon";
    /// A task of the person was due.
    Overdue = "overdue", "Your task is overdue";
    /// A comment on a task of the person.
    Comment = "comment", "A comment on your task";
    /// A sprint of the person's team began.
    SprintStarted = "sprint-started", "A sprint begins";
    /// A sprint of the person's team was closed.
    SprintClosed = "sprint-closed", "A sprint is closed";
    /// Something that the person follows changed.
    Following = "following", "Something you follow changes";
}

impl Reason {
    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
    }
}
