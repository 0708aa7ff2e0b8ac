//! Closes a sprint for a team: every unfinished task is moved, every goal is marked as met or
//! missed, and the numbers are frozen. All or nothing.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{
    boards::filters::terms::Filter,
    clock,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    flow,
    goals::{self, FrozenGoal, Goal},
    humanize,
    retro::{
        figures::TaskOutcome,
        report::{self, SprintReport},
    },
    sprints::{Sprint, cadence},
    tasks::{archive, bulk_edit, edit, task_edit::Edit},
    team::Team,
    teams::roster::Roster,
    workspace_seq::bump_workspace_seq,
};

/// Maximum length of a reason.
const MAX_CHARS: usize = 500;

/// What happens to an unfinished task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseAction {
    Carry,
    Backlog,
    Drop,
}

impl CloseAction {
    pub(crate) const ALL: [Self; 3] = [Self::Carry, Self::Backlog, Self::Drop];

    /// The value in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Backlog => "backlog",
            Self::Drop => "drop",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    /// The outcome that the report stores.
    fn to_task_outcome(self) -> TaskOutcome {
        match self {
            Self::Carry => TaskOutcome::Carried,
            Self::Backlog => TaskOutcome::Backlog,
            Self::Drop => TaskOutcome::Dropped,
        }
    }
}

/// The team's decisions when it closes a sprint.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseDecisions {
    /// The outcome of each unfinished task by its key, with a reason for carrying over again.
    pub(crate) tasks: HashMap<String, (CloseAction, String)>,
    /// Whether each goal was met, and the reason if not.
    pub(crate) goals: HashMap<Uuid, (bool, String)>,
}

/// A locked sprint: until the end of the transaction its tasks and goals cannot change, and no one
/// else can close it.
pub struct LockedSprint {
    unfinished: Vec<Unfinished>,
    /// The team's goals in the sprint, with their current progress.
    goals: Vec<Goal>,
    /// The numbers to freeze.
    figures: SprintReport,
}

/// An unfinished task, and how often it was carried over before.
#[derive(Clone, Debug)]
struct Unfinished {
    id: Uuid,
    key: String,
    carried_before: i64,
}

/// Locks a team's sprint, so that whatever is read afterwards is final.
///
/// # Errors
/// `Conflict` when it is already closed, or when the next one is.
pub async fn lock_for_close(
    change: &mut Change,
    team: &Team,
    roster: &Roster,
    sprint: &Sprint,
    to: &Sprint,
) -> Result<LockedSprint> {
    bulk_edit::lock_every_column(change.db(), team.id).await?;
    let unfinished = lock_unfinished(change, team, sprint).await?;
    lock_open_sprints(change, team, sprint, to).await?;
    // Another transaction may have added a task while this one waited for the lock; then the change
    // is retried.
    let locked: Vec<Uuid> = unfinished.iter().map(|task| task.id).collect();
    let current: Vec<Uuid> = sqlx::query_scalar(UNFINISHED)
        .bind(team.id)
        .bind(sprint.id)
        .fetch_all(change.db())
        .await?;
    if locked != current {
        return Err(Problem::Retry);
    }
    let (at, rosters) = (change.at, HashMap::from([(team.id, roster.clone())]));
    let goals = goals::read(change.db(), &[team.id], sprint, &rosters, at).await?;
    let figures = report::current_figures(change.db(), team, sprint, &roster.week, at).await?;
    Ok(LockedSprint {
        unfinished,
        goals,
        figures,
    })
}

/// Closes a team's sprint. Carried-over tasks go to the sprint `to`.
///
/// # Errors
/// `Conflict` when an unfinished task has no outcome because it was added in the meantime;
/// `Invalid` for a task that is carried over again without a reason, and for texts that are too
/// long.
pub(crate) async fn close_sprint(
    change: &mut Change,
    team: &Team,
    roster: &Roster,
    sprint: &Sprint,
    to: &Sprint,
    decisions: &CloseDecisions,
) -> Result<()> {
    let LockedSprint {
        unfinished,
        goals,
        figures: mut frozen,
    } = lock_for_close(change, team, roster, sprint, to).await?;
    frozen.burn_up = final_burn_up(change, team, roster, sprint, &frozen).await?;
    let (at, actor) = (change.at, change.actor);
    if decisions
        .goals
        .values()
        .any(|(met, why_not)| !met && why_not.chars().count() > MAX_CHARS)
    {
        return Err(Problem::field(
            "why",
            "The reason why a goal was missed can have at most 500 characters. Nothing was closed.",
        ));
    }
    frozen.goals = goals
        .iter()
        .map(|goal| (goal.id, final_figure(goal, decisions)))
        .collect();
    let mut missing_reason = Vec::new();
    let mut leftovers = Vec::new();
    for task in &unfinished {
        let Some((outcome, reason)) = decisions.tasks.get(&task.key) else {
            return Err(Problem::conflict(format!(
                "{} was added to {} in the meantime. Choose what happens to it below. Nothing was closed.",
                task.key, sprint.name
            )));
        };
        if *outcome == CloseAction::Carry && task.carried_before > 0 && reason.trim().is_empty() {
            missing_reason.push(task.key.as_str());
        }
        if let Some(figure) = frozen.tasks.iter_mut().find(|figure| figure.id == task.id) {
            (figure.outcome, figure.reason) =
                (Some(outcome.to_task_outcome()), reason.trim().to_owned());
        }
        leftovers.push((task, *outcome, reason.trim()));
    }
    if !missing_reason.is_empty() {
        let message = format!(
            "Enter a reason for carrying over again: {}. Nothing was closed.",
            missing_reason.join(", ")
        );
        return Err(Problem::field("reason", message));
    }
    let id = change.id;
    sqlx::query("INSERT INTO sprint_reports (team_id, sprint_id, closed_by, closed_at, change_id, figures) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(team.id)
        .bind(sprint.id)
        .bind(actor)
        .bind(at)
        .bind(id)
        .bind(Json(&frozen))
        .execute(change.db())
        .await?;
    for (task, outcome, reason) in leftovers {
        apply_outcome(change, team, sprint, to, task.id, outcome, reason).await?;
    }
    cadence::close_finished_sprints(change.db()).await?;
    bump_workspace_seq(change.db()).await?;
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::SprintClosed,
        before: json!({}),
        after: json!({ "sprint": sprint.number, "done": frozen.finished().0, "left": unfinished.len() }),
        version: None,
    });
    Ok(())
}

/// The burn-up of a sprint that ends now, as the report stores it.
async fn final_burn_up(
    change: &mut Change,
    team: &Team,
    roster: &Roster,
    sprint: &Sprint,
    figures: &SprintReport,
) -> Result<Value> {
    let at = change.at;
    let no_filter = Filter::default();
    let mut burn_up =
        flow::queries::burn_up(change.db(), team, sprint, &no_filter, &roster.week, at).await?;
    // The sprint ends now, even if it is closed early.
    burn_up.forecast = None;
    // When closed after its last day, that day's numbers are those at closing, as in the retro.
    if let Some(last) = burn_up
        .days
        .last_mut()
        .filter(|_| clock::day_in(at, &roster.week.zone) > sprint.ends_on)
    {
        (last.scope, last.done) = figures.scope_and_done();
    }
    Ok(serde_json::to_value(burn_up).map_err(anyhow::Error::from)?)
}

/// Applies the outcome of one unfinished task.
async fn apply_outcome(
    change: &mut Change,
    team: &Team,
    sprint: &Sprint,
    to: &Sprint,
    task: Uuid,
    outcome: CloseAction,
    reason: &str,
) -> Result<()> {
    sqlx::query("INSERT INTO unfinished_tasks (team_id, sprint_id, task_id, outcome, to_sprint_id, reason) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(team.id)
        .bind(sprint.id)
        .bind(task)
        .bind(outcome.to_task_outcome())
        .bind((outcome == CloseAction::Carry).then_some(to.id))
        .bind(reason)
        .execute(change.db())
        .await?;
    let into = |sprint| Edit {
        sprint: Some(sprint),
        ..Edit::default()
    };
    match outcome {
        CloseAction::Carry => edit::edit_task(change, team, task, &into(Some(to.id))).await,
        CloseAction::Backlog => edit::edit_task(change, team, task, &into(None)).await,
        CloseAction::Drop => archive::archive_task(change, team, task).await,
    }
}

const UNFINISHED: &str = "SELECT k.id FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
     WHERE k.team_id = $1 AND k.sprint_id = $2 AND k.archived_at IS NULL AND c.state <> 'done' ORDER BY k.id";

async fn lock_unfinished(
    change: &mut Change,
    team: &Team,
    sprint: &Sprint,
) -> Result<Vec<Unfinished>> {
    let tasks: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT k.id, k.number FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.sprint_id = $2 AND k.archived_at IS NULL AND c.state <> 'done'
         ORDER BY k.id FOR NO KEY UPDATE OF k",
    )
    .bind(team.id)
    .bind(sprint.id)
    .fetch_all(change.db())
    .await?;
    let ids: Vec<Uuid> = tasks.iter().map(|(id, _)| *id).collect();
    let carried: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT task_id, count(*) FROM unfinished_tasks WHERE team_id = $1 AND task_id = ANY($2) AND outcome = 'carried' GROUP BY task_id",
    )
    .bind(team.id)
    .bind(&ids)
    .fetch_all(change.db())
    .await?;
    let carried: HashMap<Uuid, i64> = carried.into_iter().collect();
    let unfinished = |(id, number): (Uuid, i64)| Unfinished {
        id,
        key: format!("{}-{number}", team.key),
        carried_before: carried.get(&id).copied().unwrap_or(0),
    };
    Ok(tasks.into_iter().map(unfinished).collect())
}

/// Locks out other closes and new goals until the end of the transaction.
async fn lock_open_sprints(
    change: &mut Change,
    team: &Team,
    sprint: &Sprint,
    to: &Sprint,
) -> Result<()> {
    let (first, second) = if sprint.id < to.id {
        (sprint, to)
    } else {
        (to, sprint)
    };
    for locked in [first, second] {
        sqlx::query("SELECT FROM sprints WHERE id = $1 FOR UPDATE")
            .bind(locked.id)
            .execute(change.db())
            .await?;
    }
    let closed: Vec<(Uuid, Option<String>, time::OffsetDateTime)> = sqlx::query_as(
        "SELECT c.sprint_id, a.name, c.closed_at FROM sprint_reports c LEFT JOIN accounts a ON a.id = c.closed_by
         WHERE c.team_id = $1 AND c.sprint_id = ANY($2)",
    )
    .bind(team.id)
    .bind([sprint.id, to.id].as_slice())
    .fetch_all(change.db())
    .await?;
    if let Some((_, closed_by, when)) = closed.iter().find(|(id, ..)| *id == sprint.id) {
        let closed_by = closed_by.as_deref().unwrap_or("A former member");
        let when = humanize::ago(change.at, *when);
        return Err(Problem::conflict(format!(
            "{closed_by} closed {} {when}. Nothing was changed by this.",
            sprint.name
        )));
    }
    if !closed.is_empty() {
        return Err(Problem::conflict(format!(
            "{} is closed too, so no tasks can be carried over to it. Nothing was changed.",
            to.name
        )));
    }
    Ok(())
}

/// A goal's numbers as they would be frozen now.
pub(crate) fn final_figure(goal: &Goal, decisions: &CloseDecisions) -> FrozenGoal {
    let (met, why_not) = decisions
        .goals
        .get(&goal.id)
        .cloned()
        .unwrap_or((goal.is_reached(), String::new()));
    FrozenGoal {
        position: goal.position,
        title: goal.title.clone(),
        figure: goal.figure.clone(),
        current: goal.current,
        is: goal.is,
        hue: goal.hue,
        met,
        why_not: if met {
            String::new()
        } else {
            why_not.trim().to_owned()
        },
        owners: goal.owners.iter().map(|owner| owner.name.clone()).collect(),
    }
}

/// The goals of a frozen sprint in order.
pub(crate) fn in_order(goals: &BTreeMap<Uuid, FrozenGoal>) -> Vec<&FrozenGoal> {
    let mut goals: Vec<&FrozenGoal> = goals.values().collect();
    goals.sort_by_key(|goal| goal.position);
    goals
}
