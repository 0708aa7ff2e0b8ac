//! Requests of other teams, and their concerns about a team's goals.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        checkin::requests::{self, Draft, Outcome, Request},
        error::{Problem, Result},
        events::EventStore,
        goals::comments::{self, OpenConcern},
        humanize,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
    },
};

#[derive(Template)]
#[template(path = "checkin/requests.html")]
struct IntakePage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    may_comment: bool,
    requests: Vec<Request>,
    concerns: Vec<OpenConcern>,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
    now: OffsetDateTime,
}

impl IntakePage {
    fn open(&self) -> impl Iterator<Item = &Request> {
        self.requests
            .iter()
            .filter(|request| request.outcome.is_none())
    }

    fn settled(&self) -> impl Iterator<Item = &Request> {
        self.requests
            .iter()
            .filter(|request| request.outcome.is_some())
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The entered reply to a request.
    fn submitted_answer(&self, request: &Uuid) -> &str {
        if self.submitted.text("request") == request.to_string() {
            self.submitted.text("answer")
        } else {
            ""
        }
    }

    fn is_refused(&self, request: &Uuid) -> bool {
        self.errors.contains_key("answer") && self.submitted.text("request") == request.to_string()
    }

    fn day(&self, day: &time::Date) -> String {
        humanize::day(*day)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }
}

/// `GET /teams/{slug}/requests`
pub(crate) async fn list_requests(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    page::page(
        &intake_page(
            &app,
            &viewer,
            &headers,
            access,
            Fields::default(),
            BTreeMap::new(),
        )
        .await?,
    )
}

async fn intake_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: TeamAccess,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<IntakePage> {
    let team = access.team;
    let layout = Layout::new(
        app,
        viewer,
        headers,
        format!("Requests to {}", team.name),
        &team.slug,
    )
    .await?;
    Ok(IntakePage {
        layout: layout.at("planning"),
        requests: requests::requests_to(&app.db, team.id, viewer.person.id).await?,
        concerns: comments::open_concerns(&app.db, team.id).await?,
        may_edit: access.may_edit,
        may_comment: access.may_comment && !access.is_member,
        now: app.clock.now(),
        team,
        submitted,
        errors,
    })
}

/// `POST /teams/{slug}/requests`: makes a request to another team.
pub(crate) async fn create_request(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_comment()?;
    let outcome = match fields.date("by") {
        Ok(by) => {
            let (actor, team) = (viewer.actor(), &access.team);
            let draft = Draft {
                title: fields.text("title"),
                why: fields.text("why"),
                by,
            };
            app.store
                .change(&actor, |change, _| {
                    Box::pin(requests::ask(change, team, &draft))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to(&format!("/?sent={slug}#requests")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = intake_page(&app, &viewer, &headers, access, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/requests/{id}/withdraw`
pub(crate) async fn withdraw_request(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, request)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?
        .team;
    let (actor, request) = (viewer.actor(), id(&request)?);
    store
        .change(&actor, |change, _| {
            Box::pin(requests::withdraw(change, &team, request))
        })
        .await?;
    Ok(Redirect::to("/#requests").into_response())
}

/// `POST /teams/{slug}/requests/{id}`: `outcome` is `taken`, `answered` or `declined`.
pub(crate) async fn answer_request(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, request)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?;
    let request = id(&request)?;
    let outcome = Outcome::try_from(fields.text("outcome").to_owned())
        .map_err(|_| Problem::field("outcome", "Accept, answer or decline the request."))?;
    let (actor, team, answer) = (viewer.actor(), &access.team, fields.text("answer"));
    let settled = app
        .store
        .change(&actor, |change, _| {
            Box::pin(requests::resolve(change, team, request, outcome, answer))
        })
        .await;
    match settled {
        Ok(settled) => Ok(Redirect::to(&match settled.value {
            Some(number) => format!("/tasks/{}-{number}", access.team.key),
            None => format!("/teams/{slug}/requests"),
        })
        .into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = intake_page(&app, &viewer, &headers, access, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
