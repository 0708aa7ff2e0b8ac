//! The whole workspace leaves as JSON, and comes back on another machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use fortnight::db::{
    self,
    backup::place::Place as StoragePlace,
    export::{catalog::LEFT_OUT, write},
    file_store::FileStore,
    pool::Pool,
    upgrade::Before,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::{
    attachments::upload_to,
    backups::{path_in, rows},
    cluster::create_database,
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, Server, new_client},
    schema_fixtures::restored,
};

/// The files of an export in a folder, without the moment at which it was made.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for inside in ["tables", "files"] {
        for entry in fs::read_dir(Path::new(folder).join(inside)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            all.insert(format!("{inside}/{name}"), fs::read(&path).unwrap());
        }
    }
    let mut manifest = manifest(folder);
    manifest["created_at"].take();
    all.insert("manifest.json".to_owned(), manifest.to_string().into());
    all
}

fn manifest(folder: &str) -> Value {
    let text = fs::read_to_string(Path::new(folder).join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Attaches a file to a new task. Returns the task's key.
async fn attach(server: &Server, token: &str) -> String {
    let created: Value = new_client()
        .post(format!("{}/api/v1/teams/crew/tasks", server.url))
        .bearer_auth(token)
        .json(&json!({ "title": "Keep the plan\u{2028}“with” \\ and \"quotes\"" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = created["key"].as_str().unwrap().to_owned();
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    let to = format!("{}/tasks/{key}/attachments", server.url);
    upload_to(&browser, &to, "plan.txt", b"hello").await;
    key
}

/// A place whose database is not the bundled one, but this one.
fn with_database(db: &Pool) -> Place {
    let options = db.connect_options();
    let url = format!(
        "postgres://fortnight@localhost/{}?host={}",
        options.get_database().unwrap(),
        options.get_socket().unwrap().display()
    );
    Place::new().with_variables(&[("DATABASE_URL", &url)])
}

#[tokio::test]
async fn workspace_leaves_and_comes_back_row_by_row() {
    let (there, folder) = (Place::new(), TempDir::new().unwrap());
    let mut server = there.serve_demo(&[]).await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    attach(&server, &token).await;
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();
    let (first, zip) = (path_in(&folder, "first"), path_in(&folder, "first.zip"));
    let said = there.said(&["export", &first]).await;
    assert!(
        said.starts_with("Exported “Platform” with 9 people, ")
            && said.contains("1 attached file (5 bytes)"),
        "{said}"
    );
    there.said(&["export", &zip]).await;
    let again = there.refused(&["export", &first]).await;
    assert!(again.contains("is not empty: name a new folder"), "{again}");
    fs::create_dir(format!("{first}-2.part")).unwrap();
    let left = there.refused(&["export", &format!("{first}-2/")]).await;
    assert!(left.contains("was interrupted: delete it first"), "{left}");

    // on another machine, and from there on a third one
    let (db, third_db) = (create_database().await, create_database().await);
    let (elsewhere, third) = (with_database(&db), with_database(&third_db));
    let said = elsewhere.said(&["import", "fortnight", &zip]).await;
    assert!(
        said.starts_with("Imported “Platform” with 9 people, "),
        "{said}"
    );
    let second = path_in(&folder, "second");
    elsewhere.said(&["export", &second]).await;
    third.said(&["import", "fortnight", &second]).await;
    let (one, other) = (files(&first), files(&second));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (name, contents) in &one {
        assert!(*contents == other[name], "{name} differs");
    }
    let attached = "files/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(one[attached], b"hello");
    let (mut db, mut third_db) = (
        db.acquire().await.unwrap(),
        third_db.acquire().await.unwrap(),
    );
    let (one, other) = (rows(&mut db).await, rows(&mut third_db).await);
    for (table, rows) in &one {
        // when each migration ran, is the database's own
        let is_same = *rows == other[table] || table == "_sqlx_migrations";
        assert!(is_same, "{table} differs");
    }
    assert!(one["task_texts"].len() == one["tasks"].len() && one["sessions"].is_empty());
}

#[tokio::test]
async fn imported_workspace_is_worked_with() {
    let (there, elsewhere, folder) = (Place::new(), Place::new(), TempDir::new().unwrap());
    let server = there.serve().await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    let key = attach(&server, &token).await;
    let zip = path_in(&folder, "workspace.zip");
    there.said(&["export", &zip]).await;
    // a server shows its setup page there
    let fresh = elsewhere.serve().await;
    elsewhere.said(&["import", "fortnight", &zip]).await;

    let browser = new_browser();
    let home = sign_in(&browser, &fresh, "ada").await;
    assert!(home.contains("/teams/crew"), "{home}");
    let page = async |path: &str| {
        let response = browser.get(format!("{}{path}", fresh.url)).send().await;
        response.unwrap().text().await.unwrap()
    };
    let task = page(&format!("/tasks/{key}")).await;
    assert!(task.contains("plan.txt"), "{task}");
    let found = page("/search?q=plan").await;
    assert!(found.contains(&key), "{found}");
    let created = attach(&fresh, &token).await;
    assert_ne!(created, key, "numbers go on");
    let found = page(&format!("/search?q={created}")).await;
    assert!(found.contains(&created), "{found}");
    // the rules of the schema are in force again
    let mut db = elsewhere.sql().await;
    let refused = sqlx::query("UPDATE tasks SET column_id = gen_random_uuid()")
        .execute(&mut db)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("task_column"), "{refused}");
    let again = elsewhere.refused(&["import", "fortnight", &zip]).await;
    assert!(again.contains("the workspace is not empty"), "{again}");
}

#[tokio::test]
async fn damaged_and_foreign_exports_change_nothing() {
    let (there, folder) = (Place::new(), TempDir::new().unwrap());
    let server = there.serve().await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    attach(&server, &token).await;
    let whole = path_in(&folder, "whole");
    there.said(&["export", &whole]).await;
    let db = create_database().await;
    let elsewhere = with_database(&db);
    let contents = async || rows(&mut db.acquire().await.unwrap()).await;
    let empty = contents().await;

    let file = "files/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let remove = |at: &Path, file: &str| fs::remove_file(at.join(file)).unwrap();
    type Damage<'d> = (&'d str, &'d str, &'d dyn Fn(&Path));
    let damages: [Damage<'_>; 8] = [
        ("no manifest", "its manifest cannot be read", &|at| {
            remove(at, "manifest.json");
        }),
        ("a newer one", "which is newer than this one", &|at| {
            edit(at, "manifest.json", "\"schema\": ", "\"schema\": 9");
        }),
        ("an edited row", "it is damaged or was changed", &|at| {
            edit(at, "tables/tasks.json", "Keep the plan", "Keep the plot");
        }),
        ("a missing table", "tables/events.json is missing", &|at| {
            remove(at, "tables/events.json");
        }),
        ("a cut table", "cannot read tables/events.json", &|at| {
            let text = fs::read(at.join("tables/events.json")).unwrap();
            fs::write(at.join("tables/events.json"), &text[..text.len() - 9]).unwrap();
        }),
        ("an unknown table", "has tables that Fortnight", &|at| {
            let unknown =
                r#""tables": {"a": {"rows": 0, "bytes": 0, "sha256": "", "columns": []},"#;
            edit(at, "manifest.json", "\"tables\": {", unknown);
        }),
        ("a damaged file", "it is damaged", &|at| {
            fs::write(at.join(file), b"Hello").unwrap();
        }),
        (
            "a missing file",
            "it has 0 attached files, but lists 1",
            &|at| {
                remove(at, file);
            },
        ),
    ];
    for (name, reason, damage) in damages {
        let copy = path_in(&folder, name);
        copy_folder(Path::new(&whole), Path::new(&copy));
        damage(Path::new(&copy));
        let refused = elsewhere.refused(&["import", "fortnight", &copy]).await;
        assert!(
            refused.contains("nothing was imported") && refused.contains(reason),
            "{name}: {refused}"
        );
    }
    for (name, bytes) in [("text.zip", &b"no archive"[..]), ("empty.zip", b"")] {
        let path = path_in(&folder, name);
        fs::write(&path, bytes).unwrap();
        let refused = elsewhere.refused(&["import", "fortnight", &path]).await;
        let reason = "no folder or complete zip archive";
        assert!(refused.contains(reason), "{refused}");
    }
    assert_eq!(contents().await, empty);
    elsewhere.said(&["import", "fortnight", &whole]).await;
}

/// An export of an older version goes through the schema of its time.
#[tokio::test]
async fn export_of_an_older_version_is_brought_to_this_schema() {
    let (older, _, _) = restored(1).await;
    let folder = TempDir::new().unwrap();
    let store = FileStore::new(
        StoragePlace::Folder(folder.path().join("store")),
        folder.path(),
        10,
        100,
    );
    let export = folder.path().join("older");
    let made = write::export(
        &older.connect_options(),
        &store,
        &export,
        OffsetDateTime::UNIX_EPOCH,
    )
    .await
    .unwrap();
    let db = create_database().await;
    let elsewhere = with_database(&db);
    elsewhere
        .said(&["import", "fortnight", export.to_str().unwrap()])
        .await;
    db::migrate(&older.connect_options(), &Before::Nothing)
        .await
        .unwrap();
    let (mut older, mut newer) = (older.acquire().await.unwrap(), db.acquire().await.unwrap());
    let (expected, imported) = (rows(&mut older).await, rows(&mut newer).await);
    assert_eq!(imported["tasks"].len() as i64, made.tables["tasks"].rows);
    for (table, rows) in &expected {
        let is_same = *rows == imported[table] || LEFT_OUT.contains(&table.as_str());
        assert!(is_same, "{table} differs");
    }
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

#[tokio::test]
async fn guide_names_every_table() {
    let db = create_database().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let guide = include_str!("../../docs/export.md");
    let named: BTreeSet<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let exported: BTreeSet<&str> = tables
        .iter()
        .map(String::as_str)
        .filter(|table| !LEFT_OUT.contains(table))
        .collect();
    assert_eq!(named, exported);
    for table in LEFT_OUT {
        assert!(tables.iter().any(|name| name == table), "{table} is gone");
    }
}
