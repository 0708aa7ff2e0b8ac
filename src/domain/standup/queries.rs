//! Loads the standups of one or several teams; only cards need queries per team.

use std::collections::HashMap;

use sqlx::types::Json;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::filters::{sql::ResolvedSprint, terms::Filter},
        column_state::ColumnState,
        error::Result,
        events::{not_imported, transitions},
        goals,
        person::Person,
        policy::team_access::TeamAccess,
        sprints::{self, Sprint},
        standup::{
            attention,
            summary::{Standup, TaskUpdate},
        },
        tasks::{self, Card, card_details::owners},
        team::Team,
        teams::roster::load_rosters,
    },
};

/// Returns the standups of these teams, in their order. Each looks back to its own last standup, or
/// all to one given day.
pub(crate) async fn standups(
    db: &Pool,
    teams: Vec<TeamAccess>,
    since: Option<Date>,
    now: OffsetDateTime,
) -> Result<Vec<Standup>> {
    let ids: Vec<Uuid> = teams.iter().map(|access| access.team.id).collect();
    let rosters = load_rosters(db, &ids).await?;
    let mut sprints = sprints::queries::sprints_of_teams(db, &ids).await?;
    let mut usual = usual(db, &ids, now).await?;
    let mut standups: Vec<Standup> = Vec::with_capacity(teams.len());
    let mut of_teams = Vec::with_capacity(teams.len());
    for access in teams {
        let roster = rosters.get(&access.team.id).cloned().unwrap_or_default();
        let today = roster.week.today(now);
        let since = since.unwrap_or_else(|| roster.week.standup_before(today));
        // Before today's meeting the previous one counts.
        let since = if roster.week.standup_on(since) > now {
            roster.week.standup_before(since)
        } else {
            since
        };
        let sprints = sprints.remove(&access.team.id).unwrap_or_default();
        let (resolved, sprint) = sprints::queries::resolve(&sprints, Filter::default().sprint)?;
        let unclosed = sprints::queries::unclosed(&sprints);
        of_teams.push((access.team.clone(), resolved, unclosed.map(|over| over.id)));
        standups.push(Standup {
            day: sprint.map_or(0, |sprint| sprint.day_number(&roster.week, today)),
            sprint: sprint.cloned(),
            unclosed: unclosed.cloned(),
            cards: Vec::new(),
            members: roster.members.clone(),
            previous_at: roster.week.standup_on(since),
            usual: usual.remove(&access.team.id).unwrap_or_default(),
            team: access.team,
            may_edit: access.may_edit,
            goals: Vec::new(),
            at_risk: Vec::new(),
            happened: Vec::new(),
            unlisted: 0,
            changed: HashMap::new(),
            useful: HashMap::new(),
            today,
            since,
            now,
        });
    }
    let cards = open_cards(db, &of_teams, now).await?;
    for (standup, cards) in standups.iter_mut().zip(cards) {
        standup.cards = cards;
    }
    // Teams work in the same sprint, unless one of them has closed it already.
    let sprints_of = |standup: &Standup| {
        standup
            .sprint
            .iter()
            .chain(&standup.unclosed)
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut going: Vec<Sprint> = standups.iter().flat_map(sprints_of).collect();
    going.sort_by_key(|sprint| sprint.number);
    going.dedup_by_key(|sprint| sprint.number);
    for sprint in going {
        let there = |standup: &Standup| sprints_of(standup).iter().any(|own| own.id == sprint.id);
        let ids: Vec<Uuid> = standups
            .iter()
            .filter(|standup| there(standup))
            .map(|standup| standup.team.id)
            .collect();
        for goal in goals::of_teams(db, &ids, &sprint, &rosters, now).await? {
            if let Some(standup) = standups
                .iter_mut()
                .find(|standup| standup.team.id == goal.team_id)
            {
                standup.at_risk.extend(goal.is_behind().then_some(goal.id));
                if standup
                    .sprint
                    .as_ref()
                    .is_some_and(|own| own.id == sprint.id)
                {
                    standup.goals.push(goal);
                }
            }
        }
    }
    for standup in &mut standups {
        let here = standup
            .members
            .iter()
            .filter(|member| member.away_until(standup.today).is_none());
        let idle: Vec<&Person> = here
            .map(|member| &member.person)
            .filter(|person| {
                standup
                    .in_state(person, ColumnState::Doing)
                    .next()
                    .is_none()
            })
            .collect();
        standup.useful = attention::most_useful(&standup.cards, &standup.at_risk, &idle);
    }
    load_updates(db, &mut standups).await?;
    load_last_changes(db, &mut standups).await?;
    Ok(standups)
}

/// Returns open cards of each team's current sprint, and of the previous one if it is not closed.
pub(crate) async fn open_cards(
    db: &Pool,
    teams: &[(Team, ResolvedSprint, Option<Uuid>)],
    now: OffsetDateTime,
) -> Result<Vec<Vec<Card>>> {
    // Of one team, cards are read without looking up each by its key.
    if let [(team, sprint, unclosed)] = teams {
        let open = Filter::read_query("-is:done")?;
        let mut cards = tasks::queries::cards(db, team, &open, *sprint, now, None).await?;
        if let (Some(over), ResolvedSprint::One(_)) = (unclosed, sprint) {
            let over = ResolvedSprint::One(*over);
            cards.extend(tasks::queries::cards(db, team, &open, over, now, None).await?);
        }
        return Ok(vec![cards]);
    }
    // Pairs of a team and a sprint, or none for all of its tasks.
    let mut asked: Vec<(Uuid, Option<Uuid>)> = Vec::new();
    for (team, sprint, unclosed) in teams {
        match sprint {
            ResolvedSprint::One(sprint) => {
                asked.push((team.id, Some(*sprint)));
                asked.extend(unclosed.map(|over| (team.id, Some(over))));
            }
            ResolvedSprint::Any | ResolvedSprint::Without => asked.push((team.id, None)),
        }
    }
    let (of, sprints): (Vec<Uuid>, Vec<Option<Uuid>>) = asked.into_iter().unzip();
    let open: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT k.team_id, k.id FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (team, sprint, nth)
         CROSS JOIN LATERAL (
             SELECT * FROM tasks WHERE team_id = asked.team AND sprint_id = asked.sprint AND archived_at IS NULL
             UNION ALL SELECT * FROM tasks WHERE team_id = asked.team AND asked.sprint IS NULL AND archived_at IS NULL OFFSET 0) k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state <> 'done'
         ORDER BY asked.nth, c.position, k.rank",
    )
    .bind(of)
    .bind(sprints)
    .fetch_all(db)
    .await?;
    let list: Vec<Team> = teams.iter().map(|(team, ..)| team.clone()).collect();
    let mut cards = tasks::queries::cards_by_id(db, &list, open.iter()).await?;
    let mut of_team: HashMap<Uuid, Vec<Card>> = HashMap::new();
    for (team, task) in open {
        of_team.entry(team).or_default().extend(cards.remove(&task));
    }
    let of = |team: &Team| of_team.remove(&team.id).unwrap_or_default();
    Ok(list.iter().map(of).collect())
}

/// Adds the changes since the last standup, one line per task.
async fn load_updates(db: &Pool, standups: &mut [Standup]) -> Result<()> {
    #[derive(sqlx::FromRow)]
    struct Row {
        team: Uuid,
        number: i64,
        title: String,
        first: String,
        state_before: Option<String>,
        state: ColumnState,
        archived: bool,
        /// Number of tasks of the team that changed.
        all: i64,
        owners: Json<Vec<Person>>,
    }
    let windows = standups
        .iter()
        .map(|standup| (standup.team.id, standup.previous_at));
    let (teams, previous_at): (Vec<Uuid>, Vec<OffsetDateTime>) = windows.unzip();
    let sprints: Vec<Option<String>> = standups
        .iter()
        .map(|standup| standup.sprint.as_ref().map(|sprint| sprint.id.to_string()))
        .collect();
    let rows: Vec<Row> = sqlx::query_as(
        // Joining the sprint has no `transition` of its own. Tasks carried over by a close are not news,
        // nor are imported ones.
        concat!("SELECT k.team_id AS team, k.number, k.title, k.first, k.state_before, k.state, k.archived, k.all, ", owners!(), "
         FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS w (team, began, sprint) CROSS JOIN LATERAL (
            SELECT k.team_id, k.id, k.number, k.title, (array_agg(coalesce(e.transition, 'joined -') ORDER BY e.seq))[1] AS first,
                   (array_agg(e.before->>'state' ORDER BY e.seq) FILTER (WHERE e.transition IS NOT NULL))[1] AS state_before,
                   c.state, k.archived_at IS NOT NULL AS archived, count(*) OVER () AS all
            FROM (SELECT seq, team_id, task_id, at, before, transition FROM events WHERE team_id = w.team AND at >= w.began AND at <= 'infinity' AND transition IS NOT NULL
                        AND ", not_imported!("events", "w.team"), "
                  UNION
                  SELECT seq, team_id, task_id, at, before, transition FROM events
                  WHERE team_id = w.team AND after->>'sprint' = w.sprint AND at >= w.began AND at <= 'infinity' AND NOT is_undone
                        AND ", not_imported!("events", "w.team"), "
                        AND NOT EXISTS (SELECT FROM sprint_reports c WHERE c.team_id = w.team AND c.change_id = events.change_id)) e
            JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
            JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
            GROUP BY k.team_id, k.id, k.number, k.title, c.state, k.archived_at
            ORDER BY c.state = 'done' DESC, c.state = 'blocked' DESC, max(e.seq) DESC LIMIT 200) k"),
    )
    .bind(teams)
    .bind(previous_at)
    .bind(sprints)
    .fetch_all(db)
    .await?;
    for row in rows {
        let what = transitions::describe_transition(
            &row.first,
            row.state_before.as_deref(),
            row.state,
            row.archived,
        );
        if let Some(standup) = standups
            .iter_mut()
            .find(|standup| standup.team.id == row.team)
        {
            let key = format!("{}-{}", standup.team.key, row.number);
            standup.happened.push(TaskUpdate {
                key,
                title: row.title,
                what,
                state: row.state,
                owners: row.owners.0,
            });
            standup.unlisted = row.all - standup.happened.len() as i64;
        }
    }
    Ok(())
}

/// Adds the time of the last change of tasks in progress.
async fn load_last_changes(db: &Pool, standups: &mut [Standup]) -> Result<()> {
    let doing = standups.iter().flat_map(|standup| {
        standup
            .cards
            .iter()
            .map(move |card| (standup.team.id, card))
    });
    let (teams, tasks): (Vec<Uuid>, Vec<Uuid>) = doing
        .filter(|(_, card)| card.state == ColumnState::Doing)
        .map(|(team, card)| (team, card.id))
        .unzip();
    let changed: Vec<(Uuid, Uuid, OffsetDateTime)> = sqlx::query_as(
        "SELECT w.team, w.task, e.at FROM unnest($1::uuid[], $2::uuid[]) AS w (team, task)
         CROSS JOIN LATERAL (SELECT at FROM events WHERE team_id = w.team AND task_id = w.task AND kind NOT LIKE 'blocker.%' AND kind NOT LIKE 'topic.%' ORDER BY seq DESC LIMIT 1) e",
    )
    .bind(teams)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    for (team, task, at) in changed {
        if let Some(standup) = standups.iter_mut().find(|standup| standup.team.id == team) {
            standup.changed.insert(task, at);
        }
    }
    Ok(())
}

/// With fewer completed stays per column in the last 90 days a percentile means nothing.
const FEWEST_STAYS: i64 = 5;

/// The 85th percentile of the time that tasks stayed in a column, by team and column, of those that
/// left it in the last 90 days.
async fn usual(
    db: &Pool,
    teams: &[Uuid],
    now: OffsetDateTime,
) -> Result<HashMap<Uuid, HashMap<String, Duration>>> {
    let rows: Vec<(Uuid, String, f64)> = sqlx::query_as(
        // Each half uses its own index.
        "SELECT team_id, before->>'column',
                percentile_cont(0.85) WITHIN GROUP (ORDER BY extract(epoch FROM at - (before->>'column_since')::timestamptz)::float8)
         FROM (SELECT team_id, before, at FROM events
               WHERE team_id = ANY($1) AND at > $2 AND at <= 'infinity' AND transition IS NOT NULL AND kind = 'task.moved' AND before ? 'column_since'
               UNION ALL
               SELECT team_id, before, at FROM events
               WHERE team_id = ANY($1) AND at > $2 AND at <= 'infinity' AND transition IS NULL AND kind = 'task.moved' AND before ? 'column_since'
                     AND before->>'state' = after->>'state') stay
         WHERE NOT is_momentary((before->>'column_since')::timestamptz, at)
         GROUP BY team_id, before->>'column' HAVING count(*) >= $3",
    )
    .bind(teams)
    .bind(now - Duration::days(90))
    .bind(FEWEST_STAYS)
    .fetch_all(db)
    .await?;
    let mut usual: HashMap<Uuid, HashMap<String, Duration>> = HashMap::new();
    for (team, column, seconds) in rows {
        usual
            .entry(team)
            .or_default()
            .insert(column, Duration::seconds_f64(seconds.max(0.0)));
    }
    Ok(usual)
}
