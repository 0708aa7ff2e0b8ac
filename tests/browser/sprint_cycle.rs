//! A sprint from its goals and planning to closing and retro.

use chromiumoxide::cdp::browser_protocol::input::DispatchTouchEventType;

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entered_value_and_finished_task_update_goal_progress() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let typed = [
        ("sprint", "42"),
        ("title", "Migrate 50 of the 100 tables"),
        ("target", "50"),
        ("counted_by", "manual"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &typed)
            .await
            .status,
        303
    );
    let counted = [
        ("sprint", "42"),
        ("title", "Three drills"),
        ("target", "3"),
        ("counted_by", "tasks"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &counted)
            .await
            .status,
        303
    );
    let key = elif
        .create_task("infrastructure", "todo", "Drill on Tuesday")
        .await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "2")])
        .await
        .ok();

    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    window.click(".goal .metric").await;
    window
        .wait_for("document.querySelector('input[name=value]')")
        .await;
    window.click("input[name=value]").await;
    window.type_text("31").await;
    window.click("input[name=note]").await;
    window.type_text("over night").await;
    window.press_key("Enter").await;
    window.wait_for("document.querySelector('main').textContent.includes('31 / 50') && document.querySelector('main').textContent.includes('over night')").await;

    window.open_board("/teams/infrastructure").await;
    window.wait_for("document.querySelectorAll('.goal')[0].textContent.includes('31 / 50') && document.querySelectorAll('.goal')[1].textContent.includes('0 / 3')").await;
    let done = window.center_of("[data-column=done] ol").await;
    window.drag("#INF-1", done).await;
    window
        .wait_for("document.querySelectorAll('.goal')[1].textContent.includes('1 / 3')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_sprint_keeps_its_figures_and_action_becomes_task() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Cut over"),
        ("target", "2"),
        ("counted_by", "tasks"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for (column, title) in [
        ("done", "Backups"),
        ("in-progress", "Cut over"),
        ("todo", "Runbook"),
        ("todo", "Old idea"),
    ] {
        let key = elif.create_task("infrastructure", column, title).await;
        elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
            .await
            .ok();
    }
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/sprints/42/close").await;
    window
        .wait_for("document.querySelector('select[name=\"task:INF-2\"]')")
        .await;
    for (key, outcome) in [("INF-2", "carry"), ("INF-3", "backlog"), ("INF-4", "drop")] {
        window
            .run_script(&format!(
                "document.querySelector('select[name=\"task:{key}\"]').value = '{outcome}'"
            ))
            .await;
    }
    window.screenshot("story-close").await;
    window.click("form .button.primary").await;
    window
        .wait_for("location.pathname === '/sprints/42/retro' && document.readyState === 'complete'")
        .await;
    let figures = "document.querySelector('.stats').textContent + document.querySelector('.panel .rows').textContent";
    let before: String = window.evaluate(figures).await;
    assert!(before.contains("1 / 2"), "{before}");
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-3"],
        "one is back in the backlog and one is dropped"
    );

    // later changes do not alter the report
    window.goto("/tasks/INF-1").await;
    window.wait_for("document.querySelector('main')").await;
    elif.post(
        "/tasks/INF-1",
        &[("title", "Renamed"), ("estimate", "8"), ("goal", "")],
    )
    .await
    .ok();
    window.goto("/sprints/42/retro?team=infrastructure").await;
    window.wait_for("document.querySelector('.stats')").await;
    let after: String = window.evaluate(figures).await;
    assert_eq!(before, after);

    let promise = "form[action$=\"/actions\"] input[name=text]";
    window
        .wait_for(&format!("document.querySelector('{promise}')"))
        .await;
    window.click(promise).await;
    window
        .type_text("Ask Legal for a date @elif by Friday")
        .await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('form[action$=\"/task\"] button')")
        .await;
    window.click("form[action$=\"/task\"] button").await;
    window
        .wait_for("document.querySelector('main').textContent.includes('INF-5')")
        .await;
    assert_eq!(
        elif.load_task("INF-5").await["title"],
        "Ask Legal for a date"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_write_retro_notes_without_losing_text() {
    let fixture = BrowserFixture::new().await;
    let tomas = fixture
        .world
        .join("Tomas Weber", "tomas", "infrastructure")
        .await;
    let one = fixture.open_window(&fixture.world.elif).await;
    let two = fixture.open_window(&tomas).await;
    for window in [&one, &two] {
        window.goto("/sprints/42/retro?team=infrastructure").await;
        window
            .wait_for("document.querySelector('form[action$=\"/retro-notes\"] [name=text]')")
            .await;
        window.wait_for("document.readyState === 'complete'").await;
    }
    let field = "form[action$=\"/retro-notes\"] [name=text]";
    two.page.bring_to_front().await.unwrap();
    two.click(field).await;
    two.type_text("Half a thou").await;
    one.page.bring_to_front().await.unwrap();
    one.click(field).await;
    one.type_text("Pairing helped").await;
    one.press_key("Enter").await;
    one.wait_for("document.querySelector('.note')?.textContent.includes('Pairing helped')")
        .await;
    two.wait_for("document.querySelector('.note')?.textContent.includes('Pairing helped')")
        .await;
    let typed: String = two
        .evaluate(&format!("document.querySelector('{field}').value"))
        .await;
    assert_eq!(typed, "Half a thou", "the text being typed stays");
    two.page.bring_to_front().await.unwrap();
    two.type_text("ght").await;
    two.press_key("Enter").await;
    two.wait_for("document.querySelector('main').textContent.includes('Half a thought')")
        .await;
    one.wait_for("document.querySelector('main').textContent.includes('Half a thought')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sprint_is_planned_by_dragging_and_by_keyboard() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let goal = [("sprint", "43"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for title in ["Runbook", "Alert on lag", "Old idea"] {
        let key = elif.create_task("infrastructure", "todo", title).await;
        elif.post(&format!("/tasks/{key}"), &[("sprint", "none")])
            .await
            .ok();
    }
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/planning").await;
    window
        .wait_for(
            "customElements.get('planning-lists') && document.querySelector('#backlog-INF-1')",
        )
        .await;
    let to = window.center_of(".group[class*=hue] ol").await;
    let (x, y) = window.center_of("#backlog-INF-1 small").await;
    window.start_drag((x, y), to).await;
    window.release_at(to).await;
    window
        .wait_for("document.querySelector('.group[class*=hue] #backlog-INF-1')")
        .await;
    assert_eq!(elif.load_task("INF-1").await["goal"], 1);
    // a slip of the hand is undone by the toast, and by the key
    for undo in ["document.querySelector('.toast button').click()", ""] {
        window
            .wait_for("document.querySelector('.toast')?.textContent.includes('Undo')")
            .await;
        if undo.is_empty() {
            window.run_script("document.activeElement.blur()").await;
            window.press_key("u").await;
        } else {
            window.run_script(undo).await;
        }
        window
            .wait_for("!document.querySelector('.group[class*=hue] #backlog-INF-1')")
            .await;
        assert!(elif.load_task("INF-1").await["goal"].is_null());
        let from = window.center_of("#backlog-INF-1 small").await;
        let to = window.center_of(".group[class*=hue] ol").await;
        window.start_drag(from, to).await;
        window.release_at(to).await;
        window
            .wait_for("document.querySelector('.group[class*=hue] #backlog-INF-1')")
            .await;
    }

    // by keyboard: check two rows, then press the goal's button
    window
        .run_script("document.querySelector('#backlog-INF-2 input').focus()")
        .await;
    window.press_key("x").await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.activeElement.value === 'INF-3'")
        .await;
    window.press_key("x").await;
    window
        .run_script("document.querySelector('.group[class*=hue] button').focus()")
        .await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelectorAll('.group[class*=hue] .backlog-item').length === 3")
        .await;
    window.screenshot("story-planning").await;
    window.goto("/teams/infrastructure/planning").await;
    window
        .wait_for("document.querySelectorAll('.group[class*=hue] .backlog-item').length === 3")
        .await;
    assert_eq!(elif.load_task("INF-3").await["sprint"], 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_press_plans_a_task_and_swiping_scrolls() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let goal = [("sprint", "43"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for n in 1..=16 {
        let key = elif
            .create_task(
                "infrastructure",
                "todo",
                &format!("Task number {n} with a title of some length"),
            )
            .await;
        elif.post(&format!("/tasks/{key}"), &[("sprint", "none")])
            .await
            .ok();
    }
    let phone = fixture.open_window(elif).await;
    phone.resize(390, 844, true).await;
    phone.goto("/teams/infrastructure/planning").await;
    phone
        .wait_for("customElements.get('planning-lists') && document.readyState === 'complete'")
        .await;
    phone
        .run_script("document.querySelector('#backlog-INF-3').scrollIntoView({ block: 'center' })")
        .await;

    // a finger that moves at once scrolls the page and picks up nothing
    let top: f64 = phone.evaluate("scrollY").await;
    let (x, y) = phone.center_of("#backlog-INF-3").await;
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
    phone
        .wait_for(&format!(
            "scrollY > {top} + 50 && !document.querySelector('.lifted')"
        ))
        .await;
    // the finger stops before it is lifted, so that there is no momentum scrolling
    let frames = "new Promise(go => { let left = 12; const next = () => (left-- ? requestAnimationFrame(next) : go(true)); next(); })";
    assert!(phone.evaluate::<bool>(frames).await);
    phone
        .dispatch_touch(DispatchTouchEventType::TouchMove, (x, y - 200.0))
        .await;
    phone.end_touch().await;
    assert!(elif.load_task("INF-3").await["sprint"].is_null());

    // a long press starts a drag, and near the edge the page scrolls towards the sprint
    phone
        .run_script("document.querySelector('#backlog-INF-3').scrollIntoView({ block: 'center' })")
        .await;
    let (x, y) = phone.center_of("#backlog-INF-3 small").await;
    phone
        .dispatch_touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    phone
        .wait_for("document.querySelector('#backlog-INF-3.lifted')")
        .await;
    for step in 1..=8 {
        phone
            .dispatch_touch(
                DispatchTouchEventType::TouchMove,
                (x, y + (836.0 - y) * f64::from(step) / 8.0),
            )
            .await;
    }
    phone.wait_for("document.querySelector('.group[class*=hue]').getBoundingClientRect().bottom < innerHeight - 80").await;
    // away from the edge the page stops scrolling
    phone
        .dispatch_touch(DispatchTouchEventType::TouchMove, (x, 422.0))
        .await;
    let still = "document.body.dataset.top === String(scrollY) || !(document.body.dataset.top = String(scrollY))";
    phone.wait_for(still).await;
    let to = phone.center_of(".group[class*=hue] ol").await;
    phone
        .dispatch_touch(DispatchTouchEventType::TouchMove, to)
        .await;
    phone
        .wait_for("document.querySelector('.group[class*=hue].drag-over')")
        .await;
    phone.screenshot("story-planning-finger").await;
    phone.end_touch().await;
    phone
        .wait_for("document.querySelector('.group[class*=hue] #backlog-INF-3')")
        .await;
    assert_eq!(elif.load_task("INF-3").await["goal"], 1);
}

#[tokio::test]
async fn team_walks_the_board_by_keyboard_and_adds_an_action() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for (column, title) in [
        ("todo", "Begin this"),
        ("in-progress", "Go on"),
        ("in-review", "Look at it"),
    ] {
        elif.create_task("infrastructure", column, title).await;
    }
    let window = fixture.open_window(elif).await;
    // waits for a card and for the scripts of its page
    let at = async |title: &str| {
        let shown = format!("document.querySelector('.walk-card h2')?.textContent === '{title}'");
        window
            .wait_for(&format!(
                "{shown} && document.querySelector('walk-timer button')"
            ))
            .await;
    };
    window.goto("/teams/infrastructure/standup").await;
    window
        .wait_for("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    window.press_key("w").await;
    at("Look at it").await;
    window.click("walk-timer button").await;
    window
        .wait_for("document.querySelector('walk-timer').textContent.includes('this card 0:0')")
        .await;
    window.press_key("ArrowRight").await;
    at("Go on").await;
    window
        .wait_for("document.querySelector('walk-timer').textContent.includes('this card')")
        .await;
    window.press_key("ArrowLeft").await;
    at("Look at it").await;
    // The card is finished while it is discussed: the next one replaces it.
    elif.post("/tasks/INF-3/position", &[("column", "done")])
        .await
        .ok();
    at("Go on").await;
    window
        .run_script("document.querySelector('form[action$=\"/actions\"] input[name=text]').focus()")
        .await;
    window.type_text("Pair on it @elif").await;
    window.press_key("Enter").await;
    window
        .wait_for(
            "document.querySelector('form[action$=\"/actions\"] input[name=text]').value === ''",
        )
        .await;
    window.screenshot("story-walk").await;
    window.run_script("document.activeElement.blur()").await;
    window.press_key("ArrowRight").await;
    at("Begin this").await;
    window.press_key("ArrowRight").await;
    window.wait_for("location.pathname.endsWith('/standup') && document.body.textContent.includes('Pair on it')").await;
}

#[tokio::test]
async fn meeting_pages_print_without_their_forms() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Migrate 50 of the 100 tables"),
        ("target", "50"),
        ("owners", "elif"),
    ];
    elif.post("/teams/infrastructure/goals", &goal).await.ok();
    for (column, title) in [
        ("todo", "Begin this"),
        ("in-progress", "Go on"),
        ("blocked", "Cut over"),
    ] {
        elif.create_task("infrastructure", column, title).await;
    }
    elif.post("/tasks/INF-2/ask-for-help", &[]).await.ok();
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal for a date @elif by Friday")],
    )
    .await
    .ok();
    elif.post(
        "/teams/infrastructure/sprints/42/retro-notes",
        &[("category", "well"), ("text", "Pairing helped")],
    )
    .await
    .ok();
    let window = fixture.open_window(elif).await;
    window.emulate_print().await;
    for (path, name, expected) in [
        (
            "/teams/infrastructure/standup",
            "standup",
            ["Cut over", "Ask Legal for a date", "Only one owner"],
        ),
        (
            "/sprints/42/retro?team=infrastructure",
            "retro",
            ["Pairing helped", "0 / 50", "Blocked longest"],
        ),
        (
            "/teams/infrastructure/check-in",
            "check-in",
            ["0 / 50", "Cut over", "as of Tue 24 Nov"],
        ),
        (
            "/teams/infrastructure/flow",
            "flow",
            ["Burn-up", "Cumulative flow", "Ageing"],
        ),
        (
            "/sprints/42",
            "pitch",
            [
                "Migrate 50 of the 100 tables",
                "Only one owner",
                "Infrastructure",
            ],
        ),
    ] {
        window.goto(path).await;
        window.wait_for("document.readyState === 'complete'").await;
        let printed: String = window
            .evaluate("document.querySelector('main').innerText")
            .await;
        for text in expected {
            assert!(printed.contains(text), "{text} is not on paper: {printed}");
        }
        let shown = "[...document.querySelectorAll('input:not([type=checkbox]), textarea, .button, .topbar')].filter(one => one.checkVisibility()).map(one => one.outerHTML)";
        let forms: Vec<String> = window.evaluate(shown).await;
        assert!(forms.is_empty(), "{}", forms.join("\n"));
        let wide: bool = window
            .evaluate("document.documentElement.scrollWidth > innerWidth")
            .await;
        assert!(!wide, "it fits the paper");
        window.screenshot(&format!("print-{name}")).await;
    }
}

#[tokio::test]
async fn project_board_moves_tasks_of_two_teams_live() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    for (client, team, title) in [
        (elif, "infrastructure", "Copy sessions"),
        (jonas, "ingestion", "Dual-write"),
        (elif, "infrastructure", "Copy orders"),
    ] {
        let key = client.create_task(team, "todo", title).await;
        client
            .post(&format!("/tasks/{key}"), &[("project", "re-partition")])
            .await
            .ok();
    }
    let one = fixture.open_window(elif).await;
    let two = fixture.open_window(elif).await;
    one.goto("/projects/re-partition/board").await;
    one.wait_for("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    two.open_board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let to = one.center_of("[data-column=review] ol").await;
    one.drag("#INF-1", to).await;
    one.wait_for_column("review", &["INF-1"]).await;
    one.wait_for(
        "document.querySelector('#toasts').textContent.includes('Moved INF-1 to In review')",
    )
    .await;
    two.wait_for_column("in-review", &["INF-1"]).await;
    // A task of another team goes back, and a toast says why.
    let to = one.center_of("[data-column=doing] ol").await;
    one.drag("#ING-1", to).await;
    one.wait_for(
        "document.querySelector('#toasts').textContent.includes('Only members of Ingestion')",
    )
    .await;
    one.wait_for("document.querySelector('[data-column=todo] #ING-1')")
        .await;
    // A move by that team shows here in the column of its state.
    jonas
        .post("/tasks/ING-1/position", &[("column", "in-progress")])
        .await
        .ok();
    one.wait_for_column("doing", &["ING-1"]).await;
    one.screenshot("story-project-board").await;
    elif.post("/tasks/INF-1", &[("project", "")]).await.ok();
    one.wait_for_column("review", &[]).await;
}
