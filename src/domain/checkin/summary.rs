//! The summary of a team's sprint for people who are waiting for it, as a page, JSON and feeds.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        error::Result,
        goals::{self, Goal},
        humanize::without_addresses,
        retro,
        sprints::{self, Sprint},
        tasks::{self, Card},
        team::Team,
        teams::roster::load_roster,
    },
};

/// Maximum length of a list, except of the blocked tasks (100); the board has all of it.
const SHOWN: i64 = 12;
/// How long a finished task stays in the list of what the reader was waiting for.
const DONE_FOR: Duration = Duration::days(14);

/// The state of a team's sprint.
pub(crate) struct CheckIn {
    pub(crate) team: Team,
    pub(crate) sprint: Option<Sprint>,
    /// The number of the current working day, and of all working days of the sprint.
    pub(crate) day: (usize, usize),
    /// Number of done tasks and of all, if the team has closed the sprint.
    pub(crate) result: Option<(usize, usize)>,
    pub(crate) goals: Vec<Goal>,
    /// Number of tasks of the sprint by state.
    pub(crate) counts: [i64; 5],
    /// Longest first.
    pub(crate) blocked: Vec<Card>,
    /// Longest first.
    pub(crate) in_review: Vec<Card>,
    /// Newest first.
    pub(crate) done: Vec<Card>,
    /// Tasks to start next, in the team's order.
    pub(crate) next_up: Vec<Card>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    state: ColumnState,
    /// Number of tasks in that state.
    count: i64,
    index: i64,
}

impl CheckIn {
    pub(crate) fn count(&self, state: ColumnState) -> i64 {
        ColumnState::ALL
            .iter()
            .zip(self.counts)
            .find(|(counted, _)| **counted == state)
            .map_or(0, |(_, count)| count)
    }

    pub(crate) fn total(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// `Infrastructure, day 7 of Sprint 42`.
    pub(crate) fn title(&self) -> String {
        let (team, day) = (&self.team.name, self.day.0);
        match &self.sprint {
            None => team.clone(),
            Some(sprint) if sprint.is_closed() => format!("{team}, {} closed", sprint.name),
            Some(sprint) if sprint.is_ended() => format!("{team}, {} ended", sprint.name),
            Some(sprint) if day == 0 => format!("{team}, before {}", sprint.name),
            Some(sprint) => format!("{team}, day {day} of {}", sprint.name),
        }
    }

    /// `Sprint 42: 9 of 24 done`.
    pub(crate) fn in_short(&self) -> String {
        let name = self
            .sprint
            .as_ref()
            .map_or("No sprint", |sprint| sprint.name.as_str());
        let (done, total) = self.result.map_or_else(
            || (self.count(ColumnState::Done), self.total()),
            |(done, total)| (done as i64, total as i64),
        );
        format!("{name}: {done} of {total} done")
    }
}

/// Loads the state of a team's sprint.
pub(crate) async fn check_in(db: &Pool, team: &Team, now: OffsetDateTime) -> Result<CheckIn> {
    let sprints = sprints::queries::sprints_of(db, team.id).await?;
    let sprint = sprints::queries::of_check_in(&sprints).cloned();
    let roster = load_roster(db, team.id).await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, state, count, index FROM (
            SELECT k.id, c.state, count(*) OVER (PARTITION BY c.state) AS count,
                   row_number() OVER (PARTITION BY c.state ORDER BY
                       CASE WHEN c.state = 'done' THEN -extract(epoch FROM k.column_since) WHEN c.state <> 'todo' THEN extract(epoch FROM k.column_since) END,
                       c.position, k.rank) AS index
            FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
            WHERE k.team_id = $1 AND k.archived_at IS NULL AND ($2::uuid IS NULL OR k.sprint_id = $2)) ranked
         WHERE index = 1 OR (index <= $3 AND state <> 'doing') OR state = 'blocked' AND index <= 100 ORDER BY state, index",
    )
    .bind(team.id)
    .bind(sprint.as_ref().map(|sprint| sprint.id))
    .bind(SHOWN)
    .fetch_all(db)
    .await?;
    let mut counts = [0; 5];
    for (state, count) in ColumnState::ALL.iter().zip(&mut counts) {
        *count = rows
            .iter()
            .find(|row| row.state == *state)
            .map_or(0, |row| row.count);
    }
    let ids: Vec<Uuid> = rows
        .iter()
        .filter(|row| row.state != ColumnState::Doing)
        .map(|row| row.id)
        .collect();
    let cards = tasks::queries::cards_of(db, team, &ids).await?;
    let of = |state: ColumnState| -> Vec<Card> {
        let mut those: Vec<(i64, &Card)> = rows
            .iter()
            .filter(|row| row.state == state)
            .filter_map(|row| Some((row.index, cards.iter().find(|card| card.id == row.id)?)))
            .collect();
        those.sort_by_key(|(index, _)| *index);
        those.into_iter().map(|(_, card)| card.clone()).collect()
    };
    let goals = match &sprint {
        Some(sprint) => goals::goals(db, team, sprint, &roster, now).await?,
        None => Vec::new(),
    };
    let day = sprint.as_ref().map_or((0, 0), |sprint| {
        (
            sprint.day_number(&roster.week, roster.week.today(now)),
            sprint.working_days(&roster.week).len(),
        )
    });
    let result = match &sprint {
        Some(sprint) if sprint.is_closed() => {
            let mut db = db.acquire().await?;
            let report = retro::report::frozen(&mut db, team.id, sprint.id).await?;
            report.map(|report| (report.finished().0, report.tasks.len()))
        }
        _ => None,
    };
    Ok(CheckIn {
        day,
        result,
        goals,
        counts,
        blocked: of(ColumnState::Blocked),
        in_review: of(ColumnState::Review),
        done: of(ColumnState::Done),
        next_up: of(ColumnState::Todo),
        team: team.clone(),
        sprint,
    })
}

/// Returns what a person or their teams are waiting for from this team: tasks they need, and tasks
/// that block theirs. Done and blocked tasks come first.
pub(crate) async fn tasks_needed_by(
    db: &Pool,
    team: &Team,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<Card>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT k.id FROM (
            SELECT task_id FROM task_stakeholders WHERE team_id = $1 AND by_account_id = $2
            UNION SELECT w.task_id FROM task_stakeholders w JOIN members m ON m.team_id = w.by_team_id AND m.account_id = $2 WHERE w.team_id = $1
            UNION SELECT w.on_task_id FROM blockers w JOIN members m ON m.team_id = w.team_id AND m.account_id = $2
                  WHERE w.on_task_team = $1 AND w.team_id <> $1 AND w.ended_at IS NULL) a
         JOIN tasks k ON k.team_id = $1 AND k.id = a.task_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.archived_at IS NULL AND (c.state <> 'done' OR k.column_since > $3)",
    )
    .bind(team.id)
    .bind(account)
    .bind(now - DONE_FOR)
    .fetch_all(db)
    .await?;
    let mut cards = tasks::queries::cards_of(db, team, &ids).await?;
    cards.sort_by_key(in_order);
    Ok(cards)
}

/// Returns team and id of the tasks of all teams in `seen` that the person or their teams need, and
/// of tasks that block tasks which the person owns.
pub(crate) async fn all_tasks_needed_by(
    db: &Pool,
    seen: &[Uuid],
    account: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(
        "SELECT k.team_id, k.id FROM (
            SELECT team_id, task_id FROM task_stakeholders WHERE by_account_id = $2
            UNION SELECT w.team_id, w.task_id FROM task_stakeholders w JOIN members m ON m.team_id = w.by_team_id AND m.account_id = $2
            UNION SELECT w.on_task_team, w.on_task_id FROM blockers w JOIN task_owners o ON o.team_id = w.team_id AND o.task_id = w.task_id
                  WHERE o.account_id = $2 AND w.ended_at IS NULL AND w.on_task_id IS NOT NULL) a
         JOIN tasks k ON k.team_id = a.team_id AND k.id = a.task_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = ANY($1) AND k.archived_at IS NULL AND (c.state <> 'done' OR k.column_since > $3)
         ORDER BY c.state <> 'done', c.state <> 'blocked', k.column_since LIMIT 200",
    )
    .bind(seen)
    .bind(account)
    .bind(now - DONE_FOR)
    .fetch_all(db)
    .await?)
}

/// Sort key: done tasks first, then blocked ones, then by state; longest in its column first.
pub(crate) fn in_order(card: &Card) -> (bool, bool, ColumnState, OffsetDateTime) {
    (
        card.state != ColumnState::Done,
        card.state != ColumnState::Blocked,
        card.state,
        card.column_since,
    )
}

/// Removes e-mail addresses from free text.
fn hide_addresses<'t>(texts: impl IntoIterator<Item = &'t mut String>) {
    for text in texts {
        *text = without_addresses(text);
    }
}

/// Reduces a goal to what guests may see.
pub(crate) fn goal_for_guests(goal: &mut Goal) {
    // The project may belong to another team.
    goal.project = None;
    hide_addresses([
        &mut goal.title,
        &mut goal.unit,
        &mut goal.why,
        &mut goal.needs,
    ]);
    hide_addresses(goal.owners.iter_mut().map(|owner| &mut owner.name));
}

/// Reduces a card to what guests may see: names of other teams' tasks and e-mail addresses are left
/// out.
pub(crate) fn for_guests(team: &Team, card: &mut Card) {
    hide_addresses(
        [&mut card.title, &mut card.column_name]
            .into_iter()
            .chain(&mut card.goal_title),
    );
    hide_addresses(card.owners.iter_mut().map(|owner| &mut owner.name));
    hide_addresses(card.labels.iter_mut().map(|label| &mut label.name));
    hide_addresses(
        card.blocked_by
            .iter_mut()
            .flat_map(|blocker| std::iter::once(&mut blocker.note).chain(&mut blocker.name)),
    );
    let own = format!("{}-", team.key);
    for blocker in &mut card.blocked_by {
        if blocker.kind.is_task()
            && blocker
                .on
                .as_deref()
                .is_some_and(|key| !key.starts_with(&own))
        {
            (blocker.on, blocker.name, blocker.state, blocker.done_at) = (None, None, None, None);
        }
    }
    // "Needed by" is free text and may name other teams or people.
    card.needed_by.clear();
    card.blocking.retain(|key| key.starts_with(&own));
}

impl CheckIn {
    /// Reduces the summary to what guests may see.
    pub(crate) fn for_guests(mut self) -> Self {
        for cards in [
            &mut self.blocked,
            &mut self.in_review,
            &mut self.done,
            &mut self.next_up,
        ] {
            for card in cards {
                for_guests(&self.team, card);
            }
        }
        self.goals.iter_mut().for_each(goal_for_guests);
        hide_addresses(self.sprint.as_mut().map(|sprint| &mut sprint.name));
        self
    }
}
