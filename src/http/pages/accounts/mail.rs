//! Settings → Mail: whether mail is set up and works, and what could not be sent by mail or to a chat.

use askama::Template;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        humanize,
        notifications::mailing,
        outbox::{self, Backlog, Channel, Failed},
        policy::{team_access, viewer::Viewer},
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        mail::compose,
        page,
    },
};

#[derive(Template)]
#[template(path = "accounts/mail.html")]
struct MailPage {
    layout: Layout,
    /// Server and sender, if mail is set up.
    server: Option<(String, String)>,
    /// The mail, and the chat messages, that wait.
    mail: Backlog,
    chat: Backlog,
    failed: Vec<Failed>,
    /// How a test went.
    outcome: Option<std::result::Result<String, String>>,
    time_zone: String,
}

impl MailPage {
    fn at(&self, failed: &Failed) -> String {
        humanize::moment(failed.failed_at, &self.time_zone)
    }
}

/// `GET /settings/mail`
pub(crate) async fn mail(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&mail_page(&app, &viewer, &headers, None).await?)
}

async fn mail_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    outcome: Option<std::result::Result<String, String>>,
) -> Result<MailPage> {
    team_access::require_workspace_admin(viewer)?;
    let now = app.clock.now();
    Ok(MailPage {
        layout: Layout::new(app, viewer, headers, "Mail", "")
            .await?
            .at("settings-mail"),
        server: app
            .mailer
            .as_ref()
            .map(|mailer| (mailer.server().to_owned(), mailer.from())),
        mail: outbox::backlog(&app.db, Channel::Mail, now).await?,
        chat: outbox::backlog(&app.db, Channel::Chat, now).await?,
        failed: outbox::failed(&app.db, viewer.person.id).await?,
        outcome,
        time_zone: viewer.time_zone.clone(),
    })
}

/// `POST /settings/mail/test`: sends a mail to the administrator, and shows how that went.
pub(crate) async fn send_test(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session()?;
    let Some(mailer) = &app.mailer else {
        return Err(Problem::conflict("Mail is not set up. Nothing was sent."));
    };
    let reader = mailing::recipient(&app.db, viewer.person.id).await?;
    let reader = reader.ok_or(Problem::NotFound)?;
    let mail = compose::test(&app, &reader, app.clock.now())?;
    let outcome = match mailer.send(&mail).await {
        Ok(()) => Ok(format!(
            "The server has accepted a mail to {}.",
            reader.email
        )),
        Err(error) => Err(error.message),
    };
    page::page(&mail_page(&app, &viewer, &headers, Some(outcome)).await?)
}

/// `POST /settings/mail/retry`: sends again what was given up: one, or all.
pub(crate) async fn retry(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session()?;
    let one = match fields.text("mail") {
        "" => None,
        mail => Some(id(mail)?),
    };
    outbox::retry(&app.db, one, app.clock.now()).await?;
    Ok(Redirect::to("/settings/mail").into_response())
}
