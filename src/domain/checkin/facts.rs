//! The summary as JSON.

use serde::Serialize;

use crate::domain::{
    checkin::summary::CheckIn, column_state::ColumnState, goals::Goal, sprints::Sprint, tasks::Card,
};

/// The summary as JSON.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CheckIn)]
pub(crate) struct Facts {
    /// The team.
    team: CheckInTeam,
    /// The current sprint; null if there is none.
    sprint: Option<Sprint>,
    /// The number of the current working day of the sprint, from 1; 0 before the sprint.
    #[schema(example = 7)]
    day: usize,
    /// The number of working days of the sprint.
    #[schema(example = 10)]
    days: usize,
    /// The number of tasks of the sprint by state: `todo`, `doing`, `blocked`, `review` and `done`.
    #[schema(
        value_type = std::collections::BTreeMap<String, i64>,
        example = json!({ "blocked": 1, "doing": 4, "done": 9, "review": 2, "todo": 8 }),
    )]
    counts: std::collections::BTreeMap<&'static str, i64>,
    /// The goals of the sprint.
    goals: Vec<GoalFacts>,
    /// The blocked tasks, longest blocked first.
    blocked: Vec<Card>,
    /// The tasks in review, longest in review first; at most 12.
    in_review: Vec<Card>,
    /// The finished tasks, newest first; at most 12.
    done: Vec<Card>,
    /// The tasks to start next, in the team's order; at most 12.
    next_up: Vec<Card>,
    /// The number of the team's newest event.
    #[schema(example = 1308)]
    seq: i64,
}

/// The team of a check-in.
#[derive(Serialize, utoipa::ToSchema)]
struct CheckInTeam {
    /// The slug.
    #[schema(example = "infrastructure")]
    slug: String,
    /// The name.
    #[schema(example = "Infrastructure")]
    name: String,
}

/// A goal of the sprint with its progress.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CheckInGoal)]
struct GoalFacts {
    /// The title.
    #[schema(example = "Migrate 50 of the 100 tables")]
    title: String,
    /// The progress in words.
    #[schema(example = "31 / 50")]
    figure: String,
    /// The current value.
    #[schema(example = 31)]
    current: i64,
    /// The value to reach.
    #[schema(example = 50)]
    target: i64,
    /// The progress in percent.
    #[schema(example = 62)]
    is: i64,
    /// The progress that is expected by today, in percent.
    #[schema(example = 70)]
    due: i64,
    /// Whether the progress is behind what is expected.
    #[schema(example = json!(true))]
    behind: bool,
    /// The names of the owners.
    #[schema(example = json!(["Elif Hartmann", "Jonas Gruber"]))]
    owners: Vec<String>,
}

impl From<Goal> for GoalFacts {
    fn from(goal: Goal) -> Self {
        Self {
            behind: goal.is_behind(),
            title: goal.title,
            figure: goal.figure,
            current: goal.current,
            target: goal.target,
            is: goal.is,
            due: goal.due,
            owners: goal.owners.into_iter().map(|owner| owner.name).collect(),
        }
    }
}

impl From<CheckIn> for Facts {
    fn from(of: CheckIn) -> Self {
        Self {
            team: CheckInTeam {
                slug: of.team.slug,
                name: of.team.name,
            },
            sprint: of.sprint,
            day: of.day.0,
            days: of.day.1,
            counts: ColumnState::ALL
                .into_iter()
                .map(ColumnState::as_str)
                .zip(of.counts)
                .collect(),
            goals: of.goals.into_iter().map(GoalFacts::from).collect(),
            blocked: of.blocked,
            in_review: of.in_review,
            done: of.done,
            next_up: of.next_up,
            seq: of.team.seq,
        }
    }
}
