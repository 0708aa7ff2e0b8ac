//! Text for a terminal.

use serde_json::Value;

/// A text of the server. Control characters are left out, with which a title could change the terminal.
pub(super) fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// The usernames of people, each with `@`.
pub(super) fn handles(people: &Value) -> String {
    let people = people.as_array().into_iter().flatten();
    let handles: Vec<String> = people
        .map(|person| format!("@{}", text(&person["handle"])))
        .collect();
    handles.join(" ")
}

/// Lines whose columns are aligned. The last one may be of any width.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |nth: usize| {
        let cells = rows.iter().filter_map(|row| row.get(nth));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(nth, cell)| format!("{cell:<width$}", width = width(nth)))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_left_out() {
        let rows = [
            vec!["INF-1".to_owned(), "größer".to_owned(), "@ada".to_owned()],
            vec!["INF-12".to_owned(), "x".to_owned(), String::new()],
        ];
        assert_eq!(aligned(&rows), ["INF-1   größer  @ada", "INF-12  x"]);
        assert_eq!(text(&json!("a\u{1b}[31mb\n")), "a[31mb");
    }
}
