//! Real and made deliveries of each forge, and thousands of broken ones.

use axum::http::Method;
use fortnight::domain::pull_requests::{
    forgejo, github, gitlab,
    model::{Action, CheckState, ForgeEvent, PullRequestEvent, PullRequestState},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use time::macros::datetime;

use super::{Connected, sign};
use crate::fixtures::NOW;

const OPENED: &str = include_str!("../../data/webhooks/bors-pull-request-opened.json");
const READY: &str = include_str!("../../data/webhooks/bors-pull-request-ready-for-review.json");
const MERGED: &str = include_str!("../../data/webhooks/bors-pull-request-merged.json");
const CLOSED: &str = include_str!("../../data/webhooks/bors-pull-request-closed.json");
const REVIEW: &str = include_str!("../../data/webhooks/pull_request.review_requested.21.json");
const PUSH: &str = include_str!("../../data/webhooks/push.0.json");
const PING: &str = include_str!("../../data/webhooks/ping.0.json");

fn pull_request(event: ForgeEvent) -> PullRequestEvent {
    match event {
        ForgeEvent::PullRequest(event) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn real_deliveries_of_github_are_read() {
    let read =
        |body: &str| pull_request(github::parse("pull_request", body.as_bytes(), NOW).unwrap());
    let opened = read(OPENED);
    assert_eq!(opened.action, Action::Opened);
    assert_eq!(opened.state, PullRequestState::Open);
    assert_eq!(
        (opened.repository.as_str(), opened.number),
        ("Sakib25800/bors-test", 2)
    );
    assert_eq!(
        (opened.head_branch.as_str(), opened.base_branch.as_str()),
        ("new-added-branch", "main")
    );
    assert_eq!(
        (opened.default_branch.as_str(), opened.author.as_str()),
        ("main", "Sakib25800")
    );
    assert_eq!(opened.at, datetime!(2025-03-10 15:07:45 UTC));
    assert!(!opened.is_fork && !opened.is_of_outsider);
    assert!(opened.url.starts_with("https://github.com/"));
    assert_eq!(read(READY).action, Action::Ready);
    let merged = read(MERGED);
    assert_eq!(
        (merged.action, merged.state),
        (Action::Closed, PullRequestState::Merged)
    );
    assert_eq!(read(CLOSED).state, PullRequestState::Closed);
    let review = read(REVIEW);
    assert_eq!(
        (review.action, review.reviewers),
        (Action::ReviewRequested, vec!["octocat".to_owned()])
    );
    let push = github::parse("push", PUSH.as_bytes(), NOW).unwrap();
    assert!(matches!(push, ForgeEvent::Other { .. }), "a tag: {push:?}");
    assert_eq!(
        github::parse("ping", PING.as_bytes(), NOW).unwrap(),
        ForgeEvent::Ping
    );
}

/// A pull request as Forgejo and Gitea describe it.
fn forgejo_body(action: &str, title: &str) -> Value {
    json!({
        "action": action, "number": 7,
        "pull_request": {
            "number": 7, "title": title, "body": "Closes INF-1", "state": "open", "merged": false,
            "html_url": "https://git.acme.example/acme/alerts/pulls/7", "updated_at": "2026-11-24T10:30:00+01:00",
            "user": { "login": "gita" }, "requested_reviewers": null,
            "head": { "label": "inf-1-x", "ref": "inf-1-x", "sha": "5f3c1d9" },
            "base": { "label": "main", "ref": "main", "sha": "0" },
        },
        "requested_reviewer": null,
        "repository": { "full_name": "acme/alerts", "default_branch": "main" },
        "sender": { "login": "gita" },
    })
}

/// A merge request as GitLab describes it.
fn gitlab_body(action: &str, state: &str, draft: bool) -> Value {
    json!({
        "object_kind": "merge_request", "event_type": "merge_request",
        "user": { "id": 1, "username": "gita" },
        "project": { "path_with_namespace": "acme/alerts", "default_branch": "main" },
        "object_attributes": {
            "id": 99, "iid": 7, "author_id": 1, "title": "Cut over", "description": "Closes INF-1", "state": state,
            "action": action, "draft": draft, "work_in_progress": draft, "source_branch": "inf-1-x",
            "target_branch": "main", "url": "https://gitlab.acme.example/acme/alerts/-/merge_requests/7",
            "updated_at": "2026-11-24 09:30:00 UTC", "last_commit": { "id": "5f3c1d9" },
        },
        "reviewers": [{ "id": 2, "username": "jonas" }],
        "changes": {},
    })
}

#[test]
fn deliveries_of_forgejo_are_read() {
    let read =
        |name: &str, body: &Value| forgejo::parse(name, body.to_string().as_bytes(), NOW).unwrap();
    let opened = pull_request(read(
        "pull_request",
        &forgejo_body("opened", "WIP: Cut over"),
    ));
    assert_eq!(
        (opened.action, opened.state),
        (Action::Opened, PullRequestState::Draft)
    );
    assert_eq!(opened.at, datetime!(2026-11-24 9:30 UTC));
    let mut ready = forgejo_body("edited", "Cut over");
    ready["changes"] = json!({ "title": { "from": "WIP: Cut over" } });
    let ready = pull_request(read("pull_request", &ready));
    assert_eq!(
        (ready.action, ready.state),
        (Action::Ready, PullRequestState::Open)
    );
    let mut asked = forgejo_body("review_requested", "Cut over");
    asked["requested_reviewer"] = json!({ "login": "jonas" });
    let asked = pull_request(read("pull_request_review_request", &asked));
    assert_eq!(
        (asked.action, asked.reviewers),
        (Action::ReviewRequested, vec!["jonas".to_owned()])
    );
    // More are listed than are stored, and the one who is asked is among them.
    let many = (0..60).map(|number| json!({ "login": format!("reviewer-{number}") }));
    let mut asked = forgejo_body("review_requested", "Cut over");
    asked["pull_request"]["requested_reviewers"] = many.collect();
    asked["requested_reviewer"] = json!({ "login": "jonas" });
    let asked = pull_request(read("pull_request_review_request", &asked));
    assert_eq!(asked.reviewers.len(), 50);
    assert!(asked.reviewers.contains(&"jonas".to_owned()));
    // Whoever has reviewed it is no longer asked.
    let mut reviewed = forgejo_body("reviewed", "Cut over");
    reviewed["pull_request"]["requested_reviewers"] = json!([{ "login": "gita" }]);
    let reviewed = pull_request(read("pull_request_comment", &reviewed));
    assert_eq!(
        (reviewed.action, reviewed.reviewers),
        (Action::Changed, Vec::new())
    );
    let deleted = json!({
        "ref": "inf-1-x", "ref_type": "branch", "repository": { "full_name": "acme/alerts" },
    });
    match read("delete", &deleted) {
        ForgeEvent::Push(push) => assert!(push.is_deleted && push.branch == "inf-1-x"),
        other => panic!("{other:?}"),
    }
    let status = json!({
        "sha": "5f3c1d9", "state": "pending", "context": "ci/build", "updated_at": "2026-11-24T10:30:00Z",
        "repository": { "full_name": "acme/alerts" },
    });
    match read("status", &status) {
        ForgeEvent::Check(check) => assert_eq!(check.state, CheckState::Running),
        other => panic!("{other:?}"),
    }
    let comment = json!({
        "action": "created", "is_pull": true, "issue": { "number": 7 },
        "comment": { "body": "a", "user": { "login": "gita" } }, "sender": { "login": "gita" },
        "repository": { "full_name": "acme/alerts" },
    });
    assert!(matches!(
        read("issue_comment", &comment),
        ForgeEvent::Comment(_)
    ));
}

#[test]
fn deliveries_of_gitlab_are_read() {
    let read = |body: &Value| gitlab::parse(body.to_string().as_bytes(), NOW).unwrap();
    let opened = pull_request(read(&gitlab_body("open", "opened", true)));
    assert_eq!(
        (opened.action, opened.state),
        (Action::Opened, PullRequestState::Draft)
    );
    assert_eq!((opened.number, opened.author.as_str()), (7, "gita"));
    assert_eq!(opened.at, datetime!(2026-11-24 9:30 UTC));
    assert_eq!(opened.reviewers, ["jonas"]);
    let mut ready = gitlab_body("update", "opened", false);
    ready["changes"] = json!({ "draft": { "previous": true, "current": false } });
    assert_eq!(pull_request(read(&ready)).action, Action::Ready);
    let mut asked = gitlab_body("update", "opened", false);
    asked["changes"] =
        json!({ "reviewers": { "previous": [], "current": [{ "username": "jonas" }] } });
    assert_eq!(pull_request(read(&asked)).action, Action::ReviewRequested);
    let mut fork = gitlab_body("open", "opened", false);
    fork["object_attributes"]["source_project_id"] = json!(1);
    fork["object_attributes"]["target_project_id"] = json!(2);
    assert!(pull_request(read(&fork)).is_fork && !opened.is_fork);
    let merged = pull_request(read(&gitlab_body("merge", "merged", false)));
    assert_eq!(
        (merged.action, merged.state),
        (Action::Closed, PullRequestState::Merged)
    );
    let pipeline = json!({
        "object_kind": "pipeline", "project": { "path_with_namespace": "acme/alerts" },
        "object_attributes": {
            "id": 31, "status": "failed", "source": "push", "sha": "5f3c1d9", "finished_at": "2026-11-24 09:31:00 UTC",
        },
    });
    match read(&pipeline) {
        ForgeEvent::Check(check) => {
            assert_eq!(check.state, CheckState::Failed);
            assert_eq!((check.name.as_str(), check.run), ("pipeline push", 31));
        }
        other => panic!("{other:?}"),
    }
    let note = json!({
        "object_kind": "note", "user": { "id": 1, "username": "gita" },
        "project": { "path_with_namespace": "acme/alerts" }, "merge_request": { "iid": 7 },
        "object_attributes": { "note": "a", "noteable_type": "MergeRequest", "author_id": 1 },
    });
    assert!(matches!(read(&note), ForgeEvent::Comment(_)));
    let push = json!({
        "object_kind": "push", "ref": "refs/heads/inf-1-x", "after": "5f", "commits": [{ "message": "INF-1" }],
        "project": { "path_with_namespace": "acme/alerts" },
    });
    assert!(matches!(read(&push), ForgeEvent::Push(_)));
}

/// Replaces random nodes and bytes of deliveries. Nothing panics, and what cannot be read is an error.
#[test]
fn broken_deliveries_are_refused_without_a_panic() {
    let bodies = [OPENED, REVIEW, PUSH]
        .map(str::to_owned)
        .into_iter()
        .chain([
            forgejo_body("opened", "Cut over").to_string(),
            gitlab_body("open", "opened", true).to_string(),
        ]);
    let bodies: Vec<String> = bodies.collect();
    let odd = prop::sample::select(vec![
        json!(null),
        json!(-1),
        json!(1e308),
        json!(i64::MAX),
        json!(""),
        json!("\0\u{202e}"),
        json!([[[]]]),
        json!({}),
        json!("x".repeat(5000)),
        json!("9999-99-99T00:00:00Z"),
        json!("+10000-01-01T00:00:00Z"),
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), odd), 1..6);
    let cuts = (any::<prop::sample::Index>(), any::<u8>());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    for round in 0..1500 {
        let body = &bodies[round % bodies.len()];
        let mut value: Value = serde_json::from_str(body).unwrap();
        for (index, node) in changes.new_tree(&mut runner).unwrap().current() {
            let pointers = pointers_of(&value);
            if let Some(place) = value.pointer_mut(&pointers[index.index(pointers.len())]) {
                *place = node;
            }
        }
        let mut text = value.to_string().into_bytes();
        if round % 3 == 0 {
            let (at, byte) = cuts.new_tree(&mut runner).unwrap().current();
            let at = at.index(text.len());
            text[at] = byte;
            text.truncate(text.len() - at % 50);
        }
        for name in [
            "pull_request",
            "push",
            "status",
            "check_run",
            "check_suite",
            "issue_comment",
            "pull_request_review",
            "pull_request_comment",
            "delete",
            "?",
        ] {
            let _ = github::parse(name, &text, NOW);
            let _ = forgejo::parse(name, &text, NOW);
        }
        let _ = gitlab::parse(&text, NOW);
    }
    let deep = "[".repeat(100_000);
    assert!(github::parse("pull_request", deep.as_bytes(), NOW).is_err());
    assert!(gitlab::parse(b"", NOW).is_err());
}

fn pointers_of(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut waiting = vec![(String::new(), value)];
    while let Some((path, value)) = waiting.pop() {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => map
                .iter()
                .map(|(key, child)| (format!("{path}/{key}"), child))
                .collect(),
            Value::Array(list) => list
                .iter()
                .enumerate()
                .map(|(at, child)| (format!("{path}/{at}"), child))
                .collect(),
            _ => Vec::new(),
        };
        found.extend(children.iter().map(|(path, _)| path.clone()));
        waiting.extend(children);
    }
    found
}

#[tokio::test]
async fn forgejo_moves_tasks_too() {
    let connected = Connected::to("forgejo").await;
    connected
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    for (header, prefix, id) in [
        ("x-forgejo-signature", "", "1"),
        ("x-gitea-signature", "", "2"),
        ("x-hub-signature-256", "sha256=", "3"),
    ] {
        let mut body = forgejo_body("opened", "INF-1");
        body["number"] = json!(id);
        let body = body.to_string();
        let signature = format!("{prefix}{}", sign(&connected.secret, body.as_bytes()));
        let vendor = if header == "x-gitea-signature" {
            "gitea"
        } else {
            "forgejo"
        };
        let (delivery, event) = (format!("x-{vendor}-delivery"), format!("x-{vendor}-event"));
        let headers = [
            (header, signature.as_str()),
            (delivery.as_str(), id),
            (event.as_str(), "pull_request"),
        ];
        connected
            .post(&headers, body.into_bytes())
            .await
            .status(202);
    }
    assert_eq!(connected.process_waiting().await, 3);
    assert_eq!(connected.column("INF-1").await, "in-review");
    let page = connected.world.elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("Forgejo, #7"), "{page}");
}

#[tokio::test]
async fn gitlab_moves_tasks_by_token_and_by_signature() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use hmac::{Hmac, Mac};

    let connected = Connected::to("gitlab").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let body = gitlab_body("open", "opened", true).to_string().into_bytes();
    let headers = [
        ("x-gitlab-token", connected.secret.as_str()),
        ("x-gitlab-event", "Merge Request Hook"),
        ("x-gitlab-event-uuid", "the same for both"),
        ("idempotency-key", "1"),
    ];
    connected.post(&headers, body).await.status(202);
    connected.process_waiting().await;
    assert_eq!(connected.column("INF-1").await, "in-progress");
    // with a signed time
    let mut merged = gitlab_body("merge", "merged", false);
    merged["object_attributes"]["updated_at"] = json!("2026-11-24 09:40:00 UTC");
    let body = merged.to_string();
    let key = STANDARD
        .decode(connected.secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let signed = |at: i64| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("msg_2.{at}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let now = NOW.unix_timestamp();
    for (at, status) in [(now - 600, 403), (now, 202)] {
        let (time, signature) = (at.to_string(), signed(at));
        let headers = [
            ("webhook-id", "msg_2"),
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature.as_str()),
            ("x-gitlab-event-uuid", "the same for both"),
        ];
        connected
            .post(&headers, body.clone().into_bytes())
            .await
            .status(status);
    }
    connected.process_waiting().await;
    assert_eq!(connected.column("INF-1").await, "done");
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("GitLab, !7"), "{page}");
    let board = elif
        .api(Method::GET, "/teams/infrastructure/board", json!({}))
        .await
        .ok();
    assert!(
        !board.text().contains("pull_request"),
        "the API is as it was"
    );
}
