//! A project of GitHub in a browser: its preview, connecting it, and both sides in view, also without JavaScript.

use fortnight::{
    app::{App, Settings},
    jobs::github_projects::sync_due,
};
use serde_json::json;
use time::Duration;

use crate::{
    asset_serving::Served,
    browser_fixture::{BrowserFixture, Window},
    fake_github::{GitHub, TOKEN},
    fixtures::{NOW, World},
    pull_requests::show,
};

const PAGE: &str = "/teams/infrastructure/settings/github-projects";

fn settings() -> Settings {
    Settings {
        outgoing_allow: "127.0.0.0/8".parse().unwrap(),
        ..Settings::default()
    }
}

async fn enter(window: &Window, field: &str, text: &str) {
    window.click(field).await;
    window.type_text(text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn project_is_previewed_connected_and_seen_on_the_open_board() {
    let (world, github) = tokio::join!(World::new(), GitHub::start());
    github.set_clock(NOW - Duration::hours(1)).await;
    let clock = world.app.clock.clone();
    let app = App::with(settings(), "http://fortnight.test", world.db.clone(), clock);
    let served = Served::of_app(app.clone()).await;
    let fixture = BrowserFixture::around(world, served).await;
    let world = &fixture.world;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Order disks for the new cluster")
        .await;
    for (title, status) in [
        ("Copy the schema of the payment tables", "47fc9ee4"),
        ("Measure the replication lag for a week", "f75ad846"),
    ] {
        github
            .add(json!({ "title": title, "values": { "F_status": status, "F_estimate": 3, "F_sprint": "it-42" } }))
            .await;
    }
    // by the links, without JavaScript
    let plain = fixture.open_window(elif).await;
    plain.disable_scripts().await;
    plain.goto("/teams/infrastructure/settings").await;
    plain.click("a[href$=github-projects]").await;
    plain
        .wait_for_page("document.querySelector('#address')")
        .await;
    let address = format!("{}/orgs/acme/projects/7", github.address);
    enter(&plain, "#address", &address).await;
    enter(&plain, "#token", "a wrong one").await;
    plain.click("#connect button").await;
    plain
        .wait_for_page("document.querySelector('#token-error')")
        .await;
    let kept: String = plain
        .evaluate("document.querySelector('#address').value")
        .await;
    assert_eq!(kept, address, "what was typed stays");
    plain.screenshot("github-projects-refused-1440-light").await;
    enter(&plain, "#token", TOKEN).await;
    plain.click("#connect button").await;
    plain
        .wait_for_page("document.querySelector('#preview')")
        .await;
    let path: String = plain.evaluate("location.pathname").await;

    let window = fixture.open_window(elif).await;
    show(&window, PAGE, "github-projects").await;
    show(&window, &path, "github-project-preview").await;
    // The form proposes what has the same name.
    let chosen: Vec<String> = window
        .evaluate("[...document.querySelectorAll('#fields table select')].map((select) => select.selectedOptions[0].textContent.trim())")
        .await;
    assert_eq!(chosen, ["Todo", "In progress", "Done"]);
    window.click("#fields button.primary").await;
    window
        .wait_for_page("document.querySelector('#status')")
        .await;

    let board = fixture.open_window(elif).await;
    board.open_board("/teams/infrastructure").await;
    sync_due(&app).await.unwrap();
    board
        .wait_for("document.body.textContent.includes('Copy the schema of the payment tables')")
        .await;
    let item = github.item("Order disks for the new cluster").await;
    assert_eq!(item["values"]["F_status"], "f75ad846");

    // A change there moves the card that is in view.
    let item = github.item("Copy the schema of the payment tables").await;
    let change = json!({ "values": { "F_status": "98236657" } });
    github.change(item["id"].as_str().unwrap(), change).await;
    world.app.clock.advance(Duration::minutes(3));
    sync_due(&app).await.unwrap();
    board
        .wait_for(
            "document.querySelector('[data-column=done]').textContent.includes('Copy the schema')",
        )
        .await;
    board.screenshot("github-project-board-1440-light").await;
    show(&window, &path, "github-project").await;
}
