//! Decides, field by field, which side of an item is taken over: the one that has changed since both were equal, and of
//! two changes the later one.

use crate::domain::github_projects::values::{Field, Values};

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    GitHub,
    Fortnight,
}

/// A field that is to be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) field: Field,
    /// The side whose value both will have.
    pub(crate) from: Side,
    /// Whether the other side had changed as well, and loses that.
    pub(crate) overrules: bool,
}

/// What both sides are known to have had.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'v> {
    /// When they were equal last; `None`: never.
    pub(crate) common: Option<&'v Values>,
    /// What we have sent since, without knowing whether it arrived.
    pub(crate) sent: Option<&'v Values>,
}

/// Compares both sides, in these fields. `later` tells which side's change of a field is the later one; it is asked only
/// if both have changed.
pub(crate) fn merge(
    fields: &[Field],
    known: Known<'_>,
    github: &Values,
    here: &Values,
    later: impl Fn(Field) -> Side,
) -> Vec<Step> {
    let step = |field: &Field| step(*field, known, github, here, &later);
    fields.iter().filter_map(step).collect()
}

fn step(
    field: Field,
    known: Known<'_>,
    github: &Values,
    here: &Values,
    later: &impl Fn(Field) -> Side,
) -> Option<Step> {
    let take = |from: Side, overrules: bool| Step {
        field,
        from,
        overrules,
    };
    let common = known.common.filter(|common| !common.fresh.contains(&field));
    let Some(common) = common else {
        // Connected for the first time: what GitHub has counts, and what it lacks is filled in.
        let differs = !github.has_same(field, here);
        let fills = !matches!(field, Field::Sprint | Field::Archived) && github.is_empty(field);
        return match (differs, fills) {
            (false, _) => None,
            (true, false) => Some(take(Side::GitHub, false)),
            (true, true) => Some(take(Side::Fortnight, false)),
        };
    };
    // What comes back of our own is no change of GitHub's.
    let is_own = known.sent.is_some_and(|sent| github.has_same(field, sent));
    let has_changed_there = !is_own && !github.has_same(field, common);
    if field == Field::Sprint {
        return has_changed_there.then(|| take(Side::GitHub, false));
    }
    if github.has_same(field, here) {
        return None;
    }
    let base = match known.sent.filter(|_| is_own) {
        Some(sent) => sent,
        None => common,
    };
    let has_changed_here = !here.has_same(field, base);
    match (has_changed_there, has_changed_here) {
        (true, true) => Some(take(later(field), true)),
        (true, false) => Some(take(Side::GitHub, false)),
        (false, _) => Some(take(Side::Fortnight, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(title: &str) -> Values {
        Values {
            title: title.to_owned(),
            ..Values::default()
        }
    }

    fn of_title(
        common: Option<&str>,
        sent: Option<&str>,
        (github, here): (&str, &str),
        later: Side,
    ) -> Option<(Side, bool)> {
        let (common, sent) = (common.map(titled), sent.map(titled));
        let known = Known {
            common: common.as_ref(),
            sent: sent.as_ref(),
        };
        let steps = merge(
            &[Field::Title],
            known,
            &titled(github),
            &titled(here),
            |_| later,
        );
        steps.first().map(|step| (step.from, step.overrules))
    }

    #[test]
    fn side_that_has_changed_is_taken_over() {
        let of = |github, here| of_title(Some("old"), None, (github, here), Side::GitHub);
        assert_eq!(of("old", "old"), None);
        assert_eq!(of("new", "old"), Some((Side::GitHub, false)));
        assert_eq!(of("old", "new"), Some((Side::Fortnight, false)));
        assert_eq!(of("new", "new"), None);
    }

    #[test]
    fn later_of_two_changes_wins() {
        let of = |later| of_title(Some("old"), None, ("there", "here"), later);
        assert_eq!(of(Side::GitHub), Some((Side::GitHub, true)));
        assert_eq!(of(Side::Fortnight), Some((Side::Fortnight, true)));
    }

    #[test]
    fn what_we_have_sent_is_no_change_when_it_comes_back() {
        // It arrived although no answer said so, and the task has changed again.
        let of = |github, here| of_title(Some("old"), Some("sent"), (github, here), Side::GitHub);
        assert_eq!(of("sent", "newer"), Some((Side::Fortnight, false)));
        assert_eq!(of("sent", "sent"), None);
        // It was changed back here meanwhile.
        assert_eq!(of("sent", "old"), Some((Side::Fortnight, false)));
        // It did not arrive.
        assert_eq!(of("old", "sent"), Some((Side::Fortnight, false)));
        // Someone has changed it there since.
        assert_eq!(of("theirs", "old"), Some((Side::GitHub, false)));
    }

    #[test]
    fn first_comparison_takes_what_github_has_and_fills_in_what_it_lacks() {
        let of = |github, here| of_title(None, None, (github, here), Side::Fortnight);
        assert_eq!(of("there", "here"), Some((Side::GitHub, false)));
        assert_eq!(of("", "here"), Some((Side::Fortnight, false)));
        assert_eq!(of("there", ""), Some((Side::GitHub, false)));
    }

    #[test]
    fn iterations_are_read_and_never_written() {
        let sprint = |id: Option<&str>| Values {
            sprint: id.map(str::to_owned),
            ..Values::default()
        };
        let common = sprint(Some("one"));
        let known = Known {
            common: Some(&common),
            sent: None,
        };
        let of = |github: &Values, here: &Values| {
            merge(&[Field::Sprint], known, github, here, |_| Side::Fortnight)
        };
        assert_eq!(of(&sprint(Some("one")), &sprint(Some("two"))), []);
        let step = Step {
            field: Field::Sprint,
            from: Side::GitHub,
            overrules: false,
        };
        assert_eq!(of(&sprint(None), &sprint(Some("one"))), [step]);
        let first = merge(
            &[Field::Sprint],
            Known::default(),
            &sprint(None),
            &sprint(Some("one")),
            |_| Side::Fortnight,
        );
        assert!(first.iter().all(|step| step.from == Side::GitHub));
    }
}
