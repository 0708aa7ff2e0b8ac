//! Restoring a backup into an empty workspace, from the setup page.

use std::time::Duration;

use anyhow::Context;
use askama::Template;
use axum::{
    extract::{Multipart, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::backup::{local::Source, offered::Restoring},
    domain::{
        error::{Problem, Result},
        humanize, setup,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page::{self, theme},
        pages::teams::setup::Key,
    },
    jobs::housekeeping,
};

/// The answer waits this long for the end of a restore, and otherwise shows a page that looks again.
const WAIT: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "teams/restore.html")]
struct RestorePage {
    layout: Layout,
    key: String,
    /// Path and size of each file.
    files: Vec<(String, String)>,
    /// Why the last attempt was refused.
    failure: Option<String>,
    is_running: bool,
}

/// `GET /setup/restore?key=…`: the files to choose from, or how the restore goes.
pub(crate) async fn form(
    State(app): State<App>,
    Query(key): Query<Key>,
    headers: HeaderMap,
) -> Result<Response> {
    match app.offered_backups.state() {
        // The tables are locked, and the setup link is in one of them.
        Restoring::Now { link } if link == key.key => {
            page::page(&restore_page(&app, &headers, key.key, None, true).await?)
        }
        Restoring::Done => Ok(Redirect::to("/login").into_response()),
        state => {
            setup::check_link(&app.db, app.clock.now(), &key.key).await?;
            let failure = match state {
                Restoring::Failed(reason) => Some(reason),
                _ => None,
            };
            page::page(&restore_page(&app, &headers, key.key, failure, false).await?)
        }
    }
}

/// `POST /setup/restore`
pub(crate) async fn restore(
    State(app): State<App>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let key = fields.text("key").to_owned();
    setup::check_link(&app.db, app.clock.now(), &key).await?;
    let file = fields.text("file");
    // Only files of the list can be chosen.
    let files = app.offered_backups.list().await;
    if !files.iter().any(|one| one.path == file) {
        let reason = "Choose one of the backups.".to_owned();
        return refused(&app, &headers, key, reason).await;
    }
    restore_from(app.clone(), headers, Source::Named(file.into()), key).await
}

/// `POST /setup/restore/upload?key=…`: stores a file from the browser, and restores it.
pub(crate) async fn upload(
    State(app): State<App>,
    Query(key): Query<Key>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response> {
    setup::check_link(&app.db, app.clock.now(), &key.key).await?;
    let stored = async {
        let mut upload = app.offered_backups.upload().await?;
        let field = form.next_field().await.context("the upload was cut")?;
        let mut field = field.context("choose a file")?;
        while let Some(piece) = field.chunk().await.context("the upload was cut")? {
            upload.write(&piece).await?;
        }
        drop(field);
        // What is left unread would make the connection close before the browser has the answer.
        while let Ok(Some(_)) = form.next_field().await {}
        upload.complete().await
    };
    match stored.await {
        Ok(source) => restore_from(app, headers, source, key.key).await,
        Err(error) => refused(&app, &headers, key.key, format!("{error:#}")).await,
    }
}

/// Restores a backup, and answers when that has ended or takes long.
async fn restore_from(
    app: App,
    headers: HeaderMap,
    source: Source,
    key: String,
) -> Result<Response> {
    let restoring = run(app.clone(), source, key.clone());
    match tokio::time::timeout(WAIT, tokio::spawn(restoring)).await {
        Ok(Ok(Err(error))) => refused(&app, &headers, key, format!("{error:#}")).await,
        Ok(Err(error)) => Err(Problem::InternalError(error.into())),
        // It is done, or goes on, or another one does: the page knows.
        Ok(Ok(Ok(()))) | Err(_) => {
            Ok(Redirect::to(&format!("/setup/restore?key={key}")).into_response())
        }
    }
}

async fn run(app: App, source: Source, key: String) -> anyhow::Result<()> {
    let backups = &app.offered_backups;
    backups.restore(&app.direct, source, key).await?;
    app.page_cache.clear();
    // The calendar is as old as the backup.
    if let Err(problem) = housekeeping::update_sprints(&app).await {
        app.job_runs.note("sprints", app.clock.now(), Err(problem));
    }
    Ok(())
}

async fn refused(app: &App, headers: &HeaderMap, key: String, reason: String) -> Result<Response> {
    let page = restore_page(app, headers, key, Some(reason), false).await?;
    page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn restore_page(
    app: &App,
    headers: &HeaderMap,
    key: String,
    failure: Option<String>,
    is_running: bool,
) -> Result<RestorePage> {
    let files = app.offered_backups.list().await;
    Ok(RestorePage {
        layout: Layout::bare(app, "Restore a backup".to_owned(), theme(headers)),
        key,
        files: files
            .into_iter()
            .map(|file| (file.path, humanize::bytes(file.bytes)))
            .collect(),
        failure,
        is_running,
    })
}
