//! The role that each kind of event requires.

use crate::domain::{events::kind::EventKind, policy::required_role::RequiredRole};

impl EventKind {
    /// The team role that its author needs.
    pub(crate) fn required_role(self) -> RequiredRole {
        match self {
            Self::CommentAdded
            | Self::CommentEdited
            | Self::CommentDeleted
            | Self::AttachmentAdded
            | Self::AttachmentDeleted
            | Self::BlockerMoved
            | Self::BlockerRenamed
            | Self::BlockerDependentsChanged
            | Self::MemberJoined
            | Self::MemberLeft
            | Self::MemberRoleChanged
            | Self::MemberProfileEdited
            | Self::MemberAbsenceChanged
            | Self::ShareLinkEnded
            | Self::GoalCommented
            | Self::GoalCommentWithdrawn
            | Self::GoalConcernRaised
            | Self::TopicAdded
            | Self::TopicEditedByAuthor
            | Self::TopicWithdrawn
            | Self::RequestCreated
            | Self::RequestWithdrawn => RequiredRole::Anybody,
            Self::TaskCreated
            | Self::TaskMoved
            | Self::TaskArchived
            | Self::TaskRestored
            | Self::TaskBlocked
            | Self::TaskUnblocked
            | Self::TaskAssigned
            | Self::TaskLabelled
            | Self::TaskEdited
            | Self::TaskImported
            | Self::PullRequestChanged
            | Self::GitHubProjectOverruled
            | Self::TaskColumnDeleted
            | Self::BoardImported
            | Self::ImportUndone
            | Self::StepAdded
            | Self::StepDone
            | Self::StepReopened
            | Self::StepRemoved
            | Self::ColumnLimited
            | Self::ColumnRebalanced
            | Self::FilterSaved
            | Self::FilterDeleted
            | Self::TeamCreated
            | Self::TeamProfileEdited
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
            | Self::GoalConcernResolved
            | Self::RetroNoteAdded
            | Self::RetroNoteEdited
            | Self::ActionAdded
            | Self::ActionDone
            | Self::ActionReopened
            | Self::ActionDismissed
            | Self::ActionConverted
            | Self::TopicEdited
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
            | Self::RequestAnswered
            | Self::KeyResultAdded
            | Self::KeyResultEdited
            | Self::KeyResultDeleted
            | Self::KeyResultProgressed => RequiredRole::Member,
            Self::ColumnAdded
            | Self::ColumnEdited
            | Self::ColumnReordered
            | Self::ColumnRemoved
            | Self::LabelEdited
            | Self::LabelRemoved
            | Self::TeamRenamed
            | Self::TeamVisibilityChanged
            | Self::TeamDayOffChanged
            | Self::TeamScheduleChanged
            | Self::TeamAgentsChanged
            | Self::TeamChatChanged
            | Self::TeamPullRequestsChanged
            | Self::TeamGitHubProjectsChanged
            | Self::ShareLinkCreated
            | Self::ShareLinkRevoked
            | Self::CommentRemoved
            | Self::AttachmentRemoved
            | Self::GoalCommentRemoved
            | Self::RetroNoteRemoved => RequiredRole::Lead,
        }
    }
}
