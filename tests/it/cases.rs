//! What went wrong in other boards, by number, and that a test of ours stands against each. A test says so in its
//! comment, as in “Case 8.” or “Cases 23, F4.”.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::fixtures::tell;

/// Collected from public advisories and issue threads of boards that others use.
const CASES: &[(&str, &str)] = &[
    ("1", "another team's task is changed by its key"),
    ("2", "a task of one's own goes to another team's column"),
    (
        "3",
        "another team's task, named in the body, comes into one's own column",
    ),
    ("4", "a link to a hidden task shows its title"),
    ("5", "several are changed, and a foreign one among them"),
    ("7", "somebody else's comment is edited or deleted"),
    ("8", "a route that changes something forgets to ask who may"),
    ("9", "an export is of another team"),
    (
        "10",
        "search, suggestions, counts or feeds name a private team",
    ),
    ("11", "another team's share link is ended"),
    (
        "12",
        "an invitation or token names a team that its maker may not see",
    ),
    ("13", "?sort=password_hash"),
    ("14", "one's own profile takes a role, a comment an author"),
    ("15", "a share link opens what it is not for"),
    ("16", "a share link writes"),
    (
        "17",
        "a share link works after it was revoked, or its stream goes on",
    ),
    ("18", "the list of share links shows what opens them"),
    (
        "19",
        "an open stream outlives signing out, removal or deactivation",
    ),
    ("20", "a stream carries another team's events"),
    (
        "22",
        "a shared page holds e-mail addresses, is indexed, or tells where it was read",
    ),
    ("23", "an old cookie works after the password was changed"),
    ("24", "a cookie or token works after deactivation"),
    ("25", "a cookie works a second past its end"),
    (
        "26",
        "a reset link works twice, after a newer one, after an hour, or stands readable in the database",
    ),
    ("27", "a reset link is built from the Host header"),
    (
        "28",
        "a header says who somebody is, or where they come from",
    ),
    (
        "29",
        "tries are unlimited where X-Forwarded-For changes, or the owner is locked out",
    ),
    ("30", "a sign-in tells whether an address is known"),
    ("32", "a reading token writes, a token makes tokens"),
    ("33", "registration is off and somebody registers"),
    ("34", "?next= leads elsewhere"),
    (
        "35",
        "a session from before signing in stays, or a link signs out",
    ),
    ("36", "JSON holds a hash or a token"),
    ("38", "another site's form, multipart or text is obeyed"),
    ("39", "Markdown runs"),
    (
        "41",
        "a script in a title, label, name, query or error runs",
    ),
    ("42", "a cell of an export runs"),
    (
        "46",
        "an import reads files, or brings foreign ids and roles",
    ),
    ("47", "a huge or deep file fills the memory"),
    ("48", "a long search hangs"),
    ("49", "a line end in a title reaches logs or feeds"),
    ("F1", "CRLF in a text breaks the stream"),
    ("F2", "a large body is neither taken nor refused in words"),
    ("F3", "a head that never ends holds a connection"),
    (
        "F4",
        "a panic takes the program with it, or its text reaches a reader",
    ),
    ("F5", "writes behind a held lock hang"),
    ("F6", "open streams hold up the end"),
    ("F7", "NUL is a 500"),
    ("F8", "%FF is a 500"),
    ("F9", "what is no id is told from what is absent"),
    ("F10", "numbers that are none are a 500"),
    ("F11", "% and _ match everything"),
    ("F12", "HEAD differs from GET, a wrong method is no 405"),
    ("F13", "an empty, endless or turned round title is kept"),
    ("F14", "limits, dates and days that cannot be"),
    ("F15", "a template prints a text as it came"),
    ("R1", "positions or numbers collide"),
    ("R2", "a gap between two cards is used up"),
    ("R3", "two who swap columns lock each other out"),
    ("R4", "a stale window undoes a move"),
    ("R5", "a drop under a filter lands elsewhere"),
    ("R6", "an edit is lost under another"),
    ("R7", "a line that is cut leaves half a change, or two"),
    ("R8", "who slept sees an old board"),
    ("R9", "who does not read holds up the others"),
    ("R10", "more tabs than a browser opens connections"),
    ("R11", "streams use up the database's connections"),
    ("R12", "the database restarts"),
    ("R13", "the program or its database is killed"),
    (
        "R14",
        "two programs migrate at once, or an old one meets new tables",
    ),
];

/// What there is nothing to test of yet.
const LATER: &[(&str, &str)] = &[
    ("6", "attachments"),
    ("21", "mail, notifications and webhooks"),
    ("31", "single sign-on"),
    ("37", "a second factor"),
    ("40", "attachments"),
    ("43", "webhooks"),
    ("44", "webhooks"),
    ("45", "webhooks"),
    ("R15", "a command that backs up and restores"),
];

#[test]
fn every_case_has_a_test() {
    let tests = tests_by_case();
    for (number, names) in &tests {
        println!("{number}: {}", names.join(", "));
    }
    let tested: BTreeSet<&str> = tests.keys().map(String::as_str).collect();
    let missing: Vec<_> = CASES
        .iter()
        .filter(|(number, _)| !tested.contains(number))
        .collect();
    tell(&format!(
        "{} of {} cases have a test",
        CASES.len() - missing.len(),
        CASES.len()
    ));
    for (number, what) in LATER {
        if !tested.contains(number) {
            println!("{number} does not apply yet: {what}");
        }
    }
    assert!(missing.is_empty(), "no test for {missing:?}");
    let known: BTreeSet<&str> = CASES
        .iter()
        .chain(LATER)
        .map(|(number, _)| *number)
        .collect();
    let unknown: Vec<_> = tested.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} are in no list");
    assert_eq!(
        known.len(),
        49 + 15 + 15,
        "each number is in one of the two lists"
    );
}

/// Names of tests by the numbers in their comments.
fn tests_by_case() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in [
        root.join("tests/it"),
        root.join("tests/browser"),
        root.join("src"),
    ]
    .iter()
    .flat_map(|folder| sources(folder))
    {
        let text = fs::read_to_string(&file).unwrap();
        let mut numbers: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(said) = line
                .strip_prefix("/// Cases ")
                .or_else(|| line.strip_prefix("/// Case "))
            {
                let said = said.split('.').next().unwrap_or_default();
                numbers.extend(said.split(',').map(|number| number.trim().to_owned()));
            } else if let Some((name, _)) = line
                .split_once("fn ")
                .and_then(|(_, name)| name.split_once('('))
            {
                for number in numbers.drain(..) {
                    tests.entry(number).or_default().push(name.to_owned());
                }
            }
        }
        assert!(
            numbers.is_empty(),
            "{} ends with {numbers:?} and no test",
            file.display()
        );
    }
    tests
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            found.push(entry);
        }
    }
    found
}
