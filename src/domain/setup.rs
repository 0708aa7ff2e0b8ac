//! Setting up an empty workspace: its first administrator, teams and sprint.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgExecutor};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    accounts::create::{NewAccount, add_account},
    auth::secrets,
    clock,
    constraints::constraint_message,
    error::{Problem, Result},
    events::audit_log::{self, AuditEntry},
    slug::{first_available, slug},
    sprints::cadence,
    team::Team,
    teams::{
        create::{add_member, add_team},
        roster::weekday,
    },
};

/// What the setup form asks for.
pub(crate) struct Setup {
    /// The secret of the setup link.
    pub(crate) link: String,
    /// The first administrator. The account's time zone becomes the workspace's.
    pub(crate) admin: NewAccount,
    /// Names of the teams to create, or of existing teams to join as lead.
    pub(crate) teams: Vec<String>,
    pub(crate) sprint_weeks: i32,
    pub(crate) sprint_start: Date,
    pub(crate) sprint_number: i32,
}

/// Whether there is no account yet.
pub(crate) async fn is_empty(db: impl PgExecutor<'_>) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM accounts)")
            .fetch_one(db)
            .await?,
    )
}

/// Returns the teams that were created on the command line before the setup, oldest first.
pub(crate) async fn existing_teams(db: impl PgExecutor<'_>) -> Result<Vec<Team>> {
    Ok(
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams ORDER BY created_at, id")
            .fetch_all(db)
            .await?,
    )
}

/// Checks the secret of the setup link, which is valid until it is used, and only while the
/// workspace is empty.
///
/// # Errors
/// `NotFound` for another secret, an expired link, and once there is an account.
pub(crate) async fn check_link(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    secret: &str,
) -> Result<()> {
    let is_valid: bool = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT FROM accounts)
            AND EXISTS (SELECT FROM one_time_links WHERE token_hash = $1 AND purpose = 'setup' AND expires_at > $2)",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_one(db)
    .await?;
    if is_valid {
        Ok(())
    } else {
        Err(Problem::NotFound)
    }
}

/// Checks the administrator's name and address before anything is written, so that all errors of the form are shown at
/// once.
pub(crate) fn check_person(name: &str, email: &str) -> Result<()> {
    let mut errors = BTreeMap::new();
    if !(1..=100).contains(&name.trim().chars().count()) {
        errors.extend(constraint_message("account_name_length"));
    }
    let email = email.trim();
    let is_address = email.chars().count() <= 254
        && !email.contains(char::is_whitespace)
        && matches!(email.split('@').collect::<Vec<_>>()[..], [name, host] if !name.is_empty() && !host.is_empty());
    if !is_address {
        errors.extend(constraint_message("account_email_form"));
    }
    refuse(errors)
}

/// Checks the calendar of the current sprint, in the workspace's time zone.
pub(crate) fn check_sprint(
    now: OffsetDateTime,
    zone: &str,
    start: Date,
    weeks: i32,
    number: i32,
) -> Result<()> {
    let mut errors = BTreeMap::new();
    if !clock::is_zone(zone) {
        errors.insert(
            "time_zone",
            "Unknown time zone. Use a name such as Europe/Berlin.",
        );
    } else {
        let today = clock::day_in(now, zone);
        if start > today || start <= today.saturating_sub(Duration::weeks(i64::from(weeks))) {
            errors.insert(
                "starts_on",
                "The current sprint must have started and not yet ended. Check start date and length.",
            );
        }
    }
    if !(1..=90_000).contains(&number) {
        errors.insert("number", "Enter a sprint number of 1 or more.");
    }
    refuse(errors)
}

fn refuse(errors: BTreeMap<&'static str, &'static str>) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let owned = errors
        .into_iter()
        .map(|(field, message)| (field, message.to_owned()));
    Err(Problem::Invalid(owned.collect()))
}

/// Sets up the workspace. Returns the administrator's account and the slug of the first team.
///
/// # Errors
/// `Invalid` for a field that cannot be used; `NotFound` if the link was used meanwhile.
pub(crate) async fn set_up(
    db: &mut PgConnection,
    now: OffsetDateTime,
    setup: Setup,
) -> Result<(Uuid, String)> {
    let zone = setup.admin.time_zone.clone();
    let (start, weeks) = (setup.sprint_start, setup.sprint_weeks);
    check_sprint(now, &zone, start, weeks, setup.sprint_number)?;
    // A second use of the link waits here, and then finds it used.
    sqlx::query("UPDATE workspace SET cadence_weeks = $1, cadence_weekday = $2, time_zone = $3, set_up_at = $4")
        .bind(weeks)
        .bind(weekday(start))
        .bind(&zone)
        .bind(now)
        .execute(&mut *db)
        .await?;
    check_link(&mut *db, now, &setup.link).await?;
    let about = format!("{} as administrator", setup.admin.email.trim());
    let person = add_account(db, now, setup.admin).await?;
    let line = AuditEntry {
        actor: Some(person.id),
        kind: "account.created",
        about: &about,
        ..AuditEntry::default()
    };
    audit_log::write(db, now, line).await?;
    let first = create_or_join_teams(db, now, &setup.teams, person.id).await?;
    start_sprints(db, setup.sprint_number, start, weeks).await?;
    cadence::update_sprints(db, now).await?;
    sqlx::query("DELETE FROM one_time_links WHERE purpose = 'setup'")
        .execute(db)
        .await?;
    Ok((person.id, first))
}

/// Creates the teams of these names, or joins existing ones. Returns the first one's slug.
async fn create_or_join_teams(
    db: &mut PgConnection,
    now: OffsetDateTime,
    names: &[String],
    founder: Uuid,
) -> Result<String> {
    let existing = existing_teams(&mut *db).await?;
    let mut keys: Vec<String> = existing.iter().map(|team| team.key.clone()).collect();
    let mut first = None;
    for name in names.iter().map(|name| name.trim()) {
        let candidate = slug(name);
        let has_that_name = |team: &&Team| {
            team.slug == candidate || team.name.to_lowercase() == name.to_lowercase()
        };
        if let Some(team) = existing.iter().find(has_that_name) {
            add_member(db, now, team.id, founder, true).await?;
            audit_team(
                db,
                now,
                (team.id, founder),
                "team.role-changed",
                "leads {team} from now on",
            )
            .await?;
            first.get_or_insert_with(|| team.slug.clone());
            continue;
        }
        if candidate.is_empty() {
            return Err(Problem::field(
                "team",
                "The name must contain letters or digits.",
            ));
        }
        let key = key_of(&candidate, &keys);
        let team =
            add_team(db, now, &candidate, name, &key)
                .await
                .map_err(|problem| match problem {
                    Problem::Invalid(errors) => {
                        Problem::field("team", errors.into_values().collect::<Vec<_>>().join(" "))
                    }
                    other => other,
                })?;
        add_member(db, now, team, founder, true).await?;
        audit_team(db, now, (team, founder), "team.created", "{team}").await?;
        keys.push(key);
        first.get_or_insert(candidate);
    }
    first.ok_or_else(|| Problem::field("team", "Enter at least one team."))
}

async fn audit_team(
    db: &mut PgConnection,
    now: OffsetDateTime,
    (team, actor): (Uuid, Uuid),
    kind: &str,
    about: &str,
) -> Result<()> {
    audit_log::write(
        db,
        now,
        AuditEntry {
            actor: Some(actor),
            kind,
            about,
            team: Some(team),
        },
    )
    .await
}

/// Creates the current sprint. A team created earlier came with sprints that may have tasks: those
/// that are not over are rescheduled, the first one as the current sprint.
async fn start_sprints(db: &mut PgConnection, number: i32, start: Date, weeks: i32) -> Result<()> {
    let existing: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM sprints WHERE state IN ('active', 'planned') ORDER BY starts_on",
    )
    .fetch_all(&mut *db)
    .await?;
    if existing.is_empty() {
        cadence::add_sprint(db, number, start, weeks, "Sprint {n}").await?;
        return Ok(());
    }
    sqlx::query(
        "UPDATE sprints SET number = $2 + nth - 1, name = replace(w.sprint_names, '{n}', ($2 + nth - 1)::text),
                starts_on = $3 + 7 * $4 * (nth - 1), ends_on = $3 + 7 * $4 * nth - 1
         FROM workspace w, (SELECT id, nth::integer FROM unnest($1::uuid[]) WITH ORDINALITY AS existing (id, nth)) AS existing
         WHERE sprints.id = existing.id",
    )
    .bind(existing)
    .bind(number)
    .bind(start)
    .bind(weeks)
    .execute(db)
    .await?;
    Ok(())
}

/// Derives a task key from the name: INF, ING; with a digit if it is taken.
fn key_of(slug: &str, taken: &[String]) -> String {
    let letters: String = slug
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(3)
        .collect::<String>()
        .to_uppercase();
    let letters = if letters.len() < 2 {
        format!("T{letters}K")
    } else {
        letters
    };
    first_available(&letters, "", |key| taken.iter().any(|other| other == key))
}
