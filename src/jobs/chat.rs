//! Prepares the summaries before standups, and sends the chat messages that wait in the outbox.

use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        chat::{
            compose,
            queue::{self, ChatEntry, ChatKind, SUMMARY_WITHIN},
            send, summary, webhooks,
        },
        error::Result,
        outbox::{self, Again, Channel},
    },
    jobs::outbox_worker,
};

/// How many messages are sent at once, so that a slow chat does not hold up the others.
const AT_ONCE: usize = 4;

/// Sends until the program stops.
pub fn start(app: &App) {
    outbox_worker::start(app, "chat", |app| async move { send_due(&app).await });
}

/// Prepares the summaries that are due, and sends all messages that are due. Returns how many were sent.
pub async fn send_due(app: &App) -> Result<usize> {
    let prepared = summary::add_due(&app.db, app.clock.now()).await;
    let workers = (0..AT_ONCE).map(|_| send_all(app));
    // An error of one does not stop the others: a message whose sending is not noted is sent again.
    let sent = futures_util::future::join_all(workers).await;
    prepared?;
    sent.into_iter().sum()
}

async fn send_all(app: &App) -> Result<usize> {
    let mut sent = 0;
    // The lease of each message begins when it is taken.
    while let Some(entry) = outbox::take(&app.db, Channel::Chat, app.clock.now()).await? {
        sent += usize::from(send(app, &entry, app.clock.now()).await?);
    }
    Ok(sent)
}

/// Sends one message, or drops it if there is nothing to say by now. Returns whether it was sent.
async fn send(app: &App, entry: &ChatEntry, now: OffsetDateTime) -> Result<bool> {
    let webhook = webhooks::webhook(&mut *app.db.acquire().await?, entry.team_id).await?;
    let Some(webhook) = webhook else {
        return Ok(false);
    };
    if webhook.refused {
        let mut db = app.db.acquire().await?;
        outbox::note_failure(&mut db, entry.id, &webhook.problem, None, now).await?;
        return Ok(false);
    }
    let Some(message) = compose::compose(&app.db, &app.public_url, entry, now).await? else {
        queue::finish(&app.db, entry, now).await?;
        return Ok(false);
    };
    match send::send(&app.outgoing, &webhook, &message, now).await {
        Ok(()) => {
            queue::finish(&app.db, entry, now).await?;
            let mut db = app.db.acquire().await?;
            webhooks::note_outcome(&mut db, entry.team_id, "", false, now).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!("a chat message could not be sent: {}", error.message);
            note_failure(app, entry, &error, now).await?;
            Ok(false)
        }
    }
}

async fn note_failure(
    app: &App,
    entry: &ChatEntry,
    error: &send::SendError,
    now: OffsetDateTime,
) -> Result<()> {
    let again = outbox::next_attempt(entry.attempts, error.again, now);
    let again = again.filter(|at| {
        entry.kind != ChatKind::StandupSummary || *at < entry.created_at + SUMMARY_WITHIN
    });
    let mut tx = app.db.begin().await?;
    outbox::note_failure(&mut tx, entry.id, &error.message, again, now).await?;
    if again.is_none() || error.again == Again::Never {
        webhooks::note_outcome(
            &mut tx,
            entry.team_id,
            &error.message,
            error.is_refused,
            now,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
