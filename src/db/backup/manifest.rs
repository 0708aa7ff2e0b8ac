//! What a backup says about itself, and how its contents are counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

/// The version of the file's layout.
pub(crate) const FORMAT: u32 = 1;

/// The first entry of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the file's layout.
    pub(crate) format: u32,
    /// The version of the Fortnight that made it.
    pub(crate) fortnight: String,
    /// The newest migration of its schema.
    pub(crate) schema: i64,
    /// The major version of its Postgres.
    pub(crate) postgres: u32,
    /// The major version of the pg_dump that wrote it, which may be newer; 0 if unknown.
    #[serde(default)]
    pub(crate) pg_dump: u32,
    /// The workspace's name.
    pub(crate) workspace: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    /// Every table, by name.
    pub tables: BTreeMap<String, Contents>,
}

/// The contents of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Contents {
    pub rows: i64,
    /// The sum of the first 60 bits of the MD5 hash of each row's text, in any order.
    pub checksum: String,
}

impl Manifest {
    /// Describes the database as this transaction sees it.
    pub(crate) async fn of(db: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<Self> {
        sqlx::raw_sql(AssertSqlSafe(format!(
            "SET LOCAL search_path = public; {TEXT_OF_ROWS}"
        )))
        .execute(&mut *db)
        .await?;
        let (workspace, schema, postgres): (String, i64, i32) = sqlx::query_as(
            "SELECT name, (SELECT max(version) FROM _sqlx_migrations), current_setting('server_version_num')::int / 10000
             FROM workspace",
        )
        .fetch_one(&mut *db)
        .await?;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
        )
        .fetch_all(&mut *db)
        .await?;
        let mut tables = BTreeMap::new();
        for name in names {
            let contents = sqlx::query_as(AssertSqlSafe(contents_of(&name)))
                .fetch_one(&mut *db)
                .await?;
            tables.insert(name, contents);
        }
        Ok(Self {
            format: FORMAT,
            fortnight: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            postgres: postgres.unsigned_abs(),
            pg_dump: 0,
            workspace,
            created_at: now,
            tables,
        })
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        self.tables.get(table).map_or(0, |contents| contents.rows)
    }
}

/// Query: the number of rows of a table, and their checksum.
pub(crate) fn contents_of(table: &str) -> String {
    let table = table.replace('"', "\"\"");
    format!(
        "SELECT count(*) AS rows, coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0)::text AS checksum
         FROM public.\"{table}\" t"
    )
}

/// Settings that the text of a row depends on.
pub(crate) const TEXT_OF_ROWS: &str = "SET LOCAL \"TimeZone\" = 'UTC'; SET LOCAL \"DateStyle\" = 'ISO, MDY'; \
     SET LOCAL \"IntervalStyle\" = 'postgres'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1;";
