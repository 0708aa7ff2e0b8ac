//! What administrators do with a connection: they rename it, end it and take that back.

use serde_json::json;

use super::{Connected, PullRequest, ago};

#[tokio::test]
async fn connection_is_renamed() {
    let connected = Connected::to("github").await;
    let admin = &connected.admin;
    let fields = [("name", "other"), ("forge", "gitlab")];
    admin
        .post("/settings/connections", &fields)
        .await
        .status(200);
    let path = format!("{}/name", connected.page);
    for (name, status) in [("Other ", 422), ("", 422), ("Acme & sons", 303)] {
        let page = admin.post(&path, &[("name", name)]).await.status(status);
        let page = page.text();
        assert!(
            status == 303 || page.contains("field-error") && page.contains("Rename connection"),
            "{page}"
        );
    }
    let page = admin.get(&connected.page).await.ok().text();
    assert!(page.contains(">Acme &#38; sons</h1>"), "{page}");
    let audit = admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("acme, now Acme &#38; sons"), "{audit}");
    connected.send("1", "ping", &json!({})).await.status(202);
}

#[tokio::test]
async fn disconnecting_can_be_undone() {
    let connected = Connected::to("github").await;
    let (admin, elif) = (&connected.admin, &connected.world.elif);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let old = connected.secret.clone();
    let path = format!("{}/secret", connected.page);
    admin.post(&path, &[]).await.status(200);
    // It waits when the connection is ended, signed with the secret that was replaced.
    let body = PullRequest::new("INF-1").github("opened", "open", ago(5));
    connected
        .send("waits", "pull_request", &body)
        .await
        .status(202);
    let disconnect = format!("{}/disconnect", connected.page);
    let done = admin.post(&disconnect, &[]).await.status(303);
    let page = admin.get(done.header("location")).await.ok().text();
    let toast = page.split("class=\"toast\"").nth(1).unwrap();
    let restore = format!("{}/restore", connected.page);
    assert!(
        toast.contains("acme was disconnected.")
            && toast.contains(&restore)
            && toast.contains("Undo"),
        "{toast}"
    );
    assert_eq!(connected.process_waiting().await, 0);
    connected.send("late", "ping", &json!({})).await.status(404);
    // without the toast, later
    let page = admin.get(&connected.page).await.ok().text();
    assert!(
        page.contains("Connect again") && !page.contains("class=\"toast\""),
        "{page}"
    );
    // Its name is taken meanwhile.
    let fields = [("name", "Acme"), ("forge", "github")];
    let other = admin.post("/settings/connections", &fields).await;
    let (other, _) = super::read_connection(&other.status(200).text());
    let refused = admin.post(&restore, &[]).await.status(409).text();
    assert!(
        refused.contains("Another connection is named “acme” now."),
        "{refused}"
    );
    let path = format!("/settings/connections/{other}/name");
    admin.post(&path, &[("name", "acme 2")]).await.status(303);
    // twice, as a form may be sent
    admin.post(&restore, &[]).await.status(303);
    admin.post(&restore, &[]).await.status(303);
    assert_eq!(connected.process_waiting().await, 1);
    assert_eq!(connected.column("INF-1").await, "in-review");
    assert_eq!(old, connected.secret);
    connected
        .send("again", "ping", &json!({}))
        .await
        .status(202);
    let audit = admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("connection.restored"), "{audit}");
    let unknown = "/settings/connections/00000000-0000-4000-8000-000000000009/restore";
    admin.post(unknown, &[]).await.status(404);
}
