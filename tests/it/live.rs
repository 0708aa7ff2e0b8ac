//! Event streams: changes by others, reconnecting and access.

use std::time::Duration;

use axum::http::Method;
use fortnight::{
    app::App,
    http::{live::dispatcher, router::router},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    asset_serving::Served,
    fixtures::{Client, World},
};

/// Case F1. Line breaks in a text cannot start an event of their own.
#[tokio::test]
async fn move_is_streamed_identically_to_every_window() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let mut one = served.listen(&world.elif, "infrastructure", None).await;
    let mut two = served.listen(&world.jonas, "infrastructure", None).await;
    let here = one.next_named("presence").await;
    assert!(here.data["html"].as_str().unwrap().contains("here now"));
    let response = world
        .elif
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    let (a, b) = (one.next_named("card").await, two.next_named("card").await);
    assert_eq!(a.data, b.data);
    assert_eq!(
        (
            &a.data["key"],
            &a.data["column"],
            &a.data["kind"],
            &a.data["who"]
        ),
        (
            &json!("INF-1"),
            &json!("done"),
            &json!("moved"),
            &json!("Elif Hartmann")
        )
    );
    assert_eq!(a.data["change"], response.header("fortnight-change"));
    assert!(
        a.data["html"]
            .as_str()
            .unwrap()
            .contains("data-task=\"INF-1\"")
    );
    // quotes and line breaks in the texts of a card arrive complete
    world
        .elif
        .post(
            "/tasks/INF-1",
            &[
                ("title", "It's \"done\""),
                ("needed_by", "Growth\r\nand\rSales"),
            ],
        )
        .await
        .ok();
    let html = one.next_named("card").await.data["html"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(html.contains("It&#39;s &#34;done&#34;"), "{html}");
    assert!(html.contains("Growth\r\nand\rSales"), "{html}");
    let reason = [
        ("kind", "text"),
        ("note", "Legal\r\n\r\nevent: bye\rdata: no"),
    ];
    world.elif.post("/tasks/INF-1/block", &reason).await.ok();
    let event = one.next().await.unwrap();
    assert_eq!(
        event.name, "card",
        "a text cannot start an event of its own"
    );
    let html = event.data["html"].as_str().unwrap();
    assert!(
        html.contains("Legal") && html.contains("event: bye") && html.contains("data: no"),
        "{html}"
    );
    world.elif.post("/tasks/INF-1/archive", &[]).await.ok();
    assert_eq!(one.next_named("card").await.data["html"], Value::Null);
}

/// Case R8. After too many events the client reloads the board.
#[tokio::test]
async fn reconnecting_client_catches_up_from_its_last_event() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    for title in ["one", "two", "three"] {
        world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let mut back = served.listen(&world.elif, "infrastructure", Some(1)).await;
    assert_eq!(
        (
            back.next_named("card").await.id,
            back.next_named("card").await.id
        ),
        (Some(2), Some(3))
    );
    world
        .elif
        .create_task("infrastructure", "todo", "four")
        .await;
    assert_eq!(back.next_named("card").await.data["key"], "INF-4");
    // after too many events, the whole board has to be reloaded
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, kind, at)
         SELECT k.team_id, 4 + n, gen_random_uuid(), k.id, 'task.edited', now() FROM tasks k, generate_series(1, 400) n WHERE number = 1",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sqlx::query("UPDATE teams SET seq = 404 WHERE slug = 'infrastructure'")
        .execute(&world.db)
        .await
        .unwrap();
    let mut late = served.listen(&world.elif, "infrastructure", Some(2)).await;
    assert_eq!(late.next_named("reset").await.id, Some(404));
    // the open stream gets it as well, although these events were not published
    assert_eq!(back.next_named("reset").await.id, Some(404));
}

#[tokio::test]
async fn stream_carries_only_its_own_teams_events() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut ours = served.listen(&world.elif, "infrastructure", None).await;
    for n in 0..20 {
        world
            .jonas
            .create_task("ingestion", "todo", &format!("theirs {n}"))
            .await;
    }
    world
        .elif
        .create_task("infrastructure", "todo", "ours")
        .await;
    let event = ours.next_named("card").await;
    assert_eq!(
        event.data["key"], "INF-1",
        "the first card event is of our own team"
    );
}

/// Case 19. A stream must not outlive its session.
#[tokio::test]
async fn signing_out_ends_the_stream_within_five_seconds() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    world.elif.post("/logout", &[]).await.ok();
    let ended = timeout(Duration::from_secs(5), async {
        let bye = stream.next_named("bye").await;
        assert!(bye.data["why"].as_str().unwrap().contains("signed out"));
        stream.next().await
    });
    assert!(ended.await.expect("within five seconds").is_none());
    let response = crate::program::new_client()
        .get(format!(
            "http://{}/teams/infrastructure/live",
            served.address
        ))
        .header("cookie", &world.elif.cookie);
    assert_eq!(
        response
            .header("accept", "application/json")
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

#[tokio::test]
async fn changes_by_another_process_are_streamed_at_once() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    // a second process with its own app, router and dispatcher
    let other = App::new(
        "http://fortnight.test",
        world.db.clone(),
        fortnight::domain::clock::Clock::standing(crate::fixtures::NOW),
    );
    tokio::spawn(dispatcher::run(other.clone()));
    let elif = Client {
        router: router(other),
        ..world.elif.clone()
    };
    elif.create_task("infrastructure", "todo", "from elsewhere")
        .await;
    assert_eq!(stream.next_named("card").await.data["key"], "INF-1");
}

#[tokio::test]
async fn stream_continues_after_a_server_restart() {
    let world = World::new().await;
    let mut served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    world
        .elif
        .create_task("infrastructure", "todo", "before")
        .await;
    let last = stream.next_named("card").await.id;
    served.stop().await;
    while stream.next().await.is_some() {}
    world
        .elif
        .create_task("infrastructure", "todo", "meanwhile")
        .await;
    served.start_again(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", last).await;
    assert_eq!(stream.next_named("card").await.data["key"], "INF-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renamed_blocker_updates_the_waiting_teams_card() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    world
        .jonas
        .create_task("ingestion", "in-progress", "Dual-write person updates")
        .await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    world
        .elif
        .post("/tasks/INF-1/block", &[("kind", "task"), ("on", "ING-1")])
        .await
        .ok();
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    world
        .jonas
        .post("/tasks/ING-1", &[("title", "Write persons twice")])
        .await
        .ok();
    let card = stream.next_named("card").await.data;
    assert_eq!(card["key"], "INF-1");
    let html = card["html"].as_str().unwrap();
    assert!(
        html.contains("Waiting on ING-1 “Write persons twice”"),
        "{html}"
    );
    // INF-1's own activity does not list it; undoing the change updates the card again
    let page = world.elif.get("/tasks/INF-1").await.ok().text();
    assert!(!page.contains("renamed"), "{page}");
    let change: uuid::Uuid =
        sqlx::query_scalar("SELECT change_id FROM events WHERE kind = 'blocker.renamed'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    world
        .jonas
        .post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    let card = stream.next_named("card").await.data;
    assert!(
        card["html"]
            .as_str()
            .unwrap()
            .contains("“Dual-write person updates”"),
        "{card}"
    );
}

#[tokio::test]
async fn unknown_last_event_id_resets_the_stream() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    // the database was restored from a backup, and the client knows later events
    let mut stream = served
        .listen(&world.elif, "infrastructure", Some(99_999))
        .await;
    let reset = stream.next_named("reset").await;
    assert!(reset.id.is_some_and(|seq| seq < 99_999));
    world
        .elif
        .create_task("infrastructure", "todo", "two")
        .await;
    assert_eq!(stream.next_named("card").await.data["key"], "INF-2");
}

/// A program can use the event stream until its token is revoked.
#[tokio::test]
async fn token_can_stream_until_it_is_revoked() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let program = world
        .program_of(&world.elif, fortnight::domain::policy::viewer::Scope::Read)
        .await;
    let mut stream = served.listen(&program, "infrastructure", None).await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    assert_eq!(stream.next_named("card").await.data["key"], "INF-1");
    let token: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM tokens WHERE revoked_at IS NULL AND scope = 'read'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    world
        .elif
        .post(&format!("/me/tokens/{token}/revoke"), &[])
        .await
        .ok();
    let ended = timeout(Duration::from_secs(5), async {
        while stream.next().await.is_some() {}
    });
    ended.await.expect("within five seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_many_teams_follow_them_over_one_stream() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let page = elif
        .get("/standup?team=infrastructure&team=ingestion")
        .await
        .ok()
        .text();
    let attribute = |name: &str| {
        let rest = page.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (path, number) = (attribute("data-live"), attribute("data-seq"));
    assert!(path.starts_with("/live?teams="), "{path}");
    let number: i64 = number.parse().unwrap();

    let mut stream = served.listen_at(elif, &path, Some(number)).await;
    elif.create_task("infrastructure", "todo", "One").await;
    jonas.create_task("ingestion", "todo", "Two").await;
    let one = stream.next_named("card").await;
    let two = stream.next_named("card").await;
    assert_eq!(one.data["key"], "INF-1");
    assert_eq!(two.data["key"], "ING-1");
    assert!(
        Some(number) < one.id && one.id < two.id,
        "{number} {one:?} {two:?}"
    );

    // a client that was away is asked to fetch the page again, and one that was not hears nothing
    let mut late = served.listen_at(elif, &path, one.id).await;
    assert_eq!(late.next_named("reset").await.id, two.id);
    let mut current = served.listen_at(elif, &path, two.id).await;
    jonas.create_task("ingestion", "todo", "Three").await;
    assert_eq!(current.next_named("card").await.data["key"], "ING-2");
}

#[tokio::test]
async fn stream_of_many_teams_leaves_out_those_that_one_cannot_see() {
    let world = World::new().await;
    sqlx::query("UPDATE teams SET private = true WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    let none = world.elif.get("/live?teams=ingestion,nowhere").await;
    assert_eq!(none.status, 404);
}
