//! What `--watch` does: rounds until it is interrupted.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::Clock;
use crate::cli::{BLIND, CliError, out};

/// Between two rounds: a worker writes as often.
const ROUND: Duration = Duration::from_secs(10);

/// Signals that end a command, but not what it has begun.
pub(super) struct Signals {
    all: [Signal; 3],
}

impl Signals {
    pub(super) fn new() -> Result<Self, CliError> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { all: [interrupt?, terminate?, hangup?] })
    }

    pub(super) async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.all;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Looks again and again; the exit code is that of the last round. With `lines` each round is one, and nothing stands between
/// two of them.
pub(super) async fn watch(
    clock: &Clock,
    lines: bool,
    mut round: impl AsyncFnMut() -> Result<u8, CliError>,
) -> Result<u8, CliError> {
    // Before anything is printed: whoever has read it may end it.
    let mut signals = Signals::new()?;
    let mut code = round().await?;
    loop {
        tokio::select! {
            biased;
            () = signals.any() => return Ok(code),
            () = clock.sleep(ROUND) => {}
        }
        if !lines {
            out::line("")?;
        }
        code = match round().await {
            Ok(code) => code,
            Err(CliError::Output(e)) => return Err(CliError::Output(e)),
            // It may be seen again in the next round.
            Err(e) => {
                out::error(&e.to_string());
                BLIND
            }
        };
    }
}
