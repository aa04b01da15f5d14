//! `firn retry`

use std::ffi::OsString;

use clap::Args as ClapArgs;

use super::{CliError, out, the_file, who};
use crate::base::Shown;
use crate::base::units::Count;
use crate::config::Config;
use crate::services::Services;
use crate::store::{FileState, NewEvent};

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Args {
    /// Which file: NAME:KEY, as `firn queue` shows it
    file: Option<OsString>,
    /// Every file that waits for its next try
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let (count, object) = match args.file {
        None => (store.retry_failed(None).await?, "all".to_owned()),
        Some(text) => {
            let row = the_file(&**store, &text).await?;
            let name = format!("{}:{}", Shown::text(&row.source_name), row.key);
            if !matches!(row.state, FileState::Failed | FileState::Queued) {
                return Err(CliError::Refused(format!(
                    "{name} is {}: it waits for no other try, and nothing was changed",
                    row.state
                )));
            }
            (store.retry_failed(Some(row.file)).await?, name)
        }
    };
    if count == 0 {
        out::line("nothing waits for a later try")?;
        return Ok(0);
    }
    let event = NewEvent {
        who: who(),
        what: "files.retried".to_owned(),
        object,
        detail: format!("{count} due at once"),
        outcome: "done".to_owned(),
    };
    store.event(event).await?;
    let (files, are) = if count == 1 { ("file", "is") } else { ("files", "are") };
    out::line(format!("{} {files} {are} due now", Count(count)))?;
    Ok(0)
}
