//! The board in Firefox, which is driven by WebDriver BiDi: JSON over a WebSocket.

mod bidi;

use fortnight::accounts::passwords;
use serde_json::{Value, json};

use crate::{served::Served, world::World};
use bidi::Firefox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_create_drag_and_a_second_window_sees_it() {
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
    let (one, two) = (firefox.window().await, firefox.window().await);
    for (window, who) in [(&one, "elif@example.org"), (&two, "jonas@example.org")] {
        window.goto("/teams/infrastructure").await;
        window.until("document.querySelector('[name=email]')").await;
        window.click("[name=email]").await;
        window.keys(who).await;
        window.click("[name=password]").await;
        window.keys("correct horse battery\n").await;
        window
            .until("document.querySelector('[data-presence]')?.textContent.includes('here now')")
            .await;
    }

    // c, a title and Enter is enough, twice
    one.activate().await;
    one.keys("c").await;
    one.until("document.activeElement.closest('.new')").await;
    one.keys("Cut over\n").await;
    one.until_column("todo", &["INF-1"]).await;
    one.keys("Write the runbook\n").await;
    one.until_column("todo", &["INF-1", "INF-2"]).await;
    one.keys("\u{e00c}").await;
    two.until_column("todo", &["INF-1", "INF-2"]).await;

    one.drag("#INF-1", "[data-column=in-progress] ol").await;
    one.until_column("in-progress", &["INF-1"]).await;
    one.until(
        "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
    )
    .await;
    two.until_column("in-progress", &["INF-1"]).await;
    assert_eq!(
        world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );

    // a task opens over the board, with an address of its own, and Escape closes it
    one.click("#INF-1 h3 a").await;
    one.until("document.querySelector('dialog.modal[open] [data-task-page=INF-1]')")
        .await;
    one.until("location.pathname === '/tasks/INF-1'").await;
    one.keys("\u{e00c}").await;
    one.until("location.pathname === '/teams/infrastructure' && !document.querySelector('dialog.modal[open]')").await;
    one.until("document.activeElement.closest('#INF-1')").await;

    // Space picks up, the right arrow carries over the blocked column, Space drops
    one.keys(" ").await;
    one.until("[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('INF-1 picked up'))").await;
    one.keys("\u{e014}\u{e014} ").await;
    one.until_column("in-review", &["INF-1"]).await;
    two.until_column("in-review", &["INF-1"]).await;
    assert_eq!(world.column("infrastructure", "in-review").await, ["INF-1"]);
    // nothing that the page said was an error
    let errors: Value = firefox.errors().await;
    assert_eq!(errors, json!([]));
}
