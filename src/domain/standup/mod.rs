//! Meeting over the board: who needs someone, and what somebody promised.

pub mod actions;
pub mod attention;
pub mod edit_topics;
pub mod queries;
pub mod quick_add;
pub mod summary;
pub mod topics;
