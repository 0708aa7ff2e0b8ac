//! Flags for signing in through an OpenID provider.

use std::{fmt, fs, path::PathBuf};

use anyhow::{Context, bail};
use axum::http::Uri;
use clap::Args;

/// The flags, accepted by every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct OpenIdFlags {
    /// Issuer of an OpenID provider that people sign in with, such as https://id.example.org [default: passwords only]
    #[arg(
        long,
        env = "FORTNIGHT_OIDC_ISSUER",
        value_name = "URL",
        value_parser = issuer,
        global = true
    )]
    oidc_issuer: Option<String>,

    /// Client ID that this installation has at the provider
    #[arg(
        long,
        env = "FORTNIGHT_OIDC_CLIENT_ID",
        value_name = "ID",
        global = true
    )]
    oidc_client_id: Option<String>,

    /// File with the client secret, if the provider has given one
    #[arg(
        long,
        env = "FORTNIGHT_OIDC_CLIENT_SECRET_FILE",
        value_name = "FILE",
        global = true
    )]
    oidc_client_secret_file: Option<PathBuf>,

    /// Name of the provider on the sign-in page
    #[arg(
        long,
        env = "FORTNIGHT_OIDC_NAME",
        value_name = "NAME",
        default_value = "single sign-on",
        global = true
    )]
    oidc_name: String,

    /// Domains of e-mail addresses that may sign in through the provider, separated by commas [default: all]
    #[arg(
        long,
        env = "FORTNIGHT_OIDC_DOMAINS",
        value_name = "DOMAINS",
        value_delimiter = ',',
        global = true
    )]
    oidc_domains: Vec<String>,
}

/// An OpenID provider.
#[derive(Clone)]
pub struct OpenIdProvider {
    /// As it was typed.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    /// Its name on the sign-in page.
    pub name: String,
    /// Domains of e-mail addresses that may sign in, in lower case; empty: all.
    pub domains: Vec<String>,
}

impl fmt::Debug for OpenIdProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the secret
        write!(f, "{} as {}", self.issuer, self.client_id)
    }
}

impl OpenIdFlags {
    /// Whether a provider was named.
    pub(crate) fn is_set(&self) -> bool {
        self.oidc_issuer
            .as_deref()
            .is_some_and(|issuer| !issuer.is_empty())
    }

    /// The provider, if one was named.
    ///
    /// # Errors
    /// If there is no client ID, or the secret cannot be read.
    pub(crate) fn provider(&self) -> anyhow::Result<Option<OpenIdProvider>> {
        // docker compose passes an empty text for a variable that is not set
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(issuer) = given(&self.oidc_issuer) else {
            return Ok(None);
        };
        let Some(client_id) = given(&self.oidc_client_id) else {
            bail!("--oidc-issuer needs --oidc-client-id");
        };
        let file = self.oidc_client_secret_file.as_ref();
        let file = file.filter(|file| !file.as_os_str().is_empty());
        let client_secret = file
            .map(|file| {
                let secret = fs::read_to_string(file)
                    .with_context(|| format!("cannot read the secret in {}", file.display()))?;
                match secret.trim() {
                    "" => bail!("{} is empty: it must contain the secret", file.display()),
                    secret => Ok(secret.to_owned()),
                }
            })
            .transpose()?;
        let domains = self.oidc_domains.iter().map(|domain| {
            let domain = domain.trim().trim_start_matches('@');
            domain.to_lowercase()
        });
        Ok(Some(OpenIdProvider {
            issuer,
            client_id,
            client_secret,
            name: self.oidc_name.clone(),
            domains: domains.filter(|domain| !domain.is_empty()).collect(),
        }))
    }
}

/// Reads the address of a provider, which may be empty.
pub(crate) fn issuer(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url: Uri = text
        .parse()
        .map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it must start with https:// or http://".to_owned());
    }
    if url.query().is_some() || text.len() > 500 {
        return Err("it must not have a query, and at most 500 characters".to_owned());
    }
    Ok(text.to_owned())
}
