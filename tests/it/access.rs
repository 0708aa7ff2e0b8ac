//! Checks the table in docs/ACCESS.md, route by route and role by role.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use fortnight::domain::policy::viewer::Scope;
use serde_json::json;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    attachments, avatars,
    fixtures::{Client, NOW, World, report},
    goals::set_goal,
};

const TABLE: &str = include_str!("../../docs/ACCESS.md");
pub const ROUTER: &str = concat!(
    include_str!("../../src/http/router/mod.rs"),
    include_str!("../../src/http/router/accounts.rs"),
    include_str!("../../src/http/router/teams.rs"),
    include_str!("../../src/http/router/forges.rs"),
    include_str!("../../src/http/router/oauth.rs"),
    include_str!("../../src/http/router/webhooks.rs"),
    // the last, under /api/v1
    include_str!("../../src/http/router/api.rs"),
);

/// One row of the table: a route, and the expected result for each column.
pub struct Row {
    pub method: Method,
    pub path: String,
    expected: BTreeMap<&'static str, String>,
}

/// A repository that is not there, and a login at the connection that every fixture has.
const NO_REPOSITORY: &str = "repository=00000000-0000-4000-8000-000000000009";
const FORGE_LOGIN: &str = "connection=00000000-0000-4000-8000-000000000001&login=octocat";

const ROLES: [&str; 9] = [
    "admin",
    "lead",
    "member",
    "other",
    "viewer",
    "token",
    "anonymous",
    "share",
    "private",
];

impl Row {
    /// Whether the request of this role is answered.
    pub fn allows(&self, role: &str) -> bool {
        self.expected[role] == "yes"
    }
}

pub fn parse_table() -> Vec<Row> {
    let rows = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.filter_map(|line| {
        let mut cells = line.split(" | ");
        let (method, path) = cells.next()?.split_once(' ')?;
        let expected = ROLES.into_iter().zip(cells.map(str::to_owned)).collect();
        Some(Row {
            method: method.parse().ok().filter(|_| path.starts_with('/'))?,
            path: path.to_owned(),
            expected,
        })
    })
    .collect()
}

/// Returns every route of the router. They are parsed from its source because axum cannot list them.
pub fn parse_routes() -> BTreeSet<String> {
    let api = ROUTER.find("//! The routes of the JSON API.").unwrap()..;
    let mut routes = BTreeSet::new();
    for (at, _) in ROUTER.match_indices(".route(") {
        let call = &ROUTER[at + 7..];
        let mut depth = 1;
        let end = call.find(|char| {
            depth += i32::from(char == '(') - i32::from(char == ')');
            depth == 0
        });
        let call = &call[..end.unwrap()];
        let path = call.split('"').nth(1).unwrap();
        let prefix = if api.contains(&at) { "/api/v1" } else { "" };
        for method in ["get", "post", "put", "patch", "delete"] {
            let word = |at: usize| {
                !call[..at].ends_with(|char: char| char.is_ascii_alphanumeric() || char == '_')
            };
            if call
                .match_indices(&format!("{method}("))
                .any(|(at, _)| word(at))
            {
                routes.insert(format!("{} {prefix}{path}", method.to_uppercase()));
            }
        }
    }
    routes
}

/// Case 8. A new route is tested against every role, because it has to be listed.
#[test]
fn access_table_lists_exactly_the_routes_of_the_router() {
    let listed: BTreeSet<String> = parse_table()
        .iter()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    let routes = parse_routes();
    let missing: Vec<_> = routes.difference(&listed).collect();
    let outdated: Vec<_> = listed.difference(&routes).collect();
    assert!(
        missing.is_empty() && outdated.is_empty(),
        "not in docs/ACCESS.md: {missing:?}; not in the router: {outdated:?}"
    );
    assert!(routes.len() > 100, "{}", routes.len());
    // Routes added in any other way would be missed by `parse_routes`.
    for other in [
        "any(",
        "on(",
        "route_service(",
        "nest_service(",
        "any_service(",
        "MethodRouter",
        "method_routing",
    ] {
        let at = ROUTER.find(other);
        assert!(
            at.is_none_or(|at| ROUTER[..at]
                .ends_with(|char: char| char.is_ascii_alphanumeric() || char == '_')),
            "{other} in the router"
        );
    }
    for (path, source) in read_sources() {
        let routes = ["Router::new", ".route(", ".nest(", ".fallback("]
            .into_iter()
            .find(|word| source.contains(word));
        assert!(
            path.parent()
                .is_some_and(|folder| folder.ends_with("src/http/router"))
                || routes.is_none(),
            "{} in {}",
            routes.unwrap(),
            path.display()
        );
    }
}

/// Access to private teams is decided in one module. Queries elsewhere include its conditions.
#[test]
fn only_the_policy_has_conditions_on_private_teams() {
    // the policy itself, and the places that set and show the flag
    let allowed = [
        "src/domain/policy/predicates.rs",
        "src/domain/policy/team_access.rs",
        "src/domain/teams/membership.rs",
    ];
    for (path, source) in read_sources() {
        if allowed.into_iter().any(|file| path.ends_with(file))
            || path.components().any(|part| part.as_os_str() == "demo")
        {
            continue;
        }
        for line in source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let qualified = line.match_indices(".private").any(|(at, column)| {
                !line[at + column.len()..]
                    .starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_')
            });
            let unqualified = [
                "WHERE private",
                "SELECT private",
                "AND private",
                "NOT private",
                "OR private",
            ];
            assert!(
                !qualified && !unqualified.iter().any(|own| line.contains(own)),
                "{}: {line}",
                path.display()
            );
        }
    }
}

/// Returns the path and content of every source file.
fn read_sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    list_source_files(&src)
        .into_iter()
        .map(|file| (file.clone(), fs::read_to_string(&file).unwrap_or_default()))
        .collect()
}

/// Returns the paths of all files in a folder and the folders in it.
pub fn list_source_files(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            match entry.is_dir() {
                true => folders.push(entry),
                false => files.push(entry),
            }
        }
    }
    files
}

/// Creates a share link for Infrastructure and returns its secret.
pub async fn create_share_link(lead: &Client, shows: &str) -> String {
    let fields = [("name", "The auditors"), ("shows", shows)];
    let page = lead
        .post("/teams/infrastructure/share-links", &fields)
        .await
        .status(200)
        .text();
    page.split("/share/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

/// A client for each role, and objects for every placeholder in a route.
pub struct Fixture {
    pub world: World,
    pub clients: BTreeMap<&'static str, Client>,
    private: bool,
}

impl Fixture {
    pub async fn new(private: bool) -> Self {
        let world = World::new().await;
        let lead = world.elif.clone();
        let member = world.join("Tomas Weber", "tomas", "infrastructure").await;
        let admin = world.join("Ada Vale", "ada", "ingestion").await;
        let viewer = world.join("Vera Lund", "vera", "ingestion").await;
        for (handle, role) in [("ada", "admin"), ("vera", "viewer")] {
            sqlx::query("UPDATE accounts SET role = $2 WHERE handle = $1")
                .bind(handle)
                .bind(role)
                .execute(&world.db)
                .await
                .unwrap();
        }
        sqlx::query(
            "DELETE FROM members WHERE account_id IN (SELECT id FROM accounts WHERE handle IN ('ada', 'vera'))",
        )
        .execute(&world.db)
        .await
        .unwrap();
        sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
            .bind(lead.person.id)
            .execute(&world.db)
            .await
            .unwrap();
        if private {
            sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
                .execute(&world.db)
                .await
                .unwrap();
        }
        let token = world.program_of(&member, Scope::Read).await;
        let link = create_share_link(&lead, "check-in").await;
        let guest = Client {
            bearer: Some(link),
            ..world.stranger()
        };
        let clients = BTreeMap::from([
            ("admin", admin),
            ("lead", lead),
            ("member", member),
            ("other", world.jonas.clone()),
            ("viewer", viewer),
            ("token", token),
            ("anonymous", world.stranger()),
            ("share", guest),
        ]);
        let fixture = Self {
            world,
            clients,
            private,
        };
        let connection = uuid::uuid!("00000000-0000-4000-8000-000000000001");
        fixture.create_connection(connection).await;
        fixture
    }

    async fn fetch_id(&self, query: &str) -> Uuid {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.world.db)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Returns the path of a row. Each placeholder refers to an object created for this request.
    pub async fn resolve_path(&self, row: &Row, client: &Client) -> String {
        match row.path.strip_prefix("/api/v1") {
            Some(path) => format!("/api/v1{}", self.resolve_page(path, client).await),
            None => self.resolve_page(&row.path, client).await,
        }
    }

    async fn resolve_page(&self, pattern: &str, client: &Client) -> String {
        let lead = &self.clients["lead"];
        let mut path = pattern.to_owned();
        if path.starts_with("/projects/{slug}") {
            let name = format!("Project {}", &Uuid::now_v7().simple().to_string()[20..]);
            let fields = [
                ("team", "infrastructure"),
                ("name", name.as_str()),
                ("target", "9"),
                ("unit", "tables"),
            ];
            let created = lead.post("/projects", &fields).await;
            path = path.replace(
                "/projects/{slug}",
                created.headers["location"].to_str().unwrap(),
            );
        }
        if path.contains("{key}") {
            let key = match pattern.split('/').nth(1) {
                Some("tasks" | "projects") => {
                    lead.create_task("infrastructure", "todo", "Theirs").await
                }
                Some("confirm" | "unsubscribe") => self.create_mail_link().await,
                Some("share") if path.contains("/covers/") => {
                    create_share_link(lead, "board").await
                }
                Some("share") => self.clients["share"].bearer.clone().unwrap(),
                _ => "nonsense".to_owned(),
            };
            path = path.replace("{key}", &key);
            if path.contains("/comments/{id}") {
                // only its author may change a comment
                sqlx::query("INSERT INTO comments (team_id, id, task_id, author_id, body, created_at) SELECT k.team_id, $1, k.id, $2, 'x', now() FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.key || '-' || k.number = $3")
                    .bind(Uuid::now_v7())
                    .bind(client.person.id)
                    .bind(&key)
                    .execute(&self.world.db)
                    .await
                    .unwrap();
            }
            if path.contains("/attachments/{id}") {
                let picture = attachments::picture(3, 2);
                attachments::attach(lead, &key, &[("plan.png", &picture)])
                    .await
                    .ok();
                // only the uploader may delete it
                sqlx::query("UPDATE attachments SET uploader_id = $1")
                    .bind(client.person.id)
                    .execute(&self.world.db)
                    .await
                    .unwrap();
            }
            if path.contains("/steps/{id}") {
                lead.post(&format!("/tasks/{key}/steps"), &[("text", "One")])
                    .await
                    .ok();
            }
            if path.contains("/blockers/{id}") {
                lead.post(
                    &format!("/tasks/{key}/block"),
                    &[("kind", "text"), ("note", "Legal")],
                )
                .await
                .ok();
            }
            if path.ends_with("/restore") {
                lead.post(&format!("/tasks/{key}/archive"), &[]).await.ok();
            }
        }
        let setup = match path.as_str() {
            "/teams/{slug}/days-off/{day}" | "/teams/{slug}/days-off/{day}/remove" => {
                "INSERT INTO days_off (team_id, day, name) SELECT id, '2026-12-24', 'x' FROM teams WHERE key = 'INF' ON CONFLICT DO NOTHING"
            }
            "/me/absences/{day}/remove" => {
                "INSERT INTO absences (account_id, from_day, to_day) SELECT id, '2026-12-24', '2026-12-24' FROM accounts ON CONFLICT DO NOTHING"
            }
            "/teams/{slug}/sprints/{number}/reopen" => {
                "INSERT INTO sprint_reports (team_id, sprint_id, closed_at, change_id, figures) SELECT t.id, s.id, now(), gen_random_uuid(), '{}' FROM teams t, sprints s
                 WHERE t.key = 'INF' AND s.number = 44 ON CONFLICT DO NOTHING"
            }
            path if path.starts_with("/public/") => "UPDATE teams SET public = true WHERE key = 'INF' AND NOT private",
            _ => "SELECT 1",
        };
        sqlx::query(setup).execute(&self.world.db).await.unwrap();
        if path.contains("{id}") {
            let id = self.create_object(&path, client).await;
            path = path.replace("{id}", &id.to_string());
        }
        if path.starts_with("/share/") && path.contains("/covers/") {
            self.set_cover(&path).await;
        }
        if path.starts_with("/people/") && path.contains("/avatar") {
            let (account, hash) = self.give_avatar().await;
            path = path.replace("{handle}", &account.to_string());
            path = path.replace("{hash}", &hash).replace("{version}", "1");
        }
        let file = if path.contains("/flow/") {
            "cycle-time.csv"
        } else {
            "check-in.json"
        };
        if path.ends_with("/close") {
            // without a decision about it, the sprint stays open
            lead.create_task("infrastructure", "todo", "Left").await;
        }
        path = path.replace("/help/api/{page}", "/help/api/goals");
        // a closed sprint that nothing else uses
        path = path.replace("/sprints/{number}/reopen", "/sprints/44/reopen");
        // the lead stays on the team
        path = path.replace("/members/{handle}", "/members/vera");
        for (name, value) in [
            ("{slug}", "infrastructure"),
            ("{number}", "42"),
            ("{handle}", "elif"),
            ("{column}", "todo"),
            ("{file}", file),
            ("{day}", "2026-12-24"),
            ("{page}", "backup"),
            ("{version}/{*path}", "0/app.css"),
        ] {
            path = path.replace(name, value);
        }
        path
    }

    /// Gives a person a picture, and returns their id and its hash.
    async fn give_avatar(&self) -> (Uuid, String) {
        let session = &self.clients["member"];
        avatars::upload(session, &attachments::picture(30, 20))
            .await
            .status(303);
        sqlx::query_as("SELECT id, avatar FROM accounts WHERE id = $1")
            .bind(session.person.id)
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }

    /// Gives a task the newest picture as its cover.
    async fn set_cover(&self, path: &str) {
        let lead = &self.clients["lead"];
        let task: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
        let key: String = sqlx::query_scalar(
            "SELECT t.key || '-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id WHERE k.id = $1",
        )
        .bind(task)
        .fetch_one(&self.world.db)
        .await
        .unwrap();
        let picture = attachments::picture(3, 2);
        attachments::attach(lead, &key, &[("plan.png", &picture)])
            .await
            .ok();
        let picture = self
            .fetch_id("SELECT id FROM attachments ORDER BY id DESC LIMIT 1")
            .await;
        let fields = [("attachment", picture.to_string())];
        let fields = fields.each_ref().map(|(name, id)| (*name, id.as_str()));
        lead.post(&format!("/tasks/{key}/cover"), &fields)
            .await
            .ok();
    }

    /// Creates a link of a mail, which confirms an address or ends mails, and returns its secret.
    async fn create_mail_link(&self) -> String {
        let secret = Uuid::now_v7().to_string();
        for insert in [
            "INSERT INTO email_confirmations (account_id, token_hash, email, expires_at)
             SELECT id, sha256(convert_to($1, 'UTF8')), email, '2030-01-01' FROM accounts WHERE handle = 'elif'
             ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash",
            "INSERT INTO unsubscribe_links (token_hash, account_id, reason, created_at)
             SELECT sha256(convert_to($1, 'UTF8')), id, 'mentioned', now() FROM accounts WHERE handle = 'elif'",
        ] {
            sqlx::query(insert)
                .bind(&secret)
                .execute(&self.world.db)
                .await
                .unwrap();
        }
        secret
    }

    /// Creates the object that `{id}` refers to in this path.
    async fn create_object(&self, path: &str, client: &Client) -> Uuid {
        let lead = &self.clients["lead"];
        let team = "/teams/infrastructure";
        let newest = |table: &str| format!("SELECT id FROM {table} ORDER BY id DESC LIMIT 1");
        match path {
            "/inbox/{id}" => {
                let thread = Uuid::now_v7();
                sqlx::query(
                    "INSERT INTO inbox_threads (account_id, id, team_id, change_id, newest_at)
                     SELECT a.id, $1, t.id, gen_random_uuid(), now() FROM accounts a, teams t WHERE a.id = $2 AND t.key = 'ING'",
                )
                .bind(thread)
                .bind(client.person.id)
                .execute(&self.world.db)
                .await
                .unwrap();
                thread
            }
            _ if path.contains("/covers/") => {
                let key = lead.create_task("infrastructure", "todo", "Shown").await;
                let number = key.rsplit('-').next().unwrap();
                // of the current sprint, which the shared board shows
                self.fetch_id(&format!("SELECT id FROM tasks WHERE number = {number}"))
                    .await
            }
            _ if path.contains("/comments/") => self.fetch_id(&newest("comments")).await,
            _ if path.contains("/attachments/") => self.fetch_id(&newest("attachments")).await,
            _ if path.contains("/steps/") => self.fetch_id(&newest("steps")).await,
            _ if path.contains("/blockers/") => self.fetch_id(&newest("blockers")).await,
            _ if path.contains("/goals/") => {
                let title = Uuid::now_v7().to_string();
                set_goal(
                    &self.world,
                    lead,
                    "42",
                    &[("title", &title), ("target", "9")],
                )
                .await
                .parse()
                .unwrap()
            }
            _ if path.contains("/goal-comments/") => {
                let title = Uuid::now_v7().to_string();
                let goal = set_goal(
                    &self.world,
                    lead,
                    "42",
                    &[("title", &title), ("target", "9")],
                )
                .await;
                lead.post(
                    &format!("{team}/goals/{goal}/comments"),
                    &[("kind", "concern"), ("body", "Hm")],
                )
                .await
                .ok();
                self.fetch_id(&newest("goal_comments")).await
            }
            _ if path.contains("/filters/") => {
                // only its owner may change a filter
                sqlx::query("INSERT INTO saved_filters (team_id, id, name, query, account_id) SELECT id, $1, $2, '?sprint=all', $3 FROM teams WHERE key = 'INF'")
                    .bind(Uuid::now_v7())
                    .bind(Uuid::now_v7().to_string())
                    .bind(client.person.id)
                    .execute(&self.world.db)
                    .await
                    .unwrap();
                self.fetch_id(&newest("saved_filters")).await
            }
            _ if path.contains("/requests/") => {
                sqlx::query("INSERT INTO requests (team_id, id, title, created_at, asker_id) SELECT id, $1, 'x', now(), $2 FROM teams WHERE key = 'INF'")
                    .bind(Uuid::now_v7())
                    .bind(client.person.id)
                    .execute(&self.world.db)
                    .await
                    .unwrap();
                self.fetch_id(&newest("requests")).await
            }
            _ if path.contains("/labels/") => {
                let key = lead.create_task("infrastructure", "todo", "Labelled").await;
                lead.post(
                    &format!("/tasks/{key}"),
                    &[("labels", &Uuid::now_v7().to_string())],
                )
                .await
                .ok();
                self.fetch_id(&newest("labels")).await
            }
            _ if path.contains("/share-links/") => {
                create_share_link(lead, "board").await;
                self.fetch_id(&newest("share_links")).await
            }
            _ if path.contains("/retro-notes/") => {
                sqlx::query("INSERT INTO retro_notes (team_id, id, sprint_id, category, text, author_id, created_at) SELECT t.id, $1, s.id, 'well', 'x', $2, now() FROM teams t, sprints s WHERE t.key = 'INF' AND s.number = 42")
                    .bind(Uuid::now_v7())
                    .bind(client.person.id)
                    .execute(&self.world.db)
                    .await
                    .unwrap();
                self.fetch_id(&newest("retro_notes")).await
            }
            _ if path.contains("/topics/") => {
                lead.post(
                    &format!("{team}/topics"),
                    &[("meeting", "standup"), ("text", "x")],
                )
                .await
                .ok();
                self.fetch_id(&newest("topics")).await
            }
            _ if path.contains("/actions/") => {
                lead.post(&format!("{team}/actions"), &[("text", "x")])
                    .await
                    .ok();
                self.fetch_id(&newest("actions")).await
            }
            _ if path.contains("/milestones/") => {
                let project = path.split("/milestones").next().unwrap();
                lead.post(&format!("{project}/milestones"), &[("title", "First")])
                    .await
                    .ok();
                self.fetch_id(&newest("milestones")).await
            }
            _ if path.contains("/objectives/") || path.contains("/key-results/") => {
                lead.post(
                    &format!("{team}/objectives"),
                    &[("quarter", "2026-Q4"), ("title", "Sleep")],
                )
                .await
                .ok();
                let objective = self.fetch_id(&newest("objectives")).await;
                if path.contains("/objectives/") {
                    return objective;
                }
                let result = [("title", "Tables"), ("target", "9")];
                lead.post(
                    &format!("{team}/objectives/{objective}/key-results"),
                    &result,
                )
                .await
                .ok();
                self.fetch_id(&newest("key_results")).await
            }
            _ if path.starts_with("/settings/sign-in/rules/") => {
                let group = Uuid::now_v7().to_string();
                self.clients["admin"]
                    .post(
                        "/settings/sign-in/rules",
                        &[("group", &group), ("gives", "role:viewer")],
                    )
                    .await
                    .status(303);
                self.fetch_id(&newest("group_rules")).await
            }
            _ if path.starts_with("/settings/invitations/") => {
                let admin = &self.clients["admin"];
                admin
                    .post("/settings/invitations", &[("days", "7")])
                    .await
                    .status(200);
                self.fetch_id(&newest("invitations")).await
            }
            _ if path.starts_with("/me/tokens/") => {
                client
                    .post("/me/tokens", &[("name", "x"), ("scope", "read")])
                    .await;
                self.fetch_id(&newest("tokens")).await
            }
            // Refused deliveries are noted, which is no change of what people may see; `pull_requests` tests them.
            _ if path.starts_with("/hooks/forge/") => Uuid::new_v4(),
            _ if path.starts_with("/settings/connections/") => {
                let connection = Uuid::new_v4();
                self.create_connection(connection).await;
                connection
            }
            _ if path.contains("/settings/imports/") => {
                sqlx::query(
                    "WITH import AS (
                         INSERT INTO imports (team_id, id, source, file_name, state, created_at)
                         SELECT id, $1, 'trello', 'board.json', 'uploaded', now() FROM teams WHERE slug = 'infrastructure' RETURNING team_id)
                     INSERT INTO import_pieces (team_id, import_id, nth, bytes) SELECT team_id, $1, 0, '{\"lists\": [], \"cards\": []}' FROM import",
                )
                .bind(Uuid::now_v7())
                .execute(&self.world.db)
                .await
                .unwrap();
                self.fetch_id(&newest("imports")).await
            }
            _ if path.contains("/github-projects/") => {
                sqlx::query(
                    "INSERT INTO github_projects (id, team_id, api_url, token, owner, number, node_id, title, url, fields, preview, state, created_at)
                     SELECT $1, id, 'https://api.github.com/graphql', 'x', 'acme', 7, $1::text, 'Tables', 'https://github.com/orgs/acme/projects/7',
                         '[{\"id\":\"s\",\"name\":\"Status\",\"dataType\":\"SINGLE_SELECT\",\"options\":[{\"id\":\"o\",\"name\":\"Todo\"}]}]',
                         '{\"new_here\":{\"count\":0,\"titles\":[]},\"new_there\":{\"count\":0,\"titles\":[]},\"matched\":{\"count\":0,\"titles\":[]},\"hidden\":0,\"is_partial\":false}',
                         'preview', now()
                     FROM teams WHERE slug = 'infrastructure'",
                )
                .bind(Uuid::now_v7())
                .execute(&self.world.db)
                .await
                .unwrap();
                self.fetch_id(&newest("github_projects")).await
            }
            _ if path.contains("/pull-requests/") => {
                let connection = Uuid::new_v4();
                self.create_connection(connection).await;
                // It is linked to the newest task, which is that of the path.
                sqlx::query(
                    "WITH task AS (SELECT team_id, id FROM tasks ORDER BY id DESC LIMIT 1), pr AS (
                         INSERT INTO pull_requests (id, connection_id, team_id, repository, number, title, url, branch, head_commit, state, changed_at)
                         SELECT $1, $2, team_id, 'acme/x', 1, 'x', '', '', '', 'open', now() FROM task RETURNING id)
                     INSERT INTO pull_request_tasks (team_id, task_id, pull_request_id, closes) SELECT task.team_id, task.id, pr.id, false FROM task, pr",
                )
                .bind(Uuid::now_v7())
                .bind(connection)
                .execute(&self.world.db)
                .await
                .unwrap();
                self.fetch_id(&newest("pull_requests")).await
            }
            _ if path.starts_with("/settings/deliveries/") => {
                let connection = Uuid::new_v4();
                self.create_connection(connection).await;
                sqlx::query(
                    "INSERT INTO forge_deliveries (id, connection_id, delivery, received_at, body, state)
                     VALUES ($1, $2, 'x', now(), '{}', 'done')",
                )
                .bind(Uuid::now_v7())
                .bind(connection)
                .execute(&self.world.db)
                .await
                .unwrap();
                self.fetch_id(&newest("forge_deliveries")).await
            }
            _ if path.contains("settings/webhook") => self.create_webhook_object(path).await,
            _ if path.starts_with("/changes/") => {
                // only one's own change can be undone
                let key = lead.create_task("infrastructure", "todo", "Undone").await;
                lead.post(
                    &format!("/tasks/{key}/position"),
                    &[("column", "in-review")],
                )
                .await
                .ok();
                sqlx::query(
                    "UPDATE events SET actor_id = $1 WHERE seq = (SELECT max(seq) FROM events)",
                )
                .bind(client.person.id)
                .execute(&self.world.db)
                .await
                .unwrap();
                self.fetch_id("SELECT change_id FROM events ORDER BY seq DESC LIMIT 1")
                    .await
            }
            _ => panic!("what is {{id}} in {path}?"),
        }
    }

    /// Creates a webhook of the workspace or of the team, with a message. Both have the same id.
    async fn create_webhook_object(&self, path: &str) -> Uuid {
        let id = Uuid::now_v7();
        for insert in [
            "INSERT INTO webhooks (id, team_id, maker_id, name, url, events, secret, created_at, state_since)
             SELECT $1, CASE WHEN $2 THEN t.id END, a.id, 'x', 'https://127.0.0.1/', '{all}', 'whsec_' || repeat('x', 44), now(), now()
             FROM accounts a, teams t WHERE a.role = 'admin' AND t.key = 'INF' LIMIT 1",
            "INSERT INTO webhook_messages (id, webhook_id, team_id, kind, body, created_at, state, send_at)
             SELECT $1, $1, CASE WHEN $2 THEN t.id END, 'task.moved', '{}', now(), 'delivered', now() FROM teams t WHERE t.key = 'INF'",
        ] {
            sqlx::query(insert)
                .bind(id)
                .bind(path.starts_with("/teams/"))
                .execute(&self.world.db)
                .await
                .unwrap();
        }
        id
    }

    /// Connects a forge.
    async fn create_connection(&self, id: Uuid) {
        sqlx::query(
            "INSERT INTO forge_connections (id, name, forge, secret, created_at) VALUES ($1, $1::text, 'github', repeat('x', 40), now())",
        )
        .bind(id)
        .execute(&self.world.db)
        .await
        .unwrap();
    }

    async fn request_status(&self, row: &Row, path: &str, client: &Client) -> (StatusCode, String) {
        let response = self.send(row, path, client).await;
        let redirect = response
            .headers()
            .get(header::LOCATION)
            .and_then(|redirect| redirect.to_str().ok())
            .unwrap_or_default();
        (response.status(), redirect.to_owned())
    }

    /// Sends a request and returns the response without waiting for its body.
    pub async fn send(&self, row: &Row, path: &str, client: &Client) -> Response {
        let json = path.starts_with("/api/");
        let kind = if json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let body = match row.path.as_str() {
            "/projects" => "team=infrastructure&name=x",
            "/settings/sign-in/groups" => "groups_claim=roles",
            "/settings/sign-in/rules" => "group=platform&gives=role:viewer",
            "/settings/sign-in/passwords" => "passwords=on",
            "/settings/connections" => "name=acme&forge=github",
            "/settings/connections/github-app" => "app_name=acme&site=http://127.0.0.1",
            "/settings/connections/{id}/name" => "name=renamed",
            "/settings/connections/{id}/repositories" => "repository=acme/x&team=infrastructure",
            "/settings/connections/{id}/repositories/remove" => NO_REPOSITORY,
            "/me/forges" => FORGE_LOGIN,
            "/me/forges/remove" => FORGE_LOGIN,
            "/teams/{slug}/planning" => "sprint=43&to=backlog",
            "/api/v1/tasks/{key}/owners" => r#"{"owners":[]}"#,
            "/api/v1/tasks/{key}/comments" => r#"{"body":"x"}"#,
            "/api/v1/tasks/{key}/comments/{id}" => r#"{"body":"x"}"#,
            "/api/v1/projects" => r#"{"team":"infrastructure","name":"x"}"#,
            "/api/v1/teams/{slug}/topics/{id}" => r#"{"done":true}"#,
            // an empty name ends no session
            "/me/sessions" => "session=x",
            "/inbox/{id}" => "to=done",
            "/inbox/read" => "up_to=1",
            _ if json && row.method != Method::GET => "{}",
            _ => "",
        };
        let mut request = Request::builder()
            .method(&row.method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind);
        if row.path == "/tasks/{key}/attachments" {
            // as a script that puts files into a comment; the form on the task is for members
            request = request.header(header::ACCEPT, "application/json");
        }
        if !client.cookie.is_empty() {
            request = request.header(header::COOKIE, &client.cookie);
        }
        if let Some(bearer) = &client.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        // Streams never end, so the body is not read.
        self.world
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap()
    }

    /// Returns a digest of each table. It omits when sessions and tokens were last used, and the audit log, which also
    /// records refusals.
    async fn digest_tables(&self) -> Vec<String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit_log' ORDER BY 1",
        )
        .fetch_all(&self.world.db)
        .await
        .unwrap();
        let parts: Vec<String> = tables
            .iter()
            .map(|table| {
                // every request updates these columns
                let row = match table.as_str() {
                    "sessions" => "(to_jsonb(t) - 'last_seen_at' - 'expires_at')::text",
                    "tokens" | "share_links" => "(to_jsonb(t) - 'last_used_at')::text",
                    _ => "t::text",
                };
                format!("SELECT '{table} ' || coalesce(md5(string_agg({row}, '|' ORDER BY {row})), '') FROM {table} t")
            })
            .collect();
        sqlx::query_scalar(sqlx::AssertSqlSafe(parts.join(" UNION ALL ")))
            .fetch_all(&self.world.db)
            .await
            .unwrap()
    }

    /// Requests every route in this role. Returns the number of requests and a message for each unexpected result.
    async fn check_routes(&self, role: &'static str, column: &'static str) -> (usize, Vec<String>) {
        let (mut requests, mut wrong) = (0, Vec::new());
        let mut rows = parse_table();
        // last: signing out ends the session, and a closed sprint refuses most changes in any role
        rows.sort_by_key(|row| (row.path == "/logout", row.path.ends_with("/reopen")));
        for row in rows {
            let expected = match row.expected[column].as_str() {
                // the route does not belong to a team
                "-" => continue,
                expected => expected.to_owned(),
            };
            // a private team has no public page
            if row.path.starts_with("/public/") && self.private {
                continue;
            }
            let client = &self.clients[role];
            let path = self.resolve_path(&row, client).await;
            let before = if expected == "yes" {
                Vec::new()
            } else {
                self.digest_tables().await
            };
            let (status, redirect) = self.request_status(&row, &path, client).await;
            requests += 1;
            let got = match status {
                StatusCode::FORBIDDEN => "no",
                // a wrong password is answered with 401, too
                StatusCode::UNAUTHORIZED if row.path != "/login" => "sign-in",
                StatusCode::SEE_OTHER
                    if redirect.starts_with("/login") && row.path != "/logout" =>
                {
                    "sign-in"
                }
                StatusCode::NOT_FOUND
                    if !matches!(
                        row.path.as_str(),
                        "/enter/{key}"
                            | "/join/{key}"
                            | "/reset/{key}"
                            | "/static/{version}/{*path}"
                            | "/setup"
                            | "/setup/restore"
                    ) =>
                {
                    "absent"
                }
                status if status.is_server_error() => "broken",
                _ => "yes",
            };
            if got != expected {
                wrong.push(format!(
                    "{role}: {} {path} returned {got} ({status}), expected {expected}",
                    row.method
                ));
            }
            if expected != "yes" && before != self.digest_tables().await {
                wrong.push(format!(
                    "{role}: {} {path} was refused but changed data",
                    row.method
                ));
            }
        }
        (requests, wrong)
    }
}

/// Cases 8, 16. Every role gets exactly the access that is listed for it.
async fn check_access(role: &'static str) {
    let (requests, wrong) = Fixture::new(false).await.check_routes(role, role).await;
    report(&format!("{requests} routes requested as {role}"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn check_private_team_access(role: &'static str, column: &'static str) {
    let (requests, wrong) = Fixture::new(true).await.check_routes(role, column).await;
    report(&format!(
        "{requests} routes of a private team requested as {role}"
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

macro_rules! access_tests {
    ($($name:ident: $check:ident($($argument:literal),+);)+) => {
        $(#[tokio::test]
        async fn $name() {
            $check($($argument),+).await;
        })+
    };
}

access_tests! {
    administrator_has_the_listed_access: check_access("admin");
    lead_has_the_listed_access: check_access("lead");
    member_has_the_listed_access: check_access("member");
    member_of_another_team_has_the_listed_access: check_access("other");
    viewer_has_the_listed_access: check_access("viewer");
    read_token_has_the_listed_access: check_access("token");
    anonymous_visitor_has_the_listed_access: check_access("anonymous");
    share_link_has_the_listed_access: check_access("share");
    administrator_cannot_see_a_private_team: check_private_team_access("admin", "private");
    member_of_another_team_cannot_see_a_private_team: check_private_team_access("other", "private");
    viewer_cannot_see_a_private_team: check_private_team_access("viewer", "private");
    member_has_the_listed_access_to_a_private_team: check_private_team_access("member", "member");
    lead_has_the_listed_access_to_a_private_team: check_private_team_access("lead", "lead");
    read_token_has_the_listed_access_to_a_private_team: check_private_team_access("token", "token");
    anonymous_visitor_cannot_see_a_private_team: check_private_team_access("anonymous", "anonymous");
}

/// Creates a private team with Elif, who is also on Infrastructure, and Mira, who is on no other team.
async fn create_private_team(world: &World) -> Client {
    let mut tx = world.db.begin().await.unwrap();
    let at =
        fortnight::domain::teams::create::add_team(&mut tx, NOW, "zanzibar", "Zanzibar", "ZAN")
            .await
            .unwrap();
    fortnight::domain::teams::create::add_member(&mut tx, NOW, at, world.elif.person.id, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mira = world.join("Mira Okafor", "mira", "zanzibar").await;
    world
        .elif
        .post("/teams/zanzibar/visibility", &[("private", "1")])
        .await
        .status(303);
    mira
}

/// Cases 10, 20. Other teams learn that a blocker of a private team is done, and no more.
#[tokio::test]
async fn finished_private_blocker_is_shown_without_its_actor() {
    let world = World::new().await;
    let (elif, jonas, mira) = (&world.elif, &world.jonas, create_private_team(&world).await);
    let (theirs, other) = (
        mira.create_task("zanzibar", "todo", "Plan").await,
        mira.create_task("zanzibar", "todo", "Other").await,
    );
    let ours = elif.create_task("infrastructure", "todo", "Ours").await;
    elif.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    let load_events = async || {
        let response = jonas
            .api(Method::GET, "/teams/infrastructure/events", json!({}))
            .await
            .ok()
            .json();
        response["events"].as_array().unwrap().clone()
    };
    let before = load_events().await.len();
    // changes that no card of another team shows
    mira.post(
        &format!("/tasks/{theirs}"),
        &[("title", "Plan, second version")],
    )
    .await
    .ok();
    mira.post(
        &format!("/tasks/{theirs}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    mira.post(&format!("/tasks/{theirs}/archive"), &[])
        .await
        .ok();
    mira.post(&format!("/tasks/{theirs}/restore"), &[])
        .await
        .ok();
    mira.post(
        &format!("/tasks/{other}/block"),
        &[("kind", "task"), ("on", &ours)],
    )
    .await
    .ok();
    mira.post(&format!("/tasks/{other}/unblock"), &[])
        .await
        .ok();
    assert_eq!(
        load_events().await.len(),
        before,
        "{:?}",
        load_events().await
    );
    // changes that the waiting card shows
    mira.post(&format!("/tasks/{theirs}/position"), &[("column", "done")])
        .await
        .ok();
    mira.post(&format!("/tasks/{theirs}/position"), &[("column", "todo")])
        .await
        .ok();
    let events = load_events().await;
    let new: Vec<_> = events[before..]
        .iter()
        .map(|event| (&event["kind"], &event["actor"], &event["after"]))
        .collect();
    let (kind, no_actor) = (json!("blocker.moved"), json!(null));
    assert_eq!(
        new,
        [
            (&kind, &no_actor, &json!({ "state": "done" })),
            (&kind, &no_actor, &json!({}))
        ]
    );
    for page in [
        format!("/tasks/{ours}"),
        "/teams/infrastructure/history".to_owned(),
    ] {
        let page = jonas.get(&page).await.ok().text();
        assert!(
            page.contains("What it was waiting on") && page.contains("is done"),
            "{page}"
        );
        assert!(
            !page.contains("Mira") && !page.contains("A former member"),
            "{page}"
        );
    }
    // for a blocker of an open team the actor is shown
    let open = jonas.create_task("ingestion", "todo", "Open").await;
    elif.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", &open)],
    )
    .await
    .ok();
    jonas
        .post(&format!("/tasks/{open}/position"), &[("column", "done")])
        .await
        .ok();
    let last = load_events().await.pop().unwrap();
    assert_eq!((&last["kind"], &last["actor"]), (&kind, &json!("jonas")));
    let page = elif.get(&format!("/tasks/{ours}")).await.ok().text();
    assert!(
        page.contains("Jonas Gruber finished what it was waiting on"),
        "{page}"
    );
}

/// Cases 4, 10. Earlier blockers and reports no longer name the team.
#[tokio::test]
async fn team_made_private_disappears_from_earlier_references() {
    let fixture = Fixture::new(false).await;
    let (lead, jonas) = (&fixture.clients["lead"], &fixture.clients["other"]);
    let theirs = jonas.create_task("ingestion", "todo", "Dual write").await;
    let task = lead
        .create_task("infrastructure", "todo", "Waiting on a task")
        .await;
    lead.post(
        &format!("/tasks/{task}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    let team = lead
        .create_task("infrastructure", "todo", "Waiting on a team")
        .await;
    lead.post(
        &format!("/tasks/{team}/block"),
        &[("kind", "team"), ("team", "ingestion")],
    )
    .await
    .ok();
    assert!(
        lead.get(&format!("/tasks/{task}"))
            .await
            .ok()
            .text()
            .contains(&format!("waiting on {theirs}"))
    );
    // a blocker that was undone, and the report of a closed sprint
    let undone = lead
        .create_task("infrastructure", "todo", "Waited on a task")
        .await;
    lead.post(
        &format!("/tasks/{undone}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    let change = fixture
        .fetch_id(
            "SELECT change_id FROM events WHERE kind = 'task.blocked' ORDER BY seq DESC LIMIT 1",
        )
        .await;
    lead.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    let waits: i64 = sqlx::query_scalar("SELECT count(*) FROM blockers")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    assert_eq!(waits, 2, "the undone blocker was removed");
    fixture.world.app.clock.advance(time::Duration::hours(1));
    let left = [task.as_str(), team.as_str(), undone.as_str()].map(|key| (key, "carry"));
    crate::closing::close_sprint(lead, &left).await.ok();
    let retro = "/sprints/42/retro?team=infrastructure";
    let open = lead.get(retro).await.ok().text();
    let waited = open
        .split("Blocked longest")
        .nth(1)
        .unwrap()
        .split("Longest cycle times")
        .next()
        .unwrap();
    assert!(
        waited.contains(&theirs) && waited.contains("Ingestion"),
        "{waited}"
    );
    sqlx::query("UPDATE teams SET private = true WHERE slug = 'ingestion'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    for page in [
        format!("/tasks/{task}"),
        format!("/tasks/{team}"),
        format!("/tasks/{undone}"),
        retro.to_owned(),
        "/teams/infrastructure/history".to_owned(),
        "/api/v1/teams/infrastructure/events".to_owned(),
    ] {
        let body = lead.get(&page).await.status(200).text();
        for word in [
            &theirs,
            "Ingestion",
            "Dual write",
            "waiting on ingestion",
            "\"on\":\"ingestion\"",
        ] {
            assert!(!body.contains(word), "{word} at {page}: {body}");
        }
    }
    let history = lead.get("/teams/infrastructure/history").await.ok().text();
    for notice in [
        "waiting on a task of a private team",
        "waiting on a private team",
    ] {
        assert!(history.contains(notice), "{notice} is not in {history}");
    }
}

/// Cases 4, 10. No page, search result or count names the team.
#[tokio::test]
async fn private_team_is_hidden_from_everyone_outside_it() {
    let fixture = Fixture::new(false).await;
    let (world, lead, jonas) = (
        &fixture.world,
        &fixture.clients["lead"],
        &fixture.clients["other"],
    );
    let mut tx = world.db.begin().await.unwrap();
    let at = fortnight::domain::teams::create::add_team(
        &mut tx,
        crate::fixtures::NOW,
        "zanzibar",
        "Zanzibar",
        "ZAN",
    )
    .await
    .unwrap();
    fortnight::domain::teams::create::add_member(
        &mut tx,
        crate::fixtures::NOW,
        at,
        lead.person.id,
        true,
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let early = lead
        .create_task("infrastructure", "todo", "For them, while they were open")
        .await;
    lead.post(
        &format!("/tasks/{early}"),
        &[("needed_by", "Legal, zanzibar")],
    )
    .await
    .ok();
    lead.post("/teams/zanzibar/visibility", &[("private", "1")])
        .await
        .ok();
    let settings = lead.get("/teams/zanzibar/settings").await.ok().text();
    assert!(
        settings.contains("Only members can see its board"),
        "{settings}"
    );
    // one object of each kind with the word in it, linked to something that Jonas can see
    let secret = lead
        .create_task("zanzibar", "in-review", "Zanzibar plan")
        .await;
    lead.post(&format!("/tasks/{secret}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let ours = lead
        .create_task("infrastructure", "todo", "Waiting on them")
        .await;
    lead.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", "Zanzibar plan")],
    )
    .await
    .ok();
    lead.post(
        &format!("/tasks/{secret}"),
        &[("title", "Zanzibar plan, second version")],
    )
    .await
    .ok();
    lead.post(
        &format!("/tasks/{secret}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    lead.post(
        &format!("/tasks/{ours}"),
        &[("needed_by", "Zanzibar, Finance")],
    )
    .await
    .ok();
    let team = lead
        .create_task("infrastructure", "todo", "Waiting on their team")
        .await;
    lead.post(
        &format!("/tasks/{team}/block"),
        &[("kind", "team"), ("team", "zanzibar")],
    )
    .await
    .ok();
    let awaited = jonas
        .create_task("ingestion", "todo", "They wait for it")
        .await;
    jonas
        .post(&format!("/tasks/{awaited}/owners"), &[("owners", "jonas")])
        .await
        .ok();
    let theirs = lead.create_task("zanzibar", "todo", "Zanzibar waits").await;
    lead.post(
        &format!("/tasks/{theirs}/block"),
        &[("kind", "task"), ("on", &awaited), ("note", "Zanzibar")],
    )
    .await
    .ok();
    let topic = format!("About {secret}, which is theirs");
    lead.post(
        "/teams/infrastructure/topics",
        &[
            ("meeting", "standup"),
            ("text", &topic.replace(&secret, "it")),
        ],
    )
    .await
    .ok();
    let project = [
        ("team", "zanzibar"),
        ("name", "Zanzibar project"),
        ("target", "9"),
        ("unit", "tables"),
    ];
    lead.post("/projects", &project).await.ok();
    lead.post(
        &format!("/tasks/{ours}"),
        &[("project", "zanzibar-project")],
    )
    .await
    .ok();
    let goal = [
        ("sprint", "42"),
        ("title", "Ours"),
        ("target", "9"),
        ("project", "zanzibar-project"),
    ];
    assert_eq!(
        lead.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    let goal = [
        ("sprint", "42"),
        ("title", "Zanzibar goal"),
        ("target", "9"),
    ];
    assert_eq!(lead.post("/teams/zanzibar/goals", &goal).await.status, 303);
    lead.post(
        "/teams/zanzibar/actions",
        &[("text", "Zanzibar action @elif")],
    )
    .await
    .ok();
    lead.post(
        "/teams/zanzibar/share-links",
        &[("name", "Auditors"), ("shows", "board")],
    )
    .await
    .ok();

    let mut pages: Vec<String> = Vec::new();
    for row in parse_table()
        .iter()
        .filter(|row| row.method == Method::GET && !row.path.ends_with("/live"))
    {
        pages.push(fixture.resolve_path(row, jonas).await);
    }
    pages.extend([&ours, &team, &awaited, &early].map(|key| format!("/tasks/{key}")));
    pages.extend([&ours, &team, &awaited, &early].map(|key| format!("/api/v1/tasks/{key}")));
    pages.push("/api/v1/teams/infrastructure/events?after=0".to_owned());
    pages.extend(
        [
            "/teams/infrastructure?sprint=all",
            "/teams/ingestion",
            "/teams/ingestion/planning",
            "/people/elif",
        ]
        .map(str::to_owned),
    );
    pages.extend(
        [
            "/teams/infrastructure?q=zan",
            "/teams/infrastructure/standup",
            "/teams/ingestion/standup",
        ]
        .map(str::to_owned),
    );
    for role in ["other", "viewer", "admin"] {
        for page in &pages {
            let body = fixture.clients[role].get(page).await.text();
            // the search field shows the query
            let body = body.replace("value=\"zan\"", "");
            for word in ["Zanzibar", "zanzibar", "ZAN-"] {
                let at = body
                    .find(word)
                    .map(|at| body[at.saturating_sub(120)..(at + 80).min(body.len())].to_owned());
                assert!(at.is_none(), "{role} sees {word} on {page}: {at:?}");
            }
        }
    }
    let board = jonas
        .get("/teams/infrastructure?sprint=all")
        .await
        .ok()
        .text();
    assert!(
        board.contains("Waiting on a task of a private team")
            && board.contains("Waiting on a private team"),
        "{board}"
    );
    assert!(
        jonas
            .get("/")
            .await
            .ok()
            .text()
            .contains("a task of a private team"),
        "Jonas sees that his task is waited for"
    );
    for (key, expected) in [
        (&ours, "a private team, Finance"),
        (&early, "Legal, a private team"),
    ] {
        assert_eq!(jonas.load_task(key).await["needed_by"], expected);
    }
    // its members still wait for these tasks, even after the text was edited
    lead.post(
        &format!("/tasks/{ours}"),
        &[("needed_by", "a private team, Finance, Sales")],
    )
    .await
    .ok();
    let waits: i64 =
        sqlx::query_scalar("SELECT count(*) FROM task_stakeholders WHERE by_team_id = $1")
            .bind(at)
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(waits, 2);
    // a name that a hidden project uses gets a number instead of an error
    let same = [
        ("team", "ingestion"),
        ("name", "Zanzibar project"),
        ("target", "9"),
        ("unit", "tables"),
    ];
    assert!(
        jonas
            .post("/projects", &same)
            .await
            .status(303)
            .header("location")
            .ends_with("/zanzibar-project-2")
    );
    // saving a form that cannot show the project does not remove it
    let goal: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals WHERE title = 'Ours'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let saved = [
        ("title", "Ours, renamed"),
        ("target", "9"),
        ("project", ""),
        ("version", "1"),
    ];
    assert_eq!(
        lead.post(&format!("/teams/infrastructure/goals/{goal}"), &saved)
            .await
            .status,
        303
    );
    assert!(
        lead.get("/projects/zanzibar-project")
            .await
            .ok()
            .text()
            .contains("Ours, renamed")
    );
    assert!(
        lead.get("/people/jonas")
            .await
            .ok()
            .text()
            .contains("Zanzibar waits"),
        "members see it"
    );
    // it cannot be found by title, key or name
    let mine = jonas.create_task("ingestion", "todo", "Mine").await;
    for (kind, on) in [
        ("task", secret.as_str()),
        ("task", "Zanzibar plan"),
        ("team", "zanzibar"),
        ("team", "Zanzibar"),
    ] {
        let refused = jonas
            .post(
                &format!("/tasks/{mine}/block"),
                &[
                    ("kind", kind),
                    (if kind == "team" { "team" } else { "on" }, on),
                ],
            )
            .await
            .status(422)
            .text();
        assert!(!refused.contains("Zanzibar plan</"), "{refused}");
    }
    jonas
        .post(
            &format!("/tasks/{mine}"),
            &[("project", "zanzibar-project")],
        )
        .await
        .status(422);
    jonas
        .post(
            "/teams/ingestion/topics",
            &[("meeting", "standup"), ("text", &secret)],
        )
        .await
        .ok();
    assert!(
        !jonas
            .get("/teams/ingestion/standup")
            .await
            .ok()
            .text()
            .contains("Zanzibar")
    );
}
