use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use crate::domain::import::{
    draft::{HistoryAction, ListRef},
    tests::any_json,
    trello::*,
};

fn real(text: &str) -> Draft {
    parse(text.to_owned()).unwrap()
}

fn read(file: serde_json::Value) -> Result<Draft> {
    parse(file.to_string())
}

fn parse_error(file: serde_json::Value) -> String {
    parse(file.to_string()).unwrap_err().to_string()
}

#[test]
fn a_real_board_has_all_its_cards_and_steps() {
    let draft = real(include_str!(
        "../../../../tests/data/trello-sprint-board-2025.json"
    ));
    assert_eq!(draft.board, "Tekken Notes");
    let lists: Vec<&str> = draft.lists.iter().map(|list| list.name.as_str()).collect();
    assert_eq!(lists, ["Personal", "Lab", "Drill"]);
    assert_eq!(draft.tasks.len(), 11);
    assert_eq!(
        draft
            .tasks
            .iter()
            .map(|task| task.steps.len())
            .sum::<usize>(),
        24
    );
    let lee = &draft.tasks[0];
    assert_eq!(lee.title, "Lee");
    assert!(
        lee.steps[0].text.starts_with("Mistakes/Habits/Issues: "),
        "it has several checklists: {}",
        lee.steps[0].text
    );
    let drills = draft
        .tasks
        .iter()
        .find(|task| task.title == "Zafina lab drills")
        .unwrap();
    assert_eq!(
        drills.steps[0].text, "Whats most important in tekken 8?",
        "its other checklist is empty"
    );
    assert!(
        draft
            .tasks
            .iter()
            .all(|task| matches!(task.past[0].what, HistoryAction::Made(ListRef::List(_))))
    );
}

#[test]
fn moved_card_keeps_its_move_date() {
    let draft = real(include_str!(
        "../../../../tests/data/trello-project100-2021.json"
    ));
    let titles: Vec<&str> = draft.tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(
        titles,
        ["Write code", "Review code", "Visualize code"],
        "by place, not as they stand in the file"
    );
    let moved = &draft.tasks[2];
    assert_eq!(
        moved.past[1].what,
        HistoryAction::Moved(ListRef::List(2), ListRef::List(1))
    );
    assert_eq!(
        moved.column_since,
        Some(datetime!(2020-12-05 20:23:36.833 UTC))
    );
    assert_eq!(moved.members[0].username, "member1");
}

#[test]
fn unnamed_labels_are_called_by_colour() {
    let draft = read(json!({
        "lists": [{ "id": "l", "name": "Todo" }],
        "labels": [
            { "id": "1", "name": "", "color": "blue" }, { "id": "2", "name": "", "color": "blue" },
            { "id": "3", "name": "to do, \"soon\"", "color": "red" }, { "id": "4", "name": "", "color": null },
        ],
        "cards": [
            { "id": "a", "name": "A", "idList": "l", "idLabels": ["1", "2", "3", "4"] },
            { "id": "b", "name": "B", "idList": "l" },
            { "id": "c", "name": "C", "idList": "l", "labels": [{ "id": "2" }, { "id": "9", "name": "own" }], "idLabels": ["2"] },
        ],
    }))
    .unwrap();
    assert_eq!(
        draft.tasks[0].labels,
        ["blue", "blue-2", "to-do-soon", "label"]
    );
    assert_eq!(draft.tasks[1].labels, [""; 0]);
    assert_eq!(draft.tasks[2].labels, ["blue-2", "own"]);
}

#[test]
fn positions_may_have_any_type() {
    let cards: Vec<_> = [json!("20"), json!(3.5), json!(null), json!("bottom"), json!(3.5), json!("top"), json!([])]
        .into_iter()
        .enumerate()
        .map(|(index, pos)| json!({ "id": index.to_string(), "name": index.to_string(), "idList": "l", "pos": pos }))
        .collect();
    let draft = read(json!({ "lists": [{ "id": "l", "name": "Todo" }], "cards": cards })).unwrap();
    let order: String = draft.tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(order, "5140326");
}

#[test]
fn closed_cards_and_cards_of_closed_lists_are_archived() {
    let draft = read(json!({
        "lists": [{ "id": "old", "name": "Old", "closed": true }, { "id": "l", "name": "Todo" }],
        "cards": [
            { "id": "a", "name": "A", "idList": "l", "closed": true, "dateLastActivity": "2025-01-15T02:47:30.869Z" },
            { "id": "b", "name": "B", "idList": "old" }, { "id": "c", "name": "C", "idList": "gone" },
        ],
    }))
    .unwrap();
    let archived: Vec<_> = draft
        .tasks
        .iter()
        .map(|task| (task.title.as_str(), task.archived))
        .collect();
    assert_eq!(archived, [("B", true), ("A", true), ("C", false)]);
    assert_eq!(
        draft.tasks[1].archived_at,
        Some(datetime!(2025-01-15 02:47:30.869 UTC))
    );
}

#[test]
fn comments_are_imported_oldest_first() {
    let comment = |at: &str, text: &str| {
        json!({ "type": "commentCard", "date": at, "memberCreator": { "id": "m", "fullName": "Mira" },
                "data": { "text": text, "card": { "id": "a" } } })
    };
    let draft = read(json!({
        "lists": [{ "id": "l", "name": "Todo" }],
        "cards": [{ "id": "a", "name": "A", "idList": "l", "badges": { "comments": 9 } }],
        "actions": [comment("2025-01-03T00:00:00Z", "third\r\n"), comment("2025-01-01T00:00:00Z", "first"), comment("2025-01-02T00:00:00Z", " \u{0}")],
    }))
    .unwrap();
    let comments: Vec<_> = draft.tasks[0]
        .comments
        .iter()
        .map(|comment| comment.body.as_str())
        .collect();
    assert_eq!(comments, ["first", "third"]);
    assert_eq!(draft.tasks[0].comments[0].by.name, "Mira");
    assert_eq!(draft.skipped.count("are empty comments"), 1);
    assert_eq!(
        draft
            .changed
            .count("the file contains fewer comments than Trello counts for these"),
        1
    );
}

#[test]
fn steps_over_the_limit_are_left_out_and_reported() {
    let items: Vec<_> = (0..250)
        .map(|index| json!({ "name": format!("item {index}"), "pos": index }))
        .collect();
    let draft = read(json!({
        "lists": [], "cards": [{ "id": "a", "name": "A" }], "checklists": [{ "idCard": "a", "name": "All", "checkItems": items }],
    }))
    .unwrap();
    assert_eq!(draft.tasks[0].steps.len(), 200);
    assert_eq!(draft.tasks[0].steps[199].text, "item 199");
    assert_eq!(
        draft.changed.count(
            "a task can have at most 200 steps, so the remaining checklist items were left out"
        ),
        1
    );
}

#[test]
fn errors_name_their_place_in_the_file() {
    let board = |cards: serde_json::Value| json!({ "lists": [], "cards": cards });
    assert_eq!(
        parse_error(board(
            json!([{ "id": "a", "name": "A" }, { "id": "b", "name": 5 }])
        )),
        "cards[1].name is a number; expected text"
    );
    assert_eq!(
        parse_error(board(json!([7]))),
        "cards[0] is a number; expected an object"
    );
    assert_eq!(
        parse_error(board(json!({}))),
        "cards is an object; expected a list"
    );
    assert_eq!(
        parse_error(board(json!([{ "id": "a", "due": "tomorrow" }]))),
        "cards[0].due is not a date and time such as 2026-11-24T10:00:00Z"
    );
    assert!(parse_error(board(json!([{ "name": "A" }]))).starts_with("cards[0].id is missing"));
    assert!(
        parse_error(json!({ "id": "a", "name": "A", "idList": "l" }))
            .contains("a single Trello card, not a board")
    );
    assert!(parse_error(json!([])).contains("import github"));
    assert!(parse_error(json!({ "lists": [] })).contains("it has no “cards”"));
    assert!(parse_error(json!("board")).contains("not a Trello board"));
}

proptest! {
    #[test]
    fn no_json_makes_the_parser_panic(file in any_json(), lists in any_json(), cards in any_json(), rest in any_json()) {
        let _ = read(file);
        let _ = read(json!({ "lists": lists, "cards": cards, "checklists": rest, "actions": rest, "labels": rest, "members": rest }));
        let _ = read(json!({ "lists": [lists], "cards": [cards, { "id": "a", "labels": rest, "pos": rest }], "actions": [rest] }));
    }
}
