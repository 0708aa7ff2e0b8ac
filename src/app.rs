//! The shared state of the running program. Handlers take the parts that they need.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use axum::{extract::FromRef, http::HeaderName};
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};

use crate::{
    config::{
        DEFAULT_CACHE_SIZE, hosts::Hosts, networks::Networks, openid::OpenIdProvider,
        trusted_proxies::TrustedProxies,
    },
    db::pool::Pool,
    db::{
        backup::{
            offered::{OfferedBackups, Sources},
            place::Place,
            schedule::{Backups, Schedule},
        },
        file_store::FileStore,
        replica::Replica,
        timeline::Timeline,
    },
    domain::{
        auth::openid::{metadata::RecentMetadata, provider::OpenId},
        boards::board_auth::AuthBatcher,
        clock::Clock,
        error::{Problem, Result},
        events::EventStore,
        job_runs::JobRuns,
        mail::{self, mailer::Mailer},
        outbound::{Limits, OutgoingClient, SystemLookup},
        single_sign_on::settings::{self, Policy},
    },
    http::{
        cache::page_cache::PageCache,
        live::broadcaster::Live,
        metrics::requests::Metrics,
        middleware::{
            body_limits::BodiesInUse,
            rate_limit::{RequestLimits, SignInLimits, StreamLimiter},
        },
    },
};

/// How many files of imports may be parsed at once, and how many imported.
const FILES_AT_ONCE: usize = 2;

/// The shared state. Every request clones it several times, so it is behind one `Arc`.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts that [`App`] dereferences to.
pub struct Parts {
    /// The public address, without a trailing slash.
    pub(crate) public_url: String,
    /// The names under which this server may be reached.
    pub(crate) hosts: Hosts,
    pub db: Pool,
    /// The same database past any pooler, for connections with a state of their own.
    pub(crate) direct: PgConnectOptions,
    /// Which of its servers the pool has reached.
    pub(crate) timeline: Timeline,
    replica: Replica,
    pub clock: Clock,
    /// Runs every change as a transaction that writes its events.
    pub store: EventStore,
    pub live: Arc<Live>,
    /// Batches the authorization queries of boards that are requested at the same moment.
    pub(crate) auth_batcher: AuthBatcher,
    /// Rendered boards and compressed pages, served again while nothing has changed.
    pub(crate) page_cache: PageCache,
    pub(crate) sign_in_limits: SignInLimits,
    pub request_limits: RequestLimits,
    /// Limits how many event streams an account or a network may have open.
    pub stream_limiter: StreamLimiter,
    /// The request bodies in memory.
    pub(crate) bodies_in_use: BodiesInUse,
    /// The proxies whose `X-Forwarded-For` header is believed.
    pub trusted_proxies: TrustedProxies,
    pub backups: Backups,
    /// The data directory of the bundled Postgres, if it is used.
    pub(crate) data_dir: Option<PathBuf>,
    /// The files attached to tasks.
    pub files: FileStore,
    /// Backups that the setup page offers.
    pub(crate) offered_backups: OfferedBackups,
    /// How the background jobs of this program went.
    pub(crate) job_runs: JobRuns,
    /// The mail server that was named by flags.
    pub(crate) named_mailer: Option<Mailer>,
    pub(crate) metrics: Metrics,
    /// Limits how many files of imports are parsed at once, and how many are imported.
    pub(crate) imports_read: Arc<Semaphore>,
    pub(crate) imports_run: Semaphore,
    /// Wakes the job that processes the deliveries of forges.
    pub(crate) delivered: Notify,
    /// Wakes the jobs that send webhook messages.
    pub(crate) webhooks_due: Notify,
    /// Sends every request to an address that was entered on a page.
    pub outgoing: OutgoingClient,
    /// The OpenID provider that was named by flags.
    pub(crate) named_provider: Option<OpenIdProvider>,
    /// What that provider, or the one of the settings, last said of itself.
    recent_metadata: RecentMetadata,
    /// The header in which a trusted proxy names the person that it has signed in.
    pub(crate) auth_proxy_header: Option<HeaderName>,
    /// The collector that traces are sent to, if they are.
    pub(crate) traces_to: Option<String>,
    /// When this program started.
    pub(crate) started_at: OffsetDateTime,
}

/// How people can sign in.
pub(crate) struct WaysToSignIn {
    pub(crate) passwords: bool,
    pub(crate) single_sign_on: Option<SingleSignOn>,
}

/// Sign-in through an OpenID provider, and who may.
pub(crate) struct SingleSignOn {
    pub(crate) openid: OpenId,
    pub(crate) policy: Policy,
}

impl WaysToSignIn {
    /// Refuses what sets or uses a password while that is switched off.
    pub(crate) fn require_passwords(&self) -> Result<()> {
        match &self.single_sign_on {
            Some(single_sign_on) if !self.passwords => Err(settings::passwords_off(
                &single_sign_on.policy.provider.name,
            )),
            _ => Ok(()),
        }
    }
}

/// What the operator can choose.
pub struct Settings {
    /// The proxies whose `X-Forwarded-For` header is believed.
    pub trusted_proxies: TrustedProxies,
    /// The size of all caches together, in MiB.
    pub cache_megabytes: u16,
    /// When backups are made, if they are.
    pub backups: Option<Schedule>,
    /// Where the setup page looks for backups.
    pub offered_backups: Option<Sources>,
    /// How to reach the database past a pooler, if it is behind one.
    pub direct: Option<PgConnectOptions>,
    /// A standby for pages that read much.
    pub replica: Option<PgConnectOptions>,
    /// What the database's connections tell of its servers.
    pub timeline: Timeline,
    /// The data directory of the bundled Postgres, if it is used.
    pub data_dir: Option<PathBuf>,
    /// The mail server, if flags name one.
    pub mailer: Option<Mailer>,
    /// The files attached to tasks.
    pub files: FileStore,
    /// Networks that requests may be sent to although they are not public.
    pub outgoing_allow: Networks,
    /// What such a request may cost.
    pub outgoing_limits: Limits,
    /// The OpenID provider that people can sign in with.
    pub openid: Option<OpenIdProvider>,
    /// The header in which a trusted proxy names the person that it has signed in.
    pub auth_proxy_header: Option<HeaderName>,
    /// The collector that traces are sent to, if they are.
    pub traces_to: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted_proxies: TrustedProxies::default(),
            cache_megabytes: DEFAULT_CACHE_SIZE,
            backups: None,
            offered_backups: None,
            direct: None,
            replica: None,
            timeline: Timeline::default(),
            data_dir: None,
            mailer: None,
            files: temporary_files(),
            outgoing_allow: Networks::default(),
            outgoing_limits: Limits::default(),
            openid: None,
            auth_proxy_header: None,
            traces_to: None,
        }
    }
}

/// A store for a program that named none, such as a test.
fn temporary_files() -> FileStore {
    let folder = std::env::temp_dir().join(format!("fortnight-files-{}", std::process::id()));
    FileStore::new(Place::Folder(folder.clone()), &folder, 25, 10_000)
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Builds the state on an open, migrated database.
    pub fn new(public_url: &str, db: Pool, clock: Clock) -> Self {
        Self::with(Settings::default(), public_url, db, clock)
    }

    /// As [`App::new`], with other settings.
    pub fn with(settings: Settings, public_url: &str, db: Pool, clock: Clock) -> Self {
        let (store, commits) = EventStore::new(db.clone(), clock.clone());
        let live = Live::new(commits);
        let outgoing = OutgoingClient::with(
            settings.outgoing_allow,
            settings.outgoing_limits,
            Arc::new(SystemLookup),
        );
        let auth_batcher = AuthBatcher::new(db.clone(), clock.clone());
        Self(Arc::new(Parts {
            public_url: public_url.to_owned(),
            hosts: Hosts::of(public_url),
            direct: settings
                .direct
                .unwrap_or_else(|| (*db.connect_options()).clone()),
            replica: Replica::of(settings.replica),
            timeline: settings.timeline.clone(),
            db,
            started_at: clock.now(),
            clock,
            store,
            live,
            auth_batcher,
            page_cache: PageCache::new(settings.cache_megabytes, settings.timeline),
            sign_in_limits: SignInLimits::default(),
            request_limits: RequestLimits::default(),
            stream_limiter: StreamLimiter::default(),
            bodies_in_use: BodiesInUse::default(),
            trusted_proxies: settings.trusted_proxies,
            backups: Backups::new(settings.backups),
            data_dir: settings.data_dir,
            files: settings.files,
            offered_backups: OfferedBackups::new(settings.offered_backups),
            job_runs: JobRuns::default(),
            named_mailer: settings.mailer,
            metrics: Metrics::default(),
            imports_read: Arc::new(Semaphore::new(FILES_AT_ONCE)),
            imports_run: Semaphore::new(FILES_AT_ONCE),
            delivered: Notify::new(),
            webhooks_due: Notify::new(),
            named_provider: settings.openid,
            recent_metadata: RecentMetadata::default(),
            auth_proxy_header: settings.auth_proxy_header,
            outgoing,
            traces_to: settings.traces_to,
        }))
    }

    /// How people can sign in.
    pub(crate) async fn ways_to_sign_in(&self) -> Result<WaysToSignIn> {
        let settings = settings::load(&self.db).await?;
        let named = self.named_provider.as_ref();
        let single_sign_on = settings.policy(named).map(|policy| {
            let (provider, client) = (policy.provider.clone(), self.outgoing.clone());
            SingleSignOn {
                openid: OpenId::new(provider, client, &self.public_url)
                    .with_recent(self.recent_metadata.clone()),
                policy,
            }
        });
        Ok(WaysToSignIn {
            passwords: settings.has_passwords(named),
            single_sign_on,
        })
    }

    /// How mail is sent now, if that is set up: as flags say, or the page Settings → Mail.
    pub(crate) async fn mailer(&self) -> Result<Option<Mailer>> {
        match &self.named_mailer {
            Some(named) => Ok(Some(named.clone())),
            None => {
                let settings = mail::settings::load(&self.db).await?;
                settings.mailer(&self.outgoing, &self.public_url)
            }
        }
    }

    /// Whether mail is set up.
    pub(crate) async fn has_mail(&self) -> Result<bool> {
        if self.named_mailer.is_some() {
            return Ok(true);
        }
        Ok(mail::settings::load(&self.db).await?.host.is_some())
    }

    /// Reads much at once: from the standby if there is one that has caught up, and otherwise, or if that fails, from the
    /// primary. Access is checked on the primary before.
    pub(crate) async fn read<T, F: Future<Output = Result<T>>>(
        &self,
        query: impl Fn(Pool) -> F,
    ) -> Result<T> {
        if let Some(standby) = self.replica.up_to_date(&self.db).await {
            match query(standby).await {
                // It was cancelled by what it replays, or has ended.
                Err(Problem::InternalError(_) | Problem::Unavailable(_) | Problem::Busy) => {}
                outcome => return outcome,
            }
        }
        query(self.db.clone()).await
    }

    /// Whether the public address is https; cookies and security headers depend on it.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl FromRef<App> for Pool {
    fn from_ref(app: &App) -> Self {
        app.db.clone()
    }
}

impl FromRef<App> for Clock {
    fn from_ref(app: &App) -> Self {
        app.clock.clone()
    }
}

impl FromRef<App> for EventStore {
    fn from_ref(app: &App) -> Self {
        app.store.clone()
    }
}

impl FromRef<App> for TrustedProxies {
    fn from_ref(app: &App) -> Self {
        app.trusted_proxies.clone()
    }
}
