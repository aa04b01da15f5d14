//! `firn source accept`

use clap::Subcommand;

use super::{CliError, out, who};
use crate::config::Config;
use crate::services::Services;
use crate::store::NewEvent;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says that a source was meant to move to another file system: its root is taken as it is now
    Accept {
        /// The source
        name: String,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<u8, CliError> {
    let Command::Accept { name } = command;
    let services = Services::open(config, false).await?;
    let known: Vec<String> = services.config.sources.iter().map(|source| source.name.clone()).collect();
    let sources = services.sources();
    let Some((source, _)) = sources.iter().find(|(source, _)| source.name() == name) else {
        return Err(CliError::Usage(format!("there is no source {name:?}; there are: {}", known.join(", "))));
    };
    let row = services.store.source(name.clone(), source.kind()).await?;
    services.store.source_rooted(row.id, None).await?;
    let event = NewEvent {
        who: who(),
        what: "source.accepted".to_owned(),
        object: name.clone(),
        detail: format!("{} is taken as it is at the next scan", source.place()),
        outcome: "done".to_owned(),
    };
    services.store.event(event).await?;
    out::line(format!("{name}: {} is taken as it is at the next look, within seconds", source.place()))?;
    Ok(0)
}
