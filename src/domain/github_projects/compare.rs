//! Compares one item with its task: writes to the task what GitHub has, and returns what GitHub lacks.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    github_projects::{
        AUTHOR,
        connected::ConnectedProject,
        here::TaskHere,
        items::{self, Compared},
        mapping::Mapping,
        merge::{Known, Side, Step, merge},
        remote_items::{Item, Kind, read_date},
        schedule,
        values::{Field, Values},
    },
    team::Team,
};

/// The most labels of a task here. Those of an item with more are left alone.
const MOST_LABELS: usize = 30;

/// What a comparison has found.
pub(super) struct Comparison {
    /// Whether both sides were equal.
    pub(super) was_equal: bool,
    /// What is to be written to GitHub.
    pub(super) to_send: Vec<Field>,
    pub(super) values: Values,
    /// What both have, as long as nothing of that has arrived.
    pub(super) common: Values,
}

/// Compares an item with its task in a transaction.
pub(super) async fn compare(
    change: &mut Change,
    team: &Team,
    project: &ConnectedProject,
    mapping: &Mapping,
    (item, task): (&Item, Uuid),
) -> Result<Comparison> {
    schedule::require_lease(change.db(), project).await?;
    let here = TaskHere::lock(change, team, task, project.connection_id).await?;
    let (common, sent) = items::lock(change.db(), project, task).await?;
    // A draft of ours: whatever GitHub has given it is what it began with.
    let common = match (common, &sent) {
        (None, Some(_)) => Some(Values {
            column: None,
            ..item.values.clone()
        }),
        (common, _) => common,
    };
    let local = here.values(common.as_ref(), mapping);
    let fields = kept(project, item, &local);
    let changed_at = here.changed_at(change, team).await?;
    let later = |field: Field| match (item.changed_at(field), changed_at.get(&field)) {
        (Some(there), Some(here)) if *here > there => Side::Fortnight,
        (None, Some(_)) => Side::Fortnight,
        _ => Side::GitHub,
    };
    let known = Known {
        common: common.as_ref(),
        sent: sent.as_ref(),
    };
    let steps = merge(&fields, known, &item.values, &local, later);
    let recorded = change.recorded();
    let taken = here.apply(change, team, item, &steps, mapping).await?;
    for step in steps.iter().filter(|step| step.overrules) {
        note_overruled(change, team, project, mapping, (item, task), (step, &local));
    }
    for event in change.pending().skip(recorded) {
        let is_own = event.team == team.id && event.task == Some(task);
        if is_own && event.after.is_object() {
            event.after["by"] = json!(AUTHOR);
        }
    }
    // What both have now, and what both will have.
    let mut now = item.values.clone();
    now.fresh.clear();
    now.column = column_now(change, team, task).await?;
    let known = common.clone().unwrap_or_default();
    for field in Field::ALL {
        let step = steps.iter().find(|step| step.field == field);
        let is_taken =
            step.is_none_or(|step| step.from == Side::Fortnight) || taken.contains(&field);
        // What was not compared, or could not be taken over, is compared again later.
        if !is_taken || common.is_some() && !fields.contains(&field) {
            now.take(field, &known);
        }
    }
    let to_send: Vec<Field> = steps
        .iter()
        .filter(|step| step.from == Side::Fortnight)
        .map(|step| step.field)
        .collect();
    let mut later = now.clone();
    for field in &to_send {
        later.take(*field, &local);
        // Until it has arrived, both are only known to have had what they had.
        if let Some(common) = &common {
            now.take(*field, common);
            if common.fresh.contains(field) {
                now.fresh.push(*field);
            }
        }
    }
    let compared = Compared {
        item_id: &item.id,
        url: &item.url,
        changed: &item.changed,
        common: &now,
        sent: (!to_send.is_empty()).then_some(&later),
        problem: "",
    };
    items::store(change.db(), project, task, &compared).await?;
    Ok(Comparison {
        was_equal: steps.is_empty(),
        to_send,
        values: later,
        common: now,
    })
}

/// The fields of an item that can be kept in sync.
fn kept(project: &ConnectedProject, item: &Item, local: &Values) -> Vec<Field> {
    if item.values.is_archived && local.is_archived {
        return Vec::new();
    }
    let ids = &project.field_ids;
    let is_kept = |field: &Field| match field {
        Field::Title | Field::Assignees | Field::Archived => true,
        Field::Status => ids.status.is_some(),
        Field::Sprint => ids.sprint.is_some(),
        Field::Estimate => {
            let fits = |points: f64| (0.0..=1000.0).contains(&points);
            ids.estimate.is_some() && item.values.estimate.is_none_or(fits)
        }
        Field::Due => {
            let day = item.values.due.as_deref();
            ids.due.is_some() && day.is_none_or(|day| read_date(day).is_some())
        }
        Field::Labels => item.kind != Kind::Draft && item.values.labels.len() <= MOST_LABELS,
    };
    Field::ALL.into_iter().filter(is_kept).collect()
}

async fn column_now(change: &mut Change, team: &Team, task: Uuid) -> Result<Option<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT column_id FROM tasks WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(task)
            .fetch_optional(change.db())
            .await?,
    )
}

/// Records which of two changes was the later one, and what the other had set.
fn note_overruled(
    change: &mut Change,
    team: &Team,
    project: &ConnectedProject,
    mapping: &Mapping,
    (item, task): (&Item, Uuid),
    (step, local): (&Step, &Values),
) {
    let words = |values: &Values, side: Side| match step.field {
        Field::Status => status_in_words(project, mapping, values, side),
        field => values.in_words(field),
    };
    let there = words(&item.values, Side::GitHub);
    let here = words(local, Side::Fortnight);
    let (kept, lost, side) = match step.from {
        Side::GitHub => (there, here, "github"),
        Side::Fortnight => (here, there, "fortnight"),
    };
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind: EventKind::GitHubProjectOverruled,
        before: json!({ "value": lost }),
        after: json!({ "value": kept, "field": step.field.name(), "side": side }),
        version: None,
    });
}

fn status_in_words(
    project: &ConnectedProject,
    mapping: &Mapping,
    values: &Values,
    side: Side,
) -> String {
    let id = values.status.as_deref();
    let option = || {
        let field = project.field(project.field_ids.status.as_deref())?;
        field
            .options
            .iter()
            .find(|option| Some(option.id.as_str()) == id)
    };
    let name = match side {
        Side::Fortnight => mapping.column(id).map(|column| &column.name),
        Side::GitHub => option().map(|option| &option.name),
    };
    name.map_or_else(|| "none".to_owned(), |name| format!("“{name}”"))
}
