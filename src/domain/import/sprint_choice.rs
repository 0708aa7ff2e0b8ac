//! The sprint that each imported task goes to.

use time::Date;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    import::draft::{ImportSprint, Task},
    sprints::{Sprint, SprintState, queries},
};

/// The sprints that imported work can go to.
pub(crate) struct SprintsHere<'s> {
    /// The sprint of work in progress.
    chosen: Option<&'s Sprint>,
    /// Sprints that take tasks; none if tasks are to be in no sprint.
    open: Vec<&'s Sprint>,
}

/// Why a task goes to a sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Its sprint in the file is of the same days.
    Days,
    /// It is in progress, and the sprint was chosen for that.
    Choice,
}

impl<'s> SprintsHere<'s> {
    /// A sprint that the team has closed takes no tasks, even if other teams still work in it.
    ///
    /// # Errors
    /// `Invalid` if the chosen sprint does not exist or is over.
    pub(crate) fn choose(sprints: &'s [Sprint], choice: ImportSprint) -> Result<Self> {
        let is_over =
            |sprint: &Sprint| matches!(sprint.state, SprintState::Ended | SprintState::Closed);
        let open = sprints.iter().filter(|sprint| !is_over(sprint)).collect();
        let number = match choice {
            ImportSprint::None => {
                return Ok(Self {
                    chosen: None,
                    open: Vec::new(),
                });
            }
            ImportSprint::This => {
                let chosen = queries::current(sprints);
                return Ok(Self { chosen, open });
            }
            ImportSprint::Number(number) => number,
        };
        let chosen = sprints.iter().find(|sprint| sprint.number == number);
        let chosen = chosen
            .ok_or_else(|| Problem::field("sprint", format!("There is no sprint {number}.")))?;
        if is_over(chosen) {
            let message = format!("{} is over, so no tasks can be added to it.", chosen.name);
            return Err(Problem::field("sprint", message));
        }
        let chosen = Some(chosen);
        Ok(Self { chosen, open })
    }

    /// The sprint of a task in a column of this state: the one that has most days of its sprint in the file, or else the
    /// chosen one if work on it has begun.
    pub(crate) fn sprint_of(&self, task: &Task, state: ColumnState) -> Option<(&'s Sprint, By)> {
        if task.archived || state == ColumnState::Done {
            return None;
        }
        let by_days = task.sprint_days.and_then(|days| self.of_days(days));
        by_days.map(|sprint| (sprint, By::Days)).or_else(|| {
            let chosen = self.chosen.filter(|_| state != ColumnState::Todo);
            chosen.map(|sprint| (sprint, By::Choice))
        })
    }

    fn of_days(&self, (from, to): (Date, Date)) -> Option<&'s Sprint> {
        let days_in =
            |sprint: &Sprint| (sprint.ends_on.min(to) - sprint.starts_on.max(from)).whole_days();
        let sprints = self.open.iter().copied();
        sprints
            .filter(|sprint| days_in(sprint) >= 0)
            .max_by_key(|sprint| (days_in(sprint), std::cmp::Reverse(sprint.number)))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;
    use uuid::Uuid;

    use super::*;

    fn sprint(number: i32, starts_on: Date, ends_on: Date, state: SprintState) -> Sprint {
        Sprint {
            id: Uuid::new_v4(),
            number,
            name: format!("Sprint {number}"),
            starts_on,
            ends_on,
            state,
        }
    }

    #[test]
    fn open_work_goes_to_the_sprint_of_the_same_days() {
        let sprints = [
            sprint(
                1,
                date!(2026 - 11 - 02),
                date!(2026 - 11 - 15),
                SprintState::Ended,
            ),
            sprint(
                2,
                date!(2026 - 11 - 16),
                date!(2026 - 11 - 29),
                SprintState::Active,
            ),
            sprint(
                3,
                date!(2026 - 11 - 30),
                date!(2026 - 12 - 13),
                SprintState::Planned,
            ),
        ];
        let here = SprintsHere::choose(&sprints, ImportSprint::This).unwrap();
        let of = |days, state, archived| {
            let task = Task {
                sprint_days: days,
                archived,
                ..Task::default()
            };
            let found = here.sprint_of(&task, state);
            found.map(|(sprint, by)| (sprint.number, by))
        };
        let (todo, doing) = (ColumnState::Todo, ColumnState::Doing);
        let now = Some((date!(2026 - 11 - 17), date!(2026 - 11 - 30)));
        let next = Some((date!(2026 - 11 - 28), date!(2026 - 12 - 11)));
        let past = Some((date!(2026 - 11 - 02), date!(2026 - 11 - 15)));
        let later = Some((date!(2027 - 02 - 01), date!(2027 - 02 - 14)));
        let backwards = Some((date!(2026 - 12 - 11), date!(2026 - 11 - 17)));
        assert_eq!(of(now, todo, false), Some((2, By::Days)));
        assert_eq!(of(next, doing, false), Some((3, By::Days)));
        assert_eq!(of(past, todo, false), None);
        assert_eq!(of(past, doing, false), Some((2, By::Choice)));
        assert_eq!(of(later, todo, false), None);
        assert_eq!(of(backwards, todo, false), None);
        assert_eq!(of(None, todo, false), None);
        assert_eq!(of(now, ColumnState::Done, false), None);
        assert_eq!(of(now, todo, true), None);
        let none = SprintsHere::choose(&sprints, ImportSprint::None).unwrap();
        let task = Task {
            sprint_days: now,
            ..Task::default()
        };
        assert_eq!(none.sprint_of(&task, doing), None);
    }
}
