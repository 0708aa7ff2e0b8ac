//! A goal's progress: the count of its done tasks, the sum of their estimates, or a value entered
//! manually.

use std::fmt;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        measure::{Measure, part},
    },
};

/// Where a goal's progress comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum CountedBy {
    Tasks,
    Estimates,
    Manual,
}

impl CountedBy {
    pub(crate) const ALL: [Self; 3] = [Self::Tasks, Self::Estimates, Self::Manual];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Estimates => "estimates",
            Self::Manual => "manual",
        }
    }

    /// The label in forms.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Tasks => "Count of done tasks",
            Self::Estimates => "Sum of done estimates",
            Self::Manual => "Entered manually",
        }
    }
}

impl fmt::Display for CountedBy {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl TryFrom<String> for CountedBy {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|counted| counted.as_str() == text)
            .ok_or_else(|| {
                Problem::field(
                    "counted_by",
                    "Choose how progress is measured: done tasks, estimates, or entered manually.",
                )
            })
    }
}

/// What a goal's progress is computed from: done and all tasks, and done and all points.
pub(crate) struct Counted {
    pub(crate) measure: Measure,
    pub(crate) by: CountedBy,
    pub(crate) target: i64,
    pub(crate) manual_value: i64,
    pub(crate) tasks: (i64, i64),
    pub(crate) points: (i64, i64),
}

impl Counted {
    /// The current value, and the percentage of the target.
    pub(crate) fn figures(&self) -> (i64, i64) {
        let (done, all) = match self.by {
            CountedBy::Tasks => self.tasks,
            CountedBy::Estimates => self.points,
            CountedBy::Manual => return (self.manual_value, part(self.manual_value, self.target)),
        };
        match self.measure {
            Measure::Count => (done, part(done, self.target)),
            Measure::Share => {
                let share = part(done, all);
                (share, part(share, self.target))
            }
            // A yes–no goal is reached when all of its tasks are done.
            Measure::YesNo => (
                i64::from(all > 0 && done == all) * self.target,
                part(done, all),
            ),
        }
    }
}

/// A value that was entered manually.
#[derive(sqlx::FromRow)]
pub(crate) struct Entry {
    pub(crate) value: i64,
    pub(crate) note: String,
    /// The name of the person who entered it; `None` if the account was deleted.
    pub(crate) by: Option<String>,
    pub(crate) at: OffsetDateTime,
    /// Whether the goal had the same type then as now.
    pub(crate) alike: bool,
}

/// Returns the values entered for a goal, newest first.
pub(crate) async fn entries(
    db: &Pool,
    team: Uuid,
    goal: Uuid,
    measure: Measure,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "SELECT e.value, e.note, a.name AS by, e.at, e.measure = $3 AS alike
         FROM goal_entries e LEFT JOIN accounts a ON a.id = e.by_id
         WHERE e.team_id = $1 AND e.goal_id = $2 ORDER BY e.at DESC, e.id DESC",
    )
    .bind(team)
    .bind(goal)
    .bind(measure.as_str())
    .fetch_all(db)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(measure: Measure, by: CountedBy, target: i64) -> Counted {
        Counted {
            measure,
            by,
            target,
            manual_value: 31,
            tasks: (3, 4),
            points: (8, 20),
        }
    }

    #[test]
    fn progress_is_counted_summed_or_manual() {
        assert_eq!(
            counted(Measure::Count, CountedBy::Tasks, 6).figures(),
            (3, 50)
        );
        assert_eq!(
            counted(Measure::Count, CountedBy::Estimates, 10).figures(),
            (8, 80)
        );
        assert_eq!(
            counted(Measure::Count, CountedBy::Manual, 50).figures(),
            (31, 62)
        );
        assert_eq!(
            counted(Measure::Share, CountedBy::Tasks, 100).figures(),
            (75, 75)
        );
        assert_eq!(
            counted(Measure::Share, CountedBy::Estimates, 20).figures(),
            (40, 100)
        );
    }

    #[test]
    fn yes_no_goal_is_reached_when_all_is_done() {
        assert_eq!(
            counted(Measure::YesNo, CountedBy::Tasks, 1).figures(),
            (0, 75)
        );
        let all = Counted {
            tasks: (4, 4),
            ..counted(Measure::YesNo, CountedBy::Tasks, 1)
        };
        assert_eq!(all.figures(), (1, 100));
        let none = Counted {
            tasks: (0, 0),
            ..counted(Measure::YesNo, CountedBy::Tasks, 1)
        };
        assert_eq!(none.figures(), (0, 0), "nothing to do is not done");
    }
}
