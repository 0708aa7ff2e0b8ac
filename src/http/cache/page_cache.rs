//! Cache of rendered boards and compressed pages. A board is rendered once for everyone, and its
//! page compressed once per reader; while nothing changes, later requests get the same bytes.
//! Callers check access before they ask the cache.

use std::{
    hash::Hash,
    mem::size_of,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    db::{pool::Pool, timeline::Timeline},
    domain::{boards::board_auth::BoardAuth, error::Result, policy::viewer::Rights},
    http::{
        assets::{ASSETS, Encoding, gzip},
        cache::{
            board_context::BoardContext,
            byte_cache::ByteCache,
            rendered_board::{BoardView, RenderedBoard},
            revision::{BoardKey, Revision},
        },
    },
};

/// Everything that a cached page depends on, apart from the data's revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub(crate) viewer: Uuid,
    /// `None` for guests.
    pub(crate) rights: Option<Rights>,
    pub(crate) may_edit: bool,
    pub(crate) may_comment: bool,
    /// Which page it is: with its filter as it was understood, not the URL, where anything can be added.
    pub(crate) page: String,
    pub(crate) theme: &'static str,
    pub(crate) encoding: Encoding,
}

/// A page's compressed bytes, the revision that they show, and their ETag.
#[derive(Clone)]
pub(crate) struct CachedPage {
    pub(crate) revision: Revision,
    pub(crate) etag: String,
    pub(crate) bytes: Bytes,
    /// When it was rendered.
    pub(crate) at: Instant,
}

/// How long a page may be newer than the database says: as long as requests overlap. After that, the database went back
/// in time.
const OVERLAP: Duration = Duration::from_secs(5);

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
    let timeline = cache.enter_timeline();
    let etag = etag(&key, revision, timeline);
    if if_none_match(headers, &etag) {
        cache.answers.not_modified.fetch_add(1, Ordering::Relaxed);
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let respond = |page: CachedPage, count: &AtomicU64| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(with_etag(
            encoded_response(page.bytes, key.encoding, kind),
            &page.etag,
        ))
    };
    if let Some(page) = cache.page(&key, revision) {
        return respond(page, &cache.answers.cached);
    }
    let _guard = cache.lock_page(&key).await;
    if let Some(page) = cache.page(&key, revision) {
        return respond(page, &cache.answers.cached);
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
        etag: self::etag(&key, revision, timeline),
        bytes,
        at: Instant::now(),
    };
    if cache.timeline.current() == timeline {
        cache.put_page(key.clone(), page.clone());
    }
    respond(page, &cache.answers.rendered)
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

fn etag(key: &PageKey, revision: Revision, timeline: i32) -> String {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    (key, &ASSETS.version, timeline).hash(&mut hasher);
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

/// The cached boards and pages. A few suffice: those that are open now.
pub(crate) struct PageCache {
    boards: Mutex<ByteCache<BoardKey, Arc<RenderedBoard>>>,
    pages: Mutex<ByteCache<PageKey, CachedPage>>,
    contexts: Mutex<ByteCache<(Uuid, Uuid), Arc<BoardContext>>>,
    /// Held while a page is rendered: requests for the same page wait, and then find it cached.
    page_locks: [tokio::sync::Mutex<()>; 32],
    answers: Answers,
    timeline: Timeline,
    /// The timeline of what is kept.
    of_timeline: AtomicI32,
}

/// How requests for pages were answered.
#[derive(Default)]
struct Answers {
    not_modified: AtomicU64,
    cached: AtomicU64,
    rendered: AtomicU64,
}

/// What the caches hold, and how often they helped.
pub(crate) struct CacheUse {
    /// Name, bytes in use, and the most that may be.
    pub(crate) caches: [(&'static str, usize, usize); 3],
    /// How many requests were answered in which way.
    pub(crate) answers: [(&'static str, u64); 3],
}

impl PageCache {
    /// Empty caches of this size together, in MiB. Of eleven parts, eight are for boards, two for compressed pages and
    /// one for the contexts of boards.
    pub(crate) fn new(megabytes: u16, timeline: Timeline) -> Self {
        let part = (usize::from(megabytes) << 20) / 11;
        Self {
            boards: Mutex::new(ByteCache::new(8 * part)),
            pages: Mutex::new(ByteCache::new(2 * part)),
            contexts: Mutex::new(ByteCache::new(part)),
            page_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            answers: Answers::default(),
            of_timeline: AtomicI32::new(timeline.current()),
            timeline,
        }
    }

    /// Forgets everything if another server has taken over the database: its revisions are of other changes. Returns
    /// the timeline.
    fn enter_timeline(&self) -> i32 {
        let now = self.timeline.current();
        let before = self.of_timeline.swap(now, Ordering::AcqRel);
        // of 0 nothing was known, but it was the same server
        if before != now && before != 0 {
            self.clear();
        }
        now
    }

    /// The board, from the cache or rendered now. After a change, only the cards that it touched are rendered.
    pub(crate) async fn rendered(
        &self,
        db: &Pool,
        reader: Uuid,
        view: &BoardView<'_>,
    ) -> Result<Arc<RenderedBoard>> {
        let timeline = self.enter_timeline();
        let key = view.key();
        let before = self.board(&key);
        if let Some(board) = before
            .as_ref()
            .filter(|board| board.revision == view.revision)
        {
            return Ok(board.clone());
        }
        let board = Arc::new(view.render(db, before.as_deref()).await?);
        let is_current = self.timeline.current() == timeline;
        if is_current && !view.filter.depends_on_time() {
            lock(&self.boards).put(reader, key, board.bytes(), board.clone());
        }
        Ok(board)
    }

    /// The context of a team's board for this reader, from the cache or loaded now.
    pub(crate) async fn context(&self, db: &Pool, auth: &BoardAuth) -> Result<Arc<BoardContext>> {
        let (team, viewer) = (auth.access.team.id, auth.viewer.person.id);
        // A token for some teams sees less than its owner does.
        let is_whole = auth.viewer.reach().is_none();
        let timeline = self.enter_timeline();
        if is_whole && let Some(context) = self.cached_context(team, viewer, auth.workspace_seq) {
            return Ok(context);
        }
        let context = Arc::new(BoardContext::load(db, auth).await?);
        if is_whole && self.timeline.current() == timeline {
            let bytes = size_of::<BoardContext>() + context.bytes();
            lock(&self.contexts).put(viewer, (team, viewer), bytes, context.clone());
        }
        Ok(context)
    }

    /// What the caches hold, and how often they helped.
    pub(crate) fn usage(&self) -> CacheUse {
        let count = |answers: &AtomicU64| answers.load(Ordering::Relaxed);
        let named = |name, (used, most)| (name, used, most);
        CacheUse {
            caches: [
                named("boards", lock(&self.boards).usage()),
                named("pages", lock(&self.pages).usage()),
                named("contexts", lock(&self.contexts).usage()),
            ],
            answers: [
                ("not_modified", count(&self.answers.not_modified)),
                ("cached", count(&self.answers.cached)),
                ("rendered", count(&self.answers.rendered)),
            ],
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        lock(&self.boards).clear();
        lock(&self.pages).clear();
        lock(&self.contexts).clear();
    }

    /// The board as it was last rendered, at any revision.
    pub(crate) fn board(&self, key: &BoardKey) -> Option<Arc<RenderedBoard>> {
        lock(&self.boards).get(key).cloned()
    }

    /// The cached page, if it covers this revision.
    pub(crate) fn page(&self, key: &PageKey, revision: Revision) -> Option<CachedPage> {
        lock(&self.pages)
            .get(key)
            .filter(|page| {
                page.revision == revision
                    || page.revision.covers(&revision) && page.at.elapsed() < OVERLAP
            })
            .cloned()
    }

    pub(crate) fn put_page(&self, key: PageKey, page: CachedPage) {
        let bytes = page.bytes.len() + key.page.len();
        lock(&self.pages).put(key.viewer, key, bytes, page);
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
