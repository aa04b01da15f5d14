//! How `firn run` says what it does: a line that is written over on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::base::units::{Count, Size};
use crate::store::LaneState;

/// Width of the bar.
const BAR: usize = 10;

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// Files and bytes stored since the start.
    pub stored_files: u64,
    pub stored_bytes: u64,
    pub archives: u64,
    /// Bytes stored per second lately; nothing before there are two moments.
    pub rate: Option<u64>,
    /// What waits.
    pub lanes: Vec<LaneState>,
    /// Whether a source is being scanned.
    pub scanning: bool,
}

impl Moment {
    /// The share of the known work that is done; nothing while there is none.
    fn share(&self) -> Option<(u64, u64)> {
        let waiting: u64 = self.lanes.iter().map(|lane| lane.bytes).sum();
        let all = self.stored_bytes + waiting;
        (all > 0).then_some((self.stored_bytes, all))
    }

    /// One line; what an operator looks for comes first, for a narrow terminal cuts off the rest.
    pub fn line(&self) -> String {
        let waiting = |lane: &LaneState| format!("{} {}", lane.lane, Count(lane.files));
        let lanes = self.lanes.iter().map(waiting).collect::<Vec<_>>().join(", ");
        let failed: u64 = self.lanes.iter().map(|lane| lane.failed).sum();
        let rate = self.rate.map_or_else(|| "–".to_owned(), |rate| format!("{}/s", Size(rate)));
        let scanning = if self.scanning { "; scanning" } else { "" };
        let failed = if failed > 0 { format!("; failed {}", Count(failed)) } else { String::new() };
        format!(
            "waiting: {lanes}{failed}; stored {} files, {}, {rate}, {} archives{scanning}",
            Count(self.stored_files),
            Size(self.stored_bytes),
            Count(self.archives)
        )
    }

    fn bar(&self) -> String {
        let Some((done, all)) = self.share() else { return " ".repeat(BAR + 5) };
        let filled = usize::try_from(u128::from(done) * BAR as u128 / u128::from(all)).unwrap_or(BAR);
        let percent = u128::from(done) * 100 / u128::from(all);
        format!("{}{} {percent:>3}%", "#".repeat(filled), ".".repeat(BAR - filled))
    }
}

/// Standard error, shared by the progress line and the log.
#[derive(Clone)]
pub(super) struct Screen(Arc<Mutex<State>>);

struct State {
    terminal: bool,
    shown: String,
}

impl Screen {
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self(Arc::new(Mutex::new(State { terminal, shown: String::new() })))
    }

    /// How often a moment is shown.
    pub fn every(&self) -> Duration {
        if self.terminal() { Duration::from_millis(500) } else { Duration::from_secs(10) }
    }

    pub fn terminal(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).terminal
    }

    /// Shows a moment.
    pub fn show(&self, moment: &Moment) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut err = std::io::stderr().lock();
        // Should standard error be gone, the work goes on without a word.
        if state.terminal {
            // A terminal that does not know its size says nought.
            let columns = rustix::termios::tcgetwinsize(&err).map_or(0, |size| usize::from(size.ws_col));
            let columns = if columns == 0 { 80 } else { columns.max(20) };
            let text = format!("{} {}", moment.bar(), moment.line());
            state.shown = text.chars().take(columns - 1).collect();
            let _ = write!(err, "\r\x1b[K{}", state.shown);
            let _ = err.flush();
        } else {
            let _ = writeln!(err, "firn: {}", moment.line());
        }
    }

    /// Leaves the last line standing.
    pub fn close(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.terminal && !state.shown.is_empty() {
            let _ = writeln!(std::io::stderr().lock());
            state.shown.clear();
        }
    }
}

/// A log line goes above the progress line.
pub(super) struct Log(Screen, Vec<u8>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut err = std::io::stderr().lock();
        let _ = if state.terminal && !state.shown.is_empty() {
            err.write_all(b"\r\x1b[K")
                .and_then(|()| err.write_all(&self.1))
                .and_then(|()| err.write_all(state.shown.as_bytes()))
        } else {
            err.write_all(&self.1)
        };
        let _ = err.flush();
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log(self.clone(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Lane;

    fn lane(lane: Lane, files: u64, bytes: u64, failed: u64) -> LaneState {
        LaneState { lane, files, bytes, queued: files, fetching: 0, bundled: 0, failed, oldest: None }
    }

    #[test]
    fn a_moment_in_words_and_as_a_bar() {
        let moment = Moment {
            stored_files: 8112,
            stored_bytes: 3_000_000,
            archives: 84,
            rate: Some(212_000_000),
            lanes: vec![lane(Lane::Live, 0, 0, 0), lane(Lane::History, 3890, 1_000_000, 3)],
            scanning: true,
        };
        assert_eq!(
            moment.line(),
            "waiting: live 0, history 3,890; failed 3; stored 8,112 files, 3.0 MB, 212.0 MB/s, 84 archives; scanning"
        );
        assert_eq!(moment.bar(), "#######...  75%");
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let moment = Moment::default();
        assert!(moment.line().contains(", –, "));
        assert_eq!(moment.bar().trim(), "");
    }
}
