//! The real program, started as its owner would, on a folder and a port of its own.

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

/// Long enough for a busy machine; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder, and the account that runs Fortnight on it.
pub struct Place {
    folder: TempDir,
    /// The data folder, inside.
    inside: String,
    program: PathBuf,
    /// Run as this ordinary user and group, although we are root.
    ordinary: Option<(u32, u32)>,
}

impl Place {
    /// For whoever runs the tests.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fortnight-test-")
            // so that the user who runs Postgres for root can pass
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        Self {
            folder,
            inside: "data".to_owned(),
            program: env!("CARGO_BIN_EXE_fortnight").into(),
            ordinary: None,
        }
    }

    /// For an ordinary user, also when root runs the tests.
    pub fn of_an_ordinary_user() -> Self {
        let mut place = Self::new();
        if rustix::process::geteuid().is_root() {
            let nobody = 65534;
            // cargo's folder may be inside /root
            let program = place.folder.path().join("fortnight");
            fs::copy(&place.program, &program).unwrap();
            fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
            chown(place.folder.path(), Some(nobody), Some(nobody)).unwrap();
            place.program = program;
            place.ordinary = Some((nobody, nobody));
        }
        place
    }

    /// With its data further inside.
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
            // a free one, unless the test asks for another
            .env("FORTNIGHT_LISTEN", "127.0.0.1:0")
            .env_remove("DATABASE_URL")
            .env_remove("RUST_LOG")
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command that ends by itself.
    pub async fn run(&self, args: &[&str]) -> Output {
        timeout(PATIENCE, self.command(args).output())
            .await
            .expect("it does not end")
            .unwrap()
    }

    /// The same with something to read, as `echo password | fortnight user add` does. It must go well; the answer is
    /// what it said.
    pub async fn run_reading(&self, input: &str, args: &[&str]) -> String {
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
        let done = timeout(PATIENCE, child.wait_with_output())
            .await
            .expect("it does not end")
            .unwrap();
        assert!(done.status.success(), "{args:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs a command that asks something at a terminal, which `script` of Linux makes; the answer is what stands on it.
    pub async fn run_at_terminal(&self, input: &str, args: &[&str]) -> String {
        let said = self.command(args);
        let line: Vec<String> = std::iter::once(said.as_std().get_program())
            .chain(said.as_std().get_args())
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
        let mut said = Vec::new();
        // whoever types before they are asked sees what they type
        while !said.ends_with(b": ") {
            assert!(
                timeout(PATIENCE, screen.read_buf(&mut said))
                    .await
                    .expect("it asks nothing")
                    .unwrap()
                    > 0
            );
        }
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        timeout(PATIENCE, screen.read_to_end(&mut said))
            .await
            .expect("it does not end")
            .unwrap();
        assert!(child.wait().await.unwrap().success(), "{args:?}");
        String::from_utf8(said).unwrap()
    }

    /// Starts the server and waits until it says where it is.
    pub async fn serve(&self) -> Server {
        self.start(&["serve"]).await
    }

    /// Starts it without a subcommand, with these variables.
    pub async fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&[]);
        command.envs(variables.iter().copied());
        self.start_command(command).await
    }

    /// Starts the demo in the same way.
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
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .expect("it does not say where it is")
            .unwrap();
        let Some(line) = line else {
            panic!("it ended: {}", fs::read_to_string(&log).unwrap());
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

    /// A connection to its database, as the administrator of the machine could make.
    pub async fn sql(&self) -> PgConnection {
        sql_in(&self.data_dir()).await
    }

    /// The postmaster of this folder.
    pub fn postmaster(&self) -> Pid {
        self.postmaster_if_any().unwrap()
    }

    /// Nobody, while its file is missing or being written.
    fn postmaster_if_any(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data_dir().join("postgres/postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.parse().ok()?)
    }

    /// Whether a new postmaster has taken over from this one.
    pub fn has_postmaster_other_than(&self, before: Pid) -> bool {
        self.postmaster_if_any().is_some_and(|now| now != before)
    }

    /// Every living process that works in this folder: Postgres's all do.
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

async fn sql_in(folder: &Path) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(folder.join("run"))
        .port(5432)
        .username("fortnight")
        .database("fortnight");
    PgConnection::connect_with(&options).await.unwrap()
}

/// A Fortnight that serves. Dropped, it is killed.
pub struct Server {
    child: Child,
    pub url: String,
    log: PathBuf,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// The link for a first visit, which it prints after its address.
    pub async fn link(&mut self) -> String {
        let line = timeout(PATIENCE, self.stdout.next_line())
            .await
            .expect("it prints no link")
            .unwrap();
        line.unwrap().strip_prefix("Open ").unwrap().to_owned()
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// What it wrote to its log so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        timeout(PATIENCE, self.child.wait())
            .await
            .expect("it does not end")
    }
}

/// Looks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(20));
    let looking = async {
        while !is_so().await {
            tick.tick().await;
        }
    };
    timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
