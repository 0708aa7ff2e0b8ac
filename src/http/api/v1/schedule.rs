//! A team's working week and days off as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        accounts::working_hours::{format_minute, parse_time_of_day},
        error::{Problem, Result},
        teams::{
            queries,
            schedule::{self, WeekDraft},
        },
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::{present, value},
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{Day, TeamContext},
        },
    },
};

/// A team's working week.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WeekResponse {
    /// The IANA time zone; null for the workspace's.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// The working days, from 1 (Monday) to 7.
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    working_days: Vec<i16>,
    /// The days with a standup, from 1 (Monday) to 7.
    #[schema(example = json!([1, 3, 5]))]
    standup_days: Vec<i16>,
    /// The time of the standup.
    #[schema(example = "10:00")]
    standup_at: String,
}

impl From<WeekDraft> for WeekResponse {
    fn from(week: WeekDraft) -> Self {
        Self {
            time_zone: week.zone,
            working_days: week.working_days,
            standup_days: week.standup_days,
            standup_at: format_minute(week.standup_at),
        }
    }
}

/// The fields of a working week to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeekPatch {
    /// The IANA time zone; `null` for the workspace's.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    time_zone: Option<Option<String>>,
    /// The working days, from 1 (Monday) to 7.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    working_days: Option<Vec<i16>>,
    /// The days with a standup, from 1 (Monday) to 7.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!([1, 3, 5]))]
    standup_days: Option<Vec<i16>>,
    /// The time of the standup, such as 10:00.
    #[serde(deserialize_with = "value")]
    #[schema(example = "10:00")]
    standup_at: Option<String>,
}

/// Returns a team's working week.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/schedule",
    operation_id = "get_schedule",
    tag = "teams",
    responses((status = 200, description = "The working week", body = WeekResponse)),
)]
pub(crate) async fn get(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
) -> Result<Json<WeekResponse>> {
    Ok(Json(schedule::week(&db, access.team.id).await?.into()))
}

/// Edits a team's working week. Only leads may.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/schedule",
    operation_id = "edit_schedule",
    tag = "teams",
    request_body = WeekPatch,
    responses(
        (status = 200, description = "The working week", body = WeekResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<WeekPatch>,
) -> Result<Json<WeekResponse>> {
    let (viewer, team) = at.require_lead()?;
    let current = schedule::week(&app.db, team.id).await?;
    let days = |days: Option<Vec<i16>>, current: Vec<i16>| {
        let mut days = days.unwrap_or(current);
        days.sort_unstable();
        days.dedup();
        days
    };
    let wrong = || Problem::field("standup_at", "Enter a time such as 10:00.");
    let week = WeekDraft {
        zone: sent.time_zone.unwrap_or(current.zone),
        working_days: days(sent.working_days, current.working_days),
        standup_days: days(sent.standup_days, current.standup_days),
        standup_at: match sent.standup_at {
            Some(text) => parse_time_of_day(&text)
                .filter(|minute| *minute < 1440)
                .ok_or_else(wrong)?,
            None => current.standup_at,
        },
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(schedule::set_week(change, &team, &week))
        })
        .await;
    done(outcome)?;
    Ok(Json(schedule::week(&app.db, team.id).await?.into()))
}

/// A day on which a team does not work.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DayOffResponse {
    /// The day.
    #[schema(example = "2026-12-24")]
    day: String,
    /// What it is called.
    #[schema(example = "Christmas Eve")]
    name: String,
}

/// A day off.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DayOffIn {
    /// What the day is called.
    #[schema(required, example = "Christmas Eve")]
    name: String,
}

/// Returns a team's days off, in order.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/days-off",
    operation_id = "list_days_off",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The days, in order", body = Page<DayOffResponse>)),
)]
pub(crate) async fn days_off(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DayOffResponse>>> {
    let days = queries::days_off(&db, access.team.id).await?;
    let page = paging.cut(days, |(day, _)| day.to_string())?;
    Ok(Json(page.map(|(day, name)| DayOffResponse {
        day: day.to_string(),
        name,
    })))
}

/// Adds a day off. Only leads may.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/days-off/{day}",
    operation_id = "set_day_off",
    tag = "teams",
    request_body = DayOffIn,
    responses(
        (status = 204, description = "The team does not work on that day"),
        (status = 422, description = "The name is missing"),
    ),
)]
pub(crate) async fn add_day_off(
    State(app): State<App>,
    at: TeamContext,
    Day(day): Day,
    JsonBody(sent): JsonBody<DayOffIn>,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(schedule::add_day_off(change, &team, day, &sent.name))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a day off. Only leads may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/days-off/{day}",
    operation_id = "delete_day_off",
    tag = "teams",
    responses((status = 204, description = "The day is no day off")),
)]
pub(crate) async fn remove_day_off(
    State(app): State<App>,
    at: TeamContext,
    Day(day): Day,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(schedule::remove_day_off(change, &team, day))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
