//! The log of a process that owns a terminal: a bounded [`Ring`] in memory, which the console shows, and files that
//! roll over. Nothing goes to standard output or error.
//!
//! An event becomes one line, made once for both: its message, then `name=value` of its fields, escaped by
//! [`crate::base::escape::shown_again`] and cut at [`LINE_LIMIT`].

mod file;
mod layer;
mod ring;

use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::base::{Clock, Shown};
pub use file::KEPT_DAYS;
pub use ring::{LINE_LIMIT, Line, RING_LINES, Ring};
pub use tracing::Level;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("\"{}\" is no log level; there are: off, error, warn, info, debug, trace", Shown::text(.level))]
    Level {
        /// What was asked for.
        level: String,
    },
    /// A process has one log.
    #[error("this process has a log already")]
    Installed,
}

/// Keeps the log file open. Dropping it writes what is on its way.
#[derive(Debug)]
pub struct Guard {
    file: Option<file::Writer>,
    path: Option<PathBuf>,
}

impl Guard {
    /// The folder with the log files; nothing where none is written.
    pub fn folder(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Lines that the file did not take because it was too slow.
    pub fn lost(&self) -> u64 {
        self.file.as_ref().map_or(0, file::Writer::lost)
    }
}

/// Sends this process's events of `level` and above (`off`, `error`, `warn`, `info`, `debug`, `trace`) to `ring` and, if
/// a folder is given, to files in it. A folder that cannot be written to is a line in the ring, not an end.
pub fn install(level: &str, ring: &Ring, folder: Option<&Path>, clock: &Clock) -> Result<Guard, LogError> {
    let (subscriber, guard) = build(level, ring, folder, clock)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Installed)?;
    Ok(guard)
}

fn build(
    level: &str,
    ring: &Ring,
    folder: Option<&Path>,
    clock: &Clock,
) -> Result<(impl tracing::Subscriber + Send + Sync + use<>, Guard), LogError> {
    if !["off", "error", "warn", "info", "debug", "trace"].contains(&level) {
        return Err(LogError::Level { level: level.to_owned() });
    }
    let filter = EnvFilter::new(format!("firn={level}"));
    let file = folder.and_then(|folder| match file::Writer::start(folder, ring.clone(), clock.clone()) {
        Ok(writer) => Some(writer),
        Err(e) => {
            ring.push(clock.now(), Level::WARN, &format!("no log file is written: {e}"));
            None
        }
    });
    let layer = layer::Lines::new(ring.clone(), file.as_ref().map(file::Writer::sender), clock.clone());
    let path = folder.filter(|_| file.is_some()).map(Path::to_owned);
    Ok((tracing_subscriber::registry().with(filter).with(layer), Guard { file, path }))
}

#[cfg(test)]
mod tests;
