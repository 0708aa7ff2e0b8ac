//! What can be asked of the program: one call each.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::App;
use crate::config::Config;
use crate::db::{self, Database};
use crate::router;
use crate::web::serve::{self as server, Patience};
use crate::web::signals;

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
    /// How many tasks to make up
    #[arg(long)]
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    Read,
    Write,
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
            Command::Demo(asked) => demo(&config, &asked).await,
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

async fn demo(config: &Config, asked: &Demo) -> anyhow::Result<()> {
    if config.database()?.is_some() {
        bail!(
            "the demo keeps its made-up teams in a database of its own: leave out --database-url and DATABASE_URL"
        );
    }
    let listener = listen(config).await?;
    let data_dir = config.demo_data_dir()?;
    let database = if asked.reset {
        Database::emptied(&data_dir).await?
    } else {
        Database::to_serve(None, &data_dir).await?
    };
    serve_from(database, listener, config, Some(asked)).await
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
    let (stopping, _) = watch::channel(false);
    let app = App {
        db: pool.clone(),
        stopping: stopping.subscribe(),
    };
    let bound = listener.local_addr()?;
    println!("Fortnight is at {}", config.public_url(bound));
    server::serve(
        listener,
        router::router(app),
        Patience::default(),
        asked_to_stop,
        &stopping,
    )
    .await;
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
        Command::Token(Token::Create { email, scope }) => create_token(pool, &email, scope).await,
        Command::Import(asked) => import(pool, &asked.file, &asked).await,
    }
}

// What follows is where each feature is called once it is there.

async fn fill_demo(_pool: &PgPool, _tasks: Option<u32>) -> anyhow::Result<()> {
    tracing::warn!("there is no made-up data yet: the demo is empty");
    Ok(())
}

async fn add_user(_pool: &PgPool, email: &str, name: &str, admin: bool) -> anyhow::Result<()> {
    bail!("cannot add {name} <{email}> (admin: {admin}) yet: there are no accounts in this version")
}

async fn add_team(
    _pool: &PgPool,
    slug: &str,
    name: &str,
    key: &str,
    members: &[String],
) -> anyhow::Result<()> {
    bail!(
        "cannot add {name} ({slug}, {key}, {} members) yet: there are no teams in this version",
        members.len()
    )
}

async fn create_token(_pool: &PgPool, email: &str, scope: Scope) -> anyhow::Result<()> {
    bail!("cannot make a {scope:?} token for {email} yet: there are no tokens in this version")
}

async fn import(_pool: &PgPool, file: &Path, asked: &Import) -> anyhow::Result<()> {
    bail!(
        "cannot import {:?}'s {} for {} yet ({} mappings, dry run: {}): there are no imports in this version",
        asked.from,
        file.display(),
        asked.team,
        asked.mappings.len(),
        asked.dry_run
    )
}
