//! API tokens and one-time links. Their secrets are shown once; the database stores only their
//! SHA-256.

use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets::{digest, new_secret},
        error::Result,
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
        policy::{predicates::seen_by, viewer::Scope},
        text::{is_invisible, turns_direction},
    },
};

/// An API token to be created.
pub(crate) struct Draft<'d> {
    pub(crate) account: Uuid,
    pub(crate) name: &'d str,
    /// The agent that uses it; `None` for a program that acts as the person themselves.
    pub(crate) agent: Option<&'d str>,
    pub(crate) scope: Scope,
    /// The teams it is limited to; `None` means all teams of its owner.
    pub(crate) teams: Option<&'d [Uuid]>,
    pub(crate) expires_at: Option<OffsetDateTime>,
}

/// Creates an API token and returns its secret, which is not stored and cannot be shown again.
pub(crate) async fn make(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    draft: &Draft<'_>,
) -> Result<String> {
    let secret = format!("fn_{}", new_secret()?);
    sqlx::query(
        "INSERT INTO tokens (id, account_id, token_hash, scope, created_at, name, teams, expires_at, agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(Uuid::now_v7())
    .bind(draft.account)
    .bind(digest(&secret))
    .bind(draft.scope.as_str())
    .bind(now)
    .bind(draft.name)
    .bind(draft.teams)
    .bind(draft.expires_at)
    .bind(draft.agent)
    .execute(db)
    .await?;
    Ok(secret)
}

/// Creates an API token on its owner's behalf and returns its secret.
pub(crate) async fn create_own(change: &mut Change, draft: &Draft<'_>) -> Result<String> {
    let now = change.at;
    let secret = make(change.db(), now, draft).await?;
    let about = format!("{} ({})", draft.name, draft.scope.as_str());
    let entry = AuditEntry {
        actor: Some(draft.account),
        kind: "token.created",
        about: &about,
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), now, entry).await?;
    Ok(secret)
}

/// Creates an API token for the account with this e-mail address.
pub async fn create(
    db: &Pool,
    now: OffsetDateTime,
    email: &str,
    scope: Scope,
) -> anyhow::Result<String> {
    create_for_agent(db, now, email, scope, None).await
}

/// Creates an API token for an agent that acts for the account with this e-mail address.
pub async fn create_for_agent(
    db: &Pool,
    now: OffsetDateTime,
    email: &str,
    scope: Scope,
    agent: Option<&str>,
) -> anyhow::Result<String> {
    let account: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM accounts WHERE lower(email) = lower($1) AND deactivated_at IS NULL",
    )
    .bind(email)
    .fetch_optional(db)
    .await?;
    let Some(account) = account else {
        anyhow::bail!(
            "no account has the e-mail address {email}; create one with `fortnight user add`"
        );
    };
    let draft = Draft {
        account,
        name: "created on the command line",
        agent: agent.map(checked_agent).transpose()?,
        scope,
        teams: None,
        expires_at: None,
    };
    let mut tx = db.begin().await?;
    let secret = make(&mut *tx, now, &draft)
        .await
        .map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let about = format!("{} ({}), for {email}", draft.name, scope.as_str());
    audit_log::write(
        &mut tx,
        now,
        AuditEntry {
            kind: "token.created",
            about: &about,
            ..AuditEntry::default()
        },
    )
    .await
    .map_err(|problem| anyhow::anyhow!("{problem}"))?;
    tx.commit().await?;
    Ok(secret)
}

/// The most characters of an agent's name.
pub(crate) const AGENT_LENGTH: usize = 50;

/// Checks the name of an agent, which stands before the person's wherever it did something.
fn checked_agent(name: &str) -> anyhow::Result<&str> {
    agent_name(name).ok_or_else(|| {
        anyhow::anyhow!("an agent's name must have 1 to {AGENT_LENGTH} visible characters")
    })
}

/// The name of an agent without blanks around it; `None` if it cannot be one.
pub(crate) fn agent_name(name: &str) -> Option<&str> {
    let name = name.trim();
    let is_plain = !name.contains(char::is_control)
        && !turns_direction(name)
        && name.contains(|letter| !is_invisible(letter));
    (is_plain && (1..=AGENT_LENGTH).contains(&name.chars().count())).then_some(name)
}

/// The purpose of a one-time link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Setup,
    SignIn(Uuid),
}

/// Creates a one-time link that is valid for a day, and returns its secret.
pub async fn create_link(
    db: &Pool,
    now: OffsetDateTime,
    purpose: Purpose,
) -> anyhow::Result<String> {
    let secret = new_secret()?;
    let (name, account) = match purpose {
        Purpose::Setup => ("setup", None),
        Purpose::SignIn(account) => ("sign-in", Some(account)),
    };
    sqlx::query(
        "INSERT INTO one_time_links (token_hash, purpose, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(digest(&secret))
    .bind(name)
    .bind(account)
    .bind(now)
    .bind(now + Duration::days(1))
    .execute(db)
    .await?;
    Ok(secret)
}

/// An API token, without its secret.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct TokenRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) agent: Option<String>,
    pub(crate) scope: Scope,
    /// Names of the teams it is limited to; `None` means all.
    pub(crate) teams: Option<String>,
    pub(crate) last_used_at: Option<OffsetDateTime>,
    pub(crate) expires_at: Option<OffsetDateTime>,
}

/// Returns an account's API tokens that are not revoked, newest first.
pub(crate) async fn tokens(db: &Pool, account: Uuid) -> Result<Vec<TokenRow>> {
    Ok(sqlx::query_as(concat!(
        "SELECT k.id, k.name, k.agent, k.scope, k.last_used_at, k.expires_at,
                (SELECT string_agg(CASE WHEN NOT ",
        seen_by!("k.account_id"),
        " THEN 'a private team' ELSE t.name END, ', ' ORDER BY t.name)
                 FROM teams t WHERE t.id = ANY(k.teams)) AS teams
         FROM tokens k WHERE k.account_id = $1 AND k.revoked_at IS NULL ORDER BY k.created_at DESC"
    ))
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// Returns the account that a valid sign-in link belongs to.
pub(crate) async fn account_of_link(
    db: &Pool,
    now: OffsetDateTime,
    secret: &str,
) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT a.id FROM one_time_links l JOIN accounts a ON a.id = l.account_id
         WHERE l.token_hash = $1 AND l.purpose = 'sign-in' AND l.expires_at > $2 AND a.deactivated_at IS NULL",
    )
    .bind(digest(secret))
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Revokes an account's API token. Programs that use it lose access at once.
///
/// # Errors
/// `NotFound` if the account has no such token, or revoked it before.
pub(crate) async fn revoke(
    db: &Pool,
    now: OffsetDateTime,
    account: Uuid,
    token: Uuid,
) -> Result<()> {
    let mut tx = db.begin().await?;
    let name: String = sqlx::query_scalar(
        "UPDATE tokens SET revoked_at = $3 WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL RETURNING name",
    )
    .bind(token)
    .bind(account)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    let line = AuditEntry {
        actor: Some(account),
        kind: "token.revoked",
        about: &name,
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, line).await?;
    tx.commit().await?;
    Ok(())
}
