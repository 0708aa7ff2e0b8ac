//! The standup page: what needs attention, changes since the last standup, and each person's tasks;
//! of one team, or of several that meet together.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        checkin::requests,
        column_state::ColumnState,
        dates::parse_date,
        error::{Problem, Result},
        humanize,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        standup::{
            actions::{self, Action},
            queries::standups,
            summary::Standup,
            topics::Meeting,
        },
        team::Team,
        teams,
    },
    http::{layout::Layout, page, pages::standup::topics::Agenda},
};

type Params = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "standup/standup.html")]
struct StandupPage {
    layout: Layout,
    /// The page's URL without its query.
    url: String,
    standups: Vec<Standup>,
    /// Every team, and whether it is shown; empty on a team's own page.
    choices: Vec<(Team, bool)>,
    today: Date,
    since: Date,
    /// The requested day, as entered.
    requested_day: String,
    agenda: Agenda,
    actions: Vec<Action>,
    /// How many requests await a reply, by team.
    requests: HashMap<Uuid, i64>,
    now: OffsetDateTime,
}

impl StandupPage {
    /// The URL that forms lead back to.
    fn current_url(&self) -> String {
        page_url(&self.url, &self.choices, &self.requested_day)
    }

    fn is_several(&self) -> bool {
        !self.choices.is_empty()
    }

    fn live_url(&self) -> String {
        teams::live_url(self.standups.iter().map(|standup| &standup.team))
    }

    fn event_number(&self) -> i64 {
        teams::event_number(self.standups.iter().map(|standup| &standup.team))
    }

    fn slug(&self, team: &Uuid) -> &str {
        self.of(team)
            .map_or("", |standup| standup.team.slug.as_str())
    }

    fn may_edit(&self, team: &Uuid) -> bool {
        self.of(team).is_some_and(|standup| standup.may_edit)
    }

    /// How many requests to the team await a reply.
    fn open_requests(&self, team: &Uuid) -> String {
        match self.requests.get(team) {
            Some(count) => humanize::counted(*count, "request"),
            None => String::new(),
        }
    }

    fn of(&self, team: &Uuid) -> Option<&Standup> {
        self.standups
            .iter()
            .find(|standup| standup.team.id == *team)
    }

    /// The team of a new action: the first one shown that the viewer is a member of.
    fn own(&self) -> Option<&Team> {
        self.standups
            .iter()
            .find(|standup| standup.may_edit)
            .map(|standup| &standup.team)
    }
}

/// `GET /teams/{slug}/standup?since=2026-11-20`
pub(crate) async fn standup(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(wanted): Query<Params>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let layout = Layout::new(
        &app,
        &viewer,
        &headers,
        format!("{} standup", access.team.name),
        &slug,
    )
    .await?;
    show(
        &app,
        layout,
        viewer.person.id,
        vec![access],
        Vec::new(),
        &wanted,
    )
    .await
}

/// `GET /standup?team=infrastructure&team=ingestion`: of these teams, or of all.
pub(crate) async fn joint_standup(
    State(app): State<App>,
    viewer: Viewer,
    Query(wanted): Query<Params>,
    headers: HeaderMap,
) -> Result<Response> {
    let all = team_access::teams(&app.db, &viewer).await?;
    let meeting = team_access::named(&all, &wanted)?;
    let here = |access: &TeamAccess| meeting.iter().any(|other| other.team.id == access.team.id);
    let choices = all
        .iter()
        .map(|access| (access.team.clone(), here(access)))
        .collect();
    let layout = Layout::new(&app, &viewer, &headers, "Joint standup", "").await?;
    show(&app, layout, viewer.person.id, meeting, choices, &wanted).await
}

async fn show(
    app: &App,
    layout: Layout,
    me: Uuid,
    meeting: Vec<TeamAccess>,
    choices: Vec<(Team, bool)>,
    wanted: &Params,
) -> Result<Response> {
    let now = app.clock.now();
    let requested_day = wanted
        .iter()
        .find(|(name, _)| name == "since")
        .map_or("", |(_, since)| since.trim());
    let wrong = || Problem::field("since", "Enter a day up to today as YYYY-MM-DD.");
    let since = if requested_day.is_empty() {
        None
    } else {
        Some(parse_date(requested_day).ok_or_else(wrong)?)
    };
    let standups = standups(&app.db, meeting.clone(), since, now).await?;
    let Some(first) = standups.first() else {
        return Err(Problem::NotFound);
    };
    // of several teams, one whose day has started is enough
    if since.is_some_and(|day| standups.iter().all(|standup| day > standup.today)) {
        return Err(wrong());
    }
    let (today, since) = (first.today, first.since);
    let url = match standups.as_slice() {
        [standup] if choices.is_empty() => format!("/teams/{}/standup", standup.team.slug),
        _ => "/standup".to_owned(),
    };
    let ids: Vec<Uuid> = standups.iter().map(|standup| standup.team.id).collect();
    let previous_at = standups
        .iter()
        .map(|standup| standup.previous_at)
        .min()
        .unwrap_or(now);
    page::page(&StandupPage {
        agenda: Agenda::read(
            app,
            meeting,
            Meeting::Standup,
            page_url(&url, &choices, requested_day),
            me,
            now,
        )
        .await?,
        actions: actions::actions(&app.db, &ids, previous_at).await?,
        requests: requests::count_open(&app.db, &ids).await?,
        layout: layout.at("standup"),
        url,
        standups,
        choices,
        today,
        since,
        requested_day: requested_day.to_owned(),
        now,
    })
}

/// The URL of a standup, with its teams unless all are shown, and the day if one was requested.
fn page_url(url: &str, choices: &[(Team, bool)], requested_day: &str) -> String {
    let all = choices.iter().all(|(_, here)| *here);
    let teams = choices
        .iter()
        .filter(|(_, here)| *here && !all)
        .map(|(team, _)| ("team", team.slug.as_str()));
    let day = Some(("since", requested_day)).filter(|(_, day)| !day.is_empty());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(teams)
        .extend_pairs(day)
        .finish();
    if query.is_empty() {
        url.to_owned()
    } else {
        format!("{url}?{query}")
    }
}
