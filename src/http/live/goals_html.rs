//! The goals of the current sprint, rendered for the stream.

use askama::Template;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        goals::{self, Goal},
        sprints::queries::{current, sprints_of},
        team::Team,
        teams::roster::load_roster,
    },
};

#[derive(Template)]
#[template(path = "boards/_goal.html")]
struct GoalHtml<'g> {
    goal: &'g Goal,
}

/// The goals of a team's current sprint, each rendered as in the board's header.
pub(crate) async fn goals_html(
    db: &Pool,
    team: &Team,
    now: OffsetDateTime,
) -> Result<Vec<(Uuid, String)>> {
    let sprints = sprints_of(db, team.id).await?;
    let Some(sprint) = current(&sprints) else {
        return Ok(Vec::new());
    };
    let goals = goals::goals(db, team, sprint, &load_roster(db, team.id).await?, now).await?;
    Ok(goals
        .iter()
        .map(|goal| (goal.id, GoalHtml { goal }.to_string()))
        .collect())
}
