//! Makes scheduled backups.

use std::time::Duration;

use crate::app::App;

/// Looks every minute whether a backup is due.
pub(crate) fn start(app: &App) {
    if app.backups.schedule().is_none() {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
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
    });
}
