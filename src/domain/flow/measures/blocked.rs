//! Days blocked, by cause.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;
use uuid::Uuid;

/// The team or person for reasons in free text.
pub const OUTSIDE: &str = "outside";

/// A cause of blocked time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waited {
    /// The blocking task, or the reason as text.
    pub(crate) what: String,
    /// The team or person; `OUTSIDE` for free text, and empty if no reason was given.
    pub(crate) party: String,
}

/// A period in which a task was waiting on something, both days included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedPeriod {
    pub(crate) task: Uuid,
    pub(crate) on: Waited,
    pub(crate) from: Date,
    pub(crate) to: Date,
}

/// Days blocked by one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub(crate) on: Waited,
    pub(crate) tasks: usize,
    pub(crate) days: usize,
}

/// All days blocked, by cause, longest first. A day counts once for each task and cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    pub(crate) rows: Vec<Row>,
    /// Number of different pairs of day and task, however many reasons there were.
    pub(crate) total: usize,
    /// The cause with the most days, and their number.
    pub(crate) most: Option<(String, usize)>,
}

/// Adds up the periods with a given reason, and the days in a blocked column without one.
pub fn blocked(reasons: &[BlockedPeriod], in_column: &[(Uuid, Date, Date)]) -> Blocked {
    let mut by_reason: BTreeMap<Waited, BTreeSet<(Uuid, i32)>> = BTreeMap::new();
    let mut by_party: BTreeMap<&str, BTreeSet<(Uuid, i32)>> = BTreeMap::new();
    let mut all: BTreeSet<(Uuid, i32)> = BTreeSet::new();
    for spell in reasons {
        let days = days_of(spell.task, spell.from, spell.to);
        by_reason
            .entry(spell.on.clone())
            .or_default()
            .extend(days.clone());
        by_party
            .entry(&spell.on.party)
            .or_default()
            .extend(days.clone());
        all.extend(days);
    }
    let unsaid: BTreeSet<(Uuid, i32)> = in_column
        .iter()
        .flat_map(|(task, from, to)| days_of(*task, *from, *to))
        .filter(|day| !all.contains(day))
        .collect();
    if !unsaid.is_empty() {
        let no_reason = Waited {
            what: "No reason given".to_owned(),
            party: String::new(),
        };
        all.extend(&unsaid);
        by_reason.insert(no_reason, unsaid);
    }
    let most = by_party
        .iter()
        .max_by_key(|(_, days)| days.len())
        .map(|(party, days)| ((*party).to_owned(), days.len()));
    let mut rows: Vec<Row> = by_reason
        .into_iter()
        .map(|(on, days)| {
            let tasks: BTreeSet<Uuid> = days.iter().map(|(task, _)| *task).collect();
            Row {
                on,
                tasks: tasks.len(),
                days: days.len(),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.days.cmp(&a.days).then_with(|| a.on.cmp(&b.on)));
    Blocked {
        rows,
        total: all.len(),
        most,
    }
}

fn days_of(task: Uuid, from: Date, to: Date) -> impl Iterator<Item = (Uuid, i32)> + Clone {
    (from.to_julian_day()..=to.to_julian_day()).map(move |day| (task, day))
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn day_counts_once_per_task_and_cause() {
        let on = |what: &str, party: &str| Waited {
            what: what.to_owned(),
            party: party.to_owned(),
        };
        let spell = |task, what, party, from, to| BlockedPeriod {
            task: Uuid::from_u128(task),
            on: on(what, party),
            from,
            to,
        };
        let (mon, tue, wed, fri) = (
            date!(2026 - 11 - 16),
            date!(2026 - 11 - 17),
            date!(2026 - 11 - 18),
            date!(2026 - 11 - 20),
        );
        let reasons = [
            spell(1, "ING-58 Updates", "Ingestion", mon, tue),
            spell(1, "ING-58 Updates", "Ingestion", tue, wed),
            spell(2, "ING-58 Updates", "Ingestion", mon, mon),
            spell(1, "Legal", "outside", wed, wed),
        ];
        // The first task was in the column until Friday, with a reason only until Wednesday.
        let summary = blocked(&reasons, &[(Uuid::from_u128(1), mon, fri)]);
        let rows: Vec<(&str, usize, usize)> = summary
            .rows
            .iter()
            .map(|row| (row.on.what.as_str(), row.tasks, row.days))
            .collect();
        assert_eq!(
            rows,
            [
                ("ING-58 Updates", 2, 4),
                ("No reason given", 1, 2),
                ("Legal", 1, 1)
            ]
        );
        assert_eq!(summary.total, 6);
        assert_eq!(summary.most, Some(("Ingestion".to_owned(), 4)));
        assert_eq!(blocked(&[], &[]), Blocked::default());
    }
}
