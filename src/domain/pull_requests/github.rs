//! Deliveries of GitHub.

use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::pull_requests::{
    model::{
        Action, CheckEvent, CommentEvent, ForgeEvent, PullRequestEvent, PullRequestState, PushEvent,
    },
    payload::{
        Unreadable, address, branch, check_state, flag, json, logins, long_text, messages, number,
        other, required, run, text, time,
    },
};

/// What GitHub calls the authors that have rights in a repository.
const INSIDERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// Reads a delivery. `name` is that of the header `X-GitHub-Event`.
pub fn parse(name: &str, body: &[u8], now: OffsetDateTime) -> Result<ForgeEvent, Unreadable> {
    let value = json(body)?;
    let repository = text(&value, "/repository/full_name", 200);
    Ok(match name {
        "ping" => ForgeEvent::Ping,
        "pull_request" => ForgeEvent::PullRequest(Box::new(pull_request(&value, now)?)),
        "pull_request_review" => ForgeEvent::PullRequest(Box::new(review(&value, now)?)),
        "push" => match branch(&value) {
            Some(branch) => ForgeEvent::Push(PushEvent {
                repository: required(&value, "/repository/full_name", 200)?,
                is_default: branch == text(&value, "/repository/default_branch", 300),
                is_deleted: flag(&value, "/deleted"),
                branch,
                messages: messages(&value),
            }),
            None => other("push of a tag", repository),
        },
        "delete" if text(&value, "/ref_type", 20) == "branch" => ForgeEvent::Push(PushEvent {
            repository: required(&value, "/repository/full_name", 200)?,
            branch: required(&value, "/ref", 300)?,
            is_default: false,
            is_deleted: true,
            messages: Vec::new(),
        }),
        "check_run" => check(&value, "/check_run", "/check_run/name", now)?,
        "check_suite" => check(&value, "/check_suite", "/check_suite/app/slug", now)?,
        "status" => status(&value, now)?,
        "projects_v2_item" => ForgeEvent::ProjectItem {
            project: required(&value, "/projects_v2_item/project_node_id", 200)?,
            item: required(&value, "/projects_v2_item/node_id", 200)?,
        },
        "issue_comment" => comment(&value)?,
        name => other(name, repository),
    })
}

fn pull_request(value: &Value, now: OffsetDateTime) -> Result<PullRequestEvent, Unreadable> {
    let is_merged = flag(value, "/pull_request/merged")
        || value
            .pointer("/pull_request/merged_at")
            .is_some_and(|at| !at.is_null());
    let state = match text(value, "/pull_request/state", 20).as_str() {
        "closed" if is_merged => PullRequestState::Merged,
        "closed" => PullRequestState::Closed,
        "open" if flag(value, "/pull_request/draft") => PullRequestState::Draft,
        "open" => PullRequestState::Open,
        _ => return Err(Unreadable::Field("/pull_request/state")),
    };
    let action = match text(value, "/action", 60).as_str() {
        "opened" => Action::Opened,
        "ready_for_review" => Action::Ready,
        "converted_to_draft" => Action::BackToDraft,
        "review_requested" => Action::ReviewRequested,
        "reopened" => Action::Reopened,
        "closed" => Action::Closed,
        _ => Action::Changed,
    };
    let is_fork = is_fork(value);
    let author_is = text(value, "/pull_request/author_association", 40);
    let is_insider = author_is.is_empty() || INSIDERS.contains(&author_is.as_str());
    let asked = text(value, "/requested_reviewer/login", 100);
    Ok(PullRequestEvent {
        action,
        is_fork,
        // GitHub does not say who is a private member. Only people with rights in a repository have branches in it, and
        // only they read a private one.
        is_of_outsider: !is_insider && is_fork && !flag(value, "/repository/private"),
        asked: Some(asked).filter(|asked| action == Action::ReviewRequested && !asked.is_empty()),
        repository: required(value, "/repository/full_name", 200)?,
        number: number(value, "/pull_request/number")?,
        title: text(value, "/pull_request/title", 500),
        body: long_text(value, "/pull_request/body"),
        url: address(value, "/pull_request/html_url"),
        head_branch: text(value, "/pull_request/head/ref", 300),
        head_commit: text(value, "/pull_request/head/sha", 100),
        base_branch: text(value, "/pull_request/base/ref", 300),
        default_branch: text(value, "/repository/default_branch", 300),
        state,
        reviewers: logins(value, "/pull_request/requested_reviewers", "/login"),
        author: text(value, "/pull_request/user/login", 100),
        sender: text(value, "/sender/login", 100),
        at: time(value, &["/pull_request/updated_at"]).unwrap_or(now),
    })
}

/// Whether the branch is in another repository, which may have been deleted since.
fn is_fork(value: &Value) -> bool {
    let own = text(value, "/repository/full_name", 200);
    match value.pointer("/pull_request/head/repo") {
        None => false,
        Some(head) => !text(head, "/full_name", 200).eq_ignore_ascii_case(&own),
    }
}

/// A review changes a pull request: its author is no longer asked for one.
fn review(value: &Value, now: OffsetDateTime) -> Result<PullRequestEvent, Unreadable> {
    let mut event = pull_request(value, now)?;
    event.action = Action::Changed;
    let author = text(value, "/review/user/login", 100);
    if text(value, "/action", 20) == "submitted" {
        event.reviewers.retain(|login| *login != author);
    }
    Ok(event)
}

/// A check run or suite, which are finished once they have a conclusion.
fn check(
    value: &Value,
    of: &'static str,
    name: &str,
    now: OffsetDateTime,
) -> Result<ForgeEvent, Unreadable> {
    let field = |field: &str| text(value, &format!("{of}/{field}"), 100);
    let (conclusion, status) = (field("conclusion"), field("status"));
    let word = if conclusion.is_empty() {
        status
    } else {
        conclusion
    };
    let repository = required(value, "/repository/full_name", 200)?;
    let Some(state) = check_state(&word) else {
        return Ok(other(of.trim_start_matches('/'), repository));
    };
    let times = ["completed_at", "updated_at", "started_at", "created_at"]
        .map(|field| format!("{of}/{field}"));
    // Every workflow is a suite of its own, of the same app, and several may have a check of the same name.
    let suite = run(value, &format!("{of}/check_suite/id")).max(match of {
        "/check_suite" => run(value, "/check_suite/id"),
        _ => 0,
    });
    Ok(ForgeEvent::Check(CheckEvent {
        repository,
        commit: field("head_sha"),
        name: format!("{} {suite} {}", &of[1..], text(value, name, 150)),
        run: run(value, &format!("{of}/id")),
        state,
        at: time(value, &times.each_ref().map(String::as_str)).unwrap_or(now),
    }))
}

fn status(value: &Value, now: OffsetDateTime) -> Result<ForgeEvent, Unreadable> {
    let repository = required(value, "/repository/full_name", 200)?;
    let Some(state) = check_state(&text(value, "/state", 30)) else {
        return Ok(other("status", repository));
    };
    Ok(ForgeEvent::Check(CheckEvent {
        repository,
        commit: required(value, "/sha", 100)?,
        name: format!("status {}", text(value, "/context", 150)),
        run: run(value, "/id"),
        state,
        at: time(value, &["/updated_at"]).unwrap_or(now),
    }))
}

/// A comment that its author has just written. An edited one proves nothing: others may edit it.
fn comment(value: &Value) -> Result<ForgeEvent, Unreadable> {
    let repository = required(value, "/repository/full_name", 200)?;
    let (author, sender) = (
        text(value, "/comment/user/login", 100),
        text(value, "/sender/login", 100),
    );
    let is_on_pull_request =
        value.pointer("/issue/pull_request").is_some() || flag(value, "/is_pull");
    if text(value, "/action", 20) != "created" || !is_on_pull_request || author != sender {
        return Ok(other("issue_comment", repository));
    }
    Ok(ForgeEvent::Comment(CommentEvent {
        repository,
        number: number(value, "/issue/number")?,
        author,
        body: long_text(value, "/comment/body"),
    }))
}
