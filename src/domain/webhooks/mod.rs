//! Outgoing webhooks, after Standard Webhooks 1.0: committed events of a team, or of all teams that the person who set
//! a webhook up may see, go to a URL.

pub(crate) mod attempts;
pub(crate) mod chosen;
pub mod events;
pub mod groups;
pub mod messages;
pub(crate) mod owner;
pub mod payload;
pub mod queue;
pub(crate) mod send;
pub(crate) mod settings;
pub(crate) mod switch_off;
