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

pub mod calendar;
pub mod checkins;
pub mod content;
pub mod filler;
pub mod goals;
pub mod history;
pub mod infrastructure;
pub mod ingestion;
pub mod insert;
pub mod people;
pub mod projects;
pub mod retros;
pub mod rng;

use sqlx::PgPool;
use time::OffsetDateTime;

use crate::demo::calendar::{Calendar, whole_micros};
use crate::demo::history::History;

/// Fills an empty workspace. Nothing in it is later than `now`, and the sprint
/// that `now` falls in is the active one. With `tasks`, Infrastructure's active sprint has that many.
pub async fn fill(db: &PgPool, now: OffsetDateTime, tasks: Option<u32>) -> anyhow::Result<()> {
    let calendar = Calendar::new(whole_micros(now));
    let mut tx = db.begin().await?;
    let known = insert::ground(&mut tx, &calendar).await?;
    let mut history = History::of(&calendar, known)?;
    if let Some(tasks) = tasks {
        filler::up_to(&mut history, &calendar, tasks as usize);
    }
    insert::write(&mut tx, &history).await?;
    tx.commit().await?;
    goals::write(db, now).await?;
    projects::write(db, now).await?;
    retros::write(db, now).await?;
    checkins::write(db, now).await?;
    Ok(())
}
