//! The role that a change requires.

/// Whom a change takes, the least first; an administrator may always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequiredRole {
    /// For what everybody may say who may look, what follows in other teams from a change in one, and people's own coming
    /// and going.
    #[default]
    Anybody,
    Member,
    Lead,
}

impl RequiredRole {
    /// Whom an event of that kind takes.
    pub fn by(kind: &str) -> Self {
        match kind {
            "column.added" | "column.edited" | "column.removed" | "column.shifted" => Self::Lead,
            "team.day-off" | "team.renamed" | "team.shared" | "team.unshared"
            | "team.visibility" | "team.week" => Self::Lead,
            "goal.comment" | "goal.concern" | "request.made" | "request.withdrawn" => Self::Anybody,
            "topic.added" | "topic.corrected" | "topic.withdrawn" => Self::Anybody,
            _ => match kind.split_once('.') {
                Some(("comment" | "wait" | "member" | "share", _)) => Self::Anybody,
                Some(("label", _)) => Self::Lead,
                _ => Self::Member,
            },
        }
    }

    /// As `still_may` reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Member => "member",
            Self::Lead => "lead",
        }
    }
}
