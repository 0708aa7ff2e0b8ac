//! Inserts the demo's tasks and events, with one statement per table.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::demo::{
    history::{Event, History, Row},
    rng::Chance,
};

/// Inserts tasks, everything that belongs to them, and their events.
pub(crate) async fn write(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let mut rng = Chance::new(11);
    for (index, team) in history.known().teams.iter().enumerate() {
        let rows: Vec<&Row> = history
            .rows
            .iter()
            .filter(|row| row.team == index)
            .collect();
        tasks(db, *team, &rows).await?;
        owners(db, *team, history, &rows).await?;
        labels(db, *team, &rows, &mut rng).await?;
    }
    steps(db, history).await?;
    comments(db, history).await?;
    // After the tasks of all teams, since tasks may be blocked by another team's.
    blockers(db, history).await?;
    for (index, team) in history.known().teams.iter().enumerate() {
        events(db, *team, &history.events[index]).await?;
        sqlx::query("UPDATE teams SET seq = $2, last_number = $3 WHERE id = $1")
            .bind(team)
            .bind(history.events[index].len() as i64)
            .bind(history.last_numbers[index])
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

async fn tasks(db: &mut PgConnection, team: Uuid, rows: &[&Row]) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, rank, title, description, sprint_id, goal_id, estimate, due_on, needed_by,
                            version, moved_version, created_by, created_at, column_since, archived_at)
         SELECT $1, k.id, k.number, c.id, k.rank, k.title, k.description, k.sprint, k.goal, k.estimate, k.due, k.needed_by,
                k.version, k.moved_version, k.created_by, k.created_at, k.column_since, k.archived_at
         FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::int[],
                     $11::date[], $12::text[], $13::bigint[], $14::bigint[], $15::uuid[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[])
              AS k (id, number, state, rank, title, description, sprint, goal, estimate,
                    due, needed_by, version, moved_version, created_by, created_at, column_since, archived_at)
         JOIN columns c ON c.team_id = $1 AND c.state = k.state",
    )
    .bind(team)
    .bind(list(rows, |row| row.id))
    .bind(list(rows, |row| row.number))
    .bind(list(rows, |row| row.column.as_str()))
    .bind(list(rows, |row| row.rank.as_deref()))
    .bind(list(rows, |row| row.title.as_str()))
    .bind(list(rows, |row| row.description.as_str()))
    .bind(list(rows, |row| row.sprint))
    .bind(list(rows, |row| row.goal))
    .bind(list(rows, |row| row.estimate))
    .bind(list(rows, |row| row.due))
    .bind(list(rows, |row| row.needed_by))
    .bind(list(rows, |row| row.version))
    .bind(list(rows, |row| row.moved_version))
    .bind(list(rows, |row| row.created_by))
    .bind(list(rows, |row| row.created_at))
    .bind(list(rows, |row| row.column_since))
    .bind(list(rows, |row| row.archived_at))
    .execute(db)
    .await?;
    Ok(())
}

async fn owners(
    db: &mut PgConnection,
    team: Uuid,
    history: &History,
    rows: &[&Row],
) -> anyhow::Result<()> {
    let owners: Vec<(Uuid, Uuid, i32)> = rows
        .iter()
        .flat_map(|row| {
            (1..)
                .zip(&row.owners)
                .map(|(position, handle)| (row.id, history.person(handle), position))
        })
        .collect();
    sqlx::query(
        "INSERT INTO task_owners (team_id, task_id, account_id, position) SELECT $1, o.* FROM unnest($2::uuid[], $3::uuid[], $4::int[]) o",
    )
    .bind(team)
    .bind(list(&owners, |(task, ..)| *task))
    .bind(list(&owners, |(_, person, _)| *person))
    .bind(list(&owners, |(.., position)| *position))
    .execute(db)
    .await?;
    Ok(())
}

/// Inserts labels in the order of first use, with the hues that the domain would choose.
async fn labels(
    db: &mut PgConnection,
    team: Uuid,
    rows: &[&Row],
    rng: &mut Chance,
) -> anyhow::Result<()> {
    let first = rows
        .first()
        .map_or(OffsetDateTime::UNIX_EPOCH, |row| row.created_at);
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|row| row.labels) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    sqlx::query(
        "INSERT INTO labels (team_id, id, name, hue)
         SELECT $1, id, name, ((nth - 1) * 5 % 12)::smallint FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS l (id, name, nth)",
    )
    .bind(team)
    .bind(list(&names, |_| rng.id(first)))
    .bind(&names)
    .execute(&mut *db)
    .await?;
    let pairs: Vec<(Uuid, &str)> = rows
        .iter()
        .flat_map(|row| row.labels.iter().map(|name| (row.id, *name)))
        .collect();
    sqlx::query(
        "INSERT INTO task_labels (team_id, task_id, label_id)
         SELECT $1, k.task, l.id FROM unnest($2::uuid[], $3::text[]) AS k (task, name) JOIN labels l ON l.team_id = $1 AND l.name = k.name",
    )
    .bind(team)
    .bind(list(&pairs, |(task, _)| *task))
    .bind(list(&pairs, |(_, name)| *name))
    .execute(db)
    .await?;
    Ok(())
}

async fn steps(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let (teams, steps) = (&history.known().teams, &history.steps);
    sqlx::query(
        "INSERT INTO steps (team_id, id, task_id, position, text, done)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::bool[])",
    )
    .bind(list(steps, |step| teams[step.team]))
    .bind(list(steps, |step| step.id))
    .bind(list(steps, |step| step.task))
    .bind(list(steps, |step| step.position))
    .bind(list(steps, |step| step.text))
    .bind(list(steps, |step| step.done))
    .execute(db)
    .await?;
    Ok(())
}

async fn comments(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let (teams, comments) = (&history.known().teams, &history.comments);
    sqlx::query(
        "INSERT INTO comments (team_id, id, task_id, author_id, body, created_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[])",
    )
    .bind(list(comments, |comment| teams[comment.team]))
    .bind(list(comments, |comment| comment.id))
    .bind(list(comments, |comment| comment.task))
    .bind(list(comments, |comment| comment.author))
    .bind(list(comments, |comment| comment.body.as_str()))
    .bind(list(comments, |comment| comment.at))
    .execute(db)
    .await?;
    Ok(())
}

async fn blockers(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let (teams, blockers) = (&history.known().teams, &history.blockers);
    sqlx::query(
        "INSERT INTO blockers (team_id, id, task_id, kind, on_task_team, on_task_id, on_team_id, on_account_id, note, since, ended_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[],
                              $10::timestamptz[], $11::timestamptz[])",
    )
    .bind(list(blockers, |blocker| teams[blocker.team]))
    .bind(list(blockers, |blocker| blocker.id))
    .bind(list(blockers, |blocker| blocker.task))
    .bind(list(blockers, |blocker| blocker.kind))
    .bind(list(blockers, |blocker| blocker.on_task.map(|(team, _)| teams[team])))
    .bind(list(blockers, |blocker| blocker.on_task.map(|(_, task)| task)))
    .bind(list(blockers, |blocker| blocker.on_team))
    .bind(list(blockers, |blocker| blocker.on_person))
    .bind(list(blockers, |blocker| blocker.note))
    .bind(list(blockers, |blocker| blocker.since))
    .bind(list(blockers, |blocker| blocker.ended_at))
    .execute(db)
    .await?;
    Ok(())
}

async fn events(db: &mut PgConnection, team: Uuid, events: &[Event]) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, actor_id, kind, before, after, version, at)
         SELECT $1, e.* FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], $8::jsonb[], $9::bigint[],
                                    $10::timestamptz[]) e",
    )
    .bind(team)
    .bind(list(events, |event| event.seq))
    .bind(list(events, |event| event.change))
    .bind(list(events, |event| event.task))
    .bind(list(events, |event| event.actor))
    .bind(list(events, |event| event.kind.as_str()))
    .bind(list(events, |event| &event.before))
    .bind(list(events, |event| &event.after))
    .bind(list(events, |event| event.version))
    .bind(list(events, |event| event.at))
    .execute(db)
    .await?;
    Ok(())
}

/// Collects one field of each row, as a parameter of `unnest`.
pub fn list<'a, T, F>(of: &'a [T], field: impl FnMut(&'a T) -> F) -> Vec<F> {
    of.iter().map(field).collect()
}
