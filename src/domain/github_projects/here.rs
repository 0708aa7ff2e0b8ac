//! Fortnight's side: a task's values, and writing to it what GitHub has.

use std::collections::HashMap;

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::Change,
    github_projects::{
        mapping::Mapping,
        merge::{Side, Step},
        remote_items::{Item, read_date},
        values::{Field, Values, sort_labels},
    },
    tasks::{
        self, archive, edit, move_task::move_task, placement::Place, sprint_assignment,
        task_edit::Edit,
    },
    team::Team,
};

/// A task with what is kept in sync.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct TaskHere {
    pub(crate) id: Uuid,
    title: String,
    column_id: Uuid,
    estimate: Option<i32>,
    due_on: Option<Date>,
    is_archived: bool,
    /// Of owners who have proved theirs.
    logins: Vec<String>,
    /// The handles of the other owners.
    others: Vec<String>,
    labels: Vec<String>,
}

impl TaskHere {
    /// Reads a task, and locks it with its column.
    pub(crate) async fn lock(
        change: &mut Change,
        team: &Team,
        task: Uuid,
        connection: Option<Uuid>,
    ) -> Result<Self> {
        // All columns: it may be moved to any. Everything locks them before tasks, in this order.
        sqlx::query("SELECT FROM columns WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE")
            .bind(team.id)
            .execute(change.db())
            .await?;
        tasks::lock(change.db(), team.id, task).await?;
        Ok(sqlx::query_as(
            "SELECT k.id, k.title, k.column_id, k.estimate, k.due_on,
                 k.archived_at IS NOT NULL AS is_archived,
                 ARRAY(SELECT l.login FROM task_owners o JOIN forge_logins l ON l.account_id = o.account_id AND l.connection_id = $3
                       JOIN accounts a ON a.id = o.account_id AND a.deactivated_at IS NULL
                       WHERE o.team_id = $1 AND o.task_id = $2) AS logins,
                 ARRAY(SELECT a.handle FROM task_owners o JOIN accounts a ON a.id = o.account_id
                       LEFT JOIN forge_logins l ON l.account_id = o.account_id AND l.connection_id = $3 AND a.deactivated_at IS NULL
                       WHERE o.team_id = $1 AND o.task_id = $2 AND l.login IS NULL ORDER BY o.position) AS others,
                 ARRAY(SELECT l.name FROM task_labels t JOIN labels l ON l.team_id = t.team_id AND l.id = t.label_id
                       WHERE t.team_id = $1 AND t.task_id = $2) AS labels
             FROM tasks k WHERE k.team_id = $1 AND k.id = $2",
        )
        .bind(team.id)
        .bind(task)
        .bind(connection)
        .fetch_one(change.db())
        .await?)
    }

    /// Its values, beside those that both sides had when they were equal last.
    pub(crate) fn values(&self, common: Option<&Values>, mapping: &Mapping) -> Values {
        let before = common.and_then(|common| common.status.as_deref());
        let is_fresh = common.is_some_and(|common| common.fresh.contains(&Field::Status));
        let has_stayed = common.is_some_and(|common| common.column == Some(self.column_id));
        let status = match mapping.option(self.column_id) {
            option if is_fresh => option,
            // Several options may have the same column.
            Some(option) if !has_stayed => Some(option),
            _ => before,
        };
        let mut assignees = self.logins.clone();
        assignees.sort();
        let mut labels = self.labels.clone();
        sort_labels(&mut labels);
        let points = self.estimate.map(f64::from);
        // GitHub's estimate may have a fraction.
        let same = common
            .and_then(|common| common.estimate)
            .filter(|common| Some(common.round()) == points);
        Values {
            title: self.title.clone(),
            status: status.map(str::to_owned),
            sprint: common.and_then(|common| common.sprint.clone()),
            estimate: same.or(points),
            due: self.due_on.map(|day| day.to_string()),
            assignees,
            labels,
            is_archived: self.is_archived,
            column: Some(self.column_id),
            fresh: Vec::new(),
        }
    }

    /// When a field of the task was changed last.
    pub(crate) async fn changed_at(
        &self,
        change: &mut Change,
        team: &Team,
    ) -> Result<HashMap<Field, OffsetDateTime>> {
        let rows: Vec<(String, OffsetDateTime)> = sqlx::query_as(
            "SELECT f.field, max(e.at) FROM events e CROSS JOIN LATERAL (VALUES
                 ('title', e.kind = 'task.edited' AND e.after ? 'title'),
                 ('estimate', e.kind = 'task.edited' AND e.after ? 'estimate'),
                 ('due', e.kind = 'task.edited' AND e.after ? 'due'),
                 ('status', e.kind = 'task.moved' AND e.before->>'column' IS DISTINCT FROM e.after->>'column'),
                 ('owners', e.kind = 'task.assigned'),
                 ('labels', e.kind = 'task.labelled'),
                 ('archived', e.kind IN ('task.archived', 'task.restored'))) AS f (field, is_changed)
             WHERE e.team_id = $1 AND e.task_id = $2 AND f.is_changed GROUP BY f.field",
        )
        .bind(team.id)
        .bind(self.id)
        .fetch_all(change.db())
        .await?;
        let field = |name: &str| match name {
            "title" => Field::Title,
            "estimate" => Field::Estimate,
            "due" => Field::Due,
            "status" => Field::Status,
            "owners" => Field::Assignees,
            "labels" => Field::Labels,
            _ => Field::Archived,
        };
        Ok(rows.iter().map(|(name, at)| (field(name), *at)).collect())
    }

    /// Writes what GitHub has to the task. Returns the fields that were taken over.
    pub(crate) async fn apply(
        &self,
        change: &mut Change,
        team: &Team,
        item: &Item,
        steps: &[Step],
        mapping: &Mapping,
    ) -> Result<Vec<Field>> {
        let github = &item.values;
        let takes = |field: Field| {
            let is = |step: &&Step| step.field == field && step.from == Side::GitHub;
            steps.iter().any(|step| is(&step))
        };
        let mut taken: Vec<Field> = Field::ALL
            .into_iter()
            .filter(|field| takes(*field))
            .collect();
        let is_restored = takes(Field::Archived) && !github.is_archived;
        if is_restored {
            archive::restore_task(change, team, self.id, None).await?;
        }
        let mut edit = Edit {
            title: takes(Field::Title).then(|| github.title.clone()),
            estimate: takes(Field::Estimate).then(|| github.estimate.map(whole_points)),
            due: takes(Field::Due).then(|| github.due.as_deref().and_then(read_date)),
            labels: takes(Field::Labels).then(|| github.labels.clone()),
            ..Edit::default()
        };
        if takes(Field::Assignees) {
            edit.owners = Some(self.owners(github, mapping));
        }
        if takes(Field::Sprint) {
            match sprint(change, team, item).await? {
                FoundSprint::Open(sprint) => edit.sprint = Some(sprint),
                FoundSprint::Closed => {}
                // Once there is one, it is found by the next comparison.
                FoundSprint::Missing => taken.retain(|field| *field != Field::Sprint),
            }
        }
        edit::edit_task(change, team, self.id, &edit).await?;
        let is_archived = self.is_archived && !is_restored;
        if is_archived {
            // Only what is on the board can be moved.
            taken.retain(|field| *field != Field::Status);
        }
        let column = mapping.column(github.status.as_deref());
        if let Some(column) = column.filter(|column| {
            takes(Field::Status) && !is_archived && column.column_id != self.column_id
        }) {
            let place = Place {
                column: column.slug.clone(),
                ..Place::default()
            };
            move_task(change, team, self.id, &place).await?;
        }
        if takes(Field::Archived) && github.is_archived {
            archive::archive_task(change, team, self.id).await?;
        }
        Ok(taken)
    }

    /// The owners: those whom only Fortnight knows stay.
    fn owners(&self, github: &Values, mapping: &Mapping) -> Vec<String> {
        let known = github.assignees.iter();
        let known = known.filter_map(|login| mapping.handle(login));
        let mut owners: Vec<String> = self.others.clone();
        owners.extend(known.map(str::to_owned));
        owners
    }
}

/// An estimate as it is here, where there are no fractions.
pub(crate) fn whole_points(points: f64) -> i32 {
    // Between 0 and 1,000: others are not taken over.
    points.round().clamp(0.0, 1000.0) as i32
}

/// The sprint of an iteration.
pub(crate) enum FoundSprint {
    /// The one with most days of the iteration; `None`: the item has no iteration.
    Open(Option<Uuid>),
    /// The team has closed it: its numbers stay.
    Closed,
    Missing,
}

/// Finds the sprint of an item's iteration by its days.
pub(crate) async fn sprint(change: &mut Change, team: &Team, item: &Item) -> Result<FoundSprint> {
    let Some((first, last)) = item.iteration else {
        return Ok(match item.values.sprint {
            None => FoundSprint::Open(None),
            Some(_) => FoundSprint::Missing,
        });
    };
    let sprint: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM sprints WHERE starts_on <= $2 AND ends_on >= $1
         ORDER BY least(ends_on, $2) - greatest(starts_on, $1) DESC, starts_on LIMIT 1",
    )
    .bind(first)
    .bind(last)
    .fetch_optional(change.db())
    .await?;
    let Some(sprint) = sprint else {
        return Ok(FoundSprint::Missing);
    };
    Ok(
        match sprint_assignment::closed(change.db(), team.id, sprint).await? {
            Some(_) => FoundSprint::Closed,
            None => FoundSprint::Open(Some(sprint)),
        },
    )
}

/// Why a task could not be changed, in words; other problems are passed on.
pub(crate) fn refusal(problem: Problem) -> Result<String> {
    match problem {
        Problem::Invalid(errors) => Ok(errors.into_values().collect::<Vec<_>>().join(" ")),
        Problem::Conflict(conflict) => Ok(conflict.detail),
        problem => Err(problem),
    }
}
