//! Describes events in words, with the names of the people, columns and goals that they refer to.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::{
    dates::parse_date,
    events::EventKind,
    humanize,
    tasks::{attachments, event_names::Names, hidden_names::hidden_name},
};

/// The sentence for a change of a private team's task in other teams: what happened, without who
/// did it.
pub(crate) fn impersonal_text(
    kind: EventKind,
    after: &Value,
) -> Option<(&'static str, &'static str)> {
    (kind == EventKind::BlockerMoved && after["state"] == "done")
        .then_some(("What it was waiting on", "is done"))
}

impl Names {
    /// Describes an event as a phrase that follows a name, such as "moved it to Done". `None` for
    /// events that are not shown.
    pub(crate) fn sentence(
        &self,
        kind: EventKind,
        before: &Value,
        after: &Value,
    ) -> Option<String> {
        let column =
            |value: &Value| named(&self.columns, &value["column"], "a deleted column").to_owned();
        Some(match kind {
            EventKind::TaskCreated => format!("created it in {}", column(after)),
            EventKind::TaskMoved if before["column"] == after["column"] => return None,
            EventKind::TaskMoved => format!("moved it to {}", column(after)),
            EventKind::TaskArchived => "archived it".to_owned(),
            EventKind::TaskRestored => "restored it from the archive".to_owned(),
            EventKind::TaskBlocked if after["blockers"].is_null() => "blocked it again".to_owned(),
            EventKind::TaskBlocked => {
                let (on, note) = (
                    after["blockers"]["on"].as_str().unwrap_or(""),
                    after["blockers"]["note"].as_str().unwrap_or(""),
                );
                let on = if after["blockers"]["kind"] == "person" {
                    self.shared.people.get(on).map_or(on, String::as_str)
                } else {
                    hidden_name(&after["blockers"], &self.hidden).unwrap_or(on)
                };
                format!(
                    "marked it as waiting on {}",
                    [on, note]
                        .iter()
                        .filter(|text| !text.is_empty())
                        .copied()
                        .collect::<Vec<_>>()
                        .join(": ")
                )
            }
            EventKind::TaskUnblocked => "unblocked it".to_owned(),
            EventKind::TaskAssigned => match list(&self.shared.people, &after["owners"]) {
                owners if owners.is_empty() => "removed all owners".to_owned(),
                owners => format!("assigned {owners}"),
            },
            EventKind::TaskLabelled => match list(&HashMap::new(), &after["labels"]) {
                labels if labels.is_empty() => "removed all labels".to_owned(),
                labels => format!("set the labels to {labels}"),
            },
            EventKind::TaskEdited => self.edited(after)?,
            EventKind::TaskImported => format!(
                "imported it from {}",
                after["from"].as_str().unwrap_or("another tool")
            ),
            EventKind::BlockerMoved if after["archived"] == true => {
                "archived what it was waiting on".to_owned()
            }
            EventKind::BlockerMoved if after["state"] == "done" => {
                "finished what it was waiting on".to_owned()
            }
            EventKind::StepAdded => {
                format!("added step “{}”", after["step"].as_str().unwrap_or(""))
            }
            EventKind::StepDone => {
                format!("completed step “{}”", after["step"].as_str().unwrap_or(""))
            }
            EventKind::StepReopened => {
                format!("reopened step “{}”", after["step"].as_str().unwrap_or(""))
            }
            EventKind::StepRemoved => {
                format!("removed step “{}”", before["step"].as_str().unwrap_or(""))
            }
            EventKind::CommentDeleted => "deleted a comment".to_owned(),
            EventKind::CommentRemoved => format!(
                "deleted a comment by {}",
                named(&self.shared.people, &before["author"], "a former member")
            ),
            EventKind::AttachmentAdded | EventKind::AttachmentDeleted => {
                attachments::in_words(before, after)
            }
            EventKind::AttachmentRemoved => format!(
                "deleted an attachment by {}",
                named(&self.shared.people, &before["author"], "a former member")
            ),
            EventKind::TopicAdded => {
                format!(
                    "added it to the agenda of the next {}",
                    after["meeting"].as_str().unwrap_or("meeting")
                )
            }
            EventKind::PullRequestChanged => return pull_request_text(after),
            EventKind::GitHubProjectOverruled => overruled_text(before, after),
            EventKind::TaskColumnDeleted
            | EventKind::BoardImported
            | EventKind::ImportUndone
            | EventKind::CommentAdded
            | EventKind::CommentEdited
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
            | EventKind::ShareLinkCreated
            | EventKind::ShareLinkRevoked
            | EventKind::ShareLinkEnded
            | EventKind::WorkspaceEdited
            | EventKind::WorkspaceRestored
            | EventKind::SprintStarted
            | EventKind::SprintClosed
            | EventKind::SprintReopened
            | EventKind::SprintRescheduled
            | EventKind::SprintSkipped
            | EventKind::SprintCadenceChanged
            | EventKind::GoalCreated
            | EventKind::GoalEdited
            | EventKind::GoalDeleted
            | EventKind::GoalReordered
            | EventKind::GoalProgressed
            | EventKind::GoalCommented
            | EventKind::GoalCommentWithdrawn
            | EventKind::GoalCommentRemoved
            | EventKind::GoalConcernRaised
            | EventKind::GoalConcernResolved
            | EventKind::RetroNoteAdded
            | EventKind::RetroNoteEdited
            | EventKind::RetroNoteRemoved
            | EventKind::ActionAdded
            | EventKind::ActionDone
            | EventKind::ActionReopened
            | EventKind::ActionDismissed
            | EventKind::ActionConverted
            | EventKind::TopicEditedByAuthor
            | EventKind::TopicEdited
            | EventKind::TopicWithdrawn
            | EventKind::TopicRemoved
            | EventKind::TopicDone
            | EventKind::TopicReopened
            | EventKind::ProjectCreated
            | EventKind::ProjectEdited
            | EventKind::ProjectFinished
            | EventKind::ProjectResumed
            | EventKind::MilestoneAdded
            | EventKind::MilestoneEdited
            | EventKind::MilestoneReordered
            | EventKind::MilestoneReached
            | EventKind::MilestoneReopened
            | EventKind::MilestoneDeleted
            | EventKind::ObjectiveAdded
            | EventKind::ObjectiveEdited
            | EventKind::ObjectiveDeleted
            | EventKind::RequestCreated
            | EventKind::RequestWithdrawn
            | EventKind::RequestAnswered
            | EventKind::KeyResultAdded
            | EventKind::KeyResultEdited
            | EventKind::KeyResultDeleted
            | EventKind::KeyResultProgressed
            | EventKind::BlockerMoved => return None,
        })
    }

    /// The name of a project, by its id.
    pub(crate) fn project<'a>(&'a self, id: &'a Value) -> &'a str {
        named(&self.shared.projects, id, named(&self.aims, id, "deleted"))
    }

    fn edited(&self, after: &Value) -> Option<String> {
        let parts: Vec<String> = after
            .as_object()?
            .iter()
            .map(|(field, value)| match field.as_str() {
                "title" => format!("renamed it to “{}”", value.as_str().unwrap_or("")),
                "description" => "edited the description".to_owned(),
                "sprint" if value.is_null() => "moved it to the backlog".to_owned(),
                "sprint" => format!(
                    "moved it to {}",
                    named(&self.shared.sprints, value, "a sprint")
                ),
                "goal" if value.is_null() => "unlinked it from its goal".to_owned(),
                "goal" => format!(
                    "linked it to goal “{}”",
                    named(&self.aims, value, "deleted")
                ),
                "project" if value.is_null() => "removed it from its project".to_owned(),
                "project" => format!("added it to project “{}”", self.project(value)),
                "cover" if value.is_null() => "removed the cover picture".to_owned(),
                "cover" => "chose a cover picture".to_owned(),
                "estimate" if value.is_null() => "removed the estimate".to_owned(),
                "estimate" => format!("estimated it at {value}"),
                "due" if value.is_null() => "removed the due date".to_owned(),
                "due" => format!("set the due date to {}", day(value.as_str().unwrap_or(""))),
                "needed_by" => match value.as_str().unwrap_or("") {
                    "" => "cleared Needed by".to_owned(),
                    text => format!("set Needed by to {text}"),
                },
                other => format!("changed its {other}"),
            })
            .collect();
        Some(parts.join(", "))
    }
}

/// What happened to a pull request of the task, which is the author; `None` for what only its card shows.
fn pull_request_text(after: &Value) -> Option<String> {
    let text = match after["is"].as_str()? {
        "linked" => "was linked",
        "unlinked" => "is no longer linked",
        "merged" => "was merged",
        "closed" => "was closed without being merged",
        "reopened" => "was reopened",
        "ready" => "is ready for review",
        "draft" => "is a draft again",
        "review-requested" => "asked for a review",
        // by a person
        "removed" => {
            let mark = after["pull_request"].as_str().unwrap_or_default();
            return Some(format!("unlinked {mark}"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Which of two changes at about the same time was kept: that of GitHub, the author, or that of this board.
fn overruled_text(before: &Value, after: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kept, lost) = (text(&after["value"]), text(&before["value"]));
    let field = text(&after["field"]);
    match after["side"].as_str() {
        Some("github") => format!("kept its later {field} {kept}, over {lost} here"),
        _ => format!("took the later {field} {kept} from here, over its {lost}"),
    }
}

/// `2026-11-26` as `Thu 26 Nov`.
fn day(iso: &str) -> String {
    parse_date(iso).map_or_else(|| iso.to_owned(), humanize::day)
}

fn named<'n>(names: &'n HashMap<String, String>, value: &'n Value, otherwise: &'n str) -> &'n str {
    let key = value.as_str().unwrap_or("");
    names.get(key).map_or(
        if key.is_empty() || key.len() == 36 {
            otherwise
        } else {
            key
        },
        String::as_str,
    )
}

fn list(names: &HashMap<String, String>, values: &Value) -> String {
    let values = values.as_array().into_iter().flatten();
    values
        .map(|value| named(names, value, "a former member"))
        .collect::<Vec<_>>()
        .join(", ")
}
