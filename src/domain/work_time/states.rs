//! Replays the event log to find the states of tasks over time.

use std::collections::{HashMap, HashSet};

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::column_state::ColumnState;

/// The kind of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Created,
    Moved,
    /// Imported from another tool in this state.
    Imported,
    Archived,
    Restored,
}

/// A task changes its state, or leaves the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub(crate) task: Uuid,
    pub(crate) at: OffsetDateTime,
    pub(crate) kind: Kind,
    /// The new state; `None` for archiving and some imports.
    pub(crate) to: Option<ColumnState>,
    /// Imported directly to the archive.
    pub(crate) archived: bool,
}

impl Transition {
    /// Whether the task was finished by this transition. Imports and the archive only record that
    /// it was finished earlier.
    fn finishes(&self) -> bool {
        matches!(self.kind, Kind::Created | Kind::Moved) && self.to == Some(ColumnState::Done)
    }
}

/// The state of every task, advanced by one transition at a time.
#[derive(Default)]
pub struct Replay {
    tasks: HashMap<Uuid, TaskState>,
    counts: [usize; ColumnState::ALL.len()],
}

#[derive(Clone, Copy)]
struct TaskState {
    state: ColumnState,
    archived: bool,
}

impl TaskState {
    /// Archived tasks stay done if they were; otherwise they are off the board.
    fn seen(self) -> Option<ColumnState> {
        (!self.archived || self.state == ColumnState::Done).then_some(self.state)
    }
}

impl Replay {
    /// Starts with the tasks that were on the board.
    pub(crate) fn from(initial: &[(Uuid, ColumnState)]) -> Self {
        let mut replay = Self::default();
        for (task, state) in initial {
            replay.put(
                *task,
                Some(TaskState {
                    state: *state,
                    archived: false,
                }),
            );
        }
        replay
    }

    /// Applies one transition.
    pub(crate) fn apply(&mut self, transition: &Transition) {
        let old = self.tasks.get(&transition.task).copied();
        let now = match transition.kind {
            Kind::Archived => old.map(|old| TaskState {
                archived: true,
                ..old
            }),
            Kind::Restored => transition
                .to
                .or(old.map(|old| old.state))
                .map(|state| TaskState {
                    state,
                    archived: false,
                }),
            _ => transition.to.map(|state| TaskState {
                state,
                archived: transition.archived,
            }),
        };
        self.put(transition.task, now);
    }

    /// A task's state, if it is on the board or done.
    pub(crate) fn state(&self, task: Uuid) -> Option<ColumnState> {
        self.tasks.get(&task).copied().and_then(TaskState::seen)
    }

    fn put(&mut self, task: Uuid, now: Option<TaskState>) {
        let old = match now {
            Some(place) => self.tasks.insert(task, place),
            None => self.tasks.remove(&task),
        };
        for (place, is_in) in [(old, false), (now, true)] {
            let Some(count) = place
                .and_then(TaskState::seen)
                .and_then(|state| self.counts.get_mut(state as usize))
            else {
                continue;
            };
            *count = if is_in {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        }
    }
}

/// Number of tasks in each state at each of these instants, which are in order, as are the
/// transitions. Done tasks count only if they were finished within the period: the opening has
/// none, and tasks that were imported or restored as done are left out.
pub fn days_by_state(
    initial: &[(Uuid, ColumnState)],
    transitions: &[Transition],
    at: &[OffsetDateTime],
) -> Vec<[usize; 5]> {
    let mut replay = Replay::from(initial);
    let mut transitions = transitions.iter().peekable();
    let count = |end: &OffsetDateTime| {
        while let Some(transition) = transitions.next_if(|transition| transition.at < *end) {
            let was_done_before =
                transition.to == Some(ColumnState::Done) && !transition.finishes();
            if was_done_before && replay.state(transition.task) != Some(ColumnState::Done) {
                replay.put(transition.task, None);
            } else {
                replay.apply(transition);
            }
        }
        replay.counts
    };
    at.iter().map(count).collect()
}

/// The tasks that were finished and are still done after the last transition, with the time, in
/// that order.
pub fn finished(transitions: &[Transition]) -> Vec<(Uuid, OffsetDateTime)> {
    let mut done: HashMap<Uuid, OffsetDateTime> = HashMap::new();
    for transition in transitions {
        if transition.finishes() {
            done.insert(transition.task, transition.at);
        } else if transition
            .to
            .is_some_and(|state| state != ColumnState::Done)
        {
            done.remove(&transition.task);
        }
    }
    let mut done: Vec<(Uuid, OffsetDateTime)> = done.into_iter().collect();
    done.sort_by_key(|(task, at)| (*at, *task));
    done
}

/// The first time in progress, for tasks whose creation is among the transitions, so that nothing
/// earlier can contradict it.
pub fn first_started(transitions: &[Transition]) -> HashMap<Uuid, OffsetDateTime> {
    let (mut created, mut started) = (HashSet::new(), HashMap::new());
    for transition in transitions {
        if transition.kind == Kind::Created {
            created.insert(transition.task);
        }
        if transition.to == Some(ColumnState::Doing)
            && matches!(transition.kind, Kind::Created | Kind::Moved)
            && created.contains(&transition.task)
        {
            started.entry(transition.task).or_insert(transition.at);
        }
    }
    started
}

/// The periods that each task spent in a state, between two instants.
pub fn spans(
    state: ColumnState,
    initial: &[(Uuid, ColumnState)],
    transitions: &[Transition],
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Vec<(Uuid, OffsetDateTime, OffsetDateTime)> {
    let mut replay = Replay::from(initial);
    let mut started: HashMap<Uuid, OffsetDateTime> = initial
        .iter()
        .filter(|(_, old)| *old == state)
        .map(|(task, _)| (*task, since))
        .collect();
    let mut spans = Vec::new();
    for transition in transitions {
        replay.apply(transition);
        if replay.state(transition.task) == Some(state) {
            started.entry(transition.task).or_insert(transition.at);
        } else if let Some(from) = started.remove(&transition.task) {
            spans.push((transition.task, from, transition.at));
        }
    }
    spans.extend(started.into_iter().map(|(task, from)| (task, from, until)));
    spans.sort_unstable();
    spans
}

/// How long a task was in each state between two instants, from its transitions in order.
pub fn time_in_states(
    transitions: &[Transition],
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> [Duration; ColumnState::ALL.len()] {
    let mut spent = [Duration::ZERO; ColumnState::ALL.len()];
    let ends = transitions.iter().skip(1).map(|next| next.at);
    for (transition, end) in transitions.iter().zip(ends.chain([until])) {
        let time = end.min(until) - transition.at.max(since);
        if let Some(sum) = transition
            .to
            .and_then(|state| spent.get_mut(state as usize))
        {
            *sum += time.max(Duration::ZERO);
        }
    }
    spent
}

/// Number of these days within each period, both ends included.
pub fn throughput(done: &[Date], spans: &[(Date, Date)]) -> Vec<usize> {
    spans
        .iter()
        .map(|(from, to)| {
            done.iter()
                .filter(|day| (*from..=*to).contains(day))
                .count()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-16 12:00 UTC);

    fn task(index: u128) -> Uuid {
        Uuid::from_u128(index)
    }

    fn transition(index: u128, day: i64, kind: Kind, to: Option<ColumnState>) -> Transition {
        Transition {
            task: task(index),
            at: NOON + time::Duration::days(day),
            kind,
            to,
            archived: false,
        }
    }

    fn ends(days: i64) -> Vec<OffsetDateTime> {
        (0..days)
            .map(|day| NOON + time::Duration::days(day) + time::Duration::hours(12))
            .collect()
    }

    #[test]
    fn tasks_are_counted_by_state_at_end_of_day() {
        let transitions = [
            transition(2, 0, Kind::Created, Some(ColumnState::Todo)),
            transition(1, 1, Kind::Moved, Some(ColumnState::Done)),
            transition(2, 1, Kind::Moved, Some(ColumnState::Doing)),
            transition(2, 2, Kind::Archived, None),
            transition(1, 3, Kind::Archived, None),
            transition(2, 4, Kind::Restored, Some(ColumnState::Doing)),
        ];
        let days = days_by_state(&[(task(1), ColumnState::Review)], &transitions, &ends(5));
        assert_eq!(
            days,
            [
                [1, 0, 0, 1, 0],
                [0, 1, 0, 0, 1],
                [0, 0, 0, 0, 1],
                [0, 0, 0, 0, 1],
                [0, 1, 0, 0, 1]
            ],
            "archived tasks stay done; unfinished ones are off the board"
        );
    }

    #[test]
    fn start_is_known_only_with_the_creation() {
        let transitions = [
            transition(1, 0, Kind::Moved, Some(ColumnState::Doing)),
            transition(2, 0, Kind::Created, Some(ColumnState::Todo)),
            transition(3, 0, Kind::Imported, Some(ColumnState::Doing)),
            transition(2, 1, Kind::Moved, Some(ColumnState::Doing)),
            transition(2, 2, Kind::Moved, Some(ColumnState::Blocked)),
            transition(2, 3, Kind::Moved, Some(ColumnState::Doing)),
            transition(4, 4, Kind::Created, Some(ColumnState::Doing)),
            transition(5, 4, Kind::Created, Some(ColumnState::Done)),
        ];
        let mut started: Vec<_> = first_started(&transitions).into_iter().collect();
        started.sort();
        let day = |day| NOON + time::Duration::days(day);
        assert_eq!(started, [(task(2), day(1)), (task(4), day(4))]);
    }

    #[test]
    fn done_imports_and_restores_are_not_finished_here() {
        let transitions = [
            transition(1, 0, Kind::Imported, Some(ColumnState::Done)),
            transition(2, 0, Kind::Restored, Some(ColumnState::Done)),
            transition(3, 0, Kind::Imported, Some(ColumnState::Doing)),
            transition(3, 1, Kind::Moved, Some(ColumnState::Done)),
        ];
        assert_eq!(
            days_by_state(&[], &transitions, &ends(2)),
            [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1]]
        );
        assert_eq!(
            finished(&transitions),
            [(task(3), NOON + time::Duration::days(1))]
        );
    }

    #[test]
    fn reopened_task_is_finished_when_done_again() {
        let mut transitions = vec![
            transition(1, 0, Kind::Moved, Some(ColumnState::Done)),
            transition(1, 1, Kind::Moved, Some(ColumnState::Doing)),
        ];
        assert_eq!(finished(&transitions), []);
        transitions.push(transition(1, 2, Kind::Moved, Some(ColumnState::Done)));
        transitions.push(transition(1, 3, Kind::Archived, None));
        assert_eq!(
            finished(&transitions),
            [(task(1), NOON + time::Duration::days(2))]
        );
    }

    #[test]
    fn spans_are_cut_at_the_range() {
        let until = NOON + time::Duration::days(9);
        let transitions = [
            transition(1, 1, Kind::Moved, Some(ColumnState::Doing)),
            transition(2, 2, Kind::Moved, Some(ColumnState::Blocked)),
            transition(3, 3, Kind::Created, Some(ColumnState::Blocked)),
            transition(3, 4, Kind::Archived, None),
        ];
        let at = |day| NOON + time::Duration::days(day);
        assert_eq!(
            spans(
                ColumnState::Blocked,
                &[
                    (task(1), ColumnState::Blocked),
                    (task(2), ColumnState::Todo)
                ],
                &transitions,
                (at(0), until)
            ),
            [
                (task(1), at(0), at(1)),
                (task(2), at(2), until),
                (task(3), at(3), at(4))
            ]
        );
    }

    #[test]
    fn throughput_counts_both_ends_of_a_sprint() {
        let done = [
            date!(2026 - 11 - 1),
            date!(2026 - 11 - 2),
            date!(2026 - 11 - 15),
            date!(2026 - 11 - 16),
        ];
        let spans = [
            (date!(2026 - 11 - 2), date!(2026 - 11 - 15)),
            (date!(2026 - 11 - 16), date!(2026 - 11 - 29)),
        ];
        assert_eq!(throughput(&done, &spans), [2, 1]);
    }
}
