//! `fortnight user`: manages accounts.

use std::{
    io::{IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::{
    cli::output::{print_line, to_error},
    db::pool::Pool,
    domain::{
        accounts::{
            create::{NewAccount, add_account},
            password_resets, personal_data, queries, second_factor,
        },
        auth::passwords,
        clock::Clock,
        error::Problem,
        events::{
            EventStore,
            audit_log::{self, AuditEntry},
        },
        policy::actor::Actor,
        single_sign_on::settings,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add an account; prompts for its password
    Add {
        email: String,
        #[arg(long)]
        name: String,
        /// Make the account an administrator
        #[arg(long)]
        admin: bool,
    },
    /// Set the password of an account, prompting for it, and accept passwords again if they were switched off
    Password { email: String },
    /// Write everything that is kept about a person to a JSON file, or to standard output with “-”
    Export { email: String, file: PathBuf },
    /// Remove the second factor of someone who has lost their app and recovery codes; ends their sessions
    ResetSecondFactor { email: String },
}

impl User {
    pub(super) async fn run(self, pool: &Pool) -> anyhow::Result<()> {
        match self {
            Self::Add { email, name, admin } => add_user(pool, &email, &name, admin).await,
            Self::Password { email } => set_password(pool, &email).await,
            Self::Export { email, file } => export(pool, &email, &file).await,
            Self::ResetSecondFactor { email } => reset_second_factor(pool, &email).await,
        }
    }
}

/// Writes a file that only its owner can read.
async fn export(pool: &Pool, email: &str, file: &Path) -> anyhow::Result<()> {
    let now = Clock::default().now();
    let is_printed = file == Path::new("-");
    let mut to: Box<dyn Write + Send> = if is_printed {
        Box::new(std::io::stdout())
    } else {
        let created = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .with_context(|| format!("cannot create {}", file.display()))?;
        Box::new(std::io::BufWriter::new(created))
    };
    let outcome = personal_data::write(pool, email, now, &mut to).await;
    if outcome.is_err() && !is_printed {
        // A part of a file would look like all of it.
        let _ = std::fs::remove_file(file);
    }
    let rows = outcome?;
    audit_log::write(
        &mut *pool.acquire().await?,
        now,
        AuditEntry {
            kind: "account.exported",
            about: &format!("{email}, on the command line"),
            ..AuditEntry::default()
        },
    )
    .await
    .map_err(to_error)?;
    if is_printed {
        return Ok(());
    }
    print_line(&format!(
        "Wrote the account and {rows} rows about {email} to {}. Secrets are left out; files that the person attached are named in it.",
        file.display()
    ));
    Ok(())
}

async fn add_user(pool: &Pool, email: &str, name: &str, admin: bool) -> anyhow::Result<()> {
    let password = read_password()?;
    let now = Clock::default().now();
    let password_hash = passwords::hash(password).await.map_err(to_error)?;
    let new = NewAccount {
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash: Some(password_hash),
        admin,
        time_zone: "UTC".to_owned(),
    };
    let mut tx = pool.begin().await?;
    let person = add_account(&mut tx, now, new).await.map_err(to_error)?;
    let about = format!(
        "{email} as {}, on the command line",
        if admin { "administrator" } else { "member" }
    );
    audit_log::write(
        &mut tx,
        now,
        AuditEntry {
            kind: "account.created",
            about: &about,
            ..AuditEntry::default()
        },
    )
    .await
    .map_err(to_error)?;
    tx.commit().await?;
    println!(
        "Created {} (@{}). Sign in with {email}.",
        person.name, person.handle
    );
    Ok(())
}

async fn set_password(pool: &Pool, email: &str) -> anyhow::Result<()> {
    let account = queries::account_to_sign_in(pool, email.trim()).await;
    let Some((account, _)) = account.map_err(to_error)? else {
        bail!("there is no active account with the address {email}");
    };
    let hash = passwords::hash(read_password()?).await.map_err(to_error)?;
    let (store, _) = EventStore::new(pool.clone(), Clock::default());
    store
        .change(&Actor::system(), |change, _| {
            Box::pin(async {
                password_resets::set_on_command_line(change, account, &hash).await?;
                settings::set_passwords(change, true).await
            })
        })
        .await
        .map_err(to_error)?;
    println!("Sign in with {email} and the new password. All earlier sessions have ended.");
    Ok(())
}

async fn reset_second_factor(pool: &Pool, email: &str) -> anyhow::Result<()> {
    let now = Clock::default().now();
    let mut tx = pool.begin().await?;
    let handle = match second_factor::reset_by_command(&mut tx, now, email).await {
        Err(Problem::NotFound) => anyhow::bail!("no account with {email} has a second factor"),
        outcome => outcome.map_err(to_error)?,
    };
    tx.commit().await?;
    println!("Removed the second factor of @{handle}. Their sessions have ended.");
    Ok(())
}

/// Asks for a password on a terminal without showing it; otherwise reads the first line of standard input.
fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ").context("cannot read the password");
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
