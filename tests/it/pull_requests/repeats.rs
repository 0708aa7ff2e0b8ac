//! Who has moved a task that is left alone, reviews that are asked for again, and pull requests of strangers who close and
//! reopen them again and again.

use axum::http::Method;
use fortnight::domain::pull_requests::{
    gitlab,
    model::{Action, ForgeEvent},
};
use serde_json::{Value, json};
use time::Duration;

use super::{Connected, PullRequest, ago};
use crate::fixtures::NOW;

#[tokio::test]
async fn log_names_the_person_who_moved_a_task() {
    let connected = Connected::to("github").await;
    let (elif, admin) = (&connected.world.elif, &connected.admin);
    for title in ["Cut over", "Other"] {
        elif.create_task("infrastructure", "in-review", title).await;
    }
    let move_to = async |key: &str, column: &str| {
        let path = format!("/tasks/{key}/position");
        elif.api(Method::PUT, &path, json!({ "column": column }))
            .await
            .ok();
    };
    // At 10:00, Elif finishes the first and takes back the second.
    move_to("INF-1", "done").await;
    move_to("INF-2", "in-progress").await;
    connected.world.app.clock.advance(Duration::minutes(50));
    let merged = |title: &str, number: i64, at| {
        let mut request = PullRequest::new(title);
        request.number = number;
        request.github("closed", "merged", at)
    };
    connected
        .deliver(
            "pull_request",
            &merged("Closes INF-1", 417, NOW + Duration::minutes(40)),
        )
        .await;
    connected
        .deliver("pull_request", &merged("Closes INF-2", 418, ago(5)))
        .await;
    let log = connected.log().await;
    for words in [
        "Left alone: Elif Hartmann moved it to Done at 10:00",
        "Left alone: Elif Hartmann moved it to In progress at 10:00",
    ] {
        assert!(log.contains(words), "{log}");
    }
    // The time is that of the reader, with the day if it is another one than that of the delivery.
    connected.world.app.clock.advance(Duration::days(1));
    connected
        .deliver(
            "pull_request",
            &merged("Closes INF-1", 419, NOW + Duration::days(1)),
        )
        .await;
    sqlx::query("UPDATE accounts SET time_zone = 'Asia/Tokyo' WHERE handle = 'ada'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let log = connected.log().await;
    for words in [
        "Elif Hartmann moved it to Done at 19:00",
        "Elif Hartmann moved it to Done on Tue 24 Nov at 19:00",
    ] {
        assert!(log.contains(words), "{log}");
    }
    // Readers who may not see the team learn neither the name nor the time.
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let log = connected.log().await;
    assert!(!log.contains("Elif") && !log.contains("19:00 "), "{log}");
    sqlx::query("UPDATE teams SET private = false WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    // A deleted account is named nowhere.
    let path = "/settings/people/elif";
    for action in ["deactivate", "delete"] {
        admin.post(path, &[("do", action)]).await.status(303);
    }
    let log = connected.log().await;
    assert!(
        !log.contains("Elif") && log.contains("moved it to Done"),
        "{log}"
    );
}

/// A merge request of GitLab, with the reviewers that its documentation shows.
fn merge_request(action: &str, reviewers: &Value) -> Value {
    json!({
        "object_kind": "merge_request", "event_type": "merge_request",
        "user": { "id": 1, "username": "gita" },
        "project": { "path_with_namespace": "acme/alerts", "default_branch": "main" },
        "object_attributes": {
            "iid": 7, "title": "INF-1", "description": "", "state": "opened", "action": action, "draft": false,
            "author_id": 1, "source_branch": "patch", "target_branch": "main", "source_project_id": 9,
            "target_project_id": 9, "url": "https://gitlab.acme.example/acme/alerts/-/merge_requests/7",
            "last_commit": { "id": "5f3c1d9" }, "updated_at": "2026-11-24 09:30:00 UTC",
        },
        "reviewers": reviewers,
        "changes": {},
    })
}

fn reviewer(name: &str, state: &str, is_asked_again: bool) -> Value {
    json!({ "id": 6, "name": name, "username": name, "state": state, "re_requested": is_asked_again })
}

#[test]
fn review_that_gitlab_asks_for_again_is_read() {
    let read = |body: &Value| match gitlab::parse(body.to_string().as_bytes(), NOW).unwrap() {
        ForgeEvent::PullRequest(event) => (event.action, event.asked),
        other => panic!("{other:?}"),
    };
    let (jonas, ada) = (
        reviewer("jonas", "unreviewed", true),
        reviewer("ada", "approved", false),
    );
    let mut body = merge_request("update", &json!([ada, jonas]));
    let asked = (Action::ReviewRequested, Some("jonas".to_owned()));
    assert_eq!(read(&body), asked);
    body["changes"]["reviewers"] = json!({
        "previous": [ada, reviewer("jonas", "reviewed", false)], "current": [ada, jonas],
    });
    assert_eq!(read(&body), asked);
    // A flag of another form asks nobody, and neither does a request that is closed.
    for value in [json!("true"), json!(1), json!(null), json!({})] {
        let mut odd = body.clone();
        odd["reviewers"][1]["re_requested"] = value;
        assert_eq!(read(&odd), (Action::Changed, None));
    }
    body["object_attributes"]["action"] = json!("close");
    assert_eq!(read(&body), (Action::Closed, None));
}

#[tokio::test]
async fn review_that_gitlab_asks_for_again_notifies_again() {
    let connected = Connected::to("gitlab").await;
    let (elif, jonas) = (&connected.world.elif, &connected.world.jonas);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let deliver = async |id: &str, body: &Value| {
        let secret = connected.secret.clone();
        let headers = [("x-gitlab-token", secret.as_str()), ("idempotency-key", id)];
        connected
            .post(&headers, body.to_string().into_bytes())
            .await
            .status(202);
        connected.process_waiting().await;
    };
    let asked = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'pull-request.changed' AND after->'reviewers' ? 'jonas'")
            .fetch_one(&connected.world.db)
            .await
            .unwrap()
    };
    // The login is proved by a comment.
    let code = super::people::ask_for_code(&connected, jonas, "jonas-g").await;
    let note = json!({
        "object_kind": "note", "user": { "id": 5, "username": "jonas-g" },
        "project": { "path_with_namespace": "acme/alerts" },
        "object_attributes": { "note": code, "noteable_type": "MergeRequest", "author_id": 5, "action": "create" },
        "merge_request": { "iid": 7 },
    });
    deliver("note", &note).await;
    deliver(
        "1",
        &merge_request("open", &json!([reviewer("jonas-g", "unreviewed", false)])),
    )
    .await;
    assert_eq!(asked().await, 1);
    // He reviews, and nobody asks him.
    deliver(
        "2",
        &merge_request("update", &json!([reviewer("jonas-g", "reviewed", false)])),
    )
    .await;
    assert_eq!(asked().await, 1);
    // The time of the last change is as before.
    let again = merge_request("update", &json!([reviewer("jonas-g", "unreviewed", true)]));
    deliver("3", &again).await;
    assert_eq!(asked().await, 2);
    // The same delivery again, and run again by an administrator, asks nobody.
    deliver("3", &again).await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM forge_deliveries WHERE delivery = '3'")
        .fetch_one(&connected.world.db)
        .await
        .unwrap();
    let path = format!("/settings/deliveries/{id}/run");
    connected.admin.post(&path, &[]).await.status(303);
    assert_eq!(connected.process_waiting().await, 1);
    assert_eq!(asked().await, 2);
}

/// The entries of a task's activity about pull requests that people see.
async fn entries(connected: &Connected) -> Vec<String> {
    sqlx::query_scalar("SELECT after->>'is' FROM events WHERE kind = 'pull-request.changed' AND after->>'is' <> 'changed' ORDER BY seq")
        .fetch_all(&connected.world.db)
        .await
        .unwrap()
}

/// What a stranger sends: a pull request of a fork of a public repository.
fn of_stranger(action: &str, state: &str, at: time::OffsetDateTime) -> Value {
    let mut body = PullRequest::new("INF-1").github(action, state, at);
    body["pull_request"]["author_association"] = json!("NONE");
    body["pull_request"]["head"]["repo"] = json!({ "full_name": "mallory/alerts" });
    body["repository"]["private"] = json!(false);
    body
}

#[tokio::test]
async fn stranger_who_reopens_again_and_again_adds_an_entry_an_hour() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let clock = &connected.world.app.clock;
    connected
        .deliver("pull_request", &of_stranger("opened", "open", NOW))
        .await;
    // 40 deliveries in 120 minutes
    for _ in 0..20 {
        for (action, state) in [("closed", "closed"), ("reopened", "open")] {
            clock.advance(Duration::minutes(3));
            let body = of_stranger(action, state, clock.now());
            connected.deliver("pull_request", &body).await;
        }
    }
    let entries = entries(&connected).await;
    assert_eq!(entries[0], "linked");
    assert_eq!(entries.len(), 1 + 2, "{entries:?}");
    // The card is as the last delivery said, and the log has all of them.
    let stored: (String, i64) = sqlx::query_as(
        "SELECT (SELECT state FROM pull_requests), (SELECT count(*) FROM forge_deliveries WHERE state = 'done')",
    )
    .fetch_one(&connected.world.db)
    .await
    .unwrap();
    assert_eq!(stored, ("open".to_owned(), 41));
    clock.advance(Duration::minutes(1));
    let body = of_stranger("closed", "closed", clock.now());
    connected.deliver("pull_request", &body).await;
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("pull request #418 closed"), "{board}");
    // That it was merged is told in any case: it happens once.
    clock.advance(Duration::minutes(1));
    let mut body = of_stranger("closed", "closed", clock.now());
    body["pull_request"]["merged"] = json!(true);
    body["pull_request"]["merged_at"] = body["pull_request"]["updated_at"].clone();
    connected.deliver("pull_request", &body).await;
    assert_eq!(
        self::entries(&connected).await.last().unwrap(),
        "merged",
        "{entries:?}"
    );
    // Taking the key out and putting it back in is no way around it.
    let before = self::entries(&connected).await.len();
    for title in ["none", "INF-1", "none", "INF-1"] {
        clock.advance(Duration::minutes(1));
        let mut body = of_stranger("edited", "closed", clock.now());
        body["pull_request"]["title"] = json!(title);
        connected.deliver("pull_request", &body).await;
    }
    assert!(self::entries(&connected).await.len() <= before + 1);
}

#[tokio::test]
async fn each_kind_of_entry_is_once_an_hour_where_authors_are_unknown() {
    let connected = Connected::to("forgejo").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let clock = &connected.world.app.clock;
    let mut number = 0;
    let mut deliver = async |action: &str, state: &str| {
        clock.advance(Duration::minutes(5));
        number += 1;
        let body = PullRequest::new("INF-1")
            .github(action, state, clock.now())
            .to_string();
        let (id, signature) = (
            number.to_string(),
            super::sign(&connected.secret, body.as_bytes()),
        );
        let headers = [
            ("x-forgejo-delivery", id.as_str()),
            ("x-forgejo-event", "pull_request"),
            ("x-forgejo-signature", signature.as_str()),
        ];
        connected
            .post(&headers, body.into_bytes())
            .await
            .status(202);
        connected.process_waiting().await;
    };
    deliver("opened", "open").await;
    for _ in 0..5 {
        deliver("closed", "closed").await;
        deliver("reopened", "open").await;
    }
    deliver("closed", "merged").await;
    // What happens once is always told.
    assert_eq!(
        entries(&connected).await,
        ["linked", "closed", "reopened", "merged"]
    );
}

/// Someone with rights in the repository is believed: every entry is told.
#[tokio::test]
async fn entries_of_people_with_rights_are_not_limited() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let clock = &connected.world.app.clock;
    for (action, state) in [
        ("opened", "open"),
        ("closed", "closed"),
        ("reopened", "open"),
        ("closed", "closed"),
        ("reopened", "open"),
    ] {
        clock.advance(Duration::minutes(1));
        let body = PullRequest::new("INF-1").github(action, state, clock.now());
        connected.deliver("pull_request", &body).await;
    }
    assert_eq!(
        entries(&connected).await,
        ["linked", "closed", "reopened", "closed", "reopened"]
    );
}
