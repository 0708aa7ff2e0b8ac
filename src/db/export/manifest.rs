//! What an export says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::db::backup::manifest::FileList;

/// The version of the layout of an export.
pub(crate) const FORMAT: u32 = 1;

/// The name of the file that holds it.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The name of the file with a table's rows.
pub(crate) fn file_of(table: &str) -> String {
    format!("tables/{table}.json")
}

/// The folder of the attached files, each named by the SHA-256 of its contents.
pub(crate) const FILES: &str = "files/";

/// What an export contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the layout.
    pub(crate) format: u32,
    /// The version of the Fortnight that made it.
    pub(crate) fortnight: String,
    /// The newest migration of its schema.
    pub(crate) schema: i64,
    /// The workspace's name.
    pub(crate) workspace: String,
    /// The moment that it shows.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    /// Every table, by name.
    pub tables: BTreeMap<String, Table>,
    /// The attached files.
    pub(crate) files: FileList,
}

/// The file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// How many rows it has.
    pub rows: i64,
    /// The size of its file, in bytes.
    pub bytes: u64,
    /// The SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// Its columns, in their order.
    pub(crate) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type, as Postgres calls it.
    pub(crate) r#type: String,
}

impl Manifest {
    /// The rows of a table.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        self.tables.get(table).map_or(0, |table| table.rows)
    }
}
