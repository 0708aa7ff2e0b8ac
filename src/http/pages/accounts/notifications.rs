//! How the reader hears of things by mail, and the links in mails.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        accounts::{
            mails,
            working_hours::{format_minute, parse_time_of_day},
        },
        error::{Problem, Result},
        mail::{
            choices::{self, Choices, Delivery},
            links,
            profile::{self, MailProfile},
        },
        notifications::reason::Reason,
        policy::viewer::Viewer,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page::{self, theme},
    },
};

#[derive(Template)]
#[template(path = "accounts/notifications.html")]
struct NotificationsPage {
    layout: Layout,
    profile: MailProfile,
    choices: Choices,
    /// Whether mail is set up.
    has_mail: bool,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl NotificationsPage {
    fn is_chosen(&self, reason: &Reason, delivery: &Delivery) -> bool {
        self.choices.delivery(*reason) == *delivery
    }

    fn digest_at(&self) -> String {
        match self.submitted.get("digest_at") {
            Some(typed) => typed.to_owned(),
            None => format_minute(self.profile.digest_at),
        }
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }
}

/// `GET /me/notifications`
pub(crate) async fn notifications(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    let (submitted, errors) = (Fields::default(), BTreeMap::new());
    page::page(&notifications_page(&app, &viewer, &headers, submitted, errors).await?)
}

async fn notifications_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<NotificationsPage> {
    Ok(NotificationsPage {
        layout: Layout::new(app, viewer, headers, "Notification settings", "").await?,
        profile: profile::of(&app.db, viewer.person.id).await?,
        choices: Choices::of(&app.db, viewer.person.id).await?,
        has_mail: app.has_mail().await?,
        submitted,
        errors,
    })
}

/// `POST /me/notifications`: the delivery of each reason, and the hour of the digest.
pub(crate) async fn set_notifications(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let Some(digest_at) = parse_time_of_day(fields.text("digest_at")).filter(|at| *at < 1440)
    else {
        let error = "Enter a time, such as 08:00.".to_owned();
        let errors = BTreeMap::from([("digest_at", error)]);
        let page = notifications_page(&app, &viewer, &headers, fields, errors).await?;
        return page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let mut tx = app.db.begin().await?;
    for reason in Reason::ALL {
        if let Some(delivery) = fields.get(reason.as_str()) {
            let delivery = Delivery::parse(delivery).ok_or(Problem::NotFound)?;
            choices::choose(&mut tx, viewer.person.id, *reason, delivery).await?;
        }
    }
    profile::set_digest_at(&mut tx, viewer.person.id, digest_at).await?;
    tx.commit().await?;
    Ok(Redirect::to("/me/notifications").into_response())
}

/// `POST /me/email/confirmation`: sends a link that confirms the reader's address.
pub(crate) async fn send_confirmation(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.require_session()?;
    if !app.has_mail().await? {
        return Err(Problem::conflict("Mail is not set up. Nothing was sent."));
    }
    let mut tx = app.db.begin().await?;
    let now = app.clock.now();
    mails::ask_for_confirmation(&mut tx, viewer.person.id, now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/me/notifications?sent").into_response())
}

/// A page with one question and one button.
#[derive(Template)]
#[template(path = "accounts/mail_link.html")]
struct MailLinkPage {
    layout: Layout,
    text: String,
    /// The label of the button; empty once it was pressed.
    button: &'static str,
}

fn link_page(
    app: &App,
    headers: &HeaderMap,
    title: &str,
    text: String,
    button: &'static str,
) -> Result<Response> {
    page::page(&MailLinkPage {
        layout: Layout::bare(app, title.to_owned(), theme(headers)),
        text,
        button,
    })
}

/// `GET /confirm/{key}`: asks before it confirms, since mail programs open links by themselves.
pub(crate) async fn confirm_form(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let email = links::address_of(&app.db, &secret, app.clock.now()).await?;
    let text = format!("Fortnight may send notifications to {email}.");
    link_page(&app, &headers, "Confirm address", text, "Confirm address")
}

/// `POST /confirm/{key}`
pub(crate) async fn confirm(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    links::confirm(&app.db, &secret, app.clock.now()).await?;
    let text = "Your address is confirmed. You can close this page.".to_owned();
    link_page(&app, &headers, "Address confirmed", text, "")
}

/// `GET /unsubscribe/{key}`
pub(crate) async fn unsubscribe_form(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let what = links::ends(&app.db, &secret).await?;
    let text = format!("Stop mails of this kind: “{what}”? Your inbox stays as it is.");
    link_page(&app, &headers, "Stop mails", text, "Stop these mails")
}

/// `POST /unsubscribe/{key}`: also by the mail program, with one click (RFC 8058).
pub(crate) async fn unsubscribe(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    links::unsubscribe(&app.db, &secret).await?;
    let text =
        "You get no more mails of this kind. You can change that in your notification settings.";
    link_page(&app, &headers, "Mails stopped", text.to_owned(), "")
}
