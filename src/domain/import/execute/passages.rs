//! What happened to a task before it was imported, in terms of this board.

use time::OffsetDateTime;

use crate::domain::{
    column_state::ColumnState,
    import::{
        draft::{Draft, ExternalUser, HistoryAction, ListRef, Task},
        plan::{Plan, Planned},
        states,
    },
};

/// Something that happened to a task at some time.
pub(crate) struct Passage<'p> {
    pub(crate) at: OffsetDateTime,
    /// `None` if only a date is known.
    pub(crate) by: Option<&'p ExternalUser>,
    pub(crate) what: What<'p>,
}

pub(crate) enum What<'p> {
    Made(Spot<'p>),
    Moved(Spot<'p>, Spot<'p>),
    Archived,
    Restored(Option<Spot<'p>>),
}

/// A column, or a list that no longer exists, with its state.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'p> {
    pub(crate) column: &'p str,
    pub(crate) state: ColumnState,
}

impl<'p> Passage<'p> {
    /// The column that the task was in from then on, if it changed.
    fn to(&self) -> Option<Spot<'p>> {
        match self.what {
            What::Made(to) | What::Moved(_, to) => Some(to),
            What::Archived | What::Restored(_) => None,
        }
    }

    /// Whether it put the task into its current column.
    pub(crate) fn is_arrival(&self) -> bool {
        self.to().is_some()
    }
}

/// What happened to a task, oldest first. Where the file tells of no move, the dates of its start
/// and end count.
pub(crate) fn passages<'p>(
    plan: &'p Plan<'_>,
    planned: &'p Planned<'_>,
    draft: &'p Draft,
) -> Vec<Passage<'p>> {
    let mut current = None;
    let mut passages: Vec<Passage> = Vec::with_capacity(planned.task.past.len());
    for past in &planned.task.past {
        let what = match &past.what {
            HistoryAction::Made(to) => What::Made(spot(plan, draft, to)),
            HistoryAction::Moved(from, to) => {
                What::Moved(spot(plan, draft, from), spot(plan, draft, to))
            }
            HistoryAction::Archived => What::Archived,
            HistoryAction::Restored => What::Restored(current),
        };
        let passage = Passage {
            at: past.at.min(plan.now),
            by: Some(&past.by),
            what,
        };
        current = passage.to().or(current);
        passages.push(passage);
    }
    add_known_dates(plan, planned, &mut passages);
    passages
}

/// Adds the start and the end of the work where the file has only their dates.
fn add_known_dates<'p>(
    plan: &'p Plan<'_>,
    planned: &'p Planned<'_>,
    passages: &mut Vec<Passage<'p>>,
) {
    let task = planned.task;
    let known = |at: Option<OffsetDateTime>| at.filter(|at| *at <= plan.now);
    let reached = |passages: &[Passage], state| {
        passages
            .iter()
            .any(|passage| passage.to().is_some_and(|to| to.state == state))
    };
    let is_done = planned.state == ColumnState::Done;
    let end = known(task.finished_at).filter(|_| is_done && !reached(passages, ColumnState::Done));
    let start = known(task.started_at).filter(|start| {
        planned.state != ColumnState::Todo
            && !reached(passages, ColumnState::Doing)
            && end.is_none_or(|end| *start <= end)
            && first_at(passages, ColumnState::Done).is_none_or(|done| *start <= done)
    });
    if start.is_none() && end.is_none() {
        return;
    }
    let default = |state| spot_of_state(plan, state);
    if let Some(start) = start {
        // A task cannot have been started before it was created.
        let created = task.created_at.map_or(start, |at| at.min(start));
        match passages.first_mut() {
            Some(first) if matches!(first.what, What::Made(_)) => first.at = first.at.min(created),
            _ => passages.insert(0, made(created, task, default(ColumnState::Todo))),
        }
        insert(passages, start, default(ColumnState::Doing));
    }
    if let Some(end) = end {
        if passages.is_empty() {
            let created = task.created_at.map_or(end, |at| at.min(end));
            passages.push(made(created, task, default(ColumnState::Todo)));
        }
        let column = plan
            .board
            .columns
            .iter()
            .find(|column| column.id == planned.column);
        let to = column.map_or_else(
            || default(ColumnState::Done),
            |column| Spot {
                column: &column.slug,
                state: column.state,
            },
        );
        insert(passages, end, to);
    }
}

fn first_at(passages: &[Passage], state: ColumnState) -> Option<OffsetDateTime> {
    let mut to = passages
        .iter()
        .filter(|passage| passage.to().is_some_and(|to| to.state == state));
    to.next().map(|passage| passage.at)
}

fn made<'p>(at: OffsetDateTime, task: &'p Task, to: Spot<'p>) -> Passage<'p> {
    Passage {
        at,
        by: task.created_by.as_deref(),
        what: What::Made(to),
    }
}

/// Adds a move to a column in its place among the others.
fn insert<'p>(passages: &mut Vec<Passage<'p>>, at: OffsetDateTime, to: Spot<'p>) {
    let index = passages.partition_point(|passage| passage.at <= at);
    let from = passages[..index].iter().rev().find_map(Passage::to);
    let what = match from {
        Some(from) => What::Moved(from, to),
        None => What::Made(to),
    };
    if let Some(next) = passages[index..]
        .iter_mut()
        .find(|next| next.to().is_some())
        && let What::Moved(from, _) = &mut next.what
    {
        *from = to;
    }
    passages.insert(index, Passage { at, by: None, what });
}

/// The column that a list has become; a list that no longer exists keeps its name, and the state
/// guessed from it.
fn spot<'p>(plan: &'p Plan<'_>, draft: &'p Draft, spot: &'p ListRef) -> Spot<'p> {
    let (name, state, id) = match spot {
        ListRef::List(index) => match draft.lists.get(*index) {
            Some(list) => (
                list.name.as_str(),
                list.known_state(),
                plan.of_list.get(*index).copied().flatten(),
            ),
            None => ("", None, None),
        },
        ListRef::Gone(name) => (name.as_str(), states::guess(name), None),
    };
    let columns = &plan.board.columns;
    match columns.iter().find(|column| Some(column.id) == id) {
        Some(column) => Spot {
            column: &column.slug,
            state: column.state,
        },
        None => Spot {
            column: name,
            state: state.unwrap_or(ColumnState::Todo),
        },
    }
}

fn spot_of_state<'p>(plan: &'p Plan<'_>, state: ColumnState) -> Spot<'p> {
    let column = plan
        .board
        .columns
        .iter()
        .find(|column| column.state == state);
    Spot {
        column: column.map_or(state.default_name(), |column| &column.slug),
        state,
    }
}

/// The transition of a passage. Other tools tell of work that took minutes, or only of days, so a
/// short time in a state counts here. Only a move that was reversed within minutes is left to the
/// database, which takes it for a slip of the hand.
pub(crate) fn transition(passages: &[Passage], index: usize) -> Option<String> {
    let is_slip = |index: usize| {
        let (first, second) = (&passages[index].what, passages.get(index + 1));
        match (first, second.map(|second| &second.what)) {
            (What::Moved(from, _), Some(What::Moved(_, to))) => from.state == to.state,
            _ => false,
        }
    };
    match passages[index].what {
        What::Made(to) => Some(format!("created {}", to.state)),
        What::Moved(from, to) if from.state != to.state => {
            let is_reversed = is_slip(index) || index > 0 && is_slip(index - 1);
            (!is_reversed).then(|| format!("moved {}", to.state))
        }
        _ => None,
    }
}
