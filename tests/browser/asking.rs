//! Small questions over the board and the task: what is refused, what is asked on arrival, and keys in lists.

use axum::http::Method;

use crate::stage::{Stage, Window};

const SMALL: &str = "dialog.small[open]";

async fn until_asked(window: &Window, question: &str) {
    window
        .until(&format!(
            "document.querySelector('{SMALL} h1')?.textContent.includes('{question}')"
        ))
        .await;
}

async fn until_no_question(window: &Window) {
    // it is closed before it gives the focus back, and goes
    window
        .until("!document.querySelector('dialog.small')")
        .await;
}

async fn choose(window: &Window, list: &str, value: &str) {
    window
        .run(&format!(
            "document.querySelector('{list}').value = '{value}'"
        ))
        .await;
}

async fn focus(window: &Window, selector: &str) {
    window
        .run(&format!("document.querySelector('{selector}').focus()"))
        .await;
}

/// The team closes the next sprint; with all its figures, closing has stories of its own.
async fn close_sprint_43(stage: &Stage) {
    sqlx::query("INSERT INTO closings (team_id, sprint_id, closed_at, change_id, figures) SELECT t.id, s.id, now(), gen_random_uuid(), '{}' FROM teams t, sprints s WHERE t.key = 'INF' AND s.number = 43")
        .execute(&stage.world.db)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_question_that_is_refused_says_why_and_stays() {
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
    focus(&window, "#INF-1 h3 a").await;
    window.press("m").await;
    until_asked(&window, "Move INF-1").await;
    choose(&window, "dialog.small [name=column]", "in-review").await;
    mira.ask(
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
    window.until("document.querySelector('dialog.small [role=alert]')?.textContent.includes('Mira Okafor')").await;
    window
        .until("document.querySelector('dialog.small [name=column]').value === 'in-review'")
        .await;
    window.until_column("done", &["INF-1"]).await;
    window.picture("story-move-refused").await;
    let articles: usize = window
        .value("document.querySelectorAll('[data-task-page]').length")
        .await;
    assert_eq!(articles, 0, "a small question is no page");
    let found = window.violations().await;
    assert!(found.is_empty(), "{found:?}");
    // once more, having read it
    window
        .click("dialog.small form[action$=position] button")
        .await;
    window.until_column("in-review", &["INF-1"]).await;
    until_no_question(&window).await;

    // a sprint that is closed while it is being chosen: in the small question, and in the task
    window.press("m").await;
    until_asked(&window, "Move INF-1").await;
    close_sprint_43(&stage).await;
    choose(&window, "dialog.small [name=sprint]", "43").await;
    window.click("dialog.small form.beside button").await;
    window
        .until("document.querySelector('dialog.small [role=alert]')?.textContent.includes('has closed Sprint 43')")
        .await;
    window.press("Escape").await;
    until_no_question(&window).await;
    sqlx::query("DELETE FROM closings")
        .execute(&stage.world.db)
        .await
        .unwrap();
    window.goto("/tasks/INF-1").await;
    window
        .until("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    close_sprint_43(&stage).await;
    window.run("{ const list = document.querySelector('[name=sprint]'); list.value = '43'; list.dispatchEvent(new Event('change', { bubbles: true })); }").await;
    window
        .until(
            "document.querySelector('#sprint-error')?.textContent.includes('has closed Sprint 43')",
        )
        .await;
    assert_eq!(stage.world.elif.task("INF-1").await["sprint"], 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_in_blocked_is_asked_what_it_waits_on() {
    let stage = Stage::new().await;
    for title in ["one", "two"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    let to = window.middle("[data-column=blocked] ol").await;
    window.drag("#INF-1", to).await;
    until_asked(&window, "What is INF-1 waiting on?").await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press("Enter").await;
    window
        .until("document.querySelector('[data-column=blocked] #INF-1 .blocked-by')?.textContent.includes('Waits on Legal')")
        .await;
    // by menu
    window.click("#INF-2 .menu").await;
    until_asked(&window, "Move INF-2").await;
    choose(&window, "dialog.small [name=column]", "blocked").await;
    window
        .click("dialog.small form[action$=position] button")
        .await;
    until_asked(&window, "What is INF-2 waiting on?").await;
    window.press("Escape").await;
    until_no_question(&window).await;
    // written there; the cursor is back where it was
    window.click("[data-column=blocked] .add").await;
    window.until("document.activeElement.closest('.new')").await;
    window.type_text("Three").await;
    window.press("Enter").await;
    until_asked(&window, "What is INF-3 waiting on?").await;
    window.press("Escape").await;
    until_no_question(&window).await;
    window
        .until("document.activeElement.closest('[data-column=blocked] .new')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_letters_of_the_board_and_of_a_tasks_own_page() {
    let stage = Stage::new().await;
    for title in ["one", "two"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    focus(&window, "#INF-1 h3 a").await;
    window.press("m").await;
    until_asked(&window, "Move INF-1").await;
    window.press("Escape").await;
    until_no_question(&window).await;
    window.press("/").await;
    window.until("document.activeElement.matches('.search [name=q]') && document.activeElement.value === ''").await;
    focus(&window, "#INF-1 h3 a").await;
    window.press("e").await;
    window.until_column("todo", &["INF-2"]).await;
    window.press("u").await;
    window.until_column("todo", &["INF-1", "INF-2"]).await;
    // what is half written goes along to another column
    window.press("c").await;
    window
        .until("document.activeElement.closest('[data-column=todo] .new')")
        .await;
    window.type_text("Half a ti").await;
    window.click("[data-column=done] .add").await;
    window
        .until("document.activeElement.closest('[data-column=done] .new')")
        .await;
    window.type_text("tle").await;
    window.press("Enter").await;
    window.until_column("done", &["INF-3"]).await;
    window
        .until("document.querySelector('#INF-3 h3').textContent === 'Half a title'")
        .await;

    window.goto("/tasks/INF-1").await;
    window
        .until("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    for (key, question) in [("m", "Move INF-1"), ("b", "What is INF-1 waiting on?")] {
        window.press(key).await;
        until_asked(&window, question).await;
        window.press("Escape").await;
        until_no_question(&window).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrows_in_a_tasks_list_write_one_line_into_its_story() {
    let stage = Stage::new().await;
    stage.world.elif.make("infrastructure", "todo", "one").await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    window.click("#INF-1 h3 a").await;
    window
        .until("document.querySelector('dialog.modal[open] #sprint-INF-1')")
        .await;
    let edits = async || -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'task.edited'");
        count.fetch_one(&stage.world.db).await.unwrap()
    };
    // gone on to something else
    focus(&window, "#sprint-INF-1").await;
    for _ in 1..=3 {
        window.press("ArrowUp").await;
    }
    window.until("document.activeElement.value === ''").await;
    focus(&window, "dialog.modal .close").await;
    window
        .until("document.querySelectorAll('dialog.modal .timeline li').length === 2")
        .await;
    assert_eq!(
        (
            edits().await,
            &stage.world.elif.task("INF-1").await["sprint"]
        ),
        (1, &serde_json::Value::Null)
    );
    // or Enter
    focus(&window, "#sprint-INF-1").await;
    window.press("ArrowDown").await;
    window.press("ArrowDown").await;
    window.until("document.activeElement.value === '43'").await;
    window.press("Enter").await;
    window
        .until("document.querySelectorAll('dialog.modal .timeline li').length === 3")
        .await;
    assert_eq!(
        (
            edits().await,
            &stage.world.elif.task("INF-1").await["sprint"]
        ),
        (2, &43.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_opens_over_the_board_breaks_no_rule_of_accessibility() {
    let stage = Stage::new().await;
    for title in ["one", "two"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        window.scheme(scheme).await;
        window.board("/teams/infrastructure").await;
        let look = async |name: &str| -> Vec<String> {
            // a colour that is half faded in is nobody's contrast
            window.until("document.getAnimations().length === 0").await;
            window.picture(&format!("opened-{name}-{scheme}")).await;
            window
                .violations()
                .await
                .into_iter()
                .map(|one| format!("{name} {scheme}: {one}"))
                .collect()
        };
        for (name, key) in [("move", "m"), ("block", "b"), ("keys", "?")] {
            focus(&window, "#INF-1 h3 a").await;
            window.press(key).await;
            window
                .until(&format!("document.querySelector('{SMALL}')"))
                .await;
            found.extend(look(name).await);
            window.press("Escape").await;
            until_no_question(&window).await;
        }
        focus(&window, "#INF-1 h3 a").await;
        window.press("x").await;
        window
            .until("!document.querySelector('[data-bulk-bar]').hidden")
            .await;
        found.extend(look("several").await);
        // with a message that stays
        window.click("[data-bulk-bar] button:not([name])").await;
        window
            .until("document.querySelector('#toasts .stays')")
            .await;
        found.extend(look("toast").await);
        window.press("Escape").await;
        window.press("c").await;
        window.until("document.activeElement.closest('.new')").await;
        found.extend(look("new").await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_on_a_task_is_kept_when_the_reader_goes_on() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    elif.make("infrastructure", "todo", "Cut over").await;
    let window = stage.window(elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .run("document.querySelector('[name=title]').select()")
        .await;
    window.type_text("Cut Postgres over").await;
    focus(&window, "[name=estimate]").await;
    window
        .until("document.querySelector('.timeline').textContent.includes('Cut Postgres over')")
        .await;
    focus(&window, "[name=estimate]").await;
    window.type_text("5").await;
    window.press("Enter").await;
    window
        .until("document.querySelector('.timeline').textContent.includes('estimated it at 5')")
        .await;
    // what Enter has sent is not sent again by going on
    focus(&window, "[name=for]").await;
    window.type_text("Growth").await;
    focus(&window, "[name=title]").await;
    window
        .until("document.querySelector('.timeline').textContent.includes('Growth')")
        .await;
    let version: i64 = elif.task("INF-1").await["version"].as_i64().unwrap();
    assert_eq!(version, 4, "three changes, each once");
    // the letters of the board hold here too, and the list of them
    window.run("document.activeElement.blur()").await;
    window.press("a").await;
    window
        .until("document.querySelector('aside .owner')?.textContent.includes('Elif')")
        .await;
    window.press("?").await;
    window
        .until("document.querySelector('dialog[open] .keys')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_makes_no_second_task_and_undo_survives_a_reload() {
    let stage = Stage::new().await;
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    // the first answer does not come back, though what was asked was done
    window
        .run(
            "const real = window.fetch; window.fetch = async (...what) => {
                 const answer = await real(...what);
                 if (what[1]?.method !== 'POST') return answer;
                 window.fetch = real; throw new TypeError('lost');
             }",
        )
        .await;
    window.press("c").await;
    window
        .until("document.activeElement?.name === 'title'")
        .await;
    window.type_text("Ask Legal").await;
    window.press("Enter").await;
    window
        .until("[...document.querySelectorAll('#toasts button')].some(button => button.textContent === 'Try again')")
        .await;
    window.run("[...document.querySelectorAll('#toasts button')].find(button => button.textContent === 'Try again').click()").await;
    window.until_column("todo", &["INF-1"]).await;
    window
        .until("document.querySelector('.new textarea').value === ''")
        .await;
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-1"]
    );

    window.board("/teams/infrastructure").await;
    window.press("u").await;
    window.until_column("todo", &[]).await;
}

/// Words beside a person or a team are about them, and take nobody's place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_beside_whom_a_task_waits_on_leaves_whom_as_chosen() {
    let stage = Stage::new().await;
    for title in ["one", "two", "three"] {
        stage.world.elif.make("infrastructure", "todo", title).await;
    }
    let window = stage.window(&stage.world.elif).await;
    window.board("/teams/infrastructure").await;
    for (key, kind, on) in [("INF-1", "person", "jonas"), ("INF-2", "team", "ingestion")] {
        focus(&window, &format!("#{key} h3 a")).await;
        window.press("b").await;
        until_asked(&window, &format!("What is {key} waiting on?")).await;
        // choosing whom is choosing of which kind
        window
            .run(&format!("{{ const list = document.querySelector('dialog.small [name={kind}]'); list.value = '{on}'; list.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"))
            .await;
        window.click("dialog.small input[name=note]").await;
        window.type_text("the key").await;
        window.press("Enter").await;
        window
            .until(&format!(
                "document.querySelector('[data-column=blocked] #{key} .blocked-by')"
            ))
            .await;
        let wait = &stage.world.elif.task(key).await["waits_on"][0];
        assert_eq!(
            (&wait["kind"], &wait["on"], &wait["note"]),
            (&kind.into(), &on.into(), &"the key".into()),
            "{wait}"
        );
        until_no_question(&window).await;
    }
    // and a key is not meant any more once something else is chosen
    focus(&window, "#INF-3 h3 a").await;
    window.press("b").await;
    until_asked(&window, "What is INF-3 waiting on?").await;
    window.click("dialog.small input[name=on]").await;
    window.type_text("INF-1").await;
    window.click("dialog.small input[value=text]").await;
    window.click("dialog.small input[name=note]").await;
    window.type_text("Legal").await;
    window.press("Enter").await;
    window
        .until("document.querySelector('[data-column=blocked] #INF-3 .blocked-by')")
        .await;
    let wait = &stage.world.elif.task("INF-3").await["waits_on"][0];
    assert_eq!(
        (&wait["kind"], &wait["note"]),
        (&"text".into(), &"Legal".into()),
        "{wait}"
    );

    // nor does writing beside one's hue change it
    window.goto("/me").await;
    window
        .until("customElements.get('sortable-board') && document.querySelector('#time_zone')")
        .await;
    let hue = "document.querySelector('[name=hue]:checked').value";
    let before: String = window.value(hue).await;
    window.click("#time_zone").await;
    window.type_text("x").await;
    assert_eq!(window.value::<String>(hue).await, before);
    assert_ne!(before, "0", "the first one would prove nothing");
}
