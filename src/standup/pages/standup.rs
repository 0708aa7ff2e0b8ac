//! The standup: who needs someone, what happened since the last one, and person by person.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State as Given},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::super::{
    actions::{self, Action},
    facts,
};
use crate::{
    accounts::{Person, viewer::Viewer},
    app::App,
    boards::{State, access, filters::Filter, words},
    sprints::{
        self, Sprint,
        goals::{self, Goal},
    },
    tasks::{self, Card},
    teams::{Team, crew::crew},
    web::{
        error::{Problem, Result},
        forms::read_date,
        page::{self, Frame},
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Window {
    since: String,
}

#[derive(Template)]
#[template(path = "standup/standup.html")]
struct StandupPage {
    frame: Frame,
    team: Team,
    may_edit: bool,
    sprint: Option<Sprint>,
    /// Which working day of the sprint it is.
    day: usize,
    today: Date,
    since: Date,
    cards: Vec<Card>,
    goals: Vec<Goal>,
    members: Vec<Person>,
    changed: HashMap<Uuid, OffsetDateTime>,
    began: OffsetDateTime,
    happened: Vec<Happened>,
    actions: Vec<Action>,
    now: OffsetDateTime,
}

/// What became of a task since the last standup.
struct Happened {
    key: String,
    title: String,
    what: &'static str,
    state: State,
}

impl StandupPage {
    fn needs(&self) -> Vec<facts::Need<'_>> {
        let changed = |card: &Card| self.changed.get(&card.id).copied().unwrap_or(card.column_since);
        facts::needs(&self.cards, &self.goals, changed, self.began, self.now)
    }

    /// Goals that are behind, or carried by one person alone.
    fn goals_in_need(&self) -> impl Iterator<Item = &Goal> {
        self.goals.iter().filter(|goal| goal.is_behind() || goal.lone.is_some())
    }

    fn in_state<'p>(&'p self, who: &'p Person, state: State) -> impl Iterator<Item = &'p Card> {
        let owns = |card: &&Card| card.owners.iter().any(|owner| owner.id == who.id);
        self.cards.iter().filter(move |card| card.state == state && owns(card))
    }

    fn most_useful(&self, who: &Person) -> Option<&Card> {
        facts::most_useful(&self.cards, &self.goals, who)
    }

    fn age(&self, card: &Card) -> String {
        words::age(self.now, card.column_since)
    }

    fn here(&self) -> String {
        format!("/teams/{}/standup", self.team.slug)
    }

    fn has_begun(&self) -> bool {
        self.day > 0
    }

    fn is_ours(&self) -> bool {
        self.may_edit
    }

    fn due(&self, action: &Action) -> String {
        action.due_on.map_or(String::new(), |day| format!("by {}", words::day(day)))
    }
}

/// `GET /teams/{slug}/standup?since=2026-11-20`
pub async fn standup(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(window): Query<Window>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = access::team(&app.db, &viewer, &slug).await?;
    let (team, now) = (access.team, app.clock.now());
    let crew = crew(&app.db, team.id).await?;
    let today = crew.week.today(now);
    let since = match window.since.trim() {
        "" => crew.week.standup_before(today),
        text => read_date(text)
            .filter(|day| *day <= today)
            .ok_or_else(|| Problem::field("since", "Say a day up to today. Write it as 2026-11-20."))?,
    };
    let began = crew.week.standup_on(since);
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, sprint) = sprints::queries::resolve(&sprints, Filter::default().sprint)?;
    let goals = match sprint {
        Some(sprint) => goals::goals(&app.db, &team, sprint, &crew, now).await?,
        None => Vec::new(),
    };
    let cards = tasks::queries::cards(&app.db, &team, &Filter::default(), resolved, now, None).await?;
    let doing: Vec<Uuid> = cards.iter().filter(|card| card.state == State::Doing).map(|card| card.id).collect();
    let changed: Vec<(Uuid, OffsetDateTime)> =
        sqlx::query_as("SELECT task_id, max(at) FROM events WHERE team_id = $1 AND task_id = ANY($2) GROUP BY task_id")
            .bind(team.id)
            .bind(&doing)
            .fetch_all(&app.db)
            .await?;
    page::page(&StandupPage {
        frame: Frame::new(&app, &viewer, &headers, format!("Standup of {}", team.name), &slug).await?.at("standup"),
        may_edit: access.may_edit,
        day: sprint.map_or(0, |sprint| sprint.day_number(&crew.week, today)),
        sprint: sprint.cloned(),
        members: crew.members.into_iter().map(|member| member.person).collect(),
        changed: changed.into_iter().collect(),
        happened: happened(&app, &team, began).await?,
        actions: actions::actions(&app.db, &[team.id], began).await?,
        team,
        today,
        since,
        cards,
        goals,
        began,
        now,
    })
}

/// One line a task: where it came to since then.
async fn happened(app: &App, team: &Team, since: OffsetDateTime) -> Result<Vec<Happened>> {
    let rows: Vec<(i64, String, String, Option<String>, String)> = sqlx::query_as(
        "SELECT k.number, k.title, min(e.kind), (array_agg(e.before->>'state' ORDER BY e.seq))[1], c.state
         FROM events e JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE e.team_id = $1 AND e.at >= $2 AND e.kind IN ('task.created', 'task.moved', 'task.imported', 'task.archived', 'task.restored')
           AND (e.kind <> 'task.moved' OR e.before->>'state' IS DISTINCT FROM e.after->>'state')
         GROUP BY k.id, k.number, k.title, c.state ORDER BY c.state = 'done' DESC, c.state = 'blocked' DESC, max(e.seq) DESC LIMIT 200",
    )
    .bind(team.id)
    .bind(since)
    .fetch_all(&app.db)
    .await?;
    let told = |(number, title, kind, was, state): (i64, String, String, Option<String>, String)| {
        let state = State::try_from(state).ok()?;
        let what = match (was.as_deref(), state) {
            (_, State::Done) => "Done",
            (Some("blocked"), State::Blocked) => "Blocked again",
            (_, State::Blocked) => "Newly blocked",
            (Some("blocked"), _) => "Unblocked",
            _ if kind == "task.created" || kind == "task.imported" => "Added",
            _ if kind == "task.archived" => "Archived",
            _ => "Moved",
        };
        Some(Happened { key: format!("{}-{number}", team.key), title, what, state })
    };
    Ok(rows.into_iter().filter_map(told).collect())
}
