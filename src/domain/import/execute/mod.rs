//! Imports a draft to a team in one transaction, all or nothing.

pub mod history;
pub mod rows;

use sqlx::{Executor, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    clock,
    error::{Problem, Result},
    events::{Change, EventStore},
    import::{
        draft::{Due, ImportRequest},
        execute::rows::Row,
        plan::{self, Plan},
        summary::Summary,
    },
    policy::actor::Actor,
    sprints::{self, cadence},
    tasks::{labels, rank},
    team::Team,
};

/// Imports a draft to a team. `progress` is called with the number of imported tasks.
///
/// # Errors
/// `Invalid` for an unknown team, or a mapped list that is not in the draft.
pub async fn import(
    store: &EventStore,
    request: &ImportRequest<'_>,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Summary> {
    let importer = Actor::system();
    let team = store
        .change(&importer, |change, _| Box::pin(find_team(change, request)))
        .await?
        .value;
    Ok(store
        .change(&importer, |change, _| {
            Box::pin(import_draft(change, &team, request, progress))
        })
        .await?
        .value)
}

/// Finds the team, and updates the sprints first, because open tasks go to the current one.
async fn find_team(change: &mut Change, request: &ImportRequest<'_>) -> Result<Team> {
    let teams: Vec<Team> =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams ORDER BY slug")
            .fetch_all(change.db())
            .await?;
    let Some(team) = teams.iter().find(|team| team.slug == request.team) else {
        let slugs: Vec<&str> = teams.iter().map(|team| team.slug.as_str()).collect();
        let known_teams = match slugs.join(", ") {
            none if none.is_empty() => {
                "There are no teams yet. Add one with “fortnight team add”.".to_owned()
            }
            slugs => format!("Teams: {slugs}."),
        };
        return Err(Problem::field(
            "team",
            format!("There is no team “{}”. {known_teams}", request.team),
        ));
    };
    if !request.dry_run {
        cadence::update_sprints_and_notify(change).await?;
    }
    Ok(team.clone())
}

async fn import_draft(
    change: &mut Change,
    team: &Team,
    request: &ImportRequest<'_>,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Summary> {
    // The connection's timeouts are meant for requests; a hundred megabytes take longer.
    change
        .db()
        .execute("SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '5min'")
        .await?;
    let mut plan = plan::plan(change, team, request).await?;
    if request.dry_run || plan.tasks.is_empty() {
        return Ok(plan.summary);
    }
    history::add_columns(change, team, &plan).await?;
    let names: Vec<String> = plan
        .tasks
        .iter()
        .flat_map(|planned| planned.task.labels.iter().cloned())
        .collect();
    labels::make_missing(change.db(), team.id, &names).await?;
    let ranks = ranks(change, team, &plan).await?;
    let rows = number(change, team, &plan, ranks).await?;
    rows::insert(change.db(), team, &plan, &rows, progress).await?;
    history::record(change, team, &plan, &rows, request.draft);
    let key = |row: Option<&Row>| row.map(|row| format!("{}-{}", team.key, row.number));
    plan.summary.keys = key(rows.first()).zip(key(rows.last()));
    Ok(plan.summary)
}

/// Computes a rank for each task that is not archived, after the existing tasks of its column, in
/// the draft's order.
async fn ranks(change: &mut Change, team: &Team, plan: &Plan<'_>) -> Result<Vec<Option<String>>> {
    let mut ranks = vec![None; plan.tasks.len()];
    for column in &plan.columns {
        let here: Vec<usize> = (0..plan.tasks.len())
            .filter(|index| {
                plan.tasks[*index].column == column.id && !plan.tasks[*index].task.archived
            })
            .collect();
        if here.is_empty() {
            continue;
        }
        let mut last = last_rank(change.db(), column.id).await?;
        if last.as_ref().is_some_and(|last| last.len() > rank::LONGEST) {
            crate::domain::tasks::placement::rebalance_ranks(change, team, column.id).await?;
            last = last_rank(change.db(), column.id).await?;
        }
        for (index, rank) in here
            .iter()
            .zip(rank::spread_after(last.as_deref(), here.len()))
        {
            ranks[*index] = Some(rank);
        }
    }
    Ok(ranks)
}

async fn last_rank(db: &mut PgConnection, column: Uuid) -> Result<Option<String>> {
    Ok(
        sqlx::query_scalar("SELECT max(rank) FROM tasks WHERE column_id = $1")
            .bind(column)
            .fetch_one(db)
            .await?,
    )
}

/// Assigns the task numbers; the team's row is locked from here on.
async fn number(
    change: &mut Change,
    team: &Team,
    plan: &Plan<'_>,
    ranks: Vec<Option<String>>,
) -> Result<Vec<Row>> {
    let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(change.db())
        .await?;
    // A sprint that the team has closed takes no tasks, even if other teams still work in it.
    let sprints = sprints::queries::sprints_of(change.db(), team.id).await?;
    let sprint = sprints::queries::current(&sprints).map(|sprint| sprint.id);
    let count = plan.tasks.len() as i64;
    let last: i64 = sqlx::query_scalar(
        "UPDATE teams SET last_number = last_number + $2 WHERE id = $1 RETURNING last_number",
    )
    .bind(team.id)
    .bind(count)
    .fetch_one(change.db())
    .await?;
    let now = plan.now;
    // The other tool's clock may have been ahead; no imported time may be in the future.
    let past = |at: Option<OffsetDateTime>| at.unwrap_or(now).min(now);
    let rows = (last - count + 1..)
        .zip(&plan.tasks)
        .zip(ranks)
        .map(|((number, planned), rank)| {
            let task = planned.task;
            let created_at = past(task.created_at);
            Row {
                id: Uuid::now_v7(),
                number,
                rank,
                sprint: sprint.filter(|_| !task.archived),
                due: task.due.map(|due| match due {
                    Due::Day(day) => day,
                    Due::Instant(at) => clock::day_in(at, &zone),
                }),
                created_by: task
                    .created_by
                    .as_ref()
                    .and_then(|by| plan.people.find(by))
                    .map(|account| account.id),
                created_at,
                column_since: past(task.column_since.or(Some(created_at))),
                archived_at: task.archived.then(|| past(task.archived_at)),
            }
        });
    Ok(rows.collect())
}
