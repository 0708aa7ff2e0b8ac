//! Administrators: what the workspace is called, who may register, and what was done.

use askama::Template;
use axum::{
    extract::{Query, State as Given},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::super::{
    audit::{self, Entry},
    inviting,
    viewer::Viewer,
};
use crate::{
    activity::Change,
    app::App,
    boards::{access, words},
    web::{
        csv::csv,
        error::{Problem, Result},
        forms::Fields,
        page::{self, Frame},
    },
};

#[derive(Template)]
#[template(path = "accounts/workspace.html")]
struct WorkspacePage {
    frame: Frame,
    name: String,
    open: bool,
    domains: String,
    errors: Vec<String>,
}

/// `GET /settings`
pub async fn workspace(Given(app): Given<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response> {
    access::to_edit_workspace(&viewer)?;
    let name: String = sqlx::query_scalar("SELECT name FROM workspace").fetch_one(&app.db).await?;
    let (open, domains) = inviting::registration(&app.db).await?;
    let frame = Frame::new(&app, &viewer, &headers, "Workspace", "").await?.at("settings");
    page::page(&WorkspacePage { frame, name, open, domains: domains.join(", "), errors: Vec::new() })
}

/// `POST /settings`
pub async fn set_workspace(
    Given(app): Given<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    access::to_edit_workspace(&viewer)?;
    let (actor, open) = (viewer.actor(), fields.get("open").is_some());
    let name = fields.text("name").trim();
    let outcome = match read_domains(fields.text("domains")) {
        Ok(domains) => app.live.change(&actor, |change, _| Box::pin(set(change, name, open, domains.clone()))).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/settings").into_response()),
        Err(Problem::Invalid(errors)) => {
            let frame = Frame::new(&app, &viewer, &headers, "Workspace", "").await?.at("settings");
            let (name, domains) = (name.to_owned(), fields.text("domains").to_owned());
            let page = WorkspacePage { frame, name, open, domains, errors: errors.into_values().collect() };
            page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn set(change: &mut Change, name: &str, open: bool, domains: Vec<String>) -> Result<()> {
    sqlx::query("UPDATE workspace SET name = $1, registration_open = $2, registration_domains = $3, seq = seq + 1")
        .bind(name)
        .bind(open)
        .bind(&domains)
        .execute(change.db())
        .await?;
    let about = match (open, domains.as_slice()) {
        (false, _) => format!("{name}, registration closed"),
        (true, []) => format!("{name}, registration open"),
        (true, domains) => format!("{name}, registration open for {}", domains.join(", ")),
    };
    audit::note(change, "settings.changed", &about).await
}

fn read_domains(text: &str) -> Result<Vec<String>> {
    let domains: Vec<String> = text
        .split(|char: char| char == ',' || char.is_whitespace())
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    let plain = |domain: &String| domain.contains('.') && domain.len() <= 253 && !domain.contains('@');
    if domains.len() > 50 || !domains.iter().all(plain) {
        return Err(Problem::field("domains", "Write domains as example.org, with commas between; 50 at most."));
    }
    Ok(domains)
}

#[derive(Template)]
#[template(path = "accounts/audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<Entry>,
    q: String,
    time_zone: String,
}

impl AuditPage {
    fn csv(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", &self.q).finish();
        format!("/settings/audit.csv?{query}")
    }

    fn at(&self, entry: &Entry) -> String {
        words::moment(entry.at, &self.time_zone)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
}

/// `GET /settings/audit?q=role`
pub async fn audit_log(
    Given(app): Given<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response> {
    access::to_edit_workspace(&viewer)?;
    let entries = audit::entries(&app.db, &asked.q.replace('\0', ""), false).await?;
    let frame = Frame::new(&app, &viewer, &headers, "What was done", "").await?.at("settings-audit");
    page::page(&AuditPage { frame, entries, q: asked.q, time_zone: viewer.time_zone })
}

/// `GET /settings/audit.csv?q=role`: all of it.
pub async fn audit_csv(Given(app): Given<App>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response> {
    access::to_edit_workspace(&viewer)?;
    let entries = audit::entries(&app.db, &asked.q.replace('\0', ""), true).await?;
    let mut db = app.db.acquire().await?;
    audit::write(&mut db, app.clock.now(), Some(viewer.person.id), "audit.exported", &asked.q.replace('\0', ""), "")
        .await?;
    let entries: Vec<(String, Entry)> =
        entries.into_iter().map(|entry| (crate::tasks::story::instant(entry.at), entry)).collect();
    let head = vec!["at", "who", "what", "about", "network"];
    let rows = entries
        .iter()
        .map(|(at, entry)| vec![at, entry.who.as_deref().unwrap_or(""), &entry.kind, &entry.about, &entry.network]);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, csv(std::iter::once(head).chain(rows))).into_response())
}
