//! Accounts, secrets and links that are no longer in use.

use serde_json::{Value, json};
use time::Duration;

use super::{
    Connected, PullRequest, REPOSITORY, ago,
    people::{ask_for_code, comment, prove},
    read_connection,
};

async fn make_private(connected: &Connected) {
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
}

/// A pull request of `acme/alerts` that names `INF-1`, with a reviewer.
async fn open_with_reviewer(connected: &Connected, title: &str, login: &'static str) {
    let mut request = PullRequest::new(title);
    request.reviewers = vec![login];
    let body = request.github("review_requested", "open", ago(9));
    connected.deliver("pull_request", &body).await;
}

#[tokio::test]
async fn reviewers_of_a_private_repository_are_not_named() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    connected.list("acme/ingest", "ingestion").await;
    world.jonas.create_task("ingestion", "todo", "Open").await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    make_private(&connected).await;
    open_with_reviewer(&connected, "INF-1, ING-1", "very-secret-login").await;
    let page = world.jonas.get("/tasks/ING-1").await.ok().text();
    assert!(page.contains("in a repository of a private team"), "{page}");
    assert!(!page.contains("very-secret-login"), "{page}");
    let page = world.elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("review by very-secret-login"), "{page}");
}

#[tokio::test]
async fn quoted_code_proves_nothing() {
    let connected = Connected::to("github").await;
    let (elif, jonas) = (&connected.world.elif, &connected.world.jonas);
    let code = ask_for_code(&connected, jonas, "victim").await;
    for body in [
        format!("> {code}\n\nWhat is this?"),
        format!("> {code}"),
        format!("What is {code}?"),
        format!("`{code}`"),
        format!("{code} {code}"),
    ] {
        let body = comment("victim", "victim", "created", &body);
        connected.deliver("issue_comment", &body).await;
        let page = jonas.get("/me/forges").await.ok().text();
        assert!(!page.contains("<b>victim</b>"), "{body}");
    }
    let body = comment("victim", "victim", "created", &format!("\n {code}\r\n"));
    connected.deliver("issue_comment", &body).await;
    let page = jonas.get("/me/forges").await.ok().text();
    assert!(page.contains("<b>victim</b>"), "{page}");
    // Whoever has it keeps it.
    let id = connected.page.rsplit('/').next().unwrap();
    let fields = [("connection", id), ("login", "Victim")];
    let refused = elif.post("/me/forges", &fields).await.status(422).text();
    assert!(refused.contains("Another person here has proved"));
}

/// Both asked for a code before either wrote it.
#[tokio::test]
async fn proved_login_is_not_replaced() {
    let connected = Connected::to("github").await;
    let (elif, jonas) = (&connected.world.elif, &connected.world.jonas);
    let code = ask_for_code(&connected, elif, "jonas-g").await;
    prove(&connected, jonas, "jonas-g").await;
    let body = comment("jonas-g", "jonas-g", "created", &code);
    connected.deliver("issue_comment", &body).await;
    let is_of = async |client: &crate::fixtures::Client| {
        let page = client.get("/me/forges").await.ok().text();
        page.contains("<b>jonas-g</b>")
    };
    assert!(is_of(jonas).await && !is_of(elif).await);
    assert!(
        connected
            .log()
            .await
            .contains("Another person here has proved the username jonas-g before")
    );
    // A deactivated account keeps no login from others.
    let code = {
        sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE handle = 'jonas'")
            .execute(&connected.world.db)
            .await
            .unwrap();
        ask_for_code(&connected, elif, "jonas-g").await
    };
    let body = comment("jonas-g", "jonas-g", "created", &code);
    connected.deliver("issue_comment", &body).await;
    assert!(is_of(elif).await);
}

#[tokio::test]
async fn deleted_account_leaves_no_handle_in_pull_requests() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let leaver = world
        .join("Zed Zeller", "zedzeller", "infrastructure")
        .await;
    prove(&connected, &leaver, "gita").await;
    open_with_reviewer(&connected, "INF-1", "gita").await;
    let named = async || -> Vec<Value> {
        sqlx::query_scalar("SELECT after FROM events WHERE after::text LIKE '%zedzeller%' AND kind IN ('pull-request.changed', 'task.moved')")
            .fetch_all(&world.db)
            .await
            .unwrap()
    };
    let before = named().await;
    assert!(before.iter().any(|after| after["sender"] == "zedzeller"));
    let asked = json!(["zedzeller"]);
    assert!(before.iter().any(|after| after["reviewers"] == asked));
    for action in ["deactivate", "delete"] {
        let path = "/settings/people/zedzeller";
        let done = connected.admin.post(path, &[("do", action)]).await;
        done.status(303);
    }
    assert_eq!(named().await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_replaced_secret_is_accepted_for_its_day() {
    let connected = Connected::to("github").await;
    let path = format!("{}/secret", connected.page);
    let page = connected.admin.get(&connected.page).await.ok().text();
    let form = page.split(&format!("action=\"{path}\"")).nth(1).unwrap();
    let key = form.split("name=\"idempotency_key\" value=\"").nth(1);
    let key = key.unwrap().split('"').next().unwrap().to_owned();
    let first = connected.secret.clone();
    let renewed = connected
        .admin
        .post(&path, &[("idempotency_key", &key)])
        .await;
    let (_, second) = read_connection(&renewed.status(200).text());
    connected.world.app.clock.advance(Duration::hours(23));
    let renewed = connected.admin.post(&path, &[]).await.status(200).text();
    let (_, third) = read_connection(&renewed);
    let mut connected = connected;
    let mut at = 0;
    for (hours, accepted) in [
        (0, [202, 202, 202]),
        (2, [403, 202, 202]),
        (23, [403, 403, 202]),
    ] {
        connected.world.app.clock.advance(Duration::hours(hours));
        for (secret, status) in [&first, &second, &third].into_iter().zip(accepted) {
            at += 1;
            connected.secret = secret.clone();
            let (id, ping) = (at.to_string(), json!({ "zen": "x" }));
            connected.send(&id, "ping", &ping).await.status(status);
        }
    }
    for _ in 0..10 {
        connected.admin.post(&path, &[]).await.status(200);
    }
    connected.admin.post(&path, &[]).await.status(409);
}

#[tokio::test]
async fn disconnected_pull_requests_count_for_no_review() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let colleague = world.join("Tomas Weber", "tomas", "infrastructure").await;
    for title in ["Cut over", "Other"] {
        world
            .elif
            .create_task("infrastructure", "in-review", title)
            .await;
    }
    prove(&connected, &world.jonas, "jonas-g").await;
    open_with_reviewer(&connected, "INF-1", "jonas-g").await;
    let shows = async |client: &crate::fixtures::Client| {
        client.get("/").await.ok().text().contains("INF-1")
    };
    let unreviewed = async || {
        let standup = world.elif.get("/teams/infrastructure/standup").await;
        standup.ok().text().matches("No reviewer yet").count()
    };
    assert!(shows(&world.jonas).await && !shows(&colleague).await);
    assert_eq!(unreviewed().await, 1);
    // Without its repository, it is not known whether it still wants a review.
    sqlx::query("DELETE FROM forge_repositories")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(!shows(&world.jonas).await && shows(&colleague).await);
    assert_eq!(unreviewed().await, 2);
    connected.list(REPOSITORY, "infrastructure").await;
    assert!(shows(&world.jonas).await && !shows(&colleague).await);
    let path = format!("{}/disconnect", connected.page);
    connected.admin.post(&path, &[]).await.status(303);
    assert!(!shows(&world.jonas).await && shows(&colleague).await);
    assert_eq!(unreviewed().await, 2);
}

#[tokio::test]
async fn member_unlinks_a_pull_request() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let mut request = PullRequest::new("INF-1");
    let body = request.github("opened", "draft", ago(9));
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "in-progress");
    let page = elif.get("/tasks/INF-1").await.ok().text();
    let action = page.split("/pull-requests/").nth(1).unwrap();
    let path = format!(
        "/tasks/INF-1/pull-requests/{}",
        action.split('"').next().unwrap()
    );
    connected.world.jonas.post(&path, &[]).await.status(403);
    elif.post(&path, &[]).await.ok();
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(
        !page.contains(&path) && page.contains("unlinked #418"),
        "{page}"
    );
    elif.post(&path, &[]).await.status(404);
    // It stays unlinked, and moves nothing, as long as it names the task.
    let body = request.github("ready_for_review", "open", ago(8));
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "in-progress");
    assert!(connected.log().await.contains("a person has unlinked it"));
    request.title = "No key".to_owned();
    let body = request.github("edited", "open", ago(7));
    connected.deliver("pull_request", &body).await;
    request.title = "INF-1".to_owned();
    let body = request.github("edited", "open", ago(6));
    connected.deliver("pull_request", &body).await;
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains(&path), "{page}");
}

#[tokio::test]
async fn past_pull_requests_follow_their_repository() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    connected.list("acme/ingest", "ingestion").await;
    world.jonas.create_task("ingestion", "todo", "Open").await;
    let mut body = PullRequest::new("ING-1: Zanzibar").github("opened", "open", ago(9));
    body["repository"]["full_name"] = json!("acme/ingest");
    connected.deliver("pull_request", &body).await;
    let page = world.jonas.get("/tasks/ING-1").await.ok().text();
    assert!(page.contains("Zanzibar"), "{page}");
    // It moves to a team that is private, while Ingestion lists another one.
    make_private(&connected).await;
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM forge_repositories WHERE name = 'acme/ingest'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    let path = format!("{}/repositories/remove", connected.page);
    let fields = [("repository", id.to_string())];
    let fields = [(fields[0].0, fields[0].1.as_str())];
    connected.admin.post(&path, &fields).await.status(303);
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let fields = [("repository", "Acme/Ingest"), ("team", "infrastructure")];
    let path = format!("{}/repositories", connected.page);
    world.elif.post(&path, &fields).await.status(303);
    let page = world.jonas.get("/tasks/ING-1").await.ok().text();
    assert!(!page.contains("Zanzibar"), "{page}");
    assert!(page.contains("in a repository of a private team"), "{page}");
}

#[tokio::test]
async fn disconnected_connections_leave_room_for_others() {
    let connected = Connected::to("github").await;
    sqlx::query(
        "INSERT INTO forge_connections (id, name, forge, secret, created_at, disconnected_at)
         SELECT gen_random_uuid(), 'old ' || n, 'github', repeat('x', 40), now(), now() FROM generate_series(1, 200) n",
    )
    .execute(&connected.world.db)
    .await
    .unwrap();
    let add = async |name: &str| {
        let fields = [("name", name), ("forge", "github")];
        let added = connected.admin.post("/settings/connections", &fields).await;
        added.status
    };
    assert_eq!(add("another").await, 200);
    sqlx::query(
        "UPDATE forge_connections SET disconnected_at = NULL WHERE disconnected_at IS NOT NULL",
    )
    .execute(&connected.world.db)
    .await
    .unwrap();
    assert_eq!(add("one more").await, 422);
}

#[tokio::test]
async fn newest_refusals_are_kept() {
    let connected = Connected::to("github").await;
    sqlx::query(
        "INSERT INTO forge_deliveries (id, connection_id, received_at, state, outcome)
         SELECT gen_random_uuid(), id, created_at, 'refused', 'Refused long ago' FROM forge_connections, generate_series(1, 100)",
    )
    .execute(&connected.world.db)
    .await
    .unwrap();
    for _ in 0..3 {
        connected.post(&[], b"{}".to_vec()).await.status(403);
    }
    let kept: Vec<(String, i64)> = sqlx::query_as(
        "SELECT outcome, count(*) FROM forge_deliveries WHERE state = 'refused' GROUP BY outcome ORDER BY 2",
    )
    .fetch_all(&connected.world.db)
    .await
    .unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!((kept[0].1, kept[1].1), (3, 97));
}
