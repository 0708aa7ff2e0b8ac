//! Forms that are refused keep what was typed, with scripts and without; and Enter does no harm.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objective_that_is_refused_keeps_its_words_in_the_page() {
    let stage = Stage::new().await;
    let window = stage.window(&stage.world.elif).await;
    window.goto("/teams/infrastructure/about").await;
    window
        .until("document.querySelector('#objectives #title') && document.readyState === 'complete'")
        .await;
    window
        .run("document.querySelector('#objectives #title').focus()")
        .await;
    window.type_text("Sleep").await;
    // the page's own limits are for the hand; the server's word counts
    window.run("document.querySelector('#why').removeAttribute('maxlength'); document.querySelector('#why').value = 'x'.repeat(2100)").await;
    window
        .run("document.querySelector('#why').form.requestSubmit()")
        .await;
    window
        .until(
            "document.querySelector('#why + .field-error')?.textContent.includes('at most 2000')",
        )
        .await;
    let kept: String = window
        .value("document.querySelector('#objectives #title').value")
        .await;
    assert_eq!(kept, "Sleep");
    window
        .run("document.querySelector('#why').value = 'Nobody is woken'")
        .await;
    window
        .run("document.querySelector('#why').form.requestSubmit()")
        .await;
    window
        .until("document.querySelector('.objective')?.textContent.includes('Nobody is woken')")
        .await;
    let left: String = window.value("document.querySelector('#title').value").await;
    assert_eq!(left, "", "the form is free for the next one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_line_that_no_script_sent_comes_back_to_be_put_right() {
    let stage = Stage::new().await;
    let window = stage.window(&stage.world.elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window
        .until("document.querySelector('#agenda input[name=text]')")
        .await;
    // sent past our scripts, which axe needs
    window.run("{ const line = document.querySelector('#agenda input[name=text]'); line.value = 'Who knows DNS? @nobodyhere'; line.form.submit(); }").await;
    window
        .until("document.querySelector('#text-error')?.textContent.includes('nobodyhere')")
        .await;
    window.picture("story-given-back").await;
    let typed: String = window.value("document.querySelector('#text').value").await;
    assert_eq!(typed, "Who knows DNS? @nobodyhere");
    let found = window.violations().await;
    assert!(found.is_empty(), "{found:?}");
    window
        .run("document.querySelector('#text').value = 'Who knows DNS? @elif'")
        .await;
    window
        .run("document.querySelector('main button').click()")
        .await;
    window.until("location.pathname === '/teams/infrastructure/standup' && document.querySelector('#agenda').textContent.includes('for Elif')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enter_on_a_ticked_box_of_planning_changes_nothing() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let key = elif.make("infrastructure", "todo", "Cut over").await;
    for scripts in [true, false] {
        let window = stage.window(elif).await;
        if !scripts {
            window.without_scripts().await;
        }
        window
            .goto("/teams/infrastructure/planning?sprint=42")
            .await;
        window
            .until(
                "document.querySelector('#backlog-INF-1 input') && document.readyState === 'complete'",
            )
            .await;
        window
            .run("document.querySelector('#backlog-INF-1 input').focus()")
            .await;
        window.press("Space").await;
        window.press("Enter").await;
        // what Enter would have sent is there before what the page asks for after it
        let later = "fetch('/teams/infrastructure').then(() => fetch('/healthz')).then(answer => answer.ok)";
        assert!(window.value::<bool>(later).await);
        assert_eq!(elif.task(&key).await["sprint"], 42, "scripts: {scripts}");
        let ticked: bool = window
            .value("document.querySelector('#backlog-INF-1 input').checked")
            .await;
        assert!(ticked, "it is still ticked; scripts: {scripts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_put_right_where_it_stands_and_taken_away() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let topic = [("meeting", "standup"), ("text", "Opinons on DNS @elif")];
    elif.post("/teams/infrastructure/topics", &topic).await.ok();
    let window = stage.window(elif).await;
    window.goto("/teams/infrastructure/standup").await;
    window
        .until("document.querySelector('#agenda summary') && document.readyState === 'complete'")
        .await;
    window.click("#agenda summary").await;
    // a colour that is half faded in is nobody's contrast
    window.until("document.querySelector('#agenda details[open]') && document.getAnimations().length === 0").await;
    window.picture("story-topic").await;
    let found = window.violations().await;
    assert!(found.is_empty(), "{found:?}");
    window.run("{ const field = document.querySelector('#agenda details input[name=text]'); field.value = 'Opinions on DNS'; field.form.requestSubmit(); }").await;
    window
        .until("document.querySelector('#agenda .action')?.textContent.includes('Opinions on DNS')")
        .await;
    window
        .run("document.querySelector('#agenda form[action$=remove] button').click()")
        .await;
    window
        .until("document.querySelector('#agenda') && !document.querySelector('#agenda .action')")
        .await;
}
