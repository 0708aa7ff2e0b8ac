//! How far a team is, for whoever waits for it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        boards::{board_auth::BoardAuth, filters::terms::Filter},
        column_state::ColumnState,
        error::Result,
        flow, humanize,
        policy::{share_links::Guest, viewer::AuthMethod},
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
    },
};
use crate::{
    domain::checkin::{
        changes::{self, Changed},
        summary::{self, CheckIn},
        visits::{self, Visit},
    },
    http::pages::checkin::feeds::{self, Feed, Place},
};

/// So many lines of what changed stand beside the burn-up.
const GLANCE: usize = 6;

/// A check-in as a page; for a guest it has no more in it than they may know, and nothing to press.
#[derive(Template)]
#[template(path = "checkin/check_in.html")]
pub(crate) struct CheckInPage {
    frame: Layout,
    facts: CheckIn,
    chart: Option<Rendered>,
    /// What the reader waits for.
    awaited: Vec<Card>,
    /// What changed since the reader last looked, and when that was.
    since: Vec<Changed>,
    looked: Option<Visit>,
    may_edit: bool,
    may_ask: bool,
    /// Where a guest is; nothing for whoever is signed in.
    guest: Option<String>,
    /// Whether it stands within another site's page.
    framed: bool,
    time_zone: String,
    now: OffsetDateTime,
}

impl CheckInPage {
    /// Where this page and its feeds are.
    fn here(&self) -> String {
        self.guest
            .clone()
            .unwrap_or_else(|| format!("/teams/{}/check-in", self.facts.team.slug))
    }

    fn live(&self) -> String {
        match &self.guest {
            Some(address) => format!("{address}/live"),
            None => format!("/teams/{}/live", self.facts.team.slug),
        }
    }

    fn is_guest(&self) -> bool {
        self.guest.is_some()
    }

    fn follows(&self) -> bool {
        self.looked.is_some_and(|look| look.follows)
    }

    /// `Thu 19 Nov 14:05`; nothing at the first visit.
    fn looked_at(&self) -> Option<String> {
        self.looked?
            .at
            .map(|at| humanize::moment(at, &self.time_zone))
    }

    /// When these facts were read: on paper nothing else says how old they are.
    fn as_of(&self) -> String {
        let zone = if self.is_guest() { " UTC" } else { "" };
        format!("{}{zone}", humanize::moment(self.now, &self.time_zone))
    }

    /// What is read at a glance of what changed; the rest is asked for.
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

    /// Which sprint an open task is in, where that is not the page's: what is waited for may have been put off.
    fn elsewhere(&self, card: &Card) -> String {
        match (&self.facts.sprint, card.sprint) {
            _ if card.state == ColumnState::Done => String::new(),
            (Some(sprint), Some(number)) if sprint.number != number => {
                format!("in sprint {number}")
            }
            (Some(_), None) => "in no sprint".to_owned(),
            _ => String::new(),
        }
    }

    fn waits(&self, card: &Card) -> String {
        match card.blocked_by.as_slice() {
            [] => "Nobody said yet what it waits on".to_owned(),
            waits => waits
                .iter()
                .map(|wait| wait.words(self.now))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    /// How wide a state's part of the strip is and where it begins, in hundredths of all.
    fn strip(&self) -> Vec<(ColumnState, i64, i64, i64)> {
        let total = self.facts.total().max(1);
        let order = [
            ColumnState::Done,
            ColumnState::Review,
            ColumnState::Doing,
            ColumnState::Blocked,
            ColumnState::Todo,
        ];
        let mut before = 0;
        let part = |state: ColumnState| {
            let (count, from) = (self.facts.count(state), before * 100 / total);
            before += count;
            (state, count, from, before * 100 / total - from)
        };
        order.into_iter().map(part).collect()
    }
}

/// The chart of the team's sprint, if one is going on.
async fn chart(app: &App, facts: &CheckIn, now: OffsetDateTime) -> Result<Option<Rendered>> {
    let Some(sprint) = facts
        .sprint
        .as_ref()
        .filter(|sprint| sprint.state != "planned")
    else {
        return Ok(None);
    };
    let week = load_roster(&app.db, facts.team.id).await?.week;
    let mut db = app.db.acquire().await?;
    let burn_up =
        flow::queries::burn_up(&mut db, &facts.team, sprint, &Filter::default(), &week, now)
            .await?;
    crate::http::pages::flow::charts::burn_up_chart(&burn_up).map(Some)
}

/// What a page or feed is kept for.
pub(crate) fn key(
    headers: &HeaderMap,
    reader: uuid::Uuid,
    may_comment: bool,
    address: String,
) -> PageKey {
    PageKey {
        viewer: reader,
        may_edit: false,
        may_comment,
        address,
        theme: theme(headers),
        encoding: Encoding::accepted(headers),
    }
}

/// What is counted by now, for whoever has waited for a turn to make the page.
async fn now_counted(app: &App, team: &mut Team, now: OffsetDateTime) -> Result<Revision> {
    let (seq, workspace): (i64, i64) =
        sqlx::query_as("SELECT t.seq, w.seq FROM teams t, workspace w WHERE t.id = $1")
            .bind(team.id)
            .fetch_one(&app.db)
            .await?;
    team.seq = seq;
    Ok(Revision::of(seq, workspace, now))
}

/// `GET /teams/{slug}/check-in`
pub async fn check_in(
    State(app): State<App>,
    from: ClientIp,
    method: Method,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let BoardAuth {
        viewer,
        access,
        workspace_seq,
    } = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let (now, person) = (app.clock.now(), viewer.person.id);
    // A link checker that asks for the head alone has not read it.
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
    let stamp = Revision::of(access.team.seq, workspace_seq, now);
    let address = format!(
        "check-in {uri} {:?} {look:?} {:?}",
        fragment(&headers),
        viewer.reach()
    );
    let key = PageKey {
        may_edit: access.may_edit,
        ..key(&headers, person, access.may_comment, address)
    };
    let make = async || {
        let mut team = access.team.clone();
        let stamp = now_counted(&app, &mut team, now).await?;
        let facts = summary::check_in(&app.db, &team, now).await?;
        let frame = Layout::new(
            &app,
            &viewer,
            &headers,
            format!("{}: check-in", team.name),
            &slug,
        )
        .await?;
        let page = CheckInPage {
            frame: frame.at("check-in"),
            chart: chart(&app, &facts, now).await?,
            awaited: summary::awaited(&app.db, &team, person, now).await?,
            since: changes::since(&app.db, &team, look.seq).await?,
            looked: Some(look),
            may_edit: access.may_edit,
            may_ask: access.may_comment && !access.is_member,
            guest: None,
            framed: false,
            time_zone: viewer.time_zone.clone(),
            facts,
            now,
        };
        Ok((stamp, rendered(&page)?))
    };
    page_cache::answer(
        &app.kept,
        &headers,
        (key, stamp),
        "text/html; charset=utf-8",
        make,
    )
    .await
}

/// `GET /teams/{slug}/check-in/{file}`
pub async fn feed(
    State(app): State<App>,
    from: ClientIp,
    Path((slug, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let feed = Feed::named(&file)?;
    let BoardAuth {
        access,
        workspace_seq,
        ..
    } = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let page = format!("/teams/{slug}/check-in");
    feed_of(
        &app,
        &headers,
        access.team,
        workspace_seq,
        feed,
        &page,
        false,
    )
    .await
}

/// `GET /api/v1/teams/{slug}/check-in`: how far the team is.
#[utoipa::path(get, path = "/api/v1/teams/{slug}/check-in", tag = "teams", params(("slug" = String, Path)),
    responses((status = 200, description = "Goals and their pace, tasks by state, what is blocked, in review, done lately and next")))]
pub async fn facts(
    app: State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    feed(app, from, Path((slug, "check-in.json".to_owned())), headers).await
}

/// A feed is the same for everybody who may read it: it is kept once for all of them.
pub(crate) async fn feed_of(
    app: &App,
    headers: &HeaderMap,
    team: Team,
    workspace_seq: i64,
    feed: Feed,
    page: &str,
    guest: bool,
) -> Result<Response> {
    let now = app.clock.now();
    let stamp = Revision::of(team.seq, workspace_seq, now);
    let key = PageKey {
        theme: "",
        ..key(headers, team.id, guest, format!("{feed:?} {page}"))
    };
    let make = async || {
        let mut team = team.clone();
        let stamp = now_counted(app, &mut team, now).await?;
        let place = Place {
            site: &app.public_url,
            page,
            guest,
        };
        Ok((stamp, feeds::text(&app.db, &team, feed, &place, now).await?))
    };
    page_cache::answer(&app.kept, headers, (key, stamp), feed.kind(), make).await
}

/// A guest's check-in.
pub(crate) async fn for_guest(
    app: &App,
    headers: &HeaderMap,
    guest: Guest,
    framed: bool,
) -> Result<Response> {
    let now = app.clock.now();
    let stamp = Revision::of(guest.team.seq, guest.workspace_seq, now);
    let address = format!("guest {} {:?} {framed}", guest.address, fragment(headers));
    let key = key(headers, guest.id, false, address);
    let make = async || {
        let mut team = guest.team.clone();
        let stamp = now_counted(app, &mut team, now).await?;
        let facts = summary::check_in(&app.db, &team, now).await?.for_guests();
        let page = CheckInPage {
            frame: Layout::bare(app, format!("{}: check-in", team.name), theme(headers)),
            chart: chart(app, &facts, now).await?,
            awaited: Vec::new(),
            since: Vec::new(),
            looked: None,
            may_edit: false,
            may_ask: false,
            guest: Some(guest.address.clone()),
            framed,
            time_zone: "UTC".to_owned(),
            facts,
            now,
        };
        Ok((stamp, rendered(&page)?))
    };
    page_cache::answer(
        &app.kept,
        headers,
        (key, stamp),
        "text/html; charset=utf-8",
        make,
    )
    .await
}
