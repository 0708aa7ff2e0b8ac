//! Writes the events of an import: past events with their original time, and then one import event
//! per task.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    import::{
        draft::{Draft, HistoryAction, ListRef, Past},
        execute::rows::Row,
        plan::{Plan, Planned},
    },
    team::Team,
    teams::membership::COMMAND_LINE,
    workspace_seq::bump_workspace_seq,
};

/// Creates the planned columns and records them for the team.
pub(crate) async fn add_columns(change: &mut Change, team: &Team, plan: &Plan<'_>) -> Result<()> {
    let new: Vec<_> = plan
        .columns
        .iter()
        .filter(|column| plan.new_columns.contains(&column.id))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO columns (team_id, id, slug, name, state, position)
         SELECT $1, c.id, c.slug, c.name, c.state, (SELECT max(position) FROM columns WHERE team_id = $1) + c.nth
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS c (id, slug, name, state, nth)",
    )
    .bind(team.id)
    .bind(new.iter().map(|column| column.id).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.slug.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.state.as_str()).collect::<Vec<_>>())
    .execute(change.db())
    .await?;
    bump_workspace_seq(change.db()).await?;
    // The constraint is checked at the end of the statement, so positions may collide while it
    // runs.
    sqlx::query(
        "UPDATE columns SET position = c.nth FROM unnest($2::uuid[]) WITH ORDINALITY AS c (id, nth)
         WHERE columns.team_id = $1 AND columns.id = c.id",
    )
    .bind(team.id)
    .bind(
        plan.columns
            .iter()
            .map(|column| column.id)
            .collect::<Vec<_>>(),
    )
    .execute(change.db())
    .await?;
    let columns: Vec<Value> = (1..)
        .zip(&plan.columns)
        .filter(|(_, column)| plan.new_columns.contains(&column.id))
        .map(|(position, column)| {
            json!({ "column": column.slug, "name": column.name, "state": column.state, "position": position })
        })
        .collect();
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::ColumnAdded,
        before: json!({}),
        after: json!({ "columns": columns, "by": COMMAND_LINE }),
        version: None,
    });
    Ok(())
}

/// Records the past events in order, and then one `task.imported` per task, from which its state
/// can be replayed.
pub(crate) fn record(
    change: &mut Change,
    team: &Team,
    plan: &Plan<'_>,
    rows: &[Row],
    draft: &Draft,
) {
    let mut past: Vec<(OffsetDateTime, Option<Uuid>, Event)> = Vec::new();
    for (planned, row) in plan.tasks.iter().zip(rows) {
        let mut current_list = None;
        for action in &planned.task.past {
            if let HistoryAction::Made(to) | HistoryAction::Moved(_, to) = &action.what {
                current_list = Some(to);
            }
            let account = plan.people.find(&action.by).map(|account| account.id);
            past.push((
                action.at.min(plan.now),
                account,
                past_event(team, plan, planned, row, (action, current_list), draft),
            ));
        }
    }
    past.sort_by_key(|(at, ..)| *at);
    for (at, actor, event) in past {
        change.record_anonymous(event, at, actor);
    }
    for (planned, row) in plan.tasks.iter().zip(rows) {
        change.record(imported(team, plan, planned, row, draft));
    }
}

/// Converts one past event, given the list that the task was in after it.
fn past_event(
    team: &Team,
    plan: &Plan<'_>,
    planned: &Planned<'_>,
    row: &Row,
    (action, current_list): (&Past, Option<&ListRef>),
    draft: &Draft,
) -> Event {
    let (kind, before, mut after) = match &action.what {
        HistoryAction::Made(to) => {
            let mut after = spot(plan, draft, to);
            after["title"] = json!(planned.task.title);
            (EventKind::TaskCreated, json!({}), after)
        }
        HistoryAction::Moved(from, to) => (
            EventKind::TaskMoved,
            spot(plan, draft, from),
            spot(plan, draft, to),
        ),
        HistoryAction::Archived => (
            EventKind::TaskArchived,
            json!({ "archived": false }),
            json!({ "archived": true }),
        ),
        HistoryAction::Restored => {
            let mut after = current_list.map_or_else(|| json!({}), |list| spot(plan, draft, list));
            after["archived"] = json!(false);
            (EventKind::TaskRestored, json!({ "archived": true }), after)
        }
    };
    if plan.people.find(&action.by).is_none() {
        after["by"] = json!(
            Some(action.by.called())
                .filter(|name| !name.is_empty())
                .unwrap_or("Someone")
        );
    }
    Event {
        team: team.id,
        task: Some(row.id),
        kind,
        before,
        after,
        version: None,
    }
}

/// The column that a list has become; a list that no longer exists keeps its name, and the state
/// guessed from it.
fn spot(plan: &Plan<'_>, draft: &Draft, spot: &ListRef) -> Value {
    let (name, state, id) = match spot {
        ListRef::List(index) => match draft.lists.get(*index) {
            Some(list) => (
                list.name.as_str(),
                list.state,
                plan.of_list.get(*index).copied().flatten(),
            ),
            None => ("", None, None),
        },
        ListRef::Gone(name) => (name.as_str(), None, None),
    };
    match plan.columns.iter().find(|column| Some(column.id) == id) {
        Some(column) => json!({ "column": column.slug, "state": column.state }),
        None => {
            json!({ "column": name, "state": state.unwrap_or_else(|| crate::domain::import::board::guessed(name)) })
        }
    }
}

fn imported(
    team: &Team,
    plan: &Plan<'_>,
    planned: &Planned<'_>,
    row: &Row,
    draft: &Draft,
) -> Event {
    let column = plan
        .columns
        .iter()
        .find(|column| column.id == planned.column);
    let owners: Vec<&str> = planned
        .owners
        .iter()
        .map(|owner| owner.handle.as_str())
        .collect();
    Event {
        team: team.id,
        task: Some(row.id),
        kind: EventKind::TaskImported,
        before: json!({}),
        after: json!({
            "from": draft.from, "by": "An import", "title": planned.task.title,
            "column": column.map(|column| &column.slug), "state": column.map(|column| column.state),
            "rank": row.rank, "archived": row.archived_at.is_some(), "sprint": row.sprint,
            "owners": owners, "labels": planned.task.labels,
        }),
        version: Some(1),
    }
}
