//! Deliveries of Forgejo and Gitea, which resemble those of GitHub.

use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::pull_requests::{
    github,
    model::{Action, ForgeEvent, PullRequestState},
    payload::{MOST, Unreadable, flag, json, text},
};

/// How the title of a draft begins, where the delivery does not say whether it is one.
const DRAFT_TITLES: [&str; 2] = ["WIP:", "[WIP]"];

/// Reads a delivery. `name` is that of the header `X-Forgejo-Event` or `X-Gitea-Event`.
pub fn parse(name: &str, body: &[u8], now: OffsetDateTime) -> Result<ForgeEvent, Unreadable> {
    // Newer versions name the part of a pull request that changed.
    let is_review = || json(body).is_ok_and(|value| text(&value, "/action", 20) == "reviewed");
    let name = match name {
        "pull_request_comment" if is_review() => "pull_request",
        "pull_request_comment" => "issue_comment",
        name if is_of_pull_request(name) => "pull_request",
        name => name,
    };
    let mut event = github::parse(name, body, now)?;
    if let ForgeEvent::PullRequest(event) = &mut event {
        let value = json(body)?;
        event.action = action(&value, event.action);
        let says_draft = value.pointer("/pull_request/draft").is_some();
        let has_draft_title = DRAFT_TITLES
            .into_iter()
            .any(|start| starts_with(&event.title, start));
        if event.state == PullRequestState::Open && !says_draft && has_draft_title {
            event.state = PullRequestState::Draft;
        }
        // One of those that are asked, which older versions do not list.
        let asked = text(&value, "/requested_reviewer/login", 100);
        if event.action == Action::ReviewRequested
            && !asked.is_empty()
            && !event.reviewers.contains(&asked)
        {
            event.reviewers.truncate(MOST - 1);
            event.reviewers.push(asked);
        }
        // A reviewer who has written a review is no longer asked to.
        if text(&value, "/action", 20) == "reviewed" {
            event.reviewers.retain(|login| *login != event.sender);
        }
    }
    Ok(event)
}

fn is_of_pull_request(name: &str) -> bool {
    matches!(
        name,
        "pull_request_sync"
            | "pull_request_assign"
            | "pull_request_label"
            | "pull_request_milestone"
            | "pull_request_review_request"
            | "pull_request_approved"
            | "pull_request_rejected"
            | "pull_request_review_approved"
            | "pull_request_review_rejected"
            | "pull_request_review_comment"
    )
}

fn action(value: &Value, of_github: Action) -> Action {
    let was = text(value, "/changes/title/from", 500);
    let was_draft = DRAFT_TITLES
        .into_iter()
        .any(|start| starts_with(&was, start));
    match (text(value, "/action", 60).as_str(), was_draft) {
        ("edited", true) if !flag(value, "/pull_request/draft") => Action::Ready,
        _ => of_github,
    }
}

fn starts_with(title: &str, start: &str) -> bool {
    title
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}
