//! The check-in page: a team's progress for other teams and guests.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, Method},
    response::Response,
};
use time::OffsetDateTime;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::{board_auth::BoardAuth, filters::terms::Filter},
        checkin::{
            changes::{self, Changed},
            summary::{self, CheckIn},
            visits::{self, Visit},
        },
        column_state::ColumnState,
        error::Result,
        events::log,
        flow, humanize,
        policy::{share_links::Guest, viewer::AuthMethod},
        sprints::SprintState,
        tasks::Card,
        team::Team,
        teams::roster::load_roster,
    },
    http::{
        assets::Encoding,
        cache::{
            page_cache::{self, PageKey},
            revision::Revision,
        },
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{Rendered, fragment, rendered, theme},
        pages::flow::charts::{Legend, burn_up_chart, burn_up_legend},
    },
};

/// The number of changes shown beside the burn-up.
const GLANCE: usize = 6;

/// The check-in page. For a guest it contains only what they may see, and no forms.
#[derive(Template)]
#[template(path = "checkin/check_in.html")]
pub(crate) struct CheckInPage {
    layout: Layout,
    summary: CheckIn,
    burn_up: Option<(Rendered, Legend)>,
    /// What the reader is waiting for.
    waiting_for: Vec<Card>,
    /// The changes since the reader's last visit, and its time.
    since: Vec<Changed>,
    looked: Option<Visit>,
    may_edit: bool,
    may_ask: bool,
    /// A guest's base URL; empty for signed-in readers.
    guest: Option<String>,
    /// Whether the page is embedded in another site.
    framed: bool,
    time_zone: String,
    now: OffsetDateTime,
}

impl CheckInPage {
    /// The base URL of this page and its feeds.
    fn current_url(&self) -> String {
        self.guest
            .clone()
            .unwrap_or_else(|| format!("/teams/{}/check-in", self.summary.team.slug))
    }

    fn live(&self) -> String {
        match &self.guest {
            Some(url) => format!("{url}/live"),
            None => format!("/teams/{}/live", self.summary.team.slug),
        }
    }

    fn is_guest(&self) -> bool {
        self.guest.is_some()
    }

    fn follows(&self) -> bool {
        self.looked.is_some_and(|look| look.follows)
    }

    /// The last visit as `Thu 19 Nov 14:05`; empty at the first visit.
    fn looked_at(&self) -> Option<String> {
        self.looked?
            .at
            .map(|at| humanize::moment(at, &self.time_zone))
    }

    /// When the page was rendered, for printouts.
    fn as_of(&self) -> String {
        let zone = if self.is_guest() { " UTC" } else { "" };
        format!("{}{zone}", humanize::moment(self.now, &self.time_zone))
    }

    /// The changes that are shown at first; the others are behind a link.
    fn first_since(&self) -> &[Changed] {
        &self.since[..self.since.len().min(GLANCE)]
    }

    fn rest_since(&self) -> &[Changed] {
        &self.since[self.first_since().len()..]
    }

    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn ago(&self, card: &Card) -> String {
        humanize::ago(self.now, card.column_since)
    }

    /// The sprint of an open task if it is not the page's: a task that others wait for may have
    /// been postponed.
    fn elsewhere(&self, card: &Card) -> String {
        match (&self.summary.sprint, card.sprint) {
            _ if card.state == ColumnState::Done => String::new(),
            (Some(sprint), Some(number)) if sprint.number != number => {
                format!("in sprint {number}")
            }
            (Some(_), None) => "in no sprint".to_owned(),
            _ => String::new(),
        }
    }

    fn blocked_reason(&self, card: &Card) -> String {
        match card.blocked_by.as_slice() {
            [] => "Blocked, no reason given".to_owned(),
            waits => waits
                .iter()
                .map(|blocker| blocker.text(self.now))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    /// The offset and width of a state's part of the strip, in percent.
    fn strip(&self) -> Vec<(ColumnState, i64, i64, i64)> {
        let total = self.summary.total().max(1);
        let order = [
            ColumnState::Done,
            ColumnState::Review,
            ColumnState::Doing,
            ColumnState::Blocked,
            ColumnState::Todo,
        ];
        let mut before = 0;
        let part = |state: ColumnState| {
            let (count, from) = (self.summary.count(state), before * 100 / total);
            before += count;
            (state, count, from, before * 100 / total - from)
        };
        order.into_iter().map(part).collect()
    }
}

/// The burn-up of the team's current sprint and its legend, once it has started.
async fn burn_up(
    db: &Pool,
    summary: &CheckIn,
    now: OffsetDateTime,
) -> Result<Option<(Rendered, Legend)>> {
    let Some(sprint) = summary
        .sprint
        .as_ref()
        .filter(|sprint| sprint.state != SprintState::Planned)
    else {
        return Ok(None);
    };
    let week = load_roster(db, summary.team.id).await?.week;
    let mut db = db.acquire().await?;
    let burn_up = flow::queries::burn_up(
        &mut db,
        &summary.team,
        sprint,
        &Filter::default(),
        &week,
        now,
    )
    .await?;
    Ok(Some((burn_up_chart(&burn_up)?, burn_up_legend(&burn_up))))
}

/// The cache key of a page or feed.
pub(crate) fn key(
    headers: &HeaderMap,
    reader: uuid::Uuid,
    may_comment: bool,
    page: String,
) -> PageKey {
    PageKey {
        viewer: reader,
        rights: None,
        may_edit: false,
        may_comment,
        page,
        theme: theme(headers),
        encoding: Encoding::accepted(headers),
    }
}

/// The current revision, read again after waiting for the page lock.
pub(crate) async fn newest_revision(
    db: &Pool,
    team: &mut Team,
    now: OffsetDateTime,
) -> Result<Revision> {
    let (seq, workspace) = log::newest(db, team.id).await?;
    team.seq = seq;
    Ok(Revision::of(seq, workspace, now))
}

/// `GET /teams/{slug}/check-in`
pub(crate) async fn check_in(
    State(app): State<App>,
    from: ClientIp,
    method: Method,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let BoardAuth {
        viewer,
        access,
        workspace_seq,
    } = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let (now, person) = (app.clock.now(), viewer.person.id);
    // A HEAD request, such as a link checker's, is not a visit.
    let comes = method == Method::GET
        && fragment(&headers).is_none()
        && matches!(viewer.proof, AuthMethod::Session { .. });
    let look = visits::record_visit(
        &app.db,
        (person, access.team.id),
        access.team.seq,
        now,
        comes,
    )
    .await?;
    let revision = Revision::of(access.team.seq, workspace_seq, now);
    let page = format!("check-in {slug} {:?} {look:?}", fragment(&headers));
    let key = PageKey {
        rights: Some(viewer.rights()),
        may_edit: access.may_edit,
        ..key(&headers, person, access.may_comment, page)
    };
    let make = async || {
        let mut team = access.team.clone();
        let revision = newest_revision(&app.db, &mut team, now).await?;
        let summary = summary::check_in(&app.db, &team, now).await?;
        let layout = Layout::new(
            &app,
            &viewer,
            &headers,
            format!("{}: check-in", team.name),
            &slug,
        )
        .await?;
        let page = CheckInPage {
            layout: layout.at("check-in"),
            burn_up: burn_up(&app.db, &summary, now).await?,
            waiting_for: summary::tasks_needed_by(&app.db, &team, person, now).await?,
            since: changes::since(&app.db, &team, look.seq).await?,
            looked: Some(look),
            may_edit: access.may_edit,
            may_ask: access.may_comment && !access.is_member,
            guest: None,
            framed: false,
            time_zone: viewer.time_zone.clone(),
            summary,
            now,
        };
        Ok((revision, rendered(&page)?))
    };
    page_cache::answer(
        &app.page_cache,
        &headers,
        (key, revision),
        "text/html; charset=utf-8",
        make,
    )
    .await
}

/// The check-in page of a guest.
pub(crate) async fn for_guest(
    app: &App,
    headers: &HeaderMap,
    guest: Guest,
    framed: bool,
) -> Result<Response> {
    let now = app.clock.now();
    let revision = Revision::of(guest.team.seq, guest.workspace_seq, now);
    let url = format!("guest {} {:?} {framed}", guest.url, fragment(headers));
    let key = key(headers, guest.id, false, url);
    let make = async || {
        let mut team = guest.team.clone();
        let revision = newest_revision(&app.db, &mut team, now).await?;
        let summary = summary::check_in(&app.db, &team, now).await?.for_guests();
        let page = CheckInPage {
            layout: Layout::bare(app, format!("{}: check-in", team.name), theme(headers)),
            burn_up: burn_up(&app.db, &summary, now).await?,
            waiting_for: Vec::new(),
            since: Vec::new(),
            looked: None,
            may_edit: false,
            may_ask: false,
            guest: Some(guest.url.clone()),
            framed,
            time_zone: "UTC".to_owned(),
            summary,
            now,
        };
        Ok((revision, rendered(&page)?))
    };
    page_cache::answer(
        &app.page_cache,
        headers,
        (key, revision),
        "text/html; charset=utf-8",
        make,
    )
    .await
}
