//! Makes messages of new events. Each event is looked at once: the team's cursor moves in the transaction that writes its
//! messages, and is locked meanwhile, so that of several programs one does it. No change waits for this.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::not_imported,
        policy::predicates::seen_by,
        team::Team,
        webhooks::{
            chosen::Chosen,
            events,
            payload::{self, NewEvent},
            switch_off,
        },
    },
};

/// How many events are looked at in one transaction.
const BATCH: i64 = 200;

/// Older events are no news: of a restored backup, or of a workspace that was filled with a history.
const OLDEST: Duration = Duration::days(1);

/// A webhook of which more messages wait is switched off: its receiver is too slow for what happens.
pub const MOST_WAITING: i64 = 5000;

/// A webhook that wants a team's events.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Wanting {
    id: Uuid,
    events: Chosen,
    state_since: OffsetDateTime,
    is_full: bool,
}

/// A message to be written.
struct Made {
    webhook: Uuid,
    kind: &'static str,
    body: String,
}

/// Makes messages of all new events. Returns how many.
///
/// # Errors
/// The first one, after the events of all other teams were looked at.
pub async fn make_new(db: &Pool, public_url: &str, now: OffsetDateTime) -> Result<usize> {
    let teams: Vec<Team> = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq FROM teams t LEFT JOIN webhook_cursors c ON c.team_id = t.id
         WHERE t.seq <> coalesce(c.seq, 0)
             AND EXISTS (SELECT FROM webhooks w WHERE w.state = 'active' AND (w.team_id = t.id OR w.team_id IS NULL))
         ORDER BY t.id",
    )
    .fetch_all(db)
    .await?;
    let (mut made, mut outcome) = (0, Ok(()));
    for team in teams {
        match make_of_team(db, &team, public_url, now).await {
            Ok(count) => made += count,
            Err(problem) => {
                tracing::error!(team = %team.id, "webhook messages could not be made: {problem:?}");
                outcome = outcome.and(Err(problem));
            }
        }
    }
    outcome.map(|()| made)
}

async fn make_of_team(
    db: &Pool,
    team: &Team,
    public_url: &str,
    now: OffsetDateTime,
) -> Result<usize> {
    let mut made = 0;
    while let Some(count) = make_batch(db, team, public_url, now).await? {
        made += count;
    }
    Ok(made)
}

/// Looks at some events of a team; `None` if there are none, or another program is doing it.
async fn make_batch(
    db: &Pool,
    team: &Team,
    public_url: &str,
    now: OffsetDateTime,
) -> Result<Option<usize>> {
    let mut tx = db.begin().await?;
    sqlx::query("INSERT INTO webhook_cursors (team_id, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING")
        .bind(team.id)
        .execute(&mut *tx)
        .await?;
    let cursor: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM webhook_cursors WHERE team_id = $1 FOR UPDATE SKIP LOCKED",
    )
    .bind(team.id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    // In a statement of its own: what is read with the lock may be older than what another program has done meanwhile.
    let newest: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE id = $1")
        .bind(team.id)
        .fetch_one(&mut *tx)
        .await?;
    if cursor == newest {
        return Ok(None);
    }
    // A cursor that is ahead went back in time with a restored backup or a failover.
    let reached = newest.min(cursor + BATCH);
    let made = make(&mut tx, team, (cursor, reached), public_url, now).await?;
    let count = made.len();
    write(&mut tx, team.id, made, now).await?;
    sqlx::query("UPDATE webhook_cursors SET seq = $2 WHERE team_id = $1")
        .bind(team.id)
        .bind(reached)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Some(count))
}

/// The messages of the events after a number and up to another one.
async fn make(
    db: &mut PgConnection,
    team: &Team,
    (after, to): (i64, i64),
    public_url: &str,
    now: OffsetDateTime,
) -> Result<Vec<Made>> {
    let new: Vec<NewEvent> = sqlx::query_as(concat!(
        "SELECT e.seq, e.kind, e.change_id, a.handle AS actor, k.number, k.title, e.before, e.after, e.at, e.undoes IS NOT NULL AS is_undo
         FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = e.team_id AND id = e.task_id OFFSET 0) k ON true
         WHERE e.team_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.at > $4 AND ",
        not_imported!("e", "$1"),
        " ORDER BY e.seq"
    ))
    .bind(team.id)
    .bind(after)
    .bind(to)
    .bind(now - OLDEST)
    .fetch_all(&mut *db)
    .await?;
    let told: Vec<_> = new
        .iter()
        .filter_map(|event| Some((event, events::of(event.kind)?)))
        .collect();
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let webhooks = wanting(db, team.id, now).await?;
    let sprints = sprint_numbers(db, &new).await?;
    let mut made = Vec::new();
    for (event, contents) in told {
        let interested: Vec<&Wanting> = webhooks
            .iter()
            .filter(|webhook| webhook.state_since <= event.at)
            .filter(|webhook| webhook.events.includes(event.kind, contents.group))
            .collect();
        if interested.is_empty() {
            continue;
        }
        let body = payload::body(event, &contents, team, &sprints, public_url);
        made.extend(interested.into_iter().map(|webhook| Made {
            webhook: webhook.id,
            kind: event.kind.as_str(),
            body: body.clone(),
        }));
    }
    Ok(made)
}

/// The active webhooks that want the events of a team and whose maker may see it. Those of which too much waits are
/// switched off.
async fn wanting(db: &mut PgConnection, team: Uuid, now: OffsetDateTime) -> Result<Vec<Wanting>> {
    let all: Vec<Wanting> = sqlx::query_as(concat!(
        "SELECT w.id, w.events, w.state_since,
                (SELECT count(*) FROM (SELECT FROM webhook_messages m WHERE m.webhook_id = w.id AND m.state = 'waiting' LIMIT $2) few) >= $2 AS is_full
         FROM teams t JOIN webhooks w ON w.team_id = t.id OR w.team_id IS NULL
         WHERE t.id = $1 AND w.state = 'active' AND (w.team_id IS NOT NULL OR ",
        seen_by!("w.maker_id"),
        // None of them is paused before its messages are written.
        ") ORDER BY w.id FOR NO KEY UPDATE OF w"
    ))
    .bind(team)
    .bind(MOST_WAITING)
    .fetch_all(&mut *db)
    .await?;
    let (full, ready): (Vec<Wanting>, Vec<Wanting>) =
        all.into_iter().partition(|webhook| webhook.is_full);
    for webhook in full {
        let reason =
            format!("More than {MOST_WAITING} messages were waiting: the receiver is too slow.");
        switch_off::switch_off(db, webhook.id, &reason, now).await?;
    }
    Ok(ready)
}

async fn sprint_numbers(db: &mut PgConnection, new: &[NewEvent]) -> Result<HashMap<Uuid, i32>> {
    let ids: Vec<Uuid> = new.iter().flat_map(payload::sprint_ids).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let numbers: Vec<(Uuid, i32)> =
        sqlx::query_as("SELECT id, number FROM sprints WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(db)
            .await?;
    Ok(numbers.into_iter().collect())
}

async fn write(
    db: &mut PgConnection,
    team: Uuid,
    made: Vec<Made>,
    now: OffsetDateTime,
) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO webhook_messages (id, webhook_id, team_id, kind, body, created_at, send_at)
         SELECT m.id, m.webhook, $5, m.kind, m.body, $6, $6
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) m (id, webhook, kind, body)",
    )
    .bind(made.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
    .bind(made.iter().map(|made| made.webhook).collect::<Vec<_>>())
    .bind(made.iter().map(|made| made.kind).collect::<Vec<_>>())
    .bind(
        made.iter()
            .map(|made| made.body.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(team)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
