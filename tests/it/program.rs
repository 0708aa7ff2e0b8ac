//! The real program, started from the command line with a temporary data folder and a free port.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{interval, timeout};

/// Long enough for a busy machine. Only a failing test waits this long.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A data folder and the user that runs Fortnight with it.
pub struct Place {
    folder: TempDir,
    /// Path of the data folder within `folder`.
    inside: String,
    program: PathBuf,
    /// The unprivileged user and group to run as when the tests run as root.
    ordinary: Option<(u32, u32)>,
    /// Environment variables of the server and of every command.
    variables: Vec<(&'static str, String)>,
}

impl Place {
    /// Uses the current user.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fortnight-test-")
            // when root runs the tests, Postgres runs as another user, who needs to pass through
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        Self {
            folder,
            inside: "data".to_owned(),
            program: env!("CARGO_BIN_EXE_fortnight").into(),
            ordinary: None,
            variables: Vec::new(),
        }
    }

    /// Uses an unprivileged user, even when root runs the tests.
    pub fn of_unprivileged_user() -> Self {
        let mut place = Self::new();
        if rustix::process::geteuid().is_root() {
            let unprivileged = 65534;
            // the build folder may be inside /root
            let program = place.folder.path().join("fortnight");
            fs::copy(&place.program, &program).unwrap();
            fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
            chown(place.folder.path(), Some(unprivileged), Some(unprivileged)).unwrap();
            place.program = program;
            place.ordinary = Some((unprivileged, unprivileged));
        }
        place
    }

    /// Sets these environment variables for the server and every command.
    pub fn with_variables(mut self, variables: &[(&'static str, &str)]) -> Self {
        let owned = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.variables.extend(owned);
        self
    }

    /// Moves the data folder to this relative path.
    pub fn in_folder(mut self, inside: &str) -> Self {
        self.inside = inside.to_owned();
        self
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join(&self.inside)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some((uid, gid)) = self.ordinary {
            command.uid(uid).gid(gid);
        }
        command
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(args)
            // any free port, unless the test sets one
            .env("FORTNIGHT_LISTEN", "127.0.0.1:0")
            .env_remove("DATABASE_URL")
            .env_remove("FORTNIGHT_DATABASE_LISTEN_URL")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env_remove("RUST_LOG")
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command until it ends.
    pub async fn run(&self, args: &[&str]) -> Output {
        timeout(TIMEOUT, self.command(args).output())
            .await
            .expect("the command ends in time")
            .unwrap()
    }

    /// Runs a command that must succeed, and returns what it says.
    pub async fn said(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and returns its reason.
    pub async fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts a command whose output is of no interest.
    pub fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs a command with standard input, like `echo password | fortnight user add`. It must succeed. Returns its
    /// standard output.
    pub async fn run_with_input(&self, input: &str, args: &[&str]) -> String {
        let done = self.output_with_input(input, args).await;
        assert!(done.status.success(), "{args:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs a command with standard input until it ends.
    pub async fn output_with_input(&self, input: &str, args: &[&str]) -> Output {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        timeout(TIMEOUT, child.wait_with_output())
            .await
            .expect("the command ends in time")
            .unwrap()
    }

    /// Runs a command with a terminal, which the Linux tool `script` emulates. Returns what the terminal shows.
    pub async fn run_at_terminal(&self, input: &str, args: &[&str]) -> String {
        let output = self.command(args);
        let line: Vec<String> = std::iter::once(output.as_std().get_program())
            .chain(output.as_std().get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let mut command = Command::new("script");
        command.args([
            "--quiet",
            "--return",
            "--command",
            &line.join(" "),
            "/dev/null",
        ]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut screen = child.stdout.take().unwrap();
        let mut output = Vec::new();
        // input sent before the prompt would be echoed
        while !output.ends_with(b": ") {
            assert!(
                timeout(TIMEOUT, screen.read_buf(&mut output))
                    .await
                    .expect("the command prompts in time")
                    .unwrap()
                    > 0
            );
        }
        // the prompt is shown a moment before the echo is turned off
        let script = child.id().unwrap();
        wait_until("the terminal echoes nothing", async || {
            terminal_settings(script).await.contains(" -echo ")
        })
        .await;
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        timeout(TIMEOUT, screen.read_to_end(&mut output))
            .await
            .expect("the command ends in time")
            .unwrap();
        assert!(child.wait().await.unwrap().success(), "{args:?}");
        String::from_utf8(output).unwrap()
    }

    /// Starts the server and waits until it prints its address.
    pub async fn serve(&self) -> Server {
        self.start(&["serve"]).await
    }

    /// Starts the server without a subcommand and with these environment variables.
    pub async fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&[]);
        command.envs(variables.iter().copied());
        self.start_command(command).await
    }

    /// Starts the demo.
    pub async fn serve_demo(&self, args: &[&str]) -> Server {
        self.start(&[&["demo"], args].concat()).await
    }

    async fn start(&self, args: &[&str]) -> Server {
        self.start_command(self.command(args)).await
    }

    async fn start_command(&self, mut command: Command) -> Server {
        let log = self.folder.path().join("stderr");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line())
            .await
            .expect("the server prints its address in time")
            .unwrap();
        let Some(line) = line else {
            panic!("the server ended: {}", fs::read_to_string(&log).unwrap());
        };
        let url = line
            .strip_prefix("Fortnight is running at ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Server {
            child,
            url,
            log,
            stdout: lines,
        }
    }

    /// Connects to the embedded database, as an administrator of the machine can.
    pub async fn sql(&self) -> PgConnection {
        sql_in(&self.data_dir()).await
    }

    /// Returns the postmaster of this data folder.
    pub fn postmaster(&self) -> Pid {
        self.postmaster_if_any().unwrap()
    }

    /// Returns `None` while the PID file is missing or being written.
    fn postmaster_if_any(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data_dir().join("postgres/postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.parse().ok()?)
    }

    /// Whether another postmaster has replaced this one.
    pub fn has_postmaster_other_than(&self, before: Pid) -> bool {
        self.postmaster_if_any().is_some_and(|now| now != before)
    }

    /// Returns all running processes whose working directory is in the data folder. Every Postgres process is one of them.
    pub fn processes(&self) -> Vec<String> {
        let folder = self.data_dir();
        let works_there = |process: &Path| {
            fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        };
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|process| works_there(process))
            .map(|process| process.display().to_string())
            .collect()
    }
}

/// What `stty` says of the terminal that this process emulates for its child.
async fn terminal_settings(emulator: u32) -> String {
    let children = fs::read_to_string(format!("/proc/{emulator}/task/{emulator}/children"));
    let child = children.unwrap_or_default();
    let Ok(terminal) = fs::read_link(format!("/proc/{}/fd/0", child.trim())) else {
        return String::new();
    };
    let output = Command::new("stty")
        .arg("-a")
        .arg("-F")
        .arg(terminal)
        .output()
        .await;
    output.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).into_owned()
    })
}

async fn sql_in(folder: &Path) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(folder.join("run"))
        .port(5432)
        .username("fortnight")
        .database("fortnight");
    PgConnection::connect_with(&options).await.unwrap()
}

/// A running server. It is killed when dropped.
pub struct Server {
    child: Child,
    pub url: String,
    log: PathBuf,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Returns the setup link, which is printed after the address.
    pub async fn read_setup_link(&mut self) -> String {
        self.read_line("Open ").await
    }

    /// Returns the rest of the next line that it prints, which starts like this.
    pub async fn read_line(&mut self, start: &str) -> String {
        let line = timeout(TIMEOUT, self.stdout.next_line())
            .await
            .expect("the server prints a line in time")
            .unwrap()
            .unwrap();
        let rest = line.strip_prefix(start);
        rest.unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = new_client()
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Returns the log so far.
    pub fn read_log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub async fn wait_for_exit(&mut self) -> io::Result<ExitStatus> {
        timeout(TIMEOUT, self.child.wait())
            .await
            .expect("the server ends in time")
    }
}

impl Drop for Server {
    /// Waits for its end, so that its port and data folder are free.
    fn drop(&mut self) {
        // fails if it has ended, which is fine
        let _ = self.child.start_kill();
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A client that follows redirects, without cookies.
pub fn new_client() -> reqwest::Client {
    client_builder().build().unwrap()
}

/// What every client is made with: the program chooses its cryptography in its own process only.
pub fn client_builder() -> reqwest::ClientBuilder {
    fortnight::db::tls::choose_provider();
    reqwest::Client::builder()
}

/// Polls until the condition is true.
pub async fn wait_until(description: &str, mut is_done: impl AsyncFnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(20));
    let polling = async {
        while !is_done().await {
            tick.tick().await;
        }
    };
    timeout(TIMEOUT, polling)
        .await
        .unwrap_or_else(|_| panic!("did not happen in time: {description}"));
}
