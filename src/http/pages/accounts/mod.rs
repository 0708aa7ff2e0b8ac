//! Pages of accounts: sign-in, registration, profile, people and workspace settings.

pub mod people;
pub mod profile;
pub mod registration;
pub mod security;
pub mod sessions;
pub mod workspace;

pub use crate::http::pages::accounts::people::*;
pub use crate::http::pages::accounts::profile::*;
pub use crate::http::pages::accounts::registration::*;
pub use crate::http::pages::accounts::security::*;
pub use crate::http::pages::accounts::sessions::*;
pub use crate::http::pages::accounts::workspace::*;
