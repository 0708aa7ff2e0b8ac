//! The events that a webhook is for, as a person chooses them.

use crate::domain::{
    events::EventKind,
    webhooks::{
        events::{self, KINDS},
        groups::Group,
    },
};

/// What is stored for all events, those of kinds that come later included.
const ALL: &str = "all";

/// All events, whole groups, such as `tasks`, and single kinds, such as `goal.progressed`. A group includes the kinds
/// that come later.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent, no_pg_array)]
pub(crate) struct Chosen(Vec<String>);

impl Chosen {
    pub(crate) fn all() -> Self {
        Self(vec![ALL.to_owned()])
    }

    /// Reads a form. Unknown names are left out, and so is what a group or `all` includes already.
    pub(crate) fn of_form(names: &[String]) -> Self {
        let has = |known: &str| names.iter().any(|name| name == known);
        if has(ALL) {
            return Self::all();
        }
        let mut chosen = Vec::new();
        for group in Group::ALL {
            if has(group.as_str()) {
                chosen.push(group.as_str().to_owned());
                continue;
            }
            let single = group.kinds().map(|kind| kind.name);
            chosen.extend(single.filter(|name| has(name)).map(str::to_owned));
        }
        Self(chosen)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this name itself was chosen.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|chosen| chosen == name)
    }

    /// Whether some kinds were chosen without their groups.
    pub(crate) fn has_single_kinds(&self) -> bool {
        self.0.iter().any(|name| is_kind(name))
    }

    /// Whether a webhook gets events of this kind.
    pub(crate) fn includes(&self, kind: EventKind, group: Group) -> bool {
        [ALL, group.as_str(), kind.as_str()]
            .iter()
            .any(|name| self.has(name))
    }

    /// In words, for a list: `tasks, pull requests, goal.progressed`.
    pub(crate) fn in_words(&self) -> String {
        if self.has(ALL) {
            return "all events".to_owned();
        }
        let (single, groups): (Vec<&String>, Vec<&String>) =
            self.0.iter().partition(|name| is_kind(name));
        let mut words: Vec<String> = groups.iter().map(|name| name.replace('-', " ")).collect();
        match single.len() {
            0..=3 => words.extend(single.into_iter().cloned()),
            count => words.push(format!("{count} kinds of events")),
        }
        words.join(", ")
    }
}

/// Whether a name is that of a kind, not of a group.
fn is_kind(name: &str) -> bool {
    name.contains('.')
}

/// A kind of event that can be chosen.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What happened, as a sentence.
    pub(crate) about: &'static str,
}

impl Group {
    /// The kinds of a group that are sent.
    pub(crate) fn kinds(self) -> impl Iterator<Item = Kind> {
        KINDS.iter().filter_map(move |kind| {
            let told = events::of(*kind).filter(|told| told.group == self)?;
            Some(Kind {
                name: kind.as_str(),
                about: told.about,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(names: &[&str]) -> Chosen {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Chosen::of_form(&names)
    }

    #[test]
    fn form_names_all_events_or_groups_or_single_kinds() {
        let some = form(&["goal.progressed", "tasks", "task.moved", "nonsense"]);
        assert_eq!(some.0, ["tasks", "goal.progressed"]);
        assert!(some.includes(EventKind::TaskMoved, Group::Tasks));
        assert!(some.includes(EventKind::GoalProgressed, Group::Goals));
        assert!(!some.includes(EventKind::GoalCreated, Group::Goals));
        assert!(some.has_single_kinds() && !form(&["tasks", "task.moved"]).has_single_kinds());
        assert_eq!(form(&["goals", "all"]), Chosen::all());
        assert!(Chosen::all().includes(EventKind::GoalCreated, Group::Goals));
        assert!(form(&[]).is_empty());
        // its text is private
        assert!(form(&["retro.note-added", "filter.saved"]).is_empty());
    }

    #[test]
    fn few_kinds_are_named_in_a_list() {
        assert_eq!(Chosen::all().in_words(), "all events");
        let some = form(&["pull-requests", "tasks", "sprint.closed"]);
        assert_eq!(some.in_words(), "tasks, pull requests, sprint.closed");
        let many = [
            "task.moved",
            "task.created",
            "task.archived",
            "sprint.closed",
        ];
        assert_eq!(form(&many).in_words(), "4 kinds of events");
    }

    #[test]
    fn every_kind_that_is_sent_can_be_chosen() {
        let count: usize = Group::ALL.iter().map(|group| group.kinds().count()).sum();
        assert_eq!(count, KINDS.len());
        assert!(KINDS.iter().all(|kind| is_kind(kind.as_str())));
    }
}
