//! What an import would do, before it is confirmed: the plan, without writing anything.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{
    boards::Column,
    error::Result,
    events::EventStore,
    import::{
        draft::{Due, ImportRequest},
        fields::columns::Columns,
        plan::{self, Plan, Planned},
        summary::Summary,
    },
    policy::actor::Actor,
    team::Team,
};

/// How many tasks are shown as they would be imported.
const ROWS: usize = 10;

/// What an import would do.
pub(crate) struct Preview {
    pub(crate) summary: Summary,
    /// The first tasks.
    pub(crate) rows: Vec<Row>,
    /// The columns of a table of any tool, and what they stand for.
    pub(crate) columns: Option<Columns>,
}

/// A task as it would be imported.
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) column: String,
    /// Handles of accounts here.
    pub(crate) owners: Vec<String>,
    pub(crate) labels: Vec<String>,
    /// A day as YYYY-MM-DD; empty if there is none.
    pub(crate) due: String,
    /// The number of its steps and comments.
    pub(crate) steps: usize,
    pub(crate) comments: usize,
    pub(crate) is_archived: bool,
}

/// Plans an import to a team, and writes nothing.
///
/// # Errors
/// `Invalid` for an unknown sprint, or a list that cannot become the column that was chosen for it.
pub(crate) async fn preview(
    store: &EventStore,
    team: &Team,
    request: &ImportRequest<'_>,
) -> Result<Preview> {
    store
        .dry_run(&Actor::system(), |change, _| {
            Box::pin(async move {
                let plan = plan::plan(change, team, request).await?;
                Ok(Preview {
                    rows: rows(&plan),
                    summary: plan.summary,
                    columns: request.draft.columns.clone(),
                })
            })
        })
        .await
}

fn rows(plan: &Plan) -> Vec<Row> {
    let columns: HashMap<Uuid, &Column> = plan
        .board
        .columns
        .iter()
        .map(|column| (column.id, column))
        .collect();
    let row = |planned: &Planned| Row {
        title: planned.task.title.clone(),
        column: columns
            .get(&planned.column)
            .map(|column| column.name.clone())
            .unwrap_or_default(),
        owners: planned
            .owners
            .iter()
            .map(|owner| owner.handle.clone())
            .collect(),
        labels: planned.task.labels.clone(),
        due: match planned.task.due {
            Some(Due::Day(day)) => day.to_string(),
            Some(Due::Instant(at)) => at.date().to_string(),
            None => String::new(),
        },
        steps: planned.task.steps.len(),
        comments: planned.task.comments.len(),
        is_archived: planned.task.archived,
    };
    plan.tasks.iter().take(ROWS).map(row).collect()
}
