//! Sign-in through an OpenID provider.

pub(crate) mod claims;
pub(crate) mod logout;
pub mod provider;
