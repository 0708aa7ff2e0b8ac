//! Files attached to tasks: uploading, serving, deleting, and what is refused.

use std::io::Cursor;

use axum::{
    body::Body,
    http::{Request, header},
};
use fortnight::{
    db::{backup::place::Place as StoragePlace, file_store::FileStore},
    domain::attachments::{adopt_unknown, delete_unused},
};
use image::{DynamicImage, ImageFormat, RgbImage};
use time::Duration;

use crate::{
    backups::path_in,
    fixtures::{Client, NOW, Response, World},
    lifecycle::{create_by_command_line, new_browser, sign_in},
    memory::resident,
    program::{Place, Server, wait_until},
};

/// A PNG of this size.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, ImageFormat::Png)
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let pixels = RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 99])
    });
    DynamicImage::from(pixels)
        .write_to(&mut file, format)
        .unwrap();
    file.into_inner()
}

/// The body of a form with these files, with the boundary `x`.
pub fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, contents) in files {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*contents);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    body
}

async fn upload(client: &Client, key: &str, accept: &str, files: &[(&str, &[u8])]) -> Response {
    let request = Request::post(format!("/tasks/{key}/attachments"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .header(header::ACCEPT, accept)
        .body(Body::from(form(files)))
        .unwrap();
    client.send(request).await
}

/// Attaches files as our script does.
pub async fn attach(client: &Client, key: &str, files: &[(&str, &[u8])]) -> Response {
    upload(
        client,
        key,
        "application/json, application/problem+json",
        files,
    )
    .await
}

/// The address of the first file of an answer.
fn url_of(response: &Response) -> String {
    response.json()["files"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn attached_file_is_listed_and_served_whole_and_in_parts() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let attached = attach(&world.elif, &key, &[("a [b].txt", b"0123456789")])
        .await
        .status(201);
    assert_eq!(
        attached.json()["files"][0]["markdown"],
        format!("[a  b .txt]({})", url_of(&attached))
    );
    let url = url_of(&attached);
    let page = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(page.contains(&format!("href=\"{url}\"")), "{page}");
    assert!(page.contains("attached “a [b].txt”"), "{page}");

    let board = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("title=\"Attachments\""), "{board}");

    // people outside the team see open tasks
    let file = world.jonas.get(&url).await.ok();
    assert_eq!(file.text(), "0123456789");
    let etag = file.header("etag").to_owned();
    for (name, value, status, body) in [
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=-3", 206, "789"),
        ("range", "bytes=10-", 416, ""),
        ("range", "bytes=1-2,4-5", 200, "0123456789"),
        ("if-none-match", etag.as_str(), 304, ""),
    ] {
        let request = Request::get(&url).header(name, value);
        let part = world.elif.send(request.body(Body::empty()).unwrap()).await;
        let part = part.status(status);
        if status != 416 {
            assert_eq!(part.text(), body, "{name}: {value}");
        }
        if status == 206 {
            assert!(part.header("content-range").ends_with("/10"));
        }
    }
    world.stranger().get(&url).await.status(303);
}

/// Cases 40, 41.
#[tokio::test]
async fn only_pictures_are_shown_and_names_are_encoded() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (name, contents) in [
        ("x.svg", &svg[..]),
        ("<script>x%22é.html", b"<script>alert(1)</script>"),
        ("fake.png", b"\x89PNG\r\n\x1a\nnonsense"),
        // a damaged picture keeps what it says about itself, and is not shown
        ("cut.png", &picture(300, 200)[..200]),
    ] {
        let url = url_of(
            &attach(&world.elif, &key, &[(name, contents)])
                .await
                .status(201),
        );
        let file = world.elif.get(&url).await.ok();
        assert_eq!(file.header("content-type"), "application/octet-stream");
        assert!(
            file.header("content-disposition")
                .starts_with("attachment; "),
            "{name}"
        );
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert!(file.header("content-security-policy").contains("sandbox"));
        assert!(
            file.headers["content-disposition"].to_str().is_ok(),
            "only ASCII"
        );
        world
            .elif
            .get(&format!("{url}/thumbnail"))
            .await
            .status(404);
    }
    let page = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(!page.contains("<script>x"), "{page}");

    let url = url_of(
        &attach(&world.elif, &key, &[("plan.exe", &picture(30, 20))])
            .await
            .status(201),
    );
    let shown = world.elif.get(&url).await.ok();
    assert_eq!(shown.header("content-type"), "image/png");
    assert_eq!(
        shown.header("content-disposition"),
        "inline; filename=\"plan.exe\"; filename*=UTF-8''plan.exe"
    );
    assert!(shown.header("content-security-policy").contains("sandbox"));
    let small = world.elif.get(&format!("{url}/thumbnail")).await.ok();
    assert_eq!(small.header("content-type"), "image/jpeg");
    assert!(small.body.starts_with(b"\xFF\xD8\xFF"));
}

/// Case 6.
#[tokio::test]
async fn attachment_is_found_only_at_its_own_task() {
    let world = World::new().await;
    let theirs = world.jonas.create_task("ingestion", "todo", "Theirs").await;
    let ours = world
        .elif
        .create_task("infrastructure", "todo", "Ours")
        .await;
    let beside = world
        .elif
        .create_task("infrastructure", "todo", "Beside")
        .await;
    let url = url_of(
        &attach(&world.jonas, &theirs, &[("a.txt", b"a")])
            .await
            .status(201),
    );
    let id = url.rsplit('/').next().unwrap();
    let own = url_of(
        &attach(&world.elif, &ours, &[("b.txt", b"b")])
            .await
            .status(201),
    );
    let own_id = own.rsplit('/').next().unwrap();
    for (task, id) in [(&ours, id), (&beside, own_id)] {
        let confused = format!("/tasks/{task}/attachments/{id}");
        world.elif.get(&confused).await.status(404);
        world
            .elif
            .get(&format!("{confused}/thumbnail"))
            .await
            .status(404);
        world
            .elif
            .post(&format!("{confused}/delete"), &[])
            .await
            .status(404);
    }
    world.jonas.get(&url).await.ok();
    sqlx::query("UPDATE teams SET private = true WHERE slug = 'ingestion'")
        .execute(&world.db)
        .await
        .unwrap();
    world.elif.get(&url).await.status(404);
}

#[tokio::test]
async fn uploader_deletes_an_attachment_and_undoes_that() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let url = url_of(
        &attach(&world.elif, &key, &[("a.txt", b"a")])
            .await
            .status(201),
    );
    mira.post(&format!("{url}/delete"), &[]).await.status(403);
    let deleted = world
        .elif
        .post(&format!("{url}/delete"), &[])
        .await
        .status(303);
    world.elif.get(&url).await.status(404);
    let change = deleted
        .header("location")
        .split("did=")
        .nth(1)
        .unwrap()
        .to_owned();
    world
        .elif
        .post(&format!("/changes/{change}/undo"), &[])
        .await
        .status(303);
    world.elif.get(&url).await.ok();

    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(mira.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    mira.post(&format!("{url}/delete"), &[]).await.status(303);
    world.elif.get(&url).await.status(404);
    let page = mira.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(
        page.contains("deleted an attachment by") && !page.contains("a.txt”"),
        "{page}"
    );
    let noted: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE kind = 'attachment.removed'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(noted, 1);
}

#[tokio::test]
async fn files_that_nothing_refers_to_are_deleted_after_a_day() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let kept = url_of(
        &attach(&world.elif, &key, &[("a.png", &picture(8, 9))])
            .await
            .status(201),
    );
    attach(&world.elif, &key, &[("b.txt", b"unused, soon")])
        .await
        .status(201);
    sqlx::query("DELETE FROM attachments WHERE name = 'b.txt'")
        .execute(&world.db)
        .await
        .unwrap();
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM stored_files")
            .fetch_one(&world.db)
            .await
            .unwrap()
    };
    for (hours, left) in [(23, 3), (25, 2)] {
        let now = NOW + Duration::hours(hours);
        delete_unused(&world.db, &world.app.files, now)
            .await
            .unwrap();
        assert_eq!(count().await, left);
    }
    world.elif.get(&kept).await.ok();
    world.elif.get(&format!("{kept}/thumbnail")).await.ok();
    // what was deleted can be attached again
    let again = attach(&world.elif, &key, &[("b.txt", b"unused, soon")])
        .await
        .status(201);
    world.elif.get(&url_of(&again)).await.ok();
}

/// A form as a browser without scripts sends it, with its key.
async fn send_form(client: &Client, key: &str, form_key: &str, file: &[u8]) -> Response {
    let mut body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"idempotency_key\"\r\n\r\n{form_key}\r\n"
    )
    .into_bytes();
    body.extend(form(&[("plan.txt", file)]));
    let request = Request::post(format!("/tasks/{key}/attachments"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .header(header::ACCEPT, "text/html")
        .body(Body::from(body))
        .unwrap();
    client.send(request).await
}

#[tokio::test]
async fn upload_whose_answer_was_lost_attaches_once() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM attachments")
            .fetch_one(&world.db)
            .await
            .unwrap()
    };
    for _ in 0..2 {
        send_form(elif, &key, "abc123", b"the plan")
            .await
            .status(303);
    }
    assert_eq!(count().await, 1);
    // the same page, with another file
    send_form(elif, &key, "abc123", b"another plan")
        .await
        .status(303);
    assert_eq!(count().await, 2);
    // a script gets the same addresses again
    let by_script = async |contents: &[u8]| {
        let request = Request::post(format!("/tasks/{key}/attachments"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .header(header::ACCEPT, "application/json, application/problem+json")
            .header("idempotency-key", "lost")
            .body(Body::from(form(&[("a.png", contents)])))
            .unwrap();
        elif.send(request).await
    };
    let first = by_script(&picture(3, 2)).await.status(201).json();
    let again = by_script(&picture(3, 2)).await.status(201).json();
    assert_eq!(first, again);
    assert_eq!(first["files"][0]["is_picture"], true);
    assert_eq!(count().await, 3);
    by_script(&picture(5, 2)).await.status(422);
    assert_eq!(count().await, 3);
}

#[tokio::test]
async fn form_on_the_task_is_for_members() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    // who may comment may put files into comments
    let refused = send_form(&world.jonas, &key, "abc", b"the plan")
        .await
        .status(403);
    assert!(
        refused.text().contains("Only members of Infrastructure"),
        "{}",
        refused.text()
    );
    attach(&world.jonas, &key, &[("a.txt", b"hello")])
        .await
        .status(201);
}

/// As after an older backup was restored.
#[tokio::test]
async fn file_that_the_database_does_not_know_is_deleted_after_a_day() {
    let folder = tempfile::TempDir::new().unwrap();
    let world = World::new().await;
    let files = FileStore::new(
        StoragePlace::Folder(folder.path().to_owned()),
        folder.path(),
        25,
        10_000,
    );
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let shard = folder.path().join("2c");
    std::fs::create_dir(&shard).unwrap();
    std::fs::write(shard.join(hash), "hello").unwrap();
    std::fs::write(shard.join("notes.txt"), "not ours").unwrap();
    let clean = async |hours: i64| {
        let now = NOW + Duration::hours(hours);
        delete_unused(&world.db, &files, now).await.unwrap();
        adopt_unknown(&world.db, &files, now).await.unwrap();
        shard.join(hash).exists()
    };
    assert!(clean(0).await);
    // an upload may be about to attach it
    assert!(clean(23).await);
    assert!(!clean(25).await);
    assert!(shard.join("notes.txt").exists());
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM stored_files")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(known, 0);
}

#[tokio::test]
async fn upload_without_javascript_leads_back_to_the_task() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let files: [(&str, &[u8]); 2] = [("a.txt", b"a"), ("b.txt", b"b")];
    let sent = upload(&world.elif, &key, "text/html", &files)
        .await
        .status(303);
    assert!(
        sent.header("location")
            .starts_with(&format!("/tasks/{key}?did="))
    );
    for (files, reason) in [
        (&[][..], "Choose a file to attach."),
        (&[("empty.txt", &b""[..])][..], "“empty.txt” is empty."),
    ] {
        let refused = upload(&world.elif, &key, "text/html", files)
            .await
            .status(422);
        assert!(refused.text().contains(reason), "{}", refused.text());
    }
    let page = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert_eq!(page.matches("Delete attachment").count(), 2);
}

/// Case 47.
#[tokio::test]
async fn files_and_pictures_that_are_too_large_are_refused() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let large = vec![7; 25_000_001];
    let refused = attach(&world.elif, &key, &[("large.bin", &large)])
        .await
        .status(422);
    assert!(
        refused
            .text()
            .contains("“large.bin” is larger than 25.0 MB"),
        "{}",
        refused.text()
    );
    // the head of a PNG says how large it is
    let mut huge = picture(1, 1);
    huge[16..24].copy_from_slice(&[0, 0, 0xC3, 0x50, 0, 0, 0xC3, 0x50]);
    let checksum = flate2::Crc::new();
    let mut checksum = checksum;
    checksum.update(&huge[12..29]);
    huge[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    let refused = attach(&world.elif, &key, &[("huge.png", &huge)])
        .await
        .status(422);
    assert!(
        refused.text().contains("has 50000 × 50000 pixels"),
        "{}",
        refused.text()
    );
    // few pixels, but a side that is too long to be scaled
    let mut long = picture(1, 1);
    long[20..24].copy_from_slice(&40_000_000_u32.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&long[12..29]);
    long[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    let refused = attach(&world.elif, &key, &[("long.png", &long)])
        .await
        .status(422);
    assert!(
        refused.text().contains("has 1 × 40000000 pixels"),
        "{}",
        refused.text()
    );
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM stored_files")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn quota_of_the_workspace_is_kept() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    sqlx::query("INSERT INTO stored_files (hash, bytes, stored_at) VALUES (repeat('a', 64), 9999999998, $1)")
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
    attach(&world.elif, &key, &[("a.txt", b"ab")])
        .await
        .status(201);
    let refused = attach(&world.elif, &key, &[("b.txt", b"c")])
        .await
        .status(422);
    assert!(
        refused.text().contains("10.0 GB altogether"),
        "{}",
        refused.text()
    );
    // the same contents are stored once
    attach(&world.elif, &key, &[("again.txt", b"ab")])
        .await
        .status(201);
}

#[tokio::test]
async fn pictures_lose_their_metadata_but_not_their_orientation() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    // turned by 90°, with a text beside
    let mut exif = b"\xFF\xE1\0\x30Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0GPS AT HOME".to_vec();
    let length = u16::try_from(exif.len() - 2).unwrap();
    exif[2..4].copy_from_slice(&length.to_be_bytes());
    let plain = encoded(40, 20, ImageFormat::Jpeg);
    let jpeg = [&plain[..2], &exif, &plain[2..]].concat();
    let mut text = b"\0\0\0\x0BtEXtGPS AT HOME\0\0\0\0".to_vec();
    let png = picture(40, 20);
    let png = [&png[..33], &std::mem::take(&mut text), &png[33..]].concat();
    let mut webp = encoded(40, 20, ImageFormat::WebP);
    webp.extend(b"EXIF\x0C\0\0\0GPS AT HOME!");
    let length = u32::try_from(webp.len() - 8).unwrap();
    webp[4..8].copy_from_slice(&length.to_le_bytes());
    let mut gif = encoded(40, 20, ImageFormat::Gif);
    let end = gif.len() - 1;
    gif.splice(end..end, b"!\xFE\x0BGPS AT HOME\0".iter().copied());
    for (name, file) in [
        ("a.jpg", &jpeg),
        ("b.png", &png),
        ("c.webp", &webp),
        ("d.gif", &gif),
    ] {
        assert!(file.windows(3).any(|part| part == b"GPS"), "{name}");
        let url = url_of(&attach(&world.elif, &key, &[(name, file)]).await.status(201));
        let shown = world.elif.get(&url).await.ok();
        assert!(shown.header("content-type").starts_with("image/"), "{name}");
        assert!(!shown.body.windows(3).any(|part| part == b"GPS"), "{name}");
        let decoded = image::load_from_memory(&shown.body).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (40, 20), "{name}");
        let small = world.elif.get(&format!("{url}/thumbnail")).await.ok();
        let small = image::load_from_memory(&small.body).unwrap();
        let size = if name == "a.jpg" { (20, 40) } else { (40, 20) };
        assert_eq!((small.width(), small.height()), size, "{name}");
    }
}

#[tokio::test]
async fn comment_shows_pictures_of_attachments() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let attached = attach(&world.jonas, &key, &[("plan.png", &picture(30, 20))])
        .await
        .status(201);
    let markdown = attached.json()["files"][0]["markdown"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .jonas
        .post(&format!("/tasks/{key}/comments"), &[("body", &markdown)])
        .await
        .status(303);
    let page = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    let shown = format!(
        "<img src=\"{}/thumbnail\" alt=\"plan.png\">",
        url_of(&attached)
    );
    assert!(page.contains(&shown), "{page}");
}

pub async fn upload_to(
    browser: &reqwest::Client,
    url: &str,
    name: &str,
    contents: &[u8],
) -> serde_json::Value {
    let sent = browser
        .post(url)
        .header("accept", "application/json")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(form(&[(name, contents)]))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status().as_u16(), 201);
    sent.json().await.unwrap()
}

/// A new workspace, with a task that ada can attach to.
pub async fn task_of_ada(
    place: &Place,
    server: &crate::program::Server,
) -> (reqwest::Client, String) {
    let token = create_by_command_line(place, "ada", "crew", "CRW").await;
    let made = crate::program::new_client()
        .post(format!("{}/api/v1/teams/crew/tasks", server.url))
        .bearer_auth(token)
        .json(&serde_json::json!({ "title": "Cut over" }))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    (browser, format!("{}/tasks/CRW-1/attachments", server.url))
}

#[tokio::test]
async fn upload_of_25_mb_is_not_in_memory() {
    let place = Place::new();
    let server = place.serve_demo(&[]).await;
    let (browser, url) = task_of_ada(&place, &server).await;
    upload_to(&browser, &url, "small.txt", b"small").await;
    let before = resident(&server);
    upload_to(&browser, &url, "large.bin", &vec![7; 25_000_000]).await;
    let more = resident(&server) - before;
    assert!(more < 10_000, "{more} kB more");
}

#[tokio::test]
async fn backup_contains_attachments() {
    let (there, elsewhere) = (Place::new(), Place::new());
    let folder = tempfile::TempDir::new().unwrap();
    let server = there.serve_demo(&[]).await;
    let (browser, url) = task_of_ada(&there, &server).await;
    let picture = picture(1200, 900);
    let answer = upload_to(&browser, &url, "plan.png", &picture).await;
    let path = answer["files"][0]["url"].as_str().unwrap().to_owned();
    let file = path_in(&folder, "all.backup");
    there.said(&["backup", &file]).await;
    let good = there.said(&["verify", &file]).await;
    assert!(good.contains("and 2 attached files ("), "{good}");
    elsewhere.said(&["restore", &file]).await;
    let server = elsewhere.serve().await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    for path in [path.clone(), format!("{path}/thumbnail")] {
        let got = browser
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(got.status().as_u16(), 200, "{path}");
        assert!(!got.bytes().await.unwrap().is_empty());
    }
}

/// The files of a place's attachments, by their paths.
fn stored_in(place: &Place) -> Vec<std::path::PathBuf> {
    let shards = std::fs::read_dir(place.data_dir().join("attachments")).unwrap();
    let shards = shards.map(|shard| shard.unwrap().path());
    let files = shards.filter(|shard| !shard.ends_with("incoming"));
    files
        .flat_map(|shard| std::fs::read_dir(shard).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}

#[tokio::test]
async fn backup_names_files_that_are_missing() {
    let place = Place::new();
    let folder = tempfile::TempDir::new().unwrap();
    let backups = path_in(&folder, "backups");
    let server = place.serve_demo(&[]).await;
    let (browser, url) = task_of_ada(&place, &server).await;
    upload_to(&browser, &url, "kept.txt", b"kept").await;
    let kept = stored_in(&place);
    upload_to(&browser, &url, "plan.txt", b"lost").await;
    let lost = stored_in(&place);
    let lost: Vec<_> = lost
        .into_iter()
        .filter(|path| !kept.contains(path))
        .collect();
    assert_eq!(lost.len(), 1);
    std::fs::remove_file(&lost[0]).unwrap();
    let file = path_in(&folder, "all.backup");
    let complaint = place.refused(&["backup", &file]).await;
    assert!(
        complaint.contains("1 attached file is missing: plan.txt (CRW-1)")
            && complaint.contains("The backup contains everything else"),
        "{complaint}"
    );
    let complaint = place.refused(&["verify", &file]).await;
    assert!(
        complaint.contains("is good except for its files")
            && complaint.contains("plan.txt (CRW-1)"),
        "{complaint}"
    );
    let restored = Place::new().said(&["restore", &file]).await;
    assert!(
        restored.contains("1 attached file is missing: plan.txt (CRW-1)"),
        "{restored}"
    );
    // contents that were damaged on the disk
    std::fs::write(&kept[0], "KEPT").unwrap();
    place.refused(&["backup", &file]).await;
    let complaint = place.refused(&["verify", &file]).await;
    assert!(complaint.contains("was damaged before"), "{complaint}");
    // scheduled
    drop(server);
    let server = place.serve_with(&[("FORTNIGHT_BACKUP_TO", &backups)]).await;
    wait_until("a backup is made", async || {
        server.read_log().contains("made a backup")
    })
    .await;
    let page = settings_of_ada(&place, &server).await;
    assert!(
        page.contains("The last backup is incomplete. 1 attached file is missing."),
        "{page}"
    );
    // it may be one of a private team
    assert!(!page.contains("plan.txt"), "{page}");
}

async fn settings_of_ada(place: &Place, server: &Server) -> String {
    sqlx::query("UPDATE accounts SET role = 'admin'")
        .execute(&mut place.sql().await)
        .await
        .unwrap();
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    let page = browser.get(format!("{}/settings", server.url)).send().await;
    page.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn files_come_back_with_a_restore_from_the_setup_page() {
    let (there, elsewhere) = (Place::new(), Place::new());
    let folder = tempfile::TempDir::new().unwrap();
    let backups = path_in(&folder, "backups");
    let server = there.serve_demo(&[]).await;
    let (browser, url) = task_of_ada(&there, &server).await;
    let answer = upload_to(&browser, &url, "plan.txt", b"the plan").await;
    let path = answer["files"][0]["url"].as_str().unwrap().to_owned();
    drop(server);
    // a scheduled backup, at start
    let server = there.serve_with(&[("FORTNIGHT_BACKUP_TO", &backups)]).await;
    wait_until("a backup is made", async || {
        server.read_log().contains("made a backup")
    })
    .await;
    let mut second = elsewhere
        .serve_with(&[("FORTNIGHT_BACKUP_TO", &backups)])
        .await;
    let link = second.read_setup_link().await;
    let key = link.split_once("key=").unwrap().1;
    let made = std::fs::read_dir(&backups).unwrap();
    let made = made.map(|file| file.unwrap().path()).min().unwrap();
    let form = [("key", key), ("file", made.to_str().unwrap())];
    let browser = new_browser();
    let restored = browser
        .post(format!("{}/setup/restore", second.url))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(restored.status().as_u16(), 200);
    sign_in(&browser, &second, "ada").await;
    let got = browser.get(format!("{}{path}", second.url)).send().await;
    assert_eq!(got.unwrap().text().await.unwrap(), "the plan");
}
