//! Tasks: editing, blocking, undo, bulk changes, archive, comments and steps.

use axum::http::Method;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::fixtures::{Client, NOW, Response, World};

#[tokio::test]
async fn task_page_works_without_scripts() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let back = elif
        .post(
            "/tasks/INF-1",
            &[("title", "Cut postgres over"), ("version", "1")],
        )
        .await
        .status(303);
    assert!(back.header("location").starts_with("/tasks/INF-1?did="));
    elif.post(
        "/tasks/INF-1",
        &[("description", "Less than **60 s**.\r\nSee INF-1, @jonas.")],
    )
    .await
    .ok();
    elif.post(
        "/tasks/INF-1",
        &[
            ("labels", "postgres, docs"),
            ("estimate", "3"),
            ("due", "2026-11-26"),
            ("needed_by", "Growth"),
        ],
    )
    .await
    .ok();
    elif.post("/tasks/INF-1", &[("sprint", "43")]).await.ok();
    elif.post(
        "/tasks/INF-1/owners",
        &[("owners", "elif"), ("owners", "jonas")],
    )
    .await
    .ok();
    elif.post("/tasks/INF-1/steps", &[("text", "Rehearse on staging")])
        .await
        .ok();
    elif.post(
        "/tasks/INF-1/comments",
        &[("body", "Ready when you are, @jonas")],
    )
    .await
    .ok();
    elif.post("/tasks/INF-1/position", &[("column", "in-progress")])
        .await
        .ok();

    let task = elif.load_task("INF-1").await;
    assert_eq!(task["title"], "Cut postgres over");
    assert_eq!(
        task["description"],
        "Less than **60 s**.\nSee INF-1, @jonas."
    );
    assert_eq!(task["labels"], json!(["docs", "postgres"]));
    assert_eq!(
        (&task["estimate"], &task["due"], &task["needed_by"]),
        (&json!(3), &json!("2026-11-26"), &json!("Growth"))
    );
    assert_eq!(task["owners"][1]["handle"], "jonas");
    assert_eq!(
        (&task["sprint"], &task["column"]),
        (&json!(43), &json!("in-progress"))
    );

    let page = elif.get("/tasks/INF-1").await.ok().text();
    for part in [
        "<strong>60 s</strong>",
        r#"<a href="/people/jonas""#,
        "Rehearse on staging",
        "Ready when you are",
        "moved it to In progress",
        "renamed it to “Cut postgres over”",
        "moved it to Sprint 43",
    ] {
        assert!(page.contains(part), "{part} is missing from {page}");
    }
    // the dialog over the board has the same content
    let part = elif
        .submit_by_script(Method::GET, "/tasks/INF-1", "task", &[])
        .await
        .ok()
        .text();
    assert!(part.starts_with("<article") && part.contains("Rehearse on staging"));
}

#[tokio::test]
async fn outdated_edit_is_refused_only_for_the_changed_field() {
    let world = World::new().await;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    world
        .elif
        .create_task("infrastructure", "todo", "Old")
        .await;
    mira.api(
        Method::PATCH,
        "/tasks/INF-1",
        json!({ "title": "Mira's", "version": 1 }),
    )
    .await
    .ok();
    let conflict = world
        .elif
        .api(
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "title": "Elif's", "version": 1 }),
        )
        .await
        .status(409)
        .json();
    assert_eq!(
        (&conflict["current"]["title"], &conflict["sent"]["title"]),
        (&json!("Mira's"), &json!("Elif's"))
    );
    // the page shows both texts, and the field keeps the input
    let page = world
        .elif
        .post("/tasks/INF-1", &[("title", "Elif's"), ("version", "1")])
        .await
        .status(409)
        .text();
    assert!(
        page.contains("Mira Okafor (just now) changed this in the meantime"),
        "{page}"
    );
    assert!(
        page.contains("\nElif&#39;s</textarea>") && page.contains("title: Mira&#39;s"),
        "{page}"
    );
    // another field of the same outdated page can be saved
    world
        .elif
        .post("/tasks/INF-1", &[("description", "New"), ("version", "1")])
        .await
        .status(303);
}

#[tokio::test]
async fn blocked_card_shows_its_blocker_or_that_none_is_given() {
    let world = World::new().await;
    world
        .jonas
        .create_task("ingestion", "todo", "Dual-write person updates")
        .await;
    world
        .elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let card = world
        .elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-1/position",
            "card",
            &[("column", "blocked")],
        )
        .await
        .ok()
        .text();
    assert!(card.contains("blocked-by missing"), "{card}");

    let form = [("kind", "task"), ("on", "dual-write")];
    let card = world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-1/block", "form", &form)
        .await
        .ok();
    assert_eq!(card.header("fortnight-done"), "1");
    assert!(
        card.text()
            .contains("Waiting on ING-1 “Dual-write person updates” · Ingestion"),
        "{}",
        card.text()
    );

    // when the blocker is done, the waiting card says so and stays in its column
    world
        .jonas
        .submit_by_script(
            Method::PUT,
            "/tasks/ING-1/position",
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    let board = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("Was waiting on ING-1"), "{board}");
    assert_eq!(
        world.column_keys("infrastructure", "blocked").await,
        ["INF-1"]
    );

    world.elif.post("/tasks/INF-1/unblock", &[]).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-1"]
    );
    assert_eq!(world.elif.load_task("INF-1").await["blocked_by"], json!([]));

    for (kind, field, on, words) in [
        ("team", "team", "ingestion", "Waiting on Ingestion"),
        ("person", "person", "jonas", "Waiting on Jonas Gruber"),
    ] {
        let card = world
            .elif
            .submit_by_script(
                Method::POST,
                "/tasks/INF-1/block",
                "card",
                &[("kind", kind), (field, on)],
            )
            .await
            .ok()
            .text();
        assert!(card.contains(words), "{card}");
    }
    let refused = world
        .elif
        .post("/tasks/INF-1/block", &[("kind", "task"), ("on", "INF-99")])
        .await
        .status(422)
        .text();
    assert!(refused.contains("There is no task INF-99.") && refused.contains(r#"value="INF-99""#));
    world
        .elif
        .post("/tasks/INF-1/block", &[("kind", "task"), ("on", "INF-1")])
        .await
        .status(422);
}

#[tokio::test]
async fn changes_can_be_undone_until_others_build_on_them() {
    let world = World::new().await;
    let elif = &world.elif;
    for title in ["one", "two", "three"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let undo = async |change: &str| {
        elif.submit_by_script(
            Method::POST,
            &format!("/changes/{change}/undo"),
            "card",
            &[],
        )
        .await
    };
    let change = async |method: Method, path: &str, fields: &[(&str, &str)]| {
        elif.submit_by_script(method, path, "card", fields)
            .await
            .ok()
            .header("fortnight-change")
            .to_owned()
    };
    let moved = change(Method::PUT, "/tasks/INF-2/position", &[("column", "done")]).await;
    undo(&moved).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2", "INF-3"]
    );

    let archived = change(Method::POST, "/tasks/INF-2/archive", &[]).await;
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-3"]
    );
    undo(&archived).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2", "INF-3"]
    );

    let owned = change(Method::POST, "/tasks/INF-2/owners/me", &[]).await;
    undo(&owned).await.ok();
    assert_eq!(elif.load_task("INF-2").await["owners"], json!([]));

    let planned = change(Method::POST, "/tasks/INF-2", &[("sprint", "43")]).await;
    undo(&planned).await.ok();
    assert_eq!(elif.load_task("INF-2").await["sprint"], 42);

    let blocked = change(
        Method::POST,
        "/tasks/INF-2/block",
        &[("kind", "text"), ("note", "Legal")],
    )
    .await;
    assert_eq!(
        world.column_keys("infrastructure", "blocked").await,
        ["INF-2"]
    );
    undo(&blocked).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2", "INF-3"]
    );
    assert_eq!(elif.load_task("INF-2").await["blocked_by"], json!([]));
    let blocked = change(
        Method::POST,
        "/tasks/INF-2/block",
        &[("kind", "text"), ("note", "Legal")],
    )
    .await;
    let unblocked = change(Method::POST, "/tasks/INF-2/unblock", &[]).await;
    undo(&unblocked).await.ok();
    assert_eq!(
        elif.load_task("INF-2").await["blocked_by"][0]["note"],
        "Legal"
    );
    // a change that others depend on cannot be undone
    undo(&blocked).await.status(409);

    let several = change(
        Method::POST,
        "/teams/infrastructure/bulk",
        &[("keys", "INF-1"), ("keys", "INF-3"), ("archive", "1")],
    )
    .await;
    assert_eq!(world.column_keys("infrastructure", "todo").await, [""; 0]);
    undo(&several).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-3"]
    );

    // comments and steps can be undone, too
    for (path, field) in [
        ("/tasks/INF-1/comments", "body"),
        ("/tasks/INF-1/steps", "text"),
    ] {
        let added = elif
            .submit_by_script(Method::POST, path, "task", &[(field, "Rehearsed")])
            .await
            .ok();
        assert_eq!(added.header("fortnight-undoable"), "1");
        undo(added.header("fortnight-change")).await.ok();
    }
    let edited = elif
        .submit_by_script(
            Method::POST,
            "/tasks/INF-1",
            "card",
            &[("title", "one, again")],
        )
        .await
        .ok();
    assert_eq!(edited.header("fortnight-undoable"), "1");

    // only its author can undo a change
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let mine = change(Method::PUT, "/tasks/INF-1/position", &[("column", "done")]).await;
    mira.submit_by_script(Method::POST, &format!("/changes/{mine}/undo"), "card", &[])
        .await
        .status(404);
    mira.submit_by_script(
        Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "in-progress")],
    )
    .await
    .ok();
    let conflict = undo(&mine).await.status(409).json();
    assert!(
        conflict["detail"].as_str().unwrap().contains("Mira Okafor"),
        "{conflict}"
    );
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-1"]
    );

    // a task that another person has changed since cannot be removed by undo
    let fields = [("title", "four"), ("column", "todo")];
    let created = change(Method::POST, "/teams/infrastructure/tasks", &fields).await;
    mira.post("/tasks/INF-4/owners/me", &[]).await.ok();
    assert!(
        undo(&created)
            .await
            .status(409)
            .text()
            .contains("Mira Okafor has changed INF-4 since")
    );
    let created = change(
        Method::POST,
        "/teams/infrastructure/tasks",
        &[("title", "five"), ("column", "todo")],
    )
    .await;
    undo(&created).await.ok();
    assert_eq!(elif.load_task("INF-5").await["archived"], true);
}

#[tokio::test]
async fn bulk_edit_changes_all_tasks_or_none() {
    let world = World::new().await;
    for title in ["one", "two", "three"] {
        world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    world.jonas.create_task("ingestion", "todo", "theirs").await;
    let bulk = "/teams/infrastructure/bulk";
    let keys = [("keys", "INF-3"), ("keys", "INF-1")];
    let with = |more: (&'static str, &'static str)| [keys[0], keys[1], more];
    world
        .elif
        .post(bulk, &with(("column", "in-progress")))
        .await
        .ok();
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-3", "INF-1"],
        "in the order of the keys"
    );
    world.elif.post(bulk, &with(("owner", "elif"))).await.ok();
    world
        .elif
        .post(bulk, &with(("label", "postgres")))
        .await
        .ok();
    world.elif.post(bulk, &with(("sprint", "43"))).await.ok();
    let task = world.elif.load_task("INF-1").await;
    assert_eq!(
        (
            &task["owners"][0]["handle"],
            &task["labels"][0],
            &task["sprint"]
        ),
        (&json!("elif"), &json!("postgres"), &json!(43))
    );
    let goal = crate::goals::set_goal(
        &world,
        &world.elif,
        "43",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let (list, id) = (
        world
            .elif
            .get("/teams/infrastructure/tasks?sprint=all")
            .await
            .ok()
            .text(),
        goal.to_string(),
    );
    assert!(
        !list.contains("Cut over"),
        "the goal belongs to the next sprint"
    );
    let of_goal = [keys[0], keys[1], ("goal", id.as_str())];
    world.elif.post(bulk, &of_goal).await.ok();
    assert_eq!(world.elif.load_task("INF-3").await["goal"], 1);
    world.elif.post(bulk, &with(("goal", "none"))).await.ok();
    let task = world.elif.load_task("INF-3").await;
    assert_eq!((&task["goal"], &task["sprint"]), (&json!(null), &json!(43)));
    world
        .elif
        .post(
            bulk,
            &with(("goal", "01900000-0000-7000-8000-000000000000")),
        )
        .await
        .status(404);
    // one task of another team makes the whole request fail
    world
        .elif
        .post(
            bulk,
            &[("keys", "INF-1"), ("keys", "ING-1"), ("archive", "1")],
        )
        .await
        .status(404);
    world
        .elif
        .post(
            bulk,
            &[("keys", "INF-1"), ("keys", "INF-99"), ("archive", "1")],
        )
        .await
        .status(404);
    assert_eq!(world.elif.load_task("INF-1").await["archived"], false);
    assert_eq!(world.jonas.load_task("ING-1").await["archived"], false);
}

#[tokio::test]
async fn archived_task_can_be_found_and_restored() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Old idea")
        .await;
    world
        .elif
        .create_task("infrastructure", "todo", "Other idea")
        .await;
    world.elif.post("/tasks/INF-1/archive", &[]).await.ok();
    world.elif.post("/tasks/INF-1/archive", &[]).await.ok();
    let list = world
        .elif
        .get("/teams/infrastructure/tasks?sprint=all&q=is:archived+old")
        .await
        .ok()
        .text();
    assert!(list.contains("INF-1") && !list.contains("INF-2"));
    world
        .elif
        .post("/tasks/INF-1/position", &[("column", "done")])
        .await
        .status(409);
    world.elif.post("/tasks/INF-1/restore", &[]).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-2", "INF-1"]
    );
}

/// Case 7. An author field in the form is ignored.
#[tokio::test]
async fn comments_can_be_changed_only_by_their_author() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    // members of other teams can comment
    world
        .jonas
        .post("/tasks/INF-1/comments", &[("body", "From Ingestion")])
        .await
        .ok();
    let comment: uuid::Uuid = sqlx::query_scalar("SELECT id FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let path = format!("/tasks/INF-1/comments/{comment}");
    world
        .elif
        .post(&path, &[("body", "mine now"), ("author_id", "x")])
        .await
        .status(403);
    world
        .elif
        .post(&format!("{path}/delete"), &[])
        .await
        .status(403);
    world.jonas.post(&path, &[("body", "Edited")]).await.ok();
    assert!(
        world
            .elif
            .get("/tasks/INF-1")
            .await
            .text()
            .contains("Edited")
    );
    world.jonas.post(&format!("{path}/delete"), &[]).await.ok();
    let events: String =
        sqlx::query_scalar("SELECT string_agg(before::text || after::text, '') FROM events")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert!(
        !events.contains("From Ingestion") && !events.contains("Edited"),
        "the text is removed from all events"
    );
}

#[tokio::test]
async fn bulk_edit_from_the_list_is_undone_as_one_change() {
    let world = World::new().await;
    let elif = &world.elif;
    for title in ["one", "two", "three"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let goal = crate::goals::set_goal(
        &world,
        elif,
        "43",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let (bulk, list) = (
        "/teams/infrastructure/bulk",
        "/teams/infrastructure/tasks?sprint=all&q=-label%3Adocs",
    );
    assert!(elif.get(list).await.ok().text().contains(
        "name=\"back\" value=\"/teams/infrastructure/tasks?sprint=all&#38;q=-label%3Adocs\""
    ));
    let chosen = [("keys", "INF-3"), ("keys", "INF-1"), ("back", list)];
    let with = |more: &[(&'static str, &'static str)]| [&chosen[..], more].concat();
    let all = [
        ("column", "in-progress"),
        ("owner", "elif"),
        ("sprint", "43"),
        ("goal", &goal),
        ("label", "postgres"),
    ];
    let done = elif
        .post(bulk, &[&chosen[..], &all[..]].concat())
        .await
        .status(303);
    let to = done.header("location").to_owned();
    assert!(
        to.starts_with(&format!("{list}&did=")),
        "redirects to the list with its filter: {to}"
    );
    let summary = |task: serde_json::Value| {
        json!([
            task["column"],
            task["owners"][0]["handle"],
            task["sprint"],
            task["goal"],
            task["labels"]
        ])
    };
    assert_eq!(
        summary(elif.load_task("INF-1").await),
        json!(["in-progress", "elif", 43, 1, ["postgres"]])
    );
    assert_eq!(
        summary(elif.load_task("INF-3").await),
        json!(["in-progress", "elif", 43, 1, ["postgres"]])
    );
    let change = to.rsplit_once("did=").unwrap().1;
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    for key in ["INF-1", "INF-3"] {
        assert_eq!(
            summary(elif.load_task(key).await),
            json!(["todo", null, 42, null, []]),
            "{key}: one undo reverts everything"
        );
    }
    // a refused change has no effect, and the list keeps its selection and input
    for (fields, why) in [
        (
            with(&[("column", "in-progress"), ("owner", "unknown-user")]),
            "unknown-user",
        ),
        (with(&[("column", "nowhere"), ("owner", "elif")]), "column"),
        (
            with(&[("owner", "elif"), ("archive", "1")]),
            "edited and archived at once",
        ),
        (
            with(&[]),
            "Choose a column, owner, sprint, goal or label to change",
        ),
    ] {
        let page = elif.post(bulk, &fields).await.status(422).text();
        assert!(page.contains(why), "{why}: {page}");
        assert_eq!(
            page.matches("checked> <span class=\"key\">").count(),
            2,
            "both tasks are still selected"
        );
        assert!(
            page.contains("value=\"-label:docs\""),
            "the filter is kept: {page}"
        );
        let owner = fields
            .iter()
            .any(|(name, value)| (*name, *value) == ("owner", "elif"));
        assert_eq!(
            page.contains("value=\"elif\" selected"),
            owner,
            "the chosen owner is kept"
        );
    }
    let other =
        crate::goals::set_goal(&world, elif, "42", &[("title", "Sleep"), ("target", "2")]).await;
    let page = elif
        .post(
            bulk,
            &[&chosen[..], &[("sprint", "43"), ("goal", other.as_str())]].concat(),
        )
        .await
        .status(422);
    assert!(
        page.text()
            .contains("This goal does not belong to this sprint."),
        "{}",
        page.text()
    );
    assert_eq!(
        summary(elif.load_task("INF-1").await),
        json!(["todo", null, 42, null, []])
    );
    // "back" can lead only to the team's list
    let away = elif
        .post(
            bulk,
            &[
                ("keys", "INF-2"),
                ("owner", "elif"),
                ("back", "//evil.test"),
            ],
        )
        .await
        .status(303);
    assert!(
        away.header("location")
            .starts_with("/teams/infrastructure/tasks?did=")
    );
}

#[tokio::test]
async fn large_archive_is_truncated_and_can_be_searched() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "done", "Plain").await;
    elif.post("/tasks/INF-1/archive", &[]).await.ok();
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, title, created_at, column_since, archived_at)
         SELECT team_id, gen_random_uuid(), n, column_id, CASE n WHEN 2 THEN 'The very first' ELSE 'Plain' END,
                created_at, column_since, archived_at - interval '1 day' / n
         FROM tasks, generate_series(2, 503) n",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let list = elif
        .get("/teams/infrastructure/tasks?sprint=all&q=is:archived")
        .await
        .ok()
        .text();
    assert_eq!(list.matches(r#"name="keys""#).count(), 500);
    assert!(
        list.contains("500 of 503")
            && list.contains("the other 3")
            && !list.contains("The very first"),
        "{list}"
    );
    let board = "/teams/infrastructure/board?sprint=all&q=is:archived";
    assert_eq!(
        elif.api(Method::GET, board, json!({})).await.ok().json()["more"],
        true
    );
    let matching = elif
        .get("/teams/infrastructure/tasks?sprint=all&q=is:archived+first")
        .await
        .ok()
        .text();
    assert!(
        matching.contains("The very first") && !matching.contains("the other"),
        "{matching}"
    );
    let none = elif
        .get("/teams/infrastructure/tasks?sprint=all&q=is:archived+nowhere")
        .await
        .ok()
        .text();
    assert!(none.contains("No tasks match this filter."), "{none}");
}

#[tokio::test]
async fn conflicting_changes_of_a_field_are_refused() {
    let world = World::new().await;
    let elif = &world.elif;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let (task, owners) = (format!("/tasks/{key}"), format!("/tasks/{key}/owners"));
    let version = elif.load_task(&key).await["version"].to_string();
    let version = ("version", version.as_str());
    let page = elif.get(&task).await.ok().text();
    assert_eq!(
        page.matches(&format!("name=\"version\" value=\"{}\"", version.1))
            .count(),
        9,
        "{page}"
    );
    // both saw no owner, and each adds one
    mira.post(&owners, &[version, ("owners", "mira")])
        .await
        .ok();
    let conflict = elif
        .post(&owners, &[version, ("owners", "elif")])
        .await
        .status(409)
        .text();
    assert!(
        conflict.contains("Mira Okafor") && conflict.contains("both versions"),
        "{conflict}"
    );
    assert_eq!(elif.load_task(&key).await["owners"][0]["handle"], "mira");
    for (field, first, second) in [
        ("sprint", "43", "none"),
        ("needed_by", "Growth", "Sales"),
        ("due", "2026-12-01", "2026-12-02"),
        ("estimate", "3", "5"),
    ] {
        mira.post(&task, &[version, (field, first)]).await.ok();
        elif.post(&task, &[version, (field, second)])
            .await
            .status(409);
    }
    let current = elif.load_task(&key).await;
    assert_eq!(
        (
            &current["sprint"],
            &current["needed_by"],
            &current["estimate"]
        ),
        (&json!(43), &json!("Growth"), &json!(3))
    );
    // a change of another field does not conflict
    elif.post(&task, &[version, ("labels", "postgres")])
        .await
        .ok();
}

#[tokio::test]
async fn new_task_page_selects_the_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let new = "/teams/infrastructure/tasks/new";
    let chosen = r#"<option value="42" selected>"#;
    assert!(
        elif.get(&format!("{new}?sprint=this"))
            .await
            .ok()
            .text()
            .contains(chosen)
    );
    assert!(
        !elif
            .get(new)
            .await
            .ok()
            .text()
            .contains("<option value=\"42\" selected")
    );
    // a refused title keeps the chosen sprint
    let refused = elif
        .post(
            "/teams/infrastructure/tasks",
            &[("title", " "), ("sprint", "43")],
        )
        .await
        .status(422)
        .text();
    assert!(
        refused.contains(r#"<option value="43" selected>"#),
        "{refused}"
    );
    // members of other teams can search but not add tasks
    let standup = world
        .jonas
        .get("/teams/infrastructure/standup")
        .await
        .ok()
        .text();
    assert!(
        !standup.contains("tasks/new") && standup.contains("data-search"),
        "{standup}"
    );
}

#[tokio::test]
async fn refused_comment_edit_returns_to_its_own_form() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "one").await;
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "As it stands")],
    )
    .await
    .ok();
    let comment: uuid::Uuid = sqlx::query_scalar("SELECT id FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let (id, long) = (comment.to_string(), "too long ".repeat(3000));
    let fields = [("comment", id.as_str()), ("body", long.as_str())];
    let page = elif
        .post(&format!("/tasks/{key}/comments/{comment}"), &fields)
        .await
        .status(422)
        .text();
    let (own, new) = page.split_once("aria-label=\"Write a comment\"").unwrap();
    assert!(
        own.contains("too long too long") && own.contains("id=\"comment-error\""),
        "the edit form keeps the text"
    );
    assert!(
        !new.contains("too long too long"),
        "the form for a new comment does not contain it"
    );
}

#[tokio::test]
async fn move_form_places_a_task_below_one_in_any_column() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "one").await;
    let above = elif
        .create_task("infrastructure", "in-progress", "two")
        .await;
    elif.create_task("infrastructure", "in-progress", "three")
        .await;
    let fields = [
        ("column", "todo"),
        ("place", "top"),
        ("after", above.as_str()),
    ];
    elif.post(&format!("/tasks/{key}/position"), &fields)
        .await
        .ok();
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-2", "INF-1", "INF-3"]
    );
}

#[tokio::test]
async fn new_task_without_a_sprint_joins_the_current_one() {
    let world = World::new().await;
    let elif = &world.elif;
    for (fields, sprint) in [
        (&[("title", "no word of it")][..], serde_json::json!(42)),
        (
            &[("title", "none"), ("sprint", "")],
            serde_json::json!(null),
        ),
    ] {
        elif.post("/teams/infrastructure/tasks", fields)
            .await
            .status(303);
        let newest: i64 = sqlx::query_scalar("SELECT max(number) FROM tasks")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(
            elif.load_task(&format!("INF-{newest}")).await["sprint"],
            sprint
        );
    }
}

#[tokio::test]
async fn repeated_form_with_the_same_key_creates_one_task() {
    let world = World::new().await;
    let send = async |title: &str| {
        let request = axum::http::Request::post("/teams/infrastructure/tasks")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", "one")
            .header("fortnight-fragment", "card")
            .body(axum::body::Body::from(format!("title={title}&column=todo")));
        world.elif.send(request.unwrap()).await
    };
    let (first, again) = (
        send("Once").await.status(201).text(),
        send("Once").await.status(201).text(),
    );
    assert!(
        first.contains("INF-1") && again.contains("INF-1"),
        "{again}"
    );
    send("Another").await.status(422);
    assert_eq!(world.column_keys("infrastructure", "todo").await, ["INF-1"]);
}

#[tokio::test]
async fn due_date_shows_its_year_and_ancient_years_are_refused() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "one").await;
    elif.post(&format!("/tasks/{key}"), &[("due", "2027-11-26")])
        .await
        .ok();
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("due Fri 26 Nov 2027")
    );
    for due in ["-0001-01-01", "0026-11-26"] {
        elif.post(&format!("/tasks/{key}"), &[("due", due)])
            .await
            .status(422);
    }
}

#[tokio::test]
async fn new_task_under_a_filter_gets_the_filters_values() {
    let world = World::new().await;
    let elif = &world.elif;
    let labelled = elif.create_task("infrastructure", "todo", "one").await;
    elif.post(&format!("/tasks/{labelled}"), &[("labels", "Docs")])
        .await
        .ok();
    let goal = [("sprint", "42"), ("title", "A goal"), ("target", "9")];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    let q = "owner:me label:docs label:typo goal:1 -label:none \"words\"";
    elif.post("/teams/infrastructure/tasks", &[("title", "two"), ("q", q)])
        .await
        .status(303);
    let task = elif.load_task("INF-2").await;
    assert_eq!(task["owners"][0]["handle"], "elif", "{task}");
    assert_eq!(
        (task["labels"][0].clone(), task["goal"].clone()),
        ("Docs".into(), 1.into()),
        "{task}"
    );
    assert_eq!(
        task["labels"].as_array().unwrap().len(),
        1,
        "unknown labels are not created: {task}"
    );
    // several owners in the filter assign none
    elif.post(
        "/teams/infrastructure/tasks",
        &[("title", "three"), ("q", "owner:elif owner:jonas goal:7")],
    )
    .await
    .status(303);
    assert_eq!(
        elif.load_task("INF-3").await["owners"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn undo_expires_after_an_hour() {
    let world = World::new().await;
    let elif = &world.elif;
    for (key, minutes, status) in [("INF-1", 59, 200), ("INF-2", 61, 409)] {
        elif.create_task("infrastructure", "todo", "Cut over").await;
        let moved = elif
            .submit_by_script(
                Method::PUT,
                &format!("/tasks/{key}/position"),
                "card",
                &[("column", "done")],
            )
            .await
            .ok();
        let change = moved.header("fortnight-change").to_owned();
        world.app.clock.advance(time::Duration::minutes(minutes));
        let response = elif
            .submit_by_script(
                Method::POST,
                &format!("/changes/{change}/undo"),
                "card",
                &[],
            )
            .await
            .status(status);
        assert_eq!(
            response.text().contains("too old to undo"),
            status == 409,
            "{}",
            response.text()
        );
    }
    assert_eq!(world.column_keys("infrastructure", "done").await, ["INF-2"]);
}

#[tokio::test]
async fn card_counts_checked_steps_until_they_are_removed() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/steps"), &[("text", "Rehearse")])
        .await
        .ok();
    let step: uuid::Uuid = sqlx::query_scalar("SELECT id FROM steps")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let at = format!("/tasks/{key}/steps/{step}");
    let counts = async || {
        let task = elif.load_task(&key).await;
        (
            task["steps_done"].as_i64().unwrap(),
            task["steps"].as_i64().unwrap(),
        )
    };
    assert_eq!(counts().await, (0, 1));
    elif.post(&at, &[("done", "on")]).await.ok();
    assert_eq!(counts().await, (1, 1));
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("☑</span> 1/1")
    );
    elif.post(&at, &[]).await.ok();
    assert_eq!(counts().await, (0, 1));
    elif.post(&format!("{at}/remove"), &[]).await.ok();
    assert_eq!(counts().await, (0, 0));
}

#[tokio::test]
async fn activity_interleaves_comments_and_events() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let later = || world.app.clock.advance(time::Duration::minutes(5));
    later();
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    later();
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Said between the two")],
    )
    .await
    .ok();
    later();
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
    let story = page.split("class=\"timeline\"").nth(1).unwrap();
    let at = |text: &str| {
        story
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {story}"))
    };
    let order = [
        at("created it in Todo"),
        at("to In progress"),
        at("Said between the two"),
        at("to In review"),
    ];
    assert!(
        order.is_sorted() || order.iter().rev().is_sorted(),
        "{order:?}: {story}"
    );
}

#[tokio::test]
async fn my_work_groups_owned_tasks_by_team() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    for (client, team, title) in [
        (elif, "infrastructure", "Cut over"),
        (jonas, "ingestion", "Dual writes"),
        (jonas, "ingestion", "Not hers"),
    ] {
        let key = client.create_task(team, "todo", title).await;
        if title != "Not hers" {
            client
                .post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
                .await
                .ok();
        }
    }
    let page = elif.get("/").await.ok().text();
    let part = |from: &str| {
        page.split(from)
            .nth(1)
            .unwrap_or_else(|| panic!("{from}: {page}"))
            .to_owned()
    };
    let (ours, theirs) = (
        part(">Infrastructure</a></h2>"),
        part(">Ingestion</a></h2>"),
    );
    assert!(
        ours.split("</section>")
            .next()
            .unwrap()
            .contains("Cut over"),
        "{page}"
    );
    assert!(
        theirs
            .split("</section>")
            .next()
            .unwrap()
            .contains("Dual writes")
            && !page.contains("Not hers"),
        "{page}"
    );
}

#[tokio::test]
async fn steps_and_comments_can_be_undone_by_their_author() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let script = async |client: &Client, path: &str, fields: &[(&str, &str)]| {
        client
            .submit_by_script(Method::POST, path, "task", fields)
            .await
            .ok()
            .header("fortnight-change")
            .to_owned()
    };
    let undo = async |client: &Client, change: &str| {
        client
            .submit_by_script(
                Method::POST,
                &format!("/changes/{change}/undo"),
                "card",
                &[],
            )
            .await
    };
    let page = async || elif.get(&format!("/tasks/{key}")).await.ok().text();

    // Jonas is not on the team, but may comment
    let comments = format!("/tasks/{key}/comments");
    let added = script(jonas, &comments, &[("body", "First try")]).await;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let edited = script(
        jonas,
        &format!("{comments}/{id}"),
        &[("body", "Second try")],
    )
    .await;
    undo(jonas, &edited).await.ok();
    assert!(page().await.contains("First try"));
    let deleted = script(jonas, &format!("{comments}/{id}/delete"), &[]).await;
    assert!(!page().await.contains("First try"));
    assert_eq!(elif.load_task(&key).await["comments"], 0);
    undo(elif, &deleted).await.status(404);
    let undone = undo(jonas, &deleted).await.ok();
    assert!(
        undone
            .header("fortnight-said")
            .contains("deleted%20a%20comment"),
        "{}",
        undone.header("fortnight-said")
    );
    assert!(page().await.contains("First try"));
    undo(jonas, &added).await.ok();
    assert!(!page().await.contains("First try"));
    world.app.clock.advance(Duration::hours(2));
    fortnight::domain::retention::purge_expired(&world.db, NOW + Duration::hours(2))
        .await
        .unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(left, 0, "a deleted text is kept for an hour only");

    let steps = format!("/tasks/{key}/steps");
    script(elif, &steps, &[("text", "Ask Legal")]).await;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM steps")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let ticked = script(elif, &format!("{steps}/{id}"), &[("done", "1")]).await;
    let removed = script(elif, &format!("{steps}/{id}/remove"), &[]).await;
    undo(elif, &removed).await.ok();
    let task = elif.load_task(&key).await;
    assert_eq!(
        (&task["steps"], &task["steps_done"]),
        (&json!(1), &json!(1))
    );
    undo(elif, &ticked).await.ok();
    assert_eq!(elif.load_task(&key).await["steps_done"], 0);
}

#[tokio::test]
async fn earlier_descriptions_can_be_read_and_restored() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let path = format!("/tasks/{key}");
    for text in ["Move **one** table", "Move all tables"] {
        elif.post(&path, &[("description", text)]).await.ok();
    }
    let task = elif.get(&path).await.ok().text();
    let versions = format!("{path}/descriptions");
    assert!(task.contains(&format!("href=\"{versions}\"")), "{task}");
    let page = elif.get(&versions).await.ok().text();
    assert!(page.contains("Move <strong>one</strong> table"), "{page}");
    assert!(page.contains("changed by Elif Hartmann"), "{page}");
    assert!(page.contains("\nMove **one** table</textarea>"), "{page}");
    let reader = world.jonas.get(&versions).await.ok().text();
    assert!(reader.contains("<strong>one</strong>") && !reader.contains("Restore"));
}

#[tokio::test]
async fn pasted_list_becomes_steps_or_tasks_in_one_change() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let script = async |path: &str, part: &str, fields: &[(&str, &str)]| {
        elif.submit_by_script(Method::POST, path, part, fields)
            .await
    };
    let undo = async |of: &Response| {
        let path = format!("/changes/{}/undo", of.header("fortnight-change"));
        script(&path, "card", &[]).await
    };
    let steps = format!("/tasks/{key}/steps");
    let list = "- [ ] Ask @jonas about INF-1\r\n- [x] Read https://example.org/a\n\n2. *Switch*";
    let pasted = script(&steps, "task", &[("text", list)]).await;
    assert_eq!(pasted.header("fortnight-said"), "Added%203%20steps");
    assert_eq!(elif.load_task(&key).await["steps"], 3);
    // addresses, keys and mentions in steps are links; nothing else is rendered
    let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
    for part in [
        "Ask <a href=\"/people/jonas\" rel=\"noopener noreferrer nofollow\">@jonas</a> about <a href=\"/tasks/INF-1\"",
        "Read <a href=\"https://example.org/a\"",
        ">*Switch*<",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    undo(&pasted).await.ok();
    assert_eq!(elif.load_task(&key).await["steps"], 0);
    let too_many = "- step\n".repeat(201);
    script(&steps, "task", &[("text", &too_many)])
        .await
        .status(422);
    assert_eq!(elif.load_task(&key).await["steps"], 0, "all or none");

    let tasks = "/teams/infrastructure/tasks";
    let fields = [
        ("title", "* One\n* Two\n* Three"),
        ("column", "todo"),
        ("lines", "1"),
    ];
    let created = script(tasks, "card", &fields).await.status(201);
    assert_eq!(created.text().matches("data-task=").count(), 3);
    assert_eq!(world.column_keys("infrastructure", "todo").await.len(), 4);
    assert_eq!(elif.load_task("INF-3").await["title"], "Two");
    undo(&created).await.ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        [key.as_str()]
    );
    // without `lines` it is one title
    script(tasks, "card", &fields[..2]).await.status(201);
    assert_eq!(
        elif.load_task("INF-5").await["title"],
        "* One * Two * Three"
    );
    let many = "task\n".repeat(101);
    let fields = [("title", many.as_str()), ("lines", "1")];
    let refused = script(tasks, "card", &fields).await.status(422).text();
    assert!(
        refused.contains("at most 100 tasks. This one has 101."),
        "{refused}"
    );
}

/// My work reads the owners of tasks that are not archived from a mark of their own.
#[tokio::test]
async fn owners_know_whether_their_task_is_archived() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let differing = async || {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM task_owners o JOIN tasks k ON k.team_id = o.team_id AND k.id = o.task_id
             WHERE o.is_archived <> (k.archived_at IS NOT NULL)",
        )
        .fetch_one(&world.db)
        .await
        .unwrap();
        count
    };
    let is_on_my_work = async || elif.get("/").await.ok().text().contains("Cut over");
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    assert!(is_on_my_work().await);
    elif.post(&format!("/tasks/{key}/archive"), &[]).await.ok();
    assert!(!is_on_my_work().await);
    assert_eq!(differing().await, 0, "archived");
    // an archived task gets an owner, and comes back
    elif.post(
        &format!("/tasks/{key}/owners"),
        &[("owners", "jonas"), ("owners", "elif")],
    )
    .await;
    assert_eq!(differing().await, 0, "assigned while archived");
    elif.post(&format!("/tasks/{key}/restore"), &[]).await.ok();
    assert!(is_on_my_work().await);
    assert_eq!(differing().await, 0, "restored");
}
