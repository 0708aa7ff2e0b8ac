//! Reads tasks: as cards of a board, and with all details.

use std::collections::{BTreeSet, HashMap};

use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::filters::{
            sql::{Moment, ResolvedSprint},
            terms::Filter,
        },
        clock,
        column_state::ColumnState,
        error::{Problem, Result},
        policy::predicates::named_beside,
        tasks::{
            Card, Cover,
            card_details::{CardDetails, details, load_card_details},
        },
        team::Team,
    },
};

/// Limits how many archived tasks are read at once.
const MAX_ARCHIVED: i64 = 500;

#[derive(sqlx::FromRow)]
struct CardRow {
    id: Uuid,
    number: i64,
    title: String,
    version: i64,
    column: String,
    column_name: String,
    state: ColumnState,
    rank: Option<String>,
    sprint: Option<i32>,
    goal: Option<i32>,
    goal_id: Option<Uuid>,
    goal_hue: Option<i16>,
    goal_title: Option<String>,
    estimate: Option<i32>,
    due_on: Option<Date>,
    needed_by: String,
    column_since: OffsetDateTime,
    archived: bool,
    #[sqlx(json(nullable))]
    cover: Option<Cover>,
    /// The team's time zone.
    zone: String,
}

/// Query: the columns of `CardRow` for the team $1, or with another query for its time zone. Macros,
/// so that several queries can include them.
macro_rules! card {
    () => {
        card!("(SELECT coalesce(z.time_zone, w.time_zone) FROM teams z, workspace w WHERE z.id = $1)")
    };
    ($zone:literal) => {
        concat!("k.id, k.number, k.title, k.version, c.slug AS column, c.name AS column_name, c.state, k.rank, s.number AS sprint,
         g.position AS goal, k.goal_id, g.hue AS goal_hue, g.title AS goal_title, k.estimate, k.due_on, k.needed_by,
         k.column_since, k.archived_at IS NOT NULL AS archived,
         CASE WHEN k.cover_id IS NOT NULL THEN
             (SELECT json_build_object('id', f.id, 'width', f.width, 'height', f.height) FROM attachments f
              WHERE f.team_id = k.team_id AND f.id = k.cover_id AND f.deleted_at IS NULL) END AS cover, ", $zone, " AS zone")
    };
}

/// Query: the tables for `card!`, limited to the tasks of a team, which must be bound after it.
macro_rules! of_tasks {
    () => {
        " FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         LEFT JOIN sprints s ON s.id = k.sprint_id LEFT JOIN goals g ON g.team_id = k.team_id AND g.id = k.goal_id
         WHERE k.team_id = "
    };
}

/// Returns the cards of a board that match a filter, by column and rank. `only` limits them to
/// these tasks.
pub(crate) async fn cards(
    db: &Pool,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
    only: Option<&[Uuid]>,
) -> Result<Vec<Card>> {
    let mut query = matching(db, CARDS, team, filter, sprint, now).await?;
    if let Some(only) = only {
        query
            .push(" AND k.id = ANY(")
            .push_bind(only.to_vec())
            .push(")");
    }
    if filter.wants_archived() {
        query
            .push(" ORDER BY k.archived_at DESC LIMIT ")
            .push_bind(MAX_ARCHIVED);
    } else {
        query.push(" ORDER BY c.position, k.rank");
    }
    let rows: Vec<CardRow> = query.build_query_as().fetch_all(db).await?;
    with_details(db, team, rows).await
}

/// Returns the cards of one column that match a filter and come after a rank, at most `most`.
pub(crate) async fn cards_of_column(
    db: &Pool,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
    (column, after, most): (Uuid, &str, i64),
) -> Result<Vec<Card>> {
    let mut query = matching(db, CARDS, team, filter, sprint, now).await?;
    query.push(" AND k.column_id = ").push_bind(column);
    query.push(" AND k.rank > ").push_bind(after);
    query.push(" ORDER BY k.rank LIMIT ").push_bind(most);
    let rows: Vec<CardRow> = query.build_query_as().fetch_all(db).await?;
    with_details(db, team, rows).await
}

/// Returns how many tasks of each column match a filter.
pub(crate) async fn counts_by_column(
    db: &Pool,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
) -> Result<HashMap<Uuid, i64>> {
    let select = concat!("SELECT k.column_id, count(*)", of_tasks!());
    let mut query = matching(db, select, team, filter, sprint, now).await?;
    query.push(" GROUP BY k.column_id");
    let counts: Vec<(Uuid, i64)> = query.build_query_as().fetch_all(db).await?;
    Ok(counts.into_iter().collect())
}

/// Query: the cards of a team, which must be bound after it.
const CARDS: &str = concat!("SELECT ", card!(), of_tasks!());

/// Query: a selection of tasks, such as `CARDS`, limited to those of a team that match a filter, in no order.
async fn matching(
    db: &Pool,
    select: &'static str,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
) -> Result<QueryBuilder<Postgres>> {
    let mut query = QueryBuilder::new(select);
    query.push_bind(team.id);
    filter.push_conditions(
        &mut query,
        team,
        sprint,
        Moment::of(db, team, filter, now).await?,
    );
    Ok(query)
}

/// Loads what belongs to many cards with one query per kind of detail.
async fn with_details(db: &Pool, team: &Team, rows: Vec<CardRow>) -> Result<Vec<Card>> {
    let rows = rows.into_iter().map(|row| (team, row)).collect();
    with_details_of_teams(db, rows).await
}

async fn with_details_of_teams(db: &Pool, rows: Vec<(&Team, CardRow)>) -> Result<Vec<Card>> {
    let key = |(team, row): &(&Team, CardRow)| (team.id, row.id);
    let ids: Vec<(Uuid, Uuid)> = rows.iter().map(key).collect();
    let blocked: Vec<(Uuid, Uuid)> = rows
        .iter()
        .filter(|(_, row)| row.state == ColumnState::Blocked)
        .map(key)
        .collect();
    let mut details = load_card_details(db, &ids, &blocked).await?;
    Ok(rows
        .into_iter()
        .map(|(team, row)| {
            let details = details.remove(&row.id).unwrap_or_default();
            row.into_card(team, details)
        })
        .collect())
}

/// Returns how many archived tasks match the filter beyond those that `cards` returned.
pub(crate) async fn archived_beyond(
    db: &Pool,
    team: &Team,
    filter: &Filter,
    sprint: ResolvedSprint,
    now: OffsetDateTime,
    read: &[Card],
) -> Result<i64> {
    let read = read.len() as i64;
    if !filter.wants_archived() || read < MAX_ARCHIVED {
        return Ok(0);
    }
    let count = concat!("SELECT count(*)", of_tasks!());
    let mut query = matching(db, count, team, filter, sprint, now).await?;
    let all: i64 = query.build_query_scalar().fetch_one(db).await?;
    Ok(all - read)
}

#[derive(sqlx::FromRow)]
struct DressedRow {
    #[sqlx(flatten)]
    card: CardRow,
    #[sqlx(flatten)]
    details: CardDetails,
}

/// Query: the tasks of a team, which must be bound after it, with the details of their cards.
macro_rules! tasks_with_details {
    () => {
        concat!("SELECT ", card!(), ", ", details!(), of_tasks!())
    };
}

/// Up to so many cards are read in one query, with subqueries for the details of each.
const FEW: usize = 50;

/// Returns these tasks as cards, archived ones too, regardless of any filter.
pub(crate) async fn cards_of(db: &Pool, team: &Team, tasks: &[Uuid]) -> Result<Vec<Card>> {
    // For a list Postgres plans for ten rows; a plan for a single task takes half of the time.
    if let [task] = tasks {
        return Ok(find_card(db, team, *task).await?.into_iter().collect());
    }
    if tasks.len() > FEW {
        let rows = sqlx::query_as(concat!(
            "SELECT ",
            card!(),
            of_tasks!(),
            "$1 AND k.id = ANY($2)"
        ))
        .bind(team.id)
        .bind(tasks)
        .fetch_all(db)
        .await?;
        return with_details(db, team, rows).await;
    }
    let rows: Vec<DressedRow> =
        sqlx::query_as(concat!(tasks_with_details!(), "$1 AND k.id = ANY($2)"))
            .bind(team.id)
            .bind(tasks)
            .fetch_all(db)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| row.card.into_card(team, row.details))
        .collect())
}

/// Returns one task as a card.
pub(crate) async fn card(db: &Pool, team: &Team, task: Uuid) -> Result<Card> {
    find_card(db, team, task).await?.ok_or(Problem::NotFound)
}

async fn find_card(db: &Pool, team: &Team, task: Uuid) -> Result<Option<Card>> {
    let row: Option<DressedRow> =
        sqlx::query_as(concat!(tasks_with_details!(), "$1 AND k.id = $2"))
            .bind(team.id)
            .bind(task)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| row.card.into_card(team, row.details)))
}

impl CardRow {
    fn into_card(self, team: &Team, details: CardDetails) -> Card {
        Card {
            id: self.id,
            key: format!("{}-{}", team.key, self.number),
            title: self.title,
            version: self.version,
            column: self.column,
            column_name: self.column_name,
            state: self.state,
            rank: self.rank,
            sprint: self.sprint,
            goal: self.goal,
            goal_id: self.goal_id,
            goal_hue: self.goal_hue,
            goal_title: self.goal_title,
            estimate: self.estimate,
            due: self.due_on,
            due_ends: self
                .due_on
                .and_then(Date::next_day)
                .map(|day| clock::instant(day, 0, &self.zone)),
            needed_by: self.needed_by,
            steps_done: details.steps_done,
            steps: details.steps,
            comments: details.comments,
            attachments: details.attachments,
            pull_request: details.pull_request,
            column_since: self.column_since,
            archived: self.archived,
            cover: self.cover,
            owners: details.owners,
            labels: details.labels,
            blocked_by: details.blocked_by,
            blocking: details.blocking,
        }
    }
}

/// Query: tasks given by team $1 and id $2, for `card!`.
macro_rules! asked_tasks {
    () => {
        " FROM unnest($1::uuid[], $2::uuid[]) AS asked (team, task) JOIN teams t ON t.id = asked.team
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = asked.team AND id = asked.task OFFSET 0) k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         LEFT JOIN sprints s ON s.id = k.sprint_id LEFT JOIN goals g ON g.team_id = k.team_id AND g.id = k.goal_id"
    };
}

/// Query: the columns of `CardRow` for `asked_tasks!`, with the team.
macro_rules! card_of_team {
    () => {
        concat!(
            "SELECT k.team_id, ",
            card!("coalesce(t.time_zone, (SELECT time_zone FROM workspace))")
        )
    };
}

/// Returns tasks of these teams as cards by id, archived ones too.
pub(crate) async fn cards_by_id(
    db: &Pool,
    teams: &[Team],
    tasks: impl Iterator<Item = &(Uuid, Uuid)>,
) -> Result<HashMap<Uuid, Card>> {
    #[derive(sqlx::FromRow)]
    struct Row<C: for<'r> sqlx::FromRow<'r, PgRow>> {
        team_id: Uuid,
        #[sqlx(flatten)]
        card: C,
    }
    let asked: BTreeSet<(Uuid, Uuid)> = tasks.copied().collect();
    let (of, ids): (Vec<Uuid>, Vec<Uuid>) = asked.into_iter().unzip();
    let team = |id: Uuid| teams.iter().find(|team| team.id == id);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let cards: Vec<Card> = if ids.len() <= FEW {
        let query = concat!(card_of_team!(), ", ", details!(), asked_tasks!());
        let rows: Vec<Row<DressedRow>> = sqlx::query_as(query)
            .bind(of)
            .bind(ids)
            .fetch_all(db)
            .await?;
        let card = |row: Row<DressedRow>| {
            Some(
                row.card
                    .card
                    .into_card(team(row.team_id)?, row.card.details),
            )
        };
        rows.into_iter().filter_map(card).collect()
    } else {
        let query = concat!(card_of_team!(), asked_tasks!());
        let rows: Vec<Row<CardRow>> = sqlx::query_as(query)
            .bind(of)
            .bind(ids)
            .fetch_all(db)
            .await?;
        let row = |row: Row<CardRow>| Some((team(row.team_id)?, row.card));
        with_details_of_teams(db, rows.into_iter().filter_map(row).collect()).await?
    };
    Ok(cards.into_iter().map(|card| (card.id, card)).collect())
}
