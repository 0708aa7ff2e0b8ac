//! The search palette, its commands, and the keyboard shortcuts beside it.

use crate::browser_fixture::{BrowserFixture, Window};

const PALETTE: &str = "document.querySelector('dialog.palette[open]')";

/// Waits until the selected result contains this text.
async fn selected(window: &Window, text: &str) {
    window
        .wait_for(&format!(
            "{PALETTE}?.querySelector('[aria-selected=true]')?.textContent.includes('{text}')"
        ))
        .await;
}

async fn press_with(window: &Window, modifier: &str, key: &str) {
    window
        .run_script(&format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', code: 'Key{}', {modifier}: true, bubbles: true, cancelable: true }}))",
            key.to_uppercase()
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn palette_finds_tasks_and_runs_commands_by_keyboard() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let first = elif
        .create_task("infrastructure", "todo", "Cut Postgres over")
        .await;
    let second = elif
        .create_task("infrastructure", "todo", "Resume after a crash")
        .await;
    let comment = [("body", "lost on Postgres 15")];
    elif.post(&format!("/tasks/{second}/comments"), &comment)
        .await
        .ok();
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;

    // the best result is selected, the arrows go on, Enter opens
    window.press_key("/").await;
    window
        .wait_for(&format!(
            "{PALETTE} && document.activeElement.matches('.palette input')"
        ))
        .await;
    window.type_text("postg").await;
    selected(&window, "Cut Postgres over").await;
    assert!(
        window.accessibility_violations().await.is_empty(),
        "{:?}",
        window.accessibility_violations().await
    );
    window.screenshot("search-palette").await;
    window.press_key("ArrowDown").await;
    selected(&window, "lost on Postgres 15").await;
    window.press_key("Enter").await;
    window.wait_for_url(&format!("/tasks/{second}")).await;

    // Ctrl K works in a field; a key jumps to its task; Escape first empties, then closes
    window.open_board("/teams/infrastructure").await;
    window.press_key("f").await;
    window
        .wait_for("document.activeElement.id === 'find'")
        .await;
    press_with(&window, "ctrlKey", "k").await;
    window.wait_for(PALETTE).await;
    window.type_text(&first.to_lowercase()).await;
    selected(&window, "Cut Postgres over").await;
    // Tab lists what can be done with the task
    window.press_key("Tab").await;
    selected(&window, &format!("Open {first}")).await;
    window.type_text("assign").await;
    selected(&window, "to me").await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!(
            "document.querySelector('#{first} .avatar:not(.unassigned)')"
        ))
        .await;
    assert_eq!(elif.load_task(&first).await["owners"][0]["handle"], "elif");
    window.press_key("Escape").await;

    // commands for the focused card and for the page
    window
        .run_script(&format!("document.querySelector('#{second} h3 a').focus()"))
        .await;
    window.press_key("/").await;
    window.wait_for(PALETTE).await;
    window.type_text("archive").await;
    selected(&window, &format!("Archive {second}")).await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!("!document.getElementById('{second}')"))
        .await;
    window.press_key("/").await;
    window.wait_for(PALETTE).await;
    window.type_text("undo the").await;
    selected(&window, "Undo the last change").await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!("document.getElementById('{second}')"))
        .await;
    for (typed, name, url) in [
        ("group owner", "Group: Owner", "lanes=owner"),
        ("retro", "Infrastructure: Retro", "/retro"),
        ("elif hart", "Elif Hartmann", "/people/elif"),
    ] {
        window
            .wait_for("customElements.get('sortable-board') && document.readyState === 'complete'")
            .await;
        window.press_key("/").await;
        window.wait_for(PALETTE).await;
        window.type_text(typed).await;
        selected(&window, name).await;
        window.press_key("Enter").await;
        window.wait_for_url(url).await;
    }

    // a phone has the search in its bottom bar, and a button to close it
    window.resize(390, 844, true).await;
    window.goto("/").await;
    window
        .wait_for("customElements.get('sortable-board')")
        .await;
    window.click(".tab-bar [data-search]").await;
    window.wait_for(PALETTE).await;
    window.screenshot("search-palette-phone").await;
    window.click(".palette .close").await;
    window
        .wait_for("!document.querySelector('dialog[open]')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_works_without_scripts() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut Postgres over")
        .await;
    let window = fixture.open_window(elif).await;
    window.disable_scripts().await;
    window.goto("/teams/infrastructure").await;
    let (_, _) = window.center_of(".search-button").await;
    window.goto("/search?q=postgres").await;
    window
        .wait_for("document.querySelector('.results mark')?.textContent === 'Postgres'")
        .await;
    window.screenshot("search-results").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shortcuts_can_be_turned_off_and_never_take_typed_text() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    let card = format!("document.querySelector('#{key} h3 a').focus()");

    // a field loses the focus to a card in the middle of a sentence
    window.press_key("f").await;
    window
        .wait_for("document.activeElement.id === 'find'")
        .await;
    window.type_text("we").await;
    window.run_script(&card).await;
    window.type_text(" ache").await;
    window.run_script("document.activeElement.blur()").await;
    window.press_key("?").await;
    assert!(
        !window
            .evaluate::<bool>("Boolean(document.querySelector('dialog[open]'))")
            .await
    );
    assert!(
        elif.load_task(&key).await["owners"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    // on a keyboard without Latin letters the key counts, not its letter
    window.open_board("/teams/infrastructure").await;
    window.run_script(&card).await;
    window
        .run_script("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ь', code: 'KeyM', bubbles: true, cancelable: true }))")
        .await;
    window
        .wait_for("document.querySelector('dialog[open] [name=column]')")
        .await;
    window.press_key("Escape").await;
    // Enter that chooses a word of an input method adds nothing
    window
        .wait_for(&format!(
            "!document.querySelector('dialog[open]') && document.activeElement.closest('#{key}')"
        ))
        .await;
    window.press_key("c").await;
    window
        .wait_for("document.activeElement.matches('.new textarea')")
        .await;
    window.type_text("half").await;
    window
        .run_script("{ const e = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }); document.activeElement.dispatchEvent(e); }")
        .await;
    window
        .wait_for("document.activeElement.value === 'half'")
        .await;
    window.press_key("Escape").await;

    // with Alt, then off
    window.open_board("/teams/infrastructure").await;
    window.press_key("?").await;
    window
        .wait_for("document.querySelector('dialog[open] select')")
        .await;
    let choose = |value: &str| {
        format!(
            "{{ const s = document.querySelector('dialog[open] select'); s.value = '{value}'; s.dispatchEvent(new Event('change')); }}"
        )
    };
    window.run_script(&choose("alt")).await;
    window.press_key("Escape").await;
    window
        .wait_for("!document.querySelector('dialog[open]')")
        .await;
    window.run_script(&card).await;
    window.press_key("m").await;
    assert!(
        !window
            .evaluate::<bool>("Boolean(document.querySelector('dialog[open]'))")
            .await
    );
    press_with(&window, "altKey", "m").await;
    window
        .wait_for("document.querySelector('dialog[open] [name=column]')")
        .await;
    window.press_key("Escape").await;
    window
        .wait_for("!document.querySelector('dialog[open]')")
        .await;
    // the account menu shows the setting whatever it is
    window
        .run_script("document.querySelector('[data-keys]').click()")
        .await;
    window
        .wait_for("document.querySelector('dialog[open] select')?.value === 'alt'")
        .await;
    window.run_script(&choose("off")).await;
    window.press_key("Escape").await;
    window
        .wait_for("!document.querySelector('dialog[open]')")
        .await;
    window.run_script(&card).await;
    press_with(&window, "altKey", "m").await;
    window.press_key("m").await;
    press_with(&window, "ctrlKey", "k").await;
    window
        .wait_for(&format!(
            "{PALETTE} && document.querySelectorAll('dialog[open]').length === 1"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_mentions_are_completed_while_typing() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    elif.create_task("infrastructure", "todo", "Other").await;
    let window = fixture.open_window(elif).await;
    window.open_board("/teams/infrastructure").await;
    let shows = |text: &str| {
        format!(
            "[...document.querySelectorAll('.suggestions:not([hidden]) [role=option]')].some(o => o.dataset.insert === '{text}')"
        )
    };
    // what the language knows, then the values
    window.press_key("f").await;
    window.wait_for(&shows("is:blocked")).await;
    window.screenshot("filter-suggestions").await;
    window.type_text("ow").await;
    window
        .wait_for(&format!("{} && !{}", shows("owner:"), shows("is:blocked")))
        .await;
    window.press_key("ArrowDown").await;
    window.press_key("Enter").await;
    window
        .wait_for(&format!(
            "document.activeElement.value === 'owner:' && {}",
            shows("owner:me")
        ))
        .await;
    window.type_text("el").await;
    window
        .wait_for(&format!(
            "{} && !{}",
            shows("owner:elif"),
            shows("owner:me")
        ))
        .await;
    window.press_key("ArrowDown").await;
    window.press_key("Tab").await;
    window
        .wait_for("document.activeElement.value === 'owner:elif '")
        .await;
    window.press_key("Enter").await;
    window.wait_for_url("q=owner%3Aelif").await;

    // in a comment a mention is completed by Enter, which then starts a new line
    window.goto(&format!("/tasks/{key}")).await;
    window
        .wait_for("customElements.get('sortable-board')")
        .await;
    window
        .run_script("document.querySelector('form[action$=\"/comments\"] textarea').focus()")
        .await;
    window
        .wait_for("document.activeElement.getAttribute('aria-controls') === 'suggestions'")
        .await;
    window.type_text("Ask @jo").await;
    window.wait_for(&shows("@jonas")).await;
    assert!(
        window.accessibility_violations().await.is_empty(),
        "{:?}",
        window.accessibility_violations().await
    );
    window.press_key("Enter").await;
    window
        .wait_for("document.activeElement.value === 'Ask @jonas '")
        .await;
    window.type_text("INF-").await;
    window.wait_for(&shows(&key)).await;
    // Escape only closes the list
    window.press_key("Escape").await;
    window.wait_for("document.querySelector('.suggestions').hidden && document.activeElement.value === 'Ask @jonas INF-'").await;
}
