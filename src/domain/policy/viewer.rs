//! The signed-in person, or the program with an API token, that makes a request.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::sessions,
        error::{Problem, Result},
        person::Person,
        policy::actor::{Actor, IdempotencyKey},
    },
};

/// The author of a request, signed in by a session cookie or an API token.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub(crate) person: Person,
    pub(crate) role: Role,
    /// The IANA time zone for dates and times that are shown.
    pub(crate) time_zone: String,
    /// How many threads of their inbox are unread.
    pub(crate) unread: i32,
    /// The version of the style sheet with people's pictures; 0 while no one has had one.
    pub(crate) avatars: i64,
    pub(crate) proof: AuthMethod,
    /// Whether the workspace requires a second factor and the person has none: they can do nothing else until they do.
    pub(crate) lacks_second_factor: bool,
    /// Identifies a repeated request.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
}

/// An account's role in the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Role {
    Admin,
    Member,
    /// Can look at everything that members can see, and change nothing.
    Viewer,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Admin, Self::Member, Self::Viewer];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    pub(crate) fn is_admin(self) -> bool {
        self == Self::Admin
    }
}

/// The scope of an API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum Scope {
    Read,
    Write,
    /// Everything its owner may do, including administration.
    Admin,
}

impl Scope {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What a request may do, apart from its account: an account's tokens may do less than its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rights {
    role: Role,
    may_write: bool,
    may_change_own: bool,
    reach: Option<Vec<Uuid>>,
}

/// How the request was authenticated.
#[derive(Clone, Debug)]
pub(crate) enum AuthMethod {
    Session {
        token_hash: Vec<u8>,
    },
    /// `teams` are the teams the token is limited to; `None` means all teams of its owner.
    Token {
        token_hash: Vec<u8>,
        may_write: bool,
        teams: Option<Vec<Uuid>>,
        /// The name of the agent that uses it; `None` for a program that acts as the person themselves.
        agent: Option<String>,
    },
}

impl Viewer {
    /// The author to store in events.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            account: Some(self.person.id),
            idempotency_key: self.idempotency_key.clone(),
            reach: self.reach().map(<[Uuid]>::to_vec),
            agent: self.agent().map(str::to_owned),
        }
    }

    /// The name of the agent that acts for the person, if it is one.
    pub(crate) fn agent(&self) -> Option<&str> {
        match &self.proof {
            AuthMethod::Token { agent, .. } => agent.as_deref(),
            AuthMethod::Session { .. } => None,
        }
    }

    /// Whether this request may change the viewer's own account: name, password, tokens. Only
    /// sessions may, API tokens may not.
    pub(crate) fn may_change_own(&self) -> bool {
        matches!(self.proof, AuthMethod::Session { .. })
    }

    /// Refuses API tokens.
    pub(crate) fn require_session(&self) -> Result<()> {
        if self.may_change_own() {
            return Ok(());
        }
        Err(Problem::Forbidden(
            "API tokens cannot change account settings. Sign in instead. Nothing was changed."
                .into(),
        ))
    }

    /// Refuses tokens that may only read. What a person follows and has read is their own, so that read-only accounts
    /// may change it too.
    pub(crate) fn require_own_write(&self) -> Result<()> {
        if self.may_change_own() || self.may_write() {
            return Ok(());
        }
        Err(Problem::Forbidden(
            "This token is read-only. Nothing was changed.".into(),
        ))
    }

    /// Refuses API tokens that would create an invitation, reset link or share link.
    pub(crate) fn require_session_for_links(&self) -> Result<()> {
        if self.may_change_own() {
            return Ok(());
        }
        Err(Problem::Forbidden(
            "API tokens cannot create access links. Sign in to create one. Nothing was changed."
                .into(),
        ))
    }

    /// Refuses people who have to set up a second factor first.
    pub(crate) fn require_second_factor(&self) -> Result<()> {
        if self.lacks_second_factor {
            return Err(Problem::SecondFactorMissing);
        }
        Ok(())
    }

    /// The rights of this request, for the key of a cached page.
    pub(crate) fn rights(&self) -> Rights {
        Rights {
            role: self.role,
            may_write: self.may_write(),
            may_change_own: self.may_change_own(),
            reach: self.reach().map(<[Uuid]>::to_vec),
        }
    }

    /// The teams that the token is limited to; `None` means all teams.
    pub(crate) fn reach(&self) -> Option<&[Uuid]> {
        match &self.proof {
            AuthMethod::Token { teams, .. } => teams.as_deref(),
            AuthMethod::Session { .. } => None,
        }
    }

    /// Whether the session or token gives access to a team at all.
    pub(crate) fn reaches(&self, team: Uuid) -> bool {
        self.reach().is_none_or(|teams| teams.contains(&team))
    }

    /// Whether this request may change anything.
    pub(crate) fn may_write(&self) -> bool {
        self.role != Role::Viewer
            && !matches!(
                self.proof,
                AuthMethod::Token {
                    may_write: false,
                    ..
                }
            )
    }
}

impl AuthMethod {
    pub(crate) fn token_hash(&self) -> &[u8] {
        match self {
            Self::Session { token_hash } | Self::Token { token_hash, .. } => token_hash,
        }
    }
}

/// The digest of the credentials that a request sent, and whether they came as a cookie.
pub(crate) struct Credentials {
    pub(crate) token_hash: Vec<u8>,
    pub(crate) cookie: bool,
}

/// The account that a session or token belongs to, as a database row.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct AuthRow {
    id: Uuid,
    handle: String,
    name: String,
    hue: i16,
    role: Role,
    time_zone: String,
    unread: i32,
    avatars: i64,
    last_seen_at: Option<OffsetDateTime>,
    scope: Option<Scope>,
    reaches: Option<Vec<Uuid>>,
    agent: Option<String>,
    lacks_second_factor: bool,
}

/// Query: the account for a digest `$1` at the time `$2`, of a session if `$3`, else of an API
/// token. It returns the columns of `AuthRow`, or no row. A macro, so that larger queries can
/// include it. Tokens that were issued for `/mcp` are known there only, `at_mcp`.
macro_rules! known_by_digest {
    () => {
        $crate::domain::policy::viewer::known_by_digest!(and " AND t.oauth_client_id IS NULL")
    };
    (at_mcp) => {
        $crate::domain::policy::viewer::known_by_digest!(and "")
    };
    (and $tokens:literal) => {
        concat!(
            "SELECT a.id, a.handle, a.name, a.hue, a.role, a.time_zone, a.unread,
                (SELECT avatars FROM workspace) AS avatars, s.last_seen_at, NULL::text AS scope, NULL::uuid[] AS reaches, NULL::text AS agent, ",
            $crate::domain::policy::predicates::lacks_second_factor!(),
            " AS lacks_second_factor
         FROM sessions s JOIN accounts a ON a.id = s.account_id
         WHERE $3 AND s.token_hash = $1 AND s.expires_at > $2 AND a.deactivated_at IS NULL
         UNION ALL
         SELECT a.id, a.handle, a.name, a.hue, a.role, a.time_zone, a.unread,
                (SELECT avatars FROM workspace), t.last_used_at, t.scope, t.teams, t.agent, false
         FROM tokens t JOIN accounts a ON a.id = t.account_id
         WHERE NOT $3 AND t.token_hash = $1 AND t.revoked_at IS NULL
               AND (t.expires_at IS NULL OR t.expires_at > $2) AND a.deactivated_at IS NULL",
            $tokens
        )
    };
}
pub(crate) use known_by_digest;

/// Loads the viewer that credentials belong to; `None` if they are unknown, expired or revoked.
pub(crate) async fn load_viewer(
    db: &Pool,
    credentials: Credentials,
    now: OffsetDateTime,
) -> Result<Option<Viewer>> {
    load_by(known_by_digest!(), db, credentials, now).await
}

/// Loads the viewer of a request to `/mcp`: as `load_viewer`, and of tokens that were issued for it.
pub(crate) async fn load_viewer_at_mcp(
    db: &Pool,
    credentials: Credentials,
    now: OffsetDateTime,
) -> Result<Option<Viewer>> {
    load_by(known_by_digest!(at_mcp), db, credentials, now).await
}

async fn load_by(
    query: &'static str,
    db: &Pool,
    credentials: Credentials,
    now: OffsetDateTime,
) -> Result<Option<Viewer>> {
    let row: Option<AuthRow> = sqlx::query_as(query)
        .bind(&credentials.token_hash)
        .bind(now)
        .bind(credentials.cookie)
        .fetch_optional(db)
        .await?;
    match row {
        Some(row) => row.into_viewer(db, credentials, now).await.map(Some),
        None => Ok(None),
    }
}

impl AuthRow {
    /// Turns the row into a viewer, and updates the last use of the session or token if it is old.
    pub(crate) async fn into_viewer(
        self,
        db: &Pool,
        credentials: Credentials,
        now: OffsetDateTime,
    ) -> Result<Viewer> {
        let is_stale = self
            .last_seen_at
            .is_none_or(|at| now - at > sessions::SEEN_EVERY);
        // An administrator's token has administrator rights only if it was created with that scope.
        let is_limited = self.scope.is_some_and(|scope| scope != Scope::Admin);
        let proof = match self.scope {
            None => {
                if is_stale {
                    sessions::seen(db, now, &credentials.token_hash).await?;
                }
                AuthMethod::Session {
                    token_hash: credentials.token_hash,
                }
            }
            Some(scope) => {
                if is_stale {
                    sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE token_hash = $1")
                        .bind(&credentials.token_hash)
                        .bind(now)
                        .execute(db)
                        .await?;
                }
                AuthMethod::Token {
                    token_hash: credentials.token_hash,
                    may_write: scope != Scope::Read,
                    teams: self.reaches,
                    agent: self.agent,
                }
            }
        };
        let role = match self.role {
            Role::Admin if is_limited => Role::Member,
            role => role,
        };
        let person = Person {
            id: self.id,
            handle: self.handle,
            name: self.name,
            hue: self.hue,
        };
        Ok(Viewer {
            person,
            role,
            time_zone: self.time_zone,
            unread: self.unread,
            avatars: self.avatars,
            proof,
            lacks_second_factor: self.lacks_second_factor,
            idempotency_key: None,
        })
    }
}
