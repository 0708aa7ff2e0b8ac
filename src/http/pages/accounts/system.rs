//! The System page: the state of this installation at a glance, for administrators.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    app::App,
    db::backup::place::Place,
    db::status::{self, DatabaseStatus},
    domain::{
        error::Result,
        humanize,
        outbox::{self, Channel},
        policy::{team_access, viewer::Viewer},
        warnings::{self, Warning},
    },
    http::{cache::page_cache::CacheUse, layout::Layout, metrics::resident_memory, page},
};

/// Pages wait no longer for the sizes of large tables.
const ASK_WITHIN: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "accounts/system.html")]
struct SystemPage {
    layout: Layout,
    warnings: Vec<Warning>,
    program: Vec<Row>,
    database: Vec<Row>,
    tables: Vec<Row>,
    outbox: Vec<Row>,
    jobs: Vec<Row>,
}

/// A line of a table: what it is, and its value in words.
struct Row {
    name: String,
    value: String,
}

fn row(name: impl Into<String>, value: impl Into<String>) -> Row {
    Row {
        name: name.into(),
        value: value.into(),
    }
}

/// `GET /settings/system`
pub(crate) async fn system(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let layout = Layout::new(&app, &viewer, &headers, "System", "")
        .await?
        .at("settings-system");
    let zone = &viewer.time_zone;
    let status = status::read(&app.db).await?;
    let mut warnings = warnings::of_database(&status, app.clock.now());
    warnings.extend(warnings_of_files(&app));
    warnings.extend(warnings_of_jobs(&app));
    page::page(&SystemPage {
        layout,
        warnings,
        program: rows_of_program(&app, zone),
        database: rows_of_database(&app, &status),
        tables: rows_of_tables(&app).await?,
        outbox: rows_of_outbox(&app).await?,
        jobs: rows_of_jobs(&app),
    })
}

fn warnings_of_files(app: &App) -> Vec<Warning> {
    let place = app.backups.schedule().map(|schedule| &schedule.place);
    let disks = [
        app.data_dir
            .as_deref()
            .and_then(|folder| warnings::of_disk(folder, "database")),
        place
            .and_then(Place::folder)
            .and_then(|folder| warnings::of_disk(folder, "backups")),
    ];
    let mut warnings = warnings::of_backups(&app.backups, app.clock.now());
    warnings.extend(disks.into_iter().flatten());
    warnings
}

/// Of the other jobs, since a failed backup has a warning of its own.
fn warnings_of_jobs(app: &App) -> Vec<Warning> {
    let now = app.clock.now();
    let runs = app.job_runs.all().into_iter();
    runs.filter(|(job, _)| *job != "backup")
        .filter_map(|(job, run)| {
            let (at, reason) = run.failure?;
            Some(Warning {
                what: format!(
                    "“{}” failed {}: {reason}",
                    job_name(job),
                    humanize::ago(now, at)
                ),
                remedy: "It is tried again within ten minutes.",
            })
        })
        .collect()
}

fn job_name(job: &str) -> &str {
    match job {
        "sprints" => "Start sprints",
        "attachments" => "Delete attached files that are no longer used",
        "claims" => "End the claims of agents",
        "purge" => "Delete what has expired",
        "backup" => "Make backups",
        "notifications" => "Deliver notifications",
        "mail" => "Send mail",
        "chat" => "Send chat messages",
        "github-projects" => "Keep GitHub Projects and tasks in sync",
        "webhooks" => "Make messages for webhooks",
        "webhook-messages" => "Send messages to webhooks",
        "pull-requests" => "Follow pull requests",
        other => other,
    }
}

fn rows_of_program(app: &App, zone: &str) -> Vec<Row> {
    let CacheUse { caches, answers } = app.page_cache.usage();
    let (used, most) = caches.iter().fold((0, 0), |(used, most), (_, of, limit)| {
        (used + of, most + limit)
    });
    let [(_, not_modified), (_, cached), (_, rendered)] = answers;
    let all = not_modified + cached + rendered;
    let saved = match (not_modified + cached) * 100 {
        0 => String::new(),
        saved => format!(
            ", which answered {} % of {}",
            saved / all,
            humanize::counted(all, "board page")
        ),
    };
    let mut rows = vec![
        row("Version", env!("CARGO_PKG_VERSION")),
        row(
            "Started",
            format!(
                "{} ({})",
                humanize::ago(app.clock.now(), app.started_at),
                humanize::moment(app.started_at, zone)
            ),
        ),
        row("Public address", app.public_url.as_str()),
        row("Open boards", app.live.open_streams().to_string()),
        row(
            "Caches",
            format!(
                "{} of {}{saved}",
                humanize::bytes(used as u64),
                humanize::bytes(most as u64)
            ),
        ),
    ];
    if let Some(bytes) = resident_memory() {
        rows.push(row("Memory", humanize::bytes(bytes)));
    }
    rows
}

fn rows_of_database(app: &App, status: &DatabaseStatus) -> Vec<Row> {
    let (open, most) = (app.db.size(), app.db.options().get_max_connections());
    vec![
        row("Postgres", format!("version {}", status.version)),
        row("Schema", format!("version {}", status.schema)),
        row("Size", humanize::bytes(status.bytes.unsigned_abs())),
        row(
            "Connections",
            format!(
                "{open} of at most {most} from this program, {} of {} from all",
                status.connections, status.max_connections
            ),
        ),
    ]
}

/// The largest tables; none if the database takes too long to measure them.
async fn rows_of_tables(app: &App) -> Result<Vec<Row>> {
    let asked = tokio::time::timeout(ASK_WITHIN, status::largest_tables(&app.db)).await;
    let tables = asked.unwrap_or(Ok(Vec::new()))?;
    Ok(tables
        .into_iter()
        .map(|table| {
            let bytes = humanize::bytes(table.bytes.unsigned_abs());
            let rows = table.rows.map_or(String::new(), |rows| {
                format!(", about {}", humanize::counted(rows, "row"))
            });
            row(table.name, bytes + &rows)
        })
        .collect())
}

/// What waits to be sent or was given up, by channel.
async fn rows_of_outbox(app: &App) -> Result<Vec<Row>> {
    let now = app.clock.now();
    let mut rows = Vec::new();
    for (channel, name) in [(Channel::Mail, "Mail"), (Channel::Chat, "Chat")] {
        let backlog = outbox::backlog(&app.db, channel, now).await?;
        let since = backlog.oldest.map_or_else(String::new, |since| {
            format!(", the oldest from {}", humanize::ago(now, since))
        });
        let value = format!(
            "{} waiting{since}, {} given up",
            backlog.waiting, backlog.given_up
        );
        rows.push(row(name, value));
    }
    Ok(rows)
}

fn rows_of_jobs(app: &App) -> Vec<Row> {
    let now = app.clock.now();
    app.job_runs
        .all()
        .into_iter()
        .map(|(job, run)| {
            let value = match (run.failure, run.succeeded_at) {
                (Some((at, reason)), _) => {
                    format!("failed {}: {reason}", humanize::ago(now, at))
                }
                (None, Some(at)) => format!("done {}", humanize::ago(now, at)),
                (None, None) => "not yet".to_owned(),
            };
            row(job_name(job), value)
        })
        .collect()
}
