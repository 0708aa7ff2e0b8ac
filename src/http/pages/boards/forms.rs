//! Saved filters and WIP limits of a board.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::{
            Column,
            filters::{FilterParams, terms::Filter},
            queries, saved_filters, wip_limits,
        },
        error::{Problem, Result},
        events::EventStore,
        policy::{team_access, viewer::Viewer},
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page::{self, fragment},
    },
};

/// `POST /teams/{slug}/filters`: saves the filter under a name.
pub(crate) async fn save_filter(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug).await?;
    let for_team = fields.get("for") == Some("team");
    let access = if for_team {
        access.require_edit()?
    } else {
        access
    };
    if !viewer.may_write() {
        return Err(Problem::Forbidden(
            "This account is read-only. Nothing was saved.".into(),
        ));
    }
    let params = FilterParams {
        sprint: fields.text("sprint").to_owned(),
        q: fields.text("q").to_owned(),
        lanes: fields.text("lanes").to_owned(),
        ..FilterParams::default()
    };
    let team = access.team;
    store
        .change(&viewer.actor(), |change, _| {
            Box::pin(saved_filters::save_filter(
                change,
                &team,
                fields.text("name"),
                &params,
                for_team,
            ))
        })
        .await?;
    Ok(Redirect::to(&format!(
        "/teams/{slug}{}",
        Filter::parse(&params)?.query_string(params.known_lanes())
    ))
    .into_response())
}

/// `POST /teams/{slug}/filters/{id}/delete`
pub(crate) async fn delete_filter(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, filter)): Path<(String, String)>,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (team, may_edit, filter) = (access.team, access.may_edit, id(&filter)?);
    store
        .change(&viewer.actor(), |change, _| {
            Box::pin(saved_filters::delete_filter(
                change, &team, filter, may_edit,
            ))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}")).into_response())
}

#[derive(Template)]
#[template(path = "boards/limit.html")]
struct LimitPage {
    layout: Layout,
    form: LimitForm,
}

#[derive(Template)]
#[template(path = "boards/_limit.html")]
struct LimitForm {
    team: Team,
    column: Column,
    value: String,
    error: String,
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for LimitForm {}

/// `GET /teams/{slug}/columns/{column}/limit`
pub(crate) async fn limit_form(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    limit_page(&app, &viewer, &headers, team, &column, None).await
}

async fn limit_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    column: &str,
    rejected: Option<(String, String)>,
) -> Result<Response> {
    let column = queries::columns(&app.db, team.id)
        .await?
        .into_iter()
        .find(|candidate| candidate.slug == column);
    let column = column.ok_or(Problem::NotFound)?;
    let failed = rejected.is_some();
    let (value, error) = rejected.unwrap_or((
        column
            .wip_limit
            .map_or(String::new(), |limit| limit.to_string()),
        String::new(),
    ));
    let slug = team.slug.clone();
    let form = LimitForm {
        team,
        column,
        value,
        error,
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if fragment(headers).is_some() {
        return if failed {
            page::with_errors(status, &form)
        } else {
            page::page(&form)
        };
    }
    let page = LimitPage {
        layout: Layout::new(app, viewer, headers, "Limit", &slug).await?,
        form,
    };
    if failed {
        page::with_errors(status, &page)
    } else {
        page::page(&page)
    }
}

/// `POST /teams/{slug}/columns/{column}/limit`
pub(crate) async fn set_limit(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let outcome = match fields.parse("wip_limit", "Enter a limit from 1 to 999.") {
        Ok(limit) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(wip_limits::set_limit(change, &team, &column, limit))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) if fragment(&headers).is_some() => {
            let mut response = StatusCode::OK.into_response();
            response
                .headers_mut()
                .insert("fortnight-done", HeaderValue::from_static("1"));
            Ok(response)
        }
        Ok(_) => Ok(Redirect::to(&format!("/teams/{}", team.slug)).into_response()),
        Err(Problem::Invalid(errors)) => {
            let message = errors.into_values().collect::<Vec<_>>().join(" ");
            limit_page(
                &app,
                &viewer,
                &headers,
                team,
                &column,
                Some((fields.text("wip_limit").to_owned(), message)),
            )
            .await
        }
        Err(problem) => Err(problem),
    }
}
