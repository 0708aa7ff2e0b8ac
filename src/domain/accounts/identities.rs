//! Accounts of people whom an OpenID provider identifies.

use time::Duration;
use uuid::Uuid;

use crate::{
    config::openid::OpenIdProvider,
    db::pool::Pool,
    domain::{
        accounts::create::{NewAccount, add_account},
        auth::{openid::Identity, second_factor, secrets},
        error::{Problem, Result},
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
    },
};

/// How long an identity can be connected with an existing account.
const CONFIRM_WITHIN: Duration = Duration::minutes(10);

/// Whom an identity signs in.
pub(crate) enum Owner {
    /// This account.
    Account(Uuid),
    /// The owner of an existing account with the same address, after they have entered its password once. The secret
    /// says which identity it is.
    AfterPassword { email: String, secret: String },
    /// Nobody, for this reason.
    Nobody(String),
}

/// Finds the account of an identity, or creates it. An existing account is not given away because of its address: a
/// provider may let people choose theirs.
pub(crate) async fn owner(
    change: &mut Change,
    identity: &Identity,
    provider: &OpenIdProvider,
) -> Result<Owner> {
    let name = &provider.name;
    let Some(email) = identity.email.as_deref() else {
        return match known(change, identity).await? {
            Some(account) if provider.domains.is_empty() => Ok(Owner::Account(account)),
            _ => Ok(Owner::Nobody(format!(
                "{name} gave no verified e-mail address for you. Ask your administrator."
            ))),
        };
    };
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !provider.domains.is_empty() && !provider.domains.contains(&domain.to_lowercase()) {
        let allowed = provider.domains.join(", ");
        return Ok(Owner::Nobody(format!(
            "Only e-mail addresses of {allowed} can sign in with {name}. Ask your administrator."
        )));
    }
    if let Some(account) = known(change, identity).await? {
        return Ok(Owner::Account(account));
    }
    let existing: Option<(Uuid, bool, bool)> = sqlx::query_as(
        "SELECT id, deactivated_at IS NULL, password_hash IS NOT NULL FROM accounts WHERE lower(email) = lower($1)",
    )
    .bind(email)
    .fetch_optional(change.db())
    .await?;
    match existing {
        None => create(change, identity, email).await.map(Owner::Account),
        Some((_, false, _)) => Ok(Owner::Nobody(
            "Your account is deactivated. Ask your administrator.".to_owned(),
        )),
        Some((_, true, false)) => Ok(Owner::Nobody(
            "Your account has no password to confirm that it is yours. Ask your administrator for a link to set one."
                .to_owned(),
        )),
        Some((account, true, true)) => {
            let secret = remember(change, identity, account).await?;
            Ok(Owner::AfterPassword {
                email: email.to_owned(),
                secret,
            })
        }
    }
}

async fn known(change: &mut Change, identity: &Identity) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT account_id FROM account_identities WHERE issuer = $1 AND subject = $2",
    )
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .fetch_optional(change.db())
    .await?)
}

async fn create(change: &mut Change, identity: &Identity, email: &str) -> Result<Uuid> {
    let time_zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(change.db())
        .await?;
    let local = email.split('@').next().unwrap_or_default();
    let name = identity.name.as_deref().filter(|name| !name.is_empty());
    let name = name.unwrap_or(local).replace('\0', "");
    let new = NewAccount {
        email: email.to_owned(),
        name: name.chars().take(100).collect(),
        password_hash: None,
        admin: false,
        time_zone,
    };
    let at = change.at;
    let person = add_account(change.db(), at, new).await?;
    connect(change, person.id, &identity.issuer, &identity.subject).await?;
    let entry = AuditEntry {
        actor: Some(person.id),
        kind: "account.created",
        about: &format!("{email} as member, by single sign-on"),
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), at, entry).await?;
    Ok(person.id)
}

async fn connect(change: &mut Change, account: Uuid, issuer: &str, subject: &str) -> Result<()> {
    let at = change.at;
    sqlx::query(
        "INSERT INTO account_identities (issuer, subject, account_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(issuer)
    .bind(subject)
    .bind(account)
    .bind(at)
    .execute(change.db())
    .await?;
    Ok(())
}

async fn remember(change: &mut Change, identity: &Identity, account: Uuid) -> Result<String> {
    let secret = secrets::new_secret()?;
    let at = change.at;
    sqlx::query(
        "INSERT INTO identity_confirmations (account_id, token_hash, issuer, subject, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, issuer = excluded.issuer,
            subject = excluded.subject, expires_at = excluded.expires_at",
    )
    .bind(account)
    .bind(secrets::digest(&secret))
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(at + CONFIRM_WITHIN)
    .execute(change.db())
    .await?;
    Ok(secret)
}

/// An account whose owner has to confirm that an identity is theirs.
#[derive(sqlx::FromRow)]
pub(crate) struct Unconfirmed {
    pub(crate) account: Uuid,
    pub(crate) email: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) has_second_factor: bool,
}

/// Returns the account that the secret of an identity stands for.
///
/// # Errors
/// `Gone` after ten minutes, or once it was used or replaced.
pub(crate) async fn unconfirmed(
    db: &Pool,
    now: time::OffsetDateTime,
    secret: &str,
) -> Result<Unconfirmed> {
    let found = sqlx::query_as(
        "SELECT a.id AS account, a.email, a.password_hash,
                EXISTS (SELECT FROM second_factors f WHERE f.account_id = a.id AND f.enabled_at IS NOT NULL) AS has_second_factor
         FROM identity_confirmations c JOIN accounts a ON a.id = c.account_id
         WHERE c.token_hash = $1 AND c.expires_at > $2 AND a.deactivated_at IS NULL",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_optional(db)
    .await?;
    found.ok_or_else(expired)
}

/// Connects an identity with the account whose password was entered; with a second factor, a code too. Returns whether
/// the code was right.
///
/// # Errors
/// `Gone` as in [`unconfirmed`].
pub(crate) async fn confirm(change: &mut Change, secret: &str, code: Option<&str>) -> Result<bool> {
    let at = change.at;
    if let Some(code) = code {
        let account: Option<Uuid> = sqlx::query_scalar(
            "SELECT account_id FROM identity_confirmations WHERE token_hash = $1 AND expires_at > $2",
        )
        .bind(secrets::digest(secret))
        .bind(at)
        .fetch_optional(change.db())
        .await?;
        let account = account.ok_or_else(expired)?;
        if second_factor::accept(change.db(), account, code, at)
            .await?
            .is_none()
        {
            return Ok(false);
        }
    }
    let used: Option<(Uuid, String, String)> = sqlx::query_as(
        "DELETE FROM identity_confirmations WHERE token_hash = $1 AND expires_at > $2
         RETURNING account_id, issuer, subject",
    )
    .bind(secrets::digest(secret))
    .bind(at)
    .fetch_optional(change.db())
    .await?;
    let (account, issuer, subject) = used.ok_or_else(expired)?;
    connect(change, account, &issuer, &subject).await?;
    let entry = AuditEntry {
        actor: Some(account),
        kind: "sign-in.connected",
        about: &format!("with {subject} at {issuer}"),
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), at, entry).await?;
    Ok(true)
}

fn expired() -> Problem {
    Problem::Gone("This confirmation has expired. Nothing was changed. Sign in again.".into())
}
