//! A world that is served, and real windows that look at it.

use std::time::Duration;

use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::browser_protocol::{
        browser::BrowserContextId,
        emulation::{
            MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
            SetScriptExecutionDisabledParams, SetTouchEmulationEnabledParams,
        },
        input::{
            DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams,
            DispatchMouseEventType, DispatchTouchEventParams, DispatchTouchEventType, MouseButton,
            TouchPoint,
        },
        network::SetCookieParams,
        page::CaptureScreenshotFormat,
        target::{CreateBrowserContextParams, CreateTargetParams},
    },
    page::ScreenshotParams,
    types::{Command, Method, MethodId},
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::{
    served::Served,
    world::{Client, World},
};

/// How long anything may take before a story counts as broken.
const PATIENCE: Duration = Duration::from_secs(15);

/// A world that is served, with a browser in front.
pub struct Stage {
    pub world: World,
    pub served: Served,
    windows: Windows,
}

impl Stage {
    pub async fn new() -> Self {
        let world = World::new().await;
        let served = Served::of(&world).await;
        let windows = Windows::at(&format!("http://{}", served.address)).await;
        Self {
            world,
            served,
            windows,
        }
    }

    /// A window in which this person is signed in.
    pub async fn window(&self, client: &Client) -> Window {
        let window = self.blank().await;
        let (name, value) = client.cookie.split_once('=').unwrap();
        let mut cookie = SetCookieParams::new(name, value);
        cookie.url = Some(window.base.clone());
        window.page.execute(cookie).await.unwrap();
        window
    }

    /// A window in which nobody is signed in.
    pub async fn blank(&self) -> Window {
        self.windows.blank().await
    }

    /// Another tab beside a window, with its session.
    pub async fn tab(&self, beside: &Window) -> Window {
        self.windows.open(&beside.context).await
    }
}

/// A browser that looks at a server.
pub struct Windows {
    base: String,
    browser: Browser,
    _folder: TempDir,
}

/// One window, with a session of its own.
pub struct Window {
    pub page: Page,
    base: String,
    context: BrowserContextId,
}

impl Windows {
    pub async fn at(base: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chromium = [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("these tests drive Chromium: bin/test installs it");
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

    /// A window in which nobody is signed in.
    pub async fn blank(&self) -> Window {
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
        window.size(1440, 900, false).await;
        window
    }
}

impl Window {
    pub async fn size(&self, width: i64, height: i64, phone: bool) {
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

    pub async fn scheme(&self, scheme: &str) {
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

    /// As on a sheet of A4 in light colours.
    pub async fn paper(&self) {
        self.size(794, 1123, false).await;
        let media = Some("print".to_owned());
        self.page
            .execute(SetEmulatedMediaParams {
                media,
                features: None,
            })
            .await
            .unwrap();
    }

    pub async fn without_scripts(&self) {
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

    /// A board with its scripts at work and its stream open.
    pub async fn board(&self, path: &str) {
        self.goto(path).await;
        self.until("document.querySelector('[data-presence]')?.textContent.includes('viewing')")
            .await;
    }

    pub async fn value<T: DeserializeOwned>(&self, script: &str) -> T {
        self.page
            .evaluate(script)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .into_value()
            .unwrap()
    }

    /// Waits until a script's expression is true; the page itself looks, every few milliseconds.
    pub async fn until(&self, expression: &str) {
        let script = format!(
            "(async () => {{ const end = performance.now() + {}; while (!({expression})) {{ if (performance.now() > end) return false; await new Promise(go => setTimeout(go, 15)); }} return true; }})()",
            PATIENCE.as_millis()
        );
        let since = std::time::Instant::now();
        while since.elapsed() < PATIENCE {
            // an error: the page was left while it looked, so it looks again in the next one
            let looked = tokio::time::timeout(PATIENCE, self.page.evaluate(script.as_str())).await;
            if let Ok(Ok(value)) = looked
                && value.into_value().is_ok_and(|so: bool| so)
            {
                return;
            }
        }
        let body: String = self.value("document.body.innerText").await;
        panic!("{expression} did not come true. The page says:\n{body}");
    }

    /// Waits until the window is at an address that has this in it, and has loaded it; for pages without scripts.
    pub async fn until_at(&self, part: &str) {
        self.until_loaded(&format!("location.href.includes('{part}')"))
            .await;
    }

    /// Waits until a page has loaded of which this is true. It is asked from here: where scripts are off, no page waits.
    pub async fn until_loaded(&self, expression: &str) {
        let since = std::time::Instant::now();
        while since.elapsed() < PATIENCE {
            let there = format!("document.readyState === 'complete' && Boolean({expression})");
            let arrived = self.page.evaluate(there).await;
            if arrived.is_ok_and(|value| value.into_value().is_ok_and(|so: bool| so)) {
                return;
            }
        }
        panic!(
            "{expression} did not come true, at {:?}",
            self.page.url().await
        );
    }

    /// Runs a script for what it does.
    pub async fn run(&self, script: &str) {
        self.page.evaluate(script).await.unwrap();
    }

    /// Waits until a column shows just these.
    pub async fn until_column(&self, column: &str, keys: &[&str]) {
        let list = keys.join(",");
        self.until(&format!("[...document.querySelectorAll('[data-column=\"{column}\"] [data-task]:not([hidden])')].map(card => card.dataset.task).join() === '{list}'")).await;
    }

    /// The middle of an element.
    pub async fn middle(&self, selector: &str) -> (f64, f64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; }})()"
        );
        let [x, y]: [f64; 2] = self.value(&script).await;
        (x, y)
    }

    /// The middle of an element's lower edge.
    pub async fn foot(&self, selector: &str) -> (f64, f64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return [r.left + r.width / 2, r.bottom]; }})()"
        );
        let [x, y]: [f64; 2] = self.value(&script).await;
        (x, y)
    }

    pub async fn mouse(&self, kind: DispatchMouseEventType, (x, y): (f64, f64)) {
        let mut event = DispatchMouseEventParams::new(kind, x, y);
        event.button = Some(MouseButton::Left);
        event.buttons = Some(1);
        event.click_count = Some(1);
        self.page.execute(event).await.unwrap();
    }

    /// Presses on one place, carries to another in steps, and lets the caller look before the drop.
    pub async fn pick_up(&self, from: (f64, f64), to: (f64, f64)) {
        self.pull(from, to).await;
        self.until("document.querySelector('.drop, .group.over')")
            .await;
    }

    /// The same where perhaps nothing comes along.
    pub async fn pull(&self, from: (f64, f64), to: (f64, f64)) {
        self.mouse(DispatchMouseEventType::MouseMoved, from).await;
        self.mouse(DispatchMouseEventType::MousePressed, from).await;
        for step in 1..=10 {
            let part = f64::from(step) / 10.0;
            self.mouse(
                DispatchMouseEventType::MouseMoved,
                (
                    from.0 + (to.0 - from.0) * part,
                    from.1 + (to.1 - from.1) * part,
                ),
            )
            .await;
        }
    }

    pub async fn drop_at(&self, to: (f64, f64)) {
        self.mouse(DispatchMouseEventType::MouseReleased, to).await;
    }

    pub async fn drag(&self, from: &str, to: (f64, f64)) {
        let from = self.middle(from).await;
        self.pick_up(from, to).await;
        self.drop_at(to).await;
    }

    pub async fn click(&self, selector: &str) {
        let at = self.middle(selector).await;
        self.mouse(DispatchMouseEventType::MousePressed, at).await;
        self.mouse(DispatchMouseEventType::MouseReleased, at).await;
    }

    pub async fn touch(&self, kind: DispatchTouchEventType, (x, y): (f64, f64)) {
        self.page
            .execute(DispatchTouchEventParams::new(
                kind,
                vec![TouchPoint::new(x, y)],
            ))
            .await
            .unwrap();
    }

    pub async fn lift_finger(&self) {
        self.page
            .execute(FingerUp {
                kind: "touchEnd",
                touch_points: [],
            })
            .await
            .unwrap();
    }

    /// Presses a key: a letter, or `Enter`, `Escape`, `ArrowDown`, `Space`…
    pub async fn press(&self, key: &str) {
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
                // a full stop's own number would be Delete's
                _ => 0,
            });
            self.page.execute(event).await.unwrap();
        }
    }

    pub async fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string()).await;
        }
    }

    /// A picture in target/screenshots, to be looked at.
    pub async fn picture(&self, name: &str) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let params = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .build();
        let png = self.page.screenshot(params).await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// What axe-core finds against WCAG 2.2 AA.
    pub async fn violations(&self) -> Vec<String> {
        self.page
            .evaluate(include_str!("axe.min.js"))
            .await
            .unwrap();
        self.value(
            "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(found => found.violations.map(one => `${one.id}: ${one.help} ${one.nodes.map(node => node.html.slice(0, 150)).slice(0, 3).join(' | ')}`))",
        )
        .await
    }
}

/// The end of a touch names no points, and the library would leave an empty list out.
#[derive(serde::Serialize)]
struct FingerUp {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "touchPoints")]
    touch_points: [(); 0],
}

impl Method for FingerUp {
    fn identifier(&self) -> MethodId {
        "Input.dispatchTouchEvent".into()
    }
}

impl Command for FingerUp {
    type Response = serde_json::Value;
}
