//! Lone wolves: goals that one person carries, or several who never meet.

use std::fmt;

use time::Date;

use crate::domain::{
    accounts::working_hours::{self, Hours},
    person::Person,
    teams::roster::Roster,
};

/// Whoever owns a goal together should share this much of a day.
const SHARED_MINUTES: i64 = 180;

/// A goal that one person carries, or several who never meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalRisk {
    pub why: String,
    /// People of the team who share enough hours with its owners, the most first.
    pub fits: Vec<Person>,
}

impl fmt::Display for GoalRisk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fits.iter().take(3).map(Person::first_name).collect();
        match names.as_slice() {
            [] => write!(
                to,
                "{}, and nobody else of the team works at those hours",
                self.why
            ),
            [one] => write!(to, "{} — {one} would fit", self.why),
            [first @ .., last] => write!(
                to,
                "{} — {} or {last} would fit",
                self.why,
                first.join(", ")
            ),
        }
    }
}

/// The warning that a goal with these owners carries, if it does: who has left has no hours.
pub(crate) fn lone(
    owners: &[(Person, Option<Hours>)],
    crew: &Roster,
    day: Date,
) -> Option<GoalRisk> {
    let hours: Vec<&Hours> = owners
        .iter()
        .filter_map(|(_, hours)| hours.as_ref())
        .collect();
    let why = match hours.len() {
        0 => return None,
        1 => "one owner".to_owned(),
        _ => match working_hours::shared(&hours, day) {
            enough if enough >= SHARED_MINUTES => return None,
            0 => "its owners share no working hours".to_owned(),
            minutes if minutes < 60 => "its owners share less than an hour a day".to_owned(),
            minutes => format!("its owners share {} h a day", minutes / 60),
        },
    };
    let others = crew
        .members
        .iter()
        .filter(|member| owners.iter().all(|(owner, _)| owner.id != member.person.id));
    let mut fits: Vec<(i64, Person)> = others
        .map(|member| {
            // Who joins must meet each of the owners, not all of them at once.
            let least = hours
                .iter()
                .map(|owner| working_hours::shared(&[owner, &member.hours], day))
                .min()
                .unwrap_or(0);
            (least, member.person.clone())
        })
        .filter(|(minutes, _)| *minutes >= SHARED_MINUTES)
        .collect();
    fits.sort_by_key(|(minutes, _)| -minutes);
    Some(GoalRisk {
        why,
        fits: fits.into_iter().map(|(_, person)| person).collect(),
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn lone_wolves_are_told_who_would_fit() {
        let person = |name: &str, zone: &str| {
            let handle = name.to_lowercase();
            let person = Person {
                id: Uuid::now_v7(),
                handle,
                name: name.to_owned(),
                hue: 1,
            };
            (
                person,
                Some(Hours {
                    zone: zone.to_owned(),
                    from: 540,
                    to: 1020,
                }),
            )
        };
        let (gita, ana, bo) = (
            person("Gita", "Europe/Berlin"),
            person("Ana", "Europe/Lisbon"),
            person("Bo", "America/Los_Angeles"),
        );
        let member =
            |(person, hours): &(Person, Option<Hours>)| crate::domain::teams::roster::Member {
                person: person.clone(),
                hours: hours.clone().unwrap(),
                lead: false,
                title: String::new(),
                since: OffsetDateTime::UNIX_EPOCH,
                away: Vec::new(),
            };
        let crew = Roster {
            members: [&gita, &ana, &bo].map(member).into(),
            ..Roster::default()
        };
        let day = time::macros::date!(2026 - 11 - 24);
        assert_eq!(lone(&[], &crew, day), None);
        assert_eq!(lone(&[gita.clone(), ana.clone()], &crew, day), None);
        let one = lone(std::slice::from_ref(&gita), &crew, day).map(|lone| lone.to_string());
        assert_eq!(one.as_deref(), Some("one owner — Ana would fit"));
        let gone =
            lone(&[gita.clone(), (ana.0.clone(), None)], &crew, day).map(|lone| lone.to_string());
        assert!(
            gone.is_some_and(|said| said.starts_with("one owner")),
            "who has left is no company"
        );
        let far = lone(&[gita, bo.clone()], &crew, day).map(|lone| lone.to_string());
        assert_eq!(
            far.as_deref(),
            Some(
                "its owners share no working hours, and nobody else of the team works at those hours"
            )
        );
        let alone = lone(&[bo], &crew, day).map(|lone| lone.to_string());
        assert_eq!(
            alone.as_deref(),
            Some("one owner, and nobody else of the team works at those hours")
        );
    }
}
