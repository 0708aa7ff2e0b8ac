//! Everything that the workspace keeps about a person, for a request under data protection law.

use std::io::Write;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{db::pool::Pool, domain::dates};

/// Columns with which one could sign in, or act for the person. Binary columns are left out as well: all of them are digests
/// or secrets.
pub const SECRETS: [&str; 5] = [
    "password_hash",
    "secret",
    // may hold what a receiver takes for a password
    "url",
    "key",
    // a copy of other columns, for the search
    "searched",
];

/// Writes everything that refers to an account as JSON: the account, and the rows of every table, by the column that names
/// the person. The database itself says which tables those are, so that none is forgotten. Returns the number of rows.
///
/// # Errors
/// If there is no such account, or the database or file fails.
pub async fn write(
    db: &Pool,
    email: &str,
    now: OffsetDateTime,
    to: &mut (impl Write + Send),
) -> Result<usize> {
    let mut tx = db.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '10min'")
        .await?;
    let found: Option<(Uuid, Value)> = sqlx::query_as(
        "SELECT id, to_jsonb(a) - $2::text[] FROM accounts a WHERE lower(email) = lower($1)",
    )
    .bind(email)
    .bind(SECRETS)
    .fetch_optional(&mut *tx)
    .await?;
    let (account, about) = found.with_context(|| format!("there is no account {email}"))?;
    let at = json!(dates::instant(now));
    write!(
        to,
        "{{\"exported_at\": {at},\n\"account\": {about},\n\"rows\": ["
    )?;
    let mut written = 0;
    for (table, column) in references(&mut tx).await? {
        let binary = binary_columns(&mut tx, &table).await?;
        let query = format!("SELECT to_jsonb(t) - $2::text[] FROM {table} t WHERE {column} = $1");
        let left_out: Vec<&str> = SECRETS
            .into_iter()
            .chain(binary.iter().map(String::as_str))
            .collect();
        let mut rows = sqlx::query_scalar::<_, Value>(AssertSqlSafe(query))
            .bind(account)
            .bind(left_out)
            .fetch(&mut *tx);
        while let Some(row) = rows.try_next().await? {
            let mut line = Map::new();
            line.insert("table".to_owned(), json!(table));
            line.insert("as".to_owned(), json!(column));
            line.insert("row".to_owned(), row);
            let comma = if written == 0 { "\n" } else { ",\n" };
            write!(to, "{comma}{}", Value::Object(line))?;
            written += 1;
        }
    }
    writeln!(to, "\n]}}")?;
    to.flush()?;
    Ok(written)
}

/// Every table with a column that names an account, quoted for a query.
async fn references(db: &mut PgConnection) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as(
        "SELECT c.conrelid::regclass::text, quote_ident(a.attname)
         FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.contype = 'f' AND c.confrelid = 'accounts'::regclass AND array_length(c.conkey, 1) = 1
         UNION
         SELECT t.oid::regclass::text, 'account_id' FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
         WHERE t.relkind = 'r' AND a.attname = 'account_id' AND NOT a.attisdropped ORDER BY 1, 2",
    )
    .fetch_all(db)
    .await?)
}

async fn binary_columns(db: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND atttypid = 'bytea'::regtype AND attnum > 0 AND NOT attisdropped",
    )
    .bind(table)
    .fetch_all(db)
    .await?)
}
