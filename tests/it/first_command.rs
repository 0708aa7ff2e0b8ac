//! `bin/run` and `bin/test` on machines where something is missing. All programs are replaced by fakes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A machine with only these programs. Each records its calls in a file.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn with(programs: &[&str]) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for real in ["dirname", "env"] {
            let candidates = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(real));
            let candidates = candidates.into_iter().find(|path| path.exists()).unwrap();
            symlink(candidates, machine.folder.path().join(real)).unwrap();
        }
        machine.add_program("id", "echo 1000");
        machine.add_program("sudo", "exec \"$@\"");
        machine.add_program("pgbouncer", "echo PgBouncer 1.24.1");
        machine.add_program("moto_server", "true");
        machine.add_program("aiosmtpd", "true");
        for program in programs {
            machine.add_program(program, &format!("echo \"{program} $*\" >> \"$CALLED\""));
        }
        machine
    }

    fn add_program(&self, program: &str, does: &str) {
        let path = self.folder.path().join(program);
        fs::write(&path, format!("#!/bin/bash\n{does}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs one of the two commands with an answer on standard input. Returns whether it succeeded, the calls, and what
    /// it wrote to standard error.
    async fn run(
        &self,
        command: &str,
        answer: &str,
        variables: &[(&str, &str)],
    ) -> (bool, Vec<String>, String) {
        let calls = self.folder.path().join("called");
        let mut running = Command::new("/bin/bash")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(command))
            .arg("demo")
            .env_clear()
            .env("PATH", self.folder.path())
            .env("HOME", self.folder.path())
            .env("CALLED", &calls)
            // not those of the machine that runs the tests
            .env("OTHER_POSTGRES", self.folder.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // fails if the command asks nothing and ends first
        let _ = running
            .stdin
            .take()
            .unwrap()
            .write_all(answer.as_bytes())
            .await;
        let done = running.wait_with_output().await.unwrap();
        let calls = fs::read_to_string(calls)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        (
            done.status.success(),
            calls,
            String::from_utf8(done.stderr).unwrap(),
        )
    }
}

const HAS_POSTGRES: [&str; 2] = ["initdb", "postgres"];

#[tokio::test]
async fn missing_packages_are_installed_after_confirmation() {
    for (manager, packages) in [
        (
            "apt-get",
            &[
                "apt-get update -q",
                "apt-get install -q -y --no-install-recommends gcc libc6-dev",
            ][..],
        ),
        ("dnf", &["dnf install -q -y gcc"]),
    ] {
        let machine = Machine::with(&[&HAS_POSTGRES[..], &["cargo", manager]].concat());
        let (done, calls, stderr) = machine.run("bin/run", "n\n", &[]).await;
        assert!(
            !done && calls.is_empty() && stderr.contains("needs a C compiler"),
            "{manager}: {calls:?} {stderr}"
        );
        for (answer, variables) in [("y\n", &[][..]), ("", &[("CI", "true")])] {
            let machine = Machine::with(&[&HAS_POSTGRES[..], &["cargo", manager]].concat());
            let (done, calls, stderr) = machine.run("bin/run", answer, variables).await;
            assert!(done, "{manager}: {stderr}");
            let (last, before) = calls.split_last().unwrap();
            assert_eq!(before, packages, "{manager}");
            assert!(
                last.starts_with("cargo run --release --locked") && last.ends_with("-- demo"),
                "{last}"
            );
        }
    }
}

#[tokio::test]
async fn missing_browsers_and_proxies_are_installed_for_tests() {
    let machine = Machine::with(&[&HAS_POSTGRES[..], &["cargo", "cc", "brew"]].concat());
    let (done, calls, stderr) = machine.run("bin/test", "y\ny\ny\n", &[]).await;
    assert!(done, "{stderr}");
    assert_eq!(
        calls,
        [
            "brew install -q --cask chromium",
            "brew install -q --cask firefox",
            "brew install -q nginx caddy",
            "cargo test --locked demo"
        ]
    );
    let machine = Machine::with(
        &[
            &HAS_POSTGRES[..],
            &["cargo", "cc", "apt-get", "chromium", "firefox-esr"],
            &["nginx", "caddy"],
        ]
        .concat(),
    );
    let (done, calls, stderr) = machine.run("bin/test", "", &[]).await;
    assert!(done && stderr.is_empty(), "{stderr}");
    assert_eq!(calls, ["cargo test --locked demo"]);
}

#[tokio::test]
async fn old_pgbouncer_is_replaced_for_the_tests() {
    let machine = Machine::with(&[&HAS_POSTGRES[..], &["cargo", "cc", "brew"]].concat());
    machine.add_program("pgbouncer", "echo PgBouncer 1.18.0");
    let (done, calls, stderr) = machine.run("bin/test", "y\n", &[]).await;
    assert_eq!(calls, ["brew install -q pgbouncer"]);
    assert!(
        !done && stderr.contains("PgBouncer 1.21 or newer"),
        "{stderr}"
    );
}

#[tokio::test]
async fn missing_rust_is_explained_with_a_link() {
    let machine = Machine::with(&["apt-get", "cc"]);
    let (done, calls, stderr) = machine.run("bin/run", "y\n", &[]).await;
    assert!(!done && calls.is_empty(), "{calls:?}");
    assert!(stderr.contains("https://sh.rustup.rs"), "{stderr}");
}
