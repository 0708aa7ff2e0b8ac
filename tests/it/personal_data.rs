//! Everything that is kept about a person, written to a file.

use fortnight::domain::accounts::personal_data::{self, SECRETS};
use serde_json::Value;

use crate::{
    fixtures::{NOW, World},
    importing::database_url,
    program::Place,
};

#[tokio::test]
async fn everything_about_a_person_and_no_secret_is_exported() {
    let (place, world) = (Place::new(), World::new().await);
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let comment = [("body", "I will be away on Friday")];
    for client in [&world.elif, &world.jonas] {
        client
            .post(&format!("/tasks/{key}/comments"), &comment)
            .await
            .ok();
    }
    world
        .elif
        .post("/me/tokens", &[("name", "laptop"), ("scope", "read")])
        .await;
    let email: String = sqlx::query_scalar("SELECT email FROM accounts WHERE handle = 'elif'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let url = database_url(&world.db);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("elif.json");
    let path = file.to_str().unwrap();
    let export = ["user", "export", &email, path, "--database-url", &url];
    let done = place.run(&export).await;
    assert!(done.status.success(), "{done:?}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // A file that is there already is not overwritten.
    assert!(!place.run(&export).await.status.success());

    let text = std::fs::read_to_string(&file).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(data["account"]["email"], email.as_str());
    let rows = data["rows"].as_array().unwrap();
    let of = |table: &str, column: &str| {
        let found = rows
            .iter()
            .filter(|row| row["table"] == table && row["as"] == column);
        found.map(|row| &row["row"]).collect::<Vec<_>>()
    };
    let comments = of("comments", "author_id");
    assert_eq!(comments.len(), 1, "only the person's own");
    assert_eq!(comments[0]["body"], "I will be away on Friday");
    assert_eq!(of("tasks", "created_by")[0]["title"], "Cut over");
    assert_eq!(of("tokens", "account_id")[0]["name"], "laptop");
    for (table, column) in [
        ("members", "account_id"),
        ("sessions", "account_id"),
        ("events", "actor_id"),
    ] {
        assert!(!of(table, column).is_empty(), "{table} in {text}");
    }
    let digests: Vec<String> = sqlx::query_scalar(
        "SELECT encode(token_hash, 'hex') FROM sessions UNION SELECT encode(token_hash, 'hex') FROM tokens UNION SELECT coalesce(password_hash, 'none') FROM accounts",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    for digest in digests {
        assert!(!text.contains(&digest), "{digest}");
    }
    let log: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE kind = 'account.exported'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(log, 1);
    let unknown = personal_data::write(&world.db, "nobody@example.org", NOW, &mut Vec::new()).await;
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("there is no account nobody@example.org")
    );
}

/// A new column that sounds like a secret has to be left out, or be named here.
#[tokio::test]
async fn columns_that_sound_like_secrets_are_left_out() {
    let world = World::new().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT a.attname::text FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
         WHERE t.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> 'bytea'::regtype
         AND a.attname ~ '(secret|token|password|hash|code|key|nonce|verifier|url)'
         AND t.oid IN (SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = 'accounts'::regclass
                       UNION SELECT attrelid FROM pg_attribute WHERE attname = 'account_id') ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let harmless = ["hash"];
    let unnamed: Vec<&String> = columns
        .iter()
        .filter(|name| !SECRETS.contains(&name.as_str()) && !harmless.contains(&name.as_str()))
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}
