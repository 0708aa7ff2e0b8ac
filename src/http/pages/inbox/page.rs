//! The list of threads.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        humanize,
        notifications::{
            inbox::{self, Inbox, OpenRequest, Thread},
            reason::Reason,
            view::{View, Wanted},
        },
        policy::{team_access, viewer::Viewer},
    },
    http::{layout::Layout, page},
};

#[derive(Template)]
#[template(path = "inbox/inbox.html")]
struct InboxPage {
    layout: Layout,
    inbox: Inbox,
    view: View,
    reason: Option<Reason>,
    /// The slug of the only team shown.
    team: String,
    /// The teams whose requests the reader may answer.
    answering: Vec<Uuid>,
    now: OffsetDateTime,
    time_zone: String,
}

/// What the URL of the inbox can ask for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct InboxQuery {
    show: String,
    reason: String,
    team: String,
    /// The last thread of the page before: its time in microseconds since 1970, and its id.
    after: String,
}

impl InboxPage {
    /// The URL of a view with the same filters.
    fn url(&self, view: &View) -> String {
        let mut url = format!("/inbox?show={}", view.as_str());
        if let Some(reason) = self.reason {
            url.push_str("&reason=");
            url.push_str(reason.as_str());
        }
        if !self.team.is_empty() {
            url.push_str("&team=");
            url.push_str(&self.team);
        }
        url
    }

    fn shows(&self, view: &View) -> bool {
        self.view == *view
    }

    fn is_reason(&self, reason: &Reason) -> bool {
        self.reason == Some(*reason)
    }

    fn here(&self) -> String {
        self.url(&self.view)
    }

    /// The URL of the next page.
    fn next(&self) -> Option<String> {
        let last = self.inbox.threads.last().filter(|_| self.inbox.has_more)?;
        let at = last.newest_at.unix_timestamp_nanos() / 1000;
        Some(format!("{}&after={at}.{}", self.here(), last.id))
    }

    /// The open request of a thread, if the reader may answer it.
    fn request<'t>(&self, thread: &'t Thread) -> Option<&'t OpenRequest> {
        let request = thread.open_request.as_ref()?;
        self.answering.contains(&request.team).then_some(request)
    }

    fn is_filtered(&self) -> bool {
        self.reason.is_some() || !self.team.is_empty()
    }

    fn moment(&self, at: &OffsetDateTime) -> String {
        humanize::moment(*at, &self.time_zone)
    }

    fn ago(&self, thread: &Thread) -> String {
        thread.ago(self.now)
    }

    fn empty_text(&self) -> &'static str {
        match self.view {
            _ if self.is_filtered() => "Nothing matches this filter.",
            View::Unread => {
                "No unread notifications. Here you find what concerns you: tasks assigned to you, mentions, reviews, and what you follow."
            }
            View::All => {
                "No notifications yet. Follow a task, goal, project or team to hear of its changes."
            }
            View::Snoozed => "Nothing is snoozed.",
            View::Done => "Nothing is marked as done.",
        }
    }
}

/// `GET /inbox`
pub(crate) async fn inbox(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<InboxQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let layout = Layout::new(&app, &viewer, &headers, "Inbox", "").await?;
    let team = layout.teams.iter().find(|team| team.slug == query.team);
    if team.is_none() && !query.team.is_empty() {
        return Err(Problem::NotFound);
    }
    let wanted = Wanted {
        view: View::parse(&query.show).unwrap_or_default(),
        reason: Reason::parse(&query.reason),
        team: team.map(|team| team.id),
        after: parse_after(&query.after),
        most: inbox::PAGE,
    };
    let inbox = inbox::load(&app.db, viewer.person.id, &layout.teams, &wanted).await?;
    page::page(&InboxPage {
        answering: answering(&app, &viewer, &inbox).await?,
        inbox,
        view: wanted.view,
        reason: wanted.reason,
        team: query.team,
        now: app.clock.now(),
        time_zone: viewer.time_zone.clone(),
        layout: layout.at("inbox"),
    })
}

/// The teams whose requests the reader may answer, if a thread is about one.
async fn answering(app: &App, viewer: &Viewer, inbox: &Inbox) -> Result<Vec<Uuid>> {
    if inbox
        .threads
        .iter()
        .all(|thread| thread.open_request.is_none())
    {
        return Ok(Vec::new());
    }
    let teams = team_access::teams(&app.db, viewer).await?.into_iter();
    let answering = teams.filter(|access| access.may_edit);
    Ok(answering.map(|access| access.team.id).collect())
}

fn parse_after(text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (at, id) = text.split_once('.')?;
    let nanos = at.parse::<i128>().ok()?.checked_mul(1000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    // what Postgres can store
    (1970..=9999)
        .contains(&at.year())
        .then_some((at, id.parse().ok()?))
}
