//! Known faults of other boards, by number, and a check that a test covers each. A test names its cases at the start of
//! its doc comment, as in “Case 8.” or “Cases 23, F4.”.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::fixtures::report;

/// Collected from public advisories and issue threads of other boards.
const CASES: &[(&str, &str)] = &[
    ("1", "another team's task is changed by its key"),
    ("2", "an own task is moved to another team's column"),
    (
        "3",
        "another team's task, named in the body, is moved to an own column",
    ),
    ("4", "a link to a hidden task shows its title"),
    ("5", "a bulk change includes a task of another team"),
    ("7", "another person's comment is edited or deleted"),
    ("8", "a route that changes data does not check permissions"),
    ("9", "an export contains another team's data"),
    (
        "10",
        "search, suggestions, counts or feeds reveal a private team",
    ),
    ("11", "another team's share link is revoked"),
    (
        "12",
        "an invitation or token is for a team that its creator cannot see",
    ),
    ("13", "?sort=password_hash"),
    (
        "14",
        "a profile form sets the role, or a comment form the author",
    ),
    ("15", "a share link opens a page that it is not for"),
    ("16", "a share link can change data"),
    (
        "17",
        "a share link or its stream works after it was revoked",
    ),
    ("18", "the list of share links shows their secrets"),
    (
        "19",
        "an open stream outlives signing out, removal or deactivation",
    ),
    ("20", "a stream carries another team's events"),
    (
        "22",
        "a shared page contains e-mail addresses, is indexed, or leaks its URL as referrer",
    ),
    ("23", "an old cookie works after the password was changed"),
    ("24", "a cookie or token works after deactivation"),
    ("25", "a cookie works after it has expired"),
    (
        "26",
        "a reset link works twice, after a newer one or after an hour, or is stored in plain text",
    ),
    ("27", "a reset link is built from the Host header"),
    (
        "28",
        "a header sets the identity or the IP address of a client",
    ),
    (
        "29",
        "attempts are unlimited when X-Forwarded-For changes, or the owner is locked out",
    ),
    ("30", "a sign-in reveals whether an address is known"),
    (
        "31",
        "a provider's token with a wrong state, nonce or audience, or a used code, signs in",
    ),
    ("32", "a read token can write, or a token can create tokens"),
    (
        "33",
        "an account is registered although registration is closed",
    ),
    ("34", "?next= redirects to another site"),
    (
        "35",
        "a session from before signing in stays valid, or a link signs out",
    ),
    ("36", "JSON contains a hash or a token"),
    ("37", "a code of a second factor is accepted twice"),
    (
        "38",
        "a form, multipart or text body from another site is accepted",
    ),
    ("39", "Markdown runs a script"),
    (
        "41",
        "a script in a title, label, name, query or error runs",
    ),
    ("42", "a cell of an export runs as a formula"),
    (
        "43",
        "a request is sent to a private address in some notation",
    ),
    (
        "44",
        "a redirect or a name that changes leads to a private address",
    ),
    ("45", "the secret of a webhook is shown again"),
    ("46", "an import reads files, or sets ids and roles"),
    ("47", "a huge or deeply nested file exhausts memory"),
    ("48", "a long search hangs"),
    ("49", "a line break in a title reaches logs or feeds"),
    ("50", "nested Markdown hangs the program"),
    ("51", "bodies fill the memory before anyone is identified"),
    ("52", "a long filter is parsed before its length is checked"),
    ("53", "a long text or list reaches the database"),
    (
        "54",
        "one reader fills the caches, or evicts what others use",
    ),
    ("55", "sign-ins take memory that is not given back"),
    (
        "56",
        "one account writes without end, and nobody can delete it",
    ),
    ("57", "health checks fail while the server is under load"),
    ("58", "the database's log contains rows"),
    ("F1", "CRLF in a text breaks the event stream"),
    (
        "F2",
        "a large body is neither accepted nor refused with a reason",
    ),
    ("F3", "a request head that never ends keeps a connection"),
    (
        "F4",
        "a panic ends the program, or its message is sent to a client",
    ),
    ("F5", "writes behind a held lock hang"),
    ("F6", "open streams delay shutdown"),
    ("F7", "NUL is a 500"),
    ("F8", "%FF is a 500"),
    (
        "F9",
        "a malformed id is answered differently from a missing one",
    ),
    ("F10", "invalid numbers are a 500"),
    ("F11", "% and _ match everything"),
    (
        "F12",
        "HEAD differs from GET, or a wrong method is not a 405",
    ),
    (
        "F13",
        "an empty, too long or bidirectional title is accepted",
    ),
    ("F14", "impossible limits and dates are accepted"),
    ("F15", "a template prints unescaped text"),
    ("R1", "positions or numbers collide"),
    ("R2", "the ranks between two cards run out"),
    ("R3", "two clients that swap columns deadlock"),
    ("R4", "an outdated window reverts a move"),
    ("R5", "a drop under a filter lands in another place"),
    ("R6", "an edit is overwritten by another"),
    ("R7", "a lost connection leaves half a change, or two"),
    ("R8", "a client that slept shows an old board"),
    ("R9", "a client that does not read delays others"),
    ("R10", "more tabs than a browser has connections"),
    ("R11", "streams use up the database's connections"),
    ("R12", "the database restarts"),
    ("R13", "the program or its database is killed with SIGKILL"),
    (
        "R14",
        "two programs migrate at once, or an old one finds newer tables",
    ),
];

/// Faults in features that do not exist yet.
const LATER: &[(&str, &str)] = &[
    ("6", "attachments"),
    ("21", "mail, notifications and webhooks"),
    ("31", "single sign-on"),
    ("40", "attachments"),
    ("43", "webhooks"),
    ("44", "webhooks"),
    ("R15", "a command that backs up and restores"),
];

#[test]
fn every_case_has_a_test() {
    let tests = collect_tests_by_case();
    for (number, names) in &tests {
        println!("{number}: {}", names.join(", "));
    }
    let tested: BTreeSet<&str> = tests.keys().map(String::as_str).collect();
    let missing: Vec<_> = CASES
        .iter()
        .filter(|(number, _)| !tested.contains(number))
        .collect();
    report(&format!(
        "{} of {} cases have a test",
        CASES.len() - missing.len(),
        CASES.len()
    ));
    for (number, feature) in LATER {
        if !tested.contains(number) {
            println!("{number} does not apply yet: {feature}");
        }
    }
    assert!(missing.is_empty(), "no test for {missing:?}");
    let known: BTreeSet<&str> = CASES
        .iter()
        .chain(LATER)
        .map(|(number, _)| *number)
        .collect();
    let unknown: Vec<_> = tested.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not in any list");
    assert_eq!(
        known.len(),
        58 + 15 + 15,
        "each number is in exactly one of the two lists"
    );
}

/// Returns the names of tests by the case numbers in their doc comments.
fn collect_tests_by_case() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in [
        root.join("tests/it"),
        root.join("tests/browser"),
        root.join("src"),
    ]
    .iter()
    .flat_map(|folder| list_source_files(folder))
    {
        let text = fs::read_to_string(&file).unwrap();
        let mut numbers: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(listed) = line
                .strip_prefix("/// Cases ")
                .or_else(|| line.strip_prefix("/// Case "))
            {
                let listed = listed.split('.').next().unwrap_or_default();
                numbers.extend(listed.split(',').map(|number| number.trim().to_owned()));
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
            "{} ends with {numbers:?} but no test follows",
            file.display()
        );
    }
    tests
}

fn list_source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            files.extend(list_source_files(&entry));
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            files.push(entry);
        }
    }
    files
}
