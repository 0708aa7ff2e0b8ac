//! Boards as they were last shown. A board is rendered once for everybody, and its page compressed once a reader;
//! who asks again while nothing has changed gets the same bytes. Access is asked before, always.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use uuid::Uuid;

use super::filters::{Filter, ResolvedSprint};
use crate::web::assets::Encoding;

/// What a kept board was rendered for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BoardKey {
    pub team: Uuid,
    pub filter: Filter,
    pub sprint: ResolvedSprint,
    pub lanes: &'static str,
}

/// The state of everything that a board shows: while it is the same, so is the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The team's newest event.
    pub team: i64,
    /// The workspace's count of changes to people, teams and sprints.
    pub workspace: i64,
    /// Which stretch of five minutes it is: ages on cards go by it.
    pub stretch: i64,
}

/// The columns of a board, and figures for its head.
pub struct KeptBoard {
    pub html: String,
    pub done: usize,
    pub total: usize,
}

/// What a kept page was compressed for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub viewer: Uuid,
    pub address: String,
    pub theme: &'static str,
    pub encoding: Encoding,
}

/// The boards and pages that are kept. Few are needed: those that are open now.
pub struct KeptBoards {
    boards: Mutex<Recent<BoardKey, (Stamp, Arc<KeptBoard>)>>,
    pages: Mutex<Recent<PageKey, (String, Bytes)>>,
}

impl Default for KeptBoards {
    fn default() -> Self {
        Self { boards: Mutex::new(Recent::new(12)), pages: Mutex::new(Recent::new(64)) }
    }
}

impl KeptBoards {
    pub fn board(&self, key: &BoardKey, stamp: Stamp) -> Option<Arc<KeptBoard>> {
        let mut boards = self.boards.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        boards.get(key).filter(|(kept, _)| *kept == stamp).map(|(_, board)| board.clone())
    }

    pub fn keep_board(&self, key: BoardKey, stamp: Stamp, board: Arc<KeptBoard>) {
        self.boards.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).put(key, (stamp, board));
    }

    /// The page's bytes, if they are those of this ETag.
    pub fn page(&self, key: &PageKey, etag: &str) -> Option<Bytes> {
        let mut pages = self.pages.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        pages.get(key).filter(|(kept, _)| kept == etag).map(|(_, bytes)| bytes.clone())
    }

    pub fn keep_page(&self, key: PageKey, etag: String, bytes: Bytes) {
        self.pages.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).put(key, (etag, bytes));
    }
}

/// A small map that drops what was not used for longest.
struct Recent<K, V> {
    most: usize,
    uses: u64,
    entries: HashMap<K, (u64, V)>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn new(most: usize) -> Self {
        Self { most, uses: 0, entries: HashMap::with_capacity(most) }
    }

    fn get(&mut self, key: &K) -> Option<&V> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.0 = self.uses;
        Some(&entry.1)
    }

    fn put(&mut self, key: K, value: V) {
        self.uses += 1;
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(key, (self.uses, value));
    }
}
