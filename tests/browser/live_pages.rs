//! Meeting pages update while they are open.

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standup_planning_and_pitch_update_live() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let own = fixture.open_window(elif).await;
    own.goto("/teams/infrastructure/standup").await;
    let all = fixture.open_tab(&own).await;
    all.goto("/standup").await;
    let planning = fixture.open_tab(&own).await;
    planning.goto("/teams/infrastructure/planning").await;
    let pitch = fixture.open_window(jonas).await;
    pitch.goto("/sprints/43").await;

    let says = |text: &str| format!("document.querySelector('main').innerText.includes('{text}')");
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    own.wait_for(&says("Waiting on Legal")).await;
    all.wait_for(&says("Waiting on Legal")).await;
    // the joint standup has a stream for each team
    let theirs = jonas.create_task("ingestion", "todo", "Dual-write").await;
    jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "text"), ("note", "Finance")],
        )
        .await
        .ok();
    all.wait_for(&says("Waiting on Finance")).await;

    let later = elif
        .create_task("infrastructure", "todo", "Next in line")
        .await;
    elif.post(&format!("/tasks/{later}"), &[("sprint", "none")])
        .await
        .ok();
    planning.wait_for(&says("Next in line")).await;
    let goal = [
        ("sprint", "43"),
        ("title", "Migrate 50 tables"),
        ("target", "50"),
        ("owners", "elif"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    planning.wait_for(&says("Migrate 50 tables")).await;
    pitch.wait_for(&says("Migrate 50 tables")).await;

    // another team's check-in
    let check_in = fixture.open_window(jonas).await;
    check_in.goto("/teams/infrastructure/check-in").await;
    check_in.wait_for(&says("Cut over")).await;
    elif.post(&format!("/tasks/{key}"), &[("title", "Cut over at night")])
        .await
        .ok();
    check_in.wait_for(&says("Cut over at night")).await;

    // `g` opens the form for a goal
    planning.page.bring_to_front().await.unwrap();
    planning.press_key("g").await;
    planning.wait_for_url("/goals/new?sprint=43").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_task_and_search_shortcuts_work_on_every_team_page() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window.press_key("/").await;
    window
        .wait_for("document.activeElement?.matches('.palette input')")
        .await;

    window.goto("/teams/infrastructure/flow").await;
    window.press_key("c").await;
    window.wait_for_url("/tasks/new?sprint=this").await;
    window
        .wait_for("document.activeElement?.id === 'title'")
        .await;
    window.type_text("Ask Legal for a date").await;
    window.press_key("Enter").await;
    window.wait_for_column("todo", &["INF-1"]).await;
    assert_eq!(
        elif.load_task("INF-1").await["sprint"],
        42,
        "in the active sprint"
    );
}
