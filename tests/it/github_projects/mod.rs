//! Projects of GitHub and tasks are kept in sync, with a server that executes GitHub's published schema and misbehaves when
//! it is told to.

mod access;
mod both_ways;
mod convergence;
mod limits;
mod refusals;

use fortnight::{
    app::{App, Settings},
    domain::outbound::Limits,
    http::router::router,
    jobs::github_projects::sync_due,
};
use serde_json::Value;
use time::Duration;
use uuid::Uuid;

use crate::{
    fake_github::GitHub,
    fixtures::{Client, NOW, World},
};

pub use crate::fake_github::TOKEN;

/// A workspace beside GitHub. Elif leads Infrastructure, and her login and that of Jonas are known.
pub struct Connected {
    pub world: World,
    pub app: App,
    pub github: GitHub,
    pub elif: Client,
}

const PAGE: &str = "/teams/infrastructure/settings/github-projects";

impl Connected {
    /// Both sides, not connected yet.
    pub async fn new() -> Self {
        let (world, github) = tokio::join!(World::new(), GitHub::start());
        sqlx::query("UPDATE members SET role = 'lead'")
            .execute(&world.db)
            .await
            .unwrap();
        let connection = Uuid::new_v4();
        sqlx::query(
            "INSERT INTO forge_connections (id, name, forge, secret, created_at) VALUES ($1, 'acme', 'github', $2, $3)",
        )
        .bind(connection)
        .bind("a secret of this connection")
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO forge_logins (connection_id, login, account_id, verified_at)
             SELECT $1, handle, id, $2 FROM accounts WHERE handle IN ('elif', 'jonas')",
        )
        .bind(connection)
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
        let settings = Settings {
            outgoing_allow: "127.0.0.0/8".parse().unwrap(),
            outgoing_limits: Limits::default(),
            ..Settings::default()
        };
        let clock = world.app.clock.clone();
        let app = App::with(settings, "http://fortnight.test", world.db.clone(), clock);
        let elif = Client {
            router: router(app.clone()),
            ..world.elif.clone()
        };
        github.set_clock(NOW - Duration::hours(1)).await;
        Self {
            world,
            app,
            github,
            elif,
        }
    }

    /// Asks for a preview, and returns the path of its page.
    pub async fn preview(&self, project: &str) -> String {
        let address = format!("{}/orgs/acme/projects/7", self.github.address);
        let fields = [
            ("address", address.as_str()),
            ("token", TOKEN),
            ("project", project),
        ];
        let found = self.elif.post(PAGE, &fields).await.status(303);
        found.header("location").to_owned()
    }

    /// Connects the project with its usual choices, and compares for the first time.
    pub async fn connect(&self) -> String {
        let page = self.preview("").await;
        self.confirm(&page).await;
        self.sync().await;
        page
    }

    /// Confirms what the form of the page proposes.
    pub async fn confirm(&self, page: &str) {
        let connection = connection_in(&self.elif.get(page).await.ok().text());
        let fields = [
            ("status", "F_status"),
            ("column-f75ad846", "todo"),
            ("column-47fc9ee4", "in-progress"),
            ("column-98236657", "done"),
            ("sprint", "F_sprint"),
            ("estimate", "F_estimate"),
            ("due", "F_due"),
            ("people", connection.as_str()),
        ];
        self.elif.post(page, &fields).await.status(303);
    }

    /// Compares what is due now.
    pub async fn sync(&self) -> usize {
        sync_due(&self.app).await.unwrap()
    }

    /// Lets time pass on both sides, and compares.
    pub async fn sync_after(&self, time: Duration) {
        self.pass(time).await;
        self.sync().await;
    }

    pub async fn pass(&self, time: Duration) {
        self.app.clock.advance(time);
        self.github.set_clock(self.app.clock.now()).await;
    }

    /// The task with this title.
    pub async fn task(&self, title: &str) -> Value {
        let key = self.key(title).await;
        self.elif.load_task(&key).await
    }

    pub async fn key(&self, title: &str) -> String {
        sqlx::query_scalar(
            "SELECT t.key || '-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id WHERE k.title = $1",
        )
        .bind(title)
        .fetch_optional(&self.world.db)
        .await
        .unwrap()
        .unwrap_or_else(|| panic!("no task “{title}”"))
    }

    pub async fn titles(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT title FROM tasks ORDER BY title")
            .fetch_all(&self.world.db)
            .await
            .unwrap()
    }

    pub async fn count_events(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }

    /// What the page says of its state.
    pub async fn page(&self, path: &str) -> String {
        self.elif.get(path).await.ok().text()
    }
}

/// The connection that the form proposes.
fn connection_in(page: &str) -> String {
    let select = page.split("id=\"people\"").nth(1).unwrap();
    let option = select
        .split("<option")
        .find(|option| option.contains(" selected"))
        .expect("a connection is chosen");
    option.split("value=\"").nth(1).unwrap()[..36].to_owned()
}
