//! The configurations of docs/reverse-proxy.md, word for word but for addresses and TLS, in a real nginx and a real Caddy.

use std::{
    fs::{self, Permissions},
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::Duration,
};

use reqwest::{Response, header};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{
    lifecycle::create_by_command_line,
    people::PASSWORD,
    ports::free_port,
    program::{Place, TIMEOUT, wait_until},
};

const GUIDE: &str = include_str!("../../docs/reverse-proxy.md");
const HOST: &str = "board.example.org";
/// Another address of this machine than the proxy's.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// What a client might pretend to be.
const FORGED: &str = "198.51.100.66";
/// Much less than the time between two signs of life of a stream.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Returns the block of the guide with this language.
fn documented(language: &str) -> String {
    let start = format!("```{language}\n");
    let (_, block) = GUIDE.split_once(&start).unwrap();
    block.split_once("\n```").unwrap().0.to_owned()
}

/// Replaces what must be there.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

/// A running reverse proxy. It is killed when dropped.
struct Proxy {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

impl Proxy {
    async fn start(mut command: Command, folder: TempDir, port: u16) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{error}: bin/test installs {command:?}"));
        let log = folder.path().join("log");
        let since = std::time::Instant::now();
        wait_until("the proxy listens", async || {
            assert!(
                since.elapsed() < TIMEOUT / 2,
                "{}",
                fs::read_to_string(&log).unwrap()
            );
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        Self {
            port,
            _child: child,
            _folder: folder,
        }
    }

    async fn nginx(program: u16) -> Self {
        let (port, plain) = (free_port(), free_port());
        let folder = folder();
        let without_tls: String = documented("nginx")
            .lines()
            .filter(|line| !line.contains("[::]") && !line.contains("ssl_"))
            .map(|line| format!("{line}\n"))
            .collect();
        let sites = replace(
            &without_tls,
            "listen 443 ssl http2",
            &format!("listen {port}"),
        );
        let sites = replace(&sites, "listen 80;", &format!("listen {plain};"));
        let sites = replace(&sites, "127.0.0.1:8042", &format!("127.0.0.1:{program}"));
        let at = folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let config = format!(
            "daemon off;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{sites}}}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg("stderr").arg("-c").arg(&file);
        Self::start(command, folder, port).await
    }

    async fn caddy(program: u16) -> Self {
        let port = free_port();
        let folder = folder();
        let site = replace(
            &documented("caddyfile"),
            &format!("{HOST} {{"),
            &format!("http://{HOST}:{port} {{"),
        );
        let site = replace(&site, "127.0.0.1:8042", &format!("127.0.0.1:{program}"));
        let file = folder.path().join("Caddyfile");
        fs::write(&file, format!("{{\nadmin off\n}}\n{site}\n")).unwrap();
        let mut command = Command::new("caddy");
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path());
        Self::start(command, folder, port).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("fortnight-test-proxy-")
        // nginx's workers run as another user
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
}

/// Starts the program with the settings of the guide.
async fn check_proxy(start: impl AsyncFnOnce(u16) -> Proxy) {
    let place = Place::new();
    let token = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let public_url = format!("https://{HOST}");
    let settings = [
        ("FORTNIGHT_LISTEN", listen.as_str()),
        ("FORTNIGHT_PUBLIC_URL", public_url.as_str()),
        ("FORTNIGHT_TRUSTED_PROXY", "127.0.0.1"),
    ];
    for (name, value) in &settings[1..] {
        assert!(GUIDE.contains(&format!("{name}={value}\n")), "{name}");
    }
    let _server = place.serve_with(&settings).await;
    let proxy = start(port).await;
    let browser = crate::program::client_builder()
        .local_address(Some(CLIENT.into()))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();

    let signed_in = browser
        .post(proxy.url("/login"))
        .header(header::HOST, HOST)
        .header(header::ORIGIN, &public_url)
        .header("x-forwarded-for", FORGED)
        .form(&[("email", "ada@example.org"), ("password", PASSWORD)])
        .send()
        .await
        .unwrap();
    assert_eq!(signed_in.status(), 303);
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure"),
        "{cookie}"
    );
    let network: String =
        sqlx::query_scalar("SELECT network FROM audit_log WHERE kind = 'sign-in.succeeded'")
            .fetch_one(&mut place.sql().await)
            .await
            .unwrap();
    assert_eq!(network, CLIENT.to_string(), "the client's address");

    let mut stream = browser
        .get(proxy.url("/teams/infrastructure/live"))
        .header(header::HOST, HOST)
        .header(header::COOKIE, cookie.split(';').next().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    read_until(&mut stream, "event: presence").await;
    let created = crate::program::new_client()
        .post(format!("http://{listen}/api/v1/teams/infrastructure/tasks"))
        .bearer_auth(token)
        .json(&serde_json::json!({ "title": "Cut over" }))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    read_until(&mut stream, "Cut over").await;
}

/// Reads a stream that stays open until it has sent this text.
async fn read_until(stream: &mut Response, text: &str) {
    let mut seen = String::new();
    let reading = async {
        while !seen.contains(text) {
            let chunk = stream
                .chunk()
                .await
                .unwrap()
                .expect("the stream stays open");
            seen.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    timeout(AT_ONCE, reading)
        .await
        .unwrap_or_else(|_| panic!("{text} did not arrive at once"));
}

#[tokio::test]
async fn documented_nginx_sends_events_at_once() {
    check_proxy(Proxy::nginx).await;
}

#[tokio::test]
async fn documented_caddy_sends_events_at_once() {
    check_proxy(Proxy::caddy).await;
}
