//! Backups in a bucket of an S3-compatible store.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::process::{Child, Command};

use crate::{
    attachments,
    lifecycle::{new_browser, sign_in},
    people::PASSWORD,
    ports::free_port,
    program::{Place, Server, new_client, wait_until},
};

/// A store with one bucket, `boards`.
struct Store {
    url: String,
    _server: Child,
}

impl Store {
    async fn start() -> Self {
        // where bin/test puts it
        let installed = PathBuf::from("/usr/local/lib/fortnight-tests/moto/bin/moto_server");
        let program = if installed.exists() {
            installed
        } else {
            "moto_server".into()
        };
        let port = free_port();
        let server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let store = Self {
            url: format!("http://127.0.0.1:{port}"),
            _server: server,
        };
        wait_until("the store has a bucket", async || {
            let made = new_client()
                .put(format!("{}/boards", store.url))
                .header("content-length", "0")
                .send();
            made.await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        store
    }

    /// What tells a program where the store is.
    fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "boards"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ]
    }

    /// The names of the files below this prefix.
    async fn names(&self, prefix: &str) -> Vec<String> {
        let url = format!("{}/boards?list-type=2&prefix={prefix}/", self.url);
        let listed = new_client().get(url).send().await.unwrap();
        let listed = listed.text().await.unwrap();
        let start = format!("<Key>{prefix}/");
        listed
            .split(&start)
            .skip(1)
            .map(|name| name.split_once('<').unwrap().0.to_owned())
            .collect()
    }

    async fn read(&self, name: &str) -> Vec<u8> {
        let file = new_client().get(format!("{}/boards/{name}", self.url));
        let file = file.send().await.unwrap();
        file.bytes().await.unwrap().into()
    }
}

async fn add_administrator(place: &Place) {
    let add = ["user", "add", "ada@example.org", "--name", "ada", "--admin"];
    place.run_with_input(&format!("{PASSWORD}\n"), &add).await;
}

async fn read(server: &Server, path: &str) -> String {
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    let page = browser.get(format!("{}{path}", server.url));
    page.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn backups_are_kept_in_a_bucket_and_restored_from_there() {
    let store = Store::start().await;
    let there = Place::new().with_variables(&store.variables());
    let to_bucket = [
        ("FORTNIGHT_BACKUP_TO", "s3://boards/weekly/"),
        ("FORTNIGHT_BACKUP_EVERY", "1w"),
    ];
    let server = there.serve_with(&to_bucket).await;
    add_administrator(&there).await;
    wait_until("the first backup is made", async || {
        !store.names("weekly").await.is_empty()
    })
    .await;
    let page = read(&server, "/settings").await;
    assert!(
        page.contains("Made every week in s3://boards/weekly"),
        "{page}"
    );

    // one by hand, with what was added since
    let made = there
        .said(&["backup", "s3://boards/moved/today.backup"])
        .await;
    assert!(made.contains("to s3://boards/moved/today.backup"), "{made}");
    drop(server);
    let good = there
        .said(&["verify", "s3://boards/moved/today.backup"])
        .await;
    assert!(good.contains("with 1 person"), "{good}");

    // elsewhere, on the command line
    let elsewhere = Place::new().with_variables(&store.variables());
    let restored = elsewhere
        .said(&["restore", "s3://boards/moved/today.backup"])
        .await;
    assert!(restored.contains("with 1 person"), "{restored}");

    // elsewhere, in the browser: it offers what is in the bucket
    let third = Place::new().with_variables(&store.variables());
    let bucket = [("FORTNIGHT_BACKUP_TO", "s3://boards/moved")];
    let mut server = third.serve_with(&bucket).await;
    let link = server.read_setup_link().await;
    let key = link.split_once("key=").unwrap().1;
    let (_, page) = server.get(&format!("/setup/restore?key={key}")).await;
    assert!(page.contains("s3://boards/moved/today.backup"), "{page}");
    let form = [("key", key), ("file", "s3://boards/moved/today.backup")];
    let answer = new_browser()
        .post(format!("{}/setup/restore", server.url))
        .form(&form);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.url().path(), "/login");
    let page = read(&server, "/settings/system").await;
    assert!(page.contains("Version"), "{page}");
}

#[tokio::test]
async fn backup_that_the_bucket_refuses_leaves_nothing_and_says_why() {
    let store = Store::start().await;
    let there = Place::new().with_variables(&store.variables());
    let server = there
        .serve_with(&[("FORTNIGHT_BACKUP_TO", "s3://missing/boards")])
        .await;
    add_administrator(&there).await;
    wait_until("the failure is in the log", async || {
        server
            .read_log()
            .contains("cannot list s3://missing/boards")
    })
    .await;
    let page = read(&server, "/settings/system").await;
    assert!(
        page.contains("failed: cannot list s3://missing/boards: The specified bucket does not exist (NoSuchBucket)"),
        "{page}"
    );
    let reason = there
        .refused(&["backup", "s3://missing/today.backup"])
        .await;
    assert!(
        reason.contains("cannot write s3://missing/today.backup"),
        "{reason}"
    );
    let reason = there.refused(&["verify", "s3://boards/none.backup"]).await;
    assert!(
        reason.contains("cannot read s3://boards/none.backup"),
        "{reason}"
    );
    assert!(!reason.contains("s3cret"), "{reason}");
}

/// A store that takes connections and says nothing, and how many it took.
async fn silent_store() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            open.push(connection);
        }
    });
    (url, taken)
}

#[tokio::test]
async fn pages_do_not_wait_for_a_silent_bucket() {
    let (url, taken) = silent_store().await;
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "boards"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("FORTNIGHT_BACKUP_TO", "s3://boards"),
    ];
    let there = Place::new();
    let server = there.serve_with(&variables).await;
    add_administrator(&there).await;
    wait_until("the job has given up", async || {
        server
            .read_log()
            .contains("cannot list s3://boards: it does not answer")
    })
    .await;
    let before = taken.load(Ordering::Relaxed);
    assert!(before > 0);
    for path in ["/settings", "/settings/system"] {
        let page = read(&server, path).await;
        assert!(page.contains("it does not answer"), "{page}");
    }
    assert_eq!(
        taken.load(Ordering::Relaxed),
        before,
        "a page asked the store"
    );
}

#[tokio::test]
async fn backup_is_uploaded_from_the_setup_page() {
    let store = Store::start().await;
    let there = Place::new().with_variables(&store.variables());
    let server = there.serve().await;
    add_administrator(&there).await;
    there
        .said(&["backup", "s3://boards/moved/today.backup"])
        .await;
    drop(server);
    let file = store.read("moved/today.backup").await;

    let elsewhere = Place::new();
    let mut server = elsewhere.serve().await;
    let link = server.read_setup_link().await;
    let key = link.split_once("key=").unwrap().1;
    let (_, page) = server.get(&format!("/setup/restore?key={key}")).await;
    assert!(page.contains("multipart/form-data"), "{page}");
    let upload = async |key: &str, file: &[u8]| {
        // A connection on which an upload was refused may be about to close.
        let browser = new_browser();
        let mut body = b"--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"today.backup\"\r\n\r\n".to_vec();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--boundary--\r\n");
        let answer = browser
            .post(format!("{}/setup/restore/upload?key={key}", server.url))
            .header("content-type", "multipart/form-data; boundary=boundary")
            .body(body);
        // A server that refuses an upload may close the connection before all of it was sent.
        match answer.send().await {
            Ok(answer) => (answer.url().path().to_owned(), answer.text().await.unwrap()),
            Err(error) => (String::new(), format!("{error:?}")),
        }
    };
    let uploads = |end: &str| {
        let folder = elsewhere.data_dir().join("backups");
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files.filter(|file| ends_with(&file.path(), end)).count()
    };
    // nothing is stored for someone without the link
    let (_, page) = upload("guessed", &file).await;
    assert!(!page.contains("Restore a backup"), "{page}");
    assert_eq!(uploads("backup") + uploads("part"), 0);
    let (path, page) = upload(key, &file[..file.len() / 2]).await;
    assert!(
        path == "/setup/restore/upload" && page.contains("damaged"),
        "{page}"
    );
    assert!(
        page.contains("The file is damaged") || page.contains("The file is cut"),
        "{page}"
    );
    assert_eq!(uploads("backup") + uploads("part"), 0);
    let (path, page) = upload(key, &file).await;
    assert_eq!(path, "/login", "{page}");
    assert_eq!(uploads("backup") + uploads("part"), 0);
    let page = read(&server, "/settings/system").await;
    assert!(page.contains("Version"), "{page}");
}

/// The file at this path of a server, as ada gets it.
async fn attached(server: &Server, path: &str) -> Vec<u8> {
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    let file = browser.get(format!("{}{path}", server.url));
    let file = file.send().await.unwrap();
    assert_eq!(file.status().as_u16(), 200, "{path}");
    file.bytes().await.unwrap().into()
}

/// A backup is whole wherever the files are, so that it also moves them to another store.
#[tokio::test]
async fn backup_carries_attachments_between_buckets_and_directories() {
    let store = Store::start().await;
    let in_bucket = |url| {
        let variables = [&store.variables()[..], &[("FORTNIGHT_ATTACHMENTS", url)]];
        Place::new().with_variables(&variables.concat())
    };
    let first = in_bucket("s3://boards/files");
    let server = first.serve_demo(&[]).await;
    let (browser, url) = attachments::task_of_ada(&first, &server).await;
    // large enough to be read in two parts, and different everywhere
    let large: Vec<u8> = (0..4_250_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut paths = Vec::new();
    for contents in [&b"small"[..], &large, b"lost"] {
        let answer = attachments::upload_to(&browser, &url, "a.bin", contents).await;
        paths.push(answer["files"][0]["url"].as_str().unwrap().to_owned());
    }
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("all.backup");
    let file = file.to_str().unwrap();
    let said = first.said(&["backup", file]).await;
    assert!(said.contains("Backed up"), "{said}");
    let good = first.said(&["verify", file]).await;
    assert!(good.contains("and 3 attached files (17.0 MB)"), "{good}");
    drop(server);

    let second = Place::new();
    second.said(&["restore", file]).await;
    let server = second.serve().await;
    assert_eq!(attached(&server, &paths[0]).await, b"small");
    assert_eq!(attached(&server, &paths[1]).await, large);
    drop(server);

    let third = in_bucket("s3://boards/third");
    third.said(&["restore", file]).await;
    assert_eq!(store.names("third").await.len(), 3);
    let server = third.serve().await;
    assert_eq!(attached(&server, &paths[1]).await, large);

    // one is deleted in the bucket by hand
    let lost = "76f75e6129fe30135bd44d80ab7cc46fdba81907758dc808f3e2517beef2b1e9";
    let delete = new_client().delete(format!("{}/boards/third/{lost}", store.url));
    delete.send().await.unwrap();
    let complaint = third.refused(&["backup", file]).await;
    assert!(
        complaint.contains(
            "1 attached file is missing: a.bin (CRW-1). The backup contains everything else"
        ),
        "{complaint}"
    );
    let good = third.refused(&["verify", file]).await;
    assert!(good.contains("is good except for its files"), "{good}");
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|found| found == end)
}

#[tokio::test]
async fn attachments_are_stored_in_a_bucket() {
    let store = Store::start().await;
    let variables = [
        &store.variables()[..],
        &[("FORTNIGHT_ATTACHMENTS", "s3://boards/files")],
    ];
    let place = Place::new().with_variables(&variables.concat());
    let server = place.serve_demo(&[]).await;
    let (browser, url) = attachments::task_of_ada(&place, &server).await;
    let answer = attachments::upload_to(&browser, &url, "a.txt", b"0123456789").await;
    assert_eq!(store.names("files").await.len(), 1);
    let path = answer["files"][0]["url"].as_str().unwrap();
    let file = browser.get(format!("{}{path}", server.url));
    let part = file.header("range", "bytes=3-5").send().await.unwrap();
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(part.text().await.unwrap(), "345");
    let whole = browser.get(format!("{}{path}", server.url));
    let whole = whole.send().await.unwrap();
    assert_eq!(whole.text().await.unwrap(), "0123456789");
    let left = std::fs::read_dir(place.data_dir().join("incoming")).unwrap();
    assert_eq!(left.count(), 0, "nothing is left on the disk");
    // A file that the database does not know is found in the bucket too.
    sqlx::raw_sql("DELETE FROM attachments; DELETE FROM stored_files")
        .execute(&mut place.sql().await)
        .await
        .unwrap();
    drop(server);
    let _server = place.serve().await;
    let mut db = place.sql().await;
    wait_until("the file is known again", async || {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM stored_files WHERE bytes = 10")
            .fetch_one(&mut db)
            .await
            .unwrap();
        known == 1
    })
    .await;
}
