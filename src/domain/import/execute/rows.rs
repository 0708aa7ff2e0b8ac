//! Writes the rows of an import, many per statement, so that thousands of tasks take seconds.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    import::plan::{Plan, Planned},
    team::Team,
};

/// Tasks per statement.
const AT_ONCE: usize = 500;

/// Inserts the tasks with everything that belongs to them.
pub(crate) async fn insert(
    db: &mut PgConnection,
    team: &Team,
    plan: &Plan<'_>,
    rows: &[Row],
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<()> {
    let mut done = 0;
    for (planned, rows) in plan.tasks.chunks(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
        insert_tasks(db, team, planned, rows).await?;
        insert_owners(db, team, planned, rows).await?;
        insert_labels(db, team, planned, rows).await?;
        insert_steps(db, team, planned, rows).await?;
        insert_comments(db, team, plan, planned, rows).await?;
        done += rows.len();
        progress(done);
    }
    Ok(())
}

async fn insert_tasks(
    db: &mut PgConnection,
    team: &Team,
    planned: &[Planned<'_>],
    rows: &[Row],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, rank, title, description, sprint_id, due_on, created_by, created_at,
                            column_since, archived_at, imported_from)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::date[],
                                    $10::uuid[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[]) t",
    )
    .bind(team.id)
    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.number).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.column).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.rank.as_deref()).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.task.title.as_str()).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.description.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sprint).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.due).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.created_by).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.column_since).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.archived_at).collect::<Vec<_>>())
    .bind(planned.iter().map(|planned| planned.task.key.as_str()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_owners(
    db: &mut PgConnection,
    team: &Team,
    planned: &[Planned<'_>],
    rows: &[Row],
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
    planned: &[Planned<'_>],
    rows: &[Row],
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
    planned: &[Planned<'_>],
    rows: &[Row],
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
    planned: &[Planned<'_>],
    rows: &[Row],
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

/// The row of a planned task.
pub struct Row {
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) rank: Option<String>,
    pub(crate) sprint: Option<Uuid>,
    pub(crate) due: Option<time::Date>,
    pub(crate) created_by: Option<Uuid>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) column_since: OffsetDateTime,
    pub(crate) archived_at: Option<OffsetDateTime>,
}
