//! Fortnight as a client: a person works with tasks from a terminal.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    lifecycle::create_by_command_line,
    program::{Place, Server},
};

/// A server with a team, the terminal of one of its members, and her token.
async fn logged_in() -> (Place, Server, Place, TempDir, String) {
    let (there, config) = (Place::new(), TempDir::new().unwrap());
    let server = there.serve().await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    let terminal =
        Place::new().with_variables(&[("XDG_CONFIG_HOME", config.path().to_str().unwrap())]);
    let said = terminal
        .run_with_input(&format!("{token}\n"), &["login", &server.url])
        .await;
    assert!(said.starts_with("Logged in, with 1 team."), "{said}");
    (there, server, terminal, config, token)
}

#[tokio::test]
async fn task_is_created_moved_blocked_and_listed_from_a_terminal() {
    let (_there, server, terminal, config, token) = logged_in().await;
    let stored = config.path().join("fortnight/login.json");
    let mode = fs::metadata(&stored).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only she may read the token");

    let created = terminal
        .said(&[
            "task",
            "create",
            "Move the payment database",
            "--team",
            "crew",
            "--owner",
            "ada",
            "--label",
            "postgres",
            "--due",
            "2026-12-24",
        ])
        .await;
    assert_eq!(created, "Created CRW-1 Move the payment database.\n");
    terminal
        .said(&["task", "create", "Nobody's", "--team", "crew"])
        .await;
    let moved = terminal
        .said(&["task", "move", "CRW-1", "In progress"])
        .await;
    assert_eq!(
        moved,
        "Moved CRW-1 Move the payment database to in-progress.\n"
    );
    let mine = terminal.said(&["task", "list", "--mine"]).await;
    assert_eq!(
        mine,
        "CRW-1  In progress  @ada  Move the payment database\n"
    );
    let all = terminal.said(&["task", "list", "--json"]).await;
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["tasks"].as_array().unwrap().len(), 2);
    let filtered = terminal
        .said(&[
            "task",
            "list",
            "--team",
            "crew",
            "--filter",
            "label:postgres",
        ])
        .await;
    assert!(filtered.starts_with("CRW-1") && !filtered.contains("CRW-2"));
    let none = terminal.said(&["task", "list", "--sprint", "none"]).await;
    assert!(none.contains("There are no such tasks"), "{none}");

    let blocked = terminal.said(&["task", "block", "CRW-1", "CRW-2"]).await;
    assert_eq!(blocked, "Blocked CRW-1 Move the payment database.\n");
    let shown = terminal.said(&["task", "show", "CRW-1"]).await;
    for line in [
        "CRW-1  Move the payment database\n",
        "Column  blocked\n",
        "Owners  @ada\n",
        "Due     2026-12-24\n",
        &format!("Page    {}/tasks/CRW-1\n", server.url),
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // she is on one team, so she need not name it
    let standup = terminal.said(&["standup"]).await;
    assert!(
        standup.starts_with("crew, Sprint 1, day ")
            && standup.contains("Needs attention\n  CRW-1  @ada  Move the payment database (")
            && standup.contains("CRW-1 blocked"),
        "{standup}"
    );
    let unblocked = terminal.said(&["task", "unblock", "CRW-1", "--json"]).await;
    let unblocked: Value = serde_json::from_str(&unblocked).unwrap();
    assert_eq!(unblocked["column"], "in-progress");
    let opened = terminal.said(&["open", "crw-1"]).await;
    assert_eq!(opened, format!("{}/tasks/CRW-1\n", server.url));

    // from a script, without a file
    let script = Place::new().with_variables(&[
        ("FORTNIGHT_URL", &server.url),
        ("FORTNIGHT_TOKEN", &token),
        ("XDG_CONFIG_HOME", "/nowhere"),
    ]);
    let listed = script.said(&["task", "list"]).await;
    assert!(listed.contains("CRW-2"), "{listed}");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let (there, server, terminal, config, _) = logged_in().await;
    for (args, reason) in [
        (&["task", "show", "CRW-9"][..], "does not exist"),
        (&["task", "show", "../teams"], "does not exist"),
        (&["task", "create", " ", "--team", "crew"], "title"),
        (
            &["task", "create", "x", "--team", "nobody"],
            "does not exist",
        ),
        (&["task", "list", "--filter", "is:purple"], "is:purple"),
        (&["standup", "nobody"], "does not exist"),
    ] {
        let refused = terminal.refused(args).await;
        assert!(refused.contains(reason), "{args:?}: {refused}");
    }
    let wrong = terminal
        .output_with_input("wrong\n", &["login", &server.url])
        .await;
    let wrong = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.contains("the token is not valid"), "{wrong}");
    terminal.said(&["task", "list"]).await;
    drop(server);
    drop(there);
    let gone = terminal.refused(&["task", "list"]).await;
    assert!(gone.contains("cannot reach http://127.0.0.1:"), "{gone}");

    let out = terminal.said(&["logout"]).await;
    assert!(out.starts_with("Logged out."), "{out}");
    assert!(!config.path().join("fortnight/login.json").exists());
    let refused = terminal.refused(&["task", "list"]).await;
    assert!(
        refused.contains("not logged in: run “fortnight login URL”")
            && !refused.contains("os error"),
        "{refused}"
    );
}
