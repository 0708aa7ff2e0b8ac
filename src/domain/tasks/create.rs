//! Creates tasks.

use serde_json::json;
use time::Date;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    tasks::{agents, assign, labels, rank, sprint_assignment, stakeholders},
    team::Team,
    text::{is_invisible, turns_direction},
};

/// The fields of a new task; only the title is required.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewTask {
    pub(crate) title: String,
    pub(crate) description: String,
    /// The column's slug; the first column if `None`.
    pub(crate) column: Option<String>,
    pub(crate) sprint: Option<Uuid>,
    pub(crate) goal: Option<Uuid>,
    /// Handles.
    pub(crate) owners: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) estimate: Option<i32>,
    pub(crate) due: Option<Date>,
    pub(crate) needed_by: String,
}

/// Creates a task at the end of its column and returns its number.
pub(crate) async fn create_task(
    change: &mut Change,
    team: &Team,
    new: &NewTask,
) -> Result<(Uuid, i64)> {
    let title = checked_title(&new.title)?;
    let column = column_of(change, team, new.column.as_deref()).await?;
    agents::refuse_closing(change, team, column.state).await?;
    let (rank, spread) = crate::domain::tasks::placement::rank_at(
        change.db(),
        team,
        &column,
        None,
        &crate::domain::tasks::placement::Place::default(),
    )
    .await?;
    sprint_assignment::refuse_closed(change.db(), team, new.sprint).await?;
    let needed_by = stakeholders::without_hidden_names(change, team, &new.needed_by).await?;
    let id = Uuid::now_v7();
    labels::make_missing(change.db(), team.id, &labels::checked(&new.labels)?).await?;
    // The team's row is locked from here on. Concurrent creations wait, so that no number is
    // skipped.
    let number: i64 = sqlx::query_scalar(
        "UPDATE teams SET last_number = last_number + 1 WHERE id = $1 RETURNING last_number",
    )
    .bind(team.id)
    .fetch_one(change.db())
    .await?;
    let (at, actor) = (change.at, change.actor);
    let description = crate::domain::text::plain_lines(&new.description);
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, rank, title, description, sprint_id, goal_id, estimate, due_on, needed_by,
                            created_by, created_at, column_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
    )
    .bind(team.id)
    .bind(id)
    .bind(number)
    .bind(column.id)
    .bind(&rank)
    .bind(&title)
    .bind(&description)
    .bind(new.sprint)
    .bind(new.goal)
    .bind(new.estimate)
    .bind(new.due)
    .bind(needed_by)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    assign::write(change.db(), team.id, id, &new.owners).await?;
    labels::write(change.db(), team.id, id, &new.labels).await?;
    if !new.needed_by.trim().is_empty() {
        stakeholders::set_stakeholders(change, team, id, &new.needed_by).await?;
    }
    change.record(Event {
        team: team.id,
        task: Some(id),
        kind: EventKind::TaskCreated,
        before: json!({}),
        after: json!({
            "title": title, "column": column.slug, "state": column.state, "rank": rank, "sprint": new.sprint, "goal": new.goal,
            "owners": new.owners, "labels": new.labels,
        }),
        version: Some(1),
    });
    if spread || rank.len() > rank::LONGEST {
        crate::domain::tasks::placement::rebalance_ranks(change, team, column.id).await?;
    }
    Ok((id, number))
}

/// Checks a title and returns it as one line.
pub(crate) fn checked_title(title: &str) -> Result<String> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let visible = title
        .chars()
        .any(|letter| !letter.is_whitespace() && !is_invisible(letter));
    if !visible || title.chars().count() > 500 {
        return Err(Problem::field(
            "title",
            "A title must have 1 to 500 characters.",
        ));
    }
    // A direction override would show the rest of a card backwards.
    if turns_direction(&title) {
        return Err(Problem::field(
            "title",
            "The title contains a bidirectional control character. Remove it.",
        ));
    }
    Ok(title)
}

async fn column_of(change: &mut Change, team: &Team, slug: Option<&str>) -> Result<Column> {
    let column: Option<Column> = sqlx::query_as(
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 AND ($2::text IS NULL OR slug = $2)
         ORDER BY position LIMIT 1 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(slug.filter(|slug| !slug.is_empty()))
    .fetch_optional(change.db())
    .await?;
    column.ok_or_else(|| {
        Problem::field(
            "column",
            "This column is not on this board. Choose another one.",
        )
    })
}
