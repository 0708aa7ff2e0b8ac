//! A team's chat settings in a browser: by keyboard, with errors, and without JavaScript.

use crate::browser_fixture::{BrowserFixture, Window};

async fn assert_accessible(window: &Window) {
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lead_sets_up_a_channel_and_sees_that_it_is_refused() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/settings").await;
    window.click(".page-header a[href$=chat]").await;
    window.wait_for_url("/settings/chat").await;
    let ticked: Vec<String> = window
        .evaluate(
            "[...document.querySelectorAll('[type=checkbox]:checked')].map(({ name }) => name)",
        )
        .await;
    assert_eq!(ticked, ["standups"]);
    assert_accessible(&window).await;
    window.screenshot("chat-empty").await;
    // an address of a private network is refused, and not shown again
    window.click("#url").await;
    window.type_text("https://127.0.0.1/services/secret").await;
    window.click("#webhook button.primary").await;
    window
        .wait_for_page(
            "document.querySelector('#url-error')?.textContent.includes('not a public address')",
        )
        .await;
    let value: String = window
        .evaluate("document.querySelector('#url').value")
        .await;
    assert_eq!(value, "");
    assert_accessible(&window).await;
    window.screenshot("chat-refused").await;
    // without JavaScript
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto("/teams/infrastructure/settings/chat").await;
    plain.click("#url").await;
    plain
        .type_text("https://93.184.215.14/services/secret")
        .await;
    plain.click("[name=goals]").await;
    plain.click("#webhook button.primary").await;
    plain
        .wait_for_page("document.querySelector('#status')?.textContent.includes('93.184.215.14')")
        .await;
    sqlx::query("UPDATE chat_webhooks SET refused = true, problem = '93.184.215.14 answered 404 Not Found', problem_at = '2026-11-24 09:12Z'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    window.goto("/teams/infrastructure/settings/chat").await;
    let page: String = window
        .evaluate("document.querySelector('main').textContent")
        .await;
    assert!(
        page.contains("The webhook is refused: 93.184.215.14 answered 404 Not Found"),
        "{page}"
    );
    assert!(!page.contains("secret"), "{page}");
    assert_accessible(&window).await;
    window.screenshot("chat").await;
    window.set_color_scheme("dark").await;
    // so high that the bar at the bottom covers nothing
    window.resize(390, 1200, true).await;
    assert_accessible(&window).await;
    window.screenshot("chat-phone-dark").await;
}
