//! Guests: people who open a share link or a public page without an account. They can read one page
//! of one team.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets, error::Result, humanize::without_addresses, keys,
        policy::predicates::named_to_all, team::Team,
    },
};

/// The last use of a link is stored at most this often, not on every request.
const SEEN_EVERY: Duration = Duration::minutes(10);

/// A reader without an account, who can see one page of one team and change nothing.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) team: Team,
    pub(crate) shows: SharedPage,
    /// The id of the share link, or of the team for its public page.
    pub(crate) id: Uuid,
    /// The digest that keeps the guest's event streams open.
    pub(crate) pass: Vec<u8>,
    /// The path of the page: `/share/…` or `/public/infrastructure`.
    pub(crate) url: String,
    /// The workspace's count of changes to people, teams and sprints.
    pub(crate) workspace_seq: i64,
}

/// The result of opening a share link.
pub(crate) enum ShareLinkEntry {
    Open(Guest),
    /// The link asks for a password first.
    Condition(LockedLink),
}

/// A password-protected link that has not been unlocked.
pub(crate) struct LockedLink {
    pub(crate) id: Uuid,
    pub(crate) password_hash: String,
    pub(crate) team: Uuid,
    secret: String,
}

impl LockedLink {
    /// The cookie value that proves the password was entered. It expires with the link and when the
    /// password changes.
    pub(crate) fn proof(&self) -> String {
        secrets::digest(&format!("{} {}", self.secret, self.password_hash))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The path of the link's pages.
    pub(crate) fn path(&self) -> String {
        format!("/share/{}", self.secret)
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
    shows: SharedPage,
    password_hash: Option<String>,
    last_used_at: Option<OffsetDateTime>,
    workspace_seq: i64,
}

/// Opens a share link by its secret.
///
/// # Errors
/// `NotFound` for unknown, expired and revoked links alike.
pub(crate) async fn open_share_link(
    db: &Pool,
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
    let (url, workspace_seq) = (format!("/share/{secret}"), row.workspace_seq);
    Ok(ShareLinkEntry::Open(Guest {
        team: for_guests(row.team),
        shows: row.shows,
        id: row.link,
        pass: hash,
        url,
        workspace_seq,
    }))
}

/// Opens a team's public check-in page, if the team published it.
pub(crate) async fn public(db: &Pool, slug: &str) -> Result<Guest> {
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
    let (id, url) = (team.id, format!("/public/{}", team.slug));
    // Not a secret, but a value that no digest can have: streams of the public page end when the
    // team unpublishes it.
    let pass = format!("public {id}").into_bytes();
    Ok(Guest {
        team: for_guests(team),
        shows: SharedPage::CheckIn,
        id,
        pass,
        url,
        workspace_seq,
    })
}

/// The team as guests see it: without e-mail addresses in its name.
fn for_guests(team: Team) -> Team {
    Team {
        name: without_addresses(&team.name),
        ..team
    }
}

/// The page that a link shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum SharedPage {
    Board,
    CheckIn,
}

impl SharedPage {
    pub(crate) fn as_str(self) -> &'static str {
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
            _ => Err(format!("unknown shared page: {text}")),
        }
    }
}
