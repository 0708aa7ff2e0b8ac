//! The demo's closed sprints: reports from the events, retro notes, and actions.

use std::collections::HashMap;

use sqlx::types::Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::filters::terms::Filter,
        flow, goals,
        retro::{
            close::{self, CloseDecisions},
            figures::{TaskFigure, TaskOutcome},
            report,
        },
        sprints::{Sprint, SprintState, queries},
        team::Team,
        teams::{self, roster::load_roster},
    },
};

/// Missed goals: team, title, reason.
const WHY_NOT: &[(&str, &str, &str)] = &[
    (
        "INF",
        "Security has reviewed the EU cluster",
        "Both reviewers were on holiday, and we did not ask a third person for six days.",
    ),
    (
        "INF",
        "Backups are restored in under ten minutes",
        "It took twelve minutes. The index is built at the end instead of in parallel.",
    ),
    (
        "ING",
        "Schema registry knows 8 of 24 producers",
        "Six of eight: Billing and Search changed owners in the second week.",
    ),
    (
        "ING",
        "Consumer lag stays under one minute for a week",
        "Five of seven days. Both bad days had deploys.",
    ),
];

/// Retro notes: team, sprints ago, category, author, text.
const NOTES: &[(&str, i32, &str, &str, &str)] = &[
    (
        "INF",
        1,
        "thanks",
        "tomas",
        "Jonas, for sitting beside me for a whole afternoon and not touching the keyboard.",
    ),
    ("INF", 1, "well", "jonas", "Pairing on the framework."),
    (
        "INF",
        1,
        "well",
        "gita",
        "The drill on Tuesday: twelve minutes, and we know where to save four.",
    ),
    (
        "INF",
        1,
        "not",
        "jonas",
        "We found out on day 8 that Ingestion had not started the dual-write.",
    ),
    (
        "INF",
        1,
        "idea",
        "ebba",
        "Ask the other team on Monday, at our standup, instead of reading their board on Thursday.",
    ),
    (
        "INF",
        1,
        "idea",
        "noor",
        "Measure the index copy separately.",
    ),
    (
        "INF",
        2,
        "thanks",
        "ebba",
        "Noor, for the clearest threat model I have read.",
    ),
    (
        "INF",
        2,
        "well",
        "tomas",
        "One dashboard per service. I found last night's spike in a minute.",
    ),
    (
        "INF",
        2,
        "not",
        "gita",
        "The review waited for six days and we did not ask a third person. My mistake.",
    ),
    (
        "ING",
        1,
        "thanks",
        "marie",
        "Sun-hee, for writing down what “equal” means before we compared.",
    ),
    (
        "ING",
        1,
        "well",
        "sunhee",
        "1 % dual-written without an unexplained difference.",
    ),
    (
        "ING",
        1,
        "not",
        "daniel",
        "I worked on consumer lag alone and got stuck twice.",
    ),
    (
        "ING",
        1,
        "idea",
        "noor",
        "Two owners on every goal, with exceptions agreed in planning.",
    ),
];

/// Actions: team, sprints ago, text, owner, outcome.
const PROMISES: &[(&str, i32, &str, &str, &str)] = &[
    (
        "INF",
        2,
        "Name a third reviewer for security",
        "gita",
        "done",
    ),
    (
        "INF",
        2,
        "Add the cost of the EU cluster to a dashboard",
        "ebba",
        "done",
    ),
    ("INF", 2, "Set up an absence calendar", "tomas", "dropped"),
    (
        "INF",
        1,
        "Agree with Ingestion on a date for the dual-write",
        "jonas",
        "",
    ),
    (
        "INF",
        1,
        "Measure the index copy separately",
        "gita",
        "done",
    ),
    (
        "ING",
        1,
        "Find a second owner for consumer lag",
        "daniel",
        "",
    ),
    (
        "ING",
        1,
        "Tell Infrastructure when a date moves, the same day",
        "sunhee",
        "done",
    ),
];

/// Topics of the next meetings: team, meeting, text, author, and the person mentioned.
const TOPICS: &[(&str, &str, &str, &str, Option<&str>)] = &[
    (
        "INF",
        "standup",
        "Who takes the first night of the cut-over?",
        "jonas",
        Some("gita"),
    ),
    (
        "INF",
        "planning",
        "Are 50 tables still the right half to start with?",
        "ebba",
        None,
    ),
    (
        "ING",
        "standup",
        "Can we postpone the dual-write by a day? Infrastructure is waiting on it",
        "sunhee",
        Some("daniel"),
    ),
    (
        "ING",
        "retro",
        "One thing the new rota made easier",
        "marie",
        None,
    ),
];

pub(crate) async fn write(db: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    let sprints = queries::sprints(db).await?;
    let active = queries::active(&sprints).map_or(0, |sprint| sprint.number);
    for team in teams::queries::teams(db).await? {
        for sprint in sprints
            .iter()
            .rev()
            .filter(|sprint| sprint.state == SprintState::Closed)
        {
            close(db, &team, sprint, now).await?;
        }
    }
    for (team, ago, category, by, text) in NOTES {
        sqlx::query(
            "INSERT INTO retro_notes (team_id, id, sprint_id, category, text, author_id, created_at)
             SELECT c.team_id, $3, c.sprint_id, $4, $5, (SELECT id FROM accounts WHERE handle = $6), c.closed_at
             FROM sprint_reports c JOIN teams t ON t.id = c.team_id JOIN sprints s ON s.id = c.sprint_id WHERE t.key = $1 AND s.number = $2",
        )
        .bind(team)
        .bind(active - ago)
        .bind(Uuid::now_v7())
        .bind(category)
        .bind(text)
        .bind(by)
        .execute(db)
        .await?;
    }
    for (team, ago, text, owner, became) in PROMISES {
        sqlx::query(
            "INSERT INTO actions (team_id, id, text, owner_id, meeting, sprint_id, created_by, created_at, done_at, dropped_at)
             SELECT c.team_id, $3, $4, a.id, 'retro', c.sprint_id, a.id, c.closed_at,
                    CASE WHEN $6 = 'done' THEN c.closed_at + interval '50 hours' END,
                    CASE WHEN $6 = 'dropped' THEN c.closed_at + interval '50 hours' END
             FROM sprint_reports c JOIN teams t ON t.id = c.team_id JOIN sprints s ON s.id = c.sprint_id JOIN accounts a ON a.handle = $5
             WHERE t.key = $1 AND s.number = $2",
        )
        .bind(team)
        .bind(active - ago)
        .bind(Uuid::now_v7())
        .bind(text)
        .bind(owner)
        .bind(became)
        .execute(db)
        .await?;
    }
    for (team, meeting, text, by, addressee) in TOPICS {
        sqlx::query(
            "INSERT INTO topics (team_id, id, meeting, text, asked_id, created_by, created_at)
             SELECT t.id, $2, $3, $4, w.id, a.id, $7 FROM teams t JOIN accounts a ON a.handle = $5
             LEFT JOIN accounts w ON w.handle = $6 WHERE t.key = $1",
        )
        .bind(team)
        .bind(Uuid::now_v7())
        .bind(meeting)
        .bind(text)
        .bind(by)
        .bind(addressee)
        .bind(now - time::Duration::hours(20))
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Computes the report that closing a sprint would have stored, from the events up to the morning
/// after it.
async fn close(db: &Pool, team: &Team, sprint: &Sprint, now: OffsetDateTime) -> anyhow::Result<()> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        number: i64,
        title: String,
        estimate: i64,
        entered_at: OffsetDateTime,
        done: bool,
        carried_to: Option<String>,
        carried_before: i64,
    }
    let roster = load_roster(db, team.id).await?;
    let week = &roster.week;
    let over = crate::domain::clock::instant(sprint.next_start(), 0, &week.zone);
    let closed_at = (over - Duration::hours(55)).min(now);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT k.id, k.number, k.title, coalesce(k.estimate, 0)::bigint AS estimate, e.at AS entered_at,
                coalesce((SELECT m.after->>'state' FROM events m WHERE m.team_id = k.team_id AND m.task_id = k.id AND m.at < $3
                          AND m.after->>'state' IS NOT NULL AND m.kind LIKE 'task.%' ORDER BY m.seq DESC LIMIT 1), '') = 'done' AS done,
                (SELECT l.after->>'sprint' FROM events l WHERE l.team_id = k.team_id AND l.task_id = k.id AND l.before->>'sprint' = $2 LIMIT 1) AS carried_to,
                (SELECT count(*) FROM unfinished_tasks o WHERE o.team_id = k.team_id AND o.task_id = k.id) AS carried_before
         FROM tasks k CROSS JOIN LATERAL (
            SELECT min(e.at) AS at FROM events e WHERE e.team_id = k.team_id AND e.task_id = k.id AND e.after->>'sprint' = $2) e
         WHERE k.team_id = $1 AND e.at < $3 ORDER BY k.number",
    )
    .bind(team.id)
    .bind(sprint.id.to_string())
    .bind(over)
    .fetch_all(db)
    .await?;
    let carried: HashMap<Uuid, Uuid> = rows
        .iter()
        .filter_map(|row| Some((row.id, row.carried_to.as_deref()?.parse().ok()?)))
        .collect();
    let tasks = rows
        .into_iter()
        .map(|row| TaskFigure {
            key: format!("{}-{}", team.key, row.number),
            title: row.title,
            estimate: row.estimate,
            done: row.done,
            added: crate::domain::clock::day_in(row.entered_at, &week.zone) > sprint.starts_on,
            carried_before: row.carried_before,
            outcome: carried
                .contains_key(&row.id)
                .then_some(TaskOutcome::Carried),
            id: row.id,
            ..TaskFigure::default()
        })
        .collect();
    let mut connection = db.acquire().await?;
    let mut frozen = report::around(&mut connection, team, sprint, week, tasks, closed_at).await?;
    let goals = goals::goals(db, team, sprint, &roster, closed_at).await?;
    let why_not = |title: &str| {
        WHY_NOT
            .iter()
            .find(|(key, goal_title, _)| *key == team.key && *goal_title == title)
            .map_or("", |(_, _, reason)| *reason)
    };
    let decisions = CloseDecisions {
        goals: goals
            .iter()
            .map(|goal| {
                (
                    goal.id,
                    (goal.is_reached(), why_not(&goal.title).to_owned()),
                )
            })
            .collect(),
        ..CloseDecisions::default()
    };
    let filter = Filter::default();
    let burn_up =
        flow::queries::burn_up(&mut connection, team, sprint, &filter, week, closed_at).await?;
    frozen.burn_up = serde_json::to_value(burn_up)?;
    frozen.goals = goals
        .iter()
        .map(|goal| (goal.id, close::final_figure(goal, &decisions)))
        .collect();
    let change = Uuid::now_v7();
    // the history has one event per task, but closing is a single change
    sqlx::query("UPDATE events SET change_id = $3 WHERE team_id = $1 AND before->>'sprint' = $2 AND task_id = ANY($4)")
        .bind(team.id)
        .bind(sprint.id.to_string())
        .bind(change)
        .bind(carried.keys().copied().collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO sprint_reports (team_id, sprint_id, closed_by, closed_at, change_id, figures)
         SELECT $1, $2, m.account_id, $3, $4, $5 FROM members m WHERE m.team_id = $1 AND m.role = 'lead' LIMIT 1",
    )
    .bind(team.id)
    .bind(sprint.id)
    .bind(closed_at)
    .bind(change)
    .bind(Json(&frozen))
    .execute(&mut *connection)
    .await?;
    for (task, to) in &carried {
        sqlx::query("INSERT INTO unfinished_tasks (team_id, sprint_id, task_id, outcome, to_sprint_id) VALUES ($1, $2, $3, 'carried', $4)")
            .bind(team.id)
            .bind(sprint.id)
            .bind(task)
            .bind(to)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
