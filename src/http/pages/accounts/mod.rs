//! Pages of accounts: sign-in, registration, profile, people and workspace settings.

pub mod avatars;
pub mod backups;
pub mod mail;
pub mod notifications;
pub mod openid;
pub mod outgoing;
mod people;
pub mod profile;
pub mod registration;
pub mod security;
pub mod sessions;
pub mod system;
pub mod workspace;

pub(crate) use crate::http::pages::accounts::avatars::*;
pub(crate) use crate::http::pages::accounts::mail::*;
pub(crate) use crate::http::pages::accounts::notifications::*;
pub(crate) use crate::http::pages::accounts::openid::*;
pub(crate) use crate::http::pages::accounts::outgoing::*;
pub(crate) use crate::http::pages::accounts::people::*;
pub(crate) use crate::http::pages::accounts::profile::*;
pub(crate) use crate::http::pages::accounts::registration::*;
pub(crate) use crate::http::pages::accounts::security::*;
pub(crate) use crate::http::pages::accounts::sessions::*;
pub(crate) use crate::http::pages::accounts::system::*;
pub(crate) use crate::http::pages::accounts::workspace::*;
