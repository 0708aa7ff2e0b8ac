//! `fortnight open`: opens a page in the browser.

use std::process::{Command, Stdio};

use anyhow::Result;
use clap::Args;

use crate::cli::{client::server::Server, output::print_line};

#[derive(Args, Debug)]
pub(crate) struct Open {
    /// A task's key or a team's slug [default: My work]
    what: Option<String>,
}

impl Open {
    /// Prints the address, and opens it where there is a desktop.
    pub(crate) fn run(&self) -> Result<()> {
        let server = Server::logged_in()?;
        let url = server.page(&path(self.what.as_deref()));
        print_line(&url);
        let opener = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        // without a desktop, the address is all there is
        let _ = Command::new(opener)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(())
    }
}

/// The page of a task or team.
fn path(what: Option<&str>) -> String {
    let Some(what) = what else {
        return "/".to_owned();
    };
    let encoded: String = form_urlencoded::byte_serialize(what.trim().as_bytes()).collect();
    let is_key = what.trim().rsplit_once('-').is_some_and(|(team, number)| {
        team.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && team.chars().all(|letter| letter.is_ascii_alphanumeric())
            && !number.is_empty()
            && number.chars().all(|digit| digit.is_ascii_digit())
    });
    match is_key {
        true => format!("/tasks/{}", encoded.to_uppercase()),
        false => format!("/teams/{encoded}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_tasks_and_other_words_are_teams() {
        assert_eq!(path(None), "/");
        assert_eq!(path(Some("inf-42")), "/tasks/INF-42");
        assert_eq!(path(Some("infrastructure")), "/teams/infrastructure");
        assert_eq!(path(Some("site-reliability")), "/teams/site-reliability");
        assert_eq!(path(Some("../login")), "/teams/..%2Flogin");
    }
}
