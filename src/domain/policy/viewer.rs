//! The person, or the program with a token, that makes a request.

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    auth::sessions,
    error::{Problem, Result},
    person::Person,
    policy::actor::{Actor, IdempotencyKey},
};

/// Somebody who is signed in, by a cookie or by an API token.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub person: Person,
    pub role: Role,
    /// Days and hours are told in this IANA zone.
    pub time_zone: String,
    pub proof: AuthMethod,
    /// A repeated request is recognised by it.
    pub repeat: Option<IdempotencyKey>,
}

/// What somebody is in the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    Member,
    Viewer,
}

/// What the request proved itself with.
#[derive(Clone, Debug)]
pub enum AuthMethod {
    Session {
        token_hash: Vec<u8>,
    },
    /// `teams`: those that it reaches; none said: all that its owner does.
    Token {
        token_hash: Vec<u8>,
        may_write: bool,
        teams: Option<Vec<Uuid>>,
    },
}

impl Viewer {
    /// Who an event names.
    pub fn actor(&self) -> Actor {
        Actor {
            account: Some(self.person.id),
            repeat: self.repeat.clone(),
            reach: self.reach().map(<[Uuid]>::to_vec),
        }
    }

    /// Whether this request may change what is the viewer's own: name, password, tokens. Whoever is signed in may;
    /// a program may not.
    pub fn may_change_own(&self) -> bool {
        matches!(self.proof, AuthMethod::Session { .. })
    }

    /// Refuses programs.
    pub fn to_change_own(&self) -> Result<()> {
        if self.may_change_own() {
            return Ok(());
        }
        Err(Problem::Forbidden(
            "A token changes nothing of its owner's account. Sign in. Nothing was changed.".into(),
        ))
    }

    /// Refuses programs that would let somebody in.
    pub fn to_let_in(&self) -> Result<()> {
        if self.may_change_own() {
            return Ok(());
        }
        Err(Problem::Forbidden(
            "A token makes no links that let somebody in. Sign in to make one. Nothing was changed.".into(),
        ))
    }

    /// The teams that what the request proved itself with is for; none said: all.
    pub fn reach(&self) -> Option<&[Uuid]> {
        match &self.proof {
            AuthMethod::Token { teams, .. } => teams.as_deref(),
            AuthMethod::Session { .. } => None,
        }
    }

    /// Whether what the request proved itself with reaches a team at all.
    pub fn reaches(&self, team: Uuid) -> bool {
        self.reach().is_none_or(|teams| teams.contains(&team))
    }

    /// Whether this request may change anything at all.
    pub fn may_write(&self) -> bool {
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
    pub fn token_hash(&self) -> &[u8] {
        match self {
            Self::Session { token_hash } | Self::Token { token_hash, .. } => token_hash,
        }
    }
}

/// The digest of what a request brings, and whether that is a cookie.
pub struct Credentials {
    pub token_hash: Vec<u8>,
    pub cookie: bool,
}

/// A row of whom a session or token belongs to.
#[derive(Clone, sqlx::FromRow)]
pub struct AuthRow {
    id: Uuid,
    handle: String,
    name: String,
    hue: i16,
    role: String,
    time_zone: String,
    last_seen_at: Option<OffsetDateTime>,
    scope: Option<String>,
    reaches: Option<Vec<Uuid>>,
}

/// A query that checks a brought digest `$1` at the time `$2`, of a session if `$3` and of an API token if not;
/// it yields `AuthRow`'s columns, or no row. A macro, so that larger queries can have it in them.
macro_rules! known_by_digest {
    () => {
        "SELECT a.id, a.handle, a.name, a.hue, a.role, a.time_zone, s.last_seen_at, NULL::text AS scope, NULL::uuid[] AS reaches
         FROM sessions s JOIN accounts a ON a.id = s.account_id
         WHERE $3 AND s.token_hash = $1 AND s.expires_at > $2 AND a.deactivated_at IS NULL
         UNION ALL
         SELECT a.id, a.handle, a.name, a.hue, a.role, a.time_zone, t.last_used_at, t.scope, t.teams
         FROM tokens t JOIN accounts a ON a.id = t.account_id
         WHERE NOT $3 AND t.token_hash = $1 AND t.revoked_at IS NULL AND t.created_at <= $2
               AND (t.expires_at IS NULL OR t.expires_at > $2) AND a.deactivated_at IS NULL"
    };
}
pub(crate) use known_by_digest;

impl AuthRow {
    /// The viewer, with the session's or token's last use written down now and then.
    pub async fn into_viewer(
        self,
        db: &PgPool,
        brought: Credentials,
        now: OffsetDateTime,
    ) -> Result<Viewer> {
        let stale = self
            .last_seen_at
            .is_none_or(|at| now - at > sessions::SEEN_EVERY);
        // Only a token made for it does what its owner may do as an administrator.
        let plain = self.scope.as_deref().is_some_and(|scope| scope != "admin");
        let proof = match self.scope {
            None => {
                if stale {
                    sessions::seen(db, now, &brought.token_hash).await?;
                }
                AuthMethod::Session {
                    token_hash: brought.token_hash,
                }
            }
            Some(scope) => {
                if stale {
                    sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE token_hash = $1")
                        .bind(&brought.token_hash)
                        .bind(now)
                        .execute(db)
                        .await?;
                }
                AuthMethod::Token {
                    token_hash: brought.token_hash,
                    may_write: scope != "read",
                    teams: self.reaches,
                }
            }
        };
        let role = match self.role.as_str() {
            "admin" if !plain => Role::Admin,
            "admin" | "member" => Role::Member,
            _ => Role::Viewer,
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
            proof,
            repeat: None,
        })
    }
}
