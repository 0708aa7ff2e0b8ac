//! What a delivery about a pull request does to one task: it links it, and moves it unless there is a reason not to.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    pull_requests::{
        Forge, activity,
        deliveries::TaskResult,
        done::Done,
        found_tasks::FoundTask,
        last_move::{Move, last_move},
        model::{Action, PullRequestState},
        rules::{self, Moment},
        unlink,
    },
    tasks::{
        self, LockedTask, comments,
        move_task::move_task,
        placement::{Place, lock_places},
        sprint_assignment,
    },
};

/// What happened to a pull request, as far as its tasks are concerned.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) forge: Forge,
    pub(super) pull_request: Uuid,
    pub(super) number: i64,
    pub(super) state: PullRequestState,
    pub(super) action: Action,
    /// Whether it is for the default branch.
    pub(super) is_for_default: bool,
    /// The branch that it is for.
    pub(super) base: String,
    /// When it happened, as the forge says.
    pub(super) at: OffsetDateTime,
    /// Whether what cards show of it was changed.
    pub(super) is_changed: bool,
    /// Whether it moves and comments at all: those of outsiders only link.
    pub(super) may_move: bool,
    /// The handles of people whose review is newly wanted, and of the person who did it.
    pub(super) newly_asked: Vec<String>,
    pub(super) sender: Option<String>,
}

/// A link as it is after the delivery.
#[derive(sqlx::FromRow)]
struct Link {
    is_new: bool,
    /// A closing word is before the key, in texts or commits.
    closes: bool,
    commented_at: Option<OffsetDateTime>,
    moved_to: Option<Uuid>,
    moved_version: Option<i64>,
}

impl Step {
    /// The pull request as an author and in texts: `#418`.
    fn mark(&self) -> String {
        format!("{}{}", self.forge.mark(), self.number)
    }

    /// The author of what it does: `GitHub, #418`.
    fn author(&self) -> String {
        format!("{}, {}", self.forge.author(), self.mark())
    }

    /// Links the task, and moves or comments on it.
    pub(super) async fn apply(&self, change: &mut Change, task: &FoundTask) -> Result<Done> {
        if unlink::is_unlinked(change.db(), self.pull_request, task).await? {
            return Ok(Done::left_alone("a person has unlinked it"));
        }
        let recorded = change.recorded();
        let link = self.link(change, task).await?;
        if link.is_new || self.is_changed {
            self.note(change, task, link.is_new).await?;
        }
        let done = self.follow_rule(change, task, &link).await?;
        // All of it was done by the pull request, and no person. Events of other tasks, which wait for this one, may be read by
        // people who may not know this.
        let author = self.author();
        for event in change.pending().skip(recorded) {
            let is_own = event.team == task.team.id && event.task == Some(task.id);
            if is_own && event.after.is_object() {
                event.after["by"] = json!(author);
                if let Some(sender) = &self.sender {
                    event.after["sender"] = json!(sender);
                }
            }
        }
        Ok(match done {
            Some(done) => done,
            None if link.is_new => Done::new(TaskResult::Linked, "Linked"),
            None => Done::left_alone("Nothing to do: it is linked already"),
        })
    }

    /// Removes the link of a task that is no longer named.
    pub(super) async fn unlink(&self, change: &mut Change, task: &FoundTask) -> Result<Done> {
        sqlx::query("DELETE FROM pull_request_tasks WHERE team_id = $1 AND task_id = $2 AND pull_request_id = $3")
            .bind(task.team.id)
            .bind(task.id)
            .bind(self.pull_request)
            .execute(change.db())
            .await?;
        self.record(change, task, "unlinked").await?;
        let words = "Link removed: it is no longer named";
        Ok(Done::new(TaskResult::Linked, words))
    }

    async fn link(&self, change: &mut Change, task: &FoundTask) -> Result<Link> {
        Ok(sqlx::query_as(
            "INSERT INTO pull_request_tasks AS l (team_id, task_id, pull_request_id, closes, commits_close) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (team_id, task_id, pull_request_id) DO UPDATE SET closes = $4, commits_close = greatest(l.commits_close, $5)
             RETURNING xmax = 0 AS is_new, closes OR coalesce(commits_close, false) AS closes, commented_at, moved_to, moved_version",
        )
        .bind(task.team.id)
        .bind(task.id)
        .bind(self.pull_request)
        .bind(task.closes)
        .bind(task.commits_close)
        .fetch_one(change.db())
        .await?)
    }

    /// Tells boards and the task's activity.
    async fn note(&self, change: &mut Change, task: &FoundTask, is_new: bool) -> Result<()> {
        let what = match (is_new, self.action, self.state) {
            (true, ..) => "linked",
            (_, Action::Closed, PullRequestState::Merged) => "merged",
            (_, Action::Closed, _) => "closed",
            (_, Action::Reopened, _) => "reopened",
            (_, Action::Ready, _) => "ready",
            (_, Action::BackToDraft, _) => "draft",
            (_, Action::ReviewRequested, _) => "review-requested",
            _ => "changed",
        };
        self.record(change, task, what).await
    }

    async fn record(&self, change: &mut Change, task: &FoundTask, what: &str) -> Result<()> {
        let version = tasks::touch(change.db(), task.team.id, task.id).await?;
        let author = activity::Author::of(self.forge, self.may_move);
        let of = (task, self.pull_request);
        // As a change that activity does not show, it still reaches the boards.
        let what = match what == "changed" || activity::may_add(change, author, of, what).await? {
            true => what,
            false => "changed",
        };
        let mut after = json!({ "pull_request": self.mark(), "is": what, "by": self.author() });
        if !self.newly_asked.is_empty() && self.state == PullRequestState::Open {
            after["reviewers"] = json!(self.newly_asked);
        }
        change.record(Event {
            team: task.team.id,
            task: Some(task.id),
            kind: EventKind::PullRequestChanged,
            before: json!({}),
            after,
            version: Some(version),
        });
        Ok(())
    }

    /// The moment that this is, if it is one.
    fn moment(&self, link: &Link) -> Option<Moment> {
        let open = match self.state {
            PullRequestState::Draft => Some(Moment::Draft),
            PullRequestState::Open => Some(Moment::Review),
            PullRequestState::Merged | PullRequestState::Closed => None,
        };
        match self.action {
            Action::Opened
            | Action::Ready
            | Action::BackToDraft
            | Action::ReviewRequested
            | Action::Reopened => open,
            // A task that is named later is treated as if it had been named from the start.
            Action::Changed => open.filter(|_| link.is_new),
            Action::Closed if self.state == PullRequestState::Merged => Some(Moment::Merged),
            Action::Closed => Some(Moment::Closed),
        }
    }

    async fn follow_rule(
        &self,
        change: &mut Change,
        task: &FoundTask,
        link: &Link,
    ) -> Result<Option<Done>> {
        let Some(moment) = self.moment(link) else {
            return Ok(None);
        };
        let left_alone = |why: String| Ok(Some(Done::left_alone(why)));
        if !self.may_move {
            return left_alone("its author has no rights in the repository".to_owned());
        }
        // Without that, a branch into which others were merged would move their tasks.
        if !task.is_in_texts && !self.forge.marks_new_commits() {
            return left_alone(format!(
                "only commits name it, and {} does not say which of them are new",
                self.forge.author()
            ));
        }
        if moment == Moment::Merged && !self.is_for_default {
            return left_alone(format!(
                "it was merged into {}, not the default branch",
                self.base
            ));
        }
        if moment == Moment::Merged && !link.closes {
            return left_alone("no closing word such as “closes” is before its key".to_owned());
        }
        let rules = rules::rules(change.db(), &task.team).await?;
        let rule = rules.into_iter().find(|rule| rule.moment == moment);
        let Some(rule) = rule.filter(|rule| rule.is_on) else {
            return left_alone(format!("{} has switched this rule off", task.team.name));
        };
        if moment == Moment::Closed {
            return self.comment(change, task, link).await.map(Some);
        }
        let Some(to) = rule.column else {
            return left_alone(format!("{} has no column for this", task.team.name));
        };
        self.move_to(change, task, link, &to).await.map(Some)
    }

    /// Comments on a task whose pull request was closed, once.
    async fn comment(&self, change: &mut Change, task: &FoundTask, link: &Link) -> Result<Done> {
        if link.commented_at.is_some() {
            let why = "a comment about this was written before";
            return Ok(Done::left_alone(why));
        }
        let text = format!(
            "Pull request {} was closed without being merged.",
            self.mark()
        );
        let author = self.author();
        match comments::add_comment_as(change, &task.team, task.id, &author, &text).await {
            Ok(_) => {}
            // There are too many.
            Err(Problem::Invalid(_)) => {
                return Ok(Done::left_alone("it has no room for another comment"));
            }
            Err(problem) => return Err(problem),
        }
        sqlx::query(
            "UPDATE pull_request_tasks SET commented_at = $4 WHERE team_id = $1 AND task_id = $2 AND pull_request_id = $3",
        )
        .bind(task.team.id)
        .bind(task.id)
        .bind(self.pull_request)
        .bind(self.at)
        .execute(change.db())
        .await?;
        Ok(Done::new(TaskResult::Linked, "Commented"))
    }

    async fn move_to(
        &self,
        change: &mut Change,
        task: &FoundTask,
        link: &Link,
        to: &Column,
    ) -> Result<Done> {
        let (team, id) = (&task.team, task.id);
        let (old, from, to) = lock_places(change.db(), team.id, id, &to.slug).await?;
        if let Some(why) = self
            .reason_not_to_move(change, task, link, (&old, &from, &to))
            .await?
        {
            return Ok(why);
        }
        let place = Place {
            column: to.slug.clone(),
            ..Place::default()
        };
        move_task(change, team, id, &place).await?;
        sqlx::query(
            "UPDATE pull_request_tasks SET moved_to = $4, moved_version = (SELECT moved_version FROM tasks WHERE team_id = $1 AND id = $2)
             WHERE team_id = $1 AND task_id = $2 AND pull_request_id = $3",
        )
        .bind(team.id)
        .bind(id)
        .bind(self.pull_request)
        .bind(to.id)
        .execute(change.db())
        .await?;
        let words = format!("{} → {}", from.name, to.name);
        Ok(Done::new(TaskResult::Moved, words))
    }

    /// Why a task stays where it is: what people have done counts for more.
    async fn reason_not_to_move(
        &self,
        change: &mut Change,
        task: &FoundTask,
        link: &Link,
        (old, from, to): (&LockedTask, &Column, &Column),
    ) -> Result<Option<Done>> {
        let left_alone = |why: String| Ok(Some(Done::left_alone(why)));
        if old.archived_at.is_some() {
            return left_alone("it is archived".to_owned());
        }
        if let Some(sprint) = old.sprint_id
            && let Some(name) = sprint_assignment::closed(change.db(), task.team.id, sprint).await?
        {
            return left_alone(format!("closed in {name}"));
        }
        if from.id == to.id {
            let words = format!("it is in {} already", to.name);
            return self.moved_there(change, task, from, words).await.map(Some);
        }
        if let Some(Move {
            by: Some(by),
            at,
            column,
            ..
        }) = last_move(change, task, Some(self.at)).await?
        {
            return Ok(Some(Done::moved_by(
                by,
                at,
                format!("moved it to {column}"),
            )));
        }
        // A reopened one takes back what it has done itself.
        let is_own_move = self.action == Action::Reopened
            && link.moved_to == Some(from.id)
            && link.moved_version == Some(old.moved_version);
        if is_own_move {
            return Ok(None);
        }
        if from.state == ColumnState::Done {
            let words = format!("it is in {}", from.name);
            return self.moved_there(change, task, from, words).await.map(Some);
        }
        if from.state == ColumnState::Blocked {
            return left_alone("it is blocked".to_owned());
        }
        let is_forward: bool = sqlx::query_scalar(
            "SELECT (SELECT position FROM columns WHERE team_id = $1 AND id = $2) < (SELECT position FROM columns WHERE team_id = $1 AND id = $3)",
        )
        .bind(task.team.id)
        .bind(from.id)
        .bind(to.id)
        .fetch_one(change.db())
        .await?;
        if is_forward {
            return Ok(None);
        }
        let words = format!("it is in {}, which is further on", from.name);
        self.moved_there(change, task, from, words).await.map(Some)
    }

    /// Names the person who has moved the task to where it is. If none did, these words say why it is left alone.
    async fn moved_there(
        &self,
        change: &mut Change,
        task: &FoundTask,
        to: &Column,
        otherwise: String,
    ) -> Result<Done> {
        Ok(match last_move(change, task, None).await? {
            Some(Move {
                by: Some(by),
                at,
                slug,
                column,
            }) if slug == to.slug => Done::moved_by(by, at, format!("moved it to {column}")),
            _ => Done::left_alone(otherwise),
        })
    }
}
