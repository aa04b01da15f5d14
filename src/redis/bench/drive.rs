//! One thread of a run: many connections, each with one request under way.
//!
//! The thread waits for all of its connections at once and answers what has come before it waits again: a request is built
//! ahead and written where its answer was read, so that between an answer and the next request there is nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mio::{Events, Poll};

use super::client::Client;
use super::conns::{Conn, State};
use super::outcome::SILENT;
use super::shared::{Shared, lock};
use super::spec::BenchError;
use super::tally::Tally;
use super::wire::Requests;
use crate::base::clock::Mono;
use crate::redis::resp::Bounds;
use crate::redis::trouble::Trouble;

/// How long a connection is waited for, at most.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Connections that a thread makes at a time: a server's queue of those not yet accepted is short.
const AT_ONCE: usize = 64;
/// How long a client rests after an error, so that a server that refuses is not asked as fast as it refuses.
pub(super) const AFTER_ERROR: Duration = Duration::from_millis(10);
/// How long it rests when there is no connection.
pub(super) const AFTER_LOSS: Duration = Duration::from_millis(100);
/// How often connections are looked through for those that wait too long, and the longest a thread sleeps.
const LOOK: Duration = Duration::from_millis(50);
/// How long answers are waited for after a run was stopped.
const STOPPED: Duration = Duration::from_secs(1);
/// Bytes read at once.
pub(super) const READ: usize = 64 << 10;
/// What is kept of a reply.
pub(super) const BOUNDS: Bounds = Bounds { string: 2 << 20, elements: 1 << 10, reply: 4 << 20, depth: 4 };

pub(super) struct Worker<'a> {
    pub(super) shared: &'a Shared,
    pub(super) poll: Poll,
    pub(super) conns: Vec<Option<Conn>>,
    pub(super) free: Vec<usize>,
    pub(super) lives: u64,
    pub(super) clients: Vec<Client>,
    pub(super) requests: Requests,
    pub(super) scratch: Vec<u8>,
    pub(super) resting: BinaryHeap<Reverse<(Mono, usize)>>,
    pub(super) now: Mono,
    /// From when on it counts, and until when; nothing before all are connected.
    pub(super) counts: Option<(Mono, Mono)>,
    looked: Mono,
    /// Clients that are not done.
    pub(super) working: usize,
    /// Clients of the beginning that are on their way there.
    pub(super) opening: usize,
}

/// Runs the clients of one thread, to their end.
pub(super) fn work(shared: &Shared, thread: usize) -> Result<(), BenchError> {
    let mut settled = Settled { all: &shared.settled, is_told: false };
    let mut worker = Worker::new(shared, thread)?;
    if worker.connect(&shared.tallies[thread], &mut settled)? {
        worker.run(&shared.tallies[thread])?;
    }
    Ok(())
}

/// Tells once that a thread opens no connection any more: at the latest when the thread ends, however that comes about.
struct Settled<'a> {
    all: &'a AtomicU32,
    is_told: bool,
}

impl Settled<'_> {
    /// How many have told it.
    fn tell(&mut self) -> usize {
        if !std::mem::replace(&mut self.is_told, true) {
            self.all.fetch_add(1, Ordering::Relaxed);
        }
        self.all.load(Ordering::Relaxed) as usize
    }
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared, thread: usize) -> Result<Self, BenchError> {
        let (plan, now) = (&shared.plan, shared.clock.mono());
        let seats = plan.threads[thread].iter();
        let clients: Vec<Client> =
            seats.map(|(number, place)| Client::new(*number, *place, plan.work, plan.seed, now)).collect();
        Ok(Self {
            shared,
            poll: Poll::new()?,
            conns: Vec::new(),
            free: Vec::new(),
            lives: 0,
            requests: Requests::new(&plan.prefix, plan.value),
            scratch: vec![0; READ],
            resting: BinaryHeap::new(),
            now,
            counts: None,
            looked: now,
            working: clients.len(),
            clients,
            opening: 0,
        })
    }

    /// Whether what comes now counts.
    pub(super) fn is_counting(&self) -> bool {
        self.counts.is_some_and(|(from, to)| from <= self.now && self.now < to)
    }

    /// Whether no attempt is begun any more.
    pub(super) fn is_over(&self) -> bool {
        self.counts.is_some_and(|(_, to)| to <= self.now)
    }

    /// Connects every client to where it is at home; whether the run can begin.
    fn connect(&mut self, tally: &Mutex<Tally>, settled: &mut Settled<'_>) -> Result<bool, BenchError> {
        let mut events = Events::with_capacity(1024);
        let mut next = 0;
        loop {
            {
                let mut tally = lock(tally);
                let unmet = lock(&self.shared.trouble).is_some();
                while !unmet && self.opening < AT_ONCE && next < self.clients.len() {
                    let node = self.shared.plan.places[usize::from(self.clients[next].place)].node;
                    self.opening += 1;
                    self.go(next, node, &mut tally);
                    next += 1;
                }
                self.look(&mut tally);
            }
            if self.shared.is_halted() {
                return Ok(false);
            }
            // How many do come about is known when none is under way any more, in any thread.
            if self.opening == 0
                && lock(&self.shared.trouble).is_some()
                && settled.tell() == self.shared.plan.threads.len()
            {
                return Ok(false);
            }
            if let Some(begin) = self.shared.begin.get() {
                let from = begin.plus(self.shared.plan.warm_up);
                self.counts = Some((from, from.plus(self.shared.plan.span)));
                return Ok(true);
            }
            self.wait(&mut events, Duration::from_millis(1))?;
            self.take(&events, &mut lock(tally));
        }
    }

    /// Lets all clients work until the time is over.
    fn run(&mut self, tally: &Mutex<Tally>) -> Result<(), BenchError> {
        let mut events = Events::with_capacity(1024);
        self.now = self.shared.clock.mono();
        {
            let mut tally = lock(tally);
            for client in 0..self.clients.len() {
                self.start(client, &mut tally);
            }
        }
        let mut busy = Busy::default();
        let mut stopped: Option<Mono> = None;
        while self.working > 0 {
            if stopped.is_none() && self.shared.is_halted() {
                stopped = Some(self.now);
                // What is measured ends here.
                self.counts = self.counts.map(|(from, to)| (from, to.min(self.now)));
            }
            if stopped.is_some_and(|since| self.now.since(since) > STOPPED) {
                break;
            }
            busy.see(self.counts, self.now, self.is_over());
            let due = self.resting.peek().map_or(LOOK, |Reverse((at, _))| at.since(self.now).min(LOOK));
            self.wait(&mut events, due)?;
            let mut tally = lock(tally);
            self.take(&events, &mut tally);
            self.wake(&mut tally);
            if self.now.since(self.looked) >= LOOK {
                self.look(&mut tally);
            }
        }
        busy.see(self.counts, self.now, true);
        if let Some(share) = busy.share {
            lock(&self.shared.busy).push(share);
        }
        // Whoever still waits will not be answered.
        let mut tally = lock(tally);
        for number in 0..self.conns.len() {
            if self.conns[number].as_ref().is_some_and(|conn| conn.state == State::Waiting) {
                self.lose(number, SILENT, "the run was over", &mut tally);
            }
        }
        Ok(())
    }

    /// Waits for what comes.
    fn wait(&mut self, events: &mut Events, most: Duration) -> Result<(), BenchError> {
        match self.poll.poll(events, Some(most)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
        self.now = self.shared.clock.mono();
        Ok(())
    }

    /// Takes in what has come.
    fn take(&mut self, events: &Events, tally: &mut Tally) {
        for event in events {
            let number = event.token().0;
            let waits = self.conns[number].as_ref().is_some_and(Conn::waits_to_write);
            if waits && (event.is_writable() || event.is_error()) {
                self.writable(number, tally);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.readable(number, event.is_read_closed(), tally);
            }
        }
    }

    /// Wakes clients that have rested.
    fn wake(&mut self, tally: &mut Tally) {
        let over = self.is_over();
        while let Some(Reverse((at, client))) = self.resting.peek().copied() {
            if at > self.now && !over {
                break;
            }
            self.resting.pop();
            self.start(client, tally);
        }
    }

    /// Gives up what waits too long.
    fn look(&mut self, tally: &mut Tally) {
        self.looked = self.now;
        let patience = self.shared.plan.patience;
        for number in 0..self.conns.len() {
            let Some(conn) = &self.conns[number] else { continue };
            let waited = self.now.since(conn.since);
            match conn.state {
                State::Waiting if waited > patience => {
                    self.lose(number, SILENT, &Trouble::Silent(patience).to_string(), tally);
                }
                State::Idle | State::Waiting => {}
                _ if waited > CONNECT.min(patience) => {
                    let waited = CONNECT.min(patience);
                    let met = conn.state != State::Connecting;
                    let trouble = if met { Trouble::Silent(waited) } else { Trouble::Connect(waited) };
                    self.unconnected(number, trouble, tally);
                }
                _ => {}
            }
        }
    }
}

/// How much of a core a thread takes while it is measured.
#[derive(Debug, Default)]
struct Busy {
    from: Option<(Duration, Mono)>,
    share: Option<f64>,
}

impl Busy {
    fn see(&mut self, counts: Option<(Mono, Mono)>, now: Mono, over: bool) {
        if self.share.is_some() || counts.is_none_or(|(from, _)| now < from) {
            return;
        }
        match self.from {
            None => self.from = processor().map(|spent| (spent, now)),
            Some((before, since)) if over => {
                let took = now.since(since).as_secs_f64();
                let spent = processor().map(|spent| spent.saturating_sub(before).as_secs_f64());
                self.share = spent.filter(|_| took > 0.0).map(|spent| spent * 100.0 / took);
            }
            Some(_) => {}
        }
    }
}

/// Processor time of this thread so far (proc(5): the first field of schedstat); nothing: nobody tells.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
