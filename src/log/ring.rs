//! The newest lines, in memory.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Level;

use crate::base::Time;
use crate::base::escape::shown_again;

/// Lines kept.
pub const RING_LINES: usize = 2000;

/// The longest text of a line, in bytes; the mark of the cut included.
pub const LINE_LIMIT: usize = 2000;

/// Stands where a line was cut.
const CUT: &str = "…";

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number since the start, from 1: the [`Ring::version`] that it made.
    pub number: u64,
    /// When.
    pub at: Time,
    /// How bad.
    pub level: Level,
    /// What, safe to show, at most [`LINE_LIMIT`] bytes.
    pub text: String,
}

/// `2026-11-22T12:04:05Z  WARN text`
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:>5} {}", self.at, self.level, self.text)
    }
}

/// The newest [`RING_LINES`] lines. Clones are the same ring.
#[derive(Debug, Clone)]
pub struct Ring(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lines: Mutex<VecDeque<Arc<Line>>>,
    version: watch::Sender<u64>,
}

impl Default for Ring {
    fn default() -> Self {
        Self(Arc::new(Inner { lines: Mutex::default(), version: watch::Sender::new(0) }))
    }
}

impl Ring {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line and drops the oldest if there are too many. Text is made safe to show and cut.
    pub fn push(&self, at: Time, level: Level, text: &str) {
        let text = fit(text);
        let mut lines = self.lock();
        let number = *self.0.version.borrow() + 1;
        if lines.len() == RING_LINES {
            lines.pop_front();
        }
        lines.push_back(Arc::new(Line { number, at, level, text }));
        self.0.version.send_replace(number);
    }

    /// How many lines there have been: grows with every line, so that an equal version is an equal ring.
    pub fn version(&self) -> u64 {
        *self.0.version.borrow()
    }

    /// The version, to wait for.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// Lines that were dropped for newer ones.
    pub fn dropped(&self) -> u64 {
        let lines = self.lock();
        self.version().saturating_sub(lines.len() as u64)
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> Vec<Arc<Line>> {
        self.since(0)
    }

    /// The lines after the one of this number, oldest first.
    pub fn since(&self, number: u64) -> Vec<Arc<Line>> {
        let lines = self.lock();
        let from = lines.partition_point(|line| line.number <= number);
        lines.iter().skip(from).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Line>>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Safe to show, and no longer than a line may be. Cut before it is escaped, too: a megabyte is not worth the work.
pub(super) fn fit(text: &str) -> String {
    let short = &text[..text.floor_char_boundary(LINE_LIMIT + 1)];
    let mut shown = shown_again(short);
    if shown.len() > LINE_LIMIT || short.len() < text.len() {
        shown.truncate(shown.floor_char_boundary(LINE_LIMIT - CUT.len()));
        shown.push_str(CUT);
    }
    shown
}
