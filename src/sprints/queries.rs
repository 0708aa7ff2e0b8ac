//! Reading sprints and goals.

use std::collections::HashMap;

use askama::Template;
use sqlx::{PgExecutor, PgPool};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::Sprint;
use crate::{
    accounts::Person,
    boards::filters::{ResolvedSprint, SprintChoice},
    clock,
    teams::Team,
    web::error::{Problem, Result},
};

/// Every sprint, the newest first.
pub async fn sprints(db: impl PgExecutor<'_>) -> Result<Vec<Sprint>> {
    Ok(sqlx::query_as("SELECT id, number, name, starts_on, ends_on, state FROM sprints ORDER BY number DESC")
        .fetch_all(db)
        .await?)
}

/// The sprint that is going on, if one is.
pub fn active(sprints: &[Sprint]) -> Option<&Sprint> {
    sprints.iter().find(|sprint| sprint.state == "active")
}

/// The one that is planned next.
pub fn next(sprints: &[Sprint]) -> Option<&Sprint> {
    sprints.iter().filter(|sprint| sprint.state == "planned").min_by_key(|sprint| sprint.number)
}

/// Which tasks a choice means, and the sprint that it names. Without an active sprint, "this" is all of them.
pub fn resolve(sprints: &[Sprint], choice: SprintChoice) -> Result<(ResolvedSprint, Option<&Sprint>)> {
    let one = match choice {
        SprintChoice::All => return Ok((ResolvedSprint::Any, None)),
        SprintChoice::None => return Ok((ResolvedSprint::Without, None)),
        SprintChoice::This => match active(sprints) {
            Some(sprint) => sprint,
            None => return Ok((ResolvedSprint::Any, None)),
        },
        SprintChoice::Next => {
            next(sprints).ok_or_else(|| Problem::field("sprint", "No sprint is planned after this one."))?
        }
        SprintChoice::Number(number) => sprints
            .iter()
            .find(|sprint| sprint.number == number)
            .ok_or_else(|| Problem::field("sprint", format!("There is no sprint {number}.")))?,
    };
    Ok((ResolvedSprint::One(one.id), Some(one)))
}

/// A team's goal as the board's head shows it.
#[derive(Clone, Debug)]
pub struct GoalFace {
    pub id: Uuid,
    pub position: i32,
    pub title: String,
    pub figure: String,
    /// How far it is, and should be by today, in hundredths.
    pub is: i64,
    pub due: i64,
    pub hue: i16,
    pub owners: Vec<Person>,
    pub address: String,
}

#[derive(sqlx::FromRow)]
struct GoalRow {
    id: Uuid,
    position: i32,
    title: String,
    measure: String,
    target: i64,
    hue: i16,
    current: i64,
}

/// A team's goals in a sprint, in order. What nobody typed in is counted from done tasks.
pub async fn goals(db: &PgPool, team: &Team, sprint: &Sprint, today: Date) -> Result<Vec<GoalFace>> {
    let rows: Vec<GoalRow> = sqlx::query_as(
        "SELECT g.id, g.position, g.title, g.measure, g.target, g.hue,
                coalesce(g.typed, (SELECT count(*) FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
                                   WHERE k.team_id = g.team_id AND k.goal_id = g.id AND c.state = 'done')) AS current
         FROM goals g WHERE g.team_id = $1 AND g.sprint_id = $2 ORDER BY g.position",
    )
    .bind(team.id)
    .bind(sprint.id)
    .fetch_all(db)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut owners = owners(db, team.id, &ids).await?;
    let face = |row: GoalRow| GoalFace {
        owners: owners.remove(&row.id).unwrap_or_default(),
        figure: match row.measure.as_str() {
            "share" => format!("{} / {} %", row.current, row.target),
            "yes-no" => (if row.current >= row.target { "yes" } else { "not yet" }).to_owned(),
            _ => format!("{} / {}", row.current, row.target),
        },
        is: (row.current * 100 / row.target).clamp(0, 100),
        due: sprint.pace(today),
        address: format!("/teams/{}?sprint={}&q=goal%3A{}", team.slug, sprint.number, row.position),
        id: row.id,
        position: row.position,
        title: row.title,
        hue: row.hue,
    };
    Ok(rows.into_iter().map(face).collect())
}

async fn owners(db: &PgPool, team: Uuid, goals: &[Uuid]) -> Result<HashMap<Uuid, Vec<Person>>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        goal_id: Uuid,
        #[sqlx(flatten)]
        person: Person,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.goal_id, a.id, a.handle, a.name, a.hue FROM goal_owners o JOIN accounts a ON a.id = o.account_id
         WHERE o.team_id = $1 AND o.goal_id = ANY($2) ORDER BY a.name",
    )
    .bind(team)
    .bind(goals)
    .fetch_all(db)
    .await?;
    let mut owners: HashMap<Uuid, Vec<Person>> = HashMap::new();
    for row in rows {
        owners.entry(row.goal_id).or_default().push(row.person);
    }
    Ok(owners)
}

#[derive(Template)]
#[template(path = "boards/_goal.html")]
struct GoalHtml<'g> {
    goal: &'g GoalFace,
}

/// The goals of the sprint that is going on, each as the board's head shows it, for the stream.
pub async fn goals_html(db: &PgPool, team: &Team, now: OffsetDateTime) -> Result<Vec<(Uuid, String)>> {
    let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace").fetch_one(db).await?;
    let sprints = sprints(db).await?;
    let Some(sprint) = active(&sprints) else { return Ok(Vec::new()) };
    let goals = goals(db, team, sprint, clock::day_in(now, &zone)).await?;
    Ok(goals.iter().map(|goal| (goal.id, GoalHtml { goal }.to_string())).collect())
}
