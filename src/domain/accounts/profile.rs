//! Profiles: name, username and working hours.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    accounts::working_hours::Hours,
    clock,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    workspace_seq::bump_workspace_seq,
};

/// The part of an account that its owner may edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    /// The username, written after an @.
    pub(crate) handle: String,
    /// One of twelve colours.
    pub(crate) hue: i16,
    pub(crate) hours: Hours,
}

/// Edits a profile. All teams of the person are notified, because goal suggestions depend on
/// working hours.
pub(crate) async fn edit_profile(
    change: &mut Change,
    account: Uuid,
    profile: &Profile,
) -> Result<()> {
    if !clock::is_zone(&profile.hours.zone) {
        return Err(Problem::field(
            "time_zone",
            "Unknown time zone. Use a name such as Europe/Berlin.",
        ));
    }
    // Locks first, because another window of the same person may be changing the handle.
    bump_workspace_seq(change.db()).await?;
    let before = profile_of(change.db(), account).await?;
    if before == *profile {
        return Ok(());
    }
    if before.handle != profile.handle {
        reserve_former_handle(change, account, &before.handle, &profile.handle).await?;
    }
    sqlx::query("UPDATE accounts SET name = $2, time_zone = $3, works_from = $4, works_to = $5, handle = $6, hue = $7 WHERE id = $1")
        .bind(account)
        .bind(profile.name.trim())
        .bind(&profile.hours.zone)
        .bind(profile.hours.from)
        .bind(profile.hours.to)
        .bind(&profile.handle)
        .bind(profile.hue)
        .execute(change.db())
        .await?;
    let to_json = |profile: &Profile| {
        json!({
            "account": account, "name": profile.name, "handle": profile.handle, "hue": profile.hue,
            "time_zone": profile.hours.zone, "hours": profile.hours.text(),
        })
    };
    notify_teams(
        change,
        account,
        EventKind::MemberProfileEdited,
        to_json(&before),
        to_json(profile),
    )
    .await
}

/// Reserves a former handle for its owner, because history refers to it. The workspace row
/// serializes all changes of handles.
async fn reserve_former_handle(
    change: &mut Change,
    account: Uuid,
    old_handle: &str,
    new_handle: &str,
) -> Result<()> {
    let belongs_to_another: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM former_handles WHERE handle = $1 AND account_id IS DISTINCT FROM $2)",
    )
    .bind(new_handle)
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if belongs_to_another {
        return Err(Problem::field(
            "handle",
            "This username was used before and can't be reused.",
        ));
    }
    sqlx::query("INSERT INTO former_handles (handle, account_id) SELECT handle, id FROM accounts WHERE id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM former_handles WHERE handle = $1")
        .bind(new_handle)
        .execute(change.db())
        .await?;
    audit_log::note(
        change,
        "handle.changed",
        &format!("@{old_handle} is now @{new_handle}"),
    )
    .await
}

/// Records the change of a profile for every team of the person.
pub(crate) async fn notify_teams(
    change: &mut Change,
    account: Uuid,
    kind: EventKind,
    before: Value,
    after: Value,
) -> Result<()> {
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT team_id FROM members WHERE account_id = $1")
        .bind(account)
        .fetch_all(change.db())
        .await?;
    for team in teams {
        let (before, after) = (before.clone(), after.clone());
        change.record(Event {
            team,
            task: None,
            kind,
            before,
            after,
            version: None,
        });
    }
    Ok(())
}

/// Returns the current profile.
pub(crate) async fn profile_of(db: impl sqlx::PgExecutor<'_>, account: Uuid) -> Result<Profile> {
    let (name, handle, hue, zone, from, to) = sqlx::query_as(
        "SELECT name, handle, hue, time_zone, works_from, works_to FROM accounts WHERE id = $1",
    )
    .bind(account)
    .fetch_one(db)
    .await?;
    Ok(Profile {
        name,
        handle,
        hue,
        hours: Hours { zone, from, to },
    })
}
