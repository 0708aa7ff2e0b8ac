//! Each released schema has a database in tests/data, which every later version has to bring to its own schema without
//! loss.

use std::{collections::BTreeMap, path::Path};

use fortnight::db::pool::Pool;
use fortnight::db::{
    self,
    backup::{
        archive,
        manifest::{Contents, Manifest},
        restore::{Restored, restore},
    },
    upgrade::{Before, upgrade},
};
use sqlx::{AssertSqlSafe, migrate::Migrator};

use crate::{
    cluster,
    upgrades::{libpq, version_with},
};

/// Each released version that brought a schema: the version, the number of its last migration, and the SHA-384 hash of
/// that file. Databases out there have run it, so a change of it would reach none of them.
const RELEASED: [(&str, i64, &str); 1] = [(
    "0.1.0",
    1,
    "1ee8e6337d212bbe1f5d66de77032f25e378515e0fdc62d1d86f985c6f04a93d8ddf8c5e63624475ce12337827362d05",
)];

/// What a later schema has changed on purpose in a fixture, as `losses` says it, with the reason.
const INTENDED: [(&str, &str); 1] = [(
    "feed_cursors is gone",
    "how far people had read the updates on My work, in whose place is the inbox",
)];

/// The columns of each table, in order.
pub type Columns = BTreeMap<String, Vec<String>>;

/// The fixture of a schema, restored, and what it holds.
pub async fn restored(schema: i64) -> (Pool, Manifest, Columns) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = path.join(format!("schema-{schema}.backup"));
    let manifest = archive::check(&path, schema).unwrap();
    let db = cluster::create_database().await;
    let options = db.connect_options();
    restore(&options, &libpq(&options), path, &manifest, Restored::Copy)
        .await
        .unwrap();
    let columns = columns(&db).await;
    (db, manifest, columns)
}

async fn columns(db: &Pool) -> Columns {
    let all: Vec<(String, Vec<String>)> = sqlx::query_as(
        "SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1",
    )
    .fetch_all(db)
    .await
    .unwrap();
    all.into_iter().collect()
}

/// Where the database no longer has what the manifest lists, in the columns that there were then.
async fn losses(db: &Pool, manifest: &Manifest, then: &Columns) -> Vec<String> {
    let now = columns(db).await;
    let mut losses = Vec::new();
    for (table, contents) in &manifest.tables {
        // each migration adds a row
        if table == "_sqlx_migrations" {
            continue;
        }
        let Some(there) = now.get(table) else {
            losses.push(format!("{table} is gone"));
            continue;
        };
        if let Some(gone) = then[table].iter().find(|column| !there.contains(column)) {
            losses.push(format!("{table}.{gone} is gone"));
            continue;
        }
        // the same sum as a backup's, which has the text of whole rows
        let query = format!(
            "SELECT count(*) AS rows,
                    coalesce(sum(('x' || left(md5(ROW({})::text), 15))::bit(60)::bigint), 0)::text AS checksum
             FROM {table}",
            then[table].join(", ")
        );
        let found: Contents = sqlx::query_as(AssertSqlSafe(query))
            .fetch_one(db)
            .await
            .unwrap();
        if found != *contents {
            losses.push(format!("{table} has other contents"));
        }
    }
    losses
}

#[tokio::test]
async fn released_schemas_are_upgraded_without_loss() {
    for (version, schema, _) in RELEASED {
        let (db, manifest, then) = restored(schema).await;
        assert!(manifest.tables.len() > 40);
        for (table, contents) in &manifest.tables {
            assert!(contents.rows > 0, "{table} of {version} is empty");
        }
        assert!(losses(&db, &manifest, &then).await.is_empty());
        let options = db.connect_options();
        db::migrate(&options, &Before::Nothing).await.unwrap();
        assert!(db::is_ready(&db).await);
        let lost = losses(&db, &manifest, &then).await;
        let intended = INTENDED.map(|(loss, _)| loss);
        assert_eq!(lost, intended, "since {version}");
    }
}

#[tokio::test]
async fn migration_that_loses_something_is_noticed() {
    for (sql, expected) in [
        (
            "ALTER TABLE tasks ADD COLUMN later int DEFAULT 7; CREATE TABLE later (id uuid)",
            &[][..],
        ),
        (
            "DELETE FROM comments WHERE deleted_at IS NOT NULL; UPDATE accounts SET works_to = 1000 WHERE handle = (SELECT min(handle) FROM accounts)",
            &["accounts has other contents", "comments has other contents"],
        ),
        (
            "ALTER TABLE goals DROP COLUMN why; DROP TABLE follows",
            &["follows is gone", "goals.why is gone"],
        ),
    ] {
        let (db, manifest, then) = restored(1).await;
        let (_files, steps) = version_with(&[(9001, sql)]).await;
        upgrade(&db.connect_options(), &steps, &Before::Nothing)
            .await
            .unwrap();
        let mut lost = losses(&db, &manifest, &then).await;
        lost.retain(|loss| INTENDED.iter().all(|(intended, _)| loss != intended));
        assert_eq!(lost, expected, "{sql}");
    }
}

#[tokio::test]
async fn released_migrations_never_change() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let steps = Migrator::new(folder).await.unwrap();
    for (version, schema, hash) in RELEASED {
        let step = steps.iter().find(|step| step.version == schema).unwrap();
        let now: String = step
            .checksum
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            now, hash,
            "{version} is released: take back the change of migration {schema}, and add a new one"
        );
    }
}
