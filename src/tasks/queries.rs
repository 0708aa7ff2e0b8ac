//! Reading tasks: as cards of a board, and whole.

use std::collections::HashMap;

use sqlx::{PgPool, Postgres, QueryBuilder};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{Card, Label, Wait};
use crate::{
    accounts::Person,
    boards::{
        State,
        filters::{Filter, ResolvedSprint},
    },
    teams::Team,
    web::error::{Problem, Result},
};

/// Nobody reads more than this many archived tasks at once.
const MOST_ARCHIVED: i64 = 500;

#[derive(sqlx::FromRow)]
struct CardRow {
    id: Uuid,
    number: i64,
    title: String,
    version: i64,
    column: String,
    column_name: String,
    #[sqlx(try_from = "String")]
    state: State,
    rank: Option<String>,
    sprint: Option<i32>,
    goal: Option<i32>,
    goal_hue: Option<i16>,
    goal_title: Option<String>,
    estimate: Option<i32>,
    due_on: Option<Date>,
    waited_for_by: String,
    column_since: OffsetDateTime,
    archived: bool,
}

const CARD: &str = "SELECT k.id, k.number, k.title, k.version, c.slug AS column, c.name AS column_name, c.state, k.rank, s.number AS sprint, g.position AS goal,
            g.hue AS goal_hue, g.title AS goal_title, k.estimate, k.due_on, k.waited_for_by, k.column_since, k.archived_at IS NOT NULL AS archived
     FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
     LEFT JOIN sprints s ON s.id = k.sprint_id LEFT JOIN goals g ON g.team_id = k.team_id AND g.id = k.goal_id
     WHERE k.team_id = ";

/// A board's cards under a filter, column by column in their order.
/// With `only`, just those of these tasks that the filter lets through.
pub async fn cards(
    db: &PgPool,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
    only: Option<&[Uuid]>,
) -> Result<Vec<Card>> {
    let mut query = QueryBuilder::<Postgres>::new(CARD);
    query.push_bind(team.id);
    if let Some(only) = only {
        query.push(" AND k.id = ANY(").push_bind(only.to_vec()).push(")");
    }
    filter.push_conditions(&mut query, team.id, &team.key, sprint, now);
    if filter.wants_archived() {
        query.push(" ORDER BY k.archived_at DESC LIMIT ").push_bind(MOST_ARCHIVED);
    } else {
        query.push(" ORDER BY c.position, k.rank");
    }
    let rows: Vec<CardRow> = query.build_query_as().fetch_all(db).await?;
    dress(db, team, rows).await
}

/// These tasks as cards, archived ones too, whatever any filter says.
pub async fn cards_of(db: &PgPool, team: &Team, tasks: &[Uuid]) -> Result<Vec<Card>> {
    let mut query = QueryBuilder::<Postgres>::new(CARD);
    query.push_bind(team.id).push(" AND k.id = ANY(").push_bind(tasks.to_vec()).push(")");
    let rows: Vec<CardRow> = query.build_query_as().fetch_all(db).await?;
    dress(db, team, rows).await
}

/// One task as a card.
pub async fn card(db: &PgPool, team: &Team, task: Uuid) -> Result<Card> {
    cards_of(db, team, &[task]).await?.pop().ok_or(Problem::NotFound)
}

/// Gives cards their owners, labels, counts and waits: a query each for all of them, never one a card.
async fn dress(db: &PgPool, team: &Team, rows: Vec<CardRow>) -> Result<Vec<Card>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let blocked: Vec<Uuid> = rows.iter().filter(|row| row.state == State::Blocked).map(|row| row.id).collect();
    let mut dress = clothes(db, team.id, &ids).await?;
    let mut waits = waits(db, team.id, &blocked).await?;
    let cards = rows.into_iter().map(|row| {
        let dress = dress.remove(&row.id).unwrap_or_default();
        Card {
            id: row.id,
            key: format!("{}-{}", team.key, row.number),
            title: row.title,
            version: row.version,
            column: row.column,
            column_name: row.column_name,
            state: row.state,
            rank: row.rank,
            sprint: row.sprint,
            goal: row.goal,
            goal_hue: row.goal_hue,
            goal_title: row.goal_title,
            estimate: row.estimate,
            due: row.due_on,
            waited_for_by: row.waited_for_by,
            steps_done: dress.steps_done,
            steps: dress.steps,
            comments: dress.comments,
            column_since: row.column_since,
            archived: row.archived,
            owners: dress.owners,
            labels: dress.labels,
            waits_on: waits.remove(&row.id).unwrap_or_default(),
        }
    });
    Ok(cards.collect())
}

/// What a card wears beside its own row.
#[derive(Default)]
struct Dress {
    owners: Vec<Person>,
    labels: Vec<Label>,
    steps: i64,
    steps_done: i64,
    comments: i64,
}

/// Owners, labels and counts of these tasks, in one way there and back.
async fn clothes(db: &PgPool, team: Uuid, tasks: &[Uuid]) -> Result<HashMap<Uuid, Dress>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        what: String,
        id: Option<Uuid>,
        handle: Option<String>,
        name: Option<String>,
        hue: Option<i16>,
        count: i64,
        done: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.task_id, 'owner' AS what, a.id, a.handle, a.name, a.hue, o.position::bigint AS count, 0::bigint AS done
         FROM task_owners o JOIN accounts a ON a.id = o.account_id WHERE o.team_id = $1 AND o.task_id = ANY($2)
         UNION ALL
         SELECT tl.task_id, 'label', NULL, NULL, l.name, l.hue, 0, 0
         FROM task_labels tl JOIN labels l ON l.team_id = tl.team_id AND l.id = tl.label_id
         WHERE tl.team_id = $1 AND tl.task_id = ANY($2)
         UNION ALL
         SELECT task_id, 'steps', NULL, NULL, NULL, NULL, count(*), count(*) FILTER (WHERE done)
         FROM steps WHERE team_id = $1 AND task_id = ANY($2) GROUP BY task_id
         UNION ALL
         SELECT task_id, 'comments', NULL, NULL, NULL, NULL, count(*), 0
         FROM comments WHERE team_id = $1 AND task_id = ANY($2) GROUP BY task_id
         ORDER BY count, name",
    )
    .bind(team)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    let mut clothes: HashMap<Uuid, Dress> = HashMap::with_capacity(tasks.len());
    for row in rows {
        let dress = clothes.entry(row.task_id).or_default();
        match (row.what.as_str(), row.id, row.handle, row.name, row.hue) {
            ("owner", Some(id), Some(handle), Some(name), Some(hue)) => {
                dress.owners.push(Person { id, handle, name, hue })
            }
            ("label", _, _, Some(name), Some(hue)) => dress.labels.push(Label { name, hue }),
            ("steps", ..) => (dress.steps, dress.steps_done) = (row.count, row.done),
            ("comments", ..) => dress.comments = row.count,
            _ => {}
        }
    }
    Ok(clothes)
}

async fn waits(db: &PgPool, team: Uuid, tasks: &[Uuid]) -> Result<HashMap<Uuid, Vec<Wait>>> {
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        kind: String,
        on: Option<String>,
        name: Option<String>,
        team: Option<String>,
        state: Option<String>,
        note: String,
        since: OffsetDateTime,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT w.task_id, w.kind, w.note, w.since,
                coalesce(kt.key || '-' || k.number, t.slug, a.handle) AS on, coalesce(k.title, t.name, a.name) AS name,
                kt.name AS team, c.state
         FROM waits w
         LEFT JOIN tasks k ON k.team_id = w.on_task_team AND k.id = w.on_task_id
         LEFT JOIN teams kt ON kt.id = k.team_id
         LEFT JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         LEFT JOIN teams t ON t.id = w.on_team_id
         LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND w.task_id = ANY($2) AND w.ended_at IS NULL ORDER BY w.since, w.id",
    )
    .bind(team)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    Ok(grouped(rows.into_iter().map(|row| {
        let state = row.state.and_then(|state| State::try_from(state).ok());
        (
            row.task_id,
            Wait {
                kind: row.kind,
                on: row.on,
                name: row.name,
                team: row.team,
                state,
                note: row.note,
                since: row.since,
            },
        )
    })))
}

fn grouped<T>(rows: impl Iterator<Item = (Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (id, row) in rows {
        groups.entry(id).or_default().push(row);
    }
    groups
}

/// What a task's page has beside its card.
pub struct Whole {
    pub card: Card,
    pub description: String,
    pub steps: Vec<Step>,
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
pub struct Step {
    pub id: Uuid,
    pub text: String,
    pub done: bool,
}

/// A task with its description and steps.
pub async fn whole(db: &PgPool, team: &Team, task: Uuid) -> Result<Whole> {
    let text = sqlx::query_as::<_, (String, Option<String>, OffsetDateTime)>(
        "SELECT k.description, a.name, k.created_at FROM tasks k LEFT JOIN accounts a ON a.id = k.created_by
         WHERE k.team_id = $1 AND k.id = $2",
    )
    .bind(team.id)
    .bind(task);
    let steps =
        sqlx::query_as("SELECT id, text, done FROM steps WHERE team_id = $1 AND task_id = $2 ORDER BY position, id")
            .bind(team.id)
            .bind(task);
    let (description, created_by, created_at) = text.fetch_one(db).await?;
    let (card, steps) = (card(db, team, task).await?, steps.fetch_all(db).await?);
    Ok(Whole { card, description, steps, created_by, created_at })
}

/// A person's open tasks over all teams, by state and then oldest first in its column.
pub async fn of_owner(db: &PgPool, account: Uuid) -> Result<Vec<(Team, Vec<Card>)>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        #[sqlx(flatten)]
        team: Team,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.task_id, t.id, t.slug, t.name, t.key, t.seq FROM task_owners o
         JOIN tasks k ON k.team_id = o.team_id AND k.id = o.task_id JOIN teams t ON t.id = k.team_id
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE o.account_id = $1 AND k.archived_at IS NULL AND c.state <> 'done' ORDER BY t.name",
    )
    .bind(account)
    .fetch_all(db)
    .await?;
    let mut teams: Vec<(Team, Vec<Uuid>)> = Vec::new();
    for row in rows {
        match teams.last_mut().filter(|(team, _)| team.id == row.team.id) {
            Some((_, tasks)) => tasks.push(row.task_id),
            None => teams.push((row.team, vec![row.task_id])),
        }
    }
    let mut all = Vec::with_capacity(teams.len());
    for (team, tasks) in teams {
        let mut cards = cards_of(db, &team, &tasks).await?;
        cards.sort_by_key(|card| (card.state, card.column_since));
        all.push((team, cards));
    }
    Ok(all)
}
