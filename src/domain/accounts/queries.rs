//! Reads accounts.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        person::Person,
        policy::{predicates::seen_by, viewer::Role},
    },
};

/// Returns the person with a handle, or who had it before; also if the account is deactivated.
pub(crate) async fn person(db: &Pool, handle: &str) -> Result<Person> {
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
    db: &Pool,
    email: &str,
) -> Result<Option<(Uuid, Option<String>)>> {
    Ok(sqlx::query_as(
        "SELECT id, password_hash FROM accounts WHERE lower(email) = lower($1) AND deactivated_at IS NULL",
    )
    .bind(email)
    .fetch_optional(db)
    .await?)
}

/// How a person signs in, for their own page.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SignInMeans {
    pub(crate) email: String,
    pub(crate) has_password: bool,
    pub(crate) has_second_factor: bool,
}

/// Returns how a person signs in.
pub(crate) async fn sign_in_means(db: &Pool, account: Uuid) -> Result<SignInMeans> {
    Ok(sqlx::query_as(
        "SELECT a.email, a.password_hash IS NOT NULL AS has_password,
                EXISTS (SELECT FROM second_factors f WHERE f.account_id = a.id AND f.enabled_at IS NOT NULL) AS has_second_factor
         FROM accounts a WHERE a.id = $1",
    )
    .bind(account)
    .fetch_one(db)
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
    pub(crate) is_confirmed: bool,
    pub(crate) has_second_factor: bool,
    pub(crate) seen_at: Option<OffsetDateTime>,
    /// The number of open tasks that this person owns, in teams that the reader can see.
    pub(crate) open: i64,
}

/// Returns every account by name, deactivated ones last.
pub(crate) async fn accounts(db: &Pool, reader: Uuid) -> Result<Vec<AccountRow>> {
    Ok(sqlx::query_as(concat!(
        // Starts from the open tasks; from the accounts, all tasks that they ever owned would be read.
        "WITH open AS MATERIALIZED (
             SELECT o.account_id, count(*) AS tasks FROM teams t JOIN columns c ON c.team_id = t.id AND c.state <> 'done'
             CROSS JOIN LATERAL (SELECT team_id, id FROM tasks WHERE column_id = c.id AND rank IS NOT NULL OFFSET 0) k
             CROSS JOIN LATERAL (SELECT account_id FROM task_owners WHERE team_id = k.team_id AND task_id = k.id OFFSET 0) o
             WHERE k.team_id = t.id AND ",
        seen_by!("$1"),
        " GROUP BY o.account_id)
         SELECT a.id, a.handle, a.name, a.hue, a.email, a.role, a.deactivated_at IS NOT NULL AS deactivated,
                a.email_confirmed_at IS NOT NULL AS is_confirmed,
                EXISTS (SELECT FROM second_factors f WHERE f.account_id = a.id AND f.enabled_at IS NOT NULL) AS has_second_factor,
                (SELECT max(last_seen_at) FROM sessions s WHERE s.account_id = a.id) AS seen_at, coalesce(open.tasks, 0) AS open
         FROM accounts a LEFT JOIN open ON open.account_id = a.id ORDER BY a.deactivated_at IS NOT NULL, a.name, a.id",
    ))
    .bind(reader)
    .fetch_all(db)
    .await?)
}
