//! Tables as CSV, RFC 4180.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};

/// Writes rows as CSV, with a byte order mark: spreadsheets read UTF-8 only with it. A cell that a spreadsheet would run as a
/// formula gets a `'` in front.
pub(crate) fn csv<'t>(rows: impl IntoIterator<Item = Vec<&'t str>>) -> String {
    written("\u{feff}", rows)
}

/// Writes rows that follow others in the same file.
pub(crate) fn further_rows<'t>(rows: impl IntoIterator<Item = Vec<&'t str>>) -> String {
    written("", rows)
}

fn written<'t>(start: &str, rows: impl IntoIterator<Item = Vec<&'t str>>) -> String {
    let mut writer = WriterBuilder::new()
        .flexible(true)
        .terminator(Terminator::CRLF)
        .from_writer(start.as_bytes().to_vec());
    for row in rows {
        // Writing to memory cannot fail, and rows may have different lengths.
        let _ = writer.write_record(
            row.into_iter()
                .map(|text| without_formula(text).into_owned()),
        );
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn without_formula(text: &str) -> Cow<'_, str> {
    // Spreadsheets read the full-width signs as well.
    let starts = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];
    if text.starts_with(starts) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::http::csv::csv;

    #[test]
    fn rows_that_follow_have_no_mark() {
        assert_eq!(super::further_rows([vec!["a", "b"]]), "a,b\r\n");
    }

    #[test]
    fn cells_are_quoted_and_formulas_defused() {
        let rows = [
            vec!["Task", "Title"],
            vec!["INF-1", "=HYPERLINK(\"http://x\",1)"],
            vec!["+1", "a, b"],
            vec!["@x", "-"],
            vec!["＝1", "＋1", "－1", "＠x"],
        ];
        assert_eq!(
            csv(rows),
            "\u{feff}Task,Title\r\nINF-1,\"'=HYPERLINK(\"\"http://x\"\",1)\"\r\n'+1,\"a, b\"\r\n'@x,'-\r\n'＝1,'＋1,'－1,'＠x\r\n"
        );
    }
}
