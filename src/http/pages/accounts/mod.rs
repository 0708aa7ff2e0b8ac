//! Pages of accounts: sign-in, registration, profile, people and workspace settings.

pub mod backups;
pub mod forgot_password;
pub mod login_code;
pub mod mail;
pub mod notifications;
pub mod openid;
pub mod outgoing;
mod people;
pub mod profile;
mod provider_visit;
pub mod registration;
pub mod second_factor;
pub mod security;
pub mod security_settings;
pub mod sessions;
mod sign_in;
mod signing_browser;
pub mod system;
pub mod workspace;

pub(crate) use crate::http::pages::accounts::forgot_password::*;
pub(crate) use crate::http::pages::accounts::login_code::*;
pub(crate) use crate::http::pages::accounts::mail::*;
pub(crate) use crate::http::pages::accounts::notifications::*;
pub(crate) use crate::http::pages::accounts::openid::*;
pub(crate) use crate::http::pages::accounts::outgoing::*;
pub(crate) use crate::http::pages::accounts::people::*;
pub(crate) use crate::http::pages::accounts::profile::*;
pub(crate) use crate::http::pages::accounts::registration::*;
pub(crate) use crate::http::pages::accounts::second_factor::*;
pub(crate) use crate::http::pages::accounts::security::*;
pub(crate) use crate::http::pages::accounts::security_settings::*;
pub(crate) use crate::http::pages::accounts::sessions::*;
pub(crate) use crate::http::pages::accounts::sign_in::*;
pub(crate) use crate::http::pages::accounts::signing_browser::SigningBrowser;
pub(crate) use crate::http::pages::accounts::system::*;
pub(crate) use crate::http::pages::accounts::workspace::*;
