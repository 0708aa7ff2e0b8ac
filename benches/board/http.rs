//! A minimal HTTP client, so that its own cost does not distort the measurements.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request as text.
#[derive(Clone)]
pub struct Request {
    line: String,
    headers: String,
    body: String,
}

impl Request {
    pub fn get(path: &str, cookie: &str) -> Self {
        let cookie = if cookie.is_empty() {
            String::new()
        } else {
            format!("cookie: {cookie}\r\n")
        };
        Self {
            line: format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"),
            headers: cookie,
            body: String::new(),
        }
    }

    /// A request with a body. `method_and_path` is for example `PUT /path`.
    pub fn with_body(method_and_path: &str, headers: &str, body: &str) -> Self {
        let line = format!("{method_and_path} HTTP/1.1\r\nhost: localhost\r\n");
        Self {
            line,
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn accept(self, encoding: &str) -> Self {
        self.header("accept-encoding", encoding)
    }

    pub fn if_none_match(self, etag: &str) -> Self {
        self.header("if-none-match", etag)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    fn bytes(&self) -> Vec<u8> {
        format!(
            "{}{}content-length: {}\r\n\r\n{}",
            self.line,
            self.headers,
            self.body.len(),
            self.body
        )
        .into_bytes()
    }
}

pub struct Response {
    pub status: u16,
    pub etag: String,
    pub cookie: String,
    pub body: Vec<u8>,
}

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 * 1024],
            filled: 0,
        })
    }

    pub async fn send(&mut self, request: &Request) -> anyhow::Result<Response> {
        let (head, length) = self.send_and_read_head(request).await?;
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        while self.filled < head + length {
            self.read().await?;
        }
        let body = self.buffer[head..head + length].to_vec();
        self.filled = 0;
        let field = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(':'))
                .map_or(String::new(), |(_, value)| value.trim().to_owned())
        };
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .context("no status")?;
        Ok(Response {
            status,
            etag: field("etag"),
            cookie: field("set-cookie"),
            body,
        })
    }

    /// Sends a request and discards the response.
    pub async fn skip(&mut self, request: &Request) -> anyhow::Result<()> {
        let (head, length) = self.send_and_read_head(request).await?;
        while self.filled < head + length {
            self.read().await?;
        }
        self.filled = 0;
        Ok(())
    }

    /// Opens an event stream and waits for its first event.
    pub async fn listen(&mut self, request: &Request) -> anyhow::Result<()> {
        self.stream.write_all(&request.bytes()).await?;
        self.buffer = vec![0; 4096];
        self.wait_for("event: presence").await
    }

    /// Reads until the stream contains this text.
    pub async fn wait_for(&mut self, text: &str) -> anyhow::Result<()> {
        loop {
            if self.filled + 1024 > self.buffer.len() {
                // keep the end, which may be the beginning of the text
                let overlap = text.len().min(self.filled);
                self.buffer
                    .copy_within(self.filled - overlap..self.filled, 0);
                self.filled = overlap;
            }
            let count = self.stream.read(&mut self.buffer[self.filled..]).await?;
            anyhow::ensure!(count > 0, "the stream has ended");
            self.filled += count;
            if let Some(at) = find(&self.buffer[..self.filled], text.as_bytes()) {
                self.buffer.copy_within(at + text.len()..self.filled, 0);
                self.filled -= at + text.len();
                return Ok(());
            }
        }
    }

    async fn send_and_read_head(&mut self, request: &Request) -> anyhow::Result<(usize, usize)> {
        self.stream.write_all(&request.bytes()).await?;
        loop {
            self.read().await?;
            if let Some(end) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
                let bodiless = head.starts_with("http/1.1 304");
                return Ok((
                    end + 4,
                    if bodiless {
                        0
                    } else {
                        length.with_context(|| format!("no length in {head}"))?
                    },
                ));
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[self.filled..]).await?;
        anyhow::ensure!(count > 0, "the connection was closed");
        self.filled += count;
        Ok(())
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}

/// Returns the requests per second over this number of connections, measured for three seconds. Each connection sends
/// the next request as soon as it has a response.
pub async fn measure_rate(
    address: SocketAddr,
    request: &Request,
    connections: usize,
) -> anyhow::Result<f64> {
    let until = Instant::now() + Duration::from_secs(3);
    let mut workers = Vec::new();
    for _ in 0..connections {
        let request = request.clone();
        let mut connection = Connection::open(address).await?;
        workers.push(tokio::spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < until {
                connection.skip(&request).await?;
                count += 1;
            }
            anyhow::Ok(count)
        }));
    }
    let mut count = 0;
    for worker in workers {
        count += worker.await??;
    }
    Ok(count as f64 / 3.0)
}
