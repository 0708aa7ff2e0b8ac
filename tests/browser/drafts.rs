//! What is typed is neither lost nor sent unasked, and what was done can be undone.

use crate::browser_fixture::{BrowserFixture, Window};

const TASK: &str = "dialog.modal[open]";

async fn open_task(window: &Window) {
    // a click right after a drag is taken for its end
    focus(window, "#INF-1 h3 a").await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!("document.querySelector('{TASK} .title-form')"))
        .await;
}

async fn focus(window: &Window, selector: &str) {
    window
        .run_script(&format!("document.querySelector('{selector}').focus()"))
        .await;
}

async fn wait_for_toast(window: &Window, text: &str) {
    window
        .wait_for(&format!(
            "document.querySelector('#toasts')?.textContent.includes('{text}')"
        ))
        .await;
}

async fn open_board_with_task() -> (BrowserFixture, Window) {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    (fixture, window)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn escape_puts_back_the_saved_value() {
    let (fixture, window) = open_board_with_task().await;
    open_task(&window).await;
    window
        .run_script(&format!(
            "document.querySelector('{TASK} .quiet-menu').open = true"
        ))
        .await;
    for field in [
        "[name=title]",
        "[name=labels]",
        "[name=needed_by]",
        "[name=estimate]",
    ] {
        focus(&window, &format!("{TASK} {field}")).await;
        window.type_text("wrong").await;
        window.press_key("Escape").await;
        window
            .wait_for(&format!(
                "document.querySelector('{TASK} {field}').value
                 === document.querySelector('{TASK} {field}').defaultValue"
            ))
            .await;
    }
    // a second Escape closes the task
    window.press_key("Escape").await;
    window
        .wait_for(&format!("!document.querySelector('{TASK}')"))
        .await;
    let task = fixture.world.elif.load_task("INF-1").await;
    assert_eq!(task["title"], "Cut over");
    assert_eq!(task["labels"], serde_json::json!([]));
    assert_eq!(task["version"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drafts_outlive_closing_and_reloading() {
    let (_fixture, window) = open_board_with_task().await;
    open_task(&window).await;
    for (field, text) in [
        ("[action$=comments] [name=body]", "Half a thought"),
        ("[name=text]", "Half a step"),
    ] {
        focus(&window, &format!("{TASK} {field}")).await;
        window.type_text(text).await;
    }
    window.press_key("Escape").await;
    window
        .wait_for(&format!("!document.querySelector('{TASK}')"))
        .await;
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("b").await;
    window
        .wait_for("document.querySelector('dialog.small [name=note]')")
        .await;
    focus(&window, "dialog.small [name=note]").await;
    window.type_text("Legal").await;
    // a click beside the dialog closes it
    window
        .run_script(
            "const dialog = document.querySelector('dialog.small');
             dialog.dispatchEvent(new PointerEvent('pointerdown', { clientX: 1, clientY: 1, bubbles: true }))",
        )
        .await;
    window
        .wait_for("!document.querySelector('dialog.small')")
        .await;

    window.open_board("/teams/infrastructure").await;
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("b").await;
    window
        .wait_for("document.querySelector('dialog.small [name=note]')?.value === 'Legal'")
        .await;
    window.press_key("Escape").await;
    window
        .wait_for("!document.querySelector('dialog.small')")
        .await;
    open_task(&window).await;
    window
        .wait_for(&format!(
            "document.querySelector('{TASK} [action$=comments] [name=body]').value === 'Half a thought'
             && document.querySelector('{TASK} [name=text]').value === 'Half a step'
             && document.querySelectorAll('{TASK} .draft').length === 2"
        ))
        .await;
    window.screenshot("story-drafts").await;
    window
        .run_script(&format!(
            "document.querySelector('{TASK} .quick-add .draft button').click()"
        ))
        .await;
    window
        .wait_for(&format!(
            "document.querySelector('{TASK} [name=text]').value === ''
             && document.querySelectorAll('{TASK} .draft').length === 1"
        ))
        .await;
    // saving removes the draft
    focus(&window, &format!("{TASK} [action$=comments] [name=body]")).await;
    window
        .run_script(&format!(
            "document.querySelector('{TASK} [action$=comments] button:not([type=button])').click()"
        ))
        .await;
    window
        .wait_for(&format!(
            "document.querySelector('{TASK} .said')?.textContent.includes('Half a thought')
             && !document.querySelector('{TASK} .draft')"
        ))
        .await;
    let kept: String = window
        .evaluate("Object.keys(sessionStorage).filter((key) => key.includes('comments')).join()")
        .await;
    assert_eq!(kept, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_tasks_title_outlives_escape_and_reload() {
    let (_fixture, window) = open_board_with_task().await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.matches('.new textarea')")
        .await;
    window.type_text("Half a title").await;
    window.press_key("Escape").await;
    window.wait_for("!document.querySelector('.new')").await;
    window.open_board("/teams/infrastructure").await;
    window.press_key("c").await;
    window
        .wait_for("document.querySelector('.new textarea')?.value === 'Half a title'")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_and_comments_are_undone_by_name_and_nothing_else_is() {
    let (fixture, window) = open_board_with_task().await;
    let elif = &fixture.world.elif;
    let done = window.center_of("[data-column=done] ol").await;
    window.drag("#INF-1", done).await;
    window.wait_for_column("done", &["INF-1"]).await;
    open_task(&window).await;
    focus(&window, &format!("{TASK} [name=text]")).await;
    window.type_text("Ask Legal").await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!("document.querySelector('{TASK} .steps .remove')"))
        .await;
    window.click(&format!("{TASK} .steps .remove")).await;
    window
        .wait_for(&format!("!document.querySelector('{TASK} .steps .remove')"))
        .await;
    focus(&window, &format!("{TASK} .close")).await;
    window.press_key("u").await;
    wait_for_toast(&window, "you removed step “Ask Legal”").await;
    window
        .wait_for(&format!("document.querySelector('{TASK} .steps .remove')"))
        .await;
    let task = elif.load_task("INF-1").await;
    assert_eq!(task["column"], "done", "the move before it is not undone");

    // a change that cannot be undone is not skipped
    window.press_key("Escape").await;
    window
        .wait_for(&format!("!document.querySelector('{TASK}')"))
        .await;
    window
        .run_script("document.querySelector('[data-column=todo] [data-count]').click()")
        .await;
    window
        .wait_for("document.querySelector('dialog.small input')")
        .await;
    window
        .run_script("document.querySelector('dialog.small input:not([type=hidden])').value = 3")
        .await;
    window.click("dialog.small .button.primary").await;
    window
        .wait_for(
            "document.querySelector('[data-column=todo] [data-count]').textContent.includes('/ 3')",
        )
        .await;
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("u").await;
    wait_for_toast(&window, "The last change cannot be undone.").await;
    let task = elif.load_task("INF-1").await;
    assert_eq!(
        (&task["column"], task["steps"].as_i64()),
        (&"done".into(), Some(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_again_leads_back_to_the_draft() {
    let (fixture, window) = open_board_with_task().await;
    open_task(&window).await;
    sqlx::query("DELETE FROM sessions")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    focus(&window, &format!("{TASK} [action$=comments] [name=body]")).await;
    window.type_text("Not lost").await;
    window
        .run_script(&format!(
            "document.querySelector('{TASK} [action$=comments] button:not([type=button])').click()"
        ))
        .await;
    wait_for_toast(&window, "You are signed out").await;
    window.click("#toasts a").await;
    window.wait_for_url("/login?next=%2Ftasks%2FINF-1").await;
    let kept: String = window
        .evaluate("Object.keys(sessionStorage).filter((key) => key.includes('comments')).map((key) => sessionStorage[key]).join()")
        .await;
    assert_eq!(kept, "Not lost");
}
