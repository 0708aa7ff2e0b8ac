//! Guesses a list's state from its name: whole words and known phrases of several languages.

use crate::domain::{
    column_state::ColumnState,
    import::state_words::{
        BLOCKED, DOING, DONE, NOT_A_STATE, NOT_A_STATE_FIRST, NOT_YET, NOT_YET_DONE, REVIEW, TODO,
    },
};

/// The state that a list's name means; `None` if that is unclear.
pub(crate) fn guess(name: &str) -> Option<ColumnState> {
    let (words, joined) = (words(name), joined(name));
    let is_other = words.iter().any(|word| in_list(NOT_A_STATE, word));
    let starts_other = words
        .first()
        .is_some_and(|word| in_list(NOT_A_STATE_FIRST, word));
    if is_other || starts_other {
        return None;
    }
    let negated = ["未", "没", "미완", "待完", "暂不"]
        .iter()
        .any(|word| joined.contains(word));
    if is_almost_done(&words) {
        return Some(ColumnState::Review);
    }
    for (state, phrases, guards) in [
        (ColumnState::Done, DONE, NOT_YET_DONE),
        (ColumnState::Review, REVIEW, ""),
        (ColumnState::Blocked, BLOCKED, ""),
        (ColumnState::Doing, DOING, NOT_YET_DONE),
    ] {
        if says(&words, phrases, guards) || !negated && contains(&joined, phrases) {
            return Some(state);
        }
    }
    let is_todo = negated
        || says(&words, TODO, "")
        || contains(&joined, TODO)
        || words.iter().any(|word| in_list(NOT_YET, word));
    is_todo.then_some(ColumnState::Todo)
}

/// The state whose plain English name this is: the lists that every board has.
pub(crate) fn plain(name: &str) -> Option<ColumnState> {
    Some(match words(name).join(" ").as_str() {
        "todo" | "to do" => ColumnState::Todo,
        "doing" | "in progress" | "work in progress" | "wip" => ColumnState::Doing,
        "blocked" => ColumnState::Blocked,
        "review" | "in review" => ColumnState::Review,
        "done" => ColumnState::Done,
        _ => return None,
    })
}

/// Ready for a release: the work is finished, and someone else takes it on.
fn is_almost_done(words: &[String]) -> bool {
    const RELEASES: &str = "deploy|deployed|deployment|launch|merge|merged|prod|production|publish|release|released|ship|shipped";
    words.first().is_some_and(|first| first == "ready")
        && words.iter().any(|word| in_list(RELEASES, word))
}

/// Whether the words contain one of the phrases. In a phrase, `=` stands before one that must be
/// the whole name, and `$` after one that must end it. In a long name, a phrase counts only at its
/// start or end. A word that negates it, or one of the guards, may not stand before it.
fn says(words: &[String], phrases: &str, guards: &str) -> bool {
    each(phrases).any(|phrase| {
        let whole = phrase.starts_with('=');
        let last = phrase.ends_with('$');
        let wanted: Vec<&str> = phrase.trim_matches(['=', '$']).split_whitespace().collect();
        let fits = |(start, window): (usize, &[String])| {
            let ends = start + wanted.len() == words.len();
            window == wanted.as_slice()
                && (!whole || wanted.len() == words.len())
                && (!last || ends)
                && (words.len() <= 4 || start == 0 || ends)
                && !words[..start]
                    .iter()
                    .any(|word| in_list(NOT_YET, word) || in_list(guards, word))
        };
        !wanted.is_empty() && words.windows(wanted.len()).enumerate().any(fits)
    })
}

/// Whether a text without spaces contains one of the phrases of a script that has none.
fn contains(joined: &str, phrases: &str) -> bool {
    each(phrases).any(|phrase| phrase.chars().all(is_unspaced) && joined.contains(phrase))
}

fn in_list(list: &str, word: &str) -> bool {
    each(list).any(|other| other == word)
}

fn each(list: &str) -> impl Iterator<Item = &str> {
    list.split('|').map(str::trim)
}

/// The words of a name, in lower case. Letters of Latin script have no accents; numbers and
/// pictures are left out.
fn words(name: &str) -> Vec<String> {
    let plain: String = name
        .chars()
        .flat_map(|letter| {
            let is_latin = matches!(letter, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
            let plain = if is_latin {
                deunicode::deunicode_char(letter).unwrap_or("").to_owned()
            } else {
                letter.to_string()
            };
            plain.to_lowercase().chars().collect::<Vec<_>>()
        })
        // An accent of its own, as some systems write it; an apostrophe joins “isn't”.
        .filter(|letter| !matches!(letter, '\u{300}'..='\u{36f}' | '\'' | '’'))
        .collect();
    plain
        .split(|letter: char| !letter.is_alphanumeric() && !is_mark(letter))
        .filter(|word| word.contains(|letter: char| !letter.is_numeric()))
        .map(str::to_owned)
        .collect()
}

/// Vowel signs of Indic scripts belong to their word.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{900}'..='\u{dff}')
}

fn joined(name: &str) -> String {
    name.chars()
        .filter(|letter| !letter.is_whitespace())
        .collect()
}

/// Letters of Chinese, Japanese, Korean and Thai, whose words have no spaces between them, or not
/// always.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use ColumnState::{Blocked, Doing, Done, Review, Todo};

    use super::*;

    #[test]
    fn names_in_many_languages_tell_their_state() {
        for (state, names) in [
            (
                Done,
                "Done 🎉|DONE|Completed in May|Completed|Complete ✅|Sprint 12 done|Shipped|Deployed|Released|Closed|Finished|All done|\
                 Done this week|Merged|Resolved|Terminado|TERMINADO|Fertig|Erledigt|Terminé|Terminée|Hecho|Concluído|Feito|Fatto|\
                 Готово 2024|Сделано|完了|完成 1|已完成|완료|Klaar|Klar|Zrobione|Hotovo|Tamamlandı|Hoàn thành|Selesai|הושלם|مكتمل|เสร็จแล้ว|\
                 Live|Signed off|Termine\u{301}|Abgeschlossen|Färdig|Done ✔ (archive)",
            ),
            (
                Review,
                "Code review|QA|UAT|Testing|Review|In Review|Reviewing|Ready for review|To review|To be reviewed|Pull requests|\
                 Ready for QA|Ready to ship|Ready for release|Waiting for review|Verification|In Prüfung|En revisión|Em revisão|\
                 レビュー待ち|测试中|审核|검토 중|На проверке|Тестирование|QA / Testing|In test|Ready to be deployed",
            ),
            (
                Blocked,
                "Waiting for Berlin|Waiting|Waiting on customer|On hold|On-Hold|Paused|Awaiting feedback|Blocked|Blockers|Stuck|\
                 Blockiert|Wartet|En attente|Bloqueado|En espera|In attesa|Заблокировано|保留|阻塞|보류|Blocked (not done)|\
                 Waiting to be deployed",
            ),
            (
                Doing,
                "In-Progress|in_progress|Doing|WIP|In Development|En cours|En curso|Em andamento|In corso|In Arbeit|In Bearbeitung|\
                 進行中|作業中|进行中|진행 중|В работе|В процессе|Bezig|Pågående|W toku|Work in progress|Working on it|Currently doing|\
                 対応中|Đang làm|Devam ediyor|กำลังทำ",
            ),
            (
                Todo,
                "To do|Todo|Backlog|Ready to start|Not done|Not started|Undone|Incomplete|To be completed|To be done|待办|未完成|\
                 未着手|未完了|Offen|À faire|Por hacer|Pendiente|A fazer|Da fare|Nicht fertig|Pas terminé|Не готово|К выполнению|\
                 Selected for development|Up next|할 일|Not in progress|Isn't done|No terminado|Ready for dev",
            ),
        ] {
            for name in names.split('|').map(str::trim) {
                assert_eq!(guess(name), Some(state), "{name}");
            }
        }
    }

    #[test]
    fn words_that_only_look_like_a_state_tell_none() {
        for name in [
            "Definition of Done",
            "Waiting Room",
            "Waiting room (upstairs)",
            "Blockchain",
            "Reviewers",
            "Testing ideas",
            "Stop doing",
            "Start doing",
            "Getting things done",
            "Progress reports",
            "Personal",
            "Lab",
            "C++",
            "6/21威尼斯",
            "Year in review",
            "Done criteria",
            "Completely new",
            "Closed beta",
            "Doingness",
            "Release notes",
            "",
            "…",
        ] {
            assert_eq!(guess(name), None, "{name}");
        }
        assert_eq!(
            guess("Waiting Room - not yet signed off"),
            None,
            "a room, whatever it says"
        );
    }

    #[test]
    fn plain_names_are_those_of_the_default_columns() {
        for state in ColumnState::ALL {
            assert_eq!(plain(state.default_name()), Some(state));
        }
        assert_eq!((plain("TO-DO"), plain("Doing")), (Some(Todo), Some(Doing)));
        assert_eq!(plain("Fertig"), None);
    }
}
