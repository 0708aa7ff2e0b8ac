//! Requests, follows and check-in visits between the demo's teams.

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::db::pool::Pool;

/// A request: team, author, title, reason, days until needed, hours ago; outcome, reply and its
/// author if answered.
type Asked = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<i64>,
    i64,
    Option<(&'static str, &'static str, &'static str)>,
);

const REQUESTS: &[Asked] = &[
    (
        "INF",
        "sunhee",
        "A read replica for the comparison jobs",
        "Comparing person updates reads a third of the table every night. On a replica it would affect no one.",
        Some(9),
        20,
        None,
    ),
    (
        "INF",
        "daniel",
        "Tell us a day before a failover drill",
        "Two consumers were restarted by hand last time, at night.",
        None,
        44,
        None,
    ),
    (
        "ING",
        "ebba",
        "An event topic for table migrations",
        "So that other teams notice migrations without asking in the channel.",
        Some(16),
        30,
        None,
    ),
    (
        "ING",
        "tomas",
        "Keep raw events for a year",
        "The load tests would replay last December.",
        None,
        150,
        Some((
            "declined",
            "The privacy notice promises ninety days. We can generate synthetic traffic for you.",
            "marie",
        )),
    ),
    (
        "ING",
        "ebba",
        "How long can consumers be down during the cut-over?",
        "We want to choose the maintenance window on Thursday.",
        None,
        70,
        Some((
            "answered",
            "An hour is safe, four is the limit: then the buffers are full.",
            "daniel",
        )),
    ),
];

/// Follows of another team's task, by the start of its title; empty for the whole team.
const FOLLOWS: &[(&str, &str, &str)] = &[
    ("ebba", "ING", "Dual-write"),
    ("ebba", "ING", ""),
    ("sunhee", "INF", ""),
    ("marie", "INF", "Cut"),
];

pub(crate) async fn write(db: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    for (team, by, title, why, wanted, hours, settled) in REQUESTS {
        let at = now - Duration::hours(*hours);
        let (outcome, answer, settler) = settled.map_or((None, "", ""), |(outcome, answer, by)| {
            (Some(outcome), answer, by)
        });
        sqlx::query(
            "INSERT INTO requests (team_id, id, title, why, by_on, asker_id, for_team_id, created_at, outcome, answer, settled_by, settled_at)
             SELECT t.id, $2, $3, $4, $5, a.id, (SELECT m.team_id FROM members m WHERE m.account_id = a.id AND m.team_id <> t.id ORDER BY m.team_id LIMIT 1),
                    $6, $7, $8, (SELECT id FROM accounts WHERE handle = $9), CASE WHEN $7::text IS NOT NULL THEN $6 + interval '5 hours' END
             FROM teams t, accounts a WHERE t.key = $1 AND a.handle = $10",
        )
        .bind(team)
        .bind(Uuid::now_v7())
        .bind(title)
        .bind(why)
        .bind(wanted.map(|days| day(now, days)))
        .bind(at)
        .bind(outcome)
        .bind(answer)
        .bind(settler)
        .bind(by)
        .execute(db)
        .await?;
    }
    // Tasks in the sprint that are not started or in review, and needed by someone of the other
    // team.
    sqlx::query(
        "INSERT INTO task_stakeholders (team_id, task_id, by_team_id)
         SELECT k.team_id, k.id, t.id FROM tasks k JOIN teams t ON fold(k.needed_by) = fold(t.name) AND t.id <> k.team_id",
    )
    .execute(db)
    .await?;
    for (follower, team, title) in FOLLOWS {
        sqlx::query(
            "INSERT INTO follows (id, account_id, team_id, task_id, since)
             SELECT $1, a.id, t.id, k.id, $5 FROM accounts a, teams t
             LEFT JOIN LATERAL (SELECT id FROM tasks WHERE team_id = t.id AND $4 <> '' AND title LIKE $4 || '%' ORDER BY number DESC LIMIT 1) k ON true
             WHERE a.handle = $2 AND t.key = $3 AND ($4 = '' OR k.id IS NOT NULL) ON CONFLICT DO NOTHING",
        )
        .bind(Uuid::now_v7())
        .bind(follower)
        .bind(team)
        .bind(title)
        .bind(now - Duration::days(20))
        .execute(db)
        .await?;
    }
    // Their last visit was two days ago.
    for query in [
        "INSERT INTO checkin_visits (account_id, team_id, seq, at, before_seq, before_at)
         SELECT a.id, t.id, e.seq, $1, e.seq, $1 FROM accounts a, teams t
         CROSS JOIN LATERAL (SELECT coalesce(max(seq), 0) AS seq FROM events WHERE team_id = t.id AND at < $1) e",
    ] {
        sqlx::query(query).bind(now - Duration::days(2)).execute(db).await?;
    }
    Ok(())
}

fn day(now: OffsetDateTime, days: i64) -> Date {
    (now + Duration::days(days)).date()
}
