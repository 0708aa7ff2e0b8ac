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
            match app.backups.run_if_due(app.clock.now()).await {
                Ok(true) => tracing::info!("made a backup"),
                Ok(false) => {}
                Err(error) => tracing::warn!("failed to make a backup: {error:#}"),
            }
        }
    });
}
