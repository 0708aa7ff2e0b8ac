//! `fortnight serve`: starts the server.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::{
    app::{App, Settings},
    cli::{migrate::migrate, output::print_line, signals, systemd},
    config::Config,
    db::{backup::offered::Sources, database::Database},
    demo,
    domain::{accounts::api_tokens, clock::Clock, setup},
    http::{
        connections::ConnectionLimits, live::dispatcher, metrics, router, serve as server,
        serve::Timeouts,
    },
    jobs::{backups, housekeeping},
};

/// The demo is to be served, and filled if its database is empty.
#[derive(Clone, Copy)]
pub(super) struct DemoData {
    /// Number of tasks in Infrastructure's sprint.
    pub(crate) tasks: Option<u32>,
}

pub(super) async fn serve(config: &Config) -> anyhow::Result<()> {
    // before starting Postgres: a port in use is the most common mistake
    let listener = listen(config).await?;
    let database = Database::to_serve(config.database()?, &config.data_dir()?).await?;
    serve_from(database, listener, config, None).await
}

pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    listen_on(config.listen).await
}

async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Runs the server, and closes the database cleanly however that ended.
pub(super) async fn serve_from(
    database: Database,
    listener: TcpListener,
    config: &Config,
    demo: Option<DemoData>,
) -> anyhow::Result<()> {
    let outcome = serve_on(&database, listener, config, demo).await;
    database.close().await;
    outcome
}

async fn serve_on(
    database: &Database,
    listener: TcpListener,
    config: &Config,
    demo: Option<DemoData>,
) -> anyhow::Result<()> {
    let pool = &database.pool;
    let stop_requested = signals::listen()?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(listen_on(address).await?),
        None => None,
    };
    migrate(config, database).await?;
    if let Some(data) = demo {
        fill_demo(pool, data.tasks).await?;
    }
    let public_url = config.public_url(listener.local_addr()?);
    let app = App::with(
        Settings {
            trusted_proxies: config.trusted(),
            cache_megabytes: config.cache_size,
            backups: config.backups(database.libpq.clone(), database.direct.clone()),
            offered_backups: Some(offered_backups(config, database)),
            direct: Some(database.direct.clone()),
            replica: config.read_database()?,
        },
        &public_url,
        pool.clone(),
        Clock::default(),
    );
    housekeeping::start(&app).await?;
    backups::start(&app);
    let first_visit = first_visit(&app, demo.is_some()).await?;
    let dispatcher = tokio::spawn(dispatcher::run(app.clone()));
    print_line(&format!("Fortnight is running at {public_url}"));
    if let Some(path) = first_visit {
        print_line(&format!("Open {public_url}{path}"));
    }
    if let Some(listener) = metrics_listener {
        print_line(&format!(
            "Metrics are at http://{}/metrics",
            listener.local_addr()?
        ));
        tokio::spawn(metrics::serve(app.clone(), listener));
    }
    let router = router::router(app.clone());
    systemd::report(router.clone(), app.live.ended());
    server::serve(
        listener,
        router,
        Timeouts::default(),
        ConnectionLimits::except(config.trusted()),
        stop_requested,
        app.live.ending(),
    )
    .await;
    // It holds the LISTEN connection, which must be closed before the database.
    let _ = dispatcher.await;
    Ok(())
}

/// Where the setup page looks for backups: where they are made, and in the data directory.
fn offered_backups(config: &Config, database: &Database) -> Sources {
    let scheduled = config.backup_plan().map(|(folder, _)| folder.to_owned());
    let data_dir = database.data_dir.clone().or(config.data_dir().ok());
    let in_data_dir = data_dir.map(|dir| dir.join("backups"));
    Sources {
        folders: scheduled.into_iter().chain(in_data_dir).collect(),
        libpq: database.libpq.clone(),
    }
}

/// The path of the link to print: the one-time setup page, or a sign-in to the demo.
async fn first_visit(app: &App, demo: bool) -> anyhow::Result<Option<String>> {
    let now = app.clock.now();
    if demo {
        let guide: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1",
        )
        .fetch_optional(&app.db)
        .await?;
        let Some(guide) = guide else { return Ok(None) };
        let key = api_tokens::create_link(&app.db, now, api_tokens::Purpose::SignIn(guide)).await?;
        return Ok(Some(format!("/enter/{key}")));
    }
    if setup::is_empty(&app.db).await? {
        let key = api_tokens::create_link(&app.db, now, api_tokens::Purpose::Setup).await?;
        return Ok(Some(format!("/setup?key={key}")));
    }
    Ok(None)
}

async fn fill_demo(pool: &PgPool, tasks: Option<u32>) -> anyhow::Result<()> {
    if setup::is_empty(pool).await? {
        return demo::fill(pool, Clock::default().now(), tasks).await;
    }
    if let Some(tasks) = tasks {
        bail!("the demo already has data: add --reset to start over with {tasks} tasks");
    }
    Ok(())
}
