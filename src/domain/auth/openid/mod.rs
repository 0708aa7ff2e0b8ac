//! Sign-in through an OpenID provider.

pub(crate) mod claims;
pub(crate) mod logout;
pub(crate) mod metadata;
pub mod provider;
