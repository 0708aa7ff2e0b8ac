//! A real mail server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{ports::free_port, program::wait_until};

/// A mail server that keeps what it receives in a folder.
pub struct MailServer {
    pub port: u16,
    folder: TempDir,
    _server: Child,
}

impl MailServer {
    /// Accepts mail from everyone.
    pub async fn start() -> Self {
        Self::with_password("").await
    }

    /// Accepts mail from the user `fortnight` with this password.
    pub async fn with_password(password: &str) -> Self {
        Self::with(password, "none").await
    }

    /// As `with_password`, with this encryption: `none`, `tls` or `starttls`. Its certificate is for `localhost`, by the
    /// authority in tests/mail-server.
    pub async fn with(password: &str, encryption: &str) -> Self {
        // where bin/test puts it
        let installed = PathBuf::from("/usr/local/lib/fortnight-tests/aiosmtpd/bin/python3");
        let python = if installed.exists() {
            installed
        } else {
            "python3".into()
        };
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let server = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail-server/server.py"))
            .arg(port.to_string())
            .arg(folder.path().join("mail"))
            .args([password, encryption])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        wait_until("the mail server listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        Self {
            port,
            folder,
            _server: server,
        }
    }

    /// The mails received since the last time, each as its text with decoded lines.
    pub fn take(&self) -> Vec<String> {
        let mut mails = Vec::new();
        for folder in ["new", "cur"] {
            let Ok(files) = std::fs::read_dir(self.folder.path().join("mail").join(folder)) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
            paths.sort();
            for path in paths {
                mails.push(decoded(&std::fs::read_to_string(&path).unwrap()));
                std::fs::remove_file(path).unwrap();
            }
        }
        mails
    }
}

/// Undoes the line wrapping of headers and quoted-printable.
fn decoded(mail: &str) -> String {
    let joined = mail
        .replace("\r\n", "\n")
        .replace("=\n", "")
        .replace("\n ", " ");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'=' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
