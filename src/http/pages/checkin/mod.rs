//! Pages for other teams and for guests.

pub mod check_in;
pub mod feed_handlers;
pub mod feeds;
pub mod follows;
pub mod guests;
pub mod requests;

pub(crate) use crate::http::pages::checkin::check_in::*;
pub(crate) use crate::http::pages::checkin::feed_handlers::*;
pub(crate) use crate::http::pages::checkin::follows::*;
pub(crate) use crate::http::pages::checkin::guests::*;
pub(crate) use crate::http::pages::checkin::requests::*;
