//! Live updates over server-sent events.

pub mod broadcaster;
pub mod dispatcher;
pub mod event_stream;
pub mod goals_html;
pub mod inbox_stream;
pub mod inboxes;
pub mod of_teams;
pub mod presence;
pub mod sse_frames;
pub mod stream;
