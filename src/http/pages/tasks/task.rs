//! The task, in a dialog over the board and as a page, with the same HTML.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::{self, Column, labels::Label},
        clock::Clock,
        column_state::ColumnState,
        error::{Conflict, Result},
        follows::follow::{self, FollowTarget},
        goals::{self, Goal},
        humanize,
        markdown::{
            self,
            worker::{render_lines, render_text},
        },
        notifications::edit::Opened,
        person::Person,
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        projects,
        sprints::{self, Sprint, SprintState},
        tasks::{
            Blocker,
            attachments::{self, Attachment},
            dependencies::{self, WaitingTask},
            task_details::{self, TaskDetails},
            timeline::{self, EntryContent},
        },
        team::Team,
        teams::roster::load_roster,
    },
    http::{
        extract::{form::Fields, task::TaskContext},
        layout::Layout,
        page::{self, fragment},
        pages::inbox,
        pages::tasks::{
            pull_requests::PullRequests,
            rejected_form::{RejectedForm, describe_side},
            url_query::{ActivityQuery, UndoQuery},
        },
    },
};

#[derive(Template)]
#[template(path = "tasks/task.html")]
struct TaskPage {
    layout: Layout,
    task_view: TaskView,
}

/// The task's HTML, for the dialog and the page.
#[derive(Template)]
#[template(path = "tasks/_task.html")]
pub(crate) struct TaskView {
    viewer: Viewer,
    team: Team,
    may_edit: bool,
    may_lead: bool,
    task: TaskDetails,
    description: markdown::Html,
    /// The texts of the steps, with links.
    step_texts: Vec<markdown::Html>,
    attachments: Vec<Attachment>,
    pull_requests: PullRequests,
    activity: timeline::Activity,
    /// Whether it is an earlier part of the activity.
    shows_earlier: bool,
    columns: Vec<Column>,
    sprints: Vec<Sprint>,
    goals: Vec<Goal>,
    /// Slug and name of every active project, and of the task's own.
    projects: Vec<(String, String)>,
    /// The tasks that are waiting on this one.
    waiting: Vec<WaitingTask>,
    people: Vec<Person>,
    labels: Vec<Label>,
    /// Whether the reader follows the task.
    follows: bool,
    now: OffsetDateTime,
    /// A refused form: the errors and the entered values.
    errors: BTreeMap<&'static str, String>,
    conflict: Option<Conflict>,
    submitted: Fields,
    undoable: Option<timeline::Undoable>,
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for TaskView {}

impl TaskView {
    /// The steps, each with its text as it is shown.
    fn steps(&self) -> impl Iterator<Item = (&task_details::Step, &markdown::Html)> {
        self.task.steps.iter().zip(&self.step_texts)
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The errors that belong to no visible field.
    fn other_errors(&self) -> Vec<&str> {
        let beside = [
            "title",
            "description",
            "text",
            "body",
            "file",
            "owners",
            "sprint",
            "project",
            "goal",
            "labels",
            "needed_by",
            "due",
            "estimate",
        ];
        self.errors
            .iter()
            .filter(|(field, _)| !beside.contains(*field))
            .map(|(_, error)| error.as_str())
            .collect()
    }

    /// The text entered in this comment's form, if that was refused.
    fn refused_comment(&self, id: &Uuid) -> Option<&str> {
        let is_it = !self.errors.is_empty() && self.submitted.text("comment") == id.to_string();
        is_it.then(|| self.submitted.text("body"))
    }

    /// The text entered as a new comment.
    fn submitted_body(&self) -> &str {
        if self.submitted.get("comment").is_some() {
            ""
        } else {
            self.submitted("body")
        }
    }

    fn body_error(&self) -> &str {
        if self.submitted.get("comment").is_some() {
            ""
        } else {
            self.error("body")
        }
    }

    /// The entered value of a field, or the current one.
    fn value(&self, field: &str, current: impl AsRef<str>) -> String {
        let submitted = if self.errors.is_empty() && self.conflict.is_none() {
            None
        } else {
            self.submitted.get(field)
        };
        submitted.unwrap_or(current.as_ref()).to_owned()
    }

    fn submitted(&self, field: &str) -> &str {
        if self.errors.is_empty() && self.conflict.is_none() {
            ""
        } else {
            self.submitted.text(field)
        }
    }

    fn labels_text(&self) -> String {
        self.task
            .card
            .labels
            .iter()
            .map(|label| label.name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn estimate_text(&self) -> String {
        self.task
            .card
            .estimate
            .map_or(String::new(), |estimate| estimate.to_string())
    }

    fn due_text(&self) -> String {
        self.task
            .card
            .due
            .map_or(String::new(), |due| due.to_string())
    }

    fn due_words(&self) -> String {
        self.task.card.due.map_or(String::new(), humanize::day)
    }

    fn owns(&self, handle: &str) -> bool {
        self.task
            .card
            .owners
            .iter()
            .any(|owner| owner.handle == handle)
    }

    fn is_mine(&self, line: &timeline::TimelineEntry) -> bool {
        line.person
            .as_ref()
            .is_some_and(|person| person.id == self.viewer.person.id)
            && self.viewer.may_write()
    }

    fn is_cover(&self, attachment: &Attachment) -> bool {
        self.task.card.cover.map(|cover| cover.id) == Some(attachment.id)
    }

    fn may_delete(&self, attachment: &Attachment) -> bool {
        let is_own = attachment.uploader_id == Some(self.viewer.person.id);
        self.viewer.may_write() && (is_own || self.may_lead)
    }

    fn blocked_reason(&self, blocker: &Blocker) -> String {
        blocker.text(self.now)
    }

    fn wait_time(&self, waiting: &WaitingTask) -> String {
        humanize::age(self.now, waiting.since)
    }

    fn follow_url(&self) -> String {
        format!("/tasks/{}/follow", self.task.card.key)
    }

    fn column_name(&self) -> &str {
        &self.task.card.column_name
    }

    fn board(&self) -> String {
        let sprint = self
            .task
            .card
            .sprint
            .map_or("all".to_owned(), |sprint| sprint.to_string());
        format!("/teams/{}?sprint={sprint}", self.team.slug)
    }

    fn created_ago(&self) -> String {
        humanize::ago(self.now, self.task.created_at)
    }

    fn open_sprints(&self) -> impl Iterator<Item = &Sprint> {
        self.sprints.iter().filter(|sprint| {
            sprint.state != SprintState::Closed || Some(sprint.number) == self.task.card.sprint
        })
    }

    fn in_sprint(&self, number: &i32) -> bool {
        self.task.card.sprint == Some(*number)
    }

    fn has_project(&self, slug: &str) -> bool {
        self.task.project.as_deref() == Some(slug)
    }

    fn has_goal(&self, goal: &Uuid) -> bool {
        self.task.card.goal_id == Some(*goal)
    }

    /// The sent fields with their values in one version: the sent or the current one.
    fn side(&self, conflict: &Conflict, side: &Value) -> String {
        describe_side(conflict, side, &self.columns)
    }
}

pub(crate) async fn task_view(
    db: &Pool,
    clock: &Clock,
    viewer: &Viewer,
    access: &TaskAccess,
    rejected_form: RejectedForm,
    done_change: Option<Uuid>,
    earlier: Option<i64>,
) -> Result<TaskView> {
    let task = task_details::load_task(db, &access.team, access.id).await?;
    let links = team_access::links(db, viewer).await?;
    let seen: Vec<Uuid> = team_access::seen_teams(db, viewer)
        .await?
        .iter()
        .map(|team| team.id)
        .collect();
    let all_sprints = sprints::queries::sprints_of(db, access.team.id).await?;
    let now = clock.now();
    let goals_sprint = all_sprints
        .iter()
        .find(|sprint| Some(sprint.number) == task.card.sprint)
        .or_else(|| sprints::queries::current(&all_sprints));
    let goals = match goals_sprint {
        Some(sprint) => {
            let roster = load_roster(db, access.team.id).await?;
            goals::goals(db, &access.team, sprint, &roster, now).await?
        }
        None => Vec::new(),
    };
    Ok(TaskView {
        description: render_text(&task.description, &links).await?,
        step_texts: render_lines(
            task.steps.iter().map(|step| step.text.clone()).collect(),
            &links,
        )
        .await?,
        pull_requests: PullRequests::load(db, access, &task.card).await?,
        attachments: attachments::attachments(db, access.team.id, access.id).await?,
        activity: timeline::of_task(db, access.team.id, access.id, &links, earlier).await?,
        shows_earlier: earlier.is_some(),
        columns: boards::queries::columns(db, access.team.id).await?,
        people: boards::queries::people(db).await?,
        labels: boards::queries::labels(db, access.team.id).await?,
        sprints: all_sprints,
        goals,
        projects: projects::queries::selectable_projects(db, &seen, task.project.as_deref())
            .await?,
        follows: follow::follows(
            db,
            viewer.person.id,
            access.team.id,
            FollowTarget::Task(access.id),
        )
        .await?,
        waiting: dependencies::on_task(db, viewer, access.team.id, access.id).await?,
        viewer: viewer.clone(),
        team: access.team.clone(),
        may_edit: access.may_edit,
        may_lead: access.may_lead,
        task,
        now,
        errors: rejected_form.errors,
        conflict: rejected_form.conflict,
        submitted: rejected_form.submitted,
        undoable: timeline::undoable(db, done_change, viewer, now).await?,
    })
}

/// `GET /tasks/{key}`
pub async fn task(
    State(app): State<App>,
    TaskContext { viewer, access }: TaskContext,
    Query(undo): Query<UndoQuery>,
    Query(part): Query<ActivityQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let opened = Opened::Task(access.id);
    let viewer = inbox::note_opened(&app, viewer, &headers, access.team.id, opened).await?;
    let task_view = task_view(
        &app.db,
        &app.clock,
        &viewer,
        &access,
        RejectedForm::default(),
        undo.done_change,
        part.earlier,
    )
    .await?;
    shown(&app, &viewer, &headers, task_view, StatusCode::OK).await
}

pub(crate) async fn shown(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    task_view: TaskView,
    status: StatusCode,
) -> Result<Response> {
    if fragment(headers).is_some() {
        return if status.is_success() {
            page::page(&task_view)
        } else {
            page::with_errors(status, &task_view)
        };
    }
    let title = format!("{} {}", task_view.task.card.key, task_view.task.card.title);
    let page = TaskPage {
        layout: Layout::new(app, viewer, headers, title, &task_view.team.slug).await?,
        task_view,
    };
    if status.is_success() {
        page::page(&page)
    } else {
        page::with_errors(status, &page)
    }
}
