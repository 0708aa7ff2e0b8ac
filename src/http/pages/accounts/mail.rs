//! Settings → Mail: the server, whether it works, and what could not be sent by mail or to a chat.

use std::collections::BTreeMap;

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
        mail::{
            entered_server::Encryption,
            mailer::own_sender,
            settings::{self, Edit, MailSettings},
        },
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
    /// Whether flags have named the server, which wins.
    is_named: bool,
    settings: MailSettings,
    /// The sender if none is set.
    own_sender: String,
    /// The mail, and the chat messages, that wait.
    mail: Backlog,
    chat: Backlog,
    failed: Vec<Failed>,
    /// How a test went.
    outcome: Option<std::result::Result<String, String>>,
    time_zone: String,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl MailPage {
    fn at(&self, failed: &Failed) -> String {
        humanize::moment(failed.failed_at, &self.time_zone)
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The entered value of a refused form, or the stored one.
    fn value(&self, field: &str, stored: &str) -> String {
        self.submitted.get(field).unwrap_or(stored).to_owned()
    }

    fn port(&self) -> String {
        match self.settings.host {
            Some(_) => self.settings.port().to_string(),
            None => String::new(),
        }
    }

    fn is_chosen(&self, encryption: &Encryption) -> bool {
        let stored = self.settings.encryption.as_str();
        self.submitted.get("encryption").unwrap_or(stored) == encryption.as_str()
    }
}

/// `GET /settings/mail`
pub(crate) async fn mail(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&mail_page(&app, &viewer, &headers).await?)
}

async fn mail_page(app: &App, viewer: &Viewer, headers: &HeaderMap) -> Result<MailPage> {
    team_access::require_workspace_admin(viewer)?;
    let now = app.clock.now();
    let settings = settings::load(&app.db).await?;
    let mailer = match &app.named_mailer {
        Some(named) => Some(named.clone()),
        None => settings.mailer(&app.outgoing, &app.public_url)?,
    };
    Ok(MailPage {
        layout: Layout::new(app, viewer, headers, "Mail", "")
            .await?
            .at("settings-mail"),
        server: mailer.map(|mailer| (mailer.server().to_owned(), mailer.from())),
        is_named: app.named_mailer.is_some(),
        settings,
        own_sender: own_sender(&app.public_url),
        mail: outbox::backlog(&app.db, Channel::Mail, now).await?,
        chat: outbox::backlog(&app.db, Channel::Chat, now).await?,
        failed: outbox::failed(&app.db, viewer.person.id).await?,
        outcome: None,
        time_zone: viewer.time_zone.clone(),
        submitted: Fields::default(),
        errors: BTreeMap::new(),
    })
}

/// Whether the administrator can change the server on the page.
fn require_unnamed(app: &App, viewer: &Viewer) -> Result<()> {
    team_access::require_workspace_admin(viewer)?;
    viewer.require_session()?;
    if app.named_mailer.is_some() {
        return Err(Problem::conflict(
            "The server is set by --smtp-url, which wins over this page. Nothing was changed.",
        ));
    }
    Ok(())
}

/// `POST /settings/mail`: the server.
pub(crate) async fn set_mail_server(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_unnamed(&app, &viewer)?;
    match save(&app, &viewer, &fields).await {
        Ok(()) => Ok(Redirect::to("/settings/mail").into_response()),
        Err(problem) => {
            let (status, errors) = problem.in_form("form")?;
            let page = MailPage {
                submitted: fields,
                errors,
                ..mail_page(&app, &viewer, &headers).await?
            };
            page::with_errors(status, &page)
        }
    }
}

async fn save(app: &App, viewer: &Viewer, fields: &Fields) -> Result<()> {
    let text = |name| fields.text(name).trim().to_owned();
    let encryption = text("encryption");
    let encryption = Encryption::ALL
        .into_iter()
        .find(|one| one.as_str() == encryption)
        .ok_or_else(|| Problem::field("encryption", "Choose how mail is encrypted."))?;
    let edit = Edit {
        host: text("host"),
        port: text("port"),
        encryption,
        username: text("username"),
        // a password may begin or end with a space
        password: fields.text("password").to_owned(),
        sender: text("sender"),
    };
    let server = settings::check(&edit, &app.outgoing).await?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::set(change, &server, &edit))
        })
        .await?;
    Ok(())
}

/// `POST /settings/mail/remove`: no server any more.
pub(crate) async fn remove_mail_server(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    require_unnamed(&app, &viewer)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::remove(change))
        })
        .await?;
    Ok(Redirect::to("/settings/mail").into_response())
}

/// `POST /settings/mail/test`: sends a mail to the administrator, and shows how that went.
pub(crate) async fn send_test(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session()?;
    let Some(mailer) = app.mailer().await? else {
        return Err(Problem::conflict("Mail is not set up. Nothing was sent."));
    };
    let reader = mailing::recipient(&app.db, viewer.person.id).await?;
    let reader = reader.ok_or(Problem::NotFound)?;
    let mail = compose::test(&app, &reader, app.clock.now())?;
    let outcome = match mailer.for_a_page().send(&mail).await {
        Ok(()) => Ok(format!(
            "The server has accepted a mail to {}.",
            reader.email
        )),
        Err(error) => Err(error.message),
    };
    page::page(&MailPage {
        outcome: Some(outcome),
        ..mail_page(&app, &viewer, &headers).await?
    })
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
