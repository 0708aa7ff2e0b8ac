//! Makes webhook messages of new events, and sends those that are due.

use std::time::Duration;

use tokio::sync::Mutex;
use tracing::{Instrument, info_span};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        webhooks::{
            attempts::{self, Due, Permission},
            queue, send,
        },
    },
};

/// How many messages are sent at once. To one webhook it is one at a time, so that a slow receiver does not hold up the
/// others.
const AT_ONCE: usize = 8;

/// The time between two looks at new events.
const LOOK: Duration = Duration::from_secs(1);

/// The time between two looks at messages that are due.
const PAUSE: Duration = Duration::from_secs(5);

/// The webhooks to which this program is sending.
#[derive(Default)]
struct Busy(Mutex<Vec<Uuid>>);

impl Busy {
    /// Takes a message of another webhook than those.
    async fn take(&self, app: &App) -> Result<Option<Due>> {
        // Held during the query, so that two workers do not take messages of one webhook.
        let mut busy = self.0.lock().await;
        let due = attempts::take(&app.db, &busy, app.clock.now()).await?;
        busy.extend(due.as_ref().map(|due| due.webhook_id));
        Ok(due)
    }

    async fn release(&self, webhook: Uuid) {
        self.0.lock().await.retain(|busy| *busy != webhook);
    }
}

/// Makes and sends messages until the program stops.
pub fn start(app: &App) {
    let app = app.clone();
    let mut ended = app.live.ended();
    tokio::spawn(async move {
        let busy = Busy::default();
        let workers = (0..AT_ONCE).map(|_| work(&app, &busy));
        tokio::select! {
            _ = async { tokio::join!(look(&app), futures_util::future::join_all(workers)) } => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    });
}

async fn look(app: &App) {
    let mut again = tokio::time::interval(LOOK);
    again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        again.tick().await;
        let now = app.clock.now();
        let span = info_span!("job", otel.name = "webhooks", otel.kind = "internal");
        let outcome = make_new(app).instrument(span).await;
        app.job_runs.note("webhooks", now, outcome.map(|_| ()));
    }
}

/// One of the workers: each goes on by itself, so that none waits for a slow receiver of another.
async fn work(app: &App, busy: &Busy) {
    loop {
        let now = app.clock.now();
        let span = info_span!(
            "job",
            otel.name = "webhook-messages",
            otel.kind = "internal"
        );
        let outcome = send_until_none_is_due(app, busy).instrument(span).await;
        app.job_runs
            .note("webhook-messages", now, outcome.map(|_| ()));
        let _ = tokio::time::timeout(PAUSE, app.webhooks_due.notified()).await;
    }
}

/// Makes messages of all new events. Returns how many.
pub async fn make_new(app: &App) -> Result<usize> {
    let made = queue::make_new(&app.db, &app.public_url, app.clock.now()).await?;
    if made > 0 {
        app.webhooks_due.notify_waiters();
    }
    Ok(made)
}

/// Sends all messages that are due. Returns how many were accepted.
pub async fn send_due(app: &App) -> Result<usize> {
    let busy = Busy::default();
    let workers = (0..AT_ONCE).map(|_| send_until_none_is_due(app, &busy));
    let sent = futures_util::future::join_all(workers).await;
    sent.into_iter().sum()
}

async fn send_until_none_is_due(app: &App, busy: &Busy) -> Result<usize> {
    let mut sent = 0;
    while let Some(due) = busy.take(app).await? {
        let accepted = send_message(app, &due).await;
        busy.release(due.webhook_id).await;
        sent += usize::from(accepted?);
    }
    Ok(sent)
}

/// Sends a message if that is still allowed, and notes how it went. Returns whether it was accepted.
pub(crate) async fn send_message(app: &App, due: &Due) -> Result<bool> {
    let now = app.clock.now();
    let target = match attempts::permission(&app.db, due, now).await? {
        Permission::Granted(target) => target,
        Permission::MakerLost(reason) => {
            attempts::note_maker_lost(&app.db, due, &reason, now).await?;
            return Ok(false);
        }
        Permission::Hidden => {
            attempts::give_up_hidden(&app.db, due).await?;
            return Ok(false);
        }
        Permission::Ended => {
            attempts::give_up_ended(&app.db, due).await?;
            return Ok(false);
        }
    };
    let id = due.public_id();
    let message = (id.as_str(), due.body.as_str());
    let attempt = send::send(&app.outgoing, &target.url, &target.secrets, message, now).await;
    if !attempt.is_accepted() {
        tracing::warn!(webhook = %due.webhook_id, "a webhook message was not accepted: {}", attempt.error);
    }
    attempts::note(&app.db, due, &attempt, app.clock.now()).await?;
    Ok(attempt.is_accepted())
}
