//! The inbox in a browser: live, by keyboard, and without JavaScript.

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mention_arrives_live_and_is_handled_by_keys() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let first = elif.create_task("infrastructure", "todo", "Cut over").await;
    let second = elif.create_task("infrastructure", "todo", "Renew").await;
    let mention = async |key: &str, text: &str| {
        elif.post(&format!("/tasks/{key}/comments"), &[("body", text)])
            .await
            .ok();
        fixture.world.deliver().await;
    };
    // one window shows the inbox, the other a board
    let inbox = fixture.open_window(jonas).await;
    inbox.goto("/inbox").await;
    inbox
        .wait_for("document.querySelector('main').textContent.includes('No unread notifications')")
        .await;
    let board = fixture.open_window(jonas).await;
    board.open_board("/teams/ingestion").await;
    mention(&first, "A second pair of eyes would help, @jonas").await;
    inbox
        .wait_for("document.querySelector('.inbox')?.textContent.includes('Elif mentioned you')")
        .await;
    for window in [&inbox, &board] {
        window
            .wait_for("document.querySelector('.topbar [data-unread]').textContent === '1'")
            .await;
    }
    mention(&second, "And here, @jonas").await;
    inbox
        .wait_for("document.querySelectorAll('[data-thread]').length === 2 && document.querySelector('inbox-list').handleKey")
        .await;
    inbox.screenshot("inbox").await;
    inbox.press_key("j").await;
    inbox
        .wait_for("document.activeElement.textContent === 'Renew'")
        .await;
    inbox.press_key("e").await;
    inbox
        .wait_for("document.querySelectorAll('[data-thread]').length === 1 && document.activeElement.textContent === 'Cut over'")
        .await;
    inbox.press_key("h").await;
    inbox
        .wait_for("document.querySelector('main').textContent.includes('No unread notifications')")
        .await;
    board
        .wait_for("document.querySelector('.topbar [data-unread]').textContent === ''")
        .await;
    inbox.goto("/inbox?show=snoozed").await;
    inbox
        .wait_for("document.querySelector('.inbox').textContent.includes('Cut over')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_works_without_scripts() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Ready, @jonas?")],
    )
    .await
    .ok();
    fixture.world.deliver().await;
    let window = fixture.open_window(jonas).await;
    window.disable_scripts().await;
    window.resize(390, 844, true).await;
    window.goto("/inbox").await;
    window.screenshot("inbox-phone").await;
    window.click("button[value=done]").await;
    window
        .wait_for_page(
            "document.querySelector('main').textContent.includes('No unread notifications')",
        )
        .await;
    window.goto("/me/notifications").await;
    window.screenshot("notification-settings-phone").await;
}

/// Elif leads Infrastructure, which Jonas asks for these.
async fn ask(fixture: &BrowserFixture, titles: &[&str]) {
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    for title in titles {
        let fields = [("title", *title), ("why", "Exports slow the primary down")];
        let jonas = &fixture.world.jonas;
        jonas
            .post("/teams/infrastructure/requests", &fields)
            .await
            .status(303);
        fixture.world.deliver().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_accepted_and_declined_from_the_inbox() {
    let fixture = BrowserFixture::new().await;
    ask(&fixture, &["A read replica for exports", "More disk space"]).await;
    let elif = &fixture.world.elif;
    let window = fixture.open_window(elif).await;
    let other = fixture.open_window(elif).await;
    other.goto("/inbox").await;
    for (width, phone) in [(1440, false), (390, true)] {
        window.resize(width, 900, phone).await;
        for scheme in ["light", "dark"] {
            window.set_color_scheme(scheme).await;
            window.goto("/inbox").await;
            window
                .wait_for("document.querySelector('inbox-list').handleKey")
                .await;
            window
                .screenshot(&format!("inbox-requests-{width}-{scheme}"))
                .await;
            let violations = window.accessibility_violations().await;
            assert!(violations.is_empty(), "{violations:?}");
        }
    }
    window.click("[data-thread] button[value=accept]").await;
    window
        .wait_for("document.querySelectorAll('[data-thread]').length === 1 && document.activeElement.textContent === 'A read replica for exports'")
        .await;
    window
        .wait_for("[...document.querySelectorAll('[aria-live]')].some(({ textContent }) => textContent === '“More disk space” was accepted as a task.')")
        .await;
    other
        .wait_for("document.querySelectorAll('[data-thread]').length === 1")
        .await;
    window.click("[data-thread] .actions a").await;
    window.wait_for_url("/requests#answer-").await;
    window
        .wait_for_page("document.activeElement.matches('textarea[name=answer]')")
        .await;
    window.type_text("Next sprint").await;
    window.click("button[value=declined]").await;
    window
        .wait_for_page("document.querySelector('main').textContent.includes('No open requests.')")
        .await;
    fixture.world.deliver().await;
    other
        .wait_for("!document.querySelector('[data-thread]')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_is_accepted_in_the_inbox_without_scripts() {
    let fixture = BrowserFixture::new().await;
    ask(&fixture, &["A read replica for exports"]).await;
    let elif = &fixture.world.elif;
    let window = fixture.open_window(elif).await;
    window.disable_scripts().await;
    window.goto("/inbox").await;
    window.click("button[value=accept]").await;
    window
        .wait_for_page(
            "document.querySelector('main').textContent.includes('No unread notifications')",
        )
        .await;
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("A read replica for exports"), "{page}");
}
