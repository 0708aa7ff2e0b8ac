//! Working hours of people, and how much of them overlaps.

use time::Date;

use crate::domain::clock;

/// A person's working hours in their own time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    /// An IANA time zone.
    pub(crate) zone: String,
    /// Minutes of the day.
    pub(crate) from: i16,
    pub(crate) to: i16,
}

impl Hours {
    /// The working hours of a day in seconds since 1970.
    fn on(&self, day: Date) -> (i64, i64) {
        let at = |minute| clock::instant(day, minute, &self.zone).unix_timestamp();
        (at(self.from), at(self.to))
    }

    /// `09:00–17:00`
    pub(crate) fn text(&self) -> String {
        format!("{}–{}", format_minute(self.from), format_minute(self.to))
    }
}

/// `09:30` for a minute of the day.
pub(crate) fn format_minute(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The minute of the day for `09:30`; `24:00` is the end of the day.
pub(crate) fn parse_time_of_day(text: &str) -> Option<i16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = i16::from(hours) * 60 + i16::from(minutes);
    (minutes < 60 && minute <= 1440).then_some(minute)
}

/// Minutes of a working day that all of them share. Distant time zones overlap with neighbouring
/// days, so the first person's day is compared with three days of the others.
pub(crate) fn shared(all: &[&Hours], day: Date) -> i64 {
    let Some((first, others)) = all.split_first() else {
        return 0;
    };
    let mut common = vec![first.on(day)];
    for other in others {
        let days = [day.previous_day(), Some(day), day.next_day()];
        let other_hours: Vec<(i64, i64)> = days
            .into_iter()
            .flatten()
            .map(|day| other.on(day))
            .collect();
        common = common
            .iter()
            .flat_map(|own| {
                other_hours
                    .iter()
                    .map(|theirs| (own.0.max(theirs.0), own.1.min(theirs.1)))
            })
            .filter(|(from, to)| from < to)
            .collect();
    }
    common.iter().map(|(from, to)| (to - from) / 60).sum()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn hours(zone: &str) -> Hours {
        Hours {
            zone: zone.to_owned(),
            from: 540,
            to: 1020,
        }
    }

    #[test]
    fn close_zones_overlap() {
        assert_eq!(
            shared(&[&hours("Europe/Berlin")], date!(2026 - 11 - 24)),
            480
        );
        assert_eq!(
            shared(
                &[&hours("Europe/Berlin"), &hours("Europe/London")],
                date!(2026 - 11 - 24)
            ),
            420
        );
        assert_eq!(shared(&[], date!(2026 - 11 - 24)), 0);
    }

    #[test]
    fn distant_zones_overlap_little_and_dst_counts() {
        let (berlin, new_york) = (hours("Europe/Berlin"), hours("America/New_York"));
        assert_eq!(shared(&[&berlin, &new_york], date!(2026 - 11 - 24)), 120);
        // Between Europe's and America's clock changes they are one hour closer.
        assert_eq!(shared(&[&berlin, &new_york], date!(2026 - 10 - 27)), 180);
    }

    #[test]
    fn opposite_zones_overlap_across_days() {
        // Nine o'clock on Tuesday in Kiritimati is eight o'clock on Monday in Niue.
        let (kiritimati, niue) = (hours("Pacific/Kiritimati"), hours("Pacific/Niue"));
        assert_eq!(shared(&[&kiritimati, &niue], date!(2026 - 11 - 24)), 420);
        assert_eq!(shared(&[&niue, &kiritimati], date!(2026 - 11 - 24)), 420);
    }

    #[test]
    fn a_day_may_end_at_midnight() {
        let late = Hours {
            zone: "UTC".to_owned(),
            from: 960,
            to: 1440,
        };
        assert_eq!(shared(&[&late], date!(2026 - 12 - 31)), 480);
        assert_eq!(late.text(), "16:00–24:00");
    }
}
