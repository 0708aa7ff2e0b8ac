//! The demo's rows, a statement a table: one round trip each, however many there are.

use std::cmp::Ordering;
use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::demo::calendar::{Calendar, ZONE};
use crate::demo::history::{Event, History, Known, Row, slug};
use crate::demo::people::{PEOPLE, TEAMS};
use crate::demo::rng::Chance;
use crate::domain::accounts::create::touch_workspace;
use crate::domain::column_state::ColumnState;

/// The number of the active sprint.
const NUMBER: i32 = 42;
const WEEKS: i32 = 2;

fn limit(state: ColumnState) -> Option<i32> {
    match state {
        ColumnState::Doing => Some(4),
        ColumnState::Review => Some(3),
        _ => None,
    }
}

/// People, teams, sprints and goals: what tasks refer to.
pub async fn ground(db: &mut PgConnection, calendar: &Calendar) -> anyhow::Result<Known> {
    let mut chance = Chance::new(7);
    // Long before the first sprint that is told of.
    let began =
        OffsetDateTime::new_utc(calendar.monday(-6), time::Time::MIDNIGHT) + Duration::hours(8);
    sqlx::query("UPDATE workspace SET name = 'Platform', cadence_weeks = $1, time_zone = $2, set_up_at = $3")
        .bind(WEEKS)
        .bind(ZONE)
        .bind(began)
        .execute(&mut *db)
        .await?;
    let mut known = Known {
        people: HashMap::new(),
        teams: Vec::new(),
        sprints: HashMap::new(),
        goals: HashMap::new(),
    };
    people(db, &mut known, &mut chance, began).await?;
    teams(db, &mut known, &mut chance, began).await?;
    sprints(db, &mut known, &mut chance, calendar).await?;
    goals(db, &mut known, &mut chance, calendar.now).await?;
    touch_workspace(db).await?;
    Ok(known)
}

async fn people(
    db: &mut PgConnection,
    known: &mut Known,
    chance: &mut Chance,
    began: OffsetDateTime,
) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = PEOPLE.iter().map(|_| chance.id(began)).collect();
    known.people = PEOPLE
        .iter()
        .map(|person| person.handle)
        .zip(ids.iter().copied())
        .collect();
    // Without a password: only the printed link signs in.
    sqlx::query(
        "INSERT INTO accounts (id, email, name, handle, hue, time_zone, role, created_at)
         SELECT p.id, p.handle || '@fortnight.example', p.name, p.handle, p.hue, p.zone, p.role, $7
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[]) AS p (id, handle, name, hue, zone, role)",
    )
    .bind(&ids)
    .bind(list(&PEOPLE, |person| person.handle))
    .bind(list(&PEOPLE, |person| person.name))
    .bind(list(&PEOPLE, |person| person.hue))
    .bind(list(&PEOPLE, |person| person.zone))
    .bind(list(&PEOPLE, |person| if person.admin { "admin" } else { "member" }))
    .bind(began)
    .execute(db)
    .await?;
    Ok(())
}

async fn teams(
    db: &mut PgConnection,
    known: &mut Known,
    chance: &mut Chance,
    began: OffsetDateTime,
) -> anyhow::Result<()> {
    for team in &TEAMS {
        let id = chance.id(began);
        known.teams.push(id);
        sqlx::query(
            "INSERT INTO teams (id, slug, name, key, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(team.slug)
        .bind(team.name)
        .bind(team.key)
        .bind(began)
        .execute(&mut *db)
        .await?;
        sqlx::query(
            "INSERT INTO columns (team_id, id, slug, name, state, position, wip_limit)
             SELECT $1, c.id, c.slug, c.name, c.state, c.nth, c.wip_limit
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[]) WITH ORDINALITY AS c (id, slug, name, state, wip_limit, nth)",
        )
        .bind(id)
        .bind(ColumnState::ALL.map(|_| chance.id(began)).to_vec())
        .bind(ColumnState::ALL.map(slug).to_vec())
        .bind(ColumnState::ALL.map(ColumnState::default_name).to_vec())
        .bind(ColumnState::ALL.map(ColumnState::as_str).to_vec())
        .bind(ColumnState::ALL.map(limit).to_vec())
        .execute(&mut *db)
        .await?;
        sqlx::query(
            "INSERT INTO members (team_id, account_id, role, since)
             SELECT $1, a, CASE nth WHEN 1 THEN 'lead' ELSE 'member' END, $3 FROM unnest($2::uuid[]) WITH ORDINALITY AS m (a, nth)",
        )
        .bind(id)
        .bind(list(team.members, |handle| known.people[handle]))
        .bind(began)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn sprints(
    db: &mut PgConnection,
    known: &mut Known,
    chance: &mut Chance,
    calendar: &Calendar,
) -> anyhow::Result<()> {
    for sprint in -3..=1 {
        let (id, number) = (chance.id(calendar.now), NUMBER + sprint);
        let state = match sprint.cmp(&0) {
            Ordering::Less => "closed",
            Ordering::Equal => "active",
            Ordering::Greater => "planned",
        };
        sqlx::query(
            "INSERT INTO sprints (id, number, name, starts_on, ends_on, state) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(number)
        .bind(format!("Sprint {number}"))
        .bind(calendar.monday(sprint))
        .bind(calendar.monday(sprint + 1) - Duration::days(1))
        .bind(state)
        .execute(&mut *db)
        .await?;
        known.sprints.insert(sprint, id);
    }
    Ok(())
}

async fn goals(
    db: &mut PgConnection,
    known: &mut Known,
    chance: &mut Chance,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    // One hue a stream of work: it keeps its colour from sprint to sprint.
    const HUES: [i16; 3] = [8, 4, 1];
    for (nth, team) in TEAMS.iter().enumerate() {
        let ids: Vec<Uuid> = team.goals.iter().map(|_| chance.id(now)).collect();
        known.goals.extend(
            team.goals
                .iter()
                .zip(&ids)
                .map(|(goal, id)| ((nth, goal.sprint, goal.position), *id)),
        );
        sqlx::query(
            "INSERT INTO goals (team_id, id, sprint_id, position, title, measure, unit, target, typed, hue, counted_by)
             SELECT $1, g.*, CASE WHEN g.typed IS NULL THEN 'tasks' ELSE 'typed' END
             FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::smallint[])
                AS g (id, sprint, position, title, measure, unit, target, typed, hue)",
        )
        .bind(known.teams[nth])
        .bind(&ids)
        .bind(list(team.goals, |goal| known.sprints.get(&goal.sprint).copied()))
        .bind(list(team.goals, |goal| goal.position))
        .bind(list(team.goals, |goal| goal.title))
        .bind(list(team.goals, |goal| goal.measure))
        .bind(list(team.goals, |goal| goal.unit))
        .bind(list(team.goals, |goal| goal.target))
        .bind(list(team.goals, |goal| goal.typed))
        .bind(list(team.goals, |goal| HUES[(goal.position as usize - 1) % HUES.len()]))
        .execute(&mut *db)
        .await?;
        let owners: Vec<(Uuid, Uuid)> = team
            .goals
            .iter()
            .zip(&ids)
            .flat_map(|(goal, id)| goal.owners.iter().map(|handle| (*id, known.people[handle])))
            .collect();
        sqlx::query(
            "INSERT INTO goal_owners (team_id, goal_id, account_id) SELECT $1, o.* FROM unnest($2::uuid[], $3::uuid[]) o",
        )
        .bind(known.teams[nth])
        .bind(list(&owners, |(goal, _)| *goal))
        .bind(list(&owners, |(_, person)| *person))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Tasks, what hangs on them, and their events.
pub async fn write(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let mut chance = Chance::new(11);
    for (nth, team) in history.known().teams.iter().enumerate() {
        let rows: Vec<&Row> = history.rows.iter().filter(|row| row.team == nth).collect();
        tasks(db, *team, &rows).await?;
        owners(db, *team, history, &rows).await?;
        labels(db, *team, &rows, &mut chance).await?;
    }
    steps(db, history).await?;
    comments(db, history).await?;
    // After the tasks of all teams: they may wait on each other's.
    waits(db, history).await?;
    for (nth, team) in history.known().teams.iter().enumerate() {
        events(db, *team, &history.events[nth]).await?;
        sqlx::query("UPDATE teams SET seq = $2, last_number = $3 WHERE id = $1")
            .bind(team)
            .bind(history.events[nth].len() as i64)
            .bind(history.last_numbers[nth])
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

/// Labels in the order in which they were first used, with the hues that `tasks::labelling` would give them.
async fn labels(
    db: &mut PgConnection,
    team: Uuid,
    rows: &[&Row],
    chance: &mut Chance,
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
    .bind(list(&names, |_| chance.id(first)))
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

async fn waits(db: &mut PgConnection, history: &History) -> anyhow::Result<()> {
    let (teams, waits) = (&history.known().teams, &history.waits);
    sqlx::query(
        "INSERT INTO blockers (team_id, id, task_id, kind, on_task_team, on_task_id, on_team_id, on_account_id, note, since, ended_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[],
                              $10::timestamptz[], $11::timestamptz[])",
    )
    .bind(list(waits, |wait| teams[wait.team]))
    .bind(list(waits, |wait| wait.id))
    .bind(list(waits, |wait| wait.task))
    .bind(list(waits, |wait| wait.kind))
    .bind(list(waits, |wait| wait.on_task.map(|(team, _)| teams[team])))
    .bind(list(waits, |wait| wait.on_task.map(|(_, task)| task)))
    .bind(list(waits, |wait| wait.on_team))
    .bind(list(waits, |wait| wait.on_person))
    .bind(list(waits, |wait| wait.note))
    .bind(list(waits, |wait| wait.since))
    .bind(list(waits, |wait| wait.ended_at))
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

/// One field of each, as a parameter for `unnest`.
fn list<'a, T, F>(of: &'a [T], field: impl FnMut(&'a T) -> F) -> Vec<F> {
    of.iter().map(field).collect()
}
