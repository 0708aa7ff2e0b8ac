//! The columns that an import finds on the team's board, and those it will add.

use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    import::{
        draft::{Draft, List, Task},
        sanitize,
    },
    slug::{first_available, slug},
};

/// The columns as planned so far.
pub(crate) struct Board {
    pub(crate) columns: Vec<Column>,
    pub(crate) new: Vec<Uuid>,
}

impl Board {
    /// Finds or plans the column of each list.
    pub(crate) fn place_lists(
        &mut self,
        draft: &Draft,
        new: &[&Task],
        mappings: &[(String, String)],
    ) -> Result<Vec<Option<Uuid>>> {
        for (name, _) in mappings {
            if !draft.lists.iter().any(|list| same(&list.name, name)) {
                let names: Vec<&str> = draft.lists.iter().map(|list| list.name.as_str()).collect();
                let message = format!(
                    "The file has no list “{name}”. Its lists are: {}.",
                    names.join(", ")
                );
                return Err(Problem::field("map", message));
            }
        }
        let place = |(index, list): (usize, &List)| {
            let has_new = new.iter().any(|task| task.list == Some(index));
            let is_empty = !draft.tasks.iter().any(|task| task.list == Some(index));
            // An empty list gets a column on the first import only, so that a deleted column does
            // not return with every run.
            let wanted =
                has_new || (is_empty && !list.closed && list.state.is_none() && !new.is_empty());
            let mapped = mappings
                .iter()
                .find(|(name, _)| same(name, &list.name))
                .map(|(_, column)| column.as_str());
            self.column_of(list, mapped, wanted)
        };
        Ok(draft.lists.iter().enumerate().map(place).collect())
    }

    pub(crate) fn column_of(
        &mut self,
        list: &List,
        mapped: Option<&str>,
        wanted: bool,
    ) -> Option<Uuid> {
        let name = mapped.unwrap_or(&list.name);
        let state = if mapped.is_some() { None } else { list.state };
        // An open or closed issue is matched by state, a list by its name.
        let existing = match state {
            Some(state) => self.first_of(state),
            None => self.called(name),
        };
        let existing = existing.or_else(|| {
            let away = list.closed && mapped.is_none();
            if away {
                self.first_of(guessed(name))
                    .or(self.columns.first().map(|column| column.id))
            } else {
                None
            }
        });
        if existing.is_some() || !wanted {
            return existing;
        }
        Some(match state {
            Some(state) => self.add(state.default_name(), state),
            None => self.add(name, guessed(name)),
        })
    }

    pub(crate) fn called(&self, name: &str) -> Option<Uuid> {
        let candidate = slug(name);
        let by_name = self.columns.iter().find(|column| same(&column.name, name));
        by_name
            .or_else(|| self.columns.iter().find(|column| column.slug == candidate))
            .map(|column| column.id)
    }

    pub(crate) fn first_of(&self, state: ColumnState) -> Option<Uuid> {
        self.columns
            .iter()
            .find(|column| column.state == state)
            .map(|column| column.id)
    }

    /// Plans a column at the right end, but before the done columns.
    pub(crate) fn add(&mut self, name: &str, state: ColumnState) -> Uuid {
        let name = match sanitize::line(name, 50).0 {
            name if name.is_empty() => "Untitled".to_owned(),
            name => name,
        };
        // A name without letters and digits yields an empty slug.
        let wanted = Some(slug(&name))
            .filter(|slug| !slug.is_empty())
            .unwrap_or_else(|| "column".to_owned());
        let candidate = first_available(&wanted, "-", |candidate| {
            self.columns.iter().any(|column| column.slug == candidate)
        });
        let done_at_the_end = self
            .columns
            .iter()
            .rev()
            .take_while(|column| column.state == ColumnState::Done)
            .count();
        let at = if state == ColumnState::Done {
            self.columns.len()
        } else {
            self.columns.len() - done_at_the_end
        };
        let id = Uuid::now_v7();
        self.columns.insert(
            at,
            Column {
                id,
                slug: candidate,
                name,
                state,
                wip_limit: None,
            },
        );
        self.new.push(id);
        id
    }
}

pub(crate) fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Guesses a list's state from its name.
pub(crate) fn guessed(name: &str) -> ColumnState {
    let name = name.to_lowercase();
    let says = |stems: &[&str]| {
        name.split(|letter: char| !letter.is_alphanumeric())
            .any(|word| {
                stems.iter().any(|stem| {
                    if *stem == "qa" {
                        word == "qa"
                    } else {
                        word.starts_with(stem)
                    }
                })
            })
    };
    if says(&["done", "complete"]) {
        ColumnState::Done
    } else if says(&["review", "qa"]) {
        ColumnState::Review
    } else if says(&["block", "wait"]) {
        ColumnState::Blocked
    } else if says(&["doing", "progress"]) {
        ColumnState::Doing
    } else {
        ColumnState::Todo
    }
}
