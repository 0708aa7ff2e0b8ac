//! Deliveries of GitLab, where pull requests are merge requests.

use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::pull_requests::{
    model::{
        Action, CheckEvent, CommentEvent, ForgeEvent, PullRequestEvent, PullRequestState, PushEvent,
    },
    payload::{
        MOST, Unreadable, address, branch, check_state, flag, json, logins, long_text, messages,
        number, other, required, run, text, time,
    },
};

/// What a branch that was deleted points to.
const NOWHERE: &str = "0000000000000000000000000000000000000000";

/// Reads a delivery, which names its kind itself.
pub fn parse(body: &[u8], now: OffsetDateTime) -> Result<ForgeEvent, Unreadable> {
    let value = json(body)?;
    let repository = text(&value, "/project/path_with_namespace", 200);
    Ok(match text(&value, "/object_kind", 60).as_str() {
        "merge_request" => ForgeEvent::PullRequest(Box::new(merge_request(&value, now)?)),
        "push" => match branch(&value) {
            Some(branch) => ForgeEvent::Push(PushEvent {
                repository: required(&value, "/project/path_with_namespace", 200)?,
                is_default: branch == text(&value, "/project/default_branch", 300),
                is_deleted: text(&value, "/after", 100) == NOWHERE,
                branch,
                messages: messages(&value),
            }),
            None => other("push of no branch", repository),
        },
        "pipeline" => pipeline(&value, now)?,
        "note" => note(&value)?,
        kind => other(kind, repository),
    })
}

fn merge_request(value: &Value, now: OffsetDateTime) -> Result<PullRequestEvent, Unreadable> {
    let is_draft = flag(value, "/object_attributes/draft")
        || flag(value, "/object_attributes/work_in_progress");
    let state = match text(value, "/object_attributes/state", 20).as_str() {
        "merged" => PullRequestState::Merged,
        "closed" => PullRequestState::Closed,
        "opened" | "locked" if is_draft => PullRequestState::Draft,
        "opened" | "locked" => PullRequestState::Open,
        _ => return Err(Unreadable::Field("/object_attributes/state")),
    };
    let is_changed = |field: &str| value.pointer(&format!("/changes/{field}")).is_some();
    let draft_ended = flag(value, "/changes/draft/previous") && !is_draft;
    let asked_again = asked_again(value);
    let action = match text(value, "/object_attributes/action", 60).as_str() {
        "open" => Action::Opened,
        "reopen" => Action::Reopened,
        "close" | "merge" => Action::Closed,
        _ if draft_ended => Action::Ready,
        _ if is_changed("draft") && is_draft => Action::BackToDraft,
        _ if is_changed("reviewers") && has_new_reviewer(value) => Action::ReviewRequested,
        _ if asked_again.is_some() => Action::ReviewRequested,
        _ => Action::Changed,
    };
    let sender = text(value, "/user/username", 100);
    // The author is given by number, and with a name only where it is the one who did it.
    let is_own = value.pointer("/object_attributes/author_id") == value.pointer("/user/id");
    let project = |side: &str| value.pointer(&format!("/object_attributes/{side}_project_id"));
    Ok(PullRequestEvent {
        action,
        is_fork: project("source") != project("target"),
        is_of_outsider: false,
        asked: asked_again.filter(|_| action == Action::ReviewRequested),
        repository: required(value, "/project/path_with_namespace", 200)?,
        number: number(value, "/object_attributes/iid")?,
        title: text(value, "/object_attributes/title", 500),
        body: long_text(value, "/object_attributes/description"),
        url: address(value, "/object_attributes/url"),
        head_branch: text(value, "/object_attributes/source_branch", 300),
        head_commit: text(value, "/object_attributes/last_commit/id", 100),
        base_branch: text(value, "/object_attributes/target_branch", 300),
        default_branch: text(value, "/project/default_branch", 300),
        state,
        reviewers: logins(value, "/reviewers", "/username"),
        author: if is_own {
            sender.clone()
        } else {
            String::new()
        },
        sender,
        at: time(value, &["/object_attributes/updated_at"]).unwrap_or(now),
    })
}

fn has_new_reviewer(value: &Value) -> bool {
    let before = logins(value, "/changes/reviewers/previous", "/username");
    logins(value, "/changes/reviewers/current", "/username")
        .iter()
        .any(|login| !before.contains(login))
}

/// The reviewer who is asked once more: only in the delivery about that, their flag is set.
fn asked_again(value: &Value) -> Option<String> {
    let reviewers = value.pointer("/reviewers").and_then(Value::as_array);
    let asked = reviewers
        .into_iter()
        .flatten()
        .take(MOST)
        .find(|reviewer| flag(reviewer, "/re_requested"))?;
    Some(text(asked, "/username", 100)).filter(|login| !login.is_empty())
}

fn pipeline(value: &Value, now: OffsetDateTime) -> Result<ForgeEvent, Unreadable> {
    let repository = required(value, "/project/path_with_namespace", 200)?;
    let Some(state) = check_state(&text(value, "/object_attributes/status", 30)) else {
        return Ok(other("pipeline", repository));
    };
    let times = [
        "/object_attributes/finished_at",
        "/object_attributes/created_at",
    ];
    Ok(ForgeEvent::Check(CheckEvent {
        repository,
        commit: required(value, "/object_attributes/sha", 100)?,
        // The newest of each source counts, such as that of pushes and that of the merge request.
        name: format!("pipeline {}", text(value, "/object_attributes/source", 60)),
        run: run(value, "/object_attributes/id"),
        state,
        at: time(value, &times).unwrap_or(now),
    }))
}

fn note(value: &Value) -> Result<ForgeEvent, Unreadable> {
    let repository = required(value, "/project/path_with_namespace", 200)?;
    let is_new = matches!(
        text(value, "/object_attributes/action", 20).as_str(),
        "create" | ""
    );
    let is_own = value.pointer("/object_attributes/author_id") == value.pointer("/user/id");
    let of = text(value, "/object_attributes/noteable_type", 40);
    if of != "MergeRequest" || !is_new || !is_own {
        return Ok(other("note", repository));
    }
    Ok(ForgeEvent::Comment(CommentEvent {
        repository,
        number: number(value, "/merge_request/iid")?,
        author: text(value, "/user/username", 100),
        body: long_text(value, "/object_attributes/note"),
    }))
}
