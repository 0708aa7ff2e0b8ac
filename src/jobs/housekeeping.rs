//! Regular upkeep: the next sprints are created in time, and expired rows are deleted.

use std::time::Duration;

use time::OffsetDateTime;
use tracing::{Instrument, info_span};

use crate::{
    app::App,
    domain::{
        attachments, clock,
        error::Result,
        policy::actor::Actor,
        retention,
        sprints::cadence::{self, update_sprints_and_notify},
        tasks::claims,
    },
};

/// The longest time between two turns.
const LONGEST_WAIT: time::Duration = time::Duration::minutes(10);

/// The time between two looks at all files in the store.
const STORE_EVERY: time::Duration = time::Duration::DAY;

/// Creates due sprints now, then every ten minutes, and at midnight, when a sprint begins. Does nothing in a workspace
/// that is not set up yet.
pub async fn start(app: &App) -> anyhow::Result<()> {
    update_sprints(app).await?;
    let app = app.clone();
    tokio::spawn(async move {
        let mut looked_at_store: Option<OffsetDateTime> = None;
        loop {
            let now = app.clock.now();
            let span = info_span!("job", otel.name = "purge", otel.kind = "internal");
            let purged = retention::purge_expired(&app.db, now).instrument(span);
            let purged = purged.await;
            app.job_runs.note("purge", now, purged);
            let span = info_span!("job", otel.name = "attachments", otel.kind = "internal");
            let deleted = attachments::delete_unused(&app.db, &app.files, now).instrument(span);
            let mut deleted = deleted.await;
            // Listing a large store takes long.
            if looked_at_store.is_none_or(|at| now - at >= STORE_EVERY) {
                looked_at_store = Some(now);
                let adopted = attachments::adopt_unknown(&app.db, &app.files, now).await;
                deleted = deleted.and(adopted);
            }
            app.job_runs.note("attachments", now, deleted);
            let span = info_span!("job", otel.name = "claims", otel.kind = "internal");
            let ended = claims::end_expired(&app.db, &app.store, now).instrument(span);
            app.job_runs.note("claims", now, ended.await);
            tokio::time::sleep(until_next_turn(&app).await).await;
            let span = info_span!("job", otel.name = "sprints", otel.kind = "internal");
            if let Err(problem) = update_sprints(&app).instrument(span).await {
                app.job_runs.note("sprints", app.clock.now(), Err(problem));
            }
        }
    });
    Ok(())
}

async fn until_next_turn(app: &App) -> Duration {
    let now = app.clock.now();
    match cadence::cadence(&app.db).await {
        Ok(cadence) => next_turn(now, &cadence.zone),
        Err(problem) => {
            tracing::warn!("failed to read the sprints' schedule: {problem}");
            LONGEST_WAIT.unsigned_abs()
        }
    }
}

/// The time until ten minutes have passed or the day has ended in this time zone.
fn next_turn(now: OffsetDateTime, zone: &str) -> Duration {
    let tomorrow = clock::day_in(now, zone).saturating_add(time::Duration::DAY);
    let midnight = clock::instant(tomorrow, 0, zone) - now;
    midnight
        .clamp(time::Duration::SECOND, LONGEST_WAIT)
        .unsigned_abs()
}

/// Creates the sprints that are due, and starts and ends those whose day has come. If the clock is far ahead of what is
/// planned, it does nothing and notes that: an administrator can continue on the page of the sprints.
pub(crate) async fn update_sprints(app: &App) -> Result<()> {
    let now = app.clock.now();
    let has_teams: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM teams)")
        .fetch_one(&app.db)
        .await?;
    let outcome = match cadence::planned_until_if_long_ago(&app.db, now).await? {
        Some(last) if has_teams => Err(format!(
            "It is {}, but sprints are planned until {last} only. If the clock is right, continue them on the page Sprints.",
            now.date()
        )),
        _ => Ok(()),
    };
    if has_teams && outcome.is_ok() {
        app.store
            .change(&Actor::system(), |change, _| {
                Box::pin(update_sprints_and_notify(change))
            })
            .await?;
    }
    app.job_runs.note("sprints", now, outcome);
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn sprints_begin_at_midnight_of_the_workspace() {
        let minutes = |now, zone| next_turn(now, zone).as_secs() / 60;
        assert_eq!(minutes(datetime!(2026-11-29 20:00 UTC), "UTC"), 10);
        assert_eq!(minutes(datetime!(2026-11-29 23:57 UTC), "UTC"), 3);
        assert_eq!(minutes(datetime!(2026-11-29 22:56 UTC), "Europe/Berlin"), 4);
        // the day on which the clock goes back has 25 hours
        assert_eq!(minutes(datetime!(2026-10-25 22:55 UTC), "Europe/Berlin"), 5);
        let just_before = datetime!(2026-11-29 23:59:59.9 UTC);
        assert_eq!(next_turn(just_before, "UTC"), Duration::from_secs(1));
    }
}
