//! The tasks of a team as a table, for spreadsheets and other tools; `import csv` reads it again.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{dates, error::Result, policy::predicates::named_beside, team::Team},
};

/// How many tasks are read at once.
const AT_ONCE: i64 = 500;

/// The names of the table's columns.
pub(crate) const NAMES: [&str; 18] = [
    "Key",
    "Title",
    "Column",
    "State",
    "Owners",
    "Labels",
    "Sprint",
    "Goal",
    "Project",
    "Estimate",
    "Due",
    "Created",
    "Created by",
    "Started",
    "Done",
    "Archived",
    "Checklist",
    "Description",
];

/// A task as a row of the table.
#[derive(sqlx::FromRow)]
pub(crate) struct TableRow {
    number: i64,
    title: String,
    column: String,
    state: String,
    /// Usernames.
    owners: Vec<String>,
    labels: Vec<String>,
    sprint: String,
    goal: String,
    project: String,
    estimate: Option<i32>,
    due_on: Option<Date>,
    created_at: OffsetDateTime,
    created_by: String,
    started_at: Option<OffsetDateTime>,
    done_at: Option<OffsetDateTime>,
    archived_at: Option<OffsetDateTime>,
    /// The lines of the checklist.
    steps: Vec<String>,
    description: String,
}

/// Returns tasks of a team, archived ones too, whose numbers are higher, in their order. An empty list means that there are
/// no more.
pub(crate) async fn rows_after(db: &Pool, team: Uuid, number: i64) -> Result<Vec<TableRow>> {
    Ok(sqlx::query_as(concat!(
        "SELECT k.number, k.title, c.name AS column, c.state, k.description, k.estimate, k.due_on, k.created_at, k.archived_at,
             coalesce(s.name, '') AS sprint, coalesce(g.title, '') AS goal, coalesce(p.name, '') AS project, coalesce(a.handle, '') AS created_by,
             ARRAY(SELECT o.handle FROM task_owners w JOIN accounts o ON o.id = w.account_id
                   WHERE w.team_id = k.team_id AND w.task_id = k.id ORDER BY w.position, o.name) AS owners,
             ARRAY(SELECT l.name FROM task_labels t JOIN labels l ON l.team_id = t.team_id AND l.id = t.label_id
                   WHERE t.team_id = k.team_id AND t.task_id = k.id ORDER BY l.name) AS labels,
             ARRAY(SELECT CASE WHEN f.done THEN '[x] ' ELSE '[ ] ' END || f.text FROM steps f
                   WHERE f.team_id = k.team_id AND f.task_id = k.id ORDER BY f.position, f.id) AS steps,
             (SELECT e.at FROM events e WHERE e.team_id = k.team_id AND e.task_id = k.id AND e.transition IN ('created doing', 'moved doing')
              ORDER BY e.at, e.seq LIMIT 1) AS started_at,
             CASE WHEN c.state = 'done' THEN k.column_since END AS done_at
         FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         LEFT JOIN sprints s ON s.id = k.sprint_id
         LEFT JOIN goals g ON g.team_id = k.team_id AND g.id = k.goal_id
         LEFT JOIN teams pt ON pt.id = k.project_team_id AND ",
        named_beside!("pt", "k.team_id"),
        "
         LEFT JOIN projects p ON p.team_id = pt.id AND p.id = k.project_id
         LEFT JOIN accounts a ON a.id = k.created_by
         WHERE k.team_id = $1 AND k.number > $2 ORDER BY k.number LIMIT $3",
    ))
    .bind(team)
    .bind(number)
    .bind(AT_ONCE)
    .fetch_all(db)
    .await?)
}

impl TableRow {
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// The cells, in the order of `NAMES`. Times are of UTC.
    pub(crate) fn cells(self, team: &Team) -> [String; 18] {
        let instant = |at: Option<OffsetDateTime>| at.map(dates::instant).unwrap_or_default();
        [
            format!("{}-{}", team.key, self.number),
            self.title,
            self.column,
            self.state,
            self.owners.join(", "),
            self.labels.join(", "),
            self.sprint,
            self.goal,
            self.project,
            self.estimate
                .map(|points| points.to_string())
                .unwrap_or_default(),
            self.due_on.map(|day| day.to_string()).unwrap_or_default(),
            dates::instant(self.created_at),
            self.created_by,
            instant(self.started_at),
            instant(self.done_at),
            instant(self.archived_at),
            self.steps.join("\n"),
            self.description,
        ]
    }
}
