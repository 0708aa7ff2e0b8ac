//! Whether open event streams may stay open.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::predicates::{lacks_second_factor, seen_by},
    },
};

/// The team of a stream that shows only what concerns its reader.
pub(crate) const OF_NO_TEAM: Uuid = Uuid::nil();

/// Returns the pairs of token hash and team whose streams may stay open: the session, API token or
/// share link is still valid and its reader may still see the team. A public team has the hash
/// `public` and its id.
pub(crate) async fn still_allowed(
    db: &Pool,
    hashes: &[&[u8]],
    teams: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<(Vec<u8>, Uuid)>> {
    Ok(sqlx::query_as(concat!(
        "SELECT p.token_hash, p.team FROM unnest($1::bytea[], $2::uuid[]) AS p (token_hash, team)
         JOIN (SELECT s.token_hash, a.id, NULL::uuid[] AS reaches FROM sessions s JOIN accounts a ON a.id = s.account_id
               WHERE s.expires_at > $3 AND a.deactivated_at IS NULL AND NOT ",
        lacks_second_factor!(),
        " UNION ALL
               SELECT t.token_hash, a.id, t.teams FROM tokens t JOIN accounts a ON a.id = t.account_id
               WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3) AND a.deactivated_at IS NULL
               UNION ALL
               SELECT l.token_hash, NULL, ARRAY[l.team_id] FROM share_links l
               WHERE l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $3)
               UNION ALL
               SELECT convert_to('public ' || t.id, 'UTF8'), NULL, ARRAY[t.id] FROM teams t WHERE t.public) k
              ON k.token_hash = p.token_hash AND (k.reaches IS NULL OR p.team = ANY(k.reaches) OR p.team = '00000000-0000-0000-0000-000000000000')
         LEFT JOIN teams t ON t.id = p.team
         WHERE CASE WHEN p.team = '00000000-0000-0000-0000-000000000000' THEN k.id IS NOT NULL
                    ELSE t.id IS NOT NULL AND (k.id IS NULL OR ",
        seen_by!("k.id"),
        ") END"
    ))
    .bind(hashes)
    .bind(teams)
    .bind(now)
    .fetch_all(db)
    .await?)
}
