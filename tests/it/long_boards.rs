//! Boards with long lists, of which a page has only the first hundred cards.

use axum::http::Method;
use serde_json::json;

use crate::fixtures::World;

/// The keys of the cards on a page, in order.
fn keys(page: &str) -> Vec<&str> {
    page.split("data-task=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[tokio::test]
async fn long_column_shows_its_first_cards_and_a_link_to_all() {
    let world = World::new().await;
    world.fill_column("todo", 250).await;
    let page = world.elif.get("/teams/infrastructure").await.ok().text();
    assert_eq!(keys(&page).len(), 100);
    assert_eq!(keys(&page)[99], "INF-100");
    assert!(
        page.contains(">250</a>"),
        "the column counts all of its tasks"
    );
    assert!(page.contains("data-total>250<"), "so does the sprint");
    let link = page
        .split("data-more")
        .next()
        .and_then(|before| before.rsplit("href=\"").next())
        .and_then(|rest| rest.split('"').next())
        .unwrap()
        .replace("&amp;", "&");
    let all = world.elif.get(&link).await.ok().text();
    assert_eq!(keys(&all).len(), 250, "{link}");
    assert!(!all.contains("data-more"));
}

#[tokio::test]
async fn rest_of_a_long_column_follows_in_order_as_it_is_now() {
    let world = World::new().await;
    world.fill_column("todo", 250).await;
    let elif = &world.elif;
    let more = "/teams/infrastructure/cards/more?column=todo&sprint=current";
    let next = elif.get(&format!("{more}&after=a00100V")).await.ok().text();
    assert_eq!((keys(&next)[0], keys(&next)[99]), ("INF-101", "INF-200"));
    assert!(next.contains("Show 50 more"), "{next}");

    elif.submit_by_script(
        Method::PUT,
        "/tasks/INF-250/position",
        "card",
        &[("column", "todo"), ("after", "INF-100")],
    )
    .await
    .ok();
    let next = elif.get(&format!("{more}&after=a00100V")).await.ok().text();
    assert_eq!((keys(&next)[0], keys(&next)[99]), ("INF-250", "INF-199"));
    let end = elif
        .get(&format!("{more}&after=a00100V&until=a00249V"))
        .await
        .ok()
        .text();
    assert_eq!(keys(&end).len(), 150);
    assert!(!end.contains("data-more"));

    let lane = format!("{more}&lanes=owner&lane=No+owner&after=a00200V");
    assert_eq!(keys(&elif.get(&lane).await.ok().text()).len(), 49);
    let other = format!("{more}&lanes=owner&lane=Elif&after=a00200V");
    assert!(keys(&elif.get(&other).await.ok().text()).is_empty());
    let filtered = format!("{more}&q=is%3Ablocked&after=");
    assert!(keys(&elif.get(&filtered).await.ok().text()).is_empty());
}

#[tokio::test]
async fn cards_that_are_not_shown_are_counted() {
    let world = World::new().await;
    world.fill_column("todo", 130).await;
    let elif = &world.elif;
    let counts = "/teams/infrastructure/cards/counts?sprint=current";
    let before = elif.get(counts).await.ok().json();
    assert_eq!(before[0], json!({ "column": "todo", "count": 130 }));
    elif.submit_by_script(
        Method::PUT,
        "/tasks/INF-120/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    let after = elif.get(counts).await.ok().json();
    assert_eq!(after[0], json!({ "column": "todo", "count": 129 }));
    assert_eq!(after[4], json!({ "column": "done", "count": 1 }));
    let none = elif
        .get(&format!("{counts}&q=nothing+is+like+this"))
        .await
        .ok()
        .json();
    assert_eq!(none[0]["count"], 0);
}

#[tokio::test]
async fn blocked_card_follows_the_task_of_another_team() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let other = world
        .jonas
        .create_task("ingestion", "todo", "Dual-write")
        .await;
    world
        .elif
        .post(
            &format!("/tasks/{key}/block"),
            &[("kind", "task"), ("on", &other)],
        )
        .await
        .ok();
    let page = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(page.contains("not started"), "{page}");
    world
        .jonas
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{other}/position"),
            "card",
            &[("column", "in-review")],
        )
        .await
        .ok();
    // the ages on cards are brought up to date every five minutes, and with them what cards say of other teams
    world.app.clock.advance(time::Duration::minutes(6));
    let page = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(page.contains("in review"), "{page}");
}
