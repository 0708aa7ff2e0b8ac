//! Who is listening, and what they are told. A change names its teams here; a pump reads what is new and sends it on.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::body::Bytes;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use crate::domain::events::Commits;
use crate::http::live::presence::Presence;

/// So many frames may wait for a slow reader; one that falls behind further reloads the whole board.
const FRAMES: usize = 256;

/// The live side of the program: one for all teams.
pub struct Live {
    pub(crate) heard: tokio::sync::Mutex<Commits>,
    channels: Mutex<HashMap<Uuid, Arc<Channel>>>,
    watchers: Mutex<HashMap<u64, StreamHandle>>,
    next_watcher: AtomicU64,
    ended: watch::Sender<bool>,
}

/// One team's listeners.
pub struct Channel {
    pub(crate) frames: broadcast::Sender<Frame>,
    /// The newest event that was sent.
    pub(crate) sent: AtomicI64,
    pub(crate) here: Mutex<Presence>,
}

/// Bytes of an event stream, the same for every listener. Without a number it concerns no event.
#[derive(Clone)]
pub struct Frame {
    pub seq: i64,
    pub bytes: Bytes,
}

impl Frame {
    /// A sign of life, which tells nothing.
    pub(crate) fn is_beat(&self) -> bool {
        self.bytes.starts_with(b"event: beat")
    }
}

/// What let a stream in, and to which team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::FromRow)]
pub(crate) struct StreamAuth {
    pub token_hash: Vec<u8>,
    pub team: Uuid,
}

/// An open stream, and what lets it stay open.
pub(crate) struct StreamHandle {
    pub pass: StreamAuth,
    pub dismissed: Arc<Notify>,
}

impl Live {
    pub(crate) fn new(heard: Commits) -> Arc<Self> {
        Arc::new(Self {
            heard: tokio::sync::Mutex::new(heard),
            channels: Mutex::default(),
            watchers: Mutex::default(),
            next_watcher: AtomicU64::default(),
            ended: watch::Sender::new(false),
        })
    }

    /// Ends every stream when it is set, for the program's end.
    pub fn ending(&self) -> &watch::Sender<bool> {
        &self.ended
    }

    /// Turns true when the streams are to end.
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// A team's channel, if anybody listens.
    pub(crate) fn channel(&self, team: Uuid) -> Option<Arc<Channel>> {
        locked(&self.channels).get(&team).cloned()
    }

    /// A team's channel to listen on, opened if need be. Nothing up to `seq` will be sent on a new one.
    pub(crate) fn open_channel(&self, team: Uuid, seq: i64) -> Arc<Channel> {
        locked(&self.channels)
            .entry(team)
            .or_insert_with(|| {
                Arc::new(Channel {
                    frames: broadcast::Sender::new(FRAMES),
                    sent: AtomicI64::new(seq),
                    here: Mutex::default(),
                })
            })
            .clone()
    }

    /// The teams that somebody listens to; channels that nobody listens to are closed.
    pub(crate) fn listened(&self) -> Vec<(Uuid, Arc<Channel>)> {
        let mut channels = locked(&self.channels);
        channels.retain(|_, channel| {
            channel.frames.receiver_count() > 0 || Arc::strong_count(channel) > 1
        });
        channels
            .iter()
            .map(|(team, channel)| (*team, channel.clone()))
            .collect()
    }

    /// Remembers an open stream until `forget`.
    pub(crate) fn watch(&self, pass: StreamAuth) -> (u64, Arc<Notify>) {
        let id = self.next_watcher.fetch_add(1, Ordering::Relaxed);
        let dismissed = Arc::new(Notify::new());
        locked(&self.watchers).insert(
            id,
            StreamHandle {
                pass,
                dismissed: dismissed.clone(),
            },
        );
        (id, dismissed)
    }

    pub(crate) fn forget(&self, watcher: u64) {
        locked(&self.watchers).remove(&watcher);
    }

    /// What the open streams were let in with, and to which teams.
    pub(crate) fn passes(&self) -> HashSet<StreamAuth> {
        locked(&self.watchers)
            .values()
            .map(|watcher| watcher.pass.clone())
            .collect()
    }

    /// Ends the streams whose pass was asked about and is not good any more.
    pub(crate) fn dismiss_others(&self, good: &HashSet<StreamAuth>, asked: &HashSet<StreamAuth>) {
        for watcher in locked(&self.watchers).values() {
            if asked.contains(&watcher.pass) && !good.contains(&watcher.pass) {
                watcher.dismissed.notify_one();
            }
        }
    }
}

/// A poisoned lock only means that another thread ended badly; what it guards is whole.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
