//! The texts of mail.

pub(crate) mod account;
pub(crate) mod compose;
mod letter;
