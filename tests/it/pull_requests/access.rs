//! Nothing of a private team is shown to others by its pull requests.

use super::{Connected, PullRequest, REPOSITORY, ago};

/// The administrator is in no team. Infrastructure is private, and Ingestion open.
#[tokio::test]
async fn private_teams_stay_private_in_log_and_on_tasks() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    connected.list("acme/ingest", "ingestion").await;
    world
        .elif
        .create_task("infrastructure", "todo", "Zanzibar")
        .await;
    world.jonas.create_task("ingestion", "todo", "Open").await;
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    // from the private team's repository, about a task of each team
    let request = PullRequest::new("INF-1 and ING-1: Zanzibar");
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(9)))
        .await;
    // and from the open team's
    let mut other = PullRequest::new("INF-1 and ING-1: plain");
    other.number = 7;
    let mut body = other.github("opened", "open", ago(8));
    body["repository"]["full_name"] = "acme/ingest".into();
    body["pull_request"]["html_url"] = "https://github.com/acme/ingest/pull/7".into();
    connected.deliver("pull_request", &body).await;
    // what is said of an unknown task does not tell that there is such a team
    let mut unknown = PullRequest::new("INF-99, ING-99");
    unknown.number = 8;
    let mut body = unknown.github("opened", "open", ago(7));
    body["repository"]["full_name"] = "acme/ingest".into();
    connected.deliver("pull_request", &body).await;
    let page = connected.admin.get(&connected.page).await.ok().text();
    assert!(page.contains("There is no task ING-99<"), "{page}");
    for hidden in [REPOSITORY, "INF-1", "Infrastructure", "#418"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    for shown in [
        "A repository of a private team",
        "a repository of a private team",
        "A private task",
        "acme/ingest",
        "ING-1",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let hidden: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM forge_deliveries ORDER BY number LIMIT 1")
            .fetch_one(&world.db)
            .await
            .unwrap();
    let path = format!("/settings/deliveries/{hidden}");
    connected.admin.get(&path).await.status(404);
    connected
        .admin
        .post(&format!("{path}/run"), &[])
        .await
        .status(404);
    let fields = [("repository", "acme/x"), ("team", "infrastructure")];
    connected
        .admin
        .post(&format!("{}/repositories", connected.page), &fields)
        .await
        .status(404);
    // On a task of an open team, everyone reads the page.
    let page = world.jonas.get("/tasks/ING-1").await.ok().text();
    assert!(
        page.contains("in a repository of a private team") && page.contains("plain"),
        "{page}"
    );
    assert!(
        !page.contains("Zanzibar") && !page.contains(REPOSITORY),
        "{page}"
    );
    let page = world.elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("INF-1 and ING-1: Zanzibar") && page.contains("plain"));
}
