//! The board page.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        boards::{
            board_auth::BoardAuth,
            filters::{
                FilterParams,
                sql::ResolvedSprint,
                terms::{Condition, Filter, SprintChoice, Term},
            },
            queries,
        },
        error::{Problem, Result},
        events::log,
        goals::{self, Goal},
        policy::team_access,
        sprints::{self, Sprint},
        tasks::timeline,
        team::Team,
    },
    http::{
        assets::{ASSETS, Encoding},
        cache::{
            board_context::BoardContext,
            columns::Shown,
            page_cache::{self, PageKey},
            rendered_board::{BoardView, RenderedBoard},
            revision::Revision,
        },
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{Rendered, fragment, rendered, theme},
    },
};

/// `GET /teams/{slug}`
pub(crate) async fn board(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(after): Query<AfterForm>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response> {
    let mut auth = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let now = app.clock.now();
    let revision = Revision::of(auth.access.team.seq, auth.workspace_seq, now);
    let filter = Filter::parse(&params)?.for_reader(&auth.viewer.person.handle);
    let key = PageKey {
        viewer: auth.viewer.person.id,
        rights: Some(auth.viewer.rights()),
        may_edit: auth.access.may_edit,
        may_comment: auth.access.may_comment,
        page: format!(
            "board {} {:?} {:?} {} {} {}",
            auth.access.team.id,
            fragment(&headers),
            after.done_change,
            shown.cards(),
            filter.cache_key(&params.q, params.known_lanes()),
            auth.viewer.unread.min(100),
        ),
        theme: theme(&headers),
        encoding: Encoding::accepted(&headers),
    };
    let make = async || {
        (auth.access.team.seq, auth.workspace_seq) =
            log::newest(&app.db, auth.access.team.id).await?;
        let revision = Revision::of(auth.access.team.seq, auth.workspace_seq, now);
        Ok((
            revision,
            board_html(
                &app, &auth, &params, &after, shown, &headers, filter, revision, now,
            )
            .await?,
        ))
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

/// The change that a form without JavaScript has just made, so that the page offers to undo it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct AfterForm {
    #[serde(rename = "did")]
    done_change: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "boards/board.html")]
struct BoardPage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    may_comment: bool,
    filter: Filter,
    lanes: &'static str,
    sprint: Option<Sprint>,
    /// The current working day of the sprint, and how many working days it has.
    day: (usize, usize),
    context: Arc<BoardContext>,
    goals: Vec<Goal>,
    board: Arc<RenderedBoard>,
    /// The columns, if they show more than their first cards.
    columns: Option<Rendered>,
    /// The tasks in other sprints, if the board of a sprint is empty.
    in_other_sprints: i64,
    /// The sprint (`all`, `none` or its number) if it is the only filter, so that the script can decide by itself which
    /// cards belong on the board.
    plain_sprint: Option<String>,
    undoable: Option<timeline::Undoable>,
    q: String,
}

impl BoardPage {
    fn this_sprint(&self) -> Option<&Sprint> {
        sprints::queries::current(&self.context.sprints)
    }

    fn next_sprint(&self) -> Option<&Sprint> {
        let this = self.this_sprint().map(|sprint| sprint.number);
        sprints::queries::next(&self.context.sprints).filter(|next| Some(next.number) != this)
    }

    /// The sprint that has ended and that the team has not closed; the board reminds the team to close it.
    fn unclosed(&self) -> Option<&Sprint> {
        sprints::queries::unclosed(&self.context.sprints)
    }

    fn url(&self) -> String {
        format!(
            "/teams/{}{}",
            self.team.slug,
            self.filter.query_string(self.lanes)
        )
    }

    fn query(&self) -> String {
        self.filter.query_string(self.lanes)
    }

    fn in_sprint(&self, choice: SprintChoice) -> String {
        self.filter.in_sprint(choice).query_string(self.lanes)
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
            .query_string(self.lanes)
    }

    fn has_owner(&self, handle: &str) -> bool {
        self.filter
            .terms
            .iter()
            .any(|term| !term.not && term.condition == Condition::Owner(handle.to_owned()))
    }

    /// Every filter term except owners that are shown as avatars.
    fn chips(&self) -> Vec<(String, String)> {
        let shown = |term: &&Term| {
            term.not
                || !matches!(&term.condition, Condition::Owner(handle) if handle == "none" || self.context.members.iter().any(|person| person.handle == *handle))
        };
        let without = |term: &Term| {
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
            .query_string(self.lanes)
        };
        self.filter
            .terms
            .iter()
            .filter(shown)
            .map(|term| (term.to_string(), without(term)))
            .collect()
    }

    fn grouped(&self, lanes: &str) -> String {
        self.filter.query_string(lanes)
    }

    /// The sprint of new tasks.
    fn new_in(&self) -> String {
        self.sprint
            .as_ref()
            .map_or(String::new(), |sprint| sprint.number.to_string())
    }

    fn is_empty(&self) -> bool {
        self.board.total == 0
    }

    /// The sprint of the board if it is empty and other sprints are not.
    fn empty_sprint(&self) -> Option<&Sprint> {
        self.sprint.as_ref().filter(|_| self.in_other_sprints > 0)
    }

    fn first_column(&self) -> &str {
        let first = self.context.columns.first();
        first.map_or("", |column| column.slug.as_str())
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "all arguments come from one request and are used only once"
)]
async fn board_html(
    app: &App,
    auth: &BoardAuth,
    params: &FilterParams,
    after: &AfterForm,
    shown: Shown,
    headers: &HeaderMap,
    filter: Filter,
    revision: Revision,
    now: OffsetDateTime,
) -> Result<String> {
    let team = &auth.access.team;
    let context = app.page_cache.context(&app.db, auth).await?;
    let (resolved, sprint) = match sprints::queries::resolve(&context.sprints, filter.sprint) {
        Ok((resolved, sprint)) => (resolved, sprint.cloned()),
        Err(Problem::Invalid(errors)) => {
            return refused_sprint(
                app,
                auth,
                headers,
                errors.into_values().next().unwrap_or_default(),
            )
            .await;
        }
        Err(problem) => return Err(problem),
    };
    let lanes = params.known_lanes();
    let view = BoardView {
        team,
        columns: &context.columns,
        filter: &filter,
        resolved,
        sprint: sprint.as_ref(),
        lanes,
        revision,
        now,
    };
    let board = app
        .page_cache
        .rendered(&app.db, auth.viewer.person.id, &view)
        .await?;
    let columns = shown
        .beyond_first()
        .map(|shown| view.columns_html(&board, shown))
        .transpose()?;
    let in_other_sprints = match resolved {
        ResolvedSprint::One(sprint) if board.total == 0 && filter.is_plain() => {
            queries::tasks_in_other_sprints(&app.db, team.id, sprint).await?
        }
        _ => 0,
    };
    let today = context.roster.week.today(now);
    let goals = match &sprint {
        Some(sprint) => goals::goals(&app.db, team, sprint, &context.roster, now).await?,
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
        let week = &context.roster.week;
        (
            sprint.day_number(week, today),
            sprint.working_days(week).len(),
        )
    });
    let of_mark = sprint
        .as_ref()
        .or_else(|| sprints::queries::active(&context.sprints));
    let layout = Layout {
        title: team.name.clone(),
        viewer: Some(auth.viewer.person.clone()),
        theme: theme(headers),
        teams: context.teams.clone(),
        team: team.slug.clone(),
        page: "",
        mark: of_mark.map_or_else(Vec::new, |sprint| sprint.mark(today)),
        edits: auth
            .access
            .may_edit
            .then_some(team.id)
            .into_iter()
            .collect(),
        is_admin: team_access::may_edit_workspace(&auth.viewer),
        unread: auth.viewer.unread,
        avatars: auth.viewer.avatars,
        assets: &ASSETS,
    };
    let undoable = timeline::undoable(&app.db, after.done_change, &auth.viewer, now).await?;
    let page = BoardPage {
        layout,
        team: team.clone(),
        may_edit: auth.access.may_edit,
        may_comment: auth.access.may_comment,
        filter,
        lanes,
        sprint,
        day,
        context,
        goals,
        board,
        columns,
        in_other_sprints,
        plain_sprint,
        undoable,
        q,
    };
    rendered(&page)
}

/// The board of all sprints, with an error beside the filter, for a sprint that does not exist.
async fn refused_sprint(
    app: &App,
    auth: &BoardAuth,
    headers: &HeaderMap,
    message: String,
) -> Result<String> {
    let filter = Filter {
        sprint: SprintChoice::All,
        unknown: vec![message],
        ..Filter::default()
    };
    let revision = Revision {
        team: auth.access.team.seq,
        workspace: auth.workspace_seq,
        time_bucket: 0,
    };
    Box::pin(board_html(
        app,
        auth,
        &FilterParams::default(),
        &AfterForm::default(),
        Shown::default(),
        headers,
        filter,
        revision,
        app.clock.now(),
    ))
    .await
}
