//! A second factor from setting it up to signing in with it, without scripts; and how its pages look.

use fortnight::{
    app::{App, Settings},
    domain::{auth::passwords, mail::mailer::Mailer},
};
use time::Duration;
use totp_rs::{Builder, Secret};

use crate::{
    asset_serving::Served,
    browser_fixture::{BrowserFixture, TestBrowser, Window},
    fixtures::World,
    pages::check_page,
};

const PASSWORD: &str = "correct horse battery";

/// Gives Elif a password, and makes her an administrator.
async fn give_password(world: &World) {
    let hash = passwords::hash(PASSWORD.to_owned()).await.unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1, role = 'admin' WHERE handle = 'elif'")
        .bind(hash)
        .execute(&world.db)
        .await
        .unwrap();
}

/// The code that the app shows now.
fn code(world: &World, key: &str) -> String {
    let secret = Secret::try_from_base32(key.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let now = world.app.clock.now().unix_timestamp();
    totp.generate(now as u64).to_string()
}

async fn fill(window: &Window, field: &str, text: &str) {
    window.click(&format!("[name={field}]")).await;
    window.type_text(text).await;
}

async fn enter_password(window: &Window) {
    window.goto("/login?next=%2Finbox").await;
    window
        .wait_for_page("document.querySelector('[name=password]') !== null")
        .await;
    fill(window, "email", "elif@example.org").await;
    fill(window, "password", PASSWORD).await;
    window.press_key("Enter").await;
}

async fn enter_code(window: &Window, code: &str) {
    window.wait_for_url("/login/code").await;
    window
        .wait_for_page("document.querySelector('[name=code]')?.value === ''")
        .await;
    fill(window, "code", code).await;
    window.press_key("Enter").await;
}

async fn text_of(window: &Window, selector: &str) -> String {
    window
        .evaluate(&format!("document.querySelector('{selector}').textContent"))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_factor_works_without_scripts() {
    let fixture = BrowserFixture::new().await;
    let world = &fixture.world;
    give_password(world).await;
    let window = fixture.open_anonymous_window().await;
    // clicks reach only what is in sight
    window.resize(1440, 2400, false).await;
    window.disable_scripts().await;
    enter_password(&window).await;
    window.wait_for_url("/inbox").await;
    window.goto("/me").await;
    window.wait_for_url("/me").await;
    window.click("#second-factor a").await;
    window.wait_for_url("/me/second-factor").await;
    window.click("main .panel button").await;
    window
        .wait_for_page("document.querySelector('.qr-code path') !== null")
        .await;
    let key = text_of(&window, ".secret").await;
    fill(&window, "old", PASSWORD).await;
    fill(&window, "code", &code(world, &key)).await;
    window.press_key("Enter").await;
    window
        .wait_for_page("document.querySelector('.recovery-codes') !== null")
        .await;
    let recovery = text_of(&window, ".recovery-codes").await;
    let recovery: Vec<&str> = recovery.split_whitespace().collect();
    assert_eq!(recovery.len(), 10);
    let saved: String = window
        .evaluate("decodeURIComponent(document.querySelector('a[download]').href)")
        .await;
    assert!(saved.starts_with("data:text/plain") && saved.contains(recovery[9]));
    window.click("main a.primary").await;
    window.wait_for_page("location.pathname === '/me'").await;
    // out, and in again with a code
    let sign_out = async || {
        window.click(".me-menu summary").await;
        window
            .click(".me-menu form[action=\"/logout\"] button")
            .await;
        window.wait_for_page("location.pathname === '/login'").await;
    };
    sign_out().await;
    world.app.clock.advance(Duration::seconds(30));
    let right = code(world, &key);
    enter_password(&window).await;
    enter_code(&window, &right).await;
    window.wait_for_url("/inbox").await;
    sign_out().await;
    // the same code again is refused, a recovery code is not
    enter_password(&window).await;
    enter_code(&window, &right).await;
    window
        .wait_for_page(
            "document.querySelector('[role=alert]')?.textContent.includes('used before')",
        )
        .await;
    enter_code(&window, &recovery[4].to_uppercase()).await;
    window.wait_for_url("/inbox").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_sign_in_are_accessible() {
    let world = World::new().await;
    give_password(&world).await;
    let mailer = Mailer::new("smtp://localhost:1", None, "http://fortnight.test").unwrap();
    let settings = Settings {
        mailer: Some(mailer),
        ..Settings::default()
    };
    let (clock, db) = (world.app.clock.clone(), world.db.clone());
    let app = App::with(settings, "http://fortnight.test", db, clock);
    let served = Served::of_app(app).await;
    let browser = TestBrowser::launch(&format!("http://{}", served.address)).await;
    let window = browser.open_anonymous_window().await;
    let mut problems = check_page(&window, "login", "/login").await;
    problems.extend(check_page(&window, "login-forgot", "/login/forgot").await);
    enter_password(&window).await;
    window.wait_for_url("/inbox").await;
    let page = "/me/second-factor";
    problems.extend(check_page(&window, "second-factor-off", page).await);
    window.click("main .panel button").await;
    window.wait_for("document.querySelector('.secret')").await;
    problems.extend(check_page(&window, "second-factor-setup", page).await);
    let key = text_of(&window, ".secret").await;
    fill(&window, "old", PASSWORD).await;
    fill(&window, "code", &code(&world, &key)).await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('.recovery-codes')")
        .await;
    for (width, phone) in [(1440, false), (390, true)] {
        window.resize(width, 900, phone).await;
        window
            .screenshot(&format!("second-factor-codes-{width}"))
            .await;
        problems.extend(window.accessibility_violations().await);
    }
    problems.extend(check_page(&window, "second-factor-on", page).await);
    problems.extend(check_page(&window, "me-sign-in", "/me").await);
    problems.extend(check_page(&window, "settings-security", "/settings/security").await);
    problems.extend(check_page(&window, "people-with-mail", "/settings/people").await);
    world.app.clock.advance(Duration::seconds(30));
    let other = browser.open_anonymous_window().await;
    enter_password(&other).await;
    other.wait_for_url("/login/code").await;
    problems.extend(check_page(&other, "login-code", "/login/code").await);
    // someone who has to set it up before anything else
    sqlx::query("DELETE FROM second_factors")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET second_factor_required = true")
        .execute(&world.db)
        .await
        .unwrap();
    problems.extend(check_page(&window, "second-factor-required", "/inbox").await);
    assert_eq!(problems, [""; 0]);
}
