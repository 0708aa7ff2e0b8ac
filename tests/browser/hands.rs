//! What the hands do on a board, and what eyes and ears are told at once.

use chromiumoxide::cdp::browser_protocol::input::{DispatchMouseEventType, DispatchTouchEventType};

use crate::{
    stage::{Stage, Window},
    world::World,
};

/// From now on nothing that the page asks for arrives, until `open()` is called in it.
async fn hold_the_line(window: &Window) {
    window
        .run("{ const gate = new Promise(go => { window.letGo = go; }); const sent = fetch; fetch = async (...asked) => { await gate; return sent(...asked); }; }")
        .await;
}

async fn until_said(window: &Window, words: &str) {
    window
        .until(&format!(
            "[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('{words}'))"
        ))
        .await;
}

async fn make(world: &World, column: &str, titles: &[&str]) {
    for title in titles {
        world.elif.make("infrastructure", column, title).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_where_it_was_dropped_before_anybody_answers_and_undo_is_at_the_foot() {
    let stage = Stage::new().await;
    make(&stage.world, "todo", &["Cut over", "Runbook"]).await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    hold_the_line(&window).await;
    let to = window.middle("[data-column=in-progress] ol").await;
    window.drag("#INF-1", to).await;
    window.until_column("in-progress", &["INF-1"]).await;
    until_said(&window, "dropped in In progress").await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1", "INF-2"],
        "nobody has heard of it yet"
    );
    window.run("letGo()").await;
    let undo = "[...document.querySelectorAll('#toasts button')].find(button => button.textContent === 'Undo')";
    window.until(undo).await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );
    window
        .run(&format!("{undo}.setAttribute('id', 'undo')"))
        .await;
    window.click("#undo").await;
    window.until_column("todo", &["INF-1", "INF-2"]).await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1", "INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finger_carries_a_card_into_another_column() {
    let stage = Stage::new().await;
    make(&stage.world, "todo", &["Cut over"]).await;
    let tablet = stage.window(&stage.world.elif).await;
    tablet.size(1180, 820, true).await;
    tablet.board("/teams/infrastructure").await;
    let (from, to) = (
        tablet.middle("#INF-1").await,
        tablet.middle("[data-column=in-progress] ol").await,
    );
    tablet.touch(DispatchTouchEventType::TouchStart, from).await;
    tablet.until("document.querySelector('.drop')").await;
    for step in 1..=8 {
        let part = f64::from(step) / 8.0;
        let at = (
            from.0 + (to.0 - from.0) * part,
            from.1 + (to.1 - from.1) * part,
        );
        tablet.touch(DispatchTouchEventType::TouchMove, at).await;
    }
    tablet
        .until("document.querySelector('[data-column=in-progress] .drop')")
        .await;
    tablet.lift_finger().await;
    tablet.until_column("in-progress", &["INF-1"]).await;
    tablet
        .until(
            "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
        )
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "in-progress").await,
        ["INF-1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_behind_an_edge_comes_closer_during_a_drag() {
    let stage = Stage::new().await;
    let titles: Vec<String> = (1..=30).map(|n| format!("Task {n}")).collect();
    make(
        &stage.world,
        "todo",
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    let (from, (x, foot)) = (
        window.middle("#INF-1").await,
        window.foot("[data-column=todo] ol").await,
    );
    // held still there, it goes on by itself until its end
    window.pick_up(from, (x, foot.min(900.0) - 6.0)).await;
    let list = "document.querySelector('[data-column=todo] ol')";
    window
        .until(&format!("{list}.scrollTop > 0 && {list}.scrollTop + {list}.clientHeight > {list}.scrollHeight - 4"))
        .await;
    window.drop_at((x, foot.min(900.0) - 6.0)).await;
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved INF-1')")
        .await;
    let column = stage.world.column("infrastructure", "todo").await;
    assert!(
        column.iter().position(|key| key == "INF-1").unwrap() > 20,
        "{column:?}"
    );

    // and sideways, where not all columns fit
    window.size(760, 900, false).await;
    window.board("/teams/infrastructure").await;
    let from = window.middle("#INF-2").await;
    window.pick_up(from, (752.0, from.1)).await;
    window
        .until("document.querySelector('#board').scrollLeft > 300")
        .await;
    window.press("Escape").await;
    window
        .mouse(DispatchMouseEventType::MouseReleased, (752.0, from.1))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_and_arrows_go_to_every_side_and_each_step_is_said() {
    let stage = Stage::new().await;
    make(&stage.world, "todo", &["one", "two"]).await;
    make(&stage.world, "in-progress", &["three"]).await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    window.press("j").await;
    for (key, card) in [
        ("j", "INF-2"),
        ("k", "INF-1"),
        ("l", "INF-3"),
        ("h", "INF-1"),
        ("ArrowDown", "INF-2"),
        ("ArrowUp", "INF-1"),
        ("ArrowRight", "INF-3"),
        ("ArrowLeft", "INF-1"),
    ] {
        window.press(key).await;
        window
            .until(&format!("document.activeElement.closest('#{card}')"))
            .await;
    }
    for (key, said) in [
        ("Space", "INF-1 picked up. Todo, 1 of 2."),
        ("j", "Moved to Todo, 2 of 2."),
        ("l", "Moved to In progress, "),
        ("Escape", "Move cancelled. INF-1 is back in Todo, 1 of 2."),
        ("Space", "INF-1 picked up."),
        ("ArrowRight", "Moved to In progress, 1 of 2."),
        ("Space", "INF-1 dropped. In progress, 1 of 2."),
    ] {
        window.press(key).await;
        until_said(&window, said).await;
    }
    // what is refused is said too
    window
        .until("document.querySelector('#toasts').textContent.includes('Moved INF-1')")
        .await;
    let mira = stage
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    hold_the_line(&window).await;
    window.press("Space").await;
    window.press("ArrowRight").await;
    window.press("Space").await;
    mira.ask(
        axum::http::Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    window.run("letGo()").await;
    until_said(&window, "Mira Okafor").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_else_is_looking_is_shown_until_they_leave() {
    let stage = Stage::new().await;
    let one = stage.window(&stage.world.elif).await;
    one.board("/teams/infrastructure").await;
    let shows = |words: &str, who: &str| {
        format!(
            "document.querySelector('[data-presence]').textContent.includes('{words}') && [...document.querySelectorAll('[data-presence] [data-who]')].map(one => one.dataset.who).join() === '{who}'"
        )
    };
    one.until(&shows("Only you are viewing", "")).await;
    let two = stage.window(&stage.world.jonas).await;
    two.board("/teams/infrastructure").await;
    one.until(&shows("1 other person viewing", "jonas")).await;
    two.goto("/teams").await;
    one.until(&shows("Only you are viewing", "")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_on_a_sprints_board_is_in_that_sprint() {
    let stage = Stage::new().await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure?sprint=43").await;
    window.press("c").await;
    window.until("document.activeElement.closest('.new')").await;
    window.type_text("Next time").await;
    window.press("Enter").await;
    window.until_column("todo", &["INF-1"]).await;
    assert_eq!(stage.world.elif.task("INF-1").await["sprint"], 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_title_focus_and_scroll_stay_while_others_work_and_after_a_reset() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let titles: Vec<String> = (1..=30).map(|n| format!("Task {n}")).collect();
    make(
        &stage.world,
        "todo",
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    window
        .run("document.querySelector('[data-column=todo] ol').scrollTop = 400")
        .await;
    window.click("[data-column=in-progress] .add").await;
    window.until("document.activeElement.closest('.new')").await;
    window.type_text("Half a ti").await;
    let stays = "document.activeElement.closest('[data-column=in-progress] .new') && document.activeElement.value === 'Half a ti' && Math.abs(document.querySelector('[data-column=todo] ol').scrollTop - 400) < 130";
    let others = stage
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    others
        .post("/tasks/INF-30", &[("title", "Another name")])
        .await
        .ok();
    others
        .post("/tasks/INF-29/position", &[("column", "in-progress")])
        .await
        .ok();
    window.until_column("in-progress", &["INF-29"]).await;
    window
        .until("document.querySelector('#INF-30 h3').textContent.includes('Another name')")
        .await;
    assert!(
        window.value::<bool>(&format!("Boolean({stays})")).await,
        "after two changes"
    );
    // so much at once that the whole board is taken anew
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, kind, at)
         SELECT k.team_id, (SELECT seq FROM teams WHERE id = k.team_id) + n, gen_random_uuid(), k.id, 'task.edited', now() FROM tasks k, generate_series(1, 400) n WHERE number = 1",
    )
    .execute(&stage.world.db)
    .await
    .unwrap();
    sqlx::query("UPDATE tasks SET title = 'Seen after the reset' WHERE number = 28")
        .execute(&stage.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE teams SET seq = seq + 400 WHERE slug = 'infrastructure'")
        .execute(&stage.world.db)
        .await
        .unwrap();
    others
        .post("/tasks/INF-27", &[("title", "And one more")])
        .await
        .ok();
    window
        .until("document.querySelector('#INF-28 h3').textContent.includes('Seen after the reset')")
        .await;
    assert!(
        window.value::<bool>(&format!("Boolean({stays})")).await,
        "after a reset"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_shows_one_column_and_the_names_of_all() {
    let stage = Stage::new().await;
    make(&stage.world, "todo", &["one"]).await;
    make(&stage.world, "in-review", &["two"]).await;
    let phone = stage.window(&stage.world.elif).await;
    phone.size(390, 844, true).await;
    phone.board("/teams/infrastructure").await;
    let current = |name: &str| {
        format!("document.querySelector('.names [aria-current]').textContent.includes('{name}')")
    };
    phone.until(&current("Todo")).await;
    let wide: bool = phone
        .value("(() => { const r = document.querySelector('[data-column=todo]').getBoundingClientRect(); return r.width > 340 && r.width <= 390; })()")
        .await;
    assert!(wide, "a column is as wide as the phone");
    let names: Vec<String> = phone
        .value("[...document.querySelectorAll('.names a')].map(one => one.textContent)")
        .await;
    assert_eq!(
        names,
        [
            "Todo 1",
            "In progress 0",
            "Blocked 0",
            "In review 1",
            "Done 0"
        ]
    );
    phone
        .run("document.querySelectorAll('.names a')[3].setAttribute('id', 'fourth')")
        .await;
    phone.click("#fourth").await;
    phone.until(&current("In review")).await;
    let in_sight = "(() => { const { left, right } = document.querySelector('[data-column=in-review]').getBoundingClientRect(); return left > -20 && right < 410; })()";
    phone.until(in_sight).await;
    // and by a finger to the side, once the board is at rest; it comes along before it is let go
    let columns_passed = "document.querySelector('#board').scrollLeft / document.querySelector('#board').clientWidth";
    phone
        .until(&format!("Math.abs({columns_passed} - 3) < 0.01"))
        .await;
    phone
        .touch(DispatchTouchEventType::TouchStart, (100.0, 600.0))
        .await;
    for step in 1..=8 {
        phone
            .touch(
                DispatchTouchEventType::TouchMove,
                (100.0 + 32.0 * f64::from(step), 600.0),
            )
            .await;
    }
    phone.until(&format!("{columns_passed} < 2.45")).await;
    phone.lift_finger().await;
    phone.until(&current("Blocked")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn light_and_dark_are_the_systems_until_somebody_chooses() {
    let stage = Stage::new().await;
    let window = stage.window(&stage.world.elif).await;
    let light = async |what: &str| -> bool {
        window.until("document.readyState === 'complete'").await;
        let shades: [f64; 2] = window
            .value(
                "(() => { const draw = document.createElement('canvas').getContext('2d'); const shade = colour => { draw.fillStyle = colour; draw.fillRect(0, 0, 1, 1); return draw.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, one) => sum + one, 0); }; return [shade(getComputedStyle(document.documentElement).backgroundColor), shade(getComputedStyle(document.body).color)]; })()",
            )
            .await;
        assert!(
            (shades[0] - shades[1]).abs() > 300.0,
            "{what}: text and ground are far apart: {shades:?}"
        );
        shades[0] > shades[1]
    };
    for (scheme, chosen, is_light) in [
        ("light", "", true),
        ("dark", "", false),
        ("light", "dark", false),
        ("dark", "light", true),
        ("dark", "system", false),
    ] {
        window.scheme(scheme).await;
        window.goto("/teams/infrastructure").await;
        if !chosen.is_empty() {
            window
                .until("document.querySelector('button[name=theme]')")
                .await;
            window
                .run(&format!(
                    "document.querySelector('button[name=theme][value={chosen}]').click()"
                ))
                .await;
            window
                .until(&format!(
                    "(document.documentElement.dataset.theme ?? 'system') === '{chosen}'"
                ))
                .await;
        }
        assert_eq!(
            light(&format!("{scheme} {chosen}")).await,
            is_light,
            "{scheme} {chosen}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_looked_at_before_it_is_sent_and_written_on() {
    let stage = Stage::new().await;
    make(&stage.world, "todo", &["Cut over"]).await;
    let window = stage.window(&stage.world.elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .until(
            "customElements.get('markdown-preview') && document.querySelector('markdown-preview button[type=button]')",
        )
        .await;
    window.run("document.querySelector('markdown-preview').closest('details')?.setAttribute('open', '')").await;
    let text = "document.querySelector('markdown-preview textarea')";
    window
        .run(&format!("{text}.value = 'See **INF-1** and @jonas'"))
        .await;
    window
        .run("document.querySelector('markdown-preview button[type=button]').click()")
        .await;
    let shown = "document.querySelector('markdown-preview .preview')";
    window.until(&format!("{shown}?.querySelector('strong a[href=\"/tasks/INF-1\"]') && {shown}.querySelector('a[href=\"/people/jonas\"]')")).await;
    assert!(window.value::<bool>(&format!("{text}.hidden")).await);
    window.run("[...document.querySelectorAll('markdown-preview button')].find(one => one.textContent === 'Edit').click()").await;
    window
        .until(&format!(
            "!{text}.hidden && {text}.value === 'See **INF-1** and @jonas' && !{shown}"
        ))
        .await;
}
