//! Turns the new events of all teams into notifications. Each event is looked at once: the team's cursor moves in the
//! transaction that writes its notices, and is locked meanwhile, so that of several programs one does it.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        chat,
        error::Result,
        events::EventKind,
        notifications::{
            batch::{self, Batch},
            record, rules,
        },
        policy::predicates::seen_by,
    },
};

/// How many events are looked at in one transaction.
const BATCH: i64 = 500;

/// Older events are no news: of a restored backup, or of a workspace that was filled with a history.
const OLDEST: Duration = Duration::days(7);

/// Delivers all new events, `by_mail` too to those who want that, and adds the accounts whose inbox changed.
///
/// # Errors
/// The first one, after the events of all other teams were delivered.
pub async fn deliver_new(
    db: &Pool,
    now: OffsetDateTime,
    by_mail: bool,
    changed: &mut BTreeSet<Uuid>,
) -> Result<()> {
    let teams: Vec<Uuid> = sqlx::query_scalar(
        "SELECT t.id FROM teams t LEFT JOIN notification_cursors c ON c.team_id = t.id WHERE t.seq <> coalesce(c.seq, 0) ORDER BY t.id",
    )
    .fetch_all(db)
    .await?;
    let mut outcome = Ok(());
    for team in teams {
        let delivered = deliver_team(db, team, now, by_mail, changed).await;
        if let Err(problem) = &delivered {
            tracing::error!(%team, "the events of a team could not be delivered: {problem:?}");
        }
        outcome = outcome.and(delivered);
    }
    outcome
}

async fn deliver_team(
    db: &Pool,
    team: Uuid,
    now: OffsetDateTime,
    by_mail: bool,
    changed: &mut BTreeSet<Uuid>,
) -> Result<()> {
    while let Some(accounts) = deliver_batch(db, team, now, by_mail).await? {
        changed.extend(accounts);
    }
    Ok(())
}

/// Delivers some events of a team; `None` if there are none, or another program is doing it.
async fn deliver_batch(
    db: &Pool,
    team: Uuid,
    now: OffsetDateTime,
    by_mail: bool,
) -> Result<Option<BTreeSet<Uuid>>> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO notification_cursors (team_id, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING",
    )
    .bind(team)
    .execute(&mut *tx)
    .await?;
    let cursor: Option<(i64, i64)> = sqlx::query_as(
        "SELECT c.seq, t.seq FROM notification_cursors c JOIN teams t ON t.id = c.team_id WHERE c.team_id = $1 FOR UPDATE OF c SKIP LOCKED",
    )
    .bind(team)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((cursor, newest)) = cursor.filter(|(cursor, newest)| cursor != newest) else {
        return Ok(None);
    };
    // It went back in time with a restored backup or a failover: what it has now is not told again.
    let (events, reached) = if cursor > newest {
        (Vec::new(), newest)
    } else {
        batch::new_events(&mut tx, team, cursor, BATCH).await?
    };
    let mut changed = BTreeSet::new();
    let recent: Vec<_> = events
        .into_iter()
        .filter(|event| event.at > now - OLDEST)
        .collect();
    if !recent.is_empty() {
        let times: HashMap<i64, OffsetDateTime> =
            recent.iter().map(|event| (event.seq, event.at)).collect();
        let ends_access = recent.iter().any(|event| {
            matches!(
                event.kind,
                EventKind::MemberLeft | EventKind::TeamVisibilityChanged
            )
        });
        let batch = Batch::load(&mut tx, team, recent).await?;
        let news: Vec<(EventKind, &Value)> = batch
            .events
            .iter()
            .filter(|event| !event.is_undone)
            .map(|event| (event.kind, &event.after))
            .collect();
        chat::news::add(&mut tx, team, &news, now).await?;
        let (notices, withdrawals) = rules::apply(&batch);
        let at = |seq: i64| times.get(&seq).copied().unwrap_or(now);
        changed.extend(record::write(&mut tx, team, &notices, at, by_mail.then_some(now)).await?);
        for (seq, what) in &withdrawals {
            changed.extend(record::withdraw(&mut tx, team, *seq, what).await?);
        }
        if ends_access {
            changed.extend(remove_unseen(&mut tx, team).await?);
        }
    }
    sqlx::query("UPDATE notification_cursors SET seq = $2 WHERE team_id = $1")
        .bind(team)
        .bind(reached)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Some(changed))
}

/// Deletes the threads of people who no longer have access to the team.
async fn remove_unseen(db: &mut sqlx::PgConnection, team: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(concat!(
        "DELETE FROM inbox_threads i USING teams t WHERE t.id = $1 AND i.team_id = t.id AND NOT ",
        seen_by!("i.account_id"),
        " RETURNING i.account_id"
    ))
    .bind(team)
    .fetch_all(db)
    .await?)
}
