//! What webhooks tell of each kind of event: only the fields listed here, whatever else the event has. The match has no
//! `_` arm, so that a new kind does not compile until it says what may be told of it.

use crate::domain::{
    events::EventKind,
    webhooks::{
        events::Shape::{Day, Id, Number, Sprint, Text, Texts, Waits},
        groups::Group,
    },
};

/// What the value of a field is. A value of another type is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Number,
    /// The id of something that other events name too.
    Id,
    /// A day, such as 2026-11-24.
    Day,
    /// At most 100 texts.
    Texts,
    /// The number of a sprint, of which the event has the id.
    Sprint,
    /// What a task waits on: its kind, the person if it is one, and a note. Teams and other tasks are not named.
    Waits,
}

/// A field's name and type.
pub type Field = (&'static str, Shape);

/// What is told of a kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Contents {
    pub group: Group,
    /// What happened, as a sentence.
    pub about: &'static str,
    /// Fields of the state before and after.
    pub before: &'static [Field],
    pub after: &'static [Field],
}

/// The names of fields in events, where webhooks have a plainer one.
pub(super) const STORED_AS: [(&str, &str); 3] =
    [("person", "who"), ("comment", "remark"), ("change", "is")];

/// What of a task may be named as changed. The texts of descriptions are not sent.
pub const CHANGED: [&str; 9] = [
    "title",
    "description",
    "sprint",
    "goal",
    "project",
    "cover",
    "estimate",
    "due",
    "needed_by",
];

const PLACE: &[Field] = &[("column", Text), ("state", Text)];
const EDITED: &[Field] = &[
    ("title", Text),
    ("sprint", Sprint),
    ("goal", Id),
    ("project", Id),
    ("estimate", Number),
    ("due", Day),
];
const FILE: &[Field] = &[("attachment", Id), ("name", Text)];
const STEP: &[Field] = &[("step", Text)];
const COLUMN: &[Field] = &[("column", Text), ("name", Text), ("state", Text)];
const DATES: &[Field] = &[
    ("sprint", Number),
    ("name", Text),
    ("starts_on", Day),
    ("ends_on", Day),
];
const GOAL: &[Field] = &[("goal", Id), ("title", Text), ("target", Number)];
const GOAL_OWNERS: &[Field] = &[
    ("goal", Id),
    ("title", Text),
    ("target", Number),
    ("owners", Texts),
];
const GOAL_COMMENT: &[Field] = &[("goal", Id), ("comment", Id)];
const PROJECT: &[Field] = &[("project", Id), ("name", Text), ("target", Number)];
const MILESTONE: &[Field] = &[("project", Id), ("milestone", Id), ("title", Text)];
const OBJECTIVE: &[Field] = &[("objective", Id), ("title", Text)];
const KEY_RESULT: &[Field] = &[("key_result", Id), ("title", Text), ("target", Number)];
const MEMBER: &[Field] = &[("person", Text), ("role", Text)];

/// Declares what is told of each kind: what happened, and the fields before and after.
macro_rules! told {
    (nothing: $($silent:ident)*; $($group:ident { $($kind:ident: $about:literal, $before:expr => $after:expr;)* })*) => {
        /// What is told of a kind; `None` if nothing is sent.
        pub fn of(kind: EventKind) -> Option<Contents> {
            Some(match kind {
                $($(EventKind::$kind => Contents {
                    group: Group::$group,
                    about: $about,
                    before: $before,
                    after: $after,
                },)*)*
                $(EventKind::$silent)|* => return None,
            })
        }

        /// The kinds that are sent.
        pub const KINDS: &[EventKind] = &[$($(EventKind::$kind,)*)*];
    };
}

told! {
    // consequences in other tasks, what is private to a person or to a retro, and settings that protect something
    nothing:
        TaskImported BlockerMoved BlockerRenamed BlockerDependentsChanged
        ColumnRebalanced FilterSaved FilterDeleted MemberProfileEdited
        MemberAbsenceChanged TeamVisibilityChanged TeamDayOffChanged TeamScheduleChanged
        TeamAgentsChanged TeamChatChanged TeamPullRequestsChanged TeamGitHubProjectsChanged GitHubProjectOverruled
        ShareLinkCreated ShareLinkRevoked
        ShareLinkEnded WorkspaceEdited WorkspaceRestored GoalReordered
        MilestoneReordered RetroNoteAdded RetroNoteEdited RetroNoteRemoved;
    Tasks {
        TaskCreated: "A task was created.",
            &[] =>
            &[("title", Text), ("column", Text), ("state", Text), ("sprint", Sprint), ("goal", Id), ("owners", Texts), ("labels", Texts)];
        TaskMoved: "A task was moved to a column, or within it.", PLACE => PLACE;
        TaskArchived: "A task was archived.", &[("column", Text)] => &[];
        TaskRestored: "A task was restored from the archive.", &[] => PLACE;
        TaskBlocked: "A task was marked as waiting on something.", &[] => &[("waiting_on", Waits)];
        TaskUnblocked: "A reason for waiting was removed.", &[] => &[];
        TaskAssigned: "The owners of a task changed.", &[("owners", Texts)] => &[("owners", Texts)];
        TaskLabelled: "The labels of a task changed.", &[("labels", Texts)] => &[("labels", Texts)];
        TaskEdited: "Fields of a task changed; “changed” names them all.", EDITED => EDITED;
        TaskColumnDeleted: "A task went to another column because its own was removed.", PLACE => PLACE;
        BoardImported: "Tasks were imported: one event for all of them.",
            &[] => &[("from", Text), ("board", Text), ("tasks", Number), ("first", Text), ("last", Text)];
        ImportUndone: "An import was undone: its tasks were deleted.",
            &[("from", Text), ("board", Text), ("tasks", Number), ("first", Text), ("last", Text)] => &[];
        StepAdded: "A step was added to a checklist.", &[] => STEP;
        StepDone: "A step was completed.", &[] => STEP;
        StepReopened: "A step was reopened.", &[] => STEP;
        StepRemoved: "A step was removed.", STEP => &[];
    }
    Comments {
        CommentAdded: "A comment was added to a task. Its text is not sent.", &[] => &[("comment", Id)];
        CommentEdited: "A comment was edited.", &[("comment", Id)] => &[];
        CommentDeleted: "A comment was deleted by its author.", &[("comment", Id)] => &[];
        CommentRemoved: "A comment was deleted by a lead.", &[("comment", Id), ("author", Text)] => &[];
        AttachmentAdded: "A file was attached.", &[] => FILE;
        AttachmentDeleted: "A file was deleted.", FILE => &[];
        AttachmentRemoved: "A file was deleted by a lead.", &[("attachment", Id), ("author", Text)] => &[];
    }
    PullRequests {
        PullRequestChanged: "A pull request that names the task was opened, changed, merged or closed, or was unlinked.",
            &[] =>
            &[("pull_request", Text), ("change", Text), ("reviewers", Texts)];
    }
    Sprints {
        SprintStarted: "A sprint began.", &[] => &[("sprint", Number)];
        SprintClosed: "The team closed a sprint.",
            &[] => &[("sprint", Number), ("done", Number), ("left", Number)];
        SprintReopened: "The team reopened a sprint.", &[] => &[("sprint", Number)];
        SprintRescheduled: "A sprint got other dates or another name.", DATES => DATES;
        SprintSkipped: "A sprint and those after it moved by its length.",
            DATES => &[("sprint", Number), ("starts_on", Day)];
        SprintCadenceChanged: "Sprints have another length or weekday from now on.",
            &[] => &[("weeks", Number), ("starts_on", Day)];
    }
    Goals {
        GoalCreated: "A goal was added.", &[] => GOAL_OWNERS;
        GoalEdited: "A goal was edited.", GOAL => GOAL_OWNERS;
        GoalDeleted: "A goal was deleted.", &[("goal", Id), ("title", Text)] => &[];
        GoalProgressed: "The value of a goal was entered.",
            &[("goal", Id), ("value", Number)] => &[("goal", Id), ("value", Number), ("measure", Text)];
        GoalCommented: "A comment was added to a goal. Its text is not sent.", &[] => GOAL_COMMENT;
        GoalCommentWithdrawn: "A comment on a goal was deleted by its author.", GOAL_COMMENT => &[];
        GoalCommentRemoved: "A comment on a goal was deleted by a lead.", GOAL_COMMENT => &[];
        GoalConcernRaised: "A concern about a goal was raised.", &[] => GOAL_COMMENT;
        GoalConcernResolved: "A concern about a goal was resolved.", &[] => GOAL_COMMENT;
    }
    Projects {
        ProjectCreated: "A project was added.", &[] => PROJECT;
        ProjectEdited: "A project was edited.", PROJECT => PROJECT;
        ProjectFinished: "A project was finished.", &[] => &[("project", Id)];
        ProjectResumed: "A project was resumed.", &[] => &[("project", Id)];
        MilestoneAdded: "A milestone was added.", &[] => MILESTONE;
        MilestoneEdited: "A milestone was edited.", &[] => MILESTONE;
        MilestoneReached: "A milestone was reached.", &[] => MILESTONE;
        MilestoneReopened: "A milestone was reopened.", &[] => MILESTONE;
        MilestoneDeleted: "A milestone was deleted.", &[] => MILESTONE;
        ObjectiveAdded: "An objective was added.", &[] => OBJECTIVE;
        ObjectiveEdited: "An objective was edited.", &[] => OBJECTIVE;
        ObjectiveDeleted: "An objective was deleted.", &[] => OBJECTIVE;
        KeyResultAdded: "A key result was added.", &[] => KEY_RESULT;
        KeyResultEdited: "A key result was edited.", &[] => KEY_RESULT;
        KeyResultDeleted: "A key result was deleted.", &[] => &[("key_result", Id), ("title", Text)];
        KeyResultProgressed: "The value of a key result was entered.",
            &[] => &[("key_result", Id), ("manual_value", Number)];
    }
    Meetings {
        TopicAdded: "A topic was added to the agenda of a meeting.",
            &[] => &[("topic", Id), ("meeting", Text), ("text", Text)];
        TopicEditedByAuthor: "A topic was edited by its author.", &[] => &[("topic", Id)];
        TopicEdited: "A topic was edited by somebody else.", &[] => &[("topic", Id)];
        TopicWithdrawn: "A topic was removed by its author.", &[] => &[("topic", Id)];
        TopicRemoved: "A topic was removed by somebody else.", &[] => &[("topic", Id)];
        TopicDone: "A topic was done.", &[] => &[("topic", Id)];
        TopicReopened: "A topic was reopened.", &[] => &[("topic", Id)];
        ActionAdded: "An action was agreed on.", &[] => &[("action", Id), ("text", Text), ("owner", Text)];
        ActionDone: "An action was done.", &[] => &[("action", Id)];
        ActionReopened: "An action was reopened.", &[] => &[("action", Id)];
        ActionDismissed: "An action was dismissed.", &[] => &[("action", Id)];
        ActionConverted: "An action became a task.", &[] => &[("action", Id), ("task", Id)];
    }
    Team {
        MemberJoined: "A person joined the team.", &[] => MEMBER;
        MemberLeft: "A person left the team.", &[] => &[("person", Text)];
        MemberRoleChanged: "A member's role changed.", &[("role", Text)] => MEMBER;
        TeamCreated: "The team was created.", &[] => &[("name", Text), ("key", Text)];
        TeamRenamed: "The team got another name or key.",
            &[("name", Text), ("key", Text)] => &[("name", Text), ("key", Text)];
        TeamProfileEdited: "The team's mission, chat or roadmap changed.", &[] => &[];
        ColumnAdded: "A column was added.", &[] => COLUMN;
        ColumnEdited: "A column was edited.", COLUMN => COLUMN;
        ColumnReordered: "A column was moved.", &[] => &[("column", Text)];
        ColumnRemoved: "A column was removed; its tasks went to another one.", COLUMN => &[("into", Text)];
        ColumnLimited: "The limit of a column changed.",
            &[("column", Text), ("wip_limit", Number)] => &[("column", Text), ("wip_limit", Number)];
        LabelEdited: "A label was edited.", &[("name", Text)] => &[("name", Text)];
        LabelRemoved: "A label was removed.", &[("name", Text)] => &[];
        RequestCreated: "Another team asked for something.", &[] => &[("request", Id), ("title", Text)];
        RequestWithdrawn: "A request was withdrawn.", &[] => &[("request", Id)];
        RequestAnswered: "A request was answered.", &[] => &[("request", Id), ("outcome", Text)];
    }
}
