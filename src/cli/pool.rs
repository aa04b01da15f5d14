//! `firn pool pause|resume|drain|resize`

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{CliError, out, who};
use crate::base::units::{Span, parse_span};
use crate::base::{Clock, Shown};
use crate::config::Config;
use crate::services::Services;
use crate::store::PoolChange;
use crate::worker::pool::{LARGEST, SMALLEST, SizeError};

/// How long to wait for a worker to apply an order.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PoolName {
    /// Who fetches files
    Fetch,
    /// Who uploads bundles
    Upload,
}

#[derive(Debug, Args)]
pub struct Target {
    /// Which pool
    pool: PoolName,
    /// On which host (default: this one)
    #[arg(long)]
    host: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts no new work; what is in progress is finished
    Pause {
        #[command(flatten)]
        target: Target,
        /// For how long; after it the pool works again by itself
        #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
        span: String,
    },
    /// Works again
    Resume {
        #[command(flatten)]
        target: Target,
    },
    /// Finishes what is in progress, starts nothing new, and says when it is done
    Drain {
        #[command(flatten)]
        target: Target,
        /// For how long; after it the pool works again by itself
        #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
        span: String,
    },
    /// Changes how many work at once
    Resize {
        #[command(flatten)]
        target: Target,
        /// How many
        size: u32,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let now = store.now().await?;
    let until = |span: &str| match parse_span(span) {
        Ok(span) => Ok(Some(now.plus(span))),
        Err(e) => Err(CliError::Usage(format!("--for: {e}"))),
    };
    let (target, size, paused, drain, until) = match command {
        Command::Pause { target, span } => (target, None, Some(true), Some(false), until(&span)?),
        Command::Resume { target } => (target, None, Some(false), Some(false), None),
        Command::Drain { target, span } => (target, None, Some(false), Some(true), until(&span)?),
        Command::Resize { target, size } => {
            if !(SMALLEST..=LARGEST).contains(&size) {
                return Err(SizeError { asked: size }.into());
            }
            (target, Some(size), None, None, None)
        }
    };
    let pool = match target.pool {
        PoolName::Fetch => "fetch",
        PoolName::Upload => "upload",
    };
    let host = target.host.unwrap_or_else(|| services.process.host.clone());
    let change = PoolChange { host: host.clone(), pool: pool.to_owned(), size, paused, drain, who: who(), until };
    let order = store.order(change).await?;
    let place = Shown::text(&host).to_string();
    let sessions = store.sessions().await?;
    if !sessions.iter().any(|session| session.process.host == host && session.lease_until > now) {
        out::line(format!("{pool} on {place}: ordered; no worker runs there, the next one to start applies it"))?;
        return Ok(0);
    }
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        let applied = store.orders(host.clone()).await?.into_iter().find(|row| row.pool == pool);
        if let Some(row) = applied.filter(|row| row.applied >= Some(order.generation)) {
            let result = row.result.unwrap_or_default();
            out::line(format!("{pool} on {place}: {result}"))?;
            return Ok(0);
        }
        if clock.mono().since(began) > PATIENCE {
            let within = Span(PATIENCE);
            out::line(format!(
                "{pool} on {place}: ordered; the worker there has not applied it within {within}; `firn status` says whether it is well"
            ))?;
            return Ok(0);
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
}
