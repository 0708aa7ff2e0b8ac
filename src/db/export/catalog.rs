//! Which tables and columns an export has. The database itself says so, so that no table is forgotten.

use sqlx::PgConnection;

use crate::db::export::manifest::Column;

/// Tables that are left out: what would let somebody sign in or go on with something that they had begun, for minutes or
/// hours, and what is made from other tables.
pub const LEFT_OUT: [&str; 13] = [
    "_sqlx_migrations",
    "email_confirmations",
    "forge_login_codes",
    "github_app_requests",
    "idempotency_keys",
    "identity_confirmations",
    "oauth_codes",
    "one_time_links",
    "password_resets",
    "pending_sign_ins",
    "session_identities",
    "sessions",
    // the search's form of tasks
    "task_texts",
];

/// Triggers that fill one of those tables, by the table on which they are.
pub(crate) const FILLING: [(&str, &str); 1] = [("tasks", "task_text_added")];

/// A table as the catalogue of the database describes it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// The names of its columns, without generated ones.
    names: Vec<String>,
    types: Vec<String>,
    /// The columns by which its rows are in the same order on every machine.
    key: Option<String>,
}

impl Table {
    /// Its columns, without generated ones.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let all = self.names.iter().zip(&self.types);
        all.map(|(name, r#type)| Column {
            name: name.clone(),
            r#type: r#type.clone(),
        })
        .collect()
    }

    /// Query: each row as a JSON object, in order.
    pub(crate) fn rows_as_json(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| quoted(name)).collect();
        let order = self.key.as_deref().unwrap_or("t::text COLLATE \"C\"");
        format!(
            "SELECT row_to_json(r)::text FROM (SELECT {} FROM {} t ORDER BY {order}) r",
            names.join(", "),
            quoted(&self.name)
        )
    }
}

/// A name for use in a query.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Every table to export, by name.
pub(crate) async fn tables(db: &mut PgConnection) -> sqlx::Result<Vec<Table>> {
    sqlx::query_as(
        "SELECT c.relname::text AS name, a.names, a.types, k.key
         FROM pg_class c
         CROSS JOIN LATERAL (
             SELECT array_agg(attname::text ORDER BY attnum) AS names,
                    array_agg(format_type(atttypid, atttypmod) ORDER BY attnum) AS types
             FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') a
         CROSS JOIN LATERAL (
             SELECT string_agg('t.' || quote_ident(a.attname) || CASE WHEN a.attcollation <> 0 THEN ' COLLATE \"C\"' ELSE '' END,
                               ', ' ORDER BY array_position(i.indkey::int2[], a.attnum)) AS key
             FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary) k
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL ($1)
         ORDER BY c.relname COLLATE \"C\"",
    )
    .bind(LEFT_OUT.as_slice())
    .fetch_all(db)
    .await
}
