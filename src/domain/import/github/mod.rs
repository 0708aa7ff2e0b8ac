//! Parses GitHub issues as its REST API lists them, with or without a wrapper, or from `gh issue
//! list --json`.

pub mod issue;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::domain::{
    column_state::ColumnState,
    import::{
        draft::{Draft, HistoryAction, List, ListRef, Past, Task},
        github::issue::{
            assignees, comments, due, external_user, first_instant, first_object, labels, url,
        },
        json::Node,
        sanitize,
    },
};

const OPEN: usize = 0;
const CLOSED: usize = 1;

/// Parses a list of issues, or returns what is wrong in the file, with its place.
pub fn parse(file: &Value) -> Result<Draft> {
    let root = Node::root(file);
    let repo = if root.is_object() {
        root.get("repo").filter(Node::is_text)
    } else {
        None
    };
    let repo = repo.map_or(Ok(""), |repo| repo.as_text())?;
    let mut draft = Draft {
        from: "GitHub",
        board: sanitize::line(repo, 100).0,
        ..Draft::default()
    };
    draft.lists = vec![
        List {
            name: "Open".to_owned(),
            closed: false,
            state: Some(ColumnState::Todo),
        },
        List {
            name: "Closed".to_owned(),
            closed: false,
            state: Some(ColumnState::Done),
        },
    ];
    let (issues, total) = issues(&root)?;
    if let Some(total) = total.filter(|total| *total > issues.len() as i64) {
        draft.notes.push(format!(
            "the file lists {total} issues but contains only {} of them.",
            issues.len()
        ));
    }
    let mut nameless = false;
    for issue in issues {
        let issue = issue.into_object()?;
        let url = url(&issue, repo)?;
        let title = sanitize::title(issue.text("title")?);
        if issue.has("pull_request") || issue.flag("isPullRequest")? || url.contains("/pull/") {
            draft.skipped.add("are pull requests", &title.0);
            continue;
        }
        let unsaid = url.is_empty();
        let task = task(&issue, url, title, &mut draft)?;
        nameless |= unsaid && task.created_at.is_none();
        draft.tasks.push(task);
    }
    if nameless {
        draft.notes.push(
            "the file does not name its repository, so issues are recognized by number only and could be mistaken for issues of another repository. Export again with `url` among the fields of gh to tell them apart."
                .to_owned(),
        );
    }
    Ok(draft)
}

/// Finds the list of issues in the file, and how many it should contain.
fn issues<'j>(root: &Node<'j>) -> Result<(Vec<Node<'j>>, Option<i64>)> {
    if root.is_list() {
        return Ok((root.elements()?, None));
    }
    if !root.is_object() {
        bail!("the file contains no GitHub issues: it is neither a list nor an object");
    }
    let total = |node: &Node| -> Result<Option<i64>> {
        for field in ["issues_count", "totalCount", "total_count"] {
            if let Some(total) = node.number(field)? {
                return Ok(Some(total));
            }
        }
        Ok(None)
    };
    for field in ["issues", "items", "nodes"] {
        let Some(node) = root.get(field) else {
            continue;
        };
        if node.is_object() {
            return Ok((node.items("nodes")?, total(&node)?));
        }
        return Ok((node.elements()?, total(root)?));
    }
    if root.has("number") && root.has("title") {
        bail!("the file is a single GitHub issue, not a list: put it into [ ] or export the list");
    }
    if root.has("cards") && root.has("lists") {
        bail!("the file is a Trello board: use “import trello”");
    }
    bail!("the file has no list of issues: it is not a list and has no “issues”")
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
        .map(|user| external_user(&user))
        .transpose()?;
    let key = match (url.is_empty(), created_at) {
        (false, _) => format!("github:{}", sanitize::lines(&url)),
        // Without the repository, the number alone could match an issue of another one.
        (true, Some(at)) => format!("github:#{number}@{}", at.unix_timestamp()),
        (true, None) => format!("github:#{number}"),
    };
    let mut past = Vec::new();
    if let Some(at) = created_at {
        past.push(Past {
            at,
            by: by.clone().unwrap_or_default(),
            what: HistoryAction::Made(ListRef::List(OPEN)),
        });
    }
    if let (true, Some(at)) = (closed, closed_at) {
        let by = issue
            .object("closed_by")?
            .map(|user| external_user(&user))
            .transpose()?
            .unwrap_or_default();
        past.push(Past {
            at,
            by,
            what: HistoryAction::Moved(ListRef::List(OPEN), ListRef::List(CLOSED)),
        });
    }
    Ok(Task {
        key: sanitize::cut(&key, 500).0,
        whole_title,
        description: sanitize::lines(issue.text("body")?),
        list: Some(if closed { CLOSED } else { OPEN }),
        // Years of closed issues would flood the board.
        archived: closed,
        created_at,
        created_by: by,
        column_since: if closed { closed_at } else { created_at },
        archived_at: closed_at,
        due: due(issue)?,
        members: assignees(issue)?,
        labels: labels(issue, &title, &mut draft.changed)?,
        steps: Vec::new(),
        comments: comments(issue, &title, draft)?,
        links: sanitize::link("Imported from", &url).into_iter().collect(),
        past,
        title,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::{date, datetime};

    use super::*;
    use crate::domain::import::{draft::Due, tests::any_json};

    fn parse_error(file: serde_json::Value) -> String {
        parse(&file).unwrap_err().to_string()
    }

    #[test]
    fn a_real_repository_has_all_its_issues() {
        let file = include_str!("../../../../tests/data/github-issues-mimofan.json");
        let draft = parse(&serde_json::from_str(file).unwrap()).unwrap();
        assert_eq!(draft.board, "XiaomingX/mimofan");
        assert_eq!(draft.tasks.len(), 44);
        assert_eq!(draft.tasks.iter().filter(|task| task.archived).count(), 13);
        let first = &draft.tasks[0];
        assert_eq!(first.title, "feat: 支持定时/夜间任务队列 (/night /time)");
        assert_eq!(
            first.key,
            "github:https://github.com/XiaomingX/mimofan/issues/11"
        );
        assert_eq!(
            first.links,
            ["Imported from: <https://github.com/XiaomingX/mimofan/issues/11>"]
        );
        assert_eq!(first.past.len(), 2, "made, and moved to closed");
        assert_eq!(draft.notes, [""; 0]);
    }

    #[test]
    fn output_of_gh_is_parsed_too() {
        let draft = parse(&json!([
            {
                "number": 7, "title": "Lag", "state": "OPEN", "url": "https://github.com/a/b/issues/7", "body": "Why?",
                "labels": [{ "name": "good first issue" }, { "name": "bug" }], "assignees": [{ "login": "elif", "name": "" }],
                "author": { "login": "mira", "name": "Mira" }, "createdAt": "2026-01-02T03:04:05Z", "closedAt": null,
                "milestone": { "title": "M1", "dueOn": "2026-03-01T08:00:00Z" },
                "comments": [
                    { "author": null, "body": "later", "createdAt": "2026-01-05T00:00:00Z" },
                    { "author": { "login": "jonas" }, "body": "sooner", "createdAt": "2026-01-03T00:00:00Z" },
                ],
            },
            { "number": 8, "title": "", "state": "CLOSED", "closedAt": "2026-01-06T00:00:00Z" },
            { "number": 9, "title": "A change", "pull_request": { "url": "https://x.test" } },
        ]))
        .unwrap();
        let [lag, other] = draft.tasks.as_slice() else {
            panic!("{draft:?}")
        };
        assert_eq!(lag.labels, ["good-first-issue", "bug"]);
        assert_eq!(
            (lag.members[0].called(), lag.due),
            ("elif", Some(Due::Day(date!(2026 - 03 - 01))))
        );
        let comments: Vec<_> = lag
            .comments
            .iter()
            .map(|comment| (comment.by.called(), comment.body.as_str()))
            .collect();
        assert_eq!(comments, [("jonas", "sooner"), ("", "later")]);
        assert_eq!((other.title.as_str(), other.archived), ("Untitled", true));
        assert_eq!(other.archived_at, Some(datetime!(2026-01-06 00:00 UTC)));
        assert_eq!(draft.skipped.count("are pull requests"), 1);
    }

    #[test]
    fn both_formats_of_an_issue_are_the_same_issue() {
        let key = |file: serde_json::Value| parse(&file).unwrap().tasks[0].key.clone();
        let wanted = "github:https://github.com/a/b/issues/7";
        assert_eq!(
            key(json!([{ "number": 7, "url": "https://github.com/a/b/issues/7" }])),
            wanted
        );
        assert_eq!(
            key(json!([{ "number": 7, "url": "https://api.github.com/repos/a/b/issues/7" }])),
            wanted
        );
        assert_eq!(
            key(json!({ "repo": "a/b", "issues": [{ "number": 7 }] })),
            wanted
        );
        assert_eq!(
            key(
                json!({ "issues": { "totalCount": 1, "nodes": [{ "number": 7, "url": "https://github.com/a/b/issues/7" }] } })
            ),
            wanted
        );
    }

    #[test]
    fn missing_issues_are_reported() {
        let draft =
            parse(&json!({ "issues_count": 9, "issues": [{ "number": 1, "title": "One" }] }))
                .unwrap();
        assert!(
            draft
                .notes
                .iter()
                .any(|note| note.contains("recognized by number only")),
            "{:?}",
            draft.notes
        );
        assert_eq!(
            draft.notes[0],
            "the file lists 9 issues but contains only 1 of them."
        );
    }

    #[test]
    fn errors_name_their_place_in_the_file() {
        assert_eq!(
            parse_error(json!({ "issues": [{ "number": 1, "title": [] }] })),
            "issues[0].title is a list; expected text"
        );
        assert_eq!(
            parse_error(json!([{ "number": 1, "state": "odd" }])),
            "[0].state is neither open nor closed"
        );
        assert!(parse_error(json!([{ "title": "One" }])).starts_with("[0].number is missing"));
        assert!(
            parse_error(json!({ "number": 1, "title": "One" })).contains("a single GitHub issue")
        );
        assert!(parse_error(json!({ "lists": [], "cards": [] })).contains("import trello"));
        assert!(parse_error(json!(3)).contains("no GitHub issues"));
        assert_eq!(
            parse_error(json!({ "issues": "many" })),
            "issues is text; expected a list"
        );
    }

    proptest! {
        #[test]
        fn no_json_makes_the_parser_panic(file in any_json(), issue in any_json(), rest in any_json()) {
            let _ = parse(&file);
            let _ = parse(&json!([issue, { "number": 1, "title": rest, "comments": rest, "labels": rest, "milestone": rest }]));
            let _ = parse(&json!({ "issues": issue, "totalCount": rest }));
        }
    }
}
