//! Changes by others during a reload of the board, during a drag, in lanes and under a filter.

use axum::http::Method;

use crate::{
    browser_fixture::{BrowserFixture, Window},
    fixtures::Client,
};

const LANES: &str = "/teams/infrastructure?lanes=owner";

/// Holds back responses for the whole board while the gate is closed. `answers` counts them, and `heard` card events.
async fn install_gate(window: &Window) {
    window
        .run_script(
            "globalThis.answers = globalThis.heard = 0; globalThis.gate = Promise.resolve();
            const real = fetch;
            globalThis.fetch = async (url, options) => {
                const answer = await real(url, options);
                if (options?.headers?.['Fortnight-Fragment'] === 'board') { answers++; await gate; }
                return answer;
            };
            const name = `fortnight ${document.querySelector('#board').dataset.live}`;
            new BroadcastChannel(name).onmessage = ({ data }) => { if (data.event?.type === 'card') heard++; };",
        )
        .await;
}

async fn close_gate(window: &Window) {
    window
        .run_script("globalThis.gate = new Promise(go => { globalThis.open_gate = go; }); 0")
        .await;
}

async fn move_task(client: &Client, key: &str, column: &str) {
    client
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            "card",
            &[("column", column)],
        )
        .await
        .ok();
}

async fn wait_for_lane(window: &Window, key: &str, lane: &str) {
    window
        .wait_for(&format!(
            "document.querySelector('#{key}')?.closest('.lane').dataset.lane === '{lane}'"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_quick_moves_both_show_in_lanes() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for title in ["one", "two", "three"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let window = fixture.open_window(&fixture.world.jonas).await;
    window.open_board(LANES).await;
    install_gate(&window).await;
    close_gate(&window).await;
    move_task(elif, "INF-1", "in-progress").await;
    window.wait_for("answers === 1").await;
    // the first response is still on its way and does not contain the second move
    move_task(elif, "INF-2", "done").await;
    window.wait_for("heard === 2").await;
    window.run_script("open_gate()").await;
    window.wait_for_column("in-progress", &["INF-1"]).await;
    window.wait_for_column("done", &["INF-2"]).await;
    window
        .wait_for("document.querySelector('[data-done]').textContent === '1'")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_by_others_during_a_drag_show_after_the_drop() {
    let fixture = BrowserFixture::new().await;
    let mira = fixture
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    for title in ["one", "two", "three"] {
        mira.create_task("infrastructure", "todo", title).await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board(LANES).await;
    install_gate(&window).await;
    close_gate(&window).await;
    move_task(&mira, "INF-1", "in-progress").await;
    window.wait_for("answers === 1").await;
    let to = window.center_of("[data-column=in-review] ol").await;
    window
        .start_drag(window.center_of("#INF-3").await, to)
        .await;
    window.run_script("open_gate()").await;
    move_task(&mira, "INF-2", "done").await;
    window.wait_for("heard === 2").await;
    window.release_at(to).await;
    window.wait_for_column("in-progress", &["INF-1"]).await;
    window.wait_for_column("done", &["INF-2"]).await;
    window.wait_for_column("in-review", &["INF-3"]).await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-review")
            .await,
        ["INF-3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outdated_board_response_does_not_revert_a_move() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for title in ["one", "two", "three"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    install_gate(&window).await;
    close_gate(&window).await;
    elif.post(
        "/teams/infrastructure/columns/todo/limit",
        &[("wip_limit", "3")],
    )
    .await
    .ok();
    window.wait_for("answers === 1").await;
    // someone else moves one card, and the person at this window another
    move_task(elif, "INF-1", "done").await;
    window.wait_for("heard === 1").await;
    let to = window.center_of("[data-column=in-review] ol").await;
    window.drag("#INF-2", to).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-2')")
        .await;
    window.run_script("open_gate()").await;
    window
        .wait_for(
            "document.querySelector('[data-column=todo] [data-count]').textContent === '1 / 3'",
        )
        .await;
    window.wait_for_column("done", &["INF-1"]).await;
    window.wait_for_column("in-review", &["INF-2"]).await;
    window.wait_for_column("todo", &["INF-3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_board_request_is_retried() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "one").await;
    let window = fixture.open_window(&fixture.world.jonas).await;
    for path in [LANES, "/teams/infrastructure?q=one"] {
        window.open_board(path).await;
        // the first request fails
        window
            .run_script("globalThis.cut = 0; const real = fetch; globalThis.fetch = (...asked) => cut++ ? real(...asked) : Promise.reject(new TypeError())")
            .await;
        let column = if path == LANES { "in-progress" } else { "done" };
        move_task(elif, "INF-1", column).await;
        window.wait_for("cut === 1").await;
        window.wait_for_column(column, &["INF-1"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_added_in_another_lane_moves_to_its_own() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for title in ["one", "two"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    elif.post("/tasks/INF-1/owners/me", &[]).await.ok();
    let window = fixture.open_window(elif).await;
    window.open_board(LANES).await;
    wait_for_lane(&window, "INF-1", "Elif Hartmann").await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.closest('.new')")
        .await;
    window.type_text("Three").await;
    window.press_key("Enter").await;
    wait_for_lane(&window, "INF-3", "No owner").await;
    window
        .wait_for("document.querySelector('[data-total]').textContent === '3'")
        .await;
    // the field stays for the next task; after assigning, the card moves to its owner's lane
    window
        .wait_for("document.activeElement.closest('.new')")
        .await;
    window.press_key("Escape").await;
    window
        .run_script("document.querySelector('#INF-3 h3 a').focus()")
        .await;
    window.press_key("a").await;
    wait_for_lane(&window, "INF-3", "Elif Hartmann").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drop_under_a_filter_lands_beside_the_visible_neighbour() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for (column, title) in [
        ("in-progress", "one"),
        ("in-progress", "two"),
        ("in-progress", "three"),
        ("todo", "four"),
    ] {
        elif.create_task("infrastructure", column, title).await;
    }
    for key in ["INF-1", "INF-3", "INF-4"] {
        elif.post(&format!("/tasks/{key}/owners/me"), &[])
            .await
            .ok();
    }
    let window = fixture.open_window(elif).await;
    window
        .open_board("/teams/infrastructure?q=owner%3Aelif")
        .await;
    window
        .wait_for_column("in-progress", &["INF-1", "INF-3"])
        .await;
    let (x, y) = window.center_of("#INF-3 .top").await;
    window.drag("#INF-4", (x, y - 10.0)).await;
    window
        .wait_for_column("in-progress", &["INF-1", "INF-4", "INF-3"])
        .await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-4')")
        .await;
    // the header counts the cards that are shown
    let to = window.center_of("[data-column=done] ol").await;
    window.drag("#INF-3", to).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-3')")
        .await;
    window
        .wait_for("document.querySelector('.sprint').textContent.includes('1 of 3 shown')")
        .await;
    window.open_board("/teams/infrastructure").await;
    window
        .wait_for_column("in-progress", &["INF-1", "INF-4", "INF-2"])
        .await;
    window
        .wait_for("document.querySelector('.sprint').textContent.includes('1 of 4 tasks done')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limited_columns_stay_counted_under_a_filter_while_others_work() {
    let fixture = BrowserFixture::new().await;
    let (elif, tomas) = (
        &fixture.world.elif,
        fixture
            .world
            .join("Tomas Weber", "tomas", "infrastructure")
            .await,
    );
    elif.post(
        "/teams/infrastructure/columns/in-progress/limit",
        &[("wip_limit", "2")],
    )
    .await
    .ok();
    elif.create_task("infrastructure", "in-progress", "Seen")
        .await;
    let other = elif
        .create_task("infrastructure", "in-progress", "Other")
        .await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure?q=seen").await;
    let count = "document.querySelector('[data-column=in-progress] [data-count]').textContent";
    window
        .wait_for(&format!("{count} === '1 shown, 2 / 2'"))
        .await;
    let third = tomas
        .create_task("infrastructure", "in-progress", "Third")
        .await;
    window
        .wait_for(&format!("{count} === '1 shown, 3 / 2'"))
        .await;
    for key in [other, third] {
        tomas
            .post(&format!("/tasks/{key}/position"), &[("column", "done")])
            .await
            .ok();
    }
    window.wait_for(&format!("{count} === '1 / 2'")).await;
}
