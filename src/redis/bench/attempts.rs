//! What the clients of a thread do: attempts are begun, their steps sent, answers judged and counted.

use std::cmp::Reverse;
use std::time::Duration;

use super::client::{Act, Next};
use super::conns::State;
use super::drive::{AFTER_ERROR, Worker};
use super::ledger::Entry;
use super::nodes::redirect;
use super::outcome::{Counts, LOST, ODD};
use super::shared::Place;
use super::spec::Work;
use super::tally::Tally;
use super::wire::{ASKING, Command, Heard};
use crate::base::clock::Mono;

/// Redirections that one attempt follows.
const HOPS: u8 = 5;

impl<'a> Worker<'a> {
    /// Begins an attempt, or ends the client where the time is over.
    pub(super) fn start(&mut self, client: usize, tally: &mut Tally) {
        let one = &mut self.clients[client];
        if one.act == Act::Done {
            return;
        }
        if self.counts.is_some_and(|(_, to)| to <= self.now) {
            one.act = Act::Done;
            self.working -= 1;
            return;
        }
        let plan = &self.shared.plan;
        one.begin(plan.work, plan.choice, plan.keys(one.place));
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
        let (sent, place) = (one.sent, usize::from(one.place));
        let next = one.hear(heard);
        self.trip(command, sent, tally);
        let counts = if self.is_counting() { &mut tally.hosts[place].counts } else { &mut tally.other };
        counts.trips += 1;
        counts.misses += u64::from(command == Command::Get && *heard == Heard::Nil);
        match next {
            Next::Step => self.send(client, number, tally),
            Next::Committed => {
                counts.commits += 1;
                self.ended(client, Some(true), tally);
                self.log(client, true, tally);
                self.start(client, tally);
            }
            Next::Aborted => {
                counts.aborts += 1;
                self.ended(client, Some(false), tally);
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

    /// The time of a round trip that ends now: of one that is measured, and of one that was under way when that was over. A
    /// server that stands still would otherwise be seen by nobody.
    fn trip(&self, command: Command, sent: Mono, tally: &mut Tally) {
        let (counts, late) = (self.is_counting(), self.is_late(sent));
        let Some(step) = command.step().filter(|_| counts || late) else { return };
        let took = self.now.since(sent);
        tally.trips[step].saturating_record(nanos(took));
        if late {
            tally.unanswered.see(took);
        }
    }

    /// Whether what began then was under way when the time that is measured was over.
    fn is_late(&self, began: Mono) -> bool {
        self.counts.is_some_and(|(from, to)| from < to && began < to && to <= self.now)
    }

    /// The time of an attempt that ends now, and whether it was carried out; nothing: it came to nothing.
    fn ended(&self, client: usize, committed: Option<bool>, tally: &mut Tally) {
        let one = &self.clients[client];
        let began = one.began.unwrap_or(one.sent);
        let (counts, late) = (self.is_counting(), self.is_late(began));
        if !counts && !late {
            return;
        }
        let took = nanos(self.now.since(began));
        tally.hosts[usize::from(one.place)].attempts.saturating_record(took);
        if self.shared.plan.work != Work::GetSet {
            let times = match committed.filter(|_| counts) {
                Some(true) => &mut tally.committed,
                Some(false) => &mut tally.aborted,
                None => &mut tally.unfinished,
            };
            times.saturating_record(took);
        }
    }

    /// A request is given up: how long it was waited for is the least that it would have taken.
    pub(super) fn given_up(&self, client: usize, tally: &mut Tally) {
        let one = &self.clients[client];
        // What could not even be written waited for nothing.
        if one.sent < self.now {
            self.trip(one.command().0, one.sent, tally);
            self.ended(client, None, tally);
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

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
