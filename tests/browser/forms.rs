//! Refused forms keep what was typed, with and without scripts, and Enter changes nothing by accident.

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_objective_keeps_the_typed_text() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.goto("/teams/infrastructure/about").await;
    window
        .wait_for(
            "document.querySelector('#objectives #title') && document.readyState === 'complete'",
        )
        .await;
    window
        .run_script("document.querySelector('#objectives #title').focus()")
        .await;
    window.type_text("Sleep").await;
    // remove the field's own limit, so that the server refuses the text
    window.run_script("document.querySelector('#why').removeAttribute('maxlength'); document.querySelector('#why').value = 'x'.repeat(2100)").await;
    window
        .run_script("document.querySelector('#why').form.requestSubmit()")
        .await;
    window
        .wait_for(
            "document.querySelector('#why + .field-error')?.textContent.includes('at most 2000')",
        )
        .await;
    let title: String = window
        .evaluate("document.querySelector('#objectives #title').value")
        .await;
    assert_eq!(title, "Sleep");
    window
        .run_script("document.querySelector('#why').value = 'Quiet nights'")
        .await;
    window
        .run_script("document.querySelector('#why').form.requestSubmit()")
        .await;
    window
        .wait_for("document.querySelector('.objective')?.textContent.includes('Quiet nights')")
        .await;
    let left: String = window
        .evaluate("document.querySelector('#title').value")
        .await;
    assert_eq!(left, "", "the form is empty for the next one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_topic_sent_without_scripts_can_be_corrected() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window
        .wait_for("document.querySelector('#agenda input[name=text]')")
        .await;
    // submit() bypasses our scripts, which have to run for axe
    window.run_script("{ const line = document.querySelector('#agenda input[name=text]'); line.value = 'Who knows DNS? '.repeat(40); line.form.submit(); }").await;
    window
        .wait_for("document.querySelector('#text-error')?.textContent")
        .await;
    window.screenshot("story-given-back").await;
    let typed: String = window
        .evaluate("document.querySelector('#text').value")
        .await;
    assert_eq!(typed, "Who knows DNS? ".repeat(40));
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
    window
        .run_script("document.querySelector('#text').value = 'Who knows DNS? @elif'")
        .await;
    window
        .run_script("document.querySelector('main button').click()")
        .await;
    window.wait_for("location.pathname === '/teams/infrastructure/standup' && document.querySelector('#agenda').textContent.includes('for Elif')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enter_on_a_planning_checkbox_changes_nothing() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    for scripts in [true, false] {
        let window = fixture.open_window(elif).await;
        if !scripts {
            window.disable_scripts().await;
        }
        window
            .goto("/teams/infrastructure/planning?sprint=42")
            .await;
        window
            .wait_for(
                "document.querySelector('#backlog-INF-1 input') && document.readyState === 'complete'",
            )
            .await;
        window
            .run_script("document.querySelector('#backlog-INF-1 input').focus()")
            .await;
        window.press_key("Space").await;
        window.press_key("Enter").await;
        // a request that Enter had sent would arrive before these two
        let later = "fetch('/teams/infrastructure').then(() => fetch('/healthz')).then(answer => answer.ok)";
        assert!(window.evaluate::<bool>(later).await);
        assert_eq!(
            elif.load_task(&key).await["sprint"],
            42,
            "scripts: {scripts}"
        );
        let ticked: bool = window
            .evaluate("document.querySelector('#backlog-INF-1 input').checked")
            .await;
        assert!(ticked, "it is still checked; scripts: {scripts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topic_is_edited_in_place_and_removed() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let topic = [("meeting", "standup"), ("text", "Opinons on DNS @elif")];
    elif.post("/teams/infrastructure/topics", &topic).await.ok();
    let window = fixture.open_window(elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window
        .wait_for("document.querySelector('#agenda summary') && document.readyState === 'complete'")
        .await;
    window.click("#agenda summary").await;
    // wait for transitions: contrast cannot be measured during a fade
    window.wait_for("document.querySelector('#agenda details[open]') && document.getAnimations().length === 0").await;
    window.screenshot("story-topic").await;
    let violations = window.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");
    window.run_script("{ const field = document.querySelector('#agenda details input[name=text]'); field.value = 'Opinions on DNS'; field.form.requestSubmit(); }").await;
    window
        .wait_for(
            "document.querySelector('#agenda .action')?.textContent.includes('Opinions on DNS')",
        )
        .await;
    window
        .run_script("document.querySelector('#agenda form[action$=remove] button').click()")
        .await;
    window
        .wait_for("document.querySelector('#agenda') && !document.querySelector('#agenda .action')")
        .await;
}

/// Fault H3. The change was made, its response was lost, and the person tries again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comment_whose_response_was_lost_is_added_once() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Renew certificates")
        .await;
    let window = fixture.open_window(elif).await;
    window.goto("/tasks/INF-1").await;
    window
        .wait_for("document.readyState === 'complete' && document.querySelector('[action$=\"/comments\"] textarea')")
        .await;
    window
        .run_script(
            "{ const real = window.fetch; let isLost = false;
               window.fetch = async (...request) => {
                 const response = await real(...request);
                 if (request[1]?.method !== 'POST' || isLost) return response;
                 isLost = true;
                 throw new TypeError('the connection was lost');
               }; }",
        )
        .await;
    window
        .run_script("{ const text = document.querySelector('[action$=\"/comments\"] textarea'); text.value = 'Done for eu-west'; text.dispatchEvent(new Event('input', { bubbles: true })); text.form.requestSubmit(); }")
        .await;
    window
        .wait_for("document.querySelector('#toasts')?.textContent.includes('Could not reach the server.')")
        .await;
    window
        .run_script("document.querySelector('#toasts button').click()")
        .await;
    // the page is loaded anew: it shows the comment, and offers to undo it
    window
        .wait_for_page("location.search.includes('did=') && document.querySelector('.timeline')?.textContent.includes('Done for eu-west')")
        .await;
    window.screenshot("story-sent-twice").await;
    let comments: Vec<String> = sqlx::query_scalar("SELECT body FROM comments")
        .fetch_all(&fixture.world.db)
        .await
        .unwrap();
    assert_eq!(comments, ["Done for eu-west"]);
    let draft: String = window
        .evaluate("document.querySelector('[action$=\"/comments\"] textarea').value")
        .await;
    assert_eq!(draft, "", "what was saved is no draft");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn form_that_loads_a_page_is_sent_with_a_key() {
    let fixture = BrowserFixture::new().await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.goto("/me").await;
    window.wait_for("document.readyState === 'complete'").await;
    // stops after our own listener has added the key
    window
        .run_script(
            "addEventListener('submit', (event) => {
               event.preventDefault();
               (window.sentKeys ??= []).push(new FormData(event.target).get('idempotency_key'));
             });
             { const form = document.querySelector('main form[method=post]:not([data-enhance])');
               form.noValidate = true;
               form.requestSubmit();
               form.requestSubmit(); }",
        )
        .await;
    let keys: Vec<String> = window.evaluate("window.sentKeys").await;
    assert_eq!(keys.len(), 2);
    assert!(keys[0].len() == 32, "{keys:?}");
    assert_eq!(keys[0], keys[1], "pressed twice, it is the same request");
}
