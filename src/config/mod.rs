//! Configuration from flags and environment variables, validated at start, with secrets redacted.

mod attachments;
mod auth_proxy;
pub(crate) mod hosts;
pub(crate) mod mail;
pub mod networks;
pub mod openid;
pub(crate) mod outgoing;
pub(crate) mod secret_text;
pub mod trusted_proxies;

use std::{
    env,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, bail};
use axum::http::Uri;
use clap::{Args, ValueEnum};
use sqlx::postgres::PgConnectOptions;

use crate::{
    config::{
        attachments::AttachmentFlags, auth_proxy::AuthProxyFlags, mail::MailConfig,
        openid::OpenIdFlags, outgoing::OutgoingFlags, secret_text::SecretText,
        trusted_proxies::TrustedProxies,
    },
    db::{
        backup::{
            place::Place,
            schedule::{Every, Keep, Schedule},
        },
        database::NamedDatabase,
        file_store::FileStore,
        libpq::Libpq,
    },
};

/// The size of all caches together, in MiB, if nothing else is configured.
pub(crate) const DEFAULT_CACHE_SIZE: u16 = 176;

/// The global flags, accepted before or after the command's name.
#[derive(Args, Clone, Debug)]
pub(crate) struct Config {
    /// Address to listen on; port 0 chooses a free port
    #[arg(
        long,
        env = "FORTNIGHT_LISTEN",
        default_value = "127.0.0.1:8042",
        global = true
    )]
    pub(crate) listen: SocketAddr,

    /// Public URL, such as https://board.example.org [default: http://<listen>]
    #[arg(long, env = "FORTNIGHT_PUBLIC_URL", value_parser = public_url, global = true)]
    public_url: Option<String>,

    /// Networks of trusted reverse proxies, such as 10.0.0.0/8: only their X-Forwarded-For header
    /// is believed
    #[arg(
        long,
        env = "FORTNIGHT_TRUSTED_PROXY",
        value_name = "NETWORK",
        global = true
    )]
    trusted_proxy: Vec<TrustedProxies>,

    /// How the log is written: as text, or as one JSON object per line
    #[arg(
        long,
        env = "FORTNIGHT_LOG_FORMAT",
        value_enum,
        default_value_t,
        global = true
    )]
    pub(crate) log_format: LogFormat,

    /// Address to serve figures for Prometheus on, at /metrics [default: not served]
    #[arg(
        long,
        env = "FORTNIGHT_METRICS_LISTEN",
        value_name = "ADDRESS",
        global = true
    )]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// URL of an OpenTelemetry collector, such as http://127.0.0.1:4318: traces are sent to its
    /// /v1/traces, as OTLP over HTTP [default: not sent]
    #[arg(
        long,
        env = "FORTNIGHT_OTLP_ENDPOINT",
        value_name = "URL",
        value_parser = otlp_endpoint,
        global = true
    )]
    otlp_endpoint: Option<String>,

    /// Megabytes (MiB) of memory for rendered boards and pages
    #[arg(
        long,
        env = "FORTNIGHT_CACHE_SIZE",
        value_name = "MIB",
        default_value_t = DEFAULT_CACHE_SIZE,
        value_parser = clap::value_parser!(u16).range(11..),
        global = true
    )]
    pub(crate) cache_size: u16,

    /// Directory or s3://bucket/prefix for scheduled backups [default: no backups]
    #[arg(long, env = "FORTNIGHT_BACKUP_TO", value_name = "PLACE", global = true)]
    backup_to: Option<Place>,

    /// Time between two backups, in hours, days or weeks
    #[arg(
        long,
        env = "FORTNIGHT_BACKUP_EVERY",
        value_name = "TIME",
        default_value = "1d",
        global = true
    )]
    backup_every: Every,

    /// How many days, weeks and months keep their newest backup
    #[arg(
        long,
        env = "FORTNIGHT_BACKUP_KEEP",
        value_name = "NUMBERS",
        default_value = "7d,4w,6m",
        global = true
    )]
    backup_keep: Keep,

    #[command(flatten)]
    pub(crate) attachments: AttachmentFlags,

    /// Directory of the files and of the bundled database
    #[arg(long, env = "FORTNIGHT_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,

    /// URL of your own Postgres, instead of the bundled one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<SecretText>,

    /// URL of the same Postgres itself, if the other one leads to a pooler in transaction mode, such as PgBouncer
    #[arg(
        long,
        env = "FORTNIGHT_DATABASE_LISTEN_URL",
        value_name = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    database_listen_url: Option<SecretText>,

    /// URL of a standby of this Postgres, for pages that read much
    #[arg(
        long,
        env = "FORTNIGHT_READ_DATABASE_URL",
        value_name = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    read_database_url: Option<SecretText>,

    #[command(flatten)]
    mail: MailConfig,

    #[command(flatten)]
    pub(crate) outgoing: OutgoingFlags,

    #[command(flatten)]
    pub(crate) openid: OpenIdFlags,

    #[command(flatten)]
    pub(crate) auth_proxy: AuthProxyFlags,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people, with colours on a terminal.
    #[default]
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

impl Config {
    /// The public URL for links, given the address that the server listens on.
    #[must_use]
    pub(crate) fn public_url(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| {
            // a link to 0.0.0.0 does not work
            let reachable = match bound.ip() {
                ip if !ip.is_unspecified() => bound,
                IpAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], bound.port())),
                IpAddr::V6(_) => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], bound.port())),
            };
            format!("http://{reachable}")
        })
    }

    /// The trusted reverse proxies.
    #[must_use]
    pub(crate) fn trusted(&self) -> TrustedProxies {
        self.trusted_proxy.iter().cloned().collect()
    }

    /// The base address of a collector of traces, if one was named.
    pub(crate) fn otlp_endpoint(&self) -> Option<&str> {
        // docker compose passes an empty text for a variable that is not set
        self.otlp_endpoint.as_deref().filter(|url| !url.is_empty())
    }

    /// Whether a public URL was set.
    pub(crate) fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }

    /// The place of the scheduled backups, and how often they are made.
    pub(crate) fn backup_plan(&self) -> Option<(&Place, Every)> {
        // docker compose passes an empty text for a variable that is not set
        let is_named = |place: &&Place| {
            place
                .folder()
                .is_none_or(|folder| !folder.as_os_str().is_empty())
        };
        let place = self.backup_to.as_ref().filter(is_named)?;
        Some((place, self.backup_every))
    }

    /// When backups are made, if a place for them was named.
    pub(crate) fn backups(
        &self,
        libpq: Libpq,
        direct: PgConnectOptions,
        files: &FileStore,
    ) -> Option<Schedule> {
        let (place, every) = self.backup_plan()?;
        Some(Schedule {
            place: place.clone(),
            every,
            keep: self.backup_keep,
            libpq,
            direct,
            files: files.clone(),
        })
    }

    /// The data directory: everything that this installation stores on disk.
    pub(crate) fn data_dir(&self) -> anyhow::Result<PathBuf> {
        self.given_data_dir()?.map_or_else(default_data_dir, Ok)
    }

    /// The demo's data directory: the named one, or one beside the real one, so that the demo does
    /// not touch real data.
    pub(crate) fn demo_data_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = self.given_data_dir()? {
            return Ok(dir);
        }
        let mut dir = default_data_dir()?.into_os_string();
        dir.push("-demo");
        Ok(dir.into())
    }

    fn given_data_dir(&self) -> anyhow::Result<Option<PathBuf>> {
        let given = self
            .data_dir
            .as_ref()
            .filter(|dir| !dir.as_os_str().is_empty());
        given
            .map(|dir| {
                std::path::absolute(dir)
                    .with_context(|| format!("{} is not a directory", dir.display()))
            })
            .transpose()
    }

    /// The URL of the mail server, if it was named, and the sender if it was set.
    pub(crate) fn mail_server(&self) -> Option<(&str, Option<&str>)> {
        self.mail.server()
    }

    /// A standby to read from, if one was named.
    pub(crate) fn read_database(&self) -> anyhow::Result<Option<PgConnectOptions>> {
        given_url(&self.read_database_url, "--read-database-url")?
            .map(|url| {
                url.parse()
                    .context("the URL of --read-database-url is invalid")
            })
            .transpose()
    }

    /// Your own Postgres, if one was named.
    pub(crate) fn database(&self) -> anyhow::Result<Option<NamedDatabase>> {
        let direct = given_url(&self.database_listen_url, "--database-listen-url")?;
        match given_url(&self.database_url, "the database URL (DATABASE_URL)")? {
            Some(url) => NamedDatabase::of_urls(url, direct).map(Some),
            None if direct.is_some() => {
                bail!("--database-listen-url needs --database-url (DATABASE_URL)")
            }
            None => Ok(None),
        }
    }
}

/// The URL of a flag, if it was given.
fn given_url<'u>(flag: &'u Option<SecretText>, name: &str) -> anyhow::Result<Option<&'u str>> {
    // docker compose passes an empty text for a variable that is not set
    let Some(url) = flag
        .as_ref()
        .map(SecretText::text)
        .filter(|url| !url.is_empty())
    else {
        return Ok(None);
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        bail!("{name} must start with postgres://");
    }
    Ok(Some(url))
}

fn public_url(text: &str) -> Result<String, String> {
    let url: Uri = text
        .parse()
        .map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it must start with http:// or https://".to_owned());
    }
    if url.path() != "/" || url.query().is_some() {
        return Err("it must not have a path: Fortnight needs a host of its own".to_owned());
    }
    match url.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("it must not contain a user or password".to_owned())
        }
        _ => Ok(text.trim_end_matches('/').to_owned()),
    }
}

fn otlp_endpoint(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url: Uri = text
        .parse()
        .map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it must start with http:// or https://".to_owned());
    }
    let has_user = |url: &Uri| url.authority().is_some_and(|it| it.as_str().contains('@'));
    if has_user(&url) || url.query().is_some() {
        let instead = "put a key for the collector into OTEL_EXPORTER_OTLP_HEADERS";
        return Err(format!("it must not contain a user or a query: {instead}"));
    }
    let base = text.trim_end_matches('/');
    Ok(base.trim_end_matches("/v1/traces").to_owned())
}

fn default_data_dir() -> anyhow::Result<PathBuf> {
    // as root, Postgres runs as another user, which cannot enter /root
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/fortnight".into());
    }
    let folder = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    };
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .map(|dir| dir.join("fortnight"))
        .context("there is no home directory: choose a data directory with --data-dir")
}

#[cfg(test)]
mod tests;
