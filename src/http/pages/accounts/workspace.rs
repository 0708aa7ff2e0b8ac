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
use time::Duration;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        clock::{self, Clock},
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry, AuditFilter, AuditRow},
        humanize,
        policy::{team_access, viewer::Viewer},
        teams::invitations,
        text::check_length,
        workspace,
    },
    http::{
        csv::{csv, further_rows},
        extract::form::Fields,
        layout::Layout,
        page,
        pages::accounts::backups::BackupStatus,
    },
};

#[derive(Template)]
#[template(path = "accounts/workspace.html")]
struct WorkspacePage {
    layout: Layout,
    name: String,
    open: bool,
    domains: String,
    errors: Vec<String>,
    backups: BackupStatus,
}

/// `GET /settings`
pub(crate) async fn workspace(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let name = workspace::name(&app.db).await?;
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
        backups: BackupStatus::of(&app, &viewer.time_zone),
    })
}

/// `POST /settings`
pub(crate) async fn set_workspace(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (actor, open) = (viewer.actor(), fields.get("open").is_some());
    let name = fields.text("name").trim();
    let outcome = match workspace::read_domains(fields.text("domains")) {
        Ok(domains) => {
            app.store
                .change(&actor, |change, _| {
                    Box::pin(workspace::edit_workspace(change, name, open, &domains))
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
                backups: BackupStatus::of(&app, &viewer.time_zone),
            };
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

#[derive(Template)]
#[template(path = "accounts/audit.html")]
struct AuditPage {
    layout: Layout,
    entries: Vec<AuditRow>,
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

    fn at(&self, entry: &AuditRow) -> String {
        humanize::moment(entry.at, &self.time_zone)
    }
}

/// The filter of the audit log: words, and an inclusive range of days in the reader's time zone.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AuditSearch {
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
            text => crate::domain::dates::parse_date(text)
                .map(Some)
                .ok_or_else(|| Problem::field(field, "Enter a day as YYYY-MM-DD.")),
        };
        check_length("q", &self.q, 200)?;
        let (from, to) = (day("from", &self.from)?, day("to", &self.to)?);
        let before = match self.before.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| Problem::NotFound)?),
        };
        Ok(AuditFilter {
            text: self.q.replace('\0', ""),
            from: from.map(|day| clock::instant(day, 0, zone)),
            to: to.map(|day| clock::instant(day.saturating_add(Duration::DAY), 0, zone)),
            before,
        })
    }
}

/// `GET /settings/audit?q=role&from=2026-11-01&to=2026-11-30`
pub(crate) async fn audit_log(
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
pub(crate) async fn audit_csv(
    State(db): State<Pool>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Query(search): Query<AuditSearch>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (reader, filter) = (viewer.person.id, search.filter(&viewer.time_zone)?);
    let line = AuditEntry {
        actor: Some(reader),
        kind: "audit.exported",
        about: &filter.text,
        ..AuditEntry::default()
    };
    audit_log::write(&mut *db.acquire().await?, clock.now(), line).await?;
    let head = csv([vec!["at", "who", "what", "about", "network"]]);
    let pages = stream::try_unfold(Some(filter), move |filter| {
        let db = db.clone();
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

fn rows(entries: &[AuditRow]) -> String {
    let at: Vec<String> = entries
        .iter()
        .map(|entry| crate::domain::dates::instant(entry.at))
        .collect();
    further_rows(at.iter().zip(entries).map(|(at, entry)| {
        vec![
            at,
            entry.actor.as_deref().unwrap_or(""),
            entry.kind.as_str(),
            entry.about.as_str(),
            entry.network.as_str(),
        ]
    }))
}
