//! One thread of a run: many connections, each with one request under way.
//!
//! The thread waits for all of its connections at once and answers what has come before it waits again: a request is built
//! ahead and written where its answer was read, so that between an answer and the next request there is nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::client::{Act, Client, Next};
use super::conns::{Conn, State};
use super::control::trouble;
use super::ledger::Entry;
use super::nodes::redirect;
use super::outcome::{Counts, LOST, ODD, SILENT};
use super::shared::{Place, Shared, lock};
use super::spec::{BenchError, Work};
use super::tally::Tally;
use super::wire::{ASKING, Command, Heard, Requests};
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
/// Redirections that one attempt follows.
const HOPS: u8 = 5;
/// Bytes read at once.
pub(super) const READ: usize = 64 << 10;
/// What is kept of a reply.
pub(super) const BOUNDS: Bounds = Bounds { string: 2 << 20, elements: 1 << 10, reply: 4 << 20, depth: 4 };

pub(super) struct Worker<'a> {
    pub(super) shared: &'a Shared,
    pub(super) poll: Poll,
    pub(super) conns: Vec<Option<Conn>>,
    pub(super) free: Vec<usize>,
    lives: u64,
    pub(super) clients: Vec<Client>,
    requests: Requests,
    pub(super) scratch: Vec<u8>,
    resting: BinaryHeap<Reverse<(Mono, usize)>>,
    pub(super) now: Mono,
    /// From when on it counts, and until when; nothing before all are connected.
    pub(super) counts: Option<(Mono, Mono)>,
    looked: Mono,
    /// Clients that are not done.
    working: usize,
    /// Clients of the beginning: connected, and on their way there.
    pub(super) connected: u32,
    pub(super) opening: usize,
}

/// Runs the clients of one thread, to their end.
pub(super) fn work(shared: &Shared, thread: usize) -> Result<(), BenchError> {
    let mut worker = Worker::new(shared, thread)?;
    if worker.connect(&shared.tallies[thread])? {
        worker.run(&shared.tallies[thread])?;
    }
    Ok(())
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
            connected: 0,
            opening: 0,
        })
    }

    /// Whether what comes now counts.
    pub(super) fn is_counting(&self) -> bool {
        self.counts.is_some_and(|(from, to)| from <= self.now && self.now < to) && !self.shared.is_halted()
    }

    /// Whether no attempt is begun any more.
    pub(super) fn is_over(&self) -> bool {
        self.counts.is_some_and(|(_, to)| to <= self.now) || self.shared.is_halted()
    }

    /// Connects every client to where it is at home; whether the run can begin.
    fn connect(&mut self, tally: &Mutex<Tally>) -> Result<bool, BenchError> {
        let mut events = Events::with_capacity(1024);
        let mut next = 0;
        loop {
            {
                let mut tally = lock(tally);
                while self.opening < AT_ONCE && next < self.clients.len() {
                    let node = self.shared.plan.places[usize::from(self.clients[next].place)].node;
                    self.opening += 1;
                    self.go(next, node, &mut tally);
                    next += 1;
                }
                self.look(&mut tally);
            }
            if self.shared.is_halted() || lock(&self.shared.trouble).is_some() {
                return Ok(false);
            }
            if let Some(begin) = self.shared.begin.get() {
                let from = begin.plus(self.shared.plan.warm_up);
                self.counts = Some((from, from.plus(self.shared.plan.span)));
                return Ok(true);
            }
            self.wait(&mut events, Duration::from_millis(1), tally)?;
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
            if self.shared.is_halted() {
                let since = *stopped.get_or_insert(self.now);
                if self.now.since(since) > STOPPED {
                    break;
                }
            }
            busy.see(self.counts, self.now, self.is_over());
            let due = self.resting.peek().map_or(LOOK, |Reverse((at, _))| at.since(self.now).min(LOOK));
            self.wait(&mut events, due, tally)?;
            let mut tally = lock(tally);
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

    /// Waits for what comes, and takes it in.
    fn wait(&mut self, events: &mut Events, most: Duration, tally: &Mutex<Tally>) -> Result<(), BenchError> {
        match self.poll.poll(events, Some(most)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
        self.now = self.shared.clock.mono();
        if !events.is_empty() {
            let mut tally = lock(tally);
            for event in events.iter() {
                let number = event.token().0;
                if event.is_writable() || event.is_error() {
                    self.writable(number, &mut tally);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.readable(number, event.is_read_closed(), &mut tally);
                }
            }
        }
        Ok(())
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

    // -- attempts

    /// Begins an attempt, or ends the client where the time is over.
    pub(super) fn start(&mut self, client: usize, tally: &mut Tally) {
        let one = &mut self.clients[client];
        if one.act == Act::Done {
            return;
        }
        if self.counts.is_some_and(|(_, to)| to <= self.now) || self.shared.is_halted() {
            one.act = Act::Done;
            self.working -= 1;
            return;
        }
        let (plan, place) = (&self.shared.plan, one.place);
        one.begin(plan.work, plan.choice, plan.keys, |key| self.shared.mine(place, key));
        let node = one.detour.take().or_else(|| self.owner(client)).unwrap_or_else(|| self.home(client).node);
        self.go(client, node, tally);
    }

    pub(super) fn home(&self, client: usize) -> &'a Place {
        &self.shared.plan.places[usize::from(self.clients[client].place)]
    }

    /// Who owns what an attempt is about, in a cluster.
    fn owner(&self, client: usize) -> Option<u16> {
        let slot = match self.shared.plan.work {
            Work::Transfer { .. } => self.home(client).slot,
            _ => *self.shared.plan.slot_of_key.get(self.clients[client].key as usize)?,
        };
        self.shared.nodes.owner(slot)
    }

    /// Sends the step to a node: at once, or when there is a connection.
    pub(super) fn go(&mut self, client: usize, node: u16, tally: &mut Tally) {
        let known = self.clients[client].conns.iter().find(|(to, _)| *to == node).map(|(_, number)| *number);
        if let Some(number) = known {
            self.send(client, number, tally);
            return;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.conns.push(None);
            self.conns.len() - 1
        });
        self.clients[client].act = Act::Opening(number);
        let opened = match self.shared.nodes.get(node) {
            Some(node) => TcpStream::connect(node.to),
            None => Err(std::io::Error::other("a node that nobody named")),
        };
        let opened = opened.and_then(|mut stream| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(number), interest)?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => {
                self.lives += 1;
                self.conns[number] = Some(Conn {
                    client,
                    node,
                    stream,
                    state: State::Connecting,
                    since: self.now,
                    reader: None,
                    out: Vec::new(),
                    skip: 0,
                    life: self.lives,
                });
                self.clients[client].conns.push((node, number));
            }
            Err(e) => {
                self.free.push(number);
                self.no_way(client, node, trouble(&e, CONNECT), tally);
            }
        }
    }

    /// Sends the step over a connection.
    pub(super) fn send(&mut self, client: usize, number: usize, tally: &mut Tally) {
        let one = &mut self.clients[client];
        let Some(conn) = &mut self.conns[number] else { return };
        let (command, which) = one.command();
        let bytes = match self.shared.plan.work {
            Work::Transfer { .. } => {
                let bank = self.shared.plan.places[usize::from(one.place)].bank;
                self.requests.of_account(command, bank, one.sides[which])
            }
            _ => self.requests.of_key(command, one.key),
        };
        let sent = match command {
            Command::Watch => &mut tally.sent.watch,
            Command::Get => &mut tally.sent.get,
            Command::Multi => &mut tally.sent.multi,
            Command::Set => &mut tally.sent.set,
            Command::Exec => &mut tally.sent.exec,
            Command::Unwatch => &mut tally.sent.unwatch,
            Command::Discard => &mut tally.sent.discard,
        };
        *sent += 1;
        one.act = Act::Answer(number);
        one.sent = self.now;
        one.began.get_or_insert(self.now);
        (conn.state, conn.since) = (State::Waiting, self.now);
        let written = if one.asking {
            one.asking = false;
            conn.skip = 1;
            conn.write(&[ASKING, bytes].concat())
        } else {
            conn.write(bytes)
        };
        if let Err(e) = written {
            self.lose(number, LOST, &e.to_string(), tally);
        }
    }

    /// What counts now for a client.
    pub(super) fn at<'t>(&self, client: usize, tally: &'t mut Tally) -> &'t mut Counts {
        if self.is_counting() {
            &mut tally.hosts[usize::from(self.clients[client].place)].counts
        } else {
            &mut tally.other
        }
    }

    /// Lets a client rest.
    pub(super) fn rest(&mut self, client: usize, span: Duration) {
        self.clients[client].act = Act::Rest;
        self.resting.push(Reverse((self.now.plus(span), client)));
    }

    /// An answer to the step of a client.
    pub(super) fn answered(&mut self, client: usize, number: usize, heard: &Heard<'_>, tally: &mut Tally) {
        let one = &mut self.clients[client];
        let (command, _) = one.command();
        let took = nanos(self.now.since(one.sent));
        let next = one.hear(heard);
        let deciding = command == Command::Exec;
        if let Some(place) = Command::STEPS.iter().position(|step| *step == command).filter(|_| self.is_counting()) {
            tally.trips[place].saturating_record(took);
        }
        let counts = self.at(client, tally);
        counts.trips += 1;
        counts.misses += u64::from(command == Command::Get && *heard == Heard::Nil);
        match next {
            Next::Step => self.send(client, number, tally),
            Next::Committed => {
                self.at(client, tally).commits += 1;
                self.ended(client, true, deciding, tally);
                self.log(client, true, tally);
                self.start(client, tally);
            }
            Next::Aborted => {
                self.at(client, tally).aborts += 1;
                self.ended(client, false, deciding, tally);
                self.start(client, tally);
            }
            Next::Failed => {
                if let Heard::Error(text) = heard {
                    self.refused(client, number, text, tally);
                }
            }
            Next::Odd(why) => self.lose(number, ODD, why, tally),
        }
    }

    /// Times of an attempt that came to its end.
    fn ended(&mut self, client: usize, committed: bool, transaction: bool, tally: &mut Tally) {
        if !self.is_counting() {
            return;
        }
        let one = &self.clients[client];
        let took = nanos(self.now.since(one.began.unwrap_or(one.sent)));
        tally.hosts[usize::from(one.place)].attempts.saturating_record(took);
        if transaction {
            let times = if committed { &mut tally.committed } else { &mut tally.aborted };
            times.saturating_record(took);
        }
    }

    /// What the invariant check is told.
    pub(super) fn log(&self, client: usize, sure: bool, tally: &mut Tally) {
        if let Work::Transfer { .. } = self.shared.plan.work {
            let (one, bank) = (&self.clients[client], self.home(client).bank);
            for (side, delta) in one.sides.iter().zip([-one.money, one.money]) {
                let (account, change, client) = (side.account, side.changes, one.number);
                tally.log.push(Entry { bank, account, change, delta, client, sure });
            }
        }
    }

    /// An error answers the step.
    fn refused(&mut self, client: usize, number: usize, text: &[u8], tally: &mut Tally) {
        let asked = self.conns[number].as_ref().and_then(|conn| self.shared.nodes.get(conn.node));
        let cluster = self.shared.nodes.is_cluster();
        let to = asked.filter(|_| cluster).and_then(|asked| redirect(text, &asked.addr));
        if let Some(to) = to {
            let counts = self.at(client, tally);
            if to.ask {
                counts.asked += 1;
            } else {
                counts.moved += 1;
            }
            let node = self.shared.nodes.number(&to.to);
            if let (Some(node), false) = (node, to.ask) {
                self.shared.nodes.owned(to.slot, node);
            }
            let one = &mut self.clients[client];
            // What a slot on its way lets in is one request, not a transaction.
            let follows = one.step == 0 && one.hops < HOPS && (!to.ask || self.shared.plan.work == Work::GetSet);
            if let (Some(node), true) = (node, follows) {
                one.hops += 1;
                one.asking = to.ask;
                self.go(client, node, tally);
                return;
            }
        }
        let text = String::from_utf8_lossy(text);
        let code = text.split(' ').next().unwrap_or_default();
        let named = !code.is_empty() && code.len() <= 32 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let counts = self.at(client, tally);
        counts.error(if named { code } else { ODD }, &text);
        counts.failed += 1;
        match self.clients[client].mess() {
            Some(command) => self.clean(client, number, command, tally),
            None => self.rest(client, AFTER_ERROR),
        }
    }

    /// Ends a transaction that failed, so that the next one begins anew.
    fn clean(&mut self, client: usize, number: usize, command: Command, tally: &mut Tally) {
        let Some(conn) = &mut self.conns[number] else { return };
        *(if command == Command::Discard { &mut tally.sent.discard } else { &mut tally.sent.unwatch }) += 1;
        self.clients[client].act = Act::Cleaning(number);
        (conn.state, conn.since) = (State::Waiting, self.now);
        if let Err(e) = conn.write(self.requests.of_key(command, 0)) {
            self.lose(number, LOST, &e.to_string(), tally);
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

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
