//! The list that `fortnight licenses` prints, packaging/THIRD-PARTY.txt, is that of Cargo.lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const LIST: &str = "packaging/THIRD-PARTY.txt";
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// A crate that is part of the program.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: String,
    folder: PathBuf,
}

impl Package {
    fn line(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.license)
    }

    /// The texts of its licence. Of several to choose from, the text of MIT, which is the shortest, is enough.
    fn texts(&self) -> Vec<String> {
        let mut files: Vec<(String, PathBuf)> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().to_uppercase();
                (name, path)
            })
            .filter(|(name, _)| {
                ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
                    .iter()
                    .any(|start| name.starts_with(start))
            })
            .collect();
        files.sort();
        let is_choice = self.license.contains(" OR ") || self.license.contains('/');
        if is_choice && files.iter().any(|(name, _)| name.contains("MIT")) {
            files.retain(|(name, _)| name.contains("MIT") || name.starts_with("NOTICE"));
        }
        files
            .iter()
            .map(|(_, path)| fs::read_to_string(path).unwrap())
            .collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the crates that the program consists of on Linux, without those that only its tests or its build need.
fn packages() -> BTreeSet<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |list: &Value| -> BTreeMap<String, Value> {
        let entries = list.as_array().unwrap().iter();
        entries
            .map(|entry| (entry["id"].as_str().unwrap().to_owned(), entry.clone()))
            .collect()
    };
    let (known, nodes) = (of(&metadata["packages"]), of(&metadata["resolve"]["nodes"]));
    let own = metadata["resolve"]["root"].as_str().unwrap().to_owned();
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![own.clone()]);
    while let Some(id) = waiting.pop() {
        for dependency in nodes[&id]["deps"].as_array().unwrap() {
            let mut kinds = dependency["dep_kinds"].as_array().unwrap().iter();
            let id = dependency["pkg"].as_str().unwrap().to_owned();
            if kinds.any(|kind| kind["kind"].is_null()) && reached.insert(id.clone()) {
                waiting.push(id);
            }
        }
    }
    let package = |id: &String| {
        let text = |name: &str| known[id][name].as_str().unwrap_or("").to_owned();
        Package {
            name: text("name"),
            version: text("version"),
            license: text("license"),
            folder: Path::new(&text("manifest_path")).parent().unwrap().into(),
        }
    };
    reached.iter().map(package).collect()
}

/// Returns the lines of the files that browsers get, from the list of them: name, version and licence.
fn browser_files() -> Vec<String> {
    let table = fs::read_to_string(root().join("static/vendor/VENDOR.md")).unwrap();
    let rows = table.lines().filter(|row| row.starts_with("| `static/"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[5].split('`').nth(1).unwrap();
        format!("{name} {} ({})", cells[3], cells[4])
    })
    .collect()
}

/// Writes the list: the crates, and then each text with the crates that it is of.
fn compose(packages: &BTreeSet<Package>) -> String {
    let mut list = "Fortnight contains this software of others.\n\n".to_owned();
    let lines = packages.iter().map(Package::line);
    for line in lines.chain(browser_files()) {
        writeln!(list, "{line}").unwrap();
    }
    // equal but for line breaks
    let mut texts: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for package in packages {
        for text in package.texts() {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (_, of) = texts
                .entry(words.join(" "))
                .or_insert((text.clone(), Vec::new()));
            of.push(format!("{} {}", package.name, package.version));
        }
    }
    let mut texts: Vec<(String, Vec<String>)> = texts.into_values().collect();
    texts.sort_by(|(_, left), (_, right)| left.cmp(right));
    for (text, of) in texts {
        write!(list, "\n{RULE}\n{}\n{RULE}\n\n", of.join(", ")).unwrap();
        for line in text.trim_matches('\n').lines() {
            writeln!(list, "{}", line.trim_end()).unwrap();
        }
    }
    list
}

#[test]
fn list_of_licenses_is_that_of_the_lock_file() {
    // packaging/update-licenses sets it
    if env::var_os("UPDATE_LICENSES").is_some() {
        fs::write(root().join(LIST), compose(&packages())).unwrap();
    }
    let list = fs::read_to_string(root().join(LIST)).unwrap();
    let (head, _) = list.split_once(RULE).unwrap();
    let listed: BTreeSet<String> = head
        .lines()
        .skip(2)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let expected: BTreeSet<String> = packages()
        .iter()
        .map(Package::line)
        .chain(browser_files())
        .collect();
    let missing: Vec<_> = expected.difference(&listed).collect();
    let outdated: Vec<_> = listed.difference(&expected).collect();
    assert!(
        missing.is_empty() && outdated.is_empty(),
        "{LIST} lacks {missing:?} and has {outdated:?}: update it with packaging/update-licenses"
    );
}

#[test]
fn licenses_are_printed_without_a_database() {
    let output = Command::new(env!("CARGO_BIN_EXE_fortnight"))
        .args(["--data-dir", "/nonexistent", "licenses"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, fs::read_to_string(root().join(LIST)).unwrap());
    assert!(text.contains("\naxum 0.8") && text.contains("\nidiomorph "));
}
