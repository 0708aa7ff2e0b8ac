//! Comments on goals, and concerns that stay open until the goal's team answers them.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        person::Person,
        team::Team,
    },
};

/// A comment on a goal.
#[derive(Clone, Debug)]
pub(crate) struct GoalComment {
    pub(crate) id: Uuid,
    pub(crate) goal: Uuid,
    pub(crate) concern: bool,
    pub(crate) body: String,
    /// `None` once the account was deleted.
    pub(crate) author: Option<Person>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) answer: Option<String>,
    pub(crate) answered_by: Option<String>,
}

impl GoalComment {
    /// Whether it is a concern without an answer.
    pub(crate) fn is_open(&self) -> bool {
        self.concern && self.answer.is_none()
    }
}

/// The most comments and concerns of a goal.
const MAX: i64 = 200;

/// Adds a comment to a goal, or a concern that waits for an answer. Everyone with write access may.
pub async fn add_comment(
    change: &mut Change,
    team: &Team,
    goal: Uuid,
    body: &str,
    concern: bool,
) -> Result<Uuid> {
    let title: String =
        sqlx::query_scalar("SELECT title FROM goals WHERE team_id = $1 AND id = $2 FOR KEY SHARE")
            .bind(team.id)
            .bind(goal)
            .fetch_one(change.db())
            .await?;
    let comments: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM goal_comments WHERE team_id = $1 AND goal_id = $2",
    )
    .bind(team.id)
    .bind(goal)
    .fetch_one(change.db())
    .await?;
    if comments >= MAX {
        return Err(Problem::field(
            "body",
            "A goal can have at most 200 comments.",
        ));
    }
    let (id, actor, at) = (Uuid::now_v7(), change.actor, change.at);
    sqlx::query(
        "INSERT INTO goal_comments (team_id, id, goal_id, kind, author_id, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(team.id)
    .bind(id)
    .bind(goal)
    .bind(if concern { "concern" } else { "comment" })
    .bind(actor)
    .bind(crate::domain::text::plain_lines(body.trim()))
    .bind(at)
    .execute(change.db())
    .await?;
    let kind = if concern {
        EventKind::GoalConcernRaised
    } else {
        EventKind::GoalCommented
    };
    let after = json!({ "goal": goal, "title": title, "remark": id });
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
    Ok(id)
}

/// Answers a concern, which resolves it.
///
/// # Errors
/// `Conflict` if it was already answered.
pub(crate) async fn answer_concern(
    change: &mut Change,
    team: &Team,
    remark: Uuid,
    answer: &str,
) -> Result<()> {
    let (actor, at) = (change.actor, change.at);
    let answered: Option<Uuid> = sqlx::query_scalar(
        "SELECT goal_id FROM goal_comments WHERE team_id = $1 AND id = $2 AND kind = 'concern' FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(remark)
    .fetch_optional(change.db())
    .await?;
    let goal = answered.ok_or(Problem::NotFound)?;
    let done = sqlx::query(
        "UPDATE goal_comments SET answer = $3, answered_by = $4, answered_at = $5 WHERE team_id = $1 AND id = $2 AND answer IS NULL",
    )
    .bind(team.id)
    .bind(remark)
    .bind(crate::domain::text::plain_lines(answer.trim()))
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    if done.rows_affected() == 0 {
        return Err(Problem::conflict(
            "This concern was already answered. Your answer was not saved.",
        ));
    }
    let after = json!({ "goal": goal, "remark": remark });
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::GoalConcernResolved,
        before: json!({}),
        after,
        version: None,
    });
    Ok(())
}

/// Deletes a comment or concern with its answer: the author's own, or anyone's if the author of the change
/// `may_moderate`, which is noted in the audit log.
pub(crate) async fn delete_comment(
    change: &mut Change,
    team: &Team,
    comment: Uuid,
    may_moderate: bool,
) -> Result<()> {
    let (author, handle, goal): (Option<Uuid>, Option<String>, Uuid) = sqlx::query_as(
        "SELECT r.author_id, a.handle, r.goal_id FROM goal_comments r LEFT JOIN accounts a ON a.id = r.author_id
         WHERE r.team_id = $1 AND r.id = $2 FOR NO KEY UPDATE OF r",
    )
    .bind(team.id)
    .bind(comment)
    .fetch_one(change.db())
    .await?;
    let kind = if author.is_some() && author == change.actor {
        EventKind::GoalCommentWithdrawn
    } else if may_moderate {
        let author = handle.map_or("a former member".to_owned(), |handle| format!("@{handle}"));
        let about = format!("a comment by {author} on a goal of {{team}}");
        let kind = EventKind::GoalCommentRemoved;
        audit_log::note_for_team(change, team.id, kind.as_str(), &about).await?;
        kind
    } else {
        return Err(Problem::Forbidden(
            "Only the author and leads can delete a comment. Nothing was changed.".into(),
        ));
    };
    sqlx::query("DELETE FROM goal_comments WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(comment)
        .execute(change.db())
        .await?;
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({ "goal": goal, "remark": comment }),
        after: json!({ "goal": goal }),
        version: None,
    });
    Ok(())
}

/// Returns the comments on these goals, oldest first.
pub(crate) async fn load_comments(db: &Pool, goals: &[Uuid]) -> Result<Vec<GoalComment>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        goal_id: Uuid,
        concern: bool,
        body: String,
        author_id: Option<Uuid>,
        handle: Option<String>,
        name: Option<String>,
        hue: Option<i16>,
        created_at: OffsetDateTime,
        answer: Option<String>,
        answered_by: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT r.id, r.goal_id, r.kind = 'concern' AS concern, r.body, a.id AS author_id, a.handle, a.name, a.hue, r.created_at,
                r.answer, b.name AS answered_by
         FROM goal_comments r JOIN goals g ON g.team_id = r.team_id AND g.id = r.goal_id
         LEFT JOIN accounts a ON a.id = r.author_id LEFT JOIN accounts b ON b.id = r.answered_by
         WHERE r.team_id IN (SELECT team_id FROM goals WHERE id = ANY($1)) AND r.goal_id = ANY($1) ORDER BY r.created_at, r.id",
    )
    .bind(goals)
    .fetch_all(db)
    .await?;
    let remark = |row: Row| GoalComment {
        author: match (row.author_id, row.handle, row.name, row.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        },
        id: row.id,
        goal: row.goal_id,
        concern: row.concern,
        body: row.body,
        created_at: row.created_at,
        answer: row.answer,
        answered_by: row.answered_by,
    };
    Ok(rows.into_iter().map(remark).collect())
}

/// A concern that waits for the team's answer.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct OpenConcern {
    pub(crate) goal: Uuid,
    pub(crate) title: String,
    pub(crate) sprint: i32,
    pub(crate) body: String,
    pub(crate) author: Option<String>,
    pub(crate) created_at: OffsetDateTime,
}

/// Returns the unanswered concerns on a team's goals, oldest first.
pub(crate) async fn open_concerns(db: &Pool, team: Uuid) -> Result<Vec<OpenConcern>> {
    Ok(sqlx::query_as(
        "SELECT g.id AS goal, g.title, s.number AS sprint, r.body, a.name AS author, r.created_at
         FROM goal_comments r JOIN goals g ON g.team_id = r.team_id AND g.id = r.goal_id JOIN sprints s ON s.id = g.sprint_id
         LEFT JOIN accounts a ON a.id = r.author_id
         WHERE r.team_id = $1 AND r.kind = 'concern' AND r.answer IS NULL ORDER BY r.created_at, r.id LIMIT 100",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}
