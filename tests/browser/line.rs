//! What others do while somebody writes, and while the line is down.

use axum::http::Method;
use chromiumoxide::cdp::browser_protocol::page::{
    SetWebLifecycleStateParams, SetWebLifecycleStateState,
};
use serde_json::json;

use crate::stage::Stage;

const COMMENT: &str = "document.querySelector('dialog.modal [aria-label=\"Write a comment\"]')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_half_written_stays_while_somebody_else_changes_the_task() {
    let stage = Stage::new().await;
    let mira = stage
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    let elif = &stage.world.elif;
    elif.make("infrastructure", "todo", "Cut over").await;
    for n in 1..=30 {
        elif.post(
            "/tasks/INF-1/comments",
            &[("body", &format!("Rehearsal {n} went well"))],
        )
        .await
        .ok();
    }
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    window.click("#INF-1 h3 a").await;
    window
        .until("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
    window.run(&format!("{COMMENT}.focus()")).await;
    window.type_text("Ready when").await;
    window
        .until("document.querySelector('dialog.modal').scrollTop > 100")
        .await;
    // where it is on the screen: the story above it gets a line more
    let place = format!("{COMMENT}.getBoundingClientRect().top");
    let before: f64 = window.value(&place).await;

    mira.api(
        Method::PATCH,
        "/tasks/INF-1",
        json!({ "title": "Cut postgres over" }),
    )
    .await
    .ok();
    window
        .until("document.querySelector('dialog.modal [name=title]').value === 'Cut postgres over'")
        .await;
    let text: String = window.value(&format!("{COMMENT}.value")).await;
    assert_eq!(text, "Ready when", "the text is there");
    let focused: bool = window
        .value(&format!("document.activeElement === {COMMENT}"))
        .await;
    assert!(focused, "the cursor is where it was");
    let after: f64 = window.value(&place).await;
    assert!(
        (after - before).abs() < 1.0,
        "nothing moved under the eyes: {before} {after}"
    );

    // and it goes on where it was
    window.type_text(" you are").await;
    window.run(&format!("{COMMENT}.form.requestSubmit()")).await;
    window.until("document.querySelector('dialog.modal .timeline').textContent.includes('Ready when you are')").await;
}

/// Case R8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_down_is_said_and_what_was_missed_is_there_when_it_is_back() {
    let mut stage = Stage::new().await;
    for title in ["Cut over", "Runbook"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    stage.served.stop().await;
    window
        .until("document.querySelector('.offline')?.textContent.startsWith('Not connected.')")
        .await;
    stage
        .world
        .elif
        .ask(
            Method::PUT,
            "/tasks/INF-1/position",
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    window.until_column("todo", &["INF-1", "INF-2"]).await;
    stage.served.start_again(&stage.world).await;
    window.until_column("done", &["INF-1"]).await;
    window.until("!document.querySelector('.offline')").await;

    // a laptop that was shut: the page stands still, and catches up when it wakes
    let lives = async |state| {
        window
            .page
            .execute(SetWebLifecycleStateParams::new(state))
            .await
            .unwrap()
    };
    lives(SetWebLifecycleStateState::Frozen).await;
    let moved = stage
        .world
        .elif
        .ask(
            Method::PUT,
            "/tasks/INF-2/position",
            "card",
            &[("column", "in-progress")],
        )
        .await;
    moved.ok();
    lives(SetWebLifecycleStateState::Active).await;
    window.until_column("in-progress", &["INF-2"]).await;
    window.until_column("todo", &[]).await;
    window.until("!document.querySelector('.offline')").await;
}

/// Case R10. A browser opens six connections to a server over HTTP/1.1, and a stream would take one of them each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tabs_are_all_live() {
    let stage = Stage::new().await;
    stage
        .world
        .elif
        .make("infrastructure", "todo", "Cut over")
        .await;
    let first = stage.window(&stage.world.elif).await;
    let mut tabs = vec![first];
    for _ in 1..8 {
        tabs.push(stage.tab(&tabs[0]).await);
    }
    for tab in &tabs {
        tab.board("/teams/infrastructure").await;
    }
    for column in ["in-progress", "done"] {
        stage
            .world
            .elif
            .ask(
                Method::PUT,
                "/tasks/INF-1/position",
                "card",
                &[("column", column)],
            )
            .await
            .ok();
        for tab in &tabs {
            tab.until_column(column, &["INF-1"]).await;
        }
    }
    // and a form is sent from any of them
    tabs[7]
        .run("document.querySelector('#INF-1 h3 a').click()")
        .await;
    tabs[7]
        .until("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
}
