//! When which project is compared. Of several programs, one at a time is busy with a project.

use sqlx::{PgConnection, types::Json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock,
        error::{Problem, Result},
        github_projects::{
            api::{Api, ApiError},
            connected::{ConnectedProject, connected},
            remote::RemoteProject,
        },
        outbox::Again,
    },
};

/// For how long a project belongs to one program, which renews it.
const LEASE: Duration = Duration::minutes(5);

/// The shortest time between two looks at what has changed on GitHub.
const POLL_EVERY: Duration = Duration::minutes(2);

/// When all items are compared each night: a minute of the day, in the workspace's time zone.
const COMPARE_AT: i16 = 2 * 60;

/// The points that an hour of asking may cost: a tenth of what a token has.
pub(super) const POINTS_AN_HOUR: i32 = 500;

/// The writes of one run. GitHub accepts 80 a minute.
pub(super) const WRITES_AT_ONCE: i32 = 40;

/// The writes of an hour. GitHub accepts 500.
const WRITES_AN_HOUR: i32 = 400;

/// The wait after so many writes.
const AFTER_WRITES: Duration = Duration::MINUTE;

/// The wait after an error that asking again does not mend.
const AFTER_REFUSAL: Duration = Duration::hours(1);

/// Takes a project for which there is something to do, for as long as a lease, with the items that GitHub says have changed.
pub(super) async fn take(db: &Pool, now: OffsetDateTime) -> Result<Option<ConnectedProject>> {
    let mut tx = db.begin().await?;
    let taken: Option<ConnectedProject> = sqlx::query_as(concat!(
        connected!(),
        " JOIN teams t ON t.id = g.team_id
          WHERE g.state = 'on' AND coalesce(g.leased_until <= $1, true) AND coalesce(g.wait_until <= $1, true)
              AND coalesce(g.limited_until <= $1, true) AND (g.poll_at <= $1 OR t.seq > g.seq OR cardinality(g.hinted) > 0)
          ORDER BY g.poll_at LIMIT 1 FOR NO KEY UPDATE OF g SKIP LOCKED"
    ))
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(mut project) = taken else {
        return Ok(None);
    };
    project.leased_until = sqlx::query_scalar(
        "UPDATE github_projects SET leased_until = $2, hinted = '{}' WHERE id = $1 RETURNING leased_until",
    )
    .bind(project.id)
    .bind(now + LEASE)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(project))
}

/// Renews the lease. Returns whether the project still belongs to this program, and nobody has changed or disconnected it.
pub(super) async fn renew(
    db: &Pool,
    project: &mut ConnectedProject,
    now: OffsetDateTime,
) -> Result<bool> {
    let renewed: Option<OffsetDateTime> = sqlx::query_scalar(
        "UPDATE github_projects SET leased_until = greatest($3, leased_until) WHERE id = $1 AND state = 'on' AND leased_until = $2
         RETURNING leased_until",
    )
    .bind(project.id)
    .bind(project.leased_until)
    .bind(now + LEASE)
    .fetch_optional(db)
    .await?;
    let is_ours = renewed.is_some();
    project.leased_until = renewed.or(project.leased_until);
    Ok(is_ours)
}

/// Locks a project against being changed or disconnected.
///
/// # Errors
/// `Gone` if that has happened, or another program is busy with it.
pub(super) async fn require_lease(db: &mut PgConnection, project: &ConnectedProject) -> Result<()> {
    let is_ours: Option<bool> = sqlx::query_scalar(
        "SELECT true FROM github_projects WHERE id = $1 AND state = 'on' AND leased_until = $2 FOR SHARE",
    )
    .bind(project.id)
    .bind(project.leased_until)
    .fetch_optional(db)
    .await?;
    match is_ours {
        Some(_) => Ok(()),
        None => Err(Problem::Gone("The project was changed meanwhile.".into())),
    }
}

/// How a run went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The team's newest event when it began.
    pub(super) seq: i64,
    /// If GitHub was asked what has changed: how many items there are, and how many are hidden.
    pub(super) listed: Option<(usize, usize)>,
    /// If all were compared: how many were equal, and how many were not.
    pub(super) compared: Option<(i32, i32)>,
    /// If GitHub should have been asked, but not this hour: when it will be.
    pub(super) poll_at: Option<OffsetDateTime>,
    /// Why some new items or tasks are left out.
    pub(super) note: String,
    /// Whether something is left for another run.
    pub(super) is_unfinished: bool,
}

/// Notes a run that went through, and when the next one is due. A run that was overtaken notes nothing.
pub(super) async fn finish(
    db: &Pool,
    project: &ConnectedProject,
    api: &Api<'_>,
    outcome: &Outcome,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    add_points(&mut tx, project, api, now).await?;
    let seq = (!outcome.is_unfinished).then_some(outcome.seq);
    let after_list = outcome.listed.map(|(items, _)| now + poll_after(items));
    let poll_at = outcome.poll_at.or(after_list);
    let wait = match rest_of_hour(project, api.writes, now) {
        Some(wait) if outcome.is_unfinished => wait,
        _ => AFTER_WRITES,
    };
    let ours = sqlx::query(
        "UPDATE github_projects SET leased_until = NULL, failures = 0, problem = left($9, 500), synced_at = $2, seq = coalesce($3, seq),
             poll_at = CASE WHEN $4 THEN $2 ELSE coalesce($5, poll_at) END, wait_until = CASE WHEN $4 THEN $6 END,
             hidden_items = coalesce($7, hidden_items)
         WHERE id = $1 AND state = 'on' AND leased_until = $8",
    )
    .bind(project.id)
    .bind(now)
    .bind(seq)
    .bind(outcome.is_unfinished)
    .bind(poll_at)
    .bind(now + wait)
    .bind(outcome.listed.map(|(_, hidden)| i32::try_from(hidden).unwrap_or(i32::MAX)))
    .bind(project.leased_until)
    .bind(&outcome.note)
    .execute(&mut *tx)
    .await?;
    if let (Some((equal, different)), 1) = (outcome.compared, ours.rows_affected()) {
        let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
            .fetch_one(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE github_projects SET compared_at = $2, compare_at = CASE WHEN $3 THEN compare_at ELSE $4 END, equal_items = $5,
                 different_items = $6 WHERE id = $1",
        )
        .bind(project.id)
        .bind(now)
        .bind(outcome.is_unfinished)
        .bind(next_night(now, &zone))
        .bind(equal)
        .bind(different)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Notes a run that GitHub has stopped, and when it is tried again.
pub(super) async fn fail(
    db: &Pool,
    project: &ConnectedProject,
    api: &Api<'_>,
    error: &ApiError,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    add_points(&mut tx, project, api, now).await?;
    // 5, 10, 20 seconds and so on, up to a quarter of an hour; not as long if GitHub has answered something else.
    let longest = match api.answers {
        0 => Duration::minutes(15),
        _ => Duration::MINUTE,
    };
    let later = Duration::seconds(5 << project.failures.clamp(0, 8)).min(longest);
    let (wait, limited) = match error.again {
        Again::Later => (later, None),
        Again::After(wait) => (wait, Some(now + wait)),
        Again::Never => (AFTER_REFUSAL, None),
    };
    sqlx::query(
        "UPDATE github_projects SET leased_until = NULL, failures = failures + 1, problem = left($2, 500), wait_until = $3, limited_until = $4
         WHERE id = $1 AND state = 'on' AND leased_until = $5",
    )
    .bind(project.id)
    .bind(format!("{}.", error.message.trim_end_matches('.')))
    .bind(now + wait)
    .bind(limited)
    .bind(project.leased_until)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a project back after an error of ours, which is in the log.
pub(super) async fn give_back(
    db: &Pool,
    project: &ConnectedProject,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE github_projects SET leased_until = NULL, wait_until = $2, problem = $3 WHERE id = $1 AND state = 'on' AND leased_until = $4",
    )
    .bind(project.id)
    .bind(now + Duration::MINUTE)
    .bind("This server had an error, which is in its log.")
    .bind(project.leased_until)
    .execute(db)
    .await?;
    Ok(())
}

fn is_this_hour(project: &ConnectedProject, now: OffsetDateTime) -> bool {
    let since = project.points_since;
    since.is_some_and(|since| now - since < Duration::HOUR)
}

/// Whether the points of this hour are used up, so that GitHub is not asked what has changed.
pub(super) fn is_used_up(project: &ConnectedProject, now: OffsetDateTime) -> bool {
    is_this_hour(project, now) && project.points >= POINTS_AN_HOUR
}

/// How much may be written in this run.
pub(super) fn writes_left(project: &ConnectedProject, now: OffsetDateTime) -> i32 {
    let written = match is_this_hour(project, now) {
        true => project.writes,
        false => 0,
    };
    (WRITES_AN_HOUR - written).clamp(0, WRITES_AT_ONCE)
}

/// The time until the hour is over, if all that may be written in it was written.
fn rest_of_hour(project: &ConnectedProject, writes: i32, now: OffsetDateTime) -> Option<Duration> {
    let since = project
        .points_since
        .filter(|_| is_this_hour(project, now))?;
    let is_used_up = project.writes + writes >= WRITES_AN_HOUR;
    is_used_up.then(|| since + Duration::HOUR - now)
}

/// When all items are compared next.
fn next_night(now: OffsetDateTime, zone: &str) -> OffsetDateTime {
    let today = clock::day_in(now, zone);
    let tonight = clock::instant(today, COMPARE_AT, zone);
    match tonight > now {
        true => tonight,
        false => clock::instant(today.saturating_add(Duration::DAY), COMPARE_AT, zone),
    }
}

/// When the points of this hour do not count any more.
pub(super) fn next_hour(project: &ConnectedProject) -> Option<OffsetDateTime> {
    project.points_since.map(|since| since + Duration::HOUR)
}

/// Stores what GitHub says of a project's fields.
pub(super) async fn store_fields(db: &Pool, id: Uuid, found: &RemoteProject) -> Result<()> {
    sqlx::query("UPDATE github_projects SET title = left($2, 500), url = $3, fields = $4 WHERE id = $1 AND state = 'on'")
        .bind(id)
        .bind(&found.title)
        .bind(&found.url)
        .bind(Json(&found.fields))
        .execute(db)
        .await?;
    Ok(())
}

/// The time until the next look: looking at a hundred items costs a point.
fn poll_after(items: usize) -> Duration {
    let points = i64::try_from(items / 100 + 1).unwrap_or(i64::MAX);
    // Four fifths of the points, so that some are left for reading what has changed.
    let fair = Duration::HOUR * (points as f64 / f64::from(POINTS_AN_HOUR * 4 / 5));
    fair.max(POLL_EVERY)
}

async fn add_points(
    db: &mut PgConnection,
    project: &ConnectedProject,
    api: &Api<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE github_projects SET
             points = CASE WHEN points_since > $4 THEN points + $2 ELSE $2 END,
             writes = CASE WHEN points_since > $4 THEN writes + $3 ELSE $3 END,
             points_since = CASE WHEN points_since > $4 THEN points_since ELSE $5 END
         WHERE id = $1",
    )
    .bind(project.id)
    .bind(api.points)
    .bind(api.writes)
    .bind(now - Duration::HOUR)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Has an item looked at soon, because GitHub says that it has changed. Of very many, all are listed instead. Returns
/// whether any team has connected the project.
pub(crate) async fn hint(
    db: &mut PgConnection,
    node_id: &str,
    item: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let hinted = sqlx::query(
        "UPDATE github_projects SET
             hinted = CASE WHEN $2 = ANY(hinted) OR cardinality(hinted) >= 200 THEN hinted ELSE hinted || $2 END,
             poll_at = CASE WHEN cardinality(hinted) >= 200 THEN least(poll_at, $3) ELSE poll_at END
         WHERE node_id = $1 AND state = 'on'",
    )
    .bind(node_id)
    .bind(item)
    .bind(now)
    .execute(db)
    .await?;
    Ok(hinted.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn all_items_are_compared_at_night() {
        let next = |now| next_night(now, "Europe/Berlin");
        let afternoon = datetime!(2026-11-24 15:00 UTC);
        assert_eq!(next(afternoon), datetime!(2026-11-25 1:00 UTC));
        let after_midnight = datetime!(2026-11-24 23:30 UTC);
        assert_eq!(next(after_midnight), datetime!(2026-11-25 1:00 UTC));
        assert_eq!(
            next(datetime!(2026-11-25 1:00 UTC)),
            datetime!(2026-11-26 1:00 UTC)
        );
    }

    #[test]
    fn larger_projects_are_looked_at_less_often() {
        assert_eq!(poll_after(0), Duration::minutes(2));
        assert_eq!(poll_after(1_000), Duration::minutes(2));
        // 101 points, of 400 an hour
        assert_eq!(poll_after(10_000).whole_seconds(), 909);
        for items in [100_u32, 5_000, 50_000] {
            let looks = Duration::HOUR / poll_after(items as usize);
            let points = looks * (f64::from(items) / 100.0 + 1.0);
            assert!(points <= f64::from(POINTS_AN_HOUR), "{items}: {points}");
        }
    }
}
