//! `fortnight token`: manages API tokens.

use clap::Subcommand;

use crate::{
    db::pool::Pool,
    domain::{accounts::api_tokens, clock::Clock, policy::viewer::Scope},
};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Create an API token and print it; it is not shown again
    Create {
        email: String,
        #[arg(long)]
        scope: Scope,
        /// The name of the agent that will use it: its changes are shown as "NAME for Ada", and only a person closes tasks
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
    },
}

impl Token {
    pub(super) async fn run(self, pool: &Pool) -> anyhow::Result<()> {
        match self {
            Self::Create {
                email,
                scope,
                agent,
            } => create_token(pool, &email, scope, agent.as_deref()).await,
        }
    }
}

async fn create_token(
    pool: &Pool,
    email: &str,
    scope: Scope,
    agent: Option<&str>,
) -> anyhow::Result<()> {
    let now = Clock::default().now();
    let secret = api_tokens::create_for_agent(pool, now, email, scope, agent).await?;
    println!("This token is not shown again: {secret}");
    Ok(())
}
