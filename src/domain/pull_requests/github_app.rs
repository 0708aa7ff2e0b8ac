//! Creates a GitHub App for a connection, from a manifest: an administrator is sent to GitHub with a description of it, and
//! GitHub sends the browser back with a code, for which it gives out the App's webhook secret. Neither its private key nor
//! its client secret is stored: Fortnight asks GitHub nothing.

use serde_json::{Value, json};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets,
        error::{Problem, Result},
        events::Change,
        pull_requests::{
            Forge,
            connections::{self, require_room},
            github_site::{CreatedApp, GitHubSite},
        },
        text::check_length,
    },
};

/// How long the browser may take to come back. GitHub's code is valid for an hour as well.
const VALID_FOR: Duration = Duration::HOUR;

/// The most Apps that an administrator can begin to create within that time.
const MOST_BEGUN: i64 = 20;

/// What an App may read of the repositories in which it is installed.
pub(crate) const PERMISSIONS: [(&str, &str); 6] = [
    ("checks", "results of checks"),
    ("contents", "code and pushes"),
    // Without it, GitHub sends no comments, which prove usernames.
    ("issues", "issues and comments"),
    ("metadata", "names of repositories"),
    ("pull_requests", "pull requests and reviews"),
    ("statuses", "commit statuses"),
];

/// The events that are sent.
const EVENTS: [&str; 8] = [
    "check_run",
    "check_suite",
    "delete",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "push",
    "status",
];

/// The longest name of an App.
const LONGEST_NAME: usize = 34;

/// A path of this server that GitHub sends the browser back to.
pub(crate) const RETURN_PATH: &str = "/settings/connections/github-app/created";

/// An App that is to be created.
#[derive(Clone, Debug)]
pub(crate) struct ManifestForm {
    /// Where the manifest is posted, with the state.
    pub(crate) action: String,
    pub(crate) manifest: Value,
}

/// Notes that an administrator is sent to GitHub to create an App for a connection with this name.
///
/// # Errors
/// `Invalid` for a name that is taken or too long.
pub(crate) async fn begin(
    change: &mut Change,
    account: Uuid,
    (name, organization): (&str, &str),
    site: &GitHubSite,
    public_url: &str,
) -> Result<ManifestForm> {
    let name = name.trim();
    check_length("name", name, 60)?;
    if name.is_empty() {
        return Err(Problem::field(
            "name",
            "A name must have 1 to 60 characters.",
        ));
    }
    let path = site.new_app_path(organization)?;
    require_room(change.db()).await?;
    if is_taken(change.db(), name).await? {
        return Err(Problem::field(
            "name",
            "A connection with this name already exists.",
        ));
    }
    let (at, state, connection) = (change.at, secrets::new_secret()?, Uuid::new_v4());
    let begun: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM github_app_requests WHERE account_id = $1 AND expires_at > $2",
    )
    .bind(account)
    .bind(at)
    .fetch_one(change.db())
    .await?;
    if begun >= MOST_BEGUN {
        return Err(Problem::conflict(
            "You began to create 20 GitHub Apps within an hour. Nothing was changed. Try again later.",
        ));
    }
    sqlx::query(
        "INSERT INTO github_app_requests (state_hash, account_id, connection_id, name, site, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(secrets::digest(&state))
    .bind(account)
    .bind(connection)
    .bind(name)
    .bind(site.origin())
    .bind(at + VALID_FOR)
    .execute(change.db())
    .await?;
    Ok(ManifestForm {
        action: format!("{}{path}?state={state}", site.origin()),
        manifest: manifest(name, public_url, connection),
    })
}

/// What GitHub is told of the App.
fn manifest(name: &str, public_url: &str, connection: Uuid) -> Value {
    let name: String = format!("Fortnight {name}")
        .chars()
        .take(LONGEST_NAME)
        .collect();
    let permissions: serde_json::Map<String, Value> = PERMISSIONS
        .iter()
        .map(|(permission, _)| ((*permission).to_owned(), json!("read")))
        .collect();
    json!({
        "name": name.trim_end(),
        "url": public_url,
        "hook_attributes": { "url": format!("{public_url}/hooks/forge/{connection}"), "active": true },
        "redirect_url": format!("{public_url}{RETURN_PATH}"),
        // where GitHub sends the browser after the App was installed
        "setup_url": format!("{public_url}/settings/connections/{connection}"),
        "public": false,
        "default_permissions": permissions,
        "default_events": EVENTS,
    })
}

/// An App that an administrator was sent to GitHub to create.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct AppRequest {
    connection_id: Uuid,
    name: String,
    /// The address of GitHub.
    pub(crate) site: String,
}

/// Finds a request by its state, which is valid until its App was added, for an hour, and only for the person who began
/// it.
pub(crate) async fn find(
    db: &Pool,
    account: Uuid,
    state: &str,
    now: OffsetDateTime,
) -> Result<Option<AppRequest>> {
    Ok(sqlx::query_as(
        "SELECT connection_id, name, site FROM github_app_requests
         WHERE state_hash = $1 AND account_id = $2 AND expires_at > $3",
    )
    .bind(secrets::digest(state))
    .bind(account)
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Adds the connection of an App that was created, and ends the request. Returns its id.
///
/// # Errors
/// `Invalid` if there are too many connections, or the App was added already.
pub(crate) async fn finish(
    change: &mut Change,
    request: &AppRequest,
    app: &CreatedApp,
) -> Result<Uuid> {
    let ended = sqlx::query("DELETE FROM github_app_requests WHERE connection_id = $1")
        .bind(request.connection_id)
        .execute(change.db())
        .await?;
    if ended.rows_affected() == 0 {
        return Err(Problem::field("name", "It was added already."));
    }
    let name = free_name(change.db(), &request.name).await?;
    let id = request.connection_id;
    let key = (id, Forge::GitHub);
    connections::add(change, key, &name, &app.webhook_secret, &app.page).await?;
    Ok(id)
}

/// The name, or another one if it was taken meanwhile: the App exists, so that it is too late to refuse it.
async fn free_name(db: &mut PgConnection, wanted: &str) -> Result<String> {
    let mut name = wanted.to_owned();
    for number in 2..100 {
        if !is_taken(db, &name).await? {
            break;
        }
        let start: String = wanted.chars().take(55).collect();
        name = format!("{} {number}", start.trim_end());
    }
    Ok(name)
}

async fn is_taken(db: &mut PgConnection, name: &str) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_connections WHERE disconnected_at IS NULL AND lower(btrim(name)) = lower(btrim($1)))",
    )
    .bind(name)
    .fetch_one(db)
    .await?)
}

/// Where Apps are being created now: each of these addresses is asked once more.
pub(crate) async fn sites(db: &Pool, now: OffsetDateTime) -> Result<Vec<GitHubSite>> {
    let sites: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT site FROM github_app_requests WHERE expires_at > $1 ORDER BY site",
    )
    .bind(now)
    .fetch_all(db)
    .await?;
    sites.iter().map(|site| GitHubSite::parse(site)).collect()
}
