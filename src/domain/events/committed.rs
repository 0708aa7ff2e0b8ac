//! Whether a request has changed anything, so that a later error does not deny it.

use std::cell::Cell;

tokio::task_local! {
    static HAS_COMMITTED: Cell<bool>;
}

/// Runs a request. Returns its result, and whether it has committed a change.
pub(crate) async fn noting_commits<T>(request: impl Future<Output = T>) -> (T, bool) {
    HAS_COMMITTED
        .scope(Cell::new(false), async {
            let result = request.await;
            (result, HAS_COMMITTED.with(Cell::get))
        })
        .await
}

/// Notes a commit. Outside a request there is nothing to note it for.
pub(crate) fn note_commit() {
    let _ = HAS_COMMITTED.try_with(|noted| noted.set(true));
}
