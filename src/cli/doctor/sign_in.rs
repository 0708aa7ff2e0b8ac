//! What `fortnight doctor` says of the OpenID provider.

use crate::{
    cli::doctor::finding::Finding,
    config::Config,
    domain::{auth::openid::OpenId, outbound::OutgoingClient},
};

const SIGN_IN: &str = "Sign-in";

/// Reads the provider's discovery document, if one was named.
pub(super) async fn check(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let Some(provider) = config.openid.provider()? else {
        return Ok(Vec::new());
    };
    let client = OutgoingClient::new(config.outgoing.allowed());
    let openid = OpenId::new(provider, client, &config.public_url(config.listen));
    Ok(vec![match openid.discover().await {
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
            "Compare --oidc-issuer with the “issuer” of the provider's /.well-known/openid-configuration. A provider in \
             your own network needs --outgoing-allow.",
        ),
    }])
}
