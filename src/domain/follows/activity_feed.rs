//! The activity feed: changes by others to what a person follows, since they last read it.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::{EventKind, not_imported},
        goals, humanize,
        tasks::event_text::{Names, impersonal_text},
        team::Team,
    },
};

/// Maximum number of unread entries.
const SHOWN: usize = 100;

/// Number of entries shown at first; the rest is collapsed, so that the reader's own work stays in
/// sight.
const UNFOLDED: usize = 12;

/// Events that are not shown in the feed.
const HIDDEN_KINDS: &[EventKind] = &[
    EventKind::CommentEdited,
    EventKind::GoalReordered,
    EventKind::MilestoneReordered,
    EventKind::ProjectCreated,
    EventKind::TaskColumnDeleted,
    EventKind::TopicEditedByAuthor,
    EventKind::TopicDone,
    EventKind::TopicEdited,
    EventKind::TopicRemoved,
    EventKind::TopicReopened,
    EventKind::TopicWithdrawn,
    EventKind::BlockerRenamed,
    EventKind::BlockerDependentsChanged,
];

/// Unread entries of the feed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActivityFeed {
    /// Newest first. If there are more than a hundred, the oldest hundred: entries that were not
    /// shown are not marked as read.
    pub(crate) lines: Vec<FeedEntry>,
    /// The number of further, newer entries.
    pub(crate) newer: usize,
    /// Each team with the event up to which the lines are complete.
    pub(crate) read_to: Vec<(Uuid, i64)>,
}

/// An entry of the feed: who changed what.
#[derive(Clone, Debug)]
pub(crate) struct FeedEntry {
    /// Title and URL of what changed.
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) key: String,
    /// `Elif moved it to Done`.
    pub(crate) what: String,
    pub(crate) at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct Row {
    team_id: Uuid,
    slug: String,
    team: String,
    seq: i64,
    kind: EventKind,
    before: Value,
    after: Value,
    at: OffsetDateTime,
    actor: Option<String>,
    key: Option<String>,
    title: Option<String>,
    goal: Option<Uuid>,
    goal_title: Option<String>,
    project: Option<String>,
    project_name: Option<String>,
    /// The total number.
    many: i64,
}

/// Returns unread changes by others to what a person follows, in teams that they can see; one line
/// per event.
pub(crate) async fn news(db: &Pool, account: Uuid, teams: &[Team]) -> Result<ActivityFeed> {
    let visible_teams: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let rows: Vec<Row> = sqlx::query_as(
        // Changes of followed tasks are found by task; moves by time, in the indexes `event_transition`
        // and `event_stay`; changes of goals and projects in `event_of_goals_and_projects`. All
        // start after the last event that this reader has read.
        concat!("WITH mine AS MATERIALIZED (SELECT team_id, task_id, goal_id, project_id, since FROM follows WHERE account_id = $1 AND team_id = ANY($2)),
         -- A team created later than all follows has no row in `feed_cursors`, and may have tasks of a followed project.
         -- Timestamps may be slightly out of sequence order.
         read AS MATERIALIZED (
             SELECT t.id AS team_id, coalesce(s.seq, 0) AS seq, greatest(e.at - interval '1 hour', (SELECT min(since) FROM mine)) AS at
             FROM teams t LEFT JOIN feed_cursors s ON s.team_id = t.id AND s.account_id = $1
             LEFT JOIN events e ON e.team_id = s.team_id AND e.seq = s.seq WHERE t.id = ANY($2)),
         -- Imported transitions are not news.
         moved AS MATERIALIZED (
             SELECT e.* FROM read r CROSS JOIN LATERAL (
                 SELECT team_id, seq, task_id, at, transition FROM events WHERE team_id = r.team_id AND transition IS NOT NULL AND transition NOT LIKE 'imported%' AND at >= r.at AND at <= 'infinity' AND seq > r.seq
                        AND ", not_imported!("events", "r.team_id"), "
                 UNION ALL
                 SELECT team_id, seq, task_id, at, transition FROM events WHERE team_id = r.team_id AND kind = 'task.moved' AND transition IS NULL
                        AND before ? 'column_since' AND before->>'state' = after->>'state' AND at >= r.at AND at <= 'infinity' AND seq > r.seq) e),
         tasks_of_followed AS (
             SELECT k.team_id, k.id AS task_id, f.since FROM mine f JOIN tasks k ON k.team_id = f.team_id AND k.goal_id = f.goal_id
             UNION ALL SELECT k.team_id, k.id, f.since FROM mine f JOIN tasks k ON k.project_team_id = f.team_id AND k.project_id = f.project_id
             UNION ALL SELECT k.team_id, k.id, f.since FROM mine f JOIN goals g ON g.project_team_id = f.team_id AND g.project_id = f.project_id
                       JOIN tasks k ON k.team_id = g.team_id AND k.goal_id = g.id),
         found AS (
             SELECT e.team_id, e.seq FROM mine f JOIN read r ON r.team_id = f.team_id
             CROSS JOIN LATERAL (SELECT * FROM events WHERE team_id = f.team_id AND task_id = f.task_id AND seq > r.seq OFFSET 0) e
             WHERE e.at >= f.since AND CASE e.kind WHEN 'task.moved' THEN e.before->>'column' IS DISTINCT FROM e.after->>'column'
                                                   WHEN 'blocker.moved' THEN e.after->>'state' = 'done' ELSE true END
             UNION
             SELECT m.team_id, m.seq FROM moved m JOIN tasks_of_followed f ON f.team_id = m.team_id AND f.task_id = m.task_id AND m.at >= f.since
             UNION
             SELECT m.team_id, m.seq FROM moved m JOIN mine f ON f.team_id = m.team_id AND num_nonnulls(f.task_id, f.goal_id, f.project_id) = 0 AND m.at >= f.since
             WHERE m.transition LIKE '% done' OR m.transition LIKE '% blocked'
                   OR m.transition LIKE 'moved %' AND (SELECT before->>'state' FROM events e WHERE e.team_id = m.team_id AND e.seq = m.seq) = 'blocked'
             UNION
             SELECT e.team_id, e.seq FROM read r
             CROSS JOIN LATERAL (SELECT * FROM events WHERE team_id = r.team_id AND seq > r.seq
                  AND (task_id IS NULL OR kind = 'task.edited' AND after ?| ARRAY['goal', 'project']) OFFSET 0) e
             JOIN mine f ON e.at >= f.since
             LEFT JOIN LATERAL (SELECT project_id FROM goals g WHERE g.team_id = e.team_id
                                AND g.id = CASE WHEN e.kind LIKE 'goal.%' THEN (e.after->>'goal')::uuid END OFFSET 0) g ON true
             WHERE f.task_id IS NULL AND CASE
                 WHEN f.goal_id IS NOT NULL THEN e.team_id = f.team_id AND (f.goal_id::text IN (e.after->>'goal', e.before->>'goal')
                      OR e.kind IN ('sprint.closed', 'sprint.reopened') AND e.after->>'sprint' = (SELECT s.number::text FROM goals o JOIN sprints s ON s.id = o.sprint_id WHERE o.team_id = f.team_id AND o.id = f.goal_id))
                 WHEN f.project_id IS NOT NULL THEN g.project_id = f.project_id OR f.project_id::text IN (e.after->>'project', e.before->>'project')
                      OR e.task_id IS NOT NULL AND EXISTS (SELECT FROM goals o WHERE o.team_id = e.team_id AND o.project_id = f.project_id AND o.id::text IN (e.after->>'goal', e.before->>'goal'))
                 ELSE e.team_id = f.team_id AND (e.kind LIKE 'goal.%' OR e.kind IN ('sprint.closed', 'sprint.reopened')) END),
         -- The oldest first, but in sequence order within a team, because the cursor is a sequence number.
         shown AS MATERIALIZED (
             SELECT e.*, count(*) OVER () AS many, max(e.at) OVER (PARTITION BY e.team_id ORDER BY e.seq) AS by_then
             FROM found f CROSS JOIN LATERAL (SELECT * FROM events WHERE team_id = f.team_id AND seq = f.seq OFFSET 0) e
             WHERE e.actor_id IS DISTINCT FROM $1 AND e.kind <> ALL($4)
             ORDER BY by_then, team_id, seq LIMIT $3)
         SELECT e.team_id, t.slug, t.name AS team, e.seq, e.kind, e.before, e.after, e.at, split_part(a.name, ' ', 1) AS actor,
                t.key || '-' || k.number AS key, k.title, g.id AS goal, g.title AS goal_title, p.slug AS project, p.name AS project_name, e.many
         FROM shown e JOIN teams t ON t.id = e.team_id LEFT JOIN accounts a ON a.id = e.actor_id
         LEFT JOIN LATERAL (SELECT number, title FROM tasks k WHERE k.team_id = e.team_id AND k.id = e.task_id OFFSET 0) k ON true
         LEFT JOIN LATERAL (SELECT id, title FROM goals g WHERE g.team_id = e.team_id
                            AND g.id = CASE WHEN e.kind LIKE 'goal.%' THEN (e.after->>'goal')::uuid END OFFSET 0) g ON true
         LEFT JOIN LATERAL (SELECT slug, name FROM projects p WHERE p.team_id = e.team_id
                            AND p.id = CASE WHEN e.kind LIKE 'project.%' OR e.kind LIKE 'milestone.%' THEN (e.after->>'project')::uuid END OFFSET 0) p ON true
         ORDER BY e.by_then, e.team_id, e.seq"),
    )
    .bind(account)
    .bind(&visible_teams)
    .bind(SHOWN as i64)
    .bind(HIDDEN_KINDS.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    let many = rows
        .first()
        .map_or(0, |row| usize::try_from(row.many).unwrap_or(0));
    let newer = many.saturating_sub(rows.len());
    let mut read_to: HashMap<Uuid, i64> = HashMap::new();
    if newer == 0 {
        read_to.extend(teams.iter().map(|team| (team.id, team.seq)));
    }
    let names = Names::of_teams(
        db,
        rows.iter().map(|row| row.team_id).collect::<BTreeSet<_>>(),
    )
    .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let last = read_to.entry(row.team_id).or_default();
        *last = row.seq.max(*last);
        lines.extend(
            names
                .get(&row.team_id)
                .and_then(|names| row.into_line(names)),
        );
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    Ok(ActivityFeed {
        lines,
        newer,
        read_to: read_to.into_iter().collect(),
    })
}

impl ActivityFeed {
    /// The entries shown at first.
    pub(crate) fn unfolded(&self) -> &[FeedEntry] {
        &self.lines[..self.lines.len().min(UNFOLDED)]
    }

    /// The collapsed entries.
    pub(crate) fn folded(&self) -> &[FeedEntry] {
        &self.lines[self.unfolded().len()..]
    }
}

impl Row {
    fn milestone(&self) -> &str {
        self.after["title"].as_str().unwrap_or("")
    }

    fn into_line(self, names: &Names) -> Option<FeedEntry> {
        let sentence = match self.kind {
            EventKind::CommentAdded => "commented on it".to_owned(),
            EventKind::GoalCreated => "created it".to_owned(),
            EventKind::GoalEdited if self.before["project"] == self.after["project"] => {
                "edited it".to_owned()
            }
            EventKind::GoalEdited if self.after["project"].is_null() => {
                "removed it from its project".to_owned()
            }
            EventKind::GoalEdited => format!(
                "added it to project “{}”",
                names.project(&self.after["project"])
            ),
            EventKind::GoalProgressed => {
                format!("updated its progress: {}", goals::progress(&self.after))
            }
            EventKind::GoalCommented => "commented on it".to_owned(),
            EventKind::GoalConcernRaised => "raised a concern".to_owned(),
            EventKind::GoalConcernResolved => "resolved a concern".to_owned(),
            EventKind::GoalDeleted => format!(
                "deleted goal “{}”",
                self.before["title"].as_str().unwrap_or("")
            ),
            EventKind::SprintClosed => format!("closed sprint {}", self.after["sprint"]),
            EventKind::SprintReopened => {
                format!("reopened sprint {}", self.after["sprint"])
            }
            EventKind::ProjectEdited => "edited it".to_owned(),
            EventKind::ProjectFinished => "marked it as finished".to_owned(),
            EventKind::ProjectResumed => "reopened it".to_owned(),
            EventKind::MilestoneAdded => format!("added a milestone: {}", self.milestone()),
            EventKind::MilestoneEdited => format!("edited a milestone: {}", self.milestone()),
            EventKind::MilestoneReached => format!("reached a milestone: {}", self.milestone()),
            EventKind::MilestoneReopened => {
                format!("reopened a milestone: {}", self.milestone())
            }
            EventKind::MilestoneDeleted => format!("deleted a milestone: {}", self.milestone()),
            EventKind::TaskCreated
            | EventKind::TaskMoved
            | EventKind::TaskArchived
            | EventKind::TaskRestored
            | EventKind::TaskBlocked
            | EventKind::TaskUnblocked
            | EventKind::TaskAssigned
            | EventKind::TaskLabelled
            | EventKind::TaskEdited
            | EventKind::TaskImported
            | EventKind::TaskColumnDeleted
            | EventKind::BoardImported
            | EventKind::CommentEdited
            | EventKind::CommentDeleted
            | EventKind::CommentRemoved
            | EventKind::AttachmentAdded
            | EventKind::AttachmentDeleted
            | EventKind::AttachmentRemoved
            | EventKind::StepAdded
            | EventKind::StepDone
            | EventKind::StepReopened
            | EventKind::StepRemoved
            | EventKind::BlockerMoved
            | EventKind::BlockerRenamed
            | EventKind::BlockerDependentsChanged
            | EventKind::ColumnAdded
            | EventKind::ColumnEdited
            | EventKind::ColumnReordered
            | EventKind::ColumnRemoved
            | EventKind::ColumnLimited
            | EventKind::ColumnRebalanced
            | EventKind::LabelEdited
            | EventKind::LabelRemoved
            | EventKind::FilterSaved
            | EventKind::FilterDeleted
            | EventKind::MemberJoined
            | EventKind::MemberLeft
            | EventKind::MemberRoleChanged
            | EventKind::MemberProfileEdited
            | EventKind::MemberAbsenceChanged
            | EventKind::TeamCreated
            | EventKind::TeamRenamed
            | EventKind::TeamProfileEdited
            | EventKind::TeamVisibilityChanged
            | EventKind::TeamDayOffChanged
            | EventKind::TeamScheduleChanged
            | EventKind::ShareLinkCreated
            | EventKind::ShareLinkRevoked
            | EventKind::ShareLinkEnded
            | EventKind::WorkspaceEdited
            | EventKind::WorkspaceRestored
            | EventKind::SprintStarted
            | EventKind::SprintRescheduled
            | EventKind::SprintSkipped
            | EventKind::SprintCadenceChanged
            | EventKind::GoalReordered
            | EventKind::RetroNoteAdded
            | EventKind::RetroNoteEdited
            | EventKind::RetroNoteRemoved
            | EventKind::GoalCommentWithdrawn
            | EventKind::GoalCommentRemoved
            | EventKind::ActionAdded
            | EventKind::ActionDone
            | EventKind::ActionReopened
            | EventKind::ActionDismissed
            | EventKind::ActionConverted
            | EventKind::TopicAdded
            | EventKind::TopicEditedByAuthor
            | EventKind::TopicEdited
            | EventKind::TopicWithdrawn
            | EventKind::TopicRemoved
            | EventKind::TopicDone
            | EventKind::TopicReopened
            | EventKind::ProjectCreated
            | EventKind::MilestoneReordered
            | EventKind::ObjectiveAdded
            | EventKind::ObjectiveEdited
            | EventKind::ObjectiveDeleted
            | EventKind::RequestCreated
            | EventKind::RequestWithdrawn
            | EventKind::RequestAnswered
            | EventKind::KeyResultAdded
            | EventKind::KeyResultEdited
            | EventKind::KeyResultDeleted
            | EventKind::KeyResultProgressed => {
                names.sentence(self.kind, &self.before, &self.after)?
            }
        };
        let (title, url, key) = match (self.key, self.title, self.goal, self.goal_title) {
            (Some(key), Some(title), ..) => (title, format!("/tasks/{key}"), key),
            (_, _, Some(goal), Some(title)) => (
                title,
                format!("/teams/{}/goals/{goal}", self.slug),
                "goal".to_owned(),
            ),
            // The retro page shows the goals' results.
            _ if self.kind == EventKind::SprintClosed => {
                let retro = format!("/sprints/{}/retro?team={}", self.after["sprint"], self.slug);
                (self.team, retro, "team".to_owned())
            }
            _ => match (self.project, self.project_name) {
                (Some(project), Some(name)) => {
                    (name, format!("/projects/{project}"), "project".to_owned())
                }
                _ => (
                    self.team,
                    format!("/teams/{}/check-in", self.slug),
                    "team".to_owned(),
                ),
            },
        };
        let what = match (self.actor, impersonal_text(self.kind, &self.after)) {
            (None, Some((what, is))) => format!("{what} {is}"),
            (actor, _) => {
                let by = actor
                    .as_deref()
                    .or(self.after["by"].as_str())
                    .unwrap_or("A former member");
                format!("{by} {sentence}")
            }
        };
        Some(FeedEntry {
            title,
            url,
            key,
            what,
            at: self.at,
        })
    }
}

impl FeedEntry {
    pub(crate) fn ago(&self, now: OffsetDateTime) -> String {
        humanize::ago(now, self.at)
    }
}
