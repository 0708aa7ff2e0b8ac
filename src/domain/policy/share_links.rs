//! Guests: people who open a share link or a public page without an account. They can read one page of one team.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    auth::secrets, error::Result, humanize::without_addresses, keys,
    policy::predicates::named_to_all, team::Team,
};

/// How often a link's last use is written down: not at every request.
const SEEN_EVERY: Duration = Duration::minutes(10);

/// Somebody who may look at one thing of one team, and change nothing.
#[derive(Clone, Debug)]
pub struct Guest {
    pub team: Team,
    pub shows: SharedPage,
    /// The link, or the team for its public address.
    pub id: Uuid,
    /// What lets their streams stay open.
    pub pass: Vec<u8>,
    /// Where they are: `/share/…` or `/public/infrastructure`.
    pub address: String,
    /// The workspace's count of changes to people, teams and sprints.
    pub workspace_seq: i64,
}

/// What stands behind a link.
pub enum ShareLinkEntry {
    Open(Guest),
    /// It asks for a password first.
    Condition(LockedLink),
}

/// A link that was not opened yet.
pub struct LockedLink {
    pub id: Uuid,
    pub password_hash: String,
    pub team: Uuid,
    secret: String,
}

impl LockedLink {
    /// What proves afterwards that the password was right. It ends with the link, and with the password.
    pub(crate) fn proof(&self) -> String {
        secrets::digest(&format!("{} {}", self.secret, self.password_hash))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The cookie that a browser keeps after the right password, for this link alone.
    pub fn set_cookie(&self, https: bool) -> String {
        let secure = if https { "; Secure" } else { "" };
        let (name, proof) = (cookie_name(self.id), self.proof());
        format!(
            "{name}={proof}; Path=/share/{}; Max-Age=604800; HttpOnly; SameSite=Lax{secure}",
            self.secret
        )
    }
}

pub(crate) fn cookie_name(link: Uuid) -> String {
    format!("share-{}", link.simple())
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    team: Team,
    link: Uuid,
    #[sqlx(try_from = "String")]
    shows: SharedPage,
    password_hash: Option<String>,
    last_used_at: Option<OffsetDateTime>,
    workspace_seq: i64,
}

/// Lets somebody in by a share link's secret.
///
/// # Errors
/// `NotFound` for a link that never was, is over, or was revoked: they look the same.
pub async fn entrance(
    db: &PgPool,
    now: OffsetDateTime,
    secret: &str,
    has_proof: impl FnOnce(&LockedLink) -> bool,
) -> Result<ShareLinkEntry> {
    let hash = secrets::digest(keys::plain(secret)?);
    let row: Row = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, l.id AS link, l.shows, l.password_hash, l.last_used_at, w.seq AS workspace_seq
         FROM share_links l JOIN teams t ON t.id = l.team_id CROSS JOIN workspace w
         WHERE l.token_hash = $1 AND l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $2)",
    )
    .bind(&hash)
    .bind(now)
    .fetch_one(db)
    .await?;
    if let Some(password_hash) = row.password_hash {
        let locked = LockedLink {
            id: row.link,
            team: row.team.id,
            password_hash,
            secret: secret.to_owned(),
        };
        if !has_proof(&locked) {
            return Ok(ShareLinkEntry::Condition(locked));
        }
    }
    if row.last_used_at.is_none_or(|at| now - at > SEEN_EVERY) {
        sqlx::query("UPDATE share_links SET last_used_at = $2 WHERE token_hash = $1")
            .bind(&hash)
            .bind(now)
            .execute(db)
            .await?;
    }
    let (address, workspace_seq) = (format!("/share/{secret}"), row.workspace_seq);
    Ok(ShareLinkEntry::Open(Guest {
        team: for_guests(row.team),
        shows: row.shows,
        id: row.link,
        pass: hash,
        address,
        workspace_seq,
    }))
}

/// Lets everybody in to a team's check-in, where the team wants that.
pub async fn public(db: &PgPool, slug: &str) -> Result<Guest> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        team: Team,
        workspace_seq: i64,
    }
    let Row { team, workspace_seq } = sqlx::query_as(concat!(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, w.seq AS workspace_seq FROM teams t, workspace w WHERE t.slug = $1 AND t.public AND ",
        named_to_all!("t")
    ))
    .bind(keys::plain(slug)?)
    .fetch_one(db)
    .await?;
    let (id, address) = (team.id, format!("/public/{}", team.slug));
    // No secret, but of a form that no digest has: the streams of the public address end when the team takes it back.
    let pass = format!("public {id}").into_bytes();
    Ok(Guest {
        team: for_guests(team),
        shows: SharedPage::CheckIn,
        id,
        pass,
        address,
        workspace_seq,
    })
}

/// A team as guests read of it.
fn for_guests(team: Team) -> Team {
    Team {
        name: without_addresses(&team.name),
        ..team
    }
}

/// What a link shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedPage {
    Board,
    CheckIn,
}

impl SharedPage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::CheckIn => "check-in",
        }
    }
}

impl TryFrom<String> for SharedPage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "board" => Ok(Self::Board),
            "check-in" => Ok(Self::CheckIn),
            _ => Err(format!("a link shows no {text}")),
        }
    }
}
