//! The events of imported tasks: past ones with their original time, and then one `task.imported`
//! per task, from which its state can be replayed.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    events::{Change, Event, EventKind},
    import::{
        draft::ExternalUser,
        execute::{
            passages::{Passage, Spot, What, transition},
            rows::Row,
        },
        plan::{Plan, Planned},
    },
    team::Team,
};

/// Records the past events of these tasks in order, and then the import of each.
pub(crate) fn record(
    change: &mut Change,
    team: &Team,
    plan: &Plan<'_>,
    tasks: &[&Planned<'_>],
    rows: &[Row<'_>],
    from: &'static str,
) {
    let mut past: Vec<(OffsetDateTime, Option<Uuid>, Event, Option<String>)> = Vec::new();
    for (planned, row) in tasks.iter().zip(rows) {
        for (index, passage) in row.passages.iter().enumerate() {
            let by = passage.by.and_then(|by| plan.people.find(by));
            let account = by.map(|account| account.id);
            let event = past_event(team, planned, row, passage, account.is_some());
            past.push((passage.at, account, event, transition(&row.passages, index)));
        }
    }
    past.sort_by_key(|(at, ..)| *at);
    for (at, actor, event, transition) in past {
        change.record_imported(event, at, actor, transition);
    }
    for (planned, row) in tasks.iter().zip(rows) {
        let archived = if row.archived_at.is_some() {
            " archived"
        } else {
            ""
        };
        let transition = format!("imported {}{archived}", planned.state);
        let event = imported(team, plan, planned, row, from);
        change.record_imported(event, plan.now, None, Some(transition));
    }
}

/// Converts one past event.
fn past_event(
    team: &Team,
    planned: &Planned<'_>,
    row: &Row<'_>,
    passage: &Passage<'_>,
    has_account: bool,
) -> Event {
    let json_of = |spot: Spot| json!({ "column": spot.column, "state": spot.state });
    let (kind, before, mut after) = match passage.what {
        What::Made(to) => {
            let mut after = json_of(to);
            after["title"] = json!(planned.task.title);
            (EventKind::TaskCreated, json!({}), after)
        }
        What::Moved(from, to) => (EventKind::TaskMoved, json_of(from), json_of(to)),
        What::Archived => (
            EventKind::TaskArchived,
            json!({ "archived": false }),
            json!({ "archived": true }),
        ),
        What::Restored(to) => {
            let mut after = to.map_or_else(|| json!({}), json_of);
            after["archived"] = json!(false);
            (EventKind::TaskRestored, json!({ "archived": true }), after)
        }
    };
    if !has_account {
        let name = passage.by.map(ExternalUser::called);
        after["by"] = json!(name.filter(|name| !name.is_empty()).unwrap_or("Someone"));
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

fn imported(
    team: &Team,
    plan: &Plan<'_>,
    planned: &Planned<'_>,
    row: &Row<'_>,
    from: &'static str,
) -> Event {
    let columns = &plan.board.columns;
    let column = columns.iter().find(|column| column.id == planned.column);
    let owners: Vec<&str> = planned
        .owners
        .iter()
        .map(|owner| owner.handle.as_str())
        .collect();
    let after: Value = json!({
        "from": from, "by": "An import", "title": planned.task.title, "column": column.map(|column| &column.slug),
        "state": planned.state, "rank": row.rank, "archived": row.archived_at.is_some(), "sprint": planned.sprint,
        "owners": owners, "labels": planned.task.labels,
    });
    Event {
        team: team.id,
        task: Some(row.id),
        kind: EventKind::TaskImported,
        before: json!({}),
        after,
        version: Some(1),
    }
}
