//! Figures for Prometheus, in the OpenMetrics text format, on a listener of their own.

mod outbox;
pub mod requests;
mod series;

use std::{fmt, time::Duration};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};
use tokio::net::TcpListener;

use crate::{
    app::App,
    db::status,
    http::{
        cache::page_cache::CacheUse,
        metrics::series::{Series, put},
    },
};

/// The database is asked for its state for at most this long.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// Serves the figures until the program ends, at `/metrics` and every other path.
pub async fn serve(app: App, listener: TcpListener) {
    let service = get(metrics).with_state(app).into_make_service();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!("the metrics are no longer served: {error}");
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let registry = gather(&app).await;
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// All figures as they are now.
async fn gather(app: &App) -> Registry {
    let mut registry = Registry::with_prefix("fortnight");
    registry.register(
        "build",
        "The version of the program",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    registry.register_with_unit(
        "http_request_duration",
        "Time until a response began, by method, route and status",
        Unit::Seconds,
        app.metrics.requests(),
    );
    set(
        &mut registry,
        "streams",
        "Open event streams",
        app.live.open_streams(),
    );
    gather_process(app, &mut registry);
    gather_caches(app, &mut registry);
    gather_jobs(app, &mut registry);
    gather_backups(app, &mut registry);
    gather_database(app, &mut registry).await;
    outbox::gather(app, &mut registry, ASK_WITHIN).await;
    registry
}

fn gather_process(app: &App, registry: &mut Registry) {
    set(
        registry,
        "start_time_seconds",
        "When the program started, in seconds since 1970",
        app.started_at.unix_timestamp() as u64,
    );
    if let Some(bytes) = resident_memory() {
        set(
            registry,
            "resident_memory_bytes",
            "Memory of the program",
            bytes,
        );
    }
}

/// The memory of this process, in bytes, where the system tells it.
pub(crate) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn gather_caches(app: &App, registry: &mut Registry) {
    let CacheUse { caches, answers } = app.page_cache.usage();
    let (bytes, most): (Series, Series) = (Series::default(), Series::default());
    for (name, used, limit) in caches {
        put(&bytes, "cache", name, used as i64);
        put(&most, "cache", name, limit as i64);
    }
    registry.register("cache_bytes", "Memory in use by a cache", bytes);
    registry.register("cache_limit_bytes", "The most that a cache may take", most);
    let counters = Family::<Vec<(&'static str, String)>, Counter>::default();
    for (answer, count) in answers {
        counters
            .get_or_create(&vec![("answer", answer.to_owned())])
            .inc_by(count);
    }
    registry.register(
        "page_cache_answers",
        "Pages answered as not modified, from the cache, or rendered",
        counters,
    );
}

fn gather_jobs(app: &App, registry: &mut Registry) {
    let succeeded = Series::default();
    let failures = Family::<Vec<(&'static str, String)>, Counter>::default();
    for (job, run) in app.job_runs.all() {
        if let Some(at) = run.succeeded_at {
            put(&succeeded, "job", job, at.unix_timestamp());
        }
        failures
            .get_or_create(&vec![("job", job.to_owned())])
            .inc_by(run.failures);
    }
    registry.register(
        "job_last_success_timestamp_seconds",
        "When a background job of this program last succeeded",
        succeeded,
    );
    registry.register("job_failures", "Failed runs of a background job", failures);
}

fn gather_backups(app: &App, registry: &mut Registry) {
    if app.backups.schedule().is_none() {
        return;
    }
    let failed = u64::from(app.backups.failure().is_some());
    set(
        registry,
        "backup_failed",
        "1 if the last attempt at a backup failed",
        failed,
    );
    if let Some(newest) = app.backups.stored().last() {
        let at = newest.at.unix_timestamp() as u64;
        set(
            registry,
            "backup_last_success_timestamp_seconds",
            "When the newest backup was made",
            at,
        );
        set(
            registry,
            "backup_size_bytes",
            "The size of the newest backup",
            newest.bytes,
        );
    }
}

async fn gather_database(app: &App, registry: &mut Registry) {
    let pool = Series::default();
    let (open, idle) = (app.db.size() as usize, app.db.num_idle());
    put(&pool, "state", "idle", idle as i64);
    put(&pool, "state", "busy", open.saturating_sub(idle) as i64);
    registry.register(
        "database_pool_connections",
        "Connections of this program's pool",
        pool,
    );
    set(
        registry,
        "database_pool_connections_max",
        "The most connections of this program's pool",
        u64::from(app.db.options().get_max_connections()),
    );
    let asked = tokio::time::timeout(ASK_WITHIN, status::read(&app.db)).await;
    let is_up = matches!(&asked, Ok(Ok(status)) if status.is_writable);
    set(
        registry,
        "database_up",
        "1 if the database answers and can be written to",
        u64::from(is_up),
    );
    let Ok(Ok(status)) = asked else { return };
    let figures = [
        (
            "database_size_bytes",
            "The database with its indexes",
            status.bytes,
        ),
        (
            "database_frozen_age",
            "Transactions since the oldest row was frozen; Postgres stops at 2,000,000,000",
            status.frozen_age,
        ),
        (
            "database_connections",
            "Connections of all programs to the database server",
            status.connections,
        ),
        (
            "database_connections_max",
            "max_connections of the database server",
            status.max_connections,
        ),
    ];
    for (name, help, value) in figures {
        registry.register(name, help, ConstGauge::new(value));
    }
    let difference = app.clock.now() - status.now;
    registry.register(
        "database_clock_difference_seconds",
        "By how much this machine's clock is ahead of the database's",
        ConstGauge::new(difference.as_seconds_f64()),
    );
}

fn set(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstGauge::new(value));
}
