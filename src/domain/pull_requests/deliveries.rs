//! Deliveries: received once each, processed in the order in which they came, and tried again if that fails.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::Change,
        pull_requests::{Forge, payload::repository_of},
    },
};

/// For how long a delivery that is being processed belongs to one program.
const LEASE: Duration = Duration::minutes(2);

/// The time after each failed attempt until the next. Later deliveries of the connection wait meanwhile.
const PAUSES: [Duration; 5] = [
    Duration::seconds(5),
    Duration::seconds(30),
    Duration::minutes(2),
    Duration::minutes(10),
    Duration::minutes(30),
];

/// How often a delivery is tried. One that stops the program each time is given up as well.
const MOST_ATTEMPTS: i32 = 6;

/// The most refused deliveries of a connection that are kept. Anyone who knows the address can send them.
const MOST_REFUSED: i64 = 100;

/// How often a delivery can be run again.
const MOST_RUNS: i32 = 20;

/// How long bodies are kept, and the log.
pub(crate) const KEEP_BODIES: Duration = Duration::days(7);
pub(crate) const KEEP_LOG: Duration = Duration::days(90);

/// Of a connection that receives much, the newest bodies and deliveries that are kept.
const MOST_BODIES: i64 = 5_000;
const MOST_DELIVERIES: i64 = 50_000;

/// Stores a delivery, with the team of its repository, so that nobody else sees its body while it waits. Returns
/// whether it is new.
pub(crate) async fn receive(
    db: &Pool,
    (connection, forge): (Uuid, Forge),
    (delivery, event): (&str, &str),
    body: &[u8],
    now: OffsetDateTime,
) -> Result<bool> {
    let stored = sqlx::query(
        "INSERT INTO forge_deliveries (id, connection_id, delivery, event, received_at, body, state, try_at, team_id, has_team)
         SELECT $1, $2, left($3, 200), left($4, 100), $5, $6, 'waiting', $5, r.team_id, r.name IS NOT NULL
         FROM (VALUES (lower($7))) of (name) LEFT JOIN forge_repository_teams r ON r.connection_id = $2 AND r.name = of.name
         ON CONFLICT (connection_id, delivery) DO NOTHING",
    )
    .bind(Uuid::now_v7())
    .bind(connection)
    .bind(delivery)
    .bind(event)
    .bind(now)
    .bind(body)
    .bind(repository_of(forge, body))
    .execute(db)
    .await?;
    Ok(stored.rows_affected() > 0)
}

/// Notes that a test has arrived. Nothing follows from it, so that it does not wait.
pub(crate) async fn receive_test(
    db: &Pool,
    connection: Uuid,
    (delivery, event): (&str, &str),
    body: &[u8],
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO forge_deliveries (id, connection_id, delivery, event, received_at, body, state, summary, outcome, result)
         VALUES ($1, $2, left($3, 200), left($4, 100), $5, $6, 'test', 'test', $7, 'nothing')
         ON CONFLICT (connection_id, delivery) DO NOTHING",
    )
    .bind(Uuid::now_v7())
    .bind(connection)
    .bind(delivery)
    .bind(event)
    .bind(now)
    .bind(body)
    .bind("A test from this page. The address and the secret work.")
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a delivery with this id has arrived.
pub(crate) async fn has_arrived(db: &Pool, connection: Uuid, delivery: &str) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_deliveries WHERE connection_id = $1 AND delivery = $2)",
    )
    .bind(connection)
    .bind(delivery)
    .fetch_one(db)
    .await?)
}

/// Notes a refused delivery, without its body. Of many, the newest are kept.
pub(crate) async fn refuse(
    db: &Pool,
    connection: Uuid,
    reason: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    // One at a time, so that many at once are counted.
    sqlx::query("SELECT FROM forge_connections WHERE id = $1 FOR NO KEY UPDATE")
        .bind(connection)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO forge_deliveries (id, connection_id, received_at, state, outcome)
         VALUES ($1, $2, $3, 'refused', $4)",
    )
    .bind(Uuid::now_v7())
    .bind(connection)
    .bind(now)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM forge_deliveries WHERE id IN (
             SELECT id FROM forge_deliveries WHERE connection_id = $1 AND state = 'refused' ORDER BY number DESC OFFSET $2)",
    )
    .bind(connection)
    .bind(MOST_REFUSED)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// A delivery to be processed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Waiting {
    pub(crate) id: Uuid,
    pub(crate) connection_id: Uuid,
    pub(crate) forge: Forge,
    pub(crate) event: String,
    pub(crate) body: Vec<u8>,
    pub(crate) received_at: OffsetDateTime,
    pub(crate) attempts: i32,
    pub(crate) runs: i32,
}

/// Takes the oldest delivery of a connection none of whose deliveries is being processed, for as long as a lease.
pub(crate) async fn take(db: &Pool, now: OffsetDateTime) -> Result<Option<Waiting>> {
    sqlx::query(
        "UPDATE forge_deliveries SET state = 'failed', try_at = NULL, is_leased = false, outcome = $3
         WHERE state = 'waiting' AND try_at <= $1 AND attempts >= $2",
    )
    .bind(now)
    .bind(MOST_ATTEMPTS)
    .bind("Not processed: this server stopped each time it was tried. Its log may say why.")
    .execute(db)
    .await?;
    let mut tx = db.begin().await?;
    // The connection is locked first: the next statement sees what those who had the lock have done.
    let connection: Option<Uuid> = sqlx::query_scalar(
        "SELECT c.id FROM forge_connections c
         CROSS JOIN LATERAL (SELECT try_at FROM forge_deliveries WHERE connection_id = c.id AND state = 'waiting' ORDER BY number LIMIT 1) first
         WHERE first.try_at <= $1 AND c.disconnected_at IS NULL
             AND NOT EXISTS (SELECT FROM forge_deliveries WHERE connection_id = c.id AND state = 'waiting' AND is_leased AND try_at > $1)
         ORDER BY first.try_at LIMIT 1 FOR NO KEY UPDATE OF c SKIP LOCKED",
    )
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(connection) = connection else {
        return Ok(None);
    };
    let taken = sqlx::query_as(
        "UPDATE forge_deliveries d SET try_at = $3, attempts = d.attempts + 1, is_leased = true FROM forge_connections c
         WHERE c.id = $1 AND c.disconnected_at IS NULL AND d.state = 'waiting' AND d.try_at <= $2
             AND d.id = (SELECT id FROM forge_deliveries WHERE connection_id = $1 AND state = 'waiting' ORDER BY number LIMIT 1)
             AND NOT EXISTS (SELECT FROM forge_deliveries WHERE connection_id = $1 AND state = 'waiting' AND is_leased AND try_at > $2)
         RETURNING d.id, d.connection_id, c.forge, d.event, coalesce(d.body, '') AS body, d.received_at, d.attempts, d.runs",
    )
    .bind(connection)
    .bind(now)
    .bind(now + LEASE)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(taken)
}

/// What a delivery did to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum TaskResult {
    LeftAlone,
    Linked,
    Moved,
}

/// The outcome of a delivery as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What it is about.
    pub(crate) summary: String,
    /// The team of its repository, if it is listed.
    pub(crate) team: Option<Uuid>,
    /// In words, where it did nothing to any task.
    pub(crate) words: String,
    /// The most that it did to a task; `None`: nothing.
    pub(crate) result: Option<TaskResult>,
    /// Whether it could not be understood.
    pub(crate) is_failed: bool,
}

/// Notes the outcome of a delivery, in the transaction of what it did.
///
/// # Errors
/// `Conflict` if another program has worked it off meanwhile.
pub(crate) async fn finish(change: &mut Change, delivery: Uuid, outcome: &Outcome) -> Result<()> {
    let result = match outcome.result {
        Some(TaskResult::Moved) => "moved",
        Some(TaskResult::Linked) => "linked",
        Some(TaskResult::LeftAlone) => "left-alone",
        None => "nothing",
    };
    let finished = sqlx::query(
        "UPDATE forge_deliveries SET state = $2, try_at = NULL, is_leased = false, summary = left($3, 300), team_id = coalesce($4, team_id),
             has_team = has_team OR $4 IS NOT NULL, outcome = left($5, 500), result = $6 WHERE id = $1 AND state = 'waiting'",
    )
    .bind(delivery)
    .bind(if outcome.is_failed { "failed" } else { "done" })
    .bind(&outcome.summary)
    .bind(outcome.team)
    .bind(&outcome.words)
    .bind(result)
    .execute(change.db())
    .await?;
    match finished.rows_affected() {
        0 => Err(Problem::conflict("The delivery was processed meanwhile.")),
        _ => Ok(()),
    }
}

/// Notes what a delivery did to a task: of several results, the most.
pub(crate) async fn note_task(
    db: &mut PgConnection,
    delivery: &Waiting,
    (team, task): (Uuid, Uuid),
    (result, detail): (TaskResult, &str),
    mover: Option<(Uuid, OffsetDateTime)>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO forge_delivery_tasks AS r (delivery_id, run, team_id, task_id, result, detail, moved_by, moved_at) VALUES ($1, $2, $3, $4, $5, left($6, 500), $8, $9)
         ON CONFLICT (delivery_id, run, team_id, task_id) DO UPDATE SET result = $5, detail = left($6, 500), moved_by = $8, moved_at = $9
         WHERE array_position($7::text[], $5) > array_position($7::text[], r.result)",
    )
    .bind(delivery.id)
    .bind(delivery.runs)
    .bind(team)
    .bind(task)
    .bind(result)
    .bind(detail)
    .bind(["left-alone", "linked", "moved"].as_slice())
    .bind(mover.map(|(by, _)| by))
    .bind(mover.map(|(_, at)| at))
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that an attempt failed. It is tried again later, or given up.
pub(crate) async fn note_failure(db: &Pool, delivery: &Waiting, now: OffsetDateTime) -> Result<()> {
    let tried = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
    let pause = tried.checked_sub(1).and_then(|at| PAUSES.get(at));
    sqlx::query(
        "UPDATE forge_deliveries SET state = CASE WHEN $2 IS NULL THEN 'failed' ELSE 'waiting' END, try_at = $2, is_leased = false, outcome = $3
         WHERE id = $1 AND state = 'waiting'",
    )
    .bind(delivery.id)
    .bind(pause.map(|pause| now + *pause))
    .bind(match pause {
        Some(_) => "Not processed yet: this server had an error. It is tried again soon.",
        None => "Not processed: this server had an error, which is in its log. Run it again.",
    })
    .execute(db)
    .await?;
    Ok(())
}

/// Has a delivery whose body is kept processed again, by the same rules.
///
/// # Errors
/// `Conflict` if that is not possible.
pub(crate) async fn run_again(change: &mut Change, delivery: Uuid) -> Result<Uuid> {
    let at = change.at;
    let connection: Option<Uuid> = sqlx::query_scalar(
        "UPDATE forge_deliveries d SET state = 'waiting', try_at = $2, is_leased = false, attempts = 0, runs = runs + 1
         FROM forge_connections c
         WHERE d.id = $1 AND c.id = d.connection_id AND c.disconnected_at IS NULL AND d.state IN ('done', 'failed')
             AND d.body IS NOT NULL AND d.runs < $3
         RETURNING d.connection_id",
    )
    .bind(delivery)
    .bind(at)
    .bind(MOST_RUNS)
    .fetch_optional(change.db())
    .await?;
    connection.ok_or_else(|| {
        Problem::conflict(
            "This delivery cannot run again: it is waiting already, its body is older than 7 days, it ran 20 times, or \
             it is disconnected. Nothing was changed.",
        )
    })
}

/// Deletes the bodies and deliveries beyond those that are kept of each connection.
pub(crate) async fn delete_excess(db: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "UPDATE forge_deliveries d SET body = NULL FROM forge_connections c
         WHERE d.connection_id = c.id AND d.body IS NOT NULL AND d.state <> 'waiting' AND d.number <= (
             SELECT number FROM forge_deliveries WHERE connection_id = c.id ORDER BY number DESC OFFSET $1 LIMIT 1)",
    )
    .bind(MOST_BODIES)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM forge_deliveries d USING forge_connections c
         WHERE d.connection_id = c.id AND d.state <> 'waiting' AND d.number <= (
             SELECT number FROM forge_deliveries WHERE connection_id = c.id ORDER BY number DESC OFFSET $1 LIMIT 1)",
    )
    .bind(MOST_DELIVERIES)
    .execute(db)
    .await?;
    Ok(())
}
