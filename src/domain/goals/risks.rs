//! Goal risks: goals with only one owner, or with owners whose working hours hardly overlap.

use std::fmt;

use time::Date;

use crate::domain::{
    accounts::working_hours::{self, Hours},
    person::Person,
    teams::roster::Roster,
};

/// The owners of a goal should share at least this much of a day.
const SHARED_MINUTES: i64 = 180;

/// A goal with only one owner, or with owners whose working hours hardly overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GoalRisk {
    pub(crate) reason: String,
    /// Other members of the team who share enough hours with the owners, best match first.
    pub(crate) suggested: Vec<Person>,
}

impl fmt::Display for GoalRisk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .suggested
            .iter()
            .take(3)
            .map(Person::first_name)
            .collect();
        match names.as_slice() {
            [] => write!(
                to,
                "{}. No one else on the team works at those hours",
                self.reason
            ),
            [name] => write!(to, "{}. Available to help: {name}", self.reason),
            [first @ .., last] => {
                write!(
                    to,
                    "{}. Available to help: {}, {last}",
                    self.reason,
                    first.join(", ")
                )
            }
        }
    }
}

/// The risk of a goal with these owners, if there is one. Deactivated accounts have no hours and do
/// not count.
pub(crate) fn goal_risk(
    owners: &[(Person, Option<Hours>)],
    roster: &Roster,
    day: Date,
) -> Option<GoalRisk> {
    let hours: Vec<&Hours> = owners
        .iter()
        .filter_map(|(_, hours)| hours.as_ref())
        .collect();
    let reason = match hours.len() {
        0 => return None,
        1 => "Only one owner".to_owned(),
        _ => match working_hours::shared(&hours, day) {
            enough if enough >= SHARED_MINUTES => return None,
            0 => "Owners share no working hours".to_owned(),
            minutes if minutes < 60 => "Owners overlap less than 1 h a day".to_owned(),
            minutes => format!("Owners overlap only {} h a day", minutes / 60),
        },
    };
    let others = roster
        .members
        .iter()
        .filter(|member| owners.iter().all(|(owner, _)| owner.id != member.person.id));
    let mut suggested: Vec<(i64, Person)> = others
        .map(|member| {
            // A new owner must overlap with each of the owners, not with all of them at once.
            let least = hours
                .iter()
                .map(|owner| working_hours::shared(&[owner, &member.hours], day))
                .min()
                .unwrap_or(0);
            (least, member.person.clone())
        })
        .filter(|(minutes, _)| *minutes >= SHARED_MINUTES)
        .collect();
    suggested.sort_by_key(|(minutes, _)| -minutes);
    Some(GoalRisk {
        reason,
        suggested: suggested.into_iter().map(|(_, person)| person).collect(),
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn goal_risk_suggests_owners_with_shared_hours() {
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
        let roster = Roster {
            members: [&gita, &ana, &bo].map(member).into(),
            ..Roster::default()
        };
        let day = time::macros::date!(2026 - 11 - 24);
        assert_eq!(goal_risk(&[], &roster, day), None);
        assert_eq!(goal_risk(&[gita.clone(), ana.clone()], &roster, day), None);
        let single_owner =
            goal_risk(std::slice::from_ref(&gita), &roster, day).map(|risk| risk.to_string());
        assert_eq!(
            single_owner.as_deref(),
            Some("Only one owner. Available to help: Ana")
        );
        let gone = goal_risk(&[gita.clone(), (ana.0.clone(), None)], &roster, day)
            .map(|risk| risk.to_string());
        assert!(
            gone.is_some_and(|text| text.starts_with("Only one owner")),
            "a deactivated owner does not count"
        );
        let far = goal_risk(&[gita, bo.clone()], &roster, day).map(|risk| risk.to_string());
        assert_eq!(
            far.as_deref(),
            Some("Owners share no working hours. No one else on the team works at those hours")
        );
        let alone = goal_risk(&[bo], &roster, day).map(|risk| risk.to_string());
        assert_eq!(
            alone.as_deref(),
            Some("Only one owner. No one else on the team works at those hours")
        );
    }
}
