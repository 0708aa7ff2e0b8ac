//! A team's roster: its members with their hours, and its working days, days off and standups.

use std::collections::HashMap;

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{accounts::working_hours::Hours, clock, error::Result, person::Person},
};

/// The members of a team and its working week.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    pub(crate) week: Week,
    /// By name.
    pub(crate) members: Vec<Member>,
}

/// The working days and standup days of a team, in its own time zone.
#[derive(Clone, Debug)]
pub struct Week {
    /// An IANA time zone.
    pub(crate) zone: String,
    /// ISO weekdays: 1 is Monday.
    pub(crate) working_days: Vec<i16>,
    pub(crate) standup_days: Vec<i16>,
    /// A minute of the day.
    pub(crate) standup_at: i16,
    /// Days off in the year around today, in order.
    pub(crate) days_off: Vec<Date>,
}

/// A member of a team.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) hours: Hours,
    pub(crate) lead: bool,
    /// Their job on the team, in their own words.
    pub(crate) title: String,
    pub(crate) since: OffsetDateTime,
    /// First and last day, both included.
    pub(crate) away: Vec<(Date, Date)>,
}

impl Member {
    /// The last day of the absence that includes this day, if there is one.
    pub(crate) fn away_until(&self, day: Date) -> Option<Date> {
        self.away
            .iter()
            .filter(|(from, to)| (*from..=*to).contains(&day))
            .map(|(_, to)| *to)
            .max()
    }

    /// Counts the days on which the member is available.
    pub(crate) fn there(&self, days: &[Date]) -> usize {
        days.iter()
            .filter(|day| self.away_until(**day).is_none())
            .count()
    }
}

impl Default for Week {
    fn default() -> Self {
        Self {
            zone: "UTC".to_owned(),
            working_days: vec![1, 2, 3, 4, 5],
            standup_days: vec![1, 3, 5],
            standup_at: 600,
            days_off: Vec::new(),
        }
    }
}

impl Week {
    /// The default week for sprints that start on this day: Monday to Friday, or five days from
    /// Sunday or Saturday.
    pub(crate) fn beginning(day: Date) -> Self {
        let working_days = match weekday(day) {
            7 => vec![7, 1, 2, 3, 4],
            6 => vec![6, 7, 1, 2, 3],
            _ => vec![1, 2, 3, 4, 5],
        };
        Self {
            working_days,
            ..Self::default()
        }
    }

    /// Today in the team's time zone.
    pub(crate) fn today(&self, now: OffsetDateTime) -> Date {
        clock::day_in(now, &self.zone)
    }

    /// Whether the team works on a day.
    pub(crate) fn works_on(&self, day: Date) -> bool {
        self.working_days.contains(&weekday(day)) && self.days_off.binary_search(&day).is_err()
    }

    /// The working days between two days, both included.
    pub(crate) fn working_days(&self, from: Date, to: Date) -> Vec<Date> {
        days(from, to).filter(|day| self.works_on(*day)).collect()
    }

    /// The standup day before this one, which a standup looks back to.
    pub(crate) fn standup_before(&self, day: Date) -> Date {
        let earlier = (1..=120).filter_map(|back| day.checked_sub(Duration::days(back)));
        let mut meetings = earlier.filter(|day| self.standup_days.contains(&weekday(*day)));
        let first = meetings.next();
        // A standup on a day off did not take place.
        let happened = first
            .into_iter()
            .chain(meetings)
            .find(|day| self.works_on(*day));
        happened.or(first).unwrap_or(day)
    }

    /// The time of the next standup: on the next standup day that is a working day.
    pub(crate) fn standup_after(&self, now: OffsetDateTime) -> OffsetDateTime {
        let today = self.today(now);
        let coming = (0..=120).filter_map(|days| today.checked_add(Duration::days(days)));
        let is_standup =
            |day: &Date| self.standup_days.contains(&weekday(*day)) && self.works_on(*day);
        let tomorrow = || self.standup_on(today.saturating_add(Duration::DAY));
        coming
            .filter(is_standup)
            .map(|day| self.standup_on(day))
            .find(|at| *at > now)
            .unwrap_or_else(tomorrow)
    }

    /// The time of the standup on a day.
    pub(crate) fn standup_on(&self, day: Date) -> OffsetDateTime {
        clock::instant(day, self.standup_at, &self.zone)
    }
}

/// The ISO number of a day's weekday: 1 is Monday.
pub(crate) fn weekday(day: Date) -> i16 {
    i16::from(day.weekday().number_from_monday())
}

/// Every day between two days, both included.
pub fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |day| day.next_day()).take_while(move |day| *day <= to)
}

/// Returns the roster of one team.
pub async fn load_roster(db: &Pool, team: Uuid) -> Result<Roster> {
    Ok(load_rosters(db, &[team])
        .await?
        .remove(&team)
        .unwrap_or_default())
}

/// Returns the rosters of these teams in two queries.
pub(crate) async fn load_rosters(db: &Pool, teams: &[Uuid]) -> Result<HashMap<Uuid, Roster>> {
    #[derive(sqlx::FromRow)]
    struct WeekRow {
        id: Uuid,
        zone: String,
        working_days: Vec<i16>,
        standup_days: Vec<i16>,
        standup_at: i16,
        days_off: Vec<Date>,
    }
    let weeks: Vec<WeekRow> = sqlx::query_as(
        "SELECT t.id, coalesce(t.time_zone, w.time_zone) AS zone, t.working_days, t.standup_days, t.standup_at,
                ARRAY(SELECT d.day FROM days_off d WHERE d.team_id = t.id ORDER BY d.day) AS days_off
         FROM teams t, workspace w WHERE t.id = ANY($1)",
    )
    .bind(teams)
    .fetch_all(db)
    .await?;
    #[derive(sqlx::FromRow)]
    struct MemberRow {
        team_id: Uuid,
        #[sqlx(flatten)]
        person: Person,
        time_zone: String,
        works_from: i16,
        works_to: i16,
        lead: bool,
        title: String,
        since: OffsetDateTime,
        away_from: Vec<Date>,
        away_to: Vec<Date>,
    }
    let members: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.team_id, a.id, a.handle, a.name, a.hue, a.time_zone, a.works_from, a.works_to, m.role = 'lead' AS lead, m.title, m.since,
                ARRAY(SELECT w.from_day FROM absences w WHERE w.account_id = a.id ORDER BY w.from_day) AS away_from,
                ARRAY(SELECT w.to_day FROM absences w WHERE w.account_id = a.id ORDER BY w.from_day) AS away_to
         FROM members m JOIN accounts a ON a.id = m.account_id
         WHERE m.team_id = ANY($1) AND a.deactivated_at IS NULL ORDER BY a.name",
    )
    .bind(teams)
    .fetch_all(db)
    .await?;
    let mut rosters: HashMap<Uuid, Roster> = weeks
        .into_iter()
        .map(|row| {
            let week = Week {
                zone: row.zone,
                working_days: row.working_days,
                standup_days: row.standup_days,
                standup_at: row.standup_at,
                days_off: row.days_off,
            };
            (
                row.id,
                Roster {
                    week,
                    members: Vec::new(),
                },
            )
        })
        .collect();
    for row in members {
        if let Some(roster) = rosters.get_mut(&row.team_id) {
            roster.members.push(Member {
                person: row.person,
                hours: Hours {
                    zone: row.time_zone,
                    from: row.works_from,
                    to: row.works_to,
                },
                lead: row.lead,
                title: row.title,
                since: row.since,
                away: row.away_from.into_iter().zip(row.away_to).collect(),
            });
        }
    }
    Ok(rosters)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn standup_looks_back_to_the_previous_one() {
        let week = Week::default();
        assert_eq!(
            week.standup_before(date!(2026 - 11 - 23)),
            date!(2026 - 11 - 20),
            "Monday to Friday"
        );
        assert_eq!(
            week.standup_before(date!(2026 - 11 - 24)),
            date!(2026 - 11 - 23),
            "Tuesday to Monday"
        );
        let off = Week {
            days_off: vec![date!(2026 - 11 - 23)],
            ..Week::default()
        };
        assert_eq!(
            off.standup_before(date!(2026 - 11 - 25)),
            date!(2026 - 11 - 20),
            "over a day off"
        );
        let never = Week {
            working_days: vec![2],
            ..Week::default()
        };
        assert_eq!(
            never.standup_before(date!(2026 - 11 - 25)),
            date!(2026 - 11 - 23)
        );
    }

    #[test]
    fn week_may_start_on_sunday_with_days_off() {
        let week = Week {
            working_days: vec![7, 1, 2, 3, 4],
            days_off: vec![date!(2027 - 01 - 01)],
            ..Week::default()
        };
        let days = week.working_days(date!(2026 - 12 - 27), date!(2027 - 01 - 02));
        assert_eq!(days.first(), Some(&date!(2026 - 12 - 27)));
        assert_eq!(days.len(), 5, "Sunday to Thursday");
        assert!(
            !Week {
                days_off: vec![date!(2026 - 12 - 28)],
                ..week
            }
            .works_on(date!(2026 - 12 - 28))
        );
    }

    #[test]
    fn absences_reduce_available_days() {
        let someone = Member {
            person: Person {
                id: Uuid::nil(),
                handle: String::new(),
                name: String::new(),
                hue: 0,
            },
            hours: Hours {
                zone: "UTC".to_owned(),
                from: 540,
                to: 1020,
            },
            lead: false,
            title: String::new(),
            since: OffsetDateTime::UNIX_EPOCH,
            away: vec![
                (date!(2026 - 12 - 30), date!(2027 - 01 - 03)),
                (date!(2026 - 12 - 31), date!(2026 - 12 - 31)),
            ],
        };
        let days = Week::default().working_days(date!(2026 - 12 - 21), date!(2027 - 01 - 03));
        assert_eq!(
            (days.len(), someone.there(&days)),
            (10, 7),
            "Wednesday to Friday, over new year"
        );
        assert_eq!(
            someone.away_until(date!(2026 - 12 - 31)),
            Some(date!(2027 - 01 - 03))
        );
        assert_eq!(someone.away_until(date!(2027 - 01 - 04)), None);
    }

    #[test]
    fn standup_is_in_the_teams_time_zone() {
        let berlin = Week {
            zone: "Europe/Berlin".to_owned(),
            ..Week::default()
        };
        assert_eq!(
            berlin.standup_on(date!(2026 - 10 - 23)),
            datetime!(2026-10-23 08:00 UTC),
            "in summer"
        );
        assert_eq!(
            berlin.standup_on(date!(2026 - 10 - 26)),
            datetime!(2026-10-26 09:00 UTC),
            "in winter"
        );
        let far = Week {
            zone: "Pacific/Kiritimati".to_owned(),
            ..Week::default()
        };
        assert_eq!(
            far.today(datetime!(2026-11-23 11:00 UTC)),
            date!(2026 - 11 - 24)
        );
        let west = Week {
            zone: "Pacific/Niue".to_owned(),
            ..Week::default()
        };
        assert_eq!(
            west.today(datetime!(2026-11-24 10:00 UTC)),
            date!(2026 - 11 - 23)
        );
    }
}
