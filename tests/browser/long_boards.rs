//! Boards with long lists, which load as one scrolls, moves or adds a task there.

use axum::http::Method;

use crate::browser_fixture::{BrowserFixture, Window};

/// Waits until a column shows this number of cards and says that it has `count`.
async fn wait_for_cards(window: &Window, column: &str, shown: usize, count: usize) {
    window
        .wait_for(&format!(
            "(column => column.querySelectorAll('[data-task]').length === {shown}
                && column.querySelector('[data-count]').textContent === '{count}')(document.querySelector('[data-column={column}]'))"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_column_loads_as_it_is_scrolled_and_walked() {
    let fixture = BrowserFixture::new().await;
    fixture.world.fill_column("todo", 320).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    wait_for_cards(&window, "todo", 100, 320).await;

    window
        .run_script("document.querySelector('.more').scrollIntoView()")
        .await;
    wait_for_cards(&window, "todo", 200, 320).await;

    // the arrow goes on where the loaded cards end
    window
        .run_script("document.querySelector('#INF-200 h3 a').focus()")
        .await;
    window.wait_for("document.querySelector('#INF-201')").await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.activeElement.closest('#INF-201')")
        .await;
    wait_for_cards(&window, "todo", 300, 320).await;

    window
        .run_script("document.querySelector('.more a').click()")
        .await;
    wait_for_cards(&window, "todo", 320, 320).await;
    window.wait_for("!document.querySelector('.more')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_of_a_long_column_follow_unseen_changes() {
    let fixture = BrowserFixture::new().await;
    fixture.world.fill_column("todo", 250).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let elif = &fixture.world.elif;
    let position = [("column", "done")];
    elif.submit_by_script(Method::PUT, "/tasks/INF-240/position", "card", &position)
        .await
        .ok();
    wait_for_cards(&window, "todo", 100, 249).await;
    wait_for_cards(&window, "done", 1, 1).await;
    // to the end of the column, which is not loaded
    elif.submit_by_script(
        Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "todo"), ("after", "INF-250")],
    )
    .await
    .ok();
    wait_for_cards(&window, "todo", 99, 249).await;
    window
        .wait_for("document.querySelector('.more a').textContent === 'Show 150 more'")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn card_dropped_at_the_end_of_what_is_loaded_is_where_it_was_put() {
    let fixture = BrowserFixture::new().await;
    fixture.world.fill_column("todo", 250).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    // a keyboard user who has walked it down to the last cards that are loaded
    window
        .run_script(
            "document.querySelector('#INF-99').after(document.querySelector('#INF-3'));
             document.querySelector('#INF-3 h3 a').focus({ preventScroll: true })",
        )
        .await;
    window.press_key(" ").await;
    window.press_key("ArrowDown").await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.querySelector('#INF-3').previousElementSibling.id === 'INF-101'")
        .await;
    window.press_key(" ").await;
    window
        .wait_for("document.querySelector('#INF-3').dataset.version === '2'")
        .await;
    let keys = fixture.world.column_keys("infrastructure", "todo").await;
    assert_eq!(
        keys[98..102],
        ["INF-100", "INF-101", "INF-3", "INF-102"].map(str::to_owned)
    );
    window
        .wait_for("document.querySelector('#INF-3').previousElementSibling.id === 'INF-101'")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_task_of_a_long_column_is_seen_and_so_is_one_with_a_link_to_it() {
    let fixture = BrowserFixture::new().await;
    fixture.world.fill_column("todo", 150).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.matches('.new textarea')")
        .await;
    window.type_text("Rotate the keys").await;
    window.press_key("Enter").await;
    window
        .wait_for(
            "document.querySelector('#INF-151')?.getBoundingClientRect().bottom < innerHeight",
        )
        .await;

    let other = fixture.open_window(&fixture.world.jonas).await;
    other.open_board("/teams/infrastructure#INF-140").await;
    other
        .wait_for("(card => card && card.top > 0 && card.bottom < innerHeight)(document.querySelector('#INF-140')?.getBoundingClientRect())")
        .await;
}
