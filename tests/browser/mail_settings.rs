//! Settings → Mail in a browser: a server is entered, tested and removed, also without JavaScript.

use fortnight::app::Settings;

use crate::{
    browser_fixture::{BrowserFixture, Window},
    mail_server::MailServer,
};

const PASSWORD: &str = "h0rse battery";

/// Enters a value where another one may be.
async fn fill(window: &Window, field: &str, value: &str) {
    let empty = format!("document.querySelector('#{field}').value = ''");
    window.run_script(&empty).await;
    window.click(&format!("#{field}")).await;
    window.type_text(value).await;
}

/// Enters the server and its user.
async fn enter(window: &Window, server: &MailServer, password: &str) {
    fill(window, "host", "localhost").await;
    fill(window, "port", &server.port.to_string()).await;
    window
        .run_script("document.querySelector('#encryption').value = 'none'")
        .await;
    fill(window, "username", "fortnight").await;
    fill(window, "password", password).await;
    window.click("#settings button.primary").await;
}

const ENTERED: &str =
    "document.querySelector('main').textContent.includes('Mail is sent through localhost')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrator_enters_tests_and_removes_the_mail_server() {
    let server = MailServer::with_password(PASSWORD).await;
    let fixture = BrowserFixture::with(Settings {
        outgoing_allow: "127.0.0.1,::1".parse().unwrap(),
        ..Settings::default()
    })
    .await;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let window = fixture.open_window(&fixture.world.elif).await;
    window.goto("/settings/mail").await;
    window.screenshot("mail-settings-empty").await;
    let mut problems = window.accessibility_violations().await;
    // an address of a private network
    fill(&window, "host", "10.0.0.1").await;
    fill(&window, "password", PASSWORD).await;
    window.press_key("Enter").await;
    window
        .wait_for_page(
            "document.querySelector('#host-error')?.textContent.includes('not a public address')",
        )
        .await;
    let (focused, host, password): (String, String, String) = window
        .evaluate("[document.activeElement.id, document.querySelector('#host').value, document.querySelector('#password').value]")
        .await;
    assert_eq!(
        [focused.as_str(), &host, &password],
        ["host", "10.0.0.1", ""]
    );
    window.screenshot("mail-settings-refused").await;
    problems.extend(window.accessibility_violations().await);
    enter(&window, &server, "wrong").await;
    window.wait_for_page(ENTERED).await;
    window.click("form[action$=test] button").await;
    window
        .wait_for_page("document.querySelector('[role=alert]')?.textContent.includes('the server refuses the user name or the password')")
        .await;
    window.screenshot("mail-settings-wrong-password").await;
    problems.extend(window.accessibility_violations().await);
    fill(&window, "password", PASSWORD).await;
    window.press_key("Enter").await;
    window
        .wait_for_page("!document.querySelector('[role=alert]')")
        .await;
    window.click("form[action$=test] button").await;
    window
        .wait_for_page("document.querySelector('[role=status]')?.textContent.includes('has accepted a mail to elif@')")
        .await;
    assert_eq!(server.take().len(), 1);
    for (width, phone) in [(1440, false), (390, true)] {
        // so high that the bar at the bottom covers nothing
        window.resize(width, 2000, phone).await;
        for scheme in ["light", "dark"] {
            window.set_color_scheme(scheme).await;
            window.goto("/settings/mail").await;
            window
                .screenshot(&format!("mail-settings-{width}-{scheme}"))
                .await;
            problems.extend(window.accessibility_violations().await);
            let wide: bool = window
                .evaluate("document.documentElement.scrollWidth > innerWidth")
                .await;
            assert!(!wide, "at {width}");
        }
    }
    assert!(problems.is_empty(), "{problems:?}");

    let plain = fixture.open_window(&fixture.world.elif).await;
    plain.disable_scripts().await;
    plain.goto("/settings/mail").await;
    plain.click("form[action$=remove] button").await;
    plain
        .wait_for_page("document.querySelector('main').textContent.includes('Mail is not set up.')")
        .await;
    enter(&plain, &server, PASSWORD).await;
    plain.wait_for_page(ENTERED).await;
    plain.click("form[action$=test] button").await;
    plain
        .wait_for_page(
            "document.querySelector('[role=status]')?.textContent.includes('has accepted')",
        )
        .await;
    assert_eq!(server.take().len(), 1);
}
