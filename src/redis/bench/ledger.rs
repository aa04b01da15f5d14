//! The invariant check: what clients say they committed, held against what the servers have at the end.
//!
//! An account holds its balance and how often that was changed. A transfer reads both accounts under `WATCH`, and writes
//! balance and count anew in one transaction. Where transactions are what they promise, every count of an account is
//! written by one commit. A commit that writes a count which another one has written, or a count at the end that is lower
//! than there were commits, is a lost update, whatever the sum says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What every account holds at the beginning.
pub(super) const BEGIN: i64 = 1_000;
/// Accounts and updates that are named.
const NAMED: usize = 20;
/// Rounds after which every thread has told what it had committed before.
const SETTLED: u64 = 2;
/// Balances that an account may have by what was not answered.
const SUMS: usize = 4_096;

/// One side of a transfer that a client committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) bank: u32,
    pub(super) account: u16,
    /// The count it wrote.
    pub(super) change: u64,
    pub(super) delta: i64,
    pub(super) client: u32,
    /// Whether the server said so; else the answer was lost.
    pub(super) sure: bool,
}

/// An account: its bank and its number.
pub(super) type AccountId = (u32, u16);
/// What accounts hold: balance, and how often that was changed; nothing where one is gone or holds something else.
pub(super) type Held = BTreeMap<AccountId, Option<(i64, u64)>>;

/// What is known of an account.
#[derive(Debug, Default)]
struct Account {
    /// Every count up to this one has been written.
    through: u64,
    /// Counts beyond.
    ahead: BTreeMap<u64, u32>,
    /// What may have been written: the answer was lost.
    maybe: BTreeMap<u64, Vec<i64>>,
    /// Since which round the next count is missing.
    stuck: Option<(u64, u64)>,
    commits: u64,
    net: i64,
    /// Counts that nobody of the run is known to have written.
    gaps: BTreeSet<u64>,
    /// What one of those that were not answered has written, by the count: until it is known who has.
    either: BTreeMap<u64, Vec<i64>>,
}

/// Takes in what clients commit. What it keeps does not grow with the run, but for what was not answered.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<AccountId, Account>,
    round: u64,
    lost: Vec<(u32, u16, u64, u32)>,
    twice: u64,
}

impl Ledger {
    /// One with every account of some banks.
    pub(super) fn new(banks: impl IntoIterator<Item = u32>, accounts: u16) -> Self {
        let all = banks.into_iter().flat_map(|bank| (0..accounts).map(move |account| (bank, account)));
        Self { accounts: all.map(|one| (one, Account::default())).collect(), ..Self::default() }
    }

    /// What all threads have committed since the last time.
    pub(super) fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            let account = self.accounts.entry((entry.bank, entry.account)).or_default();
            if !entry.sure {
                // It may be told long after others have gone on from what it wrote.
                if entry.change > account.through {
                    account.maybe.entry(entry.change).or_default().push(entry.delta);
                } else if account.gaps.remove(&entry.change) {
                    account.settle(entry.change, vec![entry.delta]);
                } else if let Some(deltas) = account.either.get_mut(&entry.change) {
                    deltas.push(entry.delta);
                }
                continue;
            }
            account.commits += 1;
            account.net = account.net.saturating_add(entry.delta);
            let new = if entry.change > account.through {
                account.ahead.insert(entry.change, entry.client).is_none()
            } else {
                // Whoever was not answered has not written it, then.
                account.gaps.remove(&entry.change) || account.unsettle(entry.change)
            };
            if !new {
                self.twice += 1;
                if self.lost.len() < NAMED {
                    self.lost.push((entry.bank, entry.account, entry.change, entry.client));
                }
            }
        }
    }

    /// All threads have told once more.
    pub(super) fn round(&mut self) {
        self.round += 1;
        for account in self.accounts.values_mut() {
            account.follow();
            if account.ahead.is_empty() {
                account.stuck = None;
                continue;
            }
            let next = account.through + 1;
            match account.stuck {
                Some((missing, since)) if missing == next => {
                    if self.round >= since + SETTLED {
                        account.fill();
                    }
                }
                _ => account.stuck = Some((next, self.round)),
            }
        }
    }

    /// What is said of it all, by what accounts hold now: nothing where an account could not be read or holds something
    /// else. `name` gives an account's key and host.
    pub(super) fn close(
        mut self,
        found: &Held,
        unread: Option<String>,
        name: impl Fn(u32, u16) -> (String, String),
    ) -> Verdict {
        let mut verdict = Verdict {
            accounts: self.accounts.len() as u64,
            transfers: 0,
            sum_expected: 0,
            sum_found: Some(0),
            lost_updates: 0,
            foreign_updates: 0,
            settled: 0,
            wrong: Vec::new(),
            wrong_accounts: 0,
            lost: Vec::new(),
            unknown: unread,
        };
        let (mut commits, mut settled) = (0, 0);
        for (id, account) in &mut self.accounts {
            while !account.ahead.is_empty() {
                account.follow();
                if !account.ahead.is_empty() {
                    account.fill();
                }
            }
            let held = found.get(id).copied().flatten();
            account.last(held.map(|(_, changes)| changes));
            verdict.sum_expected += BEGIN;
            verdict.sum_found = verdict.sum_found.zip(held).map(|(sum, (balance, _))| sum.saturating_add(balance));
            commits += account.commits;
            settled += account.either.len() as u64;
            let expected = account.expected(held.map(|(balance, _)| balance));
            // Changes that were made, by us or not, and those that are there.
            let foreign = account.gaps.len() as u64;
            let made = account.commits + foreign;
            verdict.foreign_updates += foreign;
            if let Some((_, changes)) = held {
                verdict.lost_updates += made.saturating_sub(changes);
                verdict.foreign_updates += changes.saturating_sub(made);
            }
            let fine = held == Some((expected, account.commits)) || (held.is_none() && verdict.unknown.is_some());
            if !fine {
                verdict.wrong_accounts += 1;
                if verdict.wrong.len() < NAMED {
                    let ((key, host), commits) = (name(id.0, id.1), account.commits);
                    let (found, changes) = (held.map(|(balance, _)| balance), held.map(|(_, changes)| changes));
                    verdict.wrong.push(Wrong { key, host, commits, changes, expected, found });
                }
            }
        }
        // Each transfer is on two accounts.
        (verdict.transfers, verdict.settled) = (commits / 2, settled / 2);
        verdict.lost_updates = verdict.lost_updates.max(self.twice);
        let named = self.lost.iter().map(|(bank, account, change, client)| Lost {
            key: name(*bank, *account).0,
            change: *change,
            client: *client,
        });
        verdict.lost = named.collect();
        verdict
    }
}

impl Account {
    /// Counts that follow on each other need not be remembered one by one.
    fn follow(&mut self) {
        while self.ahead.remove(&(self.through + 1)).is_some() {
            self.through += 1;
            self.forget();
        }
    }

    /// Nobody who was answered has written the next count, and later ones are there: it was somebody whose answer was
    /// lost, or somebody else.
    fn fill(&mut self) {
        let next = self.through + 1;
        self.through = next;
        self.stuck = None;
        match self.maybe.remove(&next) {
            Some(deltas) => self.settle(next, deltas),
            None => drop(self.gaps.insert(next)),
        }
        self.follow();
    }

    /// What was not answered and is the last count of all.
    fn last(&mut self, changes: Option<u64>) {
        while changes.is_some_and(|changes| changes > self.through) {
            let Some(deltas) = self.maybe.remove(&(self.through + 1)) else { return };
            self.through += 1;
            self.settle(self.through, deltas);
        }
    }

    /// One of those that were not answered was carried out.
    fn settle(&mut self, change: u64, deltas: Vec<i64>) {
        self.commits += 1;
        self.either.insert(change, deltas);
    }

    /// It was somebody else, who is answered only now. Whether it was taken for one that was not.
    fn unsettle(&mut self, change: u64) -> bool {
        let was = self.either.remove(&change).is_some();
        self.commits -= u64::from(was);
        was
    }

    /// What should be on it: what is, where one of those that were not answered explains it.
    fn expected(&self, held: Option<i64>) -> i64 {
        let mut sums: BTreeSet<i64> = [BEGIN.saturating_add(self.net)].into();
        for deltas in self.either.values() {
            sums = sums.iter().flat_map(|sum| deltas.iter().map(|delta| sum.saturating_add(*delta))).collect();
            sums = sums.into_iter().take(SUMS).collect();
        }
        held.filter(|held| sums.contains(held)).or_else(|| sums.first().copied()).unwrap_or(BEGIN)
    }

    /// What may have been written as a count that others have written was not.
    fn forget(&mut self) {
        if !self.maybe.is_empty() {
            self.maybe.remove(&self.through);
        }
    }
}

/// An account that is not what its transfers make of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Its key.
    pub key: String,
    /// Where it is.
    pub host: String,
    /// Transfers that were committed on it.
    pub commits: u64,
    /// How many changes it has seen by its own count; nothing: it is gone or cannot be read.
    pub changes: Option<u64>,
    /// What should be on it.
    pub expected: i64,
    /// What is.
    pub found: Option<i64>,
}

/// Two commits that both made the same change of an account out of the same state: one of them is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The account's key.
    pub key: String,
    /// Which change of it, by its own count.
    pub change: u64,
    /// The client whose commit was heard of second.
    pub client: u32,
}

/// What the check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Accounts.
    pub accounts: u64,
    /// Transfers that were committed.
    pub transfers: u64,
    /// What all accounts held at the beginning.
    pub sum_expected: i64,
    /// What they hold now; nothing: not all of them could be read.
    pub sum_found: Option<i64>,
    /// Changes of accounts that were committed and are not there.
    pub lost_updates: u64,
    /// Changes of accounts that no client of this run made.
    pub foreign_updates: u64,
    /// Transfers whose `EXEC` was not answered, and that were carried out by what came after them.
    pub settled: u64,
    /// Accounts that are not what their transfers make of them, the first of them.
    pub wrong: Vec<Wrong>,
    /// How many there are.
    pub wrong_accounts: u64,
    /// Updates that were lost, the first of them.
    pub lost: Vec<Lost>,
    /// Why it could not be said whether all is well; nothing: it could.
    pub unknown: Option<String>,
}

impl Verdict {
    /// Whether every account was read and is what its transfers make of it.
    pub fn holds(&self) -> bool {
        self.unknown.is_none()
            && self.lost_updates == 0
            && self.foreign_updates == 0
            && self.wrong_accounts == 0
            && self.sum_found == Some(self.sum_expected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(account: u16, change: u64, delta: i64, client: u32) -> Entry {
        Entry { bank: 0, account, change, delta, client, sure: true }
    }

    fn closed(ledger: Ledger, held: &[(i64, u64)]) -> Verdict {
        let found = held.iter().enumerate().map(|(at, one)| ((0, u16::try_from(at).unwrap()), Some(*one))).collect();
        ledger.close(&found, None, |_, account| (format!("a{account}"), "h".to_owned()))
    }

    #[test]
    fn an_honest_run_holds_in_whatever_order_it_is_told() {
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[entry(0, 2, -3, 1), entry(1, 2, 3, 1)]);
        ledger.round();
        ledger.take(&[entry(1, 1, 5, 2), entry(0, 1, -5, 2)]);
        ledger.round();
        let verdict = closed(ledger, &[(992, 2), (1008, 2)]);
        assert!(verdict.holds(), "{verdict:?}");
        assert_eq!((verdict.transfers, verdict.accounts, verdict.sum_found), (2, 2, Some(2000)));
    }

    #[test]
    fn two_commits_of_the_same_change_are_a_lost_update_even_where_the_sum_stays() {
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[entry(0, 1, -5, 1), entry(1, 1, 5, 1)]);
        for _ in 0..4 {
            ledger.round();
        }
        // Out of the same state, and written over the first one: both sides of it.
        ledger.take(&[entry(0, 1, -2, 2), entry(1, 1, 2, 2)]);
        let verdict = closed(ledger, &[(998, 1), (1002, 1)]);
        assert_eq!((verdict.lost_updates, verdict.foreign_updates, verdict.wrong_accounts), (2, 0, 2));
        assert_eq!(verdict.sum_found, Some(verdict.sum_expected));
        assert_eq!(verdict.lost[0], Lost { key: "a0".to_owned(), change: 1, client: 2 });
        assert_eq!((verdict.wrong[0].expected, verdict.wrong[0].found), (993, Some(998)));
        assert!(!verdict.holds());
    }

    #[test]
    fn a_commit_that_a_failover_forgot_is_lost() {
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[entry(0, 1, -5, 1), entry(1, 1, 5, 1), entry(0, 2, -5, 1), entry(1, 2, 5, 1)]);
        let verdict = closed(ledger, &[(995, 1), (1005, 1)]);
        assert_eq!((verdict.lost_updates, verdict.wrong_accounts), (2, 2));
    }

    #[test]
    fn what_was_not_answered_is_settled_by_what_came_after() {
        for (held, settled) in [([(990, 3), (1010, 3)], 1), ([(993, 3), (1007, 3)], 0)] {
            let mut ledger = Ledger::new([0], 2);
            // Client 1's EXEC of the second change is not answered.
            let unsure = |one: Entry| Entry { sure: false, ..one };
            ledger.take(&[entry(0, 1, -5, 1), entry(1, 1, 5, 1)]);
            ledger.take(&[unsure(entry(0, 2, -3, 1)), unsure(entry(1, 2, 3, 1))]);
            if settled == 0 {
                ledger.take(&[entry(0, 2, 0, 2), entry(1, 2, 0, 2)]);
            }
            ledger.take(&[entry(0, 3, -2, 2), entry(1, 3, 2, 2)]);
            for _ in 0..4 {
                ledger.round();
            }
            let verdict = closed(ledger, &held);
            assert!(verdict.holds(), "{verdict:?}");
            assert_eq!(verdict.settled, settled);
        }
        // Told of when others had long gone on; and two of which one was carried out.
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[entry(0, 2, -2, 2), entry(1, 2, 2, 2)]);
        for _ in 0..4 {
            ledger.round();
        }
        let unsure =
            |delta: i64| [entry(0, 1, -delta, 1), entry(1, 1, delta, 1)].map(|one| Entry { sure: false, ..one });
        ledger.take(&unsure(3));
        ledger.take(&[entry(0, 4, -1, 2), entry(1, 4, 1, 2)]);
        for delta in [7, 8] {
            let both = [entry(0, 3, -delta, 1), entry(1, 3, delta, 1)];
            ledger.take(&both.map(|one| Entry { sure: false, ..one }));
        }
        let verdict = closed(ledger, &[(986, 4), (1014, 4)]);
        assert!(verdict.holds() && verdict.settled == 2, "{verdict:?}");
        // The last one of all: what the account holds says.
        for (held, settled) in [([(997, 1), (1003, 1)], 1), ([(1000, 0), (1000, 0)], 0)] {
            let mut ledger = Ledger::new([0], 2);
            ledger.take(&[entry(0, 1, -3, 1), entry(1, 1, 3, 1)].map(|one| Entry { sure: false, ..one }));
            let verdict = closed(ledger, &held);
            assert!(verdict.holds() && verdict.settled == settled, "{verdict:?}");
        }
    }

    #[test]
    fn an_answer_that_comes_late_is_no_second_commit() {
        let unsure = |one: Entry| Entry { sure: false, ..one };
        // Client 1's answer is lost, client 2's is slow, and others go on: what is missing is taken for client 1's.
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[unsure(entry(0, 1, -3, 1)), unsure(entry(1, 1, 3, 1))]);
        ledger.take(&[entry(0, 2, -2, 3), entry(1, 2, 2, 3)]);
        for _ in 0..4 {
            ledger.round();
        }
        let mut late = Ledger::new([0], 2);
        std::mem::swap(&mut late, &mut ledger);
        // It was client 2's.
        late.take(&[entry(0, 1, -5, 2), entry(1, 1, 5, 2)]);
        let verdict = closed(late, &[(993, 2), (1007, 2)]);
        assert!(verdict.holds(), "{verdict:?}");
        assert_eq!((verdict.transfers, verdict.settled, verdict.lost_updates), (2, 0, 0));
        // The same where that answer is lost, too, and is given up later: either may have been it.
        for balance in [(993, 1007), (995, 1005)] {
            let mut ledger = Ledger::new([0], 2);
            ledger.take(&[unsure(entry(0, 1, -3, 1)), unsure(entry(1, 1, 3, 1))]);
            ledger.take(&[entry(0, 2, -2, 3), entry(1, 2, 2, 3)]);
            for _ in 0..4 {
                ledger.round();
            }
            ledger.take(&[unsure(entry(0, 1, -5, 2)), unsure(entry(1, 1, 5, 2))]);
            let verdict = closed(ledger, &[(balance.0, 2), (balance.1, 2)]);
            assert!(verdict.holds() && verdict.settled == 1, "{verdict:?}");
        }
        // Two that are both answered are a lost update, whatever was taken for it in between.
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[unsure(entry(0, 1, -3, 1)), unsure(entry(1, 1, 3, 1))]);
        ledger.take(&[entry(0, 2, -2, 3), entry(1, 2, 2, 3)]);
        for _ in 0..4 {
            ledger.round();
        }
        for client in [2, 4] {
            ledger.take(&[entry(0, 1, -5, client), entry(1, 1, 5, client)]);
        }
        let verdict = closed(ledger, &[(993, 2), (1007, 2)]);
        assert_eq!((verdict.lost_updates, verdict.lost[0].client, verdict.holds()), (2, 4, false));
    }

    #[test]
    fn what_somebody_else_wrote_is_told_apart() {
        let mut ledger = Ledger::new([0], 2);
        ledger.take(&[entry(0, 2, -5, 1), entry(1, 1, 5, 1)]);
        let verdict = closed(ledger, &[(5, 2), (1005, 1)]);
        assert_eq!((verdict.lost_updates, verdict.foreign_updates, verdict.wrong_accounts), (0, 1, 1));
        assert_eq!(verdict.sum_found, Some(1010));
    }

    #[test]
    fn an_account_that_cannot_be_read_is_unknown_and_one_that_is_gone_is_wrong() {
        let of = |unread: Option<&str>| {
            let mut found: BTreeMap<_, _> = [((0, 0), Some((BEGIN, 0)))].into();
            if unread.is_none() {
                found.insert((0, 1), None);
            }
            let name = |_, account| (format!("a{account}"), "h".to_owned());
            Ledger::new([0], 2).close(&found, unread.map(ToOwned::to_owned), name)
        };
        let unread = of(Some("h: connection refused"));
        assert_eq!((unread.wrong_accounts, unread.sum_found, unread.holds()), (0, None, false));
        let gone = of(None);
        assert_eq!((gone.wrong_accounts, gone.wrong[0].found, gone.holds()), (1, None, false));
    }

    proptest! {
        /// A server that keeps what it promises, whose commits are told by two threads in bits: all is well, and nothing
        /// is kept. One commit less on it: a lost update.
        #[test]
        fn commits_are_held_against_what_is_there(
            moves in prop::collection::vec((0_u16..5, 1_u16..5, 1_i64..9, any::<bool>(), any::<bool>()), 1..200),
            every in 1_usize..20,
        ) {
            let mut held = vec![(BEGIN, 0_u64); 5];
            let mut before = held.clone();
            let mut threads: [Vec<Entry>; 2] = [Vec::new(), Vec::new()];
            let mut ledger = Ledger::new([0], 5);
            for (n, (from, step, money, thread, sure)) in moves.iter().enumerate() {
                before.clone_from(&held);
                let to = (from + step) % 5;
                for (account, delta) in [(*from, -money), (to, *money)] {
                    let one = &mut held[usize::from(account)];
                    *one = (one.0 + delta, one.1 + 1);
                    let sure = *sure || n + 1 == moves.len();
                    threads[usize::from(*thread)].push(Entry { bank: 0, account, change: one.1, delta, client: 0, sure });
                }
                if n % every == 0 {
                    for thread in &mut threads {
                        ledger.take(thread);
                        thread.clear();
                    }
                    ledger.round();
                }
            }
            for thread in &threads {
                ledger.take(thread);
            }
            for _ in 0..400 {
                ledger.round();
            }
            prop_assert!(ledger.accounts.values().all(|one| one.ahead.is_empty()));
            let mut less = Ledger::new([0], 5);
            std::mem::swap(&mut less, &mut ledger);
            let verdict = closed(less, &held);
            prop_assert!(verdict.holds(), "{:?}", verdict);
            let mut ledger = Ledger::new([0], 5);
            let mut changes = [0_u64; 5];
            for (from, step, money, ..) in &moves {
                for (account, delta) in [(*from, -money), ((from + step) % 5, *money)] {
                    changes[usize::from(account)] += 1;
                    ledger.take(&[entry(account, changes[usize::from(account)], delta, 0)]);
                }
            }
            let verdict = closed(ledger, &before);
            prop_assert_eq!((verdict.lost_updates, verdict.wrong_accounts, verdict.sum_found), (2, 2, Some(5000)));
        }
    }
}
