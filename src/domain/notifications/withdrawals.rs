//! What an event makes untrue.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{
    events::EventKind,
    notifications::{
        batch::{Batch, NewEvent, uuid, words},
        reason::Reason,
    },
};

/// What an event makes untrue: unread reasons of earlier events that are taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Withdrawal {
    /// All that this event led to.
    Event(i64),
    /// Reasons about a task, of one person or of everybody.
    Task(Uuid, Option<Uuid>, &'static [Reason]),
    /// What events with this id in this field of `after` led to, perhaps those of one task only.
    Named(Option<Uuid>, &'static str, Uuid),
    /// What a reason for being blocked led to.
    Blocker(Uuid),
    Sprint(i64),
}

/// The unread notices that the event makes untrue.
pub(super) fn withdrawn_by(event: &NewEvent, batch: &Batch) -> Vec<Withdrawal> {
    let mut untrue: Vec<Withdrawal> = event.undoes.map(Withdrawal::Event).into_iter().collect();
    let named = |field, side: &serde_json::Value| {
        uuid(&side[field]).map(|id| Withdrawal::Named(event.task_id, field, id))
    };
    if let Some(task) = event.task_id {
        let of_owners: &[Reason] = &[
            Reason::Assigned,
            Reason::Review,
            Reason::Unblocked,
            Reason::DueSoon,
            Reason::Overdue,
        ];
        let of_state: &[Reason] = &[Reason::Review, Reason::DueSoon, Reason::Overdue];
        match event.kind {
            EventKind::TaskAssigned => {
                let after: BTreeSet<&str> = words(&event.after["owners"]).collect();
                let gone = words(&event.before["owners"]).filter(|handle| !after.contains(handle));
                let gone = gone.filter_map(|handle| batch.people.get(handle));
                untrue.extend(gone.map(|person| Withdrawal::Task(task, Some(*person), of_owners)));
            }
            EventKind::TaskArchived => untrue.push(Withdrawal::Task(task, None, of_state)),
            EventKind::TaskMoved => match event.after["state"].as_str() {
                Some("done") => untrue.push(Withdrawal::Task(task, None, of_state)),
                Some("review") => {}
                _ => untrue.push(Withdrawal::Task(task, None, &[Reason::Review])),
            },
            EventKind::TaskBlocked => {
                untrue.push(Withdrawal::Task(task, None, &[Reason::Unblocked]));
            }
            EventKind::TaskEdited
                if !event.after["due"].is_null() || !event.before["due"].is_null() =>
            {
                untrue.push(Withdrawal::Task(
                    task,
                    None,
                    &[Reason::DueSoon, Reason::Overdue],
                ));
            }
            EventKind::TaskUnblocked => {
                untrue.extend(
                    words(&event.before["blockers"])
                        .filter_map(|id| id.parse().ok())
                        .map(Withdrawal::Blocker),
                );
            }
            EventKind::CommentDeleted | EventKind::CommentRemoved => {
                untrue.extend(named("comment", &event.before));
            }
            _ => {}
        }
    }
    match event.kind {
        EventKind::GoalCommentWithdrawn | EventKind::GoalCommentRemoved => {
            untrue.extend(named("remark", &event.before));
        }
        EventKind::ActionDone | EventKind::ActionDismissed => {
            untrue.extend(named("action", &event.after));
        }
        EventKind::TopicWithdrawn | EventKind::TopicRemoved | EventKind::TopicDone => {
            untrue.extend(named("topic", &event.after));
        }
        EventKind::RequestWithdrawn | EventKind::RequestAnswered => {
            untrue.extend(named("request", &event.after));
        }
        EventKind::SprintReopened => {
            untrue.extend(event.after["sprint"].as_i64().map(Withdrawal::Sprint));
        }
        _ => {}
    }
    untrue
}
