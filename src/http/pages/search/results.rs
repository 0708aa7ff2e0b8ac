//! `GET /search`: the results as a page, or as the list of the palette.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;

use super::commands::{Command, find_commands};
use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::viewer::Viewer,
        search::{
            Passage, Terms, excerpt, highlight, load_terms,
            names::{FoundName, Kind, search_names},
            tasks::{FoundTask, Source, TaskFilter, find_by_key, search_tasks},
        },
        team::Team,
    },
    http::{layout::Layout, page},
};

/// Tasks on a page of results, and in the palette.
const PAGE: i64 = 30;
const PALETTE: i64 = 8;

/// Results of other kinds on the page, and in the palette, of each kind.
const NAMES_ON_PAGE: i64 = 20;
const NAMES_IN_PALETTE: i64 = 4;

/// No page begins after this task: the search reads no more than the best.
const LAST_OFFSET: i64 = 570;

/// What the URL asks for. Unknown values of `only` and a negative `from` are those of the plain page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SearchQuery {
    q: String,
    /// The slug of a team to limit the results to; in the palette, of the page that it is open on.
    team: String,
    /// `open`: tasks that are neither done nor archived.
    only: String,
    /// How many tasks to leave out.
    from: i64,
}

#[derive(Template)]
#[template(path = "search/results.html")]
struct Results {
    layout: Layout,
    q: String,
    /// The slug of the team that the results are limited to.
    team: String,
    is_open: bool,
    found: Found,
    /// The URLs of the previous and the next page.
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "search/palette.html")]
struct Palette {
    q: String,
    found: Found,
    commands: Vec<Command>,
    /// The slug of the team whose page is open.
    team: String,
}

impl Results {
    fn encoded(&self) -> String {
        encoded(&self.q)
    }
}

impl Palette {
    fn encoded(&self) -> String {
        encoded(&self.q)
    }
}

/// A text as a value in a URL.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Everything that was found.
#[derive(Default)]
struct Found {
    terms: Terms,
    /// The task whose key was typed, then the best of the others.
    tasks: Vec<FoundTask>,
    names: Vec<FoundName>,
}

impl Found {
    fn marked(&self, text: &str) -> Vec<Passage> {
        highlight(text, &self.terms)
    }

    fn excerpt(&self, task: &FoundTask) -> Vec<Passage> {
        excerpt(&task.text, &self.terms)
    }

    /// Goals, projects and milestones.
    fn work(&self) -> Vec<&FoundName> {
        self.of(&[Kind::Goal, Kind::Project, Kind::Milestone])
    }

    fn people_and_teams(&self) -> Vec<&FoundName> {
        self.of(&[Kind::Team, Kind::Person])
    }

    /// What the board can be filtered by.
    fn filters(&self) -> Vec<&FoundName> {
        self.of(&[Kind::Label, Kind::SavedFilter])
    }

    fn of(&self, kinds: &[Kind]) -> Vec<&FoundName> {
        let is_of = |name: &&FoundName| kinds.contains(&name.kind);
        self.names.iter().filter(is_of).collect()
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.names.is_empty()
    }
}

impl FoundName {
    /// Its page.
    fn url(&self) -> String {
        let Self { slug, id, .. } = self;
        match self.kind {
            Kind::Goal => format!("/teams/{slug}/goals/{id}"),
            Kind::Project => format!("/projects/{slug}"),
            Kind::Milestone => format!("/projects/{slug}#milestones"),
            Kind::Team => format!("/teams/{slug}"),
            Kind::Person => format!("/people/{slug}"),
            Kind::Label => {
                let filter = encoded(&format!("label:{id}"));
                format!("/teams/{slug}?sprint=all&q={filter}")
            }
            Kind::SavedFilter => format!("/teams/{slug}{id}"),
        }
    }
}

/// `GET /search?q=…&team=…&only=open`
pub(crate) async fn search(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Query(query): Query<SearchQuery>,
) -> Result<Response> {
    let layout = Layout::new(&app, &viewer, &headers, "Search", "").await?;
    if page::fragment(&headers) == Some("palette") {
        return palette(&app, &viewer, layout, query).await;
    }
    let team = named_team(&layout, &query.team)?;
    let from = query.from.clamp(0, LAST_OFFSET);
    let is_open = query.only == "open";
    let filter = TaskFilter {
        team: team.map(|team| team.id),
        is_open,
        offset: from,
        limit: PAGE + 1,
    };
    let mut found = find(&app, &viewer, &query.q, filter, None, NAMES_ON_PAGE).await?;
    if from > 0 {
        found.names.clear();
    }
    let has_more = found.tasks.len() > PAGE as usize;
    found.tasks.truncate(PAGE as usize);
    let team = team.map_or(String::new(), |team| team.slug.clone());
    let page_from = |from: i64| {
        let mut url = form_urlencoded::Serializer::new("/search?".to_owned());
        url.append_pair("q", &query.q).append_pair("team", &team);
        if is_open {
            url.append_pair("only", "open");
        }
        url.append_pair("from", &from.to_string()).finish()
    };
    page::page(&Results {
        newer: (from > 0).then(|| page_from((from - PAGE).max(0))),
        older: (has_more && from < LAST_OFFSET).then(|| page_from(from + PAGE)),
        layout,
        team,
        is_open,
        found,
        q: query.q,
    })
}

async fn palette(
    app: &App,
    viewer: &Viewer,
    layout: Layout,
    query: SearchQuery,
) -> Result<Response> {
    let page_team = named_team(&layout, &query.team)?.map(|team| team.id);
    let filter = TaskFilter {
        limit: PALETTE,
        ..TaskFilter::default()
    };
    let found = find(app, viewer, &query.q, filter, page_team, NAMES_IN_PALETTE).await?;
    let layout = Layout {
        team: query.team.clone(),
        ..layout
    };
    page::page(&Palette {
        commands: find_commands(&layout, &query.q),
        found,
        q: query.q.trim().to_owned(),
        team: query.team,
    })
}

/// The team with this slug; `None` for an empty one.
fn named_team<'a>(layout: &'a Layout, slug: &str) -> Result<Option<&'a Team>> {
    if slug.is_empty() {
        return Ok(None);
    }
    let team = layout.teams.iter().find(|team| team.slug == slug);
    team.map(Some).ok_or(Problem::NotFound)
}

async fn find(
    app: &App,
    viewer: &Viewer,
    typed: &str,
    filter: TaskFilter,
    page_team: Option<uuid::Uuid>,
    names: i64,
) -> Result<Found> {
    let terms = load_terms(&app.db, typed).await?;
    let (by_key, tasks, names) = tokio::try_join!(
        find_by_key(&app.db, viewer, &terms.typed),
        search_tasks(&app.db, viewer, &terms, filter, app.clock.now()),
        search_names(&app.db, viewer, &terms, filter.team, page_team, names),
    )?;
    Ok(Found {
        terms,
        tasks: with_key_first(tasks, by_key, filter),
        names,
    })
}

/// The tasks that a text finds: the one whose key it is, then the best of the others.
pub(crate) async fn find_tasks(
    app: &App,
    viewer: &Viewer,
    typed: &str,
    filter: TaskFilter,
) -> Result<Vec<FoundTask>> {
    let terms = load_terms(&app.db, typed).await?;
    let (by_key, tasks) = tokio::try_join!(
        find_by_key(&app.db, viewer, &terms.typed),
        search_tasks(&app.db, viewer, &terms, filter, app.clock.now()),
    )?;
    Ok(with_key_first(tasks, by_key, filter))
}

fn with_key_first(
    mut tasks: Vec<FoundTask>,
    by_key: Option<FoundTask>,
    filter: TaskFilter,
) -> Vec<FoundTask> {
    if let Some(task) = by_key {
        tasks.retain(|other| other.key != task.key);
        if filter.offset == 0 {
            tasks.insert(0, task);
            if tasks.len() > filter.limit as usize {
                tasks.pop();
            }
        }
    }
    tasks
}
