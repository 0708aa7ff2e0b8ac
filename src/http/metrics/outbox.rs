//! The figures of the outbox: mail and chat messages that wait or were given up.

use std::time::Duration;

use prometheus_client::registry::Registry;

use crate::{
    app::App,
    domain::outbox::{self, Channel},
    http::metrics::series::{Series, put},
};

/// Adds the figures by channel, unless the database takes too long to count.
pub(super) async fn gather(app: &App, registry: &mut Registry, within: Duration) {
    let (waiting, given_up, oldest) = (Series::default(), Series::default(), Series::default());
    for channel in Channel::ALL {
        let now = app.clock.now();
        let asked = tokio::time::timeout(within, outbox::backlog(&app.db, channel, now)).await;
        let Ok(Ok(backlog)) = asked else { return };
        let age = backlog
            .oldest
            .map_or(0, |since| (now - since).whole_seconds());
        put(&waiting, "channel", channel.as_str(), backlog.waiting);
        put(&given_up, "channel", channel.as_str(), backlog.given_up);
        put(&oldest, "channel", channel.as_str(), age.max(0));
    }
    registry.register(
        "outbox_waiting",
        "Mails or chat messages that wait to be sent",
        waiting,
    );
    registry.register(
        "outbox_given_up",
        "Mails or chat messages that could not be sent, until an administrator sends them again",
        given_up,
    );
    registry.register(
        "outbox_oldest_seconds",
        "Age of the oldest mail or chat message that should have been sent; 0 if there is none",
        oldest,
    );
}
