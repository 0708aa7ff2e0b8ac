//! Blockers: cycles, several at once, finished and archived ones, and the people who are waited for.

use axum::http::Method;
use serde_json::json;
use time::Duration;

use crate::fixtures::{Client, World};

async fn block(client: &Client, key: &str, on: &str) -> crate::fixtures::Response {
    client
        .api(
            Method::PUT,
            &format!("/tasks/{key}/block"),
            json!({ "kind": "task", "on": on }),
        )
        .await
}

#[tokio::test]
async fn circular_blocking_is_refused_with_its_path() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let one = elif.create_task("infrastructure", "todo", "One").await;
    let two = jonas.create_task("ingestion", "todo", "Two").await;
    let three = elif.create_task("infrastructure", "todo", "Three").await;
    block(elif, &one, &two).await.ok();
    block(jonas, &two, &three).await.ok();
    let refused = block(elif, &three, &one).await.status(422);
    assert!(
        refused
            .text()
            .contains("INF-1 waits on ING-1 waits on INF-2"),
        "{}",
        refused.text()
    );
    block(elif, &one, &one).await.status(422);
    assert_eq!(elif.load_task(&three).await["blocked_by"], json!([]));
    assert_eq!(
        elif.load_task(&three).await["column"],
        json!("todo"),
        "the task is unchanged"
    );
    // once one blocker is removed, the others no longer form a cycle
    jonas
        .api(Method::DELETE, &format!("/tasks/{two}/block"), json!({}))
        .await
        .ok();
    block(elif, &three, &one).await.ok();
}

#[tokio::test]
async fn undoing_an_unblock_cannot_create_a_cycle() {
    let world = World::new().await;
    let elif = &world.elif;
    let one = elif.create_task("infrastructure", "todo", "One").await;
    let two = elif.create_task("infrastructure", "todo", "Two").await;
    block(elif, &one, &two).await.ok();
    let unblocked = elif
        .submit_by_script(Method::POST, &format!("/tasks/{one}/unblock"), "card", &[])
        .await
        .ok();
    block(elif, &two, &one).await.ok();
    let undo = format!("/changes/{}/undo", unblocked.header("fortnight-change"));
    let refused = elif
        .submit_by_script(Method::POST, &undo, "card", &[])
        .await
        .status(422);
    assert!(refused.text().contains("circular"), "{}", refused.text());
    assert_eq!(elif.load_task(&one).await["blocked_by"], json!([]));
}

#[tokio::test]
async fn concurrent_blocking_cannot_create_a_cycle() {
    let world = World::new().await;
    for _ in 0..5 {
        let one = world
            .elif
            .create_task("infrastructure", "todo", "One")
            .await;
        let two = world.jonas.create_task("ingestion", "todo", "Two").await;
        let (first, second) = tokio::join!(
            block(&world.elif, &one, &two),
            block(&world.jonas, &two, &one)
        );
        let refused = [&first, &second]
            .into_iter()
            .filter(|response| response.status == 422)
            .count();
        assert_eq!(
            refused,
            1,
            "{} {}; {} {}",
            first.status,
            first.text(),
            second.status,
            second.text()
        );
    }
    assert_eq!(
        world.count_deadlocks().await,
        0,
        "the requests do not deadlock"
    );
}

#[tokio::test]
async fn each_of_several_blockers_ends_independently() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = world
        .jonas
        .create_task("ingestion", "todo", "Dual-write")
        .await;
    block(elif, &key, &other).await.ok();
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(page.contains("Waiting on ING-1") && page.contains("Waiting on Legal"));
    assert!(
        world
            .jonas
            .get(&format!("/tasks/{other}"))
            .await
            .text()
            .contains("Tasks waiting on this"),
        "ING-1 lists the waiting task"
    );
    assert!(
        world
            .jonas
            .get("/teams/ingestion")
            .await
            .text()
            .contains("INF-1 is waiting on this"),
        "the card shows it, too"
    );
    let waits: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM blockers ORDER BY since, id")
        .fetch_all(&world.db)
        .await
        .unwrap();
    let end = |wait: &uuid::Uuid| format!("/tasks/{key}/blockers/{wait}/end");
    world.jonas.post(&end(&waits[0]), &[]).await.status(403);
    elif.post(&end(&waits[0]), &[]).await.ok();
    elif.post(&end(&waits[0]), &[]).await.status(404);
    let task = elif.load_task(&key).await;
    assert_eq!(
        (
            task["blocked_by"].as_array().unwrap().len(),
            &task["column"]
        ),
        (1, &json!("blocked"))
    );
    assert!(
        !world
            .jonas
            .get("/teams/ingestion")
            .await
            .text()
            .contains("INF-1 is waiting on this")
    );
    let spells: i64 =
        sqlx::query_scalar("SELECT count(*) FROM blockers WHERE ended_at IS NOT NULL")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(spells, 1, "ended blockers are kept");
}

#[tokio::test]
async fn finished_blocker_is_shown_and_the_card_stays() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let other = jonas
        .create_task("ingestion", "in-progress", "Dual-write")
        .await;
    block(elif, &key, &other).await.ok();
    assert!(!elif.get("/").await.text().contains("Ready to continue"));
    jonas
        .post(&format!("/tasks/{other}/position"), &[("column", "done")])
        .await
        .ok();
    world.app.clock.advance(Duration::hours(2));
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        board.contains("Was waiting on ING-1 “Dual-write”, done 2 h ago"),
        "{board}"
    );
    assert_eq!(elif.load_task(&key).await["column"], json!("blocked"));
    let mine = elif.get("/").await.ok().text();
    assert!(mine.contains("Ready to continue") && mine.contains("Was waiting on ING-1"));
    elif.post(&format!("/tasks/{key}/unblock"), &[]).await.ok();
    assert!(!elif.get("/").await.text().contains("Ready to continue"));
}

#[tokio::test]
async fn archived_blocker_is_shown_until_it_is_restored() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = jonas
        .create_task("ingestion", "in-progress", "Dual-write")
        .await;
    block(elif, &key, &other).await.ok();
    jonas
        .post(&format!("/tasks/{other}/archive"), &[])
        .await
        .ok();
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        board.contains("Waiting on ING-1 “Dual-write”, archived by Ingestion"),
        "{board}"
    );
    assert!(
        elif.get(&format!("/tasks/{key}"))
            .await
            .text()
            .contains("archived what it was waiting on")
    );
    jonas
        .post(&format!("/tasks/{other}/restore"), &[])
        .await
        .ok();
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("Ingestion: in progress")
    );
}

#[tokio::test]
async fn waiting_on_you_lists_goals_at_risk_then_longest_waits() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mine = elif
        .create_task("infrastructure", "in-progress", "Replication")
        .await;
    elif.post(&format!("/tasks/{mine}/owners"), &[("owners", "elif")])
        .await
        .ok();
    for title in [
        "Waiting on the task",
        "Waiting on the team",
        "Waiting on Elif",
    ] {
        jonas.create_task("ingestion", "todo", title).await;
    }
    block(jonas, "ING-1", &mine).await.ok();
    world.app.clock.advance(Duration::hours(1));
    jonas
        .post(
            "/tasks/ING-2/block",
            &[("kind", "team"), ("team", "infrastructure")],
        )
        .await
        .ok();
    world.app.clock.advance(Duration::hours(1));
    jonas
        .post(
            "/tasks/ING-3/block",
            &[("kind", "person"), ("person", "elif")],
        )
        .await
        .ok();
    jonas
        .post(
            "/teams/ingestion/goals",
            &[("sprint", "42"), ("title", "At risk"), ("target", "3")],
        )
        .await
        .ok();
    // another member of the team sees what waits on the team, but not what waits on Elif
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let page = mira.get("/").await.ok().text();
    assert!(
        page.contains("<span class=\"key\">ING-2")
            && !page.contains("ING-1")
            && !page.contains("ING-3"),
        "{page}"
    );
    let page = elif.get("/").await.ok().text();
    let order = |page: &str| {
        let mut positions: Vec<(usize, &str)> = ["ING-1", "ING-2", "ING-3"]
            .into_iter()
            .map(|key| {
                (
                    page.find(&format!("<span class=\"key\">{key}")).unwrap(),
                    key,
                )
            })
            .collect();
        positions.sort_unstable();
        positions
            .into_iter()
            .map(|(_, key)| key.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&page), ["ING-1", "ING-2", "ING-3"]);
    jonas.post("/tasks/ING-3", &[("goal", "1")]).await.ok();
    let page = elif.get("/").await.ok().text();
    assert_eq!(order(&page), ["ING-3", "ING-1", "ING-2"]);
    assert!(page.contains("goal at risk"));
    // finished tasks are no longer waited for, and others see only their own
    elif.post(&format!("/tasks/{mine}/position"), &[("column", "done")])
        .await
        .ok();
    assert!(!elif.get("/").await.text().contains("ING-1</span>"));
    assert!(!jonas.get("/").await.text().contains("Waiting on you"));
}

#[tokio::test]
async fn identical_blocker_is_added_once() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = world
        .jonas
        .create_task("ingestion", "todo", "Dual-write")
        .await;
    let at = format!("/tasks/{key}/block");
    for _ in 0..2 {
        elif.post(&at, &[("kind", "text"), ("note", "Legal")])
            .await
            .ok();
        elif.post(&at, &[("kind", "person"), ("person", "jonas")])
            .await
            .ok();
        block(elif, &key, &other).await.ok();
    }
    let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert_eq!(
        elif.load_task(&key).await["blocked_by"]
            .as_array()
            .unwrap()
            .len(),
        3,
        "{page}"
    );
    // another text is another blocker, and an ended one can be added again
    elif.post(&at, &[("kind", "text"), ("note", "Legal, again")])
        .await
        .ok();
    assert_eq!(
        elif.load_task(&key).await["blocked_by"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    elif.post(&format!("/tasks/{key}/unblock"), &[]).await.ok();
    elif.post(&at, &[("kind", "text"), ("note", "Legal")])
        .await
        .ok();
    assert_eq!(
        elif.load_task(&key).await["blocked_by"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn my_work_lists_every_blocker_of_a_task() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
        .await
        .ok();
    for note in ["Legal", "the new disks"] {
        elif.post(
            &format!("/tasks/{key}/block"),
            &[("kind", "text"), ("note", note)],
        )
        .await
        .ok();
    }
    let page = elif.get("/").await.ok().text();
    assert!(
        page.contains("Waiting on Legal") && page.contains("Waiting on the new disks"),
        "{page}"
    );
}

#[tokio::test]
async fn blocker_must_name_exactly_one_person() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    for (name, handle) in [
        ("Kim Berg", "kim"),
        ("Kim Berg", "kim-2"),
        ("Kim", "ferre"),
        ("Left Long Ago", "left"),
    ] {
        world.join(name, handle, "ingestion").await;
    }
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE handle = 'left'")
        .execute(&world.db)
        .await
        .unwrap();
    let on = async |person: &str| {
        let body = json!({ "kind": "person", "on": person });
        elif.api(Method::PUT, &format!("/tasks/{key}/block"), body)
            .await
    };
    let refused = on("Kim Berg").await.status(422).text();
    assert!(
        refused.contains("Enter a username: @kim, @kim-2."),
        "{refused}"
    );
    for missing in ["left", "@left", "Left Long Ago", "unknown"] {
        assert!(
            on(missing)
                .await
                .status(422)
                .text()
                .contains("No one is called"),
            "{missing}"
        );
    }
    assert_eq!(
        elif.load_task(&key).await["column"],
        json!("todo"),
        "the task is unchanged"
    );
    // a username takes precedence over a name
    for (person, handle) in [
        ("kim", "kim"),
        ("@kim-2", "kim-2"),
        ("Elif Hartmann", "elif"),
    ] {
        on(person).await.ok();
        let waits = elif.load_task(&key).await["blocked_by"].clone();
        assert_eq!(
            waits.as_array().unwrap().last().unwrap()["on"],
            json!(handle),
            "{person}"
        );
    }
}

#[tokio::test]
async fn kind_of_a_blocker_is_inferred() {
    let world = World::new().await;
    let elif = &world.elif;
    let other = world
        .jonas
        .create_task("ingestion", "todo", "Dual-write")
        .await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    for (body, kind, on, note) in [
        (json!({ "on": other }), "task", json!(other), ""),
        (json!({ "on": "@jonas" }), "person", json!("jonas"), ""),
        (
            json!({ "kind": "task", "on": "@jonas", "note": "his key" }),
            "person",
            json!("jonas"),
            "his key",
        ),
        (json!({ "on": "Legal" }), "text", json!(null), "Legal"),
        (
            json!({ "kind": "text", "on": "Legal", "note": "a reply" }),
            "text",
            json!(null),
            "Legal: a reply",
        ),
    ] {
        elif.api(Method::PUT, &format!("/tasks/{key}/block"), body.clone())
            .await
            .ok();
        let task = elif.load_task(&key).await;
        let wait = task["blocked_by"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&wait["kind"], &wait["on"], &wait["note"]),
            (&json!(kind), &on, &json!(note)),
            "{body}"
        );
    }
    let story = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(story.contains("Legal: a reply"), "{story}");
}

#[tokio::test]
async fn unowned_blocker_concerns_its_whole_team() {
    let world = World::new().await;
    let awaited = world
        .elif
        .create_task("infrastructure", "todo", "Not assigned yet")
        .await;
    let waiting = world
        .jonas
        .create_task("ingestion", "todo", "Waits for it")
        .await;
    block(&world.jonas, &waiting, &awaited).await.ok();
    assert!(
        world
            .elif
            .get("/")
            .await
            .ok()
            .text()
            .contains("Waits for it")
    );
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    mira.post(&format!("/tasks/{awaited}/owners/me"), &[])
        .await
        .ok();
    assert!(mira.get("/").await.ok().text().contains("Waits for it"));
    assert!(
        !world
            .elif
            .get("/")
            .await
            .ok()
            .text()
            .contains("Waits for it"),
        "Mira owns the blocker now"
    );
}
