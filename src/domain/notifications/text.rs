//! What a notification says in words.

use serde_json::Value;
use time::Date;

use crate::domain::{
    events::EventKind,
    goals, humanize,
    notifications::reason::Reason,
    tasks::{event_names::Names, event_text::impersonal_text},
};

/// The event behind a reason.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ItemEvent {
    pub(super) kind: EventKind,
    pub(super) before: Value,
    pub(super) after: Value,
}

/// What a sentence is about, besides its event.
pub(super) struct Context<'a> {
    pub(super) reason: Reason,
    pub(super) event: Option<&'a ItemEvent>,
    /// The first name of the event's author.
    pub(super) actor: Option<&'a str>,
    /// The text of the comment or answer.
    pub(super) excerpt: Option<&'a str>,
    pub(super) team: &'a str,
    /// When the task is due, or the request wanted.
    pub(super) day: Option<Date>,
    pub(super) tasks: i32,
    pub(super) names: Option<&'a Names>,
}

/// The longest part of a text that a notification quotes, in characters.
const EXCERPT: usize = 160;

/// The sentence for one reason: "Elif commented: “Nearly done”".
pub(super) fn sentence(context: &Context<'_>) -> String {
    let after = context.event.map(|event| &event.after);
    let text = |field: &str| {
        after
            .and_then(|after| after[field].as_str())
            .unwrap_or_default()
    };
    let by = context
        .actor
        .or(after.and_then(|after| after["by"].as_str()))
        .unwrap_or("A former member");
    let quoted = |what: String| match context.excerpt {
        Some(text) => format!("{what}: “{}”", shortened(text)),
        None => what,
    };
    if context.tasks > 1 {
        let tasks = context.tasks;
        return match context.reason {
            Reason::Assigned => format!("{by} assigned you {tasks} tasks"),
            Reason::Unblocked => format!("{by} unblocked {tasks} of your tasks"),
            Reason::Review => format!("{by} moved {tasks} of your tasks to review"),
            _ => format!("{by} changed {tasks} tasks"),
        };
    }
    match context.reason {
        Reason::Mentioned => match context.event.map(|event| event.kind) {
            Some(EventKind::TopicAdded) => {
                format!("{by} asks for your opinion: “{}”", shortened(text("text")))
            }
            Some(EventKind::TaskEdited | EventKind::TaskCreated) => {
                format!("{by} mentioned you in the description")
            }
            _ => quoted(format!("{by} mentioned you")),
        },
        Reason::Comment => quoted(format!("{by} commented")),
        Reason::Assigned => format!("{by} assigned you"),
        Reason::BlockedOnYou => {
            let blocker = after.map(|after| &after["blockers"]);
            let note = blocker.and_then(|blocker| blocker["note"].as_str());
            let is_person = blocker.is_some_and(|blocker| blocker["kind"] == "person");
            let on = if is_person { "you" } else { "your task" };
            match note.filter(|note| !note.is_empty()) {
                Some(note) => format!(
                    "{by} says that it is blocked on {on}: “{}”",
                    shortened(note)
                ),
                None => format!("{by} says that it is blocked on {on}"),
            }
        }
        Reason::Unblocked => match context.event.map(|event| event.kind) {
            Some(EventKind::BlockerMoved) => "What it was waiting on is done".to_owned(),
            _ => format!("{by} unblocked it"),
        },
        Reason::Action => format!("{by} gave you an action: “{}”", shortened(text("text"))),
        Reason::Request => match context.day {
            Some(day) => format!("{by} asks {}, by {}", context.team, humanize::day(day)),
            None => format!("{by} asks {}", context.team),
        },
        Reason::RequestAnswered => match text("outcome") {
            "taken" => format!("{by} accepted your request"),
            "declined" => quoted(format!("{by} declined your request")),
            _ => quoted(format!("{by} answered your request")),
        },
        Reason::DueSoon => context.day.map_or_else(
            || "Due soon".to_owned(),
            |day| format!("Due {}", humanize::day(day)),
        ),
        Reason::Overdue => context.day.map_or_else(
            || "Overdue".to_owned(),
            |day| format!("Overdue since {}", humanize::day(day)),
        ),
        Reason::SprintStarted => format!("Sprint {} has started", sprint(after)),
        Reason::SprintClosed => format!("{by} closed sprint {}", sprint(after)),
        Reason::Review | Reason::Following => {
            let (Some(event), Some(names)) = (context.event, context.names) else {
                return format!("{by} changed it");
            };
            // Not a task of theirs: their review is wanted.
            if context.reason == Reason::Review && event.kind == EventKind::PullRequestChanged {
                return format!("{by} wants your review");
            }
            match (context.actor, impersonal_text(event.kind, &event.after)) {
                (None, Some((what, is))) => format!("{what} {is}"),
                _ => match change(event, names) {
                    Some(change) => format!("{by} {change}"),
                    None => format!("{by} changed it"),
                },
            }
        }
    }
}

/// The sprint's number in an event.
pub(super) fn sprint(after: Option<&Value>) -> i64 {
    after
        .and_then(|after| after["sprint"].as_i64())
        .unwrap_or_default()
}

/// The beginning of a text, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= EXCERPT {
        return line;
    }
    let cut: String = line.chars().take(EXCERPT).collect();
    format!("{}…", cut.trim_end())
}

/// What happened to something that is followed: "moved it to Done".
fn change(event: &ItemEvent, names: &Names) -> Option<String> {
    let milestone = || event.after["title"].as_str().unwrap_or("");
    Some(match event.kind {
        EventKind::CommentAdded => "commented on it".to_owned(),
        EventKind::GoalCreated => "created it".to_owned(),
        EventKind::GoalEdited if event.before["project"] == event.after["project"] => {
            "edited it".to_owned()
        }
        EventKind::GoalEdited if event.after["project"].is_null() => {
            "removed it from its project".to_owned()
        }
        EventKind::GoalEdited => format!(
            "added it to project “{}”",
            names.project(&event.after["project"])
        ),
        EventKind::GoalProgressed => {
            format!("updated its progress: {}", goals::progress(&event.after))
        }
        EventKind::GoalCommented => "commented on it".to_owned(),
        EventKind::GoalConcernRaised => "raised a concern".to_owned(),
        EventKind::GoalConcernResolved => "resolved a concern".to_owned(),
        EventKind::GoalDeleted => format!(
            "deleted goal “{}”",
            event.before["title"].as_str().unwrap_or("")
        ),
        EventKind::SprintClosed => format!("closed sprint {}", event.after["sprint"]),
        EventKind::SprintReopened => {
            format!("reopened sprint {}", event.after["sprint"])
        }
        EventKind::ProjectEdited => "edited it".to_owned(),
        EventKind::ProjectFinished => "marked it as finished".to_owned(),
        EventKind::ProjectResumed => "reopened it".to_owned(),
        EventKind::MilestoneAdded => format!("added a milestone: {}", milestone()),
        EventKind::MilestoneEdited => format!("edited a milestone: {}", milestone()),
        EventKind::MilestoneReached => format!("reached a milestone: {}", milestone()),
        EventKind::MilestoneReopened => {
            format!("reopened a milestone: {}", milestone())
        }
        EventKind::MilestoneDeleted => format!("deleted a milestone: {}", milestone()),
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
        | EventKind::PullRequestChanged
        | EventKind::TaskColumnDeleted
        | EventKind::BoardImported
        | EventKind::ImportUndone
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
        | EventKind::TeamAgentsChanged
        | EventKind::TeamChatChanged
        | EventKind::TeamPullRequestsChanged
        | EventKind::TeamGitHubProjectsChanged
        | EventKind::GitHubProjectOverruled
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
            names.sentence(event.kind, &event.before, &event.after)?
        }
    })
}
