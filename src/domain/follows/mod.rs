pub mod activity_feed;
pub mod follow;
