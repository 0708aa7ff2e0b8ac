//! What `fortnight doctor` says of the OpenID provider.

use crate::{
    cli::doctor::finding::Finding,
    config::{Config, openid::OpenIdProvider},
    db::pool::Pool,
    domain::{auth::openid::provider::OpenId, outbound::OutgoingClient, single_sign_on::settings},
};

const SIGN_IN: &str = "Sign-in";

/// Reads the discovery document of the provider that flags name, if they do.
pub(super) async fn check(config: &Config) -> anyhow::Result<Vec<Finding>> {
    match config.openid.provider()? {
        Some(provider) => Ok(vec![of_provider(config, provider).await]),
        None => Ok(Vec::new()),
    }
}

/// Reads the discovery document of the provider that the settings name, unless flags name another.
pub(super) async fn of_settings(config: &Config, pool: &Pool) -> Option<Finding> {
    if config.openid.is_set() {
        return None;
    }
    // an older schema has no such settings
    let provider = settings::load(pool).await.ok()?.provider(None)?;
    Some(of_provider(config, provider).await)
}

async fn of_provider(config: &Config, provider: OpenIdProvider) -> Finding {
    let client = OutgoingClient::new(config.outgoing.allowed());
    let openid = OpenId::new(provider, client, &config.public_url(config.listen));
    match openid.discover_in_time().await {
        Ok(found) => Finding::good(
            SIGN_IN,
            format!(
                "{} answers; the redirect URI to register there is {}",
                found.issuer().as_str(),
                openid.redirect()
            ),
        ),
        Err(error) => Finding::bad(
            SIGN_IN,
            format!("{error:#}."),
            "Compare the issuer with the “issuer” of the provider's /.well-known/openid-configuration. A provider in \
             your own network needs --outgoing-allow.",
        ),
    }
}
