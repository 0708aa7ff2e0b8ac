//! Dragging, keyboard moves, presence, themes and phones: what people do on a board and what it shows at once.

use chromiumoxide::cdp::browser_protocol::input::{DispatchMouseEventType, DispatchTouchEventType};

use crate::{
    browser_fixture::{BrowserFixture, Window},
    fixtures::World,
};

/// Holds back every request of the page until `resumeRequests()` is called in it.
async fn pause_requests(window: &Window) {
    window
        .run_script("{ const gate = new Promise(go => { window.resumeRequests = go; }); const sent = fetch; fetch = async (...asked) => { await gate; return sent(...asked); }; }")
        .await;
}

async fn wait_for_announcement(window: &Window, words: &str) {
    window
        .wait_for(&format!(
            "[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('{words}'))"
        ))
        .await;
}

async fn create_tasks(world: &World, column: &str, titles: &[&str]) {
    for title in titles {
        world
            .elif
            .create_task("infrastructure", column, title)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn card_moves_before_the_response_and_can_be_undone() {
    let fixture = BrowserFixture::new().await;
    create_tasks(&fixture.world, "todo", &["Cut over", "Runbook"]).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    pause_requests(&window).await;
    let to = window.center_of("[data-column=in-progress] ol").await;
    window.drag("#INF-1", to).await;
    window.wait_for_column("in-progress", &["INF-1"]).await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2"],
        "the server does not know yet"
    );
    window.run_script("resumeRequests()").await;
    let undo = "[...document.querySelectorAll('#toasts button')].find(button => button.textContent === 'Undo')";
    window.wait_for(undo).await;
    assert_eq!(
        fixture
            .world
            .column_keys("infrastructure", "in-progress")
            .await,
        ["INF-1"]
    );
    window
        .run_script(&format!("{undo}.setAttribute('id', 'undo')"))
        .await;
    window.click("#undo").await;
    window.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touch_drag_moves_a_card_to_another_column() {
    let fixture = BrowserFixture::new().await;
    create_tasks(&fixture.world, "todo", &["Cut over"]).await;
    let tablet = fixture.open_window(&fixture.world.elif).await;
    tablet.resize(1180, 820, true).await;
    tablet.open_board("/teams/infrastructure").await;
    let (from, to) = (
        tablet.center_of("#INF-1").await,
        tablet.center_of("[data-column=in-progress] ol").await,
    );
    tablet
        .dispatch_touch(DispatchTouchEventType::TouchStart, from)
        .await;
    tablet
        .wait_for("document.querySelector('.drop-placeholder')")
        .await;
    for step in 1..=8 {
        let part = f64::from(step) / 8.0;
        let at = (
            from.0 + (to.0 - from.0) * part,
            from.1 + (to.1 - from.1) * part,
        );
        tablet
            .dispatch_touch(DispatchTouchEventType::TouchMove, at)
            .await;
    }
    tablet
        .wait_for("document.querySelector('[data-column=in-progress] .drop-placeholder')")
        .await;
    tablet.end_touch().await;
    tablet.wait_for_column("in-progress", &["INF-1"]).await;
    tablet
        .wait_for(
            "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In progress')",
        )
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
async fn dragging_near_an_edge_scrolls() {
    let fixture = BrowserFixture::new().await;
    let titles: Vec<String> = (1..=30).map(|n| format!("Task {n}")).collect();
    create_tasks(
        &fixture.world,
        "todo",
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let (from, (x, foot)) = (
        window.center_of("#INF-1").await,
        window.bottom_of("[data-column=todo] ol").await,
    );
    // held still near the edge, the list scrolls to its end
    window.start_drag(from, (x, foot.min(900.0) - 6.0)).await;
    let list = "document.querySelector('[data-column=todo] ol')";
    window
        .wait_for(&format!("{list}.scrollTop > 0 && {list}.scrollTop + {list}.clientHeight > {list}.scrollHeight - 4"))
        .await;
    window.release_at((x, foot.min(900.0) - 6.0)).await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-1')")
        .await;
    let column = fixture.world.column_keys("infrastructure", "todo").await;
    assert!(
        column.iter().position(|key| key == "INF-1").unwrap() > 20,
        "{column:?}"
    );

    // sideways, where not all columns fit
    window.resize(760, 900, false).await;
    window.open_board("/teams/infrastructure").await;
    let from = window.center_of("#INF-2").await;
    window
        .dispatch_mouse(DispatchMouseEventType::MousePressed, from)
        .await;
    // in one movement: nothing but the frames themselves scrolls further
    window
        .dispatch_mouse(DispatchMouseEventType::MouseMoved, (752.0, from.1))
        .await;
    window
        .wait_for("document.querySelector('#board').scrollLeft > 300")
        .await;
    window.press_key("Escape").await;
    window
        .dispatch_mouse(DispatchMouseEventType::MouseReleased, (752.0, from.1))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keyboard_moves_in_every_direction_and_is_announced() {
    let fixture = BrowserFixture::new().await;
    create_tasks(&fixture.world, "todo", &["one", "two"]).await;
    create_tasks(&fixture.world, "in-progress", &["three"]).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window.press_key("j").await;
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
        window.press_key(key).await;
        window
            .wait_for(&format!("document.activeElement.closest('#{card}')"))
            .await;
    }
    for (key, announcement) in [
        ("Space", "INF-1 picked up. Todo, 1 of 2."),
        ("j", "Moved to Todo, 2 of 2."),
        ("l", "Moved to In progress, "),
        ("Escape", "Move cancelled. INF-1 is back in Todo, 1 of 2."),
        ("Space", "INF-1 picked up."),
        ("ArrowRight", "Moved to In progress, 1 of 2."),
    ] {
        window.press_key(key).await;
        wait_for_announcement(&window, announcement).await;
    }
    window.press_key("Space").await;
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Moved INF-1')")
        .await;
    let mira = fixture
        .world
        .join("Mira Okafor", "mira", "infrastructure")
        .await;
    pause_requests(&window).await;
    window.press_key("Space").await;
    window.press_key("ArrowRight").await;
    window.press_key("Space").await;
    mira.submit_by_script(
        axum::http::Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    window.run_script("resumeRequests()").await;
    // refusals are announced, too
    window
        .wait_for("document.querySelector('#toasts').textContent.includes('Mira Okafor')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_shows_others_until_they_leave() {
    let fixture = BrowserFixture::new().await;
    let one = fixture.open_window(&fixture.world.elif).await;
    one.open_board("/teams/infrastructure").await;
    let shows = |words: &str, who: &str| {
        format!(
            "document.querySelector('[data-presence]').textContent.includes('{words}') && [...document.querySelectorAll('[data-presence] [data-handle]')].map(person => person.dataset.handle).join() === '{who}'"
        )
    };
    one.wait_for(&shows("Only you are viewing", "")).await;
    let two = fixture.open_window(&fixture.world.jonas).await;
    two.open_board("/teams/infrastructure").await;
    one.wait_for(&shows("1 other person viewing", "jonas"))
        .await;
    two.goto("/teams").await;
    one.wait_for(&shows("Only you are viewing", "")).await;
}

/// Only seven avatars are sent, and the reader's may not be among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_does_not_count_the_reader_in_a_crowd() {
    let fixture = BrowserFixture::new().await;
    let mut streams = Vec::new();
    for number in 1..=8 {
        let (name, handle) = (format!("Ada {number}"), format!("ada-{number}"));
        let ada = fixture.world.join(&name, &handle, "infrastructure").await;
        streams.push(fixture.served.listen(&ada, "infrastructure", None).await);
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window
        .wait_for("document.querySelector('[data-presence]').textContent.includes('8 other people viewing')")
        .await;
    window
        .wait_for("document.querySelectorAll('[data-presence] .avatar').length === 6")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_added_to_a_sprints_board_is_in_that_sprint() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure?sprint=43").await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.closest('.new')")
        .await;
    window.type_text("Next time").await;
    window.press_key("Enter").await;
    window.wait_for_column("todo", &["INF-1"]).await;
    assert_eq!(fixture.world.elif.load_task("INF-1").await["sprint"], 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typed_title_focus_and_scroll_survive_updates_and_reset() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let titles: Vec<String> = (1..=30).map(|n| format!("Task {n}")).collect();
    create_tasks(
        &fixture.world,
        "todo",
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window
        .run_script("document.querySelector('[data-column=todo] ol').scrollTop = 400")
        .await;
    window.click("[data-column=in-progress] .add").await;
    window
        .wait_for("document.activeElement.closest('.new')")
        .await;
    window.type_text("Half a ti").await;
    let stays = "document.activeElement.closest('[data-column=in-progress] .new') && document.activeElement.value === 'Half a ti' && Math.abs(document.querySelector('[data-column=todo] ol').scrollTop - 400) < 130";
    let others = fixture
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
    window.wait_for_column("in-progress", &["INF-29"]).await;
    window
        .wait_for("document.querySelector('#INF-30 h3').textContent.includes('Another name')")
        .await;
    assert!(
        window.evaluate::<bool>(&format!("Boolean({stays})")).await,
        "after two changes"
    );
    // too many events at once: the whole board is reloaded
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, kind, at)
         SELECT k.team_id, (SELECT seq FROM teams WHERE id = k.team_id) + n, gen_random_uuid(), k.id, 'task.edited', now() FROM tasks k, generate_series(1, 400) n WHERE number = 1",
    )
    .execute(&fixture.world.db)
    .await
    .unwrap();
    sqlx::query("UPDATE tasks SET title = 'Seen after the reset' WHERE number = 28")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE teams SET seq = seq + 400 WHERE slug = 'infrastructure'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    others
        .post("/tasks/INF-27", &[("title", "And one more")])
        .await
        .ok();
    window
        .wait_for(
            "document.querySelector('#INF-28 h3').textContent.includes('Seen after the reset')",
        )
        .await;
    assert!(
        window.evaluate::<bool>(&format!("Boolean({stays})")).await,
        "after a reset"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_shows_one_column_and_tabs_for_all() {
    let fixture = BrowserFixture::new().await;
    create_tasks(&fixture.world, "todo", &["one"]).await;
    create_tasks(&fixture.world, "in-review", &["two"]).await;
    let phone = fixture.open_window(&fixture.world.elif).await;
    phone.resize(390, 844, true).await;
    phone.open_board("/teams/infrastructure").await;
    let current = |name: &str| {
        format!("document.querySelector('.names [aria-current]').textContent.includes('{name}')")
    };
    phone.wait_for(&current("Todo")).await;
    let wide: bool = phone
        .evaluate("(() => { const r = document.querySelector('[data-column=todo]').getBoundingClientRect(); return r.width > 340 && r.width <= 390; })()")
        .await;
    assert!(wide, "a column is as wide as the phone");
    let names: Vec<String> = phone
        .evaluate("[...document.querySelectorAll('.names a')].map(one => one.textContent)")
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
        .run_script("document.querySelectorAll('.names a')[3].setAttribute('id', 'fourth')")
        .await;
    phone.click("#fourth").await;
    phone.wait_for(&current("In review")).await;
    let in_sight = "(() => { const { left, right } = document.querySelector('[data-column=in-review]').getBoundingClientRect(); return left > -20 && right < 410; })()";
    phone.wait_for(in_sight).await;
    // swipe sideways once the board is at rest; the board follows before the finger is lifted
    let columns_passed = "document.querySelector('#board').scrollLeft / document.querySelector('#board').clientWidth";
    phone
        .wait_for(&format!("Math.abs({columns_passed} - 3) < 0.01"))
        .await;
    phone
        .dispatch_touch(DispatchTouchEventType::TouchStart, (100.0, 600.0))
        .await;
    for step in 1..=8 {
        phone
            .dispatch_touch(
                DispatchTouchEventType::TouchMove,
                (100.0 + 32.0 * f64::from(step), 600.0),
            )
            .await;
    }
    phone.wait_for(&format!("{columns_passed} < 2.45")).await;
    phone.end_touch().await;
    phone.wait_for(&current("Blocked")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn theme_follows_the_system_until_one_is_chosen() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    let light = async |name: &str| -> bool {
        window.wait_for("document.readyState === 'complete'").await;
        let shades: [f64; 2] = window
            .evaluate(
                "(() => { const draw = document.createElement('canvas').getContext('2d'); const shade = colour => { draw.fillStyle = colour; draw.fillRect(0, 0, 1, 1); return draw.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, one) => sum + one, 0); }; return [shade(getComputedStyle(document.documentElement).backgroundColor), shade(getComputedStyle(document.body).color)]; })()",
            )
            .await;
        assert!(
            (shades[0] - shades[1]).abs() > 300.0,
            "{name}: text and background contrast: {shades:?}"
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
        window.set_color_scheme(scheme).await;
        window.goto("/teams/infrastructure").await;
        if !chosen.is_empty() {
            window
                .wait_for("document.querySelector('button[name=theme]')")
                .await;
            window
                .run_script(&format!(
                    "document.querySelector('button[name=theme][value={chosen}]').click()"
                ))
                .await;
            window
                .wait_for(&format!(
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
async fn markdown_preview_shows_text_and_returns_to_editing() {
    let fixture = BrowserFixture::new().await;
    create_tasks(&fixture.world, "todo", &["Cut over"]).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .wait_for(
            "customElements.get('markdown-preview') && document.querySelector('markdown-preview button[type=button]')",
        )
        .await;
    window.run_script("document.querySelector('markdown-preview').closest('details')?.setAttribute('open', '')").await;
    let text = "document.querySelector('markdown-preview textarea')";
    window
        .run_script(&format!("{text}.value = 'See **INF-1** and @jonas'"))
        .await;
    window
        .run_script("document.querySelector('markdown-preview button[type=button]').click()")
        .await;
    let shown = "document.querySelector('markdown-preview .preview')";
    window.wait_for(&format!("{shown}?.querySelector('strong a[href=\"/tasks/INF-1\"]') && {shown}.querySelector('a[href=\"/people/jonas\"]')")).await;
    assert!(window.evaluate::<bool>(&format!("{text}.hidden")).await);
    window.run_script("[...document.querySelectorAll('markdown-preview button')].find(one => one.textContent === 'Edit').click()").await;
    window
        .wait_for(&format!(
            "!{text}.hidden && {text}.value === 'See **INF-1** and @jonas' && !{shown}"
        ))
        .await;
}

/// What a screen reader says for a card is the text of the card itself; what the eye sees is limited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn card_is_read_and_assigned_in_one_step() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Move off Heroku"),
        ("target", "2"),
    ];
    elif.post("/teams/infrastructure/goals", &goal)
        .await
        .status(303);
    let key = elif
        .create_task(
            "infrastructure",
            "in-progress",
            &"A very long title ".repeat(25),
        )
        .await;
    let labels = (1..=12)
        .map(|n| format!("label{n}"))
        .collect::<Vec<_>>()
        .join(" ");
    elif.post(
        &format!("/tasks/{key}"),
        &[("labels", &labels), ("goal", "1")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{key}/steps"), &[("text", "One")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/comments"), &[("body", "Hello")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "the auditors")],
    )
    .await
    .ok();
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;

    // one press on “+” assigns, and opens nothing
    window.click("[data-assign]").await;
    let card = format!("document.querySelector('#{key}')");
    window
        .wait_for(&format!("{card}.querySelector('.avatars .avatar')"))
        .await;
    assert_eq!(
        window.evaluate::<String>("location.pathname").await,
        "/teams/infrastructure"
    );
    assert_eq!(elif.load_task(&key).await["owners"][0]["handle"], "elif");

    let name: String = window
        .evaluate(&format!(
            "(() => {{ const link = {card}.querySelector('h3 a');
              const named = document.getElementById(link.getAttribute('aria-labelledby')).cloneNode(true);
              named.querySelectorAll('[aria-hidden=true]').forEach(part => part.remove());
              named.querySelectorAll('[role=img]').forEach(part => part.replaceWith(part.title + ' '));
              return named.textContent.replace(/\\s+/g, ' '); }})()"
        ))
        .await;
    for part in [
        "A very long title",
        &key,
        "Blocked",
        "label1",
        "+9",
        "the auditors",
        "0/1 steps",
        "1 comments",
        "Elif Hartmann",
        "Goal: Move off Heroku",
    ] {
        assert!(name.contains(part), "{part}: {name}");
    }
    let (lines, first): (f64, bool) = window
        .evaluate(&format!(
            "(() => {{ const h = {card}.querySelector('h3'); const style = getComputedStyle(h.firstElementChild);
              return [h.getBoundingClientRect().height / parseFloat(style.lineHeight),
                      h.getBoundingClientRect().top < {card}.querySelector('.chip').getBoundingClientRect().top]; }})()"
        ))
        .await;
    assert!(lines < 4.5 && first, "{lines} lines, title first: {first}");
    assert_eq!(
        window
            .evaluate::<i64>(&format!("{card}.querySelectorAll('.top .chip').length"))
            .await,
        4
    );
}
