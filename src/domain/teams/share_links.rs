//! Share links: show a board or a check-in to anyone with the link, without an account, read-only,
//! until they expire.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets,
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        policy::{predicates::seen_by, share_links::SharedPage},
        team::Team,
        workspace_seq::bump_workspace_seq,
    },
};

/// The allowed validity of a link, in days.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = 1..=366;

/// A link to be created.
pub(crate) struct Draft<'d> {
    /// Who the link is for, as free text.
    pub(crate) name: &'d str,
    pub(crate) shows: SharedPage,
    /// `None`: valid until it is revoked.
    pub(crate) days: Option<i64>,
    /// The hash of the password that visitors must enter, if any.
    pub(crate) password_hash: Option<String>,
}

/// Creates a link and returns its secret, which is not stored and cannot be shown again.
pub(crate) async fn share(change: &mut Change, team: &Team, draft: &Draft<'_>) -> Result<String> {
    if draft.days.is_some_and(|days| !DAYS.contains(&days)) {
        return Err(Problem::field(
            "days",
            "A link can be valid for 1 to 366 days, or without an end.",
        ));
    }
    let secret = secrets::new_secret()?;
    let (id, at, actor, reach) = (
        Uuid::now_v7(),
        change.at,
        change.actor,
        change.reach.clone(),
    );
    // A team that turns private revokes its links. This check refuses a new link if that happened
    // first and the creator can no longer see the team.
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
    record(
        change,
        team.id,
        EventKind::ShareLinkCreated,
        draft.name.trim(),
        draft.shows.as_str(),
    )
    .await?;
    Ok(secret)
}

/// Revokes a link: the next request finds nothing, and open pages are closed within five seconds.
pub(crate) async fn revoke(change: &mut Change, team: &Team, link: Uuid) -> Result<()> {
    let at = change.at;
    let (name, shows): (String, String) = sqlx::query_as(
        "UPDATE share_links SET revoked_at = $3 WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING name, shows",
    )
    .bind(team.id)
    .bind(link)
    .bind(at)
    .fetch_one(change.db())
    .await?;
    record(change, team.id, EventKind::ShareLinkRevoked, &name, &shows).await
}

/// Revokes every link and invitation of a team that becomes private, and its public page.
pub(crate) async fn revoke_all(change: &mut Change, team: &Team) -> Result<()> {
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
        audit_log::note_for_team(change, team.id, "invitation.revoked", "all to {team}").await?;
    }
    set_public(change, team, false).await
}

/// Revokes the links that a person created, of one team or of all, because they may have kept them.
pub(crate) async fn revoke_all_of(
    change: &mut Change,
    account: Uuid,
    team: Option<Uuid>,
) -> Result<()> {
    end_links(change, team, Some(account)).await
}

/// Revokes the links of a team, of a creator, or both, each with an event, because no one revoked
/// them by hand.
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
        record(change, team, EventKind::ShareLinkEnded, &name, &shows).await?;
    }
    Ok(())
}

/// Publishes or unpublishes a team's check-in page.
///
/// # Errors
/// `Invalid` for a private team.
pub(crate) async fn set_public(change: &mut Change, team: &Team, public: bool) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let set = sqlx::query("UPDATE teams SET public = $2 WHERE id = $1 AND public <> $2")
        .bind(team.id)
        .bind(public)
        .execute(change.db())
        .await?;
    // The same form may be sent twice.
    if set.rows_affected() == 0 {
        return Ok(());
    }
    let kind = if public {
        EventKind::ShareLinkCreated
    } else {
        EventKind::ShareLinkRevoked
    };
    record(
        change,
        team.id,
        kind,
        "everybody",
        SharedPage::CheckIn.as_str(),
    )
    .await
}

async fn record(
    change: &mut Change,
    team: Uuid,
    kind: EventKind,
    name: &str,
    shows: &str,
) -> Result<()> {
    audit_log::note_for_team(
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

/// A link as the team's settings list it, without its secret.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Link {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) shows: SharedPage,
    pub(crate) has_password: bool,
    /// First name of its creator.
    pub(crate) by: Option<String>,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) last_used_at: Option<OffsetDateTime>,
}

/// Returns a team's links that are valid or expired recently, newest first.
pub(crate) async fn links(db: &Pool, team: Uuid, now: OffsetDateTime) -> Result<Vec<Link>> {
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
