//! Importing a file in a browser: upload, preview, the column of each list, how far it is, and undoing it, also without
//! JavaScript.

use crate::{
    browser_fixture::{BrowserFixture, Window},
    pull_requests::{assert_accessible, show},
};

const BOARD: &str = include_str!("../data/trello-sprint-board-2025.json");
const BACKLOG: &str = "Headline;Phase;Who;Size\nRestart the broker;working on it;Elif Hartmann;3\nSize the discs;later;;2\n";
const IMPORTS: &str = "/teams/infrastructure/settings/imports";

/// Chooses a tool and a file, and sends the form.
async fn upload(window: &Window, source: &str, name: &str, contents: &str) {
    let contents = serde_json::to_string(contents).unwrap();
    window
        .run_script(&format!(
            "{{ const files = new DataTransfer(); files.items.add(new File([{contents}], '{name}'));
             document.querySelector('#file').files = files.files; document.querySelector('#source').value = '{source}'; }}"
        ))
        .await;
    window.click("#upload button.primary").await;
}

async fn path(window: &Window) -> String {
    window.evaluate("location.pathname").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn board_is_imported_with_a_preview_and_undone() {
    let fixture = BrowserFixture::new().await;
    let db = &fixture.world.db;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(db)
        .await
        .unwrap();
    let elif = &fixture.world.elif;
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/settings").await;
    window.click(".page-header a[href$=imports]").await;
    window.wait_for_url("/settings/imports").await;
    show(&window, IMPORTS, "imports-empty").await;

    upload(&window, "jira", "board.json", BOARD).await;
    window
        .wait_for_page(
            "document.querySelector('#file-error')?.textContent.includes('is JSON, not a table')",
        )
        .await;
    let chosen: String = window
        .evaluate("document.querySelector('#source').value")
        .await;
    assert_eq!(chosen, "jira");
    assert_accessible(&window).await;
    window.screenshot("import-refused-1440-light").await;

    upload(&window, "trello", "board.json", BOARD).await;
    window
        .wait_for_page("document.querySelector('#preview')")
        .await;
    let import = path(&window).await;
    show(&window, &import, "import-preview").await;
    // One of the lists is for reviews.
    window
        .run_script(
            "document.querySelector('select[aria-label=\"Column of Lab\"]').value = 'review'",
        )
        .await;
    window.click("button[value=preview]").await;
    window
        .wait_for_page("document.querySelector('#preview table .state-review, #preview [data-state=review]') || document.querySelector('#preview').textContent.includes('Review')")
        .await;
    window.click("button[value=import]").await;
    window.wait_for("document.querySelector('#undo')").await;
    show(&window, &import, "import-done").await;
    show(&window, IMPORTS, "imports-list").await;
    window.goto("/teams/infrastructure?sprint=all").await;
    window
        .wait_for("document.querySelectorAll('[data-task^=INF-]').length === 11")
        .await;

    // A second window sees the tasks leave when the import is undone, here without JavaScript.
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto(&import).await;
    plain.click("#undo summary").await;
    plain.click("#undo button").await;
    plain
        .wait_for_page("document.querySelector('#summary h2').textContent.includes('Undone')")
        .await;
    window
        .wait_for("document.querySelectorAll('[data-task^=INF-]').length === 0")
        .await;
    show(&window, &import, "import-undone").await;

    // How far a large import is, while another program runs it.
    sqlx::query(
        "UPDATE imports SET state = 'running', ended_at = NULL, change_id = NULL, beat_at = $1, tasks = 5000, written = 2000",
    )
    .bind(fixture.world.app.clock.now())
    .execute(db)
    .await
    .unwrap();
    show(&window, &import, "import-running").await;
    sqlx::query("UPDATE imports SET written = 4000")
        .execute(db)
        .await
        .unwrap();
    window
        .wait_for("document.querySelector('[role=status]')?.textContent.includes('4000 of 5000')")
        .await;
    sqlx::query(
        "UPDATE imports SET state = 'done', ended_at = now(), change_id = gen_random_uuid()",
    )
    .execute(db)
    .await
    .unwrap();
    window.wait_for("document.querySelector('#undo')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_is_imported_without_javascript() {
    let fixture = BrowserFixture::new().await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let window = fixture.open_window(&fixture.world.elif).await;
    window.disable_scripts().await;
    window.goto(IMPORTS).await;
    upload(&window, "csv", "backlog.csv", BACKLOG).await;
    window
        .wait_for_page("document.querySelector('#columns')")
        .await;
    let proposed: String = window
        .evaluate("document.querySelector('#field-status').value")
        .await;
    assert_eq!(proposed, "Phase");
    window
        .run_script(
            "document.querySelector('#field-title').value = 'Headline'; document.querySelector('#field-owners').value = 'Who';",
        )
        .await;
    window.click("#columns button").await;
    window
        .wait_for_page("document.querySelector('#preview').textContent.includes('elif')")
        .await;
    window.click("button[value=import]").await;
    // A page that tells how far it is loads itself anew.
    window
        .wait_for_page(
            "document.querySelector('#summary')?.textContent.includes('Imported 2 tasks')",
        )
        .await;
    let other = fixture.open_window(&fixture.world.elif).await;
    other.goto(IMPORTS).await;
    upload(&other, "csv", "backlog.csv", BACKLOG).await;
    other
        .wait_for_page("document.querySelector('#columns')")
        .await;
    let preview = path(&other).await;
    show(&other, &preview, "import-columns").await;
}
