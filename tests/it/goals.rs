//! Goals: progress, owners and expected pace; and the calendar of sprints.

use axum::http::Method;
use serde_json::json;

use crate::fixtures::{Client, World};

/// Creates a goal with its form and returns its id.
pub async fn set_goal(
    world: &World,
    client: &Client,
    sprint: &str,
    fields: &[(&str, &str)],
) -> String {
    let fields: Vec<(&str, &str)> = [("sprint", sprint)]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    let response = client.post("/teams/infrastructure/goals", &fields).await;
    assert_eq!(response.status, 303, "{}", response.text());
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals ORDER BY id DESC LIMIT 1")
        .fetch_one(&world.db)
        .await
        .unwrap();
    id.to_string()
}

async fn load_goal_page(client: &Client, id: &str) -> String {
    client
        .get(&format!("/teams/infrastructure/goals/{id}"))
        .await
        .ok()
        .text()
}

#[tokio::test]
async fn goal_counts_done_tasks_and_shows_the_expected_pace() {
    let world = World::new().await;
    let elif = &world.elif;
    let tables = [
        ("title", "Migrate 4 tables"),
        ("measure", "count"),
        ("target", "4"),
        ("unit", "tables"),
        ("owners", "elif"),
    ];
    let id = set_goal(&world, elif, "42", &tables).await;
    for (column, title) in [("done", "sessions"), ("done", "people"), ("todo", "events")] {
        let key = elif.create_task("infrastructure", column, title).await;
        elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
            .await
            .ok();
    }
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("2 / 4"), "two of four are done");
    assert!(
        board.contains("should be at 65 % by today"),
        "the middle of working day 7 of 10"
    );
    assert!(
        board.contains("Only one owner. No one else on the team works at those hours"),
        "Elif is the only member"
    );
    let page = load_goal_page(elif, &id).await;
    assert!(page.contains("2 of 3"), "two of its three tasks are done");
    // a person who works at the same hours is suggested
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("Only one owner. Available to help: Tomas")
    );
    let both = [
        ("title", "Migrate 4 tables"),
        ("target", "4"),
        ("owners", "elif"),
        ("owners", "tomas"),
    ];
    elif.post(&format!("/teams/infrastructure/goals/{id}"), &both)
        .await
        .ok();
    assert!(
        !elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("Only one owner")
    );
}

#[tokio::test]
async fn entered_values_are_kept_with_their_notes() {
    let world = World::new().await;
    let elif = &world.elif;
    let id = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate 50 of the 100 tables"), ("target", "50")],
    )
    .await;
    let progress = format!("/teams/infrastructure/goals/{id}/progress");
    elif.post(&progress, &[("value", "12"), ("note", "the small ones")])
        .await
        .ok();
    elif.post(&progress, &[("value", "31"), ("note", "over night")])
        .await
        .ok();
    let page = load_goal_page(elif, &id).await;
    assert!(
        page.contains("31 / 50") && page.contains("the small ones") && page.contains("over night")
    );
    assert!(
        page.contains("2 values were entered, the last one is 31 / 50."),
        "the chart shows both values: {page}"
    );
    assert_eq!(page.matches("<circle class=\"dot state-done\"").count(), 2);
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("31 / 50")
    );
    for wrong in ["-1", "many", "", "99999999999"] {
        let response = elif
            .post(&progress, &[("value", wrong), ("note", "kept")])
            .await
            .status(422);
        assert!(
            response.text().contains("value=\"kept\""),
            "the form keeps the note"
        );
    }
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM goal_entries")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(entries, 2);
    // after a change of the measure, earlier values are listed but not drawn
    let share = [
        ("title", "Migrate 50 of the 100 tables"),
        ("measure", "share"),
        ("target", "50"),
    ];
    elif.post(&format!("/teams/infrastructure/goals/{id}"), &share)
        .await
        .ok();
    elif.post(&progress, &[("value", "20")]).await.ok();
    let page = load_goal_page(elif, &id).await;
    assert!(
        page.contains("over night")
            && page.matches("<circle class=\"dot state-done\"").count() == 1,
        "{page}"
    );
}

#[tokio::test]
async fn percentage_and_yes_no_goals_are_measured_their_own_way() {
    let world = World::new().await;
    let elif = &world.elif;
    let share = set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Move customers"),
            ("measure", "share"),
            ("target", "10"),
            ("counted_by", "manual"),
        ],
    )
    .await;
    elif.post(
        &format!("/teams/infrastructure/goals/{share}/progress"),
        &[("value", "4")],
    )
    .await
    .ok();
    assert!(load_goal_page(elif, &share).await.contains("4 / 10 %"));
    elif.post(
        &format!("/teams/infrastructure/goals/{share}/progress"),
        &[("value", "101")],
    )
    .await
    .status(422);
    let ready = set_goal(
        &world,
        elif,
        "42",
        &[("title", "The framework is ready"), ("measure", "yes-no")],
    )
    .await;
    assert!(load_goal_page(elif, &ready).await.contains("not done"));
    let key = elif
        .create_task("infrastructure", "done", "Resume after a crash")
        .await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "2")])
        .await
        .ok();
    assert!(
        load_goal_page(elif, &ready).await.contains("<b>done</b>"),
        "all of its tasks are done"
    );
    let points = set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Five points"),
            ("target", "5"),
            ("counted_by", "estimates"),
        ],
    )
    .await;
    elif.post(
        &format!("/tasks/{key}"),
        &[("goal", "3"), ("estimate", "3")],
    )
    .await
    .ok();
    assert!(load_goal_page(elif, &points).await.contains("3 / 5"));
}

#[tokio::test]
async fn invalid_goal_is_refused_beside_its_field() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    for (fields, why) in [
        (
            vec![("title", "None"), ("target", "0")],
            "whole number from 1",
        ),
        (
            vec![("title", "Less"), ("target", "-5")],
            "whole number from 1",
        ),
        (
            vec![
                ("title", "Too much"),
                ("measure", "share"),
                ("target", "101"),
            ],
            "from 1 to 100",
        ),
        (
            vec![("title", "  "), ("target", "5")],
            "1 to 200 characters",
        ),
        (
            vec![
                ("title", "Whose"),
                ("target", "5"),
                ("owners", "unknown-user"),
            ],
            "No one is called",
        ),
        (
            vec![("title", "Odd"), ("measure", "vibes"), ("target", "5")],
            "number, percentage",
        ),
        (
            vec![("title", "Lost"), ("target", "5"), ("project", "no-such")],
            "This project or milestone does not exist.",
        ),
    ] {
        let response = elif
            .post("/teams/infrastructure/goals", &fields)
            .await
            .status(422);
        assert!(response.text().contains(why), "{why}: {}", response.text());
    }
    elif.post(
        "/teams/infrastructure/goals",
        &[("sprint", "999"), ("title", "Far"), ("target", "1")],
    )
    .await
    .status(422);
    jonas
        .post(
            "/teams/infrastructure/goals",
            &[("title", "Theirs"), ("target", "1")],
        )
        .await
        .status(403);
    let none: i64 = sqlx::query_scalar("SELECT count(*) FROM goals")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(none, 0);
    // another team's goal is not found under this team's path and cannot be linked to its tasks
    let id = set_goal(&world, elif, "42", &[("title", "Ours"), ("target", "1")]).await;
    jonas
        .get(&format!("/teams/ingestion/goals/{id}"))
        .await
        .status(404);
    jonas
        .post(
            &format!("/teams/ingestion/goals/{id}"),
            &[("title", "Mine"), ("target", "1")],
        )
        .await
        .status(404);
    let key = jonas.create_task("ingestion", "todo", "Ours?").await;
    jonas
        .post(&format!("/tasks/{key}"), &[("goal", "1")])
        .await
        .status(422);
    world
        .stranger()
        .get(&format!("/teams/infrastructure/goals/{id}"))
        .await
        .status(303);
    let refused = sqlx::query("UPDATE goals SET target = 0")
        .execute(&world.db)
        .await;
    assert!(refused.is_err(), "a constraint of the table refuses it");
}

#[tokio::test]
async fn goals_of_a_future_sprint_link_back_to_planning() {
    let world = World::new().await;
    let elif = &world.elif;
    let (planning, goals) = (
        "/teams/infrastructure/planning?sprint=43",
        "/teams/infrastructure/goals",
    );
    let form = elif
        .get(&format!("{goals}/new?sprint=43"))
        .await
        .ok()
        .text();
    assert!(form.contains(planning) && form.contains("Back to planning"));
    let fields = [("sprint", "43"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post(goals, &fields).await.ok().header("location"),
        planning
    );
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(
        load_goal_page(elif, &id.to_string())
            .await
            .contains("Back to planning")
    );
    assert_eq!(
        elif.post(&format!("{goals}/{id}/remove"), &[])
            .await
            .ok()
            .header("location"),
        planning
    );
    // goals of the active sprint lead to the board
    let fields = [("sprint", "42"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post(goals, &fields).await.ok().header("location"),
        "/teams/infrastructure?sprint=42"
    );
}

#[tokio::test]
async fn goal_with_a_single_owner_is_flagged_on_every_page() {
    let world = World::new().await;
    let elif = &world.elif;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let marie = world
        .join("Marie Tremblay", "marie", "infrastructure")
        .await;
    let hours = [
        ("name", "Marie Tremblay"),
        ("time_zone", "Pacific/Honolulu"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    marie.post("/me", &hours).await.ok();
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Alone"), ("target", "2"), ("owners", "elif")],
    )
    .await;
    let apart = [
        ("title", "Apart"),
        ("target", "2"),
        ("owners", "elif"),
        ("owners", "marie"),
    ];
    set_goal(&world, elif, "42", &apart).await;
    let together = [
        ("title", "Together"),
        ("target", "2"),
        ("owners", "elif"),
        ("owners", "tomas"),
    ];
    set_goal(&world, elif, "42", &together).await;
    for path in ["", "/planning?sprint=42", "/standup"] {
        let page = elif
            .get(&format!("/teams/infrastructure{path}"))
            .await
            .ok()
            .text();
        assert!(
            page.contains("Only one owner. Available to help: Tomas"),
            "{path}: {page}"
        );
        assert!(
            page.contains("Owners share no working hours"),
            "{path}: {page}"
        );
        assert_eq!(
            page.matches("class=\"warning\"").count(),
            2,
            "{path}: owners with shared hours are not flagged"
        );
    }
    // three shared hours a day are enough, a minute less is not
    for (from, warnings) in [("14:00", 2), ("14:01", 3)] {
        let hours = [
            ("name", "Tomas Weber"),
            ("time_zone", "UTC"),
            ("works_from", from),
            ("works_to", "22:00"),
        ];
        tomas.post("/me", &hours).await.ok();
        let page = elif.get("/teams/infrastructure").await.ok().text();
        assert_eq!(
            page.matches("class=\"warning\"").count(),
            warnings,
            "{from}: {page}"
        );
    }
    // deactivated owners do not count
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/settings/people/marie", &[("do", "deactivate")])
        .await
        .ok();
    let page = elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        !page.contains("share no working hours") && page.matches("Only one owner").count() == 2,
        "{page}"
    );
}

#[tokio::test]
async fn outdated_goal_edit_is_refused_and_keeps_its_input() {
    let world = World::new().await;
    let elif = &world.elif;
    let id = set_goal(
        &world,
        elif,
        "43",
        &[("title", "Migrate the rest"), ("target", "50")],
    )
    .await;
    let at = format!("/teams/infrastructure/goals/{id}");
    elif.post(
        &at,
        &[
            ("title", "Migrate the last 50"),
            ("target", "50"),
            ("version", "1"),
        ],
    )
    .await
    .ok();
    let late = elif
        .post(
            &at,
            &[("title", "Migrate 40"), ("target", "40"), ("version", "1")],
        )
        .await
        .status(409);
    assert!(
        late.text()
            .contains("Elif Hartmann changed this goal just now")
            && late.text().contains("value=\"Migrate 40\"")
    );
    assert!(
        load_goal_page(elif, &id)
            .await
            .contains("Migrate the last 50")
    );
}

#[tokio::test]
async fn goals_can_be_reordered_and_tasks_survive_deletion() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(&world, elif, "42", &[("title", "First"), ("target", "1")]).await;
    let second = set_goal(&world, elif, "42", &[("title", "Second"), ("target", "1")]).await;
    elif.post(
        &format!("/teams/infrastructure/goals/{second}/order"),
        &[("to", "up")],
    )
    .await
    .ok();
    elif.post(
        &format!("/teams/infrastructure/goals/{second}/order"),
        &[("to", "up")],
    )
    .await
    .ok();
    let order: Vec<String> = sqlx::query_scalar("SELECT title FROM goals ORDER BY position")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(order, ["Second", "First"]);
    let key = elif.create_task("infrastructure", "todo", "Stays").await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
        .await
        .ok();
    elif.post(&format!("/teams/infrastructure/goals/{second}/remove"), &[])
        .await
        .ok();
    assert_eq!(elif.load_task(&key).await["goal"], json!(null));
    elif.get(&format!("/teams/infrastructure/goals/{second}"))
        .await
        .status(404);
}

#[tokio::test]
async fn concern_stays_open_until_the_team_answers() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let id = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "1")],
    )
    .await;
    let remarks = format!("/teams/infrastructure/goals/{id}/comments");
    jonas
        .post(
            &remarks,
            &[
                ("kind", "concern"),
                ("body", "We will be blocked by <b>this</b>"),
            ],
        )
        .await
        .ok();
    jonas
        .post(&remarks, &[("kind", "comment"), ("body", "Good luck")])
        .await
        .ok();
    jonas
        .post(&remarks, &[("kind", "concern"), ("body", " ")])
        .await
        .status(422);
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("1 open concern")
    );
    let page = load_goal_page(elif, &id).await;
    assert!(page.contains("We will be blocked by &#60;b&#62;this") && page.contains("Good luck"));
    let concern: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM goal_comments WHERE kind = 'concern'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    let answer_path = format!("/teams/infrastructure/goal-comments/{concern}/answer");
    jonas
        .post(&answer_path, &[("answer", "Never mind")])
        .await
        .status(403);
    elif.post(&answer_path, &[("answer", "We wait for you on Thursday")])
        .await
        .ok();
    elif.post(&answer_path, &[("answer", "Again")])
        .await
        .status(409);
    assert!(
        !elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("open concern")
    );
    assert!(
        load_goal_page(jonas, &id)
            .await
            .contains("We wait for you on Thursday")
    );
}

#[tokio::test]
async fn only_administrators_rename_move_and_skip_sprints() {
    let world = World::new().await;
    let elif = &world.elif;
    let change = [
        ("name", "Before the holidays"),
        ("starts_on", "2026-11-30"),
        ("ends_on", "2026-12-11"),
    ];
    elif.post("/sprints/43", &change).await.status(403);
    elif.post("/sprints/43/skip", &[]).await.status(403);
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/sprints/43", &change).await.ok();
    assert!(
        elif.get("/sprints")
            .await
            .ok()
            .text()
            .contains("Before the holidays")
    );
    for (from, to, why) in [
        ("2026-12-11", "2026-11-30", "cannot end before it starts"),
        ("2026-11-25", "2026-12-11", "overlap"),
        ("2026-02-31", "2026-12-11", "Enter a date as YYYY-MM-DD."),
        ("2026-11-24", "2026-12-11", "tomorrow or later"),
    ] {
        let response = elif
            .post(
                "/sprints/43",
                &[("name", "X"), ("starts_on", from), ("ends_on", to)],
            )
            .await
            .status(422);
        assert!(response.text().contains(why), "{why}: {}", response.text());
    }
    elif.post(
        "/sprints/42",
        &[
            ("name", "X"),
            ("starts_on", "2026-11-17"),
            ("ends_on", "2026-11-29"),
        ],
    )
    .await
    .status(422);
    let past = [
        ("name", "X"),
        ("starts_on", "2027-01-11"),
        ("ends_on", "2027-01-24"),
    ];
    let response = elif.post("/sprints/43", &past).await.status(422);
    assert!(
        response
            .text()
            .contains("so this one cannot pass Sprint 44. Move Sprint 44 first."),
        "{}",
        response.text()
    );
    elif.post("/sprints/43/skip", &[]).await.ok();
    let sprints = elif
        .api(Method::GET, "/sprints", json!({}))
        .await
        .ok()
        .json();
    let [after, next] = [0, 1].map(|nth| {
        (
            &sprints["sprints"][nth]["number"],
            &sprints["sprints"][nth]["starts_on"],
        )
    });
    assert_eq!(
        next,
        (&json!(43), &json!("2026-12-12")),
        "moved by its own length of twelve days"
    );
    assert_eq!(
        after,
        (&json!(44), &json!("2026-12-26")),
        "the following sprint moves as well"
    );
    let cadence = [
        ("cadence_weeks", "1"),
        ("weekday", "7"),
        ("names", "Week {n}"),
        ("number", "100"),
        ("starts_on", "2026-12-06"),
        ("time_zone", "Asia/Jerusalem"),
    ];
    elif.post("/sprints", &cadence).await.ok();
    let sprints = elif
        .api(Method::GET, "/sprints", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(
        (
            &sprints["sprints"][0]["name"],
            &sprints["sprints"][1]["name"]
        ),
        (&json!("Week 101"), &json!("Week 100"))
    );
    assert_eq!(
        sprints["sprints"][1]["ends_on"], "2026-12-12",
        "the week starts on a Sunday"
    );
    let monday = [
        ("cadence_weeks", "1"),
        ("weekday", "7"),
        ("names", "Week {n}"),
        ("number", "100"),
        ("starts_on", "2026-12-07"),
        ("time_zone", "UTC"),
    ];
    assert!(
        elif.post("/sprints", &monday)
            .await
            .status(422)
            .text()
            .contains("on the weekday that sprints start on")
    );
    for (field, wrong, why) in [
        ("weekday", "9", "Choose a weekday."),
        ("cadence_weeks", "0", "Enter a length of 1 to 8 weeks."),
        ("names", "Week", "The name must contain {n}"),
        ("time_zone", "Nowhere", "time zone"),
        ("number", "next", "Enter a whole number."),
    ] {
        let fields: Vec<(&str, &str)> = cadence
            .into_iter()
            .filter(|(name, _)| *name != field)
            .chain([(field, wrong)])
            .collect();
        let page = elif.post("/sprints", &fields).await.status(422).text();
        let beside = page
            .split("class=\"field-error\"")
            .nth(1)
            .unwrap_or_else(|| panic!("{field}: {page}"));
        assert!(beside.contains(why), "{field}: {beside}");
    }
}

#[tokio::test]
async fn goals_added_at_once_get_unique_positions() {
    let world = World::new().await;
    let elif = &world.elif;
    let set = async |title: &'static str| {
        elif.post(
            "/teams/infrastructure/goals",
            &[("sprint", "43"), ("title", title), ("target", "3")],
        )
        .await
        .ok();
    };
    tokio::join!(
        set("One"),
        set("Two"),
        set("Three"),
        set("Four"),
        set("Five"),
        set("Six")
    );
    let places: Vec<i32> = sqlx::query_scalar("SELECT position FROM goals ORDER BY position")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(places, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn moved_task_keeps_a_goal_with_the_same_title() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(&world, elif, "42", &[("title", "Migrate"), ("target", "9")]).await;
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Only now"), ("target", "9")],
    )
    .await;
    set_goal(
        &world,
        elif,
        "43",
        &[("title", "Something else"), ("target", "9")],
    )
    .await;
    set_goal(&world, elif, "43", &[("title", "Migrate"), ("target", "9")]).await;
    let (one, two) = (
        elif.create_task("infrastructure", "todo", "One").await,
        elif.create_task("infrastructure", "todo", "Two").await,
    );
    elif.post(&format!("/tasks/{one}"), &[("goal", "1")])
        .await
        .ok();
    elif.post(&format!("/tasks/{two}"), &[("goal", "2")])
        .await
        .ok();
    let moved = elif
        .post(
            "/teams/infrastructure/bulk",
            &[("keys", &one), ("keys", &two), ("sprint", "43")],
        )
        .await
        .ok();
    let sprint_and_goal = async |key: &str| {
        let task = elif.load_task(key).await;
        (task["sprint"].as_i64(), task["goal"].as_i64())
    };
    assert_eq!(
        (sprint_and_goal(&one).await, sprint_and_goal(&two).await),
        ((Some(43), Some(2)), (Some(43), None))
    );
    let page = elif.get(&format!("/tasks/{one}")).await.ok().text();
    assert!(page.contains("selected>Migrate</option>"), "{page}");
    let change = moved
        .header("location")
        .split("did=")
        .nth(1)
        .unwrap()
        .to_owned();
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    assert_eq!(
        (sprint_and_goal(&one).await, sprint_and_goal(&two).await),
        ((Some(42), Some(1)), (Some(42), Some(2)))
    );
    elif.post(&format!("/tasks/{one}"), &[("sprint", "none")])
        .await
        .ok();
    assert_eq!(
        sprint_and_goal(&one).await,
        (None, None),
        "the backlog has no goals"
    );
}

#[tokio::test]
async fn goal_form_keeps_a_finished_project_and_an_outside_owner() {
    let world = World::new().await;
    let elif = &world.elif;
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("measure", "count"),
        ("target", "100"),
    ];
    elif.post("/projects", &project).await.ok();
    let fields = [
        ("title", "Migrate 50"),
        ("target", "50"),
        ("project", "re-partition"),
        ("owners", "jonas"),
        ("unit", "tables"),
    ];
    let id = set_goal(&world, elif, "42", &fields).await;
    elif.post("/projects/re-partition/finish", &[]).await.ok();
    let page = load_goal_page(elif, &id).await;
    assert!(
        page.contains("<option value=\"re-partition\" selected>"),
        "the finished project is still selected"
    );
    assert!(
        page.contains("value=\"jonas\" checked"),
        "the owner from another team is still checked: {page}"
    );
}

#[tokio::test]
async fn changing_the_measure_clears_the_entered_value() {
    let world = World::new().await;
    let elif = &world.elif;
    let id = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Ready"), ("target", "50"), ("measure", "count")],
    )
    .await;
    let at = format!("/teams/infrastructure/goals/{id}");
    elif.post(&format!("{at}/progress"), &[("value", "31")])
        .await
        .ok();
    elif.post(
        &at,
        &[
            ("title", "Ready"),
            ("measure", "yes-no"),
            ("counted_by", "manual"),
        ],
    )
    .await
    .ok();
    let page = load_goal_page(elif, &id).await;
    assert!(page.contains("31"), "the entry is kept");
    let manual_value: Option<i64> = sqlx::query_scalar("SELECT manual_value FROM goals")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(
        manual_value, None,
        "31 of 50 is not a value of a yes/no goal"
    );
}

#[tokio::test]
async fn entering_a_value_does_not_change_the_goals_version() {
    let world = World::new().await;
    let elif = &world.elif;
    let fields = [
        ("title", "Migrate"),
        ("target", "50"),
        ("why", "Calm nights"),
        ("owners", "elif"),
    ];
    let goal = set_goal(&world, elif, "42", &fields).await;
    let progress = format!("/teams/infrastructure/goals/{goal}/progress");
    let page = elif
        .post(&progress, &[("value", "abc"), ("note", "well")])
        .await
        .status(422)
        .text();
    for expected in [
        r#"value="Migrate""#,
        "Calm nights",
        r#"value="elif" checked"#,
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    // a goal form opened before the value was entered can still be saved
    elif.post(&progress, &[("value", "31"), ("note", "over night")])
        .await
        .status(303);
    let saved = [
        ("title", "Migrate 50"),
        ("target", "50"),
        ("why", "Calm nights"),
        ("owners", "elif"),
        ("version", "1"),
    ];
    elif.post(&format!("/teams/infrastructure/goals/{goal}"), &saved)
        .await
        .status(303);
}

#[tokio::test]
async fn goal_of_a_deactivated_owner_can_still_be_saved() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Gita Iyer", "gita", "infrastructure").await;
    let fields = [("title", "Migrate"), ("target", "50"), ("owners", "gita")];
    let goal = set_goal(&world, elif, "42", &fields).await;
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE handle = 'gita'")
        .execute(&world.db)
        .await
        .unwrap();
    let saved = [
        ("title", "Migrate 50"),
        ("target", "50"),
        ("owners", "gita"),
        ("version", "1"),
    ];
    elif.post(&format!("/teams/infrastructure/goals/{goal}"), &saved)
        .await
        .status(303);
    // a deactivated person cannot be added to another goal
    let other = set_goal(&world, elif, "42", &[("title", "Other"), ("target", "5")]).await;
    let saved = [
        ("title", "Other"),
        ("target", "5"),
        ("owners", "gita"),
        ("version", "1"),
    ];
    elif.post(&format!("/teams/infrastructure/goals/{other}"), &saved)
        .await
        .status(422);
}

#[tokio::test]
async fn goal_with_an_open_concern_cannot_be_deleted() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate"), ("target", "50")],
    )
    .await;
    let page = format!("/teams/infrastructure/goals/{goal}");
    world
        .jonas
        .post(
            &format!("{page}/comments"),
            &[("body", "We will be blocked"), ("kind", "concern")],
        )
        .await
        .ok();
    assert!(
        elif.post(&format!("{page}/remove"), &[])
            .await
            .status(409)
            .text()
            .contains("Answer it first")
    );
    let concern: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goal_comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/goal-comments/{concern}/answer"),
        &[("answer", "By Thursday")],
    )
    .await
    .ok();
    elif.post(&format!("{page}/remove"), &[]).await.status(303);
}

#[tokio::test]
async fn skipping_twice_skips_one_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = elif.get("/sprints").await.ok().text();
    assert!(page.contains(r#"name="seen" value="2026-11-30""#), "{page}");
    let seen = [("seen", "2026-11-30")];
    elif.post("/sprints/43/skip", &seen).await.status(303);
    elif.post("/sprints/43/skip", &seen).await.status(409);
}

#[tokio::test]
async fn each_goal_of_a_sprint_has_its_own_hue() {
    let world = World::new().await;
    let elif = &world.elif;
    for nth in 1..=4 {
        set_goal(
            &world,
            elif,
            "42",
            &[("title", &format!("Goal {nth}")), ("target", "1")],
        )
        .await;
        let key = elif
            .create_task("infrastructure", "todo", &format!("For {nth}"))
            .await;
        elif.post(&format!("/tasks/{key}"), &[("goal", &nth.to_string())])
            .await
            .ok();
    }
    let hues: Vec<i16> = sqlx::query_scalar("SELECT DISTINCT hue FROM goals ORDER BY hue")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(hues.len(), 4, "{hues:?}");
    let board = elif.get("/teams/infrastructure").await.ok().text();
    for hue in hues {
        assert!(
            board.contains(&format!("class=\"goal hue-{hue}\"")),
            "the goal has its colour in the header: {hue}"
        );
        assert!(
            board.contains(&format!("<li class=\"task hue-{hue}\"")),
            "its task has the same colour: {hue}"
        );
    }
}
