//! What somebody wants to hear of: a task, a goal, a project, or a team. It is nobody's business but theirs, so no event
//! tells of it.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    boards::words,
    tasks::names::{Names, by_itself},
    web::error::Result,
};

/// Nobody reads more than this much news at once.
const SHOWN: i64 = 100;

/// What may be followed, within its team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Team,
    Task(Uuid),
    Goal(Uuid),
    Project(Uuid),
}

impl What {
    /// Task, goal, project: as the table has them.
    fn ids(self) -> [Option<Uuid>; 3] {
        match self {
            Self::Team => [None; 3],
            Self::Task(id) => [Some(id), None, None],
            Self::Goal(id) => [None, Some(id), None],
            Self::Project(id) => [None, None, Some(id)],
        }
    }
}

/// Follows something of a team, or no longer.
pub async fn follow(
    db: &mut PgConnection,
    (account, team): (Uuid, Uuid),
    what: What,
    follows: bool,
    now: OffsetDateTime,
) -> Result<()> {
    let [task, goal, project] = what.ids();
    let query = if follows {
        "INSERT INTO follows (id, account_id, team_id, task_id, goal_id, project_id, since) VALUES ($6, $1, $2, $3, $4, $5, $7)
         ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM follows WHERE account_id = $1 AND team_id = $2 AND task_id IS NOT DISTINCT FROM $3
             AND goal_id IS NOT DISTINCT FROM $4 AND project_id IS NOT DISTINCT FROM $5 AND $6::uuid IS NOT NULL AND $7::timestamptz IS NOT NULL"
    };
    sqlx::query(query)
        .bind(account)
        .bind(team)
        .bind(task)
        .bind(goal)
        .bind(project)
        .bind(Uuid::now_v7())
        .bind(now)
        .execute(&mut *db)
        .await?;
    if follows {
        // News begins where the first thing of a team is followed.
        sqlx::query("INSERT INTO seen (account_id, team_id, seq) SELECT $1, id, seq FROM teams ON CONFLICT DO NOTHING")
            .bind(account)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Whether somebody follows it.
pub async fn follows(db: &PgPool, account: Uuid, team: Uuid, what: What) -> Result<bool> {
    let [task, goal, project] = what.ids();
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM follows WHERE account_id = $1 AND team_id = $2 AND task_id IS NOT DISTINCT FROM $3
             AND goal_id IS NOT DISTINCT FROM $4 AND project_id IS NOT DISTINCT FROM $5)",
    )
    .bind(account)
    .bind(team)
    .bind(task)
    .bind(goal)
    .bind(project)
    .fetch_one(db)
    .await?)
}

/// Says that somebody has read a team's news up to an event.
pub async fn see(db: &PgPool, account: Uuid, team: Uuid, seq: i64) -> Result<()> {
    sqlx::query(
        "INSERT INTO seen AS s (account_id, team_id, seq) SELECT $1, id, least($3, seq) FROM teams WHERE id = $2
         ON CONFLICT (account_id, team_id) DO UPDATE SET seq = greatest(s.seq, excluded.seq)",
    )
    .bind(account)
    .bind(team)
    .bind(seq)
    .execute(db)
    .await?;
    Ok(())
}

/// A line of news: who did what to which thing that is followed.
#[derive(Clone, Debug)]
pub struct News {
    /// What it is about, and where that is.
    pub title: String,
    pub address: String,
    pub key: String,
    /// `Elif moved it to Done`.
    pub what: String,
    pub at: OffsetDateTime,
    pub team: Uuid,
    pub seq: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    team_id: Uuid,
    slug: String,
    team: String,
    seq: i64,
    kind: String,
    before: Value,
    after: Value,
    at: OffsetDateTime,
    who: Option<String>,
    key: Option<String>,
    title: Option<String>,
    goal: Option<Uuid>,
    goal_title: Option<String>,
    project: Option<String>,
    project_name: Option<String>,
}

/// What others did to what somebody follows and has not read, in teams that they may look at: the newest first, one line
/// an event. To tasks that are followed all of it, to the rest what is among the last thousand events of each team.
pub async fn news(db: &PgPool, account: Uuid, seen: &[Uuid]) -> Result<Vec<News>> {
    let rows: Vec<Row> = sqlx::query_as(
        // A team that is younger than all that is followed has no row in `seen`: a project's tasks may be there too.
        // Most events are nobody's news. They are sorted out before their tasks are looked up, each by its key: in one
        // piece, all tasks of all teams would be read for it.
        "WITH mine AS MATERIALIZED (SELECT team_id, task_id, goal_id, project_id, since FROM follows WHERE account_id = $1 AND team_id = ANY($2))
         SELECT e.team_id, t.slug, t.name AS team, e.seq, e.kind, e.before, e.after, e.at, split_part(a.name, ' ', 1) AS who,
                t.key || '-' || k.number AS key, k.title, g.id AS goal, g.title AS goal_title, p.slug AS project, p.name AS project_name
         FROM teams t LEFT JOIN seen s ON s.team_id = t.id AND s.account_id = $1
         CROSS JOIN LATERAL (
             SELECT * FROM events e WHERE e.team_id = t.id AND e.seq > greatest(coalesce(s.seq, 0), t.seq - 1000)
             UNION ALL
             SELECT e.* FROM mine f JOIN events e ON e.team_id = f.team_id AND e.task_id = f.task_id
             WHERE f.team_id = t.id AND e.seq > coalesce(s.seq, 0) AND e.seq <= t.seq - 1000) e
         LEFT JOIN accounts a ON a.id = e.actor_id
         LEFT JOIN LATERAL (SELECT number, title, goal_id, project_id FROM tasks k
                            WHERE k.team_id = e.team_id AND k.id = e.task_id OFFSET 0) k ON true
         LEFT JOIN LATERAL (SELECT id, title, project_id FROM goals g WHERE g.team_id = e.team_id
                            AND g.id = CASE WHEN e.kind LIKE 'goal.%' THEN (e.after->>'goal')::uuid END OFFSET 0) g ON true
         LEFT JOIN LATERAL (SELECT id, slug, name FROM projects p WHERE p.team_id = e.team_id
                            AND p.id = CASE WHEN e.kind LIKE 'project.%' OR e.kind LIKE 'milestone.%' THEN (e.after->>'project')::uuid END OFFSET 0) p ON true
         WHERE t.id = ANY($2) AND e.at >= (SELECT min(since) FROM mine) AND e.actor_id IS DISTINCT FROM $1
               AND (e.kind NOT LIKE 'wait.%' OR e.after->>'state' = 'done')
               AND (e.kind LIKE 'goal.%' OR e.kind LIKE 'sprint.%' OR e.kind LIKE 'project.%' OR e.kind LIKE 'milestone.%' OR e.kind = 'task.moved' OR e.shift LIKE '% done' OR e.shift LIKE '% blocked'
                    OR e.task_id IN (SELECT task_id FROM mine WHERE task_id IS NOT NULL))
               AND EXISTS (
             SELECT FROM mine f WHERE e.at >= f.since AND (
                 f.team_id = e.team_id AND (f.task_id = e.task_id OR f.goal_id = g.id OR f.goal_id = k.goal_id AND e.kind = 'task.moved')
                 OR f.team_id = e.team_id AND num_nonnulls(f.task_id, f.goal_id, f.project_id) = 0
                    AND (e.kind LIKE 'goal.%' OR e.kind LIKE 'sprint.%' OR e.shift LIKE '% done' OR e.shift LIKE '% blocked')
                 OR f.team_id = e.team_id AND f.project_id = p.id
                 OR f.project_id IS NOT NULL AND (e.kind LIKE 'goal.%' OR e.kind = 'task.moved')
                    AND f.project_id IN (k.project_id, g.project_id, (SELECT project_id FROM goals fg WHERE fg.team_id = e.team_id AND fg.id = k.goal_id))))
         ORDER BY e.at DESC, e.seq DESC LIMIT $3",
    )
    .bind(account)
    .bind(seen)
    .bind(SHOWN)
    .fetch_all(db)
    .await?;
    let mut names: HashMap<Uuid, Names> = HashMap::new();
    let mut news = Vec::with_capacity(rows.len());
    for row in rows {
        let names = match names.entry(row.team_id) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(Names::load(db, row.team_id).await?),
        };
        news.extend(row.told(names));
    }
    Ok(news)
}

impl Row {
    fn milestone(&self) -> &str {
        self.after["title"].as_str().unwrap_or("")
    }

    fn told(self, names: &Names) -> Option<News> {
        let sentence = match self.kind.as_str() {
            "comment.added" => "commented on it".to_owned(),
            "goal.added" => "set it".to_owned(),
            "goal.edited" => "changed it".to_owned(),
            "goal.progressed" => format!("said how far it is: {}", self.after["value"]),
            "goal.comment" => "commented on it".to_owned(),
            "goal.concern" => "raised a concern".to_owned(),
            "goal.answered" => "answered a concern".to_owned(),
            "sprint.closed" => "closed the sprint".to_owned(),
            "project.edited" => "changed it".to_owned(),
            "project.finished" => "said that it is finished".to_owned(),
            "project.resumed" => "said that it goes on".to_owned(),
            "milestone.added" => format!("set a milestone: {}", self.milestone()),
            "milestone.edited" => format!("changed a milestone: {}", self.milestone()),
            "milestone.reached" => format!("reached a milestone: {}", self.milestone()),
            "milestone.reopened" => format!("opened a milestone again: {}", self.milestone()),
            "milestone.removed" => format!("took a milestone away: {}", self.milestone()),
            kind => names.sentence(kind, &self.before, &self.after)?,
        };
        let (title, address, key) = match (self.key, self.title, self.goal, self.goal_title) {
            (Some(key), Some(title), ..) => (title, format!("/tasks/{key}"), key),
            (_, _, Some(goal), Some(title)) => (title, format!("/teams/{}/goals/{goal}", self.slug), "goal".to_owned()),
            _ => match (self.project, self.project_name) {
                (Some(project), Some(name)) => (name, format!("/projects/{project}"), "project".to_owned()),
                _ => (self.team, format!("/teams/{}/check-in", self.slug), "team".to_owned()),
            },
        };
        let what = match (self.who, by_itself(&self.kind, &self.after)) {
            (None, Some((what, is))) => format!("{what} {is}"),
            (who, _) => format!("{} {sentence}", who.as_deref().unwrap_or("A former member")),
        };
        Some(News { title, address, key, what, at: self.at, team: self.team_id, seq: self.seq })
    }
}

impl News {
    pub fn ago(&self, now: OffsetDateTime) -> String {
        words::ago(now, self.at)
    }
}

/// Something that somebody follows, to be listed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Followed {
    pub name: String,
    pub address: String,
    /// Where following it ends.
    pub follow: String,
}

/// What somebody follows in teams that they may look at, by name.
pub async fn followed(db: &PgPool, account: Uuid, seen: &[Uuid]) -> Result<Vec<Followed>> {
    Ok(sqlx::query_as(
        "SELECT coalesce(t.key || '-' || k.number || ' ' || k.title, g.title, p.name, t.name) AS name,
                CASE WHEN k.id IS NOT NULL THEN '/tasks/' || t.key || '-' || k.number WHEN g.id IS NOT NULL THEN '/teams/' || t.slug || '/goals/' || g.id
                     WHEN p.id IS NOT NULL THEN '/projects/' || p.slug ELSE '/teams/' || t.slug || '/check-in' END AS address,
                CASE WHEN k.id IS NOT NULL THEN '/tasks/' || t.key || '-' || k.number WHEN g.id IS NOT NULL THEN '/teams/' || t.slug || '/goals/' || g.id
                     WHEN p.id IS NOT NULL THEN '/projects/' || p.slug ELSE '/teams/' || t.slug END || '/follow' AS follow
         FROM follows f JOIN teams t ON t.id = f.team_id LEFT JOIN tasks k ON k.team_id = f.team_id AND k.id = f.task_id
         LEFT JOIN goals g ON g.team_id = f.team_id AND g.id = f.goal_id LEFT JOIN projects p ON p.team_id = f.team_id AND p.id = f.project_id
         WHERE f.account_id = $1 AND f.team_id = ANY($2) ORDER BY 1",
    )
    .bind(account)
    .bind(seen)
    .fetch_all(db)
    .await?)
}
