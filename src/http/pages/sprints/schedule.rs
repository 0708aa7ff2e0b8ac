//! The workspace's sprints and their schedule.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::Date;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        humanize,
        policy::{team_access, viewer::Viewer},
        sprints::{
            Sprint, SprintState,
            cadence::{self, Cadence},
            queries, schedule,
        },
        teams::roster::weekday,
    },
    http::{extract::form::Fields, layout::Layout, page, pages::teams::WEEKDAYS},
};

#[derive(Template)]
#[template(path = "sprints/sprints.html")]
struct SprintsPage {
    layout: Layout,
    sprints: Vec<Sprint>,
    cadence: Cadence,
    may_edit: bool,
    /// The last planned day, if that is long ago.
    planned_until: Option<String>,
    /// The refused form: `cadence`, or a sprint's number.
    refused_form: String,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl SprintsPage {
    fn error(&self, form: &str, field: &str) -> &str {
        if self.refused_form == form {
            self.errors.get(field).map_or("", String::as_str)
        } else {
            ""
        }
    }

    /// The value entered in that form, or the current one.
    fn value(&self, form: &str, field: &str, current: impl ToString) -> String {
        if self.refused_form == form {
            self.submitted.text(field).to_owned()
        } else {
            current.to_string()
        }
    }

    /// The first sprint that can still be rescheduled.
    fn next(&self) -> Option<&Sprint> {
        queries::next(&self.sprints)
    }

    /// The page of a sprint: its retro once it is over, its pitch before.
    fn url(&self, sprint: &Sprint) -> String {
        let over = sprint.state == SprintState::Closed || sprint.state == SprintState::Ended;
        format!(
            "/sprints/{}{}",
            sprint.number,
            if over { "/retro" } else { "" }
        )
    }

    fn weekday(&self, sprint: &Sprint) -> &'static str {
        WEEKDAYS
            .get(usize::try_from(weekday(sprint.starts_on) - 1).unwrap_or(0))
            .copied()
            .unwrap_or("")
    }

    fn weekdays(&self) -> impl Iterator<Item = (String, &'static str)> {
        (1..).map(|n: i16| n.to_string()).zip(WEEKDAYS)
    }
}

/// `GET /sprints`
pub(crate) async fn sprints(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(
        &sprints_page(
            &app,
            &viewer,
            &headers,
            String::new(),
            Fields::default(),
            BTreeMap::new(),
        )
        .await?,
    )
}

async fn sprints_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    refused_form: String,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<SprintsPage> {
    let now = app.clock.now();
    Ok(SprintsPage {
        layout: Layout::new(app, viewer, headers, "Sprints", "")
            .await?
            .at("sprints"),
        sprints: queries::sprints(&app.db).await?,
        cadence: cadence::cadence(&app.db).await?,
        may_edit: team_access::may_edit_workspace(viewer),
        planned_until: cadence::planned_until_if_long_ago(&app.db, now)
            .await?
            .map(|last| humanize::day_from(now, last)),
        refused_form,
        submitted,
        errors,
    })
}

/// `POST /sprints/{n}`: edits a sprint's name and dates.
pub(crate) async fn edit_sprint(
    State(app): State<App>,
    viewer: Viewer,
    Path(number): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let sprint: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let outcome = match (
        required_date(&fields, "starts_on"),
        required_date(&fields, "ends_on"),
    ) {
        (Ok(from), Ok(to)) => {
            let actor = viewer.actor();
            let name = fields.text("name");
            app.store
                .change(&actor, |change, _| {
                    Box::pin(schedule::edit_sprint(change, sprint, name, from, to))
                })
                .await
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    answer(&app, &viewer, &headers, number, fields, outcome.map(|_| ())).await
}

/// `POST /sprints/{n}/skip`
pub(crate) async fn skip_sprint(
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(number): Path<String>,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let (actor, seen) = (viewer.actor(), fields.date("seen")?);
    store
        .change(&actor, |change, _| {
            Box::pin(schedule::skip_sprint(change, number, seen))
        })
        .await?;
    Ok(Redirect::to("/sprints").into_response())
}

/// `POST /sprints/continue`: creates the sprints up to today, however many.
pub(crate) async fn continue_sprints(
    State(store): State<EventStore>,
    viewer: Viewer,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    store
        .change(&viewer.actor(), |change, _| {
            Box::pin(cadence::update_sprints_and_notify(change))
        })
        .await?;
    Ok(Redirect::to("/sprints").into_response())
}

/// `POST /sprints`: changes the sprint schedule.
pub(crate) async fn set_cadence(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let outcome = match read_cadence(&fields) {
        Ok((cadence, number, starts_on)) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(schedule::set_cadence(change, &cadence, number, starts_on))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    answer(
        &app,
        &viewer,
        &headers,
        "cadence".to_owned(),
        fields,
        outcome.map(|_| ()),
    )
    .await
}

async fn answer(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    form: String,
    fields: Fields,
    outcome: Result<()>,
) -> Result<Response> {
    match outcome {
        Ok(()) => Ok(Redirect::to("/sprints").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = sprints_page(app, viewer, headers, form, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

fn read_cadence(fields: &Fields) -> Result<(Cadence, i32, Date)> {
    let whole = "Enter a whole number.";
    let cadence = Cadence {
        weeks: fields.parse("cadence_weeks", whole)?.unwrap_or(2),
        weekday: fields.parse("weekday", whole)?.unwrap_or(1),
        names: fields.text("names").to_owned(),
        zone: fields.text("time_zone").trim().to_owned(),
    };
    let missing = || Problem::field("number", "Enter the next sprint's number.");
    Ok((
        cadence,
        fields.parse("number", whole)?.ok_or_else(missing)?,
        required_date(fields, "starts_on")?,
    ))
}

fn required_date(fields: &Fields, name: &'static str) -> Result<Date> {
    fields
        .date(name)?
        .ok_or_else(|| Problem::field(name, "Enter a date as YYYY-MM-DD."))
}
