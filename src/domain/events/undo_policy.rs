//! What can be taken back.

/// Whether events of these kinds can all be taken back: what was said to a task, and its steps, cannot.
/// What they told of other tasks is no part of it.
pub fn are_undoable<'k>(kinds: impl Iterator<Item = &'k str>) -> bool {
    let mut own = kinds.filter(|kind| !kind.starts_with("wait.")).peekable();
    own.peek().is_some() && own.all(|kind| UNDOABLE.contains(&kind))
}

/// `tasks::undoing` has an arm for each of them; a column that wanted spreading stays spread.
const UNDOABLE: [&str; 10] = [
    "task.moved",
    "task.archived",
    "task.restored",
    "task.created",
    "task.blocked",
    "task.unblocked",
    "task.owned",
    "task.labelled",
    "task.edited",
    "column.spread",
];
