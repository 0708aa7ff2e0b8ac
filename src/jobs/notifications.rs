//! Delivers notifications: from new events as soon as they are committed, and when a day or the end of a snooze has come.

use std::{collections::BTreeSet, time::Duration};

use time::OffsetDateTime;
use tracing::{Instrument, info_span};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        notifications::{deliver, due, edit},
    },
    http::live::inbox_stream,
};

/// Events that no commit of this program announced are found after this time.
const SWEEP: Duration = Duration::from_secs(2);

/// The shortest time between two deliveries: many changes at once are delivered together.
const PAUSE: Duration = Duration::from_millis(100);

/// The time between two looks at due dates and snoozes.
const DAYS: time::Duration = time::Duration::MINUTE;

/// Delivers until the program stops.
pub fn start(app: &App) {
    let app = app.clone();
    let mut ended = app.live.ended();
    tokio::spawn(async move {
        tokio::select! {
            () = run(&app) => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    });
}

async fn run(app: &App) {
    let mut looked_at_days: Option<OffsetDateTime> = None;
    loop {
        let now = app.clock.now();
        let with_days = looked_at_days.is_none_or(|at| now - at >= DAYS);
        if with_days {
            looked_at_days = Some(now);
        }
        let span = info_span!("job", otel.name = "notifications", otel.kind = "internal");
        let outcome = deliver_all(app, now, with_days).instrument(span).await;
        if with_days || outcome.is_err() {
            app.job_runs.note("notifications", now, outcome);
        }
        tokio::time::sleep(PAUSE).await;
        let _ = tokio::time::timeout(SWEEP, app.live.inboxes.committed.notified()).await;
    }
}

/// Delivers what is new, and with `with_days` also what is due and whose snooze is over; tells open pages.
pub async fn deliver_all(app: &App, now: OffsetDateTime, with_days: bool) -> Result<()> {
    let by_mail = app.has_mail().await?;
    let mut changed: BTreeSet<Uuid> = BTreeSet::new();
    let delivered = deliver::deliver_new(&app.db, now, by_mail, &mut changed).await;
    if with_days {
        changed.extend(due::notify_due(&app.db, now, by_mail).await?);
        changed.extend(edit::end_snoozes(&app.db, now).await?);
    }
    inbox_stream::announce(app, &changed).await;
    delivered
}
