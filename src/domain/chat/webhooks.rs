//! A team's incoming webhook, and what is sent there.

use serde_json::{Value, json};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        chat::reached_goals,
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        outbound::webhook_url::WebhookUrl,
        team::Team,
    },
};

/// The problem of a webhook whose channel was chosen when the team was open to everyone.
const NOW_PRIVATE: &str = "The team has become private. Save the webhook again to send to it.";

/// A chat product, which decides the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Product {
    Slack,
    Mattermost,
    Discord,
}

impl Product {
    pub(crate) const ALL: [Self; 3] = [Self::Slack, Self::Mattermost, Self::Discord];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Mattermost => "mattermost",
            Self::Discord => "discord",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Mattermost => "Mattermost",
            Self::Discord => "Discord",
        }
    }

    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|product| product.as_str() == name)
            .ok_or_else(|| Problem::field("product", "Choose Slack, Mattermost or Discord."))
    }
}

/// What is sent to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Wanted {
    /// The summary on the mornings of standups.
    pub(crate) standups: bool,
    /// Tasks that are newly blocked on another team.
    pub(crate) blocked: bool,
    /// Goals that are reached.
    pub(crate) goals: bool,
    /// Sprints that are closed.
    pub(crate) sprints: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            standups: true,
            blocked: false,
            goals: false,
            sprints: false,
        }
    }
}

/// A team's webhook.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Webhook {
    pub(crate) team_id: Uuid,
    pub(crate) product: Product,
    pub(crate) url: WebhookUrl,
    #[sqlx(flatten)]
    pub(crate) wanted: Wanted,
    pub(crate) summary_on: Option<Date>,
    /// Why the last message could not be sent; empty if it was.
    pub(crate) problem: String,
    pub(crate) problem_at: Option<OffsetDateTime>,
    /// Whether the chat has refused the webhook, or the team has become private, so that nothing is sent any more.
    pub(crate) refused: bool,
}

impl Webhook {
    /// Whether a lead has to decide again, since the team has become private.
    pub(crate) fn is_paused(&self) -> bool {
        self.problem == NOW_PRIVATE
    }
}

/// The columns of `Webhook`.
macro_rules! webhook {
    () => {
        "team_id, product, url, standups, blocked, goals, sprints, summary_on, problem, problem_at, refused"
    };
}

/// A team's webhook, if it has one.
pub(crate) async fn webhook(db: &mut PgConnection, team: Uuid) -> Result<Option<Webhook>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        webhook!(),
        " FROM chat_webhooks WHERE team_id = $1"
    ))
    .bind(team)
    .fetch_optional(db)
    .await?)
}

/// The webhooks to which summaries are sent on the mornings of standups.
pub(crate) async fn with_summaries(db: &Pool) -> Result<Vec<Webhook>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        webhook!(),
        " FROM chat_webhooks WHERE standups AND NOT refused ORDER BY team_id"
    ))
    .fetch_all(db)
    .await?)
}

/// The hosts that messages are sent to, with their products and the number of teams.
pub(crate) async fn hosts(db: &Pool) -> Result<Vec<(String, String)>> {
    let webhooks: Vec<(Product, WebhookUrl)> =
        sqlx::query_as("SELECT product, url FROM chat_webhooks")
            .fetch_all(db)
            .await?;
    let mut hosts: Vec<(String, String)> = webhooks
        .into_iter()
        .map(|(product, url)| (product.label().to_owned(), url.host()))
        .collect();
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

/// Sets a team's webhook. Without a URL, the one that was set before stays.
///
/// # Errors
/// `Invalid` if there is no URL at all.
pub(crate) async fn set(
    change: &mut Change,
    team: &Team,
    product: Product,
    url: Option<WebhookUrl>,
    wanted: Wanted,
) -> Result<()> {
    // Two leads who set it at once wait for each other here.
    sqlx::query("SELECT FROM teams WHERE id = $1 FOR NO KEY UPDATE")
        .bind(team.id)
        .fetch_one(change.db())
        .await?;
    let before = webhook(change.db(), team.id).await?;
    let is_new_url = url.is_some();
    let kept = before.as_ref().map(|webhook| webhook.url.clone());
    let Some(url) = url.or(kept) else {
        return Err(Problem::field("url", "Enter the URL of the webhook."));
    };
    sqlx::query(
        "INSERT INTO chat_webhooks AS w (team_id, product, url, standups, blocked, goals, sprints)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (team_id) DO UPDATE SET product = $2, url = $3, standups = $4, blocked = $5, goals = $6, sprints = $7,
             refused = w.refused AND NOT ($8 OR w.problem = $9),
             problem = CASE WHEN $8 OR w.problem = $9 THEN '' ELSE w.problem END",
    )
    .bind(team.id)
    .bind(product)
    .bind(url.secret())
    .bind(wanted.standups)
    .bind(wanted.blocked)
    .bind(wanted.goals)
    .bind(wanted.sprints)
    .bind(is_new_url)
    .bind(NOW_PRIVATE)
    .execute(change.db())
    .await?;
    // What was reached before is no news.
    let newly = wanted.goals && !before.as_ref().is_some_and(|webhook| webhook.wanted.goals);
    if newly {
        let at = change.at;
        reached_goals::newly_reached(change.db(), team.id, at).await?;
    }
    let value = |product: Product, wanted: Wanted| {
        json!({
            "product": product.as_str(), "standups": wanted.standups, "blocked": wanted.blocked,
            "goals": wanted.goals, "sprints": wanted.sprints,
        })
    };
    let before = before.map_or(json!({}), |webhook| value(webhook.product, webhook.wanted));
    record(change, team, before, value(product, wanted)).await
}

/// Removes a team's webhook, with all that waits to be sent there.
pub(crate) async fn remove(change: &mut Change, team: &Team) -> Result<()> {
    let product: Option<Product> =
        sqlx::query_scalar("DELETE FROM chat_webhooks WHERE team_id = $1 RETURNING product")
            .bind(team.id)
            .fetch_optional(change.db())
            .await?;
    // The same form may be sent twice.
    let Some(product) = product else {
        return Ok(());
    };
    let before = json!({ "product": product.as_str() });
    record(change, team, before, json!({})).await
}

/// Stops sending when a team becomes private, until a lead sets the webhook again: others may read the channel. Goes on
/// when it is open again.
pub(crate) async fn follow_visibility(
    change: &mut Change,
    team: &Team,
    private: bool,
) -> Result<()> {
    let at = change.at;
    sqlx::query(
        "UPDATE chat_webhooks SET refused = $2, problem = CASE WHEN $2 THEN $3 ELSE '' END, problem_at = CASE WHEN $2 THEN $4 END
         WHERE team_id = $1 AND ($2 OR problem = $3)",
    )
    .bind(team.id)
    .bind(private)
    .bind(NOW_PRIVATE)
    .bind(at)
    .execute(change.db())
    .await?;
    Ok(())
}

async fn record(change: &mut Change, team: &Team, before: Value, after: Value) -> Result<()> {
    let kind = EventKind::TeamChatChanged;
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
    audit_log::note_for_team(change, team.id, kind.as_str(), "of {team}").await
}

/// Notes how sending went: why it failed, or that it works. What was being sent when the team became private changes
/// nothing.
pub(crate) async fn note_outcome(
    db: &mut PgConnection,
    team: Uuid,
    problem: &str,
    is_refused: bool,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE chat_webhooks SET problem = left($2, 500), problem_at = CASE WHEN $2 <> '' THEN $4 END,
             refused = $3 OR refused AND $2 <> ''
         WHERE team_id = $1 AND problem <> $5",
    )
    .bind(team)
    .bind(problem)
    .bind(is_refused)
    .bind(now)
    .bind(NOW_PRIVATE)
    .execute(db)
    .await?;
    Ok(())
}
