//! The pitch: all teams' goals of a sprint on one page, where everyone can comment.

use crate::{closing::close_sprint, fixtures::World, goals::set_goal};

#[tokio::test]
async fn another_teams_concern_stays_open_until_it_is_answered() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let fields = [
        ("title", "Migrate 50 of the 100 tables"),
        ("target", "50"),
        ("unit", "tables"),
        ("why", "The old disks are full in March"),
        ("needs", "Two quiet evenings from Ingestion"),
        ("owners", "elif"),
    ];
    let goal = set_goal(&world, elif, "43", &fields).await;
    let page = jonas.get("/sprints/43").await.ok().text();
    for text in [
        "Migrate 50 of the 100 tables",
        "The old disks are full in March",
        "Two quiet evenings from Ingestion",
        "Target</b> 50 tables",
        "Elif Hartmann",
        "Only one owner",
        "No goals for Sprint 43 yet.",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(
        !page.contains("xpected by today"),
        "a future sprint has no expected pace"
    );
    let comments_path = format!("/teams/infrastructure/goals/{goal}/comments");
    let concern = [
        ("kind", "concern"),
        ("body", "We will be blocked by this"),
        ("back", "/sprints/43"),
    ];
    let response = jonas.post(&comments_path, &concern).await;
    assert_eq!(response.headers["location"], "/sprints/43");
    let page = jonas.get("/sprints/43").await.text();
    assert!(page.contains("We will be blocked by this") && page.contains("1 open concern"));
    assert!(
        !page.contains("Reply to this concern"),
        "only the goal's team can reply"
    );
    let comment: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goal_comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let answer_path = format!("/teams/infrastructure/goal-comments/{comment}/answer");
    jonas
        .post(&answer_path, &[("answer", "No")])
        .await
        .status(403);
    assert!(
        elif.get("/sprints/43")
            .await
            .text()
            .contains("Reply to this concern")
    );
    elif.post(
        &answer_path,
        &[
            ("answer", "We start on Thursday, after your release"),
            ("back", "/sprints/43"),
        ],
    )
    .await
    .ok();
    let page = jonas.get("/sprints/43").await.text();
    assert!(page.contains("after your release") && !page.contains("open concern"));
}

#[tokio::test]
async fn concern_can_be_answered_after_the_sprint_is_closed() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let goal = set_goal(&world, elif, "42", &[("title", "Migrate"), ("target", "5")]).await;
    let page = format!("/teams/infrastructure/goals/{goal}");
    jonas
        .post(
            &format!("{page}/comments"),
            &[("kind", "concern"), ("body", "And the logs?")],
        )
        .await
        .ok();
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    for path in [page.as_str(), "/sprints/42"] {
        let text = elif.get(path).await.ok().text();
        assert!(
            text.contains("Reply to this concern") && !text.contains("Edit goal"),
            "{path}"
        );
    }
    let remark: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goal_comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/goal-comments/{remark}/answer"),
        &[("answer", "They stay")],
    )
    .await
    .ok();
    assert!(jonas.get(&page).await.text().contains("They stay"));
}

#[tokio::test]
async fn unknown_sprint_is_404_and_strangers_sign_in_first() {
    let world = World::new().await;
    for path in [
        "/sprints/9999",
        "/sprints/x",
        "/sprints/-1",
        "/sprints/99999999999",
    ] {
        world.elif.get(path).await.status(404);
    }
    world.stranger().get("/sprints/42").await.status(303);
}

#[tokio::test]
async fn goal_can_be_added_only_to_an_open_sprint() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let add = |team: &str, sprint: i32| format!("/teams/{team}/goals/new?sprint={sprint}");
    assert!(
        elif.get("/sprints/42")
            .await
            .ok()
            .text()
            .contains(&add("infrastructure", 42))
    );
    // one team has closed the sprint, the other has not
    let unfinished = elif.create_task("infrastructure", "todo", "Left").await;
    close_sprint(elif, &[(&unfinished, "carry")]).await.ok();
    assert!(
        !elif
            .get("/sprints/42")
            .await
            .ok()
            .text()
            .contains(&add("infrastructure", 42))
    );
    assert!(
        jonas
            .get("/sprints/42")
            .await
            .ok()
            .text()
            .contains(&add("ingestion", 42))
    );
    // a form opened before the closing keeps its input
    let late = [("sprint", "42"), ("title", "Late & lost"), ("target", "1")];
    let page = elif
        .post("/teams/infrastructure/goals", &late)
        .await
        .status(409)
        .text();
    assert!(
        page.contains("Late &#38; lost") && page.contains("has closed Sprint 42"),
        "{page}"
    );
    // the sprint has ended
    world.app.clock.advance(time::Duration::days(8));
    let mut db = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut db, world.app.clock.now())
        .await
        .unwrap();
    assert!(
        !jonas
            .get("/sprints/42")
            .await
            .status(200)
            .text()
            .contains(&add("ingestion", 42))
    );
    assert!(
        jonas
            .get("/sprints/43")
            .await
            .ok()
            .text()
            .contains(&add("ingestion", 43))
    );
}
