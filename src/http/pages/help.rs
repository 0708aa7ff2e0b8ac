//! The guides of `docs/`, which are part of the program and open to everyone.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        markdown::{Html, document::render_document},
        policy::viewer::Viewer,
    },
    http::{
        layout::Layout,
        page::{page, theme},
    },
};

/// A guide, rendered.
struct Guide {
    /// Its last path segment.
    slug: &'static str,
    title: &'static str,
    /// What it is about, for the list of guides.
    about: &'static str,
    html: Html,
}

/// A file of the repository: its path there, its slug, what it is about, and its text.
type Source = (&'static str, &'static str, &'static str, &'static str);

macro_rules! source {
    ($path:literal, $slug:literal, $about:literal) => {
        (
            $path,
            $slug,
            $about,
            include_str!(concat!("../../../", $path)),
        )
    };
}

const SOURCES: [Source; 23] = [
    source!(
        "docs/using.md",
        "using",
        "The board, filters, sprints, standup, check-in and the keyboard."
    ),
    source!(
        "docs/install.md",
        "install",
        "Debian package, Docker, Kubernetes, or from source."
    ),
    source!(
        "docs/reverse-proxy.md",
        "reverse-proxy",
        "HTTPS with nginx or Caddy."
    ),
    source!(
        "docs/single-sign-on.md",
        "single-sign-on",
        "Sign in through an OpenID provider."
    ),
    source!(
        "docs/backup.md",
        "backup",
        "Schedule, verify and restore backups."
    ),
    source!("docs/mail.md", "mail", "Notifications and digests by mail."),
    source!(
        "docs/pull-requests.md",
        "pull-requests",
        "Pull requests of GitHub, Forgejo and GitLab move tasks."
    ),
    source!(
        "docs/github-projects.md",
        "github-projects",
        "Project boards on GitHub, kept in sync with tasks."
    ),
    source!(
        "docs/chat.md",
        "chat",
        "A team's channel in Slack, Mattermost or Discord."
    ),
    source!(
        "docs/webhooks.md",
        "webhooks",
        "Events of a team, or of all teams, sent to your own programs."
    ),
    source!(
        "docs/agents.md",
        "agents",
        "Claude Code, VS Code and other agents that act for you."
    ),
    source!(
        "docs/monitoring.md",
        "monitoring",
        "The System page, fortnight doctor, Prometheus and the log."
    ),
    source!(
        "docs/upgrade.md",
        "upgrade",
        "A newer Fortnight, or a newer Postgres."
    ),
    source!(
        "docs/import.md",
        "import",
        "From other tools and spreadsheets."
    ),
    source!(
        "docs/export.md",
        "export",
        "Leave with everything, or move to another machine."
    ),
    source!(
        "docs/command-line.md",
        "command-line",
        "Tasks and standups from a terminal or a script."
    ),
    source!(
        "docs/troubleshooting.md",
        "troubleshooting",
        "What to do, by symptom."
    ),
    source!(
        "docs/SCALING.md",
        "scaling",
        "Several programs, PgBouncer, standbys and failover."
    ),
    source!(
        "docs/PERFORMANCE.md",
        "performance",
        "How fast it is, and what a machine carries."
    ),
    source!(
        "docs/RELIABILITY.md",
        "reliability",
        "The faults that the tests cause, and what holds then."
    ),
    source!(
        "SECURITY.md",
        "security",
        "What Fortnight promises, its limits, and how to report a vulnerability."
    ),
    source!(
        "docs/ACCESS.md",
        "permissions",
        "What each role may do, for every address."
    ),
    source!("CHANGELOG.md", "changelog", "What changed in each version."),
];

static GUIDES: LazyLock<Vec<Guide>> = LazyLock::new(|| {
    let guide = |(_, slug, about, text): Source| {
        let text = text.strip_prefix("# ").unwrap_or(text);
        let (title, body) = text.split_once('\n').unwrap_or((text, ""));
        Guide {
            slug,
            title,
            about,
            html: render_document(body, target),
        }
    };
    SOURCES.into_iter().map(guide).collect()
});

/// Where a link in a guide leads: to the page of the file, if it is one of them.
fn target(link: &str) -> String {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let name = file.rsplit('/').next().unwrap_or(file);
    let page = SOURCES
        .iter()
        .find(|(path, ..)| !file.contains(':') && path.rsplit('/').next() == Some(name));
    match page {
        Some((_, slug, ..)) if anchor.is_empty() => format!("/help/{slug}"),
        Some((_, slug, ..)) => format!("/help/{slug}#{anchor}"),
        None => link.to_owned(),
    }
}

#[derive(Template)]
#[template(path = "help/contents.html")]
struct ContentsPage {
    layout: Layout,
    guides: &'static [Guide],
}

#[derive(Template)]
#[template(path = "help/guide.html")]
struct GuidePage {
    layout: Layout,
    guides: &'static [Guide],
    guide: &'static Guide,
}

/// `GET /help`
pub(crate) async fn contents(
    State(app): State<App>,
    viewer: Option<Viewer>,
    headers: HeaderMap,
) -> Result<Response> {
    page(&ContentsPage {
        layout: layout(&app, viewer.as_ref(), &headers, "Help").await?,
        guides: &GUIDES,
    })
}

/// `GET /help/{page}`
pub(crate) async fn guide(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let guide = GUIDES
        .iter()
        .find(|guide| guide.slug == slug)
        .ok_or(Problem::NotFound)?;
    page(&GuidePage {
        layout: layout(&app, viewer.as_ref(), &headers, guide.title).await?,
        guides: &GUIDES,
        guide,
    })
}

/// The layout of a page that is open to everyone.
pub(crate) async fn layout(
    app: &App,
    viewer: Option<&Viewer>,
    headers: &HeaderMap,
    title: &str,
) -> Result<Layout> {
    match viewer {
        Some(viewer) => Layout::new(app, viewer, headers, title, "").await,
        None => Ok(Layout::bare(app, title.to_owned(), theme(headers))),
    }
}
