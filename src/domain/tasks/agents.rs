//! What agents may not do, although the person that they act for may.

use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    team::Team,
};

/// SQL: the name of an event's author `a`, with the agent that acted for them: `Claude for Elif Hartmann`.
macro_rules! author_name {
    () => {
        "CASE WHEN e.agent IS NULL THEN a.name ELSE e.agent || ' for ' || a.name END"
    };
}
pub(crate) use author_name;

/// The name of a person, with the agent that acted for them.
pub(crate) fn name_with_agent(agent: Option<&str>, person: &str) -> String {
    match agent {
        Some(agent) => format!("{agent} for {person}"),
        None => person.to_owned(),
    }
}

/// Refuses an agent that would close a task, unless the team allows it: a person looks at what it did.
pub(crate) async fn refuse_closing(
    change: &mut Change,
    team: &Team,
    to: ColumnState,
) -> Result<()> {
    if change.agent.is_none() || to != ColumnState::Done || may_close(change, team.id).await? {
        return Ok(());
    }
    Err(Problem::Forbidden(
        format!(
            "Only a person can close a task of {}. Move it to a column with the state `review` and say in a comment what is \
             to be looked at. Nothing was changed.",
            team.name
        )
        .into(),
    ))
}

async fn may_close(change: &mut Change, team: Uuid) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT agents_may_close FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(change.db())
            .await?,
    )
}

/// Sets whether agents may move a team's tasks to Done. Agents cannot allow it to themselves.
pub(crate) async fn set_agents_may_close(
    change: &mut Change,
    team: &Team,
    may_close: bool,
) -> Result<()> {
    if change.agent.is_some() {
        return Err(Problem::Forbidden(
            "Agents cannot change what agents may do. Nothing was changed.".into(),
        ));
    }
    let changed = sqlx::query(
        "UPDATE teams SET agents_may_close = $2 WHERE id = $1 AND agents_may_close <> $2",
    )
    .bind(team.id)
    .bind(may_close)
    .execute(change.db())
    .await?;
    if changed.rows_affected() > 0 {
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::TeamAgentsChanged,
            before: serde_json::json!({ "may_close": !may_close }),
            after: serde_json::json!({ "may_close": may_close }),
            version: None,
        });
    }
    Ok(())
}
