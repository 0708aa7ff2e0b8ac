//! Looks at the outbox again and again, until the program stops.

use std::time::Duration;

use tracing::{Instrument, info_span};

use crate::{app::App, domain::error::Result};

/// The time between two looks at the outbox.
const PAUSE: Duration = Duration::from_secs(5);

/// Sends what is due on a channel, by a function that returns how much was sent.
pub(super) fn start<F>(app: &App, channel: &'static str, send_due: fn(App) -> F)
where
    F: Future<Output = Result<usize>> + Send + 'static,
{
    let app = app.clone();
    let mut ended = app.live.ended();
    tokio::spawn(async move {
        let run = async {
            let mut again = tokio::time::interval(PAUSE);
            loop {
                again.tick().await;
                let now = app.clock.now();
                let span = info_span!("job", otel.name = channel, otel.kind = "internal");
                let outcome = send_due(app.clone()).instrument(span).await;
                app.job_runs.note(channel, now, outcome.map(|_| ()));
            }
        };
        tokio::select! {
            () = run => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    });
}
