//! What differs between two lists of names.

/// What is to be added to people or labels, and removed.
#[derive(Default)]
pub(super) struct Difference {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    /// Only of those that GitHub knows.
    pub(super) added_ids: Vec<String>,
    pub(super) removed_ids: Vec<String>,
}

impl Difference {
    /// Names are compared without case, as GitHub does.
    pub(super) fn between(there: &[String], wanted: &[String]) -> Self {
        let without = |names: &[String], others: &[String]| -> Vec<String> {
            let missing = names.iter().filter(|name| !has(others, name));
            missing.cloned().collect()
        };
        Self {
            added: without(wanted, there),
            removed: without(there, wanted),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    pub(super) fn has_no_ids(&self) -> bool {
        self.added_ids.is_empty() && self.removed_ids.is_empty()
    }

    /// Removes from what is wanted whatever GitHub did not accept of it.
    pub(super) fn remove_not_accepted(&self, wanted: &mut Vec<String>, now: &[String]) {
        wanted.retain(|name| !has(&self.added, name) || has(now, name));
    }
}

fn has(names: &[String], name: &str) -> bool {
    names
        .iter()
        .any(|other| other.to_lowercase() == name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_added_and_removed_whatever_their_case() {
        let difference = Difference::between(&names(&["Bug", "old"]), &names(&["bug", "new"]));
        assert_eq!(difference.added, ["new"]);
        assert_eq!(difference.removed, ["old"]);
        assert!(Difference::between(&names(&["a", "b"]), &names(&["B", "A"])).is_empty());
    }

    #[test]
    fn what_was_not_accepted_is_left_out_and_what_others_removed_is_not() {
        let mut wanted = names(&["a", "b", "c"]);
        let difference = Difference::between(&names(&["a"]), &wanted);
        difference.remove_not_accepted(&mut wanted, &names(&["b", "stranger"]));
        assert_eq!(wanted, ["a", "b"]);
    }
}
