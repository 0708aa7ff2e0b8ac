//! What administrators can look up: who came in or failed to, and who changed what may be done. Beside the teams'
//! events, which tell what was worked on.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{error::Result, events::Change, policy::predicates::seen_by};

/// So many lines a page; the CSV is read by pages too.
pub const SHOWN: i64 = 200;

/// Something to be written down.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'l> {
    pub actor: Option<Uuid>,
    /// `role.changed`
    pub kind: &'l str,
    /// To whom, or what; `{team}` stands for the team.
    pub about: &'l str,
    pub team: Option<Uuid>,
    /// Where it came from.
    pub network: &'l str,
}

/// Writes down, with a change, what its actor did.
pub async fn note(change: &mut Change, kind: &str, about: &str) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    write(
        change.db(),
        at,
        Line {
            actor,
            kind,
            about,
            ..Line::default()
        },
    )
    .await
}

/// The same of a team, which is `{team}` in the words: whoever reads them later may not be one who may know its name.
pub async fn note_of(change: &mut Change, team: Uuid, kind: &str, about: &str) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    write(
        change.db(),
        at,
        Line {
            actor,
            kind,
            about,
            team: Some(team),
            ..Line::default()
        },
    )
    .await
}

/// Writes down what somebody did, or tried.
pub async fn write(db: &mut PgConnection, at: OffsetDateTime, line: Line<'_>) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_log (id, at, actor_id, kind, about, team_id, network) VALUES ($1, $2, $3, $4, left($5, 500), $6, left($7, 100))",
    )
    .bind(Uuid::now_v7())
    .bind(at)
    .bind(line.actor)
    .bind(line.kind)
    .bind(line.about)
    .bind(line.team)
    .bind(line.network)
    .execute(db)
    .await?;
    Ok(())
}

/// A line of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    pub id: Uuid,
    pub at: OffsetDateTime,
    pub who: Option<String>,
    pub kind: String,
    pub about: String,
    pub network: String,
}

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Words that a line has in it.
    pub words: String,
    /// From the beginning of this instant, and before that one.
    pub from: Option<OffsetDateTime>,
    pub to: Option<OffsetDateTime>,
    /// Older than this line.
    pub before: Option<Uuid>,
}

/// The newest lines as a reader may know of them, as many as a page shows.
pub async fn entries(db: &PgPool, reader: Uuid, wanted: &Wanted) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(concat!(
        "SELECT * FROM (
            SELECT x.id, x.at, a.name || ' @' || a.handle AS who, x.kind, x.network,
                   replace(x.about, '{team}', CASE WHEN t.id IS NULL THEN 'a team' WHEN NOT ",
        seen_by!("$1"),
        " THEN 'a private team' ELSE t.name END) AS about
            FROM audit_log x LEFT JOIN accounts a ON a.id = x.actor_id LEFT JOIN teams t ON t.id = x.team_id) x
         WHERE ($2 = '' OR concat_ws(' ', x.kind, x.about, x.network, x.who) ILIKE $3)
           AND ($4::timestamptz IS NULL OR x.at >= $4) AND ($5::timestamptz IS NULL OR x.at < $5)
           AND ($6::uuid IS NULL OR (x.at, x.id) < (SELECT b.at, b.id FROM audit_log b WHERE b.id = $6))
         ORDER BY x.at DESC, x.id DESC LIMIT $7"
    ))
    .bind(reader)
    .bind(wanted.words.trim())
    .bind(format!("%{}%", crate::domain::text::literal(wanted.words.trim())))
    .bind(wanted.from)
    .bind(wanted.to)
    .bind(wanted.before)
    .bind(SHOWN)
    .fetch_all(db)
    .await?)
}
