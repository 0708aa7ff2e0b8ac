//! What the keyboard reaches: every stop can be seen and pressed, and what was done is said once.

use crate::{
    browser_fixture::{BrowserFixture, TestBrowser, Window},
    program::Place,
};

/// Evaluated after each press of Tab.
const STOP: &str = include_str!("tab_stops.js");
/// Finds the pages.
const PATHS: &str = include_str!("page_paths.js");

/// A page with more stops than this has a focus trap.
const MOST_STOPS: usize = 1500;

/// What opens something over the board, and what is open then.
const TEAMS: (&str, &str) = (".team-menu summary", ".team-menu[open]");
const ACCOUNT: (&str, &str) = (".me-menu summary", ".me-menu[open]");
const FILTER: (&str, &str) = ("[popovertarget]", ".filter-sheet:popover-open");
const CARD: (&str, &str) = ("#board h3 a", "dialog.modal[open] .task-view");
const CARD_MENU: (&str, &str) = ("#board .menu", "dialog.small[open] form");

async fn walk(window: &Window, least: u32) -> Vec<String> {
    let script = format!("({})({least})", without_comment(STOP));
    let mut problems = Vec::new();
    for _ in 0..MOST_STOPS {
        window.press_key("Tab").await;
        let (ended, found): (bool, Vec<String>) = window.evaluate(&script).await;
        problems.extend(found);
        if ended {
            return problems;
        }
    }
    problems.push("the walk does not end".to_owned());
    problems
}

/// The first line of a script is a comment.
fn without_comment(script: &str) -> &str {
    script.split_once('\n').unwrap().1.trim()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tab_reaches_only_what_is_seen_and_large_enough() {
    let place = Place::new();
    let mut server = place.serve_demo(&[]).await;
    let link = server.read_setup_link().await;
    let browser = TestBrowser::launch(&format!("http://{}", server.address())).await;
    let window = browser.open_anonymous_window().await;
    window
        .goto(link.split_once(server.address()).unwrap().1)
        .await;
    window.wait_for_url("/").await;
    let first = [
        "/teams/infrastructure",
        "/teams/infrastructure?lanes=owner",
        "/teams/infrastructure?q=owner:me",
        "/tasks/INF-9",
        "/",
    ];
    let script = format!("({})({first:?})", without_comment(PATHS));
    let paths: Vec<String> = window.evaluate(&script).await;
    assert!(paths.len() > 30, "{paths:?}");
    let mut problems = Vec::new();
    for (width, height, phone, least) in [(1440, 900, false, 24), (390, 844, true, 44)] {
        window.resize(width, height, phone).await;
        for path in &paths {
            window.goto(path).await;
            window.wait_for("document.readyState === 'complete'").await;
            let found = walk(&window, least).await;
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{path} {width}: {problem}")),
            );
        }
    }
    for (width, height, phone, least, openers) in [
        (1440, 900, false, 24, [TEAMS, ACCOUNT, CARD, CARD_MENU]),
        (390, 844, true, 44, [TEAMS, ACCOUNT, CARD, FILTER]),
    ] {
        window.resize(width, height, phone).await;
        for (opener, opened) in openers {
            window.open_board("/teams/infrastructure").await;
            window.click(opener).await;
            window
                .wait_for(&format!("document.querySelector('{opened}')"))
                .await;
            window.wait_for_animations().await;
            let found = walk(&window, least).await;
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{opener} {width}: {problem}")),
            );
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_offers_to_move_it_before_its_history() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window
        .run_script("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('dialog.modal[open] .title-form')")
        .await;
    for _ in 0..3 {
        window.press_key("Tab").await;
        if window
            .evaluate("document.activeElement.textContent.includes('Move to…')")
            .await
        {
            return;
        }
    }
    panic!("“Move to…” is not among the first three stops");
}

/// Collects in `said` what live regions are given from now on.
async fn listen_to_live_regions(window: &Window) {
    window
        .run_script(
            "window.said = []; new MutationObserver(records => { for (const { addedNodes, target } of records) if (target.closest?.('[aria-live]')) for (const node of addedNodes) said.push(node.textContent); }).observe(document.body, { childList: true, subtree: true });",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn move_is_announced_once() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "one").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window.press_key("j").await;
    for key in ["Space", "ArrowRight"] {
        window.press_key(key).await;
    }
    window.wait_for_column("in-progress", &["INF-1"]).await;
    listen_to_live_regions(&window).await;
    window.press_key("Space").await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-1')")
        .await;
    let said: Vec<String> = window.evaluate("said").await;
    assert_eq!(said.len(), 1, "by keyboard: {said:?}");

    let to = window.center_of("[data-column=in-review] ol").await;
    let from = window.center_of("#INF-1").await;
    window.start_drag(from, to).await;
    window.run_script("said.length = 0").await;
    window.release_at(to).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('In review')")
        .await;
    let said: Vec<String> = window.evaluate("said").await;
    assert_eq!(said.len(), 1, "by pointer: {said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn focus_returns_to_a_card_dragged_into_blocked() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "one").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    let to = window.center_of("[data-column=blocked] ol").await;
    window.drag("#INF-1", to).await;
    window
        .wait_for("document.querySelector('dialog.small[open] [name=kind]')")
        .await;
    window.press_key("Escape").await;
    window
        .wait_for("!document.querySelector('dialog') && document.activeElement.closest('#INF-1')")
        .await;
}
