//! Which column each option of the status stands for, and who is who.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::error::Result;

/// An option with its column.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct OptionColumn {
    pub(crate) option_id: String,
    pub(crate) column_id: Uuid,
    /// The column's slug and name.
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// The columns and people of both sides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    /// In the order of the options.
    columns: Vec<OptionColumn>,
    /// Handles by login in lower case.
    handles: HashMap<String, String>,
    logins: HashSet<String>,
}

impl Mapping {
    /// Loads the mapping of a connected project.
    pub(crate) async fn load(
        db: &mut PgConnection,
        id: Uuid,
        connection: Option<Uuid>,
    ) -> Result<Self> {
        let people: Vec<(String, String)> = sqlx::query_as(
            "SELECT l.login, a.handle FROM forge_logins l JOIN accounts a ON a.id = l.account_id
             WHERE l.connection_id = $1 AND a.deactivated_at IS NULL",
        )
        .bind(connection)
        .fetch_all(&mut *db)
        .await?;
        Ok(Self {
            columns: columns(db, id).await?,
            logins: people.iter().map(|(login, _)| login.clone()).collect(),
            handles: people.into_iter().collect(),
        })
    }

    /// The column of an option; `None` if tasks stay where they are.
    pub(crate) fn column(&self, option: Option<&str>) -> Option<&OptionColumn> {
        let option = option?;
        self.columns.iter().find(|of| of.option_id == option)
    }

    /// The option of a column; `None` if the status stays as it is.
    pub(crate) fn option(&self, column: Uuid) -> Option<&str> {
        let of = self.columns.iter().find(|of| of.column_id == column);
        of.map(|of| of.option_id.as_str())
    }

    /// The handle of the person with this login.
    pub(crate) fn handle(&self, login: &str) -> Option<&str> {
        self.handles.get(login).map(String::as_str)
    }

    /// The logins of people here.
    pub(crate) fn logins(&self) -> &HashSet<String> {
        &self.logins
    }
}

/// The columns of a connected project's options.
pub(crate) async fn columns(db: &mut PgConnection, id: Uuid) -> Result<Vec<OptionColumn>> {
    Ok(sqlx::query_as(
        "SELECT m.option_id, m.column_id, c.slug, c.name FROM github_project_columns m
         JOIN columns c ON c.team_id = m.team_id AND c.id = m.column_id WHERE m.github_project_id = $1 ORDER BY m.position",
    )
    .bind(id)
    .fetch_all(db)
    .await?)
}
