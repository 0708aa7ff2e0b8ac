//! A team's flow page, and each chart's numbers as CSV.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::{
            filters::{FilterParams, terms::Filter},
            queries::saved_filters,
        },
        dates::parse_date,
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
        flow::{
            range::{Range, RangeParams},
            report::FlowReport,
        },
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        sprints::{self, Sprint},
        team::Team,
        teams::roster::{Week, load_roster},
    },
    http::{
        layout::Layout,
        page,
        pages::flow::{
            panels::{Panel, panels, span, stats},
            tables::{NAMES, Table},
        },
    },
};

#[derive(Template)]
#[template(path = "flow/flow.html")]
struct FlowPage {
    layout: Layout,
    team: Team,
    /// The sprints that have started, the newest first.
    sprints: Vec<Sprint>,
    params: RangeParams,
    q: String,
    /// The reader's saved filters, by name.
    saved: Vec<(String, String)>,
    unknown: Vec<String>,
    /// The error of the range.
    error: String,
    span: String,
    zone: String,
    stats: Vec<(String, String)>,
    panels: Vec<Panel>,
}

impl FlowPage {
    /// What to do on a page without finished tasks.
    fn empty_hint(&self) -> &'static str {
        if self.q.is_empty() {
            "Once tasks are done, this page shows cycle times, ageing work and blockers. For imported work, choose dates."
        } else {
            "Remove part of the filter to see more."
        }
    }

    /// The query string for this number of sprints, or for the same range if empty.
    fn query(&self, sprints: &str) -> String {
        let RangeParams {
            sprints: same,
            from,
            to,
        } = &self.params;
        match sprints {
            "" => Self::query_string([
                ("sprints", same),
                ("from", from),
                ("to", to),
                ("q", &self.q),
            ]),
            other => {
                Self::query_string([("sprints", other), ("from", ""), ("to", ""), ("q", &self.q)])
            }
        }
    }

    /// The query string for the same range with another filter.
    fn query_with_filter(&self, q: &str) -> String {
        let RangeParams { sprints, from, to } = &self.params;
        Self::query_string([("sprints", sprints), ("from", from), ("to", to), ("q", q)])
    }

    fn query_string(parts: [(&str, &str); 4]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parts.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("?{}", query.finish())
    }

    fn is_selected_range(&self, sprints: &str) -> bool {
        let selected = if self.params.sprints.is_empty() {
            "4"
        } else {
            &self.params.sprints
        };
        self.params.from.is_empty() && self.params.to.is_empty() && selected == sprints
    }

    /// An end of the range, if it is a date.
    fn day<'p>(&self, text: &'p str) -> &'p str {
        if parse_date(text.trim()).is_some() {
            text.trim()
        } else {
            ""
        }
    }

    fn is_selected(&self, number: &str, sprint: &Sprint) -> bool {
        number == sprint.number.to_string()
    }
}

/// The team, its sprints and the filter of a request.
struct FlowQuery {
    team: Team,
    sprints: Vec<Sprint>,
    filter: Filter,
    week: Week,
}

async fn load_flow_query(
    db: &Pool,
    viewer: &Viewer,
    slug: &str,
    params: &FilterParams,
) -> Result<FlowQuery> {
    let TeamAccess { team, .. } = team_access::team(db, viewer, slug).await?;
    let filter = Filter::parse(params)?.for_reader(&viewer.person.handle);
    let sprints = sprints::queries::sprints(db).await?;
    let week = load_roster(db, team.id).await?.week;
    Ok(FlowQuery {
        team,
        sprints,
        filter,
        week,
    })
}

async fn load_report(
    app: &App,
    query: &FlowQuery,
    range: &RangeParams,
) -> Result<Option<FlowReport>> {
    let read = |db: Pool| async move {
        let now = app.clock.now();
        let Some(range) = Range::parse(range, &query.sprints, &query.week.zone, now)? else {
            return Ok(None);
        };
        let mut db = db.acquire().await?;
        FlowReport::read(&mut db, &query.team, range, &query.filter, &query.week, now)
            .await
            .map(Some)
    };
    app.read(read).await
}

/// `GET /teams/{slug}/flow`
pub(crate) async fn flow(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<RangeParams>,
    Query(filter): Query<FilterParams>,
    headers: HeaderMap,
) -> Result<Response> {
    let query = load_flow_query(&app.db, &viewer, &slug, &filter).await?;
    let (report, error) = match load_report(&app, &query, &params).await {
        Ok(report) => (report, String::new()),
        Err(Problem::Invalid(errors)) => (None, errors.into_values().collect::<Vec<_>>().join(" ")),
        Err(problem) => return Err(problem),
    };
    let today = query.week.today(app.clock.now());
    let saved = saved_filters(&app.db, query.team.id, viewer.person.id).await?;
    let shown = report.filter(|report| !report.is_empty());
    let page = FlowPage {
        layout: Layout::new(
            &app,
            &viewer,
            &headers,
            format!("{} flow", query.team.name),
            &query.team.slug,
        )
        .await?
        .at("flow"),
        sprints: query
            .sprints
            .into_iter()
            .filter(|sprint| sprint.starts_on <= today)
            .collect(),
        q: if query.filter.unknown.is_empty() {
            query.filter.terms_text()
        } else {
            filter.q
        },
        // Saved filters without terms are left out: the sprints come from the range.
        saved: saved
            .into_iter()
            .filter_map(|saved_filter| Some((saved_filter.name.clone(), saved_filter.text()?)))
            .collect(),
        unknown: query.filter.unknown,
        span: shown.as_ref().map_or(String::new(), span),
        stats: shown.as_ref().map_or_else(Vec::new, stats),
        panels: shown.as_ref().map_or_else(|| Ok(Vec::new()), panels)?,
        team: query.team,
        zone: query.week.zone,
        params,
        error,
    };
    if page.error.is_empty() {
        page::page(&page)
    } else {
        page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
    }
}

/// `GET /teams/{slug}/flow/{chart}.csv`
pub(crate) async fn chart_csv(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, file)): Path<(String, String)>,
    Query(params): Query<RangeParams>,
    Query(filter): Query<FilterParams>,
) -> Result<Response> {
    let query = load_flow_query(&app.db, &viewer, &slug, &filter).await?;
    let name = file
        .strip_suffix(".csv")
        .filter(|name| NAMES.contains(name))
        .ok_or(Problem::NotFound)?;
    if !query.filter.unknown.is_empty() {
        return Err(Problem::field("q", query.filter.unknown.join(" ")));
    }
    let report = load_report(&app, &query, &params).await?;
    let csv = report
        .and_then(|report| Some(Table::of(&report, name)?.csv()))
        .unwrap_or_default();
    let about = format!("{name}.csv of {{team}}");
    let (actor, team) = (Some(viewer.person.id), Some(query.team.id));
    let line = AuditEntry {
        actor,
        kind: "flow.exported",
        about: &about,
        team,
    };
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
    let named = format!("attachment; filename=\"{}-{name}.csv\"", query.team.slug);
    Ok((
        [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, named),
        ],
        csv,
    )
        .into_response())
}
