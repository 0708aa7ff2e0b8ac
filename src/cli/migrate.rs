//! Upgrading the schema before a command or the server works with it.

use crate::{
    config::Config,
    db::{self, backup::place::Place, database::Database, upgrade::Before},
    domain::clock::Clock,
};

/// Upgrades the schema if it is an older one. It is backed up before, if it is known where to or if the database is the
/// bundled one.
pub(super) async fn migrate(config: &Config, database: &Database) -> anyhow::Result<()> {
    let own = database.data_dir.as_ref();
    let bundled = own.map(|dir| Place::Folder(dir.join("backups")));
    let place = config.backup_plan().map(|(place, _)| place.clone());
    let before = match place.or(bundled) {
        Some(place) => Before::BackUp {
            place,
            libpq: database.libpq.clone(),
            now: Clock::default().now(),
        },
        None => Before::Advise,
    };
    db::migrate(&database.direct, &before).await
}
