//! The cover of a task: one of its pictures, at the top of its card.

use crate::{
    access::create_share_link,
    attachments::{attach, picture},
    fixtures::{Client, World},
};

const BOARD: &str = "/teams/infrastructure";

/// Attaches a picture, and returns its id.
async fn add_picture(client: &Client, key: &str, name: &str) -> String {
    let contents = picture(640, 360);
    let answer = attach(client, key, &[(name, &contents)]).await.status(201);
    let url = answer.json()["files"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    url.rsplit('/').next().unwrap().to_owned()
}

async fn use_as_cover(client: &Client, key: &str, id: &str) -> crate::fixtures::Response {
    client
        .post(&format!("/tasks/{key}/cover"), &[("attachment", id)])
        .await
}

/// The card of a task on the board.
async fn card(client: &Client, key: &str) -> String {
    let page = client.get(BOARD).await.ok().text();
    let rest = page.split(&format!("id=\"{key}\"")).nth(1).unwrap();
    rest.split("</li>").next().unwrap().to_owned()
}

#[tokio::test]
async fn cover_is_shown_on_the_card_and_can_be_undone() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = elif.create_task("infrastructure", "todo", "Other").await;
    let plain = card(elif, &other).await;
    let id = add_picture(elif, &key, "plan.png").await;
    let version = elif.load_task(&key).await["version"].as_i64().unwrap();
    let without = card(elif, &key).await;
    assert!(!without.contains("<img"), "{without}");
    use_as_cover(elif, &key, &id).await.status(303);
    let with = card(elif, &key).await;
    for expected in [
        &format!("src=\"/tasks/{key}/attachments/{id}/thumbnail\""),
        "width=\"640\"",
        "height=\"360\"",
        "loading=\"lazy\"",
        "alt=\"\"",
        "title=\"Attachments\"",
    ] {
        assert!(with.contains(expected), "{expected} in {with}");
    }
    // what has no cover is not longer
    assert_eq!(card(elif, &other).await, plain);
    assert_eq!(elif.load_task(&key).await["version"], version + 1);
    let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(
        page.contains("chose a cover picture") && page.contains("Remove cover"),
        "{page}"
    );
    // undone, like other changes
    let change: uuid::Uuid =
        sqlx::query_scalar("SELECT change_id FROM events ORDER BY at DESC, seq DESC LIMIT 1")
            .fetch_one(&world.db)
            .await
            .unwrap();
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    assert_eq!(card(elif, &key).await.len(), without.len());
    // and removed
    use_as_cover(elif, &key, &id).await.status(303);
    use_as_cover(elif, &key, "").await.status(303);
    assert!(!card(elif, &key).await.contains("<img"));
}

#[tokio::test]
async fn only_a_picture_of_the_task_can_be_its_cover() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = elif.create_task("infrastructure", "todo", "Other").await;
    let theirs = add_picture(elif, &other, "theirs.png").await;
    let answer = attach(elif, &key, &[("notes.txt", b"text")])
        .await
        .status(201);
    let text = answer.json()["files"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = text.rsplit('/').next().unwrap();
    for id in [theirs.as_str(), text] {
        use_as_cover(elif, &key, id).await.status(409);
    }
    use_as_cover(elif, &key, "nonsense").await.status(404);
    let id = add_picture(elif, &key, "plan.png").await;
    use_as_cover(&world.jonas, &key, &id).await.status(403);
    use_as_cover(elif, &key, &id).await.status(303);
    // its picture is deleted, and comes back
    elif.post(&format!("/tasks/{key}/attachments/{id}/delete"), &[])
        .await
        .status(303);
    assert!(!card(elif, &key).await.contains("<img"));
    let change: uuid::Uuid =
        sqlx::query_scalar("SELECT change_id FROM events ORDER BY at DESC, seq DESC LIMIT 1")
            .fetch_one(&world.db)
            .await
            .unwrap();
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    assert!(card(elif, &key).await.contains("<img"));
    // deleted for good
    sqlx::query("DELETE FROM attachments WHERE id = $1")
        .bind(id.parse::<uuid::Uuid>().unwrap())
        .execute(&world.db)
        .await
        .unwrap();
    let cover: Option<uuid::Uuid> =
        sqlx::query_scalar("SELECT cover_id FROM tasks WHERE number = 1 AND title = 'Cut over'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(cover, None);
}

#[tokio::test]
async fn guests_see_the_covers_of_the_cards_they_see() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let id = add_picture(elif, &key, "plan.png").await;
    use_as_cover(elif, &key, &id).await.status(303);
    let board = create_share_link(elif, "board").await;
    let check_in = create_share_link(elif, "check-in").await;
    let guest = world.stranger();
    let page = guest.get(&format!("/share/{board}")).await.ok().text();
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks WHERE title = 'Cut over'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let url = format!("/share/{board}/covers/{task}");
    assert!(page.contains(&format!("src=\"{url}\"")), "{page}");
    let picture = guest.get(&url).await.ok();
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert_eq!(picture.header("referrer-policy"), "no-referrer");
    assert!(
        !picture.headers.contains_key("content-disposition"),
        "it would name the file"
    );
    guest
        .get(&format!("/share/{check_in}/covers/{task}"))
        .await
        .status(404);
    // not of a card that the board does not show
    elif.post(&format!("/tasks/{key}"), &[("sprint", "")])
        .await
        .ok();
    guest.get(&url).await.status(404);
    elif.post(&format!("/tasks/{key}"), &[("sprint", "42")])
        .await
        .ok();
    guest.get(&url).await.ok();
    use_as_cover(elif, &key, "").await.status(303);
    guest.get(&url).await.status(404);
}
