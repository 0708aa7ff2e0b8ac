//! A team's goals in a sprint: what they measure, their progress, and the progress expected by
//! today.

pub mod choices;
pub mod comments;
pub mod contributions;
pub mod edit;
pub mod locked_goal;
pub mod progress;
pub mod reorder;
pub mod risks;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::working_hours::Hours,
        error::{Problem, Result},
        goals::{
            progress::{Counted, CountedBy},
            risks::{GoalRisk, goal_risk},
        },
        measure::Measure,
        person::Person,
        policy::predicates::named_beside,
        sprints::{Sprint, SprintState, queries},
        team::Team,
        teams::roster::{Roster, load_roster},
    },
};

/// A team's goal as the board, planning and standup show it.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) position: i32,
    pub(crate) title: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
    pub(crate) current: i64,
    pub(crate) counted_by: CountedBy,
    pub(crate) figure: String,
    /// Actual progress, and progress expected by today, in percent.
    pub(crate) is: i64,
    pub(crate) due: i64,
    pub(crate) hue: i16,
    pub(crate) why: String,
    pub(crate) needs: String,
    pub(crate) version: i64,
    /// Slug and name of its project, and the milestone.
    pub(crate) project: Option<(String, String)>,
    pub(crate) milestone: Option<Uuid>,
    pub(crate) key_result: Option<Uuid>,
    /// Number of done tasks, and of all tasks.
    pub(crate) tasks_done: i64,
    pub(crate) tasks: i64,
    /// Number of unanswered concerns.
    pub(crate) concerns: i64,
    pub(crate) owners: Vec<Person>,
    /// The risk of too few or too distant owners, with suggestions.
    pub(crate) risk: Option<GoalRisk>,
    /// Its final numbers, once the team has closed the sprint.
    pub(crate) frozen: Option<FrozenGoal>,
    /// The URL of the board filtered to the goal's tasks, and of the goal's page.
    pub(crate) url: String,
    pub(crate) page: String,
}

impl Goal {
    /// Whether its progress is less than expected by today.
    pub(crate) fn is_behind(&self) -> bool {
        self.frozen.is_none() && self.is < 100 && self.is < self.due
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.current >= self.target
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    team_id: Uuid,
    slug: String,
    position: i32,
    title: String,
    measure: Measure,
    unit: String,
    target: i64,
    counted_by: CountedBy,
    manual_value: Option<i64>,
    hue: i16,
    why: String,
    needs: String,
    version: i64,
    project: Option<String>,
    project_name: Option<String>,
    milestone_id: Option<Uuid>,
    key_result_id: Option<Uuid>,
    done: i64,
    all: i64,
    done_points: i64,
    all_points: i64,
    concerns: i64,
    frozen: Option<Json<FrozenGoal>>,
}

/// Returns a team's goals in a sprint, in order.
pub(crate) async fn goals(
    db: &Pool,
    team: &Team,
    sprint: &Sprint,
    roster: &Roster,
    now: OffsetDateTime,
) -> Result<Vec<Goal>> {
    let rosters = HashMap::from([(team.id, roster.clone())]);
    of_teams(db, &[team.id], sprint, &rosters, now).await
}

/// Like `goals` for several teams, grouped by team in the order of their ids; two queries in all.
pub(crate) async fn of_teams(
    db: &Pool,
    teams: &[Uuid],
    sprint: &Sprint,
    rosters: &HashMap<Uuid, Roster>,
    now: OffsetDateTime,
) -> Result<Vec<Goal>> {
    read(&mut *db.acquire().await?, teams, sprint, rosters, now).await
}

/// Returns the goals of these teams that are behind pace, in the active sprint and in ended ones
/// that are not closed.
pub(crate) async fn at_risk(
    db: &Pool,
    teams: &[Uuid],
    sprints: &[Sprint],
    rosters: &HashMap<Uuid, Roster>,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>> {
    let mut at_risk = Vec::new();
    for sprint in [queries::active(sprints), queries::unclosed(sprints)]
        .into_iter()
        .flatten()
    {
        let goals = of_teams(db, teams, sprint, rosters, now).await?;
        at_risk.extend(
            goals
                .iter()
                .filter(|goal| goal.is_behind())
                .map(|goal| goal.id),
        );
    }
    Ok(at_risk)
}

/// Like `of_teams` on one connection, for use within a change.
pub(crate) async fn read(
    db: &mut PgConnection,
    teams: &[Uuid],
    sprint: &Sprint,
    rosters: &HashMap<Uuid, Roster>,
    now: OffsetDateTime,
) -> Result<Vec<Goal>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT g.id, g.team_id, (SELECT t.slug FROM teams t WHERE t.id = g.team_id) AS slug, g.position, g.title, g.measure, g.unit, g.target, g.counted_by, g.manual_value, g.hue,
                g.why, g.needs, g.version, p.slug AS project, p.name AS project_name, g.milestone_id, g.key_result_id,
                k.done, k.all, k.done_points, k.all_points,
                (SELECT count(*) FROM goal_comments r WHERE r.team_id = g.team_id AND r.goal_id = g.id AND r.kind = 'concern' AND r.answer IS NULL) AS concerns,
                (SELECT f.figures->'goals'->(g.id::text) FROM sprint_reports f WHERE f.team_id = g.team_id AND f.sprint_id = g.sprint_id) AS frozen
         FROM goals g
         LEFT JOIN projects p ON p.team_id = g.project_team_id AND p.id = g.project_id
              AND EXISTS (SELECT FROM teams pt WHERE pt.id = p.team_id AND ",
        named_beside!("pt", "g.team_id"),
        ")
         CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE c.state = 'done') AS done,
                   count(*) FILTER (WHERE c.state = 'done' OR k.archived_at IS NULL) AS all,
                   coalesce(sum(k.estimate) FILTER (WHERE c.state = 'done'), 0) AS done_points,
                   coalesce(sum(k.estimate) FILTER (WHERE c.state = 'done' OR k.archived_at IS NULL), 0) AS all_points
            FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
            WHERE k.team_id = g.team_id AND k.goal_id = g.id) k
         WHERE g.team_id = ANY($1) AND g.sprint_id = $2 ORDER BY g.team_id, g.position"
    ))
    .bind(teams)
    .bind(sprint.id)
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut owners = owners(db, teams, &ids).await?;
    let none = Roster::default();
    Ok(rows
        .into_iter()
        .map(|row| {
            let roster = rosters.get(&row.team_id).unwrap_or(&none);
            let owners = owners.remove(&row.id).unwrap_or_default();
            row.into_goal(sprint, roster, owners, now)
        })
        .collect())
}

/// Returns the sprint of a team's goal, or `NotFound` for another team's.
pub(crate) async fn sprint_of(db: &Pool, team: Uuid, goal: Uuid) -> Result<Option<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT sprint_id FROM goals WHERE team_id = $1 AND id = $2")
            .bind(team)
            .bind(goal)
            .fetch_optional(db)
            .await?,
    )
}

/// Returns the titles of a team's goals in a sprint, in order.
pub(crate) async fn names(db: &Pool, team: Uuid, sprint: Uuid) -> Result<Vec<(Uuid, String)>> {
    Ok(sqlx::query_as(
        "SELECT id, title FROM goals WHERE team_id = $1 AND sprint_id = $2 ORDER BY position",
    )
    .bind(team)
    .bind(sprint)
    .fetch_all(db)
    .await?)
}

/// Returns one goal of a team.
pub(crate) async fn goal(
    db: &Pool,
    team: &Team,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(Goal, Sprint)> {
    let sprint: Sprint = sqlx::query_as(
        "SELECT s.id, s.number, s.name, s.starts_on, s.ends_on, s.state FROM sprints s JOIN goals g ON g.sprint_id = s.id
         WHERE g.team_id = $1 AND g.id = $2",
    )
    .bind(team.id)
    .bind(id)
    .fetch_one(db)
    .await?;
    let roster = load_roster(db, team.id).await?;
    let goals = goals(db, team, &sprint, &roster, now).await?;
    let goal = goals
        .into_iter()
        .find(|goal| goal.id == id)
        .ok_or(Problem::NotFound)?;
    Ok((goal, sprint))
}

impl Row {
    fn into_goal(
        self,
        sprint: &Sprint,
        roster: &Roster,
        owners: Vec<(Person, Option<Hours>)>,
        now: OffsetDateTime,
    ) -> Goal {
        let counted = Counted {
            measure: self.measure,
            by: self.counted_by,
            target: self.target,
            manual_value: self.manual_value.unwrap_or(0),
            tasks: (self.done, self.all),
            points: (self.done_points, self.all_points),
        };
        let (current, is) = match &self.frozen {
            Some(Json(frozen)) => (frozen.current, frozen.is),
            None => counted.figures(),
        };
        let today = roster.week.today(now);
        Goal {
            figure: self.measure.figure(current, self.target),
            due: sprint.pace(&roster.week, today),
            risk: if sprint.state == SprintState::Closed || self.frozen.is_some() {
                None
            } else {
                goal_risk(&owners, roster, sprint.nearest(today))
            },
            owners: owners.into_iter().map(|(person, _)| person).collect(),
            page: format!("/teams/{}/goals/{}", self.slug, self.id),
            url: format!(
                "/teams/{}?sprint={}&q=goal%3A{}",
                self.slug, sprint.number, self.position
            ),
            id: self.id,
            team_id: self.team_id,
            position: self.position,
            title: self.title,
            measure: self.measure,
            unit: self.unit,
            target: self.target,
            current,
            counted_by: self.counted_by,
            is,
            hue: self.hue,
            why: self.why,
            needs: self.needs,
            version: self.version,
            project: self.project.zip(self.project_name),
            milestone: self.milestone_id,
            key_result: self.key_result_id,
            tasks_done: self.done,
            tasks: self.all,
            concerns: self.concerns,
            frozen: self.frozen.map(|Json(frozen)| frozen),
        }
    }
}

/// Returns a goal's owners with their working hours; deactivated accounts have none.
async fn owners(
    db: &mut PgConnection,
    teams: &[Uuid],
    goals: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(Person, Option<Hours>)>>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        goal_id: Uuid,
        #[sqlx(flatten)]
        person: Person,
        time_zone: String,
        works_from: i16,
        works_to: i16,
        here: bool,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.goal_id, a.id, a.handle, a.name, a.hue, a.time_zone, a.works_from, a.works_to, a.deactivated_at IS NULL AS here
         FROM goal_owners o JOIN accounts a ON a.id = o.account_id
         WHERE o.team_id = ANY($1) AND o.goal_id = ANY($2) ORDER BY a.name",
    )
    .bind(teams)
    .bind(goals)
    .fetch_all(db)
    .await?;
    let mut owners: HashMap<Uuid, Vec<(Person, Option<Hours>)>> = HashMap::new();
    for row in rows {
        let hours = Hours {
            zone: row.time_zone,
            from: row.works_from,
            to: row.works_to,
        };
        owners
            .entry(row.goal_id)
            .or_default()
            .push((row.person, row.here.then_some(hours)));
    }
    Ok(owners)
}

/// The progress that an event of a manual update records.
pub(crate) fn progress(after: &serde_json::Value) -> String {
    let measure = after["measure"]
        .as_str()
        .and_then(|measure| Measure::try_from(measure.to_owned()).ok());
    measure
        .unwrap_or(Measure::Count)
        .format_value(after["value"].as_i64().unwrap_or(0))
}

/// A goal's final numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FrozenGoal {
    pub(crate) position: i32,
    pub(crate) title: String,
    pub(crate) figure: String,
    pub(crate) current: i64,
    /// In percent of the target.
    pub(crate) is: i64,
    pub(crate) hue: i16,
    pub(crate) met: bool,
    pub(crate) why_not: String,
    pub(crate) owners: Vec<String>,
}
