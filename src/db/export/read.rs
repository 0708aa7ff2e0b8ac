//! Restores an export into an empty workspace, all or nothing: one transaction fills every table, and commits only if the
//! rows are those that the manifest describes.

use std::{collections::BTreeMap, io::Read, path::Path};

use anyhow::{Context, Result, bail, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::spawn_blocking,
};

use crate::db::{
    backup::{files, manifest::TEXT_OF_ROWS},
    export::{
        catalog::{self, FILLING, quoted},
        input::Input,
        manifest::{FILES, Manifest, Table, file_of},
        rows,
    },
    file_store::FileStore,
    migrate,
    pool::connect,
    schema::{self, STEPS},
    upgrade::Before,
};

/// Rows are inserted together up to this many bytes.
const BATCH: usize = 1 << 20;

/// Restores the export at this path into the database of an empty workspace, and its attached files into the store. The
/// schema is that of this version afterwards.
///
/// # Errors
/// If the workspace has people, or the export is damaged or of a newer version. Nothing is restored then.
pub async fn import(
    options: &PgConnectOptions,
    store: &FileStore,
    from: &Path,
) -> Result<Manifest> {
    let (mut input, manifest) = Input::open(from)?;
    let mut db = connect(options).await?;
    ensure_empty(&mut db).await?;
    let (store, listed) = (store.clone(), manifest.clone());
    let receiving = spawn_blocking(move || {
        receive_files(&mut input, &listed, &store)?;
        anyhow::Ok(input)
    });
    let input = receiving.await??;
    let is_older = manifest.schema < schema::newest();
    if is_older {
        // in the schema of its time first, so that migrations treat its rows as those of any older database
        sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            .execute(&mut db)
            .await?;
        STEPS.run_to(manifest.schema, &mut db).await?;
    }
    let filled = fill(&mut db, input, &manifest).await;
    db.close().await?;
    if is_older {
        migrate(options, &Before::Nothing).await?;
    }
    filled?;
    Ok(manifest)
}

/// Copies the attached files into the store.
fn receive_files(input: &mut Input, manifest: &Manifest, store: &FileStore) -> Result<()> {
    let hashes = input.attached_files()?;
    ensure!(
        hashes.len() as u64 == manifest.files.count,
        "it has {} attached files, but lists {}",
        hashes.len(),
        manifest.files.count
    );
    for hash in hashes {
        input.read(&format!("{FILES}{hash}"), |contents| {
            // no file is larger than all of them together
            let mut contents = contents.take(manifest.files.bytes.saturating_add(1));
            files::receive(store, &hash, &mut contents, |actual| {
                ensure!(actual == hash, "it is damaged");
                Ok(())
            })
        })?;
    }
    Ok(())
}

async fn ensure_empty(db: &mut PgConnection) -> Result<()> {
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
        .fetch_one(db)
        .await?;
    ensure!(
        people == 0,
        "the workspace is not empty: an export can only be restored into one without people"
    );
    Ok(())
}

/// Replaces the rows of all tables, in one transaction.
async fn fill(db: &mut PgConnection, input: Input, manifest: &Manifest) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "SET LOCAL search_path = public; SET LOCAL lock_timeout = '30s'; {TEXT_OF_ROWS}
         LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE"
    )))
    .execute(&mut *tx)
    .await
    .context("cannot lock the tables")?;
    ensure_empty(&mut tx).await?;
    let tables = catalog::tables(&mut tx).await?;
    check_columns(&tables, manifest)?;
    let seq_before: i64 = sqlx::query_scalar("SELECT seq FROM workspace")
        .fetch_one(&mut *tx)
        .await?;
    let rules = Rules::lift(&mut tx, &tables).await?;

    let (batches, received) = channel(2);
    let listed = manifest.tables.clone();
    let reading = spawn_blocking(move || read_tables(input, &listed, &batches));
    let inserted = insert(&mut tx, received, manifest).await;
    // if inserting fails, the other only says that no one takes the rows
    inserted.and(reading.await?)?;

    rules.restore(&mut tx).await?;
    // A running program may have in memory what it showed under the number of before.
    sqlx::query("UPDATE workspace SET seq = greatest(seq, $1 + 1) WHERE $1 > 0")
        .bind(seq_before)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    sqlx::raw_sql("ANALYZE").execute(db).await?;
    Ok(())
}

/// Whether the export has the tables and columns of the schema. A column that it lacks would be empty without a word.
fn check_columns(tables: &[catalog::Table], manifest: &Manifest) -> Result<()> {
    let known: Vec<_> = tables
        .iter()
        .map(|table| (&table.name, table.columns()))
        .collect();
    let listed: Vec<_> = manifest
        .tables
        .iter()
        .map(|(name, table)| (name, table.columns.clone()))
        .collect();
    for table in &known {
        ensure!(
            listed.contains(table),
            "the table {} does not have the columns that Fortnight {} gave it",
            table.0,
            manifest.fortnight
        );
    }
    ensure!(
        known.len() == listed.len(),
        "it has tables that Fortnight {} does not have",
        manifest.fortnight
    );
    Ok(())
}

/// Rows of a table: a JSON array of objects.
struct Batch {
    table: String,
    rows: String,
}

/// Reads all tables, and sends their rows in batches.
fn read_tables(
    mut input: Input,
    tables: &BTreeMap<String, Table>,
    batches: &Sender<Batch>,
) -> Result<()> {
    for (name, listed) in tables {
        let mut rows = String::new();
        let send = |rows: &mut String| {
            if rows.is_empty() {
                return Ok(());
            }
            rows.push(']');
            let batch = Batch {
                table: name.clone(),
                rows: std::mem::take(rows),
            };
            batches
                .blocking_send(batch)
                .context("the rows are not wanted any more")
        };
        input.read(&file_of(name), |contents| {
            rows::read(contents, listed, |row| {
                rows.push(if rows.is_empty() { '[' } else { ',' });
                rows.push_str(row);
                if rows.len() >= BATCH {
                    send(&mut rows)
                } else {
                    Ok(())
                }
            })
        })?;
        send(&mut rows)?;
    }
    Ok(())
}

/// Inserts the rows as they come.
async fn insert(
    db: &mut PgConnection,
    mut batches: Receiver<Batch>,
    manifest: &Manifest,
) -> Result<()> {
    while let Some(Batch { table, rows }) = batches.recv().await {
        let columns = manifest.tables.get(&table).map(|table| &table.columns);
        let columns: Vec<String> = columns
            .into_iter()
            .flatten()
            .map(|column| quoted(&column.name))
            .collect();
        let (columns, to) = (columns.join(", "), quoted(&table));
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO {to} ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM json_populate_recordset(NULL::{to}, $1::text::json)"
        )))
        .bind(rows)
        .execute(&mut *db)
        .await
        .with_context(|| format!("rows of the table {table} are refused"))?;
    }
    Ok(())
}

/// Foreign keys and triggers, which would refuse or change rows as long as others are missing.
struct Rules {
    tables: Vec<String>,
    /// Statements that add the foreign keys again.
    foreign_keys: Vec<String>,
}

impl Rules {
    /// Empties the tables and lifts the rules for this transaction.
    async fn lift(db: &mut PgConnection, tables: &[catalog::Table]) -> Result<Self> {
        let tables: Vec<String> = tables.iter().map(|table| quoted(&table.name)).collect();
        let foreign_keys: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
             WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2",
        )
        .fetch_all(&mut *db)
        .await?;
        let mut sql = format!("TRUNCATE {} CASCADE;\n", tables.join(", "));
        for (table, name, _) in &foreign_keys {
            sql += &format!("ALTER TABLE {table} DROP CONSTRAINT {name};\n");
        }
        for table in &tables {
            sql += &format!("ALTER TABLE {table} DISABLE TRIGGER USER;\n");
        }
        for (table, trigger) in FILLING {
            sql += &format!("ALTER TABLE {table} ENABLE TRIGGER {trigger};\n");
        }
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(db).await?;
        let add = |(table, name, definition)| {
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        };
        Ok(Self {
            tables,
            foreign_keys: foreign_keys.into_iter().map(add).collect(),
        })
    }

    /// Brings them back: Postgres checks all foreign keys. Numbers that the database gives go on after the largest.
    async fn restore(self, db: &mut PgConnection) -> Result<()> {
        for table in &self.tables {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "ALTER TABLE {table} ENABLE TRIGGER USER"
            )))
            .execute(&mut *db)
            .await?;
        }
        for add in self.foreign_keys {
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut *db).await {
                bail!("rows refer to others that are missing: {error}");
            }
        }
        let counters: Vec<String> = sqlx::query_scalar(
            "SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), greatest(max(%I), 1), max(%I) IS NOT NULL) FROM %s',
                           attrelid::regclass, attname, attname, attname, attrelid::regclass)
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE c.relnamespace = 'public'::regnamespace AND a.attidentity <> ''",
        )
        .fetch_all(&mut *db)
        .await?;
        for set in counters {
            sqlx::query(AssertSqlSafe(set)).execute(&mut *db).await?;
        }
        Ok(())
    }
}
