//! Writes the rows of an import, many per statement, so that thousands of tasks take seconds.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    clock,
    error::Result,
    import::{
        draft::Due,
        execute::passages::Passage,
        plan::{Plan, Planned},
    },
    team::Team,
};

/// Inserts tasks with everything that belongs to them.
pub(crate) async fn insert(
    db: &mut PgConnection,
    team: &Team,
    plan: &Plan<'_>,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    insert_tasks(db, team, planned, rows).await?;
    insert_owners(db, team, planned, rows).await?;
    insert_labels(db, team, planned, rows).await?;
    insert_steps(db, team, planned, rows).await?;
    insert_comments(db, team, plan, planned, rows).await
}

async fn insert_tasks(
    db: &mut PgConnection,
    team: &Team,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, rank, title, description, sprint_id, due_on, created_by, created_at,
                            column_since, archived_at, imported_from, estimate)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::date[],
                                    $10::uuid[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[],
                                    $15::int[]) t",
    )
    .bind(team.id)
    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.number).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.column).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.rank.as_deref()).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.task.title.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.description.as_str()).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.sprint).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.due).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.created_by).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.column_since).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.archived_at).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.task.key.as_str()).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.task.estimate).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_owners(
    db: &mut PgConnection,
    team: &Team,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    let (mut tasks, mut accounts, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    for (planned, row) in planned.iter().zip(rows) {
        for (position, owner) in (1..).zip(&planned.owners) {
            tasks.push(row.id);
            accounts.push(owner.id);
            positions.push(position);
        }
    }
    sqlx::query(
        "INSERT INTO task_owners (team_id, task_id, account_id, position)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::uuid[], $4::int[]) t",
    )
    .bind(team.id)
    .bind(tasks)
    .bind(accounts)
    .bind::<Vec<i32>>(positions)
    .execute(db)
    .await?;
    Ok(())
}

/// The labels themselves already exist.
async fn insert_labels(
    db: &mut PgConnection,
    team: &Team,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    let (mut tasks, mut names) = (Vec::new(), Vec::new());
    for (planned, row) in planned.iter().zip(rows) {
        for name in &planned.task.labels {
            tasks.push(row.id);
            names.push(name.as_str());
        }
    }
    sqlx::query(
        "INSERT INTO task_labels (team_id, task_id, label_id)
         SELECT $1, t.task, l.id FROM unnest($2::uuid[], $3::text[]) AS t (task, name)
         JOIN labels l ON l.team_id = $1 AND fold(l.name) = fold(t.name) ON CONFLICT DO NOTHING",
    )
    .bind(team.id)
    .bind(tasks)
    .bind(names)
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_steps(
    db: &mut PgConnection,
    team: &Team,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    let (mut ids, mut tasks, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut texts, mut done) = (Vec::new(), Vec::new());
    for (planned, row) in planned.iter().zip(rows) {
        for (position, step) in (1..).zip(&planned.task.steps) {
            ids.push(Uuid::now_v7());
            tasks.push(row.id);
            positions.push(position);
            texts.push(step.text.as_str());
            done.push(step.done);
        }
    }
    sqlx::query(
        "INSERT INTO steps (team_id, id, task_id, position, text, done)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::bool[]) t",
    )
    .bind(team.id)
    .bind(ids)
    .bind(tasks)
    .bind::<Vec<i32>>(positions)
    .bind(texts)
    .bind(done)
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_comments(
    db: &mut PgConnection,
    team: &Team,
    plan: &Plan<'_>,
    planned: &[&Planned<'_>],
    rows: &[Row<'_>],
) -> Result<()> {
    let (mut ids, mut tasks, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut authors, mut bodies, mut instants) = (Vec::new(), Vec::new(), Vec::new());
    for (planned, row) in planned.iter().zip(rows) {
        for comment in &planned.task.comments {
            let account = plan.people.find(&comment.by);
            ids.push(Uuid::now_v7());
            tasks.push(row.id);
            accounts.push(account.map(|account| account.id));
            authors.push(if account.is_some() {
                ""
            } else {
                comment.by.called()
            });
            bodies.push(comment.body.as_str());
            // A comment without a date gets the date of its card.
            instants.push(comment.at.map_or(row.created_at, |at| at.min(plan.now)));
        }
    }
    sqlx::query(
        "INSERT INTO comments (team_id, id, task_id, author_id, author, body, created_at)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[]) t",
    )
    .bind(team.id)
    .bind(ids)
    .bind(tasks)
    .bind(accounts)
    .bind(authors)
    .bind(bodies)
    .bind(instants)
    .execute(db)
    .await?;
    Ok(())
}

/// The row of a planned task, with what happened to it.
pub(crate) struct Row<'p> {
    pub(crate) id: Uuid,
    number: i64,
    pub(crate) rank: Option<String>,
    pub(crate) description: String,
    /// Whether the description had to be cut.
    pub(crate) was_cut: bool,
    due: Option<time::Date>,
    created_by: Option<Uuid>,
    created_at: OffsetDateTime,
    column_since: OffsetDateTime,
    pub(crate) archived_at: Option<OffsetDateTime>,
    pub(crate) passages: Vec<Passage<'p>>,
}

impl<'p> Row<'p> {
    pub(crate) fn new(
        plan: &Plan<'_>,
        planned: &Planned<'_>,
        passages: Vec<Passage<'p>>,
        (number, rank): (i64, Option<String>),
        zone: &str,
    ) -> Self {
        let task = planned.task;
        // The other tool's clock may have been ahead; no imported time may be in the future.
        let past = |at: Option<OffsetDateTime>| at.unwrap_or(plan.now).min(plan.now);
        let first = passages.first().map(|passage| passage.at);
        let created_at = first.map_or(past(task.created_at), |first| {
            first.min(past(task.created_at))
        });
        let arrivals = passages.iter().filter(|passage| passage.is_arrival());
        let arrived = arrivals.map(|passage| passage.at).max();
        let since = task.column_since.max(arrived).or(Some(created_at));
        let (description, was_cut) = planned.description();
        Self {
            id: Uuid::now_v7(),
            number,
            rank,
            description,
            was_cut,
            due: task.due.map(|due| match due {
                Due::Day(day) => day,
                Due::Instant(at) => clock::day_in(at, zone),
            }),
            created_by: task
                .created_by
                .as_ref()
                .and_then(|by| plan.people.find(by))
                .map(|account| account.id),
            created_at,
            column_since: past(since),
            archived_at: task.archived.then(|| past(task.archived_at)),
            passages,
        }
    }
}
