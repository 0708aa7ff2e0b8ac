//! The open streams: a broadcast channel per team, and the credentials that keep each stream open.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Bytes;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use crate::{
    domain::events::Commits,
    http::live::{inboxes::Inboxes, presence::Presence},
};

/// Frames that may wait for a slow reader; one further behind reloads the board.
const CHANNEL_CAPACITY: usize = 256;

/// The most events of a team that a failover is expected to lose.
const MOST_LOST: i64 = 1000;

/// How long a failover is remembered: a computer may have slept meanwhile, with a board open.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The channels and open streams of all teams.
pub struct Live {
    pub(crate) commits: tokio::sync::Mutex<Commits>,
    /// The open pages that show how many notifications are unread.
    pub(crate) inboxes: Inboxes,
    channels: Mutex<HashMap<Uuid, Arc<Channel>>>,
    streams: Mutex<HashMap<u64, StreamHandle>>,
    next_id: AtomicU64,
    ended: watch::Sender<bool>,
    /// Since when, and up to which number of each team, a reader may have seen changes that a failover lost.
    failover: Mutex<Option<(Instant, HashMap<Uuid, i64>)>>,
    /// How often the streams were interrupted.
    interruptions: watch::Sender<u64>,
}

/// One team's broadcast channel.
pub(crate) struct Channel {
    pub(crate) frames: broadcast::Sender<Frame>,
    /// The newest event that was sent.
    pub(crate) sent: AtomicI64,
    pub(crate) presence: Mutex<Presence>,
}

/// One server-sent event, the same bytes for every listener. `seq` is 0 if it belongs to no event
/// of the log.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) seq: i64,
    pub(crate) bytes: Bytes,
}

impl Frame {
    /// Whether this is a heartbeat without content.
    pub(crate) fn is_heartbeat(&self) -> bool {
        self.bytes.starts_with(b"event: beat")
    }
}

/// The credentials that a stream was opened with, and its team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::FromRow)]
pub(crate) struct StreamAuth {
    pub(crate) token_hash: Vec<u8>,
    pub(crate) team: Uuid,
}

/// An open stream, with the signal that closes it.
pub(crate) struct StreamHandle {
    pub(crate) auth: StreamAuth,
    pub(crate) revoked: Arc<Notify>,
}

impl Live {
    pub(crate) fn new(commits: Commits) -> Arc<Self> {
        Arc::new(Self {
            commits: tokio::sync::Mutex::new(commits),
            inboxes: Inboxes::default(),
            channels: Mutex::default(),
            streams: Mutex::default(),
            next_id: AtomicU64::default(),
            ended: watch::Sender::new(false),
            failover: Mutex::default(),
            interruptions: watch::Sender::new(0),
        })
    }

    /// Ends every stream when set to true, at shutdown.
    pub fn ending(&self) -> &watch::Sender<bool> {
        &self.ended
    }

    /// Becomes true when the streams should end.
    pub(crate) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// Ends all streams without a goodbye. Their readers connect again, are checked again, and get what they missed.
    pub(crate) fn interrupt(&self) {
        lock(&self.channels).clear();
        self.interruptions.send_modify(|count| *count += 1);
    }

    /// Ends all streams after a failover. `newest` are the numbers that teams have now; a client that connects with one that is
    /// not well beyond is to load the board anew, since it may be of a change that was lost.
    pub(crate) fn start_anew(&self, newest: Vec<(Uuid, i64)>) {
        let sent = |team| {
            let channel = self.channel(team);
            channel.map_or(0, |channel| channel.sent.load(Ordering::Acquire))
        };
        let numbers = newest
            .into_iter()
            .map(|(team, newest)| (team, newest.max(sent(team)) + MOST_LOST));
        let numbers = numbers.collect();
        *lock(&self.failover) = Some((Instant::now(), numbers));
        self.interrupt();
    }

    /// Whether a reader who has seen this number of a team may have seen what a failover lost.
    pub(crate) fn may_be_lost(&self, team: Uuid, seen: i64) -> bool {
        lock(&self.failover).as_ref().is_some_and(|(at, numbers)| {
            at.elapsed() < REMEMBERED_FOR && numbers.get(&team).is_some_and(|most| seen <= *most)
        })
    }

    /// How many streams are open.
    pub(crate) fn open_streams(&self) -> u64 {
        // each of them waits for interruptions
        self.interruptions.receiver_count() as u64
    }

    /// Changes when the streams are interrupted.
    pub(crate) fn interruptions(&self) -> watch::Receiver<u64> {
        self.interruptions.subscribe()
    }

    /// A team's channel, if it has listeners.
    pub(crate) fn channel(&self, team: Uuid) -> Option<Arc<Channel>> {
        lock(&self.channels).get(&team).cloned()
    }

    /// A team's channel, opened if needed. A new one sends only events after `seq`.
    pub(crate) fn open_channel(&self, team: Uuid, seq: i64) -> Arc<Channel> {
        lock(&self.channels)
            .entry(team)
            .or_insert_with(|| {
                Arc::new(Channel {
                    frames: broadcast::Sender::new(CHANNEL_CAPACITY),
                    sent: AtomicI64::new(seq),
                    presence: Mutex::default(),
                })
            })
            .clone()
    }

    /// The channels with listeners; closes those without.
    pub(crate) fn active_channels(&self) -> Vec<(Uuid, Arc<Channel>)> {
        let mut channels = lock(&self.channels);
        channels.retain(|_, channel| {
            channel.frames.receiver_count() > 0 || Arc::strong_count(channel) > 1
        });
        channels
            .iter()
            .map(|(team, channel)| (*team, channel.clone()))
            .collect()
    }

    /// Registers an open stream, once for each of its teams, until `unregister`. It is to end when access to one of
    /// them does.
    pub(crate) fn register(
        &self,
        auths: impl IntoIterator<Item = StreamAuth>,
    ) -> (Vec<u64>, Arc<Notify>) {
        let revoked = Arc::new(Notify::new());
        let mut streams = lock(&self.streams);
        let register = |auth| {
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            let revoked = revoked.clone();
            streams.insert(id, StreamHandle { auth, revoked });
            id
        };
        (auths.into_iter().map(register).collect(), revoked.clone())
    }

    pub(crate) fn unregister(&self, ids: &[u64]) {
        let mut streams = lock(&self.streams);
        for id in ids {
            streams.remove(id);
        }
    }

    /// The credentials and teams of all open streams.
    pub(crate) fn stream_auths(&self) -> HashSet<StreamAuth> {
        lock(&self.streams)
            .values()
            .map(|stream| stream.auth.clone())
            .collect()
    }

    /// Closes the streams whose credentials were checked and are no longer valid.
    pub(crate) fn close_revoked(&self, valid: &HashSet<StreamAuth>, checked: &HashSet<StreamAuth>) {
        for stream in lock(&self.streams).values() {
            if checked.contains(&stream.auth) && !valid.contains(&stream.auth) {
                stream.revoked.notify_one();
            }
        }
    }
}

/// Locks a mutex. A poisoned lock only means that another thread panicked; its data is intact.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
