//! A project's board: the tasks of all its teams, in columns by state, with the same cards, filters
//! and dragging as a team's board.

use std::cmp::Ordering;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::filters::{
            FilterParams,
            terms::{Filter, SprintChoice, Term},
        },
        clock::Clock,
        column_state::ColumnState,
        error::{Problem, Result},
        keys,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        projects::queries,
        sprints,
        tasks::{self, Card},
        team::Team,
        teams, workspace,
    },
    http::{
        assets::Encoding,
        cache::{
            page_cache::{self, PageKey},
            revision::Revision,
        },
        layout::Layout,
        page::{Rendered, fragment, rendered, theme},
        pages::tasks::card::CardHtml,
    },
};

/// The largest number of cards on the board.
const MAX_CARDS: i64 = 2000;

#[derive(Template)]
#[template(path = "projects/board.html")]
struct ProjectBoard {
    layout: Layout,
    slug: String,
    name: String,
    may_edit: bool,
    teams: Vec<Team>,
    filter: Filter,
    q: String,
    columns: Vec<(ColumnState, Vec<Rendered>)>,
    total: usize,
}

impl ProjectBoard {
    fn url(&self) -> String {
        format!("/projects/{}/board{}", self.slug, self.query())
    }

    fn query(&self) -> String {
        self.filter.query_string("")
    }

    fn in_sprint(&self, choice: SprintChoice) -> String {
        self.filter.in_sprint(choice).query_string("")
    }

    fn without(&self, term: &Term) -> String {
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
        .query_string("")
    }

    fn live_url(&self) -> String {
        teams::live_url(self.teams.iter())
    }

    fn event_number(&self) -> i64 {
        teams::event_number(self.teams.iter())
    }
}

/// `GET /projects/{slug}/board?q=owner:me`
pub(crate) async fn board(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    headers: HeaderMap,
) -> Result<Response> {
    let (access, project_id) = team_access::project(&app.db, &viewer, &slug).await?;
    let workspace = workspace::newest(&app.db).await?;
    let teams = team_access::teams(&app.db, &viewer).await?;
    let now = app.clock.now();
    // Sequence numbers only grow, so their sum changes whenever one of them does.
    let revision = Revision::of(
        teams.iter().map(|access| access.team.seq).sum(),
        workspace,
        now,
    );
    let filter = read(&params, &viewer)?;
    let key = PageKey {
        viewer: viewer.person.id,
        rights: Some(viewer.rights()),
        may_edit: teams.iter().any(|access| access.may_edit),
        may_comment: viewer.may_write(),
        page: format!(
            "project {project_id} {:?} {}",
            fragment(&headers),
            filter.cache_key(&params.q, "")
        ),
        theme: theme(&headers),
        encoding: Encoding::accepted(&headers),
    };
    let make = async || {
        let page = board_page(
            &app,
            &viewer,
            &headers,
            (params, filter),
            (access, project_id),
            teams,
            now,
        )
        .await?;
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

async fn board_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    (params, mut filter): (FilterParams, Filter),
    (access, project_id): (TeamAccess, Uuid),
    teams: Vec<TeamAccess>,
    now: OffsetDateTime,
) -> Result<ProjectBoard> {
    let project = queries::projects(&app.db, &[access.team.id]).await?;
    let project = project
        .into_iter()
        .find(|project| project.id == project_id)
        .ok_or(Problem::NotFound)?;
    let cards = match cards(&app.db, project_id, &teams, &filter, None, now).await {
        Err(Problem::Invalid(errors)) => {
            filter.unknown.extend(errors.into_values());
            Vec::new()
        }
        outcome => outcome?,
    };
    let column = |state: ColumnState| {
        let of_state = cards.iter().filter(|card| card.state == state);
        Ok((
            state,
            of_state
                .map(|card| Rendered::of(&CardHtml::new(card, now)))
                .collect::<Result<_>>()?,
        ))
    };
    Ok(ProjectBoard {
        layout: Layout::new(app, viewer, headers, format!("{} board", project.name), "")
            .await?
            .at("projects"),
        columns: ColumnState::ALL
            .into_iter()
            .map(column)
            .collect::<Result<_>>()?,
        total: cards.len(),
        q: if filter.unknown.is_empty() {
            filter.terms_text()
        } else {
            params.q
        },
        may_edit: teams.iter().any(|access| access.may_edit),
        teams: teams.into_iter().map(|access| access.team).collect(),
        slug: project.slug,
        name: project.name,
        filter,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Keys {
    keys: String,
}

/// `GET /projects/{slug}/cards?keys=…`: those of the tasks that belong on the board, for an open
/// board.
pub(crate) async fn board_cards(
    State(db): State<Pool>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(keys): Query<Keys>,
) -> Result<Response> {
    let (_, project) = team_access::project(&db, &viewer, &slug).await?;
    let teams = team_access::teams(&db, &viewer).await?;
    let keys: Vec<&str> = keys
        .keys
        .split(',')
        .filter(|key| keys::split_key(key).is_some())
        .take(300)
        .collect();
    let now = clock.now();
    let cards = cards(
        &db,
        project,
        &teams,
        &read(&params, &viewer)?,
        Some(&keys),
        now,
    )
    .await?;
    let html: String = cards
        .iter()
        .map(|card| CardHtml::with_column(card, now).to_string())
        .collect();
    Ok(Html(html).into_response())
}

/// Projects span sprints: without a sprint filter the board shows all of them.
fn read(params: &FilterParams, viewer: &Viewer) -> Result<Filter> {
    let mut filter = Filter::parse(params)?.for_reader(&viewer.person.handle);
    if params.sprint.is_empty()
        && filter.sprint == SprintChoice::This
        && !params.q.contains("sprint:")
    {
        filter.sprint = SprintChoice::All;
    }
    Ok(filter)
}

/// The project's tasks that match a filter, in rank order. One or two queries per team.
async fn cards(
    db: &Pool,
    project: Uuid,
    teams: &[TeamAccess],
    filter: &Filter,
    only: Option<&[&str]>,
    now: OffsetDateTime,
) -> Result<Vec<Card>> {
    let ids: Vec<Uuid> = teams.iter().map(|access| access.team.id).collect();
    let tasks =
        queries::tasks_of_project(db, project, &ids, filter.wants_archived(), only, MAX_CARDS)
            .await?;
    let sprints = sprints::queries::sprints_of_teams(db, &ids).await?;
    let mut cards: Vec<Card> = Vec::with_capacity(tasks.len());
    for TeamAccess { team, .. } in teams {
        let of_team: Vec<Uuid> = tasks
            .iter()
            .filter(|(id, _)| *id == team.id)
            .map(|(_, task)| *task)
            .collect();
        let sprints = sprints.get(&team.id).map_or(&[][..], Vec::as_slice);
        let (resolved, _) = sprints::queries::resolve(sprints, filter.sprint)?;
        if !of_team.is_empty() {
            cards.extend(
                tasks::queries::cards(db, team, filter, resolved, now, Some(&of_team)).await?,
            );
        }
    }
    // Ranks order the tasks of one team; between teams the order is arbitrary.
    cards.sort_by(|a, b| match a.rank.cmp(&b.rank) {
        Ordering::Equal => a.key.cmp(&b.key),
        order => order,
    });
    Ok(cards)
}
