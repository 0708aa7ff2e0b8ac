//! The texts of mail.

pub(crate) mod compose;
mod letter;
