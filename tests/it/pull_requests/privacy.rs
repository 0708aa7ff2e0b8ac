//! What a private team's repository sends is for its readers only: while it waits, if it is not understood, and after it is
//! removed. What people have said who they are is theirs.

use serde_json::json;

use super::{Connected, PullRequest, REPOSITORY, ago};

/// Makes Infrastructure private. The administrator is not in it, and Elif is.
async fn make_private(connected: &Connected) {
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
}

/// The path of the newest delivery.
async fn newest(connected: &Connected) -> String {
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM forge_deliveries ORDER BY number DESC LIMIT 1")
            .fetch_one(&connected.world.db)
            .await
            .unwrap();
    format!("/settings/deliveries/{id}")
}

/// Checks that the administrator sees nothing of the newest delivery, and can't run it.
async fn is_hidden(connected: &Connected, when: &str) {
    let path = newest(connected).await;
    connected.admin.get(&path).await.status(404);
    let run = format!("{path}/run");
    connected.admin.post(&run, &[]).await.status(404);
    let page = connected.admin.get(&connected.page).await.ok().text();
    for hidden in [REPOSITORY, "Zanzibar", "#418", path.as_str()] {
        assert!(!page.contains(hidden), "{when}: {hidden}: {page}");
    }
    assert!(
        page.contains("a repository of a private team"),
        "{when}: {page}"
    );
}

#[tokio::test]
async fn bodies_of_private_repositories_are_hidden_from_receipt_on() {
    let connected = Connected::to("github").await;
    make_private(&connected).await;
    let request = PullRequest::new("INF-1: Zanzibar");
    let body = request.github("opened", "open", ago(9));
    connected
        .send("waits", "pull_request", &body)
        .await
        .status(202);
    is_hidden(&connected, "it waits").await;
    connected.process_waiting().await;
    is_hidden(&connected, "it is done").await;
    // Case does not matter, and neither does whether the rest is understood.
    let broken =
        json!({ "repository": { "full_name": "ACME/Alerts" }, "pull_request": "Zanzibar" });
    connected.deliver("pull_request", &broken).await;
    is_hidden(&connected, "it is not understood").await;
}

#[tokio::test]
async fn bodies_stay_hidden_after_a_repository_is_removed() {
    let connected = Connected::to("github").await;
    make_private(&connected).await;
    let request = PullRequest::new("INF-1: Zanzibar");
    let body = request.github("opened", "open", ago(9));
    connected.deliver("pull_request", &body).await;
    let old = newest(&connected).await;
    let repository: uuid::Uuid = sqlx::query_scalar("SELECT id FROM forge_repositories")
        .fetch_one(&connected.world.db)
        .await
        .unwrap();
    let path = format!("{}/repositories/remove", connected.page);
    connected
        .admin
        .post(&path, &[("repository", &repository.to_string())])
        .await
        .status(303);
    // Somebody who is in the team has made it run again.
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let elif = &connected.world.elif;
    elif.post(&format!("{old}/run"), &[]).await.status(303);
    connected.process_waiting().await;
    is_hidden(&connected, "it ran again").await;
    let log = elif.get(&connected.page).await.ok().text();
    assert!(log.contains("This repository is not listed above"), "{log}");
    assert!(elif.get(&old).await.ok().text().contains("Zanzibar"));
    // The webhook still sends.
    connected.deliver("pull_request", &body).await;
    is_hidden(&connected, "it came later").await;
}

/// It may be a private one that was renamed.
#[tokio::test]
async fn bodies_of_unknown_repositories_need_all_teams() {
    let connected = Connected::to("github").await;
    let mut body = PullRequest::new("Zanzibar").github("opened", "open", ago(9));
    body["repository"]["full_name"] = json!("acme/renamed");
    connected.deliver("pull_request", &body).await;
    let path = newest(&connected).await;
    let shown = connected.admin.get(&path).await.ok().text();
    assert!(shown.contains("Zanzibar"), "{shown}");
    make_private(&connected).await;
    connected.admin.get(&path).await.status(404);
    let log = connected.log().await;
    assert!(!log.contains(&format!("href=\"{path}\"")), "{log}");
    // What it is about is shown, so that it can be listed and run again.
    assert!(log.contains("acme/renamed"), "{log}");
    let fields = [("repository", "acme/renamed"), ("team", "ingestion")];
    let add = format!("{}/repositories", connected.page);
    connected.admin.post(&add, &fields).await.status(303);
    let run = format!("{path}/run");
    connected.admin.post(&run, &[]).await.status(303);
    connected.process_waiting().await;
    let shown = connected.admin.get(&path).await.ok().text();
    assert!(shown.contains("Zanzibar"), "{shown}");
}
