//! The measured program and the baseline server, each in its own process.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{Router, body::Bytes, http::header, routing::get};
use fortnight::db::pool::Pool;
use fortnight::{
    db::Database,
    domain::{accounts::api_tokens, clock::Clock, policy::viewer::Scope},
    http::{
        connections::ConnectionLimits,
        serve::{Timeouts, serve},
    },
};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::{Connection, Request, Response};

pub struct Program {
    pub address: SocketAddr,
    pub cookie: String,
    pub db: Pool,
    pub token: String,
    keys: Vec<String>,
    process: Child,
    _database: Database,
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts the demo with this number of tasks in the active sprint, and signs in.
    pub async fn start(tasks: u32) -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::Builder::new()
            .prefix("fortnight-bench-")
            .permissions(std::fs::Permissions::from_mode(0o711))
            .tempdir()?;
        let data_dir = folder.path().join("data");
        let mut process = Command::new(env!("CARGO_BIN_EXE_fortnight"))
            .args([
                "demo",
                "--listen",
                "127.0.0.1:0",
                "--tasks",
                &tasks.to_string(),
                "--data-dir",
            ])
            .arg(&data_dir)
            .env_remove("DATABASE_URL")
            .env("RUST_LOG", "warn")
            // so that sign-in attempts can come from many networks
            .env("FORTNIGHT_TRUSTED_PROXY", "127.0.0.1")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = std::io::BufReader::new(process.stdout.take().context("no output")?);
        let link = std::io::BufRead::lines(output)
            .map_while(Result::ok)
            .find_map(|line| {
                Some(line[line.find("http")?..].to_owned()).filter(|link| link.contains("/enter/"))
            });
        let link = link.context("the demo printed no link")?;
        let (host, path) = link
            .trim_start_matches("http://")
            .split_once('/')
            .context("no path in the link")?;
        let address: SocketAddr = host.parse()?;
        let entered = Connection::open(address)
            .await?
            .send(&Request::get(&format!("/{path}"), ""))
            .await?;
        let cookie = entered
            .cookie
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let database = Database::to_work_beside(None, &data_dir).await?;
        let db = database.pool.clone();
        let email: String = sqlx::query_scalar(
            "SELECT email FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1",
        )
        .fetch_one(&db)
        .await?;
        let token = api_tokens::create(&db, Clock::default().now(), &email, Scope::Write).await?;
        let keys = sqlx::query_scalar("SELECT 'INF-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id JOIN sprints s ON s.id = k.sprint_id WHERE t.key = 'INF' AND s.state = 'active' AND rank IS NOT NULL ORDER BY k.number").fetch_all(&db).await?;
        Ok(Self {
            address,
            cookie,
            db,
            token,
            keys,
            process,
            _database: database,
            _folder: folder,
        })
    }

    /// Returns the moves of one worker: its own tasks to another column and back.
    pub fn moves(&self, worker: usize) -> Vec<Request> {
        let own = self.keys.iter().skip(worker).step_by(16).take(20);
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.token
        );
        let move_to = |column: &'static str| {
            let headers = &headers;
            move |key: &String| {
                let method_and_path = format!("PUT /api/v1/tasks/{key}/position");
                Request::with_body(
                    &method_and_path,
                    headers,
                    &format!("{{\"column\":\"{column}\"}}"),
                )
            }
        };
        own.clone()
            .map(move_to("in-progress"))
            .chain(own.map(move_to("todo")))
            .collect()
    }

    /// Returns the size of a page's styles and scripts in bytes: uncompressed, gzip and zstd.
    pub async fn measure_assets(
        &self,
        connection: &mut Connection,
        page: &Response,
    ) -> anyhow::Result<[usize; 3]> {
        let html = String::from_utf8(zstd::decode_all(page.body.as_slice())?)?;
        let mut seen: Vec<&str> = html
            .split('"')
            .filter(|text| text.starts_with("/static/"))
            .collect();
        seen.retain(|address| [".css", ".js"].iter().any(|end| address.ends_with(end)));
        seen.sort_unstable();
        seen.dedup();
        let mut sums = [0; 3];
        for address in seen {
            for (sum, encoding) in sums.iter_mut().zip(["identity", "gzip", "zstd"]) {
                *sum += connection
                    .send(&Request::get(address, "").accept(encoding))
                    .await?
                    .body
                    .len();
            }
        }
        Ok(sums)
    }

    /// Returns the program's resident memory in MB, without Postgres.
    pub fn read_memory(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line
            .split_whitespace()
            .next()
            .context("no figure")?
            .parse::<u64>()?
            / 1024)
    }

    pub async fn stop(self) {
        self.db.close().await;
    }
}

/// A server with one route that sends the same bytes and does nothing else.
pub struct Floor {
    pub address: SocketAddr,
    process: Child,
    _file: tempfile::NamedTempFile,
}

impl Floor {
    pub async fn start(bytes: &[u8]) -> anyhow::Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg("floor")
            .arg(file.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = std::io::BufReader::new(process.stdout.take().context("no output")?);
        let line = std::io::BufRead::lines(output)
            .next()
            .context("the baseline server printed nothing")??;
        Ok(Self {
            address: line.trim().parse()?,
            process,
            _file: file,
        })
    }
}

impl Drop for Program {
    /// Leaves nothing running after an error.
    fn drop(&mut self) {
        terminate(&mut self.process);
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        terminate(&mut self.process);
    }
}

fn terminate(process: &mut Child) {
    if let Some(pid) = Pid::from_raw(process.id() as i32) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let since = Instant::now();
    while process.try_wait().is_ok_and(|ended| ended.is_none())
        && since.elapsed() < Duration::from_secs(15)
    {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs the baseline server.
pub async fn serve_floor(file: &str) -> anyhow::Result<()> {
    let bytes = Bytes::from(std::fs::read(file)?);
    let respond = move || async move {
        (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_ENCODING, "zstd"),
            ],
            bytes,
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let stop_requests = fortnight::cli::signals::listen()?;
    let (stopping, _) = tokio::sync::watch::channel(false);
    serve(
        listener,
        Router::new().route("/", get(respond)),
        Timeouts::default(),
        ConnectionLimits::default(),
        stop_requests,
        &stopping,
    )
    .await;
    Ok(())
}
