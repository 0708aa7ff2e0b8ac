//! The role that a change requires.

/// The role that a change requires, lowest first. Administrators may make every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequiredRole {
    /// For changes that every viewer may make (comments, requests), for consequences of a change in
    /// another team, and for people's own membership.
    #[default]
    Anybody,
    Member,
    Lead,
}

impl RequiredRole {
    /// The name that `still_may` compares with.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Member => "member",
            Self::Lead => "lead",
        }
    }
}
