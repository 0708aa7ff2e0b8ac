//! When people work, and how much of that they share.

use time::Date;

use crate::domain::clock;

/// Someone's working hours, as their own clock shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// An IANA time zone.
    pub zone: String,
    /// Minutes of the day.
    pub from: i16,
    pub to: i16,
}

impl Hours {
    /// The day's working hours as seconds since 1970.
    fn on(&self, day: Date) -> (i64, i64) {
        let at = |minute| clock::instant(day, minute, &self.zone).unix_timestamp();
        (at(self.from), at(self.to))
    }

    /// `09:00–17:00`
    pub fn words(&self) -> String {
        format!("{}–{}", clock_words(self.from), clock_words(self.to))
    }
}

/// `09:30` for a minute of the day.
pub fn clock_words(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The minute of the day that `09:30` says; `24:00` is the day's end.
pub fn read_clock(text: &str) -> Option<i16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = i16::from(hours) * 60 + i16::from(minutes);
    (minutes < 60 && minute <= 1440).then_some(minute)
}

/// Minutes of a day's work that all of them share. Those who live far apart share
/// hours of neighbouring days, so the first one's day is held against three of the others'.
pub fn shared(all: &[&Hours], day: Date) -> i64 {
    let Some((first, others)) = all.split_first() else {
        return 0;
    };
    let mut common = vec![first.on(day)];
    for other in others {
        let days = [day.previous_day(), Some(day), day.next_day()];
        let theirs: Vec<(i64, i64)> = days
            .into_iter()
            .flatten()
            .map(|day| other.on(day))
            .collect();
        common = common
            .iter()
            .flat_map(|one| {
                theirs
                    .iter()
                    .map(|two| (one.0.max(two.0), one.1.min(two.1)))
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
    fn neighbours_share_their_day() {
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
    fn far_ones_share_little_and_summer_time_counts() {
        let (berlin, new_york) = (hours("Europe/Berlin"), hours("America/New_York"));
        assert_eq!(shared(&[&berlin, &new_york], date!(2026 - 11 - 24)), 120);
        // Between Europe's and America's change of clocks they are an hour nearer.
        assert_eq!(shared(&[&berlin, &new_york], date!(2026 - 10 - 27)), 180);
    }

    #[test]
    fn the_ends_of_the_world_share_hours_of_different_days() {
        // Kiritimati's Tuesday nine o'clock is Niue's Monday eight o'clock.
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
        assert_eq!(late.words(), "16:00–24:00");
    }
}
