//! A client: what it does next, and with which key.

use super::outcome::ODD;
use super::spec::{Choice, Work};
use super::wire::{Command, Heard, Side, parse_account};
use crate::base::clock::Mono;

/// A step of an attempt: the command, and which of two accounts.
type Step = (Command, usize);

const GET: &[Step] = &[(Command::Get, 0)];
const SET: &[Step] = &[(Command::Set, 0)];
/// As the post describes it.
const TRANS: &[Step] =
    &[(Command::Watch, 0), (Command::Get, 0), (Command::Multi, 0), (Command::Set, 0), (Command::Exec, 0)];
/// `WATCH` takes one key at a time: dtm-redis knows no other.
const TRANSFER: &[Step] = &[
    (Command::Watch, 0),
    (Command::Watch, 1),
    (Command::Get, 0),
    (Command::Get, 1),
    (Command::Multi, 0),
    (Command::Set, 0),
    (Command::Set, 1),
    (Command::Exec, 0),
];
/// The most that is transferred at once.
const MOST_MONEY: u64 = 10;

/// A client's own generator (splitmix64): the same seed chooses the same keys.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, client: u32) -> Self {
        let mut dice = Self(seed ^ u64::from(client).wrapping_mul(0xa076_1d64_78bd_642f));
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(((self.roll() >> 32) * u64::from(end)) >> 32).unwrap_or(0)
    }
}

/// The keys that a client chooses from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys<'a> {
    /// So many, from 0 on.
    First(u32),
    /// Those whose slots its master has.
    These(&'a [u32]),
}

impl Keys<'_> {
    fn count(self) -> u32 {
        match self {
            Self::First(count) => count,
            Self::These(keys) => u32::try_from(keys.len()).unwrap_or(u32::MAX),
        }
    }

    fn at(self, place: u32) -> u32 {
        match self {
            Self::First(_) => place,
            Self::These(keys) => keys.get(place as usize).copied().unwrap_or(0),
        }
    }
}

/// What a client waits for. The number is its connection's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Its time to begin, or to go on after a failure.
    Rest,
    /// A connection, to send its step over.
    Opening(usize),
    /// The answer to its step.
    Answer(usize),
    /// The answer to what ends a failed transaction.
    Cleaning(usize),
    /// Nothing any more.
    Done,
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The next step.
    Step,
    /// It is carried out.
    Committed,
    /// It is not, as a watched key had changed.
    Aborted,
    /// It came to nothing by an error reply.
    Failed,
    /// The answer is none to this step: who knows what the next one would be to.
    Odd(&'static str),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: u32,
    /// Its place: which figures it counts to.
    pub(super) place: u16,
    pub(super) dice: Dice,
    /// Its connections, by node.
    pub(super) conns: Vec<(u16, usize)>,
    pub(super) act: Act,
    /// When the first request of this attempt was sent.
    pub(super) began: Option<Mono>,
    /// When the latest was.
    pub(super) sent: Mono,
    pub(super) step: usize,
    /// The key, where it is not accounts.
    pub(super) key: u32,
    pub(super) sides: [Side; 2],
    /// What goes from the first account to the second.
    pub(super) money: i64,
    /// Redirections of this attempt.
    pub(super) hops: u8,
    /// Whether the request is let in by `ASKING`.
    pub(super) asking: bool,
    /// Connections that were lost and not made again.
    pub(super) broken: u32,
    /// Where it goes first as its own node cannot be reached.
    pub(super) detour: Option<u16>,
    script: &'static [Step],
    /// Where its walk is.
    walk: u32,
}

impl Client {
    pub(super) fn new(number: u32, place: u16, work: Work, seed: u64, now: Mono) -> Self {
        let script = match work {
            Work::GetSet => SET,
            Work::Trans => TRANS,
            Work::Transfer { .. } => TRANSFER,
        };
        Self {
            number,
            place,
            dice: Dice::new(seed, number),
            conns: Vec::new(),
            act: Act::Rest,
            began: None,
            sent: now,
            step: 0,
            key: 0,
            sides: [Side::default(); 2],
            money: 0,
            hops: 0,
            asking: false,
            broken: 0,
            detour: None,
            script,
            walk: 0,
        }
    }

    /// A new attempt, with another key.
    pub(super) fn begin(&mut self, work: Work, choice: Choice, keys: Keys<'_>) {
        (self.began, self.step, self.hops, self.asking) = (None, 0, 0, false);
        match work {
            Work::Transfer { accounts } => {
                let accounts = u32::from(accounts);
                let from = self.next(choice, Keys::First(accounts));
                let to = match choice {
                    Choice::Random => (from + 1 + self.dice.below(accounts - 1)) % accounts,
                    Choice::Walk => (from + 1) % accounts,
                };
                for (side, account) in self.sides.iter_mut().zip([from, to]) {
                    *side = Side { account: u16::try_from(account).unwrap_or(0), ..Side::default() };
                }
                self.money = 1 + i64::from(self.dice.below(u32::try_from(MOST_MONEY).unwrap_or(1)));
            }
            Work::Trans => self.key = self.next(choice, keys),
            Work::GetSet => {
                // A walk gets and sets each key.
                let get = self.script == SET;
                self.script = if get { GET } else { SET };
                if get || choice == Choice::Random {
                    self.key = self.next(choice, keys);
                }
            }
        }
    }

    fn next(&mut self, choice: Choice, keys: Keys<'_>) -> u32 {
        let count = keys.count().max(1);
        let at = match choice {
            Choice::Random => self.dice.below(count),
            Choice::Walk => {
                let at = self.walk;
                self.walk = (at + 1) % count;
                at
            }
        };
        keys.at(at)
    }

    /// The command of its step, and which account it is about.
    pub(super) fn command(&self) -> Step {
        self.script.get(self.step).copied().unwrap_or((Command::Exec, 0))
    }

    /// Whether its `EXEC` is out: if the answer is lost, nobody knows what came of it.
    pub(super) fn is_deciding(&self) -> bool {
        self.command().0 == Command::Exec
    }

    /// What a connection has to be told before the next attempt when this one fails at its step.
    pub(super) fn mess(&self) -> Option<Command> {
        let passed = |command| self.script[..self.step].iter().any(|(one, _)| *one == command);
        if self.is_deciding() {
            None
        } else if passed(Command::Multi) {
            Some(Command::Discard)
        } else {
            passed(Command::Watch).then_some(Command::Unwatch)
        }
    }

    /// Takes in the answer to its step.
    pub(super) fn hear(&mut self, heard: &Heard<'_>) -> Next {
        let (command, which) = self.command();
        let transfer = self.script == TRANSFER;
        let queued = self.script.len() > 1;
        match (command, heard) {
            (_, Heard::Error(_)) => return Next::Failed,
            (Command::Set, Heard::Ok) if !queued => {}
            (Command::Set, Heard::Queued) if queued => {}
            (Command::Get, Heard::Bulk(value)) if transfer => {
                let Some((balance, changes)) = parse_account(value) else {
                    return Next::Odd("an account holds what no client of this run writes");
                };
                let money = if which == 0 { -self.money } else { self.money };
                let side = &mut self.sides[which];
                (side.balance, side.changes) = (balance.saturating_add(money), changes.saturating_add(1));
            }
            (Command::Get, Heard::Nil) if transfer => return Next::Odd("an account is gone"),
            (Command::Watch | Command::Multi, Heard::Ok) | (Command::Get, Heard::Bulk(_) | Heard::Nil) => {}
            (Command::Exec, Heard::Done(count)) => {
                let wanted = if transfer { 2 } else { 1 };
                return if *count == wanted { Next::Committed } else { Next::Odd("EXEC answers another transaction") };
            }
            (Command::Exec, Heard::Nil) => return Next::Aborted,
            _ => return Next::Odd(ODD),
        }
        self.step += 1;
        if self.step == self.script.len() { Next::Committed } else { Next::Step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Clock;

    fn client(work: Work) -> Client {
        Client::new(7, 0, work, 1, Clock::system().mono())
    }

    #[test]
    fn a_transaction_is_five_round_trips() {
        let mut one = client(Work::Trans);
        one.begin(Work::Trans, Choice::Random, Keys::First(9_999));
        let mut sent = Vec::new();
        for heard in [Heard::Ok, Heard::Nil, Heard::Ok, Heard::Queued] {
            sent.push(one.command().0.name());
            assert_eq!(one.hear(&heard), Next::Step);
        }
        assert!(one.is_deciding() && one.mess().is_none());
        assert_eq!(one.hear(&Heard::Nil), Next::Aborted);
        assert_eq!(one.hear(&Heard::Done(1)), Next::Committed);
        assert_eq!(one.hear(&Heard::Done(0)), Next::Odd("EXEC answers another transaction"));
        assert_eq!(one.hear(&Heard::Error(b"EXECABORT x")), Next::Failed);
        assert_eq!(sent, ["WATCH", "GET", "MULTI", "SET"]);
    }

    #[test]
    fn what_fails_in_the_middle_is_cleaned_up_after() {
        let mut one = client(Work::Trans);
        one.begin(Work::Trans, Choice::Random, Keys::First(9));
        let mut cleans = Vec::new();
        for heard in [Heard::Ok, Heard::Bulk(b"x"), Heard::Ok, Heard::Queued] {
            cleans.push(one.mess().map(Command::name));
            one.hear(&heard);
        }
        cleans.push(one.mess().map(Command::name));
        assert_eq!(cleans, [None, Some("UNWATCH"), Some("UNWATCH"), Some("DISCARD"), None]);
        assert_eq!(one.hear(&Heard::Ok), Next::Odd(ODD));
    }

    #[test]
    fn get_and_set_come_in_turn_and_a_walk_sets_what_it_got() {
        let mut one = client(Work::GetSet);
        let mut seen = Vec::new();
        for _ in 0..6 {
            one.begin(Work::GetSet, Choice::Walk, Keys::First(2));
            seen.push((one.command().0.name(), one.key));
        }
        assert_eq!(seen, [("GET", 0), ("SET", 0), ("GET", 1), ("SET", 1), ("GET", 0), ("SET", 0)]);
        one.begin(Work::GetSet, Choice::Walk, Keys::First(2));
        assert_eq!(one.hear(&Heard::Nil), Next::Committed);
        one.begin(Work::GetSet, Choice::Walk, Keys::First(2));
        assert_eq!(one.hear(&Heard::Queued), Next::Odd(ODD));
        assert_eq!(one.hear(&Heard::Ok), Next::Committed);
    }

    #[test]
    fn keys_are_chosen_evenly_and_the_same_again() {
        let even: Vec<u32> = (0..20).step_by(2).collect();
        let mut counts = [0_u32; 10];
        let mut one = client(Work::Trans);
        let mut other = client(Work::Trans);
        for _ in 0..10_000 {
            one.begin(Work::Trans, Choice::Random, Keys::These(&even));
            other.begin(Work::Trans, Choice::Random, Keys::These(&even));
            assert_eq!(one.key, other.key);
            counts[usize::try_from(one.key / 2).unwrap()] += u32::from(one.key.is_multiple_of(2));
        }
        assert_eq!(counts.iter().sum::<u32>(), 10_000);
        // 30 a tenth is three standard deviations.
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_transfer_moves_what_it_takes() {
        let work = Work::Transfer { accounts: 2 };
        let mut one = client(work);
        one.begin(work, Choice::Random, Keys::First(1));
        let said = [
            Heard::Ok,
            Heard::Ok,
            Heard::Bulk(b"100 4"),
            Heard::Bulk(b"-7 0"),
            Heard::Ok,
            Heard::Queued,
            Heard::Queued,
        ];
        for heard in said {
            assert_eq!(one.hear(&heard), Next::Step);
        }
        assert_eq!(one.hear(&Heard::Done(2)), Next::Committed);
        assert!((1..=10).contains(&one.money));
        assert_eq!(one.sides[0].balance + one.sides[1].balance, 93);
        assert_eq!((one.sides[0].balance, one.sides[0].changes, one.sides[1].changes), (100 - one.money, 5, 1));
        assert_ne!(one.sides[0].account, one.sides[1].account);
    }
}
