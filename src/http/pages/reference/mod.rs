//! The API reference: pages made from the OpenAPI description.

pub mod operation;
pub mod page;

pub(crate) use crate::http::pages::reference::page::{contents, resource};
