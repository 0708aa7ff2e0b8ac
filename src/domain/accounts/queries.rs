//! Reads accounts.

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    person::Person,
    policy::{predicates::seen_by, viewer::Role},
};

/// Returns the person with a handle, or who had it before; also if the account is deactivated.
pub(crate) async fn person(db: &PgPool, handle: &str) -> Result<Person> {
    Ok(
        sqlx::query_as("SELECT id, handle, name, hue FROM accounts
                         WHERE handle = $1 OR id IN (SELECT account_id FROM former_handles WHERE handle = $1)")
            .bind(handle)
            .fetch_one(db)
            .await?,
    )
}

/// Returns the account with an e-mail address that may sign in, and its password hash.
pub(crate) async fn account_to_sign_in(
    db: &PgPool,
    email: &str,
) -> Result<Option<(Uuid, Option<String>)>> {
    Ok(sqlx::query_as(
        "SELECT id, password_hash FROM accounts WHERE lower(email) = lower($1) AND deactivated_at IS NULL",
    )
    .bind(email)
    .fetch_optional(db)
    .await?)
}

/// An account as administrators see it.
#[derive(sqlx::FromRow)]
pub(crate) struct AccountRow {
    #[sqlx(flatten)]
    pub(crate) person: Person,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) deactivated: bool,
    pub(crate) seen_at: Option<OffsetDateTime>,
    /// The number of open tasks that this person owns, in teams that the reader can see.
    pub(crate) open: i64,
}

/// Returns every account by name, deactivated ones last.
pub(crate) async fn accounts(db: &PgPool, reader: Uuid) -> Result<Vec<AccountRow>> {
    Ok(sqlx::query_as(concat!(
        "SELECT a.id, a.handle, a.name, a.hue, a.email, a.role, a.deactivated_at IS NOT NULL AS deactivated,
                (SELECT max(last_seen_at) FROM sessions s WHERE s.account_id = a.id) AS seen_at,
                (SELECT count(*) FROM task_owners o JOIN tasks k ON k.team_id = o.team_id AND k.id = o.task_id AND k.archived_at IS NULL
                 JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state <> 'done'
                 JOIN teams t ON t.id = k.team_id WHERE o.account_id = a.id AND ",
        seen_by!("$1"),
        ") AS open
         FROM accounts a ORDER BY a.deactivated_at IS NOT NULL, a.name, a.id",
    ))
    .bind(reader)
    .fetch_all(db)
    .await?)
}
