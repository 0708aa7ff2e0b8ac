//! Pull requests in a browser: connecting a forge by pages, its log, the board and the task, also without JavaScript.

use axum::{body::Body, http::Request};
use fortnight::jobs::pull_requests::process_waiting;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};

use crate::browser_fixture::{BrowserFixture, Window};

pub async fn assert_accessible(window: &Window) {
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
}

/// Takes pictures of a page in four ways, and checks each.
pub async fn show(window: &Window, path: &str, name: &str) {
    // so high that the bar at the bottom covers nothing
    for (width, height, phone) in [(1440, 900, false), (390, 8000, true)] {
        for scheme in ["light", "dark"] {
            window.resize(width, height, phone).await;
            window.set_color_scheme(scheme).await;
            window.goto(path).await;
            window.wait_for("document.readyState === 'complete'").await;
            assert_accessible(window).await;
            let is_wider: bool = window
                .evaluate("document.documentElement.scrollWidth > innerWidth")
                .await;
            assert!(!is_wider, "{path} scrolls sideways at {width}");
            window.screenshot(&format!("{name}-{width}-{scheme}")).await;
        }
    }
    window.resize(1440, 900, false).await;
    window.set_color_scheme("light").await;
}

/// A forge that sends signed deliveries.
struct Forge<'f> {
    fixture: &'f BrowserFixture,
    hook: String,
    secret: String,
}

impl Forge<'_> {
    async fn deliver(&self, event: &str, body: &Value) {
        let body = body.to_string();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let request = Request::post(&self.hook)
            .header("x-github-event", event)
            .header("x-github-delivery", uuid::Uuid::new_v4().to_string())
            .header("x-hub-signature-256", format!("sha256={hex}"))
            .body(Body::from(body))
            .unwrap();
        let world = &self.fixture.world;
        world.stranger().send(request).await.status(202);
        process_waiting(&world.app).await.unwrap();
    }

    async fn pull_request(&self, number: i64, title: &str, action: &str, state: &str, at: &str) {
        let body = json!({
            "action": action, "number": number,
            "pull_request": {
                "number": number, "title": title, "body": "", "updated_at": at, "state": "open", "draft": state == "draft",
                "merged": false, "html_url": format!("https://github.com/acme/alerts/pull/{number}"),
                "head": { "ref": "patch", "sha": "5f3c1d9" }, "base": { "ref": "main" },
                "requested_reviewers": [{ "login": "octocat" }, { "login": "gita" }], "user": { "login": "gita" },
            },
            "repository": { "full_name": "acme/alerts", "default_branch": "main" }, "sender": { "login": "gita" },
        });
        self.deliver("pull_request", &body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forge_is_connected_and_moves_a_task_on_the_open_board() {
    let fixture = BrowserFixture::new().await;
    let world = &fixture.world;
    let elif = &world.elif;
    for statement in [
        "UPDATE members SET role = 'lead'",
        "UPDATE accounts SET role = 'admin' WHERE handle = 'elif'",
    ] {
        sqlx::query(statement).execute(&world.db).await.unwrap();
    }
    let key = elif
        .create_task("infrastructure", "todo", "Cut the alerts over to Postgres")
        .await;
    elif.create_task("infrastructure", "todo", "Write the runbook")
        .await;
    let window = fixture.open_window(elif).await;
    window.goto("/settings").await;
    window.click("nav a[href$=connections]").await;
    window.wait_for_url("/settings/connections").await;
    show(&window, "/settings/connections", "connections-empty").await;
    // without JavaScript
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto("/settings/connections").await;
    plain.click("#name").await;
    plain.type_text("acme").await;
    plain.click("#add button.primary").await;
    plain
        .wait_for_page("document.querySelector('#new-secret input')")
        .await;
    let secret: String = plain
        .evaluate("document.querySelector('#new-secret input').value")
        .await;
    let address: String = plain
        .evaluate("document.querySelector('#webhook code').textContent")
        .await;
    plain.screenshot("connection-created-1440-light").await;
    plain.click("#repository").await;
    plain.type_text("acme/alerts").await;
    plain.click("#repositories .form button").await;
    plain
        .wait_for_page("document.querySelector('#repositories .rows')")
        .await;
    let forge = Forge {
        fixture: &fixture,
        hook: format!("/hooks/{}", address.split("/hooks/").nth(1).unwrap()),
        secret,
    };
    // the open board follows
    window.open_board("/teams/infrastructure").await;
    forge
        .pull_request(
            418,
            "INF-1: cut over",
            "opened",
            "draft",
            "2026-11-24T09:00:00Z",
        )
        .await;
    window.wait_for_column("in-progress", &[&key]).await;
    forge
        .pull_request(
            418,
            "INF-1: cut over",
            "ready_for_review",
            "open",
            "2026-11-24T09:10:00Z",
        )
        .await;
    window.wait_for_column("in-review", &[&key]).await;
    let check = json!({
        "action": "completed", "repository": { "full_name": "acme/alerts" },
        "check_run": { "name": "test", "head_sha": "5f3c1d9", "status": "completed", "conclusion": "failure" },
    });
    forge.deliver("check_run", &check).await;
    window
        .wait_for("document.querySelector('#INF-1 .checks-failed')")
        .await;
    forge
        .pull_request(
            419,
            "Something else",
            "opened",
            "open",
            "2026-11-24T09:20:00Z",
        )
        .await;
    world
        .stranger()
        .send(Request::post(&forge.hook).body(Body::from("{}")).unwrap())
        .await
        .status(403);
    show(&window, "/teams/infrastructure", "board-with-pull-request").await;
    // the branch's name, by keys and by the button
    window.goto("/tasks/INF-1").await;
    window.wait_for("document.readyState === 'complete'").await;
    window
        .run_script("window.copied = []; Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied.push(text); } } })")
        .await;
    window.press_key("g").await;
    window.press_key("b").await;
    window
        .wait_for("document.body.textContent.includes('Branch name copied.')")
        .await;
    window.click("[data-copy-branch]").await;
    window.wait_for("window.copied.length === 2").await;
    let copied: Vec<String> = window.evaluate("window.copied").await;
    assert_eq!(copied, ["inf-1-cut-the-alerts-over-to-postgres"; 2]);
    // b alone still blocks
    window.press_key("b").await;
    window
        .wait_for(
            "document.querySelector('dialog[open] [name=note], dialog[open] form[action$=block]')",
        )
        .await;
    show(&window, "/tasks/INF-1", "task-with-pull-requests").await;
    let path = format!(
        "/settings/connections/{}",
        &forge.hook["/hooks/forge/".len()..]
    );
    show(&window, &path, "connection").await;
    let log: String = window
        .evaluate("document.querySelector('#deliveries').textContent")
        .await;
    assert!(
        log.contains("Refused: it has no signature") && log.contains("Todo → In progress"),
        "{log}"
    );
    window
        .run_script("document.querySelector('#deliveries tbody a[href*=deliveries]').click()")
        .await;
    window.wait_for_url("/settings/deliveries/").await;
    assert_accessible(&window).await;
    window.screenshot("delivery-1440-light").await;
    show(
        &window,
        "/teams/infrastructure/settings/pull-requests",
        "pull-request-rules",
    )
    .await;
    window.goto("/me/forges").await;
    window.click("[name=login]").await;
    window.type_text("octocat").await;
    window.click("main .form button").await;
    window
        .wait_for_page("document.querySelector('main code')?.textContent.startsWith('fortnight-')")
        .await;
    assert_accessible(&window).await;
    window.screenshot("forge-logins-code-1440-light").await;
    show(&window, "/me/forges", "forge-logins").await;
}

/// A connection of its own: its address is tried, it is renamed and disconnected, and an App is created at GitHub, all of it
/// without JavaScript as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_is_tried_renamed_and_restored() {
    let fixture = BrowserFixture::new().await;
    let world = &fixture.world;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let id = uuid::Uuid::new_v4();
    sqlx::query(
        "INSERT INTO forge_connections (id, name, forge, secret, created_at, app_url)
         VALUES ($1, 'acme', 'github', repeat('x', 40), now(), 'https://github.com/apps/fortnight-acme')",
    )
    .bind(id)
    .execute(&world.db)
    .await
    .unwrap();
    let path = format!("/settings/connections/{id}");
    let window = fixture.open_window(elif).await;
    show(&window, "/settings/connections", "connections-github-app").await;
    show(
        &window,
        &format!("{path}?did=created"),
        "connection-app-created",
    )
    .await;
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    for (window, name) in [(&window, "scripts"), (&plain, "plain")] {
        window.goto(&path).await;
        window.click("form[action$=test] button").await;
        window
            .wait_for_page("document.querySelector('#webhook [role=alert]')")
            .await;
        let said: String = window
            .evaluate("document.querySelector('#webhook [role=alert]').textContent")
            .await;
        assert!(
            said.contains("the name fortnight.test has no address"),
            "{said}"
        );
        // it needs scripts itself
        if name == "scripts" {
            assert_accessible(window).await;
        }
        window
            .screenshot(&format!("connection-tested-{name}"))
            .await;
        window
            .click("details:has(form[action$=name]) summary")
            .await;
        window
            .run_script("document.querySelector('#name').value = ''")
            .await;
        window.click("#name").await;
        window.type_text(name).await;
        window
            .screenshot(&format!("connection-renaming-{name}"))
            .await;
        window.click("form[action$=name] button").await;
        window
            .wait_for_page(&format!(
                "document.querySelector('h1').textContent === '{name}'"
            ))
            .await;
        window
            .click("details:has(form[action$=disconnect]) summary")
            .await;
        window.click("form[action$=disconnect] button").await;
        window
            .wait_for_page("document.querySelector('.toast button')")
            .await;
        window
            .screenshot(&format!("connection-disconnected-{name}"))
            .await;
        window.click(".toast button").await;
        window
            .wait_for_page("document.querySelector('#webhook table')")
            .await;
    }
    show(
        &window,
        &format!("{path}?did=disconnected"),
        "connection-restored",
    )
    .await;
    for (window, name) in [(&window, "scripts"), (&plain, "plain")] {
        window.goto("/settings/connections").await;
        window.click("#app_name").await;
        window.type_text(&format!("App {name}")).await;
        window.click("#organization").await;
        window.type_text("acme").await;
        window
            .run_script("document.querySelector('#site').value = 'https://1.1.1.1'")
            .await;
        window.click("#github-app button").await;
        window
            .wait_for_page("document.querySelector('[name=manifest]')")
            .await;
        let action: String = window
            .evaluate("document.querySelector('form:has([name=manifest])').action")
            .await;
        assert!(
            action.starts_with("https://1.1.1.1/organizations/acme/settings/apps/new?state="),
            "{action}"
        );
        // it needs scripts itself
        if name == "scripts" {
            assert_accessible(window).await;
        }
        // What a browser would send: the manifest, and nothing of ours.
        let sent: Vec<String> = window
            .evaluate(
                "(() => { const form = document.querySelector('form:has([name=manifest])'); \
                 form.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true })); \
                 return [...new FormData(form).keys()]; })()",
            )
            .await;
        assert_eq!(sent, ["manifest"]);
        for (width, height, phone) in [(1440, 900, false), (390, 1600, true)] {
            for scheme in ["light", "dark"] {
                window.resize(width, height, phone).await;
                window.set_color_scheme(scheme).await;
                let is_wider: bool = window
                    .evaluate("document.documentElement.scrollWidth > innerWidth")
                    .await;
                assert!(!is_wider, "the page scrolls sideways at {width}");
                window
                    .screenshot(&format!("github-app-{name}-{width}-{scheme}"))
                    .await;
            }
        }
    }
}
