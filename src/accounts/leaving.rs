//! People who go: roles, deactivation and deletion. What they did stays.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{adding::touch_workspace, audit, viewer::Role};
use crate::{
    activity::Change,
    tasks::owning,
    teams::{Team, membership},
    web::error::{Problem, Result},
};

/// Makes somebody an administrator, a member, or one who only reads.
pub async fn set_role(change: &mut Change, handle: &str, role: Role) -> Result<()> {
    touch_workspace(change.db()).await?;
    let word = match role {
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Viewer => "viewer",
    };
    let account = account(change, handle).await?;
    if role != Role::Admin {
        keep_an_administrator(change, account.id).await?;
    }
    sqlx::query("UPDATE accounts SET role = $2 WHERE id = $1").bind(account.id).bind(word).execute(change.db()).await?;
    if role != Role::Admin {
        take_keys(change, account.id).await?;
        if membership::hand_on(change, account.id).await? {
            return Err(Problem::field(
                "handle",
                "A private team would be left without anybody who may lead it. Put somebody else on it first. Nothing was changed.",
            ));
        }
    }
    audit::note(change, "role.changed", &format!("@{handle} is now {word}")).await
}

/// Ends somebody's sessions, tokens and links, and lets them in no more. With `free` their open tasks are nobody's.
pub async fn deactivate(change: &mut Change, handle: &str, free: bool) -> Result<()> {
    let account = account(change, handle).await?;
    if change.actor == Some(account.id) {
        return Err(Problem::field("handle", "Nobody deactivates themselves. Nothing was changed."));
    }
    let at = change.at;
    if free {
        free_tasks(change, account.id, handle).await?;
    }
    touch_workspace(change.db()).await?;
    keep_an_administrator(change, account.id).await?;
    sqlx::query("UPDATE accounts SET deactivated_at = coalesce(deactivated_at, $2) WHERE id = $1")
        .bind(account.id)
        .bind(at)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1").bind(account.id).execute(change.db()).await?;
    sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL")
        .bind(account.id)
        .bind(at)
        .execute(change.db())
        .await?;
    take_keys(change, account.id).await?;
    membership::hand_on(change, account.id).await?;
    audit::note(change, "account.deactivated", &format!("@{handle}")).await
}

/// Ends what lets others in by somebody's word, links for a new password and invitations: they may have kept them.
async fn take_keys(change: &mut Change, account: Uuid) -> Result<()> {
    let at = change.at;
    sqlx::query("DELETE FROM password_resets WHERE created_by = $1 OR account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    sqlx::query("UPDATE invitations SET revoked_at = $2 WHERE created_by = $1 AND revoked_at IS NULL")
        .bind(account)
        .bind(at)
        .execute(change.db())
        .await?;
    Ok(())
}

/// Lets somebody in again.
pub async fn reactivate(change: &mut Change, handle: &str) -> Result<()> {
    touch_workspace(change.db()).await?;
    let account = account(change, handle).await?;
    sqlx::query("UPDATE accounts SET deactivated_at = NULL WHERE id = $1")
        .bind(account.id)
        .execute(change.db())
        .await?;
    audit::note(change, "account.reactivated", &format!("@{handle}")).await
}

/// Deletes who was deactivated: name and address go, and what they did stays as a former member's.
///
/// # Errors
/// `Conflict` for somebody who may still come in.
pub async fn delete(change: &mut Change, handle: &str) -> Result<()> {
    let account = account(change, handle).await?;
    if account.deactivated_at.is_none() {
        return Err(Problem::conflict("Deactivate the account first. Nothing was deleted."));
    }
    free_tasks(change, account.id, handle).await?;
    touch_workspace(change.db()).await?;
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT team_id FROM members WHERE account_id = $1 ORDER BY team_id")
        .bind(account.id)
        .fetch_all(change.db())
        .await?;
    for team in teams {
        membership::leave(change, team, account.id).await?;
        membership::keep_somebody(change, team).await?;
    }
    // What waits on them goes on waiting, in plain words.
    sqlx::query(
        "UPDATE waits SET kind = 'text', on_account_id = NULL, note = CASE WHEN note ~ '\\S' THEN note ELSE 'a former member' END
         WHERE on_account_id = $1",
    )
    .bind(account.id)
    .execute(change.db())
    .await?;
    forget(change, account.id, handle).await?;
    for table in ["task_owners", "goal_owners"] {
        let query = format!("DELETE FROM {table} WHERE account_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(account.id).execute(change.db()).await?;
    }
    sqlx::query("DELETE FROM accounts WHERE id = $1").bind(account.id).execute(change.db()).await?;
    audit::note(change, "account.deleted", "").await
}

/// What stands for somebody's handle in what happened.
const FORMER: &str = "a former member";

/// Takes somebody's handle, name and address out of what happened: whoever gets the handle next is not who did it.
async fn forget(change: &mut Change, account: Uuid, handle: &str) -> Result<()> {
    let email: String =
        sqlx::query_scalar("SELECT email FROM accounts WHERE id = $1").bind(account).fetch_one(change.db()).await?;
    sqlx::query("UPDATE audit SET about = $2 WHERE lower(about) = lower($1)")
        .bind(&email)
        .bind(FORMER)
        .execute(change.db())
        .await?;
    // A handle has a–z, 0–9 and - only.
    sqlx::query("UPDATE audit SET about = regexp_replace(about, '@' || $1 || '(?![a-z0-9-])', $2, 'g') WHERE strpos(about, '@' || $1) > 0")
        .bind(handle)
        .bind(FORMER)
        .execute(change.db())
        .await?;
    for event in change.pending() {
        rename(&mut event.before, handle);
        rename(&mut event.after, handle);
    }
    let mut said: Vec<(Uuid, i64, Value, Value, bool)> = sqlx::query_as(
        "SELECT team_id, seq, before, after, kind = 'member.edited' AND actor_id = $2 FROM events
         WHERE before->'owners' ? $1 OR after->'owners' ? $1 OR before->>'who' = $1 OR after->>'who' = $1
               OR kind = 'member.edited' AND actor_id = $2",
    )
    .bind(handle)
    .bind(account)
    .fetch_all(change.db())
    .await?;
    for (_, _, before, after, is_profile) in &mut said {
        for value in [before, after] {
            if *is_profile {
                *value = json!({});
            }
            rename(value, handle);
        }
    }
    sqlx::query(
        "UPDATE events e SET before = n.before, after = n.after
         FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (team, seq, before, after)
         WHERE e.team_id = n.team AND e.seq = n.seq",
    )
    .bind(said.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(said.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind(said.iter().map(|row| &row.2).collect::<Vec<_>>())
    .bind(said.iter().map(|row| &row.3).collect::<Vec<_>>())
    .execute(change.db())
    .await?;
    Ok(())
}

/// Puts `FORMER` where an event names that handle as an owner, or as whom it is about.
fn rename(said: &mut Value, handle: &str) {
    let Some(said) = said.as_object_mut() else { return };
    for (field, value) in said.iter_mut() {
        let named: Vec<&mut Value> = match (field.as_str(), value) {
            ("owners", Value::Array(owners)) => owners.iter_mut().collect(),
            ("who", who) => vec![who],
            _ => continue,
        };
        for one in named.into_iter().filter(|one| one.as_str() == Some(handle)) {
            *one = json!(FORMER);
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    deactivated_at: Option<OffsetDateTime>,
}

async fn account(change: &mut Change, handle: &str) -> Result<Row> {
    Ok(sqlx::query_as("SELECT id, deactivated_at FROM accounts WHERE handle = $1 FOR NO KEY UPDATE")
        .bind(handle)
        .fetch_one(change.db())
        .await?)
}

/// A workspace without an administrator could never be changed again.
async fn keep_an_administrator(change: &mut Change, account: Uuid) -> Result<()> {
    let others: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM accounts WHERE role = 'admin' AND deactivated_at IS NULL AND id <> $1",
    )
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if others == 0 {
        return Err(Problem::field("handle", "Somebody has to be an administrator. Nothing was changed."));
    }
    Ok(())
}

/// Takes somebody off all open tasks, each with its event.
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
        let mut owners = owning::read(change.db(), team.id, task).await?;
        owners.retain(|owner| owner != handle);
        owning::set_owners(change, &team, task, &owners).await?;
    }
    Ok(())
}
