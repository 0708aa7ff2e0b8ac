//! What outlives a sprint in the demo: two projects, a quarter's objectives, what the teams say about themselves,
//! and who is away.

use sqlx::PgPool;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Whose, mission, channel, roadmap.
const ABOUT: &[(&str, &str, &str, &str)] = &[
    (
        "INF",
        "Everything that must not be thought about: machines, databases, and the night shift's sleep.",
        "#infrastructure",
        "## This winter\n\n- Off Heroku before the year ends\n- EU Cloud open to everybody who asked\n\n## In spring\n\n- A failover a month, announced to nobody\n- One way to deploy instead of three\n",
    ),
    (
        "ING",
        "Every event arrives once, in order, described, and can be asked for again.",
        "#ingestion",
        "## This winter\n\n- Dual-write every person update\n- A registry that knows every producer\n\n## In spring\n\n- Replay by a button, within the hour\n",
    ),
];

/// What each is on the team for: team, handle, in words.
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

/// Whose objective, title, why, and its key results: title, measure, unit, target.
type Results = &'static [(&'static str, &'static str, &'static str, i64)];
const OBJECTIVES: &[(&str, &str, &str, Results)] = &[
    (
        "INF",
        "Nobody is woken by the database",
        "Eleven nights since summer, eight of them for a disk that was known to be full.",
        &[
            ("Tables on the new cluster", "count", "tables", 100),
            ("Failover without a person", "yes-no", "", 1),
        ],
    ),
    (
        "ING",
        "What was sent can be sent again",
        "Support cannot mend a customer's numbers today without asking us for a night.",
        &[
            ("Producers in the registry", "count", "producers", 24),
            ("Person updates written twice", "share", "of updates", 100),
        ],
    ),
];

/// Whose project, slug, name, about, measure, unit, target, hue, the key result it feeds, and the goals that serve it.
struct Project {
    team: &'static str,
    slug: &'static str,
    name: &'static str,
    about: &'static str,
    measure: &'static str,
    unit: &'static str,
    target: i64,
    feeds: &'static str,
    /// Title, and whether it is reached.
    milestones: &'static [(&'static str, bool)],
    /// A goal's title, and the milestone that it points at, from 1.
    goals: &'static [(&'static str, i32)],
}

const PROJECTS: &[Project] = &[
    Project {
        team: "INF",
        slug: "off-heroku",
        name: "Move 100 tables off Heroku",
        about: "All hundred, smallest first. A table counts once it is served from the new cluster and has been compared for a day.\n\nThe ten largest need **dual-write** by @sunhee and @daniel first.",
        measure: "count",
        unit: "tables",
        target: 100,
        feeds: "Tables on the new cluster",
        milestones: &[
            ("The way is agreed and tried", true),
            ("The first 15 without a page at night", true),
            ("All but the ten largest", false),
            ("Heroku is switched off", false),
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
        name: "Write every person update twice",
        about: "Both sides have every write, and nobody can tell them apart. Then the cut-over is a switch.",
        measure: "share",
        unit: "of updates",
        target: 100,
        feeds: "Person updates written twice",
        milestones: &[
            ("One percent without a difference", true),
            ("Ten percent for a week", false),
            ("Every update", false),
        ],
        goals: &[
            ("Dual-write 1 % of person updates", 1),
            ("Dual-write 10 % of person updates", 2),
            ("Dual-write every person update", 3),
        ],
    },
];

/// Who is away, from and to how many days after today.
const AWAY: &[(&str, i64, i64)] = &[
    ("noor", 0, 1),
    ("tomas", 10, 14),
    ("marie", 13, 17),
    ("gita", 16, 16),
];

/// Fills the demo with it.
pub async fn write(db: &PgPool, now: OffsetDateTime) -> anyhow::Result<()> {
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
    db: &PgPool,
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
    db: &PgPool,
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
