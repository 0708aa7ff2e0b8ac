//! Single sign-on: which people the provider lets in, with which account, teams and role.

pub(crate) mod group_rules;
pub(crate) mod identities;
pub(crate) mod proxy;
pub(crate) mod sessions;
pub mod settings;
