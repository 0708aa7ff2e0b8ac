//! The demo goals' reasons, dependencies, progress and comments.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::db::pool::Pool;

/// Team, title of the goal, reason, and what it needs from others.
const WHYS: &[(&str, &str, &str, &str)] = &[
    (
        "INF",
        "Migrate 50 of the 100 tables",
        "Every table that leaves the old host takes a cent off each request, and removes on-call work.",
        "Ingestion: dual-write of person updates before the ten largest",
    ),
    (
        "INF",
        "EU Cloud takes its first customer",
        "Two customers have waited since spring for their data to stay in the EU.",
        "Legal: the sub-processor list, signed",
    ),
    (
        "INF",
        "Weekly load test on production",
        "A customer found the last limit. We want to find the next one first.",
        "",
    ),
    (
        "INF",
        "Migrate the last 50 tables",
        "The old host's contract ends with the year, and so does the double bill.",
        "Ingestion: every update dual-written",
    ),
    (
        "INF",
        "Failover drill passes on production",
        "An untested failover plan can't be relied on.",
        "On-call engineers: two hours on a Thursday",
    ),
    (
        "ING",
        "Dual-write 10 % of person updates",
        "Infrastructure can cut over only when both sides have every write.",
        "Infrastructure: replication lag under 30 s",
    ),
    (
        "ING",
        "Schema registry knows all 24 producers",
        "Three incidents this year began with a field that changed its type.",
        "Each producing team: an hour",
    ),
    (
        "ING",
        "Replay a day of events within an hour",
        "Today a replay takes a whole night, so it is hardly used.",
        "",
    ),
    (
        "ING",
        "Dual-write every person update",
        "Then the cut-over is a configuration change instead of a weekend's work.",
        "Infrastructure: the date of the cut-over, two weeks ahead",
    ),
    (
        "ING",
        "No event without a registered schema",
        "Events without a schema cannot be replayed.",
        "",
    ),
];

/// Manually entered values: team, goal, hours ago, value, comment, author.
const ENTRIES: &[(&str, &str, i64, i64, &str, &str)] = &[
    (
        "INF",
        "Migrate 50 of the 100 tables",
        140,
        10,
        "carried over from the last sprint",
        "jonas",
    ),
    (
        "INF",
        "Migrate 50 of the 100 tables",
        92,
        18,
        "the small ones, in one evening",
        "ebba",
    ),
    (
        "INF",
        "Migrate 50 of the 100 tables",
        26,
        31,
        "three batches overnight, no impact",
        "jonas",
    ),
    (
        "ING",
        "Dual-write 10 % of person updates",
        70,
        3,
        "Canada first",
        "sunhee",
    ),
    (
        "ING",
        "Dual-write 10 % of person updates",
        22,
        6,
        "no difference in two days",
        "daniel",
    ),
    (
        "ING",
        "Schema registry knows all 24 producers",
        30,
        17,
        "Billing was added this morning",
        "marie",
    ),
];

/// Comments on goals: team, goal, author, whether it is a concern, text, reply.
type Said = (
    &'static str,
    &'static str,
    &'static str,
    bool,
    &'static str,
    Option<&'static str>,
);
const REMARKS: &[Said] = &[
    (
        "INF",
        "Migrate the last 50 tables",
        "sunhee",
        true,
        "We will be blocked by this in the week of the 7th: our backfill needs the old primary until Wednesday.",
        None,
    ),
    (
        "INF",
        "Migrate the last 50 tables",
        "daniel",
        false,
        "Happy to sit with you for the three tables that we own.",
        None,
    ),
    (
        "INF",
        "Failover drill passes on production",
        "marie",
        true,
        "Not on the day of our release, please.",
        Some(
            "The drill is on Thursday the 10th; your release is on the 8th. We asked Daniel to be there.",
        ),
    ),
    (
        "ING",
        "Dual-write every person update",
        "jonas",
        true,
        "Ten percent took two weeks. What lets you do ninety in the next two?",
        Some(
            "The ten were for finding differences. The rest is a setting, and a night of watching.",
        ),
    ),
];

pub(crate) async fn write(db: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    for (team, title, why, needs) in WHYS {
        sqlx::query(
            "UPDATE goals g SET why = $3, needs = $4 FROM teams t WHERE t.id = g.team_id AND t.key = $1 AND g.title = $2",
        )
        .bind(team)
        .bind(title)
        .bind(why)
        .bind(needs)
        .execute(db)
        .await?;
    }
    for (team, title, hours, value, note, by) in ENTRIES {
        sqlx::query(
            "INSERT INTO goal_entries (team_id, id, goal_id, value, note, by_id, at, measure)
             SELECT g.team_id, $3, g.id, $4, $5, (SELECT id FROM accounts WHERE handle = $6), $7, g.measure
             FROM goals g JOIN teams t ON t.id = g.team_id WHERE t.key = $1 AND g.title = $2",
        )
        .bind(team)
        .bind(title)
        .bind(Uuid::now_v7())
        .bind(value)
        .bind(note)
        .bind(by)
        .bind(now - Duration::hours(*hours))
        .execute(db)
        .await?;
    }
    for (hours, (team, title, by, concern, body, answer)) in
        (0..).map(|index: i64| 30 - index * 5).zip(REMARKS)
    {
        let at = now - Duration::hours(hours);
        sqlx::query(
            "INSERT INTO goal_comments (team_id, id, goal_id, kind, author_id, body, created_at, answer, answered_by, answered_at)
             SELECT g.team_id, $3, g.id, $4, (SELECT id FROM accounts WHERE handle = $5), $6, $7, $8,
                    (SELECT m.account_id FROM members m WHERE m.team_id = g.team_id AND m.role = 'lead' AND $8::text IS NOT NULL),
                    CASE WHEN $8::text IS NOT NULL THEN $9::timestamptz END
             FROM goals g JOIN teams t ON t.id = g.team_id WHERE t.key = $1 AND g.title = $2",
        )
        .bind(team)
        .bind(title)
        .bind(Uuid::now_v7())
        .bind(if *concern { "concern" } else { "comment" })
        .bind(by)
        .bind(body)
        .bind(at)
        .bind(answer)
        .bind(at + Duration::hours(2))
        .execute(db)
        .await?;
    }
    Ok(())
}
