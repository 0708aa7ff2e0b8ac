//! Open event streams end within five seconds after their access has ended.

use std::time::Duration;

use axum::http::Method;
use fortnight::domain::policy::viewer::Scope;
use serde_json::json;
use time::Duration as Span;
use tokio::time::timeout;

use crate::{
    access::create_share_link,
    asset_serving::{Served, Stream},
    fixtures::World,
    people::create_account,
};

async fn expect_end(name: &str, stream: &mut Stream) {
    let ended = timeout(Duration::from_secs(5), async {
        while stream.next().await.is_some() {}
    });
    ended
        .await
        .unwrap_or_else(|_| panic!("{name}: not within five seconds"));
}

/// Cases 17, 19. Other streams stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_stream_ends_when_its_access_ends() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let program = world.program_of(&tomas, Scope::Read).await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let guest = world.stranger();
    let day = [("name", "For a day"), ("shows", "board"), ("days", "1")];
    let page = elif
        .post("/teams/infrastructure/share-links", &day)
        .await
        .status(200)
        .text();
    let short = page
        .split("/share/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let (lasting, of_tomas) = (
        create_share_link(elif, "check-in").await,
        create_share_link(&tomas, "check-in").await,
    );
    elif.post("/teams/infrastructure/public", &[("public", "1")])
        .await
        .ok();
    jonas
        .post("/teams/ingestion/public", &[("public", "1")])
        .await
        .ok();

    let open = async |path: String| served.listen_at(&guest, &path, None).await;
    let mut expires = open(format!("/share/{short}/live")).await;
    let mut makers = open(format!("/share/{of_tomas}/live")).await;
    let mut taken_back = open("/public/infrastructure/live".to_owned()).await;
    let mut turned_private = open("/public/ingestion/live".to_owned()).await;
    let mut tokens = served.listen(&program, "infrastructure", None).await;
    let mut stays = open(format!("/share/{lasting}/live")).await;

    world.app.clock.advance(Span::days(1));
    elif.post("/teams/infrastructure/public", &[]).await.ok();
    jonas
        .post("/teams/ingestion/visibility", &[("private", "1")])
        .await
        .ok();
    ada.post("/settings/people/tomas", &[("do", "deactivate")])
        .await
        .ok();
    tokio::join!(
        expect_end("an expired link", &mut expires),
        expect_end("a link of a deactivated creator", &mut makers),
        expect_end("a revoked public page", &mut taken_back),
        expect_end("the public page of a private team", &mut turned_private),
        expect_end("a token of a deactivated account", &mut tokens),
    );
    // they cannot be opened again, and other streams are still open
    for path in [
        format!("/share/{short}"),
        format!("/share/{of_tomas}"),
        "/public/ingestion".to_owned(),
    ] {
        for of in ["", "/live"] {
            guest.get(&format!("{path}{of}")).await.status(404);
        }
    }
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    elif.create_task("infrastructure", "todo", "Goes on").await;
    stays.next_named("reset").await;
}
