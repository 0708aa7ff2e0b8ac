//! The board as a page.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State as Given},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Column, State,
    access::{self, Door},
    filters::{Asks, Filter, FilterParams, ResolvedSprint, SprintChoice},
    kept::{BoardKey, KeptBoard, PageKey, Stamp},
    queries::{self, SavedFilter},
    saving,
};
use crate::{
    accounts::{Person, viewer::Viewer},
    app::App,
    clock,
    sprints::{self, Sprint, queries::GoalFace},
    tasks::{self, Card, Label, pages::CardHtml},
    teams::Team,
    web::{
        assets::{Encoding, gzip},
        error::{Problem, Result},
        forms::{Fields, id},
        page::{Frame, fragment, rendered, theme},
    },
};

/// Ages on cards are as old as this at most.
const STRETCH: i64 = 300;

/// `GET /teams/{slug}`
pub async fn board(
    Given(app): Given<App>,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(after): Query<AfterForm>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let door = access::door(&app, &headers, &slug).await?;
    let now = app.clock.now();
    let stamp = Stamp {
        team: door.access.team.seq,
        workspace: door.workspace_seq,
        stretch: now.unix_timestamp().div_euclid(STRETCH),
    };
    let part = fragment(&headers).unwrap_or("");
    let address = format!("{part} {uri}");
    let theme = theme(&headers);
    let etag = etag(&door, stamp, &address, theme);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == etag.as_bytes()) {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let encoding = Encoding::accepted(&headers);
    let key = PageKey { viewer: door.viewer.person.id, address, theme, encoding };
    if let Some(bytes) = app.kept.page(&key, &etag) {
        return Ok(with_etag(encoded(bytes, encoding), &etag));
    }
    let filter = Filter::read(&params).for_reader(&door.viewer.person.handle);
    let html = board_html(&app, &door, &params, &after, &headers, filter, stamp, now).await?;
    let bytes = match encoding {
        // Level 1 is a third of the time of level 3 and a tenth more bytes.
        Encoding::Zstd => zstd::bulk::compress(html.as_bytes(), 1).map_err(anyhow::Error::from)?.into(),
        Encoding::Gzip => gzip(html.as_bytes(), flate2::Compression::fast()).into(),
        Encoding::Plain => Bytes::from(html),
    };
    app.kept.keep_page(key, etag.clone(), bytes.clone());
    Ok(with_etag(encoded(bytes, encoding), &etag))
}

/// The message after a form was sent without a script.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AfterForm {
    did: Option<Uuid>,
}

fn etag(door: &Door, stamp: Stamp, address: &str, theme: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (door.viewer.person.id, door.access.may_edit, address, theme, &crate::web::assets::ASSETS.version)
        .hash(&mut hasher);
    format!("\"{}-{}-{}-{:x}\"", stamp.team, stamp.workspace, stamp.stretch, hasher.finish())
}

fn with_etag(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    // Kept by this reader's browser alone, and asked about every time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
        .insert(header::VARY, HeaderValue::from_static("accept-encoding, cookie, authorization, fortnight-fragment"));
    response
}

fn encoded(bytes: Bytes, encoding: Encoding) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Some(encoding) = encoding.header() {
        response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
    }
    response
}

#[derive(Template)]
#[template(path = "boards/board.html")]
struct BoardPage {
    frame: Frame,
    team: Team,
    may_edit: bool,
    filter: Filter,
    lanes: &'static str,
    sprint: Option<Sprint>,
    /// Which working day of the sprint it is, and of how many.
    day: (usize, usize),
    next_sprint: Option<Sprint>,
    this_sprint: Option<Sprint>,
    sprints: Vec<Sprint>,
    goals: Vec<GoalFace>,
    members: Vec<Person>,
    people: Vec<Person>,
    labels: Vec<Label>,
    saved: Vec<SavedFilter>,
    columns: Vec<Column>,
    board: Arc<KeptBoard>,
    /// The filter is nothing but a sprint, so a script can tell by itself which cards belong.
    plain_sprint: Option<String>,
    did: Option<tasks::story::Undoable>,
    q: String,
}

impl BoardPage {
    fn address(&self) -> String {
        format!("/teams/{}{}", self.team.slug, self.filter.address(self.lanes))
    }

    fn query(&self) -> String {
        self.filter.address(self.lanes)
    }

    fn in_sprint(&self, choice: SprintChoice) -> String {
        self.filter.in_sprint(choice).address(self.lanes)
    }

    fn shows(&self, choice: SprintChoice) -> bool {
        self.filter.sprint == choice
            || matches!(choice, SprintChoice::Number(number) if self.sprint.as_ref().is_some_and(|sprint| sprint.number == number))
    }

    fn shows_number(&self, number: &i32) -> bool {
        self.shows(SprintChoice::Number(*number))
    }

    fn in_sprint_number(&self, number: &i32) -> String {
        self.in_sprint(SprintChoice::Number(*number))
    }

    fn with_owner(&self, handle: &str) -> String {
        self.filter.toggled(Asks::Owner(handle.to_owned())).address(self.lanes)
    }

    fn has_owner(&self, handle: &str) -> bool {
        self.filter.terms.iter().any(|term| !term.not && term.asks == Asks::Owner(handle.to_owned()))
    }

    /// Every term but owners: they are shown as people.
    fn chips(&self) -> Vec<(String, String)> {
        let shown = |term: &&super::filters::Term| {
            term.not
                || !matches!(&term.asks, Asks::Owner(handle) if handle == "nobody" || self.members.iter().any(|person| person.handle == *handle))
        };
        let without = |term: &super::filters::Term| {
            let terms = self.filter.terms.iter().filter(|other| *other != term).cloned().collect();
            Filter { terms, ..self.filter.clone() }.address(self.lanes)
        };
        self.filter.terms.iter().filter(shown).map(|term| (term.to_string(), without(term))).collect()
    }

    fn grouped(&self, lanes: &str) -> String {
        self.filter.address(lanes)
    }

    /// The sprint that a new task lands in.
    fn new_in(&self) -> String {
        self.sprint.as_ref().map_or(String::new(), |sprint| sprint.number.to_string())
    }

    fn is_empty(&self) -> bool {
        self.board.total == 0
    }

    fn first_column(&self) -> &str {
        self.columns.first().map_or("", |column| column.slug.as_str())
    }
}

#[expect(clippy::too_many_arguments, reason = "all of it comes from one request, and is used only here")]
async fn board_html(
    app: &App,
    door: &Door,
    params: &FilterParams,
    after: &AfterForm,
    headers: &HeaderMap,
    filter: Filter,
    stamp: Stamp,
    now: OffsetDateTime,
) -> Result<String> {
    let team = &door.access.team;
    let sprints = sprints::queries::sprints(&app.db).await?;
    let (resolved, sprint) = match sprints::queries::resolve(&sprints, filter.sprint) {
        Ok((resolved, sprint)) => (resolved, sprint.cloned()),
        Err(Problem::Invalid(why)) => {
            return refused_sprint(app, door, headers, why.into_values().next().unwrap_or_default()).await;
        }
        Err(problem) => return Err(problem),
    };
    let lanes = match params.lanes.as_str() {
        "owner" => "owner",
        "goal" => "goal",
        _ => "",
    };
    let columns = queries::columns(&app.db, team.id).await?;
    let board = kept_board(app, team, &columns, &filter, resolved, sprint.as_ref(), lanes, stamp, now).await?;
    let today = clock::day_in(now, &door.viewer.time_zone);
    let goals = match &sprint {
        Some(sprint) => sprints::queries::goals(&app.db, team, sprint, today).await?,
        None => Vec::new(),
    };
    let members = queries::members(&app.db, team.id).await?;
    let plain_sprint = (filter.is_plain() && lanes.is_empty()).then(|| match resolved {
        ResolvedSprint::Any => "all".to_owned(),
        ResolvedSprint::Without => "none".to_owned(),
        ResolvedSprint::One(_) => sprint.as_ref().map_or(String::new(), |sprint| sprint.number.to_string()),
    });
    let q = if filter.unknown.is_empty() { filter.terms_text() } else { params.q.clone() };
    let mut frame = Frame::new(app, &door.viewer, headers, team.name.clone(), &team.slug).await?;
    if let Some(sprint) = &sprint {
        frame.mark = sprint.mark(today);
    }
    let page = BoardPage {
        day: sprint.as_ref().map_or((0, 0), |sprint| (sprint.day_number(today), sprint.working_days().len())),
        this_sprint: sprints::queries::active(&sprints).cloned(),
        next_sprint: sprints::queries::next(&sprints).cloned(),
        people: queries::people(&app.db).await?,
        labels: queries::labels(&app.db, team.id).await?,
        saved: queries::saved_filters(&app.db, team.id, door.viewer.person.id).await?,
        team: team.clone(),
        may_edit: door.access.may_edit,
        did: tasks::story::undoable(&app.db, after.did, door.viewer.person.id).await?,
        frame,
        filter,
        lanes,
        sprint,
        sprints,
        goals,
        members,
        columns,
        board,
        plain_sprint,
        q,
    };
    rendered(&page)
}

/// A sprint that is not there: the board of all of them, and the reason beside the box.
async fn refused_sprint(app: &App, door: &Door, headers: &HeaderMap, why: String) -> Result<String> {
    let filter = Filter { sprint: SprintChoice::All, unknown: vec![why], ..Filter::default() };
    let stamp = Stamp { team: door.access.team.seq, workspace: door.workspace_seq, stretch: 0 };
    Box::pin(board_html(
        app,
        door,
        &FilterParams::default(),
        &AfterForm::default(),
        headers,
        filter,
        stamp,
        app.clock.now(),
    ))
    .await
}

#[derive(Template)]
#[template(path = "boards/_columns.html")]
struct ColumnsHtml<'b> {
    team: &'b Team,
    sprint: Option<&'b Sprint>,
    lanes: Vec<Lane<'b>>,
    grouped: bool,
    now: OffsetDateTime,
}

/// A row of columns: the whole board, or one owner's or goal's part of it.
struct Lane<'b> {
    name: String,
    /// A goal's hue, or nothing.
    hue: Option<i16>,
    columns: Vec<ColumnFace<'b>>,
}

struct ColumnFace<'b> {
    column: &'b Column,
    cards: Vec<&'b Card>,
    /// How many tasks the filter leaves out of this column.
    hidden: i64,
}

impl ColumnFace<'_> {
    fn total(&self) -> i64 {
        self.cards.len() as i64 + self.hidden
    }

    /// `4 / 3` with a limit, else how many are shown.
    fn count(&self) -> String {
        match self.column.wip_limit {
            Some(limit) => format!("{} / {limit}", self.total()),
            None => self.shown().to_string(),
        }
    }

    fn shown(&self) -> usize {
        self.cards.len()
    }

    fn is_over(&self) -> bool {
        self.column.wip_limit.is_some_and(|limit| self.total() > i64::from(limit))
    }

    fn state(&self) -> State {
        self.column.state
    }
}

impl ColumnsHtml<'_> {
    fn card<'c>(&self, card: &'c Card) -> CardHtml<'c> {
        CardHtml::new(card, self.now)
    }

    fn sprint_number(&self) -> String {
        self.sprint.map_or(String::new(), |sprint| sprint.number.to_string())
    }
}

#[expect(clippy::too_many_arguments, reason = "a board is all of these")]
async fn kept_board(
    app: &App,
    team: &Team,
    columns: &[Column],
    filter: &Filter,
    resolved: ResolvedSprint,
    sprint: Option<&Sprint>,
    lanes: &'static str,
    stamp: Stamp,
    now: OffsetDateTime,
) -> Result<Arc<KeptBoard>> {
    let key = BoardKey { team: team.id, filter: filter.clone(), sprint: resolved, lanes };
    if let Some(board) = app.kept.board(&key, stamp) {
        return Ok(board);
    }
    let cards = tasks::queries::cards(&app.db, team, filter, resolved, now, None).await?;
    // Limits hold for the whole column; without a narrowing filter or limits nobody needs the totals.
    let totals = if columns.iter().any(|column| column.wip_limit.is_some()) {
        queries::totals(&app.db, team.id).await?
    } else {
        Vec::new()
    };
    let face = |column: &Column, shown: usize| {
        totals.iter().find(|(slug, _)| *slug == column.slug).map_or(0, |(_, total)| (total - shown as i64).max(0))
    };
    // Owners by name and goals by place; what belongs to nobody and nothing comes last.
    let mut groups: BTreeMap<(bool, Option<i32>, &str), Vec<&Card>> = BTreeMap::new();
    for card in &cards {
        let lane = match lanes {
            "owner" => {
                card.owners.first().map_or((true, None, "Nobody yet"), |owner| (false, None, owner.name.as_str()))
            }
            "goal" => card.goal_title.as_deref().map_or((true, None, "No goal"), |title| (false, card.goal, title)),
            _ => (false, None, ""),
        };
        groups.entry(lane).or_default().push(card);
    }
    if groups.is_empty() {
        groups.insert((false, None, ""), Vec::new());
    }
    let lanes_shown = groups
        .into_iter()
        .map(|((_, _, name), group)| Lane {
            name: name.to_owned(),
            hue: group.first().and_then(|card| card.goal_hue).filter(|_| lanes == "goal"),
            columns: columns
                .iter()
                .map(|column| {
                    let cards: Vec<&Card> = group.iter().filter(|card| card.column == column.slug).copied().collect();
                    ColumnFace { column, hidden: face(column, cards.len()), cards }
                })
                .collect(),
        })
        .collect();
    let done = cards.iter().filter(|card| card.state == State::Done).count();
    let html = rendered(&ColumnsHtml { team, sprint, lanes: lanes_shown, grouped: !lanes.is_empty(), now })?;
    let board = Arc::new(KeptBoard { html, done, total: cards.len() });
    if !filter.depends_on_time() {
        app.kept.keep_board(key, stamp, board.clone());
    }
    Ok(board)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Keys {
    keys: String,
}

/// `GET /teams/{slug}/cards?keys=…`: those of these tasks that the filter lets through, for a board that is open.
pub async fn cards(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(keys): Query<Keys>,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.team;
    let numbers: Vec<i64> = keys
        .keys
        .split(',')
        .filter_map(access::split_key)
        .filter(|(key, _)| *key == team.key)
        .map(|(_, number)| number)
        .take(300)
        .collect();
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND number = ANY($2)")
        .bind(team.id)
        .bind(&numbers)
        .fetch_all(&app.db)
        .await?;
    let filter = Filter::read(&params).for_reader(&viewer.person.handle);
    let sprints = sprints::queries::sprints(&app.db).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    let now = app.clock.now();
    let cards = tasks::queries::cards(&app.db, &team, &filter, resolved, now, Some(&ids)).await?;
    let html: String = cards.iter().map(|card| CardHtml::with_column(card, now).to_string()).collect();
    Ok(Html(html).into_response())
}

/// `POST /teams/{slug}/filters`: keeps the filter under a name.
pub async fn save_filter(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let access = access::team(&app.db, &viewer, &slug).await?;
    let for_team = fields.get("for") == Some("team");
    let access = if for_team { access.to_edit()? } else { access };
    if !viewer.may_write() {
        return Err(Problem::Forbidden("This account may only read. Nothing was saved.".into()));
    }
    let params = FilterParams {
        sprint: fields.text("sprint").to_owned(),
        q: fields.text("q").to_owned(),
        lanes: fields.text("lanes").to_owned(),
        ..FilterParams::default()
    };
    let team = access.team;
    app.live
        .change(&viewer.actor(), |change, _| {
            Box::pin(saving::save_filter(change, &team, fields.text("name"), &params, for_team))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}{}", Filter::read(&params).address(&params.lanes))).into_response())
}

/// `POST /teams/{slug}/filters/{id}/delete`
pub async fn delete_filter(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, filter)): Path<(String, String)>,
) -> Result<Response> {
    let access = access::team(&app.db, &viewer, &slug).await?;
    let (team, may_edit, filter) = (access.team, access.may_edit, id(&filter)?);
    app.live
        .change(&viewer.actor(), |change, _| Box::pin(saving::delete_filter(change, &team, filter, may_edit)))
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}")).into_response())
}
