//! When a digest is due: on the mornings of a person's standups, at the hour they chose, in their time zone.

use std::collections::HashMap;

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock,
        error::Result,
        mail::outbox::{self, MailKind},
        teams::roster::{self, weekday},
    },
};

/// A digest that is later than this is not sent any more: the program was not running that morning.
const LATEST: i16 = 4 * 60;

#[derive(sqlx::FromRow)]
struct Reader {
    id: Uuid,
    time_zone: String,
    digest_at: i16,
    digest_on: Option<Date>,
    teams: Vec<Uuid>,
}

/// Adds the digests that are due to the outbox, each once a day.
pub(crate) async fn add_due(db: &Pool, now: OffsetDateTime) -> Result<usize> {
    let readers: Vec<Reader> = sqlx::query_as(
        "SELECT a.id, a.time_zone, a.digest_at, a.digest_on, ARRAY(SELECT team_id FROM members m WHERE m.account_id = a.id) AS teams
         FROM accounts a WHERE a.email_confirmed_at IS NOT NULL AND a.deactivated_at IS NULL AND a.unread > 0
           AND (a.digest_on IS NULL OR a.digest_on < $1)",
    )
    // some time zone is a day ahead
    .bind(now.date().saturating_add(Duration::DAY))
    .fetch_all(db)
    .await?;
    let due: Vec<(Reader, Date)> = readers
        .into_iter()
        .filter_map(|reader| {
            let (day, hour, minute) = clock::civil(now, &reader.time_zone);
            let late = i16::from(hour) * 60 + i16::from(minute) - reader.digest_at;
            let is_due = (0..=LATEST).contains(&late) && reader.digest_on.is_none_or(|on| on < day);
            is_due.then_some((reader, day))
        })
        .collect();
    if due.is_empty() {
        return Ok(0);
    }
    let mut teams: Vec<Uuid> = due
        .iter()
        .flat_map(|(reader, _)| reader.teams.iter().copied())
        .collect();
    teams.sort_unstable();
    teams.dedup();
    let rosters = roster::load_rosters(db, &teams).await?;
    let weeks: HashMap<Uuid, &roster::Week> = rosters
        .iter()
        .map(|(team, roster)| (*team, &roster.week))
        .collect();
    let mut added = 0;
    for (reader, day) in due {
        let is_standup = reader.teams.iter().any(|team| {
            weeks
                .get(team)
                .is_some_and(|week| week.standup_days.contains(&weekday(day)) && week.works_on(day))
        });
        if !is_standup {
            continue;
        }
        let mut tx = db.begin().await?;
        let is_first = sqlx::query(
            "UPDATE accounts SET digest_on = $2 WHERE id = $1 AND (digest_on IS NULL OR digest_on < $2)",
        )
        .bind(reader.id)
        .bind(day)
        .execute(&mut *tx)
        .await?
        .rows_affected()
            > 0;
        if is_first {
            outbox::add(&mut tx, MailKind::Digest, reader.id, now).await?;
            added += 1;
        }
        tx.commit().await?;
    }
    Ok(added)
}
