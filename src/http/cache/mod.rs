pub mod board_context;
pub mod page_cache;
pub mod render;
pub mod revision;
