//! Files attached to a task: pasted into a comment, and chosen in the form.

use crate::browser_fixture::BrowserFixture;

/// Pastes a picture into the comment, as a screenshot is pasted.
const PASTE: &str = "(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    context.fillStyle = 'teal';
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = 'white';
    context.font = '48px sans-serif';
    context.fillText('A screenshot', 150, 200);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([picture], 'image.png', { type: 'image/png' }));
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.querySelector('form[action$=comments] textarea').dispatchEvent(paste);
})()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pasted_screenshot_is_shown_in_the_comment() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    window.run_script(PASTE).await;
    window
        .wait_for("document.querySelector('form[action$=comments] textarea').value.startsWith('![image.png](/tasks/INF-1/attachments/')")
        .await;
    window
        .click("form[action$=comments] .buttons .button")
        .await;
    window
        .wait_for("document.querySelector('.timeline .prose img')?.naturalWidth === 640")
        .await;
    window
        .wait_for("document.querySelector('.gallery img')?.naturalWidth === 640")
        .await;
    window.screenshot("attachments-comment").await;
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
    window.resize(390, 844, true).await;
    window.screenshot("attachments-phone").await;
    let url: String = window
        .evaluate("document.querySelector('.gallery a').getAttribute('href')")
        .await;
    // a member of another team sees it, and a stranger has to sign in
    fixture.world.jonas.get(&url).await.ok();
    fixture.world.stranger().get(&url).await.status(303);
    let stranger = fixture.open_anonymous_window().await;
    stranger.goto(&url).await;
    stranger.wait_for_url("/login").await;
}

/// Drops a file of 2 MB on the comment.
const DROP_LARGE_FILE: &str = "{
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(2_000_000)], 'plan.zip', { type: 'application/zip' }));
    const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
    document.querySelector('form[action$=comments] textarea').dispatchEvent(drop);
}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_upload_shows_its_progress_can_be_cancelled_and_ends() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    window.limit_upload(200_000.0).await;
    window.run_script(DROP_LARGE_FILE).await;
    window
        .wait_for("document.querySelector('form[action$=comments] progress')?.value > 0.05")
        .await;
    let (label, value): (String, f64) = window
        .evaluate(
            "(({ ariaLabel, value }) => [ariaLabel, value])(document.querySelector('progress'))",
        )
        .await;
    assert_eq!(label, "Attaching plan.zip");
    assert!(value < 1.0, "{value}");
    window
        .run_script("document.querySelector('progress').scrollIntoView({ block: 'center' })")
        .await;
    window.screenshot("attachments-progress").await;
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
    window
        .wait_for("[...document.querySelectorAll('markdown-preview > button')].some(({ textContent }) => textContent === 'Preview')")
        .await;
    // cancelled, nothing is attached, and the text is not previewed
    window.click(".attach-progress button").await;
    window
        .wait_for("!document.querySelector('progress, .preview') && document.activeElement.matches('form[action$=comments] textarea') && document.activeElement.value === ''")
        .await;
    window
        .wait_for("[...document.querySelectorAll('[aria-live]')].some(({ textContent }) => textContent === 'The upload was cancelled.')")
        .await;
    window.run_script(DROP_LARGE_FILE).await;
    window
        .wait_for("document.querySelector('form[action$=comments] progress')?.value > 0.05")
        .await;
    // another one goes on
    let value: f64 = window
        .evaluate("document.querySelector('progress').value")
        .await;
    window
        .wait_for(&format!(
            "document.querySelector('progress').value > {value}"
        ))
        .await;
    window.limit_upload(-1.0).await;
    window
        .wait_for("document.querySelector('form[action$=comments] textarea').value.startsWith('[plan.zip](/tasks/INF-1/attachments/')")
        .await;
    window
        .wait_for("!document.querySelector('progress') && [...document.querySelectorAll('[aria-live]')].some(({ textContent }) => textContent === 'Attached plan.zip')")
        .await;
    let attached: i64 = sqlx::query_scalar("SELECT count(*) FROM attachments")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    assert_eq!(attached, 1);
}
