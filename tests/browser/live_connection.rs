//! Changes by others while someone is typing, and while the connection is lost.

use axum::http::Method;
use chromiumoxide::cdp::browser_protocol::page::{
    SetWebLifecycleStateParams, SetWebLifecycleStateState,
};
use serde_json::json;

use crate::browser_fixture::BrowserFixture;

const COMMENT: &str = "document.querySelector('dialog.modal [aria-label=\"Write a comment\"]')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typed_comment_survives_a_change_by_someone_else() {
    let fixture = BrowserFixture::new().await;
    let mira = fixture
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    for n in 1..=30 {
        elif.post(
            "/tasks/INF-1/comments",
            &[("body", &format!("Rehearsal {n} went well"))],
        )
        .await
        .ok();
    }
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window.click("#INF-1 h3 a").await;
    window
        .wait_for("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
    window.run_script(&format!("{COMMENT}.focus()")).await;
    window.type_text("Ready when").await;
    window
        .wait_for("document.querySelector('dialog.modal').scrollTop > 100")
        .await;
    // its place on the screen: the activity above it gets one more line
    let place = format!("{COMMENT}.getBoundingClientRect().top");
    let before: f64 = window.evaluate(&place).await;

    mira.api(
        Method::PATCH,
        "/tasks/INF-1",
        json!({ "title": "Cut postgres over" }),
    )
    .await
    .ok();
    window
        .wait_for(
            "document.querySelector('dialog.modal [name=title]').value === 'Cut postgres over'",
        )
        .await;
    let text: String = window.evaluate(&format!("{COMMENT}.value")).await;
    assert_eq!(text, "Ready when", "the text is still there");
    let focused: bool = window
        .evaluate(&format!("document.activeElement === {COMMENT}"))
        .await;
    assert!(focused, "the field still has the focus");
    let after: f64 = window.evaluate(&place).await;
    assert!(
        (after - before).abs() < 1.0,
        "the field did not move: {before} {after}"
    );

    // typing continues at the same place
    window.type_text(" you are").await;
    window
        .run_script(&format!("{COMMENT}.form.requestSubmit()"))
        .await;
    window.wait_for("document.querySelector('dialog.modal .timeline').textContent.includes('Ready when you are')").await;
}

/// Case R8. After sleep or a lost connection the page catches up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_is_shown_and_missed_changes_arrive() {
    let mut fixture = BrowserFixture::new().await;
    for title in ["Cut over", "Runbook"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    fixture.served.stop().await;
    window
        .wait_for("document.querySelector('.offline')?.textContent.startsWith('Offline.')")
        .await;
    fixture
        .world
        .elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-1/position",
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    window.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    fixture.served.start_again(&fixture.world).await;
    window.wait_for_column("done", &["INF-1"]).await;
    window.wait_for("!document.querySelector('.offline')").await;

    // a laptop that slept: the page is frozen, and catches up when it wakes
    let lives = async |state| {
        window
            .page
            .execute(SetWebLifecycleStateParams::new(state))
            .await
            .unwrap()
    };
    lives(SetWebLifecycleStateState::Frozen).await;
    let moved = fixture
        .world
        .elif
        .submit_by_script(
            Method::PUT,
            "/tasks/INF-2/position",
            "card",
            &[("column", "in-progress")],
        )
        .await;
    moved.ok();
    lives(SetWebLifecycleStateState::Active).await;
    window.wait_for_column("in-progress", &["INF-2"]).await;
    window.wait_for_column("todo", &[]).await;
    window.wait_for("!document.querySelector('.offline')").await;
}

/// Case R10. Browsers open six connections per host over HTTP/1.1, and each stream would take one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tabs_are_all_live() {
    let fixture = BrowserFixture::new().await;
    fixture
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let first = fixture.open_window(&fixture.world.elif).await;
    let mut tabs = vec![first];
    for _ in 1..8 {
        tabs.push(fixture.open_tab(&tabs[0]).await);
    }
    for tab in &tabs {
        tab.open_board("/teams/infrastructure").await;
    }
    for column in ["in-progress", "done"] {
        fixture
            .world
            .elif
            .submit_by_script(
                Method::PUT,
                "/tasks/INF-1/position",
                "card",
                &[("column", column)],
            )
            .await
            .ok();
        for tab in &tabs {
            tab.wait_for_column(column, &["INF-1"]).await;
        }
    }
    // requests still work from any tab
    tabs[7]
        .run_script("document.querySelector('#INF-1 h3 a').click()")
        .await;
    tabs[7]
        .wait_for("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
}
