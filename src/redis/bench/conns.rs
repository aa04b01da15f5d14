//! The connections of a thread: how they come about, what comes over them, how they end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::atomic::Ordering;

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::client::Act;
use super::control::trouble;
use super::drive::{AFTER_ERROR, AFTER_LOSS, BOUNDS, CONNECT, READ, Worker};
use super::outcome::{LOST, NO_CONNECTION, ODD};
use super::shared::lock;
use super::spec::Spoken;
use super::tally::Tally;
use super::wire::Heard;
use crate::base::clock::Mono;
use crate::redis::resp::{Reader, request};
use crate::redis::trouble::Trouble;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    LoggingIn,
    /// One answer of it shows that it is served, and not only accepted.
    Greeting,
    Idle,
    Waiting,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) client: usize,
    pub(super) node: u16,
    pub(super) stream: TcpStream,
    pub(super) state: State,
    /// Since when it waits.
    pub(super) since: Mono,
    /// What of its answer has come.
    pub(super) reader: Option<Box<Reader>>,
    /// What of its request could not be written yet.
    pub(super) out: Vec<u8>,
    /// Answers before the one that counts: to `ASKING`.
    pub(super) skip: u8,
    /// Which of those that had its number.
    pub(super) life: u64,
}

impl Worker<'_> {
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

    /// Drops a connection.
    fn drop_conn(&mut self, number: usize) -> Option<Conn> {
        let mut conn = self.conns[number].take()?;
        // It is closed next, which takes it out of the poll as well.
        let _ = self.poll.registry().deregister(&mut conn.stream);
        self.free.push(number);
        self.clients[conn.client].conns.retain(|(_, one)| *one != number);
        Some(conn)
    }

    /// A connection is of no use any more.
    pub(super) fn lose(&mut self, number: usize, code: &'static str, why: &str, tally: &mut Tally) {
        let Some(conn) = self.drop_conn(number) else { return };
        let client = conn.client;
        self.clients[client].broken += 1;
        self.at(client, tally).error(code, why);
        match self.clients[client].act {
            Act::Answer(one) if one == number => {
                // An odd answer is one, and its time is known.
                if conn.state == State::Waiting {
                    self.given_up(client, tally);
                }
                // An odd answer decides nothing either.
                if self.clients[client].is_deciding() {
                    self.at(client, tally).undecided += 1;
                    self.log(client, false, tally);
                } else {
                    self.at(client, tally).failed += 1;
                }
                self.rest(client, AFTER_LOSS);
            }
            Act::Cleaning(one) if one == number => self.rest(client, AFTER_LOSS),
            _ => {}
        }
    }

    /// A connection does not come about.
    pub(super) fn unconnected(&mut self, number: usize, why: Trouble, tally: &mut Tally) {
        let Some(conn) = self.drop_conn(number) else { return };
        self.no_way(conn.client, conn.node, why, tally);
    }

    pub(super) fn no_way(&mut self, client: usize, node: u16, why: Trouble, tally: &mut Tally) {
        if self.counts.is_none() {
            self.opening -= 1;
            let mut trouble = lock(&self.shared.trouble);
            // Of many that are refused some are only closed: what says why is told.
            if trouble.is_none() || matches!(why, Trouble::Full(_)) {
                *trouble = Some((self.clients[client].place, why));
            }
            return;
        }
        let counts = self.at(client, tally);
        counts.error(NO_CONNECTION, &Spoken(&why).to_string());
        counts.failed += 1;
        // Another node of the cluster knows who has taken over.
        let all = self.shared.nodes.count();
        if self.shared.nodes.is_cluster() && all > 1 {
            let step = 1 + u16::try_from(self.clients[client].dice.below(u32::from(all) - 1)).unwrap_or(0);
            self.clients[client].detour = Some((node + step) % all);
        }
        self.rest(client, AFTER_LOSS);
    }

    pub(super) fn writable(&mut self, number: usize, tally: &mut Tally) {
        let Some(conn) = &mut self.conns[number] else { return };
        if conn.state != State::Connecting {
            if let Err(e) = conn.flush() {
                self.lose(number, LOST, &e.to_string(), tally);
            }
            return;
        }
        match conn.stream.take_error() {
            Ok(None) => {}
            Ok(Some(e)) | Err(e) => {
                self.unconnected(number, trouble(&e, CONNECT), tally);
                return;
            }
        }
        if conn.stream.peer_addr().is_err() {
            // Not yet.
            return;
        }
        // It is only slower without.
        let _ = conn.stream.set_nodelay(true);
        conn.since = self.now;
        let written = match &self.shared.plan.login {
            Some(login) => {
                conn.state = State::LoggingIn;
                conn.write(login)
            }
            None => greet(conn, &self.shared.plan.greeting),
        };
        if let Err(e) = written {
            self.unconnected(number, trouble(&e, CONNECT), tally);
        }
    }

    pub(super) fn readable(&mut self, number: usize, closed: bool, tally: &mut Tally) {
        let met = self.conns[number].as_ref().filter(|conn| conn.state != State::Connecting);
        let Some(life) = met.map(|conn| conn.life) else { return };
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(conn) = self.conns[number].as_mut().filter(|conn| conn.life == life) {
            match conn.stream.read(&mut scratch) {
                Ok(0) => {
                    self.gone(number, Trouble::Closed, tally);
                    break;
                }
                Ok(n) => {
                    self.now = self.shared.clock.mono();
                    self.took(number, &scratch[..n], tally);
                    // Less than there is room for is all there was.
                    if n < READ && !closed {
                        break;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    self.gone(number, trouble(&e, CONNECT), tally);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    /// The other side has closed, in whatever state.
    fn gone(&mut self, number: usize, why: Trouble, tally: &mut Tally) {
        match self.conns[number].as_ref().map(|conn| conn.state) {
            Some(State::Idle | State::Waiting) => self.lose(number, LOST, &why.to_string(), tally),
            Some(_) => self.unconnected(number, why, tally),
            None => {}
        }
    }

    /// Bytes have come.
    fn took(&mut self, number: usize, bytes: &[u8], tally: &mut Tally) {
        let Some(conn) = &mut self.conns[number] else { return };
        if conn.reader.is_none()
            && conn.skip == 0
            && let Some(heard) = Heard::lean(bytes)
        {
            self.heard(number, &heard, tally);
            return;
        }
        let life = conn.life;
        let mut reader = conn.reader.take().unwrap_or_else(|| Box::new(Reader::new(BOUNDS)));
        reader.feed(bytes);
        loop {
            match reader.read() {
                Ok(None) => break,
                Ok(Some(value)) => match self.conns[number].as_mut().filter(|conn| conn.life == life) {
                    None => return,
                    Some(conn) if conn.skip > 0 => conn.skip -= 1,
                    Some(_) => self.heard(number, &Heard::of(&value), tally),
                },
                Err(e) => {
                    let connected = self.conns[number].as_ref();
                    match connected.filter(|conn| conn.life == life).map(|conn| conn.state) {
                        Some(State::Idle | State::Waiting) => self.lose(number, ODD, &e.to_string(), tally),
                        Some(_) => self.unconnected(number, Trouble::Wire(e), tally),
                        None => {}
                    }
                    return;
                }
            }
        }
        if !reader.is_empty()
            && let Some(conn) = self.conns[number].as_mut().filter(|conn| conn.life == life)
        {
            conn.reader = Some(reader);
        }
    }

    /// A whole reply has come.
    fn heard(&mut self, number: usize, heard: &Heard<'_>, tally: &mut Tally) {
        let Some(conn) = &mut self.conns[number] else { return };
        let client = conn.client;
        let error = match heard {
            Heard::Error(text) => Some(Trouble::of_error(&String::from_utf8_lossy(text))),
            _ => None,
        };
        match (conn.state, error) {
            (State::Waiting, _) => {
                conn.state = State::Idle;
                match self.clients[client].act {
                    Act::Cleaning(_) if *heard == Heard::Ok => self.rest(client, AFTER_ERROR),
                    Act::Cleaning(_) => self.lose(number, ODD, "a failed transaction does not end", tally),
                    _ => self.answered(client, number, heard, tally),
                }
            }
            (State::LoggingIn, None) => {
                conn.since = self.now;
                if let Err(e) = greet(conn, &self.shared.plan.greeting) {
                    self.unconnected(number, trouble(&e, CONNECT), tally);
                }
            }
            (State::LoggingIn, Some(why)) => self.unconnected(number, why, tally),
            (State::Greeting, Some(why @ (Trouble::Full(_) | Trouble::NoAuth | Trouble::Denied))) => {
                self.unconnected(number, why, tally);
            }
            (State::Greeting, _) => {
                tally.sent.get += 1;
                conn.state = State::Idle;
                if self.counts.is_none() {
                    self.opening -= 1;
                    self.clients[client].act = Act::Rest;
                    self.shared.met[usize::from(self.clients[client].place)].fetch_add(1, Ordering::Relaxed);
                    self.shared.ready.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                if self.clients[client].broken > 0 {
                    self.clients[client].broken -= 1;
                    self.at(client, tally).reconnects += 1;
                }
                if self.is_over() && self.clients[client].began.is_none() {
                    self.start(client, tally);
                } else if self.clients[client].act == Act::Opening(number) {
                    self.send(client, number, tally);
                }
            }
            (State::Idle | State::Connecting, _) => {
                self.lose(number, ODD, "an answer to nothing that was asked", tally);
            }
        }
    }
}

/// Asks for what every server answers, dtm-redis too.
fn greet(conn: &mut Conn, key: &str) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    request(&mut bytes, &["GET", key]);
    conn.state = State::Greeting;
    conn.write(&bytes)
}

impl Conn {
    /// Whether it goes on when it can be written to.
    pub(super) fn waits_to_write(&self) -> bool {
        self.state == State::Connecting || !self.out.is_empty()
    }

    /// Writes what can be written, and keeps the rest.
    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self.stream.write(bytes) {
            Ok(n) if n == bytes.len() => Ok(()),
            Ok(n) => {
                self.out.extend_from_slice(&bytes[n..]);
                self.flush()
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                self.out.extend_from_slice(bytes);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
