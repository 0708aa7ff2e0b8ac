//! The board in Firefox, driven by WebDriver BiDi: JSON over a WebSocket.

mod bidi;

use fortnight::domain::auth::passwords;
use serde_json::{Value, json};

use crate::{asset_serving::Served, fixtures::World};
use bidi::Firefox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_and_moved_tasks_show_in_a_second_firefox_window() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let hash = passwords::hash("correct horse battery".to_owned())
        .await
        .unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1")
        .bind(hash)
        .execute(&world.db)
        .await
        .unwrap();
    let firefox = Firefox::start(&format!("http://{}", served.address)).await;
    let (one, two) = (firefox.open_window().await, firefox.open_window().await);
    for (window, who) in [(&one, "elif@example.org"), (&two, "jonas@example.org")] {
        window.goto("/teams/infrastructure").await;
        window
            .wait_for("document.querySelector('[name=email]')")
            .await;
        window.click("[name=email]").await;
        window.send_keys(who).await;
        window.click("[name=password]").await;
        window.send_keys("correct horse battery\n").await;
        window
            .wait_for("document.querySelector('[data-presence]')?.textContent.includes('viewing')")
            .await;
    }

    // c, a title and Enter add a task; so do the next title and Enter
    one.activate().await;
    one.send_keys("c").await;
    one.wait_for("document.activeElement.closest('.new')").await;
    one.send_keys("Cut over\n").await;
    one.wait_for_column("todo", &["INF-1"]).await;
    one.send_keys("Write the runbook\n").await;
    one.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    one.send_keys("\u{e00c}").await;
    two.wait_for_column("todo", &["INF-1", "INF-2"]).await;

    one.drag("#INF-1", "[data-column=in-progress] ol").await;
    one.wait_for_column("in-progress", &["INF-1"]).await;
    one.wait_for(
        "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
    )
    .await;
    two.wait_for_column("in-progress", &["INF-1"]).await;
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-1"]
    );

    // a task opens over the board with its own address, and Escape closes it
    one.click("#INF-1 h3 a").await;
    one.wait_for("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
    one.wait_for("location.pathname === '/tasks/INF-1'").await;
    one.send_keys("\u{e00c}").await;
    one.wait_for("location.pathname === '/teams/infrastructure' && !document.querySelector('dialog.modal[open]')").await;
    one.wait_for("document.activeElement.closest('#INF-1')")
        .await;

    // Space picks up, the right arrow key twice passes the blocked column, Space drops
    one.send_keys(" ").await;
    one.wait_for("[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('INF-1 picked up'))").await;
    one.send_keys("\u{e014}\u{e014} ").await;
    one.wait_for_column("in-review", &["INF-1"]).await;
    two.wait_for_column("in-review", &["INF-1"]).await;
    assert_eq!(
        world.column_keys("infrastructure", "in-review").await,
        ["INF-1"]
    );
    // no script threw an error
    let errors: Value = firefox.errors().await;
    assert_eq!(errors, json!([]));
}
