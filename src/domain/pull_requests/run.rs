//! Processes a delivery: finds out what it is about, and what follows from it.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::Change,
    github_projects::schedule,
    policy::predicates::named_beside,
    pull_requests::{
        Forge, branch_keys,
        deliveries::{self, Outcome, TaskResult, Waiting},
        done::Done,
        forgejo,
        found_tasks::{FoundTask, find_tasks, linked_tasks},
        github, gitlab,
        logins::{self, Proof},
        model::{
            Action, CheckEvent, CommentEvent, ForgeEvent, PullRequestEvent, PullRequestState,
            PushEvent,
        },
        payload::Unreadable,
        store::{self, Saved, Stored},
        task_keys::{NamedTask, NamedTasks, in_branch, in_line, in_markdown},
        task_step::Step,
        unlink,
    },
};

/// Processes a delivery, in the transaction that notes its outcome.
pub(crate) async fn run(change: &mut Change, delivery: &Waiting) -> Result<()> {
    let outcome = match parse(delivery) {
        Ok(event) => apply(change, delivery, &event).await?,
        Err(error) => Outcome {
            summary: delivery.event.clone(),
            words: format!("Not understood: {error}"),
            is_failed: true,
            ..Outcome::default()
        },
    };
    deliveries::finish(change, delivery.id, &outcome).await
}

fn parse(delivery: &Waiting) -> std::result::Result<ForgeEvent, Unreadable> {
    let (event, body, now) = (&delivery.event, &delivery.body, delivery.received_at);
    match delivery.forge {
        Forge::GitHub => github::parse(event, body, now),
        Forge::Forgejo => forgejo::parse(event, body, now),
        Forge::GitLab => gitlab::parse(body, now),
    }
}

async fn apply(change: &mut Change, delivery: &Waiting, event: &ForgeEvent) -> Result<Outcome> {
    if *event == ForgeEvent::Ping {
        return Ok(Outcome {
            summary: "ping".to_owned(),
            words: "The forge reaches this address".to_owned(),
            ..Outcome::default()
        });
    }
    if let ForgeEvent::ProjectItem { project, item } = event {
        let at = delivery.received_at;
        let is_connected = schedule::hint(change.db(), project, item, at).await?;
        let words = match is_connected {
            true => "The item is compared with its task",
            false => "No team has connected this project",
        };
        return Ok(Outcome {
            summary: event.summary(delivery.forge),
            words: words.to_owned(),
            ..Outcome::default()
        });
    }
    let team: Option<Uuid> = sqlx::query_scalar(
        "SELECT team_id FROM forge_repositories WHERE connection_id = $1 AND lower(name) = lower($2)",
    )
    .bind(delivery.connection_id)
    .bind(event.repository())
    .fetch_optional(change.db())
    .await?;
    let mut outcome = Outcome {
        summary: event.summary(delivery.forge),
        team,
        ..Outcome::default()
    };
    let Some(team) = team else {
        outcome.words = match event.repository() {
            "" => "It names no repository".to_owned(),
            _ => "This repository is not listed above".to_owned(),
        };
        return Ok(outcome);
    };
    match event {
        ForgeEvent::PullRequest(event) => {
            pull_request(change, delivery, team, event, &mut outcome).await?;
        }
        ForgeEvent::Push(event) => push(change, delivery, event, &mut outcome).await?,
        ForgeEvent::Check(event) => check(change, delivery, event, &mut outcome).await?,
        ForgeEvent::Comment(event) => comment(change, delivery, event, &mut outcome).await?,
        ForgeEvent::ProjectItem { .. } | ForgeEvent::Ping | ForgeEvent::Other { .. } => {
            outcome.words = "Of no interest here".to_owned();
        }
    }
    Ok(outcome)
}

/// The time of an event, which is not after it was received, whatever the forge's clock says.
fn time_of(delivery: &Waiting, at: OffsetDateTime) -> OffsetDateTime {
    at.min(delivery.received_at)
}

async fn pull_request(
    change: &mut Change,
    delivery: &Waiting,
    team: Uuid,
    event: &PullRequestEvent,
    outcome: &mut Outcome,
) -> Result<()> {
    let connection = delivery.connection_id;
    let mut texts = NamedTasks::default();
    texts.add(in_branch(&event.head_branch));
    texts.add(in_line(&event.title));
    texts.add(in_markdown(&event.body));
    let texts = texts.into_list();
    let branch = (event.repository.as_str(), event.head_branch.as_str());
    // A fork's branch may have the name of one of the repository's own.
    let commits = match event.is_fork {
        true => Vec::new(),
        false => branch_keys::remembered(change.db(), connection, branch).await?,
    };
    let known = Some(event.number);
    let known = store::ids_of(change.db(), connection, &event.repository, known, ("", "")).await?;
    let mut tasks = find_tasks(change, connection, (&texts, &commits), &known).await?;
    // A later push to a branch of the repository's own may name tasks. Of forks, anyone can open any number.
    if tasks.is_empty() && known.is_empty() && event.is_fork {
        let named = (&texts[..], "branch, title or description");
        outcome.words = no_tasks(change, delivery, outcome.team, named).await?;
        return Ok(());
    }
    let at = time_of(delivery, event.at);
    // At GitLab, asking for another review does not always change the time of the last change.
    let may_ask_again = delivery.forge == Forge::GitLab && delivery.runs == 0;
    let of = (connection, team);
    let saved = store::save(change.db(), of, event, at, may_ask_again).await?;
    let before = linked_tasks(change, saved.id).await?;
    if saved.is_stale {
        for task in &before {
            let words = "a newer delivery about this pull request came before";
            note(change, delivery, task, Done::left_alone(words), outcome).await?;
        }
        outcome.words = "A newer delivery about this pull request came before".to_owned();
        return Ok(());
    }
    // What commits name stays linked, also when their keys are no longer remembered.
    for task in &before {
        let is_named = tasks.iter().any(|named| named.id == task.id);
        if !is_named && task.commits_close.is_some() {
            tasks.push(FoundTask {
                closes: false,
                is_in_texts: false,
                ..task.clone()
            });
        }
    }
    let step = step_of(change, delivery, event, &saved, at).await?;
    unlink::forget_unnamed(change.db(), saved.id, &tasks).await?;
    for task in &tasks {
        let done = step.apply(change, task).await?;
        note(change, delivery, task, done, outcome).await?;
    }
    for task in before
        .iter()
        .filter(|task| tasks.iter().all(|named| named.id != task.id))
    {
        let done = step.unlink(change, task).await?;
        note(change, delivery, task, done, outcome).await?;
    }
    if event.state == PullRequestState::Merged && !event.is_fork {
        branch_keys::forget(change.db(), connection, branch).await?;
    }
    if tasks.is_empty() && outcome.result.is_none() {
        let named = (&texts[..], "branch, title or description");
        outcome.words = no_tasks(change, delivery, outcome.team, named).await?;
    }
    Ok(())
}

async fn step_of(
    change: &mut Change,
    delivery: &Waiting,
    event: &PullRequestEvent,
    saved: &Saved,
    at: OffsetDateTime,
) -> Result<Step> {
    let connection = delivery.connection_id;
    // What forges do not call by its name, or what came before was lost.
    let action = match (event.action, saved.was, event.state) {
        (Action::Changed, Some(PullRequestState::Draft), PullRequestState::Open) => Action::Ready,
        (Action::Changed, Some(was), state) if was.is_open() && !state.is_open() => Action::Closed,
        (action, ..) => action,
    };
    let sender = [event.sender.clone()];
    Ok(Step {
        forge: delivery.forge,
        pull_request: saved.id,
        number: event.number,
        state: event.state,
        action,
        is_for_default: !event.base_branch.is_empty() && event.base_branch == event.default_branch,
        base: event.base_branch.clone(),
        at,
        is_changed: saved.is_changed,
        may_move: !event.is_of_outsider,
        newly_asked: logins::handles_of(change.db(), connection, &saved.newly_asked).await?,
        sender: logins::handles_of(change.db(), connection, &sender)
            .await?
            .pop(),
    })
}

/// Writes the outcome for a task.
async fn note(
    change: &mut Change,
    delivery: &Waiting,
    task: &FoundTask,
    done: Done,
    outcome: &mut Outcome,
) -> Result<()> {
    outcome.result = outcome.result.max(Some(done.result));
    let key = (task.team.id, task.id);
    let said = (done.result, done.words.as_str());
    deliveries::note_task(change.db(), delivery, key, said, done.mover).await
}

/// Why no task was found. Much looks like a key, such as UTF-8, but begins with that of no team, or of one that readers of
/// the delivery may not know.
async fn no_tasks(
    change: &mut Change,
    delivery: &Waiting,
    team: Option<Uuid>,
    (named, place): (&[NamedTask], &str),
) -> Result<String> {
    let teams: Vec<String> = sqlx::query_scalar(concat!(
        "SELECT t.key FROM teams t WHERE t.id IN (SELECT team_id FROM forge_repositories WHERE connection_id = $1) AND ",
        named_beside!("t", "$2")
    ))
    .bind(delivery.connection_id)
    .bind(team)
    .fetch_all(change.db())
    .await?;
    let known = named.iter().filter(|task| teams.contains(&task.team));
    let keys: Vec<String> = known.take(5).map(NamedTask::key).collect();
    Ok(match keys.is_empty() {
        true => format!("No task key in {place}"),
        false => format!("There is no task {}", keys.join(" or ")),
    })
}

async fn push(
    change: &mut Change,
    delivery: &Waiting,
    event: &PushEvent,
    outcome: &mut Outcome,
) -> Result<()> {
    let connection = delivery.connection_id;
    let repository = event.repository.as_str();
    if event.is_deleted {
        let branch = (repository, event.branch.as_str());
        branch_keys::forget(change.db(), connection, branch).await?;
        outcome.words = "The tasks that its commits named are forgotten".to_owned();
        return Ok(());
    }
    if event.is_default {
        outcome.words = "Of the default branch nothing is noted".to_owned();
        return Ok(());
    }
    let mut commits = NamedTasks::default();
    for message in &event.messages {
        commits.add(in_line(message));
    }
    let (texts, mut commits) = (in_branch(&event.branch), commits.into_list());
    if !delivery.forge.marks_new_commits() {
        commits.iter_mut().for_each(|task| task.closes = false);
    }
    let branch = (event.branch.as_str(), "");
    let known = store::ids_of(change.db(), connection, repository, None, branch).await?;
    let tasks = find_tasks(change, connection, (&texts, &commits), &known).await?;
    if tasks.is_empty() {
        let named = [texts, commits].concat();
        let named = (&named[..], "branch or commits");
        outcome.words = no_tasks(change, delivery, outcome.team, named).await?;
        return Ok(());
    }
    let now = delivery.received_at;
    branch_keys::remember(change.db(), connection, event, &commits, now).await?;
    let open = store::open_ones(change.db(), connection, repository, branch).await?;
    if open.is_empty() {
        outcome.words = "Noted for the pull request of this branch".to_owned();
    }
    for pull_request in open {
        let linked = linked_tasks(change, pull_request.id).await?;
        for task in &tasks {
            let before = linked.iter().find(|linked| linked.id == task.id);
            let mut task = task.clone();
            task.closes = before.is_some_and(|before| before.closes);
            let step = plain_step(delivery, &pull_request, false);
            let done = step.apply(change, &task).await?;
            note(change, delivery, &task, done, outcome).await?;
        }
    }
    Ok(())
}

/// A step that only links, or tells that what cards show was changed.
fn plain_step(delivery: &Waiting, pull_request: &Stored, is_changed: bool) -> Step {
    Step {
        forge: delivery.forge,
        pull_request: pull_request.id,
        number: pull_request.number,
        state: pull_request.state,
        action: Action::Changed,
        is_for_default: false,
        base: String::new(),
        at: pull_request.changed_at,
        is_changed,
        may_move: true,
        newly_asked: Vec::new(),
        sender: None,
    }
}

async fn check(
    change: &mut Change,
    delivery: &Waiting,
    event: &CheckEvent,
    outcome: &mut Outcome,
) -> Result<()> {
    let (connection, at) = (delivery.connection_id, time_of(delivery, event.at));
    let commit = ("", event.commit.as_str());
    let known = store::ids_of(change.db(), connection, &event.repository, None, commit).await?;
    find_tasks(change, connection, (&[], &[]), &known).await?;
    let (is_found, changed) = store::save_check(change.db(), connection, event, at).await?;
    outcome.words = match (is_found, changed.is_empty()) {
        (false, _) => "No open pull request has this commit".to_owned(),
        (true, true) => "The checks together are as before".to_owned(),
        (true, false) => "Noted".to_owned(),
    };
    for pull_request in changed {
        for task in linked_tasks(change, pull_request.id).await? {
            let step = plain_step(delivery, &pull_request, true);
            step.apply(change, &task).await?;
            let done = Done::new(TaskResult::Linked, "The card shows it");
            note(change, delivery, &task, done, outcome).await?;
        }
    }
    Ok(())
}

async fn comment(
    change: &mut Change,
    delivery: &Waiting,
    event: &CommentEvent,
    outcome: &mut Outcome,
) -> Result<()> {
    outcome.words = match logins::prove(change, delivery.connection_id, event).await? {
        Proof::Proved => format!("{} has proved who they are here", event.author),
        Proof::Taken => format!(
            "Another person here has proved the username {} before, and has to remove it first",
            event.author
        ),
        Proof::None => "No code in it that proves a login".to_owned(),
    };
    Ok(())
}
