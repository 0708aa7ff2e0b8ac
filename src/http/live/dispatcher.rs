//! Notices every commit, of this process and of others, and has it sent to the open streams.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering,
    time::Duration,
};

use anyhow::Context;
use serde_json::json;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        events::{Commits, log, notify},
        policy::stream_access,
    },
    http::live::{
        broadcaster::StreamAuth,
        event_stream::until,
        sse_frames::{frame, send_new},
    },
};

/// The longest that a turn of a loop waits for the database, which may have fallen silent.
const TURN: Duration = Duration::from_secs(3);

/// The same for a check of access, which is to end streams within five seconds.
const CHECK: Duration = Duration::from_millis(1500);

/// After this time without a notification, the connection that waits for them is tried.
const QUIET: Duration = Duration::from_secs(10);

/// The time after which the database is asked again if it did not answer.
const AGAIN: Duration = Duration::from_millis(500);

const BEAT_INTERVAL: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The time between two NOTIFY, which tell other processes of all commits since the last one.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(20);

/// Runs until shutdown: forwards commits of this process, notifications of others, and whatever
/// polling finds.
pub async fn run(app: App) {
    let mut ended = app.live.ended();
    tokio::select! {
        () = forward(&app) => {}
        () = poll_and_beat(&app) => {}
        () = close_revoked_streams(&app) => {}
        () = start_anew_after_failover(&app) => {}
        () = until(&mut ended) => {}
    }
}

/// Forwards commits of this process and notifications of others, without polling. [`run`] includes it; alone, it shows
/// what arrives by NOTIFY.
pub async fn forward(app: &App) {
    tokio::join!(dispatch_commits(app), listen_to_postgres(app));
}

async fn dispatch_commits(app: &App) {
    let mut commits = app.live.commits.lock().await;
    let (mut batch, mut pending) = (Vec::new(), BTreeMap::new());
    let mut notified: Option<Instant> = None;
    loop {
        // Other programs wait at most this long; clients connected here do not.
        let notify_at = notified.map(|at| at + NOTIFY_INTERVAL);
        let received = match notify_at.filter(|_| !pending.is_empty()) {
            None => Ok(commits.recv_many(&mut batch, 1000).await),
            Some(at) => tokio::time::timeout_at(at, commits.recv_many(&mut batch, 1000)).await,
        };
        if received == Ok(0) {
            return;
        }
        app.live.inboxes.committed.notify_one();
        let teams: BTreeMap<Uuid, i64> = batch.drain(..).collect();
        for team in teams.keys() {
            if let Some(channel) = app.live.channel(*team) {
                // Polling finds what is given up here.
                let _ = timeout(TURN, send_new(app, *team, &channel)).await;
            }
        }
        pending.extend(teams);
        if notify_at.is_none_or(|at| at <= Instant::now()) {
            let _ = timeout(TURN, notify::notify(&app.db, &std::mem::take(&mut pending))).await;
            notified = Some(Instant::now());
        }
    }
}

/// Notifies the running server of a command's changes, for a command that ends right after.
pub(crate) async fn flush(db: &Pool, commits: &mut Commits) {
    let mut teams = BTreeMap::new();
    while let Ok((team, seq)) = commits.try_recv() {
        teams.insert(team, seq);
    }
    notify::notify(db, &teams).await;
}

/// Listens for commits of other processes, on a connection outside the pool and past any pooler.
async fn listen_to_postgres(app: &App) {
    loop {
        if let Err(error) = listen_once(app).await {
            tracing::warn!("lost the connection that listens for changes: {error:#}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(app: &App) -> anyhow::Result<()> {
    // A new one each time: a connection that fell silent would never be given back.
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(TURN)
        .connect_lazy_with(app.direct.clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener
        .listen_all([notify::CHANNEL, notify::INBOXES])
        .await?;
    loop {
        let Ok(received) = timeout(QUIET, listener.try_recv()).await else {
            // Nothing happened, or the connection fell silent: by an answer we know.
            timeout(TURN, sqlx::query("SELECT 1").execute(&mut listener))
                .await
                .context("it does not answer")??;
            continue;
        };
        // `None` means that the connection was lost: polling finds what was missed.
        let Some(notice) = received? else {
            return Ok(());
        };
        if notice.channel() == notify::INBOXES {
            let accounts = notice.payload().split(',');
            let accounts = accounts.filter_map(|id| id.parse().ok());
            app.live.inboxes.note(accounts);
            continue;
        }
        app.live.inboxes.committed.notify_one();
        let team = notice
            .payload()
            .split_once(':')
            .and_then(|(team, seq)| Some((team.parse::<Uuid>().ok()?, seq.parse::<i64>().ok()?)));
        if let Some((team, seq)) = team
            && let Some(channel) = app.live.channel(team)
            && channel.sent.load(Ordering::Acquire) < seq
        {
            let _ = timeout(TURN, send_new(app, team, &channel)).await;
        }
    }
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
        // Read before the database is asked: its number is lower only if it went back in time, to a backup or to a
        // standby that was behind.
        let sent: Vec<i64> = active_channels
            .iter()
            .map(|(_, channel)| channel.sent.load(Ordering::Acquire))
            .collect();
        let newest: HashMap<Uuid, i64> = if ids.is_empty() {
            HashMap::new()
        } else {
            let asked = timeout(TURN, log::newest_of_teams(&app.db, &ids)).await;
            let newest = asked.unwrap_or(Ok(Vec::new())).unwrap_or_default();
            newest.into_iter().collect()
        };
        // Behind a pooler, connections stay while the server changes.
        let ask_timeline = async {
            if let Ok(mut connection) = app.db.acquire().await {
                app.timeline.ask(&mut connection).await;
            }
        };
        let _ = timeout(TURN, ask_timeline).await;
        let went_back = ids
            .iter()
            .zip(&sent)
            .any(|(team, sent)| newest.get(team).is_some_and(|newest| newest < sent));
        if went_back {
            tracing::warn!("the database is older than what was sent: all boards are loaded anew");
            app.page_cache.clear();
            app.live.interrupt();
            continue;
        }
        for ((team, channel), sent) in active_channels.into_iter().zip(sent) {
            if newest.get(&team).is_some_and(|newest| *newest > sent) {
                let _ = timeout(TURN, send_new(app, team, &channel)).await;
            }
            if beat {
                let _ = channel.frames.send(frame("beat", None, &json!({})));
            }
        }
    }
}

/// Ends all streams when another server has taken over the database. Their readers connect again, and load the board
/// anew, since numbers of events may mean others than before.
async fn start_anew_after_failover(app: &App) {
    let mut timelines = app.timeline.changes();
    let mut known = *timelines.borrow_and_update();
    while timelines.changed().await.is_ok() {
        let before = std::mem::replace(&mut known, *timelines.borrow_and_update());
        if before == 0 {
            continue;
        }
        tracing::warn!("another server has taken over the database: all boards are loaded anew");
        let newest = loop {
            match timeout(TURN, log::newest_of_all(&app.db)).await {
                Ok(Ok(newest)) => break newest,
                _ => tokio::time::sleep(AGAIN).await,
            }
        };
        app.live.start_anew(newest);
    }
}

/// Closes streams whose session or token has ended, or whose reader may no longer see the team,
/// within five seconds. If that cannot be checked, all streams end.
async fn close_revoked_streams(app: &App) {
    let mut again = tokio::time::interval(Duration::from_secs(3));
    loop {
        again.tick().await;
        let auths = app.live.stream_auths();
        if auths.is_empty() {
            continue;
        }
        let (hashes, teams): (Vec<&[u8]>, Vec<Uuid>) = auths
            .iter()
            .map(|auth| (auth.token_hash.as_slice(), auth.team))
            .unzip();
        let asked = stream_access::still_allowed(&app.db, &hashes, &teams, app.clock.now());
        match timeout(CHECK, asked).await {
            Ok(Ok(open)) => {
                let open = open
                    .into_iter()
                    .map(|(token_hash, team)| StreamAuth { token_hash, team })
                    .collect();
                app.live.close_revoked(&open, &auths);
            }
            failed => {
                let reason = match failed {
                    Ok(Err(problem)) => problem.to_string(),
                    _ => "the database does not answer".to_owned(),
                };
                tracing::warn!("ended all streams, whose readers could not be checked: {reason}");
                app.live.interrupt();
            }
        }
    }
}
