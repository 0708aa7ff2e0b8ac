//! Which events of a team are announced in its channel.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    chat::{
        queue::{self, ChatKind},
        reached_goals::newly_reached,
        webhooks,
    },
    error::Result,
    events::EventKind,
};

/// Adds messages about new events of a team to the outbox, if it wants them. Runs in the transaction that moves the
/// team's cursor, so that each event is looked at once.
pub(crate) async fn add(
    db: &mut PgConnection,
    team: Uuid,
    events: &[(EventKind, &Value)],
    now: OffsetDateTime,
) -> Result<()> {
    let Some(webhook) = webhooks::webhook(db, team).await? else {
        return Ok(());
    };
    if webhook.refused {
        return Ok(());
    }
    if webhook.wanted.blocked {
        let blockers = ids(events, EventKind::TaskBlocked, |after| {
            after["blockers"]["id"].as_str()
        });
        let elsewhere = on_other_teams(db, team, &blockers).await?;
        if !elsewhere.is_empty() {
            queue::add(db, team, ChatKind::Blocked, &elsewhere, now).await?;
        }
    }
    if webhook.wanted.sprints {
        let numbers: Vec<i32> = events
            .iter()
            .filter(|(kind, _)| *kind == EventKind::SprintClosed)
            .filter_map(|(_, after)| after["sprint"].as_i64()?.try_into().ok())
            .collect();
        let closed: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM sprints WHERE number = ANY($1) ORDER BY number")
                .bind(numbers)
                .fetch_all(&mut *db)
                .await?;
        if !closed.is_empty() {
            queue::add(db, team, ChatKind::SprintClosed, &closed, now).await?;
        }
    }
    if webhook.wanted.goals && events.iter().any(|(kind, _)| moves_goals(*kind)) {
        let reached = newly_reached(db, team, now).await?;
        if !reached.is_empty() {
            queue::add(db, team, ChatKind::GoalReached, &reached, now).await?;
        }
    }
    Ok(())
}

/// Whether a goal may be reached by such an event.
fn moves_goals(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::TaskCreated
            | EventKind::TaskMoved
            | EventKind::TaskArchived
            | EventKind::TaskRestored
            | EventKind::TaskEdited
            | EventKind::TaskColumnDeleted
            | EventKind::ColumnEdited
            | EventKind::GoalEdited
            | EventKind::GoalProgressed
    )
}

fn ids(
    events: &[(EventKind, &Value)],
    wanted: EventKind,
    id: impl Fn(&Value) -> Option<&str>,
) -> Vec<Uuid> {
    events
        .iter()
        .filter(|(kind, _)| *kind == wanted)
        .filter_map(|(_, after)| id(after)?.parse().ok())
        .collect()
}

/// Those of the blockers that are about another team or its task, and have not ended.
async fn on_other_teams(db: &mut PgConnection, team: Uuid, blockers: &[Uuid]) -> Result<Vec<Uuid>> {
    if blockers.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_scalar(
        "SELECT id FROM blockers WHERE team_id = $1 AND id = ANY($2) AND ended_at IS NULL AND coalesce(on_task_team, on_team_id) <> $1
         ORDER BY since, id",
    )
    .bind(team)
    .bind(blockers)
    .fetch_all(db)
    .await?)
}
