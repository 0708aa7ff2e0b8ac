//! Claims: an agent takes a task for the person that it acts for, until a time. If nothing has happened to the task by
//! then, the person is no longer its owner, so that no task stays with an agent that has stopped.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        dates::instant,
        error::{Problem, Result},
        events::{Change, EventKind, EventStore},
        person::Person,
        policy::actor::Actor,
        tasks::{agents::name_with_agent, assign, lock, note},
        team::Team,
    },
};

/// How long a claim lasts, in minutes, unless the agent says otherwise, and at most.
pub(crate) const MINUTES: i64 = 60;
pub(crate) const MOST_MINUTES: i64 = 24 * 60;

/// The most claims that end in one turn.
const ENDED_AT_ONCE: i64 = 100;

/// The author of the event that ends a claim.
const EXPIRY: &str = "The end of a claim";

#[derive(sqlx::FromRow)]
struct Claim {
    account_id: Uuid,
    agent: Option<String>,
    version: i64,
    expires_at: OffsetDateTime,
}

/// Makes the person the owner of an unowned task for so long. Claiming again renews the claim. A task that the person owns
/// without a claim stays theirs without end: then the result is `None`.
///
/// # Errors
/// `Conflict` if the task is archived or done, has another owner, or was claimed by another agent.
pub(crate) async fn claim(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    person: &Person,
    lasts: Duration,
) -> Result<Option<OffsetDateTime>> {
    let old = lock(change.db(), team.id, task).await?;
    let key = format!("{}-{}", team.key, old.number);
    let state: ColumnState =
        sqlx::query_scalar("SELECT state FROM columns WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(old.column_id)
            .fetch_one(change.db())
            .await?;
    if old.archived_at.is_some() || state == ColumnState::Done {
        let is = if old.archived_at.is_some() {
            "archived"
        } else {
            "done"
        };
        return Err(Problem::conflict(format!(
            "{key} is {is}. Nothing was changed. The tool `ready` names a task to start with."
        )));
    }
    let owners = assign::read(change.db(), team.id, task).await?;
    let claim = find(change, team.id, task).await?;
    if owners.is_empty() {
        assign::set_owners(change, team, task, std::slice::from_ref(&person.handle)).await?;
    } else if !owners.contains(&person.handle) {
        return Err(Problem::conflict(format!(
            "{key} is owned by @{}. Nothing was changed. The tool `ready` names a task that is free.",
            owners.join(", @")
        )));
    } else {
        let Some(claim) = claim else { return Ok(None) };
        if claim.agent != change.agent && claim.expires_at > change.at {
            let holder = name_with_agent(claim.agent.as_deref(), &person.name);
            return Err(Problem::conflict(format!(
                "{holder} has claimed {key} until {}. Nothing was changed. The tool `ready` names a task that is free.",
                instant(claim.expires_at)
            )));
        }
    }
    let expires_at = change.at + lasts;
    let agent = change.agent.clone();
    sqlx::query(
        "INSERT INTO claims (team_id, task_id, account_id, agent, version, expires_at)
         SELECT team_id, id, $3, $4, version, $5 FROM tasks WHERE team_id = $1 AND id = $2
         ON CONFLICT (team_id, task_id) DO UPDATE
         SET account_id = excluded.account_id, agent = excluded.agent, version = excluded.version, expires_at = excluded.expires_at",
    )
    .bind(team.id)
    .bind(task)
    .bind(person.id)
    .bind(agent)
    .bind(expires_at)
    .execute(change.db())
    .await?;
    Ok(Some(expires_at))
}

async fn find(change: &mut Change, team: Uuid, task: Uuid) -> Result<Option<Claim>> {
    Ok(sqlx::query_as(
        "SELECT account_id, agent, version, expires_at FROM claims WHERE team_id = $1 AND task_id = $2",
    )
    .bind(team)
    .bind(task)
    .fetch_optional(change.db())
    .await?)
}

/// Until when a task is claimed; `None` if it is not.
pub(crate) async fn claimed_until(
    db: &Pool,
    team: Uuid,
    task: Uuid,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>> {
    Ok(sqlx::query_scalar(
        "SELECT expires_at FROM claims WHERE team_id = $1 AND task_id = $2 AND expires_at > $3",
    )
    .bind(team)
    .bind(task)
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Ends the claims whose time is over.
pub async fn end_expired(db: &Pool, store: &EventStore, now: OffsetDateTime) -> Result<()> {
    let expired: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT team_id, task_id FROM claims WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2",
    )
    .bind(now)
    .bind(ENDED_AT_ONCE)
    .fetch_all(db)
    .await?;
    for (team, task) in expired {
        let team: Team = sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(db)
            .await?;
        store
            .change(&Actor::system(), |change, _| {
                Box::pin(end(change, &team, task, now))
            })
            .await?;
    }
    Ok(())
}

/// Ends a claim. If its person has done nothing to the task since, and no one has moved or assigned it, they are no longer
/// an owner.
async fn end(change: &mut Change, team: &Team, task: Uuid, now: OffsetDateTime) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let claim = find(change, team.id, task).await?;
    // renewed, or ended by another program
    let Some(claim) = claim.filter(|claim| claim.expires_at <= now) else {
        return Ok(());
    };
    sqlx::query("DELETE FROM claims WHERE team_id = $1 AND task_id = $2")
        .bind(team.id)
        .bind(task)
        .execute(change.db())
        .await?;
    let is_touched: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM events WHERE team_id = $1 AND task_id = $2 AND version > $3
                        AND (actor_id = $4 OR kind IN ('task.moved', 'task.assigned')))",
    )
    .bind(team.id)
    .bind(task)
    .bind(claim.version)
    .bind(claim.account_id)
    .fetch_one(change.db())
    .await?;
    if is_touched {
        return Ok(());
    }
    let before = assign::read(change.db(), team.id, task).await?;
    sqlx::query("DELETE FROM task_owners WHERE team_id = $1 AND task_id = $2 AND account_id = $3")
        .bind(team.id)
        .bind(task)
        .bind(claim.account_id)
        .execute(change.db())
        .await?;
    let after = assign::read(change.db(), team.id, task).await?;
    if before == after {
        return Ok(());
    }
    let (before, after) = (
        json!({ "owners": before }),
        json!({ "owners": after, "by": EXPIRY }),
    );
    note(change, team, task, EventKind::TaskAssigned, before, after).await
}
