//! What Prometheus reads of the outbox.

use fortnight::{app::App, http::metrics};
use tokio::net::TcpListener;

use crate::{operating::figure, program::new_client};

/// What a channel's outbox contains, as `/metrics` says.
#[derive(Debug, PartialEq)]
pub struct OutboxFigures {
    pub waiting: f64,
    pub given_up: f64,
    pub oldest_seconds: f64,
}

impl From<[u32; 3]> for OutboxFigures {
    fn from([waiting, given_up, oldest_seconds]: [u32; 3]) -> Self {
        Self {
            waiting: waiting.into(),
            given_up: given_up.into(),
            oldest_seconds: oldest_seconds.into(),
        }
    }
}

/// Everything that Prometheus reads of a program.
pub async fn read_metrics(app: &App) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let serving = tokio::spawn(metrics::serve(app.clone(), listener));
    let answer = new_client().get(url).send().await.unwrap();
    let text = answer.text().await.unwrap();
    serving.abort();
    text
}

/// The figures of a channel.
pub async fn outbox_figures(app: &App, channel: &str) -> OutboxFigures {
    let text = read_metrics(app).await;
    let read = |name: &str| {
        figure(
            &text,
            &format!("fortnight_outbox_{name}{{channel=\"{channel}\"}}"),
        )
    };
    OutboxFigures {
        waiting: read("waiting"),
        given_up: read("given_up"),
        oldest_seconds: read("oldest_seconds"),
    }
}
