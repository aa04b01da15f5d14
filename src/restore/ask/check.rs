//! Verdicts for an editor: of a text that goes on changing while it is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::lines::raw;
use super::verdict::{Line, LineVerdict, PAGE, Taken, judge, look};
use super::{Names, parse_line};
use crate::base::Time;
use crate::store::{Result, Store};

/// Checks one revision of a text after another. A check that a newer one has overtaken ends by itself.
pub struct Checker {
    store: Arc<dyn Store>,
    names: Names,
    newest: AtomicU64,
}

/// Verdicts on a page of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The revision of the text it is about: of use as long as the text is still that.
    pub revision: u64,
    /// Which page, from 0: it is about the [`PAGE`] lines from `page * PAGE + 1` on.
    pub page: usize,
    /// A verdict for each of those lines that is not empty or only a comment, in order.
    pub verdicts: Vec<LineVerdict>,
    /// Of this and the pages before.
    pub counts: Counts,
    /// Whether it is the last page.
    pub last: bool,
}

/// What lines came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Lines that can be part of a plan.
    pub usable: usize,
    /// Lines that cannot.
    pub wrong: usize,
    /// The first of those.
    pub first_wrong: Option<usize>,
}

impl Counts {
    /// Counts some more.
    pub fn add(&mut self, verdicts: &[LineVerdict]) {
        for verdict in verdicts {
            if verdict.usable() {
                self.usable += 1;
            } else {
                self.wrong += 1;
                self.first_wrong.get_or_insert(verdict.line);
            }
        }
    }
}

impl Checker {
    /// For texts whose names mean these.
    pub fn new(store: Arc<dyn Store>, names: Names) -> Self {
        Self { store, names, newest: AtomicU64::new(0) }
    }

    /// What names in its texts mean.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Checks a text, page by page in order; each is sent as it is known. `revision` grows with each change of the text.
    /// Ends before its time when a larger one has been given to another call, or when nobody receives any more: then it
    /// returns false.
    pub async fn check(&self, text: Arc<str>, revision: u64, now: Time, to: mpsc::Sender<Checked>) -> Result<bool> {
        self.newest.fetch_max(revision, Ordering::Relaxed);
        let overtaken = || self.newest.load(Ordering::Relaxed) > revision;
        let (mut taken, mut counts, mut page) = (Taken::default(), Counts::default(), 0);
        let mut lines = raw(text.as_bytes()).peekable();
        while lines.peek().is_some() {
            if overtaken() {
                return Ok(false);
            }
            let mut next = || {
                let page: Vec<Line> = lines
                    .by_ref()
                    .take(PAGE)
                    .filter_map(|(number, line)| Some((number, parse_line(line, &self.names)?)))
                    .collect();
                (page, lines.peek().is_none())
            };
            // Two pages are looked up at a time: the state is read by more than one thread.
            let (first, over) = next();
            let (second, second_over) = if over { (Vec::new(), true) } else { next() };
            let store = &*self.store;
            let (a, b) = tokio::join!(look(store, &self.names, &first), look(store, &self.names, &second));
            let mut send = vec![(first, a?, over)];
            if !over {
                send.push((second, b?, second_over));
            }
            for (lines, standings, last) in send {
                let verdicts = judge(lines, standings, now, &mut taken);
                counts.add(&verdicts);
                if overtaken() || to.send(Checked { revision, page, verdicts, counts, last }).await.is_err() {
                    return Ok(false);
                }
                page += 1;
            }
        }
        Ok(true)
    }
}
