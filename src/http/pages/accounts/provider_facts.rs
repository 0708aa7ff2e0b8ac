//! What an administrator has to know of the OpenID provider.

use crate::app::SingleSignOn;

/// What has to be registered at the provider, and what it says of itself.
pub(super) struct Registration {
    pub(super) redirect: String,
    pub(super) signed_out_redirect: String,
    pub(super) logout: String,
    /// The issuer and whether it offers sign-out, or what is wrong.
    pub(super) discovery: std::result::Result<(String, bool), String>,
}

/// Asks the provider what it says of itself.
pub(super) async fn registration(SingleSignOn { openid, .. }: &SingleSignOn) -> Registration {
    let discovery = match openid.discover_in_time().await {
        Ok(found) => Ok((
            found.issuer().as_str().to_owned(),
            found.additional_metadata().offers_sign_out(),
        )),
        Err(error) => Err(format!("{error:#}")),
    };
    Registration {
        redirect: openid.redirect(),
        signed_out_redirect: openid.signed_out_redirect(),
        logout: openid.logout_address(),
        discovery,
    }
}
