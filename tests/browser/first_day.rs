//! Somebody who has never seen it: the first command, the printed link, a Trello board, a card dragged,
//! and a second window that shows it move.

use rustix::process::Signal;

use crate::{pages::look, program::Place, stage::Windows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_command_to_a_second_window_that_sees_a_card_move() {
    let place = Place::new();
    let mut server = place.serve().await;
    let link = server.link().await;
    let windows = Windows::at(&format!("http://{}", server.address())).await;
    let one = windows.blank().await;
    let setup = link.split_once(server.address()).unwrap().1;
    assert_eq!(look(&one, "setup", setup).await, [""; 0]);
    one.size(1440, 900, false).await;
    one.scheme("light").await;
    one.goto(setup).await;
    one.until("document.querySelector('[name=starts_on]')")
        .await;
    for (field, text) in [
        ("name", "Ada Lindqvist"),
        ("email", "ada@example.org"),
        ("password", "correct horse battery"),
    ] {
        one.click(&format!("[name={field}]")).await;
        one.type_text(text).await;
    }
    one.press("Enter").await;
    one.until("document.querySelector('[data-presence]')?.textContent.includes('here now')")
        .await;
    one.until(
        "location.pathname === '/teams/infrastructure' && document.body.textContent.includes('No tasks in ')",
    )
    .await;
    one.picture("first-board-1440-light").await;
    assert_eq!(one.violations().await, [""; 0]);

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
        ])
        .await;
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    // the open board hears of it from the other program
    one.until("document.querySelectorAll('#board [data-task]').length === 11")
        .await;

    let two = windows.blank().await;
    two.goto("/login").await;
    two.until("document.querySelector('[name=email]')").await;
    two.click("[name=email]").await;
    two.type_text("ada@example.org").await;
    two.click("[name=password]").await;
    two.type_text("correct horse battery").await;
    two.press("Enter").await;
    two.until("location.pathname === '/'").await;
    two.board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let key: String = one
        .value("document.querySelector('[data-column=todo] [data-task]').dataset.task")
        .await;
    let to = one.middle("[data-column=in-progress] ol").await;
    one.drag(&format!("#{key}"), to).await;
    two.until_column("in-progress", &[&key]).await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.unwrap().code(), Some(0));
}
