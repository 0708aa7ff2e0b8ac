//! The migrations that this version knows.

use sqlx::migrate::Migrator;

pub(crate) static STEPS: Migrator = sqlx::migrate!("./migrations");

/// The newest of them.
pub(crate) fn newest() -> i64 {
    STEPS.iter().map(|step| step.version).max().unwrap_or(0)
}
