//! A team at work, each story in windows of its own.

use chromiumoxide::cdp::browser_protocol::input::DispatchTouchEventType;
use fortnight::accounts::passwords;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_create_drag_and_a_second_window_sees_it() {
    let stage = Stage::new().await;
    let hash = passwords::hash("correct horse battery".to_owned())
        .await
        .unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1 WHERE handle = 'elif'")
        .bind(hash)
        .execute(&stage.world.db)
        .await
        .unwrap();
    let one = stage.blank().await;
    one.goto("/teams/infrastructure").await;
    one.until("document.querySelector('[name=email]')").await;
    one.click("[name=email]").await;
    one.type_text("elif@example.org").await;
    one.click("[name=password]").await;
    one.type_text("correct horse battery").await;
    one.press("Enter").await;
    one.until("document.querySelector('[data-presence]')?.textContent.includes('here now')")
        .await;

    // c, a title and Enter is enough, twice
    one.press("c").await;
    one.until("document.activeElement.closest('.new')").await;
    one.type_text("Cut over").await;
    one.press("Enter").await;
    one.until_column("todo", &["INF-1"]).await;
    one.type_text("Write the runbook").await;
    one.press("Enter").await;
    one.until_column("todo", &["INF-1", "INF-2"]).await;
    one.press("Escape").await;

    let two = stage.window(&stage.world.jonas).await;
    two.board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let (x, y) = one.middle("[data-column=in-progress] ol").await;
    one.drag("#INF-1", (x, y)).await;
    one.until_column("in-progress", &["INF-1"]).await;
    one.until(
        "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
    )
    .await;
    two.until_column("in-progress", &["INF-1"]).await;
    two.until_column("todo", &["INF-2"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );

    // below another, and then within its column above it
    let (_, foot) = one.foot("#INF-1").await;
    one.drag("#INF-2", (x, foot + 8.0)).await;
    one.until_column("in-progress", &["INF-1", "INF-2"]).await;
    let (x, top) = one.middle("#INF-1 .top").await;
    one.drag("#INF-2", (x, top - 20.0)).await;
    one.until_column("in-progress", &["INF-2", "INF-1"]).await;
    two.until_column("in-progress", &["INF-2", "INF-1"]).await;

    // u takes it back, and the other window sees that too
    one.press("u").await;
    one.until_column("in-progress", &["INF-1", "INF-2"]).await;
    two.until_column("in-progress", &["INF-1", "INF-2"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1", "INF-2"]
    );

    // pressed before the answer to a move is there, it takes back that move and no earlier one
    one.run("const sent = fetch; fetch = (...asked) => sent(...asked).then(answer => new Promise(go => setTimeout(go, 300, answer)))").await;
    one.run("document.querySelector('#toasts').replaceChildren()")
        .await;
    let done = one.middle("[data-column=done] ol").await;
    one.drag("#INF-2", done).await;
    one.press("u").await;
    one.until("document.querySelector('#toasts').textContent.includes('Undone')")
        .await;
    one.until_column("in-progress", &["INF-1", "INF-2"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1", "INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finger_that_scrolls_never_drags_and_one_that_rests_does() {
    let stage = Stage::new().await;
    for n in 1..=12 {
        stage
            .world
            .elif
            .make(
                "infrastructure",
                "todo",
                &format!("Task number {n} with a title of some length"),
            )
            .await;
    }
    let phone = stage.window(&stage.world.elif).await;
    phone.size(390, 844, true).await;
    phone.board("/teams/infrastructure").await;
    let sideways: bool = phone
        .value("document.documentElement.scrollWidth <= innerWidth")
        .await;
    assert!(sideways, "nothing scrolls sideways by accident");

    let (x, y) = phone.middle("#INF-1").await;
    let (_, below) = phone.middle("#INF-3").await;
    phone
        .touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    phone.until("document.querySelector('.drop')").await;
    for step in 1..=8 {
        phone
            .touch(
                DispatchTouchEventType::TouchMove,
                (x, y + (below + 20.0 - y) * f64::from(step) / 8.0),
            )
            .await;
    }
    phone
        .until("document.querySelector('#INF-3').nextElementSibling?.matches('.drop')")
        .await;
    phone.lift_finger().await;
    phone
        .until("document.querySelector('#toasts').textContent.includes('INF-1')")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await[..3],
        ["INF-2", "INF-3", "INF-1"]
    );

    let (x, y) = phone.middle("#INF-1").await;
    phone
        .touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    for step in 1..=8 {
        phone
            .touch(
                DispatchTouchEventType::TouchMove,
                (x, y - 25.0 * f64::from(step)),
            )
            .await;
    }
    phone.lift_finger().await;
    phone
        .until("document.querySelector('[data-column=todo] ol').scrollTop > 0")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await[..3],
        ["INF-2", "INF-3", "INF-1"]
    );
    // a finger that flicks leaves the list rolling for a while
    phone.until("(() => { const list = document.querySelector('[data-column=todo] ol'); list.dataset.still = list.scrollTop === 0 ? Number(list.dataset.still ?? 0) + 1 : 0; list.scrollTop = 0; return list.dataset.still > 20; })()").await;

    // and by menu, without any drag
    phone.click("#INF-2 .menu").await;
    phone
        .until("document.querySelector('dialog.small[open] select[name=column]')")
        .await;
    phone
        .run("document.querySelector('dialog.small select[name=column]').value = 'done'")
        .await;
    phone
        .click("dialog.small[open] form[action$=position] button")
        .await;
    phone.until_column("done", &["INF-2"]).await;
    // the message outlives the dialog that it was said in
    phone
        .until("document.querySelector('#toasts').textContent.includes('INF-2')")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "done").await,
        ["INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_by_keyboard_and_heard_by_a_screen_reader() {
    let stage = Stage::new().await;
    for title in ["one", "two", "three"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    window.press("j").await;
    window
        .until("document.activeElement.closest('#INF-1')")
        .await;
    window.press("ArrowDown").await;
    window
        .until("document.activeElement.closest('#INF-2')")
        .await;
    // pick up, two columns to the right, drop
    window.press("Space").await;
    window.until("[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('INF-2 picked up'))").await;
    window.press("ArrowRight").await;
    window.press("Space").await;
    window.until_column("in-progress", &["INF-2"]).await;
    window
        .until("document.activeElement.closest('#INF-2')")
        .await;
    // Escape puts back
    window.press("Space").await;
    window.press("ArrowRight").await;
    window.press("Escape").await;
    window.until_column("in-progress", &["INF-2"]).await;
    // mine
    window.press("a").await;
    window
        .until("document.querySelector('#INF-2 .avatar[title=\"Elif Hartmann\"]')")
        .await;
    // open, and back closes
    window.press("Enter").await;
    window
        .until("document.querySelector('dialog.modal[open] [data-task-page=INF-2]')")
        .await;
    window.until("location.pathname === '/tasks/INF-2'").await;
    window.press("Escape").await;
    window.until("location.pathname === '/teams/infrastructure' && !document.querySelector('dialog.modal[open]')").await;
    // block: it asks on what
    window
        .until("document.activeElement.closest('#INF-2')")
        .await;
    window.press("b").await;
    window
        .until("document.querySelector('dialog.small[open] input[name=note]')")
        .await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press("Enter").await;
    window.until_column("blocked", &["INF-2"]).await;
    window
        .until(
            "document.querySelector('#INF-2 .blocked-by').textContent.includes('Waits on Legal')",
        )
        .await;
    // the stream may be quicker than the answer, which closes the question
    window
        .until("!document.querySelector('dialog.small')")
        .await;
    // select two and archive them together
    window
        .run("document.querySelector('#INF-1 h3 a').focus()")
        .await;
    window.press("x").await;
    window.press("j").await;
    window.press("x").await;
    window
        .until("!document.querySelector('[data-bulk-bar]').hidden")
        .await;
    window.click("[data-bulk-bar] button[name=archive]").await;
    window.until_column("todo", &[]).await;
    window.press("u").await;
    window.until_column("todo", &["INF-1", "INF-3"]).await;
    window.press("?").await;
    window
        .until("document.querySelector('dialog[open] .keys')")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1", "INF-3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_by_sprint_and_owner_narrow_the_board_and_a_drop_holds() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for title in ["one", "two", "three"] {
        elif.make("infrastructure", "todo", title).await;
    }
    elif.post("/tasks/INF-2", &[("sprint", "43")]).await.ok();
    elif.post("/tasks/INF-3/owners/me", &[]).await.ok();
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    window.until_column("todo", &["INF-1", "INF-3"]).await;
    window.click(".people a:first-child").await;
    window.until("location.search.includes('owner%3Aelif') && document.querySelector('[data-presence]').textContent.includes('here now')").await;
    window.until_column("todo", &["INF-3"]).await;
    window.click(".segmented a:last-child").await;
    window.until("location.search.includes('sprint=all')").await;
    window.click(".segmented a:nth-child(2)").await;
    window.until("location.search.includes('sprint=43')").await;
    window.until_column("todo", &[]).await;
    window
        .goto("/teams/infrastructure?sprint=all&q=colour:red")
        .await;
    window
        .until("document.querySelector('#unknown').textContent.includes('colour: is not known')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_move_goes_back_and_says_who_was_quicker() {
    let stage = Stage::new().await;
    let mira = stage
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    stage
        .world
        .elif
        .make("infrastructure", "todo", "Cut over")
        .await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    let to = window.middle("[data-column=in-review] ol").await;
    window.pick_up(window.middle("#INF-1").await, to).await;
    // while the card is in the hand somebody else moves it
    mira.ask(
        axum::http::Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    window.drop_at(to).await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Mira Okafor')")
        .await;
    window.until_column("done", &["INF-1"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "done").await,
        ["INF-1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_stops_in_the_middle_of_a_drop_and_comes_back() {
    let mut stage = Stage::new().await;
    for title in ["Cut over", "Runbook"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    let to = window.middle("[data-column=in-progress] ol").await;
    window.pick_up(window.middle("#INF-1").await, to).await;
    stage.served.stop().await;
    window.drop_at(to).await;
    window
        .until(
            "[...document.querySelectorAll('#toasts button')].some(button => button.textContent.includes('Try again'))",
        )
        .await;
    window.until_column("todo", &["INF-1", "INF-2"]).await;
    window.picture("server-gone").await;
    // meanwhile others go on, and their change shows when the line is back
    stage
        .world
        .elif
        .ask(
            axum::http::Method::PUT,
            "/tasks/INF-2/position",
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    stage.served.start_again(&stage.world).await;
    window.until_column("done", &["INF-2"]).await;
    window.run("[...document.querySelectorAll('#toasts button')].find(button => button.textContent.includes('Try again')).click()")
        .await;
    window.until_column("in-progress", &["INF-1"]).await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved')")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_every_change_still_works() {
    let stage = Stage::new().await;
    stage
        .world
        .elif
        .make("infrastructure", "todo", "Cut over")
        .await;
    let window = stage.window(&stage.world.elif).await;
    window.without_scripts().await;
    window.goto("/teams/infrastructure").await;
    window.picture("board-no-script").await;
    window.click("#INF-1 .menu").await;
    window.until_at("/tasks/INF-1/move").await;
    window.picture("move-no-script").await;
    window
        .run("document.querySelector('#move-column').focus()")
        .await;
    window.type_text("In").await;
    window.click("form[action$=position] button").await;
    window.until_at("/tasks/INF-1?did=").await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );
    // and it can be undone without one
    window.click(".toast button").await;
    window.until_at("/teams/infrastructure").await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1"]
    );

    // a new one, by the + of a column
    let elif = &stage.world.elif;
    window.click("[data-column=in-review] a.add").await;
    window.until_at("/tasks/new?column=in-review").await;
    window.click("[name=title]").await;
    window.type_text("Runbook").await;
    window
        .click("main form[action$=\"/tasks\"] button.primary")
        .await;
    window.until_at("#INF-2").await;
    assert_eq!(
        stage.world.column("infrastructure", "in-review").await,
        ["INF-2"]
    );
    // blocked, and what it waits on is asked
    window.goto("/tasks/INF-2/block").await;
    window.click("input[value=person]").await;
    window.click("#note").await;
    window.type_text("his key").await;
    window.click("form[action$=block] button.primary").await;
    window.until_at("/tasks/INF-2?did=").await;
    let wait = &elif.task("INF-2").await["waits_on"][0];
    assert_eq!(
        (&wait["kind"], &wait["note"]),
        (&"person".into(), &"his key".into())
    );
    // mine, and back out of Blocked
    window.goto("/tasks/INF-2/move").await;
    window.click("form[action$=\"owners/me\"] button").await;
    window.until_at("?did=").await;
    assert_eq!(elif.task("INF-2").await["owners"][0]["handle"], "elif");
    window.goto("/tasks/INF-2/move").await;
    window.click("form[action$=unblock] button").await;
    window.until_at("?did=").await;
    assert_eq!(elif.task("INF-2").await["state"], "review");
    // several, in the list
    window.goto("/teams/infrastructure/tasks").await;
    for key in ["INF-1", "INF-2"] {
        window.click(&format!("[name=keys][value={key}]")).await;
    }
    window.click("button[name=archive]").await;
    window.until_at("did=").await;
    assert_eq!(stage.world.column("infrastructure", "todo").await, [""; 0]);
    // and one of them back out of the archive
    window.goto("/tasks/INF-1").await;
    window.click("[form=restore-INF-1]").await;
    window.until_at("?did=").await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1"]
    );
    // a title, labels, and a step that is ticked
    window.goto("/tasks/INF-1").await;
    window
        .run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        .await;
    window.click("[name=labels]").await;
    window.type_text("postgres").await;
    window.press("Enter").await;
    window.until_at("?did=").await;
    window.click("[action$=steps] [name=text]").await;
    window.type_text("Rehearse").await;
    window.press("Enter").await;
    window
        .until_loaded("document.querySelector('.steps [name=done]')")
        .await;
    window.click(".steps [name=done]").await;
    window.click(".steps noscript button").await;
    window
        .until_loaded("document.querySelector('.steps .completed')")
        .await;
    window.click(".title-form textarea").await;
    window.type_text(" Soon:").await;
    window.click(".title-form button").await;
    window
        .until_loaded("document.querySelector('h1').textContent.includes('Soon:')")
        .await;
    let task = elif.task("INF-1").await;
    assert_eq!(
        (&task["labels"][0], &task["steps_done"]),
        (&"postgres".into(), &1.into()),
        "{task}"
    );
    // a limit, and a filter that is kept
    window
        .goto("/teams/infrastructure/columns/in-review/limit")
        .await;
    window.click("#wip_limit").await;
    window.type_text("3").await;
    window.click("main form button.primary").await;
    window.until_at("/teams/infrastructure").await;
    window
        .until_loaded(
            "document.querySelector('[data-column=in-review] .count').textContent.includes('/ 3')",
        )
        .await;
    window.goto("/teams/infrastructure?q=label:postgres").await;
    window
        .run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        .await;
    window.click("form[action$=filters] [name=name]").await;
    window.type_text("Databases").await;
    window
        .click("form[action$=filters] [name=for][value=team]")
        .await;
    window
        .until_loaded("document.querySelector('.saved')?.textContent.includes('Databases')")
        .await;
    // words to look for
    window.goto("/teams/infrastructure").await;
    window.click("#find").await;
    window.type_text("nothing-like-that").await;
    window.press("Enter").await;
    window.until_at("q=nothing-like-that").await;
    assert_eq!(
        window
            .value::<usize>("document.querySelectorAll('[data-task]').length")
            .await,
        0
    );
}
