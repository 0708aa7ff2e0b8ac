//! `fortnight serve`: starts the server.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    app::{App, Settings},
    cli::{migrate::migrate, output::print_line, signals, systemd},
    config::Config,
    db::pool::Pool,
    db::{
        backup::{offered::Sources, place::Place},
        database::Database,
        file_store::FileStore,
    },
    demo,
    domain::{accounts::api_tokens, clock::Clock, mail::mailer::Mailer, outbound::Limits, setup},
    http::{
        connections::ConnectionLimits,
        live::{dispatcher, event_stream::until},
        metrics, router,
        serve::{self as server, Routes, Timeouts},
    },
    jobs::{
        backups, chat, github_projects, housekeeping, mail, notifications, pull_requests, webhooks,
    },
};

/// The demo is to be served, and filled if its database is empty.
#[derive(Clone, Copy)]
pub(super) struct DemoData {
    /// Number of tasks in Infrastructure's sprint.
    pub(crate) tasks: Option<u32>,
}

pub(super) async fn serve(config: &Config) -> anyhow::Result<()> {
    let front = Front::open(config).await?;
    let database = Database::to_serve(config.database()?, &config.data_dir()?).await?;
    serve_from(database, front, config, None).await
}

/// The listening server, which says that the program is starting until it has started.
pub(super) struct Front {
    public_url: String,
    routes: Routes,
    stopping: watch::Receiver<bool>,
    serving: JoinHandle<()>,
}

impl Front {
    /// Listens. This is done before Postgres is started: a port in use is the most common mistake.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let listener = listen_on(config.listen).await?;
        let public_url = config.public_url(listener.local_addr()?);
        let stop_requested = signals::listen()?;
        let limits = ConnectionLimits::except(config.trusted());
        let (stop, stopping) = watch::channel(false);
        let routes = Routes::default();
        let served = routes.clone();
        let serving = tokio::spawn(async move {
            let timeouts = Timeouts::default();
            server::serve(listener, served, timeouts, limits, stop_requested, &stop).await;
        });
        Ok(Self {
            public_url,
            routes,
            stopping,
            serving,
        })
    }
}

async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Runs the server, and closes the database cleanly however that ended.
pub(super) async fn serve_from(
    database: Database,
    front: Front,
    config: &Config,
    demo: Option<DemoData>,
) -> anyhow::Result<()> {
    let outcome = serve_on(&database, front, config, demo).await;
    database.close().await;
    outcome
}

async fn serve_on(
    database: &Database,
    mut front: Front,
    config: &Config,
    demo: Option<DemoData>,
) -> anyhow::Result<()> {
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(listen_on(address).await?),
        None => None,
    };
    let app = tokio::select! {
        app = prepare(database, &front.public_url, config, demo) => app?,
        // asked to stop meanwhile
        _ = &mut front.serving => return Ok(()),
    };
    let first_visit = first_visit(&app, demo.is_some()).await?;
    let dispatcher = tokio::spawn(dispatcher::run(app.clone()));
    let (live, mut stopping) = (app.live.clone(), front.stopping);
    tokio::spawn(async move {
        until(&mut stopping).await;
        live.ending().send_replace(true);
    });
    let router = router::router(app.clone());
    front.routes.open(router.clone());
    print_line(&format!("Fortnight is running at {}", front.public_url));
    if let Some(path) = first_visit {
        print_line(&format!("Open {}{path}", front.public_url));
    }
    if let Some(listener) = metrics_listener {
        print_line(&format!(
            "Metrics are at http://{}/metrics",
            listener.local_addr()?
        ));
        tokio::spawn(metrics::serve(app.clone(), listener));
    }
    systemd::report(router, app.live.ended());
    front.serving.await.context("the server ended early")?;
    // It holds the LISTEN connection, which must be closed before the database.
    let _ = dispatcher.await;
    Ok(())
}

/// Upgrades the database and starts what runs in the background.
async fn prepare(
    database: &Database,
    public_url: &str,
    config: &Config,
    demo: Option<DemoData>,
) -> anyhow::Result<App> {
    migrate(config, database).await?;
    if let Some(data) = demo {
        fill_demo(&database.pool, data.tasks).await?;
    }
    let files = config.attachments.store(&files_dir(config, database)?);
    let app = App::with(
        Settings {
            trusted_proxies: config.trusted(),
            cache_megabytes: config.cache_size,
            backups: config.backups(database.libpq.clone(), database.direct.clone(), &files),
            offered_backups: Some(offered_backups(config, database, &files)),
            direct: Some(database.direct.clone()),
            replica: config.read_database()?,
            timeline: database.timeline.clone(),
            data_dir: database.data_dir.clone(),
            mailer: mailer(config, public_url)?,
            files,
            outgoing_allow: config.outgoing.allowed(),
            outgoing_limits: Limits::default(),
            openid: config.openid.provider()?,
            auth_proxy_header: config.auth_proxy.header(&config.trusted())?,
            traces_to: config.otlp_endpoint().map(str::to_owned),
        },
        public_url,
        database.pool.clone(),
        Clock::default(),
    );
    housekeeping::start(&app).await?;
    backups::start(&app);
    notifications::start(&app);
    mail::start(&app);
    chat::start(&app);
    pull_requests::start(&app);
    github_projects::start(&app);
    webhooks::start(&app);
    Ok(app)
}

/// The mailer, if a mail server was named.
fn mailer(config: &Config, public_url: &str) -> anyhow::Result<Option<Mailer>> {
    let Some((url, from)) = config.mail_server() else {
        return Ok(None);
    };
    Mailer::new(url, from, public_url)
        .context("cannot send mail through the server in FORTNIGHT_SMTP_URL")
        .map(Some)
}

/// The directory that attached files are in, unless another place is named.
pub(super) fn files_dir(config: &Config, database: &Database) -> anyhow::Result<PathBuf> {
    database
        .data_dir
        .clone()
        .map_or_else(|| config.data_dir(), Ok)
}

/// Where the setup page looks for backups: where they are made, and in the data directory.
fn offered_backups(config: &Config, database: &Database, files: &FileStore) -> Sources {
    let scheduled = config.backup_plan().map(|(place, _)| place.clone());
    let data_dir = database.data_dir.clone().or(config.data_dir().ok());
    let in_data_dir = data_dir.map(|dir| dir.join("backups"));
    let own_folder = in_data_dir.clone().map(Place::Folder);
    Sources {
        places: scheduled.into_iter().chain(own_folder).collect(),
        uploads: in_data_dir.unwrap_or_else(std::env::temp_dir),
        libpq: database.libpq.clone(),
        files: files.clone(),
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

async fn fill_demo(pool: &Pool, tasks: Option<u32>) -> anyhow::Result<()> {
    if setup::is_empty(pool).await? {
        return demo::fill(pool, Clock::default().now(), tasks).await;
    }
    if let Some(tasks) = tasks {
        bail!("the demo already has data: add --reset to start over with {tasks} tasks");
    }
    Ok(())
}
