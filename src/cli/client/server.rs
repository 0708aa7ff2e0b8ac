//! The server that the client commands use, and its API.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::tls;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the server is, and the token for it. Stored by `fortnight login`.
#[derive(Deserialize, Serialize)]
pub(super) struct Login {
    /// Its public URL, without a slash at the end.
    pub(super) url: String,
    pub(super) token: String,
}

impl Login {
    /// The one of FORTNIGHT_URL and FORTNIGHT_TOKEN, or else the one that was stored.
    pub(super) fn load() -> Result<Self> {
        if let (Ok(url), Ok(token)) = (env::var("FORTNIGHT_URL"), env::var("FORTNIGHT_TOKEN")) {
            let url = server_url(&url)?;
            return Ok(Self { url, token });
        }
        let path = path()?;
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "not logged in: run “fortnight login URL”, or set FORTNIGHT_URL and FORTNIGHT_TOKEN"
            ),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        serde_json::from_str(&text)
            .with_context(|| format!("cannot read {}: log in again", path.display()))
    }

    /// Stores it in a file that only this user may read. Returns the file's path.
    pub(super) fn store(&self) -> Result<PathBuf> {
        let path = path()?;
        let cannot = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).with_context(cannot)?;
        }
        // A new file: one that is there may be readable by others.
        let unfinished = path.with_extension("part");
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .with_context(cannot)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())
            .with_context(cannot)?;
        fs::rename(&unfinished, &path).with_context(cannot)?;
        Ok(path)
    }
}

/// Where the login is stored.
pub(super) fn path() -> Result<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))
        .context("there is no home directory: set XDG_CONFIG_HOME")?;
    Ok(folder.join("fortnight").join("login.json"))
}

/// The URL of a server as it is stored: `board.example.org` is `https://board.example.org`.
pub(super) fn server_url(text: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/');
    let with_scheme = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    let url: Url = with_scheme
        .parse()
        .with_context(|| format!("{text} is not a URL"))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_plain || url.path() != "/" {
        bail!("{text} is not the URL of a server, such as https://board.example.org");
    }
    Ok(with_scheme)
}

/// A server with its API.
pub(super) struct Server {
    login: Login,
    http: reqwest::Client,
}

impl Server {
    /// The one that was logged in to.
    pub(super) fn logged_in() -> Result<Self> {
        Self::of(Login::load()?)
    }

    pub(super) fn of(login: Login) -> Result<Self> {
        tls::choose_provider();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("fortnight/", env!("CARGO_PKG_VERSION")))
            // the token is for this server only
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { login, http })
    }

    /// What it was logged in to with.
    pub(super) fn into_login(self) -> Login {
        self.login
    }

    /// The address of a page.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.login.url)
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        self.send(Method::GET, path, query, None).await
    }

    /// Sends a request to a path below `/api/v1`, given by its parts.
    ///
    /// # Errors
    /// With what the server says.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let mut url: Url = format!("{}/api/v1", self.login.url).parse()?;
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.login.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let cannot_reach = || format!("cannot reach {}", self.login.url);
        let response = request.send().await.with_context(cannot_reach)?;
        let status = response.status();
        let text = response.text().await.with_context(cannot_reach)?;
        let answer: Option<Value> = serde_json::from_str(&text).ok();
        match answer {
            Some(answer) if status.is_success() => Ok(answer),
            Some(problem) if status.is_client_error() || status.is_server_error() => {
                bail!("{}", sentence(status, &problem))
            }
            _ => bail!("{} answers {status}: is it Fortnight?", self.login.url),
        }
    }
}

/// What a problem+json says, with the reasons of refused fields.
fn sentence(status: StatusCode, problem: &Value) -> String {
    if status == StatusCode::UNAUTHORIZED {
        return "the token is not valid, or not any more: create one, and run “fortnight login URL” again".to_owned();
    }
    let fields = problem["errors"].as_object().into_iter().flatten();
    let reasons: Vec<&str> = fields.filter_map(|(_, reason)| reason.as_str()).collect();
    let detail = problem["detail"].as_str().or(problem["title"].as_str());
    match (reasons.is_empty(), detail) {
        (false, _) => reasons.join(" "),
        (true, Some(detail)) => detail.to_owned(),
        (true, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_server_is_completed() {
        for (typed, stored) in [
            ("board.example.org", "https://board.example.org"),
            (" https://board.example.org/ ", "https://board.example.org"),
            ("http://127.0.0.1:8125", "http://127.0.0.1:8125"),
        ] {
            assert_eq!(server_url(typed).unwrap(), stored);
        }
        for typed in [
            "",
            "ftp://board.example.org",
            "https://board.example.org/teams/infrastructure",
            "https://ada:secret@board.example.org",
            "https://board.example.org?x=1",
        ] {
            assert!(server_url(typed).is_err(), "{typed}");
        }
    }
}
