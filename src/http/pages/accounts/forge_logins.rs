//! The reader's usernames at forges, which they prove with a code in a comment there.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::viewer::Viewer,
        pull_requests::logins::{self, OwnLogin},
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
    },
};

#[derive(Template)]
#[template(path = "accounts/forge_logins.html")]
struct LoginsPage {
    layout: Layout,
    logins: Vec<OwnLogin>,
    /// The connection for which a code was just made, and the code. It is shown only once.
    created: Option<(Uuid, String)>,
    /// The connection whose form was refused.
    refused: Option<Uuid>,
    errors: BTreeMap<&'static str, String>,
}

impl LoginsPage {
    fn error(&self, own: &OwnLogin) -> &str {
        let refused = self.refused == Some(own.connection_id);
        let error = self.errors.get("login").filter(|_| refused);
        error.map_or("", String::as_str)
    }

    /// The comment to write, if its code was just made.
    fn code(&self, own: &OwnLogin) -> Option<&str> {
        let (of, code) = self.created.as_ref()?;
        (*of == own.connection_id).then_some(code.as_str())
    }
}

/// `GET /me/forges`
pub(crate) async fn forge_logins(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&logins_page(&app, &viewer, &headers).await?)
}

async fn logins_page(app: &App, viewer: &Viewer, headers: &HeaderMap) -> Result<LoginsPage> {
    Ok(LoginsPage {
        layout: Layout::new(app, viewer, headers, "Usernames at forges", "").await?,
        logins: logins::own(&app.db, viewer.person.id, app.clock.now()).await?,
        created: None,
        refused: None,
        errors: BTreeMap::new(),
    })
}

/// `POST /me/forges`: makes a code for a username, and shows it once.
pub(crate) async fn claim_login(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let (connection, account) = (id(fields.text("connection"))?, viewer.person.id);
    let login = fields.text("login");
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(logins::claim(change, account, connection, login))
        })
        .await;
    match outcome {
        Ok(made) => {
            let mut page = logins_page(&app, &viewer, &headers).await?;
            page.created = Some((connection, made.value));
            page::page(&page)
        }
        Err(Problem::Invalid(errors)) => {
            let mut page = logins_page(&app, &viewer, &headers).await?;
            (page.refused, page.errors) = (Some(connection), errors);
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /me/forges/remove`
pub(crate) async fn remove_login(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let (connection, account) = (id(fields.text("connection"))?, viewer.person.id);
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(logins::remove(change, account, connection))
        })
        .await?;
    Ok(Redirect::to("/me/forges").into_response())
}
