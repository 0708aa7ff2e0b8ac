//! Webhooks in a browser: setting one up, its messages and switching it off, also without JavaScript.

use std::sync::{Arc, Mutex};

use axum::{Router, http::StatusCode, routing::post};
use fortnight::{
    app::{App, Settings},
    jobs::webhooks::{make_new, send_due},
};

use crate::{
    browser_fixture::BrowserFixture,
    pull_requests::{assert_accessible, show},
};

/// Starts a receiver that answers with this status, and returns its address.
async fn receiver(status: Arc<Mutex<u16>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = async move || {
        let status = StatusCode::from_u16(*status.lock().unwrap()).unwrap();
        (status, "{ \"received\": \"as seen\" }")
    };
    let router = Router::new().fallback(post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_is_set_up_tested_and_switched_off() {
    let settings = || Settings {
        outgoing_allow: "127.0.0.0/8".parse().unwrap(),
        ..Settings::default()
    };
    let fixture = BrowserFixture::with(settings()).await;
    let elif = &fixture.world.elif;
    for statement in [
        "UPDATE members SET role = 'lead'",
        "UPDATE accounts SET role = 'admin' WHERE handle = 'elif'",
    ] {
        sqlx::query(statement)
            .execute(&fixture.world.db)
            .await
            .unwrap();
    }
    let status = Arc::new(Mutex::new(200));
    let address = receiver(status.clone()).await;
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/settings").await;
    window.click(".page-header a[href$=webhooks]").await;
    window.wait_for_url("/settings/webhooks").await;
    let path = "/teams/infrastructure/settings/webhooks";
    show(&window, path, "webhooks-empty").await;
    // an address of a private network is refused, and not shown again
    window.click("#name").await;
    window.type_text("Deploy bot").await;
    window.click("#url").await;
    window.type_text("https://10.0.0.1/hook/secret").await;
    window.click("#add button.primary").await;
    window
        .wait_for_page(
            "document.querySelector('#url-error')?.textContent.includes('not a public address')",
        )
        .await;
    let kept: (String, String) = window
        .evaluate("[document.querySelector('#name').value, document.querySelector('#url').value]")
        .await;
    assert_eq!(kept, ("Deploy bot".to_owned(), String::new()));
    assert_accessible(&window).await;
    window.screenshot("webhook-refused-1440-light").await;
    // a single kind besides whole groups
    window.click("input[name=events][value=all]").await;
    window.click("input[name=events][value=goals]").await;
    window.click(".single-kinds summary").await;
    for kind in ["task.created", "task.moved"] {
        window
            .click(&format!("input[name=events][value=\"{kind}\"]"))
            .await;
    }
    // by keyboard
    window.click("#url").await;
    window.type_text(&format!("{address}/hook/secret")).await;
    window.press_key("Enter").await;
    window
        .wait_for_page("document.querySelector('#new-secret input')?.value.startsWith('whsec_')")
        .await;
    assert_accessible(&window).await;
    window.screenshot("webhook-created-1440-light").await;
    let path: String = window
        .evaluate("new URL(document.querySelector('#edit form').action).pathname")
        .await;
    // without JavaScript
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto(&path).await;
    plain.click("form[action$=test] button").await;
    plain
        .wait_for_page(
            "document.querySelector('#messages')?.textContent.includes('Accepted with 200')",
        )
        .await;
    plain.click("form[action$=pause] button").await;
    plain
        .wait_for_page("document.querySelector('#status').textContent.includes('Paused since')")
        .await;
    plain.click("form[action$=resume] button").await;
    plain
        .wait_for_page("document.querySelector('form[action$=\"/pause\"]')")
        .await;
    plain.click("form[action$=secret] button").await;
    plain
        .wait_for_page("document.querySelector('#new-secret') && document.querySelector('#status').textContent.includes('signs as well until')")
        .await;
    // messages: accepted, failing and given up
    let (db, clock) = (fixture.world.db.clone(), fixture.world.app.clock.clone());
    let app = &App::with(settings(), "http://fortnight.test", db, clock);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    make_new(app).await.unwrap();
    send_due(app).await.unwrap();
    *status.lock().unwrap() = 500;
    elif.create_task("infrastructure", "todo", "Write the runbook")
        .await;
    make_new(app).await.unwrap();
    send_due(app).await.unwrap();
    plain.goto(&path).await;
    plain.click("form[action$=test] button").await;
    plain
        .wait_for_page(
            "document.querySelector('#messages')?.textContent.includes('Given up after 1 attempt')",
        )
        .await;
    show(&window, &path, "webhook").await;
    let text: String = window
        .evaluate("document.querySelector('main').textContent")
        .await;
    assert!(
        text.contains("Next attempt") && !text.contains("/hook/secret"),
        "{text}"
    );
    let message: String = window
        .evaluate("new URL(document.querySelector('#messages li a').href).pathname")
        .await;
    show(&window, &message, "webhook-message").await;
    window.click("main form.buttons button").await;
    window.wait_for_page("document.querySelector('#messages')?.textContent.includes('Waits') || document.querySelector('#messages')?.textContent.includes('answered 500')").await;
    // the receiver is gone
    *status.lock().unwrap() = 410;
    send_due(app).await.unwrap();
    show(&window, &path, "webhook-off").await;
    let text: String = window
        .evaluate("document.querySelector('#status').textContent")
        .await;
    assert!(text.contains("The receiver answered 410 Gone"), "{text}");
    show(
        &window,
        "/teams/infrastructure/settings/webhooks",
        "webhooks",
    )
    .await;
    // of the workspace
    window.goto("/settings").await;
    window.click("nav a[href$=webhooks]").await;
    window.wait_for_url("/settings/webhooks").await;
    window.click("#name").await;
    window.type_text("Data warehouse").await;
    window.click("#url").await;
    window.type_text(&format!("{address}/all")).await;
    window.press_key("Enter").await;
    window
        .wait_for_page("document.querySelector('#new-secret input')")
        .await;
    show(&window, "/settings/webhooks", "workspace-webhooks").await;
    show(&window, "/settings/outgoing", "outgoing-webhooks").await;
    window.goto(&path).await;
    window.click("#status summary").await;
    window.click("form[action$=delete] button").await;
    window
        .wait_for_page("!document.querySelector('#status')")
        .await;
}
