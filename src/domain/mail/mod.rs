//! Mail: what waits in the outbox, who wants to hear of what, and the connection to the mail server. The texts are made
//! in `http::mail`, and `jobs::mail` sends them.

pub(crate) mod choices;
pub(crate) mod digest;
pub(crate) mod entered_server;
pub(crate) mod links;
pub mod mailer;
pub(crate) mod outbox;
pub(crate) mod profile;
pub(crate) mod settings;
