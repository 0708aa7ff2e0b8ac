//! Hears of every change, this program's and others', and has it sent to whoever listens.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use serde_json::json;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::http::live::{
    broadcaster::StreamAuth,
    sse_frames::{frame, send_new},
    stream::until,
};
use crate::{
    app::App,
    domain::{error::Result, events::Commits, policy::predicates::seen_by},
};

/// Where other programs on the same database are told.
const CHANNEL: &str = "fortnight";
const BEAT: Duration = Duration::from_secs(20);
const SWEEP: Duration = Duration::from_secs(2);
/// Changes that follow one another within this are told to other programs together.
const TOGETHER: Duration = Duration::from_millis(20);

/// Runs until the program ends: hears of changes (its own, other programs', and by looking now and then) and sends them on.
pub async fn pump(app: App) {
    let mut ended = app.live.ended();
    tokio::select! {
        () = hear(&app) => {}
        () = listen_to_others(&app) => {}
        () = now_and_then(&app) => {}
        () = check_passes(&app) => {}
        () = until(&mut ended) => {}
    }
}

async fn hear(app: &App) {
    let mut heard = app.live.heard.lock().await;
    let (mut batch, mut untold) = (Vec::new(), BTreeMap::new());
    let mut tell_at = None;
    loop {
        let ended = match tell_at {
            None => heard.recv_many(&mut batch, 1000).await == 0,
            Some(at) => {
                tokio::time::timeout_at(at, heard.recv_many(&mut batch, 1000)).await == Ok(0)
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
        untold.extend(teams);
        let now = Instant::now();
        if tell_at.is_some_and(|at| at <= now) {
            notify_others(&app.db, &std::mem::take(&mut untold)).await;
        }
        tell_at = if untold.is_empty() {
            None
        } else {
            tell_at.filter(|at| *at > now).or(Some(now + TOGETHER))
        };
    }
}

/// One NOTIFY for all of them, after the commits: inside a transaction it would hold a lock on the whole database.
async fn notify_others(db: &PgPool, teams: &BTreeMap<Uuid, i64>) {
    let payload: Vec<String> = teams
        .iter()
        .map(|(team, seq)| format!("{team}:{seq}"))
        .collect();
    let told = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
        .bind(CHANNEL)
        .bind(payload)
        .execute(db)
        .await;
    if let Err(error) = told {
        // Their own looking now and then makes up for it.
        tracing::warn!("could not tell other programs of a change: {error}");
    }
}

/// Tells the running server what a command has changed. For a command that ends right after.
pub async fn flush(db: &PgPool, commits: &mut Commits) {
    let mut teams = BTreeMap::new();
    while let Ok((team, seq)) = commits.try_recv() {
        teams.insert(team, seq);
    }
    notify_others(db, &teams).await;
}

/// Other programs' changes. The listener has a connection of its own, outside the pool.
async fn listen_to_others(app: &App) {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with((*app.db.connect_options()).clone());
    loop {
        if let Err(error) = listen_once(app, &own).await {
            tracing::warn!("listening for changes was interrupted: {error}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(app: &App, own: &sqlx::PgPool) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(own).await?;
    listener.listen(CHANNEL).await?;
    // `None` says that the connection was lost in between: what was missed is found by its number.
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

/// What no notice told of, and a sign of life.
async fn now_and_then(app: &App) {
    let mut sweep = tokio::time::interval(SWEEP);
    let mut last_beat = Instant::now();
    loop {
        sweep.tick().await;
        let beat = last_beat.elapsed() >= BEAT;
        if beat {
            last_beat = Instant::now();
        }
        let listened = app.live.listened();
        let ids: Vec<Uuid> = listened.iter().map(|(team, _)| *team).collect();
        let seqs: Vec<(Uuid, i64)> = if ids.is_empty() {
            Vec::new()
        } else {
            sqlx::query_as("SELECT id, seq FROM teams WHERE id = ANY($1)")
                .bind(&ids)
                .fetch_all(&app.db)
                .await
                .unwrap_or_default()
        };
        for (team, channel) in listened {
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

/// Ends streams whose session or token has ended, or whose reader may not see the team any more: within five seconds,
/// as promised.
async fn check_passes(app: &App) {
    let mut again = tokio::time::interval(Duration::from_secs(3));
    loop {
        again.tick().await;
        let asked = app.live.passes();
        if asked.is_empty() {
            continue;
        }
        let (hashes, teams): (Vec<&[u8]>, Vec<Uuid>) = asked
            .iter()
            .map(|pass| (pass.token_hash.as_slice(), pass.team))
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
            app.live.dismiss_others(&good.into_iter().collect(), &asked);
        }
    }
}
