//! `fortnight doctor`: checks the installation, one line each, with the remedy.

mod database;
mod finding;
mod mail;
mod server;
mod sign_in;

use std::path::Path;

use anyhow::bail;

use crate::{
    cli::doctor::finding::{Finding, State},
    config::Config,
    domain::{humanize, warnings},
};

/// Prints what was found. Fails if something does not work.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let mut problems = 0;
    let mut report = |findings: Vec<Finding>| {
        for finding in findings {
            finding.print();
            problems += usize::from(finding.state == State::Bad);
        }
    };
    report(vec![Finding::good("Version", env!("CARGO_PKG_VERSION"))]);
    report(of_data_dir(config)?);
    report(database::check(config).await?);
    report(of_backups(config).await);
    report(server::check(config).await?);
    report(sign_in::check(config).await?);
    report(mail::check(config).await);
    match problems {
        0 => Ok(()),
        count => bail!("found {}", humanize::counted(count, "problem")),
    }
}

fn of_data_dir(config: &Config) -> anyhow::Result<Vec<Finding>> {
    if config.database()?.is_some() {
        return Ok(Vec::new());
    }
    let folder = config.data_dir()?;
    Ok(of_disk("Data directory", &folder, "data directory"))
}

async fn of_backups(config: &Config) -> Vec<Finding> {
    let Some((place, every)) = config.backup_plan() else {
        return vec![Finding::doubtful(
            "Backups",
            "none are scheduled.",
            "Start the server with --backup-to DIRECTORY, on another disk than the database. If it is started with it, \
             set FORTNIGHT_BACKUP_TO for this command too.",
        )];
    };
    let mut findings = vec![Finding::good("Backups", format!("made {every} in {place}"))];
    match (place.folder(), place.stored().await) {
        (Some(folder), _) => findings.extend(of_disk("Backups", folder, "backups")),
        (None, Ok(_)) => {}
        (None, Err(error)) => findings.push(Finding::bad(
            "Backups",
            format!("{error:#}."),
            "Check the name of the bucket, and AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY in the environment.",
        )),
    }
    findings
}

/// Whether a folder is there and has space left.
fn of_disk(about: &'static str, folder: &Path, what: &str) -> Vec<Finding> {
    match warnings::free_bytes(folder) {
        Err(error) => vec![Finding::doubtful(
            about,
            format!("{} cannot be read: {error}.", folder.display()),
            "It is made when the server starts. If the server runs with other settings, give this command the same ones.",
        )],
        Ok(free) => {
            let good = format!("{} left in {}", humanize::bytes(free), folder.display());
            match warnings::of_disk(folder, what) {
                Some(warning) => vec![Finding::of_warning(about, warning)],
                None => vec![Finding::good(about, good)],
            }
        }
    }
}
