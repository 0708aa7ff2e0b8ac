//! What `fortnight doctor` says of the database.

use std::cmp::Ordering;

use time::OffsetDateTime;

use crate::{
    cli::doctor::{finding::Finding, mail, sign_in},
    config::Config,
    db::pool::Pool,
    db::{
        self,
        backup::tools::Tools,
        database::Database,
        status::{self, DatabaseStatus},
    },
    domain::{clock::Clock, humanize, warnings},
};

const ABOUT: &str = "Database";

pub(super) async fn check(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let (named, data_dir) = (config.database()?, config.data_dir()?);
    // connecting would create it
    if named.is_none() && !data_dir.join("postgres").exists() {
        return Ok(vec![Finding::doubtful(
            ABOUT,
            "there is none yet.",
            "Start the server with fortnight serve.",
        )]);
    }
    let database = match Database::to_work_beside(named, &data_dir).await {
        Ok(database) => database,
        Err(error) => {
            return Ok(vec![Finding::bad(
                ABOUT,
                format!("{error:#}"),
                "Is Postgres running, and is DATABASE_URL right?",
            )]);
        }
    };
    let mut findings = findings_of(&database.pool).await;
    findings.extend(sign_in::of_settings(config, &database.pool).await);
    findings.extend(mail::of_settings(config, &database.pool).await);
    database.close().await;
    Ok(findings)
}

async fn findings_of(pool: &Pool) -> Vec<Finding> {
    let status = match status::read(pool).await {
        Ok(status) => status,
        Err(error) => {
            return vec![Finding::bad(
                ABOUT,
                format!("{error}."),
                "If it is new, run fortnight migrate.",
            )];
        }
    };
    let now = Clock::default().now();
    let mut findings = vec![Finding::good(
        ABOUT,
        format!(
            "Postgres {}, {}, {} of {} connections in use",
            status.version,
            humanize::bytes(status.bytes.unsigned_abs()),
            status.connections,
            status.max_connections
        ),
    )];
    findings.extend(of_schema(&status));
    let warnings = warnings::of_database(&status, now);
    findings.extend(
        warnings
            .into_iter()
            .map(|warning| Finding::of_warning(ABOUT, warning)),
    );
    findings.extend(of_newest_change(pool, now).await);
    findings.extend(of_tools(&status));
    findings
}

fn of_schema(status: &DatabaseStatus) -> Option<Finding> {
    match status.schema.cmp(&db::schema::newest()) {
        Ordering::Equal => None,
        Ordering::Less => Some(Finding::doubtful(
            ABOUT,
            "its schema is of an older version.",
            "Make a backup with fortnight backup FILE. The server migrates the schema when it starts.",
        )),
        Ordering::Greater => Some(Finding::bad(
            ABOUT,
            "its schema is of a newer version of Fortnight than this one.",
            "Start the newer version, or restore the backup from before the upgrade.",
        )),
    }
}

/// A change from the future was written while a clock was wrong.
async fn of_newest_change(pool: &Pool, now: OffsetDateTime) -> Option<Finding> {
    let newest: Option<OffsetDateTime> = sqlx::query_scalar("SELECT max(at) FROM events")
        .fetch_one(pool)
        .await
        .ok()?;
    newest
        .filter(|at| *at > now + time::Duration::minutes(1))
        .map(|at| {
            Finding::doubtful(
                "Clock",
                format!("the newest change is dated {at}, which is in the future."),
                "Turn on time synchronization (NTP). If this machine's clock is right, it was wrong earlier.",
            )
        })
}

/// Whether backups can be made on this machine.
fn of_tools(status: &DatabaseStatus) -> Option<Finding> {
    let major = status.version.split('.').next()?.parse().ok()?;
    match Tools::find(major) {
        Ok(_) => None,
        Err(error) => Some(Finding::doubtful(
            "Backups",
            format!("{error:#}."),
            "Or make backups on another machine that has them.",
        )),
    }
}
