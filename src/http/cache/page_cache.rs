//! Boards as they were last shown. A board is rendered once for everybody, and its page compressed once a reader;
//! who asks again while nothing has changed gets the same bytes. Access is asked before, always.

use crate::domain::boards::board_auth::BoardAuth;
use crate::http::cache::render::BoardView;
use crate::http::cache::revision::BoardKey;
use crate::http::cache::revision::Revision;
use sqlx::PgPool;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::http::cache::{board_context::BoardContext, render::RenderedBoard};
use crate::{
    domain::error::Result,
    http::assets::{ASSETS, Encoding, gzip},
};

/// What a kept page was compressed for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub viewer: Uuid,
    pub may_edit: bool,
    pub may_comment: bool,
    pub address: String,
    pub theme: &'static str,
    pub encoding: Encoding,
}

/// A page's bytes, the state that they show, and its ETag.
#[derive(Clone)]
pub struct CachedPage {
    pub stamp: Revision,
    pub etag: String,
    pub bytes: Bytes,
}

/// Answers with a page that is kept for this reader and state, or with nothing if they have it, or makes it now. Whether
/// they may see it was asked before, always. `make` says what state it shows in the end: what happens while it waits for
/// its turn is shown too, and so to all who wait behind it.
pub async fn answer(
    cache: &PageCache,
    headers: &HeaderMap,
    (key, stamp): (PageKey, Revision),
    kind: &'static str,
    make: impl AsyncFnOnce() -> Result<(Revision, String)>,
) -> Result<Response> {
    let etag = etag(&key, stamp);
    if has_seen(headers, &etag) {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let kept = |page: CachedPage| {
        Ok(with_etag(
            encoded(page.bytes, key.encoding, kind),
            &page.etag,
        ))
    };
    if let Some(page) = cache.page(&key, stamp) {
        return kept(page);
    }
    let _turn = cache.turn(&key).await;
    if let Some(page) = cache.page(&key, stamp) {
        return kept(page);
    }
    // Boxed: whoever has the page already would carry all that making it takes.
    let (stamp, text) = Box::pin(make()).await?;
    let bytes: Bytes = match key.encoding {
        // Level 1 is a third of the time of level 3 and a tenth more bytes.
        Encoding::Zstd => zstd::bulk::compress(text.as_bytes(), 1)
            .map_err(anyhow::Error::from)?
            .into(),
        Encoding::Gzip => gzip(text.as_bytes(), flate2::Compression::fast()).into(),
        Encoding::Plain => Bytes::from(text),
    };
    let page = CachedPage {
        stamp,
        etag: self::etag(&key, stamp),
        bytes,
    };
    cache.keep_page(key.clone(), page.clone());
    kept(page)
}

/// Whether the asker has that already. A proxy that compresses anew marks the etag as a weak one.
pub fn has_seen(headers: &HeaderMap, etag: &str) -> bool {
    let seen = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    seen.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|seen| seen == "*" || seen.trim_start_matches("W/") == etag)
}

fn etag(key: &PageKey, stamp: Revision) -> String {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    (key, &ASSETS.version).hash(&mut hasher);
    format!(
        "\"{}-{}-{}-{:x}\"",
        stamp.team,
        stamp.workspace,
        stamp.stretch,
        hasher.finish()
    )
}

fn with_etag(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    // Kept by this reader's browser alone, and asked about every time.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept-encoding, cookie, authorization, fortnight-fragment"),
    );
    response
}

fn encoded(bytes: Bytes, encoding: Encoding, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(encoding) = encoding.header() {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, encoding);
    }
    response
}

/// Bytes that are little enough to keep very many of.
const SMALL: usize = 4096;

/// The boards and pages that are kept. Few are needed: those that are open now.
pub struct PageCache {
    boards: Mutex<Recent<BoardKey, Arc<RenderedBoard>>>,
    pages: Mutex<Recent<PageKey, CachedPage>>,
    /// Badges and the like: a wall of them does not push out boards, nor boards them.
    small: Mutex<Recent<PageKey, CachedPage>>,
    furniture: Mutex<Recent<(Uuid, Uuid), Arc<BoardContext>>>,
    /// Whoever makes a page or a board holds one of these; who wants the same waits, and then finds it made.
    making: [tokio::sync::Mutex<()>; 32],
}

impl Default for PageCache {
    fn default() -> Self {
        Self {
            boards: Mutex::new(Recent::new(8)),
            pages: Mutex::new(Recent::new(64)),
            small: Mutex::new(Recent::new(1024)),
            furniture: Mutex::new(Recent::new(64)),
            making: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl PageCache {
    /// The board, from the cache or rendered now. After a change, only the cards that it touched are rendered.
    pub async fn rendered(
        &self,
        db: &PgPool,
        drawing: &BoardView<'_>,
    ) -> Result<Arc<RenderedBoard>> {
        let key = drawing.key();
        let before = self.board(&key);
        if let Some(board) = before.as_ref().filter(|board| board.stamp == drawing.stamp) {
            return Ok(board.clone());
        }
        let board = Arc::new(drawing.draw(db, before.as_deref()).await?);
        if !drawing.filter.depends_on_time() {
            self.keep_board(key, board.clone());
        }
        Ok(board)
    }

    /// What stands around a team's board for this reader, from the cache or loaded now.
    pub async fn context(&self, db: &PgPool, door: &BoardAuth) -> Result<Arc<BoardContext>> {
        let (team, viewer) = (door.access.team.id, door.viewer.person.id);
        // A token for some teams sees less than its owner does.
        let is_whole = door.viewer.reach().is_none();
        if is_whole && let Some(kept) = self.furniture(team, viewer, door.workspace_seq) {
            return Ok(kept);
        }
        let furniture = Arc::new(BoardContext::load(db, door).await?);
        if is_whole {
            self.keep_furniture(team, viewer, furniture.clone());
        }
        Ok(furniture)
    }

    /// The board as it was last drawn, whenever that was.
    pub fn board(&self, key: &BoardKey) -> Option<Arc<RenderedBoard>> {
        locked(&self.boards).get(key).cloned()
    }

    pub fn keep_board(&self, key: BoardKey, board: Arc<RenderedBoard>) {
        locked(&self.boards).put(key, board);
    }

    /// The page, if it shows all that is known to have happened.
    pub fn page(&self, key: &PageKey, stamp: Revision) -> Option<CachedPage> {
        let found = |kept: &Mutex<Recent<PageKey, CachedPage>>| {
            locked(kept)
                .get(key)
                .filter(|page| page.stamp.covers(&stamp))
                .cloned()
        };
        found(&self.pages).or_else(|| found(&self.small))
    }

    pub fn keep_page(&self, key: PageKey, page: CachedPage) {
        let kept = if page.bytes.len() <= SMALL {
            &self.small
        } else {
            &self.pages
        };
        locked(kept).put(key, page);
    }

    /// What stands around a team's board for a reader, as of this count of the workspace.
    pub fn furniture(&self, team: Uuid, viewer: Uuid, workspace: i64) -> Option<Arc<BoardContext>> {
        locked(&self.furniture)
            .get(&(team, viewer))
            .filter(|kept| kept.workspace == workspace)
            .cloned()
    }

    pub fn keep_furniture(&self, team: Uuid, viewer: Uuid, furniture: Arc<BoardContext>) {
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
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A small map that drops what was not used for longest.
struct Recent<K, V> {
    most: usize,
    uses: u64,
    entries: HashMap<K, (u64, V)>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn new(most: usize) -> Self {
        Self {
            most,
            uses: 0,
            entries: HashMap::new(),
        }
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
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(key, (self.uses, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_of_badges_pushes_no_board_out() {
        let kept = PageCache::default();
        let stamp = Revision {
            team: 1,
            workspace: 1,
            stretch: 1,
        };
        let key = |address: String| PageKey {
            viewer: Uuid::nil(),
            may_edit: false,
            may_comment: false,
            address,
            theme: "",
            encoding: Encoding::Plain,
        };
        let page = |bytes: usize| CachedPage {
            stamp,
            etag: String::new(),
            bytes: vec![b'x'; bytes].into(),
        };
        kept.keep_page(key("board".to_owned()), page(40_000));
        for badge in 0..500 {
            kept.keep_page(key(format!("badge {badge}")), page(800));
        }
        for address in ["board", "badge 0", "badge 499"] {
            assert!(
                kept.page(&key(address.to_owned()), stamp).is_some(),
                "{address}"
            );
        }
    }
}
