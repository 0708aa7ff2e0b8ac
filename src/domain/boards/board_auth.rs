//! Who asks for a board, which team, and whether anything changed since. Requests that arrive at the same moment share
//! one query, which starts after the last of them arrived.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::{
    clock::Clock,
    error::{Problem, Result},
    policy::{
        predicates::seen_by,
        team_access::TeamAccess,
        viewer::{AuthRow, Viewer},
    },
};

/// The door asks once nobody else has come while it looked so many times. A look takes a microsecond or two.
const LOOKS: usize = 8;
/// However many are on the way, it looks no more often than this.
const MOST_LOOKS: usize = 64;

/// What a board's page must know before it can say "unchanged".
pub struct BoardAuth {
    pub viewer: Viewer,
    pub access: TeamAccess,
    /// The workspace's count of changes to people, teams, sprints, columns and labels.
    pub workspace_seq: i64,
}

/// Those who wait at the door while a query is under way; the next one is for all of them.
#[derive(Clone)]
pub struct AuthBatcher {
    db: PgPool,
    clock: Clock,
    waiting: Arc<Mutex<Batch>>,
}

#[derive(Default)]
struct Batch {
    asked: HashMap<BoardRequest, Vec<oneshot::Sender<BatchReply>>>,
    heads: usize,
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BoardRequest {
    pub token_hash: Vec<u8>,
    pub cookie: bool,
    pub slug: String,
}

/// Nothing for somebody unknown; `Busy` when the database did not answer.
type BatchReply = Result<Option<BoardAuthRow>, ()>;

#[derive(Clone, sqlx::FromRow)]
pub(crate) struct BoardAuthRow {
    pub nth: i64,
    #[sqlx(flatten)]
    pub known: AuthRow,
    pub workspace_seq: i64,
    pub team_id: Option<Uuid>,
    pub team_slug: Option<String>,
    pub team_name: Option<String>,
    pub team_key: Option<String>,
    pub seq: Option<i64>,
    pub is_hidden: bool,
    pub is_member: bool,
    pub is_lead: bool,
}

impl AuthBatcher {
    /// A batcher that asks this database.
    pub fn new(db: PgPool, clock: Clock) -> Self {
        Self {
            db,
            clock,
            waiting: Arc::default(),
        }
    }

    /// The row for one request.
    ///
    /// # Errors
    /// `Busy` when the database does not answer.
    pub(crate) async fn ask(&self, asked: BoardRequest) -> Result<Option<BoardAuthRow>> {
        let (tell, told) = oneshot::channel();
        let opens = {
            let mut waiting = self.waiting();
            waiting.asked.entry(asked).or_default().push(tell);
            waiting.heads += 1;
            !std::mem::replace(&mut waiting.is_open, true)
        };
        if opens {
            // Of its own: whoever came first may leave, and the others still want to come in.
            let doors = self.clone();
            tokio::spawn(async move { doors.let_in().await });
        }
        told.await
            .map_err(|_| Problem::Busy)?
            .map_err(|()| Problem::Busy)
    }

    /// Asks for all who wait, until nobody does.
    async fn let_in(&self) {
        // One connection for all of it: the pool's own bookkeeping would be a good part of so small a query.
        let mut held = None;
        loop {
            self.let_gather().await;
            let asked: Vec<(BoardRequest, Vec<oneshot::Sender<BatchReply>>)> = {
                let mut waiting = self.waiting();
                if waiting.asked.is_empty() {
                    waiting.is_open = false;
                    return;
                }
                waiting.heads = 0;
                waiting.asked.drain().collect()
            };
            // By the time of this query: whoever came first may have come long ago, when there is always somebody.
            let connection = match held.take() {
                Some(connection) => Ok(connection),
                None => self.db.acquire().await,
            };
            let rows = match connection {
                Ok(mut connection) => {
                    let rows = look_up(
                        &mut connection,
                        self.clock.now(),
                        asked.iter().map(|(asked, _)| asked),
                    )
                    .await;
                    // One that failed is the pool's to look at.
                    held = rows.is_ok().then_some(connection);
                    rows
                }
                Err(error) => Err(error),
            };
            for (nth, (_, tells)) in (1..).zip(asked) {
                let told: BatchReply = match &rows {
                    Ok(rows) => Ok(rows.iter().find(|row| row.nth == nth).cloned()),
                    Err(error) => {
                        tracing::warn!("the door of a board stayed shut: {error}");
                        Err(())
                    }
                };
                for tell in tells {
                    // Whoever has left hears nothing.
                    let _ = tell.send(told.clone());
                }
            }
        }
    }

    /// Whoever is on the way comes first: the fuller the query, the fewer there are.
    async fn let_gather(&self) {
        let (mut here, mut in_vain) = (0, 0);
        for _ in 0..MOST_LOOKS {
            tokio::task::yield_now().await;
            let now = self.waiting().heads;
            in_vain = if now > here { 0 } else { in_vain + 1 };
            here = now;
            if in_vain == LOOKS {
                return;
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Batch> {
        self.waiting
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Who they are that brought this, and the team that they want; it is hidden if they may not look at it. A macro, so
/// that both kinds of people can have it.
macro_rules! at_door {
    ($brought:literal, $by:literal) => {
        concat!(
            "SELECT asked.nth, a.id, a.handle, a.name, a.hue, a.role, a.time_zone, ",
            $brought,
            ", w.seq AS workspace_seq, t.id AS team_id, t.slug AS team_slug, t.name AS team_name, t.key AS team_key, t.seq,
                    t.id IS NULL OR NOT ",
            seen_by!("a.id"),
            " AS is_hidden, m.account_id IS NOT NULL AS is_member, coalesce(m.role = 'lead', false) AS is_lead
             FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS asked (nth, token_hash, slug) ",
            $by,
            " CROSS JOIN workspace w LEFT JOIN teams t ON t.slug = asked.slug
             LEFT JOIN members m ON m.team_id = t.id AND m.account_id = a.id
             WHERE a.deactivated_at IS NULL"
        )
    };
}

/// Those who come with a cookie and those with a token are two questions: nearly always everybody is one of them, and
/// half of the tables take half of the time.
async fn look_up(
    db: &mut PgConnection,
    now: OffsetDateTime,
    asked: impl Iterator<Item = &BoardRequest>,
) -> sqlx::Result<Vec<BoardAuthRow>> {
    let (cookies, tokens): (Vec<_>, Vec<_>) = (1..).zip(asked).partition(|(_, asked)| asked.cookie);
    let mut rows = Vec::new();
    if !cookies.is_empty() {
        let query = at_door!(
            "s.last_seen_at, NULL::text AS scope, NULL::uuid[] AS reaches",
            "JOIN sessions s ON s.token_hash = asked.token_hash AND s.expires_at > $4 JOIN accounts a ON a.id = s.account_id"
        );
        rows = ask(db, query, now, cookies).await?;
    }
    if !tokens.is_empty() {
        let query = at_door!(
            "k.last_used_at AS last_seen_at, k.scope, k.teams AS reaches",
            "JOIN tokens k ON k.token_hash = asked.token_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $4)
             JOIN accounts a ON a.id = k.account_id"
        );
        rows.extend(ask(db, query, now, tokens).await?);
    }
    Ok(rows)
}

async fn ask(
    db: &mut PgConnection,
    query: &'static str,
    now: OffsetDateTime,
    asked: Vec<(i64, &BoardRequest)>,
) -> sqlx::Result<Vec<BoardAuthRow>> {
    let (mut nth, mut hashes, mut slugs) = (Vec::new(), Vec::new(), Vec::new());
    for (place, asked) in asked {
        nth.push(place);
        hashes.push(asked.token_hash.as_slice());
        slugs.push(asked.slug.as_str());
    }
    sqlx::query_as(query)
        .bind(nth)
        .bind(hashes)
        .bind(slugs)
        .bind(now)
        .fetch_all(db)
        .await
}
