//! Whether a request has changed anything, so that a later error does not deny it.

use std::cell::Cell;

/// How far the changes of a request have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Nothing,
    /// A change was being committed when the request ended, and may have been made.
    Committing,
    Committed,
}

tokio::task_local! {
    static PROGRESS: Cell<Progress>;
}

/// Runs a request. Returns its result, and how far its changes have come.
pub(crate) async fn noting_commits<T>(request: impl Future<Output = T>) -> (T, Progress) {
    PROGRESS
        .scope(Cell::new(Progress::Nothing), async {
            let result = request.await;
            (result, PROGRESS.with(Cell::get))
        })
        .await
}

/// Notes what became of a change. Once one of a request's changes was committed, the others do not matter. Outside a
/// request there is nothing to note it for.
pub(crate) fn note(progress: Progress) {
    let _ = PROGRESS.try_with(|noted| {
        if noted.get() != Progress::Committed {
            noted.set(progress);
        }
    });
}
