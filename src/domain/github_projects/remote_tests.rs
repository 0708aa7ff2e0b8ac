//! Recorded answers of GitHub are read, and broken ones break nothing.

use proptest::prelude::*;
use time::macros::date;

use super::*;
use crate::domain::github_projects::remote::ProjectField;

const RECORDED: &str = include_str!("../../../tests/data/github-project-items-iteration.json");

/// The data of a recorded answer.
fn recorded(index: usize) -> Value {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    all[index]["response"]["data"]["data"].clone()
}

/// The recorded item, with what its query did not ask for.
fn item() -> Value {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    let last = all.as_array().unwrap().len() - 1;
    let mut item = recorded(last)["iteration"]["projectV2Item"].clone();
    item["updatedAt"] = json!("2022-08-01T12:00:00Z");
    item["content"]["__typename"] = json!("Issue");
    item["content"]["updatedAt"] = json!("2022-08-02T12:00:00Z");
    item["content"]["repository"]["id"] = json!("R_1");
    item["content"]["labels"]["nodes"] = json!([{ "id": "L_1", "name": "good first issue" }, null]);
    item["content"]["assignees"]["nodes"] = json!([{ "id": "U_1", "login": "Elif" }]);
    item
}

fn fields() -> FieldIds {
    FieldIds {
        status: Some("PVTSSF_2".to_owned()),
        sprint: Some("PVTIF_1".to_owned()),
        estimate: Some("PVTF_9".to_owned()),
        due: Some("PVTF_10".to_owned()),
    }
}

fn read(value: Value) -> Option<Item> {
    let node: ItemNode = serde_json::from_value(value).ok()?;
    item_of(node, &fields(), &HashSet::from(["elif".to_owned()]))
}

#[test]
fn recorded_item_is_read() {
    let item = read(item()).unwrap();
    assert_eq!(item.kind, Kind::Issue);
    assert_eq!(item.values.title, "Issue");
    assert_eq!(item.values.status.as_deref(), Some("b92ebdaa"));
    assert_eq!(item.values.sprint.as_deref(), Some("44d7f5bd"));
    let days = (date!(2022 - 07 - 22), date!(2022 - 08 - 04));
    assert_eq!(item.iteration, Some(days));
    assert_eq!(item.values.estimate, Some(1.0));
    assert_eq!(item.values.due.as_deref(), Some("2020-02-02"));
    assert_eq!(item.values.assignees, ["elif"]);
    assert_eq!(item.values.labels, ["good-first-issue"]);
    assert_eq!(item.label("Good-First-Issue"), Some("L_1"));
}

#[test]
fn recorded_fields_are_read() {
    let nodes = recorded(0)["userOrOrganization"]["projectV2"]["fields"]["nodes"].clone();
    let read = |node: &Value| serde_json::from_value(node.clone()).ok();
    let fields: Vec<ProjectField> = nodes.as_array().unwrap().iter().filter_map(read).collect();
    let status = fields.iter().find(|field| field.name == "Status").unwrap();
    assert_eq!(status.data_type, "SINGLE_SELECT");
    let options: Vec<&str> = status.options.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(options, ["Todo", "In Progress", "Done"]);
}

/// The places of all values in a document.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                places(value, &format!("{at}/{index}"), into);
            }
        }
        Value::Object(values) => {
            for (name, value) in values {
                places(value, &format!("{at}/{name}"), into);
            }
        }
        _ => {}
    }
}

/// How many fields of a list are known.
fn known_fields(fields: &Value) -> Option<usize> {
    let nodes: Nodes<Value> = serde_json::from_value(fields.clone()).ok()?;
    let read = |node| serde_json::from_value::<ProjectField>(node).ok();
    Some(nodes.into_known().filter_map(read).count())
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {}, []])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn broken_fields_break_nothing(at in any::<prop::sample::Index>(), value in anything()) {
        let mut fields = recorded(0)["userOrOrganization"]["projectV2"]["fields"].clone();
        let whole = known_fields(&fields).unwrap();
        let mut all = Vec::new();
        places(&fields["nodes"], "/nodes", &mut all);
        let at: &String = at.get(&all);
        if let Some(broken) = fields.pointer_mut(at) {
            *broken = value;
        }
        let known = known_fields(&fields);
        // What is broken takes nothing else with it.
        if at.matches('/').count() > 1 {
            prop_assert!(known.is_some_and(|known| known + 1 >= whole), "{}", at);
        }
    }

    #[test]
    fn broken_items_break_nothing(at in any::<prop::sample::Index>(), value in anything()) {
        let mut item = item();
        let mut all = Vec::new();
        places(&item, "", &mut all);
        let at: &String = at.get(&all);
        *item.pointer_mut(at).unwrap() = value;
        if let Some(item) = read(item) {
            let title = item.values.title.chars().count();
            prop_assert!((1..=500).contains(&title));
            prop_assert!(!item.values.title.contains('\0'));
        }
    }
}
