//! Sprints come by themselves: the current one, and always the next.

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::Sprint;
use crate::{
    accounts::{adding::touch_workspace, sessions},
    app::App,
    clock,
    web::error::Result,
};

/// Makes the sprints that are missing, as the workspace's cadence says, and turns to the one that today is in.
/// Safe to call at any time, by any number of programs.
pub async fn keep_up(db: &mut PgConnection, now: OffsetDateTime) -> Result<()> {
    let (weeks, zone): (i32, String) =
        sqlx::query_as("SELECT cadence_weeks, time_zone FROM workspace FOR UPDATE").fetch_one(&mut *db).await?;
    let today = clock::day_in(now, &zone);
    let mut sprints: Vec<Sprint> =
        sqlx::query_as("SELECT id, number, name, starts_on, ends_on, state FROM sprints ORDER BY starts_on")
            .fetch_all(&mut *db)
            .await?;
    if sprints.is_empty() {
        let monday = today.saturating_sub(Duration::days(i64::from(today.weekday().number_days_from_monday())));
        sprints.push(add_sprint(db, 1, monday, weeks).await?);
    }
    // One sprint past today is always there to plan in; 500 bounds a clock that is years off.
    for _ in 0..500 {
        let Some(last) = sprints.last().filter(|last| last.starts_on <= today) else { break };
        let (number, start) = (last.number + 1, last.next_start());
        sprints.push(add_sprint(db, number, start, weeks).await?);
    }
    let current = sprints.iter().find(|sprint| (sprint.starts_on..=sprint.ends_on).contains(&today));
    if let Some(current) = current.filter(|current| current.state == "planned") {
        sqlx::query(
            "UPDATE sprints SET state = 'closed' WHERE state = 'active' OR (state = 'planned' AND ends_on < $1)",
        )
        .bind(current.starts_on)
        .execute(&mut *db)
        .await?;
        sqlx::query("UPDATE sprints SET state = 'active' WHERE id = $1").bind(current.id).execute(&mut *db).await?;
        touch_workspace(db).await?;
    }
    Ok(())
}

/// Keeps the sprints up now, and from now on; an empty workspace waits until it is set up.
pub async fn begin(app: &App) -> anyhow::Result<()> {
    keep_up_once(app).await?;
    let app = app.clone();
    tokio::spawn(async move {
        let mut again = tokio::time::interval(std::time::Duration::from_secs(600));
        loop {
            again.tick().await;
            if let Err(problem) = keep_up_once(&app).await {
                tracing::warn!("the sprints could not be kept up: {problem}");
            }
            if let Err(problem) = sessions::forget_expired(&app.db, app.clock.now()).await {
                tracing::warn!("what has run out could not be cleared: {problem}");
            }
        }
    });
    Ok(())
}

async fn keep_up_once(app: &App) -> Result<()> {
    let mut tx = app.db.begin().await?;
    if sqlx::query_scalar("SELECT EXISTS (SELECT FROM teams)").fetch_one(&mut *tx).await? {
        keep_up(&mut tx, app.clock.now()).await?;
    }
    Ok(tx.commit().await?)
}

/// Adds one sprint from a day on.
pub async fn add_sprint(db: &mut PgConnection, number: i32, starts_on: Date, weeks: i32) -> Result<Sprint> {
    let ends_on = starts_on.saturating_add(Duration::weeks(i64::from(weeks)) - Duration::days(1));
    let sprint = Sprint {
        id: Uuid::now_v7(),
        number,
        name: format!("Sprint {number}"),
        starts_on,
        ends_on,
        state: "planned".to_owned(),
    };
    sqlx::query("INSERT INTO sprints (id, number, name, starts_on, ends_on, state) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(sprint.id)
        .bind(sprint.number)
        .bind(&sprint.name)
        .bind(sprint.starts_on)
        .bind(sprint.ends_on)
        .bind(&sprint.state)
        .execute(db)
        .await?;
    Ok(sprint)
}
