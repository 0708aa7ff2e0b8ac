//! Single sign-on through a real OpenID provider, in a real browser.

use std::{net::SocketAddr, path::Path, process::Stdio};

use fortnight::{
    app::{App, Settings},
    config::openid::OpenIdProvider,
    domain::{auth::passwords, clock::Clock},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    asset_serving::Served,
    browser_fixture::{TestBrowser, Window},
    fixtures::World,
    ports::free_port,
};

const PASSWORD: &str = "correct horse battery";

/// A provider, and a Fortnight whose people sign in there.
struct Company {
    world: World,
    browser: TestBrowser,
    issuer: String,
    _served: Served,
    _provider: Child,
}

impl Company {
    async fn new() -> Self {
        let world = World::new().await;
        // the provider has to know the address before the server starts
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let origin = format!("http://{address}");
        let (provider, issuer) = start_provider(&origin).await;
        let settings = Settings {
            outgoing_allow: "127.0.0.0/8".parse().unwrap(),
            openid: Some(OpenIdProvider {
                issuer: issuer.clone(),
                client_id: "fortnight".to_owned(),
                client_secret: Some("a secret of the tests".to_owned()),
                name: "Example ID".to_owned(),
                domains: vec!["example.org".to_owned()],
            }),
            ..Settings::default()
        };
        // The provider's tokens are of now.
        let app = App::with(settings, &origin, world.db.clone(), Clock::default());
        let served = Served::at(address, app).await;
        Self {
            world,
            browser: TestBrowser::launch(&origin).await,
            issuer,
            _served: served,
            _provider: provider,
        }
    }
}

async fn start_provider(origin: &str) -> (Child, String) {
    // where bin/test puts it
    let folder = "/usr/local/lib/fortnight-tests/openid-provider";
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openid-provider/server.mjs");
    let mut provider = Command::new(format!("{folder}/node_modules/.bin/node"))
        .arg(program)
        .args([folder, origin])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("these tests need the OpenID provider that bin/test installs");
    let mut lines = BufReader::new(provider.stdout.take().unwrap()).lines();
    let issuer = lines.next_line().await.unwrap().unwrap();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (provider, issuer)
}

/// Signs in at the provider's own page, and agrees to what Fortnight asks for.
async fn sign_in_there(window: &Window, name: &str) {
    window.wait_for_url("/interaction/").await;
    window
        .wait_for_page("document.querySelector('[name=login]')")
        .await;
    window
        .run_script(&format!(
            "document.querySelector('[name=login]').value = '{name}'; document.querySelector('[name=password]').value = 'any'; document.querySelector('form').submit()"
        ))
        .await;
    agree(window).await;
}

async fn agree(window: &Window) {
    window
        .wait_for_page("location.href.includes('/interaction/') && document.querySelector('[name=prompt][value=consent]')")
        .await;
    window
        .run_script("document.querySelector('form').submit()")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_through_a_real_provider_and_out_of_it() {
    let company = Company::new().await;
    let hash = passwords::hash(PASSWORD.to_owned()).await.unwrap();
    sqlx::query("UPDATE accounts SET role = 'admin', password_hash = $1 WHERE handle = 'elif'")
        .bind(hash)
        .execute(&company.world.db)
        .await
        .unwrap();

    // an account that was there before, and a page that one wanted to see
    let elif = company.browser.open_anonymous_window().await;
    elif.goto("/settings/people").await;
    elif.wait_for_url("/login").await;
    elif.click("a[href^=\"/login/openid\"]").await;
    sign_in_there(&elif, "elif-staff").await;
    elif.wait_for_url("/login/openid/callback").await;
    elif.wait_for("document.querySelector('main').textContent.includes('elif@example.org exists')")
        .await;
    elif.click("#password").await;
    elif.type_text(PASSWORD).await;
    elif.press_key("Enter").await;
    elif.wait_for_url("/settings/people").await;

    // a test explains a refusal
    elif.goto("/settings/sign-in").await;
    elif.wait_for("document.querySelector('main').textContent.includes('Signing out here also signs out there')")
        .await;
    elif.run_script("document.querySelector('#required_group').value = 'platform'")
        .await;
    elif.click("[action=\"/settings/sign-in/groups\"] button")
        .await;
    elif.wait_for_url("#groups").await;
    elif.click("[href=\"/settings/sign-in/test\"]").await;
    elif.wait_for_url("/login/openid/callback").await;
    elif.wait_for("document.querySelector('#trial').textContent.includes('Only people in the group platform can sign in')")
        .await;
    for (scheme, width) in [
        ("light", 1440),
        ("dark", 1440),
        ("light", 390),
        ("dark", 390),
    ] {
        elif.set_color_scheme(scheme).await;
        elif.resize(width, 900, width == 390).await;
        elif.wait_for_animations().await;
        assert_eq!(
            elif.accessibility_violations().await,
            [""; 0],
            "{scheme} {width}"
        );
        // A phone widens the window to what does not fit.
        let shown: i64 = elif.evaluate("document.documentElement.scrollWidth").await;
        assert!(shown <= width, "{width}: {shown} wide");
        elif.screenshot(&format!("sign-in-trial-{scheme}-{width}"))
            .await;
    }

    // someone new, without scripts
    let nadia = company.browser.open_anonymous_window().await;
    nadia.disable_scripts().await;
    nadia.goto("/login?next=/teams/ingestion").await;
    nadia.click("a[href^=\"/login/openid\"]").await;
    sign_in_there(&nadia, "nadia-platform").await;
    nadia.wait_for_url("/teams/ingestion").await;
    nadia.goto("/me").await;
    let me: String = nadia.evaluate("document.body.innerText").await;
    assert!(me.contains("Nadia"), "{me}");

    // someone who is not in the group
    let omar = company.browser.open_anonymous_window().await;
    omar.goto("/login").await;
    omar.click("a[href^=\"/login/openid\"]").await;
    sign_in_there(&omar, "omar-staff").await;
    omar.wait_for_url("/login/openid/callback").await;
    omar.wait_for("document.querySelector('[role=alert]').textContent.includes('Only people in the group platform')")
        .await;

    // out of Fortnight is out of the provider
    nadia
        .run_script("document.querySelector('form[action=\"/logout\"]').submit()")
        .await;
    nadia.wait_for_url("/session/end").await;
    nadia
        .run_script("document.querySelector('form').elements.logout.click()")
        .await;
    nadia.wait_for_url("/login").await;
    nadia.goto("/me").await;
    nadia.wait_for_url("/login?next=").await;
    nadia.click("a[href^=\"/login/openid\"]").await;
    sign_in_there(&nadia, "nadia-platform").await;
    nadia.wait_for_url("/me").await;

    // and the other way round
    nadia
        .page
        .goto(format!("{}/session/end", company.issuer))
        .await
        .unwrap();
    nadia
        .run_script("document.querySelector('form').elements.logout.click()")
        .await;
    nadia.wait_for_url("/session/end/success").await;
    nadia.goto("/me").await;
    nadia.wait_for_url("/login?next=").await;
}
