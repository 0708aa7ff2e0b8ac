//! Switches a webhook off, for a reason that its page and a mail say.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::mails,
        error::Result,
        events::audit_log::{self, AuditEntry},
        policy::predicates::seen_by,
        webhooks::messages::{SWITCHED_OFF, give_up_waiting},
    },
};

/// A webhook that is switched off, for a mail that tells of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SwitchedOff {
    pub(crate) id: Uuid,
    /// `None` if it is of the workspace.
    pub(crate) team_slug: Option<String>,
}

/// Returns a webhook unless it was resumed or deleted meanwhile, or the reader may not see its team any more.
pub(crate) async fn still_off(
    db: &Pool,
    webhook: Uuid,
    reader: Uuid,
) -> Result<Option<SwitchedOff>> {
    Ok(sqlx::query_as(concat!(
        "SELECT w.id, t.slug AS team_slug FROM webhooks w LEFT JOIN teams t ON t.id = w.team_id
         WHERE w.id = $1 AND w.state = 'off' AND (t.id IS NULL OR ",
        seen_by!("$2"),
        ")"
    ))
    .bind(webhook)
    .bind(reader)
    .fetch_optional(db)
    .await?)
}

/// Switches a webhook off if it is active: what waits is not sent. Returns whether it was active.
pub(super) async fn switch_off(
    db: &mut PgConnection,
    webhook: Uuid,
    reason: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let reason: String = reason.chars().take(500).collect();
    let off: Option<(String, Option<Uuid>)> = sqlx::query_as(
        "UPDATE webhooks SET state = 'off', state_since = $2, reason = $3 WHERE id = $1 AND state = 'active'
         RETURNING name, team_id",
    )
    .bind(webhook)
    .bind(now)
    .bind(&reason)
    .fetch_optional(&mut *db)
    .await?;
    let Some((name, team)) = off else {
        return Ok(false);
    };
    give_up_waiting(db, webhook, SWITCHED_OFF).await?;
    let about = if team.is_some() { "of {team}" } else { &name };
    let entry = AuditEntry {
        kind: "webhook.switched-off",
        about,
        team,
        ..AuditEntry::default()
    };
    audit_log::write(db, now, entry).await?;
    let details = format!("“{name}”: {reason}");
    mails::tell_of_webhook_off(db, webhook, &details, now).await?;
    Ok(true)
}
