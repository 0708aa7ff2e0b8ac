//! What the forges tell, in one form for all of them.

use time::OffsetDateTime;

use crate::domain::error::{Problem, Result};

/// A kind of forge, which decides signatures and formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum Forge {
    #[sqlx(rename = "github")]
    GitHub,
    /// Forgejo and Gitea, which send the same.
    Forgejo,
    #[sqlx(rename = "gitlab")]
    GitLab,
}

impl Forge {
    pub(crate) const ALL: [Self; 3] = [Self::GitHub, Self::Forgejo, Self::GitLab];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Forgejo => "forgejo",
            Self::GitLab => "gitlab",
        }
    }

    /// The name on pages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::Forgejo => "Forgejo or Gitea",
            Self::GitLab => "GitLab",
        }
    }

    /// Whether its pushes say which commits are new, rather than of another branch that was merged into this one.
    pub(crate) fn marks_new_commits(self) -> bool {
        self == Self::GitHub
    }

    /// The name of one as the author of a change.
    pub(crate) fn author(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::Forgejo => "Forgejo",
            Self::GitLab => "GitLab",
        }
    }

    /// What goes before a pull request's number: `#418`, and `!418` at GitLab.
    pub(crate) fn mark(self) -> char {
        match self {
            Self::GitHub | Self::Forgejo => '#',
            Self::GitLab => '!',
        }
    }

    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|forge| forge.as_str() == name)
            .ok_or_else(|| Problem::field("forge", "Choose GitHub, Forgejo or GitLab."))
    }
}

/// Where a pull request is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
#[serde(rename_all = "lowercase")]
pub enum PullRequestState {
    Draft,
    Open,
    Merged,
    Closed,
}

impl PullRequestState {
    /// The word on pages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Merged => "merged",
            Self::Closed => "closed",
        }
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Open)
    }
}

/// How the checks of a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Running,
    Passed,
    Failed,
}

impl CheckState {
    /// The name in the database and in style sheets.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    /// The words on pages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Running => "checks running",
            Self::Passed => "checks passed",
            Self::Failed => "checks failed",
        }
    }
}

/// What happened to a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Opened,
    /// It is no longer a draft.
    Ready,
    /// It is a draft again.
    BackToDraft,
    ReviewRequested,
    Reopened,
    /// Merged or not: its state says which.
    Closed,
    /// Its texts, commits, labels or anything else.
    Changed,
}

/// A delivery about a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestEvent {
    pub action: Action,
    pub repository: String,
    pub number: i64,
    pub title: String,
    pub body: String,
    pub url: String,
    pub head_branch: String,
    /// Whether the branch is of a fork: the repository may have another one with the same name.
    pub is_fork: bool,
    /// Whether the author is known to have no rights in the repository.
    pub is_of_outsider: bool,
    pub head_commit: String,
    pub base_branch: String,
    pub default_branch: String,
    pub state: PullRequestState,
    /// The logins of those whose review is wanted.
    pub reviewers: Vec<String>,
    /// The one whose review is requested by this, also if it was before.
    pub asked: Option<String>,
    pub author: String,
    /// Who did it.
    pub sender: String,
    /// When it happened, as the forge says.
    pub at: OffsetDateTime,
}

/// Commits that were pushed to a branch, or that the branch was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushEvent {
    pub repository: String,
    pub branch: String,
    /// Whether it is the default branch, whose commits are those of many pull requests.
    pub is_default: bool,
    pub is_deleted: bool,
    pub messages: Vec<String>,
}

/// The state of one check of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckEvent {
    pub repository: String,
    pub commit: String,
    pub name: String,
    /// The forge's number of this run of the check: a later run has a larger one. 0 if it has none.
    pub run: i64,
    pub state: CheckState,
    pub at: OffsetDateTime,
}

/// A new comment on a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentEvent {
    pub repository: String,
    pub number: i64,
    pub author: String,
    pub body: String,
}

/// A delivery of which we make use, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgeEvent {
    PullRequest(Box<PullRequestEvent>),
    Push(PushEvent),
    Check(CheckEvent),
    Comment(CommentEvent),
    /// An item of a project has changed.
    ProjectItem {
        /// GitHub's ids of the project and of the item.
        project: String,
        item: String,
    },
    /// The forge tries the address.
    Ping,
    /// Nothing of interest, with its name and repository.
    Other {
        name: String,
        repository: String,
    },
}

impl ForgeEvent {
    /// What it is about, in words: `#418 merged into main, acme/alerts`.
    pub(super) fn summary(&self, forge: Forge) -> String {
        let mark = forge.mark();
        match self {
            Self::PullRequest(event) => {
                let what = match (event.action, event.state) {
                    (Action::Opened, PullRequestState::Draft) => "opened as a draft".to_owned(),
                    (Action::Opened, _) => "opened".to_owned(),
                    (Action::Ready, _) => "ready for review".to_owned(),
                    (Action::BackToDraft, _) => "a draft again".to_owned(),
                    (Action::ReviewRequested, _) => "review requested".to_owned(),
                    (Action::Reopened, _) => "reopened".to_owned(),
                    (Action::Closed, PullRequestState::Merged) => {
                        format!("merged into {}", event.base_branch)
                    }
                    (Action::Closed, _) => "closed".to_owned(),
                    (Action::Changed, _) => "changed".to_owned(),
                };
                format!("{mark}{} {what}, {}", event.number, event.repository)
            }
            Self::Push(event) => {
                let what = if event.is_deleted {
                    "deletion of"
                } else {
                    "push to"
                };
                format!("{what} {}, {}", event.branch, event.repository)
            }
            Self::Check(event) => format!("{}, {}", event.state.label(), event.repository),
            Self::Comment(event) => {
                format!("comment on {mark}{}, {}", event.number, event.repository)
            }
            Self::ProjectItem { .. } => "item of a project".to_owned(),
            Self::Ping => "ping".to_owned(),
            Self::Other { name, repository } if repository.is_empty() => name.clone(),
            Self::Other { name, repository } => format!("{name}, {repository}"),
        }
    }

    /// The repository that it is about, if it is about one.
    pub fn repository(&self) -> &str {
        match self {
            Self::PullRequest(event) => &event.repository,
            Self::Push(event) => &event.repository,
            Self::Check(event) => &event.repository,
            Self::Comment(event) => &event.repository,
            Self::ProjectItem { .. } | Self::Ping => "",
            Self::Other { repository, .. } => repository,
        }
    }
}
