//! The name of the branch that a task's work can be done on.

/// The longest name.
const LONGEST: usize = 60;

/// `INF-42` and its title as a branch name: `inf-42-cut-postgres-over`. It names the task, so that a pull request from it
/// is linked.
pub fn branch_name(key: &str, title: &str) -> String {
    let mut name = key.to_ascii_lowercase();
    let plain = deunicode::deunicode(title).to_lowercase();
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let is_first = name.len() == key.len();
        let room = LONGEST.saturating_sub(name.len() + 1);
        // A word is cut only if it would be the only one.
        if word.len() > room && !(is_first && room > 0) {
            break;
        }
        name.push('-');
        name.push_str(&word[..word.len().min(room)]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pull_requests::task_keys::in_branch;

    #[test]
    fn branch_is_named_by_key_and_title() {
        for (title, expected) in [
            ("Cut Postgres over", "inf-42-cut-postgres-over"),
            ("Größe & 東京: “quoted”", "inf-42-grosse-dong-jing-quoted"),
            ("🙂", "inf-42-slight-smile"),
            ("—", "inf-42"),
        ] {
            assert_eq!(branch_name("INF-42", title), expected);
        }
        let long = branch_name("INF-42", &"word ".repeat(100));
        assert!(long.len() <= LONGEST && long.ends_with("-word"), "{long}");
        let long = branch_name("INF-42", &"x".repeat(500));
        assert_eq!(long.len(), LONGEST);
        assert_eq!(in_branch(&long)[0].key(), "INF-42");
    }
}
