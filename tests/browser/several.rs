//! Several cards, chosen and changed together.

use chromiumoxide::cdp::browser_protocol::input::{
    DispatchMouseEventParams, DispatchMouseEventType, MouseButton,
};

use crate::stage::{Stage, Window};

const SHIFT: i64 = 8;

async fn shift_click(window: &Window, selector: &str) {
    let (x, y) = window.middle(selector).await;
    for kind in [
        DispatchMouseEventType::MousePressed,
        DispatchMouseEventType::MouseReleased,
    ] {
        let mut event = DispatchMouseEventParams::new(kind, x, y);
        event.button = Some(MouseButton::Left);
        event.click_count = Some(1);
        event.modifiers = Some(SHIFT);
        window.page.execute(event).await.unwrap();
    }
}

async fn until_count(window: &Window, column: &str, count: usize) {
    window
        .until(&format!(
            "document.querySelectorAll('[data-column={column}] [data-task]').length === {count}"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_for_several_by_keys_is_made_when_it_is_pressed() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for title in ["one", "two", "three", "four"] {
        elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    // from one to another, and all between
    window
        .run("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press("x").await;
    shift_click(&window, "#INF-3 .foot").await;
    window
        .until("document.querySelector('[data-bulk-count]').textContent === '3 tasks selected'")
        .await;
    window
        .run("document.querySelector('[data-bulk-bar] [name=column]').focus()")
        .await;
    window.press("ArrowDown").await;
    window.press("ArrowDown").await;
    window
        .until("document.activeElement.value === 'in-progress'")
        .await;
    window
        .run("document.querySelector('[data-bulk-bar] button').focus()")
        .await;
    window.press("Enter").await;
    window
        .until_column("in-progress", &["INF-1", "INF-2", "INF-3"])
        .await;
    window.until_column("todo", &["INF-4"]).await;
    window
        .until("document.querySelector('[data-bulk-bar]').hidden")
        .await;
    let changes: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT change_id) FROM events WHERE kind = 'task.moved'",
    )
    .fetch_one(&stage.world.db)
    .await
    .unwrap();
    assert_eq!(changes, 1, "what the arrows passed was not chosen");

    // with the mouse, two fields in one change; nothing chosen is said, and they stay selected
    window
        .run("document.querySelector('#INF-4 h3 a').focus()")
        .await;
    window.press("x").await;
    window.click("[data-bulk-bar] button:not([name])").await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Choose what to change')")
        .await;
    window.run("for (const [name, value] of [['column', 'done'], ['owner', 'elif']]) document.querySelector(`[data-bulk-bar] [name=${name}]`).value = value").await;
    window.click("[data-bulk-bar] button:not([name])").await;
    window.until_column("done", &["INF-4"]).await;
    window
        .until("document.querySelector('#INF-4 .avatar[title=\"Elif Hartmann\"]')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_three_hundred_are_changed_at_once_and_back_and_all_stay_in_sight() {
    const MANY: usize = 320;
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for n in 1..=MANY {
        elif.make("infrastructure", "todo", &format!("Task number {n}"))
            .await;
    }
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    window
        .run("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press("x").await;
    window
        .run("document.querySelector('#INF-320').scrollIntoView({ block: 'center' })")
        .await;
    shift_click(&window, "#INF-320 .foot").await;
    window
        .until("document.querySelector('[data-bulk-count]').textContent === '320 tasks selected'")
        .await;
    // the board asks for itself, and because the stream says so: both are answered before we look
    let asked = "performance.getEntriesByType('resource').filter(one => /infrastructure(.cards.*)?($|[?])/.test(one.name)).length";
    let before: usize = window.value(asked).await;
    window
        .run("document.querySelector('[data-bulk-bar] [name=column]').value = 'in-progress'")
        .await;
    window
        .run("document.querySelector('[data-bulk-bar]').requestSubmit()")
        .await;
    window.until(&format!("{asked} >= {before} + 2")).await;
    until_count(&window, "in-progress", MANY).await;
    let before: usize = window.value(asked).await;
    window.press("u").await;
    window.until(&format!("{asked} >= {before} + 2")).await;
    until_count(&window, "todo", MANY).await;
    window
        .until("document.querySelector('[data-total]').textContent === '320'")
        .await;
}
