//! Authorizes requests for a board: which account, which team, and whether anything changed. A request that arrives alone
//! asks the database itself. Those that arrive meanwhile share the next query, which starts after the last of them
//! arrived.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use time::OffsetDateTime;
use tokio::sync::oneshot;

use crate::{
    db::pool::Pool,
    domain::{
        clock::Clock,
        error::{Problem, Result},
        policy::{
            predicates::{lacks_second_factor, seen_by},
            team_access::TeamAccess,
            viewer::{AuthRow, Viewer},
        },
        team::JoinedTeam,
    },
};

/// The batch is closed after this many polls in a row without a new request. A poll takes a microsecond or
/// two.
const MAX_IDLE_POLLS: usize = 8;
/// Upper limit of polls, however many requests keep arriving.
const MAX_POLLS: usize = 64;

/// How long a query may take before its connection is given up for lost. Each is tried twice.
const DEADLINE: Duration = Duration::from_millis(1500);

/// What a board's page must know before it can answer "304 Not Modified".
pub(crate) struct BoardAuth {
    pub(crate) viewer: Viewer,
    pub(crate) access: TeamAccess,
    /// The workspace's count of changes to people, teams, sprints, columns and labels.
    pub(crate) workspace_seq: i64,
}

/// Collects requests while a query is running; the next query answers all of them.
#[derive(Clone)]
pub(crate) struct AuthBatcher {
    db: Pool,
    clock: Clock,
    batch: Arc<Mutex<Batch>>,
}

#[derive(Default)]
struct Batch {
    pending: HashMap<BoardRequest, Vec<oneshot::Sender<BatchReply>>>,
    request_count: usize,
    is_running: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BoardRequest {
    pub(crate) token_hash: Vec<u8>,
    pub(crate) cookie: bool,
    pub(crate) slug: String,
}

/// `None` for unknown credentials; `Err` when the database did not answer.
type BatchReply = Result<Option<BoardAuthRow>, ()>;

#[derive(Clone, sqlx::FromRow)]
pub(crate) struct BoardAuthRow {
    pub(crate) index: i64,
    #[sqlx(flatten)]
    pub(crate) known: AuthRow,
    pub(crate) workspace_seq: i64,
    #[sqlx(flatten)]
    pub(crate) team: JoinedTeam,
    pub(crate) is_hidden: bool,
    pub(crate) is_member: bool,
    pub(crate) is_lead: bool,
}

impl AuthBatcher {
    /// Creates a batcher that queries this database.
    pub(crate) fn new(db: Pool, clock: Clock) -> Self {
        Self {
            db,
            clock,
            batch: Arc::default(),
        }
    }

    /// Returns the row for one request.
    ///
    /// # Errors
    /// `Busy` when the database does not answer.
    pub(crate) async fn ask(&self, request: BoardRequest) -> Result<Option<BoardAuthRow>> {
        let waiting = {
            let mut batch = self.batch();
            if batch.is_running {
                let (sender, receiver) = oneshot::channel();
                batch
                    .pending
                    .entry(request.clone())
                    .or_default()
                    .push(sender);
                batch.request_count += 1;
                Some(receiver)
            } else {
                batch.is_running = true;
                None
            }
        };
        if let Some(receiver) = waiting {
            return receiver
                .await
                .map_err(|_| Problem::Busy)?
                .map_err(|()| Problem::Busy);
        }
        // Also if this request is cancelled, those that have joined meanwhile are answered.
        let _handover = Handover(self);
        let rows = self.look_up(&mut None, &[&request]).await;
        rows.map(|rows| rows.into_iter().next())
            .map_err(|()| Problem::Busy)
    }

    /// Runs queries until no request is waiting.
    async fn run_queries(&self) {
        // Keeps one connection for all queries: the pool's bookkeeping would be a large part of so
        // small a query.
        let mut connection = None;
        loop {
            self.gather_requests().await;
            let (requests, senders): (Vec<BoardRequest>, Vec<Vec<oneshot::Sender<BatchReply>>>) = {
                let mut batch = self.batch();
                if batch.pending.is_empty() {
                    batch.is_running = false;
                    return;
                }
                batch.request_count = 0;
                batch.pending.drain().unzip()
            };
            let requests: Vec<&BoardRequest> = requests.iter().collect();
            let rows = self.look_up(&mut connection, &requests).await;
            for (index, senders) in (1..).zip(senders) {
                let reply: BatchReply = match &rows {
                    Ok(rows) => Ok(rows.iter().find(|row| row.index == index).cloned()),
                    Err(()) => Err(()),
                };
                for sender in senders {
                    // A cancelled request has no receiver any more.
                    let _ = sender.send(reply.clone());
                }
            }
        }
    }

    /// Looks requests up on this connection, or else on one of the pool. A connection that fails or says nothing is
    /// closed, and another one is tried.
    async fn look_up(
        &self,
        kept: &mut Option<PoolConnection<Postgres>>,
        requests: &[&BoardRequest],
    ) -> Result<Vec<BoardAuthRow>, ()> {
        for _ in 0..2 {
            let attempt = async {
                let connection = match kept.take() {
                    Some(connection) => connection,
                    None => self.db.acquire().await?,
                };
                let connection = kept.insert(connection);
                // The time of this query, not of the first request, which may be long ago on a busy server.
                look_up(connection, self.clock.now(), requests).await
            };
            match tokio::time::timeout(DEADLINE, attempt).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) => tracing::warn!("board access query failed: {error}"),
                Err(_) => tracing::warn!(
                    "board access query had no answer after {} ms",
                    DEADLINE.as_millis()
                ),
            }
            // Closed, not returned to the pool, which would wait for the missing answer.
            drop(kept.take().map(PoolConnection::detach));
        }
        Err(())
    }

    /// Lets requests that are about to arrive join: the fuller the batch, the fewer queries.
    async fn gather_requests(&self) {
        let (mut seen_count, mut idle_polls) = (0, 0);
        for _ in 0..MAX_POLLS {
            tokio::task::yield_now().await;
            let now = self.batch().request_count;
            idle_polls = if now > seen_count { 0 } else { idle_polls + 1 };
            seen_count = now;
            if idle_polls == MAX_IDLE_POLLS {
                return;
            }
        }
    }

    fn batch(&self) -> std::sync::MutexGuard<'_, Batch> {
        self.batch
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Ends the turn of a request that asked alone.
struct Handover<'b>(&'b AuthBatcher);

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        let mut batch = self.0.batch();
        if batch.pending.is_empty() {
            batch.is_running = false;
        } else {
            let batcher = self.0.clone();
            tokio::spawn(async move { batcher.run_queries().await });
        }
    }
}

/// Query: the account for the sent credentials and the team for the sent slug, with whether it is
/// hidden from the account. A macro, shared by sessions and tokens.
macro_rules! board_request {
    ($credential_columns:literal, $lacks_second_factor:expr, $credential_join:literal) => {
        concat!(
            "SELECT asked.index, a.id, a.handle, a.name, a.hue, a.role, a.time_zone, a.unread, w.avatars, ",
            $credential_columns,
            ", ",
            $lacks_second_factor,
            " AS lacks_second_factor, w.seq AS workspace_seq, t.id AS team_id, t.slug AS team_slug, t.name AS team_name, t.key AS team_key, t.seq,
                    t.id IS NULL OR NOT ",
            seen_by!("a.id"),
            " AS is_hidden, m.account_id IS NOT NULL AS is_member, coalesce(m.role = 'lead', false) AS is_lead
             FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS asked (index, token_hash, slug) ",
            $credential_join,
            " CROSS JOIN workspace w LEFT JOIN teams t ON t.slug = asked.slug
             LEFT JOIN members m ON m.team_id = t.id AND m.account_id = a.id
             WHERE a.deactivated_at IS NULL"
        )
    };
}

/// Sessions and tokens are separate queries: nearly always a batch has only one kind, and a query for
/// one kind joins fewer tables.
async fn look_up(
    db: &mut PgConnection,
    now: OffsetDateTime,
    requests: &[&BoardRequest],
) -> sqlx::Result<Vec<BoardAuthRow>> {
    let (cookies, tokens): (Vec<_>, Vec<_>) = (1..)
        .zip(requests.iter().copied())
        .partition(|(_, request)| request.cookie);
    let mut rows = Vec::new();
    if !cookies.is_empty() {
        let query = board_request!(
            "s.last_seen_at, NULL::text AS scope, NULL::uuid[] AS reaches, NULL::text AS agent",
            lacks_second_factor!(),
            "JOIN sessions s ON s.token_hash = asked.token_hash AND s.expires_at > $4 JOIN accounts a ON a.id = s.account_id"
        );
        rows = ask(db, query, now, cookies).await?;
    }
    if !tokens.is_empty() {
        let query = board_request!(
            "k.last_used_at AS last_seen_at, k.scope, k.teams AS reaches, k.agent",
            "false",
            "JOIN tokens k ON k.token_hash = asked.token_hash AND k.revoked_at IS NULL AND k.oauth_client_id IS NULL AND (k.expires_at IS NULL OR k.expires_at > $4)
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
    pending: Vec<(i64, &BoardRequest)>,
) -> sqlx::Result<Vec<BoardAuthRow>> {
    let (mut index, mut hashes, mut slugs) = (Vec::new(), Vec::new(), Vec::new());
    for (place, pending) in pending {
        index.push(place);
        hashes.push(pending.token_hash.as_slice());
        slugs.push(pending.slug.as_str());
    }
    sqlx::query_as(query)
        .bind(index)
        .bind(hashes)
        .bind(slugs)
        .bind(now)
        .fetch_all(db)
        .await
}
