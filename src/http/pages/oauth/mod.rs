//! How programs ask people for a token (OAuth 2.1): what clients are told, their registration, the page on which a person
//! agrees, and the token.

mod authorize;
mod metadata;
mod programs;

pub(crate) use crate::http::pages::oauth::authorize::{authorize, decide};
pub(crate) use crate::http::pages::oauth::metadata::{authorization_server, protected_resource};
pub(crate) use crate::http::pages::oauth::programs::{register, token};
