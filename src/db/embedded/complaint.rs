//! Why Postgres ended, in its own words.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// The end of a log that is read: more than Postgres writes between its start and its end.
const TAIL: u64 = 64 << 10;

/// Where Postgres writes: before it opens its log to standard error, and afterwards to a file for each day of the week.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    pub(crate) start: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Logs {
    /// The fatal error that ended Postgres, or prevented its start; `None` if it wrote none, as when it was killed.
    pub(crate) fn reason(&self) -> Option<String> {
        let start = tail(&self.start).unwrap_or_default();
        let after_opening = start.trim_end().ends_with("logging collector process");
        let reason = if after_opening {
            let log = newest_in(&self.folder).and_then(|path| tail(&path).ok())?;
            fatal_error(&log).map(str::to_owned)
        } else {
            // each line is of a server that did not start
            start.lines().rev().find_map(fatal).map(str::to_owned)
        };
        reason.or_else(|| is_full(&self.folder).then(|| "its disk is full".to_owned()))
    }

    /// The reason, or else the last lines before Postgres opened its log.
    pub(crate) fn complaint(&self) -> String {
        self.reason().unwrap_or_else(|| {
            let text = tail(&self.start).unwrap_or_default();
            let folder = self.folder.display();
            format!("{}; see {folder}", last_lines(&text))
        })
    }
}

/// The last non-empty lines of what a program wrote, as one line.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

/// The last fatal error of the server itself, or of the process that brings a database up. Those of connections are
/// about other things.
fn fatal_error(log: &str) -> Option<&str> {
    let started = log
        .rfind("LOG:  starting PostgreSQL")
        .map_or(0, |at| log[..at].rfind('\n').map_or(0, |before| before + 1));
    let lines: Vec<&str> = log[started..].lines().collect();
    let server = lines.iter().find_map(|line| process(line))?;
    let startup = lines.iter().rev().find_map(|line| {
        let (_, rest) = line.split_once("LOG:  startup process (PID ")?;
        Some(rest.split_once(") exited")?.0)
    });
    lines.iter().rev().find_map(|line| {
        let of = process(line)?;
        fatal(line).filter(|_| of == server || Some(of) == startup)
    })
}

/// The error of a line, if it is a fatal one.
fn fatal(line: &str) -> Option<&str> {
    let (_, error) = line
        .split_once(" FATAL:  ")
        .or_else(|| line.split_once(" PANIC:  "))?;
    Some(error)
}

/// The process that wrote a line such as `2026-11-30 01:48:56.289 UTC [8657] FATAL:  …`.
fn process(line: &str) -> Option<&str> {
    let (process, _) = line.split_once('[')?.1.split_once("] ")?;
    process
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(process)
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn newest_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let newest = entries.max_by_key(|entry| entry.metadata().and_then(|of| of.modified()).ok())?;
    Some(newest.path())
}

/// Whether the disk has no room for what Postgres wanted to write into its log.
fn is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "\
2026-11-30 01:48:42.806 UTC [8620] FATAL:  an older reason
2026-11-30 01:48:52.934 UTC [8620] LOG:  database system is shut down
2026-11-30 01:48:56.283 UTC [8653] LOG:  starting PostgreSQL 15.18 on x86_64-pc-linux-gnu
2026-11-30 01:48:56.288 UTC [8657] LOG:  redo starts at 0/1B00FF0
2026-11-30 01:48:56.289 UTC [8657] FATAL:  could not write to file \"pg_wal/xlogtemp.8657\": No space left on device
2026-11-30 01:48:56.289 UTC [8660] FATAL:  the database system is starting up
2026-11-30 01:48:56.290 UTC [8653] LOG:  startup process (PID 8657) exited with exit code 1
2026-11-30 01:48:56.291 UTC [8653] LOG:  database system is shut down
";

    #[test]
    fn reason_is_that_of_the_process_that_ended_the_server() {
        assert_eq!(
            fatal_error(FULL),
            Some("could not write to file \"pg_wal/xlogtemp.8657\": No space left on device")
        );
    }

    #[test]
    fn errors_of_connections_are_no_reason() {
        let log = "\
2026-11-30 01:48:56.283 UTC [8653] LOG:  starting PostgreSQL 15.18 on x86_64-pc-linux-gnu
2026-11-30 01:48:57.000 UTC [8653] LOG:  database system is ready to accept connections
2026-11-30 01:48:58.000 UTC [8700] FATAL:  role \"someone\" does not exist
";
        assert_eq!(fatal_error(log), None);
        assert_eq!(fatal_error(""), None);
    }

    #[test]
    fn reason_before_the_log_was_opened_is_found_too() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs {
            start: folder.path().join("start"),
            folder: folder.path().join("log"),
        };
        assert_eq!(logs.reason(), None);
        fs::create_dir(&logs.folder).unwrap();
        let opened = "2026-11-30 01:48:56.283 UTC [8653] LOG:  redirecting log output to logging collector process\n";
        fs::write(&logs.start, opened).unwrap();
        fs::write(logs.folder.join("postgres-Mon.log"), FULL).unwrap();
        assert!(logs.complaint().ends_with("No space left on device"));
        let refused = "2026-11-30 01:49:30.049 UTC [9101] FATAL:  lock file \"postmaster.pid\" already exists\n";
        fs::write(&logs.start, format!("{opened}{refused}")).unwrap();
        assert_eq!(
            logs.complaint(),
            "lock file \"postmaster.pid\" already exists"
        );
    }
}
