//! Letting people in who have no account yet: by an invitation's link, or by registering where that is open.

use crate::domain::auth::secrets;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    accounts::create::{NewAccount, add_account},
    events::audit_log::{self, Line},
};
use crate::domain::{
    error::{Problem, Result},
    events::Change,
    policy::predicates::seen_by,
    team::Team,
    teams::membership,
};

/// For how many days an invitation may hold.
pub const DAYS: std::ops::RangeInclusive<i64> = 1..=90;

/// An invitation to be made.
pub struct Draft {
    /// The team that whoever comes joins.
    pub team: Option<Team>,
    /// One who only reads.
    pub viewer: bool,
    pub single_use: bool,
    pub days: i64,
}

/// Makes an invitation; the answer is its secret, which is only here, this once.
pub async fn invite(change: &mut Change, draft: &Draft) -> Result<String> {
    if !DAYS.contains(&draft.days) {
        return Err(Problem::field(
            "days",
            "An invitation holds for 1 to 90 days.",
        ));
    }
    let secret = secrets::new_secret()?;
    let (at, actor) = (change.at, change.actor);
    sqlx::query(
        "INSERT INTO invitations (id, token_hash, role, team_id, single_use, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(Uuid::now_v7())
    .bind(secrets::digest(&secret))
    .bind(if draft.viewer { "viewer" } else { "member" })
    .bind(draft.team.as_ref().map(|team| team.id))
    .bind(draft.single_use)
    .bind(actor)
    .bind(at)
    .bind(at + Duration::days(draft.days))
    .execute(change.db())
    .await?;
    let days = if draft.days == 1 { "day" } else { "days" };
    match &draft.team {
        Some(team) => {
            let about = format!("to {{team}}, for {} {days}", draft.days);
            audit_log::note_of(change, team.id, "invitation.created", &about).await?;
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

/// Ends an invitation.
pub async fn revoke(change: &mut Change, invitation: Uuid) -> Result<()> {
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

/// An invitation that still lets somebody in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Open {
    pub id: Uuid,
    pub role: String,
    pub team_id: Option<Uuid>,
    /// The team's name.
    pub team: Option<String>,
    /// First name of who made it.
    pub by: Option<String>,
    pub single_use: bool,
    pub used: i32,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

const OPEN: &str = "SELECT i.id, i.role, i.team_id, t.name AS team, split_part(a.name, ' ', 1) AS by, i.single_use, i.used, i.created_at, i.expires_at
     FROM invitations i LEFT JOIN teams t ON t.id = i.team_id LEFT JOIN accounts a ON a.id = i.created_by
     WHERE i.revoked_at IS NULL AND NOT (i.single_use AND i.used > 0)";

/// That the maker of an invitation `i` is still on its team, where that is private: whoever comes joins by their word.
const VOUCHED: &str = concat!(
    "NOT EXISTS (SELECT FROM teams t WHERE t.id = i.team_id AND NOT ",
    seen_by!("i.created_by"),
    ")"
);

/// Every invitation that still lets somebody in, the newest first; of a private team that the reader is not on, without
/// its name.
pub async fn open(db: &PgPool, now: OffsetDateTime, reader: Uuid) -> Result<Vec<Open>> {
    let seen = seen_by!("$2");
    let query = format!(
        "SELECT o.id, o.role, o.team_id, CASE WHEN NOT {seen} THEN 'a private team' ELSE t.name END AS team,
                o.by, o.single_use, o.used, o.created_at, o.expires_at FROM ({OPEN} AND i.expires_at > $1) o
         LEFT JOIN teams t ON t.id = o.team_id ORDER BY o.created_at DESC LIMIT 200"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(now)
        .bind(reader)
        .fetch_all(db)
        .await?)
}

/// The invitation with that secret.
///
/// # Errors
/// `NotFound` when there is none, or it was used, revoked, or is over, or has nobody's word any more.
pub async fn found(db: &PgPool, now: OffsetDateTime, secret: &str) -> Result<Open> {
    let query = format!("{OPEN} AND i.expires_at > $1 AND i.token_hash = $2 AND {VOUCHED}");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(now)
        .bind(secrets::digest(secret))
        .fetch_one(db)
        .await?)
}

/// Somebody who comes in.
#[derive(Clone, Debug)]
pub struct Newcomer {
    pub email: String,
    pub name: String,
    pub password_hash: String,
}

/// Makes an account by an invitation, and puts it on the invitation's team; on a private one only by the word of somebody
/// who is still on it.
///
/// # Errors
/// `NotFound` where two come by one link for one: the second.
pub async fn accept(change: &mut Change, secret: &str, new: &Newcomer) -> Result<Uuid> {
    let (role, team) = use_up(change, secret).await?;
    let account = add(change, new, &role).await?;
    // Whoever comes is who joins.
    change.actor = Some(account);
    if let Some(team) = team {
        put_on(change, team, account).await?;
    }
    Ok(account)
}

/// Puts somebody who has an account on an invitation's team.
///
/// # Errors
/// `NotFound` as for a newcomer, and for an invitation to no team: they are in already.
pub async fn accept_as(change: &mut Change, secret: &str, account: Uuid) -> Result<()> {
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
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(secrets::digest(secret))
        .bind(at)
        .fetch_one(change.db())
        .await?)
}

/// Who is on it already stays what they are there, and the invitation as it was.
async fn put_on(change: &mut Change, team: Uuid, account: Uuid) -> Result<()> {
    let is_on: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM members WHERE team_id = $1 AND account_id = $2)",
    )
    .bind(team)
    .bind(account)
    .fetch_one(change.db())
    .await?;
    if is_on {
        return Err(Problem::conflict(
            "You are on this team already. The invitation is still as it was.",
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
    membership::set_member(change, &team, &handle, Some(membership::TeamRole::Member)).await
}

/// Makes an account for somebody who registers.
///
/// # Errors
/// `Forbidden` where registration is closed, or the address is of no allowed domain.
pub async fn register(change: &mut Change, new: &Newcomer) -> Result<Uuid> {
    let (open, domains) = registration(change.db()).await?;
    if !open {
        return Err(Problem::Forbidden(
            "Registration is closed here. Ask somebody for an invitation. Nothing was saved."
                .into(),
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
            format!("Only addresses of {allowed} may register here."),
        ));
    }
    add(change, new, "member").await
}

/// Whether registration is open, and for which domains; none named: for all.
pub async fn registration(db: impl sqlx::PgExecutor<'_>) -> Result<(bool, Vec<String>)> {
    Ok(
        sqlx::query_as("SELECT registration_open, registration_domains FROM workspace")
            .fetch_one(db)
            .await?,
    )
}

async fn add(change: &mut Change, new: &Newcomer, role: &str) -> Result<Uuid> {
    let at = change.at;
    let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(change.db())
        .await?;
    let account = NewAccount {
        email: new.email.clone(),
        name: new.name.clone(),
        password_hash: new.password_hash.clone(),
        admin: false,
        time_zone: zone,
    };
    let person = add_account(change.db(), at, account).await?;
    sqlx::query("UPDATE accounts SET role = $2 WHERE id = $1")
        .bind(person.id)
        .bind(role)
        .execute(change.db())
        .await?;
    let line = Line {
        actor: Some(person.id),
        kind: "account.created",
        about: &new.email,
        ..Line::default()
    };
    audit_log::write(change.db(), at, line).await?;
    Ok(person.id)
}
