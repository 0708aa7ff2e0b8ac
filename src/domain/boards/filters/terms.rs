//! The parts of a filter.

/// A filter that was understood, with the terms that were not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub sprint: SprintChoice,
    pub terms: Vec<Term>,
    /// A sentence each, for beside the box.
    pub unknown: Vec<String>,
}

/// Which sprints' tasks are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SprintChoice {
    #[default]
    This,
    Next,
    None,
    All,
    Number(i32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub not: bool,
    pub asks: Condition,
}

/// What one term asks of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
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
    Words(String),
}
