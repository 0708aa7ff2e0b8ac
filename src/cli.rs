//! What can be asked of the program: one call each.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::Config;
use crate::db::{self, Database};
use crate::demo;
use crate::domain::accounts::api_tokens::{self, Scope};
use crate::domain::accounts::create::{NewAccount, add_account};
use crate::domain::auth::passwords;
use crate::domain::clock::Clock;
use crate::domain::error::Problem;
use crate::domain::events::EventStore;
use crate::domain::events::audit_log::{self, Line};
use crate::domain::import::{self, draft::Wish};
use crate::domain::sprints;
use crate::domain::teams::membership;
use crate::http::router;
use crate::http::signals;
use crate::http::{serve as server, serve::Patience};
use crate::{domain::policy::actor::Actor, http::live::dispatcher};

/// A self-hosted team board for people who work in sprints
#[derive(Debug, Parser)]
#[command(name = "fortnight", version)]
pub struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the board (also when nothing is named)
    Serve,
    /// Serve a believable pair of teams, in a folder of their own
    Demo(Demo),
    /// Bring the database's tables up to date, and end
    Migrate,
    /// People
    #[command(subcommand)]
    User(User),
    /// Teams
    #[command(subcommand)]
    Team(Team),
    /// Access for programs
    #[command(subcommand)]
    Token(Token),
    /// Bring in what another board exported
    Import(Import),
}

#[derive(Args, Debug)]
struct Demo {
    /// Begin again with fresh data
    #[arg(long)]
    reset: bool,
    /// How many tasks Infrastructure's sprint has, for measuring
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Add somebody, asking for a password
    Add {
        email: String,
        #[arg(long)]
        name: String,
        /// May change the settings, and every team
        #[arg(long)]
        admin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Team {
    /// Add a team
    Add {
        /// Its name in addresses, such as infrastructure
        slug: String,
        #[arg(long)]
        name: String,
        /// What its tasks' keys begin with, such as INF
        #[arg(long)]
        key: String,
        /// The e-mail address of somebody on it; may be given several times
        #[arg(long = "member", value_name = "EMAIL")]
        members: Vec<String>,
    },
    /// Make somebody its lead: for a private team that nobody can see any more
    Lead { slug: String, email: String },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a token, and print it this once
    Create {
        email: String,
        #[arg(long)]
        scope: Scope,
    },
}

#[derive(Args, Debug)]
struct Import {
    /// Where the file comes from
    from: Source,
    file: PathBuf,
    /// The team that gets the tasks
    #[arg(long)]
    team: String,
    /// Which list becomes which column, as "Doing=In progress"; may be given several times
    #[arg(long = "map", value_name = "LIST=COLUMN", value_parser = mapping)]
    mappings: Vec<(String, String)>,
    /// Say what would be brought in, and bring in nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Source {
    Trello,
    Github,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (list, column) = text.split_once('=').ok_or("it is written as LIST=COLUMN")?;
    Ok((list.trim().to_owned(), column.trim().to_owned()))
}

impl Cli {
    /// Does what was asked, and returns when it is done.
    pub fn run(self) -> anyhow::Result<()> {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start")?
            .block_on(self.obey())
    }

    async fn obey(self) -> anyhow::Result<()> {
        let config = self.config;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(&config).await,
            Command::Demo(asked) => serve_demo(&config, &asked).await,
            command => beside_the_server(&config, command).await,
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // before Postgres is started, since a port that is taken is the commonest mistake
    let listener = listen(config).await?;
    let database = Database::to_serve(config.database()?, &config.data_dir()?).await?;
    serve_from(database, listener, config, None).await
}

async fn serve_demo(config: &Config, asked: &Demo) -> anyhow::Result<()> {
    if config.database()?.is_some() {
        bail!(
            "the demo keeps its made-up teams in a database of its own: leave out --database-url and DATABASE_URL"
        );
    }
    let listener = listen(config).await?;
    let data_dir = config.demo_data_dir()?;
    claim_for_the_demo(&data_dir)?;
    let database = if asked.reset {
        Database::emptied(&data_dir).await?
    } else {
        Database::to_serve(None, &data_dir).await?
    };
    serve_from(database, listener, config, Some(asked)).await
}

/// Marks a folder as the demo's. One that holds a real workspace is left as it is: `--reset` would empty it.
fn claim_for_the_demo(folder: &Path) -> anyhow::Result<()> {
    let mark = folder.join("demo");
    if folder.join("postgres").exists() && !mark.exists() {
        bail!(
            "{} holds a workspace that is not the demo's: name another folder, or none",
            folder.display()
        );
    }
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&mark, ""))
        .with_context(|| format!("cannot write to {}", folder.display()))
}

async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen at {}", config.listen))
}

/// Closes the database in order, however serving ended.
async fn serve_from(
    database: Database,
    listener: TcpListener,
    config: &Config,
    demo: Option<&Demo>,
) -> anyhow::Result<()> {
    let outcome = serve_on(&database.pool, listener, config, demo).await;
    database.close().await;
    outcome
}

async fn serve_on(
    pool: &PgPool,
    listener: TcpListener,
    config: &Config,
    demo: Option<&Demo>,
) -> anyhow::Result<()> {
    let asked_to_stop = signals::listen()?;
    db::migrate(pool).await?;
    if let Some(asked) = demo {
        fill_demo(pool, asked.tasks).await?;
    }
    let public_url = config.public_url(listener.local_addr()?);
    let app = App::behind(
        config.trusted(),
        &public_url,
        pool.clone(),
        Clock::default(),
    );
    crate::jobs::housekeeping::begin(&app).await?;
    let first_visit = first_visit(&app, demo.is_some()).await?;
    let pump = tokio::spawn(dispatcher::pump(app.clone()));
    say(&format!("Fortnight is at {public_url}"));
    if let Some(path) = first_visit {
        say(&format!("Open {public_url}{path}"));
    }
    server::serve(
        listener,
        router::router(app.clone()),
        Patience::default(),
        asked_to_stop,
        app.live.ending(),
    )
    .await;
    // It holds the connection that listens, which must be gone before the database is closed.
    let _ = pump.await;
    Ok(())
}

/// Commands that end by themselves, and may be given while a server runs on the same folder.
async fn beside_the_server(config: &Config, command: Command) -> anyhow::Result<()> {
    let database = Database::to_work_beside(config.database()?, &config.data_dir()?).await?;
    let outcome = match db::migrate(&database.pool).await {
        Ok(()) => work(&database.pool, command).await,
        Err(error) => Err(error),
    };
    database.close().await;
    outcome
}

async fn work(pool: &PgPool, command: Command) -> anyhow::Result<()> {
    match command {
        // done for every command
        Command::Migrate | Command::Serve | Command::Demo(_) => Ok(()),
        Command::User(User::Add { email, name, admin }) => {
            add_user(pool, &email, &name, admin).await
        }
        Command::Team(Team::Add {
            slug,
            name,
            key,
            members,
        }) => add_team(pool, &slug, &name, &key, &members).await,
        Command::Team(Team::Lead { slug, email }) => lead_team(pool, &slug, &email).await,
        Command::Token(Token::Create { email, scope }) => create_token(pool, &email, scope).await,
        Command::Import(asked) => import(pool, &asked).await,
    }
}

async fn fill_demo(pool: &PgPool, tasks: Option<u32>) -> anyhow::Result<()> {
    if crate::http::pages::teams::setup::is_empty(pool).await? {
        return demo::fill(pool, Clock::default().now(), tasks).await;
    }
    if let Some(tasks) = tasks {
        bail!("the demo is filled already: it takes --reset to begin again with {tasks} tasks");
    }
    Ok(())
}

async fn add_user(pool: &PgPool, email: &str, name: &str, admin: bool) -> anyhow::Result<()> {
    let password = read_password()?;
    let now = Clock::default().now();
    let password_hash = passwords::hash(password).await.map_err(told)?;
    let new = NewAccount {
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash,
        admin,
        time_zone: "UTC".to_owned(),
    };
    let mut tx = pool.begin().await?;
    let person = add_account(&mut tx, now, new).await.map_err(told)?;
    let about = format!(
        "{email} as {}, on the command line",
        if admin { "administrator" } else { "member" }
    );
    audit_log::write(
        &mut tx,
        now,
        Line {
            kind: "account.made",
            about: &about,
            ..Line::default()
        },
    )
    .await
    .map_err(told)?;
    tx.commit().await?;
    println!(
        "{} can sign in as {email}, and is @{} to the others.",
        person.name, person.handle
    );
    Ok(())
}

/// Says a line to whoever reads the output. Nobody may read it any more, and that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// From a terminal it is asked for and not shown; else the first line of the input is it.
fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ").context("the password could not be read");
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("the password could not be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn add_team(
    pool: &PgPool,
    slug: &str,
    name: &str,
    key: &str,
    members: &[String],
) -> anyhow::Result<()> {
    let now = Clock::default().now();
    let mut tx = pool.begin().await?;
    let team = crate::domain::teams::create::add_team(&mut tx, now, slug, name, key)
        .await
        .map_err(told)?;
    let line = Line {
        team: Some(team),
        ..Line::default()
    };
    let made = Line {
        kind: "team.added",
        about: "{team}, on the command line",
        ..line
    };
    audit_log::write(&mut tx, now, made).await.map_err(told)?;
    for email in members {
        let (account, handle) = crate::domain::teams::create::account_by_email(&mut tx, email)
            .await
            .map_err(told)?;
        crate::domain::teams::create::add_member(&mut tx, now, team, account, false)
            .await
            .map_err(told)?;
        let about = format!("@{handle} is now member of {{team}}, on the command line");
        audit_log::write(
            &mut tx,
            now,
            Line {
                kind: "team.role",
                about: &about,
                ..line
            },
        )
        .await
        .map_err(told)?;
    }
    sprints::cadence::keep_up(&mut tx, now)
        .await
        .map_err(told)?;
    tx.commit().await?;
    println!("{name} has its board at /teams/{slug}.");
    Ok(())
}

async fn lead_team(pool: &PgPool, slug: &str, email: &str) -> anyhow::Result<()> {
    let (store, mut commits) = EventStore::new(pool.clone(), Clock::default());
    let handle: Option<String> = sqlx::query_scalar(
        "SELECT handle FROM accounts WHERE lower(email) = lower($1) AND deactivated_at IS NULL",
    )
    .bind(email)
    .fetch_optional(pool)
    .await?;
    let handle =
        handle.with_context(|| format!("nobody who may sign in has the e-mail address {email}"))?;
    let team: Option<crate::domain::team::Team> =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE slug = $1")
            .bind(slug)
            .fetch_optional(pool)
            .await?;
    let team = team.with_context(|| format!("there is no team {slug}"))?;
    let lead = Some(membership::TeamRole::Lead);
    store
        .change(&Actor::nobody(), |change, _| {
            Box::pin(membership::set_member(change, &team, &handle, lead))
        })
        .await
        .map_err(told)?;
    dispatcher::flush(pool, &mut commits).await;
    println!("@{handle} leads {}.", team.name);
    Ok(())
}

async fn create_token(pool: &PgPool, email: &str, scope: Scope) -> anyhow::Result<()> {
    let secret = api_tokens::create(pool, Clock::default().now(), email, scope).await?;
    println!("This token is shown only now: {secret}");
    Ok(())
}

/// A refusal's sentences, for the terminal.
fn told(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Invalid(errors) => {
            anyhow::anyhow!("{}", errors.into_values().collect::<Vec<_>>().join(" "))
        }
        Problem::Inside(error) => error,
        other => other.into(),
    }
}

/// Where a new visitor begins: at the setup page, or signed in to the demo.
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
    if crate::http::pages::teams::setup::is_empty(&app.db).await? {
        let key = api_tokens::create_link(&app.db, now, api_tokens::Purpose::Setup).await?;
        return Ok(Some(format!("/setup?key={key}")));
    }
    Ok(None)
}

/// What another board exported, for one of our teams.
async fn import(pool: &PgPool, asked: &Import) -> anyhow::Result<()> {
    let file = import::read_file(&asked.file)?;
    let draft = match asked.from {
        Source::Trello => import::trello::parse(&file),
        Source::Github => import::github::parse(&file),
    };
    let draft =
        draft.with_context(|| format!("nothing was imported from {}", asked.file.display()))?;
    let bar = progress_bar(draft.tasks.len());
    let wish = Wish {
        draft: &draft,
        team: &asked.team,
        mappings: &asked.mappings,
        dry_run: asked.dry_run,
    };
    let (store, mut commits) = EventStore::new(pool.clone(), Clock::default());
    let all = draft.tasks.len();
    let tell = |done: usize| {
        bar.set_position(done as u64);
        // a file or a pipe keeps lines, and has no place for a bar
        if !std::io::stderr().is_terminal() && done > 0 && done.is_multiple_of(1_000) {
            let _ = writeln!(std::io::stderr(), "{done} of {all} tasks");
        }
    };
    let outcome = crate::domain::import::execute::import(&store, &wish, &tell).await;
    bar.finish_and_clear();
    say(&outcome
        .map_err(told)
        .context("nothing was imported")?
        .to_string());
    dispatcher::flush(pool, &mut commits).await;
    Ok(())
}

/// Shown only on a terminal, and only for what takes a while.
fn progress_bar(tasks: usize) -> ProgressBar {
    if tasks > 500 {
        ProgressBar::new(tasks as u64)
    } else {
        ProgressBar::hidden()
    }
}
