//! When the summary before a standup is due: half an hour before it, in the team's time zone.

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        chat::{
            queue::{self, ChatKind, SUMMARY_WITHIN},
            webhooks,
        },
        error::Result,
        teams::roster::{self, Week, weekday},
    },
};

/// How long before the standup the summary is sent.
const BEFORE: Duration = Duration::minutes(30);

/// Adds the summaries that are due to the outbox, each once a day. One that is late by hours is left out: the program was
/// not running that morning. The first error is returned after all teams.
pub(crate) async fn add_due(db: &Pool, now: OffsetDateTime) -> Result<()> {
    let webhooks = webhooks::with_summaries(db).await?;
    let teams: Vec<Uuid> = webhooks.iter().map(|webhook| webhook.team_id).collect();
    if teams.is_empty() {
        return Ok(());
    }
    let rosters = roster::load_rosters(db, &teams).await?;
    let mut outcome = Ok(());
    for webhook in webhooks {
        let Some(roster) = rosters.get(&webhook.team_id) else {
            continue;
        };
        let day = roster.week.today(now);
        let is_new = webhook.summary_on.is_none_or(|on| on < day);
        if is_new && is_due(&roster.week, day, now) {
            let added = add(db, webhook.team_id, day, now).await;
            if let Err(problem) = &added {
                tracing::error!("the summary of a team could not be prepared: {problem:?}");
            }
            outcome = outcome.and(added);
        }
    }
    outcome
}

/// Whether the team meets on this day, and the meeting is near.
fn is_due(week: &Week, day: Date, now: OffsetDateTime) -> bool {
    let meets = week.standup_days.contains(&weekday(day)) && week.works_on(day);
    let at = week.standup_on(day) - BEFORE;
    meets && (at..at + SUMMARY_WITHIN).contains(&now)
}

async fn add(db: &Pool, team: Uuid, day: Date, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    // Another program may be doing the same.
    let is_first = sqlx::query(
        "UPDATE chat_webhooks SET summary_on = $2 WHERE team_id = $1 AND (summary_on IS NULL OR summary_on < $2)",
    )
    .bind(team)
    .bind(day)
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if is_first {
        queue::add(&mut tx, team, ChatKind::StandupSummary, &[], now).await?;
    }
    tx.commit().await?;
    Ok(())
}
