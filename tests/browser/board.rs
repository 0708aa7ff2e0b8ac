//! A team at work on its board.

use chromiumoxide::cdp::browser_protocol::input::DispatchTouchEventType;
use fortnight::domain::auth::passwords;

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_and_moved_tasks_show_in_a_second_window() {
    let fixture = BrowserFixture::new().await;
    let hash = passwords::hash("correct horse battery".to_owned())
        .await
        .unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1 WHERE handle = 'elif'")
        .bind(hash)
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let one = fixture.open_anonymous_window().await;
    one.goto("/teams/infrastructure").await;
    one.wait_for("document.querySelector('[name=email]')").await;
    one.click("[name=email]").await;
    one.type_text("elif@example.org").await;
    one.click("[name=password]").await;
    one.type_text("correct horse battery").await;
    one.press_key("Enter").await;
    one.wait_for("document.querySelector('[data-presence]')?.textContent.includes('viewing')")
        .await;

    // c, a title and Enter add a task; so do the next title and Enter
    one.press_key("c").await;
    one.wait_for("document.activeElement.closest('.new')").await;
    one.type_text("Cut over").await;
    one.press_key("Enter").await;
    one.wait_for_column("todo", &["INF-1"]).await;
    one.type_text("Write the runbook").await;
    one.press_key("Enter").await;
    one.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    // Escape closes the field and keeps half a title for the next time
    one.type_text("Half a title").await;
    one.press_key("Escape").await;
    one.wait_for("!document.querySelector('.new')").await;
    one.press_key("c").await;
    one.wait_for("document.querySelector('.new textarea')?.value === 'Half a title'")
        .await;
    one.run_script("document.querySelector('.new textarea').value = ''")
        .await;
    one.press_key("Escape").await;
    one.wait_for("!document.querySelector('.new')").await;

    let two = fixture.open_window(&fixture.world.jonas).await;
    two.open_board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let (x, y) = one.center_of("[data-column=in-progress] ol").await;
    one.drag("#INF-1", (x, y)).await;
    one.wait_for_column("in-progress", &["INF-1"]).await;
    one.wait_for(
        "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
    )
    .await;
    two.wait_for_column("in-progress", &["INF-1"]).await;
    two.wait_for_column("todo", &["INF-2"]).await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1"]
    );

    // below another card, then above it in the same column
    let (_, foot) = one.bottom_of("#INF-1").await;
    one.drag("#INF-2", (x, foot + 8.0)).await;
    one.wait_for_column("in-progress", &["INF-1", "INF-2"])
        .await;
    let (x, top) = one.center_of("#INF-1 .top").await;
    one.drag("#INF-2", (x, top - 20.0)).await;
    one.wait_for_column("in-progress", &["INF-2", "INF-1"])
        .await;
    two.wait_for_column("in-progress", &["INF-2", "INF-1"])
        .await;

    // u undoes the move, and the other window shows that, too
    one.press_key("u").await;
    one.wait_for_column("in-progress", &["INF-1", "INF-2"])
        .await;
    two.wait_for_column("in-progress", &["INF-1", "INF-2"])
        .await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1", "INF-2"]
    );

    // pressed before the response to a move, u undoes that move and not an earlier one
    one.run_script("const sent = fetch; fetch = (...asked) => sent(...asked).then(answer => new Promise(go => setTimeout(go, 300, answer)))").await;
    one.run_script("document.querySelector('#toasts').replaceChildren()")
        .await;
    let done = one.center_of("[data-column=done] ol").await;
    one.drag("#INF-2", done).await;
    one.press_key("u").await;
    one.wait_for("document.querySelector('#toasts').textContent.includes('Undone')")
        .await;
    one.wait_for_column("in-progress", &["INF-1", "INF-2"])
        .await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1", "INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touch_scroll_never_drags_and_long_press_does() {
    let fixture = BrowserFixture::new().await;
    for n in 1..=12 {
        fixture
            .world
            .elif
            .create_task(
                "infrastructure",
                "todo",
                &format!("Task number {n} with a title of some length"),
            )
            .await;
    }
    let phone = fixture.open_window(&fixture.world.elif).await;
    phone.resize(390, 844, true).await;
    phone.open_board("/teams/infrastructure").await;
    let sideways: bool = phone
        .evaluate("document.documentElement.scrollWidth <= innerWidth")
        .await;
    assert!(sideways, "nothing scrolls sideways by accident");

    let (x, y) = phone.center_of("#INF-1").await;
    let (_, below) = phone.center_of("#INF-3").await;
    phone
        .dispatch_touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    phone
        .wait_for("document.querySelector('.drop-placeholder')")
        .await;
    for step in 1..=8 {
        phone
            .dispatch_touch(
                DispatchTouchEventType::TouchMove,
                (x, y + (below + 20.0 - y) * f64::from(step) / 8.0),
            )
            .await;
    }
    phone
        .wait_for(
            "document.querySelector('#INF-3').nextElementSibling?.matches('.drop-placeholder')",
        )
        .await;
    phone.end_touch().await;
    phone
        .wait_for("document.querySelector('#toasts').textContent.includes('INF-1')")
        .await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await[..3],
        ["INF-2", "INF-3", "INF-1"]
    );

    let (x, y) = phone.center_of("#INF-1").await;
    phone
        .dispatch_touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    for step in 1..=8 {
        phone
            .dispatch_touch(
                DispatchTouchEventType::TouchMove,
                (x, y - 25.0 * f64::from(step)),
            )
            .await;
    }
    phone.end_touch().await;
    phone
        .wait_for("document.querySelector('[data-column=todo] ol').scrollTop > 0")
        .await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await[..3],
        ["INF-2", "INF-3", "INF-1"]
    );
    // wait for the end of momentum scrolling
    phone.wait_for("(() => { const list = document.querySelector('[data-column=todo] ol'); list.dataset.still = list.scrollTop === 0 ? Number(list.dataset.still ?? 0) + 1 : 0; list.scrollTop = 0; return list.dataset.still > 20; })()").await;

    // with the menu, without a drag
    phone.click("#INF-2 .menu").await;
    phone
        .wait_for("document.querySelector('dialog.small[open] select[name=column]')")
        .await;
    phone
        .run_script("document.querySelector('dialog.small select[name=column]').value = 'done'")
        .await;
    phone
        .click("dialog.small[open] form[action$=position] button")
        .await;
    phone.wait_for_column("done", &["INF-2"]).await;
    // the toast outlives the dialog that it appeared in
    phone
        .wait_for("document.querySelector('#toasts').textContent.includes('INF-2')")
        .await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "done").await,
        ["INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn board_works_by_keyboard_with_announcements() {
    let fixture = BrowserFixture::new().await;
    for title in ["one", "two", "three"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window.press_key("j").await;
    window
        .wait_for("document.activeElement.closest('#INF-1')")
        .await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.activeElement.closest('#INF-2')")
        .await;
    // pick up, one column to the right, drop
    window.press_key("Space").await;
    window.wait_for("[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('INF-2 picked up'))").await;
    window.press_key("ArrowRight").await;
    window.press_key("Space").await;
    window.wait_for_column("in-progress", &["INF-2"]).await;
    window
        .wait_for("document.activeElement.closest('#INF-2')")
        .await;
    // Escape cancels the move
    window.press_key("Space").await;
    window.press_key("ArrowRight").await;
    window.press_key("Escape").await;
    window.wait_for_column("in-progress", &["INF-2"]).await;
    // assign to me
    window.press_key("a").await;
    window
        .wait_for("document.querySelector('#INF-2 .avatar[title=\"Elif Hartmann\"]')")
        .await;
    // open the task; Escape closes it
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('dialog.modal[open] [data-task-page=INF-2]')")
        .await;
    window
        .wait_for("location.pathname === '/tasks/INF-2'")
        .await;
    window.press_key("Escape").await;
    window.wait_for("location.pathname === '/teams/infrastructure' && !document.querySelector('dialog.modal[open]')").await;
    // block, with the reason
    window
        .wait_for("document.activeElement.closest('#INF-2')")
        .await;
    window.press_key("b").await;
    window
        .wait_for("document.querySelector('dialog.small[open] input[name=note]')")
        .await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press_key("Enter").await;
    window.wait_for_column("blocked", &["INF-2"]).await;
    window
        .wait_for(
            "document.querySelector('#INF-2 .blocked-by').textContent.includes('Waiting on Legal')",
        )
        .await;
    // the stream may be faster than the response, which closes the dialog
    window
        .wait_for("!document.querySelector('dialog.small')")
        .await;
    // select two and archive them together
    window
        .run_script("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press_key("x").await;
    window.press_key("j").await;
    window.press_key("x").await;
    window
        .wait_for("!document.querySelector('[data-bulk-bar]').hidden")
        .await;
    window.click("[data-bulk-bar] button[name=archive]").await;
    window.wait_for_column("todo", &[]).await;
    window.press_key("u").await;
    window.wait_for_column("todo", &["INF-1", "INF-3"]).await;
    window.press_key("?").await;
    window
        .wait_for("document.querySelector('dialog[open] .keys')")
        .await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_by_sprint_and_owner_narrow_the_board() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for title in ["one", "two", "three"] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    elif.post("/tasks/INF-2", &[("sprint", "43")]).await.ok();
    elif.post("/tasks/INF-3/owners/me", &[]).await.ok();
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window.wait_for_column("todo", &["INF-1", "INF-3"]).await;
    window.click(".people a:first-child").await;
    window.wait_for("location.search.includes('owner%3Aelif') && document.querySelector('[data-presence]').textContent.includes('viewing')").await;
    window.wait_for_column("todo", &["INF-3"]).await;
    window.click(".segmented a:last-child").await;
    window
        .wait_for("location.search.includes('sprint=all') && document.querySelector('.segmented a:nth-child(2)')")
        .await;
    window.click(".segmented a:nth-child(2)").await;
    window
        .wait_for("location.search.includes('sprint=43')")
        .await;
    window.wait_for_column("todo", &[]).await;
    window
        .goto("/teams/infrastructure?sprint=all&q=is:tall")
        .await;
    window
        .wait_for(
            "document.querySelector('#unknown').textContent.includes('Unknown filter “is:tall”')",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_move_reverts_and_names_who_was_first() {
    let fixture = BrowserFixture::new().await;
    let mira = fixture
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    fixture
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let to = window.center_of("[data-column=in-review] ol").await;
    window
        .start_drag(window.center_of("#INF-1").await, to)
        .await;
    // someone else moves the card during the drag
    mira.submit_by_script(
        axum::http::Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    window.release_at(to).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Mira Okafor')")
        .await;
    window.wait_for_column("done", &["INF-1"]).await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "done").await,
        ["INF-1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drop_during_a_server_outage_reverts_and_can_be_retried() {
    let mut fixture = BrowserFixture::new().await;
    for title in ["Cut over", "Runbook"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let to = window.center_of("[data-column=in-progress] ol").await;
    window
        .start_drag(window.center_of("#INF-1").await, to)
        .await;
    fixture.served.stop().await;
    window.release_at(to).await;
    window
        .wait_for(
            "[...document.querySelectorAll('#toasts button')].some(button => button.textContent.includes('Try again'))",
        )
        .await;
    window.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    window.screenshot("server-gone").await;
    // a change by others meanwhile shows after the reconnect
    fixture
        .world
        .elif
        .submit_by_script(
            axum::http::Method::PUT,
            "/tasks/INF-2/position",
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    fixture.served.start_again(&fixture.world).await;
    window.wait_for_column("done", &["INF-2"]).await;
    window.run_script("[...document.querySelectorAll('#toasts button')].find(button => button.textContent.includes('Try again')).click()")
        .await;
    window.wait_for_column("in-progress", &["INF-1"]).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved')")
        .await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_works_without_javascript() {
    let fixture = BrowserFixture::new().await;
    fixture
        .world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.disable_scripts().await;
    window.goto("/teams/infrastructure").await;
    window.screenshot("board-no-script").await;
    window.click("#INF-1 .menu").await;
    window.wait_for_url("/tasks/INF-1/move").await;
    window.screenshot("move-no-script").await;
    window
        .run_script("document.querySelector('#move-column').focus()")
        .await;
    window.type_text("In").await;
    window.click("form[action$=position] button").await;
    window.wait_for_url("/tasks/INF-1?did=").await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1"]
    );
    // undo without scripts
    window.click(".toast button").await;
    window.wait_for_url("/teams/infrastructure").await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1"]
    );

    // a new task with the + of a column
    let elif = &fixture.world.elif;
    window.click("[data-column=in-review] a.add").await;
    window.wait_for_url("/tasks/new?column=in-review").await;
    window.click("[name=title]").await;
    window.type_text("Runbook").await;
    window
        .click("main form[action$=\"/tasks\"] button.primary")
        .await;
    window.wait_for_url("#INF-2").await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-review")
            .await,
        ["INF-2"]
    );
    // block, with a person and details
    window.goto("/tasks/INF-2/block").await;
    window.click("input[value=person]").await;
    window.click("#note").await;
    window.type_text("his key").await;
    window.click("form[action$=block] button.primary").await;
    window.wait_for_url("/tasks/INF-2?did=").await;
    let wait = &elif.load_task("INF-2").await["blocked_by"][0];
    assert_eq!(
        (&wait["kind"], &wait["note"]),
        (&"person".into(), &"his key".into())
    );
    // assign to me, then unblock
    window.goto("/tasks/INF-2/move").await;
    window.click("form[action$=\"owners/me\"] button").await;
    window.wait_for_url("?did=").await;
    assert_eq!(elif.load_task("INF-2").await["owners"][0]["handle"], "elif");
    window.goto("/tasks/INF-2/move").await;
    window.click("form[action$=unblock] button").await;
    window.wait_for_url("?did=").await;
    assert_eq!(elif.load_task("INF-2").await["state"], "review");
    // several tasks in the list view
    window.goto("/teams/infrastructure/tasks").await;
    for key in ["INF-1", "INF-2"] {
        window.click(&format!("[name=keys][value={key}]")).await;
    }
    window.click("button[name=archive]").await;
    window.wait_for_url("did=").await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        [""; 0]
    );
    // restore one from the archive
    window.goto("/tasks/INF-1").await;
    window.click("[form=restore-INF-1]").await;
    window.wait_for_url("?did=").await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1"]
    );
    // title, labels and a checked checklist item
    window.goto("/tasks/INF-1").await;
    window
        .run_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        .await;
    window.click("[name=labels]").await;
    window.type_text("postgres").await;
    window.press_key("Enter").await;
    window.wait_for_url("?did=").await;
    window.click("[action$=steps] [name=text]").await;
    window.type_text("Rehearse").await;
    window.press_key("Enter").await;
    window
        .wait_for_page("document.querySelector('.steps [name=done]')")
        .await;
    window.click(".steps [name=done]").await;
    window.click(".steps noscript button").await;
    window
        .wait_for_page("document.querySelector('.steps .completed')")
        .await;
    window.click(".title-form textarea").await;
    window.type_text(" Soon:").await;
    window.click(".title-form button").await;
    window
        .wait_for_page("document.querySelector('h1').textContent.includes('Soon:')")
        .await;
    let task = elif.load_task("INF-1").await;
    assert_eq!(
        (&task["labels"][0], &task["steps_done"]),
        (&"postgres".into(), &1.into()),
        "{task}"
    );
    // a WIP limit and a saved filter
    window
        .goto("/teams/infrastructure/columns/in-review/limit")
        .await;
    window.click("#wip_limit").await;
    window.type_text("3").await;
    window.click("main form button.primary").await;
    window.wait_for_url("/teams/infrastructure").await;
    window
        .wait_for_page(
            "document.querySelector('[data-column=in-review] .count').textContent.includes('/ 3')",
        )
        .await;
    window.goto("/teams/infrastructure?q=label:postgres").await;
    window
        .run_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        .await;
    window.click("form[action$=filters] [name=name]").await;
    window.type_text("Databases").await;
    window
        .click("form[action$=filters] [name=for][value=team]")
        .await;
    window
        .wait_for_page("document.querySelector('.saved')?.textContent.includes('Databases')")
        .await;
    // search
    window.goto("/teams/infrastructure").await;
    window.click("#find").await;
    window.type_text("nothing-like-that").await;
    window.press_key("Enter").await;
    window.wait_for_url("q=nothing-like-that").await;
    assert_eq!(
        window
            .evaluate::<usize>("document.querySelectorAll('[data-task]').length")
            .await,
        0
    );
}
