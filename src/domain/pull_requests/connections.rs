//! Connections to forges: their address, secret and repositories.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::{secrets, standard_webhooks},
        error::{Problem, Result},
        events::{Change, audit_log},
        humanize,
        policy::predicates::seen_by,
        pull_requests::Forge,
        team::Team,
        text::check_length,
    },
};

/// How long a secret that was replaced is still accepted.
const OLD_SECRET: Duration = Duration::hours(24);

/// The most replaced secrets that are accepted at a time.
const MOST_OLD_SECRETS: i64 = 10;

/// The most connections, and repositories of one.
const MOST: i64 = 200;

/// A connection, as a database row without its secret.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Connection {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) forge: Forge,
    /// Until when the last secret that was replaced is accepted.
    pub(crate) old_secret_until: Option<OffsetDateTime>,
    pub(crate) disconnected_at: Option<OffsetDateTime>,
    /// The page of the GitHub App that sends the deliveries; empty if a webhook does.
    pub(crate) app_url: String,
}

/// What a connection did lately.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Health {
    pub(crate) newest_at: Option<OffsetDateTime>,
    /// In seven days.
    pub(crate) received: i64,
    pub(crate) failed: i64,
    pub(crate) refused: i64,
    pub(crate) waiting: i64,
}

impl Health {
    /// In words: "last delivery 3 min ago · 412 in 7 days, 2 failed".
    pub(crate) fn in_words(&self, now: OffsetDateTime) -> String {
        let mut words = match self.newest_at {
            Some(newest) => format!(
                "last delivery {} · {} in 7 days",
                humanize::ago(now, newest),
                self.received
            ),
            None => "no delivery yet".to_owned(),
        };
        for (count, what) in [
            (self.failed, "failed"),
            (self.refused, "refused"),
            (self.waiting, "waiting"),
        ] {
            if count > 0 {
                words += &format!(", {count} {what}");
            }
        }
        words
    }
}

/// A connection in the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Listed {
    #[sqlx(flatten)]
    pub(crate) connection: Connection,
    #[sqlx(flatten)]
    pub(crate) health: Health,
}

/// A repository of a connection.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Repository {
    pub(crate) id: Uuid,
    /// `None` if the reader cannot see its team.
    pub(crate) name: Option<String>,
    /// The team's name.
    pub(crate) team: Option<String>,
}

impl Repository {
    /// Its name and its team's, for a reader who may see them.
    pub(crate) fn seen(&self) -> Option<(&str, &str)> {
        Some((self.name.as_deref()?, self.team.as_deref()?))
    }
}

/// Query: connections `c` with the columns of `Health`, of the time since the parameter.
macro_rules! listed {
    ($since:literal) => {
        concat!(
            "SELECT c.id, c.name, c.forge, c.disconnected_at, c.app_url, week.*,
                    (SELECT max(o.until) FROM forge_old_secrets o WHERE o.connection_id = c.id) AS old_secret_until,
                    (SELECT d.received_at FROM forge_deliveries d WHERE d.connection_id = c.id AND d.state NOT IN ('refused', 'test')
                     ORDER BY d.received_at DESC LIMIT 1) AS newest_at,
                    (SELECT count(*) FROM forge_deliveries d WHERE d.connection_id = c.id AND d.state = 'waiting') AS waiting
             FROM forge_connections c CROSS JOIN LATERAL (
                 SELECT count(*) FILTER (WHERE d.state NOT IN ('refused', 'test')) AS received, count(*) FILTER (WHERE d.state = 'failed') AS failed,
                        count(*) FILTER (WHERE d.state = 'refused') AS refused
                 FROM forge_deliveries d WHERE d.connection_id = c.id AND d.received_at >= ",
            $since,
            ") week"
        )
    };
}

const WEEK: Duration = Duration::days(7);

/// Returns all connections, those that are in use first.
pub(crate) async fn list(db: &Pool, now: OffsetDateTime) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as(concat!(
        listed!("$1"),
        " ORDER BY c.disconnected_at DESC NULLS FIRST, lower(c.name) LIMIT $2"
    ))
    .bind(now - WEEK)
    .bind(MOST)
    .fetch_all(db)
    .await?)
}

/// Returns one connection.
pub(crate) async fn connection(db: &Pool, id: Uuid, now: OffsetDateTime) -> Result<Listed> {
    Ok(sqlx::query_as(concat!(listed!("$2"), " WHERE c.id = $1"))
        .bind(id)
        .bind(now - WEEK)
        .fetch_one(db)
        .await?)
}

/// Returns a connection's repositories, the names of which only readers of their team may see.
pub(crate) async fn repositories(
    db: &Pool,
    connection: Uuid,
    reader: Uuid,
) -> Result<Vec<Repository>> {
    Ok(sqlx::query_as(concat!(
        "SELECT r.id, CASE WHEN ", seen_by!("$2"), " THEN r.name END AS name, CASE WHEN ", seen_by!("$2"), " THEN t.name END AS team
         FROM forge_repositories r JOIN teams t ON t.id = r.team_id WHERE r.connection_id = $1 ORDER BY lower(r.name)"
    ))
    .bind(connection)
    .bind(reader)
    .fetch_all(db)
    .await?)
}

/// Who signs deliveries to an address, and with what. `None` if there is no such connection any more.
pub(crate) async fn secrets_of(
    db: &Pool,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<(Forge, Vec<String>)>> {
    Ok(sqlx::query_as(
        "SELECT c.forge, c.secret || ARRAY(SELECT o.secret FROM forge_old_secrets o WHERE o.connection_id = c.id AND o.until > $2)
         FROM forge_connections c WHERE c.id = $1 AND c.disconnected_at IS NULL",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Whether a connection is in use.
pub(crate) async fn any(db: &Pool) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_connections WHERE disconnected_at IS NULL)",
    )
    .fetch_one(db)
    .await?)
}

/// A new secret of the form that the forge wants.
fn new_secret(forge: Forge) -> Result<String> {
    Ok(match forge {
        Forge::GitHub | Forge::Forgejo => secrets::new_secret()?,
        // GitLab takes it both as a token and, in this form, as the key of its signatures.
        Forge::GitLab => standard_webhooks::new_secret()?,
    })
}

/// Adds a connection. Returns its id and its secret, which cannot be read again.
pub(crate) async fn create(
    change: &mut Change,
    name: &str,
    forge: Forge,
) -> Result<(Uuid, String)> {
    let (id, secret) = (Uuid::new_v4(), new_secret(forge)?);
    add(change, (id, forge), name, &secret, "").await?;
    Ok((id, secret))
}

/// Adds a connection with this id and secret. `app_url`: the page of the GitHub App that has both, if one has.
pub(super) async fn add(
    change: &mut Change,
    (id, forge): (Uuid, Forge),
    name: &str,
    secret: &str,
    app_url: &str,
) -> Result<()> {
    let name = name.trim();
    check_length("name", name, 60)?;
    require_room(change.db()).await?;
    let at = change.at;
    sqlx::query("INSERT INTO forge_connections (id, name, forge, secret, created_at, app_url) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(name)
        .bind(forge)
        .bind(secret)
        .bind(at)
        .bind(app_url)
        .execute(change.db())
        .await?;
    let about = format!("{name}, {}", forge.label());
    audit_log::note(change, "connection.created", &about).await
}

/// Refuses more connections than there may be.
pub(super) async fn require_room(db: &mut PgConnection) -> Result<()> {
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM forge_connections WHERE disconnected_at IS NULL")
            .fetch_one(db)
            .await?;
    if count >= MOST {
        return Err(Problem::field(
            "name",
            "There can be at most 200 connections. Disconnect one that is not used.",
        ));
    }
    Ok(())
}

/// Gives a connection another name.
pub(crate) async fn rename(change: &mut Change, id: Uuid, name: &str) -> Result<()> {
    let name = name.trim();
    check_length("name", name, 60)?;
    let (old, _) = lock(change.db(), id).await?;
    if old == name {
        return Ok(());
    }
    sqlx::query("UPDATE forge_connections SET name = $2 WHERE id = $1")
        .bind(id)
        .bind(name)
        .execute(change.db())
        .await?;
    let about = format!("{old}, now {name}");
    audit_log::note(change, "connection.renamed", &about).await
}

/// Locks a connection that is in use, and returns its name and forge.
pub(super) async fn lock(db: &mut PgConnection, id: Uuid) -> Result<(String, Forge)> {
    Ok(sqlx::query_as(
        "SELECT name, forge FROM forge_connections WHERE id = $1 AND disconnected_at IS NULL FOR NO KEY UPDATE",
    )
    .bind(id)
    .fetch_one(db)
    .await?)
}

/// Replaces the secret, and returns the new one. The old one is accepted for another day, and so are those before it
/// until their day is over: any of them may be the one that the forge has.
pub(crate) async fn renew_secret(change: &mut Change, id: Uuid) -> Result<String> {
    let (name, forge) = lock(change.db(), id).await?;
    let (secret, at) = (new_secret(forge)?, change.at);
    sqlx::query("DELETE FROM forge_old_secrets WHERE connection_id = $1 AND until <= $2")
        .bind(id)
        .bind(at)
        .execute(change.db())
        .await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM forge_old_secrets WHERE connection_id = $1")
            .bind(id)
            .fetch_one(change.db())
            .await?;
    if count >= MOST_OLD_SECRETS {
        return Err(Problem::conflict(
            "The secret was renewed 10 times within 24 hours. Nothing was changed. Renew it tomorrow, or disconnect and add \
             another connection.",
        ));
    }
    sqlx::query(
        "INSERT INTO forge_old_secrets (connection_id, secret, until) SELECT id, secret, $2 FROM forge_connections WHERE id = $1",
    )
    .bind(id)
    .bind(at + OLD_SECRET)
    .execute(change.db())
    .await?;
    sqlx::query("UPDATE forge_connections SET secret = $2 WHERE id = $1")
        .bind(id)
        .bind(&secret)
        .execute(change.db())
        .await?;
    audit_log::note(change, "connection.secret-renewed", &name).await?;
    Ok(secret)
}

/// Adds a repository, whose tasks are those of a team.
pub(crate) async fn add_repository(
    change: &mut Change,
    id: Uuid,
    repository: &str,
    team: &Team,
) -> Result<()> {
    let (name, _) = lock(change.db(), id).await?;
    let repository = repository.trim().trim_matches('/');
    check_length("repository", repository, 200)?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM forge_repositories WHERE connection_id = $1")
            .bind(id)
            .fetch_one(change.db())
            .await?;
    if count >= MOST {
        let message = "A connection can have at most 200 repositories. Add another connection.";
        return Err(Problem::field("repository", message));
    }
    sqlx::query(
        "INSERT INTO forge_repositories (connection_id, id, team_id, name) VALUES ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(Uuid::now_v7())
    .bind(team.id)
    .bind(repository)
    .execute(change.db())
    .await?;
    sqlx::query(
        "INSERT INTO forge_repository_teams (connection_id, name, team_id) VALUES ($1, lower($2), $3)
         ON CONFLICT (connection_id, name) DO UPDATE SET team_id = $3",
    )
    .bind(id)
    .bind(repository)
    .bind(team.id)
    .execute(change.db())
    .await?;
    // Those of the past are shown to the readers of this team from now on, and no longer to those of the one before.
    sqlx::query(
        "UPDATE pull_requests SET team_id = $3 WHERE connection_id = $1 AND lower(repository) = lower($2) AND team_id <> $3",
    )
    .bind(id)
    .bind(repository)
    .bind(team.id)
    .execute(change.db())
    .await?;
    let about = format!("of {{team}} to {name}");
    audit_log::note_for_team(change, team.id, "connection.repository-added", &about).await
}

/// Removes a repository. What its pull requests are linked to stays.
pub(crate) async fn remove_repository(
    change: &mut Change,
    id: Uuid,
    repository: Uuid,
) -> Result<()> {
    let (name, _) = lock(change.db(), id).await?;
    let team: Option<Uuid> = sqlx::query_scalar(
        "DELETE FROM forge_repositories WHERE connection_id = $1 AND id = $2 RETURNING team_id",
    )
    .bind(id)
    .bind(repository)
    .fetch_optional(change.db())
    .await?;
    // The same form may be sent twice.
    let Some(team) = team else { return Ok(()) };
    let about = format!("of {{team}} from {name}");
    audit_log::note_for_team(change, team, "connection.repository-removed", &about).await
}
