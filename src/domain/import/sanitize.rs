//! Sanitizes imported texts: makes them fit our limits without losing their meaning.

use crate::domain::{
    import::summary::Notices,
    text::{composed, is_invisible, plain_lines},
};

pub(crate) use crate::domain::import::cutting::{cut, line};

const TITLE: usize = 500;
const DESCRIPTION: usize = 100_000;
const COMMENT: usize = 20_000;
const LABEL: usize = 50;
const STEP: usize = 500;
/// The maximum number of steps of a task.
pub(crate) const STEPS: usize = 200;
/// The maximum number of labels of a task.
pub(crate) const LABELS: usize = 30;

/// An estimate in whole points, and a notice if it could not be taken as it is.
pub(crate) fn estimate(text: &str, title: &str, changed: &mut Notices) -> Option<i32> {
    if text.is_empty() {
        return None;
    }
    let points: Option<f64> = text.replace(',', ".").parse().ok();
    let Some(points) = points.filter(|points| (0.0..=1000.0).contains(points)) else {
        changed.add(
            "estimates that are no number from 0 to 1,000 were left out",
            title,
        );
        return None;
    };
    if points.round() != points {
        changed.add("estimates were rounded to whole points", title);
    }
    Some(points.round() as i32)
}

/// A title and, when it is too long, the full one.
pub(crate) fn title(text: &str) -> (String, Option<String>) {
    let (title, was_cut) = line(text, TITLE);
    let whole = was_cut.then(|| line(text, usize::MAX).0);
    (
        if title.is_empty() {
            "Untitled".to_owned()
        } else {
            title
        },
        whole,
    )
}

/// Text of several lines, cleaned.
pub(crate) fn lines(text: &str) -> String {
    plain_lines(&composed(text).replace('\0', ""))
}

/// A description: text before it, the text itself, and text after it. Only the middle part is cut.
pub(crate) fn description(before: Option<&str>, text: &str, after: &[String]) -> (String, bool) {
    let joined = |text: &str| {
        let parts = before
            .into_iter()
            .chain([text.trim_end()])
            .map(str::to_owned)
            .chain([after.join("\n\n")]);
        parts
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n")
    };
    let text = lines(text);
    let whole = joined(&text);
    let over = whole.chars().count().saturating_sub(DESCRIPTION);
    if over == 0 {
        return (whole, false);
    }
    let shortened = cut(&text, text.chars().count().saturating_sub(over)).0;
    // The text after it may be too long by itself.
    (cut(&joined(&shortened), DESCRIPTION).0, true)
}

/// A comment's text; `None` if it is empty.
pub(crate) fn comment(text: &str) -> Option<(String, bool)> {
    let text = lines(text.trim());
    let visible = text
        .chars()
        .any(|letter| !letter.is_whitespace() && !is_invisible(letter));
    visible.then(|| cut(text.trim(), COMMENT))
}

/// A step's text, with the name of its checklist before it and other fields after it; `None` if it
/// is empty.
pub(crate) fn step(checklist: Option<&str>, text: &str, rest: &str) -> Option<(String, bool)> {
    let text = Some(line(text, usize::MAX).0).filter(|text| !text.is_empty())?;
    let name = checklist
        .map(|name| line(name, 100).0)
        .filter(|name| !name.is_empty());
    let text = match name {
        Some(name) => format!("{name}: {text}"),
        None => text,
    };
    let (text, was_cut) = cut(&text, STEP.saturating_sub(rest.chars().count()));
    Some((text + rest, was_cut))
}

/// A label's name without characters that would break a filter; empty if nothing is left.
pub(crate) fn label(name: &str) -> String {
    let name = line(name.trim_start_matches(['#', ' ']), usize::MAX).0;
    let dashed = name.replace(
        |letter: char| letter.is_whitespace() || matches!(letter, ',' | '"' | '“' | '”' | '„'),
        "-",
    );
    let cleaned = dashed
        .split('-')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    cut(&cleaned, LABEL).0.trim_end_matches('-').to_owned()
}

/// A line with a URL; `None` if a browser could not open it. Spaces in it are escaped.
pub(crate) fn link(before: &str, address: &str) -> Option<String> {
    let address = address.trim().replace(' ', "%20");
    let plain = |letter: char| {
        !letter.is_whitespace() && !letter.is_control() && !matches!(letter, '<' | '>')
    };
    let opens = address.starts_with("https://") || address.starts_with("http://");
    (opens && address.len() <= 2000 && address.chars().all(plain))
        .then(|| format!("{before}: <{address}>"))
}

/// A line with a value that has no field here; `None` if the value is empty.
pub(crate) fn field(name: &str, value: &str) -> Option<String> {
    let (name, value) = (line(name, 100).0, line(value, 1000).0);
    (!value.is_empty()).then(|| format!("{name}: {value}"))
}

/// Text that Markdown shows as it is.
pub(crate) fn verbatim(text: &str) -> String {
    format!("`{}`", line(&text.replace('`', "'"), 300).0)
}

/// Counts what is left out if a task has too many labels, and leaves out those that appear twice.
pub(crate) fn labels(names: Vec<String>, title: &str, changed: &mut Notices) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !name.is_empty() && !kept.contains(&name) {
            kept.push(name);
        }
    }
    if kept.len() > LABELS {
        changed.add(
            "a task can have at most 30 labels, so the remaining ones were left out",
            title,
        );
        kept.truncate(LABELS);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_title_is_cut_and_kept_in_full() {
        let long = "käse ".repeat(200);
        let (title, whole) = title(&long);
        assert!(title.chars().count() <= 500 && title.starts_with("käse käse"));
        assert_eq!(whole.as_deref(), Some(long.trim()));
    }

    #[test]
    fn empty_title_becomes_untitled() {
        for text in ["", " \t\n", "\u{200b}", "\0", "\u{202e}"] {
            assert_eq!(title(text), ("Untitled".to_owned(), None), "{text:?}");
        }
        assert_eq!(comment("\u{feff} \n"), None);
        assert_eq!(step(Some("Before"), " ", " (due)"), None);
    }

    #[test]
    fn label_has_no_spaces_commas_or_quotes() {
        assert_eq!(label(" #to do, \"soon\" "), "to-do-soon");
        assert_eq!(label(" , "), "");
        assert_eq!(label(&"x".repeat(80)).len(), 50);
        assert_eq!(label("优先级 高"), "优先级-高");
    }

    #[test]
    fn long_description_is_cut_in_the_middle() {
        let (text, was_cut) = description(
            Some("Title"),
            &"x\r\n".repeat(60_000),
            &["From: <https://x.test>".to_owned()],
        );
        assert!(was_cut && text.chars().count() <= 100_000);
        assert!(text.starts_with("Title\n\nx\nx") && text.ends_with("\n\nFrom: <https://x.test>"));
        assert_eq!(description(None, "a\0b", &[]), ("ab".to_owned(), false));
    }

    #[test]
    fn only_browser_urls_become_links() {
        assert_eq!(
            link("See", "https://x.test/a").as_deref(),
            Some("See: <https://x.test/a>")
        );
        assert_eq!(
            link("See", "https://x.test/a b.pdf").as_deref(),
            Some("See: <https://x.test/a%20b.pdf>")
        );
        assert_eq!(link("See", "javascript:alert(1)"), None);
        assert_eq!(link("See", "https://x.test/> [a](b)"), None);
    }
}
