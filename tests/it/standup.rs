//! Meeting over the board: who needs someone, what happened, and what was promised.

use time::Duration;

use crate::world::World;

const STANDUP: &str = "/teams/infrastructure/standup";

#[tokio::test]
async fn the_page_says_who_needs_someone_what_happened_and_what_helps_most() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    let still = elif.make("infrastructure", "in-progress", "Stands still").await;
    elif.post(&format!("/tasks/{still}/owners"), &[("owners", "elif")]).await.ok();
    elif.make("infrastructure", "in-progress", "Nobody's").await;
    let free = elif.make("infrastructure", "todo", "Free to take").await;
    // On Wednesday: what was done on Tuesday, after Monday's standup, is news; what has not moved since is not.
    world.app.clock.advance(Duration::days(1));
    let blocked = elif.make("infrastructure", "todo", "Waits for Legal").await;
    elif.post(&format!("/tasks/{blocked}/block"), &[("kind", "text"), ("note", "Legal")]).await.ok();
    let done = elif.make("infrastructure", "todo", "Finished").await;
    elif.post(&format!("/tasks/{done}/position"), &[("column", "done")]).await.ok();
    let page = elif.get(STANDUP).await.ok().text();
    for told in ["Waits on Legal", "it is nobody&#39;s", "Newly blocked", "Added", "Wed 25 Nov", "since Mon 23 Nov"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(page.contains(&format!("most useful: <a class=\"key\" href=\"/tasks/{free}\"")), "for Tomas");
    assert!(page.find("Waits for Legal").unwrap() < page.find("Nobody&#39;s").unwrap(), "blocked goes first");
    // on Friday the one in progress has stood still since Wednesday
    world.app.clock.advance(Duration::days(2));
    let page = elif.get(STANDUP).await.ok().text();
    assert!(page.contains("no change for 3"), "{page}");
    assert!(elif.get(&format!("{STANDUP}?since=2026-11-24")).await.ok().text().contains("since Tue 24 Nov"));
    for wrong in ["2026-02-31", "tomorrow", "2027-01-01"] {
        elif.get(&format!("{STANDUP}?since={wrong}")).await.refused(422);
    }
}

#[tokio::test]
async fn actions_stay_until_done_and_only_the_team_changes_them() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.post("/teams/infrastructure/actions", &[("text", "Book the drill @elif"), ("back", STANDUP)]).await.ok();
    let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions").fetch_one(&world.db).await.unwrap();
    world.app.clock.advance(Duration::days(9));
    assert!(elif.get(STANDUP).await.ok().text().contains("Book the drill"));
    assert!(elif.get("/").await.ok().text().contains("Book the drill"), "among what Elif promised");
    assert!(jonas.get(STANDUP).await.ok().text().contains("Book the drill"), "other teams may look");
    let at = format!("/teams/infrastructure/actions/{action}");
    jonas.post(&at, &[("as", "done")]).await.refused(403);
    jonas.post("/teams/infrastructure/actions", &[("text", "x")]).await.refused(403);
    elif.post(&at, &[("as", "forgotten")]).await.refused(422);
    elif.post(&at, &[("as", "done")]).await.ok();
    world.app.clock.advance(Duration::days(3));
    assert!(!elif.get(STANDUP).await.ok().text().contains("Book the drill"));
    world.stranger().get(STANDUP).await.refused(303);
    elif.get("/teams/no-such/standup").await.refused(404);
}
