//! Cache of rendered boards and compressed pages. A board is rendered once for everyone, and its
//! page compressed once per reader; while nothing changes, later requests get the same bytes.
//! Callers check access before they ask the cache.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lru::LruCache;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    domain::{boards::board_auth::BoardAuth, error::Result},
    http::{
        assets::{ASSETS, Encoding, gzip},
        cache::{
            board_context::BoardContext,
            render::{BoardView, RenderedBoard},
            revision::{BoardKey, Revision},
        },
    },
};

/// Everything that a cached page depends on, apart from the data's revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub(crate) viewer: Uuid,
    pub(crate) may_edit: bool,
    pub(crate) may_comment: bool,
    pub(crate) url: String,
    pub(crate) theme: &'static str,
    pub(crate) encoding: Encoding,
}

/// A page's compressed bytes, the revision that they show, and their ETag.
#[derive(Clone)]
pub(crate) struct CachedPage {
    pub(crate) revision: Revision,
    pub(crate) etag: String,
    pub(crate) bytes: Bytes,
}

/// Responds with 304 if the client has the page, with the cached page if it is still valid, and
/// otherwise with a page rendered now. The caller has checked access. `render` returns the revision
/// that its page shows, since changes that commit while it waits for the lock are included.
pub(crate) async fn answer(
    cache: &PageCache,
    headers: &HeaderMap,
    (key, revision): (PageKey, Revision),
    kind: &'static str,
    render: impl AsyncFnOnce() -> Result<(Revision, String)>,
) -> Result<Response> {
    let etag = etag(&key, revision);
    if if_none_match(headers, &etag) {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let respond = |page: CachedPage| {
        Ok(with_etag(
            encoded_response(page.bytes, key.encoding, kind),
            &page.etag,
        ))
    };
    if let Some(page) = cache.page(&key, revision) {
        return respond(page);
    }
    let _guard = cache.lock_page(&key).await;
    if let Some(page) = cache.page(&key, revision) {
        return respond(page);
    }
    // Boxed, so that requests served from the cache do not carry this future's size.
    let (revision, text) = Box::pin(render()).await?;
    let bytes: Bytes = match key.encoding {
        // Level 1 is a third of the time of level 3 and a tenth more bytes.
        Encoding::Zstd => zstd::bulk::compress(text.as_bytes(), 1)
            .map_err(anyhow::Error::from)?
            .into(),
        Encoding::Gzip => gzip(text.as_bytes(), flate2::Compression::fast()).into(),
        Encoding::Plain => Bytes::from(text),
    };
    let page = CachedPage {
        revision,
        etag: self::etag(&key, revision),
        bytes,
    };
    cache.put_page(key.clone(), page.clone());
    respond(page)
}

/// Whether `If-None-Match` has this ETag. A proxy that recompresses a response marks the ETag as
/// weak.
pub(crate) fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    // Compared as text: this runs for every unchanged board, and needs no parsed ETags.
    let seen = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    seen.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|seen| seen == "*" || seen.trim_start_matches("W/") == etag)
}

fn etag(key: &PageKey, revision: Revision) -> String {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    (key, &ASSETS.version).hash(&mut hasher);
    format!(
        "\"{}-{}-{}-{:x}\"",
        revision.team,
        revision.workspace,
        revision.time_bucket,
        hasher.finish()
    )
}

fn with_etag(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    // Stored only by this reader's browser, and revalidated every time.
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

fn encoded_response(bytes: Bytes, encoding: Encoding, kind: &'static str) -> Response {
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

/// Pages of at most this many bytes are cached in larger number.
const SMALL: usize = 4096;

/// The cached boards and pages. A few suffice: those that are open now.
pub(crate) struct PageCache {
    boards: Mutex<LruCache<BoardKey, Arc<RenderedBoard>>>,
    pages: Mutex<LruCache<PageKey, CachedPage>>,
    /// Small pages such as badges, apart so that they and boards do not evict each other.
    small: Mutex<LruCache<PageKey, CachedPage>>,
    contexts: Mutex<LruCache<(Uuid, Uuid), Arc<BoardContext>>>,
    /// Held while a page is rendered: requests for the same page wait, and then find it cached.
    page_locks: [tokio::sync::Mutex<()>; 32],
}

impl Default for PageCache {
    fn default() -> Self {
        Self {
            boards: cache_of(8),
            pages: cache_of(64),
            small: cache_of(1024),
            contexts: cache_of(64),
            page_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl PageCache {
    /// The board, from the cache or rendered now. After a change, only the cards that it touched are rendered.
    pub(crate) async fn rendered(
        &self,
        db: &PgPool,
        view: &BoardView<'_>,
    ) -> Result<Arc<RenderedBoard>> {
        let key = view.key();
        let before = self.board(&key);
        if let Some(board) = before
            .as_ref()
            .filter(|board| board.revision == view.revision)
        {
            return Ok(board.clone());
        }
        let board = Arc::new(view.render(db, before.as_deref()).await?);
        if !view.filter.depends_on_time() {
            self.put_board(key, board.clone());
        }
        Ok(board)
    }

    /// The context of a team's board for this reader, from the cache or loaded now.
    pub(crate) async fn context(&self, db: &PgPool, auth: &BoardAuth) -> Result<Arc<BoardContext>> {
        let (team, viewer) = (auth.access.team.id, auth.viewer.person.id);
        // A token for some teams sees less than its owner does.
        let is_whole = auth.viewer.reach().is_none();
        if is_whole && let Some(context) = self.cached_context(team, viewer, auth.workspace_seq) {
            return Ok(context);
        }
        let context = Arc::new(BoardContext::load(db, auth).await?);
        if is_whole {
            self.put_context(team, viewer, context.clone());
        }
        Ok(context)
    }

    /// The board as it was last rendered, at any revision.
    pub(crate) fn board(&self, key: &BoardKey) -> Option<Arc<RenderedBoard>> {
        lock(&self.boards).get(key).cloned()
    }

    pub(crate) fn put_board(&self, key: BoardKey, board: Arc<RenderedBoard>) {
        lock(&self.boards).put(key, board);
    }

    /// The cached page, if it covers this revision.
    pub(crate) fn page(&self, key: &PageKey, revision: Revision) -> Option<CachedPage> {
        let lookup = |cache: &Mutex<LruCache<PageKey, CachedPage>>| {
            lock(cache)
                .get(key)
                .filter(|page| page.revision.covers(&revision))
                .cloned()
        };
        lookup(&self.pages).or_else(|| lookup(&self.small))
    }

    pub(crate) fn put_page(&self, key: PageKey, page: CachedPage) {
        let cache = if page.bytes.len() <= SMALL {
            &self.small
        } else {
            &self.pages
        };
        lock(cache).put(key, page);
    }

    /// The cached context of a team's board, if it is of this workspace revision.
    pub(crate) fn cached_context(
        &self,
        team: Uuid,
        viewer: Uuid,
        workspace: i64,
    ) -> Option<Arc<BoardContext>> {
        lock(&self.contexts)
            .get(&(team, viewer))
            .filter(|context| context.workspace == workspace)
            .cloned()
    }

    pub(crate) fn put_context(&self, team: Uuid, viewer: Uuid, context: Arc<BoardContext>) {
        lock(&self.contexts).put((team, viewer), context);
    }

    /// Locks the rendering of this page.
    pub(crate) async fn lock_page(&self, key: &PageKey) -> tokio::sync::MutexGuard<'_, ()> {
        use std::hash::{DefaultHasher, Hasher};
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.page_locks[(hasher.finish() % 32) as usize]
            .lock()
            .await
    }
}

fn cache_of<K: Eq + Hash, V>(most: usize) -> Mutex<LruCache<K, V>> {
    Mutex::new(LruCache::new(
        NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN),
    ))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_do_not_evict_boards() {
        let cache = PageCache::default();
        let revision = Revision {
            team: 1,
            workspace: 1,
            time_bucket: 1,
        };
        let key = |url: String| PageKey {
            viewer: Uuid::nil(),
            may_edit: false,
            may_comment: false,
            url,
            theme: "",
            encoding: Encoding::Plain,
        };
        let page = |bytes: usize| CachedPage {
            revision,
            etag: String::new(),
            bytes: vec![b'x'; bytes].into(),
        };
        cache.put_page(key("board".to_owned()), page(40_000));
        for badge in 0..500 {
            cache.put_page(key(format!("badge {badge}")), page(800));
        }
        for url in ["board", "badge 0", "badge 499"] {
            assert!(
                cache.page(&key(url.to_owned()), revision).is_some(),
                "{url}"
            );
        }
    }
}
