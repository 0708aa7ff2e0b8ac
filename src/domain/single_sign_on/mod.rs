//! Single sign-on: who may sign in through the provider, with which account, teams and role.

pub(crate) mod group_rules;
pub(crate) mod identities;
pub(crate) mod proxy;
pub(crate) mod sessions;
pub mod settings;
