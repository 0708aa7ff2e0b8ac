//! Finds task keys such as `INF-42` in branch names, titles, descriptions and commit messages. Every function reads its
//! text once from start to end.

use std::collections::BTreeMap;

use crate::domain::{keys::split_key, pull_requests::without_code::without_code};

/// The most tasks that one delivery names.
const MOST: usize = 50;

/// A task that is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedTask {
    /// The team's key, in capital letters.
    pub team: String,
    pub number: i64,
    /// Whether a closing word is before the key.
    pub closes: bool,
}

impl NamedTask {
    /// The key: `INF-42`.
    pub fn key(&self) -> String {
        format!("{}-{}", self.team, self.number)
    }
}

/// The tasks that several texts name, each once: one closing word is enough.
#[derive(Debug, Default)]
pub struct NamedTasks(BTreeMap<(String, i64), (usize, bool)>);

impl NamedTasks {
    /// Adds tasks, until they are too many.
    pub fn add(&mut self, named: impl IntoIterator<Item = NamedTask>) {
        for task in named {
            let place = self.0.len();
            let key = (task.team, task.number);
            match self.0.get_mut(&key) {
                Some((_, closes)) => *closes |= task.closes,
                None if place < MOST => {
                    self.0.insert(key, (place, task.closes));
                }
                None => {}
            }
        }
    }

    /// The tasks in the order in which they were named first.
    pub fn into_list(self) -> Vec<NamedTask> {
        let mut places: Vec<(usize, NamedTask)> = self
            .0
            .into_iter()
            .map(|((team, number), (place, closes))| {
                let task = NamedTask {
                    team,
                    number,
                    closes,
                };
                (place, task)
            })
            .collect();
        places.sort_unstable();
        places.into_iter().map(|(_, task)| task).collect()
    }
}

/// The tasks that a branch name names, in either case: `inf-42-cut-postgres-over`, `elif/INF-42_retry`.
pub fn in_branch(branch: &str) -> Vec<NamedTask> {
    let mut named = Vec::new();
    let mut rest = branch;
    loop {
        let is_between = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
        let (word, after) = rest.split_at(rest.find(is_between).unwrap_or(rest.len()));
        let parts: Vec<&str> = word.split('-').collect();
        let mut keys: Vec<_> = parts
            .windows(2)
            .map(|pair| as_key(pair[0], pair[1], false))
            .collect();
        // `web-3.1.0` and `go-1.x` are versions.
        if is_version(after) {
            keys.pop();
        }
        named.extend(keys.into_iter().flatten());
        let mut letters = after.chars();
        if letters.next().is_none() {
            return named;
        }
        rest = letters.as_str();
    }
}

/// Whether what follows a number makes it that of a version: `.1` or `.x`.
fn is_version(after: &str) -> bool {
    after.strip_prefix('.').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit() || matches!(first, 'x' | 'X'))
    })
}

/// The tasks that a title or message names, in capital letters, with the closing words before them. What takes a change
/// back repeats its title, and finishes nothing.
pub fn in_line(text: &str) -> Vec<NamedTask> {
    let mut named = in_plain_text(text);
    if text.trim_start().starts_with("Revert \"") {
        named.iter_mut().for_each(|task| task.closes = false);
    }
    named
}

/// The tasks that a Markdown text names, leaving out code and comments.
pub fn in_markdown(text: &str) -> Vec<NamedTask> {
    in_plain_text(&without_code(text))
}

fn as_key(team: &str, number: &str, closes: bool) -> Option<NamedTask> {
    if !team.starts_with(|first: char| first.is_ascii_alphabetic())
        || team.len() > 10
        || number.len() > 9
        || number.is_empty()
    {
        return None;
    }
    let (team, number) = split_key(&format!("{team}-{number}"))?;
    Some(NamedTask {
        team,
        number,
        closes,
    })
}

/// Whether a key may follow a closing word that was before an earlier key: `closes INF-42, INF-43 and INF-44`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    Yes,
}

fn in_plain_text(text: &str) -> Vec<NamedTask> {
    let mut named = Vec::new();
    let mut closing = Closing::No;
    for word in text.split_whitespace() {
        // Brackets, quotes and emphasis around a word are no part of it.
        let starts = |letter: char| "([{<\"'*_“‘#".contains(letter);
        let ends = |letter: char| ")]}>\"'*_”’.,;:!?".contains(letter);
        if word.contains("://") {
            named.extend(in_address(
                word.trim_matches(|c| starts(c) || ends(c)),
                closing,
            ));
            closing = Closing::No;
            continue;
        }
        let mut ends_list = false;
        // Several keys may be joined by commas or slashes without spaces.
        for part in word.split([',', ';', '&', '/', '+']) {
            let bare = part.trim_start_matches(starts).trim_end_matches(ends);
            if bare.is_empty() {
                continue;
            }
            match whole_key(bare, closing) {
                Some(task) => {
                    named.push(task);
                    ends_list = part.ends_with(['.', '!', '?']);
                }
                None => {
                    closing = match is_closing_word(bare) {
                        true => Closing::Yes,
                        false if bare == "and" && closing == Closing::Yes => Closing::Yes,
                        false => Closing::No,
                    };
                }
            }
        }
        if ends_list {
            closing = Closing::No;
        }
    }
    named
}

/// A word that is a key and nothing else.
fn whole_key(word: &str, closing: Closing) -> Option<NamedTask> {
    let (team, number) = word.split_once('-')?;
    let is_capital = team
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    as_key(team, number, closing == Closing::Yes).filter(|_| is_capital)
}

/// The key that is a whole segment of an address's path, such as that of the task's own page.
fn in_address(address: &str, closing: Closing) -> Option<NamedTask> {
    let (_, path) = address.split_once("://")?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/')
        .skip(1)
        .find_map(|segment| whole_key(segment, closing))
}

fn is_closing_word(word: &str) -> bool {
    [
        "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved",
    ]
    .into_iter()
    .any(|closing| word.eq_ignore_ascii_case(closing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(named: Vec<NamedTask>) -> String {
        let mut all = NamedTasks::default();
        all.add(named);
        let list = all.into_list();
        let words: Vec<String> = list
            .iter()
            .map(|task| format!("{}{}", task.key(), if task.closes { "!" } else { "" }))
            .collect();
        words.join(" ")
    }

    #[test]
    fn branch_names_name_tasks_in_either_case() {
        for (branch, expected) in [
            ("inf-42-cut-postgres-over", "INF-42"),
            ("elif/INF-42_retry", "INF-42"),
            ("feature/inf-42.ing-7", "INF-42 ING-7"),
            ("fix-inf-42", "INF-42"),
            ("inf-042", ""),
            ("inf42", ""),
            ("release-2026", "RELEASE-2026"),
            ("xinf-42x", ""),
            ("main", ""),
            ("dependabot/npm/web-3.1.0", ""),
            ("renovate/go-1.x", ""),
            ("bump-inf-42-to-web-3.1", "INF-42"),
            ("inf-42.retry", "INF-42"),
        ] {
            assert_eq!(keys(in_branch(branch)), expected, "{branch}");
        }
    }

    #[test]
    fn texts_name_tasks_and_close_them() {
        for (text, expected) in [
            ("INF-42: Cut Postgres over", "INF-42"),
            ("[INF-42] Cut over (ING-7)", "INF-42 ING-7"),
            ("Closes INF-42", "INF-42!"),
            ("fixes: INF-42.", "INF-42!"),
            (
                "Resolves INF-42, INF-43 and ING-7. See ING-8",
                "INF-42! INF-43! ING-7! ING-8",
            ),
            ("closes INF-42,INF-43", "INF-42! INF-43!"),
            ("closes INF-42 after INF-43", "INF-42! INF-43"),
            ("This discloses INF-42", "INF-42"),
            ("closes the gap, INF-42", "INF-42"),
            ("see INF-42, closes INF-42", "INF-42!"),
            ("inf-42 in small letters", ""),
            ("XINF-42X INF-42b AINF-42-3 _INF-42_", "INF-42"),
            ("https://board.example.org/tasks/INF-42", "INF-42"),
            (
                "Fixes https://board.example.org/tasks/INF-42?x=ING-1#ING-2",
                "INF-42!",
            ),
            ("https://example.org/INF-42-draft?key=INF-42", ""),
            ("UTF-8 and SHA-256", "UTF-8 SHA-256"),
            ("INF-0 INF- -42 INF-99999999999", ""),
            ("**INF-42**", "INF-42"),
            ("Bump WEB-3.1.0 and GO-1.x", ""),
            ("Revert \"Closes INF-42\"", "INF-42"),
            ("Reverts nothing, closes INF-42", "INF-42!"),
            ("", ""),
        ] {
            assert_eq!(keys(in_line(text)), expected, "{text}");
        }
    }

    #[test]
    fn code_and_comments_name_nothing() {
        for (text, expected) in [
            ("Like `INF-42`, closes INF-43", "INF-43!"),
            ("``a ` INF-42 ` b`` INF-43", "INF-43"),
            ("an odd ` INF-42", "INF-42"),
            ("```\nINF-42\n```\nINF-43", "INF-43"),
            ("~~~ sql\nINF-42\n```\nINF-44\n~~~~\nINF-43", "INF-43"),
            ("```\nINF-42 without an end", ""),
            ("Text\n\n    INF-42\n    INF-44\n\nINF-43", "INF-43"),
            ("- a list\n    INF-42", "INF-42"),
            ("<!-- closes INF-42 -->\ncloses INF-43", "INF-43!"),
            ("<!-- closes INF-42", ""),
            ("closes\r\nINF-42\r\n", "INF-42!"),
        ] {
            assert_eq!(keys(in_markdown(text)), expected, "{text}");
        }
    }

    #[test]
    fn at_most_fifty_tasks_are_named() {
        let text: Vec<String> = (1..=80).map(|number| format!("INF-{number}")).collect();
        let mut all = NamedTasks::default();
        all.add(in_line(&text.join(" ")));
        assert_eq!(all.into_list().len(), MOST);
    }

    /// Twice the text must not take four times as long: hostile texts of the largest size end at once.
    #[test]
    fn hostile_texts_are_read_once() {
        let started = std::time::Instant::now();
        for piece in [
            "`",
            "``` ",
            "` ``",
            "<!--",
            "INF-1,",
            "closes ",
            "~~~\n",
            "    x\n\n",
            "-",
            "A-",
        ] {
            let text = piece.repeat(100_000 / piece.len());
            in_markdown(&text);
            in_branch(&text);
        }
        let growing: String = (1..440).map(|length| "`".repeat(length) + " ").collect();
        in_markdown(&growing);
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
    }

    proptest! {
        /// Whatever is around it, a key between spaces is found, and nothing that was not written.
        #[test]
        fn keys_that_are_written_are_found(
            team in "[A-Z][A-Z0-9]{1,9}", number in 1..1_000_000_i64, before in "[a-zé .,!?]{0,30}", after in "[a-zé .,!?]{0,30}",
        ) {
            let key = format!("{team}-{number}");
            let found = in_markdown(&format!("x{before} {key} {after}"));
            prop_assert_eq!(found.iter().map(NamedTask::key).collect::<Vec<_>>(), vec![key.clone()]);
            let branch = format!("x/{}-some-words", key.to_lowercase());
            prop_assert_eq!(in_branch(&branch)[0].key(), key.clone());
            let inline = format!("x{before} `{key}` {after}");
            let block = format!("```\n{key}\n```");
            prop_assert!(in_markdown(&inline).is_empty() && in_markdown(&block).is_empty());
        }

        #[test]
        fn any_text_is_read(text in "(\\PC|[`~<>!\\-\\n\\t A-Z0-9]){0,400}") {
            for task in in_markdown(&text).into_iter().chain(in_line(&text)) {
                prop_assert!(text.contains(&task.key()));
            }
            for task in in_branch(&text) {
                prop_assert!(text.to_ascii_uppercase().contains(&task.key()));
            }
        }
    }
}
