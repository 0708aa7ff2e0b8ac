//! A team's chat channel in Slack, Mattermost or Discord: a summary on the mornings of standups, and a few kinds of news.

pub mod compose;
pub mod format;
pub mod message;
pub mod news;
pub mod queue;
pub mod reached_goals;
pub mod send;
pub mod summary;
pub mod webhooks;
