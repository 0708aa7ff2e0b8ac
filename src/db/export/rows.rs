//! Reads the file of a table row by row, however long it is.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufReader, Read},
};

use anyhow::{Result, ensure};
use serde::{
    Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::db::{export::manifest::Table, file_store::hex};

/// The longest row, in bytes: the largest value is a piece of an uploaded file of 1 MB, in hexadecimal digits.
const MAX_ROW_BYTES: u64 = 16 << 20;

/// Passes each row to `take`, as JSON.
///
/// # Errors
/// If the file is not a JSON array, has a row that is too long, or is not the one that the manifest describes. Rows may
/// have been passed on before that is known.
pub(super) fn read(
    contents: &mut dyn Read,
    listed: &Table,
    mut take: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let budget = Cell::new(MAX_ROW_BYTES);
    let mut rows = 0_i64;
    let mut hashed = Hashed {
        // more is neither read nor hashed: it would not be what the manifest describes
        contents: contents.take(listed.bytes.saturating_add(1)),
        budget: &budget,
        bytes: 0,
        hash: Sha256::new(),
    };
    let counted = |row: &str| {
        budget.set(MAX_ROW_BYTES);
        rows += 1;
        take(row)
    };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(&mut hashed));
    deserializer.deserialize_seq(Rows(counted))?;
    deserializer.end()?;
    let (bytes, hash) = (hashed.bytes, hex(&hashed.hash.finalize()));
    ensure!(
        (rows, bytes, &hash) == (listed.rows, listed.bytes, &listed.sha256),
        "it is damaged or was changed: its {rows} rows are not those that the manifest describes"
    );
    Ok(())
}

/// Reads the items of an array.
struct Rows<F>(F);

impl<'de, F: FnMut(&str) -> Result<()>> Visitor<'de> for Rows<F> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<Box<RawValue>>()? {
            (self.0)(row.get()).map_err(|error| A::Error::custom(format!("{error:#}")))?;
        }
        Ok(())
    }
}

/// Hashes and counts what is read, and ends where a row is too long.
struct Hashed<'a, R> {
    contents: R,
    budget: &'a Cell<u64>,
    bytes: u64,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.contents.read(to)?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget
            .set(left.ok_or_else(|| io::Error::other("a row is too long"))?);
        self.bytes += read as u64;
        self.hash.update(&to[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str, rows: i64) -> Table {
        Table {
            rows,
            bytes: text.len() as u64,
            sha256: hex(&Sha256::digest(text)),
            columns: Vec::new(),
        }
    }

    fn rows(text: &str, listed: &Table) -> Result<Vec<String>> {
        let mut rows = Vec::new();
        read(&mut text.as_bytes(), listed, |row| {
            rows.push(row.to_owned());
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        let text = "[\n{\"a\":1.50},\n{\"a\":\"],[\"}\n]\n";
        assert_eq!(
            rows(text, &listed(text, 2)).unwrap(),
            ["{\"a\":1.50}", "{\"a\":\"],[\"}"]
        );
        assert!(rows("[\n]\n", &listed("[\n]\n", 0)).unwrap().is_empty());
    }

    #[test]
    fn other_files_than_the_manifest_describes_are_refused() {
        let text = "[\n{\"a\":1}\n]\n";
        for (changed, rows_listed) in [
            ("[\n{\"a\":2}\n]\n", 1),
            ("[\n]\n", 1),
            ("[\n{\"a\":1}\n]\n\n", 1),
            ("[\n{\"a\":1}", 1),
            ("{\"a\":1}", 1),
            ("[\n{\"a\":1}\n]\n", 2),
            ("", 1),
        ] {
            assert!(
                rows(changed, &listed(text, rows_listed)).is_err(),
                "{changed}"
            );
        }
    }

    #[test]
    fn row_that_would_fill_the_memory_is_refused() {
        let text = format!("[\"{}\"]", "x".repeat(2 * MAX_ROW_BYTES as usize));
        let refused = rows(&text, &listed(&text, 1)).unwrap_err().to_string();
        assert!(refused.contains("a row is too long"), "{refused}");
    }
}
