//! The record and a look become the next record and what to do. Pure: whoever performs the act has stored the record
//! before, and hands back how it went. Acts may be repeated: stopping what stands and starting what runs changes nothing.

use std::time::Duration;

use super::place::{self, order};
use super::record::{Phase, Proof, Record, Trouble, shown};
use super::sight::Sight;
use super::statement::Spot;
use super::steps::Step;
use crate::base::Time;
use crate::delay::seen::IoThread;

/// A retry of a start that failed waits at most so long; a stop is tried again at every look.
const START_AGAIN: Duration = Duration::from_secs(10);

/// An act on the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// None: look again.
    Look,
    /// Stop the SQL thread.
    StopSql,
    /// Stop the IO thread.
    StopIo,
    /// Start the IO thread.
    StartIo,
    /// Start the SQL thread, for good or up to a place.
    StartSql(Option<Spot>),
}

impl Act {
    /// What it is, in words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::StopSql => "stop the SQL thread",
            Self::StopIo => "stop the IO thread",
            Self::StartIo => "start the IO thread",
            Self::StartSql(None) => "start the SQL thread",
            Self::StartSql(Some(_)) => "start the SQL thread up to a place",
        }
    }

    /// Whether it lets transactions be applied.
    pub fn starts(&self) -> bool {
        matches!(self, Self::StartIo | Self::StartSql(_))
    }
}

/// Something that happened, for the table of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// A stable word such as `freeze.frozen`.
    pub what: &'static str,
    /// The whole sentence, safe to show.
    pub detail: String,
    /// `done`, or why not.
    pub outcome: String,
}

/// What follows from a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The record to store, before the act.
    pub record: Box<Record>,
    /// The act.
    pub act: Act,
    /// What happened.
    pub happened: Vec<Happened>,
}

/// The record and a look (or why there was none) become the next record and an act.
pub fn next(record: &Record, look: Result<Sight, &str>, now: Time) -> Next {
    let mut next = Next::of(record);
    match look {
        Ok(sight) => next.seen(sight, now),
        Err(why) => next.unseen(why, now),
    }
    next
}

impl Next {
    /// The record as it is: nothing is done, nothing has happened.
    pub(super) fn of(record: &Record) -> Self {
        Self { record: Box::new(record.clone()), act: Act::Look, happened: Vec::new() }
    }

    pub(super) fn happen(&mut self, now: Time, what: &'static str, detail: String, outcome: &str) {
        self.record.note(now, detail.clone());
        self.happened.push(Happened { what, detail, outcome: outcome.to_owned() });
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Time) {
        if self.record.phase != phase {
            self.record.phase = phase;
            self.record.since = now;
            self.record.trouble = None;
        }
    }

    /// The replica cannot be seen. In an emergency it is stopped all the same. A proof is never made of it; one that has
    /// begun is not undone: another process may see, and a position that moved meanwhile tells itself.
    fn unseen(&mut self, why: &str, now: Time) {
        let since = self.record.blind.as_ref().map_or(now, |(since, _)| *since);
        if self.record.blind.is_none() {
            let text = format!("the replica cannot be seen: {}", shown(why));
            self.record.note(now, text);
        }
        self.record.blind = Some((since, shown(why)));
        match self.record.phase {
            Phase::Asked | Phase::StoppingSql => {
                self.enter(Phase::StoppingSql, now);
                self.act = Act::StopSql;
            }
            Phase::StoppingIo => self.act = Act::StopIo,
            Phase::Proving | Phase::Frozen | Phase::Advancing | Phase::Resuming | Phase::Released | Phase::Resumed => {}
        }
    }

    fn seen(&mut self, sight: Sight, now: Time) {
        let sight = sight.kept(&self.record.statement);
        if self.record.blind.take().is_some() {
            self.record.note(now, "the replica is seen again");
        }
        let earlier = self.record.last.replace(sight.clone());
        if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.restarted(&sight)) {
            let detail = format!("the server was started anew since {}", earlier.at);
            self.happen(now, "freeze.server_restarted", detail, "done");
            self.record.first = None;
        }
        if self.record.before.is_none() {
            self.record.before = Some(sight.clone());
        }
        match self.record.phase {
            Phase::Asked => {
                self.enter(Phase::StoppingSql, now);
                self.act = Act::StopSql;
            }
            Phase::StoppingSql => self.stop(&sight, now),
            Phase::StoppingIo | Phase::Proving | Phase::Frozen => self.hold(&sight, now),
            Phase::Advancing => self.advance(&sight, now),
            Phase::Resuming => self.resume(&sight, now),
            Phase::Released | Phase::Resumed => {}
        }
    }

    /// The SQL thread first: it alone applies.
    fn stop(&mut self, sight: &Sight, now: Time) {
        if sight.sql == Some(true) && self.record.stopped {
            self.again(sight, &format!("something started the replica ({})", sight.threads_words()), now);
            return;
        }
        if sight.sql != Some(false) {
            self.act = Act::StopSql;
            return;
        }
        self.record.note(now, format!("the SQL thread stands at {}", sight.place_words()));
        self.enter(Phase::StoppingIo, now);
        self.still(sight, now);
    }

    /// The SQL thread had been stopped: does it still stand?
    fn hold(&mut self, sight: &Sight, now: Time) {
        let io_again = self.record.phase != Phase::StoppingIo && sight.runs();
        if sight.sql == Some(true) || io_again {
            self.again(sight, &format!("something started the replica ({})", sight.threads_words()), now);
            return;
        }
        if sight.sql.is_none() {
            self.unproven(now);
            self.act = Act::StopSql;
            return;
        }
        self.still(sight, now);
    }

    /// Nobody knows whether a thread runs: what was proven holds no more.
    fn unproven(&mut self, now: Time) {
        self.record.first = None;
        self.record.proof = None;
        if self.record.phase == Phase::Frozen {
            self.record.note(now, "a thread's state is not shown; it is to be proven anew that the replica stands");
            self.enter(Phase::Proving, now);
        }
    }

    /// Somebody started it.
    fn again(&mut self, sight: &Sight, how: &str, now: Time) {
        self.record.restarts = self.record.restarts.saturating_add(1);
        self.record.restarted_at = Some(now);
        self.record.stopped = false;
        self.record.first = None;
        self.record.proof = None;
        let times = self.record.restarts;
        let detail = format!("{how} at {}; it is stopped again (time {times})", sight.place_words());
        self.happen(now, "freeze.restarted", detail, "done");
        if sight.sql == Some(false) {
            self.enter(Phase::StoppingIo, now);
            self.act = Act::StopIo;
        } else {
            self.enter(Phase::StoppingSql, now);
            self.act = Act::StopSql;
        }
    }

    /// The SQL thread stands. The IO thread, and then the position.
    fn still(&mut self, sight: &Sight, now: Time) {
        if sight.io != Some(IoThread::No) {
            self.unproven(now);
            self.act = Act::StopIo;
            return;
        }
        if self.record.phase == Phase::Frozen {
            self.watch(sight, now);
            return;
        }
        self.record.stopped = true;
        if self.record.phase != Phase::Proving {
            self.record.note(now, format!("both threads stand at {}", sight.place_words()));
            self.enter(Phase::Proving, now);
        }
        self.prove(sight, now);
    }

    fn prove(&mut self, sight: &Sight, now: Time) {
        let Some(first) = self.record.first.clone() else {
            self.record.first = Some(sight.clone());
            return;
        };
        match first.same_place(sight) {
            Some(true) if sight.at < first.at || first.restarted(sight) => self.record.first = Some(sight.clone()),
            Some(true) => {
                if is_apart(&first, sight, self.record.gap) {
                    self.frozen(first, sight.clone(), now);
                }
            }
            Some(false) => {
                self.record.first = Some(sight.clone());
                let how = format!("the position moved from {} while nobody looked", first.place_words());
                self.moved(sight, &how, now);
            }
            None => {
                self.record.first = Some(sight.clone());
                let text = "the executed position is not shown, so nothing proves that it stands; the account needs the privilege to see the status of replication".to_owned();
                self.fail("prove that the replica stands", text, now);
            }
        }
    }

    /// It stands, and has gone on meanwhile: somebody ran it between two looks.
    fn moved(&mut self, sight: &Sight, how: &str, now: Time) {
        self.record.restarts = self.record.restarts.saturating_add(1);
        self.record.restarted_at = Some(now);
        let detail = format!("{how} to {}", sight.place_words());
        self.happen(now, "freeze.restarted", detail, "done");
    }

    fn frozen(&mut self, first: Sight, last: Sight, now: Time) {
        let place = last.place_words();
        let detail = format!(
            "frozen: both threads read No, and the executed position {place} has not moved from {} to {}",
            first.at, last.at
        );
        self.record.proof = Some(Proof { first, last });
        self.record.frozen_at.get_or_insert(now);
        self.record.until = None;
        self.record.started = false;
        self.enter(Phase::Frozen, now);
        self.happen(now, "freeze.frozen", detail, "done");
        self.record.tick(Step::Stopped, now, "firn");
    }

    /// Frozen: the proof goes on, or it does not hold any more.
    fn watch(&mut self, sight: &Sight, now: Time) {
        let Some(proof) = self.record.proof.clone() else {
            self.enter(Phase::Proving, now);
            self.record.first = Some(sight.clone());
            return;
        };
        match proof.first.same_place(sight) {
            Some(true) => self.record.proof = Some(Proof { first: proof.first, last: sight.clone() }),
            Some(false) => {
                self.record.proof = None;
                self.enter(Phase::Proving, now);
                self.record.first = Some(sight.clone());
                let how = format!("the position moved from {} while nobody looked", proof.first.place_words());
                self.moved(sight, &how, now);
            }
            None => {
                self.record.proof = None;
                self.enter(Phase::Proving, now);
                self.record.first = Some(sight.clone());
            }
        }
    }

    /// The SQL thread runs up to a place; the IO thread stands.
    fn advance(&mut self, sight: &Sight, now: Time) {
        let Some(until) = self.record.until.clone() else {
            self.enter(Phase::StoppingSql, now);
            self.act = Act::StopSql;
            return;
        };
        if is_past(&until, sight) {
            self.record.stopped = false;
            let detail = format!("the replica went past {} to {}", spot_words(&until), sight.place_words());
            self.happen(now, "freeze.past", detail, "the SQL thread did not stop where it was told to");
            self.enter(Phase::StoppingSql, now);
            self.act = Act::StopSql;
            return;
        }
        match (sight.sql, sight.io) {
            (_, Some(IoThread::Yes | IoThread::Connecting)) => {
                self.record.note(now, "something started the IO thread; it is stopped again");
                self.act = Act::StopIo;
            }
            // Nothing would stop it at that place.
            (Some(true), _) if sight.until.is_none() => {
                self.record.note(now, "something started the SQL thread without UNTIL; it is stopped again");
                self.record.started = true;
                self.act = Act::StopSql;
            }
            (Some(true), _) => self.record.started = true,
            (Some(false), _) if self.record.started => {
                let text = match &sight.sql_error {
                    Some((errno, text)) => {
                        format!("the SQL thread stopped before it got there: error {errno}: {}", shown(text))
                    }
                    None => format!("the SQL thread has stopped at {}", sight.place_words()),
                };
                self.happen(now, "freeze.advanced", text, "done");
                self.enter(Phase::Proving, now);
                self.record.first = None;
                self.still(sight, now);
            }
            (Some(false), _) if self.may_start(now) => self.act = Act::StartSql(Some(until)),
            _ => {}
        }
    }

    /// The threads are started: the IO thread, and the SQL thread unless a tool drives it.
    fn resume(&mut self, sight: &Sight, now: Time) {
        // A thread that runs up to a place would stop there, whatever START is given to it meanwhile; it may have been sent
        // there by an order that has been taken back since. A tool that drives it does as it likes.
        let bound = sight.until.is_some() && sight.sql == Some(true) && !self.record.external;
        if bound || (self.record.until.is_some() && sight.sql != Some(false)) {
            self.act = Act::StopSql;
            return;
        }
        self.record.until = None;
        let io = matches!(sight.io, Some(IoThread::Yes | IoThread::Connecting));
        let sql = sight.sql == Some(true) || (self.record.external && sight.sql.is_some());
        if io && sql {
            let who = self.record.resume.as_ref().map(|by| shown(&by.who)).unwrap_or_default();
            let tool = if self.record.external { "; the delay tool starts the SQL thread" } else { "" };
            let detail = format!("resumed ({}) as {who} asked{tool}", sight.threads_words());
            self.enter(Phase::Resumed, now);
            self.happen(now, "freeze.resumed", detail, "done");
            return;
        }
        // A thread that was started and stands with an error is trouble to be told, and started again, not in haste.
        let error = match (&sight.sql_error, &sight.io_error) {
            (Some((errno, text)), _) if sight.sql == Some(false) => Some(("SQL", errno, text)),
            (_, Some((errno, text))) if sight.io == Some(IoThread::No) => Some(("IO", errno, text)),
            _ => None,
        };
        if !self.may_start(now) {
            return;
        }
        if let (true, Some((thread, errno, text))) = (self.record.started, error) {
            let text = format!("the {thread} thread stands with error {errno}: {}", shown(text));
            self.fail("start the replica", text, now);
        }
        self.act = if io { Act::StartSql(None) } else { Act::StartIo };
    }

    fn may_start(&self, now: Time) -> bool {
        self.record.trouble.as_ref().is_none_or(|trouble| now.since(trouble.at) >= START_AGAIN || now < trouble.at)
    }

    fn fail(&mut self, what: &str, text: String, now: Time) {
        let known = self.record.trouble.take().filter(|trouble| trouble.what == what);
        let told = known.as_ref().is_some_and(|trouble| trouble.text == text);
        if !told {
            let detail = format!("cannot {what}: {text}");
            self.happen(now, "freeze.trouble", detail, &text);
        }
        self.record.trouble = Some(Trouble {
            since: known.as_ref().map_or(now, |trouble| trouble.since),
            at: now,
            tries: known.map_or(0, |trouble| trouble.tries).saturating_add(1),
            what: what.to_owned(),
            text,
        });
    }
}

/// Whether two looks lie the gap apart: by firn's clock, and by the server's own uptime where it is known, so that a
/// clock that is put forward does not shorten a proof.
fn is_apart(first: &Sight, last: &Sight, gap: Duration) -> bool {
    let by_uptime = match (first.uptime, last.uptime) {
        // Uptime is in whole seconds.
        (Some(then), Some(now)) => now.saturating_sub(then).saturating_add(1) >= gap.as_secs(),
        _ => true,
    };
    by_uptime && last.at.since(first.at.plus(first.took)) >= gap
}

/// Whether the replica has executed more than up to a place.
fn is_past(until: &Spot, sight: &Sight) -> bool {
    let Spot::Position(at) = until else { return false };
    let reached = [sight.executed.position.as_ref(), sight.relay.as_ref()];
    reached.into_iter().flatten().any(|reached| order(reached, at) == Some(std::cmp::Ordering::Greater))
}

pub(super) fn spot_words(spot: &Spot) -> String {
    match spot {
        Spot::Position(at) => place::word(at),
        Spot::Gtid(gtid) => gtid.to_string(),
    }
}

/// How an act went: one that failed is told, and tried again; one that did not leaves the look to say so.
pub fn acted(record: &Record, act: &Act, how: Result<(), &str>, now: Time) -> Next {
    let mut next = Next::of(record);
    if let Err(why) = how {
        next.fail(act.words(), shown(why), now);
        return next;
    }
    next.record.note(now, format!("done: {}", act.words()));
    next.record.started |= act.starts();
    next.record.stopped = match act {
        Act::StopSql => true,
        Act::StartSql(_) => false,
        _ => next.record.stopped,
    };
    // A start that failed before and went now is no trouble any more; stops are judged by what is seen.
    if next.record.trouble.as_ref().is_some_and(|trouble| trouble.what == act.words()) {
        next.record.trouble = None;
    }
    next
}
