//! Closed sprints stay closed: no open task can end up in one.

use axum::http::Method;
use serde_json::json;
use time::Duration;

use crate::{closing::close_sprint, fixtures::World, goals::set_goal};

const CLOSE: &str = "/teams/infrastructure/sprints/42/close";
const REOPEN: &str = "/teams/infrastructure/sprints/42/reopen";
const RETRO: &str = "/sprints/42/retro?team=infrastructure";

#[tokio::test]
async fn restored_task_joins_the_current_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Old idea").await;
    close_sprint(elif, &[(&key, "drop")]).await.ok();
    let restored = elif
        .submit_by_script(Method::POST, &format!("/tasks/{key}/restore"), "card", &[])
        .await
        .ok();
    let task = elif.load_task(&key).await;
    assert_eq!(
        (&task["sprint"], &task["archived"]),
        (&json!(43), &json!(false))
    );
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("Old idea")
    );
    elif.post(
        &format!("/changes/{}/undo", restored.header("fortnight-change")),
        &[],
    )
    .await
    .ok();
    let task = elif.load_task(&key).await;
    assert_eq!(
        (&task["sprint"], &task["archived"]),
        (&json!(42), &json!(true)),
        "archived in its sprint as before"
    );
}

#[tokio::test]
async fn undoing_done_moves_a_task_out_of_a_closed_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let done = elif
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    tomas.post(CLOSE, &[]).await.ok();
    elif.post(
        &format!("/changes/{}/undo", done.header("fortnight-change")),
        &[],
    )
    .await
    .ok();
    let task = elif.load_task(&key).await;
    assert_eq!(
        (&task["sprint"], &task["column"]),
        (&json!(43), &json!("in-progress"))
    );
}

#[tokio::test]
async fn team_without_tasks_cannot_add_any_to_a_closed_sprint() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let left = elif.create_task("infrastructure", "todo", "Left").await;
    let theirs = jonas
        .api(
            Method::POST,
            "/teams/ingestion/tasks",
            json!({ "title": "Theirs", "sprint": null }),
        )
        .await;
    let theirs = theirs.json()["key"].as_str().unwrap().to_owned();
    world.app.clock.advance(Duration::days(7));
    let mut connection = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut connection, world.app.clock.now())
        .await
        .unwrap();
    close_sprint(elif, &[(&left, "carry")]).await.ok();
    jonas
        .post(&format!("/tasks/{theirs}"), &[("sprint", "42")])
        .await
        .status(422);
    let late = [("sprint", "42"), ("title", "Late"), ("target", "1")];
    jonas
        .post("/teams/ingestion/goals", &late)
        .await
        .status(409);
    let page = jonas
        .get("/sprints/42/retro?team=ingestion")
        .await
        .ok()
        .text();
    assert!(
        page.contains("no tasks to close") && !page.contains("Close Sprint 42"),
        "{page}"
    );
}

#[tokio::test]
async fn sprint_with_only_archived_tasks_can_be_closed() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "done", "Backups").await;
    elif.post(&format!("/tasks/{key}/archive"), &[]).await.ok();
    world.app.clock.advance(Duration::days(7));
    let mut connection = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut connection, world.app.clock.now())
        .await
        .unwrap();
    assert!(elif.get(RETRO).await.ok().text().contains("not closed yet"));
    elif.post(CLOSE, &[]).await.ok();
    assert!(elif.get(RETRO).await.ok().text().contains("(1 finished)"));
}

#[tokio::test]
async fn ended_sprint_asks_to_be_closed_during_a_break() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Left").await;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/sprints/43/skip", &[]).await.ok();
    world.app.clock.advance(Duration::days(8));
    let mut connection = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut connection, world.app.clock.now())
        .await
        .unwrap();
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("has ended but is not closed yet"), "{board}");
    let new = elif.create_task("infrastructure", "todo", "New").await;
    assert_eq!(
        elif.load_task(&new).await["sprint"],
        json!(43),
        "new tasks go into the next sprint"
    );
}

#[tokio::test]
async fn sprint_cannot_be_reopened_once_the_next_has_new_tasks() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "done", "Backups").await;
    elif.post(CLOSE, &[]).await.ok();
    assert!(elif.get(RETRO).await.text().contains("Reopen sprint"));
    elif.create_task("infrastructure", "todo", "New").await;
    assert!(!elif.get(RETRO).await.text().contains("Reopen sprint"));
    elif.post(REOPEN, &[]).await.status(409);
}

#[tokio::test]
async fn filtered_burn_up_keeps_tasks_carried_out_early() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(&world, elif, "42", &[("title", "Drills"), ("target", "9")]).await;
    world.app.clock.advance(Duration::days(-11)); // Friday before the sprint starts
    let mut keys = Vec::new();
    for n in 0..3 {
        let key = elif
            .create_task("infrastructure", "todo", &format!("Drill {n}"))
            .await;
        elif.post(
            &format!("/tasks/{key}"),
            &[("labels", "drill"), ("sprint", "42")],
        )
        .await
        .ok();
        keys.push(key);
    }
    world.app.clock.advance(Duration::days(14));
    let left: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "carry")).collect();
    close_sprint(elif, &left).await.ok();
    let burn_up = "/teams/infrastructure/flow/burn-up.csv?from=42&to=42&q=label:drill";
    let rows = elif.get(burn_up).await.ok().text();
    let first = rows.lines().nth(1).unwrap();
    assert!(
        first.starts_with("2026-11-16") && first.contains(",3"),
        "all three are in scope on the first day: {rows}"
    );
}

#[tokio::test]
async fn removed_tasks_still_count_as_planned() {
    let world = World::new().await;
    let elif = &world.elif;
    world.app.clock.advance(Duration::days(-11)); // Friday before the sprint starts
    let mut keys = Vec::new();
    for title in ["Backups", "Cut over", "Old idea", "Never mind"] {
        let key = elif.create_task("infrastructure", "todo", title).await;
        elif.post(&format!("/tasks/{key}"), &[("sprint", "42")])
            .await
            .ok();
        keys.push(key);
    }
    world.app.clock.advance(Duration::days(10));
    elif.post(
        &format!("/tasks/{}/position", keys[0]),
        &[("column", "done")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{}", keys[1]), &[("sprint", "none")])
        .await
        .ok();
    elif.post(&format!("/tasks/{}/archive", keys[2]), &[])
        .await
        .ok();
    elif.post(&format!("/tasks/{}", keys[3]), &[("sprint", "none")])
        .await
        .ok();
    elif.post(&format!("/tasks/{}", keys[3]), &[("sprint", "42")])
        .await
        .ok();
    let late = elif
        .create_task("infrastructure", "todo", "Came and went")
        .await;
    elif.post(&format!("/tasks/{late}"), &[("sprint", "none")])
        .await
        .ok();
    let expected = "<b>1 of 4</b>planned tasks finished";
    let open = elif.get(RETRO).await.ok().text();
    assert!(
        open.contains(expected) && open.contains("<b>0</b>added mid-sprint"),
        "{open}"
    );
    let form = elif.get(CLOSE).await.ok().text();
    assert!(
        form.contains(&format!("task:{}", keys[3])) && !form.contains(&format!("task:{}", keys[1])),
        "{form}"
    );
    close_sprint(elif, &[(&keys[3], "carry")]).await.ok();
    let closed = elif.get(RETRO).await.ok().text();
    assert!(
        closed.contains(expected) && closed.contains("<span>removed</span>"),
        "{closed}"
    );
}

/// Advances the clock by a week, so that the next sprint starts.
async fn advance_one_week(world: &World) {
    world.app.clock.advance(Duration::days(7));
    let mut connection = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut connection, world.app.clock.now())
        .await
        .unwrap();
}

#[tokio::test]
async fn task_finished_before_closing_counts_in_all_figures() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "done", "In time").await;
    let late = elif
        .create_task("infrastructure", "todo", "A day late")
        .await;
    advance_one_week(&world).await;
    elif.post(&format!("/tasks/{late}/position"), &[("column", "done")])
        .await
        .ok();
    close_sprint(elif, &[]).await.ok();
    let rows = elif
        .get("/teams/infrastructure/flow/burn-up.csv?from=42&to=42")
        .await
        .ok()
        .text();
    let last = rows
        .lines()
        .find(|row| row.starts_with("2026-11-29"))
        .unwrap();
    assert!(
        last.starts_with("2026-11-29,2,2,"),
        "the burn-up includes the late task: {rows}"
    );
    let frozen: serde_json::Value = sqlx::query_scalar("SELECT figures FROM sprint_reports")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let done = frozen["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["done"] == true)
        .count();
    assert_eq!(done, 2, "the report counts the same tasks: {frozen}");
}

#[tokio::test]
async fn team_that_closed_early_is_listed_with_its_next_sprint() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    jonas.create_task("ingestion", "done", "Theirs").await;
    let left = elif.create_task("infrastructure", "todo", "Left").await;
    let page = elif.get("/teams").await.ok().text();
    assert!(!page.contains("Sprint 43"), "{page}");
    close_sprint(elif, &[(&left, "carry")]).await.ok();
    elif.post(
        &format!("/tasks/{left}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let page = jonas.get("/teams").await.ok().text();
    let row = page
        .split("<section")
        .skip(1)
        .find(|row| row.contains(">Infrastructure</a>"))
        .unwrap();
    assert!(
        row.contains("Sprint 43 · 0 of 1 done") && row.contains("Blocked longest"),
        "{row}"
    );
    assert!(
        page.contains("1 of 1 done"),
        "the other team is listed with the active sprint: {page}"
    );
}

#[tokio::test]
async fn sprint_cannot_be_reopened_once_the_next_has_changed() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.create_task("infrastructure", "done", "Backups").await;
    let planned = elif.create_task("infrastructure", "todo", "Planned").await;
    elif.post(&format!("/tasks/{planned}"), &[("sprint", "43")])
        .await
        .ok();
    elif.post(CLOSE, &[]).await.ok();
    elif.post(&format!("/tasks/{planned}"), &[("sprint", "none")])
        .await
        .ok();
    elif.post(REOPEN, &[]).await.status(409);

    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.create_task("infrastructure", "done", "Backups").await;
    elif.post(CLOSE, &[]).await.ok();
    assert!(elif.get(RETRO).await.text().contains("Reopen sprint"));
    elif.post("/sprints/43/skip", &[]).await.ok();
    elif.post(REOPEN, &[]).await.status(409);
}

#[tokio::test]
async fn team_without_tasks_is_not_asked_to_close_the_sprint() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Left")
        .await;
    advance_one_week(&world).await;
    assert!(
        world
            .elif
            .get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("has ended but is not closed yet")
    );
    for page in [
        "/teams/ingestion",
        "/teams/ingestion/standup",
        "/teams/ingestion/planning",
    ] {
        let page = world.jonas.get(page).await.ok().text();
        assert!(!page.contains("has ended but is not closed yet"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_added_while_closing_waits_needs_an_outcome() {
    let world = World::new().await;
    let elif = &world.elif;
    let left = elif.create_task("infrastructure", "todo", "Left").await;
    let late = elif.create_task("infrastructure", "todo", "Late").await;
    elif.post(&format!("/tasks/{late}"), &[("sprint", "none")])
        .await
        .ok();
    let mut tx = world.db.begin().await.unwrap();
    sqlx::query("SELECT FROM sprints WHERE number = 42 FOR KEY SHARE")
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("UPDATE tasks SET sprint_id = (SELECT id FROM sprints WHERE number = 42) WHERE title = 'Late'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let closing = tokio::spawn({
        let elif = elif.clone();
        async move { close_sprint(&elif, &[(&left, "carry")]).await }
    });
    world.wait_for_lock_waiter().await;
    tx.commit().await.unwrap();
    let refused = closing.await.unwrap().status(409).text();
    assert!(
        refused.contains("was added to Sprint 42 in the meantime"),
        "{refused}"
    );
}
