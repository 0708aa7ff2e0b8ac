//! Settings → Webhooks, of a team and of the workspace: the same pages, with the webhooks of one or the other.

mod form;
pub mod list;
pub mod message;
mod place;
pub mod webhook;

pub(crate) use crate::http::pages::webhooks::list::*;
pub(crate) use crate::http::pages::webhooks::message::*;
pub(crate) use crate::http::pages::webhooks::webhook::*;
