//! The schema, and the database that each test gets.

use fortnight::db;

use crate::cluster;

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = (cluster::database().await, cluster::database().await);
    sqlx::query("CREATE TABLE mine (n int)").execute(&one).await.unwrap();
    let seen: bool = sqlx::query_scalar("SELECT to_regclass('mine') IS NOT NULL").fetch_one(&other).await.unwrap();
    assert!(!seen);
    assert!(db::is_ready(&one).await && db::is_ready(&other).await);
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = cluster::database().await;
    db::migrate(&database).await.unwrap();
    let (one, other) = tokio::join!(db::migrate(&database), db::migrate(&database));
    one.unwrap();
    other.unwrap();
    assert!(db::is_ready(&database).await);
}

#[tokio::test]
async fn a_database_without_tables_is_not_ready() {
    let database = cluster::database().await;
    sqlx::query("DROP TABLE _sqlx_migrations").execute(&database).await.unwrap();
    assert!(!db::is_ready(&database).await);
}
