//! The schema and its migrations.

use fortnight::{
    app::App,
    db::{self, upgrade::Before},
    domain::clock::Clock,
    http::router::router,
};
use tower::ServiceExt;

use crate::{cluster, fixtures::NOW};

#[tokio::test]
async fn each_test_has_its_own_database() {
    let (one, other) = (
        cluster::create_database().await,
        cluster::create_database().await,
    );
    sqlx::query("CREATE TABLE mine (n int)")
        .execute(&one)
        .await
        .unwrap();
    let seen: bool = sqlx::query_scalar("SELECT to_regclass('mine') IS NOT NULL")
        .fetch_one(&other)
        .await
        .unwrap();
    assert!(!seen);
    assert!(db::is_ready(&one).await && db::is_ready(&other).await);
}

/// Case R14. The same holds for migrating twice at once.
#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = cluster::create_database().await;
    db::migrate(&database.connect_options(), &Before::Nothing)
        .await
        .unwrap();
    let options = database.connect_options();
    let (one, other) = tokio::join!(
        db::migrate(&options, &Before::Nothing),
        db::migrate(&options, &Before::Nothing)
    );
    one.unwrap();
    other.unwrap();
    assert!(db::is_ready(&database).await);
}

#[tokio::test]
async fn database_without_tables_is_not_ready() {
    let database = cluster::create_database().await;
    sqlx::query("DROP TABLE _sqlx_migrations")
        .execute(&database)
        .await
        .unwrap();
    assert!(!db::is_ready(&database).await);
    let app = App::new("http://fortnight.test", database, Clock::standing(NOW));
    for (path, status) in [("/readyz", 503), ("/healthz", 200)] {
        let request = axum::http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router(app.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

/// How far people had read the updates on My work, in whose place is the inbox.
const REPLACED: &str = "feed_cursors";

/// Rows that are inserted after the migration with this number. Later migrations must keep them.
const ROWS: [(&str, &str); 1] = [(
    "0001",
    "INSERT INTO accounts (id, email, name, handle, hue, created_at) SELECT gen_random_uuid(), h || '@example.org', h || ' Name', h, 1, now() FROM unnest(ARRAY['elif', 'jonas']) h;
     INSERT INTO teams (id, slug, name, key, created_at) VALUES (gen_random_uuid(), 'infrastructure', 'Infrastructure', 'INF', now()), (gen_random_uuid(), 'ingestion', 'Ingestion', 'ING', now());
     INSERT INTO members (team_id, account_id, since) SELECT t.id, a.id, now() FROM teams t, accounts a;
     INSERT INTO tokens (id, account_id, token_hash, scope, created_at) SELECT gen_random_uuid(), id, sha256(id::text::bytea), 'write', now() FROM accounts;
     INSERT INTO columns (team_id, id, slug, name, state, position) SELECT t.id, gen_random_uuid(), s, s, s, row_number() OVER () FROM teams t, unnest(ARRAY['todo', 'doing', 'done']) s;
     INSERT INTO sprints (id, number, name, starts_on, ends_on, state) VALUES (gen_random_uuid(), 41, 'Sprint 41', '2026-11-02', '2026-11-15', 'closed'), (gen_random_uuid(), 42, 'Sprint 42', '2026-11-16', '2026-11-29', 'active');
     INSERT INTO goals (team_id, id, sprint_id, position, title, measure, target, manual_value, hue) SELECT t.id, gen_random_uuid(), s.id, 1, 'Fifty', 'count', 50, CASE WHEN s.number = 42 THEN 31 END, 2 FROM teams t, sprints s;
     INSERT INTO tasks (team_id, id, number, column_id, rank, title, needed_by, created_at, column_since)
     SELECT t.id, gen_random_uuid(), n, c.id, 'V' || n, 'Task ' || n, (ARRAY['', 'Ingestion', 'Legal, @jonas', 'elif Name'])[n], now(), now()
     FROM teams t JOIN columns c ON c.team_id = t.id AND c.slug = 'todo', generate_series(1, 4) n;
     INSERT INTO events (team_id, seq, change_id, task_id, kind, after, at) SELECT k.team_id, k.number, gen_random_uuid(), k.id, 'task.restored', '{\"column\": \"todo\", \"state\": \"todo\"}', now() FROM tasks k;
     INSERT INTO blockers (team_id, id, task_id, kind, note, since) SELECT team_id, gen_random_uuid(), id, 'text', 'Legal', now() FROM tasks WHERE number = 1;
     INSERT INTO retro_notes (team_id, id, sprint_id, category, text, created_at) SELECT t.id, gen_random_uuid(), s.id, 'well', 'Pairing', now() FROM teams t, sprints s;
     INSERT INTO projects (team_id, id, slug, name, measure, target, hue, created_at) SELECT id, gen_random_uuid(), 'p-' || slug, 'A project', 'count', 100, 3, now() FROM teams;
     INSERT INTO goal_entries (team_id, id, goal_id, value, measure, at) SELECT team_id, gen_random_uuid(), id, 12, measure, now() FROM goals;
     INSERT INTO days_off (team_id, day) SELECT id, '2026-12-24' FROM teams;
     INSERT INTO audit_log (id, at, kind) VALUES (gen_random_uuid(), now(), 'sign-in.succeeded');
     INSERT INTO invitations (id, token_hash, single_use, created_at, expires_at) VALUES (gen_random_uuid(), sha256('x'), true, now(), now());",
)];

#[tokio::test]
async fn migrations_keep_existing_rows() {
    let database = cluster::create_database().await;
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&database)
        .await
        .unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut steps: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|step| step.unwrap().path())
        .collect();
    steps.sort();
    let mut before = std::collections::BTreeMap::new();
    for step in steps {
        let name = step.file_name().unwrap().to_str().unwrap().to_owned();
        let sql = std::fs::read_to_string(&step).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&database)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let after = count_rows(&database).await;
        before.retain(|table, _| table != REPLACED);
        for (table, count) in &before {
            assert_eq!(
                after.get(table),
                Some(count),
                "{name} changed the number of rows in {table}"
            );
        }
        if let Some((_, rows)) = ROWS.iter().find(|(number, _)| name.starts_with(number)) {
            sqlx::raw_sql(*rows)
                .execute(&database)
                .await
                .unwrap_or_else(|error| panic!("inserting rows after {name}: {error}"));
        }
        before = count_rows(&database).await;
    }
    // the first known event of a task is its creation
    let created: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events WHERE transition = 'created todo'")
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(created, 8);
}

async fn count_rows(
    database: &fortnight::db::pool::Pool,
) -> std::collections::BTreeMap<String, i64> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(database)
            .await
            .unwrap();
    let mut counts = std::collections::BTreeMap::new();
    for table in tables {
        let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        counts.insert(
            table,
            sqlx::query_scalar(query).fetch_one(database).await.unwrap(),
        );
    }
    counts
}

/// Rules for every table: timestamps have a time zone, and constraints have names that error messages can refer to.
#[tokio::test]
async fn timestamps_have_zones_and_constraints_have_names() {
    let database = cluster::create_database().await;
    let without: Vec<String> = sqlx::query_scalar(
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND data_type = 'timestamp without time zone'",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert_eq!(without, [""; 0]);
    // Postgres derives default names from the table and the column
    let unnamed: Vec<String> = sqlx::query_scalar(
        "SELECT c.conname::text FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         WHERE c.contype = 'c' AND t.relnamespace = 'public'::regnamespace AND c.conname ~ '_check[0-9]*$'",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert_eq!(unnamed, [""; 0]);
    let ids: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'id' AND data_type <> 'uuid'",
    )
    .fetch_one(&database)
    .await
    .unwrap();
    assert_eq!(ids, 0);
}

#[tokio::test]
async fn new_rows_have_time_ordered_ids() {
    let world = crate::fixtures::World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    for (path, field) in [("steps", "text"), ("comments", "body"), ("block", "note")] {
        world
            .elif
            .post(
                &format!("/tasks/{key}/{path}"),
                &[(field, "Legal"), ("kind", "text")],
            )
            .await
            .ok();
    }
    let versions: Vec<(String, String)> = sqlx::query_as(
        "SELECT made, substr(id::text, 15, 1) FROM (SELECT 'task' AS made, id FROM tasks UNION ALL SELECT 'step', id FROM steps
         UNION ALL SELECT 'comment', id FROM comments UNION ALL SELECT 'wait', id FROM blockers) AS made ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let seven = |created: &str| (created.to_owned(), "7".to_owned());
    assert_eq!(versions, ["comment", "step", "task", "wait"].map(seven));
}
