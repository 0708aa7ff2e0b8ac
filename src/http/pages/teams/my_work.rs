//! My work: the tasks, updates and requests of the viewer, and the tasks of another person.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        accounts,
        checkin::{
            requests::{self, Outcome, Request, RequestsOfPerson},
            summary,
        },
        clock::Clock,
        column_state::ColumnState,
        error::{Problem, Result},
        follows::follow::{self, Followed},
        goals, humanize,
        person::Person,
        policy::viewer::Viewer,
        sprints::{self, Sprint},
        standup::{
            actions::{self, Action},
            topics::{self, Topic},
        },
        tasks::{self, Card, dependencies::WaitingTask},
        team::Team,
        teams::roster::load_rosters,
    },
    http::{layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/my_work.html")]
struct MyWork {
    layout: Layout,
    person: Person,
    is_own: bool,
    teams: Vec<(Team, Vec<Card>)>,
    /// Tasks in review in this person's teams without a reviewer.
    reviews: Vec<(Team, Vec<Card>)>,
    /// The tasks waiting on this person: those of goals at risk first, then the oldest.
    waiting: Vec<(WaitingTask, bool)>,
    /// What the reader follows. Empty on another person's page, like the next two.
    followed: Vec<Followed>,
    /// What the reader and their teams are waiting for.
    waiting_for: Vec<Card>,
    /// The reader's requests to other teams, and those to teams that they lead.
    requests: RequestsOfPerson,
    /// The slug of the team that the reader has just sent a request to.
    sent: String,
    /// This person's open actions.
    actions: Vec<Action>,
    /// Topics that mention the reader; empty on another person's page.
    opinions: Vec<Topic>,
    /// The reader's teams with a sprint that has ended and is not closed.
    unclosed: Vec<(Team, Sprint)>,
    now: OffsetDateTime,
}

impl MyWork {
    fn heading(&self) -> &str {
        if self.is_own {
            "My work"
        } else {
            &self.person.name
        }
    }

    /// The slug of an action's team.
    fn slug(&self, action: &Action) -> &str {
        self.layout
            .teams
            .iter()
            .find(|team| team.id == action.team_id)
            .map_or("", |team| team.slug.as_str())
    }

    /// The team of a topic.
    fn agenda_of(&self, topic: &Topic) -> Option<&Team> {
        self.layout
            .teams
            .iter()
            .find(|team| team.id == topic.team_id)
    }

    /// The team that the reader has just sent a request to.
    fn sent_to(&self) -> Option<&Team> {
        self.layout.teams.iter().find(|team| team.slug == self.sent)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }

    fn day(&self, day: &Date) -> String {
        humanize::day(*day)
    }

    fn outcome(&self, request: &Request) -> String {
        let by = request.settled_by.as_deref().unwrap_or("a former member");
        match (request.outcome, &request.task, &request.stands) {
            (None, ..) => "no reply yet".to_owned(),
            (Some(Outcome::Taken), Some(task), Some(status)) => {
                format!("accepted by {by}: {task} is in {status}")
            }
            (Some(Outcome::Withdrawn), ..) => "withdrawn".to_owned(),
            (Some(outcome), ..) => format!("{} by {by}", outcome.as_str()),
        }
    }

    /// Whether the reader may resolve this person's actions.
    fn may_settle(&self, action: &Action) -> bool {
        self.is_own && self.layout.may_edit(action.team_id)
    }

    fn wait_time(&self, waiting: &WaitingTask) -> String {
        humanize::age(self.now, waiting.since)
    }

    /// Blocked tasks whose blockers are done, and whether the reader may unblock them.
    fn free(&self) -> impl Iterator<Item = (&Card, bool)> {
        let cards = self
            .teams
            .iter()
            .flat_map(|(team, cards)| cards.iter().map(|card| (card, team.id)));
        let free =
            cards.filter(|(card, _)| card.state == ColumnState::Blocked && card.is_free_to_go_on());
        free.map(|(card, team)| (card, self.is_own && self.layout.may_edit(team)))
    }

    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn count(&self) -> usize {
        self.teams.iter().map(|(_, cards)| cards.len()).sum()
    }

    /// All reasons that the task is blocked.
    fn blocked_reason(&self, card: &Card) -> String {
        let reasons: Vec<String> = card
            .blocked_by
            .iter()
            .map(|blocker| blocker.text(self.now))
            .collect();
        if reasons.is_empty() {
            "Blocked, no reason given".to_owned()
        } else {
            reasons.join("; ")
        }
    }

    fn is_blocked(&self, card: &Card) -> bool {
        card.state == ColumnState::Blocked
    }
}

/// What the URL of My work can ask for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SentQuery {
    /// The slug of the team that a request was sent to.
    sent: String,
}

/// `GET /`
pub(crate) async fn my_work(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<SentQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let layout = Layout::new(&app, &viewer, &headers, "My work", "")
        .await?
        .at("my-work");
    let me = viewer.person.clone();
    page::page(&MyWork {
        sent: query.sent,
        ..work_of(&app, &viewer, me, layout).await?
    })
}

/// `GET /people/{handle}`
pub(crate) async fn person(
    State(app): State<App>,
    viewer: Viewer,
    Path(handle): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    if handle.contains('\0') {
        return Err(Problem::NotFound);
    }
    let person = accounts::queries::person(&app.db, &handle).await?;
    let layout = Layout::new(&app, &viewer, &headers, person.name.clone(), "").await?;
    page::page(&work_of(&app, &viewer, person, layout).await?)
}

/// A person's work, as far as the viewer can see it.
async fn work_of(app: &App, viewer: &Viewer, person: Person, layout: Layout) -> Result<MyWork> {
    // The layout has read already which teams they may look at.
    let teams = layout.teams.clone();
    let seen: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let (is_own, now) = (person.id == viewer.person.id, app.clock.now());
    let followed = if is_own {
        follow::followed(&app.db, person.id, &seen).await?
    } else {
        Vec::new()
    };
    let recently = now - Duration::days(14);
    let sprints = sprints::queries::sprints(&app.db).await?;
    let needed_tasks = if is_own {
        summary::all_tasks_needed_by(&app.db, &seen, person.id, now).await?
    } else {
        Vec::new()
    };
    let owned = tasks::of_person::of_owner(&app.db, person.id, &seen).await?;
    let reviews = tasks::of_person::to_review(&app.db, person.id, &seen).await?;
    let listed = needed_tasks.iter().chain(&owned).chain(&reviews);
    let cards = tasks::queries::cards_by_id(&app.db, &teams, listed).await?;
    let mut waiting_for: Vec<Card> = needed_tasks
        .iter()
        .filter_map(|(_, task)| cards.get(task).cloned())
        .collect();
    waiting_for.sort_by_key(summary::in_order);
    Ok(MyWork {
        waiting_for,
        requests: if is_own {
            requests::requests_of(&app.db, &person, &seen, recently).await?
        } else {
            RequestsOfPerson::default()
        },
        sent: String::new(),
        followed,
        is_own,
        reviews: by_team(&teams, &reviews, &cards),
        teams: by_team(&teams, &owned, &cards),
        waiting: waiting_on(&app.db, &app.clock, person.id, &seen, viewer, &sprints).await?,
        actions: actions::of_owner(&app.db, person.id, &seen).await?,
        opinions: if is_own {
            topics::topics_for(&app.db, person.id, &seen).await?
        } else {
            Vec::new()
        },
        unclosed: if is_own && sprints.iter().any(Sprint::is_ended) {
            unclosed_sprints(&app.db, &layout).await?
        } else {
            Vec::new()
        },
        layout,
        now,
        person,
    })
}

/// The ended sprints that teams of the reader have not closed.
async fn unclosed_sprints(db: &Pool, layout: &Layout) -> Result<Vec<(Team, Sprint)>> {
    let mut sprints = sprints::queries::sprints_of_teams(db, &layout.edits).await?;
    let of_team = |team: &Team| {
        let sprints = sprints.remove(&team.id)?;
        Some((team.clone(), sprints::queries::unclosed(&sprints)?.clone()))
    };
    Ok(layout.teams.iter().filter_map(of_team).collect())
}

/// Sorts by team, then by state, then the oldest in its column first.
fn by_team(
    teams: &[Team],
    list: &[(Uuid, Uuid)],
    cards: &HashMap<Uuid, Card>,
) -> Vec<(Team, Vec<Card>)> {
    let of_team = |team: &Team| {
        let own = list.iter().filter(|(id, _)| *id == team.id);
        let mut own: Vec<Card> = own
            .filter_map(|(_, task)| cards.get(task).cloned())
            .collect();
        own.sort_by_key(|card| (card.state, card.column_since));
        (!own.is_empty()).then(|| (team.clone(), own))
    };
    teams.iter().filter_map(of_team).collect()
}

/// Loads the tasks waiting on a person: those of goals at risk first, then the oldest.
async fn waiting_on(
    db: &Pool,
    clock: &Clock,
    account: Uuid,
    seen: &[Uuid],
    reader: &Viewer,
    sprints: &[Sprint],
) -> Result<Vec<(WaitingTask, bool)>> {
    let waiting = crate::domain::tasks::dependencies::on_person(db, account, seen, reader).await?;
    let mut ids: Vec<Uuid> = waiting
        .iter()
        .map(|waiting| waiting.team_id)
        .filter(|team| seen.contains(team))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let at_risk = match ids.as_slice() {
        [] => Vec::new(),
        ids => goals::at_risk(db, ids, sprints, &load_rosters(db, ids).await?, clock.now()).await?,
    };
    let risky = |waiting: &WaitingTask| waiting.goal_id.is_some_and(|goal| at_risk.contains(&goal));
    let mut waiting: Vec<(WaitingTask, bool)> = waiting
        .into_iter()
        .map(|task| (task.clone(), risky(&task)))
        .collect();
    waiting.sort_by_key(|(_, risky)| !risky);
    Ok(waiting)
}
