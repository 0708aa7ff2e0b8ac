//! What cards show apart from their own tasks, such as the names of owners and columns, and which cards an event
//! affects.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::{EventKind, log::EventRow},
    },
};

/// A person, team, column or sprint, and a hash of those of its fields that cards show.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct CardSource {
    id: Uuid,
    hash: i64,
}

/// All columns, sprints, people and teams that a team's cards may show, ordered by id.
#[derive(Debug)]
pub(crate) struct CardSources(Vec<CardSource>);

impl CardSources {
    /// Loads them. They have to be loaded before the cards: then a change in between is found the next time.
    pub(crate) async fn load(db: &Pool, team: Uuid) -> Result<Self> {
        let mut sources: Vec<CardSource> = sqlx::query_as(
            "SELECT id, hashtextextended(concat_ws(' ', position, slug, state, name), 0) AS hash FROM columns WHERE team_id = $1
             UNION ALL SELECT id, number FROM sprints
             UNION ALL SELECT id, hashtextextended(concat_ws(' ', handle, hue, name), 0) FROM accounts
             UNION ALL SELECT t.id, hashtextextended(concat_ws(' ', key, slug, private, coalesce(t.time_zone, w.time_zone), t.name), 0)
                       FROM teams t, workspace w",
        )
        .bind(team)
        .fetch_all(db)
        .await?;
        sources.sort_unstable();
        Ok(Self(sources))
    }

    /// Whether everything that was there before is still the same. New things are on no card yet.
    pub(crate) fn include(&self, before: &Self) -> bool {
        before
            .0
            .iter()
            .all(|source| self.0.binary_search(source).is_ok())
    }

    /// The bytes that they take, for the cache.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<CardSource>()
    }
}

/// What events changed on a board.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Tasks that changed.
    pub(crate) tasks: Vec<Uuid>,
    /// Labels that were renamed, recoloured or removed, by their names before and after.
    pub(crate) labels: Vec<String>,
}

impl Touched {
    /// What these events changed; `None` if it could be any card.
    pub(crate) fn by(events: &[EventRow]) -> Option<Self> {
        let mut touched = Self::default();
        for event in events {
            if let Some(task) = event.task_id {
                touched.tasks.push(task);
            } else if [EventKind::LabelEdited, EventKind::LabelRemoved]
                .iter()
                .any(|kind| kind.as_str() == event.kind)
            {
                let names = [&event.before["name"], &event.after["name"]];
                let names = names.iter().filter_map(|name| name.as_str());
                touched.labels.extend(names.map(str::to_owned));
            } else if !NOT_ON_CARDS.iter().any(|kind| kind.as_str() == event.kind) {
                return None;
            }
        }
        Some(touched)
    }
}

/// Events without a task that change no card, or only something that `CardSources` compares.
const NOT_ON_CARDS: &[EventKind] = &[
    EventKind::ColumnLimited,
    EventKind::FilterSaved,
    EventKind::FilterDeleted,
    EventKind::MemberJoined,
    EventKind::MemberRoleChanged,
    EventKind::MemberProfileEdited,
    EventKind::MemberAbsenceChanged,
    EventKind::TeamRenamed,
    EventKind::TeamProfileEdited,
    EventKind::TeamVisibilityChanged,
    EventKind::TeamDayOffChanged,
    EventKind::TeamScheduleChanged,
    EventKind::TeamAgentsChanged,
    EventKind::TeamChatChanged,
    EventKind::TeamPullRequestsChanged,
    EventKind::TeamGitHubProjectsChanged,
    EventKind::ShareLinkCreated,
    EventKind::ShareLinkRevoked,
    EventKind::ShareLinkEnded,
    EventKind::GoalCreated,
    EventKind::GoalProgressed,
    EventKind::GoalCommented,
    EventKind::GoalCommentWithdrawn,
    EventKind::GoalCommentRemoved,
    EventKind::GoalConcernRaised,
    EventKind::GoalConcernResolved,
    EventKind::RetroNoteAdded,
    EventKind::RetroNoteEdited,
    EventKind::RetroNoteRemoved,
    EventKind::ActionAdded,
    EventKind::ActionDone,
    EventKind::ActionReopened,
    EventKind::ActionDismissed,
    EventKind::TopicAdded,
    EventKind::TopicEditedByAuthor,
    EventKind::TopicEdited,
    EventKind::TopicWithdrawn,
    EventKind::TopicRemoved,
    EventKind::TopicDone,
    EventKind::TopicReopened,
];

/// Returns the tasks on a team's board that have one of these labels.
pub(crate) async fn tasks_with_labels(
    db: &Pool,
    team: Uuid,
    labels: &[String],
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT k.id FROM labels l JOIN task_labels tl ON tl.team_id = l.team_id AND tl.label_id = l.id
         JOIN tasks k ON k.team_id = tl.team_id AND k.id = tl.task_id
         WHERE l.team_id = $1 AND l.name = ANY($2) AND k.archived_at IS NULL",
    )
    .bind(team)
    .bind(labels)
    .fetch_all(db)
    .await?)
}
