//! Boards in a real Chromium whose processor is slowed down four times: `cargo bench --bench browser`, or only with some
//! numbers of tasks: `cargo bench --bench browser -- 1000 20000`.
//!
//! Each figure is the median of five runs with an empty cache. The baseline of the same run is an almost empty page
//! from a server that does nothing else.

#[path = "../board/http.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod http;
#[path = "../board/program.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod program;

use std::time::Duration;

use anyhow::Context;
use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::browser_protocol::{
        emulation::{SetCpuThrottlingRateParams, SetDeviceMetricsOverrideParams},
        input::{
            DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams,
            DispatchMouseEventType, MouseButton,
        },
        network::{SetCacheDisabledParams, SetCookieParams},
        page::AddScriptToEvaluateOnNewDocumentParams,
    },
};
use futures_util::StreamExt;
use program::{Floor, Program};
use serde::de::DeserializeOwned;

const ROUNDS: usize = 5;
const SLOWDOWN: f64 = 4.0;

/// Records long tasks and the largest paint from the start of a page.
const OBSERVE: &str = "
    globalThis.tasks = [];
    new PerformanceObserver(list => { for (const { startTime, duration } of list.getEntries()) tasks.push([startTime, duration]); })
        .observe({ type: 'longtask', buffered: true });
    new PerformanceObserver(list => { for (const { startTime } of list.getEntries()) globalThis.painted = startTime; })
        .observe({ type: 'largest-contentful-paint', buffered: true });";

/// The largest paint, the time in which input had to wait (of each task what is over 50 ms), nodes and requests.
const LOADED: &str = "[painted, tasks.reduce((sum, [, time]) => sum + Math.max(0, time - 50), 0),
    document.querySelectorAll('*').length, performance.getEntriesByType('resource').length + 1]";

/// The names and units of what is measured.
const FIGURES: [(&str, &str); 8] = [
    ("largest contentful paint", "ms"),
    ("total blocking time", "ms"),
    ("nodes", ""),
    ("requests", ""),
    ("a drag: longest task", "ms"),
    ("a drag: until the last task after the drop", "ms"),
    ("a drag: until another window shows it", "ms"),
    ("a key in the filter: until it is painted", "ms"),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [word, file] = arguments.as_slice()
        && word == "floor"
    {
        return program::serve_floor(file).await;
    }
    let mut sizes = arguments
        .iter()
        .map(|argument| argument.parse())
        .collect::<Result<Vec<u32>, _>>()?;
    if sizes.is_empty() {
        sizes = vec![1000, 5000, 20_000];
    }
    let folder = tempfile::tempdir()?;
    let browser = launch(folder.path()).await?;
    let empty = zstd::encode_all(
        b"<!doctype html><title>Empty</title><p>An empty page".as_slice(),
        1,
    )?;
    let floor = Floor::start(&empty).await?;
    println!("| tasks | figure | median | smallest to largest | empty page | ratio |");
    println!("| ---: | --- | ---: | ---: | ---: | ---: |");
    for size in sizes {
        let program = Program::start(size).await?;
        let (mut runs, mut empties) = (vec![Vec::new(); FIGURES.len()], vec![Vec::new(); 2]);
        for _ in 0..ROUNDS {
            let page = open(&browser, "").await?;
            load(&page, &format!("http://{}/", floor.address)).await?;
            let figures: Vec<f64> = evaluate(&page, LOADED).await?;
            for (run, figure) in empties.iter_mut().zip(figures) {
                run.push(figure);
            }
            page.close().await?;
            for (run, figure) in runs.iter_mut().zip(measure(&browser, &program).await?) {
                run.push(figure);
            }
        }
        for (index, (name, unit)) in FIGURES.iter().enumerate() {
            let run = &mut runs[index];
            run.sort_by(f64::total_cmp);
            let (middle, least, most) = (run[ROUNDS / 2], run[0], run[ROUNDS - 1]);
            let beside = empties.get_mut(index).map(|run| {
                run.sort_by(f64::total_cmp);
                run[ROUNDS / 2]
            });
            let (empty, ratio) = match beside {
                Some(empty) if empty > 0.0 => (
                    format!("{empty:.0} {unit}"),
                    format!("{:.1}", middle / empty),
                ),
                Some(empty) => (format!("{empty:.0} {unit}"), String::new()),
                None => (String::new(), String::new()),
            };
            println!(
                "| {size} | {name} | {middle:.0} {unit} | {least:.0} to {most:.0} | {empty} | {ratio} |"
            );
        }
        program.stop().await;
    }
    Ok(())
}

async fn launch(folder: &std::path::Path) -> anyhow::Result<Browser> {
    let chromium = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ]
    .into_iter()
    .find(|path| std::path::Path::new(path).exists())
    .context("this bench needs Chromium, which bin/test installs")?;
    let config = BrowserConfig::builder()
        .chrome_executable(chromium)
        .no_sandbox()
        .user_data_dir(folder)
        .window_size(1440, 900)
        .args([
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .build()
        .map_err(anyhow::Error::msg)?;
    let (browser, mut events) = Browser::launch(config).await?;
    tokio::spawn(async move { while events.next().await.is_some() {} });
    Ok(browser)
}

/// Opens a slow page of 1440 × 900 pixels without a cache, with this cookie of 127.0.0.1.
async fn open(browser: &Browser, cookie: &str) -> anyhow::Result<Page> {
    let page = browser.new_page("about:blank").await?;
    page.execute(SetDeviceMetricsOverrideParams::new(1440, 900, 1.0, false))
        .await?;
    page.execute(SetCacheDisabledParams::new(true)).await?;
    page.execute(SetCpuThrottlingRateParams::new(SLOWDOWN))
        .await?;
    page.execute(AddScriptToEvaluateOnNewDocumentParams::new(OBSERVE))
        .await?;
    if let Some((name, value)) = cookie.split_once('=') {
        let mut cookie = SetCookieParams::new(name, value);
        cookie.url = Some("http://127.0.0.1/".to_owned());
        page.execute(cookie).await?;
    }
    Ok(page)
}

/// Loads a page and waits until nothing happens any more.
async fn load(page: &Page, url: &str) -> anyhow::Result<()> {
    page.goto(url).await?;
    page.bring_to_front().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(())
}

async fn evaluate<T: DeserializeOwned>(page: &Page, script: &str) -> anyhow::Result<T> {
    Ok(page.evaluate(script).await?.into_value()?)
}

async fn measure(browser: &Browser, program: &Program) -> anyhow::Result<Vec<f64>> {
    let url = format!("http://{}/teams/infrastructure", program.address);
    let page = open(browser, &program.cookie).await?;
    load(&page, &url).await?;
    let mut figures: Vec<f64> = evaluate(&page, LOADED).await?;
    let other = open(browser, &program.cookie).await?;
    load(&other, &url).await?;
    page.bring_to_front().await?;
    figures.extend(measure_drag(&page, &other).await?);
    figures.push(measure_key(&page).await?);
    other.close().await?;
    page.close().await?;
    Ok(figures)
}

/// Drags the first card to the next column: the longest task, and the times from the drop until the last task has ended
/// and until another window has the card there.
async fn measure_drag(page: &Page, other: &Page) -> anyhow::Result<[f64; 3]> {
    let [x, y, to_x, to_y]: [f64; 4] = evaluate(
        page,
        "(() => {
            globalThis.tasks.length = 0;
            const from = document.querySelector('[data-column=todo] [data-task] .top').getBoundingClientRect();
            const to = document.querySelector('[data-column=in-progress] ol').getBoundingClientRect();
            return [from.x + 20, from.y + 5, to.x + 60, to.y + 120];
        })()",
    )
    .await?;
    let key: String = evaluate(
        page,
        "document.querySelector('[data-column=todo] [data-task]').id",
    )
    .await?;
    evaluate::<bool>(
        other,
        &format!(
            "globalThis.seen = new Promise(resolve => new MutationObserver(() => {{
                if (document.querySelector('[data-column=in-progress] #{key}')) resolve(Date.now());
            }}).observe(document.querySelector('#board'), {{ childList: true, subtree: true }})), true"
        ),
    )
    .await?;
    let send = async |kind, x, y| {
        let mut event = DispatchMouseEventParams::new(kind, x, y);
        event.button = Some(MouseButton::Left);
        event.buttons = Some(1);
        event.click_count = Some(1);
        page.execute(event).await
    };
    send(DispatchMouseEventType::MousePressed, x, y).await?;
    for step in 1..=15 {
        let part = f64::from(step) / 15.0;
        send(
            DispatchMouseEventType::MouseMoved,
            x + (to_x - x) * part,
            y + (to_y - y) * part,
        )
        .await?;
    }
    let [dropped, date]: [f64; 2] = evaluate(page, "[performance.now(), Date.now()]").await?;
    send(DispatchMouseEventType::MouseReleased, to_x, to_y).await?;
    let seen: f64 = evaluate(other, "seen").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let tasks: Vec<[f64; 2]> = evaluate(page, "tasks").await?;
    let longest = tasks.iter().map(|[_, time]| *time).fold(0.0, f64::max);
    let settled = tasks
        .iter()
        .map(|[start, time]| start + time - dropped)
        .fold(0.0, f64::max);
    Ok([longest, settled, seen - date])
}

/// Types into the filter: the median time from a key to the next frame.
async fn measure_key(page: &Page) -> anyhow::Result<f64> {
    evaluate::<bool>(page, "document.querySelector('#find').focus(), true").await?;
    let mut times = Vec::new();
    for letter in "label".chars() {
        evaluate::<bool>(
            page,
            "globalThis.shown = new Promise(resolve => addEventListener('keydown', event =>
                requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - event.timeStamp))),
                { once: true, capture: true })), true",
        )
        .await?;
        let mut press = DispatchKeyEventParams::new(DispatchKeyEventType::KeyDown);
        press.text = Some(letter.to_string());
        press.key = Some(letter.to_string());
        page.execute(press).await?;
        times.push(evaluate(page, "shown").await?);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
