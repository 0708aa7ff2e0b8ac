//! Upgrading the schema before a command or the server works with it.

use crate::{
    config::Config,
    db::{self, database::Database, upgrade::Before},
    domain::clock::Clock,
};

/// Upgrades the schema if it is an older one. It is backed up before, if it is known where to or if the database is the
/// bundled one.
pub(super) async fn migrate(config: &Config, database: &Database) -> anyhow::Result<()> {
    let bundled = database.data_dir.as_ref().map(|dir| dir.join("backups"));
    let folder = config.backup_plan().map(|(folder, _)| folder.to_owned());
    let before = match folder.or(bundled) {
        Some(folder) => Before::BackUp {
            folder,
            libpq: database.libpq.clone(),
            now: Clock::default().now(),
        },
        None => Before::Advise,
    };
    db::migrate(&database.direct, &before).await
}
