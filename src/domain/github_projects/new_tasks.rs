//! Tasks for items that have none.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    github_projects::{
        AUTHOR,
        connected::ConnectedProject,
        here::{FoundSprint, sprint, whole_points},
        items::{self, Compared},
        mapping::Mapping,
        preview::{source, sources},
        remote_items::{Item, read_date},
        values::{Field, Values},
    },
    import::sanitize,
    tasks::create::{NewTask, create_task},
    team::Team,
};

/// What an item without a task belongs to.
pub(super) enum Owner {
    /// A task that was made from it before, by an import or an earlier connection.
    Task(Uuid),
    /// Such a task, which is archived: both are left alone.
    Archived(Uuid),
    Nobody,
}

/// Finds the task that was made from an item, also from a draft that is an issue now.
pub(super) async fn owner(
    change: &mut Change,
    project: &ConnectedProject,
    item: &Item,
) -> Result<Owner> {
    let task: Option<(Uuid, bool)> = sqlx::query_as(
        "SELECT k.id, k.archived_at IS NOT NULL FROM tasks k WHERE k.team_id = $1 AND k.imported_from = ANY($2)
             AND NOT EXISTS (SELECT FROM github_project_items i
                             WHERE i.github_project_id = $3 AND i.team_id = k.team_id AND i.task_id = k.id AND i.item_id IS NOT NULL)
         ORDER BY k.archived_at IS NOT NULL LIMIT 1",
    )
    .bind(project.team_id)
    .bind(sources(&item.id, &item.url))
    .bind(project.id)
    .fetch_optional(change.db())
    .await?;
    Ok(match task {
        Some((task, false)) => Owner::Task(task),
        Some((task, true)) => Owner::Archived(task),
        None => Owner::Nobody,
    })
}

/// Creates tasks for items, and stores that both are equal. The first ones of a project are no news: together they are
/// one event, as an import is.
pub(super) async fn create(
    change: &mut Change,
    team: &Team,
    project: &ConnectedProject,
    mapping: &Mapping,
    items: &[&Item],
) -> Result<()> {
    let recorded = change.recorded();
    let mut numbers = Vec::new();
    for item in items {
        numbers.push(create_one(change, team, project, mapping, item).await?);
    }
    for event in change.pending().skip(recorded) {
        if event.team == team.id && event.after.is_object() {
            event.after["by"] = json!(AUTHOR);
        }
    }
    if let (None, Some(first), Some(last)) = (project.synced_at, numbers.first(), numbers.last()) {
        let key = |number: &i64| format!("{}-{number}", team.key);
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::BoardImported,
            before: json!({}),
            after: json!({
                "from": AUTHOR, "board": project.title, "tasks": numbers.len(), "first": key(first), "last": key(last), "columns": [],
                "by": AUTHOR,
            }),
            version: None,
        });
    }
    Ok(())
}

async fn create_one(
    change: &mut Change,
    team: &Team,
    project: &ConnectedProject,
    mapping: &Mapping,
    item: &Item,
) -> Result<i64> {
    let values = &item.values;
    let found = match project.field_ids.sprint {
        Some(_) => sprint(change, team, item).await?,
        None => FoundSprint::Open(None),
    };
    let is_missing = matches!(found, FoundSprint::Missing);
    let fits = |points: &f64| (0.0..=1000.0).contains(points);
    let link: Vec<String> = [item.url.clone()]
        .into_iter()
        .filter(|url| !url.is_empty())
        .collect();
    let new = NewTask {
        title: values.title.clone(),
        description: sanitize::description(None, &item.body, &link).0,
        column: mapping
            .column(values.status.as_deref())
            .map(|column| column.slug.clone()),
        sprint: match found {
            FoundSprint::Open(sprint) => sprint,
            FoundSprint::Closed | FoundSprint::Missing => None,
        },
        owners: values
            .assignees
            .iter()
            .filter_map(|login| mapping.handle(login).map(str::to_owned))
            .collect(),
        labels: values
            .labels
            .iter()
            .take(sanitize::LABELS)
            .cloned()
            .collect(),
        estimate: values.estimate.filter(fits).map(whole_points),
        due: values.due.as_deref().and_then(read_date),
        ..NewTask::default()
    };
    let (task, number) = create_task(change, team, &new).await?;
    sqlx::query(
        "UPDATE tasks SET project_team_id = (SELECT team_id FROM projects WHERE id = $3), project_id = $3 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(task)
    .bind(project.project_id)
    .execute(change.db())
    .await?;
    items::remember_source(change.db(), project, task, &source(&item.id, &item.url)).await?;
    let column: Uuid =
        sqlx::query_scalar("SELECT column_id FROM tasks WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(task)
            .fetch_one(change.db())
            .await?;
    let mut common = Values {
        column: Some(column),
        ..values.clone()
    };
    if is_missing {
        common.take(Field::Sprint, &Values::default());
    }
    let compared = Compared {
        item_id: &item.id,
        url: &item.url,
        changed: &item.changed,
        common: &common,
        sent: None,
        problem: "",
    };
    items::store(change.db(), project, task, &compared).await?;
    Ok(number)
}
