//! Processes the deliveries of forges: of each connection in the order in which they came, of several at the same time.

use std::time::Duration;

use tracing::{Instrument, info_span};

use crate::{
    app::App,
    domain::{
        error::Result,
        policy::actor::Actor,
        pull_requests::{
            deliveries::{self, Waiting},
            run,
        },
    },
};

/// The time between two looks, for what another program has received and what is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// How many connections are processed at once.
const AT_ONCE: usize = 2;

/// Processes deliveries until the program stops.
pub fn start(app: &App) {
    let app = app.clone();
    let mut ended = app.live.ended();
    tokio::spawn(async move {
        tokio::select! {
            () = work(&app) => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    });
}

async fn work(app: &App) {
    loop {
        let now = app.clock.now();
        let span = info_span!("job", otel.name = "pull-requests", otel.kind = "internal");
        let outcome = process_waiting(app).instrument(span).await;
        app.job_runs.note("pull-requests", now, outcome.map(|_| ()));
        let _ = tokio::time::timeout(PAUSE, app.delivered.notified()).await;
    }
}

/// Processes everything that waits and is due. Returns how many deliveries that were.
pub async fn process_waiting(app: &App) -> Result<usize> {
    let workers = (0..AT_ONCE).map(|_| process_in_turn(app));
    let worked = futures_util::future::join_all(workers).await;
    worked.into_iter().sum()
}

async fn process_in_turn(app: &App) -> Result<usize> {
    let mut worked = 0;
    while let Some(delivery) = deliveries::take(&app.db, app.clock.now()).await? {
        process(app, &delivery).await?;
        worked += 1;
    }
    Ok(worked)
}

async fn process(app: &App, delivery: &Waiting) -> Result<()> {
    let outcome = app
        .store
        .change(&Actor::system(), |change, _| {
            Box::pin(run::run(change, delivery))
        })
        .await;
    if let Err(problem) = outcome {
        tracing::warn!(delivery = %delivery.id, "a delivery could not be processed: {problem}");
        deliveries::note_failure(&app.db, delivery, app.clock.now()).await?;
    }
    Ok(())
}
