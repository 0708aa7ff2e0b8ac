//! The figures of mail, chat and webhook messages that wait or were given up.

use std::time::Duration;

use prometheus_client::registry::Registry;

use crate::{
    app::App,
    domain::{
        error::Result,
        outbox::{self, Channel},
        webhooks::messages,
    },
    http::metrics::series::{Series, put},
};

/// Adds the figures by channel, unless the database takes too long to count.
pub(super) async fn gather(app: &App, registry: &mut Registry, within: Duration) {
    let (waiting, given_up, oldest) = (Series::default(), Series::default(), Series::default());
    let now = app.clock.now();
    let asking = async || -> Result<_> {
        let mut backlogs = Vec::new();
        for channel in Channel::ALL {
            let backlog = outbox::backlog(&app.db, channel, now).await?;
            backlogs.push((channel.as_str(), backlog));
        }
        backlogs.push(("webhook", messages::backlog(&app.db, now).await?));
        Ok(backlogs)
    };
    let Ok(Ok(backlogs)) = tokio::time::timeout(within, asking()).await else {
        return;
    };
    for (channel, backlog) in backlogs {
        let age = backlog
            .oldest
            .map_or(0, |since| (now - since).whole_seconds());
        put(&waiting, "channel", channel, backlog.waiting);
        put(&given_up, "channel", channel, backlog.given_up);
        put(&oldest, "channel", channel, age.max(0));
    }
    registry.register(
        "outbox_waiting",
        "Mails, chat or webhook messages that wait to be sent",
        waiting,
    );
    registry.register(
        "outbox_given_up",
        "Mails or chat messages that could not be sent, until an administrator sends them again, and webhook messages of a week",
        given_up,
    );
    registry.register(
        "outbox_oldest_seconds",
        "Age of the oldest mail, chat or webhook message that should have been sent; 0 if there is none",
        oldest,
    );
}
