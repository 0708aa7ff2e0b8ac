//! The tools that write. Each but the first carries the version of the task that its agent read.

use time::Duration;

use crate::{
    domain::{
        dates::{instant, parse_date},
        error::{Problem, Result},
        events::Changed,
        policy::task_access::TaskAccess,
        tasks::{
            block, claims, comments,
            create::{self, NewTask},
            edit, move_task,
            placement::Place,
            queries, seen_version,
            task_edit::Edit,
        },
    },
    http::{
        mcp::{arguments, caller::Caller, results},
        pages::tasks::{goal_named, project_named, sprint_named},
    },
};

fn goal_without_sprint() -> Problem {
    Problem::field(
        "goal",
        "A goal belongs to a sprint: send its sprint too, or no goal.",
    )
}

fn read_due(text: Option<&str>) -> Result<Option<time::Date>> {
    text.map(|text| {
        parse_date(text).ok_or_else(|| Problem::field("due", "Send a date as YYYY-MM-DD."))
    })
    .transpose()
}

/// Creates a task.
pub(super) async fn create_task(
    caller: &Caller,
    sent: arguments::CreateTask,
) -> Result<results::Task> {
    let db = &caller.app.db;
    let team = caller.team(&sent.team).await?.require_edit()?.team;
    let sprint = sent
        .sprint
        .map_or("this".to_owned(), |sprint| sprint.text());
    let sprint = sprint_named(db, &team, &sprint).await?;
    if sent.goal.is_some() && sprint.is_none() {
        return Err(goal_without_sprint());
    }
    let goal = sent.goal.map_or(String::new(), |goal| goal.to_string());
    let sprint = sprint.map(|sprint| sprint.id);
    let new = NewTask {
        goal: goal_named(db, &team, &goal, sprint, None).await?,
        sprint,
        title: sent.title,
        description: sent.description,
        column: sent.column,
        owners: sent.owners,
        labels: sent.labels,
        estimate: sent.estimate,
        due: read_due(sent.due.as_deref())?,
        needed_by: sent.needed_by,
    };
    let created = caller
        .app
        .store
        .change(&caller.viewer.actor(), |change, _| {
            Box::pin(create::create_task(change, &team, &new))
        })
        .await?;
    let card = queries::card(db, &team, created.value.0).await?;
    Ok(results::Task::of(&caller.app, card))
}

/// The result of a write: the task as it is now. A refusal for its version says what was changed since.
async fn changed<T>(
    caller: &Caller,
    access: &TaskAccess,
    seen: i64,
    outcome: Result<Changed<T>>,
) -> Result<results::Task> {
    let db = &caller.app.db;
    match outcome {
        Ok(_) => {
            let card = queries::card(db, &access.team, access.id).await?;
            Ok(results::Task::of(&caller.app, card))
        }
        Err(Problem::Conflict(conflict)) if !conflict.current.is_null() => {
            let (key, now) = (&access.key, caller.app.clock.now());
            let card = queries::card(db, &access.team, access.id).await?;
            let since = seen_version::changes_since(db, &access.team, access.id, seen, now).await?;
            let what = if since.is_empty() {
                format!("{key} has no version {seen}.")
            } else {
                format!("{key} was changed after version {seen}: {since}.")
            };
            Err(Problem::conflict(format!(
                "{what} Nothing was changed. It is at version {} now: read it again with the tool `task`, and then decide.",
                card.version
            )))
        }
        Err(problem) => Err(problem),
    }
}

/// Runs a write on a task, which is refused if the task was changed after the version that the agent saw.
macro_rules! on_task {
    ($caller:ident, $access:ident, $seen:expr, |$change:ident, $team:ident, $task:ident| $write:expr) => {{
        let ($team, $task, seen) = (&$access.team, $access.id, $seen);
        let outcome = $caller
            .app
            .store
            .change(&$caller.viewer.actor(), |$change, _| {
                Box::pin(async move {
                    seen_version::require_newest($change, $team, $task, seen).await?;
                    $write.await?;
                    seen_version::require_unchanged($change, $team, $task, seen).await
                })
            })
            .await;
        changed($caller, &$access, seen, outcome).await
    }};
}

/// Claims a task for the person that the caller acts for.
pub(super) async fn claim(caller: &Caller, sent: arguments::Claim) -> Result<results::Claimed> {
    let access = caller.task_to_edit(&sent.key).await?;
    let minutes = sent.minutes.unwrap_or(claims::MINUTES);
    if !(1..=claims::MOST_MINUTES).contains(&minutes) {
        let most = claims::MOST_MINUTES;
        return Err(Problem::field(
            "minutes",
            format!("Send a number from 1 to {most}."),
        ));
    }
    let (person, lasts) = (&caller.viewer.person, Duration::minutes(minutes));
    let (team, task, seen) = (&access.team, access.id, sent.version);
    let outcome = caller
        .app
        .store
        .change(&caller.viewer.actor(), |change, _| {
            Box::pin(async move {
                seen_version::require_newest(change, team, task, seen).await?;
                let until = claims::claim(change, team, task, person, lasts).await?;
                seen_version::require_unchanged(change, team, task, seen).await?;
                Ok(until)
            })
        })
        .await;
    let until = outcome.as_ref().ok().and_then(|changed| changed.value);
    Ok(results::Claimed {
        task: changed(caller, &access, seen, outcome).await?,
        claimed_until: until.map(instant),
    })
}

/// Edits a task's fields.
pub(super) async fn edit_task(caller: &Caller, sent: arguments::EditTask) -> Result<results::Task> {
    let access = caller.task_to_edit(&sent.key).await?;
    let db = &caller.app.db;
    let sprint = match &sent.sprint {
        Some(sprint) => Some(
            sprint_named(db, &access.team, &sprint.text())
                .await?
                .map(|sprint| sprint.id),
        ),
        None => None,
    };
    if matches!(sent.goal, Some(Some(_))) && sprint == Some(None) {
        return Err(goal_without_sprint());
    }
    let goal = match sent.goal {
        Some(Some(goal)) => {
            let (goal, sprint) = (goal.to_string(), sprint.flatten());
            Some(goal_named(db, &access.team, &goal, sprint, Some(access.id)).await?)
        }
        Some(None) => Some(None),
        None => None,
    };
    let project = match &sent.project {
        Some(slug) => Some(project_named(db, &caller.viewer, slug.as_deref().unwrap_or("")).await?),
        None => None,
    };
    let edit = &Edit {
        title: sent.title,
        description: sent.description,
        sprint,
        goal,
        project,
        estimate: sent.estimate,
        due: sent.due.map(|due| read_due(due.as_deref())).transpose()?,
        needed_by: sent.needed_by,
        owners: sent.owners,
        labels: sent.labels,
        ..Edit::default()
    };
    on_task!(caller, access, sent.version, |change, team, task| {
        edit::edit_task(change, team, task, edit)
    })
}

/// Moves a task to another column, or within its column.
pub(super) async fn move_task(caller: &Caller, sent: arguments::MoveTask) -> Result<results::Task> {
    let access = caller.task_to_edit(&sent.key).await?;
    if sent.column.is_none() && sent.state.is_none() {
        return Err(Problem::field(
            "column",
            "Send the column or the state to move the task to.",
        ));
    }
    let place = &Place {
        column: sent.column.unwrap_or_default(),
        state: sent.state,
        after: sent.after,
        before: sent.before,
        version: Some(sent.version),
    };
    on_task!(caller, access, sent.version, |change, team, task| {
        move_task::move_task(change, team, task, place)
    })
}

/// Adds a comment to a task.
pub(super) async fn comment(caller: &Caller, sent: arguments::Comment) -> Result<results::Task> {
    let access = caller.task_to_comment(&sent.key).await?;
    let account = caller.viewer.person.id;
    caller.app.request_limits.count_post(account, "/comments")?;
    let body = &sent.body;
    on_task!(caller, access, sent.version, |change, team, task| {
        comments::add_comment(change, team, task, body)
    })
}

/// Blocks a task, with the reason.
pub(super) async fn block_task(
    caller: &Caller,
    sent: arguments::BlockTask,
) -> Result<results::Task> {
    let access = caller.task_to_edit(&sent.key).await?;
    let reason = &block::Reason {
        on: sent.on,
        note: sent.note,
        ..block::Reason::default()
    };
    on_task!(caller, access, sent.version, |change, team, task| {
        block::block_task(change, team, task, reason)
    })
}

/// Unblocks a task and moves it back to its previous column.
pub(super) async fn unblock_task(
    caller: &Caller,
    sent: arguments::UnblockTask,
) -> Result<results::Task> {
    let access = caller.task_to_edit(&sent.key).await?;
    on_task!(caller, access, sent.version, |change, team, task| {
        block::unblock_task(change, team, task)
    })
}
