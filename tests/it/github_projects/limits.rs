//! GitHub limits how often it is asked, refuses tokens, and answers with errors. Whatever it does, both sides become equal
//! later, and the page tells why they are not yet.

use serde_json::json;
use time::Duration;

use super::{Connected, PAGE, TOKEN};

const MINUTES: Duration = Duration::minutes(3);

#[tokio::test]
async fn limits_are_waited_for() {
    let both = Connected::new().await;
    let item = both.github.add(json!({ "title": "Copy the schema" })).await;
    let page = both.connect().await;
    let spoil = |kind: &str| json!({ "do": "misbehave", "share": 1, "kinds": [kind] });
    let behave = json!({ "do": "misbehave", "share": 0, "kinds": [] });

    // a secondary limit, with the time to wait
    both.github
        .change(&item, json!({ "title": "Copy it" }))
        .await;
    both.github.tell(spoil("secondary")).await;
    both.sync_after(MINUTES).await;
    let asked = both.github.count("requests").await;
    assert!(
        both.page(&page)
            .await
            .contains("GitHub limits how often it is asked")
    );
    both.github.tell(behave.clone()).await;
    both.sync_after(Duration::seconds(50)).await;
    assert_eq!(
        both.github.count("requests").await,
        asked,
        "within the minute"
    );
    both.sync_after(Duration::seconds(15)).await;
    assert_eq!(both.titles().await, ["Copy it"]);
    assert!(!both.page(&page).await.contains("limits how often"));

    // the points of the token are used up for ten minutes
    both.github
        .change(&item, json!({ "title": "Copy all" }))
        .await;
    both.github.tell(spoil("exhausted")).await;
    both.sync_after(MINUTES).await;
    let asked = both.github.count("requests").await;
    both.github.tell(behave.clone()).await;
    both.sync_after(Duration::minutes(8)).await;
    assert_eq!(both.github.count("requests").await, asked);
    both.sync_after(Duration::minutes(3)).await;
    assert_eq!(both.titles().await, ["Copy all"]);

    // errors with status 200, of the server, and lost connections: tried again soon
    for (kind, title) in [
        ("errors", "a"),
        ("500", "b"),
        ("drop", "c"),
        ("conflict", "d"),
    ] {
        both.github.change(&item, json!({ "title": title })).await;
        both.github.tell(spoil(kind)).await;
        both.sync_after(MINUTES).await;
        assert!(
            both.page(&page).await.contains("It is tried again"),
            "{kind}"
        );
        both.github.tell(behave.clone()).await;
        both.sync_after(Duration::seconds(20)).await;
        assert_eq!(both.titles().await, [title], "{kind}");
    }
}

#[tokio::test]
async fn hour_of_looking_costs_a_tenth_of_the_points_at_most() {
    let both = Connected::new().await;
    for number in 0..250 {
        both.github
            .add(json!({ "title": format!("Task {number}") }))
            .await;
    }
    both.connect().await;
    both.sync_after(MINUTES).await;
    let before = both.github.count("cost").await;
    for _ in 0..360 {
        both.sync_after(Duration::seconds(10)).await;
    }
    let cost = both.github.count("cost").await - before;
    assert!((1..=500).contains(&cost), "{cost}");
    let state = both.github.state().await;
    let lists = state["counts"]["byOperation"]["List"].as_i64().unwrap();
    assert!(lists > 20, "it did look: {lists}");
}

#[tokio::test]
async fn many_writes_are_spread_over_minutes() {
    let both = Connected::new().await;
    for number in 0..100 {
        both.elif
            .create_task("infrastructure", "todo", &format!("Task {number}"))
            .await;
    }
    both.connect().await;
    let mut before = 0;
    for _ in 0..8 {
        let writes = both.github.count("mutations").await;
        // One item may take several writes.
        assert!(writes - before <= 44, "{} at once", writes - before);
        before = writes;
        both.sync_after(Duration::seconds(61)).await;
    }
    assert_eq!(both.github.items().await.len(), 100);
    let without = both.github.items().await;
    assert!(
        without
            .iter()
            .all(|item| item["values"]["F_status"] == "f75ad846")
    );
}

#[tokio::test]
async fn refused_token_is_told_and_a_new_one_goes_on() {
    let both = Connected::new().await;
    let item = both.github.add(json!({ "title": "Copy the schema" })).await;
    let page = both.connect().await;
    sqlx::query("UPDATE github_projects SET token = 'revoked'")
        .execute(&both.world.db)
        .await
        .unwrap();
    both.github
        .change(&item, json!({ "title": "Copy it" }))
        .await;
    both.sync_after(MINUTES).await;
    let text = both.page(&page).await;
    assert!(text.contains("GitHub does not accept the token."), "{text}");

    let path = format!("{page}/token");
    let refused = both
        .elif
        .post(&path, &[("token", "wrong")])
        .await
        .status(422);
    assert!(refused.text().contains("GitHub does not accept the token."));
    both.elif.post(&path, &[("token", TOKEN)]).await.status(303);
    both.sync().await;
    assert_eq!(both.titles().await, ["Copy it"]);
    assert!(!both.page(&page).await.contains("does not accept"));
}

#[tokio::test]
async fn draft_whose_answer_was_lost_is_not_sent_twice() {
    let both = Connected::new().await;
    both.connect().await;
    both.elif
        .create_task("infrastructure", "todo", "Buy disks")
        .await;
    both.github
        .tell(json!({ "do": "misbehave", "share": 1, "kinds": ["lost"], "only": "AddDraft" }))
        .await;
    both.sync_after(Duration::seconds(3)).await;
    assert_eq!(both.github.items().await.len(), 1, "it arrived");
    both.github
        .tell(json!({ "do": "misbehave", "share": 0, "kinds": [] }))
        .await;
    both.sync_after(MINUTES).await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.github.items().await.len(), 1);
    assert_eq!(both.titles().await, ["Buy disks"]);
    assert_eq!(
        both.github.item("Buy disks").await["values"]["F_status"],
        "f75ad846"
    );
}

#[tokio::test]
async fn what_was_entered_wrongly_is_refused_in_words() {
    let both = Connected::new().await;
    let address = |path: &str| format!("{}{path}", both.github.address);
    for (address, token, said) in [
        (
            "acme/7".to_owned(),
            TOKEN,
            "Enter the address of the project",
        ),
        (
            address("/orgs/acme/projects/8"),
            TOKEN,
            "GitHub shows no such project",
        ),
        (
            address("/orgs/nobody/projects/7"),
            TOKEN,
            "GitHub shows no such project",
        ),
        (
            address("/orgs/acme/projects/7"),
            "wrong",
            "GitHub does not accept the token",
        ),
        (address("/orgs/acme/projects/7"), "", "Enter a token"),
        (
            "http://10.0.0.1/orgs/acme/projects/7".to_owned(),
            TOKEN,
            "10.0.0.1",
        ),
        (
            "https://[::1]/orgs/acme/projects/7".to_owned(),
            TOKEN,
            "::1",
        ),
    ] {
        let fields = [
            ("address", address.as_str()),
            ("token", token),
            ("project", ""),
        ];
        let text = both.elif.post(PAGE, &fields).await.status(422).text();
        assert!(text.contains(said), "{address}: {text}");
        assert!(
            token.is_empty() || !text.contains(token),
            "the token is not shown"
        );
    }
    // A project of another team is none of this one's.
    let project = [
        ("team", "ingestion"),
        ("name", "Theirs"),
        ("measure", "yes-no"),
        ("target", "1"),
    ];
    both.world
        .jonas
        .post("/projects", &project)
        .await
        .status(303);
    let address = address("/orgs/acme/projects/7");
    let fields = [
        ("address", address.as_str()),
        ("token", TOKEN),
        ("project", "theirs"),
    ];
    let text = both.elif.post(PAGE, &fields).await.status(422).text();
    assert!(text.contains("The team has no such project."), "{text}");
}
