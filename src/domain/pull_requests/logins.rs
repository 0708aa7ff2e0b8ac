//! The logins at forges that people have proved to be theirs: they write a code into a comment there, and the signed
//! delivery says who wrote it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets,
        error::{Problem, Result},
        events::{Change, audit_log},
        pull_requests::{Forge, model::CommentEvent},
    },
};

/// How long a code can be used.
const CODE_FOR: Duration = Duration::hours(1);

/// What a code begins with.
const CODE_PREFIX: &str = "fortnight-";

/// A person's login at a connection, or that there is none yet.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct OwnLogin {
    pub(crate) connection_id: Uuid,
    pub(crate) connection: String,
    pub(crate) forge: Forge,
    pub(crate) login: Option<String>,
    /// The login for which a code waits to be used.
    pub(crate) claimed: Option<String>,
}

/// Returns the connections in use, with a person's login at each.
pub(crate) async fn own(db: &Pool, account: Uuid, now: OffsetDateTime) -> Result<Vec<OwnLogin>> {
    Ok(sqlx::query_as(
        "SELECT c.id AS connection_id, c.name AS connection, c.forge, l.login, k.login AS claimed FROM forge_connections c
         LEFT JOIN forge_logins l ON l.connection_id = c.id AND l.account_id = $1
         LEFT JOIN forge_login_codes k ON k.connection_id = c.id AND k.account_id = $1 AND k.expires_at > $2
         WHERE c.disconnected_at IS NULL ORDER BY lower(c.name)",
    )
    .bind(account)
    .bind(now)
    .fetch_all(db)
    .await?)
}

/// Makes a code for a login. It replaces the one before, and is shown only once.
pub(crate) async fn claim(
    change: &mut Change,
    account: Uuid,
    connection: Uuid,
    login: &str,
) -> Result<String> {
    let login = login.trim().trim_start_matches('@').to_lowercase();
    let is_plain = !login.is_empty()
        && login.chars().count() <= 100
        && !login.contains(|letter: char| letter.is_whitespace() || letter == '@');
    if !is_plain {
        return Err(Problem::field(
            "login",
            "Enter your username there, without @ or spaces.",
        ));
    }
    let in_use: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_connections WHERE id = $1 AND disconnected_at IS NULL)",
    )
    .bind(connection)
    .fetch_one(change.db())
    .await?;
    if !in_use {
        return Err(Problem::NotFound);
    }
    if is_taken(change.db(), account, connection, &login).await? {
        let message = "Another person here has proved this username. Ask them to remove it first.";
        return Err(Problem::field("login", message));
    }
    let bits = URL_SAFE_NO_PAD
        .decode(secrets::new_secret()?)
        .unwrap_or_default();
    // 80 bits, in letters that no forge formats.
    let code: String = bits
        .iter()
        .take(10)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let code = format!("{CODE_PREFIX}{code}");
    let expires = change.at + CODE_FOR;
    sqlx::query(
        "INSERT INTO forge_login_codes (account_id, connection_id, login, code_hash, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, connection_id) DO UPDATE SET login = $3, code_hash = $4, expires_at = $5",
    )
    .bind(account)
    .bind(connection)
    .bind(&login)
    .bind(secrets::digest(&code))
    .bind(expires)
    .execute(change.db())
    .await?;
    Ok(code)
}

/// Removes a person's login at a connection, and a code that waits.
pub(crate) async fn remove(change: &mut Change, account: Uuid, connection: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM forge_login_codes WHERE account_id = $1 AND connection_id = $2")
        .bind(account)
        .bind(connection)
        .execute(change.db())
        .await?;
    let removed: Option<String> = sqlx::query_scalar(
        "DELETE FROM forge_logins WHERE account_id = $1 AND connection_id = $2 RETURNING login",
    )
    .bind(account)
    .bind(connection)
    .fetch_optional(change.db())
    .await?;
    match removed {
        Some(_) => {
            let about = name_of(change, connection).await?;
            audit_log::note(change, "forge-login.removed", &about).await
        }
        None => Ok(()),
    }
}

/// The name of a connection. The audit log has no logins, which would be left there of a deleted account.
async fn name_of(change: &mut Change, connection: Uuid) -> Result<String> {
    Ok(
        sqlx::query_scalar("SELECT name FROM forge_connections WHERE id = $1")
            .bind(connection)
            .fetch_one(change.db())
            .await?,
    )
}

/// What a comment says of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its author is who they said.
    Proved,
    /// The login is that of another account, which keeps it.
    Taken,
    /// There is no code in it.
    None,
}

/// Proves a login by a comment that is a code and nothing else: its author may quote what others wrote, also their codes.
pub(super) async fn prove(
    change: &mut Change,
    connection: Uuid,
    comment: &CommentEvent,
) -> Result<Proof> {
    let (login, at) = (comment.author.to_lowercase(), change.at);
    let code = comment.body.trim();
    if !code.starts_with(CODE_PREFIX) || code.len() > 100 {
        return Ok(Proof::None);
    }
    let account: Option<Uuid> = sqlx::query_scalar(
        "DELETE FROM forge_login_codes WHERE connection_id = $1 AND login = $2 AND code_hash = $3 AND expires_at > $4 RETURNING account_id",
    )
    .bind(connection)
    .bind(&login)
    .bind(secrets::digest(code))
    .bind(at)
    .fetch_optional(change.db())
    .await?;
    let Some(account) = account else {
        return Ok(Proof::None);
    };
    if is_taken(change.db(), account, connection, &login).await? {
        return Ok(Proof::Taken);
    }
    // The account's former login, and that of a deactivated account.
    sqlx::query(
        "DELETE FROM forge_logins WHERE connection_id = $1 AND (login = $2 OR account_id = $3)",
    )
    .bind(connection)
    .bind(&login)
    .bind(account)
    .execute(change.db())
    .await?;
    sqlx::query(
        "INSERT INTO forge_logins (connection_id, login, account_id, verified_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(connection)
    .bind(&login)
    .bind(account)
    .bind(at)
    .execute(change.db())
    .await?;
    let about = name_of(change, connection).await?;
    let entry = audit_log::AuditEntry {
        actor: Some(account),
        kind: "forge-login.proved",
        about: &about,
        team: None,
    };
    audit_log::write(change.db(), at, entry).await?;
    Ok(Proof::Proved)
}

/// Whether another account, which is not deactivated, has proved this login.
async fn is_taken(
    db: &mut PgConnection,
    account: Uuid,
    connection: Uuid,
    login: &str,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_logins l JOIN accounts a ON a.id = l.account_id
                        WHERE l.connection_id = $1 AND l.login = $2 AND l.account_id <> $3 AND a.deactivated_at IS NULL)",
    )
    .bind(connection)
    .bind(login)
    .bind(account)
    .fetch_one(db)
    .await?)
}

/// The handles of the people with these logins, in no order.
pub(super) async fn handles_of(
    db: &mut PgConnection,
    connection: Uuid,
    logins: &[String],
) -> Result<Vec<String>> {
    let logins: Vec<String> = logins.iter().map(|login| login.to_lowercase()).collect();
    Ok(sqlx::query_scalar(
        "SELECT a.handle FROM forge_logins l JOIN accounts a ON a.id = l.account_id
         WHERE l.connection_id = $1 AND l.login = ANY($2) AND a.deactivated_at IS NULL ORDER BY a.handle",
    )
    .bind(connection)
    .bind(logins)
    .fetch_all(db)
    .await?)
}
