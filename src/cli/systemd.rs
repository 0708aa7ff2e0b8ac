//! Tells systemd how the server is: ready, alive, stopping. Without systemd nothing is sent.

use std::time::Duration;

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use sd_notify::NotifyState;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tower::ServiceExt;

/// Without a watchdog no sign of life is sent, and the loop only waits for the end.
const WITHOUT_WATCHDOG: Duration = Duration::from_secs(3600);

/// Reports that the server is ready, and from then on that it is alive, until it stops. Call this once it listens.
pub(super) fn report(router: Router, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!("cannot notify systemd: {error}");
    }
    let watchdog = sd_notify::watchdog_enabled().filter(|within| !within.is_zero());
    // systemd recommends to report twice in that time
    let every = watchdog.unwrap_or(WITHOUT_WATCHDOG) / 2;
    tokio::spawn(async move {
        let mut again = interval(every);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stops| *stops) => break,
                _ = again.tick() => {}
            }
            if watchdog.is_some() && answers(&router, every).await {
                send(NotifyState::Watchdog);
            }
        }
        send(NotifyState::Stopping);
    });
}

/// Whether the server answers a request in time. Asked inside the program, so that neither a full network nor the database
/// makes systemd restart it.
async fn answers(router: &Router, within: Duration) -> bool {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static("/healthz");
    let answer = timeout(within, router.clone().oneshot(request)).await;
    matches!(answer, Ok(Ok(response)) if response.status() == StatusCode::OK)
}

fn send(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!("cannot notify systemd: {error}");
    }
}
