//! The board of a team.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;
use time::Duration;

use crate::{fixtures::World, goals::set_goal};

#[tokio::test]
async fn dragged_task_stays_where_it_was_dropped() {
    let world = World::new().await;
    let elif = &world.elif;
    for title in ["Alert on lag", "Rotate credentials", "Write the runbook"] {
        elif.submit_by_script(
            Method::POST,
            "/teams/infrastructure/tasks",
            "card",
            &[("title", title), ("column", "todo"), ("sprint", "42")],
        )
        .await
        .status(201);
    }
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2", "INF-3"]
    );

    let card = elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-3/position",
            "card",
            &[("column", "todo"), ("after", "INF-1"), ("version", "1")],
        )
        .await
        .ok();
    assert!(
        card.text()
            .contains(r#"data-task="INF-3" data-version="2""#),
        "{}",
        card.text()
    );
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-3", "INF-2"]
    );

    elif.submit_by_script(
        Method::PUT,
        "/tasks/INF-2/position",
        "card",
        &[("column", "todo"), ("before", "INF-1")],
    )
    .await
    .ok();
    elif.submit_by_script(
        Method::PUT,
        "/tasks/INF-3/position",
        "card",
        &[("column", "in-progress")],
    )
    .await
    .ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-2", "INF-1"]
    );
    let page = elif.get("/teams/infrastructure").await.ok().text();
    let doing = page
        .split(r#"data-column="in-progress""#)
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    assert!(
        doing.contains(r#"data-task="INF-3""#),
        "the page shows the task in its new column"
    );
}

/// Case R4. A window that was not updated does not revert a move.
#[tokio::test]
async fn outdated_move_is_refused_and_names_who_moved_the_task() {
    let world = World::new().await;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    mira.submit_by_script(
        Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done"), ("version", "1")],
    )
    .await
    .ok();

    let conflict = world
        .elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-1/position",
            "card",
            &[("column", "in-progress"), ("version", "1")],
        )
        .await
        .status(409)
        .json();
    assert_eq!(
        conflict["detail"],
        "Mira Okafor (just now) moved INF-1 to Done. Your move was not saved."
    );
    assert_eq!(conflict["current"]["column"], "done");
    assert!(
        conflict["current"]["card"]
            .as_str()
            .unwrap()
            .contains(r#"data-version="2""#)
    );
    assert_eq!(world.column_keys("infrastructure", "done").await, ["INF-1"]);

    // a title edited in the meantime does not conflict with a move
    world
        .elif
        .api(
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "title": "Cut postgres over", "version": 2 }),
        )
        .await
        .ok();
    mira.submit_by_script(
        Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "todo"), ("version", "2")],
    )
    .await
    .ok();
}

/// Case R5. The new position is relative to the visible neighbour.
#[tokio::test]
async fn drop_under_a_filter_holds_without_it() {
    let world = World::new().await;
    for title in ["one", "two", "three", "four"] {
        world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-2/owners/me", "card", &[])
        .await
        .ok();
    world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-4/owners/me", "card", &[])
        .await
        .ok();
    let mine = world
        .elif
        .get("/teams/infrastructure?q=owner:me")
        .await
        .ok()
        .text();
    assert!(
        mine.contains("INF-2") && mine.contains("INF-4") && !mine.contains(r#"data-task="INF-1""#)
    );

    // only 2 and 4 are visible; 4 is dropped above 2
    world
        .elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-4/position",
            "card",
            &[("column", "todo"), ("before", "INF-2")],
        )
        .await
        .ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-4", "INF-2", "INF-3"]
    );
}

#[tokio::test]
async fn filters_match_tasks_and_report_unknown_terms() {
    let world = World::new().await;
    let elif = &world.elif;
    let make = async |title: &str, more: serde_json::Value| {
        let mut body = json!({ "title": title });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        elif.api(Method::POST, "/teams/infrastructure/tasks", body)
            .await
            .status(201);
    };
    make(
        "Replication lag",
        json!({ "labels": ["postgres"], "owners": ["elif"] }),
    )
    .await;
    make("Runbook for lag", json!({ "labels": ["docs", "postgres"] })).await;
    make("100% of a_b\\c", json!({ "sprint": "next" })).await;
    make("Later", json!({ "sprint": null, "due": "2026-11-01" })).await;
    elif.api(
        Method::PUT,
        "/tasks/INF-2/block",
        json!({ "note": "Legal", "kind": "text" }),
    )
    .await
    .ok();
    let keys = async |query: &str| -> Vec<String> {
        let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let board = elif
            .api(
                Method::GET,
                &format!("/teams/infrastructure/board?q={encoded}"),
                json!({}),
            )
            .await
            .ok()
            .json();
        let columns = board["columns"].as_array().unwrap().clone();
        let mut keys: Vec<String> = columns
            .iter()
            .flat_map(|column| column["tasks"].as_array().unwrap().clone())
            .map(|task| task["key"].as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys("").await, ["INF-1", "INF-2"]);
    assert_eq!(keys("owner:me").await, ["INF-1"]);
    assert_eq!(keys("is:unowned").await, ["INF-2"]);
    assert_eq!(keys("owner:none owner:elif").await, ["INF-1", "INF-2"]);
    assert_eq!(keys("label:postgres -label:docs").await, ["INF-1"]);
    assert_eq!(keys("is:blocked").await, ["INF-2"]);
    assert_eq!(keys("\"for lag\"").await, ["INF-2"]);
    assert_eq!(keys("inf-2").await, ["INF-2"]);
    assert_eq!(keys("age:>3d").await, [""; 0]);
    assert_eq!(keys("age:<3d").await, ["INF-1", "INF-2"]);
    assert_eq!(keys("goal:none").await, ["INF-1", "INF-2"]);
    assert_eq!(keys("sprint:none is:overdue").await, ["INF-4"]);
    assert_eq!(keys("sprint:next").await, ["INF-3"]);
    // %, _ and \ are literal
    assert_eq!(keys("sprint:all %").await, ["INF-3"]);
    assert_eq!(keys("sprint:all a_b").await, ["INF-3"]);
    assert_eq!(keys("sprint:all axb").await, [""; 0]);
    assert_eq!(keys("sprint:all b\\c").await, ["INF-3"]);

    // by age, by goal and by the number of a sprint
    for title in ["First goal", "Second goal"] {
        set_goal(&world, elif, "42", &[("title", title), ("target", "1")]).await;
    }
    elif.post("/tasks/INF-2", &[("goal", "2")]).await.ok();
    world.app.clock.advance(Duration::days(4));
    elif.post("/tasks/INF-1/position", &[("column", "in-progress")])
        .await
        .ok();
    assert_eq!(keys("age:>3d").await, ["INF-2"]);
    assert_eq!(keys("age:<3d").await, ["INF-1"]);
    assert_eq!(keys("goal:2").await, ["INF-2"]);
    assert_eq!(keys("-goal:2").await, ["INF-1"]);
    assert_eq!(keys("goal:1").await, [""; 0]);
    assert_eq!(keys("sprint:43").await, ["INF-3"]);

    let page = elif
        .get("/teams/infrastructure?q=is:tall+owner:me")
        .await
        .ok()
        .text();
    assert!(
        page.contains("Unknown filter “is:tall”") && page.contains(r#"value="is:tall owner:me""#)
    );
    for (q, why) in [
        ("is:", "Filter “is:” needs a value, such as is:blocked."),
        ("owner:", "Filter “owner:” needs a value, such as owner:me."),
        (
            "-sprint:this",
            "Unknown filter “-sprint:”. Choose the sprint to show",
        ),
    ] {
        let page = elif
            .get(&format!("/teams/infrastructure?q={q}"))
            .await
            .ok()
            .text();
        assert!(page.contains(why), "{q}: {page}");
        elif.api(
            Method::GET,
            &format!("/teams/infrastructure/board?q={q}"),
            json!({}),
        )
        .await
        .status(422);
    }
    // a parameter given twice applies both values
    let twice = elif
        .get("/teams/infrastructure?sprint=all&owner=elif&owner=jonas&q=label:x&q=is:blocked")
        .await
        .ok()
        .text();
    assert!(
        twice.contains(r#"value="owner:elif owner:jonas label:x is:blocked""#),
        "{twice}"
    );
    let none = elif
        .get("/teams/infrastructure?sprint=77")
        .await
        .ok()
        .text();
    assert!(none.contains("There is no sprint 77."));
}

#[tokio::test]
async fn filter_is_saved_for_one_person_or_the_team() {
    let world = World::new().await;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let save = [
        ("name", "My own"),
        ("sprint", "this"),
        ("q", "owner:me"),
        ("for", "me"),
    ];
    world
        .elif
        .post("/teams/infrastructure/filters", &save)
        .await
        .ok();
    let save = [
        ("name", "Stuck"),
        ("sprint", "all"),
        ("q", "is:blocked"),
        ("for", "team"),
    ];
    world
        .elif
        .post("/teams/infrastructure/filters", &save)
        .await
        .ok();
    world
        .elif
        .post("/teams/infrastructure/filters", &save)
        .await
        .status(422);
    let page = mira.get("/teams/infrastructure").await.ok().text();
    assert!(
        page.contains("Stuck") && !page.contains("My own"),
        "personal filters are not shown to others"
    );
    // a member of another team can save a personal filter but none for the team
    world
        .jonas
        .post("/teams/infrastructure/filters", &save)
        .await
        .status(403);
    world
        .jonas
        .post(
            "/teams/infrastructure/filters",
            &[("name", "x"), ("q", "is:done")],
        )
        .await
        .ok();
}

#[tokio::test]
async fn unchanged_board_is_304_and_a_change_sends_it_again() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Before")
        .await;
    for path in [
        "/teams/infrastructure",
        "/api/v1/teams/infrastructure/board",
    ] {
        let etag = world.elif.get(path).await.ok().header("etag").to_owned();
        let again = Request::get(path)
            .header("if-none-match", &etag)
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.elif.send(again).await.status, 304);
        for seen in [
            format!("W/{etag}"),
            format!("\"another\", {etag}"),
            "*".to_owned(),
        ] {
            let again = Request::get(path)
                .header("if-none-match", &seen)
                .body(Body::empty())
                .unwrap();
            assert_eq!(world.elif.send(again).await.status, 304, "{seen}");
        }
        world
            .elif
            .api(
                Method::PATCH,
                &format!("/tasks/{key}"),
                json!({ "title": format!("After {path}") }),
            )
            .await
            .ok();
        let again = Request::get(path)
            .header("if-none-match", &etag)
            .body(Body::empty())
            .unwrap();
        let fresh = world.elif.send(again).await.status(200);
        assert!(fresh.text().contains(&format!("After {path}")));
    }
    // without a session nothing is served from the cache
    let etag = world
        .elif
        .get("/teams/infrastructure")
        .await
        .header("etag")
        .to_owned();
    let stranger = Request::get("/teams/infrastructure")
        .header("if-none-match", etag)
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.stranger().send(stranger).await.status, 303);
}

#[tokio::test]
async fn lanes_group_by_owner_and_exceeded_limits_are_marked() {
    let world = World::new().await;
    for title in ["one", "two"] {
        world
            .elif
            .create_task("infrastructure", "in-progress", title)
            .await;
    }
    world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-1/owners/me", "card", &[])
        .await
        .ok();
    sqlx::query("UPDATE columns SET wip_limit = 1 WHERE slug = 'in-progress'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = world
        .elif
        .get("/teams/infrastructure?lanes=owner")
        .await
        .ok()
        .text();
    assert!(
        page.contains(r#"data-lane="Elif Hartmann""#) && page.contains(r#"data-lane="No owner""#)
    );
    // each lane shows its own count; the limit applies to the whole column
    assert!(
        page.contains(
            r#"<span class="count over-limit" title="All lanes together">all 2 / 1</span>"#
        ),
        "{page}"
    );
    let page = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        page.contains(">2 / 1</a>") && page.contains(r#"class="count over-limit""#),
        "{page}"
    );
}

#[tokio::test]
async fn lanes_by_goal_include_one_for_tasks_without_a_goal() {
    let world = World::new().await;
    let elif = &world.elif;
    for (nth, title) in [(1, "Cut over"), (2, "Drill")] {
        set_goal(&world, elif, "42", &[("title", title), ("target", "1")]).await;
        let key = elif
            .create_task("infrastructure", "todo", &format!("For {title}"))
            .await;
        elif.post(&format!("/tasks/{key}"), &[("goal", &nth.to_string())])
            .await
            .ok();
    }
    elif.create_task("infrastructure", "todo", "For none").await;
    let page = elif
        .get("/teams/infrastructure?lanes=goal")
        .await
        .ok()
        .text();
    let lanes: Vec<&str> = page.split("data-lane=\"").skip(1).collect();
    assert_eq!(lanes.len(), 3, "{page}");
    for (lane, (name, title)) in lanes.iter().zip([
        ("Cut over", "For Cut over"),
        ("Drill", "For Drill"),
        ("No goal", "For none"),
    ]) {
        assert!(
            lane.starts_with(&format!("{name}\"")) && lane.contains(title),
            "{name}: {lane}"
        );
        assert_eq!(lane.matches("data-task=").count(), 1, "{name}");
    }
}

#[tokio::test]
async fn card_shows_its_time_in_the_column() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.create_task("infrastructure", "todo", "Another").await;
    let age = async || {
        let page = elif.get("/teams/infrastructure").await.ok().text();
        let card = page
            .split(&format!("data-task=\"{key}\""))
            .nth(1)
            .unwrap()
            .split("</li>")
            .next()
            .unwrap();
        card.split("title=\"Time in this column\">")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(age().await, "&#60;1\u{a0}h");
    world.app.clock.advance(Duration::days(2));
    assert_eq!(age().await, "2\u{a0}d");
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "todo"), ("place", "end")],
    )
    .await
    .ok();
    assert_eq!(age().await, "2\u{a0}d", "it stayed in the column");
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    assert_eq!(age().await, "&#60;1\u{a0}h");
}

#[tokio::test]
async fn wip_limit_is_shown_but_not_enforced() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "in-progress", "There")
        .await;
    let next = elif.create_task("infrastructure", "todo", "Next").await;
    sqlx::query("UPDATE columns SET wip_limit = 1 WHERE slug = 'in-progress'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.submit_by_script(
        Method::PUT,
        &format!("/tasks/{next}/position"),
        "card",
        &[("column", "in-progress")],
    )
    .await
    .status(200);
    elif.api(
        Method::POST,
        "/teams/infrastructure/tasks",
        json!({ "title": "And one", "column": "in-progress" }),
    )
    .await
    .status(201);
    assert_eq!(
        world
            .column_keys("infrastructure", "in-progress")
            .await
            .len(),
        3
    );
}

#[tokio::test]
async fn task_is_overdue_once_the_day_ends_in_the_teams_zone() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.api(
        Method::POST,
        "/teams/infrastructure/tasks",
        json!({ "title": "Renew", "due": "2026-11-24" }),
    )
    .await
    .status(201);
    let is_late = async || {
        let board = elif.get("/teams/infrastructure").await.ok().text();
        let filtered = elif
            .get("/teams/infrastructure?q=is:overdue")
            .await
            .ok()
            .text();
        let (marked, filtered) = (
            board.contains("<span class=\"stale\" title=\"Due\">"),
            filtered.contains("data-task=\"INF-1\""),
        );
        assert_eq!(
            marked, filtered,
            "the marked task is the one that the filter finds"
        );
        marked
    };
    assert!(!is_late().await, "10:00 on the due date in UTC");
    // 14:00 UTC is 03:00 on the next day in Auckland
    world.app.clock.advance(Duration::hours(4));
    let zone = async |zone: &str| {
        sqlx::query("UPDATE teams SET time_zone = $1")
            .bind(zone)
            .execute(&world.db)
            .await
            .unwrap();
        sqlx::query("UPDATE workspace SET seq = seq + 1")
            .execute(&world.db)
            .await
            .unwrap();
    };
    zone("Pacific/Auckland").await;
    assert!(is_late().await);
    world.app.clock.advance(Duration::hours(12));
    zone("Pacific/Honolulu").await;
    assert!(!is_late().await, "16:00 on the due date in Honolulu");
}

#[tokio::test]
async fn new_task_links_on_a_sprint_board_keep_the_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let page = elif
        .get("/teams/infrastructure?sprint=43")
        .await
        .ok()
        .text();
    let ways: Vec<&str> = page
        .split("href=\"/teams/infrastructure/tasks/new?")
        .skip(1)
        .collect();
    assert!(
        ways.len() >= 7,
        "a + for each column, one link at the top and one at the bottom"
    );
    for way in ways {
        assert!(
            way.split('"').next().unwrap().ends_with("&amp;sprint=43"),
            "{way}"
        );
    }
    let form = elif
        .get("/teams/infrastructure/tasks/new?column=todo&sprint=43")
        .await
        .ok()
        .text();
    assert!(form.contains("<option value=\"43\" selected>"), "{form}");
    elif.post(
        "/teams/infrastructure/tasks",
        &[("title", "Next time"), ("column", "todo"), ("sprint", "43")],
    )
    .await
    .ok();
    assert_eq!(elif.load_task("INF-1").await["sprint"], 43);
}

#[tokio::test]
async fn empty_sprint_names_the_tasks_of_other_sprints() {
    let world = World::new().await;
    let elif = &world.elif;
    let next_board = async || {
        elif.get("/teams/infrastructure?sprint=43")
            .await
            .ok()
            .text()
    };
    let empty = next_board().await;
    assert!(empty.contains("No tasks in Sprint 43 yet."), "{empty}");
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let one = next_board().await;
    assert!(
        one.contains(
            r#"<strong>Nothing in Sprint 43.</strong> 1 task is in another sprint: <a href="?sprint=all">show all</a>."#
        ),
        "{one}"
    );
    elif.create_task("infrastructure", "todo", "Write the runbook")
        .await;
    let two = next_board().await;
    assert!(
        two.contains("2 tasks are in other sprints:&#32;<a href=\"?sprint=all\">show all</a>."),
        "{two}"
    );
    // the backlog is not a sprint
    elif.api(
        Method::PATCH,
        &format!("/tasks/{key}"),
        json!({ "sprint": null }),
    )
    .await
    .ok();
    let one = next_board().await;
    assert!(one.contains("1 task is in another sprint:"), "{one}");
    elif.api(
        Method::PATCH,
        &format!("/tasks/{key}"),
        json!({ "sprint": 43 }),
    )
    .await
    .ok();
    let filled = next_board().await;
    assert!(!filled.contains("Nothing in Sprint 43."), "{filled}");
}
