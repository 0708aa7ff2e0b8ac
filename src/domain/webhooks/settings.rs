//! The webhooks of a team or of the workspace: setting them up, changing and removing them.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::standard_webhooks,
        error::{Problem, Result},
        events::Change,
        outbound::webhook_url::WebhookUrl,
        webhooks::{
            chosen::Chosen,
            messages::{PAUSED, give_up_waiting},
            owner::Owner,
        },
    },
};

/// The most webhooks of a team, and of the workspace.
const MOST: i64 = 20;

/// How long a secret that was replaced still signs.
const OLD_SECRET: Duration = Duration::hours(24);

/// The most replaced secrets that sign at a time.
const MOST_OLD_SECRETS: i64 = 5;

/// Whether events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum State {
    Active,
    /// By a person.
    Paused,
    /// By Fortnight, for a reason.
    Off,
}

/// A webhook, as a database row without its secrets.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Webhook {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) url: WebhookUrl,
    pub(crate) events: Chosen,
    pub(crate) state: State,
    pub(crate) state_since: OffsetDateTime,
    /// Why it is off.
    pub(crate) reason: String,
    pub(crate) failures: i32,
    /// Nothing is sent before, because the receiver has too much to do.
    pub(crate) held_until: Option<OffsetDateTime>,
    /// Until when the last secret that was replaced signs as well.
    pub(crate) old_secret_until: Option<OffsetDateTime>,
    /// The name of the person whose access it has.
    pub(crate) maker: Option<String>,
}

impl Webhook {
    /// How many attempts failed since the last one that was accepted, in words.
    pub(crate) fn failed_attempts(&self) -> String {
        match self.failures {
            1 => "last attempt".to_owned(),
            count => format!("last {count} attempts"),
        }
    }
}

/// What a form says of a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    /// `None` keeps the one that is stored.
    pub(crate) url: Option<WebhookUrl>,
    pub(crate) events: Chosen,
}

impl Draft {
    fn check(&self) -> Result<()> {
        if self.events.is_empty() {
            return Err(Problem::field(
                "events",
                "Choose at least one kind of event.",
            ));
        }
        Ok(())
    }
}

/// Query: webhooks `w` with the columns of `Webhook`.
macro_rules! webhooks {
    () => {
        "SELECT w.id, w.name, w.url, w.events, w.state, w.state_since, w.reason, w.failures, w.held_until, a.name AS maker,
                (SELECT max(o.until) FROM webhook_old_secrets o WHERE o.webhook_id = w.id) AS old_secret_until
         FROM webhooks w LEFT JOIN accounts a ON a.id = w.maker_id"
    };
}

/// Returns all webhooks of a team or of the workspace, by name.
pub(crate) async fn list(db: &Pool, owner: &Owner) -> Result<Vec<Webhook>> {
    Ok(sqlx::query_as(concat!(
        webhooks!(),
        " WHERE w.team_id IS NOT DISTINCT FROM $1 ORDER BY lower(w.name), w.id LIMIT $2"
    ))
    .bind(owner.team_id())
    .bind(MOST)
    .fetch_all(db)
    .await?)
}

/// Returns one webhook of a team or of the workspace.
///
/// # Errors
/// `NotFound` if it belongs to another one.
pub(crate) async fn webhook(db: &Pool, owner: &Owner, id: Uuid) -> Result<Webhook> {
    Ok(sqlx::query_as(concat!(
        webhooks!(),
        " WHERE w.id = $2 AND w.team_id IS NOT DISTINCT FROM $1"
    ))
    .bind(owner.team_id())
    .bind(id)
    .fetch_one(db)
    .await?)
}

/// The hosts that events are sent to.
pub(crate) async fn hosts(db: &Pool) -> Result<Vec<String>> {
    let urls: Vec<WebhookUrl> = sqlx::query_scalar("SELECT url FROM webhooks")
        .fetch_all(db)
        .await?;
    let mut hosts: Vec<String> = urls.iter().map(WebhookUrl::host).collect();
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

/// Checks that a webhook belongs to the owner, and locks it. Returns its name.
async fn lock(change: &mut Change, owner: &Owner, id: Uuid) -> Result<String> {
    owner.lock(change).await?;
    Ok(sqlx::query_scalar(
        "SELECT name FROM webhooks WHERE id = $1 AND team_id IS NOT DISTINCT FROM $2 FOR NO KEY UPDATE",
    )
    .bind(id)
    .bind(owner.team_id())
    .fetch_one(change.db())
    .await?)
}

/// Adds a webhook, which gets what the actor may see. Returns its id and its secret, which cannot be read again.
pub(crate) async fn create(
    change: &mut Change,
    owner: &Owner,
    draft: &Draft,
) -> Result<(Uuid, String)> {
    draft.check()?;
    let url = draft.url.as_ref();
    let url = url.ok_or_else(|| Problem::field("url", "Enter the URL that events go to."))?;
    owner.lock(change).await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM webhooks WHERE team_id IS NOT DISTINCT FROM $1")
            .bind(owner.team_id())
            .fetch_one(change.db())
            .await?;
    if count >= MOST {
        return Err(Problem::field(
            "name",
            "There can be at most 20 webhooks here. Delete one that is not used.",
        ));
    }
    start_cursors(change.db(), owner).await?;
    let (id, secret) = (Uuid::now_v7(), standard_webhooks::new_secret()?);
    let (at, actor) = (change.at, change.actor);
    sqlx::query(
        "INSERT INTO webhooks (id, team_id, maker_id, name, url, events, secret, created_at, state_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    )
    .bind(id)
    .bind(owner.team_id())
    .bind(actor)
    .bind(draft.name.trim())
    .bind(url.secret())
    .bind(&draft.events)
    .bind(&secret)
    .bind(at)
    .execute(change.db())
    .await?;
    owner
        .note(change, "webhook.created", draft.name.trim())
        .await?;
    Ok((id, secret))
}

/// Changes a webhook. With a new address it gets what the actor may see: what the person before may see must not go to an
/// address that another one chose.
pub(crate) async fn edit(
    change: &mut Change,
    owner: &Owner,
    id: Uuid,
    draft: &Draft,
) -> Result<()> {
    draft.check()?;
    lock(change, owner, id).await?;
    let actor = change.actor;
    sqlx::query(
        "UPDATE webhooks SET name = $2, events = $4, url = coalesce($3, url), maker_id = CASE WHEN $3 IS NULL THEN maker_id ELSE $5 END,
             failures = CASE WHEN $3 IS NULL THEN failures ELSE 0 END, failing_since = CASE WHEN $3 IS NULL THEN failing_since END,
             held_until = CASE WHEN $3 IS NULL THEN held_until END
         WHERE id = $1",
    )
    .bind(id)
    .bind(draft.name.trim())
    .bind(draft.url.as_ref().map(WebhookUrl::secret))
    .bind(&draft.events)
    .bind(actor)
    .execute(change.db())
    .await?;
    owner
        .note(change, "webhook.edited", draft.name.trim())
        .await
}

/// Replaces the secret, and returns the new one. The one before signs as well for another day, and so do those before
/// it until their day is over: any of them may be the one that the receiver has.
pub(crate) async fn renew_secret(change: &mut Change, owner: &Owner, id: Uuid) -> Result<String> {
    let name = lock(change, owner, id).await?;
    let (secret, at) = (standard_webhooks::new_secret()?, change.at);
    sqlx::query("DELETE FROM webhook_old_secrets WHERE webhook_id = $1 AND until <= $2")
        .bind(id)
        .bind(at)
        .execute(change.db())
        .await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM webhook_old_secrets WHERE webhook_id = $1")
            .bind(id)
            .fetch_one(change.db())
            .await?;
    if count >= MOST_OLD_SECRETS {
        return Err(Problem::conflict(
            "The secret was renewed 5 times within 24 hours. Nothing was changed. Renew it tomorrow, or add another webhook.",
        ));
    }
    sqlx::query(
        "INSERT INTO webhook_old_secrets (webhook_id, secret, until) SELECT id, secret, $2 FROM webhooks WHERE id = $1",
    )
    .bind(id)
    .bind(at + OLD_SECRET)
    .execute(change.db())
    .await?;
    sqlx::query("UPDATE webhooks SET secret = $2 WHERE id = $1")
        .bind(id)
        .bind(&secret)
        .execute(change.db())
        .await?;
    owner.note(change, "webhook.secret-renewed", &name).await?;
    Ok(secret)
}

/// Stops sending. What waits is not sent, and neither is what happens until it is resumed.
pub(crate) async fn pause(change: &mut Change, owner: &Owner, id: Uuid) -> Result<()> {
    let name = lock(change, owner, id).await?;
    let at = change.at;
    let paused = sqlx::query(
        "UPDATE webhooks SET state = 'paused', state_since = $2 WHERE id = $1 AND state = 'active'",
    )
    .bind(id)
    .bind(at)
    .execute(change.db())
    .await?;
    // The same form may be sent twice.
    if paused.rows_affected() == 0 {
        return Ok(());
    }
    give_up_waiting(change.db(), id, PAUSED).await?;
    owner.note(change, "webhook.paused", &name).await
}

/// Sends again, from now on, what the actor may see.
pub(crate) async fn resume(change: &mut Change, owner: &Owner, id: Uuid) -> Result<()> {
    let name = lock(change, owner, id).await?;
    start_cursors(change.db(), owner).await?;
    let (at, actor) = (change.at, change.actor);
    let resumed = sqlx::query(
        "UPDATE webhooks SET state = 'active', state_since = $2, reason = '', failures = 0, failing_since = NULL, held_until = NULL, maker_id = $3
         WHERE id = $1 AND state <> 'active'",
    )
    .bind(id)
    .bind(at)
    .bind(actor)
    .execute(change.db())
    .await?;
    if resumed.rows_affected() == 0 {
        return Ok(());
    }
    owner.note(change, "webhook.resumed", &name).await
}

/// Deletes a webhook with its messages.
pub(crate) async fn delete(change: &mut Change, owner: &Owner, id: Uuid) -> Result<()> {
    let name = lock(change, owner, id).await?;
    sqlx::query("DELETE FROM webhooks WHERE id = $1")
        .bind(id)
        .execute(change.db())
        .await?;
    owner.note(change, "webhook.deleted", &name).await
}

/// Moves the cursors of teams that no webhook was interested in to their newest event.
async fn start_cursors(db: &mut PgConnection, owner: &Owner) -> Result<()> {
    sqlx::query(
        "INSERT INTO webhook_cursors (team_id, seq)
         SELECT t.id, t.seq FROM teams t WHERE ($1::uuid IS NULL OR t.id = $1) AND NOT EXISTS (
             SELECT FROM webhooks w WHERE w.state = 'active' AND (w.team_id = t.id OR w.team_id IS NULL))
         ON CONFLICT (team_id) DO UPDATE SET seq = greatest(webhook_cursors.seq, excluded.seq)",
    )
    .bind(owner.team_id())
    .execute(db)
    .await?;
    Ok(())
}
