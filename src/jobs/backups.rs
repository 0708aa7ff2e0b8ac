//! Makes scheduled backups.

use std::time::Duration;

use crate::app::App;

/// Looks every minute whether a backup is due, until the program stops. A backup that is being made then is given up.
pub(crate) fn start(app: &App) {
    if app.backups.schedule().is_none() {
        return;
    }
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
    let mut again = tokio::time::interval(Duration::from_secs(60));
    loop {
        again.tick().await;
        let now = app.clock.now();
        match app.backups.run_if_due(now).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("made a backup");
                app.job_runs.note("backup", now, Ok::<_, anyhow::Error>(()));
            }
            Err(error) => app.job_runs.note("backup", now, Err(error)),
        }
    }
}
