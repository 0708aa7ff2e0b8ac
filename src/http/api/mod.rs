//! The JSON API.

pub mod openapi;
pub mod v1;
mod webhook_types;
