//! A database connection for Postgres's own programs, such as `pg_dump`.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;
use url::Url;

/// The environment variables that connect these programs to a database. A password on a command line would be visible
/// to everyone on the machine.
#[derive(Clone)]
pub struct Libpq {
    variables: Vec<(&'static str, String)>,
}

impl fmt::Debug for Libpq {
    /// Without the values: one may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.variables.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Libpq {
    /// Of a database URL, as sqlx reads it.
    pub fn of_url(url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).context("the database URL (DATABASE_URL) is invalid")?;
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let mut variables = Vec::new();
        let mut set = |name: &'static str, value: String| {
            if !value.is_empty() {
                variables.push((name, value));
            }
        };
        set("PGHOST", decoded(url.host_str().unwrap_or("")));
        set(
            "PGPORT",
            url.port().map_or(String::new(), |port| port.to_string()),
        );
        set("PGUSER", decoded(url.username()));
        set("PGPASSWORD", decoded(url.password().unwrap_or("")));
        set("PGDATABASE", decoded(url.path().trim_start_matches('/')));
        for (key, value) in url.query_pairs() {
            let name = match &*key {
                "host" => "PGHOST",
                "hostaddr" => "PGHOSTADDR",
                "port" => "PGPORT",
                "dbname" => "PGDATABASE",
                "user" => "PGUSER",
                "password" => "PGPASSWORD",
                "sslmode" | "ssl-mode" => "PGSSLMODE",
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
                "sslcert" | "ssl-cert" => "PGSSLCERT",
                "sslkey" | "ssl-key" => "PGSSLKEY",
                _ => continue,
            };
            set(name, value.into_owned());
        }
        Ok(Self { variables })
    }

    /// Of a Postgres that listens on a socket in this directory.
    pub(crate) fn of_socket(directory: &Path, port: u16, user: &str, database: &str) -> Self {
        let variables = vec![
            ("PGHOST", directory.to_string_lossy().into_owned()),
            ("PGPORT", port.to_string()),
            ("PGUSER", user.to_owned()),
            ("PGDATABASE", database.to_owned()),
        ];
        Self { variables }
    }

    /// Another database of the same server.
    #[must_use]
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.variables.push(("PGDATABASE", name.to_owned()));
        other
    }

    /// A command that connects to this database, with its input and outputs piped.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("PGAPPNAME", "fortnight")
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_sqlx_reads_them() {
        let of = |url| Libpq::of_url(url).unwrap().variables;
        let whole = of("postgres://elif:p%40ss@db.example.org:6432/board?sslmode=require");
        assert_eq!(
            whole,
            [
                ("PGHOST", "db.example.org".to_owned()),
                ("PGPORT", "6432".to_owned()),
                ("PGUSER", "elif".to_owned()),
                ("PGPASSWORD", "p@ss".to_owned()),
                ("PGDATABASE", "board".to_owned()),
                ("PGSSLMODE", "require".to_owned()),
            ]
        );
        let socket = of("postgres://fortnight@localhost/imp?host=/run/postgresql");
        assert_eq!(
            socket.last().unwrap(),
            &("PGHOST", "/run/postgresql".to_owned())
        );
    }

    #[test]
    fn command_line_has_no_password() {
        let libpq = Libpq::of_url("postgres://elif:secret@localhost/board").unwrap();
        let command = libpq.command(Path::new("pg_dump"));
        assert_eq!(command.get_args().count(), 0);
        assert!(!format!("{libpq:?}").contains("secret"));
        assert!(
            command
                .get_envs()
                .any(|(_, value)| value == Some("secret".as_ref()))
        );
    }
}
