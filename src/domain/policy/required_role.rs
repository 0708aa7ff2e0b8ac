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
    /// As `still_may` reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Member => "member",
            Self::Lead => "lead",
        }
    }
}
