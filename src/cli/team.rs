//! `fortnight team`: manages teams.

use anyhow::Context;
use clap::Subcommand;

use crate::{
    cli::output::to_error,
    db::pool::Pool,
    domain::{
        clock::Clock,
        events::{
            EventStore,
            audit_log::{self, AuditEntry},
        },
        policy::actor::Actor,
        sprints, team,
        teams::{create, membership},
    },
    http::live::dispatcher,
};

#[derive(Debug, Subcommand)]
pub(super) enum Team {
    /// Add a team
    Add {
        /// Name in URLs, such as infrastructure
        slug: String,
        #[arg(long)]
        name: String,
        /// Prefix of task keys, such as INF
        #[arg(long)]
        key: String,
        /// E-mail address of a member; can be repeated
        #[arg(long = "member", value_name = "EMAIL")]
        members: Vec<String>,
    },
    /// Make someone lead of a team, for example of a private team without members
    Lead { slug: String, email: String },
}

impl Team {
    pub(super) async fn run(self, pool: &Pool) -> anyhow::Result<()> {
        match self {
            Self::Add {
                slug,
                name,
                key,
                members,
            } => add_team(pool, &slug, &name, &key, &members).await,
            Self::Lead { slug, email } => lead_team(pool, &slug, &email).await,
        }
    }
}

async fn add_team(
    pool: &Pool,
    slug: &str,
    name: &str,
    key: &str,
    members: &[String],
) -> anyhow::Result<()> {
    let now = Clock::default().now();
    let mut tx = pool.begin().await?;
    let team = create::add_team(&mut tx, now, slug, name, key)
        .await
        .map_err(to_error)?;
    let line = AuditEntry {
        team: Some(team),
        ..AuditEntry::default()
    };
    let created = AuditEntry {
        kind: "team.created",
        about: "{team}, on the command line",
        ..line
    };
    audit_log::write(&mut tx, now, created)
        .await
        .map_err(to_error)?;
    for email in members {
        let (account, handle) = create::account_by_email(&mut tx, email)
            .await
            .map_err(to_error)?;
        create::add_member(&mut tx, now, team, account, false)
            .await
            .map_err(to_error)?;
        let about = format!("@{handle} is now member of {{team}}, on the command line");
        audit_log::write(
            &mut tx,
            now,
            AuditEntry {
                kind: "team.role-changed",
                about: &about,
                ..line
            },
        )
        .await
        .map_err(to_error)?;
    }
    sprints::cadence::update_sprints(&mut tx, now)
        .await
        .map_err(to_error)?;
    tx.commit().await?;
    println!("Created {name}. Its board is at /teams/{slug}.");
    Ok(())
}

async fn lead_team(pool: &Pool, slug: &str, email: &str) -> anyhow::Result<()> {
    let (store, mut commits) = EventStore::new(pool.clone(), Clock::default());
    let handle: Option<String> = sqlx::query_scalar(
        "SELECT handle FROM accounts WHERE lower(email) = lower($1) AND deactivated_at IS NULL",
    )
    .bind(email)
    .fetch_optional(pool)
    .await?;
    let handle = handle
        .with_context(|| format!("there is no active account with the e-mail address {email}"))?;
    let team: Option<team::Team> =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE slug = $1")
            .bind(slug)
            .fetch_optional(pool)
            .await?;
    let team = team.with_context(|| format!("there is no team {slug}"))?;
    let lead = Some(membership::TeamRole::Lead);
    store
        .change(&Actor::system(), |change, _| {
            Box::pin(membership::set_member(change, &team, &handle, lead))
        })
        .await
        .map_err(to_error)?;
    dispatcher::flush(pool, &mut commits).await;
    println!("@{handle} is now a lead of {}.", team.name);
    Ok(())
}
