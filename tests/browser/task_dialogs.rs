//! Small dialogs over the board and the task: refusals, the prompt for a blocked task, and keys in lists.

use axum::http::Method;

use crate::browser_fixture::{BrowserFixture, Window};

const DIALOG: &str = "dialog.small[open]";

async fn wait_for_dialog(window: &Window, question: &str) {
    window
        .wait_for(&format!(
            "document.querySelector('{DIALOG} h1')?.textContent.includes('{question}')"
        ))
        .await;
}

async fn wait_until_dialog_is_closed(window: &Window) {
    // removed, not only closed: the focus returns in between
    window
        .wait_for("!document.querySelector('dialog.small')")
        .await;
}

async fn select_option(window: &Window, list: &str, value: &str) {
    window
        .run_script(&format!(
            "document.querySelector('{list}').value = '{value}'"
        ))
        .await;
}

async fn focus(window: &Window, selector: &str) {
    window
        .run_script(&format!("document.querySelector('{selector}').focus()"))
        .await;
}

/// Marks the next sprint as closed. Other tests close sprints with their reports.
async fn close_sprint_43(fixture: &BrowserFixture) {
    sqlx::query("INSERT INTO sprint_reports (team_id, sprint_id, closed_at, change_id, figures) SELECT t.id, s.id, now(), gen_random_uuid(), '{}' FROM teams t, sprints s WHERE t.key = 'INF' AND s.number = 43")
        .execute(&fixture.world.db)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_move_dialog_stays_open_and_says_why() {
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
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("m").await;
    wait_for_dialog(&window, "Move INF-1").await;
    select_option(&window, "dialog.small [name=column]", "in-review").await;
    mira.submit_by_script(
        Method::PUT,
        "/tasks/INF-1/position",
        "card",
        &[("column", "done")],
    )
    .await
    .ok();
    window
        .click("dialog.small form[action$=position] button")
        .await;
    window.wait_for("document.querySelector('dialog.small [role=alert]')?.textContent.includes('Mira Okafor')").await;
    window
        .wait_for("document.querySelector('dialog.small [name=column]').value === 'in-review'")
        .await;
    window.wait_for_column("done", &["INF-1"]).await;
    window.screenshot("story-move-refused").await;
    let articles: usize = window
        .evaluate("document.querySelectorAll('[data-task-page]').length")
        .await;
    assert_eq!(articles, 0, "a small dialog is not a task page");
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
    // submit again after reading the reason
    window
        .click("dialog.small form[action$=position] button")
        .await;
    window.wait_for_column("in-review", &["INF-1"]).await;
    wait_until_dialog_is_closed(&window).await;

    // a sprint is closed while it is being chosen, in the dialog and on the task page
    window.press_key("m").await;
    wait_for_dialog(&window, "Move INF-1").await;
    close_sprint_43(&fixture).await;
    select_option(&window, "dialog.small [name=sprint]", "43").await;
    window.click("dialog.small form.beside button").await;
    window
        .wait_for("document.querySelector('dialog.small [role=alert]')?.textContent.includes('has closed Sprint 43')")
        .await;
    window.press_key("Escape").await;
    wait_until_dialog_is_closed(&window).await;
    sqlx::query("DELETE FROM sprint_reports")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    window.goto("/tasks/INF-1").await;
    window
        .wait_for("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    close_sprint_43(&fixture).await;
    window.run_script("{ const list = document.querySelector('[name=sprint]'); list.value = '43'; list.dispatchEvent(new Event('change', { bubbles: true })); }").await;
    window
        .wait_for(
            "document.querySelector('#sprint-error')?.textContent.includes('has closed Sprint 43')",
        )
        .await;
    assert_eq!(fixture.world.elif.load_task("INF-1").await["sprint"], 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_moved_to_blocked_prompts_for_the_reason() {
    let fixture = BrowserFixture::new().await;
    for title in ["one", "two"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let to = window.center_of("[data-column=blocked] ol").await;
    window.drag("#INF-1", to).await;
    wait_for_dialog(&window, "What is INF-1 waiting on?").await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('[data-column=blocked] #INF-1 .blocked-by')?.textContent.includes('Waiting on Legal')")
        .await;
    // moved with the menu
    window.click("#INF-2 .menu").await;
    wait_for_dialog(&window, "Move INF-2").await;
    select_option(&window, "dialog.small [name=column]", "blocked").await;
    window
        .click("dialog.small form[action$=position] button")
        .await;
    wait_for_dialog(&window, "What is INF-2 waiting on?").await;
    window.press_key("Escape").await;
    wait_until_dialog_is_closed(&window).await;
    // added in the column; the focus returns to the field
    window.click("[data-column=blocked] .add").await;
    window
        .wait_for("document.activeElement.closest('.new')")
        .await;
    window.type_text("Three").await;
    window.press_key("Enter").await;
    wait_for_dialog(&window, "What is INF-3 waiting on?").await;
    window.press_key("Escape").await;
    wait_until_dialog_is_closed(&window).await;
    window
        .wait_for("document.activeElement.closest('[data-column=blocked] .new')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shortcuts_work_on_the_board_and_on_the_task_page() {
    let fixture = BrowserFixture::new().await;
    for title in ["one", "two"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("m").await;
    wait_for_dialog(&window, "Move INF-1").await;
    window.press_key("Escape").await;
    wait_until_dialog_is_closed(&window).await;
    window.press_key("f").await;
    window.wait_for("document.activeElement.matches('.search [name=q]') && document.activeElement.value === ''").await;
    focus(&window, "#INF-1 h3 a").await;
    window.press_key("e").await;
    window.wait_for_column("todo", &["INF-2"]).await;
    window.press_key("u").await;
    window.wait_for_column("todo", &["INF-1", "INF-2"]).await;
    // a half-typed title moves along to another column
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.closest('[data-column=todo] .new')")
        .await;
    window.type_text("Half a ti").await;
    window.click("[data-column=done] .add").await;
    window
        .wait_for("document.activeElement.closest('[data-column=done] .new')")
        .await;
    window.type_text("tle").await;
    window.press_key("Enter").await;
    window.wait_for_column("done", &["INF-3"]).await;
    window
        .wait_for("document.querySelector('#INF-3 h3').textContent === 'Half a title'")
        .await;

    window.goto("/tasks/INF-1").await;
    window
        .wait_for("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    for (key, question) in [("m", "Move INF-1"), ("b", "What is INF-1 waiting on?")] {
        window.press_key(key).await;
        wait_for_dialog(&window, question).await;
        window.press_key("Escape").await;
        wait_until_dialog_is_closed(&window).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrow_keys_in_a_select_submit_one_change() {
    let fixture = BrowserFixture::new().await;
    fixture
        .world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window.click("#INF-1 h3 a").await;
    window
        .wait_for("document.querySelector('dialog.modal[open] #sprint-INF-1')")
        .await;
    let edits = async || -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'task.edited'");
        count.fetch_one(&fixture.world.db).await.unwrap()
    };
    // submitted when the focus leaves the list
    focus(&window, "#sprint-INF-1").await;
    for _ in 1..=3 {
        window.press_key("ArrowUp").await;
    }
    window.wait_for("document.activeElement.value === ''").await;
    focus(&window, "dialog.modal .close").await;
    window
        .wait_for("document.querySelectorAll('dialog.modal .timeline li').length === 2")
        .await;
    assert_eq!(
        (
            edits().await,
            &fixture.world.elif.load_task("INF-1").await["sprint"]
        ),
        (1, &serde_json::Value::Null)
    );
    // submitted with Enter
    focus(&window, "#sprint-INF-1").await;
    window.press_key("ArrowDown").await;
    window.press_key("ArrowDown").await;
    window
        .wait_for("document.activeElement.value === '43'")
        .await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelectorAll('dialog.modal .timeline li').length === 3")
        .await;
    assert_eq!(
        (
            edits().await,
            &fixture.world.elif.load_task("INF-1").await["sprint"]
        ),
        (2, &43.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_bulk_bar_and_toasts_have_no_wcag_violations() {
    let fixture = BrowserFixture::new().await;
    for title in ["one", "two"] {
        fixture
            .world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    let window = fixture.open_window(&fixture.world.elif).await;
    let mut violations = Vec::new();
    for scheme in ["light", "dark"] {
        window.set_color_scheme(scheme).await;
        window.open_board("/teams/infrastructure").await;
        let check_page = async |name: &str| -> Vec<String> {
            // wait for transitions: contrast cannot be measured during a fade
            window.wait_for_animations().await;
            window.screenshot(&format!("opened-{name}-{scheme}")).await;
            window
                .accessibility_violations()
                .await
                .into_iter()
                .map(|one| format!("{name} {scheme}: {one}"))
                .collect()
        };
        for (name, key) in [("move", "m"), ("block", "b"), ("keys", "?")] {
            focus(&window, "#INF-1 h3 a").await;
            window.press_key(key).await;
            window
                .wait_for(&format!("document.querySelector('{DIALOG}')"))
                .await;
            violations.extend(check_page(name).await);
            window.press_key("Escape").await;
            wait_until_dialog_is_closed(&window).await;
        }
        focus(&window, "#INF-1 h3 a").await;
        window.press_key("x").await;
        window
            .wait_for("!document.querySelector('[data-bulk-bar]').hidden")
            .await;
        violations.extend(check_page("several").await);
        // with a sticky toast
        window.click("[data-bulk-bar] button:not([name])").await;
        window
            .wait_for("document.querySelector('#toasts .stays')")
            .await;
        violations.extend(check_page("toast").await);
        window.press_key("Escape").await;
        window.press_key("c").await;
        window
            .wait_for("document.activeElement.closest('.new')")
            .await;
        violations.extend(check_page("new").await);
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edited_task_fields_are_saved_when_focus_leaves() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .run_script("document.querySelector('[name=title]').select()")
        .await;
    window.type_text("Cut Postgres over").await;
    focus(&window, "[name=estimate]").await;
    window
        .wait_for("document.querySelector('.timeline').textContent.includes('Cut Postgres over')")
        .await;
    focus(&window, "[name=estimate]").await;
    window.type_text("5").await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('.timeline').textContent.includes('estimated it at 5')")
        .await;
    // a value submitted with Enter is not submitted again when the focus leaves
    focus(&window, "[name=needed_by]").await;
    window.type_text("Growth").await;
    focus(&window, "[name=title]").await;
    window
        .wait_for("document.querySelector('.timeline').textContent.includes('Growth')")
        .await;
    let version: i64 = elif.load_task("INF-1").await["version"].as_i64().unwrap();
    assert_eq!(version, 4, "three changes, each sent once");
    // the board's shortcuts work here, too, and so does their list
    window.click(".timeline").await;
    window.press_key("a").await;
    window
        .wait_for("document.querySelector('aside .owner')?.textContent.includes('Elif')")
        .await;
    window.press_key("?").await;
    window
        .wait_for("document.querySelector('dialog[open] .keys')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_response_creates_no_duplicate_and_undo_survives_reload() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    // the first POST succeeds on the server, but its response is lost
    window
        .run_script(
            "const real = window.fetch; window.fetch = async (...what) => {
                 const answer = await real(...what);
                 if (what[1]?.method !== 'POST') return answer;
                 window.fetch = real; throw new TypeError('lost');
             }",
        )
        .await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement?.name === 'title'")
        .await;
    window.type_text("Ask Legal").await;
    window.press_key("Enter").await;
    window
        .wait_for("[...document.querySelectorAll('#toasts button')].some(button => button.textContent === 'Try again')")
        .await;
    window.run_script("[...document.querySelectorAll('#toasts button')].find(button => button.textContent === 'Try again').click()").await;
    window.wait_for_column("todo", &["INF-1"]).await;
    // the field is emptied and the stream shows the card before the second response has arrived
    window
        .wait_for("[...document.querySelectorAll('[aria-live=assertive]')].some(live => live.textContent.includes('Created INF-1'))")
        .await;
    assert!(
        window
            .evaluate::<bool>("document.querySelector('.new textarea').value === ''")
            .await
    );
    assert_eq!(
        fixture.world.column_keys("infrastructure", "todo").await,
        ["INF-1"]
    );

    window.open_board("/teams/infrastructure").await;
    window.press_key("u").await;
    window.wait_for_column("todo", &[]).await;
}

/// Details typed beside a person or a team describe the blocker and do not replace it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocker_details_keep_the_chosen_person_or_team() {
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
    for (key, kind, on) in [("INF-1", "person", "jonas"), ("INF-2", "team", "ingestion")] {
        focus(&window, &format!("#{key} h3 a")).await;
        window.press_key("b").await;
        wait_for_dialog(&window, &format!("What is {key} waiting on?")).await;
        // choosing a person or team selects the kind
        window
            .run_script(&format!("{{ const list = document.querySelector('dialog.small [name={kind}]'); list.value = '{on}'; list.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"))
            .await;
        window.click("dialog.small input[name=note]").await;
        window.type_text("the key").await;
        window.press_key("Enter").await;
        window
            .wait_for(&format!(
                "document.querySelector('[data-column=blocked] #{key} .blocked-by')"
            ))
            .await;
        let wait = &fixture.world.elif.load_task(key).await["blocked_by"][0];
        assert_eq!(
            (&wait["kind"], &wait["on"], &wait["note"]),
            (&kind.into(), &on.into(), &"the key".into()),
            "{wait}"
        );
        wait_until_dialog_is_closed(&window).await;
    }
    // a typed key is ignored once another kind is selected
    focus(&window, "#INF-3 h3 a").await;
    window.press_key("b").await;
    wait_for_dialog(&window, "What is INF-3 waiting on?").await;
    window.click("dialog.small input[name=on]").await;
    window.type_text("INF-1").await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press_key("Enter").await;
    window
        .wait_for("document.querySelector('[data-column=blocked] #INF-3 .blocked-by')")
        .await;
    let wait = &fixture.world.elif.load_task("INF-3").await["blocked_by"][0];
    assert_eq!(
        (&wait["kind"], &wait["note"]),
        (&"text".into(), &"Legal".into()),
        "{wait}"
    );

    // typing in the next field does not change the avatar's colour, either
    window.goto("/me").await;
    window
        .wait_for("customElements.get('sortable-board') && document.querySelector('#time_zone')")
        .await;
    let hue = "document.querySelector('[name=hue]:checked').value";
    let before: String = window.evaluate(hue).await;
    window.click("#time_zone").await;
    window.type_text("x").await;
    assert_eq!(window.evaluate::<String>(hue).await, before);
    assert_ne!(before, "0", "the first colour would prove nothing");
}
