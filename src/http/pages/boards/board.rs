//! The board as a page.

use crate::domain::keys;
use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, Uri},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        clock,
        error::{Problem, Result},
        goals::{self, Goal},
        policy::viewer::Viewer,
        sprints::{self, Sprint},
        tasks,
        team::Team,
    },
    http::{
        assets::{ASSETS, Encoding},
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{fragment, rendered, theme},
        pages::tasks::card::CardHtml,
    },
};
use crate::{
    domain::{
        boards::{
            board_auth::BoardAuth,
            filters::{
                FilterParams,
                sql::ResolvedSprint,
                terms::{Condition, Filter, SprintChoice},
            },
        },
        policy::team_access,
    },
    http::cache::{
        board_context::BoardContext,
        page_cache::{self, PageKey},
        render::{BoardView, RenderedBoard},
        revision::Revision,
    },
};

/// `GET /teams/{slug}`
pub async fn board(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(after): Query<AfterForm>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let mut door = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let now = app.clock.now();
    let stamp = Revision::of(door.access.team.seq, door.workspace_seq, now);
    let key = PageKey {
        viewer: door.viewer.person.id,
        may_edit: door.access.may_edit,
        may_comment: door.access.may_comment,
        address: format!(
            "{} {uri} {:?}",
            fragment(&headers).unwrap_or(""),
            door.viewer.reach()
        ),
        theme: theme(&headers),
        encoding: Encoding::accepted(&headers),
    };
    let make = async || {
        (door.access.team.seq, door.workspace_seq) =
            sqlx::query_as("SELECT t.seq, w.seq FROM teams t, workspace w WHERE t.id = $1")
                .bind(door.access.team.id)
                .fetch_one(&app.db)
                .await?;
        let stamp = Revision::of(door.access.team.seq, door.workspace_seq, now);
        let filter = Filter::read(&params).for_reader(&door.viewer.person.handle);
        Ok((
            stamp,
            board_html(&app, &door, &params, &after, &headers, filter, stamp, now).await?,
        ))
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

/// The message after a form was sent without a script.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AfterForm {
    did: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "boards/board.html")]
struct BoardPage {
    frame: Layout,
    team: Team,
    may_edit: bool,
    may_comment: bool,
    filter: Filter,
    lanes: &'static str,
    sprint: Option<Sprint>,
    /// Which working day of the sprint it is, and of how many.
    day: (usize, usize),
    around: Arc<BoardContext>,
    goals: Vec<Goal>,
    board: Arc<RenderedBoard>,
    /// The filter is nothing but a sprint, so a script can tell by itself which cards belong.
    plain_sprint: Option<String>,
    did: Option<crate::domain::tasks::timeline::Undoable>,
    q: String,
}

impl BoardPage {
    fn this_sprint(&self) -> Option<&Sprint> {
        sprints::queries::current(&self.around.sprints)
    }

    fn next_sprint(&self) -> Option<&Sprint> {
        let this = self.this_sprint().map(|sprint| sprint.number);
        sprints::queries::next(&self.around.sprints).filter(|next| Some(next.number) != this)
    }

    /// The one whose time is over, with what is left in it: the board says so until the team closes it.
    fn unclosed(&self) -> Option<&Sprint> {
        sprints::queries::unclosed(&self.around.sprints)
    }

    fn address(&self) -> String {
        format!(
            "/teams/{}{}",
            self.team.slug,
            self.filter.address(self.lanes)
        )
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
        self.filter
            .toggled(Condition::Owner(handle.to_owned()))
            .address(self.lanes)
    }

    fn has_owner(&self, handle: &str) -> bool {
        self.filter
            .terms
            .iter()
            .any(|term| !term.not && term.asks == Condition::Owner(handle.to_owned()))
    }

    /// Every term but owners: they are shown as people.
    fn chips(&self) -> Vec<(String, String)> {
        let shown = |term: &&crate::domain::boards::filters::terms::Term| {
            term.not
                || !matches!(&term.asks, Condition::Owner(handle) if handle == "nobody" || self.around.members.iter().any(|person| person.handle == *handle))
        };
        let without = |term: &crate::domain::boards::filters::terms::Term| {
            let terms = self
                .filter
                .terms
                .iter()
                .filter(|other| *other != term)
                .cloned()
                .collect();
            Filter {
                terms,
                ..self.filter.clone()
            }
            .address(self.lanes)
        };
        self.filter
            .terms
            .iter()
            .filter(shown)
            .map(|term| (term.to_string(), without(term)))
            .collect()
    }

    fn grouped(&self, lanes: &str) -> String {
        self.filter.address(lanes)
    }

    /// The sprint that a new task lands in.
    fn new_in(&self) -> String {
        self.sprint
            .as_ref()
            .map_or(String::new(), |sprint| sprint.number.to_string())
    }

    fn is_empty(&self) -> bool {
        self.board.total == 0
    }

    fn first_column(&self) -> &str {
        self.around
            .columns
            .first()
            .map_or("", |column| column.slug.as_str())
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "all of it comes from one request, and is used only here"
)]
async fn board_html(
    app: &App,
    door: &BoardAuth,
    params: &FilterParams,
    after: &AfterForm,
    headers: &HeaderMap,
    filter: Filter,
    stamp: Revision,
    now: OffsetDateTime,
) -> Result<String> {
    let team = &door.access.team;
    let around = app.kept.context(&app.db, door).await?;
    let (resolved, sprint) = match sprints::queries::resolve(&around.sprints, filter.sprint) {
        Ok((resolved, sprint)) => (resolved, sprint.cloned()),
        Err(Problem::Invalid(why)) => {
            return refused_sprint(
                app,
                door,
                headers,
                why.into_values().next().unwrap_or_default(),
            )
            .await;
        }
        Err(problem) => return Err(problem),
    };
    let lanes = match params.lanes.as_str() {
        "owner" => "owner",
        "goal" => "goal",
        _ => "",
    };
    let (columns, filtered, of_sprint) = (&around.columns, &filter, sprint.as_ref());
    let drawing = BoardView {
        team,
        columns,
        filter: filtered,
        resolved,
        sprint: of_sprint,
        lanes,
        stamp,
        now,
    };
    let board = app.kept.rendered(&app.db, &drawing).await?;
    let today = clock::day_in(now, &door.viewer.time_zone);
    let goals = match &sprint {
        Some(sprint) => goals::goals(&app.db, team, sprint, &around.crew, now).await?,
        None => Vec::new(),
    };
    let plain_sprint = (filter.is_plain() && lanes.is_empty()).then(|| match resolved {
        ResolvedSprint::Any => "all".to_owned(),
        ResolvedSprint::Without => "none".to_owned(),
        ResolvedSprint::One(_) => sprint
            .as_ref()
            .map_or(String::new(), |sprint| sprint.number.to_string()),
    });
    let q = if filter.unknown.is_empty() {
        filter.terms_text()
    } else {
        params.q.clone()
    };
    let day = sprint.as_ref().map_or((0, 0), |sprint| {
        let week = &around.crew.week;
        (
            sprint.day_number(week, today),
            sprint.working_days(week).len(),
        )
    });
    let of_mark = sprint
        .as_ref()
        .or_else(|| sprints::queries::active(&around.sprints));
    let frame = Layout {
        title: team.name.clone(),
        viewer: Some(door.viewer.person.clone()),
        theme: theme(headers),
        teams: around.teams.clone(),
        team: team.slug.clone(),
        page: "",
        mark: of_mark.map_or_else(Vec::new, |sprint| sprint.mark(today)),
        edits: door
            .access
            .may_edit
            .then_some(team.id)
            .into_iter()
            .collect(),
        is_admin: team_access::may_edit_workspace(&door.viewer),
        assets: &ASSETS,
    };
    let (may_edit, may_comment) = (door.access.may_edit, door.access.may_comment);
    let did =
        crate::domain::tasks::timeline::undoable(&app.db, after.did, &door.viewer, now).await?;
    let team = team.clone();
    let page = BoardPage {
        frame,
        team,
        may_edit,
        may_comment,
        filter,
        lanes,
        sprint,
        day,
        around,
        goals,
        board,
        plain_sprint,
        did,
        q,
    };
    rendered(&page)
}

/// A sprint that is not there: the board of all of them, and the reason beside the box.
async fn refused_sprint(
    app: &App,
    door: &BoardAuth,
    headers: &HeaderMap,
    why: String,
) -> Result<String> {
    let filter = Filter {
        sprint: SprintChoice::All,
        unknown: vec![why],
        ..Filter::default()
    };
    let stamp = Revision {
        team: door.access.team.seq,
        workspace: door.workspace_seq,
        stretch: 0,
    };
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

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Keys {
    keys: String,
}

/// `GET /teams/{slug}/cards?keys=…`: those of these tasks that the filter lets through, for a board that is open.
pub async fn cards(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(keys): Query<Keys>,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let numbers: Vec<i64> = keys
        .keys
        .split(',')
        .filter_map(keys::split_key)
        .filter(|(key, _)| *key == team.key)
        .map(|(_, number)| number)
        .take(300)
        .collect();
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND number = ANY($2)")
            .bind(team.id)
            .bind(&numbers)
            .fetch_all(&app.db)
            .await?;
    let filter = Filter::read(&params).for_reader(&viewer.person.handle);
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    let now = app.clock.now();
    let cards = tasks::queries::cards(&app.db, &team, &filter, resolved, now, Some(&ids)).await?;
    let html: String = cards
        .iter()
        .map(|card| CardHtml::with_column(card, now).to_string())
        .collect();
    Ok(Html(html).into_response())
}
