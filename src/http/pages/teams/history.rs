//! A team's activity, the newest first.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        column_state::ColumnState,
        error::Result,
        events::{
            EventKind,
            log::{self, HistoryRow},
        },
        goals, humanize,
        policy::{team_access, viewer::Viewer},
        tasks::{
            event_names::{Names, handles_in},
            event_text::impersonal_text,
        },
        team::Team,
    },
    http::{layout::Layout, page},
};

/// Events per page.
const SHOWN: i64 = 100;

#[derive(Template)]
#[template(path = "teams/history.html")]
struct HistoryPage {
    layout: Layout,
    team: Team,
    lines: Vec<HistoryEntry>,
    /// The event before which the next page starts.
    older: Option<i64>,
    time_zone: String,
}

/// An event with its sentence.
struct HistoryEntry {
    actor: String,
    what: String,
    task: Option<(String, String)>,
    at: OffsetDateTime,
}

impl HistoryPage {
    fn at(&self, line: &HistoryEntry) -> String {
        humanize::moment(line.at, &self.time_zone)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    before: Option<i64>,
}

/// `GET /teams/{slug}/history?before=419`
pub(crate) async fn history(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(from): Query<Before>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let before = from.before.unwrap_or(i64::MAX);
    let read = |db| async move { log::history_before(&db, team.id, before, SHOWN).await };
    let rows = app.read(read).await?;
    let older = rows.last().map(|row| row.seq).filter(|seq| *seq > 1);
    let handles = handles_in(rows.iter().flat_map(|row| [&row.before, &row.after]));
    let names = Names::load(&app.db, team.id, &handles).await?;
    let line = |row: HistoryRow| {
        let what = names
            .sentence(row.kind, &row.before, &row.after)
            .or_else(|| of_the_team(row.kind, &row.before, &row.after))?;
        let task = row.number.map(|number| {
            (
                format!("{}-{number}", team.key),
                row.title.unwrap_or_default(),
            )
        });
        let (actor, what) = match (row.actor, impersonal_text(row.kind, &row.after)) {
            (Some(actor), _) => (actor, what),
            (None, Some((which, is))) => (which.to_owned(), is.to_owned()),
            (None, None) => (actor_name(row.kind, &row.after).to_owned(), what),
        };
        Some(HistoryEntry {
            actor,
            what,
            task,
            at: row.at,
        })
    };
    let lines = rows.into_iter().filter_map(line).collect();
    let layout = Layout::new(
        &app,
        &viewer,
        &headers,
        format!("{}: history", team.name),
        &slug,
    )
    .await?
    .at("about");
    page::page(&HistoryPage {
        layout,
        team,
        lines,
        older,
        time_zone: viewer.time_zone,
    })
}

/// The name to show for an actor without an account.
fn actor_name(kind: EventKind, after: &Value) -> &str {
    match (kind, text(&after["by"])) {
        // events without an actor
        (EventKind::SprintStarted | EventKind::WorkspaceRestored, _) => "",
        (_, "") => "A former member",
        (_, by) => by,
    }
}

/// The sentence of a team event, to follow the actor's name; `None` for events that are not listed.
fn of_the_team(kind: EventKind, before: &Value, after: &Value) -> Option<String> {
    let (old, is) = (
        |field: &str| text(&before[field]),
        |field: &str| text(&after[field]),
    );
    let member = || {
        if is("who").contains(' ') {
            is("who").to_owned()
        } else {
            format!("@{}", is("who"))
        }
    };
    Some(match kind {
        EventKind::CommentAdded => "commented".to_owned(),
        EventKind::CommentEdited => "edited a comment".to_owned(),
        EventKind::MemberJoined if after["comes"] == true => "joined the team".to_owned(),
        EventKind::MemberJoined => format!("added {} to the team", member()),
        EventKind::MemberLeft => format!("removed {} from the team", member()),
        EventKind::MemberRoleChanged => format!("made {} a {}", member(), is("role")),
        EventKind::MemberProfileEdited => "edited their profile".to_owned(),
        EventKind::TeamCreated => format!("added the team {} ({})", is("name"), is("key")),
        EventKind::TeamRenamed => format!("renamed the team to {} ({})", is("name"), is("key")),
        EventKind::TeamProfileEdited => "edited the team's about page".to_owned(),
        EventKind::TeamVisibilityChanged if after["private"] == true => {
            "made the team private".to_owned()
        }
        EventKind::TeamVisibilityChanged => {
            "opened the team to everyone in the workspace".to_owned()
        }
        EventKind::TeamAgentsChanged if after["may_close"] == true => {
            "allowed agents to move tasks to Done".to_owned()
        }
        EventKind::TeamAgentsChanged => "stopped agents from moving tasks to Done".to_owned(),
        EventKind::ShareLinkCreated => format!("shared the {} with {}", is("shows"), is("name")),
        EventKind::ShareLinkRevoked => {
            format!("revoked the {} link for {}", is("shows"), is("name"))
        }
        EventKind::ShareLinkEnded => {
            format!("also revoked the {} link for {}", is("shows"), is("name"))
        }
        EventKind::WorkspaceRestored => "The workspace was restored from a backup".to_owned(),
        EventKind::WorkspaceEdited => match (is("name"), after["registration_open"].is_null()) {
            ("", _) => "changed who can register".to_owned(),
            (name, true) => format!("renamed the workspace to {name}"),
            (name, false) => {
                format!("renamed the workspace to {name} and changed who can register")
            }
        },
        EventKind::TeamDayOffChanged if after["day"].is_null() => {
            format!("removed the day off on {}", old("day"))
        }
        EventKind::TeamDayOffChanged => format!("added a day off: {} {}", is("day"), is("name")),
        EventKind::TeamScheduleChanged => "changed the working days and standups".to_owned(),
        EventKind::TeamPullRequestsChanged => "changed what pull requests do to tasks".to_owned(),
        EventKind::TeamGitHubProjectsChanged => github_project(after),
        EventKind::TeamChatChanged if after["product"].is_null() => {
            "stopped the messages to the chat channel".to_owned()
        }
        EventKind::TeamChatChanged => "changed the messages to the chat channel".to_owned(),
        EventKind::ColumnAdded => match after["columns"].as_array() {
            Some(several) => format!(
                "added the columns {}",
                several
                    .iter()
                    .map(|column| text(&column["name"]))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            None => format!("added the column {}", is("name")),
        },
        EventKind::ColumnEdited if old("name") == is("name") => {
            format!(
                "set the state of the column {} to {}",
                is("name"),
                ColumnState::try_from(is("state").to_owned())
                    .map_or("other", ColumnState::default_name)
                    .to_lowercase()
            )
        }
        EventKind::ColumnEdited => format!("changed the column {} to {}", old("name"), is("name")),
        EventKind::ColumnReordered => "changed the order of the columns".to_owned(),
        EventKind::ColumnRemoved => format!("deleted the column {}", old("name")),
        EventKind::ColumnLimited if after["wip_limit"].is_null() => {
            format!("removed the limit of the column {}", is("name"))
        }
        EventKind::ColumnLimited => format!(
            "set the limit of the column {} to {}",
            is("name"),
            after["wip_limit"]
        ),
        EventKind::BoardImported => imported(after),
        EventKind::ImportUndone => format!("undid an import: it {}", imported(before)),
        EventKind::LabelEdited if old("name") == is("name") => {
            format!("changed the colour of the label {}", is("name"))
        }
        EventKind::LabelEdited => format!("changed the label {} to {}", old("name"), is("name")),
        EventKind::LabelRemoved => format!("deleted the label {}", old("name")),
        EventKind::FilterSaved => format!("saved the filter “{}” for the team", is("name")),
        EventKind::FilterDeleted => format!("deleted the filter “{}”", is("name")),
        EventKind::GoalCreated => format!("added the goal “{}”", is("title")),
        EventKind::GoalEdited => "edited a goal".to_owned(),
        EventKind::GoalDeleted => format!("deleted the goal “{}”", old("title")),
        EventKind::GoalProgressed => {
            format!("updated a goal's progress: {}", goals::progress(after))
        }
        EventKind::GoalCommented => format!("commented on the goal “{}”", is("title")),
        EventKind::GoalCommentWithdrawn => "withdrew a comment on a goal".to_owned(),
        EventKind::GoalCommentRemoved => "deleted a comment on a goal".to_owned(),
        EventKind::RetroNoteRemoved => "deleted a retro note".to_owned(),
        EventKind::GoalConcernRaised => format!("raised a concern about “{}”", is("title")),
        EventKind::GoalConcernResolved => "resolved a concern".to_owned(),
        EventKind::RequestCreated => format!("requested “{}”", is("title")),
        EventKind::RequestWithdrawn => "withdrew a request".to_owned(),
        EventKind::RequestAnswered => format!("answered a request: {}", is("outcome")),
        EventKind::SprintStarted => format!("Sprint {} started", after["sprint"]),
        EventKind::SprintClosed => "closed the sprint".to_owned(),
        EventKind::SprintReopened => "reopened the sprint".to_owned(),
        EventKind::SprintRescheduled
        | EventKind::SprintSkipped
        | EventKind::SprintCadenceChanged => "changed the sprint schedule".to_owned(),
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
        | EventKind::GitHubProjectOverruled
        | EventKind::TaskColumnDeleted
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
        | EventKind::ColumnRebalanced
        | EventKind::MemberAbsenceChanged
        | EventKind::GoalReordered
        | EventKind::RetroNoteAdded
        | EventKind::RetroNoteEdited
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
        | EventKind::KeyResultAdded
        | EventKind::KeyResultEdited
        | EventKind::KeyResultDeleted
        | EventKind::KeyResultProgressed => return None,
    })
}

/// What was done to a connected project of GitHub.
fn github_project(after: &Value) -> String {
    let project = text(&after["project"]);
    match text(&after["what"]) {
        "github-project.connected" => format!("connected the project {project} on GitHub"),
        "github-project.disconnected" => format!("disconnected the project {project} on GitHub"),
        "github-project.token-replaced" => {
            format!("replaced the token for the project {project} on GitHub")
        }
        _ => format!("changed what is kept in sync with the project {project} on GitHub"),
    }
}

/// `imported 11 tasks from Trello “Roadmap”, INF-1 to INF-11, and added the columns Lab, Drill`
fn imported(after: &Value) -> String {
    let is = |field: &str| text(&after[field]);
    let count = usize::try_from(after["tasks"].as_u64().unwrap_or(0)).unwrap_or(0);
    let mut sentence = format!(
        "imported {} from {}",
        humanize::counted(count, "task"),
        is("from")
    );
    if !is("board").is_empty() {
        sentence += &format!(" “{}”", is("board"));
    }
    sentence += &match (is("first"), is("last")) {
        (first, last) if first == last => format!(", {first}"),
        (first, last) => format!(", {first} to {last}"),
    };
    let columns: Vec<&str> = after["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    if !columns.is_empty() {
        sentence += &format!(", and added the columns {}", columns.join(", "));
    }
    sentence
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
