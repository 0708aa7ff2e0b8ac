//! Team membership, roles and visibility.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        team::Team,
        teams::{create, share_links},
        workspace_seq::bump_workspace_seq,
    },
};

/// A person's role on a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum TeamRole {
    /// Can change the team's settings and its members.
    Lead,
    Member,
}

impl TeamRole {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Member => "member",
        }
    }
}

/// The author in events for changes made on the command line.
pub(crate) const COMMAND_LINE: &str = "The command line";

/// Who may do what with a team's board, apart from its members.
#[derive(sqlx::FromRow)]
pub(crate) struct Openness {
    /// Whether only members can see it.
    pub(crate) private: bool,
    /// Whether it has a public address.
    pub(crate) public: bool,
    /// Whether agents may move its tasks to Done.
    pub(crate) agents_may_close: bool,
}

/// Returns who may do what with a team's board, apart from its members.
pub(crate) async fn openness(db: &Pool, team: Uuid) -> Result<Openness> {
    Ok(
        sqlx::query_as("SELECT private, public, agents_may_close FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(db)
            .await?,
    )
}

/// Adds a person to a team, or changes their role; `None` removes them and keeps the dates of their
/// membership.
///
/// # Errors
/// `Invalid` for an unknown handle, and for removing a person who is not a member.
pub async fn set_member(
    change: &mut Change,
    team: &Team,
    handle: &str,
    role: Option<TeamRole>,
) -> Result<()> {
    set_member_by(change, team, handle, role, COMMAND_LINE).await
}

/// As [`set_member`]. `by` is the author in the event if no person makes the change.
pub(crate) async fn set_member_by(
    change: &mut Change,
    team: &Team,
    handle: &str,
    role: Option<TeamRole>,
    by: &str,
) -> Result<()> {
    // The workspace's counter is updated before the team's own row is locked.
    bump_workspace_seq(change.db()).await?;
    let handle = handle.trim().trim_start_matches('@').to_lowercase();
    let account: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM accounts WHERE handle = $1 AND deactivated_at IS NULL")
            .bind(&handle)
            .fetch_optional(change.db())
            .await?;
    let account =
        account.ok_or_else(|| Problem::field("handle", format!("No one is called @{handle}.")))?;
    let current: Option<(TeamRole, OffsetDateTime)> = sqlx::query_as(
        "SELECT role, since FROM members WHERE team_id = $1 AND account_id = $2 FOR UPDATE",
    )
    .bind(team.id)
    .bind(account)
    .fetch_optional(change.db())
    .await?;
    let (kind, at) = (kind(&current, role)?, change.at);
    match role {
        None => {
            leave(change, team.id, account).await?;
            require_remaining_lead(change, team.id).await?;
        }
        Some(role) => {
            sqlx::query(
                "INSERT INTO members (team_id, account_id, role, since) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (team_id, account_id) DO UPDATE SET role = excluded.role, by_group = false",
            )
            .bind(team.id)
            .bind(account)
            .bind(role)
            .bind(at)
            .execute(change.db())
            .await?;
            require_remaining_lead(change, team.id).await?;
        }
    }
    let what = role.map_or("no member", TeamRole::as_str);
    audit_log::note_for_team(
        change,
        team.id,
        "team.role-changed",
        &format!("@{handle} is now {what} of {{team}}"),
    )
    .await?;
    let before = json!({ "role": current.map(|(role, _)| role.as_str()) });
    let mut after = json!({ "who": handle, "role": role.map(TeamRole::as_str) });
    if change.actor.is_none() {
        after["by"] = json!(by);
    }
    if change.actor == Some(account) && kind == EventKind::MemberJoined {
        after["comes"] = json!(true);
    }
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
    Ok(())
}

fn kind(current: &Option<(TeamRole, OffsetDateTime)>, role: Option<TeamRole>) -> Result<EventKind> {
    match (current, role) {
        (None, None) => Err(Problem::field(
            "handle",
            "This person is not on the team. Nothing was changed.",
        )),
        (None, Some(_)) => Ok(EventKind::MemberJoined),
        (Some(_), None) => Ok(EventKind::MemberLeft),
        (Some(_), Some(_)) => Ok(EventKind::MemberRoleChanged),
    }
}

/// Refuses to leave a private team without a lead, because no one could see or manage it any more.
pub(crate) async fn require_remaining_lead(change: &mut Change, team: Uuid) -> Result<()> {
    if is_lost(change, team).await? {
        return Err(Problem::field(
            "handle",
            "A private team needs a lead. Choose another lead first, or make the team open. Nothing was changed.",
        ));
    }
    Ok(())
}

/// Whether a private team has no lead with an active account.
async fn is_lost(change: &mut Change, team: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT private AND NOT EXISTS (SELECT FROM members m JOIN accounts a ON a.id = m.account_id
            WHERE m.team_id = t.id AND a.deactivated_at IS NULL AND a.role <> 'viewer' AND (m.role = 'lead' OR a.role = 'admin'))
         FROM teams t WHERE id = $1",
    )
    .bind(team)
    .fetch_one(change.db())
    .await?)
}

/// Deactivation must take effect at once, whatever the person led: in each private team without a
/// lead, the longest-standing member becomes lead. Returns whether a team has no member left;
/// `fortnight team lead` assigns one then.
pub(crate) async fn promote_successors(change: &mut Change, account: Uuid) -> Result<bool> {
    let teams: Vec<Team> = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq FROM members m JOIN teams t ON t.id = m.team_id WHERE m.account_id = $1 ORDER BY t.id",
    )
    .bind(account)
    .fetch_all(change.db())
    .await?;
    let mut is_left_alone = false;
    for team in teams {
        if !is_lost(change, team.id).await? {
            continue;
        }
        let next: Option<String> = sqlx::query_scalar(
            "SELECT a.handle FROM members m JOIN accounts a ON a.id = m.account_id
             WHERE m.team_id = $1 AND a.deactivated_at IS NULL AND a.role <> 'viewer' ORDER BY m.since, a.handle LIMIT 1",
        )
        .bind(team.id)
        .fetch_optional(change.db())
        .await?;
        match next {
            Some(next) => set_member(change, &team, &next, Some(TeamRole::Lead)).await?,
            None => is_left_alone = true,
        }
    }
    Ok(is_left_alone)
}

/// Ends a membership and keeps its dates, so that former members are still named for the time they
/// were there.
pub(crate) async fn leave(change: &mut Change, team: Uuid, account: Uuid) -> Result<()> {
    let at = change.at;
    sqlx::query(
        "WITH gone AS (DELETE FROM members WHERE team_id = $1 AND account_id = $2 RETURNING role, since)
         INSERT INTO past_members (team_id, id, account_id, role, since, until)
         SELECT $1, $3, $2, role, least(since, gone_at), gone_at
         FROM gone, (SELECT least($4, deactivated_at) AS gone_at FROM accounts WHERE id = $2) AS last",
    )
    .bind(team)
    .bind(account)
    .bind(Uuid::now_v7())
    .bind(at)
    .execute(change.db())
    .await?;
    // Someone who can no longer see the team loses their share links to it.
    let private: bool = sqlx::query_scalar("SELECT private FROM teams WHERE id = $1")
        .bind(team)
        .fetch_one(change.db())
        .await?;
    if private {
        share_links::revoke_all_of(change, account, Some(team)).await
    } else {
        Ok(())
    }
}

/// Makes a team private, so that only its members can see it, or open to all who are signed in.
pub(crate) async fn set_visibility(change: &mut Change, team: &Team, private: bool) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let old: bool = sqlx::query_scalar("SELECT private FROM teams WHERE id = $1 FOR NO KEY UPDATE")
        .bind(team.id)
        .fetch_one(change.db())
        .await?;
    if old == private {
        return Ok(());
    }
    if private {
        // All share links end; a lead has to create them again on purpose.
        share_links::revoke_all(change, team).await?;
    }
    sqlx::query("UPDATE teams SET private = $2 WHERE id = $1")
        .bind(team.id)
        .bind(private)
        .execute(change.db())
        .await?;
    require_remaining_lead(change, team.id).await?;
    let word = if private { "private" } else { "open" };
    audit_log::note_for_team(
        change,
        team.id,
        "team.visibility-changed",
        &format!("{{team}} is now {word}"),
    )
    .await?;
    let (before, after) = (json!({ "private": old }), json!({ "private": private }));
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::TeamVisibilityChanged,
        before,
        after,
        version: None,
    });
    Ok(())
}

/// Renames a team or changes its key. The slug stays. With the key all task keys change; the old
/// ones keep working.
///
/// # Errors
/// `Invalid` for a malformed key, or one that another team has.
pub(crate) async fn rename(change: &mut Change, team: &Team, name: &str, key: &str) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let key = key.trim().to_uppercase();
    if (name.trim(), key.as_str()) == (team.name.as_str(), team.key.as_str()) {
        return Ok(());
    }
    create::refuse_hidden_key(change, &key).await?;
    // Keys are never reused by other teams, so the old key stays reserved.
    sqlx::query("INSERT INTO former_keys (key, team_id) SELECT key, id FROM teams WHERE id = $1")
        .bind(team.id)
        .execute(change.db())
        .await?;
    sqlx::query(
        "INSERT INTO former_names (team_id, name) SELECT id, name FROM teams WHERE id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(team.id)
    .execute(change.db())
    .await?;
    sqlx::query("UPDATE teams SET name = $2, key = $3 WHERE id = $1")
        .bind(team.id)
        .bind(name.trim())
        .bind(&key)
        .execute(change.db())
        .await?;
    create::refuse_reserved_key(change.db(), team.id, &key).await?;
    sqlx::query("DELETE FROM former_keys WHERE key = $1")
        .bind(&key)
        .execute(change.db())
        .await?;
    let what = if key == team.key { "name" } else { "key" };
    audit_log::note_for_team(
        change,
        team.id,
        "team.renamed",
        &format!("{{team}} has another {what}"),
    )
    .await?;
    let before = json!({ "name": team.name, "key": team.key });
    let after = json!({ "name": name.trim(), "key": key });
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::TeamRenamed,
        before,
        after,
        version: None,
    });
    Ok(())
}
