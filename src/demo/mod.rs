//! A believable pair of teams, five sprints of them.
//!
//! - `people`, `infrastructure`, `ingestion`: what is told, as tables
//! - `content`: what those tables are made of
//! - `calendar`, `history`: the tables acted out, in order of time, up to now
//! - `making_up`: more tasks than anybody would write, for measuring
//! - `aims`: why each goal is one, and what was said to it
//! - `looking_back`: sprints closed, and what people wrote about them
//! - `looking_in`: what the other team waits for, follows and asks for
//! - `writing`: rows, many at once

mod aims;
mod calendar;
mod chance;
mod content;
mod further;
mod history;
mod infrastructure;
mod ingestion;
mod looking_back;
mod looking_in;
mod making_up;
mod people;
mod writing;

use sqlx::PgPool;
use time::OffsetDateTime;

use calendar::{Calendar, whole_micros};
use history::History;

/// Fills an empty workspace. Nothing in it is later than `now`, and the sprint
/// that `now` falls in is the active one. With `tasks`, Infrastructure's active sprint has that many.
pub async fn fill(db: &PgPool, now: OffsetDateTime, tasks: Option<u32>) -> anyhow::Result<()> {
    let calendar = Calendar::new(whole_micros(now));
    let mut tx = db.begin().await?;
    let known = writing::ground(&mut tx, &calendar).await?;
    let mut history = History::of(&calendar, known)?;
    if let Some(tasks) = tasks {
        making_up::up_to(&mut history, &calendar, tasks as usize);
    }
    writing::write(&mut tx, &history).await?;
    tx.commit().await?;
    aims::write(db, now).await?;
    further::write(db, now).await?;
    looking_back::write(db, now).await?;
    looking_in::write(db, now).await?;
    Ok(())
}
