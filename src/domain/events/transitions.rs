//! What became of a task while nobody looked, in a word or two.

use crate::domain::column_state::ColumnState;

/// Says it from its first `transition` since then (as `migrations/0007_shift.sql` writes them), the state it had before that
/// one, and how it stands now; whatever lay between is not told. `joined -` stands for coming into the sprint.
pub fn became(first: &str, was: Option<&str>, state: ColumnState, archived: bool) -> &'static str {
    let began = |with: &str| first.starts_with(with);
    match (was, state) {
        _ if archived && (state != ColumnState::Done || began("archived")) => "Archived",
        (_, ColumnState::Done) => "Done",
        (None, _) if began("joined") => "Added",
        (Some("blocked"), ColumnState::Blocked) => "Blocked again",
        (_, ColumnState::Blocked) => "Newly blocked",
        (Some("blocked"), _) => "Unblocked",
        _ if began("created") || began("imported") => "Added",
        _ if began("archived") => "Restored",
        _ => "Moved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_told_by_where_it_came_from_and_where_it_is() {
        let told = |first, was, state| became(first, was, state, false);
        assert_eq!(told("moved done", Some("doing"), ColumnState::Done), "Done");
        assert_eq!(
            told("created blocked", None, ColumnState::Blocked),
            "Newly blocked"
        );
        assert_eq!(
            told("moved doing", Some("blocked"), ColumnState::Blocked),
            "Blocked again"
        );
        assert_eq!(
            told("moved doing", Some("blocked"), ColumnState::Review),
            "Unblocked"
        );
        assert_eq!(told("imported todo", None, ColumnState::Doing), "Added");
        assert_eq!(told("joined -", None, ColumnState::Blocked), "Added");
        assert_eq!(
            told("joined -", Some("doing"), ColumnState::Blocked),
            "Newly blocked"
        );
        assert_eq!(told("archived -", None, ColumnState::Doing), "Restored");
        assert_eq!(
            told("moved review", Some("doing"), ColumnState::Review),
            "Moved"
        );
    }

    #[test]
    fn what_was_finished_before_it_went_to_the_archive_is_told_as_finished() {
        assert_eq!(
            became("moved done", Some("doing"), ColumnState::Done, true),
            "Done"
        );
        assert_eq!(
            became("archived -", None, ColumnState::Done, true),
            "Archived"
        );
        assert_eq!(
            became("moved doing", Some("todo"), ColumnState::Doing, true),
            "Archived"
        );
    }
}
