use proptest::prelude::*;
use serde_json::json;
use time::macros::{date, datetime};

use crate::domain::import::{draft::Due, github::*, tests::any_json};

fn read(file: serde_json::Value) -> Result<Draft> {
    parse(file.to_string())
}

fn parse_error(file: serde_json::Value) -> String {
    read(file).unwrap_err().to_string()
}

#[test]
fn a_real_repository_has_all_its_issues() {
    let file = include_str!("../../../../tests/data/github-issues-mimofan.json");
    let draft = parse(file.to_owned()).unwrap();
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
        first.lines,
        ["Imported from: <https://github.com/XiaomingX/mimofan/issues/11>"]
    );
    assert_eq!(first.past.len(), 2, "made, and moved to closed");
    assert_eq!(draft.notes, [""; 0]);
}

#[test]
fn output_of_gh_is_parsed_too() {
    let draft = read(json!([
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
    let key = |file: serde_json::Value| read(file).unwrap().tasks[0].key.clone();
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
        read(json!({ "issues_count": 9, "issues": [{ "number": 1, "title": "One" }] })).unwrap();
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
    assert!(parse_error(json!({ "number": 1, "title": "One" })).contains("a single GitHub issue"));
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
        let _ = read(file);
        let _ = read(json!([issue, { "number": 1, "title": rest, "comments": rest, "labels": rest, "milestone": rest }]));
        let _ = read(json!({ "issues": issue, "totalCount": rest }));
    }
}
