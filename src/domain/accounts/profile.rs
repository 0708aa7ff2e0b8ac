//! What people say about themselves: their name, and when they work.

use crate::domain::events::EventKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    accounts::{create::touch_workspace, working_hours::Hours},
    events::audit_log,
};
use crate::domain::{
    clock,
    error::{Problem, Result},
    events::{Change, Event},
};

/// What a person may change about themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// What others write after an @.
    pub handle: String,
    /// One of the twelve.
    pub hue: i16,
    pub hours: Hours,
}

/// Changes it. Every team that the person is on sees it at once: who would fit a goal goes by hours.
pub async fn edit_profile(change: &mut Change, account: Uuid, profile: &Profile) -> Result<()> {
    if !clock::is_zone(&profile.hours.zone) {
        return Err(Problem::field(
            "time_zone",
            "That is no time zone. Write it as Europe/Berlin.",
        ));
    }
    // First of all: another window of the same person may be giving up a handle just now.
    touch_workspace(change.db()).await?;
    let before = profile_of(change.db(), account).await?;
    if before == *profile {
        return Ok(());
    }
    if before.handle != profile.handle {
        keep_handle(change, account, &before.handle, &profile.handle).await?;
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
    let said = |profile: &Profile| {
        json!({
            "account": account, "name": profile.name, "handle": profile.handle, "hue": profile.hue,
            "time_zone": profile.hours.zone, "hours": profile.hours.words(),
        })
    };
    tell_teams(
        change,
        account,
        EventKind::MemberProfileEdited,
        said(&before),
        said(profile),
    )
    .await
}

/// A handle that was somebody's is nobody else's: what happened names people by it. Whoever takes or gives up one has the
/// workspace's row, and is alone with it.
async fn keep_handle(change: &mut Change, account: Uuid, was: &str, is: &str) -> Result<()> {
    let is_anothers: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM former_handles WHERE handle = $1 AND account_id IS DISTINCT FROM $2)",
    )
    .bind(is)
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if is_anothers {
        return Err(Problem::field(
            "handle",
            "That handle was somebody else's, and what happened names them by it.",
        ));
    }
    sqlx::query("INSERT INTO former_handles (handle, account_id) SELECT handle, id FROM accounts WHERE id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM former_handles WHERE handle = $1")
        .bind(is)
        .execute(change.db())
        .await?;
    audit_log::note(change, "handle.changed", &format!("@{was} is now @{is}")).await
}

/// Every team that somebody is on is told what they changed about themselves.
pub(crate) async fn tell_teams(
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

/// What stands now.
pub async fn profile_of(db: impl sqlx::PgExecutor<'_>, account: Uuid) -> Result<Profile> {
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
