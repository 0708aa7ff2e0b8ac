//! Property tests: real exports with random nodes replaced, and random filter texts.

use fortnight::domain::import::{
    self,
    draft::{Draft, ImportRequest, ImportSprint},
    source::Source,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    fixtures::{World, report},
    import_formats, import_tables,
    importing::{GITHUB, MOVED, TRELLO, count_everything, parse_json},
};

/// The index of a node in the file, and its replacement.
type Mutation = (prop::sample::Index, Value);

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let odd = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(9_223_372_036_854_775_807_i64),
        json!(""),
        json!("\0\r\n\u{202e}"),
        json!("9999-12-31T23:59:60Z"),
        json!("-0001-01-01T00:00:00Z"),
        json!("../../etc/passwd"),
        json!("<script>alert(1)</script>"),
        json!("x".repeat(200_000)),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!({ "id": "x", "name": "x", "idList": "x", "closed": "x" }),
    ]);
    let other = prop_oneof![
        odd,
        any::<String>().prop_map(Value::String),
        any::<f64>().prop_map(|number| json!(number))
    ];
    prop::collection::vec((any::<prop::sample::Index>(), other), 1..12)
}

/// Returns the file with the mutations applied.
fn apply_mutations(file: &str, mutations: &[Mutation]) -> Value {
    let mut file = parse_json(file);
    for (at, other) in mutations {
        let mut left = at.index(count_nodes(&file));
        replace_node(&mut file, &mut left, other);
    }
    file
}

fn count_nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count_nodes).sum(),
        Value::Object(fields) => fields.values().map(count_nodes).sum::<usize>(),
        _ => 0,
    }
}

/// Replaces the node with this index in depth-first order.
fn replace_node(value: &mut Value, left: &mut usize, other: &Value) -> bool {
    if *left == 0 {
        *value = other.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace_node(item, left, other)),
        Value::Object(fields) => fields
            .values_mut()
            .any(|item| replace_node(item, left, other)),
        _ => false,
    }
}

type Parse = fn(String) -> anyhow::Result<Draft>;

const REAL: [(&str, Parse); 3] = [
    (TRELLO, import::trello::parse),
    (MOVED, import::trello::parse),
    (GITHUB, import::github::parse),
];

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn mutated_exports_never_panic_the_parser(mutations in mutations()) {
        for (file, parse) in REAL {
            let _ = parse(apply_mutations(file, &mutations).to_string());
        }
    }
}

#[tokio::test]
async fn mutated_export_is_imported_whole_or_not_at_all() {
    let world = World::new().await;
    let mut runner = TestRunner::deterministic();
    let (mut imported, mut refused) = (0, 0);
    for _ in 0..20 {
        let mutations = mutations().new_tree(&mut runner).unwrap().current();
        for (file, parse) in REAL {
            let Ok(draft) = parse(apply_mutations(file, &mutations).to_string()) else {
                continue;
            };
            let before = count_everything(&world.db).await;
            let request = ImportRequest {
                draft: &draft,
                team: "infrastructure",
                mappings: &[],
                sprint: ImportSprint::This,
                dry_run: false,
            };
            match fortnight::domain::import::execute::import(&world.app.store, &request, &|_| {})
                .await
            {
                Ok(_) => imported += 1,
                Err(problem) => {
                    // refused with a reason, not with an internal error
                    assert!(
                        !matches!(problem, fortnight::domain::error::Problem::InternalError(_)),
                        "{problem:?}"
                    );
                    assert_eq!(count_everything(&world.db).await, before, "{problem:?}");
                    refused += 1;
                }
            }
        }
    }
    report(&format!(
        "{imported} mutated exports were imported and {refused} were refused"
    ));
    assert!(imported > 0);
    crate::concurrency::check_board(&world).await;
    world
        .elif
        .get("/teams/infrastructure?sprint=all")
        .await
        .status(200);
}

/// Case 48. A query is either a result or a 422.
#[tokio::test]
async fn any_filter_text_gets_a_response() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "One")
        .await;
    let term = prop_oneof![
        "[a-z]{0,8}:[ -~]{0,8}",
        "(owner|label|goal|is|age|sprint|-label|-is|-age|-goal):[<>]?[0-9a-z@-]{0,20}[dhw]?",
        any::<String>(),
        "[\"'%_\\\\ -]{0,8}",
    ];
    let queries = prop::collection::vec(term, 0..6).prop_map(|terms| terms.join(" "));
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        let typed = queries.new_tree(&mut runner).unwrap().current();
        let q: String = form_urlencoded::byte_serialize(typed.as_bytes()).collect();
        let board = world
            .elif
            .get(&format!("/api/v1/teams/infrastructure/board?q={q}"))
            .await;
        assert!(
            matches!(board.status.as_u16(), 200 | 422),
            "{typed:?}: {} {}",
            board.status,
            board.text()
        );
        let page = world
            .elif
            .get(&format!("/teams/infrastructure?q={q}"))
            .await;
        assert_eq!(page.status, 200, "{typed:?}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    /// Files of all formats, of which pieces are replaced, repeated or missing.
    #[test]
    fn broken_files_never_panic_the_parser(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\",;\n\r{}|*a1/: \\PC]{0,12}"), 1..6),
    ) {
        let mut files = import_formats::files();
        files.push((Source::Jira, import_tables::JIRA.to_owned()));
        files.push((Source::Linear, import_tables::LINEAR.to_owned()));
        for (source, file) in files {
            let mut letters: Vec<char> = file.chars().collect();
            for (from, to, other) in &cuts {
                let (from, to) = (from.index(letters.len() + 1), to.index(letters.len() + 1));
                let to = from.max(to).min(from + 200);
                letters.splice(from..to, other.chars());
            }
            let broken: String = letters.into_iter().collect();
            let _ = source.parse(broken.into_bytes(), "the file", &[]);
        }
    }
}
