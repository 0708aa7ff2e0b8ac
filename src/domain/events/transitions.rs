//! What happened to a task over a period, in a word or two.

use crate::domain::column_state::ColumnState;

/// Describes a task's change since an event, from its first `transition` after it (the format is in the
/// migration of `events.transition`), the state before that, and the current state; steps in between are
/// left out. `joined -` means that the task was added to the sprint.
pub(crate) fn describe_transition(
    first: &str,
    old: Option<&str>,
    state: ColumnState,
    archived: bool,
) -> &'static str {
    let began = |with: &str| first.starts_with(with);
    match (old, state) {
        _ if archived && (state != ColumnState::Done || began("archived")) => "Archived",
        (_, ColumnState::Done) => "Done",
        (None, _) if began("joined") => "Added",
        (Some("blocked"), ColumnState::Blocked) => "Blocked again",
        (_, ColumnState::Blocked) => "Newly blocked",
        (Some("blocked"), _) => "Unblocked",
        _ if began("created") || began("imported") => "Added",
        _ if began("archived") => "Restored",
        (_, ColumnState::Todo) => "Moved to todo",
        (_, ColumnState::Doing) => "Moved to in progress",
        (_, ColumnState::Review) => "Moved to in review",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_depends_on_first_and_current_state() {
        let described = |first, old, state| describe_transition(first, old, state, false);
        assert_eq!(
            described("moved done", Some("doing"), ColumnState::Done),
            "Done"
        );
        assert_eq!(
            described("created blocked", None, ColumnState::Blocked),
            "Newly blocked"
        );
        assert_eq!(
            described("moved doing", Some("blocked"), ColumnState::Blocked),
            "Blocked again"
        );
        assert_eq!(
            described("moved doing", Some("blocked"), ColumnState::Review),
            "Unblocked"
        );
        assert_eq!(
            described("imported todo", None, ColumnState::Doing),
            "Added"
        );
        assert_eq!(described("joined -", None, ColumnState::Blocked), "Added");
        assert_eq!(
            described("joined -", Some("doing"), ColumnState::Blocked),
            "Newly blocked"
        );
        assert_eq!(
            described("archived -", None, ColumnState::Doing),
            "Restored"
        );
        assert_eq!(
            described("moved review", Some("doing"), ColumnState::Review),
            "Moved to in review"
        );
    }

    #[test]
    fn task_done_before_archiving_counts_as_done() {
        assert_eq!(
            describe_transition("moved done", Some("doing"), ColumnState::Done, true),
            "Done"
        );
        assert_eq!(
            describe_transition("archived -", None, ColumnState::Done, true),
            "Archived"
        );
        assert_eq!(
            describe_transition("moved doing", Some("todo"), ColumnState::Doing, true),
            "Archived"
        );
    }
}
