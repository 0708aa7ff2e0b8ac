//! Reads a board's context: columns, people, labels and saved filters.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::{Column, labels::Label},
        error::Result,
        person::Person,
    },
};

/// Returns a team's columns from left to right.
pub(crate) async fn columns(db: &Pool, team: Uuid) -> Result<Vec<Column>> {
    Ok(sqlx::query_as(
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 ORDER BY position",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Returns the number of tasks in each column that has a limit, by slug, regardless of filters.
pub(crate) async fn totals(db: &Pool, team: Uuid) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as(
        "SELECT c.slug, (SELECT count(*) FROM tasks k WHERE k.column_id = c.id AND k.rank IS NOT NULL)
         FROM columns c WHERE c.team_id = $1 AND c.wip_limit IS NOT NULL",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Returns the number of a team's tasks on the board that are in other sprints than this one.
pub(crate) async fn tasks_in_other_sprints(db: &Pool, team: Uuid, sprint: Uuid) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM tasks WHERE team_id = $1 AND archived_at IS NULL AND sprint_id <> $2",
    )
    .bind(team)
    .bind(sprint)
    .fetch_one(db)
    .await?)
}

/// Returns a team's members by name.
pub(crate) async fn members(db: &Pool, team: Uuid) -> Result<Vec<Person>> {
    Ok(sqlx::query_as(
        "SELECT a.id, a.handle, a.name, a.hue FROM members m JOIN accounts a ON a.id = m.account_id
         WHERE m.team_id = $1 AND a.deactivated_at IS NULL ORDER BY a.name",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Returns every account that can own tasks.
pub(crate) async fn people(db: &Pool) -> Result<Vec<Person>> {
    Ok(sqlx::query_as(
        "SELECT id, handle, name, hue FROM accounts WHERE deactivated_at IS NULL ORDER BY name",
    )
    .fetch_all(db)
    .await?)
}

/// Returns a team's labels by name.
pub(crate) async fn labels(db: &Pool, team: Uuid) -> Result<Vec<Label>> {
    Ok(
        sqlx::query_as("SELECT name, hue FROM labels WHERE team_id = $1 ORDER BY fold(name)")
            .bind(team)
            .fetch_all(db)
            .await?,
    )
}

/// A saved filter of the whole team or of one person.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SavedFilter {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The query string, starting with `?`.
    pub(crate) query: String,
    pub(crate) mine: bool,
}

impl SavedFilter {
    /// Its terms in the filter language, if it has any.
    pub(crate) fn text(&self) -> Option<String> {
        let query = self.query.trim_start_matches('?').as_bytes();
        let terms = form_urlencoded::parse(query)
            .find(|(name, _)| name == "q")
            .map(|(_, terms)| terms.into_owned());
        terms.filter(|terms| !terms.is_empty())
    }
}

/// Returns the saved filters that a person sees on a team's board.
pub(crate) async fn saved_filters(
    db: &Pool,
    team: Uuid,
    account: Uuid,
) -> Result<Vec<SavedFilter>> {
    Ok(sqlx::query_as(
        "SELECT id, name, query, account_id IS NOT NULL AS mine FROM saved_filters
         WHERE team_id = $1 AND (account_id IS NULL OR account_id = $2) ORDER BY mine DESC, fold(name)",
    )
    .bind(team)
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// Returns the number of tasks on the board and of archived tasks in a column.
pub(crate) async fn tasks_in_column(db: &Pool, team: Uuid, column: Uuid) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE rank IS NOT NULL), count(*) FILTER (WHERE rank IS NULL)
         FROM tasks WHERE team_id = $1 AND column_id = $2",
    )
    .bind(team)
    .bind(column)
    .fetch_one(db)
    .await?)
}

/// Returns the tasks of a team that wait on something, or that a task waits on.
pub(crate) async fn waiting_tasks(db: &Pool, team: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT task_id FROM blockers WHERE team_id = $1 AND ended_at IS NULL
         UNION SELECT on_task_id FROM blockers WHERE on_task_team = $1 AND ended_at IS NULL",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}
