//! Registration: accounts created by invitation, or by signing up where that is allowed.

use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::create::{NewAccount, add_account},
        auth::secrets,
        clock,
        error::{Problem, Result},
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
        policy::{predicates::seen_by, viewer::Role},
        team::Team,
        teams::membership,
    },
};

/// The allowed validity of an invitation, in days.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = 1..=90;

/// An invitation to be created.
pub(crate) struct Draft {
    /// The team that new accounts join.
    pub(crate) team: Option<Team>,
    /// The role of the new account: member or viewer.
    pub(crate) role: Role,
    pub(crate) single_use: bool,
    pub(crate) days: i64,
    /// The address that it is mailed to, which makes it one for one person.
    pub(crate) email: Option<String>,
}

/// Creates an invitation and returns its secret, which is not stored and cannot be shown again.
pub(crate) async fn invite(change: &mut Change, draft: &Draft) -> Result<String> {
    if !DAYS.contains(&draft.days) {
        return Err(Problem::field(
            "days",
            "An invitation can be valid for 1 to 90 days.",
        ));
    }
    let (id, secret) = (Uuid::now_v7(), secrets::new_secret()?);
    let (at, actor) = (change.at, change.actor);
    sqlx::query(
        "INSERT INTO invitations (id, token_hash, role, team_id, single_use, created_by, created_at, expires_at, email)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id)
    .bind(secrets::digest(&secret))
    .bind(draft.role)
    .bind(draft.team.as_ref().map(|team| team.id))
    .bind(draft.single_use || draft.email.is_some())
    .bind(actor)
    .bind(at)
    .bind(at + Duration::days(draft.days))
    .bind(&draft.email)
    .execute(change.db())
    .await?;
    if let Some(email) = &draft.email {
        sqlx::query(
            "INSERT INTO outbox (id, kind, account_id, invitation_id, address, created_at, send_at)
             VALUES ($1, 'invitation', $2, $3, $4, $5, $5)",
        )
        .bind(Uuid::now_v7())
        .bind(actor)
        .bind(id)
        .bind(email)
        .bind(at)
        .execute(change.db())
        .await?;
    }
    let days = if draft.days == 1 { "day" } else { "days" };
    match &draft.team {
        Some(team) => {
            let about = format!("to {{team}}, for {} {days}", draft.days);
            audit_log::note_for_team(change, team.id, "invitation.created", &about).await?;
        }
        None => {
            audit_log::note(
                change,
                "invitation.created",
                &format!("to the workspace, for {} {days}", draft.days),
            )
            .await?
        }
    }
    Ok(secret)
}

/// Makes a new secret for an invitation that is to be mailed now, since only its hash is stored. `None` once it was used
/// or revoked, or has expired.
pub(crate) async fn renew(db: &Pool, id: Uuid, now: OffsetDateTime) -> Result<Option<String>> {
    let secret = secrets::new_secret()?;
    let renewed = sqlx::query(
        "UPDATE invitations SET token_hash = $2 WHERE id = $1 AND revoked_at IS NULL AND used = 0 AND expires_at > $3",
    )
    .bind(id)
    .bind(secrets::digest(&secret))
    .bind(now)
    .execute(db)
    .await?;
    Ok((renewed.rows_affected() == 1).then_some(secret))
}

/// Revokes an invitation.
pub(crate) async fn revoke(change: &mut Change, invitation: Uuid) -> Result<()> {
    let at = change.at;
    let revoked =
        sqlx::query("UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(invitation)
            .bind(at)
            .execute(change.db())
            .await?;
    if revoked.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    audit_log::note(change, "invitation.revoked", "").await
}

/// An invitation that is still valid.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Open {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    /// The team's name.
    pub(crate) team: Option<String>,
    /// First name of its creator.
    pub(crate) by: Option<String>,
    /// The address that it was mailed to.
    pub(crate) email: Option<String>,
    pub(crate) single_use: bool,
    pub(crate) used: i32,
    pub(crate) expires_at: OffsetDateTime,
}

const OPEN: &str = "SELECT i.id, i.role, i.team_id, t.name AS team, split_part(a.name, ' ', 1) AS by, i.email, i.single_use, i.used, i.created_at, i.expires_at
     FROM invitations i LEFT JOIN teams t ON t.id = i.team_id LEFT JOIN accounts a ON a.id = i.created_by
     WHERE i.revoked_at IS NULL AND NOT (i.single_use AND i.used > 0)";

/// Condition: the creator of an invitation `i` to a private team is still on that team, because
/// they vouch for the new member.
const VOUCHED: &str = concat!(
    "NOT EXISTS (SELECT FROM teams t WHERE t.id = i.team_id AND NOT ",
    seen_by!("i.created_by"),
    ")"
);

/// Returns every valid invitation, newest first. The name of a private team is left out unless the
/// reader is a member.
pub(crate) async fn open(db: &Pool, now: OffsetDateTime, reader: Uuid) -> Result<Vec<Open>> {
    let seen = seen_by!("$2");
    let query = format!(
        "SELECT o.id, o.role, CASE WHEN NOT {seen} THEN 'a private team' ELSE t.name END AS team,
                o.by, o.email, o.single_use, o.used, o.expires_at FROM ({OPEN} AND i.expires_at > $1) o
         LEFT JOIN teams t ON t.id = o.team_id ORDER BY o.created_at DESC LIMIT 200"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(now)
        .bind(reader)
        .fetch_all(db)
        .await?)
}

/// Finds the invitation with this secret.
///
/// # Errors
/// `NotFound` if it does not exist; `Gone` if it was used or revoked, has expired, or its creator can
/// no longer vouch for it.
pub(crate) async fn load_open_invitation(
    db: &Pool,
    now: OffsetDateTime,
    secret: &str,
) -> Result<Open> {
    let query = format!("{OPEN} AND i.expires_at > $1 AND i.token_hash = $2 AND {VOUCHED}");
    let invitation = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(now)
        .bind(secrets::digest(secret))
        .fetch_optional(db)
        .await?;
    match invitation {
        Some(invitation) => Ok(invitation),
        None => Err(why_closed(db, now, secret).await?),
    }
}

/// Why an invitation cannot be used, and who can make another one.
async fn why_closed(db: impl PgExecutor<'_>, now: OffsetDateTime, secret: &str) -> Result<Problem> {
    let row: Option<(bool, bool, Option<String>)> = sqlx::query_as(
        "SELECT i.single_use AND i.used > 0, i.expires_at <= $2, split_part(a.name, ' ', 1)
         FROM invitations i LEFT JOIN accounts a ON a.id = i.created_by AND a.deactivated_at IS NULL
         WHERE i.token_hash = $1",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_optional(db)
    .await?;
    let Some((is_used, is_expired, by)) = row else {
        return Ok(Problem::NotFound);
    };
    let by = by.as_deref().unwrap_or("an administrator");
    Ok(Problem::Gone(
        match (is_used, is_expired) {
            (true, _) => {
                format!("This invitation has been used. If you used it, sign in. Otherwise ask {by} for a new one.")
            }
            (_, true) => format!("This invitation has expired. Ask {by} for a new one."),
            _ => format!("This invitation was withdrawn. Ask {by} for a new one."),
        }
        .into(),
    ))
}

/// A person who registers.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password_hash: String,
    /// As their browser names it; the workspace's is used in place of an unknown one.
    pub(crate) time_zone: String,
}

/// Creates an account by invitation and adds it to the invitation's team; to a private team only
/// while the invitation's creator is still a member. Returns the account and the team's slug.
///
/// # Errors
/// `Gone` for the second of two people who use a single-use link.
pub(crate) async fn accept(
    change: &mut Change,
    secret: &str,
    new: &Newcomer,
) -> Result<(Uuid, Option<String>)> {
    let (role, team) = use_up(change, secret).await?;
    let account = add(change, new, &role).await?;
    // The new account is the author of its own joining.
    change.actor = Some(account);
    let slug = match team {
        Some(team) => Some(put_on(change, team, account).await?),
        None => None,
    };
    Ok((account, slug))
}

/// Adds an existing account to an invitation's team, and returns the team's slug.
///
/// # Errors
/// `Gone` as for a new account; `NotFound` for an invitation without a team, which has nothing to
/// offer to an existing account.
pub(crate) async fn accept_as(change: &mut Change, secret: &str, account: Uuid) -> Result<String> {
    let (_, team) = use_up(change, secret).await?;
    put_on(change, team.ok_or(Problem::NotFound)?, account).await
}

async fn use_up(change: &mut Change, secret: &str) -> Result<(String, Option<Uuid>)> {
    let at = change.at;
    let query = format!(
        "UPDATE invitations i SET used = used + 1
         WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND NOT (single_use AND used > 0) AND {VOUCHED}
         RETURNING role, team_id"
    );
    let used = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(secrets::digest(secret))
        .bind(at)
        .fetch_optional(change.db())
        .await?;
    match used {
        Some(used) => Ok(used),
        None => Err(why_closed(change.db(), at, secret).await?),
    }
}

/// Returns the team's slug. A member keeps their role, and the invitation stays unused.
async fn put_on(change: &mut Change, team: Uuid, account: Uuid) -> Result<String> {
    let is_on: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM members WHERE team_id = $1 AND account_id = $2)",
    )
    .bind(team)
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if is_on {
        return Err(Problem::conflict(
            "You are already on this team. The invitation was not used.",
        ));
    }
    let handle: String = sqlx::query_scalar("SELECT handle FROM accounts WHERE id = $1")
        .bind(account)
        .fetch_one(change.db())
        .await?;
    let team: Team = sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE id = $1")
        .bind(team)
        .fetch_one(change.db())
        .await?;
    membership::set_member(change, &team, &handle, Some(membership::TeamRole::Member)).await?;
    Ok(team.slug)
}

/// Creates an account by open registration.
///
/// # Errors
/// `Forbidden` if registration is closed, or the address has no allowed domain.
pub(crate) async fn register(change: &mut Change, new: &Newcomer) -> Result<Uuid> {
    let (open, domains) = registration(change.db()).await?;
    if !open {
        return Err(Problem::Forbidden(
            "Registration is closed. Ask a member for an invitation. Nothing was saved.".into(),
        ));
    }
    let domain = new
        .email
        .trim()
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain)
        .to_lowercase();
    if !domains.is_empty() && !domains.contains(&domain) {
        let allowed = domains.join(", ");
        return Err(Problem::field(
            "email",
            format!("Only e-mail addresses of {allowed} can register."),
        ));
    }
    add(change, new, "member").await
}

/// Whether registration is open, and for which domains; none means all.
pub(crate) async fn registration(db: impl sqlx::PgExecutor<'_>) -> Result<(bool, Vec<String>)> {
    Ok(
        sqlx::query_as("SELECT registration_open, registration_domains FROM workspace")
            .fetch_one(db)
            .await?,
    )
}

async fn add(change: &mut Change, new: &Newcomer, role: &str) -> Result<Uuid> {
    let at = change.at;
    let zone = if clock::is_zone(&new.time_zone) {
        new.time_zone.clone()
    } else {
        sqlx::query_scalar("SELECT time_zone FROM workspace")
            .fetch_one(change.db())
            .await?
    };
    let account = NewAccount {
        email: new.email.clone(),
        name: new.name.clone(),
        password_hash: Some(new.password_hash.clone()),
        admin: false,
        time_zone: zone,
    };
    let person = add_account(change.db(), at, account).await?;
    sqlx::query("UPDATE accounts SET role = $2 WHERE id = $1")
        .bind(person.id)
        .bind(role)
        .execute(change.db())
        .await?;
    let line = AuditEntry {
        actor: Some(person.id),
        kind: "account.created",
        about: &new.email,
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), at, line).await?;
    Ok(person.id)
}
