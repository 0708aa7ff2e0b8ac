//! Writes the whole workspace to a folder or zip archive, while the program runs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::db::{
    backup::{
        files::{FILES_LOCK, Files},
        manifest::TEXT_OF_ROWS,
    },
    export::{
        catalog,
        manifest::{FILES, FORMAT, MANIFEST, Manifest, Table, file_of},
        output::Output,
    },
    file_store::{FileStore, hex},
    pool::connect,
};

/// Rows are collected up to this many bytes before they are written.
const CHUNK: usize = 1 << 20;

/// Writes everything as of one moment, whatever is changed meanwhile. Attached files that are missing from the store are
/// listed in the manifest that is returned.
///
/// # Errors
/// If the database or the disk fails. Nothing is left then.
pub async fn export(
    options: &PgConnectOptions,
    files: &FileStore,
    to: &Path,
    now: OffsetDateTime,
) -> anyhow::Result<Manifest> {
    let mut output = Output::create(to)?;
    let mut db = connect(options).await?;
    // Before the snapshot, so that all files that it needs are still there. It lasts as long as the connection.
    sqlx::query("SELECT pg_advisory_lock_shared($1)")
        .bind(FILES_LOCK)
        .execute(&mut db)
        .await?;
    let mut snapshot = db
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "SET LOCAL search_path = public; {TEXT_OF_ROWS}"
    )))
    .execute(&mut *snapshot)
    .await?;
    let (workspace, schema) =
        sqlx::query_as("SELECT name, (SELECT max(version) FROM _sqlx_migrations) FROM workspace")
            .fetch_one(&mut *snapshot)
            .await?;
    let mut tables = BTreeMap::new();
    for table in catalog::tables(&mut snapshot).await? {
        let written = write_table(&mut snapshot, &table, &mut output).await?;
        tables.insert(table.name, written);
    }
    let (found, list) = Files::listed(&mut snapshot, files).await?;
    let manifest = Manifest {
        format: FORMAT,
        fortnight: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        workspace,
        created_at: now,
        tables,
        files: list,
    };
    let last = serde_json::to_vec_pretty(&manifest)?;
    let finishing = spawn_blocking(move || {
        found.each(|hash, _, contents| {
            output.start(&format!("{FILES}{hash}"))?;
            Ok(io::copy(contents, &mut output).map(drop)?)
        })?;
        output.start(MANIFEST)?;
        output.write_all(&last)?;
        output.finish()
    });
    finishing.await??;
    snapshot.rollback().await?;
    db.close().await?;
    Ok(manifest)
}

/// Writes the rows of a table: a JSON array with one row a line.
async fn write_table(
    db: &mut PgConnection,
    table: &catalog::Table,
    output: &mut Output,
) -> anyhow::Result<Table> {
    output.start(&file_of(&table.name))?;
    let mut written = Table {
        rows: 0,
        bytes: 0,
        sha256: String::new(),
        columns: table.columns(),
    };
    let mut hash = Sha256::new();
    let mut chunk = String::from("[");
    let mut write = |chunk: &mut String| {
        hash.update(chunk.as_bytes());
        written.bytes += chunk.len() as u64;
        output.write_all(chunk.as_bytes())?;
        chunk.clear();
        io::Result::Ok(())
    };
    let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(table.rows_as_json())).fetch(db);
    while let Some(row) = rows.try_next().await? {
        chunk.push_str(if written.rows == 0 { "\n" } else { ",\n" });
        chunk.push_str(&row);
        written.rows += 1;
        if chunk.len() >= CHUNK {
            write(&mut chunk)?;
        }
    }
    chunk.push_str("\n]\n");
    write(&mut chunk)?;
    written.sha256 = hex(&hash.finalize());
    Ok(written)
}
