//! The parts of a filter.

/// A parsed filter, with the terms that were not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub(crate) sprint: SprintChoice,
    pub(crate) terms: Vec<Term>,
    /// One message for each term that was not understood.
    pub(crate) unknown: Vec<String>,
}

/// Which sprints' tasks are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum SprintChoice {
    #[default]
    This,
    Next,
    None,
    All,
    Number(i32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Term {
    pub(crate) not: bool,
    pub(crate) condition: Condition,
}

/// The condition of one term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    Owner(String),
    Label(String),
    Goal(Option<i32>),
    Blocked,
    Unowned,
    Overdue,
    Done,
    Archived,
    /// Longer (or shorter) in its column than this many hours.
    Age {
        longer: bool,
        hours: u32,
    },
    Text(String),
}
