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
    /// The attached files in it; `None` if it was made before an upgrade, or by an earlier version without them.
    #[serde(default)]
    pub(crate) files: Option<FileList>,
}

/// The attached files of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileList {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// Files that were attached, but not in the store any more, so that they are not in the backup.
    pub(crate) missing: Vec<MissingFile>,
}

/// An attached file that was not in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MissingFile {
    pub(crate) hash: String,
    /// Its name and task, as one of its attachments has them: `plan.png (INF-4)`.
    pub(crate) name: String,
}

/// How many missing files a sentence names.
const NAMED: usize = 5;

impl FileList {
    /// How many files are missing, in a sentence, if any are. Their names are not for everyone who sees it.
    pub(crate) fn shortfall(&self) -> Option<String> {
        match self.missing.len() {
            0 => None,
            1 => Some("1 attached file is missing".to_owned()),
            count => Some(format!("{count} attached files are missing")),
        }
    }

    /// Names the missing files in a sentence, if there are any.
    pub(crate) fn complaint(&self) -> Option<String> {
        let names: Vec<&str> = self.missing.iter().map(|file| file.name.as_str()).collect();
        let shown = names.iter().take(NAMED).copied();
        let more = names.len().saturating_sub(NAMED);
        let shown: Vec<&str> = shown.collect();
        let mut list = shown.join(", ");
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        Some(format!("{}: {list}", self.shortfall()?))
    }
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
            files: None,
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
