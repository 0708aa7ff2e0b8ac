//! Until when a thread is snoozed.

use time::{Date, Duration, OffsetDateTime, Weekday};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::profile,
        clock,
        error::{Problem, Result},
        notifications::inbox,
        teams::roster,
    },
};

/// The farthest day that a thread can be snoozed until.
const LONGEST: Duration = Duration::days(366);

/// When a snoozed thread comes back. Days begin with the person's working hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snooze {
    Tomorrow,
    Monday,
    /// The next standup of the thread's team.
    Standup,
    Day(Date),
}

/// The moment at which a person's thread comes back.
///
/// # Errors
/// `NotFound` if the thread is not theirs; `Invalid` for a day that is not within the next year.
pub(crate) async fn ends_at(
    db: &Pool,
    account: Uuid,
    thread: Uuid,
    snooze: Snooze,
    now: OffsetDateTime,
) -> Result<OffsetDateTime> {
    let hours = profile::profile_of(db, account).await?.hours;
    let today = clock::day_in(now, &hours.zone);
    let day = match snooze {
        Snooze::Standup => {
            let team = inbox::team_of(db, account, thread).await?;
            let roster = roster::load_roster(db, team).await?;
            return Ok(roster.week.standup_after(now));
        }
        Snooze::Tomorrow => today.saturating_add(Duration::DAY),
        Snooze::Monday => today.next_occurrence(Weekday::Monday),
        Snooze::Day(day) if day <= today || day > today.saturating_add(LONGEST) => {
            return Err(Problem::field("day", "Choose a day within the next year."));
        }
        Snooze::Day(day) => day,
    };
    Ok(clock::instant(day, hours.from, &hours.zone))
}
