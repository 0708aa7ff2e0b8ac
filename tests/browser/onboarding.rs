//! The first minutes: the first command, the printed setup link, a Trello import, a dragged card and a second window
//! that shows the move.

use rustix::process::Signal;

use crate::{browser_fixture::TestBrowser, pages::check_page, program::Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_import_and_first_move_reach_a_second_window() {
    let place = Place::new();
    let mut server = place.serve().await;
    let link = server.read_setup_link().await;
    let browser = TestBrowser::launch(&format!("http://{}", server.address())).await;
    let one = browser.open_anonymous_window().await;
    let setup = link.split_once(server.address()).unwrap().1;
    assert_eq!(check_page(&one, "setup", setup).await, [""; 0]);
    one.resize(1440, 900, false).await;
    one.set_color_scheme("light").await;
    one.goto(setup).await;
    one.wait_for("document.querySelector('[name=starts_on]')")
        .await;
    for (field, text) in [
        ("name", "Ada Lindqvist"),
        ("email", "ada@example.org"),
        ("password", "correct horse battery"),
    ] {
        one.click(&format!("[name={field}]")).await;
        one.type_text(text).await;
    }
    one.press_key("Enter").await;
    one.wait_for("document.querySelector('[data-presence]')?.textContent.includes('viewing')")
        .await;
    one.wait_for(
        "location.pathname === '/teams/infrastructure' && document.body.textContent.includes('No tasks in ')",
    )
    .await;
    one.screenshot("first-board-1440-light").await;
    assert_eq!(one.accessibility_violations().await, [""; 0]);

    let export = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/trello-sprint-board-2025.json"
    );
    let imported = place
        .run(&[
            "import",
            "trello",
            export,
            "--team",
            "infrastructure",
            "--map",
            "Drill=Todo",
            "--map",
            "Lab=review",
        ])
        .await;
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    // the open board gets the import of another process over its event stream; what is not started goes to the backlog
    one.wait_for("document.querySelectorAll('#board [data-task]').length === 3")
        .await;

    let two = browser.open_anonymous_window().await;
    two.goto("/login").await;
    two.wait_for("document.querySelector('[name=email]')").await;
    two.click("[name=email]").await;
    two.type_text("ada@example.org").await;
    two.click("[name=password]").await;
    two.type_text("correct horse battery").await;
    two.press_key("Enter").await;
    two.wait_for("location.pathname === '/'").await;
    two.open_board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let key: String = one
        .evaluate("document.querySelector('[data-column=lab] [data-task]').dataset.task")
        .await;
    let to = one.center_of("[data-column=in-progress] ol").await;
    one.drag(&format!("#{key}"), to).await;
    two.wait_for_column("in-progress", &[&key]).await;
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
}
