//! Caches of rendered boards and pages.

pub mod board_context;
pub mod byte_cache;
pub mod columns;
pub mod page_cache;
pub mod render;
pub mod rendered_board;
pub mod revision;
