//! Notices every commit, of this process and of others, and has it sent to the open streams.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use serde_json::json;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{error::Result, events::Commits, policy::predicates::seen_by},
    http::live::{
        broadcaster::StreamAuth,
        sse_frames::{frame, send_new},
        stream::until,
    },
};

/// The Postgres channel that notifies other processes on the same database.
const CHANNEL: &str = "fortnight";
const BEAT_INTERVAL: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Commits within this time are sent to other processes as one NOTIFY.
const NOTIFY_DELAY: Duration = Duration::from_millis(20);

/// Runs until shutdown: forwards commits of this process, notifications of others, and whatever
/// polling finds.
pub async fn run(app: App) {
    let mut ended = app.live.ended();
    tokio::select! {
        () = dispatch_commits(&app) => {}
        () = listen_to_postgres(&app) => {}
        () = poll_and_beat(&app) => {}
        () = close_revoked_streams(&app) => {}
        () = until(&mut ended) => {}
    }
}

async fn dispatch_commits(app: &App) {
    let mut commits = app.live.commits.lock().await;
    let (mut batch, mut pending) = (Vec::new(), BTreeMap::new());
    let mut notify_at = None;
    loop {
        let ended = match notify_at {
            None => commits.recv_many(&mut batch, 1000).await == 0,
            Some(at) => {
                tokio::time::timeout_at(at, commits.recv_many(&mut batch, 1000)).await == Ok(0)
            }
        };
        if ended {
            return;
        }
        let teams: BTreeMap<Uuid, i64> = batch.drain(..).collect();
        for team in teams.keys() {
            if let Some(channel) = app.live.channel(*team) {
                send_new(app, *team, &channel).await;
            }
        }
        pending.extend(teams);
        let now = Instant::now();
        if notify_at.is_some_and(|at| at <= now) {
            notify_others(&app.db, &std::mem::take(&mut pending)).await;
        }
        notify_at = if pending.is_empty() {
            None
        } else {
            notify_at
                .filter(|at| *at > now)
                .or(Some(now + NOTIFY_DELAY))
        };
    }
}

/// One NOTIFY for all of them, after the commits: inside a transaction it would hold a lock on the whole database.
async fn notify_others(db: &PgPool, teams: &BTreeMap<Uuid, i64>) {
    let payload: Vec<String> = teams
        .iter()
        .map(|(team, seq)| format!("{team}:{seq}"))
        .collect();
    let sent = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
        .bind(CHANNEL)
        .bind(payload)
        .execute(db)
        .await;
    if let Err(error) = sent {
        // Their polling makes up for it.
        tracing::warn!("failed to notify other processes of a change: {error}");
    }
}

/// Notifies the running server of a command's changes, for a command that ends right after.
pub async fn flush(db: &PgPool, commits: &mut Commits) {
    let mut teams = BTreeMap::new();
    while let Ok((team, seq)) = commits.try_recv() {
        teams.insert(team, seq);
    }
    notify_others(db, &teams).await;
}

/// Listens for commits of other processes, on a connection outside the pool.
async fn listen_to_postgres(app: &App) {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with((*app.db.connect_options()).clone());
    loop {
        if let Err(error) = listen_once(app, &own).await {
            tracing::warn!("lost the connection that listens for changes: {error}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(app: &App, own: &sqlx::PgPool) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(own).await?;
    listener.listen(CHANNEL).await?;
    // `None` means that the connection was lost: polling finds what was missed.
    while let Some(notice) = listener.try_recv().await? {
        let team = notice
            .payload()
            .split_once(':')
            .and_then(|(team, seq)| Some((team.parse::<Uuid>().ok()?, seq.parse::<i64>().ok()?)));
        if let Some((team, seq)) = team
            && let Some(channel) = app.live.channel(team)
            && channel.sent.load(Ordering::Acquire) < seq
        {
            send_new(app, team, &channel).await;
        }
    }
    Ok(())
}

/// Polls for commits that no notification announced, and sends heartbeats.
async fn poll_and_beat(app: &App) {
    let mut sweep = tokio::time::interval(POLL_INTERVAL);
    let mut last_beat = Instant::now();
    loop {
        sweep.tick().await;
        let beat = last_beat.elapsed() >= BEAT_INTERVAL;
        if beat {
            last_beat = Instant::now();
        }
        let active_channels = app.live.active_channels();
        let ids: Vec<Uuid> = active_channels.iter().map(|(team, _)| *team).collect();
        let seqs: Vec<(Uuid, i64)> = if ids.is_empty() {
            Vec::new()
        } else {
            sqlx::query_as("SELECT id, seq FROM teams WHERE id = ANY($1)")
                .bind(&ids)
                .fetch_all(&app.db)
                .await
                .unwrap_or_default()
        };
        for (team, channel) in active_channels {
            if seqs
                .iter()
                .any(|(id, seq)| *id == team && *seq > channel.sent.load(Ordering::Acquire))
            {
                send_new(app, team, &channel).await;
            }
            if beat {
                let _ = channel.frames.send(frame("beat", None, &json!({})));
            }
        }
    }
}

/// Closes streams whose session or token has ended, or whose reader may no longer see the team,
/// within five seconds.
async fn close_revoked_streams(app: &App) {
    let mut again = tokio::time::interval(Duration::from_secs(3));
    loop {
        again.tick().await;
        let asked = app.live.stream_auths();
        if asked.is_empty() {
            continue;
        }
        let (hashes, teams): (Vec<&[u8]>, Vec<Uuid>) = asked
            .iter()
            .map(|auth| (auth.token_hash.as_slice(), auth.team))
            .unzip();
        let good: Result<Vec<StreamAuth>, _> = sqlx::query_as(concat!(
            "SELECT p.token_hash, p.team FROM unnest($1::bytea[], $2::uuid[]) AS p (token_hash, team)
             JOIN (SELECT s.token_hash, a.id, NULL::uuid[] AS reaches FROM sessions s JOIN accounts a ON a.id = s.account_id
                   WHERE s.expires_at > $3 AND a.deactivated_at IS NULL
                   UNION ALL
                   SELECT t.token_hash, a.id, t.teams FROM tokens t JOIN accounts a ON a.id = t.account_id
                   WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3) AND a.deactivated_at IS NULL
                   UNION ALL
                   SELECT l.token_hash, NULL, ARRAY[l.team_id] FROM share_links l
                   WHERE l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $3)
                   UNION ALL
                   SELECT convert_to('public ' || t.id, 'UTF8'), NULL, ARRAY[t.id] FROM teams t WHERE t.public) k
                  ON k.token_hash = p.token_hash AND (k.reaches IS NULL OR p.team = ANY(k.reaches))
             JOIN teams t ON t.id = p.team
             WHERE k.id IS NULL OR ",
            seen_by!("k.id")
        ))
        .bind(&hashes)
        .bind(&teams)
        .bind(app.clock.now())
        .fetch_all(&app.db)
        .await;
        if let Ok(good) = good {
            app.live.close_revoked(&good.into_iter().collect(), &asked);
        }
    }
}
