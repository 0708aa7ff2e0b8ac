//! The demo's projects, objectives, team pages and absences.

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::db::pool::Pool;

/// Team, mission, chat channel, roadmap.
const ABOUT: &[(&str, &str, &str, &str)] = &[
    (
        "INF",
        "We run the machines, databases and on-call that the product relies on.",
        "#infrastructure",
        "## This winter\n\n- Leave the old host before the year ends\n- EU Cloud open to all customers on the waiting list\n\n## In spring\n\n- An unannounced failover every month\n- One way to deploy instead of three\n",
    ),
    (
        "ING",
        "Every event arrives once, in order, with a schema, and can be replayed.",
        "#ingestion",
        "## This winter\n\n- Dual-write every person update\n- Every producer in the schema registry\n\n## In spring\n\n- Replay a day within an hour, from a page\n",
    ),
];

/// Team, username, and the person's role on the team.
const DOES: &[(&str, &str, &str)] = &[
    ("INF", "ebba", "migrations, planning"),
    ("INF", "jonas", "Postgres"),
    ("INF", "gita", "clusters, EU Cloud"),
    ("INF", "tomas", "on-call, load tests"),
    ("ING", "sunhee", "dual-write"),
    ("ING", "daniel", "consumers, replay"),
    ("ING", "marie", "schema registry"),
    ("ING", "noor", "security, schemas"),
];

/// Team, objective, reason, and its key results: title, measure, unit, target.
type Results = &'static [(&'static str, &'static str, &'static str, i64)];
const OBJECTIVES: &[(&str, &str, &str, Results)] = &[
    (
        "INF",
        "No pages at night caused by the database",
        "Eleven nights since summer, eight of them for a disk that we knew was full.",
        &[
            ("Tables on the new cluster", "count", "tables", 100),
            ("Automatic failover", "yes-no", "", 1),
        ],
    ),
    (
        "ING",
        "Events can be replayed on demand",
        "Today Support cannot correct a customer's numbers without a night of our work.",
        &[
            ("Producers in the registry", "count", "producers", 24),
            ("Person updates dual-written", "share", "of updates", 100),
        ],
    ),
];

/// A project with its milestones and goals.
struct Project {
    team: &'static str,
    slug: &'static str,
    name: &'static str,
    about: &'static str,
    measure: &'static str,
    unit: &'static str,
    target: i64,
    feeds: &'static str,
    /// Title, and whether the milestone is reached.
    milestones: &'static [(&'static str, bool)],
    /// A goal's title, and the number of its milestone, from 1.
    goals: &'static [(&'static str, i32)],
}

const PROJECTS: &[Project] = &[
    Project {
        team: "INF",
        slug: "new-cluster",
        name: "Move 100 tables to the new cluster",
        about: "All hundred, smallest first. A table counts once it is served from the new cluster and has been compared for a day.\n\nThe ten largest need **dual-write** by @sunhee and @daniel first.",
        measure: "count",
        unit: "tables",
        target: 100,
        feeds: "Tables on the new cluster",
        milestones: &[
            ("Approach agreed and tested", true),
            ("First 15 tables without an incident", true),
            ("All but the ten largest", false),
            ("Old host switched off", false),
        ],
        goals: &[
            ("Migrate the first 5 tables", 1),
            ("Migrate 10 of the 100 tables", 2),
            ("Migrate 50 of the 100 tables", 3),
            ("Migrate the last 50 tables", 4),
        ],
    },
    Project {
        team: "ING",
        slug: "dual-write",
        name: "Dual-write every person update",
        about: "Both databases have every write and are identical. Then the cut-over is a configuration change.",
        measure: "share",
        unit: "of updates",
        target: 100,
        feeds: "Person updates dual-written",
        milestones: &[
            ("1 % without differences", true),
            ("10 % for a week", false),
            ("Every update", false),
        ],
        goals: &[
            ("Dual-write 1 % of person updates", 1),
            ("Dual-write 10 % of person updates", 2),
            ("Dual-write every person update", 3),
        ],
    },
];

/// Absences: username, first and last day, in days after today.
const AWAY: &[(&str, i64, i64)] = &[
    ("noor", 0, 1),
    ("tomas", 10, 14),
    ("marie", 13, 17),
    ("gita", 16, 16),
];

/// Inserts all of this.
pub(crate) async fn write(db: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    for (team, mission, chat, roadmap) in ABOUT {
        sqlx::query("UPDATE teams SET mission = $2, chat = $3, roadmap = $4 WHERE key = $1")
            .bind(team)
            .bind(mission)
            .bind(chat)
            .bind(roadmap)
            .execute(db)
            .await?;
    }
    for (team, handle, does) in DOES {
        sqlx::query(
            "UPDATE members m SET title = $3 FROM teams t, accounts a WHERE t.id = m.team_id AND a.id = m.account_id AND t.key = $1 AND a.handle = $2",
        )
        .bind(team)
        .bind(handle)
        .bind(does)
        .execute(db)
        .await?;
    }
    for (handle, from, to) in AWAY {
        sqlx::query(
            "INSERT INTO absences (account_id, from_day, to_day) SELECT id, $2, $3 FROM accounts WHERE handle = $1",
        )
        .bind(handle)
        .bind(now.date() + Duration::days(*from))
        .bind(now.date() + Duration::days(*to))
        .execute(db)
        .await?;
    }
    for objective in OBJECTIVES {
        write_objective(db, now.date(), objective).await?;
    }
    for (hue, project) in [8_i16, 2].into_iter().zip(PROJECTS) {
        write_project(db, now, project, hue).await?;
    }
    Ok(())
}

async fn write_objective(
    db: &Pool,
    today: Date,
    (team, title, why, results): &(&str, &str, &str, Results),
) -> anyhow::Result<()> {
    let id = Uuid::now_v7();
    let quarter = format!(
        "{:04}-Q{}",
        today.year(),
        (u8::from(today.month()) - 1) / 3 + 1
    );
    sqlx::query("INSERT INTO objectives (team_id, id, quarter, position, title, why) SELECT id, $2, $3, 1, $4, $5 FROM teams WHERE key = $1")
        .bind(team)
        .bind(id)
        .bind(quarter)
        .bind(title)
        .bind(why)
        .execute(db)
        .await?;
    for (position, (title, measure, unit, target)) in (1..).zip(*results) {
        sqlx::query(
            "INSERT INTO key_results (team_id, id, objective_id, position, title, measure, unit, target)
             SELECT team_id, $2, id, $3, $4, $5, $6, $7 FROM objectives WHERE id = $1",
        )
        .bind(id)
        .bind(Uuid::now_v7())
        .bind(position)
        .bind(title)
        .bind(measure)
        .bind(unit)
        .bind(target)
        .execute(db)
        .await?;
    }
    Ok(())
}

async fn write_project(
    db: &Pool,
    now: OffsetDateTime,
    project: &Project,
    hue: i16,
) -> anyhow::Result<()> {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO projects (team_id, id, slug, name, about, measure, unit, target, hue, created_at, key_result_team_id, key_result_id)
         SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, k.team_id, k.id FROM teams t JOIN key_results k ON k.title = $11 WHERE t.key = $1",
    )
    .bind(project.team)
    .bind(id)
    .bind(project.slug)
    .bind(project.name)
    .bind(project.about)
    .bind(project.measure)
    .bind(project.unit)
    .bind(project.target)
    .bind(hue)
    .bind(now - Duration::days(50))
    .bind(project.feeds)
    .execute(db)
    .await?;
    for (position, (title, reached)) in (1..).zip(project.milestones) {
        sqlx::query(
            "INSERT INTO milestones (team_id, id, project_id, position, title, reached_at)
             SELECT team_id, $2, id, $3, $4, CASE WHEN $5 THEN $6::timestamptz END FROM projects WHERE id = $1",
        )
        .bind(id)
        .bind(Uuid::now_v7())
        .bind(position)
        .bind(title)
        .bind(reached)
        .bind(now - Duration::days(20))
        .execute(db)
        .await?;
    }
    for (goal, milestone) in project.goals {
        sqlx::query(
            "UPDATE goals g SET project_team_id = m.team_id, project_id = m.project_id, milestone_id = m.id
             FROM milestones m WHERE m.project_id = $1 AND m.position = $2 AND g.title = $3",
        )
        .bind(id)
        .bind(milestone)
        .bind(goal)
        .execute(db)
        .await?;
    }
    Ok(())
}
