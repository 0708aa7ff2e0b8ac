//! A running server with test data, and real browser windows that use it.

use std::time::Duration;

use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::browser_protocol::{
        browser::BrowserContextId,
        emulation::{
            MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
            SetScriptExecutionDisabledParams, SetTimezoneOverrideParams,
            SetTouchEmulationEnabledParams,
        },
        input::{
            DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams,
            DispatchMouseEventType, DispatchTouchEventParams, DispatchTouchEventType, MouseButton,
            TouchPoint,
        },
        network::{EmulateNetworkConditionsByRuleParams, NetworkConditions, SetCookieParams},
        page::CaptureScreenshotFormat,
        target::{CreateBrowserContextParams, CreateTargetParams},
    },
    page::ScreenshotParams,
    types::{Command, Method, MethodId},
};
use fortnight::app::{App, Settings};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::{
    asset_serving::Served,
    fixtures::{Client, World},
};

/// How long anything may take before a test fails.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A server with test data and a browser.
pub struct BrowserFixture {
    pub world: World,
    pub served: Served,
    browser: TestBrowser,
}

impl BrowserFixture {
    pub async fn new() -> Self {
        let world = World::new().await;
        let served = Served::of(&world).await;
        Self::around(world, served).await
    }

    /// As `new`, with a program that has other settings.
    pub async fn with(settings: Settings) -> Self {
        let world = World::new().await;
        let (clock, db) = (world.app.clock.clone(), world.db.clone());
        let app = App::with(settings, "http://fortnight.test", db, clock);
        let served = Served::of_app(app).await;
        Self::around(world, served).await
    }

    /// A browser for a program that a test has started.
    pub async fn around(world: World, served: Served) -> Self {
        let browser = TestBrowser::launch(&format!("http://{}", served.address)).await;
        Self {
            world,
            served,
            browser,
        }
    }

    /// Opens a window in which this person is signed in.
    pub async fn open_window(&self, client: &Client) -> Window {
        let window = self.open_anonymous_window().await;
        let (name, value) = client.cookie.split_once('=').unwrap();
        let mut cookie = SetCookieParams::new(name, value);
        cookie.url = Some(window.base.clone());
        window.page.execute(cookie).await.unwrap();
        window
    }

    /// Opens a window without a session.
    pub async fn open_anonymous_window(&self) -> Window {
        self.browser.open_anonymous_window().await
    }

    /// Opens another tab with the session of a window.
    pub async fn open_tab(&self, beside: &Window) -> Window {
        self.browser.open(&beside.context).await
    }
}

/// A Chromium for one server.
pub struct TestBrowser {
    base: String,
    browser: Browser,
    _folder: TempDir,
}

/// A browser window with its own session.
pub struct Window {
    pub page: Page,
    base: String,
    context: BrowserContextId,
}

impl TestBrowser {
    pub async fn launch(base: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chromium = [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("these tests need Chromium, which bin/test installs");
        let config = BrowserConfig::builder()
            .chrome_executable(chromium)
            .no_sandbox()
            .user_data_dir(folder.path())
            .window_size(1440, 900)
            .args([
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .build()
            .unwrap();
        let (browser, mut events) = Browser::launch(config).await.unwrap();
        tokio::spawn(async move { while events.next().await.is_some() {} });
        Self {
            base: base.to_owned(),
            browser,
            _folder: folder,
        }
    }

    /// Opens a window without a session.
    pub async fn open_anonymous_window(&self) -> Window {
        let context: BrowserContextId = self
            .browser
            .execute(CreateBrowserContextParams::default())
            .await
            .unwrap()
            .result
            .browser_context_id
            .clone();
        self.open(&context).await
    }

    async fn open(&self, context: &BrowserContextId) -> Window {
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(context.clone());
        let page = self.browser.new_page(target).await.unwrap();
        let window = Window {
            page,
            base: self.base.clone(),
            context: context.clone(),
        };
        window.resize(1440, 900, false).await;
        window
    }
}

impl Window {
    pub async fn resize(&self, width: i64, height: i64, phone: bool) {
        self.page
            .execute(SetDeviceMetricsOverrideParams::new(
                width, height, 1.0, phone,
            ))
            .await
            .unwrap();
        let mut touch = SetTouchEmulationEnabledParams::new(phone);
        touch.max_touch_points = phone.then_some(1);
        self.page.execute(touch).await.unwrap();
    }

    pub async fn set_color_scheme(&self, scheme: &str) {
        let feature = MediaFeature {
            name: "prefers-color-scheme".to_owned(),
            value: scheme.to_owned(),
        };
        self.page
            .execute(SetEmulatedMediaParams {
                media: None,
                features: Some(vec![feature]),
            })
            .await
            .unwrap();
    }

    /// Emulates printing on A4 in light colours.
    pub async fn emulate_print(&self) {
        self.resize(794, 1123, false).await;
        let media = Some("print".to_owned());
        self.page
            .execute(SetEmulatedMediaParams {
                media,
                features: None,
            })
            .await
            .unwrap();
    }

    pub async fn disable_scripts(&self) {
        self.page
            .execute(SetScriptExecutionDisabledParams::new(true))
            .await
            .unwrap();
    }

    pub async fn goto(&self, path: &str) {
        self.page
            .goto(format!("{}{path}", self.base))
            .await
            .unwrap();
        self.page.bring_to_front().await.unwrap();
    }

    /// Opens a board and waits until its event stream is connected.
    pub async fn open_board(&self, path: &str) {
        self.goto(path).await;
        self.wait_for("document.querySelector('[data-presence]')?.textContent.includes('viewing')")
            .await;
    }

    /// Shows a document that no server sends, such as a mail.
    pub async fn show_html(&self, html: &str) {
        self.page.set_content(html).await.unwrap();
        self.page.bring_to_front().await.unwrap();
    }

    /// Limits how many bytes are sent in a second; -1 sends as fast as possible.
    pub async fn limit_upload(&self, bytes_per_second: f64) {
        self.page
            .execute(EmulateNetworkConditionsByRuleParams::new(
                false,
                vec![NetworkConditions::new("", 0.0, -1.0, bytes_per_second)],
            ))
            .await
            .unwrap();
    }

    pub async fn evaluate<T: DeserializeOwned>(&self, script: &str) -> T {
        self.page
            .evaluate(script)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .into_value()
            .unwrap()
    }

    /// Waits until an expression is true. The page itself checks it every few milliseconds.
    pub async fn wait_for(&self, expression: &str) {
        let script = format!(
            "(async () => {{ const end = performance.now() + {}; while (!({expression})) {{ if (performance.now() > end) return false; await new Promise(go => setTimeout(go, 15)); }} return true; }})()",
            TIMEOUT.as_millis()
        );
        let since = std::time::Instant::now();
        while since.elapsed() < TIMEOUT {
            // an error means that the page was left meanwhile: try again in the next one
            let result = tokio::time::timeout(TIMEOUT, self.page.evaluate(script.as_str())).await;
            if let Ok(Ok(value)) = result
                && value.into_value().is_ok_and(|is_true: bool| is_true)
            {
                return;
            }
        }
        let body: String = self.evaluate("document.body.innerText").await;
        panic!("{expression} did not become true. The page shows:\n{body}");
    }

    /// Waits until nothing fades or moves by itself. Animations that follow scrolling do not count.
    pub async fn wait_for_animations(&self) {
        self.wait_for(
            "document.getAnimations().every(one => !(one.timeline instanceof DocumentTimeline))",
        )
        .await;
    }

    /// Waits until the window has loaded a URL that contains `part`. Works without scripts.
    pub async fn wait_for_url(&self, part: &str) {
        self.wait_for_page(&format!("location.href.includes('{part}')"))
            .await;
    }

    /// Waits until a page has loaded for which the expression is true. Polls from here, so it works without scripts.
    pub async fn wait_for_page(&self, expression: &str) {
        let since = std::time::Instant::now();
        while since.elapsed() < TIMEOUT {
            let condition = format!("document.readyState === 'complete' && Boolean({expression})");
            let arrived = self.page.evaluate(condition).await;
            if arrived.is_ok_and(|value| value.into_value().is_ok_and(|is_true: bool| is_true)) {
                return;
            }
        }
        panic!(
            "{expression} did not become true, at {:?}",
            self.page.url().await
        );
    }

    /// Runs a script for its side effects.
    pub async fn run_script(&self, script: &str) {
        self.page.evaluate(script).await.unwrap();
    }

    /// Waits until a column shows exactly these tasks, in this order.
    pub async fn wait_for_column(&self, column: &str, keys: &[&str]) {
        let list = keys.join(",");
        self.wait_for(&format!("[...document.querySelectorAll('[data-column=\"{column}\"] [data-task]:not([hidden])')].map(card => card.dataset.task).join() === '{list}'")).await;
    }

    /// Returns the centre of an element.
    pub async fn center_of(&self, selector: &str) -> (f64, f64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; }})()"
        );
        let [x, y]: [f64; 2] = self.evaluate(&script).await;
        (x, y)
    }

    /// Returns the centre of an element's lower edge.
    pub async fn bottom_of(&self, selector: &str) -> (f64, f64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return [r.left + r.width / 2, r.bottom]; }})()"
        );
        let [x, y]: [f64; 2] = self.evaluate(&script).await;
        (x, y)
    }

    pub async fn dispatch_mouse(&self, kind: DispatchMouseEventType, (x, y): (f64, f64)) {
        let mut event = DispatchMouseEventParams::new(kind, x, y);
        event.button = Some(MouseButton::Left);
        event.buttons = Some(1);
        event.click_count = Some(1);
        self.page.execute(event).await.unwrap();
    }

    /// Presses at one place, moves to another in steps and waits for the drop target, without releasing.
    pub async fn start_drag(&self, from: (f64, f64), to: (f64, f64)) {
        self.press_and_move(from, to).await;
        self.wait_for("document.querySelector('.drop-placeholder, .group.drag-over')")
            .await;
    }

    /// The same, without waiting: perhaps nothing can be dragged.
    pub async fn press_and_move(&self, from: (f64, f64), to: (f64, f64)) {
        self.dispatch_mouse(DispatchMouseEventType::MouseMoved, from)
            .await;
        self.dispatch_mouse(DispatchMouseEventType::MousePressed, from)
            .await;
        for step in 1..=10 {
            let part = f64::from(step) / 10.0;
            self.dispatch_mouse(
                DispatchMouseEventType::MouseMoved,
                (
                    from.0 + (to.0 - from.0) * part,
                    from.1 + (to.1 - from.1) * part,
                ),
            )
            .await;
        }
    }

    pub async fn release_at(&self, to: (f64, f64)) {
        self.dispatch_mouse(DispatchMouseEventType::MouseReleased, to)
            .await;
    }

    pub async fn drag(&self, from: &str, to: (f64, f64)) {
        let from = self.center_of(from).await;
        self.start_drag(from, to).await;
        self.release_at(to).await;
    }

    pub async fn click(&self, selector: &str) {
        let script =
            format!("document.querySelector('{selector}').scrollIntoViewIfNeeded() === undefined");
        self.evaluate::<bool>(&script).await;
        let at = self.center_of(selector).await;
        self.dispatch_mouse(DispatchMouseEventType::MousePressed, at)
            .await;
        self.dispatch_mouse(DispatchMouseEventType::MouseReleased, at)
            .await;
    }

    pub async fn dispatch_touch(&self, kind: DispatchTouchEventType, (x, y): (f64, f64)) {
        self.page
            .execute(DispatchTouchEventParams::new(
                kind,
                vec![TouchPoint::new(x, y)],
            ))
            .await
            .unwrap();
    }

    pub async fn end_touch(&self) {
        self.page
            .execute(TouchEnd {
                kind: "touchEnd",
                touch_points: [],
            })
            .await
            .unwrap();
    }

    /// Presses a key: a letter, or `Enter`, `Escape`, `ArrowDown`, `Space`…
    pub async fn press_key(&self, key: &str) {
        let (name, text) = match key {
            "Space" => (" ", Some(" ")),
            "Enter" => ("Enter", Some("\r")),
            named if named.len() > 1 => (named, None),
            letter => (letter, Some(letter)),
        };
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let down = kind == DispatchKeyEventType::KeyDown;
            let mut event = DispatchKeyEventParams::new(kind);
            event.key = Some(name.to_owned());
            event.code = Some(key.to_owned());
            event.text = text.filter(|_| down).map(str::to_owned);
            event.windows_virtual_key_code = Some(match name {
                "Enter" => 13,
                "Escape" => 27,
                " " => 32,
                "Tab" => 9,
                "ArrowLeft" => 37,
                "ArrowUp" => 38,
                "ArrowRight" => 39,
                "ArrowDown" => 40,
                letter if letter.len() == 1 && letter.as_bytes()[0].is_ascii_alphanumeric() => {
                    i64::from(letter.to_ascii_uppercase().as_bytes()[0])
                }
                // the character code of a full stop is the key code of Delete
                _ => 0,
            });
            self.page.execute(event).await.unwrap();
        }
    }

    /// Pastes what was copied, as the browser's menu does.
    pub async fn paste(&self) {
        let mut event = DispatchKeyEventParams::new(DispatchKeyEventType::KeyDown);
        event.commands = Some(vec!["paste".to_owned()]);
        self.page.execute(event).await.unwrap();
    }

    pub async fn set_time_zone(&self, name: &str) {
        self.page
            .execute(SetTimezoneOverrideParams::new(name))
            .await
            .unwrap();
    }

    pub async fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press_key(&letter.to_string()).await;
        }
    }

    /// Saves a screenshot in target/screenshots.
    pub async fn screenshot(&self, name: &str) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let params = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .build();
        let png = self.page.screenshot(params).await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Returns the violations of WCAG 2.2 AA that axe-core finds.
    pub async fn accessibility_violations(&self) -> Vec<String> {
        self.page
            .evaluate(include_str!("axe.min.js"))
            .await
            .unwrap();
        self.evaluate(
            "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(found => found.violations.map(one => `${one.id}: ${one.help} ${one.nodes.map(node => node.html.slice(0, 150)).slice(0, 3).join(' | ')}`))",
        )
        .await
    }
}

/// The end of a touch: the list of points is empty, which the library would leave out.
#[derive(serde::Serialize)]
struct TouchEnd {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "touchPoints")]
    touch_points: [(); 0],
}

impl Method for TouchEnd {
    fn identifier(&self) -> MethodId {
        "Input.dispatchTouchEvent".into()
    }
}

impl Command for TouchEnd {
    type Response = serde_json::Value;
}
