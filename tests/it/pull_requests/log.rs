//! Receiving deliveries, and the log of what became of them.

use fortnight::{domain::retention::purge_expired, jobs::pull_requests::process_waiting};
use serde_json::json;
use time::Duration;

use super::{Connected, PullRequest, ago, read_connection, sign};
use crate::fixtures::NOW;

async fn count(connected: &Connected, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&connected.world.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_deliveries_are_refused() {
    let connected = Connected::to("github").await;
    connected
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let body = PullRequest::new("Closes INF-1")
        .github("closed", "merged", ago(1))
        .to_string();
    let right = format!("sha256={}", sign(&connected.secret, body.as_bytes()));
    let wrong = format!("sha256={}", sign("another secret", body.as_bytes()));
    let bare = &right[7..];
    for signature in [
        None,
        Some(wrong.as_str()),
        Some(bare),
        Some("sha256=00"),
        Some("sha256="),
    ] {
        let mut headers = vec![
            ("x-github-delivery", "taken"),
            ("x-github-event", "pull_request"),
        ];
        headers.extend(signature.map(|signature| ("x-hub-signature-256", signature)));
        connected
            .post(&headers, body.clone().into_bytes())
            .await
            .status(403);
    }
    assert_eq!(connected.process_waiting().await, 0);
    assert_eq!(connected.column("INF-1").await, "todo");
    // They have used up no id, and their bodies are nowhere.
    assert_eq!(count(&connected, "SELECT count(*) FROM forge_deliveries WHERE state = 'refused' AND body IS NULL AND delivery IS NULL").await, 5);
    let headers = [
        ("x-github-delivery", "taken"),
        ("x-github-event", "pull_request"),
        ("x-hub-signature-256", right.as_str()),
    ];
    connected
        .post(&headers, body.clone().into_bytes())
        .await
        .status(202);
    connected.process_waiting().await;
    assert_eq!(connected.column("INF-1").await, "done");
    let log = connected.log().await;
    assert!(
        log.contains("Refused: it has no signature")
            && log.contains("Refused: the signature does not match")
    );
    // an address that nobody has
    let mut other = Connected {
        hook: format!("/hooks/forge/{}", uuid::Uuid::nil()),
        ..connected
    };
    other
        .post(&headers, body.clone().into_bytes())
        .await
        .status(404);
    other.hook = "/hooks/forge/x".to_owned();
    other.post(&headers, body.into_bytes()).await.status(404);
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let connected = Connected::to("github").await;
    let mut last = 0;
    // The limit refills by ten a second, which a busy machine has to outrun.
    for _ in 0..3_000 {
        let response = connected
            .post(&[("x-hub-signature-256", "sha256=1")], b"{}".to_vec())
            .await;
        last = response.status.as_u16();
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    assert_eq!(
        count(&connected, "SELECT count(*) FROM forge_deliveries").await,
        100
    );
    // The forge itself is served all the same.
    connected.deliver("ping", &json!({ "zen": "x" })).await;
    assert!(
        connected
            .log()
            .await
            .contains("The forge reaches this address")
    );
}

#[tokio::test]
async fn too_large_bodies_are_refused() {
    let connected = Connected::to("github").await;
    let headers = [("x-github-delivery", "1"), ("x-github-event", "push")];
    connected
        .post(&headers, vec![b' '; 1_048_577])
        .await
        .status(413);
    let mut body = json!({ "zen": "x" });
    body["rest"] = json!("x".repeat(1_000_000));
    connected.send("2", "ping", &body).await.status(202);
}

#[tokio::test]
async fn old_secret_is_accepted_for_a_day() {
    let connected = Connected::to("github").await;
    let path = format!("{}/secret", connected.page);
    connected.world.elif.post(&path, &[]).await.status(403);
    let renewed = connected.admin.post(&path, &[]).await.status(200).text();
    assert!(renewed.contains("The one before is accepted until"));
    let (_, secret) = read_connection(&renewed);
    let old = connected.secret.clone();
    assert_ne!(secret, old);
    let ping = json!({ "zen": "x" });
    connected.send("1", "ping", &ping).await.status(202);
    let connected = Connected {
        secret,
        ..connected
    };
    connected.send("2", "ping", &ping).await.status(202);
    connected.world.app.clock.advance(Duration::hours(25));
    connected.send("3", "ping", &ping).await.status(202);
    let old = Connected {
        secret: old,
        ..connected
    };
    old.send("4", "ping", &ping).await.status(403);
    // Case 45: no page shows a secret again.
    for path in [
        old.page.as_str(),
        "/settings/connections",
        "/settings/audit",
        "/settings/outgoing",
    ] {
        let page = old.admin.get(path).await.ok().text();
        assert!(
            !page.contains(&old.secret) && !page.contains("new-secret"),
            "{path}"
        );
    }
    let audit = old.admin.get("/settings/audit").await.ok().text();
    for kind in [
        "connection.created",
        "connection.secret-renewed",
        "connection.repository-added",
    ] {
        assert!(audit.contains(kind), "{kind}");
    }
}

#[tokio::test]
async fn disconnecting_keeps_links_and_log() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let request = PullRequest::new("INF-1");
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(5)))
        .await;
    connected
        .send("waits", "ping", &json!({}))
        .await
        .status(202);
    let path = format!("{}/disconnect", connected.page);
    connected.admin.post(&path, &[]).await.status(303);
    connected.send("late", "ping", &json!({})).await.status(404);
    assert_eq!(connected.process_waiting().await, 0);
    assert!(elif.get("/tasks/INF-1").await.ok().text().contains("#418"));
    let page = connected.admin.get(&connected.page).await.ok().text();
    assert!(
        page.contains("disconnected") && page.contains("#418 opened"),
        "{page}"
    );
    assert!(!page.contains("Run again") && !page.contains("Renew secret"));
    connected.admin.post(&path, &[]).await.status(404);
    // Its name can be used again.
    let fields = [("name", "acme"), ("forge", "github")];
    connected
        .admin
        .post("/settings/connections", &fields)
        .await
        .status(200);
    connected
        .admin
        .post("/settings/connections", &fields)
        .await
        .status(422);
}

#[tokio::test]
async fn repositories_are_matched_whatever_their_case() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let path = format!("{}/repositories", connected.page);
    for (name, status) in [
        ("ACME/Alerts", 422),
        ("nonsense", 422),
        ("", 422),
        ("acme/a b", 422),
        ("group/sub/project", 303),
    ] {
        let fields = [("repository", name), ("team", "infrastructure")];
        let refused = connected
            .admin
            .post(&path, &fields)
            .await
            .status(status)
            .text();
        assert!(status == 303 || refused.contains("field-error"), "{name}");
    }
    let mut body = PullRequest::new("INF-1").github("opened", "open", ago(5));
    body["repository"]["full_name"] = json!("acme/other");
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "todo");
    assert!(
        connected
            .log()
            .await
            .contains("This repository is not listed above")
    );
    body["repository"]["full_name"] = json!("Acme/ALERTS");
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "in-review");
    // removed, it counts no longer
    let page = connected.admin.get(&connected.page).await.ok().text();
    for id in page
        .split("name=\"repository\" value=\"")
        .skip(1)
        .map(|rest| &rest[..36])
    {
        if id.contains('"') {
            continue;
        }
        let path = format!("{}/repositories/remove", connected.page);
        connected
            .admin
            .post(&path, &[("repository", id)])
            .await
            .status(303);
    }
    connected.deliver("pull_request", &body).await;
    assert!(
        connected
            .log()
            .await
            .contains("This repository is not listed above")
    );
}

#[tokio::test]
async fn log_is_filtered_and_paged_and_bodies_are_shown() {
    let connected = Connected::to("github").await;
    connected
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    for _ in 0..55 {
        let id = uuid::Uuid::new_v4().to_string();
        connected
            .send(
                &id,
                "star",
                &json!({ "repository": { "full_name": "acme/alerts" } }),
            )
            .await
            .status(202);
    }
    let mut body = PullRequest::new("INF-1").github("opened", "open", ago(5));
    body["secret"] = json!(connected.secret);
    connected
        .send("moves", "pull_request", &body)
        .await
        .status(202);
    connected
        .send("broken", "pull_request", &json!({ "pull_request": 1 }))
        .await
        .status(202);
    assert_eq!(connected.process_waiting().await, 57);
    let page = async |part: &str| {
        let path = format!("{}{part}", connected.page);
        let page = connected.admin.get(&path).await.ok().text();
        page.split("<tbody>")
            .nth(1)
            .map_or(0, |rows| rows.matches("<tr>").count())
    };
    assert_eq!(page("").await, 50);
    assert_eq!(page("?result=moved").await, 1);
    assert_eq!(page("?result=failed").await, 1);
    assert_eq!(page("?result=refused").await, 0);
    assert_eq!(page("?result=nonsense&before=nonsense").await, 50);
    let first = connected.admin.get(&connected.page).await.ok().text();
    let older = first
        .split("before=")
        .nth(1)
        .unwrap()
        .split(['#', '"'])
        .next()
        .unwrap();
    assert_eq!(page(&format!("?before={older}")).await, 7);
    assert!(first.contains("57 in 7 days, 1 failed"), "{first}");
    let moved = connected
        .admin
        .get(&format!("{}?result=moved", connected.page))
        .await
        .ok()
        .text();
    let delivery = moved.split("/settings/deliveries/").nth(1).unwrap()[..36].to_owned();
    let path = format!("/settings/deliveries/{delivery}");
    let shown = connected.admin.get(&path).await.ok().text();
    assert!(
        shown.contains("html_url") && shown.contains("&lt;redacted&gt;")
            || shown.contains("&#60;redacted&#62;"),
        "{shown}"
    );
    assert!(!shown.contains(&connected.secret));
    connected.world.elif.get(&path).await.status(403);
    connected.world.elif.get(&connected.page).await.status(403);
}

#[tokio::test]
async fn running_again_follows_the_same_rules() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    // The rule is off at first.
    let rules = "/teams/infrastructure/settings/pull-requests";
    elif.post(rules, &[("merged", "1")]).await.status(303);
    let body = PullRequest::new("INF-1").github("opened", "open", ago(5));
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "todo");
    elif.post(rules, &[("review", "1")]).await.status(303);
    let log = connected.log().await;
    let path = log.split("action=\"/settings/deliveries/").nth(1).unwrap();
    let path = format!("/settings/deliveries/{}", path.split('"').next().unwrap());
    elif.post(&path, &[]).await.status(403);
    for _ in 0..3 {
        connected.admin.post(&path, &[]).await.status(303);
        assert_eq!(connected.process_waiting().await, 1);
        assert_eq!(connected.column("INF-1").await, "in-review");
    }
    let moves = "SELECT count(*) FROM events WHERE kind = 'task.moved'";
    assert_eq!(count(&connected, moves).await, 1);
    let log = connected.log().await;
    assert!(
        log.contains("Todo → In review") && log.contains("it is in In review already"),
        "{log}"
    );
}

#[tokio::test]
async fn failed_delivery_is_tried_again_before_later_ones() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    // The database refuses for a while.
    sqlx::query("ALTER TABLE pull_requests ADD CONSTRAINT outage CHECK (false)")
        .execute(&world.db)
        .await
        .unwrap();
    let request = PullRequest::new("Closes INF-1");
    connected
        .send(
            "1",
            "pull_request",
            &request.github("opened", "draft", ago(9)),
        )
        .await
        .status(202);
    connected
        .send(
            "2",
            "pull_request",
            &request.github("closed", "merged", ago(8)),
        )
        .await
        .status(202);
    assert_eq!(connected.process_waiting().await, 1, "the second waits");
    assert_eq!(
        connected.process_waiting().await,
        0,
        "and so does the first"
    );
    assert!(connected.log().await.contains("It is tried again soon"));
    sqlx::query("ALTER TABLE pull_requests DROP CONSTRAINT outage")
        .execute(&world.db)
        .await
        .unwrap();
    world.app.clock.advance(Duration::seconds(6));
    assert_eq!(connected.process_waiting().await, 2);
    assert_eq!(connected.column("INF-1").await, "done");
    let moves: Vec<String> = sqlx::query_scalar(
        "SELECT after->>'state' FROM events WHERE kind = 'task.moved' ORDER BY seq",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(moves, ["doing", "done"], "in their order");
    // What never succeeds is given up.
    sqlx::query("ALTER TABLE pull_requests ADD CONSTRAINT outage CHECK (false) NOT VALID")
        .execute(&world.db)
        .await
        .unwrap();
    let mut other = PullRequest::new("INF-1");
    other.number = 500;
    connected
        .send("3", "pull_request", &other.github("opened", "open", ago(1)))
        .await
        .status(202);
    for _ in 0..10 {
        connected.process_waiting().await;
        world.app.clock.advance(Duration::hours(1));
    }
    assert!(
        connected
            .log()
            .await
            .contains("Not processed: this server had an error")
    );
}

/// Several programs on one database, and several workers of each.
#[tokio::test]
async fn workers_at_once_do_everything_once_and_in_order() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    for number in 0..20 {
        let mut request = PullRequest::new(format!("INF-1 {number}"));
        request.number = 100 + number;
        let body = request.github("closed", "closed", ago(60 - number));
        connected
            .send(&format!("{number}"), "pull_request", &body)
            .await
            .status(202);
    }
    let runs = (0..4).map(|_| process_waiting(&world.app));
    let worked: usize = futures_util::future::join_all(runs)
        .await
        .into_iter()
        .map(|worked| worked.unwrap())
        .sum();
    assert_eq!(worked, 20);
    let comments: Vec<String> =
        sqlx::query_scalar("SELECT author FROM comments ORDER BY created_at, id")
            .fetch_all(&world.db)
            .await
            .unwrap();
    let expected: Vec<String> = (100..120)
        .map(|number| format!("GitHub, #{number}"))
        .collect();
    assert_eq!(comments, expected);
}

#[tokio::test]
async fn bodies_go_after_a_week_and_the_log_later() {
    let connected = Connected::to("github").await;
    let db = &connected.world.db;
    connected.deliver("ping", &json!({})).await;
    connected.deliver("push", &json!({ "ref": "refs/heads/x", "repository": { "full_name": "acme/alerts" }, "commits": [] })).await;
    purge_expired(db, NOW + Duration::days(6)).await.unwrap();
    let bodies = "SELECT count(*) FROM forge_deliveries WHERE body IS NOT NULL";
    assert_eq!(count(&connected, bodies).await, 2);
    purge_expired(db, NOW + Duration::days(8)).await.unwrap();
    assert_eq!(count(&connected, bodies).await, 0);
    let log = connected.log().await;
    assert!(
        !log.contains("Run again:") && log.contains("push to x"),
        "{log}"
    );
    purge_expired(db, NOW + Duration::days(91)).await.unwrap();
    assert_eq!(
        count(&connected, "SELECT count(*) FROM forge_deliveries").await,
        0
    );
}
