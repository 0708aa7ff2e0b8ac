//! Which people an event concerns.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::domain::{
    events::EventKind,
    markdown::mentions::mentions,
    notifications::{
        batch::{Batch, NewEvent, uuid, words},
        followed,
        reason::Reason,
        withdrawals::{self, Withdrawal},
    },
};

/// What a row of the inbox is about, in the team of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    Team,
    Task(Uuid),
    Goal(Uuid),
    Project(Uuid),
    Request(Uuid),
    /// One change, of many tasks or of something that has no page of its own.
    Change(Uuid),
}

/// A reason to tell a person about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) account: Uuid,
    pub(super) subject: Subject,
    pub(super) reason: Reason,
    pub(super) seq: i64,
    pub(super) follow: Option<Uuid>,
    /// How many tasks of the change it represents.
    pub(super) tasks: i32,
}

/// More tasks of one change than this are one row.
const MOST_ROWS_OF_A_CHANGE: usize = 3;

/// Decides which people the events of a batch concern, in their order, and what they make untrue.
pub(super) fn apply(batch: &Batch) -> (Vec<Notice>, Vec<(i64, Withdrawal)>) {
    let mut notices = Vec::new();
    let mut withdrawals = Vec::new();
    for event in &batch.events {
        let untrue = withdrawals::withdrawn_by(event, batch);
        withdrawals.extend(untrue.into_iter().map(|what| (event.seq, what)));
        // what was undone, and undoing it, is no news
        if event.undoes.is_some() || event.is_undone {
            continue;
        }
        let mut told: BTreeMap<Uuid, (Reason, Option<Uuid>)> = BTreeMap::new();
        let mut tell = |account: Uuid, reason: Reason, follow: Option<Uuid>| {
            let known = told.entry(account).or_insert((reason, follow));
            if reason < known.0 {
                *known = (reason, follow);
            }
        };
        for (account, reason) in concerned(event, batch) {
            tell(account, reason, None);
        }
        for follow in &batch.follows {
            if follow.since <= event.at && followed::is_followed(event, follow, batch) {
                tell(follow.account_id, Reason::Following, Some(follow.id));
            }
        }
        let about = subject(event, batch);
        // The person who did it at a forge knows of it too.
        let sender = event.after["sender"].as_str();
        let sender = sender.and_then(|handle| batch.people.get(handle).copied());
        let others = told
            .into_iter()
            .filter(|(account, _)| Some(*account) != event.actor_id && Some(*account) != sender);
        notices.extend(others.map(|(account, (reason, follow))| Notice {
            account,
            subject: about,
            reason,
            seq: event.seq,
            follow,
            tasks: 1,
        }));
    }
    (fold_changes(notices, batch), withdrawals)
}

/// What the event is about.
fn subject(event: &NewEvent, batch: &Batch) -> Subject {
    if let Some(task) = event.task_id {
        return Subject::Task(task);
    }
    let goal = uuid(&event.after["goal"]).filter(|goal| batch.goals.contains_key(goal));
    let is_of_goal = event.kind.as_str().starts_with("goal.");
    if let Some(goal) = goal.filter(|_| is_of_goal) {
        return Subject::Goal(goal);
    }
    match event.kind {
        EventKind::ProjectEdited
        | EventKind::ProjectFinished
        | EventKind::ProjectResumed
        | EventKind::MilestoneAdded
        | EventKind::MilestoneEdited
        | EventKind::MilestoneReached
        | EventKind::MilestoneReopened
        | EventKind::MilestoneDeleted => {
            uuid(&event.after["project"]).map_or(Subject::Team, Subject::Project)
        }
        EventKind::RequestCreated | EventKind::RequestAnswered => {
            uuid(&event.after["request"]).map_or(Subject::Team, Subject::Request)
        }
        EventKind::ActionAdded
        | EventKind::TopicAdded
        | EventKind::BoardImported
        | EventKind::ImportUndone => Subject::Change(event.change_id),
        _ => Subject::Team,
    }
}

/// The people the event concerns for what they do, follows left aside.
fn concerned(event: &NewEvent, batch: &Batch) -> Vec<(Uuid, Reason)> {
    let task = event.task_id.and_then(|task| batch.tasks.get(&task));
    let owners = || task.map_or(&[][..], |task| &task.owners);
    let person = |handle: &str| batch.people.get(handle).copied();
    let mentioned = |text: &str| {
        let people: Vec<Uuid> = mentions(text)
            .iter()
            .filter_map(|handle| person(handle))
            .collect();
        people
            .into_iter()
            .map(|account| (account, Reason::Mentioned))
    };
    let all = |people: &[Uuid], reason| people.iter().map(|account| (*account, reason)).collect();
    match event.kind {
        EventKind::TaskCreated | EventKind::TaskAssigned => {
            let before: BTreeSet<&str> = words(&event.before["owners"]).collect();
            // the description of a new task
            let text = event.task_id.and_then(|task| batch.comments.get(&task));
            let text = text.filter(|_| event.kind == EventKind::TaskCreated);
            words(&event.after["owners"])
                .filter(|handle| !before.contains(handle))
                .filter_map(person)
                // still
                .filter(|account| owners().contains(account))
                .map(|account| (account, Reason::Assigned))
                .chain(text.into_iter().flat_map(|text| mentioned(text)))
                .collect()
        }
        EventKind::TaskEdited => {
            let before: BTreeSet<String> =
                mentions(event.before["description"].as_str().unwrap_or(""));
            let text = event.after["description"].as_str().unwrap_or("");
            let new = mentions(text);
            new.difference(&before)
                .filter_map(|handle| person(handle))
                .map(|account| (account, Reason::Mentioned))
                .collect()
        }
        EventKind::CommentAdded => {
            let text = uuid(&event.after["comment"]).and_then(|id| batch.comments.get(&id));
            let Some(text) = text else { return Vec::new() };
            let of_owners = owners().iter().map(|owner| (*owner, Reason::Comment));
            mentioned(text).chain(of_owners).collect()
        }
        EventKind::GoalCommented | EventKind::GoalConcernRaised => {
            let text = uuid(&event.after["remark"]).and_then(|id| batch.comments.get(&id));
            text.map_or_else(Vec::new, |text| mentioned(text).collect())
        }
        EventKind::TopicAdded => {
            let asked = event.after["asked"].as_str();
            let asked = asked.and_then(|asked| asked.parse().ok().or_else(|| person(asked)));
            asked
                .map(|account| (account, Reason::Mentioned))
                .into_iter()
                .collect()
        }
        EventKind::TaskBlocked => {
            let on = uuid(&event.after["blockers"]["id"]).and_then(|id| batch.blockers.get(&id));
            on.map_or_else(Vec::new, |people| all(people, Reason::BlockedOnYou))
        }
        EventKind::TaskUnblocked => all(owners(), Reason::Unblocked),
        EventKind::BlockerMoved if event.after["state"] == "done" => {
            all(owners(), Reason::Unblocked)
        }
        EventKind::TaskMoved
            if event.after["state"] == "review" && event.before["state"] != "review" =>
        {
            all(owners(), Reason::Review)
        }
        EventKind::PullRequestChanged => words(&event.after["reviewers"])
            .filter_map(person)
            .map(|account| (account, Reason::Review))
            .collect(),
        EventKind::ActionAdded => event.after["owner"]
            .as_str()
            .and_then(person)
            .map(|account| (account, Reason::Action))
            .into_iter()
            .collect(),
        EventKind::RequestCreated => all(&batch.leads, Reason::Request),
        EventKind::RequestAnswered => uuid(&event.after["request"])
            .and_then(|id| batch.askers.get(&id).copied())
            .map(|account| (account, Reason::RequestAnswered))
            .into_iter()
            .collect(),
        EventKind::SprintStarted => all(&batch.members, Reason::SprintStarted),
        EventKind::SprintClosed => all(&batch.members, Reason::SprintClosed),
        // These concern followers only.
        EventKind::TaskMoved
        | EventKind::TaskArchived
        | EventKind::TaskRestored
        | EventKind::TaskLabelled
        | EventKind::TaskImported
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
        | EventKind::SprintReopened
        | EventKind::SprintRescheduled
        | EventKind::SprintSkipped
        | EventKind::SprintCadenceChanged
        | EventKind::GoalCreated
        | EventKind::GoalEdited
        | EventKind::GoalDeleted
        | EventKind::GoalReordered
        | EventKind::GoalProgressed
        | EventKind::GoalCommentWithdrawn
        | EventKind::GoalCommentRemoved
        | EventKind::GoalConcernResolved
        | EventKind::RetroNoteAdded
        | EventKind::RetroNoteEdited
        | EventKind::RetroNoteRemoved
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
        | EventKind::RequestWithdrawn
        | EventKind::KeyResultAdded
        | EventKind::KeyResultEdited
        | EventKind::KeyResultDeleted
        | EventKind::KeyResultProgressed => Vec::new(),
    }
}

/// Makes one notice of what a change tells a person about more than a few tasks for the same reason.
fn fold_changes(notices: Vec<Notice>, batch: &Batch) -> Vec<Notice> {
    let change_of: BTreeMap<i64, Uuid> = batch
        .events
        .iter()
        .map(|event| (event.seq, event.change_id))
        .collect();
    let key = |notice: &Notice| {
        (
            notice.account,
            change_of.get(&notice.seq).copied(),
            notice.reason,
        )
    };
    let mut tasks: BTreeMap<_, BTreeSet<Subject>> = BTreeMap::new();
    for notice in &notices {
        if matches!(notice.subject, Subject::Task(_)) {
            tasks.entry(key(notice)).or_default().insert(notice.subject);
        }
    }
    let mut folded: BTreeSet<_> = BTreeSet::new();
    let mut kept = Vec::new();
    for mut notice in notices {
        let key = key(&notice);
        let many = tasks.get(&key).map_or(0, BTreeSet::len);
        if many > MOST_ROWS_OF_A_CHANGE && matches!(notice.subject, Subject::Task(_)) {
            if !folded.insert(key) {
                continue;
            }
            if let Some(change) = key.1 {
                notice.subject = Subject::Change(change);
                notice.tasks = i32::try_from(many).unwrap_or(i32::MAX);
            }
        }
        kept.push(notice);
    }
    kept
}
