//! Takes messages that are due, asks whether they may still be sent, and notes how sending went.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        outbound::webhook_url::WebhookUrl,
        policy::predicates::seen_by,
        webhooks::{
            messages::{LEASE, public_id},
            payload::TEST,
            send::Attempt,
            switch_off::switch_off,
        },
    },
};

/// The time after each failed attempt until the next, after the table of Standard Webhooks. Then a message is given up.
const PAUSES: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];

/// How long nothing is sent to a receiver that has too much to do and does not say for how long: doubled with each
/// failure in a row, up to the second one.
const HOLD: (Duration, Duration) = (Duration::seconds(5), Duration::minutes(5));

/// A webhook is switched off after so many failed attempts in a row, over at least this time.
const MOST_FAILURES: i32 = 10;
const FAILING_FOR: Duration = Duration::HOUR;

/// A message that is due.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) webhook_id: Uuid,
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) attempts: i32,
}

impl Due {
    /// The header `webhook-id`.
    pub(crate) fn public_id(&self) -> String {
        public_id(self.id)
    }

    fn is_test(&self) -> bool {
        self.kind == TEST
    }
}

/// Where a message goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: WebhookUrl,
    /// The newest first.
    pub(crate) secrets: Vec<String>,
}

/// Whether a message may be sent.
#[derive(Clone, Debug)]
pub(crate) enum Permission {
    Granted(Target),
    /// Its maker lost the role that a webhook needs.
    MakerLost(String),
    /// Its maker cannot see the team that it is about.
    Hidden,
    /// It is not active, or was deleted.
    Ended,
}

/// Takes a message for as long as a lease: the one that has waited longest, of the webhook whose turn it is among those
/// to which nothing is being sent. However much waits for some of them, the others have their turn.
pub(crate) async fn take(db: &Pool, busy: &[Uuid], now: OffsetDateTime) -> Result<Option<Due>> {
    let mut tx = db.begin().await?;
    let webhook: Option<Uuid> = sqlx::query_scalar(
        "UPDATE webhooks SET served_at = $1 WHERE id = (
             SELECT w.id FROM webhooks w WHERE w.id <> ALL ($2) AND coalesce(w.held_until <= $1, true) AND EXISTS (
                 SELECT FROM webhook_messages m WHERE m.webhook_id = w.id AND m.state = 'waiting' AND m.send_at <= $1 OFFSET 0)
             ORDER BY w.served_at NULLS FIRST, w.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
         RETURNING id",
    )
    .bind(now)
    .bind(busy)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(webhook) = webhook else {
        return Ok(None);
    };
    let due = sqlx::query_as(
        "UPDATE webhook_messages SET send_at = $2, attempts = attempts + 1 WHERE id = (
             SELECT id FROM webhook_messages WHERE webhook_id = $3 AND state = 'waiting' AND send_at <= $1 ORDER BY send_at, id LIMIT 1)
         RETURNING id, webhook_id, kind, body, attempts",
    )
    .bind(now)
    .bind(now + LEASE)
    .bind(webhook)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(due)
}

/// Returns a message that the caller has just added.
pub(crate) async fn added(db: &Pool, id: Uuid) -> Result<Due> {
    Ok(sqlx::query_as(
        "SELECT id, webhook_id, kind, body, attempts FROM webhook_messages WHERE id = $1",
    )
    .bind(id)
    .fetch_one(db)
    .await?)
}

#[derive(sqlx::FromRow)]
struct PermissionRow {
    url: WebhookUrl,
    secrets: Vec<String>,
    is_active: bool,
    maker: Option<String>,
    is_deactivated: bool,
    is_of_team: bool,
    has_role: bool,
    is_seen: bool,
}

/// Asks whether a message may be sent now, and where to. A test is sent whatever state its webhook is in.
pub(crate) async fn permission(db: &Pool, due: &Due, now: OffsetDateTime) -> Result<Permission> {
    let row: Option<PermissionRow> = sqlx::query_as(concat!(
        "SELECT w.url, w.secret || ARRAY(SELECT o.secret FROM webhook_old_secrets o WHERE o.webhook_id = w.id AND o.until > $2
                                  ORDER BY o.until DESC) AS secrets,
                w.state = 'active' AS is_active, a.name AS maker, coalesce(a.deactivated_at IS NOT NULL, true) AS is_deactivated,
                w.team_id IS NOT NULL AS is_of_team,
                coalesce(CASE WHEN w.team_id IS NULL THEN a.role = 'admin' ELSE (",
        seen_by!(of "own", "w.maker_id"),
        " AND (a.role = 'admin' OR a.role <> 'viewer' AND EXISTS (
                     SELECT FROM members l WHERE l.team_id = w.team_id AND l.account_id = a.id AND l.role = 'lead'))) END, false) AS has_role,
                (m.team_id IS NULL OR coalesce(",
        seen_by!("w.maker_id"),
        ", false)) AS is_seen
         FROM webhook_messages m JOIN webhooks w ON w.id = m.webhook_id
         LEFT JOIN accounts a ON a.id = w.maker_id LEFT JOIN teams own ON own.id = w.team_id LEFT JOIN teams t ON t.id = m.team_id
         WHERE m.id = $1"
    ))
    .bind(due.id)
    .bind(now)
    .fetch_optional(db)
    .await?;
    let Some(row) = row.filter(|row| row.is_active || due.is_test()) else {
        return Ok(Permission::Ended);
    };
    if due.is_test() {
        return Ok(Permission::Granted(row.target()));
    }
    Ok(match row.reason_against() {
        Some(reason) => Permission::MakerLost(reason),
        None if !row.is_seen => Permission::Hidden,
        None => Permission::Granted(row.target()),
    })
}

impl PermissionRow {
    fn target(self) -> Target {
        Target {
            url: self.url,
            secrets: self.secrets,
        }
    }

    /// Why the maker may not have this webhook any more.
    fn reason_against(&self) -> Option<String> {
        let Some(maker) = &self.maker else {
            return Some("The account of the person who set it up was deleted.".to_owned());
        };
        if self.is_deactivated {
            return Some(format!(
                "The account of {maker}, who set it up, was deactivated."
            ));
        }
        match self.is_of_team {
            _ if self.has_role => None,
            true => Some(format!("{maker}, who set it up, no longer leads the team.")),
            false => Some(format!(
                "{maker}, who set it up, is no longer an administrator."
            )),
        }
    }
}

/// Gives up a message that its webhook's maker may not see.
pub(crate) async fn give_up_hidden(db: &Pool, due: &Due) -> Result<()> {
    let reason = "Not sent: it is of a team that the webhook has no access to";
    give_up(db, due, reason).await
}

/// Gives up a message that was made while its webhook was paused or switched off.
pub(crate) async fn give_up_ended(db: &Pool, due: &Due) -> Result<()> {
    give_up(db, due, "Not sent: the webhook is not active").await
}

async fn give_up(db: &Pool, due: &Due, reason: &str) -> Result<()> {
    sqlx::query("UPDATE webhook_messages SET state = 'failed', error = $2 WHERE id = $1 AND state = 'waiting'")
        .bind(due.id)
        .bind(reason)
        .execute(db)
        .await?;
    Ok(())
}

/// Switches off a webhook whose maker lost the right to have it.
pub(crate) async fn note_maker_lost(
    db: &Pool,
    due: &Due,
    reason: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    switch_off(&mut tx, due.webhook_id, reason, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes how an attempt went: a message that was not accepted is tried again later or given up, and a webhook that fails
/// again and again is switched off.
pub(crate) async fn note(
    db: &Pool,
    due: &Due,
    attempt: &Attempt,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    let again = next_attempt(due, attempt, now);
    let state = match (attempt.is_accepted(), again) {
        (true, _) => "delivered",
        (false, Some(_)) => "waiting",
        (false, None) => "failed",
    };
    // First, as everything that changes a webhook and its messages does.
    sqlx::query("SELECT FROM webhooks WHERE id = $1 FOR NO KEY UPDATE")
        .bind(due.webhook_id)
        .execute(&mut *tx)
        .await?;
    // What was given up meanwhile, because the webhook was paused, does not wait again.
    sqlx::query(
        "UPDATE webhook_messages SET state = CASE WHEN $2 = 'waiting' AND state <> 'waiting' THEN state ELSE $2 END,
             send_at = coalesce($3, send_at), tried_at = $4, status = $5, answer = $6, error = left($7, 500)
         WHERE id = $1",
    )
    .bind(due.id)
    .bind(state)
    .bind(again)
    .bind(now)
    .bind(attempt.status.map(i32::from))
    .bind(&attempt.answer)
    .bind(&attempt.error)
    .execute(&mut *tx)
    .await?;
    if attempt.is_accepted() {
        sqlx::query(
            "UPDATE webhooks SET failures = 0, failing_since = NULL, held_until = NULL WHERE id = $1 AND failures > 0",
        )
        .bind(due.webhook_id)
        .execute(&mut *tx)
        .await?;
    } else {
        note_failure(&mut tx, due, attempt, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn note_failure(
    db: &mut PgConnection,
    due: &Due,
    attempt: &Attempt,
    now: OffsetDateTime,
) -> Result<()> {
    if attempt.is_gone() {
        let reason = "The receiver answered 410 Gone: it wants no more messages.";
        switch_off(db, due.webhook_id, reason, now).await?;
        return Ok(());
    }
    // A test says how it went, and nothing follows from it.
    if due.is_test() {
        return Ok(());
    }
    let failing: Option<(i32, OffsetDateTime)> = sqlx::query_as(
        "UPDATE webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, $2) WHERE id = $1
         RETURNING failures, failing_since",
    )
    .bind(due.webhook_id)
    .bind(now)
    .fetch_optional(&mut *db)
    .await?;
    if attempt.is_overloaded() {
        let count = failing.map_or(1, |(count, _)| count);
        sqlx::query("UPDATE webhooks SET held_until = greatest(held_until, $2) WHERE id = $1")
            .bind(due.webhook_id)
            .bind(now + hold(attempt, count))
            .execute(&mut *db)
            .await?;
    }
    if failing.is_some_and(|(count, since)| count >= MOST_FAILURES && now - since >= FAILING_FOR) {
        let reason = format!(
            "The last {MOST_FAILURES} attempts or more failed, for over an hour. The last one: {}.",
            attempt.error
        );
        switch_off(db, due.webhook_id, &reason, now).await?;
    }
    Ok(())
}

/// When a message that was not accepted is tried again; `None` if it is given up.
fn next_attempt(due: &Due, attempt: &Attempt, now: OffsetDateTime) -> Option<OffsetDateTime> {
    if attempt.is_accepted() || attempt.is_gone() || due.is_test() {
        return None;
    }
    let tried = usize::try_from(due.attempts).ok()?;
    let pause = PAUSES.get(tried.checked_sub(1)?)?;
    let pause = attempt.wait.unwrap_or_default().max(*pause);
    Some(now + pause + jitter(due.id, pause))
}

/// How long nothing is sent to a receiver that has too much to do. `failures`: in a row, this one included.
fn hold(attempt: &Attempt, failures: i32) -> Duration {
    let (first, longest) = HOLD;
    let doubled = first * 2_i32.pow(failures.clamp(1, 10).unsigned_abs() - 1);
    attempt.wait.unwrap_or(doubled.min(longest))
}

/// Up to a tenth of a pause, by the random part of the message's id: what failed together is not tried again together.
fn jitter(id: Uuid, pause: Duration) -> Duration {
    let random = id.as_bytes()[15];
    pause * f64::from(random) / (10.0 * f64::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn pauses_are_those_of_the_specification_with_some_jitter() {
        let now = datetime!(2026-11-24 10:00 UTC);
        let failed = Attempt {
            status: Some(500),
            answer: String::new(),
            error: "no".to_owned(),
            wait: None,
        };
        for byte in [0, 128, 255] {
            let mut due = Due {
                id: Uuid::from_bytes([byte; 16]),
                webhook_id: Uuid::nil(),
                kind: "task.moved".to_owned(),
                body: String::new(),
                attempts: 0,
            };
            let mut whole = Duration::ZERO;
            for pause in PAUSES {
                due.attempts += 1;
                let waits = next_attempt(&due, &failed, now).unwrap() - now;
                assert!(waits >= pause && waits <= pause * 1.1, "{pause} {waits}");
                whole += pause;
            }
            assert_eq!(whole.whole_minutes(), 75 * 60 + 35);
            due.attempts += 1;
            assert_eq!(next_attempt(&due, &failed, now), None);
            due.attempts = 1;
            due.kind = TEST.to_owned();
            assert_eq!(next_attempt(&due, &failed, now), None);
        }
    }
}
