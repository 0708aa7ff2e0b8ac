//! Switches a webhook off, for a reason that its page and a mail to the person who set it up say.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    accounts::mails,
    error::Result,
    events::audit_log::{self, AuditEntry},
    webhooks::messages::{SWITCHED_OFF, give_up_waiting},
};

/// Switches a webhook off if it is active: what waits is not sent. Returns whether it was active.
pub(super) async fn switch_off(
    db: &mut PgConnection,
    webhook: Uuid,
    reason: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let reason: String = reason.chars().take(500).collect();
    let off: Option<(String, Option<Uuid>, Option<Uuid>)> = sqlx::query_as(
        "UPDATE webhooks SET state = 'off', state_since = $2, reason = $3 WHERE id = $1 AND state = 'active'
         RETURNING name, team_id, maker_id",
    )
    .bind(webhook)
    .bind(now)
    .bind(&reason)
    .fetch_optional(&mut *db)
    .await?;
    let Some((name, team, maker)) = off else {
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
    if let Some(maker) = maker {
        let details = format!("“{name}”: {reason}");
        mails::tell_of_webhook_off(db, maker, &details, now).await?;
    }
    Ok(true)
}
