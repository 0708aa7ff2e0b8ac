//! Absences: the days on which people are away.

use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::profile::notify_teams,
        error::{Problem, Result},
        events::{Change, EventKind},
        workspace_seq::bump_workspace_seq,
    },
};

/// Returns a person's absences by date, first and last day included.
pub(crate) async fn away(db: &Pool, account: Uuid) -> Result<Vec<(Date, Date)>> {
    Ok(sqlx::query_as(
        "SELECT from_day, to_day FROM absences WHERE account_id = $1 ORDER BY from_day DESC LIMIT 100",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// Adds an absence. Another one with the same first day changes its last day.
pub(crate) async fn add_away(
    change: &mut Change,
    account: Uuid,
    from: Date,
    to: Date,
) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    sqlx::query(
        "INSERT INTO absences (account_id, from_day, to_day) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, from_day) DO UPDATE SET to_day = excluded.to_day",
    )
    .bind(account)
    .bind(from)
    .bind(to)
    .execute(change.db())
    .await?;
    notify_teams(
        change,
        account,
        EventKind::MemberAbsenceChanged,
        json!({ "account": account }),
        to_json(account, from, to),
    )
    .await
}

/// Removes an absence.
pub(crate) async fn remove_away(change: &mut Change, account: Uuid, from: Date) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let to: Option<Date> = sqlx::query_scalar(
        "DELETE FROM absences WHERE account_id = $1 AND from_day = $2 RETURNING to_day",
    )
    .bind(account)
    .bind(from)
    .fetch_optional(change.db())
    .await?;
    let to = to.ok_or(Problem::NotFound)?;
    notify_teams(
        change,
        account,
        EventKind::MemberAbsenceChanged,
        to_json(account, from, to),
        json!({ "account": account }),
    )
    .await
}

fn to_json(account: Uuid, from: Date, to: Date) -> Value {
    json!({ "account": account, "from": from.to_string(), "to": to.to_string() })
}
