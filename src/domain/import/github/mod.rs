//! Parses GitHub issues and project items as its APIs or `gh` list them, with or without wrappers.

pub mod body;
pub mod issue;
pub mod project;

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::domain::{
    column_state::ColumnState,
    import::{
        document::{Document, drain_each},
        draft::{Draft, HistoryAction, List, ListRef, Past, Task},
        fields::{self, formats::GITHUB_VIEW},
        file,
        github::{
            body::without_html,
            issue::{
                add_milestone, assignees, closed_undone, comments, external_user, first_instant,
                first_object, labels, url,
            },
        },
        json::Node,
        sanitize,
    },
};

const OPEN: usize = 0;
const CLOSED: usize = 1;

/// The number of issues at which `gh` and the REST API stop unless asked for more.
const DEFAULT_LIMIT: usize = 30;
/// The most that the REST API gives at once.
const MOST_PER_PAGE: usize = 100;

/// Parses a list of issues or project items, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    if file::is_csv(&text) {
        return fields::parse(&text, &GITHUB_VIEW).context(
            "the file is a CSV, not JSON, and not the view of a project either: export the issues with “gh issue list --json”",
        );
    }
    let root = Document::parse(&text)?;
    let repo = match root.value("repo")? {
        serde_json::Value::String(repo) => repo,
        _ => String::new(),
    };
    let mut draft = Draft {
        from: "GitHub",
        board: sanitize::line(&repo, 100).0,
        ..Draft::default()
    };
    let found = Found::search(root)?;
    found.note_what_is_missing(&mut draft);
    if project::is_project(&found.list) {
        project::parse(&found.list, &mut draft)?;
        return Ok(draft);
    }
    let only_state = |name: &str, state| List {
        name: name.to_owned(),
        state: Some(state),
        only_state: true,
        ..List::default()
    };
    draft.lists = vec![
        only_state("Open", ColumnState::Todo),
        only_state("Closed", ColumnState::Done),
    ];
    let mut nameless = false;
    let list = found.list.items_in(&text);
    drain_each(text, list, |item| {
        let issue = item.object("node")?.unwrap_or(item);
        let url = url(&issue, &repo)?;
        let title = sanitize::title(issue.text("title")?);
        if issue.has("pull_request") || issue.flag("isPullRequest")? || url.contains("/pull/") {
            draft.skipped.add("are pull requests", &title.0);
            return Ok(());
        }
        let unsaid = url.is_empty();
        let task = task(&issue, url, title, &mut draft)?;
        nameless |= unsaid && task.created_at.is_none();
        draft.tasks.push(task);
        Ok(())
    })?;
    if nameless {
        draft.notes.push(
            "the file does not name its repository, so issues are recognized by number only and could be mistaken for issues of another repository. Export again with `url` among the fields of gh to tell them apart."
                .to_owned(),
        );
    }
    Ok(draft)
}

/// The list of issues or items in a file, and what the file says about it.
struct Found<'f> {
    list: Document<'f>,
    /// How many there are in all.
    total: Option<i64>,
    has_next_page: bool,
}

impl<'f> Found<'f> {
    /// Finds the list within the wrappers of REST, GraphQL, `gh` and PowerShell.
    fn search(root: Document<'f>) -> Result<Self> {
        const LISTS: [&str; 5] = ["issues", "items", "nodes", "edges", "value"];
        const WRAPPERS: [&str; 9] = [
            "data",
            "repository",
            "organization",
            "user",
            "viewer",
            "node",
            "search",
            "projectV2",
            "userOrOrganization",
        ];
        let mut found = Self {
            list: root,
            total: None,
            has_next_page: false,
        };
        loop {
            let part = &found.list;
            if part.is_list() {
                return Ok(found);
            }
            check_wrapper(part)?;
            for field in ["issues_count", "totalCount", "total_count", "issueCount"] {
                found.total = part.value(field)?.as_i64().or(found.total);
            }
            found.has_next_page |= part.value("pageInfo")?["hasNextPage"] == true;
            for field in LISTS.into_iter().filter(|field| part.has(field)) {
                if part.inside(field).is_none() {
                    part.each(field, |_| Ok(()))?;
                }
            }
            let inside = LISTS
                .into_iter()
                .chain(WRAPPERS)
                .find_map(|field| part.inside(field));
            let Some(inside) = inside else {
                bail!("the file has no list of issues: it is not a list and has no “issues”");
            };
            found.list = inside;
        }
    }

    /// Says that the file is only a part, where that can be known.
    fn note_what_is_missing(&self, draft: &mut Draft) {
        let count = self.list.len();
        if let Some(total) = self.total.filter(|total| *total > count as i64) {
            draft.notes.push(format!(
                "the file lists {total} issues but contains only {count} of them."
            ));
        } else if self.has_next_page {
            draft.notes.push(format!(
                "the file contains only the first {count} issues: further pages are missing."
            ));
        } else if self.total.is_none() && matches!(count, DEFAULT_LIMIT | MOST_PER_PAGE) {
            draft.notes.push(format!(
                "the file contains exactly {count} issues, where gh and GitHub's API stop unless asked for more, so some may be missing. Export again with --state all --limit 10000."
            ));
        }
    }
}

fn check_wrapper(part: &Document) -> Result<()> {
    if !part.is_object() {
        bail!("the file contains no GitHub issues: it is neither a list nor an object");
    }
    if part.has("number") && part.has("title") && !part.has("items") {
        bail!("the file is a single GitHub issue, not a list: put it into [ ] or export the list");
    }
    if part.has("cards") && part.has("lists") {
        bail!("the file is a Trello board: use “import trello”");
    }
    Ok(())
}

fn task(
    issue: &Node,
    url: String,
    (title, whole_title): (String, Option<String>),
    draft: &mut Draft,
) -> Result<Task> {
    let Some(number) = issue.number("number")? else {
        return Err(issue.refuse(
            "number",
            "is missing; without it, a second run could not recognize the issue",
        ));
    };
    let created_at = first_instant(issue, ["created_at", "createdAt"])?;
    let closed_at = first_instant(issue, ["closed_at", "closedAt"])?;
    let closed = match issue.text("state")?.to_lowercase().as_str() {
        "" => closed_at.is_some(),
        "open" => false,
        "closed" => true,
        _ => return Err(issue.refuse("state", "is neither open nor closed")),
    };
    let by = first_object(issue, ["user", "author"])?
        .map(|user| external_user(&user).map(Arc::new))
        .transpose()?;
    let key = match (url.is_empty(), created_at) {
        (false, _) => format!("github:{}", sanitize::lines(&url)),
        // Without the repository, the number alone could match an issue of another one.
        (true, Some(at)) => format!("github:#{number}@{}", at.unix_timestamp()),
        (true, None) => format!("github:#{number}"),
    };
    let closed_at = closed_at.filter(|_| closed);
    let undone = if closed { closed_undone(issue)? } else { None };
    let mut past = Vec::new();
    if let Some(at) = created_at {
        past.push(Past {
            at,
            by: by.clone().unwrap_or_default(),
            what: HistoryAction::Made(ListRef::List(OPEN)),
        });
    }
    if let Some(at) = closed_at {
        let by = issue
            .object("closed_by")?
            .map(|user| external_user(&user).map(Arc::new))
            .transpose()?
            .unwrap_or_default();
        let what = match undone {
            Some(_) => HistoryAction::Archived,
            None => HistoryAction::Moved(ListRef::List(OPEN), ListRef::List(CLOSED)),
        };
        past.push(Past { at, by, what });
    }
    let mut names = labels(issue, draft)?;
    if let Some(reason) = undone {
        names.push(reason.to_owned());
        draft.changed.add(
            "these were closed as not planned or as duplicates, so they are in the archive without being done",
            &title,
        );
    }
    let is_done = closed && undone.is_none();
    let mut task = Task {
        key: sanitize::cut(&key, 500).0,
        whole_title,
        description: sanitize::lines(&without_html(issue.text("body")?)),
        list: Some(if is_done { CLOSED } else { OPEN }),
        // Years of closed issues would flood the board.
        archived: closed,
        created_at,
        created_by: by,
        column_since: if is_done { closed_at } else { created_at },
        archived_at: closed_at,
        members: assignees(issue)?,
        labels: sanitize::labels(names, &title, &mut draft.changed),
        comments: comments(issue, &title, draft)?,
        past,
        title,
        ..Task::default()
    };
    add_milestone(issue, &mut task)?;
    task.lines.extend(sanitize::link("Imported from", &url));
    Ok(task)
}

#[cfg(test)]
mod tests;
