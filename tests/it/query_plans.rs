//! No page reads what is over. With years of history behind a team, no query scans a large table, and no page reads
//! more rows than it needs. Each page's number of queries is bounded.

use std::collections::{BTreeSet, HashSet};

use axum::{
    body::{Body, HttpBody},
    http::{Request, header},
};
use fortnight::db::pool::Pool;
use fortnight::{
    app::App, db::pool, demo, domain::auth::sessions, domain::clock::Clock, http::router::router,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _, pool::PoolConnection};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    access::parse_routes,
    cluster,
    fixtures::NOW,
    queries::{count_queries, sent},
};

/// Archived tasks behind Infrastructure, each with five events, a comment and a step: enough that a wrong estimate of
/// Postgres leads to a wrong plan.
const ARCHIVED: i32 = 30_000;

/// The secret of a share link.
const LINK: &str = "friendly-guests";

/// A thread of the administrator's inbox.
const THREAD: &str = "01a22b2c-0000-7000-8000-000000000001";

/// The id of a connection, and of a delivery to it.
const CONNECTION: &str = "00000000-0000-4000-8000-000000000001";

/// The tables that grow with what is over.
const GROWING: [&str; 11] = [
    "forge_deliveries",
    "webhook_messages",
    "tasks",
    "events",
    "comments",
    "task_owners",
    "task_texts",
    "steps",
    "blockers",
    "inbox_threads",
    "inbox_items",
];

/// Indexes of what is not over, or of what happens rarely.
const SMALL: [&str; 8] = [
    "task_board",
    "event_import",
    "event_column_removed",
    "blocker_task",
    "blocker_on",
    "blocker_on_person",
    "blocker_on_team",
    "task_owner_unarchived",
];

/// Rows and index entries of these tables that a page may read.
const ROWS: i64 = 5_000;

/// Pages that may read more rows: search has a bench of its own, deleting a column begins with the number of its archived
/// tasks, and the table of all tasks is read in parts.
const UNBOUNDED: [&str; 4] = [
    "/search",
    "/api/v1/search",
    "/teams/{slug}/columns/{column}/remove",
    "/teams/{slug}/tasks.csv",
];

/// Every GET route with an example and the number of queries that it may make. In an example GOAL is the id of a goal,
/// TASK the key of an open task, LINK the secret of a share link and SEQ the number of one of the last events.
const PAGES: &str = "
/ / 25
/help /help 5
/help/{page} /help/backup 5
/help/api /help/api 5
/help/api/{page} /help/api/goals 5
/search /search?q=cluster 6
/teams /teams 14
/people/{handle} /people/tomas 14
/people/avatars/{version} /people/avatars/1 2
/people/{handle}/avatar/{hash} /people/0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57/avatar/nonsense 2
/share/{key}/covers/{id} /share/nonsense/covers/nonsense 1
/setup /setup 1
/setup/restore /setup/restore 1
/login /login 1
/oauth/authorize /oauth/authorize?client_id=nonsense 2
/login/code /login/code 1
/login/forgot /login/forgot 1
/login/openid /login/openid 1
/login/proxy /login/proxy 1
/login/openid/callback /login/openid/callback 2
/enter/{key} /enter/nonsense 1
/join/{key} /join/nonsense 3
/register /register 2
/reset/{key} /reset/nonsense 1
/settings /settings 5
/settings/people /settings/people 7
/settings/system /settings/system 9
/settings/outgoing /settings/outgoing 10
/settings/connections /settings/connections 6
/settings/connections/github-app/created /settings/connections/github-app/created 2
/settings/connections/{id} /settings/connections/00000000-0000-4000-8000-000000000001 10
/settings/connections/{id} /settings/connections/00000000-0000-4000-8000-000000000001?result=failed&before=20000 10
/settings/deliveries/{id} /settings/deliveries/00000000-0000-4000-8000-000000000001 5
/settings/webhooks /settings/webhooks 6
/settings/webhooks/{id} /settings/webhooks/00000000-0000-4000-8000-000000000002 8
/settings/webhooks/{id} /settings/webhooks/00000000-0000-4000-8000-000000000002?before=00000000-0000-4000-8000-000000000002 8
/settings/webhook-messages/{id} /settings/webhook-messages/00000000-0000-4000-8000-000000000002 6
/teams/{slug}/settings/webhooks /teams/infrastructure/settings/webhooks 6
/teams/{slug}/settings/webhooks/{id} /teams/infrastructure/settings/webhooks/00000000-0000-4000-8000-000000000003 8
/teams/{slug}/settings/webhook-messages/{id} /teams/infrastructure/settings/webhook-messages/00000000-0000-4000-8000-000000000003 6
/me/forges /me/forges 6
/teams/{slug}/settings/pull-requests /teams/infrastructure/settings/pull-requests 9
/teams/{slug}/settings/github-projects /teams/infrastructure/settings/github-projects 9
/teams/{slug}/settings/github-projects/{id} /teams/infrastructure/settings/github-projects/00000000-0000-4000-8000-000000000001 12
/teams/{slug}/settings/imports /teams/infrastructure/settings/imports 9
/teams/{slug}/settings/imports/{id} /teams/infrastructure/settings/imports/00000000-0000-4000-8000-000000000001 20
/settings/audit /settings/audit 4
/settings/audit.csv /settings/audit.csv 3
/teams/{slug}/cards /teams/infrastructure/cards?column=done&after=1 6
/teams/{slug}/cards/more /teams/infrastructure/cards/more?column=done&after=1 15
/teams/{slug}/cards/counts /teams/infrastructure/cards/counts 14
/live /live?after=1 4
/teams/{slug}/columns/{column}/limit /teams/infrastructure/columns/todo/limit 5
/teams/{slug}/suggestions /teams/infrastructure/suggestions?q=clu 2
/teams/{slug}/flow /teams/infrastructure/flow 19
/teams/{slug}/flow /teams/infrastructure/flow?sprints=13 19
/teams/{slug}/flow /teams/infrastructure/flow?q=cluster 19
/teams/{slug}/flow/{file} /teams/infrastructure/flow/cycle-time.csv 17
/teams/{slug}/tasks.csv /teams/infrastructure/tasks.csv 80
/teams/{slug}/tasks /teams/infrastructure/tasks 12
/teams/{slug}/tasks /teams/infrastructure/tasks?q=is%3Aarchived 11
/teams/{slug}/tasks/new /teams/infrastructure/tasks/new 6
/tasks/{key} /tasks/TASK 31
/tasks/{key}/attachments/{id} /tasks/TASK/attachments/00000000-0000-0000-0000-000000000000 4
/tasks/{key}/attachments/{id}/thumbnail /tasks/TASK/attachments/00000000-0000-0000-0000-000000000000/thumbnail 4
/tasks/{key}/move /tasks/TASK/move 9
/tasks/{key}/descriptions /tasks/TASK/descriptions 8
/tasks/{key}/block /tasks/TASK/block 9
/teams/{slug}/goals/new /teams/infrastructure/goals/new 9
/teams/{slug}/goals/{id} /teams/infrastructure/goals/GOAL 21
/teams/{slug}/sprints/{number}/close /teams/infrastructure/sprints/42/close 13
/teams/{slug}/planning /teams/infrastructure/planning 20
/teams/{slug}/retro /teams/infrastructure/retro 3
/standup /standup 22
/teams/{slug}/standup /teams/infrastructure/standup 19
/teams/{slug}/standup/walk /teams/infrastructure/standup/walk 9
/sprints/{number}/retro /sprints/41/retro 22
/sprints/{number}/retro /sprints/42/retro?team=infrastructure 19
/sprints /sprints 6
/sprints/{number} /sprints/42 11
/teams/{slug}/about /teams/infrastructure/about 15
/teams/{slug}/settings /teams/infrastructure/settings 13
/teams/{slug}/settings/chat /teams/infrastructure/settings/chat 6
/teams/{slug}/columns/{column}/remove /teams/infrastructure/columns/done/remove 6
/teams/{slug}/history /teams/infrastructure/history 10
/teams/{slug}/history /teams/infrastructure/history?before=1000 10
/projects /projects 7
/projects/{slug} /projects/new-cluster 17
/projects/{slug}/cards /projects/new-cluster/cards?state=done 6
/projects/{slug}/board /projects/new-cluster/board 13
/teams/{slug}/requests /teams/infrastructure/requests 6
/me /me 11
/me/second-factor /me/second-factor 7
/settings/security /settings/security 7
/inbox /inbox 13
/me/notifications /me/notifications 6
/settings/mail /settings/mail 9
/settings/sign-in /settings/sign-in 9
/settings/sign-in/test /settings/sign-in/test 4
/confirm/{key} /confirm/LINK 1
/unsubscribe/{key} /unsubscribe/LINK 1
/inbox /inbox?show=all 13
/inbox /inbox?show=snoozed 8
/inbox /inbox?show=done 13
/inbox /inbox?reason=following&team=infrastructure 13
/inbox/{id} /inbox/THREAD 20
/inbox/live /inbox/live 3
/teams/{slug} /teams/infrastructure 17
/teams/{slug} /teams/infrastructure?q=cluster 8
/teams/{slug}/live /teams/infrastructure/live?after=SEQ 10
/teams/{slug}/check-in /teams/infrastructure/check-in 22
/teams/{slug}/check-in/{file} /teams/infrastructure/check-in/changes.atom 4
/teams/{slug}/check-in/{file} /teams/infrastructure/check-in/badge.svg 9
/share/{key} /share/LINK 16
/share/{key}/live /share/LINK/live?after=SEQ 10
/share/{key}/embed /share/LINK/embed 16
/share/{key}/{file} /share/LINK/changes.atom 6
/public/{slug} /public/infrastructure 15
/public/{slug}/live /public/infrastructure/live?after=SEQ 9
/public/{slug}/embed /public/infrastructure/embed 15
/public/{slug}/{file} /public/infrastructure/changes.atom 4
/api/v1/me /api/v1/me 2
/api/v1/follows /api/v1/follows 4
/api/v1/inbox /api/v1/inbox 11
/api/v1/search /api/v1/search?q=cluster 4
/api/v1/teams /api/v1/teams 3
/api/v1/teams/{slug} /api/v1/teams/infrastructure 6
/api/v1/teams/{slug}/board /api/v1/teams/infrastructure/board 7
/api/v1/teams/{slug}/tasks /api/v1/teams/infrastructure/tasks 7
/api/v1/teams/{slug}/events /api/v1/teams/infrastructure/events?after=SEQ 5
/api/v1/teams/{slug}/check-in /api/v1/teams/infrastructure/check-in 10
/api/v1/teams/{slug}/standup /api/v1/teams/infrastructure/standup 17
/api/v1/teams/{slug}/members /api/v1/teams/infrastructure/members 5
/api/v1/teams/{slug}/schedule /api/v1/teams/infrastructure/schedule 4
/api/v1/teams/{slug}/days-off /api/v1/teams/infrastructure/days-off 4
/api/v1/teams/{slug}/columns /api/v1/teams/infrastructure/columns 4
/api/v1/teams/{slug}/columns/{column}/tasks /api/v1/teams/infrastructure/columns/done/tasks 7
/api/v1/teams/{slug}/labels /api/v1/teams/infrastructure/labels 4
/api/v1/teams/{slug}/filters /api/v1/teams/infrastructure/filters 4
/api/v1/teams/{slug}/share-links /api/v1/teams/infrastructure/share-links 4
/api/v1/teams/{slug}/goals /api/v1/teams/infrastructure/goals 8
/api/v1/teams/{slug}/goals/{id} /api/v1/teams/infrastructure/goals/GOAL 8
/api/v1/teams/{slug}/goals/{id}/comments /api/v1/teams/infrastructure/goals/GOAL/comments 5
/api/v1/teams/{slug}/sprints /api/v1/teams/infrastructure/sprints 4
/api/v1/teams/{slug}/sprints/{number}/retro-notes /api/v1/teams/infrastructure/sprints/42/retro-notes 5
/api/v1/teams/{slug}/topics /api/v1/teams/infrastructure/topics 6
/api/v1/teams/{slug}/actions /api/v1/teams/infrastructure/actions 4
/api/v1/teams/{slug}/requests /api/v1/teams/infrastructure/requests 4
/api/v1/sprints /api/v1/sprints 3
/api/v1/sprints/{number} /api/v1/sprints/42 3
/api/v1/projects /api/v1/projects 6
/api/v1/projects/{slug} /api/v1/projects/new-cluster 8
/api/v1/projects/{slug}/tasks /api/v1/projects/new-cluster/tasks 7
/api/v1/projects/{slug}/milestones /api/v1/projects/new-cluster/milestones 6
/api/v1/tasks/{key} /api/v1/tasks/TASK 5
/api/v1/tasks/{key}/steps /api/v1/tasks/TASK/steps 5
/api/v1/tasks/{key}/comments /api/v1/tasks/TASK/comments 3
/api/v1/tasks/{key}/attachments /api/v1/tasks/TASK/attachments 5
";

fn pages() -> Vec<(&'static str, &'static str, usize)> {
    let page = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?.parse().ok()?))
    };
    PAGES.lines().filter_map(page).collect()
}

/// The demo with years behind Infrastructure, through a pool like the program's.
struct Aged {
    db: Pool,
    router: axum::Router,
    cookie: String,
}

impl Aged {
    async fn new() -> Self {
        let plain = cluster::create_database().await;
        demo::fill(&plain, NOW, None).await.unwrap();
        let db = pool::open(plain.connect_options().as_ref().clone())
            .await
            .unwrap();
        age(&plain).await;
        plain.close().await;
        let app = App::new("http://fortnight.test", db.clone(), Clock::standing(NOW));
        let admin: Uuid = sqlx::query_scalar("SELECT id FROM accounts WHERE role = 'admin'")
            .fetch_one(&db)
            .await
            .unwrap();
        let session = sessions::start(&db, NOW, admin, "test").await.unwrap();
        Self {
            router: router(app),
            db,
            cookie: format!("session={session}"),
        }
    }

    /// Replaces the placeholders of an example.
    async fn resolve(&self, example: &str) -> String {
        let examples = "SELECT (SELECT g.id::text FROM goals g JOIN sprints s ON s.id = g.sprint_id
                                WHERE g.team_id = t.id AND s.state = 'active' LIMIT 1),
                               (SELECT 'INF-' || number FROM tasks k
                                WHERE k.team_id = t.id AND rank IS NOT NULL ORDER BY number DESC LIMIT 1),
                               (t.seq - 20)::text FROM teams t WHERE t.key = 'INF'";
        let (goal, task, seq): (String, String, String) =
            sqlx::query_as(examples).fetch_one(&self.db).await.unwrap();
        example
            .replace("GOAL", &goal)
            .replace("TASK", &task)
            .replace("THREAD", THREAD)
            .replace("LINK", LINK)
            .replace("SEQ", &seq)
    }

    /// Requests a page. Of a stream only the first event is read.
    async fn get(&self, path: &str) -> u16 {
        let request = Request::get(path).header(header::COOKIE, &self.cookie);
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let mut body = response.into_body();
        loop {
            let frame =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
            if frame.await.is_none() || path.contains("/live") {
                return status;
            }
        }
    }

    /// All connections, once every one is back in the pool.
    async fn connections(&self) -> Vec<PoolConnection<sqlx::Postgres>> {
        while self.db.num_idle() < self.db.size() as usize {
            tokio::task::yield_now().await;
        }
        std::iter::from_fn(|| self.db.try_acquire()).collect()
    }

    /// Rows and index entries of the growing tables that were read so far.
    async fn rows_read(&self) -> i64 {
        let mut connections = self.connections().await;
        for connection in &mut connections {
            let flush = sqlx::raw_sql("SELECT pg_stat_force_next_flush()");
            connection.execute(flush).await.unwrap();
        }
        drop(connections);
        let tables = GROWING.map(|table| format!("'{table}'")).join(", ");
        let read = format!(
            "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ({tables}))::bigint
                    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ({tables}))::bigint"
        );
        sqlx::raw_sql(AssertSqlSafe(read))
            .fetch_one(&self.db)
            .await
            .unwrap()
            .get(0)
    }

    /// Explains each query that a page prepared and that is not in `seen`: its text, and the faults of its plan.
    async fn faults(&self, seen: &mut HashSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        for mut connection in self.connections().await {
            let prepared = "SELECT name, statement, cardinality(parameter_types)::text FROM pg_prepared_statements";
            let rows = connection.fetch_all(sqlx::raw_sql(prepared)).await.unwrap();
            for row in rows {
                let (name, query): (String, String) = (row.get(0), row.get(1));
                if !seen.insert(query.clone()) {
                    continue;
                }
                let parameters: usize = row.get::<String, _>(2).parse().unwrap();
                let plan = explain(&mut connection, &name, parameters).await;
                let start: String = query
                    .split_whitespace()
                    .take(40)
                    .collect::<Vec<_>>()
                    .join(" ");
                for fault in scans(&plan, "", false) {
                    faults.push(format!("{fault} in: {start}"));
                }
            }
        }
        faults
    }
}

/// Returns the generic plan of a prepared statement.
async fn explain(connection: &mut PgConnection, name: &str, parameters: usize) -> Value {
    let nulls = vec!["NULL"; parameters].join(", ");
    let arguments = if parameters == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE {name}{arguments}"));
    let row = connection.fetch_one(sqlx::raw_sql(explain)).await.unwrap();
    row.get::<Value, _>(0)[0]["Plan"].take()
}

/// Returns the parts of a plan that read a growing table from one end to the other. In the order of an index up to a
/// limit is no fault. `above` is the table of the bitmap that this part contributes to.
fn scans(plan: &Value, above: &str, is_limited: bool) -> Vec<String> {
    let node = plan["Node Type"].as_str().unwrap_or("");
    let table = plan["Relation Name"].as_str().unwrap_or(above);
    let index = plan["Index Name"].as_str().unwrap_or("");
    let condition = plan["Index Cond"].as_str().unwrap_or("");
    let is_whole = match node {
        "Seq Scan" => true,
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => {
            !is_limited && !reads_part(condition) && !SMALL.contains(&index)
        }
        _ => false,
    };
    let mut found = Vec::new();
    if is_whole && GROWING.contains(&table) {
        found.push(format!("{node} {index} of {table} by {condition:?}"));
    }
    let above = if node.starts_with("Bitmap") {
        table
    } else {
        ""
    };
    let is_limited = node == "Limit" || is_limited && node != "Sort" && node != "Aggregate";
    for part in plan["Plans"].as_array().into_iter().flatten() {
        found.extend(scans(part, above, is_limited));
    }
    found
}

/// Whether the condition of an index scan is more than the team.
fn reads_part(condition: &str) -> bool {
    condition
        .split(" AND ")
        .any(|part| !part.trim_start_matches('(').starts_with("team_id = ") && !part.is_empty())
}

/// Adds the history, with a comment and a step per task.
async fn age(db: &Pool) {
    let mut connection = db.acquire().await.unwrap();
    for statement in [
        format!(
            "CREATE TEMP TABLE history AS
             SELECT id AS team, {ARCHIVED} AS tasks, '{NOW}'::timestamptz - interval '2 years' AS until FROM teams WHERE slug = 'infrastructure'; UPDATE teams SET public = true;
             INSERT INTO share_links (team_id, id, token_hash, name, shows, created_by, created_at)
             SELECT team, gen_random_uuid(), sha256('{LINK}'), 'Guests', 'check-in', a.id, '{NOW}'
             FROM history, accounts a WHERE a.role = 'admin'"
        ),
        include_str!("../../benches/rooms/history.sql").to_owned(),
        format!(
            "INSERT INTO email_confirmations (account_id, token_hash, email, expires_at)
             SELECT id, sha256('{LINK}'), email, '{NOW}'::timestamptz + interval '1 day' FROM accounts WHERE role = 'admin';
             INSERT INTO unsubscribe_links (token_hash, account_id, reason, created_at)
             SELECT sha256('{LINK}'), id, 'digest', '{NOW}' FROM accounts WHERE role = 'admin'"
        ),
        // an administrator with a full inbox, nearly all of it read
        format!(
            "INSERT INTO inbox_threads (account_id, id, team_id, task_id, newest_at, is_unread, done_at)
             SELECT a.id, CASE n WHEN 1 THEN '{THREAD}'::uuid ELSE gen_random_uuid() END, k.team_id, k.id, '{NOW}'::timestamptz - n * interval '1 minute',
                    n % 500 = 1, CASE WHEN n % 3 = 2 THEN '{NOW}'::timestamptz END
             FROM accounts a, (SELECT *, row_number() OVER () AS n FROM tasks) k WHERE a.role = 'admin';
             INSERT INTO inbox_items (account_id, thread_id, reason, seq, at, is_read)
             SELECT t.account_id, t.id, 'following', e.seq, t.newest_at, NOT t.is_unread FROM inbox_threads t
             CROSS JOIN LATERAL (SELECT seq FROM events e WHERE e.team_id = t.team_id AND e.task_id = t.task_id LIMIT 1) e;
             ANALYZE inbox_threads, inbox_items"
        ),
        "INSERT INTO comments (team_id, id, task_id, body, created_at)
         SELECT team, gen_random_uuid(), id, 'Old', made FROM old_task;
         INSERT INTO steps (team_id, id, task_id, position, text, done)
         SELECT team, gen_random_uuid(), id, 1, 'Old', true FROM old_task"
            .to_owned(),
        // a connection with the deliveries of three months
        format!(
            "INSERT INTO forge_connections (id, name, forge, secret, created_at)
             VALUES ('{CONNECTION}', 'acme', 'github', repeat('x', 40), '{NOW}');
             INSERT INTO forge_deliveries (id, connection_id, delivery, event, received_at, body, state, summary, outcome, result)
             SELECT CASE n WHEN 1 THEN '{CONNECTION}'::uuid ELSE gen_random_uuid() END, '{CONNECTION}', n, 'push',
                    '{NOW}'::timestamptz - n * interval '6 minutes', CASE WHEN n < 1600 THEN '{{}}'::bytea END,
                    CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'done' END, 'push', 'No task key', 'nothing'
             FROM generate_series(1, 20000) n"
        ),
        // a project of GitHub whose items were all kept in sync
        format!(
            "INSERT INTO github_projects (id, team_id, api_url, token, owner, number, node_id, title, url, status_field, fields, state, created_at)
             SELECT '{CONNECTION}', id, 'https://api.github.com/graphql', 'x', 'acme', 7, 'x', 'Tables', 'https://github.com/orgs/acme/projects/7',
                 's', '[]', 'on', '{NOW}' FROM teams WHERE slug = 'infrastructure';
             INSERT INTO github_project_items (github_project_id, item_id, team_id, task_id)
             SELECT '{CONNECTION}', id::text, team, id FROM old_task WHERE team IN (SELECT id FROM teams WHERE slug = 'infrastructure')"
        ),
        // a file that was uploaded, among many imports
        format!(
            "INSERT INTO imports (team_id, id, source, file_name, state, created_at, ended_at, change_id)
             SELECT t.id, gen_random_uuid(), 'trello', 'board.json', 'done', '{NOW}', '{NOW}', gen_random_uuid()
             FROM teams t, generate_series(1, 200);
             INSERT INTO imports (team_id, id, source, file_name, state, created_at)
             SELECT id, '{CONNECTION}', 'trello', 'board.json', 'uploaded', '{NOW}' FROM teams WHERE slug = 'infrastructure';
             INSERT INTO import_pieces (team_id, import_id, nth, bytes)
             SELECT id, '{CONNECTION}', 0, '{{\"lists\": [{{\"id\": \"l\", \"name\": \"Todo\"}}], \"cards\": [{{\"id\": \"c\", \"name\": \"Cut over\", \"idList\": \"l\"}}]}}'
             FROM teams WHERE slug = 'infrastructure'"
        ),
        // a webhook of the workspace and one of the team, which send much
        format!(
            "INSERT INTO webhooks (id, team_id, name, url, events, secret, created_at, state_since)
             SELECT w.id::uuid, w.team, 'acme', 'https://example.org', '{{all}}', repeat('x', 40), '{NOW}', '{NOW}'
             FROM (SELECT '00000000-0000-4000-8000-000000000002' AS id, NULL::uuid AS team
                   UNION ALL SELECT '00000000-0000-4000-8000-000000000003', id FROM teams WHERE key = 'INF') w;
             INSERT INTO webhook_messages (id, webhook_id, team_id, kind, body, created_at, state, send_at)
             SELECT CASE n WHEN 1 THEN w.id ELSE gen_random_uuid() END, w.id, t.id, 'task.moved', '{{}}', '{NOW}',
                    CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'delivered' END, '{NOW}'
             FROM webhooks w, teams t, generate_series(1, 10000) n WHERE t.key = 'INF'"
        ),
        "VACUUM ANALYZE".to_owned(),
    ] {
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
            .await
            .unwrap();
    }
}

#[test]
fn every_route_has_a_bound() {
    let listed: BTreeSet<String> = pages()
        .into_iter()
        .map(|(route, ..)| format!("GET {route}"))
        .collect();
    let unlisted: Vec<String> = parse_routes()
        .into_iter()
        .filter(|route| route.starts_with("GET ") && !listed.contains(route))
        .collect();
    // no queries of their own
    assert_eq!(
        unlisted,
        [
            "GET /.well-known/oauth-authorization-server",
            "GET /.well-known/oauth-protected-resource",
            "GET /.well-known/oauth-protected-resource/mcp",
            "GET /api/v1/openapi.json",
            "GET /healthz",
            "GET /healthz/stream",
            "GET /readyz",
            "GET /static/{version}/{*path}"
        ]
    );
}

#[tokio::test]
async fn pages_do_not_read_what_is_over() {
    let aged = Aged::new().await;
    count_queries();
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for (route, example, queries) in pages() {
        let path = aged.resolve(example).await;
        let before = (aged.rows_read().await, sent());
        let status = aged.get(&path).await;
        let queries_sent = sent() - before.1;
        let rows = aged.rows_read().await - before.0;
        let is_refused = ["/setup", "/setup/restore", "/register"].contains(&route)
            || path.contains("/attachments/")
            || route.starts_with("/login/")
            || route == "/settings/sign-in/test"
            || path.ends_with("nonsense");
        assert!(
            status < if is_refused { 500 } else { 400 },
            "{path}: {status}"
        );
        for fault in aged.faults(&mut seen).await {
            faults.push(format!("{path}: {fault}"));
        }
        if rows > ROWS && !UNBOUNDED.contains(&route) {
            faults.push(format!("{path}: {rows} rows read"));
        }
        if queries_sent > queries {
            faults.push(format!("{path}: {queries_sent} queries"));
        }
    }
    assert!(faults.is_empty(), "{}\n", faults.join("\n"));
}
