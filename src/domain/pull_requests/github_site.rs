//! GitHub itself, GitHub Enterprise Cloud with an address of its own, or a GitHub Enterprise Server: where Apps are created,
//! and the API that gives out what was created.

use reqwest::{
    Method, Request, StatusCode, Url,
    header::{self, HeaderValue},
};
use serde_json::Value;

use crate::domain::{
    error::{Problem, Result},
    outbound::OutgoingClient,
};

/// What GitHub says of an App that it has created, as far as it is used.
#[derive(Clone)]
pub(crate) struct CreatedApp {
    pub(super) webhook_secret: String,
    /// Its page; empty if GitHub gave none at its own address.
    pub(super) page: String,
}

/// An address of GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitHubSite {
    /// `https://github.com`
    origin: String,
    /// `https://api.github.com`
    api: String,
}

impl GitHubSite {
    /// Reads the address as people enter it; empty means github.com.
    ///
    /// # Errors
    /// `Invalid` if it is none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            let message = "Enter the address of GitHub, such as github.com or github.example.com.";
            Problem::field("site", message)
        };
        let text = match text.trim() {
            "" => "github.com",
            text => text,
        };
        let text = match text.contains("://") {
            true => text.to_owned(),
            false => format!("https://{text}"),
        };
        let url = Url::parse(&text).map_err(|_| malformed())?;
        let host = url.host_str().unwrap_or_default();
        // It becomes part of the page's content policy, where other characters have a meaning.
        let is_plain = host
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-.:[]".contains(letter));
        let is_bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() || !is_plain || !is_bare {
            return Err(malformed());
        }
        let mut origin = url.origin().ascii_serialization();
        if host == "www.github.com" {
            origin = origin.replace("www.", "");
        }
        if host.ends_with("github.com") || host.ends_with(".ghe.com") {
            origin = origin.replace("http://", "https://");
        }
        let api = match host {
            "github.com" | "www.github.com" => "https://api.github.com".to_owned(),
            host if host.ends_with(".ghe.com") => format!("https://api.{host}"),
            _ => format!("{origin}/api/v3"),
        };
        if origin.len() > 300 {
            return Err(malformed());
        }
        Ok(Self { origin, api })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn api(&self) -> &str {
        &self.api
    }

    /// The host, with its port if it has one.
    pub(crate) fn host(&self) -> &str {
        let host = self.origin.split_once("://");
        host.map_or(self.origin.as_str(), |(_, host)| host)
    }

    /// The host of the API.
    pub(crate) fn api_host(&self) -> &str {
        let address = self
            .api
            .split_once("://")
            .map_or("", |(_, address)| address);
        address.split('/').next().unwrap_or_default()
    }

    /// The page that creates an App, for an organization or, without one, for the person's own account.
    ///
    /// # Errors
    /// `Invalid` if no organization can have that name.
    pub(super) fn new_app_path(&self, organization: &str) -> Result<String> {
        let organization = organization.trim();
        if organization.is_empty() {
            return Ok("/settings/apps/new".to_owned());
        }
        let is_name = organization.len() <= 100
            && organization
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
        if !is_name {
            return Err(Problem::field(
                "organization",
                "Enter the name of an organization as it is in its address at GitHub, such as acme.",
            ));
        }
        Ok(format!("/organizations/{organization}/settings/apps/new"))
    }

    /// Exchanges the code that GitHub has sent the browser back with, which is valid once.
    ///
    /// # Errors
    /// The reason, as the end of a sentence.
    pub(crate) async fn exchange(
        &self,
        client: &OutgoingClient,
        code: &str,
    ) -> std::result::Result<CreatedApp, String> {
        let is_code = (1..=200).contains(&code.len())
            && code
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
        if !is_code {
            return Err("GitHub sent no code that it could give out".to_owned());
        }
        let url = format!("{}/app-manifests/{code}/conversions", self.api);
        let url = Url::parse(&url).map_err(|_| "its address cannot be used".to_owned())?;
        let mut request = Request::new(Method::POST, url);
        let json = HeaderValue::from_static("application/vnd.github+json");
        request.headers_mut().insert(header::ACCEPT, json);
        let none = HeaderValue::from_static("0");
        request.headers_mut().insert(header::CONTENT_LENGTH, none);
        let answer = client.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            status if status.is_success() => self.read(&answer.body),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Err(
                "GitHub does not know the code any more: it was used before, or more than an hour ago".to_owned(),
            ),
            status => Err(format!("GitHub answered {status}")),
        }
    }

    /// Reads the secret, and the page that people install the App on.
    fn read(&self, body: &[u8]) -> std::result::Result<CreatedApp, String> {
        let value: Value =
            serde_json::from_slice(body).map_err(|_| "GitHub’s answer is not JSON".to_owned())?;
        let secret = value["webhook_secret"].as_str().unwrap_or_default();
        let is_secret = (20..=100).contains(&secret.len())
            && secret.chars().all(|letter| letter.is_ascii_graphic());
        if !is_secret {
            return Err("GitHub’s answer has no webhook secret that can be used".to_owned());
        }
        let page = value["html_url"].as_str().unwrap_or_default();
        let is_page = page.len() <= 500
            && page
                .strip_prefix(&self.origin)
                .is_some_and(|path| path.starts_with('/'))
            && page.chars().all(|letter| letter.is_ascii_graphic());
        Ok(CreatedApp {
            webhook_secret: secret.to_owned(),
            page: if is_page {
                page.to_owned()
            } else {
                String::new()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_github_is_read_as_people_enter_it() {
        let of = |text: &str| {
            let site = GitHubSite::parse(text).ok()?;
            Some((site.origin, site.api))
        };
        let some = |origin: &str, api: &str| Some((origin.to_owned(), api.to_owned()));
        let github = some("https://github.com", "https://api.github.com");
        for text in [
            "",
            "github.com",
            " https://github.com/ ",
            "www.github.com",
            "http://github.com",
            "GitHub.com",
        ] {
            assert_eq!(of(text), github, "{text}");
        }
        assert_eq!(
            of("acme.ghe.com"),
            some("https://acme.ghe.com", "https://api.acme.ghe.com")
        );
        assert_eq!(
            of("github.example.com:8443"),
            some(
                "https://github.example.com:8443",
                "https://github.example.com:8443/api/v3"
            )
        );
        for wrong in [
            "https://github.com/acme",
            "https://user:x@github.com",
            "https://github.com?x",
            "https://github.com#x",
            "ftp://github.com",
            "javascript:alert(1)",
            "github.com; script-src *",
            "github.com;sandbox",
            "a'b.example",
            "https://",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn organization_is_a_name() {
        let site = GitHubSite::parse("").unwrap();
        let path = |organization: &str| site.new_app_path(organization).ok();
        assert_eq!(path(" ").as_deref(), Some("/settings/apps/new"));
        assert_eq!(
            path("acme").as_deref(),
            Some("/organizations/acme/settings/apps/new")
        );
        for wrong in ["acme/x", "acme?x", "..", "a b", "ä"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answer_needs_a_secret_and_may_lie_about_its_page() {
        let site = GitHubSite::parse("").unwrap();
        let read = |body: &str| site.read(body.as_bytes());
        let secret = "0123456789abcdef0123456789abcdef01234567";
        for (page, expected) in [
            ("https://github.com/apps/x", "https://github.com/apps/x"),
            ("https://github.com.example/apps/x", ""),
            ("javascript:alert(1)", ""),
        ] {
            let body = format!(r#"{{"webhook_secret":"{secret}","html_url":"{page}"}}"#);
            let app = read(&body).ok().unwrap();
            assert_eq!(
                (app.webhook_secret.as_str(), app.page.as_str()),
                (secret, expected)
            );
        }
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"webhook_secret":null}"#,
            r#"{"webhook_secret":"short"}"#,
            r#"{"webhook_secret":"0123456789\u0000abcdef0123456789"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
