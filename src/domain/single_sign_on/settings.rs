//! How people sign in: what administrators have set on the page Settings → Sign-in.

use sqlx::PgExecutor;

use crate::{
    config::openid::OpenIdProvider,
    domain::{
        error::{Problem, Result},
        events::{Change, audit_log},
        text::check_length,
    },
};

/// The name of a provider that has none.
pub(crate) const UNNAMED: &str = "single sign-on";

/// The settings, as a database row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SignInSettings {
    pub(crate) issuer: Option<String>,
    pub(crate) client_id: String,
    client_secret: Option<String>,
    pub(crate) provider_name: String,
    pub(crate) domains: Vec<String>,
    /// The claim with a person's groups.
    pub(crate) groups_claim: String,
    /// The group that everyone must be in; empty: none.
    pub(crate) required_group: String,
    /// Whether people can sign in by password.
    passwords: bool,
}

/// How people sign in, with the provider that applies.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) provider: OpenIdProvider,
    pub(crate) groups_claim: String,
    pub(crate) required_group: String,
}

/// What the form of the settings sends.
pub(crate) struct Edit {
    /// Empty: no provider.
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// A new secret; `None` keeps the old one.
    pub(crate) client_secret: Option<String>,
    pub(crate) provider_name: String,
    pub(crate) domains: Vec<String>,
}

/// Loads the settings.
pub(crate) async fn load(db: impl PgExecutor<'_>) -> Result<SignInSettings> {
    Ok(sqlx::query_as(
        "SELECT issuer, client_id, client_secret, provider_name, domains, groups_claim, required_group, passwords
         FROM sign_in_settings",
    )
    .fetch_one(db)
    .await?)
}

impl SignInSettings {
    /// Whether a client secret is stored.
    pub(crate) fn has_secret(&self) -> bool {
        self.client_secret.is_some()
    }

    /// The provider: that of the flags, or the one that is set here.
    pub(crate) fn provider(&self, flags: Option<&OpenIdProvider>) -> Option<OpenIdProvider> {
        if let Some(named) = flags {
            return Some(named.clone());
        }
        let name = match self.provider_name.as_str() {
            "" => UNNAMED,
            name => name,
        };
        Some(OpenIdProvider {
            issuer: self.issuer.clone()?,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            name: name.to_owned(),
            domains: self.domains.clone(),
        })
    }

    /// How people sign in through the provider, if there is one.
    pub(crate) fn policy(&self, flags: Option<&OpenIdProvider>) -> Option<Policy> {
        Some(Policy {
            provider: self.provider(flags)?,
            groups_claim: self.groups_claim.clone(),
            required_group: self.required_group.clone(),
        })
    }

    /// Whether people can sign in by password. Without a provider they always can.
    pub(crate) fn has_passwords(&self, flags: Option<&OpenIdProvider>) -> bool {
        self.passwords || self.provider(flags).is_none()
    }
}

/// Changes the provider. If passwords were switched off, they are accepted again.
///
/// # Errors
/// `Invalid` for an incomplete or malformed provider.
pub(crate) async fn set_provider(change: &mut Change, edit: &Edit) -> Result<()> {
    let before = load(change.db()).await?;
    let issuer = Some(edit.issuer.as_str()).filter(|issuer| !issuer.is_empty());
    if let Some(issuer) = issuer {
        crate::config::openid::issuer(issuer).map_err(|reason| {
            Problem::field("issuer", format!("This address cannot be used: {reason}."))
        })?;
        check_length("client_id", &edit.client_id, 500)?;
        if edit.client_id.is_empty() {
            let message = "Enter the client ID that the provider gave you.";
            return Err(Problem::field("client_id", message));
        }
    }
    let secret = edit.client_secret.as_deref();
    check_length("client_secret", secret.unwrap_or_default(), 1000)?;
    check_length("provider_name", &edit.provider_name, 60)?;
    // A secret belongs to its provider, and must not be sent to another one.
    let is_another = before.issuer.as_deref() != issuer;
    let secret = match secret {
        Some(new) => Some(new).filter(|new| !new.is_empty()),
        None if is_another => None,
        None => before.client_secret.as_deref(),
    };
    sqlx::query(
        "UPDATE sign_in_settings SET issuer = $1, client_id = $2, client_secret = $3, provider_name = $4, domains = $5",
    )
    .bind(issuer)
    .bind(&edit.client_id)
    .bind(secret)
    .bind(&edit.provider_name)
    .bind(&edit.domains)
    .execute(change.db())
    .await?;
    let about = match issuer {
        None => "no provider".to_owned(),
        Some(issuer) => format!("{issuer}, for {}", shown_domains(&edit.domains)),
    };
    audit_log::note(change, "sign-in.provider-changed", &about).await?;
    // No one has shown yet that they can sign in this way.
    set_passwords(change, true).await
}

fn shown_domains(domains: &[String]) -> String {
    match domains {
        [] => "all addresses".to_owned(),
        domains => domains.join(", "),
    }
}

/// Sets where groups come from, and the one that everyone must be in. If passwords were switched off, they are accepted
/// again.
pub(crate) async fn set_groups(change: &mut Change, claim: &str, required: &str) -> Result<()> {
    check_length("groups_claim", claim, 200)?;
    check_length("required_group", required, 200)?;
    if claim.is_empty() {
        let message = "Enter the name of the claim, such as groups.";
        return Err(Problem::field("groups_claim", message));
    }
    sqlx::query("UPDATE sign_in_settings SET groups_claim = $1, required_group = $2")
        .bind(claim)
        .bind(required)
        .execute(change.db())
        .await?;
    let required = match required {
        "" => "none required",
        required => required,
    };
    audit_log::note(
        change,
        "sign-in.groups-changed",
        &format!("claim {claim}, {required}"),
    )
    .await?;
    set_passwords(change, true).await
}

/// Whether sign-in by password is allowed. When it no longer is, what began by password ends: the provider could not end
/// it.
pub(crate) async fn set_passwords(change: &mut Change, allowed: bool) -> Result<()> {
    let changed = sqlx::query("UPDATE sign_in_settings SET passwords = $1 WHERE passwords <> $1")
        .bind(allowed)
        .execute(change.db())
        .await?;
    if changed.rows_affected() == 0 {
        return Ok(());
    }
    if !allowed {
        sqlx::query("DELETE FROM sessions WHERE NOT is_by_provider")
            .execute(change.db())
            .await?;
        sqlx::query("DELETE FROM pending_sign_ins WHERE NOT is_by_provider")
            .execute(change.db())
            .await?;
    }
    let about = if allowed { "on" } else { "off" };
    audit_log::note(change, "sign-in.passwords", about).await
}

/// The refusal of everything that would set or use a password while that is switched off.
pub(crate) fn passwords_off(provider: &str) -> Problem {
    Problem::Forbidden(
        format!(
            "Sign-in by password is switched off. Sign in with {provider}. Nothing was changed."
        )
        .into(),
    )
}
