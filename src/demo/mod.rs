//! Demo data: two teams with five sprints of history.
//!
//! - `people`, `infrastructure`, `ingestion`: the content, as tables
//! - `content`: the format of these tables
//! - `calendar`, `history`: turn the tables into events in chronological order, up to now
//! - `filler`: generated tasks for benchmarks
//! - `goals`: reasons, progress and comments of goals
//! - `retros`: closed sprints and their retros
//! - `checkins`: requests, follows and visits between the teams
//! - `workspace`, `insert`: insert the rows in bulk

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
pub mod workspace;

use time::OffsetDateTime;

use crate::{
    db::pool::Pool,
    demo::{
        calendar::{Calendar, whole_micros},
        history::History,
    },
};

/// Fills an empty workspace. Nothing in it is later than `now`, and the sprint
/// that `now` falls in is the active one. With `tasks`, Infrastructure's active sprint has that many.
pub async fn fill(db: &Pool, now: OffsetDateTime, tasks: Option<u32>) -> anyhow::Result<()> {
    let calendar = Calendar::new(whole_micros(now));
    let mut tx = db.begin().await?;
    let known = workspace::insert(&mut tx, &calendar).await?;
    let mut history = History::of(&calendar, known)?;
    if let Some(tasks) = tasks {
        filler::fill_sprint(&mut history, &calendar, tasks as usize);
    }
    insert::write(&mut tx, &history).await?;
    tx.commit().await?;
    goals::write(db, now).await?;
    projects::write(db, now).await?;
    retros::write(db, now).await?;
    checkins::write(db, now).await?;
    Ok(())
}
