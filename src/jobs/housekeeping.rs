//! Regular upkeep: the next sprints are created in time, and expired rows are deleted.

use crate::{
    app::App,
    domain::{
        error::Result, policy::actor::Actor, retention, sprints::cadence::update_sprints_and_notify,
    },
};

/// Creates due sprints now and then every ten minutes. Does nothing in a workspace that is not set
/// up yet.
pub(crate) async fn start(app: &App) -> anyhow::Result<()> {
    update_sprints(app).await?;
    let app = app.clone();
    tokio::spawn(async move {
        let mut again = tokio::time::interval(std::time::Duration::from_secs(600));
        loop {
            again.tick().await;
            if let Err(problem) = update_sprints(&app).await {
                tracing::warn!("failed to update the sprints: {problem}");
            }
            if let Err(problem) = retention::purge_expired(&app.db, app.clock.now()).await {
                tracing::warn!("failed to purge expired rows: {problem}");
            }
        }
    });
    Ok(())
}

async fn update_sprints(app: &App) -> Result<()> {
    if sqlx::query_scalar("SELECT EXISTS (SELECT FROM teams)")
        .fetch_one(&app.db)
        .await?
    {
        app.store
            .change(&Actor::system(), |change, _| {
                Box::pin(update_sprints_and_notify(change))
            })
            .await?;
    }
    Ok(())
}
