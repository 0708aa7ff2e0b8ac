//! Slugs: URL-safe names.

/// Lower-case words of plain letters and digits, joined by dashes, at most 30 characters. Other
/// scripts are transliterated: `Größe 東京` becomes `grosse-dong-jing`.
pub fn slug(text: &str) -> String {
    let plain = deunicode::deunicode(text)
        .to_lowercase()
        .replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let dashed: String = plain.chars().take(30).collect();
    dashed
        .split('-')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// The wanted name, or else the first of `it-2`, `it-3`… that is free.
pub(crate) fn first_available(wanted: &str, dash: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut index = 2_u64;
    while is_taken(&name) {
        name = format!("{wanted}{dash}{index}");
        index += 1;
    }
    name
}
