//! `fortnight login` and `fortnight logout`.

use std::{
    fs,
    io::{ErrorKind, IsTerminal},
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cli::{
    client::server::{Login, Server, path, server_url},
    output::print_line,
};

#[derive(Args, Debug)]
pub(crate) struct LoginTo {
    /// The address of the server, such as board.example.org
    url: String,
}

impl LoginTo {
    /// Asks for a token, checks it, and stores both.
    pub(crate) async fn run(&self) -> Result<()> {
        let url = server_url(&self.url)?;
        let token = if std::io::stdin().is_terminal() {
            rpassword::prompt_password(format!(
                "Create a token at {url}/me#tokens and paste it here: "
            ))?
        } else {
            std::io::read_to_string(std::io::stdin()).context("cannot read the token")?
        };
        let token = token.trim().to_owned();
        ensure!(!token.is_empty(), "there is no token: nothing was stored");
        let login = Login { url, token };
        let server = Server::of(login)?;
        let teams = server.get(&["teams"], &[]).await?;
        let count = teams["teams"].as_array().map_or(0, Vec::len);
        let stored = server.into_login().store()?;
        print_line(&format!(
            "Logged in, with {}. The token is in {}.",
            crate::domain::humanize::counted(count as u64, "team"),
            stored.display()
        ));
        Ok(())
    }
}

/// Removes the stored login.
pub(crate) fn log_out() -> Result<()> {
    let path = path()?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            print_line("There was no login.");
            Ok(())
        }
        removed => {
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
            print_line(
                "Logged out. The token is still valid: revoke it in your settings if it is not needed.",
            );
            Ok(())
        }
    }
}
