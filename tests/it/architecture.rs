//! The structure of `src/`: which part may use which, and that modules do not form cycles. Read from the `use` lines
//! and paths of the source itself. There is no list of exceptions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Modules, each with the modules it uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The parts from the lowest to the highest. A part may use those before it. Parts on one line, and files of one part,
/// may use each other as long as they do not form a cycle.
const ORDER: &[&[&str]] = &[
    &["config", "db", "traces"],
    &[
        "domain::clock",
        "domain::column_state",
        "domain::constraints",
        "domain::dates",
        "domain::error",
        "domain::humanize",
        "domain::keys",
        "domain::markdown",
        "domain::measure",
        "domain::outbound",
        "domain::person",
        "domain::pictures",
        "domain::slug",
        "domain::team",
        "domain::text",
        "domain::workspace_seq",
    ],
    &["domain::auth"],
    &["domain::policy"],
    &["domain::events"],
    &["domain::work_time"],
    &["domain::accounts"],
    &["domain::teams"],
    &["domain::boards"],
    // a task is planned for a sprint, so the calendar of sprints is below tasks
    &["domain::sprints"],
    &["domain::tasks"],
    &["domain::goals"],
    &["domain::projects"],
    // features that use all of the above
    &["domain"],
    &["app", "http", "jobs", "demo"],
    &["cli"],
];

#[test]
fn each_part_uses_only_parts_below_it() {
    let mut wrong = Vec::new();
    for (from, to) in list_dependencies(&build_graph()) {
        if find_rank(&to) > find_rank(&from) {
            wrong.push(format!("{from} uses {to}"));
        }
        // only the command line uses the demo
        let beside = |part: &str| !from.starts_with(part) && to.starts_with(part);
        if beside("demo") && !from.starts_with("cli") {
            wrong.push(format!("{from} uses {to}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_do_not_depend_on_each_other_in_a_cycle() {
    let graph = build_graph();
    for start in graph.keys() {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&String> = graph[start].iter().collect();
        while let Some(module) = waiting.pop() {
            if reached.insert(module) {
                waiting.extend(graph.get(module).into_iter().flatten());
            }
        }
        assert!(
            !reached.contains(start),
            "{start} is part of a cycle through {:?}",
            reached
                .iter()
                .filter(|module| graph[**module].contains(start))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn domain_uses_neither_http_nor_templates() {
    for (path, source) in read_sources() {
        if !module_name(&path).starts_with("domain") {
            continue;
        }
        for (number, line) in source.lines().enumerate() {
            let foreign = ["axum", "askama", "tower", "hyper"]
                .into_iter()
                .find(|name| contains_path(line, name));
            assert_eq!(foreign, None, "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for (path, source) in read_sources() {
        let lines = source.lines().count();
        assert!(lines <= 400, "{path} has {lines} lines");
    }
}

/// Checks the parser that the other tests rely on.
#[test]
fn all_forms_of_paths_are_found() {
    let modules = BTreeSet::from(["a", "a::b", "c::d", "e"].map(str::to_owned));
    let source = "use crate::{a::{self, b::Thing}, e};\nfn f() { crate::c::d::g(); e::h() }\n";
    let used: Vec<String> = find_used_modules("x", source, &modules)
        .into_iter()
        .collect();
    assert_eq!(
        used,
        ["a::b", "c::d", "e"],
        "`a` is imported but not used itself"
    );
    assert!(find_used_modules("x", "// crate::a::b\n", &modules).is_empty());
}

fn list_dependencies(graph: &Graph) -> Vec<(String, String)> {
    graph
        .iter()
        .flat_map(|(from, used)| used.iter().map(move |to| (from.clone(), to.clone())))
        .collect()
}

/// Returns the position in `ORDER` of the most specific part that contains the module.
fn find_rank(module: &str) -> usize {
    let is_in = |part: &str| {
        module
            .strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let parts = ORDER
        .iter()
        .enumerate()
        .flat_map(|(rank, parts)| parts.iter().map(move |part| (rank, *part)));
    parts
        .filter(|(_, part)| is_in(part))
        .max_by_key(|(_, part)| part.len())
        .unwrap_or_else(|| panic!("{module} is not listed in ORDER"))
        .0
}

fn build_graph() -> Graph {
    let sources = read_sources();
    let modules: BTreeSet<String> = sources.iter().map(|(path, _)| module_name(path)).collect();
    sources
        .iter()
        .map(|(path, source)| {
            let module = module_name(path);
            let used = find_used_modules(&module, source, &modules);
            (module, used)
        })
        .collect()
}

/// Returns the modules that a source uses. An imported module counts as used only where a path begins with it.
fn find_used_modules(module: &str, source: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let source = strip_tests_and_comments(source);
    let (mut paths, mut imported) = (Vec::new(), BTreeMap::new());
    let mut rest = String::new();
    for statement in source.split_inclusive(';') {
        let start = statement.rfind("use crate::").filter(|at| {
            statement[..*at]
                .chars()
                .next_back()
                .is_none_or(char::is_whitespace)
        });
        let Some(start) = start else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(&statement[..start]);
        let tree = statement[start + "use crate::".len()..].trim_end_matches(';');
        for (path, name) in expand_use_tree(tree) {
            if modules.contains(&path) {
                imported.insert(name, path);
            } else {
                paths.push(path);
            }
        }
    }
    let children = modules.iter().filter_map(|child| {
        let name = child.strip_prefix(module)?.strip_prefix("::")?;
        (!name.contains("::")).then(|| (name.to_owned(), child.clone()))
    });
    for (name, child) in children {
        imported.entry(name).or_insert(child);
    }
    for path in find_inline_paths(&rest) {
        let (first, after) = path.split_once("::").unwrap_or((&path, ""));
        if first == "crate" {
            paths.push(after.to_owned());
        } else if let Some(base) = imported.get(first) {
            paths.push(format!("{base}::{after}"));
        }
    }
    let owners = paths.iter().filter_map(|path| find_owner(path, modules));
    owners.filter(|owner| owner != module).collect()
}

/// Returns the module that contains an item.
fn find_owner(path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut path = path;
    while !modules.contains(path) {
        path = path.rsplit_once("::")?.0;
    }
    Some(path.to_owned())
}

/// Returns every path of a use tree with the name it is imported under.
fn expand_use_tree(tree: &str) -> Vec<(String, String)> {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let prefix = tree[..open].trim().trim_end_matches("::");
        let inner = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or("");
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for letter in inner.chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            parts.last_mut().unwrap().push(letter);
        }
        let parts = parts.iter().filter(|part| !part.trim().is_empty());
        return parts
            .flat_map(|part| expand_use_tree(part))
            .map(|(path, name)| {
                let path = if prefix.is_empty() {
                    path
                } else {
                    format!("{prefix}::{path}")
                };
                match path.strip_suffix("::self") {
                    Some(module) => {
                        let name = module.rsplit("::").next().unwrap_or(module).to_owned();
                        (module.to_owned(), name)
                    }
                    None => (path, name),
                }
            })
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
    let last = path.rsplit("::").next().unwrap_or(path);
    let name = if name.is_empty() { last } else { name };
    vec![(path.trim().to_owned(), name.trim().to_owned())]
}

/// Returns the paths in code that contain at least one `::`.
fn find_inline_paths(code: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    code.split(|letter| !is_part(letter))
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("::"))
        .map(str::to_owned)
        .collect()
}

fn contains_path(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    find_inline_paths(code)
        .iter()
        .any(|path| path.starts_with(&format!("{name}::")))
}

fn strip_tests_and_comments(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or("");
    code.lines()
        .map(|line| match line.trim_start().starts_with("//") {
            true => "\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect()
}

fn module_name(path: &str) -> String {
    path.trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .replace('/', "::")
}

/// Returns the relative path and content of every file in `src/` except `lib.rs` and `main.rs`.
fn read_sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(&src)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            match path.is_dir() {
                true => folders.push(path),
                false if name == "lib.rs" || name == "main.rs" => {}
                false => files.push((name, fs::read_to_string(&path).unwrap())),
            }
        }
    }
    files
}
