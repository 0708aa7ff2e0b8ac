//! What pull requests do to a team's tasks: the defaults, and what the team has chosen instead.

use serde_json::json;
use sqlx::PgConnection;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    team::Team,
};

/// A moment in the life of a pull request that can do something to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Moment {
    /// It is opened as a draft.
    Draft,
    /// It is ready, or a review is requested.
    Review,
    /// It is merged into the default branch, with a closing word.
    Merged,
    /// It is closed without being merged.
    Closed,
}

impl Moment {
    pub(crate) const ALL: [Self; 4] = [Self::Draft, Self::Review, Self::Merged, Self::Closed];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Review => "review",
            Self::Merged => "merged",
            Self::Closed => "closed",
        }
    }

    /// The words on pages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Draft => "Draft opened",
            Self::Review => "Ready, or review requested",
            Self::Merged => "Merged into the default branch, with “closes INF-42”",
            Self::Closed => "Closed without being merged",
        }
    }

    /// The state of the column that tasks are moved to; `None`: they get a comment.
    pub(crate) fn state(self) -> Option<ColumnState> {
        match self {
            Self::Draft => Some(ColumnState::Doing),
            Self::Review => Some(ColumnState::Review),
            Self::Merged => Some(ColumnState::Done),
            Self::Closed => None,
        }
    }
}

/// A rule as it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) moment: Moment,
    pub(crate) is_on: bool,
    /// The column that tasks are moved to; `None` if they are not moved, or there is no such column.
    pub(crate) column: Option<Column>,
    /// Whether the team has chosen the column.
    pub(crate) is_chosen: bool,
}

/// Returns a team's rules, in the order of `Moment::ALL`.
pub(crate) async fn rules(db: &mut PgConnection, team: &Team) -> Result<Vec<Rule>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        moment: Moment,
        is_on: bool,
        column_id: Option<uuid::Uuid>,
    }
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 ORDER BY position",
    )
    .bind(team.id)
    .fetch_all(&mut *db)
    .await?;
    let chosen: Vec<Row> = sqlx::query_as(
        "SELECT moment, is_on, column_id FROM pull_request_rules WHERE team_id = $1",
    )
    .bind(team.id)
    .fetch_all(db)
    .await?;
    let rule = |moment: Moment| {
        let chosen = chosen.iter().find(|row| row.moment == moment);
        let own = chosen.and_then(|row| {
            columns
                .iter()
                .find(|column| Some(column.id) == row.column_id)
        });
        let state = moment.state();
        let usual = columns.iter().find(|column| Some(column.state) == state);
        Rule {
            moment,
            is_on: chosen.is_none_or(|row| row.is_on),
            column: own.or(usual).filter(|_| state.is_some()).cloned(),
            is_chosen: own.is_some(),
        }
    };
    Ok(Moment::ALL.into_iter().map(rule).collect())
}

/// A rule as a form sends it.
#[derive(Clone, Debug)]
pub(crate) struct RuleEdit {
    pub(crate) moment: Moment,
    pub(crate) is_on: bool,
    /// The slug of a column; empty for the usual one.
    pub(crate) column: String,
}

/// Sets a team's rules.
///
/// # Errors
/// `Invalid` for a column that is not on the board.
pub(crate) async fn set(change: &mut Change, team: &Team, edits: &[RuleEdit]) -> Result<()> {
    for edit in edits {
        let column = match edit.column.as_str() {
            "" => None,
            slug => {
                let column: Option<uuid::Uuid> = sqlx::query_scalar(
                    "SELECT id FROM columns WHERE team_id = $1 AND slug = $2 FOR KEY SHARE",
                )
                .bind(team.id)
                .bind(slug)
                .fetch_optional(change.db())
                .await?;
                let missing = "This column is not on this board. Choose another one.";
                Some(column.ok_or_else(|| Problem::field("column", missing))?)
            }
        };
        sqlx::query(
            "INSERT INTO pull_request_rules (team_id, moment, is_on, column_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (team_id, moment) DO UPDATE SET is_on = $3, column_id = $4",
        )
        .bind(team.id)
        .bind(edit.moment)
        .bind(edit.is_on)
        .bind(column.filter(|_| edit.moment.state().is_some()))
        .execute(change.db())
        .await?;
    }
    let on = |edit: &&RuleEdit| edit.is_on;
    let names: Vec<&str> = edits
        .iter()
        .filter(on)
        .map(|edit| edit.moment.as_str())
        .collect();
    let kind = EventKind::TeamPullRequestsChanged;
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after: json!({ "on": names }),
        version: None,
    });
    audit_log::note_for_team(change, team.id, kind.as_str(), "of {team}").await
}
