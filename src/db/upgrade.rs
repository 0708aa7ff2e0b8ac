//! Bringing the schema to this version, with a backup from before.

use anyhow::{Context, bail};
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use time::OffsetDateTime;

use crate::db::{
    backup::{create, place::Place},
    libpq::Libpq,
    pool::connect,
};

/// The advisory lock of a program that upgrades, so that of two that start at once the second waits.
pub const LOCK: i64 = 0x666f_7274_7570_6772;

/// What is done before an older schema is upgraded.
#[derive(Clone, Debug)]
pub enum Before {
    /// A backup is made there.
    BackUp {
        place: Place,
        libpq: Libpq,
        now: OffsetDateTime,
    },
    /// The log says how to make one.
    Advise,
    /// There is one already.
    Nothing,
}

/// Migrates the schema to the newest version of `steps`. Refuses a database of a newer version.
///
/// It uses a connection without timeouts: a migration may rewrite a table. If the program is killed meanwhile, the
/// steps that were finished stay, and the next start goes on from there.
pub async fn upgrade(
    options: &PgConnectOptions,
    steps: &Migrator,
    before: &Before,
) -> anyhow::Result<()> {
    let mut connection = connect(options).await?;
    let outcome = upgrade_on(&mut connection, options, steps, before).await;
    // releases the lock, also after an error
    connection.close().await?;
    outcome
}

async fn upgrade_on(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    steps: &Migrator,
    before: &Before,
) -> anyhow::Result<()> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await?;
    let newest = steps.iter().map(|step| step.version).max().unwrap_or(0);
    if let Some(old) = schema(connection).await?.filter(|old| *old < newest) {
        tracing::info!("upgrading the database from schema {old} to {newest}");
        match before {
            Before::BackUp { place, libpq, now } => {
                back_up(options, libpq, place, old, *now)
                    .await
                    .context("cannot make the backup from before the upgrade")?;
            }
            Before::Nothing => {}
            Before::Advise => tracing::warn!(
                "no backup is made before the upgrade: --backup-to DIRECTORY turns that on; fortnight backup FILE makes one by hand, with the old version"
            ),
        }
    }
    match steps.run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => bail!(
            "this database was last used by a newer Fortnight (its schema has migration {version}, which this version does not know): start the newer version again, or restore the backup from before the upgrade"
        ),
        Err(error) => Err(error).context("cannot migrate the database"),
    }
}

/// The newest migration of the database; `None` before the first one.
async fn schema(db: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    let has_any: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *db)
        .await?;
    if !has_any {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(db)
        .await
}

async fn back_up(
    options: &PgConnectOptions,
    libpq: &Libpq,
    place: &Place,
    old: i64,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    place.prepare()?;
    // Not a name of a scheduled backup, so that it is not deleted with the old ones of those.
    let name = format!(
        "before-upgrade-of-schema-{old}-{}.backup",
        now.unix_timestamp()
    );
    let target = place.target(&name);
    create::backup(options, libpq, target.clone(), None, now).await?;
    tracing::info!("the backup from before the upgrade is {target}");
    Ok(())
}
