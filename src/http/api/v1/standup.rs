//! A team's standup as JSON.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use time::Date;

use crate::{
    app::App,
    domain::{
        column_state::ColumnState,
        error::{Problem, Result},
        person::Person,
        policy::{team_access, viewer::Viewer},
        standup::{
            actions::{self, Action},
            queries::standups,
            summary::{Standup, TaskUpdate},
            topics::{self, Meeting, Topic},
        },
        tasks::Card,
        teams::roster::Member,
    },
};

/// What a team talks about in its standup.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupResponse {
    /// The team's name.
    #[schema(example = "Infrastructure")]
    team: String,
    /// The current sprint's number; null between sprints.
    #[schema(example = 42)]
    sprint: Option<i32>,
    /// The current sprint's name.
    #[schema(example = "Sprint 42")]
    sprint_name: Option<String>,
    /// The number of the sprint's working day; 0 before its first.
    #[schema(example = 5)]
    day: usize,
    /// The day of the last standup, since which changes are listed.
    #[schema(example = "2026-11-20")]
    since: String,
    /// What became of tasks since then, as a list in words; empty if nothing did.
    #[schema(example = "3 done, 1 newly blocked")]
    tally: String,
    /// Tasks that changed since then.
    changes: Vec<StandupChange>,
    /// Tasks that need attention, the most urgent first.
    attention: Vec<StandupTask>,
    /// Goals that are behind pace, or have too few owners.
    goals_in_need: Vec<StandupGoal>,
    /// The members, and what they work on.
    people: Vec<StandupPerson>,
    /// Open topics, oldest first.
    topics: Vec<StandupTopic>,
    /// Open actions, oldest first.
    actions: Vec<StandupAction>,
}

/// A task that changed since the last standup.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupChange {
    /// The key.
    #[schema(example = "INF-42")]
    key: String,
    /// The title.
    #[schema(example = "Move the payment database to Postgres 17")]
    title: String,
    /// What became of it.
    #[schema(example = "Done")]
    what: &'static str,
    /// Its state now: `todo`, `doing`, `blocked`, `review` or `done`.
    state: ColumnState,
    /// The owners.
    #[schema(example = json!([{ "handle": "elif", "name": "Elif Hartmann" }]))]
    owners: Vec<Person>,
}

/// A task that needs attention.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupTask {
    /// The key.
    #[schema(example = "INF-42")]
    key: String,
    /// The title.
    #[schema(example = "Move the payment database to Postgres 17")]
    title: String,
    /// Its state: `todo`, `doing`, `blocked`, `review` or `done`.
    state: ColumnState,
    /// Why it needs attention.
    #[schema(example = "Waiting on ING-17 for 2 d")]
    reason: String,
    /// Whether its goal is behind pace.
    #[schema(example = json!(true))]
    at_risk: bool,
    /// The owners.
    #[schema(example = json!([{ "handle": "elif", "name": "Elif Hartmann" }]))]
    owners: Vec<Person>,
}

/// A goal that is behind pace, or has too few owners.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupGoal {
    /// Its number in the sprint.
    #[schema(example = 1)]
    number: i32,
    /// The title.
    #[schema(example = "Migrate 50 of the 100 tables")]
    title: String,
    /// Its progress in percent.
    #[schema(example = 38)]
    progress: i64,
    /// The progress expected by today, in percent.
    #[schema(example = 50)]
    expected: i64,
}

/// A member, and what they work on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupPerson {
    /// The username, without `@`.
    #[schema(example = "elif")]
    handle: String,
    /// The full name.
    #[schema(example = "Elif Hartmann")]
    name: String,
    /// The last day of their absence; null unless they are away.
    #[schema(example = "2026-11-27")]
    away_until: Option<String>,
    /// Keys of their tasks in progress.
    #[schema(example = json!(["INF-42"]))]
    doing: Vec<String>,
    /// Keys of their tasks in review.
    #[schema(example = json!(["INF-40"]))]
    review: Vec<String>,
    /// Keys of their blocked tasks.
    #[schema(example = json!([]))]
    blocked: Vec<String>,
    /// The key of the task they could do next, if they have nothing in progress.
    #[schema(example = "INF-51")]
    suggested: Option<String>,
}

/// A topic for the standup.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupTopic {
    /// The text.
    #[schema(example = "Opinions on the cut-over")]
    text: String,
    /// The username of the person whose opinion is wanted.
    #[schema(example = "jonas")]
    asks: Option<String>,
    /// The first name of the author.
    #[schema(example = "Elif")]
    by: Option<String>,
    /// The key of the task that it is about.
    #[schema(example = "INF-42")]
    task: Option<String>,
}

/// An action that was agreed in a meeting.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StandupAction {
    /// The text.
    #[schema(example = "Ask Legal for a date")]
    text: String,
    /// The owner's username.
    #[schema(example = "jonas")]
    owner: Option<String>,
    /// The due date.
    #[schema(example = "2026-11-27")]
    due: Option<String>,
    /// The key of the task that was created from it.
    #[schema(example = "INF-52")]
    task: Option<String>,
}

/// Returns what a team talks about in its standup: what changed since the last one, what needs attention, who works on
/// what, topics and actions.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/standup",
    operation_id = "get_standup",
    tag = "teams",
    params(("slug" = String, Path, description = "The team's slug", example = "infrastructure")),
    responses((status = 200, description = "The team's standup", body = StandupResponse)),
)]
pub(crate) async fn standup(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Json<StandupResponse>> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let now = app.clock.now();
    let team = [access.team.id];
    let mut standups = standups(&app.db, vec![access], None, now).await?;
    let standup = standups.pop().ok_or(Problem::NotFound)?;
    let topics = topics::topics(&app.db, &team, Meeting::Standup, now).await?;
    let actions = actions::actions(&app.db, &team, standup.previous_at).await?;
    Ok(Json(response(&standup, topics, actions)))
}

fn response(standup: &Standup, topics: Vec<Topic>, actions: Vec<Action>) -> StandupResponse {
    let attention = standup.tasks_needing_attention();
    StandupResponse {
        team: standup.team.name.clone(),
        sprint: standup.sprint.as_ref().map(|sprint| sprint.number),
        sprint_name: standup.sprint.as_ref().map(|sprint| sprint.name.clone()),
        day: standup.day,
        since: day(standup.since),
        tally: standup.tally(),
        changes: standup.happened.iter().map(change).collect(),
        attention: attention
            .into_iter()
            .map(|item| StandupTask {
                key: item.card.key.clone(),
                title: item.card.title.clone(),
                state: item.card.state,
                reason: item.reason,
                at_risk: item.at_risk,
                owners: item.card.owners.clone(),
            })
            .collect(),
        goals_in_need: standup
            .goals_in_need()
            .map(|goal| StandupGoal {
                number: goal.position,
                title: goal.title.clone(),
                progress: goal.is,
                expected: goal.due,
            })
            .collect(),
        people: standup
            .members
            .iter()
            .map(|member| person(standup, member))
            .collect(),
        topics: topics
            .into_iter()
            .filter(|topic| !topic.done)
            .map(|topic| StandupTopic {
                text: topic.text,
                asks: topic.addressee.map(|person| person.handle),
                by: topic.by,
                task: topic.task.map(|(key, _)| key),
            })
            .collect(),
        actions: actions
            .into_iter()
            .filter(Action::is_open)
            .map(|action| StandupAction {
                text: action.text,
                owner: action.owner.map(|person| person.handle),
                due: action.due_on.map(day),
                task: action.task,
            })
            .collect(),
    }
}

fn change(update: &TaskUpdate) -> StandupChange {
    StandupChange {
        key: update.key.clone(),
        title: update.title.clone(),
        what: update.what,
        state: update.state,
        owners: update.owners.clone(),
    }
}

fn person(standup: &Standup, member: &Member) -> StandupPerson {
    let keys = |state| {
        standup
            .in_state(&member.person, state)
            .map(|card: &Card| card.key.clone())
            .collect()
    };
    StandupPerson {
        handle: member.person.handle.clone(),
        name: member.person.name.clone(),
        away_until: member.away_until(standup.today).map(day),
        doing: keys(ColumnState::Doing),
        review: keys(ColumnState::Review),
        blocked: keys(ColumnState::Blocked),
        suggested: standup.suggested(member).map(|card| card.key.clone()),
    }
}

fn day(day: Date) -> String {
    day.to_string()
}
