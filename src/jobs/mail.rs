//! Sends the mail that waits in the outbox, and prepares the digests.

use futures_util::future::join_all;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        error::Result,
        mail::{
            choices::Delivery,
            digest,
            mailer::{Mail, Mailer},
            outbox::{MailKind, OutboxEntry},
        },
        notifications::mailing::{self, Contents},
        outbox::{self, Again, Channel},
    },
    http::mail::{account, compose},
    jobs::outbox_worker,
};

/// How many mails are sent at the same time: the server takes most of the time of each.
const AT_ONCE: usize = 6;

/// Sends until the program stops, whenever mail is set up.
pub fn start(app: &App) {
    outbox_worker::start(app, "mail", |app| async move { send_due(&app).await });
}

/// Prepares the digests that are due, and sends all mail that is due. Returns how many mails were sent.
pub async fn send_due(app: &App) -> Result<usize> {
    if !app.has_mail().await? {
        return Ok(0);
    }
    digest::add_due(&app.db, app.clock.now()).await?;
    let senders = (0..AT_ONCE).map(|_| send_until_none_is_due(app));
    // All of them go on to their end, so that no mail is sent without being noted.
    let sent = join_all(senders).await.into_iter();
    sent.sum()
}

async fn send_until_none_is_due(app: &App) -> Result<usize> {
    let mut sent = 0;
    // Asked for each mail: a server that was corrected on the page counts at once.
    while let Some(mailer) = app.mailer().await? {
        // The lease of each mail begins when it is taken.
        let entry = outbox::take(&app.db, Channel::Mail, app.clock.now()).await?;
        let Some(entry) = entry else { break };
        sent += usize::from(send(app, &mailer, &entry, app.clock.now()).await?);
    }
    Ok(sent)
}

/// Sends one mail, or drops it if it would be empty by now. Returns whether it was sent.
async fn send(
    app: &App,
    mailer: &Mailer,
    entry: &OutboxEntry,
    now: OffsetDateTime,
) -> Result<bool> {
    let (mail, contents) = prepare(app, entry, now).await?;
    if let Some(mail) = &mail
        && let Err(error) = mailer.send(mail).await
    {
        tracing::warn!("a mail could not be sent: {}", error.message);
        let again = if error.is_permanent {
            Again::Never
        } else {
            Again::Later
        };
        let again = outbox::next_attempt(entry.attempts, again, now);
        let mut db = app.db.acquire().await?;
        outbox::note_failure(&mut db, entry.id, &error.message, again, now).await?;
        return Ok(false);
    }
    mailing::finish(&app.db, entry, &contents, now).await?;
    Ok(mail.is_some())
}

/// The mail of an entry as its reader may see it now, if there is something to say, and what it is about.
async fn prepare(
    app: &App,
    entry: &OutboxEntry,
    now: OffsetDateTime,
) -> Result<(Option<Mail>, Contents)> {
    let Some(reader) = mailing::recipient(&app.db, entry.account_id).await? else {
        return Ok((None, Contents::default()));
    };
    if entry.kind == MailKind::Confirmation {
        let mail = compose::confirmation(app, entry.id, &reader, now).await?;
        return Ok((mail, Contents::default()));
    }
    if !matches!(entry.kind, MailKind::Notification | MailKind::Digest) {
        let mail = account::about_account(app, entry, &reader, now).await?;
        return Ok((mail, Contents::default()));
    }
    if !reader.is_confirmed {
        return Ok((None, Contents::default()));
    }
    let delivery = match entry.kind {
        MailKind::Digest => Delivery::Digest,
        _ => Delivery::AtOnce,
    };
    let contents = mailing::contents(&app.db, reader.id, entry.thread_id, delivery).await?;
    if contents.threads.is_empty() {
        return Ok((None, contents));
    }
    let mail = match entry.kind {
        MailKind::Digest => compose::digest(app, entry.id, &reader, &contents, now).await?,
        _ => compose::notification(app, entry.id, &reader, &contents, now).await?,
    };
    Ok((Some(mail), contents))
}
