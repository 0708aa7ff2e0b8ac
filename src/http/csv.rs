//! Tables as CSV, RFC 4180.

/// Writes rows as CSV. A cell that a spreadsheet would run as a formula gets a `'` in front.
pub fn csv<'t>(rows: impl IntoIterator<Item = Vec<&'t str>>) -> String {
    rows.into_iter()
        .map(|row| row.into_iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n")
        .collect()
}

fn cell(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if runs {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::http::csv::csv;

    #[test]
    fn cells_are_quoted_and_formulas_defused() {
        let rows = [
            vec!["Task", "Title"],
            vec!["INF-1", "=HYPERLINK(\"http://x\",1)"],
            vec!["+1", "a, b"],
            vec!["@x", "-"],
        ];
        assert_eq!(
            csv(rows),
            "Task,Title\r\nINF-1,\"'=HYPERLINK(\"\"http://x\"\",1)\"\r\n'+1,\"a, b\"\r\n'@x,'-\r\n"
        );
    }
}
