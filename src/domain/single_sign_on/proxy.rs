//! People signed in by a trusted proxy in front.

use serde_json::json;

use crate::domain::{
    auth::openid::{claims::Claims, provider::Identity},
    error::Result,
    events::Change,
    single_sign_on::{
        identities::{self, Owner},
        settings::UNNAMED,
    },
};

/// What the identities of a proxy have as their issuer. It is no URL, so no provider has it.
pub(crate) const ISSUER: &str = "proxy";

/// Finds the account that the proxy names by e-mail address, or creates it. As with a provider, the owner of an
/// existing account confirms once that it is theirs: its address may never have been checked.
pub(crate) async fn owner(change: &mut Change, email: &str) -> Result<Owner> {
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !is_address || email.len() > 254 || email.contains(char::is_whitespace) {
        return Ok(Owner::NoOne(
            "The proxy in front sent no e-mail address for you. Ask your administrator.".to_owned(),
        ));
    }
    let identity = Identity {
        issuer: ISSUER.to_owned(),
        subject: email.to_lowercase(),
        claims: Claims::of(json!({ "email": email, "email_verified": true })),
        sid: None,
        sign_out_at: None,
    };
    let (owner, _) = identities::owner(change, &identity, UNNAMED, None).await?;
    Ok(owner)
}
