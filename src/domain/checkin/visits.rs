//! Visits to a team's check-in: the page shows what changed since the reader's last one.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, policy::predicates::named_to_all},
};

/// A later request counts as a new visit; reloading the page before keeps its list of changes.
const VISIT: Duration = Duration::minutes(30);
/// How often an ongoing visit is stored.
const STILL_THERE: Duration = Duration::minutes(5);

/// The previous visit, and whether the reader follows the team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The team's newest event at that time.
    pub(crate) seq: i64,
    /// `None` on the first visit, when `seq` is the current one.
    pub(crate) at: Option<OffsetDateTime>,
    pub(crate) follows: bool,
    /// The sum of the newest events of the reader's private teams, because the page of another team
    /// depends on them without showing their counts.
    pub(crate) secrets: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    at: Option<OffsetDateTime>,
    before_seq: Option<i64>,
    before_at: Option<OffsetDateTime>,
    follows: bool,
    secrets: i64,
}

/// Records a visit; `comes` if the reader opened the page, not if it refreshed itself.
pub(crate) async fn record_visit(
    db: &Pool,
    (account, team): (Uuid, Uuid),
    seq: i64,
    now: OffsetDateTime,
    comes: bool,
) -> Result<Visit> {
    let row: Row = sqlx::query_as(concat!(
        "SELECT l.at, l.before_seq, l.before_at,
                EXISTS (SELECT FROM follows WHERE account_id = $1 AND team_id = $2 AND num_nonnulls(task_id, goal_id, project_id) = 0) AS follows,
                (SELECT coalesce(sum(t.seq), 0)::bigint FROM members m JOIN teams t ON t.id = m.team_id WHERE m.account_id = $1 AND NOT ",
        named_to_all!("t"),
        ") AS secrets
         FROM (SELECT) one LEFT JOIN checkin_visits l ON l.account_id = $1 AND l.team_id = $2"
    ))
    .bind(account)
    .bind(team)
    .fetch_one(db)
    .await?;
    let (follows, secrets) = (row.follows, row.secrets);
    match (row.at, row.before_seq) {
        (Some(at), Some(seq)) if !comes || now - at < STILL_THERE => {
            return Ok(Visit {
                seq,
                at: row.before_at,
                follows,
                secrets,
            });
        }
        (None, _) if !comes => {
            return Ok(Visit {
                seq,
                at: None,
                follows,
                secrets,
            });
        }
        _ => {}
    }
    // Two windows opened at once are one visit; the row decides which was first.
    let (seq, at) = sqlx::query_as(
        "INSERT INTO checkin_visits AS l (account_id, team_id, seq, at, before_seq, before_at) VALUES ($1, $2, $3, $4, $3, NULL)
         ON CONFLICT (account_id, team_id) DO UPDATE SET seq = greatest(l.seq, excluded.seq), at = greatest(l.at, excluded.at),
             before_seq = CASE WHEN excluded.at - l.at >= make_interval(secs => $5) THEN l.seq ELSE l.before_seq END,
             before_at = CASE WHEN excluded.at - l.at >= make_interval(secs => $5) THEN l.at ELSE l.before_at END
         RETURNING before_seq, before_at",
    )
    .bind(account)
    .bind(team)
    .bind(seq)
    .bind(now)
    .bind(VISIT.as_seconds_f64())
    .fetch_one(db)
    .await?;
    Ok(Visit {
        seq,
        at,
        follows,
        secrets,
    })
}
