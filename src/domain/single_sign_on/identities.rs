//! Accounts of people identified by an OpenID provider.

use time::Duration;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::create::{NewAccount, add_account},
        auth::{openid::provider::Identity, second_factor, secrets, sessions::SessionIdentity},
        error::{Problem, Result},
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
        single_sign_on::{
            group_rules::{self, Following},
            settings::Policy,
        },
    },
};

const DEACTIVATED: &str = "Your account is deactivated. Ask your administrator.";

/// How long an identity can be connected with an existing account.
const CONFIRM_WITHIN: Duration = Duration::minutes(10);

/// The account an identity signs in to.
pub(crate) enum Owner {
    /// This account.
    Account(Uuid),
    /// The owner of an existing account with the same address, after they have entered its password once. The secret
    /// says which identity it is.
    AfterPassword {
        account: Uuid,
        email: String,
        secret: String,
    },
    /// None, for this reason.
    NoOne(String),
}

/// The account an identity signs in to, and why.
pub(crate) struct Verdict {
    pub(crate) owner: Owner,
    /// Which account that is, in words, if there is one.
    pub(crate) account: &'static str,
    /// The groups that the provider sent.
    pub(crate) groups: Vec<String>,
    /// What follows from them.
    pub(crate) following: Following,
}

/// Finds the account an identity signs in to, and applies the rules for its groups. `reader` is an administrator who tries that,
/// and reads the result.
pub(crate) async fn judge(
    change: &mut Change,
    identity: &Identity,
    policy: &Policy,
    reader: Option<Uuid>,
) -> Result<Verdict> {
    let claim = &policy.groups_claim;
    let groups = identity.claims.groups(claim);
    let known = Some(groups.as_slice()).filter(|_| identity.claims.has(claim));
    let (owner, account) = match refusal(identity, policy, &groups) {
        Some(reason) => (Owner::NoOne(reason), ""),
        None => owner(change, identity, &policy.provider.name, known).await?,
    };
    let following = match (&owner, reader) {
        (Owner::Account(account), _) => {
            group_rules::apply(change, *account, known, reader.unwrap_or(*account)).await?
        }
        // only tried: otherwise they are applied after the password
        (Owner::AfterPassword { account, .. }, Some(reader)) => {
            group_rules::apply(change, *account, known, reader).await?
        }
        _ => Following::default(),
    };
    Ok(Verdict {
        owner,
        account,
        groups,
        following,
    })
}

/// Why the provider's word is not enough, if it is not.
fn refusal(identity: &Identity, policy: &Policy, groups: &[String]) -> Option<String> {
    let provider = &policy.provider;
    let name = &provider.name;
    let required = &policy.required_group;
    if !required.is_empty() && !groups.contains(required) {
        return Some(format!(
            "Only people in the group {required} can sign in with {name}. Ask your administrator."
        ));
    }
    if provider.domains.is_empty() {
        return None;
    }
    let Some(email) = identity.claims.verified_email() else {
        return Some(no_address(name));
    };
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_allowed = provider.domains.contains(&domain.to_lowercase());
    let allowed = provider.domains.join(", ");
    (!is_allowed).then(|| {
        format!(
            "Only e-mail addresses of {allowed} can sign in with {name}. Ask your administrator."
        )
    })
}

fn no_address(provider: &str) -> String {
    format!("{provider} gave no verified e-mail address for you. Ask your administrator.")
}

/// Finds the account of an identity, or creates it. An existing account is not given away because of its address: a
/// provider may let people choose theirs.
pub(super) async fn owner(
    change: &mut Change,
    identity: &Identity,
    provider: &str,
    groups: Option<&[String]>,
) -> Result<(Owner, &'static str)> {
    let no_one = |reason: &str| (Owner::NoOne(reason.to_owned()), "");
    if let Some((account, is_active)) = known(change, identity).await? {
        return Ok(match is_active {
            true => (Owner::Account(account), "an account that is connected"),
            false => no_one(DEACTIVATED),
        });
    }
    let Some(email) = identity.claims.verified_email() else {
        return Ok(no_one(&no_address(provider)));
    };
    let existing: Option<(Uuid, bool, bool)> = sqlx::query_as(
        "SELECT id, deactivated_at IS NULL, password_hash IS NOT NULL FROM accounts WHERE lower(email) = lower($1)",
    )
    .bind(email)
    .fetch_optional(change.db())
    .await?;
    Ok(match existing {
        None => {
            let name = identity.claims.text("name");
            let account = create(change, email, name).await?;
            connect(change, account, &identity.issuer, &identity.subject).await?;
            (Owner::Account(account), "a new account")
        }
        Some((_, false, _)) => no_one(DEACTIVATED),
        Some((_, true, false)) => no_one(
            "Your account has no password to confirm that it is yours. Ask your administrator for a link to set one.",
        ),
        Some((account, true, true)) => {
            let secret = remember(change, identity, account, groups).await?;
            let owner = Owner::AfterPassword {
                account,
                email: email.to_owned(),
                secret,
            };
            (
                owner,
                "an existing account, after its password was entered once",
            )
        }
    })
}

/// The account that an identity is connected with, and whether it is active.
async fn known(change: &mut Change, identity: &Identity) -> Result<Option<(Uuid, bool)>> {
    Ok(sqlx::query_as(
        "SELECT a.id, a.deactivated_at IS NULL FROM account_identities i JOIN accounts a ON a.id = i.account_id
         WHERE i.issuer = $1 AND i.subject = $2",
    )
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .fetch_optional(change.db())
    .await?)
}

async fn create(change: &mut Change, email: &str, name: Option<&str>) -> Result<Uuid> {
    let time_zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(change.db())
        .await?;
    let local = email.split('@').next().unwrap_or_default();
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

async fn remember(
    change: &mut Change,
    identity: &Identity,
    account: Uuid,
    groups: Option<&[String]>,
) -> Result<String> {
    let secret = secrets::new_secret()?;
    let at = change.at;
    sqlx::query(
        "INSERT INTO identity_confirmations (account_id, token_hash, issuer, subject, expires_at, groups, sid, sign_out_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, issuer = excluded.issuer,
            subject = excluded.subject, expires_at = excluded.expires_at, groups = excluded.groups, sid = excluded.sid,
            sign_out_at = excluded.sign_out_at",
    )
    .bind(account)
    .bind(secrets::digest(&secret))
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(at + CONFIRM_WITHIN)
    .bind(groups)
    .bind(&identity.sid)
    .bind(&identity.sign_out_at)
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

/// Returns the account that belongs to the secret of an identity.
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

/// Connects an identity with the account whose password was entered, and applies the rules for its groups; with a second
/// factor, a code is checked too. Returns what the session is to remember of the provider, or `None` for a wrong code.
///
/// # Errors
/// `Gone` as in [`unconfirmed`].
pub(crate) async fn confirm(
    change: &mut Change,
    secret: &str,
    code: Option<&str>,
) -> Result<Option<SessionIdentity>> {
    #[derive(sqlx::FromRow)]
    struct Used {
        account_id: Uuid,
        groups: Option<Vec<String>>,
        #[sqlx(flatten)]
        identity: SessionIdentity,
    }
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
        let accepted = second_factor::accept(change.db(), account, code, at).await?;
        if accepted.is_none() {
            return Ok(None);
        }
    }
    let used: Option<Used> = sqlx::query_as(
        "DELETE FROM identity_confirmations WHERE token_hash = $1 AND expires_at > $2
         RETURNING account_id, groups, issuer, subject, sid, sign_out_at",
    )
    .bind(secrets::digest(secret))
    .bind(at)
    .fetch_optional(change.db())
    .await?;
    let Used {
        account_id: account,
        groups,
        identity,
    } = used.ok_or_else(expired)?;
    connect(change, account, &identity.issuer, &identity.subject).await?;
    let entry = AuditEntry {
        actor: Some(account),
        kind: "sign-in.connected",
        about: &format!("with {} at {}", identity.subject, identity.issuer),
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), at, entry).await?;
    group_rules::apply(change, account, groups.as_deref(), account).await?;
    Ok(Some(identity))
}

fn expired() -> Problem {
    Problem::Gone("This confirmation has expired. Nothing was changed. Sign in again.".into())
}
