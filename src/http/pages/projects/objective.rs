//! Forms of a team's objectives and key results, which are on the team's about page.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        measure::Measure,
        policy::{team_access, viewer::Viewer},
        projects::{
            objectives::{self, ResultDraft},
            queries, read_target,
        },
    },
    http::extract::form::{Fields, id},
};

/// `POST /teams/{slug}/objectives`
pub(crate) async fn add_objective(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (actor, quarter, title, why) = (
        viewer.actor(),
        fields.text("quarter"),
        fields.text("title"),
        fields.text("why"),
    );
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::add_objective(
                change, &team, quarter, title, why,
            ))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/objectives/{id}`
pub(crate) async fn edit_objective(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, objective)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (actor, objective) = (viewer.actor(), id(&objective)?);
    let (title, why) = (fields.text("title"), fields.text("why"));
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::edit_objective(
                change, &team, objective, title, why,
            ))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/objectives/{id}/remove`
pub(crate) async fn remove_objective(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, objective)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (actor, objective) = (viewer.actor(), id(&objective)?);
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::remove_objective(change, &team, objective))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/objectives/{id}/key-results`
pub(crate) async fn add_key_result(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, objective)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let measure = Measure::try_from(fields.get("measure").unwrap_or("count").to_owned())?;
    let draft = ResultDraft {
        title: fields.text("title").to_owned(),
        measure,
        unit: fields.text("unit").to_owned(),
        target: read_target(measure, fields.text("target"))?,
    };
    let (actor, objective) = (viewer.actor(), id(&objective)?);
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::add_key_result(change, &team, objective, &draft))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/key-results/{id}`
pub(crate) async fn edit_key_result(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, result)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (actor, result) = (viewer.actor(), id(&result)?);
    let measure = queries::measure_of_key_result(&db, team.id, result).await?;
    let target = read_target(measure, fields.text("target"))?;
    let (title, unit) = (fields.text("title"), fields.text("unit"));
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::edit_key_result(
                change, &team, result, title, unit, target,
            ))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/key-results/{id}/progress`: sets the value; an empty one returns to the sum
/// of its contributions.
pub(crate) async fn enter_key_result(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, result)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let manual_value: Option<i64> =
        fields.parse("manual_value", "Enter a whole number of 0 or more.")?;
    if manual_value.is_some_and(|manual_value| manual_value < 0) {
        return Err(Problem::field(
            "manual_value",
            "Enter a whole number of 0 or more.",
        ));
    }
    let (actor, result) = (viewer.actor(), id(&result)?);
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::set_progress(
                change,
                &team,
                result,
                manual_value,
            ))
        })
        .await?;
    Ok(back(&slug))
}

/// `POST /teams/{slug}/key-results/{id}/remove`
pub(crate) async fn remove_key_result(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, result)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (actor, result) = (viewer.actor(), id(&result)?);
    store
        .change(&actor, |change, _| {
            Box::pin(objectives::remove_key_result(change, &team, result))
        })
        .await?;
    Ok(back(&slug))
}

fn back(slug: &str) -> Response {
    Redirect::to(&format!("/teams/{slug}/about#objectives")).into_response()
}
