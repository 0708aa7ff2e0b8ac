//! Days spent blocked: on what, and on whom.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;
use uuid::Uuid;

/// Whom plain words are on.
pub const OUTSIDE: &str = "outside";

/// What was waited on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waited {
    /// The task, or the reason in words.
    pub what: String,
    /// The team or person; `OUTSIDE` for plain words, and empty where nobody said.
    pub whom: String,
}

/// A task waited on something from a day to a day, both counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spell {
    pub task: Uuid,
    pub on: Waited,
    pub from: Date,
    pub to: Date,
}

/// Days blocked on one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub on: Waited,
    pub tasks: usize,
    pub days: usize,
}

/// All days blocked, the longest first. A day counts once for each task and what it waited on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    pub rows: Vec<Row>,
    /// Days and tasks, each pair once, however many reasons there were.
    pub total: usize,
    /// The one that most days were spent on, with how many.
    pub most: Option<(String, usize)>,
}

/// Adds up what was said that tasks waited on, and the days in a blocked column for which nobody said anything.
pub fn blocked(said: &[Spell], in_column: &[(Uuid, Date, Date)]) -> Blocked {
    let mut by_reason: BTreeMap<Waited, BTreeSet<(Uuid, i32)>> = BTreeMap::new();
    let mut by_whom: BTreeMap<&str, BTreeSet<(Uuid, i32)>> = BTreeMap::new();
    let mut all: BTreeSet<(Uuid, i32)> = BTreeSet::new();
    for spell in said {
        let days = days_of(spell.task, spell.from, spell.to);
        by_reason
            .entry(spell.on.clone())
            .or_default()
            .extend(days.clone());
        by_whom
            .entry(&spell.on.whom)
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
        let nobody = Waited {
            what: "Nobody said on what".to_owned(),
            whom: String::new(),
        };
        all.extend(&unsaid);
        by_reason.insert(nobody, unsaid);
    }
    let most = by_whom
        .iter()
        .max_by_key(|(_, days)| days.len())
        .map(|(whom, days)| ((*whom).to_owned(), days.len()));
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
    rows.sort_by(|one, other| {
        other
            .days
            .cmp(&one.days)
            .then_with(|| one.on.cmp(&other.on))
    });
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
    fn a_day_counts_once_for_a_task_and_what_it_waited_on() {
        let on = |what: &str, whom: &str| Waited {
            what: what.to_owned(),
            whom: whom.to_owned(),
        };
        let spell = |task, what, whom, from, to| Spell {
            task: Uuid::from_u128(task),
            on: on(what, whom),
            from,
            to,
        };
        let (mon, tue, wed, fri) = (
            date!(2026 - 11 - 16),
            date!(2026 - 11 - 17),
            date!(2026 - 11 - 18),
            date!(2026 - 11 - 20),
        );
        let said = [
            spell(1, "ING-58 Updates", "Ingestion", mon, tue),
            spell(1, "ING-58 Updates", "Ingestion", tue, wed),
            spell(2, "ING-58 Updates", "Ingestion", mon, mon),
            spell(1, "Legal", "outside", wed, wed),
        ];
        // the first was in the column until Friday, and nobody said why after Wednesday
        let found = blocked(&said, &[(Uuid::from_u128(1), mon, fri)]);
        let rows: Vec<(&str, usize, usize)> = found
            .rows
            .iter()
            .map(|row| (row.on.what.as_str(), row.tasks, row.days))
            .collect();
        assert_eq!(
            rows,
            [
                ("ING-58 Updates", 2, 4),
                ("Nobody said on what", 1, 2),
                ("Legal", 1, 1)
            ]
        );
        assert_eq!(found.total, 6);
        assert_eq!(found.most, Some(("Ingestion".to_owned(), 4)));
        assert_eq!(blocked(&[], &[]), Blocked::default());
    }
}
