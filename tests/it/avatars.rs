//! People's pictures: small squares without metadata, for everyone who is signed in.

use std::io::Cursor;

use axum::{
    body::Body,
    http::{Request, header},
};
use fortnight::domain::attachments::delete_unused;
use image::ImageFormat;
use time::Duration;

use crate::{
    attachments::picture,
    fixtures::{Client, NOW, Response, World},
};

/// Sends the form of the account page.
pub async fn upload(client: &Client, contents: &[u8]) -> Response {
    let mut body =
        b"--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"me.png\"\r\n\r\n"
            .to_vec();
    body.extend(contents);
    body.extend(b"\r\n--x--\r\n");
    let request = Request::post("/me/avatar")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Body::from(body))
        .unwrap();
    client.send(request).await
}

/// The address of the style sheet on a page, if it has one.
fn styles(page: &str) -> Option<String> {
    let rest = page.split("/people/avatars/").nth(1)?;
    let version = rest.split('"').next()?;
    Some(format!("/people/avatars/{version}"))
}

async fn picture_in(client: &Client, styles: &str) -> Option<String> {
    let sheet = client.get(styles).await.ok();
    assert!(
        sheet.header("cache-control").contains("private")
            && sheet.header("cache-control").contains("immutable"),
        "{}",
        sheet.header("cache-control")
    );
    let text = sheet.text();
    Some(text.split("url(\"").nth(1)?.split('"').next()?.to_owned())
}

#[tokio::test]
async fn picture_is_a_small_square_that_every_page_shows() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    let board = "/teams/infrastructure";
    let before = jonas.get(board).await.ok();
    assert_eq!(styles(&before.text()), None);
    upload(elif, &picture(1200, 500)).await.status(303);
    // the cached board too
    let page = jonas.get(board).await.ok().text();
    let sheet = styles(&page).unwrap();
    let mark = &elif.person.id.simple().to_string()[20..];
    assert!(page.contains(&format!("data-person=\"{mark}\"")), "{page}");
    let css = jonas.get(&sheet).await.ok().text();
    assert!(
        css.contains(&format!(".avatar[data-person=\"{mark}\"]")),
        "{css}"
    );
    let url = picture_in(jonas, &sheet).await.unwrap();
    let got = jonas.get(&url).await.ok();
    assert_eq!(got.header("content-type"), "image/jpeg");
    assert!(got.header("content-security-policy").contains("sandbox"));
    let small = image::load(Cursor::new(&got.body), ImageFormat::Jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (96, 96));
    world.stranger().get(&url).await.status(303);
    world.stranger().get(&sheet).await.status(303);
    // not deleted as unused
    delete_unused(&world.db, &world.app.files, NOW + Duration::days(2))
        .await
        .unwrap();
    jonas.get(&url).await.ok();

    // another picture has another address, and the former one is gone
    upload(elif, &picture(64, 640)).await.status(303);
    let newer = styles(&jonas.get(board).await.ok().text()).unwrap();
    assert_ne!(newer, sheet);
    jonas.get(&url).await.status(404);
    let page = elif.get("/me").await.ok().text();
    assert!(page.contains("Replace picture") && page.contains("Remove picture"));
    for _ in 0..2 {
        elif.post("/me/avatar/remove", &[]).await.status(303);
    }
    let last = styles(&jonas.get(board).await.ok().text()).unwrap();
    assert_eq!(picture_in(jonas, &last).await, None);
    assert!(!elif.get("/me").await.ok().text().contains("Remove picture"));
}

#[tokio::test]
async fn what_is_no_picture_or_too_large_is_refused() {
    let world = World::new().await;
    let elif = &world.elif;
    let cut = &picture(300, 200)[..200];
    for contents in [&b"GIF, or so"[..], b"", cut] {
        let page = upload(elif, contents).await.status(422).text();
        assert!(
            page.contains("is not a picture that can be read")
                && page.contains("Your picture was not changed"),
            "{page}"
        );
    }
    let mut wide = picture(10, 10);
    // width and height in the head of a PNG, which are compared before anything is decoded
    wide[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let mut crc = flate2::Crc::new();
    crc.update(&wide[12..29]);
    wide[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let page = upload(elif, &wide).await.status(422).text();
    assert!(page.contains("It can have at most 40 million"), "{page}");
    let large = vec![7; 25_000_001];
    let page = upload(elif, &large).await.status(422).text();
    assert!(
        page.contains("“me.png” is larger than 25.0 MB")
            && page.contains("Your picture was not changed"),
        "{page}"
    );
    sqlx::query("INSERT INTO stored_files (hash, bytes, stored_at) VALUES (repeat('a', 64), 10000000000, $1)")
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
    let page = upload(elif, &picture(64, 64)).await.status(422).text();
    assert!(
        page.contains("The workspace has no more space for files. Your picture was not changed."),
        "{page}"
    );
    let none: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts WHERE avatar IS NOT NULL")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(none, 0);
}

/// Guests see initials.
#[tokio::test]
async fn guests_see_no_pictures() {
    let world = World::new().await;
    upload(&world.elif, &picture(64, 64)).await.status(303);
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let secret = crate::access::create_share_link(&world.elif, "board").await;
    let guest = world.stranger();
    let page = guest.get(&format!("/share/{secret}")).await.ok().text();
    assert_eq!(styles(&page), None);
}
