//! Pages that a team meets over hear of what happens while they stand open.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standup_planning_and_the_pitch_change_while_they_are_looked_at() {
    let stage = Stage::new().await;
    let (elif, jonas) = (&stage.world.elif, &stage.world.jonas);
    let own = stage.window(elif).await;
    own.goto("/teams/infrastructure/standup").await;
    let all = stage.tab(&own).await;
    all.goto("/standup").await;
    let planning = stage.tab(&own).await;
    planning.goto("/teams/infrastructure/planning").await;
    let pitch = stage.window(jonas).await;
    pitch.goto("/sprints/43").await;

    let says = |text: &str| format!("document.querySelector('main').innerText.includes('{text}')");
    let key = elif.make("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    own.until(&says("Waits on Legal")).await;
    all.until(&says("Waits on Legal")).await;
    // the page over all teams has a stream of each
    let theirs = jonas.make("ingestion", "todo", "Dual-write").await;
    jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "text"), ("note", "Finance")],
        )
        .await
        .ok();
    all.until(&says("Waits on Finance")).await;

    let later = elif.make("infrastructure", "todo", "Next in line").await;
    elif.post(&format!("/tasks/{later}"), &[("sprint", "none")])
        .await
        .ok();
    planning.until(&says("Next in line")).await;
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
    planning.until(&says("Migrate 50 tables")).await;
    pitch.until(&says("Migrate 50 tables")).await;

    // another team's check-in, by somebody signed in
    let check_in = stage.window(jonas).await;
    check_in.goto("/teams/infrastructure/check-in").await;
    check_in.until(&says("Cut over")).await;
    elif.post(&format!("/tasks/{key}"), &[("title", "Cut over at night")])
        .await
        .ok();
    check_in.until(&says("Cut over at night")).await;

    // `g` writes the next goal
    planning.page.bring_to_front().await.unwrap();
    planning.press("g").await;
    planning.until_at("/goals/new?sprint=43").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_task_and_a_search_are_a_key_away_on_every_page_of_a_team() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let window = stage.window(elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window.press("/").await;
    window
        .until("document.activeElement?.matches('.search input[name=q]')")
        .await;
    window.until_at("/teams/infrastructure?sprint=all").await;

    window.goto("/teams/infrastructure/flow").await;
    window.press("c").await;
    window.until_at("/tasks/new?sprint=this").await;
    window.until("document.activeElement?.id === 'title'").await;
    window.type_text("Ask Legal for a date").await;
    window.press("Enter").await;
    window.until_column("todo", &["INF-1"]).await;
    assert_eq!(
        elif.task("INF-1").await["sprint"],
        42,
        "in the sprint that goes on"
    );
}
