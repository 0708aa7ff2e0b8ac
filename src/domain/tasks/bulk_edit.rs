//! Bulk edits: the same change to several tasks of a team, all or none.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::Change,
    keys::split_key,
    tasks::{archive, assign, edit, labels, move_task, placement::Place},
    team::Team,
};

/// The change to apply to each task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkEdit {
    Column(String),
    /// Adds the owner with this handle; `None` removes all owners.
    Owner(Option<String>),
    Sprint(Option<Uuid>),
    /// Moves to a sprint, and to one of its goals; `None` moves to the backlog.
    SetAside {
        sprint: Option<Uuid>,
        goal: Option<Uuid>,
    },
    /// Removes from the goal, whichever it is; the sprint stays.
    NoGoal,
    Label(String),
    Archive,
}

/// Applies the same changes to all given tasks and returns their ids. A task of another team
/// refuses all.
pub async fn edit_tasks(
    change: &mut Change,
    team: &Team,
    keys: &[String],
    same: &[BulkEdit],
) -> Result<Vec<Uuid>> {
    if keys.is_empty() || keys.len() > 500 {
        return Err(Problem::field("keys", "Select 1 to 500 tasks."));
    }
    let numbers: Option<Vec<i64>> = keys
        .iter()
        .map(|key| {
            split_key(key)
                .filter(|(prefix, _)| *prefix == team.key)
                .map(|(_, number)| number)
        })
        .collect();
    let numbers = numbers.ok_or(Problem::NotFound)?;
    lock_every_column(change.db(), team.id).await?;
    let mut tasks: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE team_id = $1 AND number = ANY($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(&numbers)
    .fetch_all(change.db())
    .await?;
    let (mut wanted, locked) = (numbers.clone(), tasks.len());
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.len() != locked {
        return Err(Problem::NotFound);
    }
    // Keeps the order in which the tasks were given, which is the order on the board.
    tasks = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE team_id = $1 AND number = ANY($2) ORDER BY array_position($2, number)",
    )
    .bind(team.id)
    .bind(&numbers)
    .fetch_all(change.db())
    .await?;
    for task in &tasks {
        for same in same {
            change_one(change, team, *task, same).await?;
        }
    }
    Ok(tasks)
}

async fn change_one(change: &mut Change, team: &Team, task: Uuid, same: &BulkEdit) -> Result<()> {
    match same {
        BulkEdit::Column(column) => {
            move_task::move_task(
                change,
                team,
                task,
                &Place {
                    column: column.clone(),
                    ..Place::default()
                },
            )
            .await?;
            Ok(())
        }
        BulkEdit::Owner(None) => assign::set_owners(change, team, task, &[]).await,
        BulkEdit::Owner(Some(handle)) => {
            let mut owners = assign::read(change.db(), team.id, task).await?;
            if owners.contains(handle) {
                return Ok(());
            }
            owners.push(handle.clone());
            assign::set_owners(change, team, task, &owners).await
        }
        BulkEdit::Sprint(sprint) => {
            edit::edit_task(
                change,
                team,
                task,
                &crate::domain::tasks::task_edit::Edit {
                    sprint: Some(*sprint),
                    ..Default::default()
                },
            )
            .await
        }
        BulkEdit::SetAside { sprint, goal } => {
            let edit = crate::domain::tasks::task_edit::Edit {
                sprint: Some(*sprint),
                goal: Some(*goal),
                ..Default::default()
            };
            edit::edit_task(change, team, task, &edit).await
        }
        BulkEdit::NoGoal => {
            edit::edit_task(
                change,
                team,
                task,
                &crate::domain::tasks::task_edit::Edit {
                    goal: Some(None),
                    ..Default::default()
                },
            )
            .await
        }
        BulkEdit::Label(label) => {
            let mut labels = labels::read(change.db(), team.id, task).await?;
            labels.push(label.clone());
            labels::set_labels(change, team, task, &labels).await
        }
        BulkEdit::Archive => archive::archive_task(change, team, task).await,
    }
}

/// Locks all columns of a team, for changes that may touch any of them.
pub(crate) async fn lock_every_column(db: &mut PgConnection, team: Uuid) -> Result<()> {
    sqlx::query("SELECT id FROM columns WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE")
        .bind(team)
        .execute(db)
        .await?;
    Ok(())
}
