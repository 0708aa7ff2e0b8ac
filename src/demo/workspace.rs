//! Inserts the demo's people, teams, sprints and goals.

use std::{cmp::Ordering, collections::HashMap};

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    demo::{
        calendar::{Calendar, ZONE},
        history::{InsertedIds, slug},
        insert::list,
        people::{PEOPLE, TEAMS},
        rng::Chance,
    },
    domain::{column_state::ColumnState, workspace_seq::bump_workspace_seq},
};

/// The number of the active sprint.
const ACTIVE_SPRINT: i32 = 42;
const WEEKS: i32 = 2;

fn limit(state: ColumnState) -> Option<i32> {
    match state {
        ColumnState::Doing => Some(4),
        ColumnState::Review => Some(3),
        _ => None,
    }
}

/// Inserts people, teams, sprints and goals, to which tasks refer.
pub(crate) async fn insert(
    db: &mut PgConnection,
    calendar: &Calendar,
) -> anyhow::Result<InsertedIds> {
    let mut rng = Chance::new(7);
    // Well before the first sprint that is inserted.
    let began =
        OffsetDateTime::new_utc(calendar.monday(-6), time::Time::MIDNIGHT) + Duration::hours(8);
    sqlx::query("UPDATE workspace SET name = 'Platform', cadence_weeks = $1, time_zone = $2, set_up_at = $3")
        .bind(WEEKS)
        .bind(ZONE)
        .bind(began)
        .execute(&mut *db)
        .await?;
    let mut known = InsertedIds {
        people: HashMap::new(),
        teams: Vec::new(),
        sprints: HashMap::new(),
        goals: HashMap::new(),
    };
    people(db, &mut known, &mut rng, began).await?;
    teams(db, &mut known, &mut rng, began).await?;
    sprints(db, &mut known, &mut rng, calendar).await?;
    goals(db, &mut known, &mut rng, calendar.now).await?;
    bump_workspace_seq(db).await?;
    Ok(known)
}

async fn people(
    db: &mut PgConnection,
    known: &mut InsertedIds,
    rng: &mut Chance,
    began: OffsetDateTime,
) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = PEOPLE.iter().map(|_| rng.id(began)).collect();
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
    known: &mut InsertedIds,
    rng: &mut Chance,
    began: OffsetDateTime,
) -> anyhow::Result<()> {
    for team in &TEAMS {
        let id = rng.id(began);
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
        .bind(ColumnState::ALL.map(|_| rng.id(began)).to_vec())
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
    known: &mut InsertedIds,
    rng: &mut Chance,
    calendar: &Calendar,
) -> anyhow::Result<()> {
    for sprint in -3..=1 {
        let (id, number) = (rng.id(calendar.now), ACTIVE_SPRINT + sprint);
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
    known: &mut InsertedIds,
    rng: &mut Chance,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    // One colour per stream of work, the same from sprint to sprint.
    const HUES: [i16; 3] = [8, 4, 1];
    for (index, team) in TEAMS.iter().enumerate() {
        let ids: Vec<Uuid> = team.goals.iter().map(|_| rng.id(now)).collect();
        known.goals.extend(
            team.goals
                .iter()
                .zip(&ids)
                .map(|(goal, id)| ((index, goal.sprint, goal.position), *id)),
        );
        sqlx::query(
            "INSERT INTO goals (team_id, id, sprint_id, position, title, measure, unit, target, manual_value, hue, counted_by)
             SELECT $1, g.*, CASE WHEN g.manual_value IS NULL THEN 'tasks' ELSE 'manual' END
             FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::smallint[])
                AS g (id, sprint, position, title, measure, unit, target, manual_value, hue)",
        )
        .bind(known.teams[index])
        .bind(&ids)
        .bind(list(team.goals, |goal| known.sprints.get(&goal.sprint).copied()))
        .bind(list(team.goals, |goal| goal.position))
        .bind(list(team.goals, |goal| goal.title))
        .bind(list(team.goals, |goal| goal.measure))
        .bind(list(team.goals, |goal| goal.unit))
        .bind(list(team.goals, |goal| goal.target))
        .bind(list(team.goals, |goal| goal.manual_value))
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
        .bind(known.teams[index])
        .bind(list(&owners, |(goal, _)| *goal))
        .bind(list(&owners, |(_, person)| *person))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
