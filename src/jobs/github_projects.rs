//! Keeps project boards of GitHub equal with tasks: when something changes here, and as often as GitHub may be asked.

use std::time::Duration;

use tracing::{Instrument, info_span};

use crate::{
    app::App,
    domain::{
        error::Result,
        github_projects::sync::{Parts, sync_next},
    },
};

/// The time between two looks at which projects are due.
const PAUSE: Duration = Duration::from_secs(2);

/// Compares projects until the program stops.
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
        let span = info_span!("job", otel.name = "github-projects", otel.kind = "internal");
        let outcome = sync_due(app).instrument(span).await;
        app.job_runs
            .note("github-projects", now, outcome.map(|_| ()));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Compares all projects that are due, one after the other. Returns how many that were.
pub async fn sync_due(app: &App) -> Result<usize> {
    let parts = Parts {
        db: &app.db,
        store: &app.store,
        outgoing: &app.outgoing,
        clock: &app.clock,
        public_url: &app.public_url,
    };
    let mut compared = 0;
    while sync_next(parts).await? {
        compared += 1;
    }
    Ok(compared)
}
