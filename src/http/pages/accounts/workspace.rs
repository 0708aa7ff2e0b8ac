//! Workspace settings and the audit log, for administrators.

use askama::Template;
use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        clock,
        error::{Problem, Result},
        events::{
            Change, Event, EventKind,
            audit_log::{self, AuditFilter, Entry, Line},
        },
        humanize,
        policy::{team_access, viewer::Viewer},
        teams::invitations,
    },
    http::{csv::csv, extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "accounts/workspace.html")]
struct WorkspacePage {
    layout: Layout,
    name: String,
    open: bool,
    domains: String,
    errors: Vec<String>,
}

/// `GET /settings`
pub async fn workspace(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let name: String = sqlx::query_scalar("SELECT name FROM workspace")
        .fetch_one(&app.db)
        .await?;
    let (open, domains) = invitations::registration(&app.db).await?;
    let layout = Layout::new(&app, &viewer, &headers, "Workspace", "")
        .await?
        .at("settings");
    page::page(&WorkspacePage {
        layout,
        name,
        open,
        domains: domains.join(", "),
        errors: Vec::new(),
    })
}

/// `POST /settings`
pub async fn set_workspace(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (actor, open) = (viewer.actor(), fields.get("open").is_some());
    let name = fields.text("name").trim();
    let outcome = match read_domains(fields.text("domains")) {
        Ok(domains) => {
            app.store
                .change(&actor, |change, _| {
                    Box::pin(set(change, name, open, domains.clone()))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/settings").into_response()),
        Err(Problem::Invalid(errors)) => {
            let layout = Layout::new(&app, &viewer, &headers, "Workspace", "")
                .await?
                .at("settings");
            let (name, domains) = (name.to_owned(), fields.text("domains").to_owned());
            let page = WorkspacePage {
                layout,
                name,
                open,
                domains,
                errors: errors.into_values().collect(),
            };
            page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn set(change: &mut Change, name: &str, open: bool, domains: Vec<String>) -> Result<()> {
    let (was_called, was_open, were): (String, bool, Vec<String>) = sqlx::query_as(
        "SELECT name, registration_open, registration_domains FROM workspace FOR UPDATE",
    )
    .fetch_one(change.db())
    .await?;
    let (is_renamed, is_opened) = (was_called != name, (was_open, &were) != (open, &domains));
    if !is_renamed && !is_opened {
        return Ok(());
    }
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
    audit_log::note(change, "settings.changed", &about).await?;
    // The workspace belongs to every team, so the event is in the history of each.
    let (mut before, mut after) = (json!({}), json!({}));
    if is_renamed {
        (before["name"], after["name"]) = (json!(was_called), json!(name));
    }
    if is_opened {
        // only administrators may read the domains
        (before["registration_open"], after["registration_open"]) = (json!(was_open), json!(open));
    }
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM teams")
        .fetch_all(change.db())
        .await?;
    for team in teams {
        let (before, after) = (before.clone(), after.clone());
        change.record(Event {
            team,
            task: None,
            kind: EventKind::WorkspaceEdited,
            before,
            after,
            version: None,
        });
    }
    Ok(())
}

fn read_domains(text: &str) -> Result<Vec<String>> {
    let domains: Vec<String> = text
        .split(|char: char| char == ',' || char.is_whitespace())
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    let plain =
        |domain: &String| domain.contains('.') && domain.len() <= 253 && !domain.contains('@');
    if domains.len() > 50 || !domains.iter().all(plain) {
        return Err(Problem::field(
            "domains",
            "Enter at most 50 domains such as example.org, separated by commas.",
        ));
    }
    Ok(domains)
}

#[derive(Template)]
#[template(path = "accounts/audit.html")]
struct AuditPage {
    layout: Layout,
    entries: Vec<Entry>,
    search: AuditSearch,
    time_zone: String,
}

impl AuditPage {
    fn csv(&self) -> String {
        format!("/settings/audit.csv?{}", self.search.query())
    }

    /// The URL of the next page, if there is one.
    fn older(&self) -> Option<String> {
        let last = self
            .entries
            .last()
            .filter(|_| self.entries.len() as i64 == audit_log::SHOWN)?;
        Some(format!(
            "/settings/audit?{}&before={}",
            self.search.query(),
            last.id
        ))
    }

    fn at(&self, entry: &Entry) -> String {
        humanize::moment(entry.at, &self.time_zone)
    }
}

/// The filter of the audit log: words, and an inclusive range of days in the reader's time zone.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct AuditSearch {
    q: String,
    from: String,
    to: String,
    before: String,
}

impl AuditSearch {
    fn query(&self) -> String {
        let pairs = [("q", &self.q), ("from", &self.from), ("to", &self.to)];
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }

    /// # Errors
    /// `Invalid` for an invalid day, and `NotFound` for an invalid page.
    fn filter(&self, zone: &str) -> Result<AuditFilter> {
        let day = |field: &'static str, text: &str| match text.trim() {
            "" => Ok(None),
            text => crate::domain::dates::read_date(text)
                .map(Some)
                .ok_or_else(|| Problem::field(field, "Enter a day as YYYY-MM-DD.")),
        };
        let (from, to) = (day("from", &self.from)?, day("to", &self.to)?);
        let before = match self.before.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| Problem::NotFound)?),
        };
        Ok(AuditFilter {
            words: self.q.replace('\0', ""),
            from: from.map(|day| clock::instant(day, 0, zone)),
            to: to.map(|day| clock::instant(day.saturating_add(Duration::DAY), 0, zone)),
            before,
        })
    }
}

/// `GET /settings/audit?q=role&from=2026-11-01&to=2026-11-30`
pub async fn audit_log(
    State(app): State<App>,
    viewer: Viewer,
    Query(search): Query<AuditSearch>,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let entries = audit_log::entries(
        &app.db,
        viewer.person.id,
        &search.filter(&viewer.time_zone)?,
    )
    .await?;
    let layout = Layout::new(&app, &viewer, &headers, "Audit log", "")
        .await?
        .at("settings-audit");
    page::page(&AuditPage {
        layout,
        entries,
        search,
        time_zone: viewer.time_zone,
    })
}

/// `GET /settings/audit.csv?q=role`: the whole log, streamed page by page, so that years of it do
/// not fill the memory.
pub async fn audit_csv(
    State(app): State<App>,
    viewer: Viewer,
    Query(search): Query<AuditSearch>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (reader, filter) = (viewer.person.id, search.filter(&viewer.time_zone)?);
    let line = Line {
        actor: Some(reader),
        kind: "audit.exported",
        about: &filter.words,
        ..Line::default()
    };
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
    let head = csv([vec!["at", "who", "what", "about", "network"]]);
    let pages = stream::try_unfold(Some(filter), move |filter| {
        let db = app.db.clone();
        async move {
            let Some(mut filter) = filter else {
                return Ok::<_, std::io::Error>(None);
            };
            let entries = audit_log::entries(&db, reader, &filter)
                .await
                .map_err(std::io::Error::other)?;
            let is_last = (entries.len() as i64) < audit_log::SHOWN;
            filter.before = entries.last().map(|entry| entry.id);
            Ok(Some((rows(&entries), (!is_last).then_some(filter))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"audit.csv\"",
        ),
    ];
    Ok((
        headers,
        Body::from_stream(stream::once(async { Ok(head) }).chain(pages)),
    )
        .into_response())
}

fn rows(entries: &[Entry]) -> String {
    let at: Vec<String> = entries
        .iter()
        .map(|entry| crate::domain::dates::instant(entry.at))
        .collect();
    csv(at.iter().zip(entries).map(|(at, entry)| {
        vec![
            at,
            entry.who.as_deref().unwrap_or(""),
            entry.kind.as_str(),
            entry.about.as_str(),
            entry.network.as_str(),
        ]
    }))
}
