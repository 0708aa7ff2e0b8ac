//! Projects, milestones, objectives and the about page of a team.

use axum::http::Method;
use serde_json::json;

use crate::{
    fixtures::{Client, World},
    goals::set_goal,
};

/// Creates a project that Infrastructure leads.
async fn create_project(client: &Client) {
    let fields = [
        ("team", "infrastructure"),
        ("name", "Re-partition 100 tables"),
        ("measure", "count"),
        ("target", "100"),
        ("unit", "tables"),
        ("about", "Every table **once**"),
    ];
    let response = client.post("/projects", &fields).await;
    assert_eq!(
        response.headers["location"],
        "/projects/re-partition-100-tables"
    );
}

async fn load_project_page(client: &Client) -> String {
    client
        .get("/projects/re-partition-100-tables")
        .await
        .ok()
        .text()
}

#[tokio::test]
async fn goals_of_several_teams_add_up_to_a_project() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    create_project(elif).await;
    let milestones = "/projects/re-partition-100-tables/milestones";
    elif.post(
        milestones,
        &[("title", "The first ten"), ("due_on", "2026-12-01")],
    )
    .await
    .ok();
    elif.post(milestones, &[("title", "All of them")])
        .await
        .ok();
    let first: uuid::Uuid = sqlx::query_scalar("SELECT id FROM milestones WHERE position = 1")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let first = first.to_string();
    let serving = [
        ("title", "Migrate 50 tables"),
        ("target", "50"),
        ("project", "re-partition-100-tables"),
        ("milestone", &first),
    ];
    let goal = set_goal(&world, elif, "42", &serving).await;
    elif.post(
        &format!("/teams/infrastructure/goals/{goal}/progress"),
        &[("value", "31")],
    )
    .await
    .ok();
    let theirs = [
        ("sprint", "43"),
        ("title", "Copy 20 more"),
        ("target", "20"),
        ("project", "re-partition-100-tables"),
    ];
    assert_eq!(
        jonas.post("/teams/ingestion/goals", &theirs).await.status,
        303
    );
    let theirs: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM goals WHERE title = 'Copy 20 more'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    jonas
        .post(
            &format!("/teams/ingestion/goals/{theirs}/progress"),
            &[("value", "12")],
        )
        .await
        .ok();
    let key = elif
        .create_task("infrastructure", "in-progress", "Copy sessions")
        .await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
        .await
        .ok();
    let shown = load_project_page(jonas).await;
    assert!(
        shown.contains("43 / 100"),
        "31 and 12 from two teams and two sprints"
    );
    for text in [
        "Every table <strong>once</strong>",
        "The first ten",
        "Migrate 50 tables",
        "Copy 20 more",
        "0 of 2",
        "+31",
        "+12",
    ] {
        assert!(shown.contains(text), "{text}");
    }
    let board = jonas
        .get("/projects/re-partition-100-tables/board")
        .await
        .ok()
        .text();
    assert!(
        board.contains("Copy sessions"),
        "the task belongs to the project through its goal: {board}"
    );
    assert!(jonas.get("/projects").await.text().contains("43 / 100"));
    assert!(
        !shown.contains("Edit project"),
        "only the leading team can edit it"
    );
    // after a change of title, date and position the goal still refers to the milestone
    let order = format!("{milestones}/{first}/order");
    let at = |page: &str, title: &str| page.find(title).unwrap();
    elif.post(&order, &[("to", "down")]).await.ok();
    let shown = load_project_page(elif).await;
    assert!(at(&shown, "All of them") < at(&shown, "The first ten"));
    elif.post(&order, &[("to", "down")]).await.ok();
    elif.post(&order, &[("to", "up")]).await.ok();
    let change = format!("{milestones}/{first}");
    elif.post(
        &change,
        &[
            ("row", &first),
            ("called", "The first twelve"),
            ("by", "2026-12-08"),
        ],
    )
    .await
    .ok();
    let shown = load_project_page(elif).await;
    assert!(
        at(&shown, "The first twelve") < at(&shown, "All of them")
            && shown.contains("due Tue 8 Dec")
    );
    assert!(at(&shown, "The first twelve") < at(&shown, "Migrate 50 tables"));
    assert!(
        at(&shown, "Migrate 50 tables") < at(&shown, "All of them"),
        "the goal is listed under its milestone"
    );
    for (new_title, due, why) in [
        (" ", "", "1 to 200 characters"),
        ("A dozen", "2026-02-31", "Enter a date as YYYY-MM-DD."),
    ] {
        let refused = elif
            .post(
                &change,
                &[("row", &first), ("called", new_title), ("by", due)],
            )
            .await
            .status(422)
            .text();
        assert!(
            refused.contains(why) && refused.contains(&format!("value=\"{new_title}\"")),
            "{refused}"
        );
    }
    for path in [&order, &change] {
        jonas.post(path, &[("called", "Theirs")]).await.status(403);
    }
    let reach = format!("{milestones}/{first}/reach");
    jonas.post(&reach, &[]).await.status(403);
    elif.post(&reach, &[]).await.ok();
    assert!(load_project_page(elif).await.contains("1 of 2"));
    elif.post(&reach, &[("not", "1")]).await.ok();
    assert!(load_project_page(elif).await.contains("0 of 2"));
    elif.post(&format!("{milestones}/{first}/remove"), &[])
        .await
        .ok();
    assert!(
        load_project_page(elif).await.contains("43 / 100"),
        "its goals still count for the project"
    );
}

#[tokio::test]
async fn invalid_project_is_refused_beside_its_field() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    create_project(elif).await;
    let base = [
        ("team", "infrastructure"),
        ("measure", "count"),
        ("unit", "tables"),
    ];
    for (name, target, why) in [
        (
            "Another",
            "0",
            "Enter a target: a whole number of 1 or more.",
        ),
        (
            "Another",
            "-5",
            "Enter a target: a whole number of 1 or more.",
        ),
        (
            "Another",
            "many",
            "Enter a target: a whole number of 1 or more.",
        ),
        ("", "5", "at least one letter"),
        (
            "Re-partition 100 tables",
            "5",
            "A project with this name already exists.",
        ),
    ] {
        let fields: Vec<(&str, &str)> = base
            .into_iter()
            .chain([("name", name), ("target", target)])
            .collect();
        let response = elif.post("/projects", &fields).await.status(422);
        assert!(response.text().contains(why), "{why}");
        assert!(
            response.text().contains("value=\"tables\""),
            "the form keeps the input"
        );
    }
    let fields: Vec<(&str, &str)> = base
        .into_iter()
        .chain([("name", "Theirs"), ("target", "5")])
        .collect();
    jonas.post("/projects", &fields).await.status(403);
    jonas
        .post("/projects/re-partition-100-tables", &fields)
        .await
        .status(403);
    jonas.get("/projects/unknown").await.status(404);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM projects")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(count, 1);
    let over = [
        ("name", "Re-partition"),
        ("measure", "share"),
        ("target", "101"),
    ];
    assert!(
        elif.post("/projects/re-partition-100-tables", &over)
            .await
            .status(422)
            .text()
            .contains("from 1 to 100")
    );
    elif.post(
        "/projects/re-partition-100-tables",
        &[
            ("name", "Re-partition"),
            ("target", "90"),
            ("manual_value", "45"),
        ],
    )
    .await
    .ok();
    assert!(load_project_page(elif).await.contains("45 / 90"));
    // a percentage is at most 100
    let share = [
        ("name", "Re-partition"),
        ("measure", "share"),
        ("target", "90"),
        ("manual_value", "101"),
    ];
    let refused = elif
        .post("/projects/re-partition-100-tables", &share)
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("Enter a whole number from 0 to 100.")
            && refused.contains("value=\"101\"")
    );
    let missing = uuid::Uuid::now_v7().to_string();
    let late = [
        ("name", "Re-partition"),
        ("target", "90"),
        ("key_result", &missing),
    ];
    let refused = elif
        .post("/projects/re-partition-100-tables", &late)
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("This key result no longer exists."),
        "{refused}"
    );
    assert!(load_project_page(elif).await.contains("45 / 90"));
    elif.post("/projects/re-partition-100-tables/finish", &[])
        .await
        .ok();
    assert!(load_project_page(elif).await.contains("finished"));
    assert!(
        !elif
            .get("/teams/infrastructure/goals/new?sprint=43")
            .await
            .text()
            .contains("Re-partition")
    );
}

#[tokio::test]
async fn about_page_shows_mission_and_key_results_from_projects() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let profile = [
        ("mission", "Reliable storage for everyone"),
        ("chat", "#infrastructure"),
        ("roadmap", "## Winter\n\n- Postgres"),
    ];
    jonas
        .post("/teams/infrastructure/about", &profile)
        .await
        .status(403);
    elif.post("/teams/infrastructure/about", &profile)
        .await
        .ok();
    let objective = [
        ("quarter", "2026-Q4"),
        ("title", "No pages at night caused by the database"),
        ("why", "Three nights in August"),
    ];
    elif.post("/teams/infrastructure/objectives", &objective)
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/objectives",
        &[("quarter", "winter"), ("title", "x")],
    )
    .await
    .status(422);
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM objectives")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let result = [
        ("title", "Tables on the new cluster"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post(
        &format!("/teams/infrastructure/objectives/{id}/key-results"),
        &result,
    )
    .await
    .ok();
    let result: uuid::Uuid = sqlx::query_scalar("SELECT id FROM key_results")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let id = result.to_string();
    create_project(elif).await;
    elif.post(
        "/projects/re-partition-100-tables",
        &[
            ("name", "Re-partition"),
            ("target", "100"),
            ("key_result", &id),
        ],
    )
    .await
    .ok();
    // the goal belongs to the project and to its key result, but counts once
    let goal = [
        ("title", "Migrate 50"),
        ("target", "50"),
        ("project", "re-partition-100-tables"),
        ("key_result", &id),
    ];
    let goal = set_goal(&world, elif, "42", &goal).await;
    elif.post(
        &format!("/teams/infrastructure/goals/{goal}/progress"),
        &[("value", "31")],
    )
    .await
    .ok();
    let about = jonas.get("/teams/infrastructure/about").await.ok().text();
    for text in [
        "Reliable storage for everyone",
        "#infrastructure",
        "<h2>Winter</h2>",
        "Elif Hartmann",
        "09:00–17:00",
        "No pages at night caused by the database",
        "Three nights in August",
        "31 / 100",
        "since 24 Nov",
    ] {
        assert!(about.contains(text), "{text}");
    }
    // a goal without a project counts for the key result directly
    let alone = set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Twelve more"),
            ("target", "12"),
            ("key_result", &id),
        ],
    )
    .await;
    elif.post(
        &format!("/teams/infrastructure/goals/{alone}/progress"),
        &[("value", "12")],
    )
    .await
    .ok();
    sqlx::query("UPDATE members SET title = 'Databases' WHERE account_id = $1")
        .bind(elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    let about = jonas.get("/teams/infrastructure/about").await.ok().text();
    assert!(
        about.contains("43 / 100") && about.contains("Twelve more") && about.contains("Databases"),
        "{about}"
    );
    let progress = format!("/teams/infrastructure/key-results/{id}/progress");
    jonas
        .post(&progress, &[("manual_value", "40")])
        .await
        .status(403);
    jonas
        .post(
            &format!("/teams/ingestion/key-results/{id}/progress"),
            &[("manual_value", "40")],
        )
        .await
        .status(404);
    elif.post(&progress, &[("manual_value", "-1")])
        .await
        .status(422);
    elif.post(&progress, &[("manual_value", "40")]).await.ok();
    assert!(
        jonas
            .get("/teams/infrastructure/about")
            .await
            .text()
            .contains("40 / 100")
    );
    let result = format!("/teams/infrastructure/key-results/{id}");
    let worded = |target| {
        [
            ("title", "Tables that moved"),
            ("unit", "tables"),
            ("target", target),
        ]
    };
    jonas.post(&result, &worded("80")).await.status(403);
    elif.post(&result, &worded("0")).await.status(422);
    elif.post(&result, &worded("80")).await.ok();
    let objective: uuid::Uuid = sqlx::query_scalar("SELECT id FROM objectives")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let objective = format!("/teams/infrastructure/objectives/{objective}");
    let worded = [("title", "Quiet nights"), ("why", "Four nights")];
    jonas.post(&objective, &worded).await.status(403);
    elif.post(&objective, &[("title", " "), ("why", "")])
        .await
        .status(422);
    elif.post(&objective, &worded).await.ok();
    let about = jonas.get("/teams/infrastructure/about").await.ok().text();
    for text in [
        "Quiet nights",
        "Four nights",
        "Tables that moved",
        "40 / 80",
    ] {
        assert!(about.contains(text), "{text}");
    }
    elif.post(&format!("{result}/remove"), &[]).await.ok();
    assert!(
        load_project_page(elif).await.contains("31 / 100"),
        "the project is kept"
    );
}

#[tokio::test]
async fn expected_pace_uses_the_teams_week_and_days_off() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate 50 tables"), ("target", "50")],
    )
    .await;
    let week = [
        ("working_days", "1"),
        ("working_days", "2"),
        ("working_days", "3"),
        ("working_days", "4"),
        ("standup_days", "2"),
        ("standup_at", "09:30"),
        ("time_zone", "Europe/Berlin"),
    ];
    elif.get("/teams/infrastructure/settings").await.status(403);
    elif.post("/teams/infrastructure/schedule", &week)
        .await
        .status(403);
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    world
        .jonas
        .post("/teams/infrastructure/schedule", &week)
        .await
        .status(403);
    elif.post("/teams/infrastructure/schedule", &week)
        .await
        .ok();
    let page = elif.get("/teams/infrastructure/settings").await.ok().text();
    assert!(page.contains("09:30") && page.contains("Europe/Berlin"));
    let board = elif.get("/teams/infrastructure").await.text();
    assert!(
        board.contains("should be at 68 % by today"),
        "the middle of working day 6 of 8"
    );
    elif.post(
        "/teams/infrastructure/days-off",
        &[("day", "2026-11-18"), ("name", "Company day")],
    )
    .await
    .ok();
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("should be at 64 % by today"),
        "the middle of working day 5 of 7"
    );
    assert!(
        elif.get("/teams/infrastructure/settings")
            .await
            .text()
            .contains("Company day")
    );
    elif.post("/teams/infrastructure/days-off/2026-11-18/remove", &[])
        .await
        .ok();
    elif.post("/teams/infrastructure/days-off/2026-11-18/remove", &[])
        .await
        .status(404);
    for (field, wrong) in [
        ("standup_at", "25:00"),
        ("standup_at", "late"),
        ("time_zone", "Berlin"),
        ("standup_days", "9"),
        ("working_days", "x"),
    ] {
        let fields: Vec<(&str, &str)> = week
            .into_iter()
            .filter(|(name, _)| *name != field)
            .chain([(field, wrong)])
            .collect();
        elif.post("/teams/infrastructure/schedule", &fields)
            .await
            .status(422);
    }
    elif.post(
        "/teams/infrastructure/schedule",
        &[("standup_at", "10:00"), ("standup_days", "1")],
    )
    .await
    .status(422);
    elif.get(&format!("/teams/infrastructure/goals/{goal}"))
        .await
        .ok();
}

#[tokio::test]
async fn person_with_other_hours_is_not_suggested() {
    let world = World::new().await;
    let elif = &world.elif;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Migrate 50 tables"),
            ("target", "50"),
            ("owners", "elif"),
        ],
    )
    .await;
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("Available to help: Tomas")
    );
    let hours = [
        ("name", "Tomas Weber"),
        ("time_zone", "Pacific/Auckland"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    tomas.post("/me", &hours).await.ok();
    assert!(
        !elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("Available to help: Tomas")
    );
    assert!(
        elif.get("/teams/infrastructure/about")
            .await
            .text()
            .contains("Pacific/Auckland")
    );
    for (field, wrong) in [
        ("works_to", "08:00"),
        ("works_from", "9"),
        ("time_zone", "Nowhere"),
        ("name", " "),
    ] {
        let fields: Vec<(&str, &str)> = hours
            .into_iter()
            .filter(|(name, _)| *name != field)
            .chain([(field, wrong)])
            .collect();
        tomas.post("/me", &fields).await.status(422);
    }
}

#[tokio::test]
async fn project_board_shows_tasks_of_all_teams_by_state() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    create_project(elif).await;
    let board = "/projects/re-partition-100-tables/board";
    let ours = elif
        .create_task("infrastructure", "todo", "Copy sessions")
        .await;
    let backlog = elif
        .create_task("infrastructure", "todo", "Copy the rest")
        .await;
    elif.post(&format!("/tasks/{backlog}"), &[("sprint", "none")])
        .await
        .ok();
    let theirs = jonas
        .create_task("ingestion", "in-review", "Dual-write")
        .await;
    elif.create_task("infrastructure", "todo", "Something else")
        .await;
    for (client, key) in [(elif, &ours), (elif, &backlog), (jonas, &theirs)] {
        client
            .post(
                &format!("/tasks/{key}"),
                &[("project", "re-partition-100-tables")],
            )
            .await
            .ok();
        assert_eq!(
            client.load_task(key).await["project"],
            "re-partition-100-tables"
        );
    }
    let story = elif.get(&format!("/tasks/{ours}")).await.ok().text();
    assert!(
        story.contains("added it to project “Re-partition 100 tables”"),
        "{story}"
    );
    let shown = async |query: &str| {
        let page = elif.get(&format!("{board}{query}")).await.ok().text();
        let all = [
            "Copy sessions",
            "Copy the rest",
            "Dual-write",
            "Something else",
        ];
        all.into_iter()
            .filter(|title| page.contains(&format!(">{title}</a>")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        shown("").await,
        ["Copy sessions", "Copy the rest", "Dual-write"]
    );
    assert_eq!(shown("?sprint=this").await, ["Copy sessions", "Dual-write"]);
    assert_eq!(shown("?q=sprint:none").await, ["Copy the rest"]);
    assert_eq!(shown("?q=sessions").await, ["Copy sessions"]);
    assert!(
        elif.get(&format!("{board}?q=is:tall"))
            .await
            .ok()
            .text()
            .contains("unknown")
    );
    assert!(
        elif.get(&format!("{board}?sprint=77"))
            .await
            .ok()
            .text()
            .contains("There is no sprint 77.")
    );
    let cards_path =
        format!("/projects/re-partition-100-tables/cards?keys={ours},{theirs},INF-4,nonsense");
    let cards = elif.get(&cards_path).await.ok().text();
    assert!(
        cards.contains("data-state=\"review\"") && !cards.contains("Something else"),
        "{cards}"
    );

    // a drop names a state, and each team has its own columns for it
    let drop = |state: &'static str| [("state", state), ("after", "")];
    elif.post(&format!("/tasks/{ours}/position"), &drop("doing"))
        .await
        .ok();
    assert_eq!(elif.load_task(&ours).await["column"], "in-progress");
    elif.post(&format!("/tasks/{ours}/position"), &drop("asleep"))
        .await
        .status(422);
    elif.post(&format!("/tasks/{theirs}/position"), &drop("done"))
        .await
        .status(403);
    sqlx::query(
        "INSERT INTO columns (team_id, id, slug, name, state, position)
         SELECT id, gen_random_uuid(), 'security', 'Security review', 'review', 9 FROM teams WHERE key = 'INF'",
    )
    .execute(&world.db)
    .await
    .unwrap();
    elif.post(
        &format!("/tasks/{backlog}/position"),
        &[("column", "security")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{ours}/position"), &[("state", "review")])
        .await
        .ok();
    assert_eq!(
        elif.load_task(&ours).await["column"],
        "in-review",
        "the first column of the state"
    );
    elif.post(
        &format!("/tasks/{ours}/position"),
        &[("state", "review"), ("before", &backlog)],
    )
    .await
    .ok();
    assert_eq!(
        elif.load_task(&ours).await["column"],
        "security",
        "the column of the neighbour"
    );

    let fields = json!({ "project": "no-such" });
    elif.api(Method::PATCH, &format!("/tasks/{ours}"), fields)
        .await
        .status(422);
    elif.api(
        Method::PATCH,
        &format!("/tasks/{ours}"),
        json!({ "project": null }),
    )
    .await
    .ok();
    assert_eq!(shown("").await, ["Copy the rest", "Dual-write"]);
    elif.get("/projects/unknown/board").await.status(404);
    elif.get("/projects/unknown/cards?keys=INF-1")
        .await
        .status(404);
    world.stranger().get(board).await.status(303);
}
