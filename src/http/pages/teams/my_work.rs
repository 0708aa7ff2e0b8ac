//! My work, all teams, and a person's tasks.

use crate::domain::events::EventKind;
use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    team::Team,
    teams::{
        create,
        roster::{Week, load_rosters},
    },
};
use crate::{
    app::App,
    domain::{
        checkin::{
            changes,
            requests::{self, Outcome, Request},
            summary,
        },
        clock,
        column_state::ColumnState,
        error::{Problem, Result},
        events::{Event, audit_log},
        follows::{
            activity_feed::{self, ActivityFeed},
            follow::{self, Followed},
        },
        goals::{self, Goal},
        humanize,
        person::Person,
        policy::{team_access, viewer::Viewer},
        slug::slug,
        sprints::{self, Sprint},
        standup::{
            actions::{self, Action},
            topics::{self, Topic},
        },
        tasks::{self, Card, dependencies::WaitingTask},
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/my_work.html")]
struct MyWork {
    frame: Layout,
    whose: Person,
    mine: bool,
    teams: Vec<(Team, Vec<Card>)>,
    /// What waits for a second pair of eyes in this person's teams.
    reviews: Vec<(Team, Vec<Card>)>,
    /// Who waits on this person, and whether for a goal at risk: those first, then the longest.
    waiting: Vec<(WaitingTask, bool)>,
    /// What others did to what the reader follows; nothing on another's page, nor the three after it.
    news: ActivityFeed,
    followed: Vec<Followed>,
    /// What the reader and their teams wait for of other teams.
    awaited: Vec<Card>,
    /// What the reader asked of other teams.
    asked: Vec<Request>,
    /// What this person promised and has not settled.
    promised: Vec<Action>,
    /// Topics of meetings that the reader's opinion is wanted on; nothing on another's page.
    wanted: Vec<Topic>,
    now: OffsetDateTime,
}

impl MyWork {
    /// Address of the team that a promise was made in.
    fn slug(&self, action: &Action) -> &str {
        self.frame
            .teams
            .iter()
            .find(|team| team.id == action.team_id)
            .map_or("", |team| team.slug.as_str())
    }

    /// The team whose agenda a topic is on.
    fn agenda_of(&self, topic: &Topic) -> Option<&Team> {
        self.frame
            .teams
            .iter()
            .find(|team| team.id == topic.team_id)
    }

    /// Up to which event the news of each team goes: what comes after the page was made stays new.
    fn read_to(&self) -> Vec<String> {
        let told = |(id, seq): &(Uuid, i64)| {
            let team = self.frame.teams.iter().find(|team| team.id == *id)?;
            Some(format!("{}:{seq}", team.slug))
        };
        self.news.read_to.iter().filter_map(told).collect()
    }

    /// Where every team stands, for whoever skips the rest of a long absence.
    fn all_of_it(&self) -> Vec<String> {
        self.frame
            .teams
            .iter()
            .map(|team| format!("{}:{}", team.slug, team.seq))
            .collect()
    }

    fn outcome(&self, request: &Request) -> String {
        let by = request.settled_by.as_deref().unwrap_or("somebody");
        match (request.outcome, &request.task, &request.stands) {
            (None, ..) => "not answered yet".to_owned(),
            (Some(Outcome::Taken), Some(task), Some(stands)) => {
                format!("taken by {by}: {task} is in {stands}")
            }
            (Some(Outcome::Withdrawn), ..) => "taken back".to_owned(),
            (Some(outcome), ..) => format!("{} by {by}", outcome.as_str()),
        }
    }

    /// Whether the reader may settle what this person promised.
    fn may_settle(&self, action: &Action) -> bool {
        self.mine && self.frame.may_edit(action.team_id)
    }

    fn waited(&self, waiting: &WaitingTask) -> String {
        humanize::age(self.now, waiting.since)
    }

    /// Blocked tasks that only wait on what is done: their owner may go on. Whether the reader may say so.
    fn free(&self) -> impl Iterator<Item = (&Card, bool)> {
        let cards = self
            .teams
            .iter()
            .flat_map(|(team, cards)| cards.iter().map(|card| (card, team.id)));
        let free =
            cards.filter(|(card, _)| card.state == ColumnState::Blocked && card.is_free_to_go_on());
        free.map(|(card, team)| (card, self.mine && self.frame.may_edit(team)))
    }

    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn count(&self) -> usize {
        self.teams.iter().map(|(_, cards)| cards.len()).sum()
    }

    /// All that it waits on: whoever ends one of them reads that others are left.
    fn waits(&self, card: &Card) -> String {
        let told: Vec<String> = card
            .blocked_by
            .iter()
            .map(|wait| wait.words(self.now))
            .collect();
        if told.is_empty() {
            "Nobody said yet what it waits on".to_owned()
        } else {
            told.join("; ")
        }
    }

    fn is_blocked(&self, card: &Card) -> bool {
        card.state == ColumnState::Blocked
    }
}

/// `GET /`
pub async fn my_work(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    let frame = Layout::new(&app, &viewer, &headers, "My work", "")
        .await?
        .at("my-work");
    let me = viewer.person.clone();
    page::page(&work_of(&app, &viewer, me, frame).await?)
}

/// `GET /people/{handle}`
pub async fn person(
    State(app): State<App>,
    viewer: Viewer,
    Path(handle): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    if handle.contains('\0') {
        return Err(Problem::NotFound);
    }
    let whose: Person =
        sqlx::query_as("SELECT id, handle, name, hue FROM accounts WHERE handle = $1")
            .bind(&handle)
            .fetch_one(&app.db)
            .await?;
    let frame = Layout::new(&app, &viewer, &headers, whose.name.clone(), "").await?;
    page::page(&work_of(&app, &viewer, whose, frame).await?)
}

/// Somebody's work, as far as the viewer may look.
async fn work_of(app: &App, viewer: &Viewer, whose: Person, frame: Layout) -> Result<MyWork> {
    // The frame has read already which teams they may look at.
    let teams = frame.teams.clone();
    let seen: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let (mine, now) = (whose.id == viewer.person.id, app.clock.now());
    let followed = if mine {
        follow::followed(&app.db, whose.id, &seen).await?
    } else {
        Vec::new()
    };
    let lately = now - Duration::days(14);
    let awaited = if mine {
        summary::awaited_of(&app.db, &seen, whose.id, now).await?
    } else {
        Vec::new()
    };
    let owned = tasks::queries::of_owner(&app.db, whose.id, &seen).await?;
    let reviews = tasks::queries::to_review(&app.db, whose.id, &seen).await?;
    let listed = awaited.iter().chain(&owned).chain(&reviews);
    let cards = tasks::queries::cards_by_id(&app.db, &teams, listed).await?;
    let mut waited_for: Vec<Card> = awaited
        .iter()
        .filter_map(|(_, task)| cards.get(task).cloned())
        .collect();
    waited_for.sort_by_key(summary::in_order);
    Ok(MyWork {
        frame,
        news: if followed.is_empty() {
            ActivityFeed::default()
        } else {
            activity_feed::news(&app.db, whose.id, &teams).await?
        },
        awaited: waited_for,
        asked: if mine {
            requests::asked_by(&app.db, &whose, &seen, lately).await?
        } else {
            Vec::new()
        },
        followed,
        mine,
        reviews: by_team(&teams, &reviews, &cards),
        teams: by_team(&teams, &owned, &cards),
        waiting: waiting_on(app, whose.id, &seen, viewer).await?,
        promised: actions::of_owner(&app.db, whose.id, &seen).await?,
        wanted: if mine {
            topics::asked_of(&app.db, whose.id, &seen).await?
        } else {
            Vec::new()
        },
        now,
        whose,
    })
}

/// A list team by team, each by state and then oldest first in its column.
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

/// Who waits on somebody: goals at risk ahead, then the longest.
async fn waiting_on(
    app: &App,
    account: Uuid,
    seen: &[Uuid],
    reader: &Viewer,
) -> Result<Vec<(WaitingTask, bool)>> {
    let waiting =
        crate::domain::tasks::dependencies::on_person(&app.db, account, seen, reader).await?;
    let mut ids: Vec<Uuid> = waiting
        .iter()
        .map(|waiting| waiting.team_id)
        .filter(|team| seen.contains(team))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let sprints = sprints::queries::sprints(&app.db).await?;
    let at_risk = match ids.as_slice() {
        [] => Vec::new(),
        ids => {
            goals::at_risk(
                &app.db,
                ids,
                &sprints,
                &load_rosters(&app.db, ids).await?,
                app.clock.now(),
            )
            .await?
        }
    };
    let risky = |waiting: &WaitingTask| waiting.goal_id.is_some_and(|goal| at_risk.contains(&goal));
    let mut waiting: Vec<(WaitingTask, bool)> = waiting
        .into_iter()
        .map(|one| (one.clone(), risky(&one)))
        .collect();
    waiting.sort_by_key(|(_, risky)| !risky);
    Ok(waiting)
}

#[derive(Template)]
#[template(path = "teams/teams.html")]
struct TeamsPage {
    frame: Layout,
    sprint: Option<Sprint>,
    day: (usize, usize),
    rows: Vec<Row>,
    /// Whether the viewer may add a team.
    may_add: bool,
    now: OffsetDateTime,
}

impl TeamsPage {
    fn age(&self, blocked: &Blocked) -> String {
        humanize::age(self.now, blocked.since)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }
}

/// A team's sprint in one row.
struct Row {
    team: Team,
    goals: Vec<Goal>,
    counts: Vec<(ColumnState, i64)>,
    members: Vec<Person>,
    /// What has been blocked for longest, and since when.
    blocked: Option<Blocked>,
    /// When something last happened there.
    changed: Option<OffsetDateTime>,
    /// The sprint that its figures are of, where that is not the page's.
    sprint: Option<Sprint>,
}

/// A task that waits.
#[derive(Clone, sqlx::FromRow)]
struct Blocked {
    team_id: Uuid,
    key: String,
    title: String,
    since: OffsetDateTime,
}

impl Row {
    fn done(&self) -> i64 {
        self.counts
            .iter()
            .filter(|(state, _)| *state == ColumnState::Done)
            .map(|(_, count)| count)
            .sum()
    }

    fn total(&self) -> i64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// `GET /teams`
pub async fn all(State(app): State<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response> {
    let sprints = sprints::queries::sprints(&app.db).await?;
    let sprint = sprints::queries::active(&sprints).cloned();
    let (now, today) = (
        app.clock.now(),
        clock::day_in(app.clock.now(), &viewer.time_zone),
    );
    let teams = team_access::seen_teams(&app.db, &viewer).await?;
    let ids: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    // Each team's own: who has closed the sprint that goes on works in the next.
    let theirs: HashMap<Uuid, Sprint> = sprints::queries::sprints_of_teams(&app.db, &ids)
        .await?
        .into_iter()
        .filter_map(|(team, sprints)| Some((team, sprints::queries::current(&sprints)?.clone())))
        .collect();
    let (of, sprint_ids): (Vec<Uuid>, Vec<Uuid>) = theirs
        .iter()
        .map(|(team, sprint)| (*team, sprint.id))
        .unzip();
    let counted: Vec<(Uuid, String, i64)> = sqlx::query_as(
        "SELECT k.team_id, c.state, count(*) FROM unnest($1::uuid[], $2::uuid[]) AS w (team, sprint)
         JOIN tasks k ON k.team_id = w.team AND k.sprint_id = w.sprint AND k.archived_at IS NULL
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id GROUP BY k.team_id, c.state",
    )
    .bind(&of)
    .bind(&sprint_ids)
    .fetch_all(&app.db)
    .await?;
    let mut rows = Vec::new();
    let mut crews = load_rosters(&app.db, &ids).await?;
    let mut goals = Vec::new();
    let different: HashMap<Uuid, &Sprint> =
        theirs.values().map(|sprint| (sprint.id, sprint)).collect();
    for sprint in different.values() {
        let in_it: Vec<Uuid> = ids
            .iter()
            .filter(|id| theirs.get(id).is_some_and(|own| own.id == sprint.id))
            .copied()
            .collect();
        goals.extend(goals::of_teams(&app.db, &in_it, sprint, &crews, now).await?);
    }
    let blocked: Vec<Blocked> = sqlx::query_as(
        "SELECT DISTINCT ON (k.team_id) k.team_id, t.key || '-' || k.number AS key, k.title, k.column_since AS since
         FROM unnest($1::uuid[], $2::uuid[]) AS w (team, sprint)
         JOIN tasks k ON k.team_id = w.team AND k.sprint_id = w.sprint AND k.archived_at IS NULL
         JOIN teams t ON t.id = k.team_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state = 'blocked'
         ORDER BY k.team_id, k.column_since",
    )
    .bind(&of)
    .bind(&sprint_ids)
    .fetch_all(&app.db)
    .await?;
    let changed = changes::last(&app.db, &ids).await?;
    for team in teams {
        let goals = goals
            .iter()
            .filter(|goal| goal.team_id == team.id)
            .cloned()
            .collect();
        let count = |state: ColumnState| {
            counted
                .iter()
                .find(|(id, found, _)| *id == team.id && found == state.as_str())
                .map_or(0, |(_, _, count)| *count)
        };
        let counts = ColumnState::ALL
            .into_iter()
            .map(|state| (state, count(state)))
            .collect();
        let crew = crews.remove(&team.id).unwrap_or_default();
        let members = crew
            .members
            .into_iter()
            .map(|member| member.person)
            .collect();
        let blocked = blocked
            .iter()
            .find(|blocked| blocked.team_id == team.id)
            .cloned();
        let changed = changed
            .iter()
            .find(|(id, _)| *id == team.id)
            .map(|(_, at)| *at);
        // only where it is another than the page's
        let own = theirs
            .get(&team.id)
            .filter(|own| sprint.as_ref().is_none_or(|sprint| sprint.id != own.id));
        rows.push(Row {
            members,
            goals,
            counts,
            blocked,
            changed,
            sprint: own.cloned(),
            team,
        });
    }
    let frame = Layout::new(&app, &viewer, &headers, "All teams", "").await?;
    let day = sprint.as_ref().map_or((0, 0), |sprint| {
        let week = Week::beginning(sprint.starts_on);
        (
            sprint.day_number(&week, today),
            sprint.working_days(&week).len(),
        )
    });
    let may_add = team_access::may_edit_workspace(&viewer);
    page::page(&TeamsPage {
        frame,
        sprint,
        day,
        rows,
        may_add,
        now,
    })
}

/// `POST /teams`: an administrator adds a team, and leads it until somebody else does.
pub async fn add(State(app): State<App>, viewer: Viewer, fields: Fields) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (name, key) = (
        fields.text("name").trim(),
        fields.text("key").trim().to_uppercase(),
    );
    let slug = slug(name);
    if slug.is_empty() {
        return Err(Problem::field(
            "name",
            "A team's name needs letters or digits.",
        ));
    }
    let (actor, who) = (viewer.actor(), viewer.person.id);
    app.store
        .change(&actor, |change, _| {
            Box::pin(async {
                let at = change.at;
                let team = create::add_team(change.db(), at, &slug, name, &key).await?;
                create::add_member(change.db(), at, team, who, true).await?;
                let after = json!({ "name": name, "key": key });
                change.record(Event {
                    team,
                    task: None,
                    kind: EventKind::TeamCreated,
                    before: json!({}),
                    after,
                    version: None,
                });
                audit_log::note_for_team(change, team, "team.created", "{team}").await
            })
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/settings")).into_response())
}
