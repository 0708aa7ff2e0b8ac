//! The inbox: what concerns the reader.

pub mod edit;
pub mod page;

pub(crate) use edit::{change, mark_all, note_opened, open};
pub(crate) use page::inbox;
