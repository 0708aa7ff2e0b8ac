//! The kinds of events. Every kind declares here whether it can be undone, and in `kind_role.rs` which role it requires;
//! the matches have no `_` arm, so that a new kind does not compile until it does.

/// Declares the enum together with the names that its kinds have in the database.
macro_rules! event_kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// What happened, as one event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
        #[sqlx(type_name = "text")]
        pub enum EventKind {
            $(#[sqlx(rename = $name)] $kind,)*
        }

        impl EventKind {
            /// All kinds.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name in the database and in the API, such as `task.moved`.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

event_kinds! {
    TaskCreated = "task.created",
    TaskMoved = "task.moved",
    TaskArchived = "task.archived",
    TaskRestored = "task.restored",
    TaskBlocked = "task.blocked",
    TaskUnblocked = "task.unblocked",
    TaskAssigned = "task.assigned",
    TaskLabelled = "task.labelled",
    TaskEdited = "task.edited",
    TaskImported = "task.imported",
    TaskColumnDeleted = "task.column-deleted",
    BoardImported = "board.imported",
    ImportUndone = "board.import-undone",
    CommentAdded = "comment.added",
    CommentEdited = "comment.edited",
    CommentDeleted = "comment.deleted",
    CommentRemoved = "comment.removed",
    PullRequestChanged = "pull-request.changed",
    GitHubProjectOverruled = "github-project.overruled",
    AttachmentAdded = "attachment.added",
    AttachmentDeleted = "attachment.deleted",
    AttachmentRemoved = "attachment.removed",
    StepAdded = "step.added",
    StepDone = "step.done",
    StepReopened = "step.reopened",
    StepRemoved = "step.removed",
    BlockerMoved = "blocker.moved",
    BlockerRenamed = "blocker.renamed",
    BlockerDependentsChanged = "blocker.dependents-changed",
    ColumnAdded = "column.added",
    ColumnEdited = "column.edited",
    ColumnReordered = "column.reordered",
    ColumnRemoved = "column.removed",
    ColumnLimited = "column.limited",
    ColumnRebalanced = "column.rebalanced",
    LabelEdited = "label.edited",
    LabelRemoved = "label.removed",
    FilterSaved = "filter.saved",
    FilterDeleted = "filter.deleted",
    MemberJoined = "member.joined",
    MemberLeft = "member.left",
    MemberRoleChanged = "member.role-changed",
    MemberProfileEdited = "member.profile-edited",
    MemberAbsenceChanged = "member.absence-changed",
    TeamCreated = "team.created",
    TeamRenamed = "team.renamed",
    TeamProfileEdited = "team.profile-edited",
    TeamVisibilityChanged = "team.visibility-changed",
    TeamDayOffChanged = "team.day-off-changed",
    TeamScheduleChanged = "team.schedule-changed",
    TeamAgentsChanged = "team.agents-changed",
    TeamChatChanged = "team.chat-changed",
    TeamPullRequestsChanged = "team.pull-requests-changed",
    TeamGitHubProjectsChanged = "team.github-projects-changed",
    ShareLinkCreated = "share-link.created",
    ShareLinkRevoked = "share-link.revoked",
    ShareLinkEnded = "share-link.ended",
    WorkspaceEdited = "workspace.edited",
    WorkspaceRestored = "workspace.restored",
    SprintStarted = "sprint.started",
    SprintClosed = "sprint.closed",
    SprintReopened = "sprint.reopened",
    SprintRescheduled = "sprint.rescheduled",
    SprintSkipped = "sprint.skipped",
    SprintCadenceChanged = "sprint.cadence-changed",
    GoalCreated = "goal.created",
    GoalEdited = "goal.edited",
    GoalDeleted = "goal.deleted",
    GoalReordered = "goal.reordered",
    GoalProgressed = "goal.progressed",
    GoalCommented = "goal.commented",
    GoalCommentWithdrawn = "goal.comment-withdrawn",
    GoalCommentRemoved = "goal.comment-removed",
    GoalConcernRaised = "goal.concern-raised",
    GoalConcernResolved = "goal.concern-resolved",
    RetroNoteAdded = "retro-note.added",
    RetroNoteEdited = "retro-note.edited",
    RetroNoteRemoved = "retro-note.removed",
    ActionAdded = "action.added",
    ActionDone = "action.done",
    ActionReopened = "action.reopened",
    ActionDismissed = "action.dismissed",
    ActionConverted = "action.converted",
    TopicAdded = "topic.added",
    TopicEditedByAuthor = "topic.edited-by-author",
    TopicEdited = "topic.edited",
    TopicWithdrawn = "topic.withdrawn",
    TopicRemoved = "topic.removed",
    TopicDone = "topic.done",
    TopicReopened = "topic.reopened",
    ProjectCreated = "project.created",
    ProjectEdited = "project.edited",
    ProjectFinished = "project.finished",
    ProjectResumed = "project.resumed",
    MilestoneAdded = "milestone.added",
    MilestoneEdited = "milestone.edited",
    MilestoneReordered = "milestone.reordered",
    MilestoneReached = "milestone.reached",
    MilestoneReopened = "milestone.reopened",
    MilestoneDeleted = "milestone.deleted",
    ObjectiveAdded = "objective.added",
    ObjectiveEdited = "objective.edited",
    ObjectiveDeleted = "objective.deleted",
    RequestCreated = "request.created",
    RequestWithdrawn = "request.withdrawn",
    RequestAnswered = "request.answered",
    KeyResultAdded = "key-result.added",
    KeyResultEdited = "key-result.edited",
    KeyResultDeleted = "key-result.deleted",
    KeyResultProgressed = "key-result.progressed",
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.as_str())
    }
}

impl EventKind {
    /// Whether `tasks::undo` can undo it.
    pub(crate) fn is_undoable(self) -> bool {
        match self {
            Self::TaskCreated
            | Self::TaskMoved
            | Self::TaskArchived
            | Self::TaskRestored
            | Self::TaskBlocked
            | Self::TaskUnblocked
            | Self::TaskAssigned
            | Self::TaskLabelled
            | Self::TaskEdited
            | Self::CommentAdded
            | Self::CommentEdited
            | Self::CommentDeleted
            | Self::CommentRemoved
            | Self::AttachmentAdded
            | Self::AttachmentDeleted
            | Self::StepAdded
            | Self::StepDone
            | Self::StepReopened
            | Self::StepRemoved
            | Self::ColumnRebalanced => true,
            Self::TaskImported
            | Self::PullRequestChanged
            | Self::GitHubProjectOverruled
            | Self::AttachmentRemoved
            | Self::TaskColumnDeleted
            | Self::BoardImported
            | Self::ImportUndone
            | Self::BlockerMoved
            | Self::BlockerRenamed
            | Self::BlockerDependentsChanged
            | Self::ColumnAdded
            | Self::ColumnEdited
            | Self::ColumnReordered
            | Self::ColumnRemoved
            | Self::ColumnLimited
            | Self::LabelEdited
            | Self::LabelRemoved
            | Self::FilterSaved
            | Self::FilterDeleted
            | Self::MemberJoined
            | Self::MemberLeft
            | Self::MemberRoleChanged
            | Self::MemberProfileEdited
            | Self::MemberAbsenceChanged
            | Self::TeamCreated
            | Self::TeamRenamed
            | Self::TeamProfileEdited
            | Self::TeamVisibilityChanged
            | Self::TeamDayOffChanged
            | Self::TeamScheduleChanged
            | Self::TeamAgentsChanged
            | Self::TeamChatChanged
            | Self::TeamPullRequestsChanged
            | Self::TeamGitHubProjectsChanged
            | Self::ShareLinkCreated
            | Self::ShareLinkRevoked
            | Self::ShareLinkEnded
            | Self::WorkspaceEdited
            | Self::WorkspaceRestored
            | Self::SprintStarted
            | Self::SprintClosed
            | Self::SprintReopened
            | Self::SprintRescheduled
            | Self::SprintSkipped
            | Self::SprintCadenceChanged
            | Self::GoalCreated
            | Self::GoalEdited
            | Self::GoalDeleted
            | Self::GoalReordered
            | Self::GoalProgressed
            | Self::GoalCommented
            | Self::GoalCommentWithdrawn
            | Self::GoalCommentRemoved
            | Self::GoalConcernRaised
            | Self::GoalConcernResolved
            | Self::RetroNoteAdded
            | Self::RetroNoteEdited
            | Self::RetroNoteRemoved
            | Self::ActionAdded
            | Self::ActionDone
            | Self::ActionReopened
            | Self::ActionDismissed
            | Self::ActionConverted
            | Self::TopicAdded
            | Self::TopicEditedByAuthor
            | Self::TopicEdited
            | Self::TopicWithdrawn
            | Self::TopicRemoved
            | Self::TopicDone
            | Self::TopicReopened
            | Self::ProjectCreated
            | Self::ProjectEdited
            | Self::ProjectFinished
            | Self::ProjectResumed
            | Self::MilestoneAdded
            | Self::MilestoneEdited
            | Self::MilestoneReordered
            | Self::MilestoneReached
            | Self::MilestoneReopened
            | Self::MilestoneDeleted
            | Self::ObjectiveAdded
            | Self::ObjectiveEdited
            | Self::ObjectiveDeleted
            | Self::RequestCreated
            | Self::RequestWithdrawn
            | Self::RequestAnswered
            | Self::KeyResultAdded
            | Self::KeyResultEdited
            | Self::KeyResultDeleted
            | Self::KeyResultProgressed => false,
        }
    }

    /// Whether it only updates one task about a change to another, as part of that change.
    pub(crate) fn is_consequence(self) -> bool {
        matches!(
            self,
            Self::BlockerMoved | Self::BlockerRenamed | Self::BlockerDependentsChanged
        )
    }
}

/// Whether a change with these events can be undone: it has events of its own, and each of them can.
pub fn are_undoable(kinds: impl Iterator<Item = EventKind>) -> bool {
    let mut own = kinds.filter(|kind| !kind.is_consequence()).peekable();
    own.peek().is_some() && own.all(EventKind::is_undoable)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kind_names_are_unique_nouns_with_a_participle() {
        let names: BTreeSet<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        assert!(names.iter().all(|name| name.split('.').count() == 2));
    }

    #[test]
    fn change_is_undoable_if_all_its_own_events_are() {
        let undoable = |kinds: &[EventKind]| are_undoable(kinds.iter().copied());
        assert!(undoable(&[EventKind::TaskMoved, EventKind::BlockerMoved]));
        assert!(!undoable(&[EventKind::TaskMoved, EventKind::GoalEdited]));
        assert!(
            !undoable(&[EventKind::BlockerMoved]),
            "no events of its own"
        );
    }
}
