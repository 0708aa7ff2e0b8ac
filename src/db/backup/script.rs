//! The SQL that pg_restore writes, for a server that may be older than pg_restore.

use std::{
    collections::HashSet,
    io::{self, BufRead, BufReader, Read, Write},
};

/// Copies a script, without those of its first statements that set what the server does not have: pg_restore 17 sets
/// `transaction_timeout`, which Postgres 16 refuses.
pub(crate) fn copy_script(
    from: impl Read,
    to: &mut impl Write,
    settings: &HashSet<String>,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_unknown = setting(&line).is_some_and(|name| !settings.contains(name));
        if !is_unknown {
            to.write_all(&line)?;
        }
        if !is_beginning(&line) {
            return io::copy(&mut from, to).map(|_| ());
        }
    }
}

/// `SET transaction_timeout = 0;` → `transaction_timeout`
fn setting(line: &[u8]) -> Option<&str> {
    let (name, _) = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("SET ")?
        .split_once(" = ")?;
    Some(name)
}

/// Whether a line is before the first statement that creates something.
fn is_beginning(line: &[u8]) -> bool {
    line == b"\n"
        || [
            &b"--"[..],
            b"\\restrict ",
            b"SET ",
            b"SELECT pg_catalog.set_config(",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_newer_postgres_are_left_out_at_the_beginning_only() {
        let script = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET lock_timeout = 0;\n\
            SET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
            CREATE SCHEMA public;\nCOPY public.comments (body) FROM stdin;\nSET transaction_timeout = 0;\n\\.\n";
        let settings = HashSet::from(["lock_timeout".to_owned()]);
        let mut copy = Vec::new();
        copy_script(script.as_bytes(), &mut copy, &settings).unwrap();
        let expected = script.replacen("SET transaction_timeout = 0;\n", "", 1);
        assert_eq!(String::from_utf8(copy).unwrap(), expected);
    }
}
