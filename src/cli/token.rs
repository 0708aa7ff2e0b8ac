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
    },
}

impl Token {
    pub(super) async fn run(self, pool: &Pool) -> anyhow::Result<()> {
        match self {
            Self::Create { email, scope } => create_token(pool, &email, scope).await,
        }
    }
}

async fn create_token(pool: &Pool, email: &str, scope: Scope) -> anyhow::Result<()> {
    let secret = api_tokens::create(pool, Clock::default().now(), email, scope).await?;
    println!("This token is not shown again: {secret}");
    Ok(())
}
