//! Boards as they were last shown. A board is rendered once for everybody, and its page compressed once a reader;
//! who asks again while nothing has changed gets the same bytes. Access is asked before, always.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use uuid::Uuid;

use super::{
    drawing::Drawn,
    filters::{Filter, ResolvedSprint},
    furniture::Furniture,
};
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

impl Stamp {
    /// Whether what this stands for shows everything that the other one does.
    pub fn covers(&self, other: &Self) -> bool {
        self.team >= other.team && self.workspace >= other.workspace && self.stretch >= other.stretch
    }
}

/// What a kept page was compressed for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub viewer: Uuid,
    pub may_edit: bool,
    pub address: String,
    pub theme: &'static str,
    pub encoding: Encoding,
}

/// A page's bytes, the state that they show, and its ETag.
#[derive(Clone)]
pub struct KeptPage {
    pub stamp: Stamp,
    pub etag: String,
    pub bytes: Bytes,
}

/// The boards and pages that are kept. Few are needed: those that are open now.
pub struct KeptBoards {
    boards: Mutex<Recent<BoardKey, Arc<Drawn>>>,
    pages: Mutex<Recent<PageKey, KeptPage>>,
    furniture: Mutex<Recent<(Uuid, Uuid), Arc<Furniture>>>,
    /// Whoever makes a page or a board holds one of these; who wants the same waits, and then finds it made.
    making: [tokio::sync::Mutex<()>; 32],
}

impl Default for KeptBoards {
    fn default() -> Self {
        Self {
            boards: Mutex::new(Recent::new(8)),
            pages: Mutex::new(Recent::new(64)),
            furniture: Mutex::new(Recent::new(64)),
            making: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl KeptBoards {
    /// The board as it was last drawn, whenever that was.
    pub fn board(&self, key: &BoardKey) -> Option<Arc<Drawn>> {
        locked(&self.boards).get(key).cloned()
    }

    pub fn keep_board(&self, key: BoardKey, board: Arc<Drawn>) {
        locked(&self.boards).put(key, board);
    }

    /// The page, if it shows all that is known to have happened.
    pub fn page(&self, key: &PageKey, stamp: Stamp) -> Option<KeptPage> {
        locked(&self.pages).get(key).filter(|page| page.stamp.covers(&stamp)).cloned()
    }

    pub fn keep_page(&self, key: PageKey, page: KeptPage) {
        locked(&self.pages).put(key, page);
    }

    /// What stands around a team's board for a reader, as of this count of the workspace.
    pub fn furniture(&self, team: Uuid, viewer: Uuid, workspace: i64) -> Option<Arc<Furniture>> {
        locked(&self.furniture).get(&(team, viewer)).filter(|kept| kept.workspace == workspace).cloned()
    }

    pub fn keep_furniture(&self, team: Uuid, viewer: Uuid, furniture: Arc<Furniture>) {
        locked(&self.furniture).put((team, viewer), furniture);
    }

    /// The turn to make this page.
    pub async fn turn(&self, key: &PageKey) -> tokio::sync::MutexGuard<'_, ()> {
        use std::hash::{DefaultHasher, Hasher};
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.making[(hasher.finish() % 32) as usize].lock().await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
