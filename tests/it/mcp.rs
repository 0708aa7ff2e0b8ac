//! Agents that read and change boards over the Model Context Protocol.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, header},
};
use fortnight::domain::{policy::viewer::Scope, tasks::claims};
use serde_json::{Value, json};

use crate::{
    fixtures::{Client, NOW, Response, World},
    goals::set_goal,
};

/// A program that speaks the protocol with a token.
pub struct Agent(pub Client);

impl Agent {
    async fn of(world: &World, person: &Client, scope: Scope) -> Self {
        Self(world.program_of(person, scope).await)
    }

    async fn send(&self, message: &str, more: &[(&'static str, &'static str)]) -> Response {
        let mut request = Request::post("/mcp")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25");
        if more.iter().all(|(name, _)| *name != "host") {
            request = request.header(header::HOST, "fortnight.test");
        }
        for (name, value) in more {
            if let Some(headers) = request.headers_mut() {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
        }
        let body = Body::from(message.to_owned());
        self.0.send(request.body(body).unwrap()).await
    }

    /// Sends a request and returns the answer with its envelope.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.send(&message.to_string(), &[]).await.ok().json()
    }

    /// Calls a tool that is to succeed, and returns its structured result.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self
            .ask(
                "tools/call",
                json!({ "name": tool, "arguments": arguments }),
            )
            .await;
        let result = &answer["result"];
        assert_eq!(result["isError"], json!(false), "{tool}: {answer}");
        let content = result["structuredContent"].clone();
        // for clients that read only text
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), content);
        content
    }

    /// Calls a tool that is to refuse, and returns its sentence.
    pub async fn refusal(&self, tool: &str, arguments: Value) -> String {
        let answer = self
            .ask(
                "tools/call",
                json!({ "name": tool, "arguments": arguments }),
            )
            .await;
        let result = &answer["result"];
        assert_eq!(result["isError"], json!(true), "{tool}: {answer}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    async fn tools(&self) -> Vec<Value> {
        let answer = self.ask("tools/list", json!({})).await;
        answer["result"]["tools"].as_array().unwrap().clone()
    }
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect()
}

fn keys(tasks: &Value) -> Vec<String> {
    let tasks = tasks.as_array().unwrap().iter();
    tasks
        .map(|task| task["key"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn agent_takes_a_task_from_creation_to_review() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.elif, Scope::Write).await;
    let hello = agent
        .ask(
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
        )
        .await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(hello["result"]["serverInfo"]["name"], "fortnight");
    let teams = agent.call("teams", json!({})).await;
    assert_eq!(
        teams["teams"][0],
        json!({ "slug": "infrastructure", "name": "Infrastructure", "key": "INF", "may_edit": true })
    );
    let task = agent
        .call(
            "create_task",
            json!({ "team": "infrastructure", "title": "Cut over", "column": "todo", "labels": ["postgres"] }),
        )
        .await;
    assert_eq!(
        (
            &task["key"],
            &task["version"],
            &task["sprint"],
            &task["url"]
        ),
        (
            &json!("INF-1"),
            &json!(1),
            &json!(42),
            &json!("http://fortnight.test/tasks/INF-1")
        )
    );
    let task = agent
        .call(
            "edit_task",
            json!({ "key": "INF-1", "version": 1, "description": "Table by table.", "estimate": 3, "owners": ["elif"] }),
        )
        .await;
    assert_eq!(
        (&task["estimate"], &task["owners"]),
        (&json!(3), &json!(["elif"]))
    );
    // null clears, what is left out stays
    let task = agent
        .call(
            "edit_task",
            json!({ "key": "INF-1", "version": task["version"], "estimate": null }),
        )
        .await;
    assert_eq!(
        (&task["estimate"], &task["owners"]),
        (&json!(null), &json!(["elif"]))
    );
    let task = agent
        .call("block_task", json!({ "key": "INF-1", "version": task["version"], "on": "@jonas", "note": "His window" }))
        .await;
    assert_eq!(
        (&task["state"], &task["blocked_by"][0]["on"]),
        (&json!("blocked"), &json!("jonas"))
    );
    let task = agent
        .call(
            "unblock_task",
            json!({ "key": "INF-1", "version": task["version"] }),
        )
        .await;
    assert_eq!(
        (&task["state"], &task["blocked_by"]),
        (&json!("todo"), &json!([]))
    );
    let task = agent
        .call(
            "move_task",
            json!({ "key": "INF-1", "version": task["version"], "state": "review" }),
        )
        .await;
    assert_eq!(task["state"], "review");
    agent
        .call(
            "comment",
            json!({ "key": "INF-1", "version": task["version"], "body": "Ready, @jonas." }),
        )
        .await;
    let read = agent.call("task", json!({ "key": "INF-1" })).await;
    assert_eq!(
        (&read["description"], &read["team"], &read["may_edit"]),
        (
            &json!("Table by table."),
            &json!("infrastructure"),
            &json!(true)
        )
    );
    let last = read["activity"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["what"], &last["comment"], &last["by"]),
        (
            &json!("commented"),
            &json!("Ready, @jonas."),
            &json!("An agent for Elif Hartmann")
        )
    );
    // a person sees the same
    let page = world.jonas.get("/tasks/INF-1").await.ok().text();
    assert!(
        page.contains("Table by table.") && page.contains("Ready, "),
        "{page}"
    );
}

#[tokio::test]
async fn stale_version_is_refused_with_what_was_changed() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.elif, Scope::Write).await;
    // what no one else may send either
    let mut new = json!({ "team": "infrastructure", "title": "Cut\u{0}over" });
    let refused = agent.refusal("create_task", new.clone()).await;
    assert!(refused.contains("can't be stored"), "{refused}");
    new["title"] = json!("Cut over");
    new["owners"] = json!(vec!["elif"; 1001]);
    let refused = agent.refusal("create_task", new).await;
    assert!(refused.contains("at most 1,000 entries"), "{refused}");
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let read = agent.call("task", json!({ "key": key })).await;
    let version = read["version"].clone();
    tomas
        .post(
            &format!("/tasks/{key}/position"),
            &[("column", "in-progress")],
        )
        .await
        .ok();
    let before = world.elif.load_task(&key).await;
    for (tool, arguments) in [
        ("edit_task", json!({ "title": "Cut over at night" })),
        ("move_task", json!({ "column": "done" })),
        ("comment", json!({ "body": "Started" })),
        ("block_task", json!({ "on": "Legal" })),
        ("unblock_task", json!({})),
    ] {
        let mut arguments = arguments;
        arguments["key"] = json!(key);
        arguments["version"] = version.clone();
        assert_eq!(
            agent.refusal(tool, arguments.clone()).await,
            "INF-1 was changed after version 1: Tomas Weber moved it to In progress (just now). Nothing was changed. \
             It is at version 2 now: read it again with the tool `task`, and then decide.",
            "{tool}"
        );
        // a version that it never had, and none at all
        arguments["version"] = json!(99);
        let refusal = agent.refusal(tool, arguments.clone()).await;
        assert!(refusal.starts_with("INF-1 has no version 99."), "{refusal}");
        arguments.as_object_mut().unwrap().remove("version");
        let refusal = agent.refusal(tool, arguments).await;
        assert!(refusal.contains("missing field `version`"), "{refusal}");
    }
    assert_eq!(world.elif.load_task(&key).await, before);
}

/// Two agents that read the same version both try; whoever is second is told.
#[tokio::test]
async fn of_two_edits_at_once_one_wins() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let agents = [
        Agent::of(&world, &world.elif, Scope::Write).await,
        Agent::of(&world, &world.elif, Scope::Write).await,
    ];
    for round in 1..=10 {
        let edit = async |agent: &Agent, title: &str| {
            let arguments =
                json!({ "key": key, "version": round, "title": format!("{title} {round}") });
            let call = json!({ "name": "edit_task", "arguments": arguments });
            agent.ask("tools/call", call).await["result"]["isError"] == json!(false)
        };
        let (first, second) = tokio::join!(edit(&agents[0], "A"), edit(&agents[1], "B"));
        assert!(first != second, "round {round}: {first} and {second}");
    }
}

#[tokio::test]
async fn read_only_token_gets_the_tools_that_read() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let writer = Agent::of(&world, &world.elif, Scope::Write).await;
    let reader = Agent::of(&world, &world.elif, Scope::Read).await;
    let (all, reading) = (writer.tools().await, reader.tools().await);
    let of_reading: Vec<&str> = all
        .iter()
        .filter(|tool| tool["annotations"]["readOnlyHint"] == json!(true))
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names(&reading), of_reading);
    for tool in ["board", "task", "standup", "check_in", "search", "my_tasks"] {
        assert!(of_reading.contains(&tool), "{tool}");
    }
    for tool in [
        "create_task",
        "edit_task",
        "move_task",
        "comment",
        "block_task",
        "unblock_task",
    ] {
        assert!(
            names(&all).contains(&tool) && !of_reading.contains(&tool),
            "{tool}"
        );
    }
    for tool in &all {
        let name = tool["name"].as_str().unwrap();
        assert!(tool["description"].as_str().unwrap().len() > 30, "{name}");
        assert!(
            tool["annotations"]["destructiveHint"].is_boolean(),
            "{name}"
        );
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
        // an argument without a description says nothing to an agent
        for (argument, schema) in tool["inputSchema"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            assert!(schema["description"].is_string(), "{name} {argument}");
        }
    }
    // not offered, and refused
    let refusal = reader
        .refusal("comment", json!({ "key": key, "version": 1, "body": "Hm" }))
        .await;
    assert_eq!(
        refusal,
        "This account or token is read-only. Nothing was changed."
    );
    let refusal = reader
        .refusal(
            "create_task",
            json!({ "team": "infrastructure", "title": "x" }),
        )
        .await;
    assert_eq!(
        refusal,
        "This account or token is read-only. Nothing was changed."
    );
}

#[tokio::test]
async fn hidden_team_is_the_same_as_a_missing_one() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Buy them")
        .await;
    let jonas = Agent::of(&world, &world.jonas, Scope::Write).await;
    // an open team can be read by everyone and changed by its members
    jonas
        .call("board", json!({ "team": "infrastructure" }))
        .await;
    let refusal = jonas
        .refusal(
            "move_task",
            json!({ "key": key, "version": 1, "state": "done" }),
        )
        .await;
    assert_eq!(
        refusal,
        "Only members of Infrastructure can change its board. Nothing was changed."
    );
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    for tool in ["board", "standup", "check_in"] {
        let hidden = jonas
            .refusal(tool, json!({ "team": "infrastructure" }))
            .await;
        let missing = jonas.refusal(tool, json!({ "team": "nowhere" })).await;
        assert_eq!(hidden.replace("infrastructure", "nowhere"), missing);
    }
    for (tool, more) in [
        ("task", json!({})),
        ("move_task", json!({ "version": 1, "state": "done" })),
        ("comment", json!({ "version": 1, "body": "x" })),
    ] {
        let of = |key: &str| {
            let mut arguments = more.clone();
            arguments["key"] = json!(key);
            arguments
        };
        let hidden = jonas.refusal(tool, of(&key)).await;
        let missing = jonas.refusal(tool, of("INF-999")).await;
        assert_eq!(hidden.replace(&key, "INF-999"), missing);
    }
    let found = jonas.call("search", json!({ "q": "Buy" })).await;
    assert_eq!(found["tasks"], json!([]));
    let found = jonas.call("search", json!({ "q": key })).await;
    assert_eq!(found["tasks"], json!([]));
    assert_eq!(
        jonas.call("teams", json!({})).await["teams"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn token_of_some_teams_reaches_no_other() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Ours")
        .await;
    let theirs = world.jonas.create_task("ingestion", "todo", "Theirs").await;
    let agent = Agent::of(&world, &world.elif, Scope::Write).await;
    sqlx::query("UPDATE tokens SET teams = (SELECT array_agg(id) FROM teams WHERE key = 'INF')")
        .execute(&world.db)
        .await
        .unwrap();
    agent
        .call("board", json!({ "team": "infrastructure" }))
        .await;
    agent.refusal("board", json!({ "team": "ingestion" })).await;
    agent.refusal("task", json!({ "key": theirs })).await;
    let found = agent.call("search", json!({ "q": "Theirs" })).await;
    assert_eq!(found["tasks"], json!([]));
}

#[tokio::test]
async fn large_board_is_read_in_parts() {
    let world = World::new().await;
    world.fill_column("todo", 1000).await;
    world
        .elif
        .create_task("infrastructure", "in-progress", "Last")
        .await;
    let agent = Agent::of(&world, &world.elif, Scope::Read).await;
    let ask = json!({ "name": "board", "arguments": { "team": "infrastructure" } });
    let answer = agent.ask("tools/call", ask).await;
    let board = &answer["result"]["structuredContent"];
    assert_eq!(board["columns"][0]["count"], json!(1000));
    assert_eq!(board["tasks"].as_array().unwrap().len(), 50);
    assert!(
        answer.to_string().len() < 100_000,
        "{}",
        answer.to_string().len()
    );
    let (mut read, mut cursor) = (Vec::new(), None);
    loop {
        let arguments = json!({ "team": "infrastructure", "limit": 200, "cursor": cursor });
        let part = agent.call("board", arguments).await;
        read.extend(keys(&part["tasks"]));
        match part["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let expected: Vec<String> = (1..=1001).map(|number| format!("INF-{number}")).collect();
    assert_eq!(read, expected);
    let one = agent
        .call(
            "board",
            json!({ "team": "infrastructure", "column": "in-progress", "q": "last" }),
        )
        .await;
    assert_eq!(keys(&one["tasks"]), ["INF-1001"]);
    for wrong in [
        json!({ "limit": 0 }),
        json!({ "limit": 201 }),
        json!({ "cursor": "nonsense" }),
        json!({ "cursor": "nowhere:a" }),
        json!({ "column": "nowhere" }),
        json!({ "q": "is:nonsense" }),
        json!({ "q": "is:archived" }),
        json!({ "sprint": "9999" }),
        json!({ "limits": 3 }),
    ] {
        let mut arguments = wrong;
        arguments["team"] = json!("infrastructure");
        agent.refusal("board", arguments).await;
    }
}

#[tokio::test]
async fn agent_reads_the_standup_the_check_in_and_its_own_tasks() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.elif, Scope::Write).await;
    let own = world
        .elif
        .create_task("infrastructure", "in-progress", "Move the tables")
        .await;
    agent
        .call("edit_task", json!({ "key": own, "version": 1, "owners": ["elif"], "description": "All of the *archive*" }))
        .await;
    let theirs = world
        .jonas
        .create_task("ingestion", "todo", "Stop writing")
        .await;
    world
        .jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "task"), ("on", &own)],
        )
        .await
        .ok();
    let mine = agent.call("my_tasks", json!({})).await;
    assert_eq!(keys(&mine["owned"]), [own.as_str()]);
    assert_eq!(
        (&mine["username"], &mine["owned_count"]),
        (&json!("elif"), &json!(1))
    );
    assert_eq!(
        (&mine["waiting"][0]["key"], &mine["waiting"][0]["on"]),
        (&json!(theirs), &json!(own))
    );
    let standup = agent.call("standup", json!({ "team": "ingestion" })).await;
    assert_eq!(
        (
            &standup["attention"][0]["key"],
            &standup["people"][0]["blocked"]
        ),
        (&json!(theirs), &json!([]))
    );
    let check_in = agent.call("check_in", json!({ "team": "ingestion" })).await;
    assert_eq!(keys(&check_in["blocked"]), [theirs.as_str()]);
    let found = agent.call("search", json!({ "q": "archive" })).await;
    assert_eq!(
        (&found["tasks"][0]["key"], &found["tasks"][0]["place"]),
        (&json!(own), &json!("in the description"))
    );
    let found = agent
        .call("search", json!({ "q": own.to_lowercase() }))
        .await;
    assert_eq!(keys(&found["tasks"]), [own.as_str()]);
}

#[tokio::test]
async fn endpoint_takes_only_tokens_and_only_messages() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.elif, Scope::Write).await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(agent.send(ping, &[]).await.ok().json()["result"], json!({}));
    // a browser's session, and no credentials at all
    Agent(world.elif.clone()).send(ping, &[]).await.status(401);
    let unknown = Agent(world.stranger()).send(ping, &[]).await.status(401);
    assert!(unknown.header("www-authenticate").starts_with("Bearer"));
    // a page of another site, which might have got hold of a token or of a name that leads here
    for origin in ["https://evil.example", "null"] {
        agent.send(ping, &[("origin", origin)]).await.status(403);
    }
    agent
        .send(ping, &[("origin", "http://fortnight.test")])
        .await
        .ok();
    agent
        .send(ping, &[("host", "evil.example")])
        .await
        .status(421);
    agent.0.get("/mcp").await.status(405);
    // malformed messages are errors of the protocol
    for message in [
        "",
        "{",
        "[]",
        "1",
        "{}",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
    ] {
        let response = agent.send(message, &[]).await;
        let status = response.status.as_u16();
        assert!((200..500).contains(&status), "{message}: {status}");
    }
    agent
        .send(&format!("\"{}\"", "x".repeat(2_000_000)), &[])
        .await
        .status(413);
    agent
        .send(ping, &[("mcp-protocol-version", "1999-01-01")])
        .await
        .status(400);
    let unknown = agent
        .ask(
            "tools/call",
            json!({ "name": "drop_tables", "arguments": {} }),
        )
        .await;
    assert_eq!(unknown["error"]["code"], json!(-32602));
    let unknown = agent.ask("resources/list", json!({})).await;
    assert_eq!(unknown["error"]["code"], json!(-32601));
    // what is wrong with arguments is for the agent to read
    let refusal = agent.refusal("task", json!({ "key": 42 })).await;
    assert!(
        refusal.contains("key: ") && refusal.ends_with("Nothing was changed."),
        "{refusal}"
    );
    for arguments in [
        json!({ "team": "infrastructure", "title": "" }),
        json!({ "team": "infrastructure", "title": "x\u{0}" }),
        json!({ "team": "infra\u{0}", "title": "x" }),
        json!({ "team": "infrastructure", "title": "x", "due": "2026-02-30" }),
        json!({ "team": "infrastructure", "title": "x", "goal": 7 }),
        json!({ "team": "infrastructure", "title": "x", "estimate": -1 }),
        json!({ "team": "infrastructure", "title": "x", "owners": ["nobody"] }),
        json!({ "team": "infrastructure", "title": "x", "column": "nowhere" }),
    ] {
        let refusal = agent.refusal("create_task", arguments.clone()).await;
        assert!(!refusal.contains("server failed"), "{arguments}: {refusal}");
    }
    let board = agent
        .call("board", json!({ "team": "infrastructure" }))
        .await;
    assert_eq!(board["tasks"], json!([]));
}

#[tokio::test]
async fn tool_names_are_listed_once() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.elif, Scope::Admin).await;
    let tools = agent.tools().await;
    let unique: BTreeSet<&str> = names(&tools).into_iter().collect();
    assert_eq!(unique.len(), tools.len());
}

/// A token that is made on the account's page for an agent of this name.
async fn agent_of(person: &Client, name: &str) -> Agent {
    let fields = [("name", "x"), ("scope", "write"), ("agent", name)];
    let page = person.post("/me/tokens", &fields).await.ok().text();
    assert!(page.contains(&format!("agent {name}")), "{page}");
    let token = page.split("fn_").nth(1).unwrap();
    let token: String = token
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        .collect();
    Agent(Client {
        cookie: String::new(),
        bearer: Some(format!("fn_{token}")),
        ..person.clone()
    })
}

async fn end_claims(world: &World, minutes: i64) {
    let then = NOW + time::Duration::minutes(minutes);
    claims::end_expired(&world.db, &world.app.store, then)
        .await
        .unwrap();
}

#[tokio::test]
async fn ready_names_what_unblocks_others_then_goals_then_the_board() {
    let world = World::new().await;
    let elif = &world.elif;
    let agent = agent_of(elif, "Claude").await;
    let first = elif.create_task("infrastructure", "todo", "First").await;
    let goal = set_goal(&world, elif, "42", &[("title", "Tables"), ("target", "9")]).await;
    assert!(!goal.is_empty());
    let serves = agent
        .call(
            "create_task",
            json!({ "team": "infrastructure", "title": "Serves", "goal": 1 }),
        )
        .await;
    let backlog = agent
        .call(
            "create_task",
            json!({ "team": "infrastructure", "title": "Later", "sprint": "none" }),
        )
        .await;
    let unblocks = elif.create_task("infrastructure", "todo", "Unblocks").await;
    let theirs = world.jonas.create_task("ingestion", "todo", "Waits").await;
    world
        .jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "task"), ("on", &unblocks)],
        )
        .await
        .ok();
    // started, owned, and of the next sprint: not to be started
    elif.create_task("infrastructure", "in-progress", "Started")
        .await;
    let mut told = Vec::new();
    loop {
        let ready = agent
            .call("ready", json!({ "team": "infrastructure" }))
            .await;
        told.push(ready["why"].as_str().unwrap().to_owned());
        let task = &ready["task"];
        if task.is_null() {
            break;
        }
        let claimed = agent
            .call(
                "claim",
                json!({ "key": task["key"], "version": task["version"] }),
            )
            .await;
        assert_eq!(claimed["owners"], json!(["elif"]));
        told.push(task["key"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        told,
        [
            &format!("Unblocking others comes first: {theirs} cannot go on without it."),
            &unblocks,
            "No unowned task blocks another one, and it serves a goal of Sprint 42: Tables. It is the first of those on the board.",
            serves["key"].as_str().unwrap(),
            "No unowned task blocks another one or serves a goal. It is the first of Sprint 42 on the board.",
            &first,
            "Every task of Sprint 42 has an owner. It is the first in the backlog without one.",
            backlog["key"].as_str().unwrap(),
            "Every task of Infrastructure that can be started has an owner.",
        ]
    );
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins() {
    let world = World::new().await;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let claude = agent_of(&world.elif, "Claude").await;
    // of another person, of the same person, and a second run of the same agent
    let rivals = [
        agent_of(&tomas, "Codex").await,
        agent_of(&world.elif, "Codex").await,
        Agent(claude.0.clone()),
    ];
    for rival in &rivals {
        for round in 0..4 {
            let key = world
                .elif
                .create_task("infrastructure", "todo", "Once")
                .await;
            let claim = async |agent: &Agent| {
                let call = json!({ "name": "claim", "arguments": { "key": key, "version": 1 } });
                let answer = agent.ask("tools/call", call).await;
                answer["result"]["isError"] == json!(false)
            };
            let (first, second) = tokio::join!(claim(&claude), claim(rival));
            assert!(first != second, "round {round}: {first} and {second}");
            let owners = world.elif.load_task(&key).await["owners"].clone();
            assert_eq!(owners.as_array().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn claim_ends_unless_its_agent_does_something() {
    let world = World::new().await;
    let elif = &world.elif;
    let claude = agent_of(elif, "Claude").await;
    let codex = agent_of(elif, "Codex").await;
    let mut keys = Vec::new();
    for title in ["Untouched", "Commented", "Moved", "Renewed", "Given"] {
        let key = elif.create_task("infrastructure", "todo", title).await;
        let claimed = claude
            .call("claim", json!({ "key": key, "version": 1 }))
            .await;
        assert_eq!(claimed["claimed_until"], "2026-11-24T11:00:00Z");
        keys.push(key);
    }
    let claim = json!({ "key": keys[0], "version": 2 });
    assert_eq!(
        codex.refusal("claim", claim).await,
        "Claude for Elif Hartmann has claimed INF-1 until 2026-11-24T11:00:00Z. Nothing was changed. The tool `ready` names a task that is free."
    );
    claude
        .call(
            "comment",
            json!({ "key": keys[1], "version": 2, "body": "Found it" }),
        )
        .await;
    elif.post(
        &format!("/tasks/{}/position", keys[2]),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    let renewed = claude
        .call(
            "claim",
            json!({ "key": keys[3], "version": 2, "minutes": 1440 }),
        )
        .await;
    assert_eq!(renewed["claimed_until"], "2026-11-25T10:00:00Z");
    let owners = json!({ "owners": ["jonas"] });
    elif.api(Method::PUT, &format!("/tasks/{}/owners", keys[4]), owners)
        .await
        .ok();
    end_claims(&world, 59).await;
    assert_eq!(
        elif.load_task(&keys[0]).await["owners"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    end_claims(&world, 60).await;
    let mut owners = Vec::new();
    for key in &keys {
        let task = elif.load_task(key).await;
        owners.push(
            task["owners"][0]["handle"]
                .as_str()
                .unwrap_or("no one")
                .to_owned(),
        );
    }
    assert_eq!(owners, ["no one", "elif", "elif", "elif", "jonas"]);
    let page = elif.get(&format!("/tasks/{}", keys[0])).await.ok().text();
    assert!(
        page.contains("The end of a claim removed all owners"),
        "{page}"
    );
    // free for the other one now
    codex
        .call("claim", json!({ "key": keys[0], "version": 3 }))
        .await;
    // the renewed one ends later
    end_claims(&world, 1440).await;
    assert_eq!(elif.load_task(&keys[3]).await["owners"], json!([]));
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM claims")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn claim_is_refused_where_it_makes_no_sense() {
    let world = World::new().await;
    let elif = &world.elif;
    let claude = agent_of(elif, "Claude").await;
    let key = elif.create_task("infrastructure", "todo", "Own").await;
    for minutes in [0, -1, 1441] {
        let refusal = claude
            .refusal(
                "claim",
                json!({ "key": key, "version": 1, "minutes": minutes }),
            )
            .await;
        assert_eq!(
            refusal,
            "minutes: Send a number from 1 to 1440. Nothing was changed."
        );
    }
    // what the person owns themselves does not end
    elif.api(
        Method::PUT,
        &format!("/tasks/{key}/owners"),
        json!({ "owners": ["elif"] }),
    )
    .await
    .ok();
    let claimed = claude
        .call("claim", json!({ "key": key, "version": 2 }))
        .await;
    assert_eq!(claimed["claimed_until"], json!(null));
    elif.api(
        Method::PUT,
        &format!("/tasks/{key}/owners"),
        json!({ "owners": ["jonas"] }),
    )
    .await
    .ok();
    let refusal = claude
        .refusal("claim", json!({ "key": key, "version": 3 }))
        .await;
    assert!(
        refusal.starts_with("INF-1 is owned by @jonas."),
        "{refusal}"
    );
    let done = elif.create_task("infrastructure", "done", "Done").await;
    let refusal = claude
        .refusal("claim", json!({ "key": done, "version": 1 }))
        .await;
    assert!(refusal.starts_with("INF-2 is done."), "{refusal}");
    let stranger = agent_of(&world.jonas, "Claude").await;
    let refusal = stranger
        .refusal("claim", json!({ "key": done, "version": 1 }))
        .await;
    assert!(
        refusal.starts_with("Only members of Infrastructure"),
        "{refusal}"
    );
}

#[tokio::test]
async fn agent_is_named_and_leaves_closing_to_people() {
    let world = World::new().await;
    let elif = &world.elif;
    let claude = agent_of(elif, "Claude").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    claude
        .call(
            "move_task",
            json!({ "key": key, "version": 1, "state": "review" }),
        )
        .await;
    claude
        .call(
            "comment",
            json!({ "key": key, "version": 2, "body": "Please look" }),
        )
        .await;
    let page = world.jonas.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(
        page.contains("Claude for Elif Hartmann moved it to In review"),
        "{page}"
    );
    assert!(page.contains("Claude for Elif Hartmann ·"), "{page}");
    let history = world
        .jonas
        .get("/teams/infrastructure/history")
        .await
        .ok()
        .text();
    assert!(history.contains("Claude for Elif Hartmann"), "{history}");
    let activity = claude.call("task", json!({ "key": key })).await["activity"].clone();
    assert_eq!(activity[1]["by"], "Claude for Elif Hartmann");
    let refusal = claude
        .refusal(
            "move_task",
            json!({ "key": key, "version": 1, "state": "done" }),
        )
        .await;
    assert!(
        refusal.contains("Claude for Elif Hartmann commented"),
        "{refusal}"
    );
    // by any road, and whether its token names it or not
    let closing = json!({ "key": key, "version": 3, "state": "done" });
    let only = "Only a person can close a task of Infrastructure. Move it to a column with the state `review` and say in a \
                comment what is to be looked at. Nothing was changed.";
    let unnamed = Agent::of(&world, elif, Scope::Write).await;
    for agent in [&claude, &unnamed] {
        assert_eq!(agent.refusal("move_task", closing.clone()).await, only);
        let refusal = agent
            .refusal(
                "create_task",
                json!({ "team": "infrastructure", "title": "x", "column": "done" }),
            )
            .await;
        assert_eq!(refusal, only);
    }
    let by_api = claude
        .0
        .api(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            json!({ "column": "done" }),
        )
        .await;
    assert_eq!(by_api.status(403).json()["detail"], only);
    claude
        .0
        .post(
            "/teams/infrastructure/tasks/bulk",
            &[("keys", &key), ("column", "done")],
        )
        .await;
    assert_eq!(elif.load_task(&key).await["state"], "review");
    // a lead may allow it, and an agent of theirs may not
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    claude
        .0
        .post("/teams/infrastructure/agents", &[("may_close", "1")])
        .await
        .status(403);
    world
        .jonas
        .post("/teams/infrastructure/agents", &[("may_close", "1")])
        .await
        .status(403);
    let settings = elif.get("/teams/infrastructure/settings").await.ok().text();
    assert!(
        settings.contains("Agents may move tasks to Done"),
        "{settings}"
    );
    elif.post("/teams/infrastructure/agents", &[("may_close", "1")])
        .await
        .status(303);
    let history = elif.get("/teams/infrastructure/history").await.ok().text();
    assert!(
        history.contains("allowed agents to move tasks to Done"),
        "{history}"
    );
    assert_eq!(claude.call("move_task", closing).await["state"], "done");
    elif.post("/teams/infrastructure/agents", &[])
        .await
        .status(303);
    // a person may at any time, and programs that are no agents
    let key = elif.create_task("infrastructure", "todo", "Another").await;
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    let program = world.program_of(elif, Scope::Write).await;
    let task = program
        .create_task("infrastructure", "done", "Script")
        .await;
    let page = elif.get(&format!("/tasks/{task}")).await.ok().text();
    assert!(
        page.contains("Elif Hartmann created it") || !page.contains(" for Elif Hartmann"),
        "{page}"
    );
}

#[tokio::test]
async fn name_of_an_agent_is_one_line() {
    let world = World::new().await;
    for name in ["x\ny", "\u{202e}edualC", "\u{200b}", &"x".repeat(51)] {
        let fields = [("name", "x"), ("scope", "write"), ("agent", name)];
        world.elif.post("/me/tokens", &fields).await.status(422);
    }
}

#[tokio::test]
async fn prompts_gather_the_text_of_a_meeting() {
    let world = World::new().await;
    let agent = Agent::of(&world, &world.jonas, Scope::Read).await;
    let own = world
        .elif
        .create_task("infrastructure", "todo", "Move the tables")
        .await;
    let reason = json!({ "kind": "person", "on": "jonas", "note": "His window" });
    world
        .elif
        .api(Method::PUT, &format!("/tasks/{own}/block"), reason)
        .await
        .ok();
    let listed = agent.ask("prompts/list", json!({})).await;
    let names: Vec<&str> = listed["result"]["prompts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|prompt| prompt["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["standup", "check_in"]);
    let get = async |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        agent.ask("prompts/get", params).await
    };
    for (name, expected) in [
        ("standup", "INF-1 Move the tables (blocked, no owner): "),
        (
            "check_in",
            "INF-1 Move the tables, waiting on jonas (His window)",
        ),
    ] {
        let prompt = get(name, json!({ "team": "infrastructure" })).await;
        let message = &prompt["result"]["messages"][0];
        assert_eq!(message["role"], "user");
        let text = message["content"]["text"].as_str().unwrap();
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("Sprint 42"), "{text}");
    }
    // refused as tools are
    for (name, arguments, refusal) in [
        ("standup", json!({ "team": "nowhere" }), "There is no team"),
        ("standup", json!({}), "team: Send the slug of a team."),
        (
            "retro",
            json!({ "team": "infrastructure" }),
            "There is no prompt",
        ),
    ] {
        let answer = get(name, arguments).await;
        assert_eq!(answer["error"]["code"], json!(-32602));
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(refusal), "{message}");
    }
}
