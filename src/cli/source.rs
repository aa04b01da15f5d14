//! `firn source accept`

use clap::Subcommand;

use super::{CliError, out, who};
use crate::base::Shown;
use crate::base::units::Count;
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
        return Err(CliError::Usage(format!(
            "there is no source \"{}\"; there are: {}",
            Shown::text(&name),
            known.join(", ")
        )));
    };
    let row = services.store.source(name.clone(), source.kind()).await?;
    let place = source.place();
    match source.root().await {
        Err(e) => {
            let text = format!("{e}; nothing was accepted: mount the disk or mend [[source]] path first");
            return Err(CliError::Refused(text));
        }
        Ok(root) if root.is_empty && row.files_present.is_some_and(|files| files > 0) => {
            let seen = Count(row.files_present.unwrap_or(0));
            return Err(CliError::Refused(format!(
                "the source {name}: {place} is empty, and the last scan saw {seen} files; nothing was accepted: mount the disk; if the files were really all deleted, put one file there to say so"
            )));
        }
        Ok(_) => {}
    }
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
