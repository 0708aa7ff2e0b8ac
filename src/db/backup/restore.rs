//! Restores a backup, all or nothing: one transaction replaces everything, compares it with the manifest, and commits
//! only if it is the same.

use std::{
    collections::HashSet,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::db::{
    backup::{
        archive::copy_database,
        manifest::{Manifest, TEXT_OF_ROWS, contents_of},
        script::copy_script,
        tools::{Running, Tools},
    },
    libpq::Libpq,
    pool::connect,
};

/// What the restored database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The world as of the backup, in place of another one. A running program notices: the numbers of teams and workspace
    /// go on from the larger of the old and the restored ones, so that nothing that it has in memory seems current, and
    /// each team has a new event, by which open boards reload. All sessions end, since some may have been revoked after
    /// the backup.
    Past,
    /// A copy of a database that has not changed since.
    Copy,
}

/// Replaces the contents of a database with those of a checked backup.
pub async fn restore(
    options: &PgConnectOptions,
    libpq: &Libpq,
    path: PathBuf,
    manifest: &Manifest,
    restored: Restored,
) -> anyhow::Result<()> {
    let mut db = connect(options).await?;
    let server = Server::ask(&mut db).await?;
    db.close().await?;
    let needed = manifest.postgres.max(manifest.pg_dump).max(server.major);
    let tools = Tools::find(needed)?;
    let mut script = libpq.command(&tools.path("pg_restore"));
    script.args(["--no-owner", "--no-privileges", "--file=-"]);
    let mut psql = libpq.command(&tools.path("psql"));
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ]);
    let ending = ending(manifest, restored);
    tokio::task::spawn_blocking(move || run(script, psql, path, &server.settings, &ending)).await?
}

/// What a script for a server has to know of it.
struct Server {
    major: u32,
    /// The names of its settings.
    settings: HashSet<String>,
}

impl Server {
    async fn ask(db: &mut PgConnection) -> sqlx::Result<Self> {
        let major: i32 =
            sqlx::query_scalar("SELECT current_setting('server_version_num')::int / 10000")
                .fetch_one(&mut *db)
                .await?;
        let settings: Vec<String> = sqlx::query_scalar("SELECT name FROM pg_settings")
            .fetch_all(db)
            .await?;
        Ok(Self {
            major: major.unsigned_abs(),
            settings: settings.into_iter().collect(),
        })
    }
}

fn run(
    script: std::process::Command,
    psql: std::process::Command,
    path: PathBuf,
    settings: &HashSet<String>,
    ending: &str,
) -> anyhow::Result<()> {
    let (mut script, mut psql) = (Running::start(script)?, Running::start(psql)?);
    let (dump, sql, statements) = (
        script
            .child
            .stdin
            .take()
            .context("pg_restore has no input")?,
        script
            .child
            .stdout
            .take()
            .context("pg_restore has no output")?,
        psql.child.stdin.take().context("psql has no input")?,
    );
    // nothing is to be read from it, and a full pipe would stop it
    let silence = psql.child.stdout.take().context("psql has no output")?;
    let (mut dump, mut sql, mut statements, mut silence) = (dump, sql, statements, silence);
    let fed = std::thread::scope(|scope| {
        let feeding = scope.spawn(move || copy_database(&path, &mut dump));
        scope.spawn(move || io::copy(&mut silence, &mut io::sink()));
        let copied = statements
            .write_all(BEGINNING.as_bytes())
            .and_then(|()| copy_script(&mut sql, &mut statements, settings));
        // If psql has ended early, so does pg_restore now, which otherwise waits for someone to read on.
        drop(sql);
        let fed = feeding
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        // Without the ending, psql does not commit.
        let whole = copied
            .and(fed)
            .map_err(anyhow::Error::from)
            .and_then(|()| script.finish());
        if whole.is_ok() {
            let _ = statements.write_all(ending.as_bytes());
        }
        drop(statements);
        whole
    });
    // What psql says is the cause if it has stopped reading.
    psql.finish().and(fed)
}

/// Remembers the numbers of what is replaced, and removes the schema, which the backup creates.
const BEGINNING: &str = "
BEGIN;
SET client_min_messages = warning;
SET LOCAL lock_timeout = '30s';
CREATE TEMPORARY TABLE numbers_before (id uuid, seq bigint NOT NULL) ON COMMIT DROP;
DO $$ BEGIN
    IF to_regclass('public.teams') IS NOT NULL THEN
        INSERT INTO pg_temp.numbers_before SELECT id, seq FROM public.teams UNION ALL SELECT NULL, seq FROM public.workspace;
    END IF;
END $$;
DROP SCHEMA IF EXISTS public CASCADE;
";

/// Compares the contents, makes a restored past newer than what it replaces, and commits.
fn ending(manifest: &Manifest, restored: Restored) -> String {
    let mut sql = format!("\nSET LOCAL search_path = public;\n{TEXT_OF_ROWS}\n");
    for (table, contents) in &manifest.tables {
        let (rows, checksum) = (contents.rows, contents.checksum.replace('\'', "''"));
        let (named, query) = (table.replace('\'', "''"), contents_of(table));
        sql += &format!(
            "DO $check$ BEGIN IF NOT EXISTS (SELECT FROM ({query}) c WHERE c.rows = {rows} AND c.checksum = '{checksum}') THEN
                 RAISE EXCEPTION 'The table % does not have the contents that the backup lists.', '{named}';
             END IF; END $check$;\n"
        );
    }
    if restored == Restored::Past {
        sql += NEWER;
    }
    sql + "COMMIT;\nANALYZE;\n"
}

/// Makes the restored world newer than the one before.
const NEWER: &str = "
DELETE FROM sessions;
UPDATE workspace SET seq = greatest(seq, (SELECT max(seq) FROM pg_temp.numbers_before WHERE id IS NULL)) + 1;
WITH newer AS (
    UPDATE teams t SET seq = greatest(t.seq, (SELECT seq FROM pg_temp.numbers_before b WHERE b.id = t.id)) + 1
    RETURNING id, seq)
INSERT INTO events (team_id, seq, change_id, kind, at)
SELECT id, seq, gen_random_uuid(), 'workspace.restored', now() FROM newer;
SELECT pg_notify('fortnight', id || ':' || seq) FROM teams;
";

/// Restores a checked backup into a database of its own, compares it with the manifest, and drops it.
pub(crate) async fn verify(
    options: &PgConnectOptions,
    libpq: &Libpq,
    path: PathBuf,
    manifest: &Manifest,
) -> anyhow::Result<()> {
    let mut db = connect(options).await?;
    let scratch = format!("fortnight_verify_{}", Uuid::new_v4().simple());
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {scratch}")))
        .execute(&mut db)
        .await
        .context("cannot create a database to restore the backup into")?;
    let there = options.clone().database(&scratch);
    let outcome = restore(
        &there,
        &libpq.with_database(&scratch),
        path,
        manifest,
        Restored::Copy,
    )
    .await;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "DROP DATABASE {scratch} WITH (FORCE)"
    )))
    .execute(&mut db)
    .await?;
    db.close().await?;
    outcome
}
