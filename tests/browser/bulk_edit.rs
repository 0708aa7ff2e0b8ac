//! Selecting several cards and changing them together.

use chromiumoxide::cdp::browser_protocol::input::{
    DispatchMouseEventParams, DispatchMouseEventType, MouseButton,
};

use crate::browser_fixture::{BrowserFixture, Window};

const SHIFT: i64 = 8;

async fn shift_click(window: &Window, selector: &str) {
    let (x, y) = window.center_of(selector).await;
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

async fn wait_for_count(window: &Window, column: &str, count: usize) {
    window
        .wait_for(&format!(
            "document.querySelectorAll('[data-column={column}] [data-task]').length === {count}"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_choice_by_keyboard_applies_on_submit() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for title in ["one", "two", "three", "four"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    // Shift and a click selects a range
    window
        .run_script("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press_key("x").await;
    shift_click(&window, "#INF-3 .foot").await;
    window
        .wait_for("document.querySelector('[data-bulk-count]').textContent === '3 tasks selected'")
        .await;
    window
        .run_script("document.querySelector('[data-bulk-bar] [name=column]').focus()")
        .await;
    window.press_key("ArrowDown").await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.activeElement.value === 'in-progress'")
        .await;
    window
        .run_script("document.querySelector('[data-bulk-bar] button').focus()")
        .await;
    window.press_key("Enter").await;
    window
        .wait_for_column("in-progress", &["INF-1", "INF-2", "INF-3"])
        .await;
    window.wait_for_column("todo", &["INF-4"]).await;
    window
        .wait_for("document.querySelector('[data-bulk-bar]').hidden")
        .await;
    let changes: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT change_id) FROM events WHERE kind = 'task.moved'",
    )
    .fetch_one(&fixture.world.db)
    .await
    .unwrap();
    assert_eq!(
        changes, 1,
        "values passed with the arrow keys were not submitted"
    );

    // an empty change is refused and the selection stays; then two fields in one change
    window
        .run_script("document.querySelector('#INF-4 h3 a').focus()")
        .await;
    window.press_key("x").await;
    window.click("[data-bulk-bar] button:not([name])").await;
    window
        .wait_for(
            "document.querySelector('#toasts').textContent.includes('Choose a column, owner')",
        )
        .await;
    window.run_script("for (const [name, value] of [['column', 'done'], ['owner', 'elif']]) document.querySelector(`[data-bulk-bar] [name=${name}]`).value = value").await;
    window.click("[data-bulk-bar] button:not([name])").await;
    window.wait_for_column("done", &["INF-4"]).await;
    window
        .wait_for("document.querySelector('#INF-4 .avatar[title=\"Elif Hartmann\"]')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_edit_of_320_tasks_and_its_undo_show_every_card() {
    const MANY: usize = 320;
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for n in 1..=MANY {
        elif.create_task("infrastructure", "todo", &format!("Task number {n}"))
            .await;
    }
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window
        .run_script("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press_key("x").await;
    // the column loads as it is scrolled
    window
        .wait_for("document.querySelector('#INF-320') || (document.querySelector('.more')?.scrollIntoView(), false)")
        .await;
    window
        .run_script("document.querySelector('#INF-320').scrollIntoView({ block: 'center' })")
        .await;
    shift_click(&window, "#INF-320 .foot").await;
    window
        .wait_for(
            "document.querySelector('[data-bulk-count]').textContent === '320 tasks selected'",
        )
        .await;
    // the board is reloaded after the response and after the event: wait for both
    let asked = "performance.getEntriesByType('resource').filter(one => /infrastructure(.cards.*)?($|[?])/.test(one.name)).length";
    let before: usize = window.evaluate(asked).await;
    window
        .run_script("document.querySelector('[data-bulk-bar] [name=column]').value = 'in-progress'")
        .await;
    window
        .run_script("document.querySelector('[data-bulk-bar]').requestSubmit()")
        .await;
    window.wait_for(&format!("{asked} >= {before} + 2")).await;
    wait_for_count(&window, "in-progress", MANY).await;
    let before: usize = window.evaluate(asked).await;
    window.press_key("u").await;
    window.wait_for(&format!("{asked} >= {before} + 2")).await;
    wait_for_count(&window, "todo", MANY).await;
    window
        .wait_for("document.querySelector('[data-total]').textContent === '320'")
        .await;
}
