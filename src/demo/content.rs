//! The format of the demo's task tables in `infrastructure.rs` and `ingestion.rs`.
//!
//! Times are working days of a sprint: 0.0 is its Monday at nine, 2.5 its Wednesday after lunch,
//! -1.0 the Friday before. They are on the clock of the last sprint that a task is in, or of the
//! active one. That one is written as if today were `NOMINAL_TODAY`; the calendar stretches it to
//! where today really is.

use crate::domain::column_state::ColumnState;

/// The working day of the active sprint at which its tables are written.
pub(crate) const NOMINAL_TODAY: f64 = 6.5;

/// A task with everything that happens to it.
pub struct Task {
    /// Its name in the tables: `{cutover}` in a text becomes the task's key.
    pub(crate) id: &'static str,
    pub(crate) by: &'static str,
    pub(crate) created: f64,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) labels: &'static [&'static str],
    pub(crate) owners: &'static [&'static str],
    pub(crate) estimate: Option<i32>,
    /// The goal's position in its sprint; streams of work keep theirs from sprint to sprint.
    pub(crate) goal: Option<i32>,
    /// The goal in the sprints that it was carried over from, if that differs.
    pub(crate) goal_then: Option<i32>,
    /// A working day of its sprint.
    pub(crate) due: Option<i64>,
    pub(crate) needed_by: &'static str,
    pub(crate) steps: &'static [&'static str],
    pub(crate) ticked: usize,
    /// 0 is the active sprint; several mean that it was carried over.
    pub(crate) sprints: &'static [i32],
    pub(crate) deeds: &'static [(f64, Deed)],
    /// Comments: author, working day, text.
    pub(crate) said: &'static [(&'static str, f64, &'static str)],
}

/// What an owner does with a task on the board.
#[derive(Clone, Copy)]
pub(crate) enum Deed {
    To(ColumnState),
    Block(On, &'static str),
    /// To the top of its column.
    Top,
    Archive,
}

/// What a blocked task is waiting on.
#[derive(Clone, Copy)]
pub(crate) enum On {
    Task(&'static str),
    Team(&'static str),
    Person(&'static str),
    Words,
}

pub(crate) const TODO: Deed = Deed::To(ColumnState::Todo);
pub(crate) const DOING: Deed = Deed::To(ColumnState::Doing);
/// Blocked without a reason, for which the card then asks.
pub(crate) const BLOCKED: Deed = Deed::To(ColumnState::Blocked);
pub(crate) const REVIEW: Deed = Deed::To(ColumnState::Review);
pub(crate) const DONE: Deed = Deed::To(ColumnState::Done);

pub const fn task(id: &'static str, by: &'static str, created: f64, title: &'static str) -> Task {
    Task {
        id,
        by,
        created,
        title,
        about: "",
        labels: &[],
        owners: &[],
        estimate: None,
        goal: None,
        goal_then: None,
        due: None,
        needed_by: "",
        steps: &[],
        ticked: 0,
        sprints: &[],
        deeds: &[],
        said: &[],
    }
}

impl Task {
    pub(crate) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub(crate) const fn tagged(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    pub(crate) const fn own(mut self, owners: &'static [&'static str]) -> Self {
        self.owners = owners;
        self
    }

    pub(crate) const fn points(mut self, estimate: i32) -> Self {
        self.estimate = Some(estimate);
        self
    }

    pub(crate) const fn goal(mut self, position: i32) -> Self {
        self.goal = Some(position);
        self
    }

    pub(crate) const fn goal_then(mut self, position: i32) -> Self {
        self.goal_then = Some(position);
        self
    }

    pub(crate) const fn due(mut self, working_day: i64) -> Self {
        self.due = Some(working_day);
        self
    }

    pub(crate) const fn needed_by(mut self, name: &'static str) -> Self {
        self.needed_by = name;
        self
    }

    pub(crate) const fn steps(mut self, ticked: usize, steps: &'static [&'static str]) -> Self {
        self.ticked = ticked;
        self.steps = steps;
        self
    }

    pub(crate) const fn sprints(mut self, sprints: &'static [i32]) -> Self {
        self.sprints = sprints;
        self
    }

    pub(crate) const fn deeds(mut self, deeds: &'static [(f64, Deed)]) -> Self {
        self.deeds = deeds;
        self
    }

    pub(crate) const fn said(mut self, said: &'static [(&'static str, f64, &'static str)]) -> Self {
        self.said = said;
        self
    }
}
