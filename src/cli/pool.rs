//! `firn pool pause|resume|drain|resize|seal`

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{CliError, out, who};
use crate::base::units::{Span, parse_span};
use crate::base::{Clock, Shown};
use crate::config::Config;
use crate::services::Services;
use crate::store::{PoolChange, SEAL};
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
    /// Seals the bundles that are being filled: they are uploaded although neither their size nor their age is reached
    Seal {
        /// On which host (default: this one)
        #[arg(long)]
        host: Option<String>,
    },
}

impl PoolName {
    fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Upload => "upload",
        }
    }
}

pub(super) async fn run(config: Config, command: Command) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let now = store.now().await?;
    let until = |span: &str| match parse_span(span) {
        Ok(span) => Ok(Some(now.plus(span))),
        Err(e) => Err(CliError::Usage(format!("--for: {e}"))),
    };
    let to = |target: Target| PoolChange {
        host: target.host.unwrap_or_else(|| services.process.host.clone()),
        pool: target.pool.word().to_owned(),
        size: None,
        paused: None,
        drain: None,
        who: who(),
        until: None,
    };
    let change = match command {
        Command::Pause { target, span } => {
            PoolChange { paused: Some(true), drain: Some(false), until: until(&span)?, ..to(target) }
        }
        Command::Resume { target } => PoolChange { paused: Some(false), drain: Some(false), ..to(target) },
        Command::Drain { target, span } => {
            PoolChange { paused: Some(false), drain: Some(true), until: until(&span)?, ..to(target) }
        }
        Command::Resize { target, size } => {
            if !(SMALLEST..=LARGEST).contains(&size) {
                return Err(SizeError { asked: size }.into());
            }
            PoolChange { size: Some(size), ..to(target) }
        }
        Command::Seal { host } => PoolChange { pool: SEAL.to_owned(), ..to(Target { pool: PoolName::Fetch, host }) },
    };
    let sessions = store.sessions().await?;
    let works = sessions.iter().any(|session| session.process.host == change.host && session.lease_until > now);
    let place = Shown::text(&change.host).to_string();
    if !works && change.pool == SEAL {
        let text = format!("no worker runs on {place}, so nothing is open there; nothing was ordered");
        return Err(CliError::Refused(text));
    }
    let order = store.order(change).await?;
    let pool = &order.pool;
    if !works {
        out::line(format!("{pool} on {place}: ordered; no worker runs there, the next one to start applies it"))?;
        return Ok(0);
    }
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        let applied = store.orders(order.host.clone()).await?.into_iter().find(|row| row.pool == *pool);
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
