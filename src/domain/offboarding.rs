//! Offboarding: roles, deactivation and deletion of accounts. Their history stays.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    accounts::anonymize::PersonNames,
    auth::pending_sign_ins,
    error::{Problem, Result},
    events::{Change, audit_log},
    policy::viewer::Role,
    tasks::assign,
    team::Team,
    teams::{membership, share_links},
    workspace_seq::bump_workspace_seq,
};

/// Makes an account an administrator, a member, or a viewer.
pub(crate) async fn set_role(change: &mut Change, handle: &str, role: Role) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let account = account(change, handle).await?;
    if role != Role::Admin {
        keep_an_administrator(change, account.id).await?;
    }
    sqlx::query("UPDATE accounts SET role = $2, role_by_group = false WHERE id = $1")
        .bind(account.id)
        .bind(role)
        .execute(change.db())
        .await?;
    if role != Role::Admin {
        revoke_access(change, account.id).await?;
        if membership::promote_successors(change, account.id).await? {
            return Err(Problem::field(
                "handle",
                "A private team needs a lead. Choose another lead first. Nothing was changed.",
            ));
        }
    }
    audit_log::note(
        change,
        "role.changed",
        &format!("@{handle} is now {}", role.as_str()),
    )
    .await
}

/// Deactivates an account and ends its sessions, tokens and links. `free` also unassigns its open
/// tasks.
pub(crate) async fn deactivate(change: &mut Change, handle: &str, free: bool) -> Result<()> {
    let account = account(change, handle).await?;
    if change.actor == Some(account.id) {
        return Err(Problem::field(
            "handle",
            "You can't deactivate your own account. Nothing was changed.",
        ));
    }
    let at = change.at;
    if free {
        free_tasks(change, account.id, handle).await?;
    }
    bump_workspace_seq(change.db()).await?;
    keep_an_administrator(change, account.id).await?;
    sqlx::query("UPDATE accounts SET deactivated_at = coalesce(deactivated_at, $2) WHERE id = $1")
        .bind(account.id)
        .bind(at)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1")
        .bind(account.id)
        .execute(change.db())
        .await?;
    pending_sign_ins::end_all(change.db(), account.id).await?;
    sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL")
        .bind(account.id)
        .bind(at)
        .execute(change.db())
        .await?;
    revoke_access(change, account.id).await?;
    membership::promote_successors(change, account.id).await?;
    audit_log::note(change, "account.deactivated", &format!("@{handle}")).await
}

/// Revokes what gives others access by this person's permission: reset links, invitations and share
/// links, which they may have kept.
async fn revoke_access(change: &mut Change, account: Uuid) -> Result<()> {
    let at = change.at;
    sqlx::query("DELETE FROM password_resets WHERE created_by = $1 OR account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    sqlx::query(
        "UPDATE invitations SET revoked_at = $2 WHERE created_by = $1 AND revoked_at IS NULL",
    )
    .bind(account)
    .bind(at)
    .execute(change.db())
    .await?;
    share_links::revoke_all_of(change, account, None).await
}

/// Reactivates an account.
pub(crate) async fn reactivate(change: &mut Change, handle: &str) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let account = account(change, handle).await?;
    sqlx::query("UPDATE accounts SET deactivated_at = NULL WHERE id = $1")
        .bind(account.id)
        .execute(change.db())
        .await?;
    audit_log::note(change, "account.reactivated", &format!("@{handle}")).await
}

/// Deletes a deactivated account: name and address are removed, and its history remains as a former
/// member's.
///
/// # Errors
/// `Conflict` for an active account.
pub(crate) async fn delete(change: &mut Change, handle: &str) -> Result<()> {
    let account = account(change, handle).await?;
    if account.deactivated_at.is_none() {
        return Err(Problem::conflict(
            "Deactivate the account first. Nothing was deleted.",
        ));
    }
    let known = PersonNames::of(change, account.id).await?;
    free_tasks(change, account.id, handle).await?;
    known.anonymize_tasks(change).await?;
    bump_workspace_seq(change.db()).await?;
    let teams: Vec<Uuid> =
        sqlx::query_scalar("SELECT team_id FROM members WHERE account_id = $1 ORDER BY team_id")
            .bind(account.id)
            .fetch_all(change.db())
            .await?;
    for team in teams {
        membership::leave(change, team, account.id).await?;
        membership::require_remaining_lead(change, team).await?;
    }
    // Tasks that are waiting on the person keep waiting, on a free text.
    sqlx::query(
        "UPDATE blockers SET kind = 'text', on_account_id = NULL, note = CASE WHEN note ~ '\\S' THEN note ELSE 'a former member' END
         WHERE on_account_id = $1",
    )
    .bind(account.id)
    .execute(change.db())
    .await?;
    known.anonymize_history(change, account.id).await?;
    // The handle stays reserved, without an account.
    sqlx::query("INSERT INTO former_handles (handle) VALUES ($1)")
        .bind(handle)
        .execute(change.db())
        .await?;
    for table in ["task_owners", "goal_owners"] {
        let query = format!("DELETE FROM {table} WHERE account_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(account.id)
            .execute(change.db())
            .await?;
    }
    sqlx::query("DELETE FROM accounts WHERE id = $1")
        .bind(account.id)
        .execute(change.db())
        .await?;
    audit_log::note(change, "account.deleted", "").await
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    deactivated_at: Option<OffsetDateTime>,
}

async fn account(change: &mut Change, handle: &str) -> Result<Row> {
    Ok(sqlx::query_as(
        "SELECT id, deactivated_at FROM accounts WHERE handle = $1 FOR NO KEY UPDATE",
    )
    .bind(handle)
    .fetch_one(change.db())
    .await?)
}

/// A workspace without an administrator could never be managed again.
async fn keep_an_administrator(change: &mut Change, account: Uuid) -> Result<()> {
    let others: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM accounts WHERE role = 'admin' AND deactivated_at IS NULL AND id <> $1",
    )
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if others == 0 {
        return Err(Problem::field(
            "handle",
            "The workspace needs at least one administrator. Nothing was changed.",
        ));
    }
    Ok(())
}

/// Removes a person from all open tasks, each with its event.
async fn free_tasks(change: &mut Change, account: Uuid, handle: &str) -> Result<()> {
    #[derive(sqlx::FromRow)]
    struct Owned {
        task: Uuid,
        #[sqlx(flatten)]
        team: Team,
    }
    let owned: Vec<Owned> = sqlx::query_as(
        "SELECT k.id AS task, t.id, t.slug, t.name, t.key, t.seq FROM task_owners o
         JOIN tasks k ON k.team_id = o.team_id AND k.id = o.task_id JOIN teams t ON t.id = k.team_id
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE o.account_id = $1 AND c.state <> 'done' AND k.archived_at IS NULL ORDER BY t.id, k.id",
    )
    .bind(account)
    .fetch_all(change.db())
    .await?;
    for Owned { task, team } in owned {
        let mut owners = assign::read(change.db(), team.id, task).await?;
        owners.retain(|owner| owner != handle);
        assign::set_owners(change, &team, task, &owners).await?;
    }
    Ok(())
}
