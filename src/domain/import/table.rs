//! Reads tables of comma-separated values, as other tools export them: with names in the first line, or after some lines
//! of decoration, separated by commas, semicolons or tabs.

use std::{collections::HashMap, iter};

use anyhow::{Context, Result, bail, ensure};
use csv::{Reader, ReaderBuilder, StringRecord};

/// How many lines may stand before the names of columns.
const LINES_BEFORE: usize = 10;

/// A file whose rows are read one at a time.
pub(crate) struct Table<'f> {
    reader: Reader<&'f [u8]>,
    names: Names,
}

/// The columns of each name, by the name without case: there may be several.
struct Names(HashMap<String, Columns>);

struct Columns {
    /// As the file writes it.
    name: String,
    indexes: Vec<usize>,
}

/// A row of a table.
pub(crate) struct Row<'t> {
    names: &'t Names,
    record: &'t StringRecord,
}

impl<'f> Table<'f> {
    /// Finds the line with the names of columns. `needed`: what makes it the file of a tool; of several names for the
    /// same thing, one is enough.
    ///
    /// # Errors
    /// If there is no such line; the message tells what is missing.
    pub(crate) fn parse(text: &'f str, needed: &[&[&str]]) -> Result<Self> {
        ensure!(
            !text.trim_start().starts_with(['{', '[']),
            "the file is JSON, not a table of comma-separated values"
        );
        let first = separator(text);
        let all = [first, b',', b';', b'\t'];
        let mut others = all.into_iter().skip(1).filter(|other| *other != first);
        Self::separated(text, needed, first).or_else(|refusal| {
            // The first line may be one of decoration.
            let found = others.find_map(|other| Self::separated(text, needed, other).ok());
            found.ok_or(refusal)
        })
    }

    fn separated(text: &'f str, needed: &[&[&str]], separator: u8) -> Result<Self> {
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        let mut first = None;
        for _ in 0..=LINES_BEFORE {
            if !reader
                .read_record(&mut record)
                .context("the file cannot be read")?
            {
                break;
            }
            let names = Names::of(&record);
            if needed
                .iter()
                .all(|names_of_one| names.has_any(names_of_one))
            {
                return Ok(Self { reader, names });
            }
            first.get_or_insert(names);
        }
        let missing = needed
            .iter()
            .find(|names| !first.as_ref().is_some_and(|first| first.has_any(names)))
            .and_then(|names| names.first());
        match missing {
            Some(name) => bail!("the first line of the file names no column “{name}”"),
            None => bail!("the file names no columns"),
        }
    }

    /// The names of all columns, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.0.values().map(|columns| columns.name.as_str())
    }

    /// The names of all columns, in the order of the file.
    pub(crate) fn ordered_names(&self) -> Vec<String> {
        let mut columns: Vec<&Columns> = self.names.0.values().collect();
        columns.sort_by_key(|columns| columns.indexes.first().copied());
        columns.iter().map(|columns| columns.name.clone()).collect()
    }

    /// Reads each row that has any text.
    ///
    /// # Errors
    /// What `read` returns, with the line.
    pub(crate) fn each(mut self, mut read: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut record = StringRecord::new();
        while self
            .reader
            .read_record(&mut record)
            .context("the file cannot be read")?
        {
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            let row = Row {
                names: &self.names,
                record: &record,
            };
            read(&row).with_context(|| format!("line {line}"))?;
        }
        Ok(())
    }
}

impl Names {
    fn of(record: &StringRecord) -> Self {
        let mut names: HashMap<String, Columns> = HashMap::new();
        for (index, name) in record.iter().enumerate() {
            let columns = names.entry(key(name)).or_insert_with(|| Columns {
                name: name.trim().to_owned(),
                indexes: Vec::new(),
            });
            columns.indexes.push(index);
        }
        names.remove("");
        Self(names)
    }

    fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(&key(name)))
    }
}

impl Row<'_> {
    /// The first text in the columns of this name; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("")
    }

    /// The first text in the columns of any of these names.
    pub(crate) fn first(&self, names: &[&str]) -> &str {
        let texts = names.iter().map(|name| self.text(name));
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }

    /// The cells of all columns of this name, empty ones too.
    pub(crate) fn cells(&self, name: &str) -> impl Iterator<Item = &str> {
        let columns = self.names.0.get(&key(name));
        let columns = columns.into_iter().flat_map(|columns| &columns.indexes);
        columns.map(|column| self.record.get(*column).unwrap_or("").trim())
    }

    /// The texts in all columns of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let columns = self.names.0.get(&key(name));
        let mut columns = columns.into_iter().flat_map(|columns| &columns.indexes);
        iter::from_fn(move || {
            columns.find_map(|column| {
                let text = self.record.get(*column)?.trim();
                (!text.is_empty()).then_some(text)
            })
        })
    }
}

/// Columns that an importer does not read, with the number of their values.
pub(crate) struct OtherColumns(Vec<(String, usize)>);

impl OtherColumns {
    /// `known`: the names that are read, or say nothing about the work.
    pub(crate) fn of(table: &Table, known: impl Fn(&str) -> bool) -> Self {
        let mut names: Vec<&str> = table.names().filter(|name| !known(&key(name))).collect();
        names.sort_unstable();
        Self(names.into_iter().map(|name| (name.to_owned(), 0)).collect())
    }

    /// Counts what a row has in them.
    pub(crate) fn count(&mut self, row: &Row) {
        for (name, count) in &mut self.0 {
            *count += row.all(name).count();
        }
    }

    /// Names those that had values.
    pub(crate) fn note(&self) -> Option<String> {
        let counts = self.0.iter();
        left_out("columns", counts.map(|(name, count)| (name, *count)))
    }
}

/// Names what was left out and had values; `None` if nothing was.
pub(crate) fn left_out<'n>(
    what: &str,
    counts: impl Iterator<Item = (&'n String, usize)>,
) -> Option<String> {
    let used = counts.filter(|(_, count)| *count > 0);
    let named: Vec<String> = used
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "these {what} have no place here, and were left out, with the number of their values: {}.",
            named.join(", ")
        )
    })
}

/// Names are compared without case and outer spaces.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What separates the cells: what the first line has most of outside quotation marks.
fn separator(text: &str) -> u8 {
    let mut is_quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => break,
            _ if !is_quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| *mark == byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    // The first of equals.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(mark, _)| *mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLE: &[&[&str]] = &[&["Title", "Summary"]];

    fn rows(text: &str, name: &str) -> Vec<Vec<String>> {
        let mut read = Vec::new();
        let table = Table::parse(text, TITLE).unwrap();
        table
            .each(|row| {
                read.push(row.all(name).map(str::to_owned).collect());
                Ok(())
            })
            .unwrap();
        read
    }

    #[test]
    fn columns_of_one_name_are_read_together() {
        let text = "Summary,Labels, labels ,Other\nA,x,,1\n,,,\nB,y,\"z, \"\"q\"\"\"\n";
        assert_eq!(rows(text, "Labels"), [vec!["x"], vec!["y", "z, \"q\""]]);
        assert_eq!(rows(text, "None"), [Vec::<String>::new(), vec![]]);
    }

    #[test]
    fn separator_is_what_the_names_are_separated_by() {
        for (text, separated) in [
            ("Title;Text, long;More\na;b", b';'),
            ("\"a,b,c\";Title\n", b';'),
            ("Title\tText\n", b'\t'),
            ("Title", b','),
            ("Title,Text", b','),
        ] {
            assert_eq!(separator(text), separated, "{text}");
        }
        assert_eq!(rows("Title;Due\r\nA;1,5\r\n", "Due"), [["1,5"]]);
    }

    #[test]
    fn names_may_stand_after_other_lines_and_are_told_if_they_are_missing() {
        assert_eq!(
            rows("Export of 2026\n\n,,\nTitle,Due\nA,1\n", "Due"),
            [["1"]]
        );
        let semicolons = "Export of 2026\n\nTitle;Due\nA;1\n";
        assert_eq!(rows(semicolons, "Due"), [["1"]]);
        let refusal = |text: &str| Table::parse(text, TITLE).err().unwrap().to_string();
        assert!(refusal("Name,Due\nA,1").contains("no column “Title”"));
        assert!(refusal("[1]").contains("is JSON"));
        assert!(refusal("").contains("no column “Title”"));
    }
}
