//! Imports a draft to a team in one transaction, all or nothing.

pub mod author;
pub mod board;
pub mod history;
pub mod passages;
pub mod rows;

use serde_json::json;
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind, EventStore},
    import::{
        draft::ImportRequest,
        execute::{author::with_author, passages::passages, rows::Row},
        plan::{self, Plan, Planned},
        stored::{self, Imported},
        summary::Summary,
    },
    policy::actor::Actor,
    sprints::cadence,
    tasks::rank,
    team::Team,
};

/// The most tasks per statement, and the most text in them: all of it is in memory twice more.
const AT_ONCE: usize = 500;
const TEXT_AT_ONCE: usize = 1024 * 1024;

/// The tasks of one statement.
#[derive(Default)]
struct Batch<'p> {
    tasks: Vec<&'p Planned<'p>>,
    rows: Vec<Row<'p>>,
    /// The bytes of text in them.
    text: usize,
}

impl<'p> Batch<'p> {
    fn is_full(&self) -> bool {
        self.rows.len() >= AT_ONCE || self.text >= TEXT_AT_ONCE
    }

    fn push(&mut self, planned: &'p Planned<'p>, row: Row<'p>) {
        self.text += row.description.len() + planned.task.length_of_comments();
        self.tasks.push(planned);
        self.rows.push(row);
    }
}

/// Imports a draft to a team, for the command line. `progress` is called with the number of imported tasks. A dry run
/// does everything that an import does, and is rolled back.
///
/// # Errors
/// `Invalid` for an unknown team or sprint, or a mapped list that is not in the draft.
pub async fn import(
    store: &EventStore,
    request: &ImportRequest<'_>,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Summary> {
    let importer = Actor::system();
    if request.dry_run {
        return store
            .dry_run(&importer, |change, _| {
                Box::pin(async move {
                    let team = find_team(change, request).await?;
                    import_draft(change, &team, request, None, progress).await
                })
            })
            .await;
    }
    import_for(store, &importer, request, None, progress).await
}

/// Imports a draft to a team, with the actor as the author. `upload` is the import's row, if the file was uploaded.
///
/// # Errors
/// As of `import`; `Forbidden` if the actor may no longer change the team.
pub(crate) async fn import_for(
    store: &EventStore,
    actor: &Actor,
    request: &ImportRequest<'_>,
    upload: Option<Uuid>,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Summary> {
    // Turning the sprint over is a change of its own: it locks the workspace, which an import of
    // ten seconds must not.
    let team = store
        .change(&Actor::system(), |change, _| {
            Box::pin(find_team(change, request))
        })
        .await?
        .value;
    Ok(store
        .change(actor, |change, _| {
            Box::pin(import_draft(change, &team, request, upload, progress))
        })
        .await?
        .value)
}

/// Finds the team, and updates the sprints first, because work in progress goes to the current one.
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
    cadence::update_sprints_and_notify(change).await?;
    Ok(team.clone())
}

async fn import_draft(
    change: &mut Change,
    team: &Team,
    request: &ImportRequest<'_>,
    upload: Option<Uuid>,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Summary> {
    if change.agent.is_some() {
        return Err(Problem::Forbidden(
            "Only people import tasks, since some of them may be done. Nothing was imported."
                .into(),
        ));
    }
    allow_long_statements(change.db()).await?;
    let mut plan = plan::plan(change, team, request).await?;
    let mut summary = std::mem::take(&mut plan.summary);
    if plan.tasks.is_empty() {
        if let Some(id) = upload {
            stored::complete(change, team.id, id, &Imported::of(&summary)).await?;
        }
        return Ok(summary);
    }
    let added_columns = board::write_columns(change, team, &plan.board).await?;
    let added_labels = board::add_labels(change.db(), team, &plan, request.draft).await?;
    let ranks = ranks(change, team, &plan).await?;
    let first = number(change.db(), team, plan.tasks.len()).await?;
    let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(change.db())
        .await?;
    let mut rest = (first..).zip(&plan.tasks).zip(ranks).peekable();
    let mut next_batch = || {
        let mut batch = Batch::default();
        while let Some(((number, planned), rank)) = rest.next_if(|_| !batch.is_full()) {
            let passages = passages(&plan, planned, request.draft);
            let row = Row::new(&plan, planned, passages, (number, rank), &zone);
            batch.push(planned, row);
        }
        batch
    };
    let mut batch = next_batch();
    let mut done = 0;
    while !batch.rows.is_empty() {
        for (planned, row) in batch.tasks.iter().zip(&batch.rows) {
            if row.was_cut {
                summary.changed.add(
                    "descriptions over 100,000 characters were shortened",
                    &planned.task.title,
                );
            }
        }
        // The next rows are computed while Postgres writes these.
        let (written, following) = tokio::join!(
            rows::insert(change.db(), team, &plan, &batch.tasks, &batch.rows),
            async { next_batch() },
        );
        written?;
        history::record(
            change,
            team,
            &plan,
            &batch.tasks,
            &batch.rows,
            request.draft.from,
        );
        change.write_events().await?;
        done += batch.rows.len();
        progress(done);
        batch = following;
    }
    let key = |number: i64| format!("{}-{number}", team.key);
    let keys = (key(first), key(first + plan.tasks.len() as i64 - 1));
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::BoardImported,
        before: json!({}),
        after: with_author(
            change,
            json!({
                "from": request.draft.from, "board": request.draft.board, "tasks": plan.tasks.len(), "first": keys.0, "last": keys.1,
                "columns": added_columns,
            }),
        ),
        version: None,
    });
    summary.keys = Some(keys);
    let imported = Imported {
        columns: plan.board.new,
        labels: added_labels,
        removed: plan.board.removed,
        ..Imported::of(&summary)
    };
    match upload {
        Some(id) => stored::complete(change, team.id, id, &imported).await?,
        None => stored::add_completed(change, team.id, request.draft.from, &imported).await?,
    }
    Ok(summary)
}

/// The connection's timeouts are meant for requests; a hundred megabytes take longer.
pub(crate) async fn allow_long_statements(db: &mut PgConnection) -> Result<()> {
    db.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '5min'")
        .await?;
    Ok(())
}

/// Computes a rank for each task that is not archived, after the existing tasks of its column, in
/// the draft's order.
async fn ranks(change: &mut Change, team: &Team, plan: &Plan<'_>) -> Result<Vec<Option<String>>> {
    let mut ranks = vec![None; plan.tasks.len()];
    for column in &plan.board.columns {
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

/// Takes the task numbers and returns the first; the team's row is locked from here on.
async fn number(db: &mut PgConnection, team: &Team, count: usize) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "UPDATE teams SET last_number = last_number + $2 WHERE id = $1 RETURNING last_number - $2 + 1",
    )
    .bind(team.id)
    .bind(count as i64)
    .fetch_one(db)
    .await?)
}
