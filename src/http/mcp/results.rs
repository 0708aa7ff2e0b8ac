//! The results of the tools. Their comments are what agents read in the tools' JSON schemas.

use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;

use crate::{
    app::App,
    domain::{
        dates::instant,
        goals::Goal,
        tasks::{self, Card},
    },
};

/// A team that you can see.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Team {
    /// The slug, by which tools name the team.
    pub(super) slug: String,
    pub(super) name: String,
    /// The prefix of its tasks' keys.
    pub(super) key: String,
    /// Whether you may change its board.
    pub(super) may_edit: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Teams {
    /// The teams, ordered by name.
    pub(super) teams: Vec<Team>,
}

/// What a task is waiting on.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reason {
    /// The key of a task, the slug of a team or the username of a person; null for a text.
    on: Option<String>,
    /// The title or name of what is in `on`.
    name: Option<String>,
    /// Details in words.
    note: String,
    /// Whether it is a task that is done.
    is_done: bool,
}

/// A task in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Task {
    pub(super) key: String,
    pub(super) title: String,
    /// The version, which every change increases. Tools that change the task ask for it.
    pub(super) version: i64,
    /// The slug of its column.
    column: String,
    /// The state of its column: `todo`, `doing`, `blocked`, `review` or `done`.
    state: String,
    /// When it came to its column.
    column_since: String,
    /// The sprint's number; null in the backlog.
    sprint: Option<i32>,
    /// The goal's number in the sprint.
    goal: Option<i32>,
    /// The usernames of its owners.
    owners: Vec<String>,
    labels: Vec<String>,
    /// The estimate in points.
    estimate: Option<i32>,
    /// The due date.
    due: Option<String>,
    /// What it is waiting on.
    blocked_by: Vec<Reason>,
    /// The keys of tasks that are waiting on it.
    blocking: Vec<String>,
    archived: bool,
    url: String,
}

/// The address of a task's page.
pub(super) fn url(app: &App, key: &str) -> String {
    format!("{}/tasks/{key}", app.public_url)
}

fn reason(blocker: tasks::Blocker) -> Reason {
    Reason {
        is_done: blocker.kind.is_task() && blocker.done_at.is_some(),
        on: blocker.on,
        name: blocker.name,
        note: blocker.note,
    }
}

impl Task {
    pub(super) fn of(app: &App, card: Card) -> Self {
        Self {
            url: url(app, &card.key),
            key: card.key,
            title: card.title,
            version: card.version,
            column: card.column,
            state: card.state.as_str().to_owned(),
            column_since: instant(card.column_since),
            sprint: card.sprint,
            goal: card.goal,
            owners: card.owners.into_iter().map(|owner| owner.handle).collect(),
            labels: card.labels.into_iter().map(|label| label.name).collect(),
            estimate: card.estimate,
            due: card.due.map(|due| due.to_string()),
            blocked_by: card.blocked_by.into_iter().map(reason).collect(),
            blocking: card.blocking,
            archived: card.archived,
        }
    }
}

impl Task {
    /// What it is waiting on, to follow its title.
    pub(super) fn waiting_on(&self) -> String {
        let reasons = self.blocked_by.iter().map(|reason| {
            let on = reason.on.as_deref().or(reason.name.as_deref());
            match (on, reason.note.as_str()) {
                (Some(on), "") => on.to_owned(),
                (Some(on), note) => format!("{on} ({note})"),
                (None, note) => note.to_owned(),
            }
        });
        match reasons.collect::<Vec<_>>().join("; ") {
            none if none.is_empty() => String::new(),
            reasons => format!(", waiting on {reasons}"),
        }
    }
}

/// A step of a task's checklist.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) done: bool,
}

/// A change of a task, or a comment on it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    pub(super) at: String,
    /// The author's name.
    pub(super) by: String,
    /// What they did, in words; `commented` for a comment.
    pub(super) what: String,
    /// A comment's text in Markdown, of a long one the beginning.
    pub(super) comment: Option<String>,
}

/// A task with everything that its page shows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskPage {
    #[serde(flatten)]
    pub(super) task: Task,
    /// The team's slug.
    pub(super) team: String,
    /// The description in Markdown.
    pub(super) description: String,
    /// The slug of the task's project.
    pub(super) project: Option<String>,
    /// The team or people that need the task.
    pub(super) needed_by: String,
    pub(super) checklist: Vec<Step>,
    /// Its newest changes and comments, oldest first.
    pub(super) activity: Vec<Entry>,
    /// Whether there is earlier activity, which the task's page shows.
    pub(super) has_earlier_activity: bool,
    /// Until when an agent has claimed it for its owner.
    pub(super) claimed_until: Option<String>,
    /// Whether you may change the task.
    pub(super) may_edit: bool,
}

/// A task to start with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ready {
    /// The task; null if none is free.
    pub(super) task: Option<Task>,
    /// Why this one.
    pub(super) why: String,
}

/// A claimed task.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Claimed {
    #[serde(flatten)]
    pub(super) task: Task,
    /// When the claim ends; null if the person owned the task already, which does not end.
    pub(super) claimed_until: Option<String>,
}

/// A column of a board.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Column {
    /// The slug, by which tools name the column.
    pub(super) slug: String,
    pub(super) name: String,
    /// `todo`, `doing`, `blocked`, `review` or `done`.
    pub(super) state: String,
    /// The number of tasks above which the board warns.
    pub(super) wip_limit: Option<i32>,
    /// How many tasks of the column match the sprint and the filter, whether they are in this answer or not.
    pub(super) count: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Board {
    /// The team's name.
    pub(super) team: String,
    /// The columns from left to right.
    pub(super) columns: Vec<Column>,
    /// The tasks, column by column, from top to bottom.
    pub(super) tasks: Vec<Task>,
    /// To read the tasks after these; null if there are none.
    pub(super) next_cursor: Option<String>,
}

/// A goal of a team in a sprint.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GoalProgress {
    /// Its number in the sprint.
    pub(super) number: i32,
    pub(super) title: String,
    /// Its progress, such as `31 of 50 tables`.
    pub(super) progress: String,
    pub(super) percent: i64,
    /// The percentage that is expected by today.
    pub(super) expected_percent: i64,
    pub(super) is_behind: bool,
    pub(super) owners: Vec<String>,
}

impl GoalProgress {
    pub(super) fn of(goal: &Goal) -> Self {
        Self {
            number: goal.position,
            title: goal.title.clone(),
            progress: goal.figure.clone(),
            percent: goal.is,
            expected_percent: goal.due,
            is_behind: goal.is_behind(),
            owners: goal
                .owners
                .iter()
                .map(|owner| owner.handle.clone())
                .collect(),
        }
    }
}

/// A task that needs attention.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Attention {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) state: String,
    pub(super) owners: Vec<String>,
    /// Why it needs attention.
    pub(super) why: String,
}

/// A change since the last standup.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Update {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) what: String,
    pub(super) owners: Vec<String>,
}

/// What a member is working on.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Member {
    pub(super) username: String,
    pub(super) name: String,
    /// Until when they are away, in words; null if they are there.
    pub(super) away: Option<String>,
    /// The keys of their tasks in progress.
    pub(super) doing: Vec<String>,
    /// The keys of their tasks in review.
    pub(super) in_review: Vec<String>,
    /// The keys of their blocked tasks.
    pub(super) blocked: Vec<String>,
    /// The key of a task that they could start with, if they have none in progress.
    pub(super) suggested: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Standup {
    /// The team's name.
    pub(super) team: String,
    /// The current sprint's name.
    pub(super) sprint: Option<String>,
    /// The number of today's working day in the sprint.
    pub(super) day: usize,
    /// The day of the last standup.
    pub(super) since: String,
    /// What changed since, counted.
    pub(super) summary: String,
    pub(super) goals: Vec<GoalProgress>,
    /// The tasks that need attention, the most urgent first; at most 50.
    pub(super) attention: Vec<Attention>,
    /// The changes since the last standup; at most 50.
    pub(super) changes: Vec<Update>,
    pub(super) people: Vec<Member>,
    /// The open actions; at most 50.
    pub(super) actions: Vec<String>,
    /// The topics on the agenda; at most 50.
    pub(super) topics: Vec<String>,
}

/// How many tasks of the sprint are in a state.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StateCount {
    /// `todo`, `doing`, `blocked`, `review` or `done`.
    pub(super) state: String,
    pub(super) count: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CheckIn {
    /// Where the sprint stands, in one line.
    pub(super) title: String,
    /// How many of its tasks are done.
    pub(super) summary: String,
    pub(super) counts: Vec<StateCount>,
    pub(super) goals: Vec<GoalProgress>,
    /// The blocked tasks, longest first; at most 25.
    pub(super) blocked: Vec<Task>,
    /// The tasks in review that have been there longest.
    pub(super) in_review: Vec<Task>,
    /// The tasks that were done last.
    pub(super) done: Vec<Task>,
    /// The tasks to start next.
    pub(super) next_up: Vec<Task>,
    pub(super) url: String,
}

/// A task that a search found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) title: String,
    /// The slug of its team.
    pub(super) team: String,
    pub(super) state: String,
    /// The name of its column.
    pub(super) column: String,
    pub(super) archived: bool,
    /// Where the words were found, if not in the title.
    pub(super) place: Option<String>,
    /// The text around them.
    pub(super) excerpt: Option<String>,
    pub(super) url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SearchResults {
    /// The tasks, best first.
    pub(super) tasks: Vec<Found>,
    /// To read the tasks after these; null if there are none.
    pub(super) next_cursor: Option<String>,
}

/// Something that is waiting on you.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Waiting {
    /// The key of the waiting task; null if you may not see it.
    pub(super) key: Option<String>,
    pub(super) title: String,
    /// The name of its team.
    pub(super) team: String,
    /// What it is waiting on: a task's key, or the name of a team or a person.
    pub(super) on: String,
    pub(super) note: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MyTasks {
    /// The username of the person that you act for.
    pub(super) username: String,
    /// Their open tasks, those in progress first; at most 100.
    pub(super) owned: Vec<Task>,
    /// How many open tasks they own.
    pub(super) owned_count: usize,
    /// Tasks in review that they could review; at most 50.
    pub(super) to_review: Vec<Task>,
    /// Tasks of others that are waiting on them; at most 50.
    pub(super) waiting: Vec<Waiting>,
}
