//! Closing a sprint for a team as JSON, with the same domain functions as the pages.

use std::collections::{BTreeMap, HashMap};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        retro::{
            close::{self, CloseAction, CloseDecisions},
            reopen,
        },
        sprints::{Sprint, queries},
        teams::roster::load_roster,
    },
    http::{
        api::v1::written::done,
        extract::{
            form::JsonBody,
            path::{SprintNumber, TeamContext},
        },
    },
};

/// What becomes of an unfinished task.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TaskDecision {
    /// `carry` moves it to the next sprint, `backlog` to the backlog, and `drop` archives it.
    #[schema(required, example = "carry")]
    outcome: String,
    /// Why it is carried over again; required if it was carried over before.
    #[schema(example = "Waits on Ingestion")]
    why: String,
}

/// What became of a goal.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GoalDecision {
    /// Whether it was met.
    #[schema(required, example = json!(true))]
    met: bool,
    /// Why not.
    #[schema(example = "Two tables are left")]
    why: String,
}

/// The team's decisions about everything that is unfinished.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CloseIn {
    /// What becomes of each unfinished task, by its key.
    #[schema(example = json!({ "INF-42": { "outcome": "carry", "why": "" } }))]
    tasks: BTreeMap<String, TaskDecision>,
    /// What became of each goal, by its id. Goals that are left out were met if their target is reached.
    #[schema(example = json!({ "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57": { "met": true, "why": "" } }))]
    goals: BTreeMap<String, GoalDecision>,
}

impl CloseIn {
    fn decisions(self) -> Result<CloseDecisions> {
        let tasks = self.tasks.into_iter().map(|(key, decision)| {
            let outcome = CloseAction::parse(&decision.outcome).ok_or_else(|| {
                Problem::field("outcome", "Choose carry, backlog or drop for each task.")
            })?;
            Ok((key, (outcome, decision.why)))
        });
        let goals = self.goals.into_iter().map(|(id, decision)| {
            let id: Uuid = id
                .parse()
                .map_err(|_| Problem::field("goals", "Name each goal by its id."))?;
            Ok((id, (decision.met, decision.why)))
        });
        Ok(CloseDecisions {
            tasks: tasks.collect::<Result<HashMap<_, _>>>()?,
            goals: goals.collect::<Result<HashMap<_, _>>>()?,
        })
    }
}

/// Closes a started sprint for a team: its figures are frozen, and each unfinished task goes where the team decides.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/sprints/{number}/close",
    operation_id = "close_sprint",
    tag = "sprints",
    request_body = CloseIn,
    responses(
        (status = 200, description = "The closed sprint", body = Sprint),
        (status = 409, description = "The sprint has not started, is closed, or an unfinished task has no decision"),
        (status = 422, description = "A decision is invalid"),
    ),
)]
pub(crate) async fn close(
    State(app): State<App>,
    at: TeamContext,
    SprintNumber(number): SprintNumber,
    JsonBody(sent): JsonBody<CloseIn>,
) -> Result<Json<Sprint>> {
    let (viewer, team) = at.require_edit()?;
    let sprints = queries::sprints_of(&app.db, team.id).await?;
    let (sprint, next) = queries::to_close(&sprints, number)?;
    let roster = load_roster(&app.db, team.id).await?;
    let decisions = sent.decisions()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(close::close_sprint(
                change, &team, &roster, sprint, next, &decisions,
            ))
        })
        .await;
    done(outcome)?;
    Ok(Json(queries::sprint_of(&app.db, team.id, number).await?))
}

/// Reopens a closed sprint for a team. Tasks stay where they went.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/sprints/{number}/reopen",
    operation_id = "reopen_sprint",
    tag = "sprints",
    responses(
        (status = 200, description = "The sprint", body = Sprint),
        (status = 409, description = "The sprint is not closed, or a later one is"),
    ),
)]
pub(crate) async fn reopen(
    State(app): State<App>,
    at: TeamContext,
    SprintNumber(number): SprintNumber,
) -> Result<Json<Sprint>> {
    let (viewer, team) = at.require_edit()?;
    let sprint = queries::sprint_of(&app.db, team.id, number).await?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(reopen::reopen_sprint(change, &team, &sprint))
        })
        .await;
    done(outcome)?;
    Ok(Json(queries::sprint_of(&app.db, team.id, number).await?))
}
