//! Creates accounts.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    person::Person,
    policy::viewer::Role,
    slug::{first_available, slug},
    workspace_seq::bump_workspace_seq,
};

/// The fields of a new account.
pub struct NewAccount {
    pub email: String,
    pub name: String,
    /// The result of `passwords::hash`, computed before the transaction starts: hashing may wait in
    /// a queue, and must not hold locks meanwhile. `None` for people who sign in through a provider.
    pub password_hash: Option<String>,
    pub admin: bool,
    pub time_zone: String,
}

/// Creates an account. Its handle is derived from the name, its colour from the number of accounts.
pub async fn add_account(
    db: &mut PgConnection,
    now: OffsetDateTime,
    new: NewAccount,
) -> Result<Person> {
    // Locked first, to wait for a concurrent change that frees a handle.
    bump_workspace_seq(db).await?;
    let person = Person {
        id: Uuid::now_v7(),
        handle: free_handle(db, &new.name, &new.email).await?,
        name: new.name.trim().to_owned(),
        hue: next_hue(db).await?,
    };
    sqlx::query(
        "INSERT INTO accounts (id, email, name, handle, hue, time_zone, role, password_hash, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(person.id)
    .bind(new.email.trim())
    .bind(&person.name)
    .bind(&person.handle)
    .bind(person.hue)
    .bind(new.time_zone)
    .bind(if new.admin { Role::Admin } else { Role::Member })
    .bind(new.password_hash)
    .bind(now)
    .execute(&mut *db)
    .await
    .map_err(|error| match error.as_database_error().and_then(|error| error.constraint()) {
        // Another account took the handle at the same moment; the retry sees it.
        Some("account_handle") => Problem::Retry,
        _ => error.into(),
    })?;
    Ok(person)
}

async fn next_hue(db: &mut PgConnection) -> Result<i16> {
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
        .fetch_one(db)
        .await?;
    // Five steps on a wheel of twelve, so that consecutive accounts get distant colours.
    Ok((people * 5 % 12) as i16)
}

async fn free_handle(db: &mut PgConnection, name: &str, email: &str) -> Result<String> {
    let first = slug(name.split_whitespace().next().unwrap_or(""));
    let wanted = if first.is_empty() {
        slug(email.split('@').next().unwrap_or(""))
    } else {
        first
    };
    let wanted = if wanted.is_empty() {
        "member".to_owned()
    } else {
        wanted
    };
    let taken: Vec<String> = sqlx::query_scalar(
        "SELECT handle FROM accounts WHERE handle ^@ $1 UNION SELECT handle FROM former_handles WHERE handle ^@ $1",
    )
    .bind(&wanted)
    .fetch_all(db)
    .await?;
    // as in the constraint account_handle_reserved
    let reserved = ["me", "nobody", "none", "everyone"];
    Ok(first_available(&wanted, "-", |handle| {
        reserved.contains(&handle) || taken.iter().any(|other| other == handle)
    }))
}
