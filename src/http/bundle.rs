//! Joins the JavaScript modules that every page needs into one file, when the program starts: a page asks for one script
//! instead of thirty, and they compress better together.
//!
//! The modules share one scope then, so their top-level names must differ, and they are written in a simple form: imports
//! and exports at the beginning of a line, without `as`, `default` or `*`. A test checks both.

use std::collections::{BTreeMap, BTreeSet};

/// The result of joining modules.
pub(super) struct Bundle {
    pub(super) script: String,
    /// What takes the place of each joined module: it passes on the names of the bundle, for modules that are loaded
    /// later and import from it. By path.
    pub(super) stubs: BTreeMap<String, String>,
}

/// Joins `entry` and what it imports, directly or not. Paths are relative to the folder of static files; `entry` is in
/// `js/`.
pub(super) fn bundle(entry: &str, sources: &BTreeMap<String, String>) -> Bundle {
    let mut order = Vec::new();
    visit(entry, sources, &mut BTreeSet::new(), &mut order);
    let mut script = String::new();
    let mut stubs = BTreeMap::new();
    let mut all_names = Vec::new();
    for path in order {
        let module = Module::read(path, &sources[path]);
        script.push_str(&module.body);
        if path != entry && !module.names.is_empty() {
            let up = "../".repeat(path.matches('/').count() - 1);
            let names = module.names.join(", ");
            let stub = format!("export {{ {names} }} from \"{up}app.js\";\n");
            stubs.insert(path.to_owned(), stub);
        }
        all_names.extend(module.names);
    }
    script.push_str(&format!("export {{ {} }};\n", all_names.join(", ")));
    Bundle { script, stubs }
}

/// Adds a module after those that it imports, as browsers evaluate them.
fn visit<'s>(
    path: &'s str,
    sources: &'s BTreeMap<String, String>,
    seen: &mut BTreeSet<&'s str>,
    order: &mut Vec<&'s str>,
) {
    if !seen.insert(path) {
        return;
    }
    for import in Module::read(path, &sources[path]).imports {
        if let Some((path, _)) = sources.get_key_value(&import) {
            visit(path, sources, seen, order);
        }
    }
    order.push(path);
}

/// A module without its imports and exports.
struct Module {
    body: String,
    /// The paths of what it imports.
    imports: Vec<String>,
    /// What it exports.
    names: Vec<String>,
}

impl Module {
    fn read(path: &str, source: &str) -> Self {
        let mut module = Self {
            body: String::with_capacity(source.len()),
            imports: Vec::new(),
            names: Vec::new(),
        };
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("import ") {
                let mut statement = line.to_owned();
                while !statement.ends_with(';')
                    && let Some(next) = lines.next()
                {
                    statement.push_str(next);
                }
                let address = statement.split('"').nth(1).unwrap_or_default();
                module.imports.push(resolve(path, address));
                continue;
            }
            let Some(exported) = line.strip_prefix("export ") else {
                module.push(path, line);
                continue;
            };
            if let Some(list) = exported.strip_prefix("{ ") {
                let names = list.trim_end_matches(" };").split(", ");
                module.names.extend(names.map(str::to_owned));
                continue;
            }
            module
                .names
                .extend(declared_name(exported).map(str::to_owned));
            module.push(path, exported);
        }
        module
    }

    /// Adds a line. What it loads later is resolved from where the bundle is.
    fn push(&mut self, path: &str, line: &str) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("import(\"")
            && let Some((address, after)) = after.split_once('"')
        {
            let resolved = resolve(path, address);
            let from_bundle = resolved.strip_prefix("js/").unwrap_or(&resolved);
            self.body.push_str(before);
            self.body.push_str(&format!("import(\"./{from_bundle}\""));
            rest = after;
        }
        self.body.push_str(rest);
        self.body.push('\n');
    }
}

/// The name that a line declares: `async function name(`, `class Name`, `const name =`.
pub(super) fn declared_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (keyword, rest) = line.split_once(' ')?;
    if !["function", "function*", "class", "const", "let", "var"].contains(&keyword) {
        return None;
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

/// The path that an address in a module means.
fn resolve(from: &str, address: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in address.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_joined_after_what_they_import() {
        let sources = BTreeMap::from(
            [
                ("js/app.js", "import \"./a/one.js\";\nstart();"),
                (
                    "js/a/one.js",
                    "import {\none,\ntwo,\n} from \"../b/two.js\";\nexport function start() { return import(\"./later.js\"); }",
                ),
                (
                    "js/b/two.js",
                    "import { start } from \"../a/one.js\";\nexport const one = 1;\nexport async function two() {}",
                ),
                ("js/a/later.js", "import { one } from \"../b/two.js\";"),
            ]
            .map(|(path, source)| (path.to_owned(), source.to_owned())),
        );
        let bundle = bundle("js/app.js", &sources);
        assert_eq!(
            bundle.script,
            "const one = 1;\nasync function two() {}\nfunction start() { return import(\"./a/later.js\"); }\nstart();\nexport { one, two, start };\n"
        );
        assert_eq!(
            bundle.stubs["js/b/two.js"],
            "export { one, two } from \"../app.js\";\n"
        );
        assert_eq!(bundle.stubs.len(), 2);
    }
}
