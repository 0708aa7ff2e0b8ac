//! Links that show a board or a check-in to whoever has them, without an account: read-only, until they end.

use crate::domain::auth::secrets;
use crate::domain::events::EventKind;
use crate::domain::policy::share_links::SharedPage;
use serde_json::json;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::policy::predicates::seen_by;
use crate::domain::{
    accounts::create::touch_workspace,
    error::{Problem, Result},
    events::{Change, Event, audit_log},
    team::Team,
};

/// For how many days a link may hold that ends by itself.
pub const DAYS: std::ops::RangeInclusive<i64> = 1..=366;

/// A link to be made.
pub struct Draft<'d> {
    /// Whom it is for, in words.
    pub name: &'d str,
    pub shows: SharedPage,
    /// Nothing: until it is revoked.
    pub days: Option<i64>,
    /// Of what is asked for before anything is shown.
    pub password_hash: Option<String>,
}

/// Makes a link; the answer is its secret, which is only here, this once.
pub async fn share(change: &mut Change, team: &Team, draft: &Draft<'_>) -> Result<String> {
    if draft.days.is_some_and(|days| !DAYS.contains(&days)) {
        return Err(Problem::field(
            "days",
            "A link holds for 1 to 366 days, or without an end.",
        ));
    }
    let secret = secrets::new_secret()?;
    let (id, at, actor, reach) = (
        Uuid::now_v7(),
        change.at,
        change.actor,
        change.reach.clone(),
    );
    // A team that turns private ends its links, this one too if it was first; if not, its maker may have lost sight of it.
    sqlx::query(concat!(
        "SELECT FROM teams t WHERE t.id = $1 AND ($2::uuid IS NULL OR ",
        seen_by!("$2", "$3"),
        ") FOR NO KEY UPDATE"
    ))
    .bind(team.id)
    .bind(actor)
    .bind(reach)
    .fetch_one(change.db())
    .await?;
    sqlx::query(
        "INSERT INTO share_links (team_id, id, token_hash, name, shows, password_hash, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(team.id)
    .bind(id)
    .bind(secrets::digest(&secret))
    .bind(draft.name.trim())
    .bind(draft.shows.as_str())
    .bind(&draft.password_hash)
    .bind(actor)
    .bind(at)
    .bind(draft.days.map(|days| at + Duration::days(days)))
    .execute(change.db())
    .await?;
    told(
        change,
        team.id,
        EventKind::ShareLinkCreated,
        draft.name.trim(),
        draft.shows.as_str(),
    )
    .await?;
    Ok(secret)
}

/// Ends a link: the next request finds nothing, and open pages are told within five seconds.
pub async fn revoke(change: &mut Change, team: &Team, link: Uuid) -> Result<()> {
    let at = change.at;
    let (name, shows): (String, String) = sqlx::query_as(
        "UPDATE share_links SET revoked_at = $3 WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING name, shows",
    )
    .bind(team.id)
    .bind(link)
    .bind(at)
    .fetch_one(change.db())
    .await?;
    told(change, team.id, EventKind::ShareLinkRevoked, &name, &shows).await
}

/// Ends every link of a team that becomes private, every invitation to it, and its public address.
pub async fn revoke_all(change: &mut Change, team: &Team) -> Result<()> {
    let at = change.at;
    end_links(change, Some(team.id), None).await?;
    let invitations = sqlx::query(
        "UPDATE invitations SET revoked_at = $2 WHERE team_id = $1 AND revoked_at IS NULL AND expires_at > $2",
    )
    .bind(team.id)
    .bind(at)
    .execute(change.db())
    .await?;
    if invitations.rows_affected() > 0 {
        audit_log::note_of(change, team.id, "invitation.revoked", "all to {team}").await?;
    }
    set_public(change, team, false).await
}

/// Ends the links that somebody made, of one team or of all: they may have kept them.
pub async fn revoke_all_of(change: &mut Change, account: Uuid, team: Option<Uuid>) -> Result<()> {
    end_links(change, team, Some(account)).await
}

/// Ends the links of a team, of whoever made them, or of both, and tells of each: nobody pressed its button.
async fn end_links(change: &mut Change, team: Option<Uuid>, maker: Option<Uuid>) -> Result<()> {
    let at = change.at;
    let links: Vec<(Uuid, String, String)> = sqlx::query_as(
        "UPDATE share_links SET revoked_at = $3 WHERE revoked_at IS NULL AND num_nonnulls($1::uuid, $2::uuid) > 0
             AND ($1 IS NULL OR team_id = $1) AND ($2 IS NULL OR created_by = $2) RETURNING team_id, name, shows",
    )
    .bind(team)
    .bind(maker)
    .bind(at)
    .fetch_all(change.db())
    .await?;
    for (team, name, shows) in links {
        told(change, team, EventKind::ShareLinkEnded, &name, &shows).await?;
    }
    Ok(())
}

/// Lets everybody read a team's check-in at its public address, or nobody any more.
///
/// # Errors
/// `Invalid` for a private team.
pub async fn set_public(change: &mut Change, team: &Team, public: bool) -> Result<()> {
    touch_workspace(change.db()).await?;
    let set = sqlx::query("UPDATE teams SET public = $2 WHERE id = $1 AND public <> $2")
        .bind(team.id)
        .bind(public)
        .execute(change.db())
        .await?;
    // A button that is pressed twice.
    if set.rows_affected() == 0 {
        return Ok(());
    }
    let kind = if public {
        EventKind::ShareLinkCreated
    } else {
        EventKind::ShareLinkRevoked
    };
    told(
        change,
        team.id,
        kind,
        "everybody",
        SharedPage::CheckIn.as_str(),
    )
    .await
}

async fn told(
    change: &mut Change,
    team: Uuid,
    kind: EventKind,
    name: &str,
    shows: &str,
) -> Result<()> {
    audit_log::note_of(
        change,
        team,
        kind.as_str(),
        &format!("{shows} of {{team}} for {name}"),
    )
    .await?;
    let after = json!({ "name": name, "shows": shows });
    change.record(Event {
        team,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
    Ok(())
}

/// A link as its team lists it: what it opens with is not in it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    pub id: Uuid,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub shows: SharedPage,
    pub has_password: bool,
    /// First name of who made it.
    pub by: Option<String>,
    pub expires_at: Option<OffsetDateTime>,
    pub last_used_at: Option<OffsetDateTime>,
}

/// A team's links that open still, or did until lately, the newest first.
pub async fn links(db: &PgPool, team: Uuid, now: OffsetDateTime) -> Result<Vec<Link>> {
    Ok(sqlx::query_as(
        "SELECT l.id, l.name, l.shows, l.password_hash IS NOT NULL AS has_password, split_part(a.name, ' ', 1) AS by, l.expires_at, l.last_used_at
         FROM share_links l LEFT JOIN accounts a ON a.id = l.created_by
         WHERE l.team_id = $1 AND l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $2 - interval '30 days') ORDER BY l.created_at DESC",
    )
    .bind(team)
    .bind(now)
    .fetch_all(db)
    .await?)
}
