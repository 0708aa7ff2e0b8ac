//! Writes each kind of mail.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        mail::{links, mailer::Mail},
        notifications::{
            mailing::{Contents, Recipient},
            reason::Reason,
            thread::Thread,
        },
    },
    http::mail::letter::{Letter, Row, Section},
};

/// The headings of a digest, with the reasons below each.
const SECTIONS: [(&str, &[Reason]); 4] = [
    (
        "Needs you",
        &[
            Reason::Mentioned,
            Reason::Assigned,
            Reason::Review,
            Reason::Action,
            Reason::Request,
            Reason::DueSoon,
            Reason::Overdue,
        ],
    ),
    ("Unblocked", &[Reason::Unblocked]),
    ("Waits on you", &[Reason::BlockedOnYou]),
    (
        "Moved",
        &[
            Reason::RequestAnswered,
            Reason::Comment,
            Reason::SprintStarted,
            Reason::SprintClosed,
            Reason::Following,
        ],
    ),
];

/// A mail about one thread.
pub(crate) async fn notification(
    app: &App,
    id: Uuid,
    reader: &Recipient,
    contents: &Contents,
    now: OffsetDateTime,
) -> Result<Mail> {
    let Some(thread) = contents.threads.first() else {
        return letter_to(app, id, reader, &Letter::default(), now, None);
    };
    let reason = thread.reason();
    let secret = links::make_unsubscribe(&app.db, reader.id, reason.as_str(), now).await?;
    let unsubscribe = format!("{}/unsubscribe/{secret}", app.public_url);
    let first = thread.lines.first().map_or("", |line| line.text.as_str());
    let letter = Letter {
        title: first.to_owned(),
        sections: vec![Section {
            heading: String::new(),
            rows: vec![Row {
                lines: thread
                    .earlier()
                    .iter()
                    .map(|line| line.text.clone())
                    .collect(),
                ..row(app, thread)
            }],
        }],
        button: Some((
            "Open".to_owned(),
            format!("{}{}", app.public_url, thread.url),
        )),
        footer: vec![
            ("Stop mails for this reason".to_owned(), unsubscribe.clone()),
            (
                "Notification settings".to_owned(),
                format!("{}/me/notifications", app.public_url),
            ),
        ],
        ..Letter::default()
    };
    let mut mail = letter_to(app, id, reader, &letter, now, Some(unsubscribe))?;
    // All mails about a thing have the same subject, so that they are shown together.
    mail.subject = format!("{} ({})", thread.title, thread.key);
    mail.thread = Some(format!("<thread-{}@{}>", thread.id, host(app)));
    Ok(mail)
}

/// The digest: everything unread that the person wants to hear of there.
pub(crate) async fn digest(
    app: &App,
    id: Uuid,
    reader: &Recipient,
    contents: &Contents,
    now: OffsetDateTime,
) -> Result<Mail> {
    let secret = links::make_unsubscribe(&app.db, reader.id, links::DIGEST, now).await?;
    let unsubscribe = format!("{}/unsubscribe/{secret}", app.public_url);
    let sections = SECTIONS.iter().map(|(heading, reasons)| Section {
        heading: (*heading).to_owned(),
        rows: contents
            .threads
            .iter()
            .filter(|thread| reasons.contains(&thread.reason()))
            .map(|thread| row(app, thread))
            .collect(),
    });
    let letter = Letter {
        title: match contents.threads.len() {
            1 => "1 thing before your standup".to_owned(),
            many => format!("{many} things before your standup"),
        },
        intro: "Unread in your inbox.".to_owned(),
        sections: sections
            .filter(|section| !section.rows.is_empty())
            .collect(),
        button: Some(("Open inbox".to_owned(), format!("{}/inbox", app.public_url))),
        footer: vec![
            ("Stop the digest".to_owned(), unsubscribe.clone()),
            (
                "Notification settings".to_owned(),
                format!("{}/me/notifications", app.public_url),
            ),
        ],
    };
    letter_to(app, id, reader, &letter, now, Some(unsubscribe))
}

/// The link by which a person confirms their address; `None` if that is no longer needed.
pub(crate) async fn confirmation(
    app: &App,
    id: Uuid,
    reader: &Recipient,
    now: OffsetDateTime,
) -> Result<Option<Mail>> {
    let Some((secret, _)) = links::make_confirmation(&app.db, reader.id, now).await? else {
        return Ok(None);
    };
    let letter = Letter {
        title: "Confirm your e-mail address".to_owned(),
        intro: format!(
            "Confirm that Fortnight at {} may send notifications to {}. The link is valid for two days. If you did not ask for this, ignore this mail.",
            app.public_url, reader.email
        ),
        button: Some((
            "Confirm address".to_owned(),
            format!("{}/confirm/{secret}", app.public_url),
        )),
        footer: vec![("Fortnight".to_owned(), app.public_url.clone())],
        ..Letter::default()
    };
    letter_to(app, id, reader, &letter, now, None).map(Some)
}

/// A mail that shows that mail works.
pub(crate) fn test(app: &App, reader: &Recipient, now: OffsetDateTime) -> Result<Mail> {
    let letter = Letter {
        title: "Mail works".to_owned(),
        intro: format!("Fortnight at {} can send mail.", app.public_url),
        footer: vec![("Fortnight".to_owned(), app.public_url.clone())],
        ..Letter::default()
    };
    letter_to(app, Uuid::now_v7(), reader, &letter, now, None)
}

pub(super) fn letter_to(
    app: &App,
    id: Uuid,
    reader: &Recipient,
    letter: &Letter,
    now: OffsetDateTime,
    unsubscribe: Option<String>,
) -> Result<Mail> {
    Ok(Mail {
        to: reader.email.clone(),
        subject: letter.title.clone(),
        text: letter.text(),
        html: letter.html()?,
        message_id: format!("<{id}@{}>", host(app)),
        thread: None,
        unsubscribe,
        at: now,
    })
}

fn row(app: &App, thread: &Thread) -> Row {
    Row {
        title: thread.title.clone(),
        key: thread.key.clone(),
        url: format!("{}{}", app.public_url, thread.url),
        lines: thread.lines.iter().map(|line| line.text.clone()).collect(),
    }
}

/// The host of the public URL, for the ids of mails.
fn host(app: &App) -> &str {
    let rest = app.public_url.split("://").nth(1).unwrap_or("localhost");
    rest.split([':', '/']).next().unwrap_or("localhost")
}
