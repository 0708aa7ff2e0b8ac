//! What others do while the board is being asked for, while a card is in the hand, in lanes and under a filter.

use axum::http::Method;

use crate::{
    stage::{Stage, Window},
    world::Client,
};

const LANES: &str = "/teams/infrastructure?lanes=owner";

/// Answers for the whole board wait while the gate is shut; the page counts them, and the changes that it hears of.
async fn gate(window: &Window) {
    window
        .run(
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

async fn shut(window: &Window) {
    window
        .run("globalThis.gate = new Promise(go => { globalThis.open_gate = go; }); 0")
        .await;
}

async fn move_to(who: &Client, key: &str, column: &str) {
    who.ask(
        Method::PUT,
        &format!("/tasks/{key}/position"),
        "card",
        &[("column", column)],
    )
    .await
    .ok();
}

async fn until_in_lane(window: &Window, key: &str, lane: &str) {
    window
        .until(&format!(
            "document.querySelector('#{key}')?.closest('.lane').dataset.lane === '{lane}'"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_in_quick_succession_both_show_in_lanes() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for title in ["one", "two", "three"] {
        elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.jonas).await;
    window.board(LANES).await;
    gate(&window).await;
    shut(&window).await;
    move_to(elif, "INF-1", "in-progress").await;
    window.until("answers === 1").await;
    // the first answer is still on its way, and knows nothing of the second move
    move_to(elif, "INF-2", "done").await;
    window.until("heard === 2").await;
    window.run("open_gate()").await;
    window.until_column("in-progress", &["INF-1"]).await;
    window.until_column("done", &["INF-2"]).await;
    window
        .until("document.querySelector('[data-done]').textContent === '1'")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_do_during_a_drag_shows_when_the_card_is_dropped_in_lanes_too() {
    let stage = Stage::new().await;
    let mira = stage
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    for title in ["one", "two", "three"] {
        mira.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board(LANES).await;
    gate(&window).await;
    shut(&window).await;
    move_to(&mira, "INF-1", "in-progress").await;
    window.until("answers === 1").await;
    let to = window.middle("[data-column=in-review] ol").await;
    window.pick_up(window.middle("#INF-3").await, to).await;
    window.run("open_gate()").await;
    move_to(&mira, "INF-2", "done").await;
    window.until("heard === 2").await;
    window.drop_at(to).await;
    window.until_column("in-progress", &["INF-1"]).await;
    window.until_column("done", &["INF-2"]).await;
    window.until_column("in-review", &["INF-3"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "in-review").await,
        ["INF-3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_asked_for_before_a_move_does_not_take_the_card_back() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for title in ["one", "two", "three"] {
        elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    gate(&window).await;
    shut(&window).await;
    elif.post(
        "/teams/infrastructure/columns/todo/limit",
        &[("wip_limit", "3")],
    )
    .await
    .ok();
    window.until("answers === 1").await;
    // somebody else moves one, and so does the reader
    move_to(elif, "INF-1", "done").await;
    window.until("heard === 1").await;
    let to = window.middle("[data-column=in-review] ol").await;
    window.drag("#INF-2", to).await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved INF-2')")
        .await;
    window.run("open_gate()").await;
    window
        .until("document.querySelector('[data-column=todo] [data-count]').textContent === '1 / 3'")
        .await;
    window.until_column("done", &["INF-1"]).await;
    window.until_column("in-review", &["INF-2"]).await;
    window.until_column("todo", &["INF-3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_asked_is_asked_again() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    elif.make("infrastructure", "todo", "one").await;
    let window = stage.window(&stage.world.jonas).await;
    for path in [LANES, "/teams/infrastructure?q=one"] {
        window.board(path).await;
        // the first answer is cut off, whatever it is
        window
            .run("globalThis.cut = 0; const real = fetch; globalThis.fetch = (...asked) => cut++ ? real(...asked) : Promise.reject(new TypeError())")
            .await;
        let column = if path == LANES { "in-progress" } else { "done" };
        move_to(elif, "INF-1", column).await;
        window.until("cut === 1").await;
        window.until_column(column, &["INF-1"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_written_in_somebodys_lane_stands_in_its_own() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for title in ["one", "two"] {
        elif.make("infrastructure", "todo", title).await;
    }
    elif.post("/tasks/INF-1/owners/me", &[]).await.ok();
    let window = stage.window(elif).await;
    window.board(LANES).await;
    until_in_lane(&window, "INF-1", "Elif Hartmann").await;
    window.press("c").await;
    window.until("document.activeElement.closest('.new')").await;
    window.type_text("Three").await;
    window.press("Enter").await;
    until_in_lane(&window, "INF-3", "Nobody yet").await;
    window
        .until("document.querySelector('[data-total]').textContent === '3'")
        .await;
    // the field stays for the next one, and the lane that is its owner's is found by itself
    window.until("document.activeElement.closest('.new')").await;
    window.press("Escape").await;
    window
        .run("document.querySelector('#INF-3 h3 a').focus()")
        .await;
    window.press("a").await;
    until_in_lane(&window, "INF-3", "Elif Hartmann").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_under_a_filter_is_beside_the_neighbour_that_was_seen() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for (column, title) in [
        ("in-progress", "one"),
        ("in-progress", "two"),
        ("in-progress", "three"),
        ("todo", "four"),
    ] {
        elif.make("infrastructure", column, title).await;
    }
    for key in ["INF-1", "INF-3", "INF-4"] {
        elif.post(&format!("/tasks/{key}/owners/me"), &[])
            .await
            .ok();
    }
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure?q=owner%3Aelif").await;
    window
        .until_column("in-progress", &["INF-1", "INF-3"])
        .await;
    let (x, y) = window.middle("#INF-3 .top").await;
    window.drag("#INF-4", (x, y - 10.0)).await;
    window
        .until_column("in-progress", &["INF-1", "INF-4", "INF-3"])
        .await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved INF-4')")
        .await;
    // the head counts what is shown
    let to = window.middle("[data-column=done] ol").await;
    window.drag("#INF-3", to).await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved INF-3')")
        .await;
    window
        .until("document.querySelector('.sprint').textContent.includes('1 of 3 shown')")
        .await;
    window.board("/teams/infrastructure").await;
    window
        .until_column("in-progress", &["INF-1", "INF-4", "INF-2"])
        .await;
    window
        .until("document.querySelector('.sprint').textContent.includes('1 of 4 tasks done')")
        .await;
}
