//! The cover of a card, people's pictures, and files dropped on a text.

use crate::browser_fixture::{BrowserFixture, Window};

/// Makes a picture with a text on it, as `picture`.
const DRAW: &str = "
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    const colours = context.createLinearGradient(0, 0, 640, 360);
    colours.addColorStop(0, 'teal');
    colours.addColorStop(1, 'goldenrod');
    context.fillStyle = colours;
    context.fillRect(0, 0, 640, 360);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve));
    const files = new DataTransfer();
    files.items.add(new File([picture], 'plan.png', { type: 'image/png' }));
";

/// Chooses the picture in a field for files.
async fn choose_picture(window: &Window, field: &str) {
    window
        .run_script(&format!(
            "(async () => {{ {DRAW} document.querySelector('{field}').files = files.files; }})()"
        ))
        .await;
}

async fn assert_accessible(window: &Window) {
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn picture_becomes_the_cover_of_the_card() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.create_task("infrastructure", "todo", "Renew certificates")
        .await;
    let board = fixture.open_window(elif).await;
    board.open_board("/teams/infrastructure").await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    choose_picture(&window, "form.attach input[type=file]").await;
    window.click("form.attach button").await;
    window
        .wait_for("document.querySelector('.gallery img')?.naturalWidth === 640")
        .await;
    window.click(".use-as-cover button").await;
    window
        .wait_for(
            "document.querySelector('.use-as-cover button').textContent.startsWith('Remove cover')",
        )
        .await;
    assert_accessible(&window).await;
    window.screenshot("cover-gallery").await;
    // the other window shows it without being loaded again
    board
        .wait_for("document.querySelector('#INF-1 .cover')?.naturalWidth === 640")
        .await;
    let jumps: bool = board
        .evaluate("document.querySelector('#INF-1 .cover').clientHeight < 40")
        .await;
    assert!(!jumps);
    assert_accessible(&board).await;
    board.screenshot("cover-board").await;
    board.set_color_scheme("dark").await;
    board.resize(390, 844, true).await;
    board.screenshot("cover-board-phone-dark").await;
    board.resize(1440, 900, false).await;
    // a card with a cover is dragged like any other
    board
        .drag(
            "#INF-1 .cover",
            board.bottom_of("[data-column=in-progress]").await,
        )
        .await;
    board.wait_for_column("in-progress", &["INF-1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_picture_replaces_initials_everywhere() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    let window = fixture.open_window(elif).await;
    window.goto("/me").await;
    choose_picture(&window, "#picture-file").await;
    window.click("#picture form button").await;
    let shown = "getComputedStyle(document.querySelector('#picture .avatar')).backgroundImage.includes('/avatar/')";
    window.wait_for_page(shown).await;
    assert_accessible(&window).await;
    window.screenshot("picture-me").await;
    window.resize(390, 844, true).await;
    window.screenshot("picture-me-phone").await;
    window.resize(1440, 900, false).await;
    window.open_board("/teams/infrastructure").await;
    window
        .wait_for("getComputedStyle(document.querySelector('#INF-1 .avatar')).backgroundImage.includes('/avatar/')")
        .await;
    let requests: usize = window
        .evaluate("performance.getEntriesByType('resource').filter(({ name }) => /avatar\\/[0-9a-f]{64}$/.test(name)).length")
        .await;
    assert!(requests <= 1, "{requests}");
    assert_accessible(&window).await;
    window.set_color_scheme("dark").await;
    window.screenshot("picture-board-dark").await;
    // removed without JavaScript
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto("/me").await;
    plain.click("#picture form[action$=remove] button").await;
    plain
        .wait_for_page("!document.querySelector('#picture form[action$=remove]')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_file_shows_its_progress_and_is_linked() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .run_script(&format!(
            "(async () => {{ {DRAW}
                const text = document.querySelector('form[action$=comments] textarea');
                new MutationObserver((changes) => {{
                    for (const node of changes.flatMap(({{ addedNodes }}) => [...addedNodes])) {{
                        const bar = node.querySelector?.('progress');
                        if (bar) document.body.dataset.progress = bar.getAttribute('aria-label');
                    }}
                }}).observe(text.parentElement, {{ childList: true }});
                for (const type of ['dragover', 'drop']) {{
                    text.dispatchEvent(new DragEvent(type, {{ dataTransfer: files, bubbles: true, cancelable: true }}));
                }}
            }})()"
        ))
        .await;
    window
        .wait_for("document.querySelector('form[action$=comments] textarea').value.startsWith('![plan.png](/tasks/INF-1/attachments/')")
        .await;
    window
        .wait_for("document.body.dataset.progress === 'Attaching plan.png' && !document.querySelector('.attach-progress')")
        .await;
}
