//! Closing a sprint: every unfinished task goes somewhere, every goal is said to be met or not, and the figures
//! freeze. All of it, or nothing.

use crate::domain::events::EventKind;
use crate::domain::goals::FrozenGoal;
use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{
    accounts::create::touch_workspace,
    error::{Problem, Result},
    events::{Change, Event},
    humanize,
    tasks::{archive, bulk_edit, edit, task_edit::Edit},
    team::Team,
    teams::roster::Roster,
};
use crate::domain::{
    goals::{self, Goal},
    retro::report::{self, Figures},
    sprints::{Sprint, cadence},
};

/// No reason has more characters.
const MOST_WORDS: usize = 500;

/// What becomes of a task that was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Carry,
    Backlog,
    Drop,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Carry, Self::Backlog, Self::Drop];

    /// As a form sends it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Backlog => "backlog",
            Self::Drop => "drop",
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    /// As it is kept: what was done.
    fn kept(self) -> &'static str {
        match self {
            Self::Carry => "carried",
            Self::Backlog => "backlog",
            Self::Drop => "dropped",
        }
    }
}

/// What a team says when it closes a sprint.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What becomes of each unfinished task, by its key, and why it is carried again.
    pub tasks: HashMap<String, (Outcome, String)>,
    /// Whether each goal was met, and if not, why not.
    pub goals: HashMap<Uuid, (bool, String)>,
}

/// A sprint that is held still: until the change is done nobody moves its tasks, sets a goal in it or closes it.
pub struct Held {
    unfinished: Vec<Unfinished>,
    /// The team's goals in it, as they stand.
    goals: Vec<Goal>,
    /// To be frozen. How it burned up is put in by whoever closes: flow knows sprints, not the other way round.
    pub figures: Figures,
}

/// A task that is not done, and what is proposed for it.
#[derive(Clone, Debug)]
struct Unfinished {
    id: Uuid,
    key: String,
    carried_before: i64,
}

/// Holds a team's sprint still, so that what is read from now on are its final figures.
///
/// # Errors
/// `Conflict` when it is closed already, or when the next is closed too.
pub async fn hold(
    change: &mut Change,
    team: &Team,
    crew: &Roster,
    sprint: &Sprint,
    to: &Sprint,
) -> Result<Held> {
    bulk_edit::lock_every_column(change.db(), team.id).await?;
    let unfinished = lock_unfinished(change, team, sprint).await?;
    lock_sprint(change, team, sprint, to).await?;
    // Somebody may have put a task into it while its lock was waited for: then all of it begins again.
    let held: Vec<Uuid> = unfinished.iter().map(|task| task.id).collect();
    let now: Vec<Uuid> = sqlx::query_scalar(UNFINISHED)
        .bind(team.id)
        .bind(sprint.id)
        .fetch_all(change.db())
        .await?;
    if held != now {
        return Err(Problem::Again);
    }
    let (at, crews) = (change.at, HashMap::from([(team.id, crew.clone())]));
    let goals = goals::read(change.db(), &[team.id], sprint, &crews, at).await?;
    let figures = report::as_it_stands(change.db(), team, sprint, &crew.week, at).await?;
    Ok(Held {
        unfinished,
        goals,
        figures,
    })
}

/// Closes a team's sprint that is held. What is carried goes `to` the next one.
///
/// # Errors
/// `Conflict` when an unfinished task has no verdict because it came in meanwhile; `Invalid` for a task that is carried
/// again without a reason, and for words that are too long.
pub async fn close_sprint(
    change: &mut Change,
    team: &Team,
    sprint: &Sprint,
    to: &Sprint,
    held: Held,
    verdict: &Verdict,
) -> Result<()> {
    let Held {
        unfinished,
        goals,
        figures: mut frozen,
    } = held;
    let (at, actor) = (change.at, change.actor);
    if verdict
        .goals
        .values()
        .any(|(met, why_not)| !met && why_not.chars().count() > MOST_WORDS)
    {
        return Err(Problem::field(
            "why",
            "Why a goal was not met has at most 500 characters. Nothing was closed.",
        ));
    }
    frozen.goals = goals
        .iter()
        .map(|goal| (goal.id, final_figure(goal, verdict)))
        .collect();
    let mut refused = Vec::new();
    let mut leftovers = Vec::new();
    for task in &unfinished {
        let Some((outcome, reason)) = verdict.tasks.get(&task.key) else {
            return Err(Problem::conflict(format!(
                "{} was put into {} meanwhile, and nobody said yet what becomes of it. Nothing was closed; say so below.",
                task.key, sprint.name
            )));
        };
        if *outcome == Outcome::Carry && task.carried_before > 0 && reason.trim().is_empty() {
            refused.push(task.key.as_str());
        }
        if let Some(figure) = frozen.tasks.iter_mut().find(|figure| figure.id == task.id) {
            (figure.outcome, figure.reason) = (outcome.kept().to_owned(), reason.trim().to_owned());
        }
        leftovers.push((task, *outcome, reason.trim()));
    }
    if !refused.is_empty() {
        let why = format!(
            "Say why it is carried again: {}. Nothing was closed.",
            refused.join(", ")
        );
        return Err(Problem::field("reason", why));
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
        leave(change, team, sprint, to, task.id, outcome, reason).await?;
    }
    cadence::settle(change.db()).await?;
    touch_workspace(change.db()).await?;
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

/// Sends one unfinished task where the team said.
async fn leave(
    change: &mut Change,
    team: &Team,
    sprint: &Sprint,
    to: &Sprint,
    task: Uuid,
    outcome: Outcome,
    reason: &str,
) -> Result<()> {
    sqlx::query("INSERT INTO unfinished_tasks (team_id, sprint_id, task_id, outcome, to_sprint_id, reason) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(team.id)
        .bind(sprint.id)
        .bind(task)
        .bind(outcome.kept())
        .bind((outcome == Outcome::Carry).then_some(to.id))
        .bind(reason)
        .execute(change.db())
        .await?;
    let into = |sprint| Edit {
        sprint: Some(sprint),
        ..Edit::default()
    };
    match outcome {
        Outcome::Carry => edit::edit_task(change, team, task, &into(Some(to.id))).await,
        Outcome::Backlog => edit::edit_task(change, team, task, &into(None)).await,
        Outcome::Drop => archive::archive_task(change, team, task).await,
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

/// Nobody else closes it, or sets a goal in it, until this change is done.
async fn lock_sprint(change: &mut Change, team: &Team, sprint: &Sprint, to: &Sprint) -> Result<()> {
    let (first, second) = if sprint.id < to.id {
        (sprint, to)
    } else {
        (to, sprint)
    };
    for one in [first, second] {
        sqlx::query("SELECT FROM sprints WHERE id = $1 FOR UPDATE")
            .bind(one.id)
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
    if let Some((_, who, when)) = closed.iter().find(|(id, ..)| *id == sprint.id) {
        let who = who.as_deref().unwrap_or("Somebody");
        let when = humanize::ago(change.at, *when);
        return Err(Problem::conflict(format!(
            "{who} closed {} {when}. Nothing was changed by this.",
            sprint.name
        )));
    }
    if !closed.is_empty() {
        return Err(Problem::conflict(format!(
            "{} is closed too, so nothing can be carried into it. Nothing was changed.",
            to.name
        )));
    }
    Ok(())
}

/// A goal's figure as it would be frozen now.
pub fn final_figure(goal: &Goal, verdict: &Verdict) -> FrozenGoal {
    let (met, why_not) = verdict
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

/// The goals of a frozen sprint in their order.
pub fn in_order(goals: &BTreeMap<Uuid, FrozenGoal>) -> Vec<&FrozenGoal> {
    let mut goals: Vec<&FrozenGoal> = goals.values().collect();
    goals.sort_by_key(|goal| goal.position);
    goals
}
