//! The lists of tools whose issues have a status instead: one for each status, in the order of the states.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{
    column_state::ColumnState,
    import::{
        draft::{Draft, List, ListRef, Task},
        sanitize,
    },
};

/// What is told of issues that were closed without being done.
pub(crate) const CLOSED_UNDONE: &str =
    "these were closed without being done, so they are in the archive";

/// The statuses that were seen so far.
#[derive(Default)]
pub(crate) struct Statuses {
    lists: Vec<List>,
    /// The place of each among the lists, by its name in lower case.
    places: HashMap<String, usize>,
    /// The lists that are only a state.
    of_state: HashMap<ColumnState, usize>,
}

/// Whether a status says that an issue was closed without being done.
pub(crate) fn is_closed_undone(status: &str) -> bool {
    matches!(
        status.to_lowercase().as_str(),
        "canceled"
            | "cancelled"
            | "duplicate"
            | "won't do"
            | "wont do"
            | "won't fix"
            | "wontfix"
            | "rejected"
    )
}

impl Statuses {
    /// The list of a status, and its state, which is that of the first issue that has it.
    pub(crate) fn place(
        &mut self,
        name: &str,
        state: Option<ColumnState>,
    ) -> (usize, Option<ColumnState>) {
        let name = sanitize::line(name, 500).0;
        let lists = &mut self.lists;
        let index = *self.places.entry(name.to_lowercase()).or_insert_with(|| {
            lists.push(List {
                name,
                state,
                ..List::default()
            });
            lists.len() - 1
        });
        (index, self.lists.get(index).and_then(|list| list.state))
    }

    /// The list of what was closed without being done, and its state: it must not stand among what is done.
    pub(crate) fn place_undone(&mut self) -> (usize, Option<ColumnState>) {
        self.place_in(ColumnState::Todo)
    }

    /// The list of what has no status but only a state: it becomes the first column of that state.
    pub(crate) fn place_in(&mut self, state: ColumnState) -> (usize, Option<ColumnState>) {
        let lists = &mut self.lists;
        let index = *self.of_state.entry(state).or_insert_with(|| {
            lists.push(List {
                name: state.default_name().to_owned(),
                state: Some(state),
                only_state: true,
                ..List::default()
            });
            lists.len() - 1
        });
        (index, Some(state))
    }

    /// Gives the draft these lists from left to right, and orders its tasks by them; in a list they stay in order.
    pub(crate) fn finish(self, draft: &mut Draft) {
        let place = |list: &List| {
            let state = list.known_state().unwrap_or(ColumnState::Todo);
            ColumnState::ALL.iter().position(|other| *other == state)
        };
        let mut order: Vec<(usize, List)> = self.lists.into_iter().enumerate().collect();
        order.sort_by_key(|(_, list)| place(list));
        let moved: BTreeMap<usize, usize> =
            order.iter().map(|(index, _)| *index).zip(0..).collect();
        draft.lists = order.into_iter().map(|(_, list)| list).collect();
        let list_of = |task: &Task| task.list.and_then(|list| moved.get(&list).copied());
        for task in &mut draft.tasks {
            task.list = list_of(task);
            for list in task.past.iter_mut().flat_map(|past| past.what.lists_mut()) {
                if let ListRef::List(index) = list {
                    *index = moved.get(index).copied().unwrap_or(*index);
                }
            }
        }
        draft.tasks.sort_by_key(|task| task.list);
        for (position, task) in draft.tasks.iter_mut().enumerate() {
            task.position = position as f64;
        }
    }
}
