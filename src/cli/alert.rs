//! `firn alert`

use clap::{Args as ClapArgs, Subcommand};

use super::{CliError, FAILED, out};
use crate::alert::message::test;
use crate::alert::send::Sent;
use crate::alert::send::ping::Ping;
use crate::base::{Clock, Shown};
use crate::config::Config;
use crate::services;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sends a test message through each configured sender and says what came of it; exit code 0 if all of them took it
    Test(TestArgs),
}

#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    /// Only this one: mail, command or ping
    #[arg(long, value_name = "NAME")]
    sender: Option<String>,
}

pub(super) async fn run(config: Config, command: Command) -> Result<u8, CliError> {
    match command {
        Command::Test(args) => try_all(&config, args.sender.as_deref()).await,
    }
}

async fn try_all(config: &Config, only: Option<&str>) -> Result<u8, CliError> {
    let (senders, from) = services::alert_senders(config)?;
    let names = senders.names();
    if names.is_empty() {
        return Err(CliError::Usage(
            "no sender is configured; name one in [alert]: mail_server, command or ping_url".to_owned(),
        ));
    }
    if let Some(only) = only.filter(|only| !names.contains(only)) {
        return Err(CliError::Usage(format!(
            "--sender: \"{}\" is not configured; there is {}",
            Shown::text(only),
            names.join(", ")
        )));
    }
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let now = Clock::system().now();
    let mut code = 0;
    for sender in senders.messages.iter().filter(|sender| wanted(sender.name())) {
        let name = sender.name();
        match sender.send(&test(name, &from, now)).await {
            Ok(Sent { but: None }) => out::line(format!("{name:<8} sent"))?,
            Ok(Sent { but: Some(but) }) => {
                out::line(format!("{name:<8} sent, but: {but}"))?;
                code = FAILED;
            }
            Err(e) => {
                let perhaps = if e.certain { "" } else { " (it may have arrived)" };
                out::line(format!("{name:<8} FAILED{perhaps}: {e}"))?;
                code = FAILED;
            }
        }
    }
    if let Some(ping) = senders.ping.as_ref().filter(|_| wanted(Ping::NAME)) {
        match ping.ping().await {
            Ok(()) => out::line(format!("{:<8} answered", Ping::NAME))?,
            Err(e) => {
                out::line(format!("{:<8} FAILED: {e}", Ping::NAME))?;
                code = FAILED;
            }
        }
    }
    Ok(code)
}
