//! References to the tasks that charts link to.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    boards::filters::{sql::Moment, terms::Filter},
    column_state::ColumnState,
    error::Result,
    team::Team,
};

/// A task as charts name it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct TaskRef {
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) title: String,
    pub(crate) state: ColumnState,
}

/// Returns references to those of these tasks that match a filter now.
pub(crate) async fn task_refs(
    db: &mut PgConnection,
    team: &Team,
    filter: &Filter,
    now: OffsetDateTime,
    tasks: &[Uuid],
) -> Result<HashMap<Uuid, TaskRef>> {
    let mut query = QueryBuilder::new(
        "SELECT k.id, k.number, k.title, c.state FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = ",
    );
    query
        .push_bind(team.id)
        .push(" AND k.id = ANY(")
        .push_bind(tasks)
        .push(")");
    filter.push_terms(
        &mut query,
        team,
        Moment::of(&mut *db, team, filter, now).await?,
    );
    let task_refs: Vec<TaskRef> = query.build_query_as().fetch_all(db).await?;
    Ok(task_refs
        .into_iter()
        .map(|task_ref| (task_ref.id, task_ref))
        .collect())
}
