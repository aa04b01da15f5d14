//! The machine over a make-believe replica: by cases, and whatever happens to it. What is ordered stands in `ordering`.

use std::time::Duration;

use firn::base::Time;
use firn::delay::freeze::line::Line;
use firn::delay::freeze::machine::{self, Act, Next};
use firn::delay::freeze::orders::{self, NotNow};
use firn::delay::freeze::record::{Asked, Phase, Record};
use firn::delay::freeze::statement::{Spot, Statement};
use firn::delay::freeze::steps::Step;
use firn::delay::freeze::told;
use proptest::prelude::*;

use super::world::{World, place};

pub const NOW: Time = Time::from_secs(1_795_435_200);
pub const GAP: u64 = 20;
const FRESH: Duration = Duration::from_secs(30);

pub fn asked() -> Asked {
    Asked {
        replica: "db14".to_owned(),
        channel: String::new(),
        external: false,
        gap: Duration::from_secs(GAP),
        statement: Statement { time: None, spot: Some(Spot::Position(place(50_000))) },
        degraded: None,
        who: "anna on db1".to_owned(),
        loss: None,
        facts: None,
    }
}

/// A process that may die: what it has stored, and what it would do.
pub struct Site {
    pub world: World,
    pub stored: Record,
    /// What was said to have happened.
    pub told: Vec<(&'static str, String)>,
}

/// Where a process dies in a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dies {
    No,
    BeforeItStores,
    BeforeItActs,
    AfterItActed,
}

impl Site {
    pub fn new() -> Self {
        Self { world: World::new(NOW), stored: Record::new(asked(), NOW), told: Vec::new() }
    }

    pub fn store(&mut self, next: Next) {
        self.told.extend(next.happened.iter().map(|told| (told.what, told.detail.clone())));
        // Through JSON, as in the state.
        let text = serde_json::to_string(&next.record).unwrap();
        self.stored = serde_json::from_str(&text).unwrap();
        assert_eq!(self.stored, *next.record);
        drop(next);
    }

    pub fn round(&mut self, sees: bool, refused: bool, dies: Dies) -> Act {
        let now = self.world.now;
        let look = if sees { Ok(self.world.sight()) } else { Err("db14:3306 does not answer") };
        let next = machine::next(&self.stored, look, now);
        let act = next.act.clone();
        if dies == Dies::BeforeItStores {
            return act;
        }
        self.store(next);
        if dies == Dies::BeforeItActs || act == Act::Look {
            return act;
        }
        if !refused {
            self.world.act(&act);
        }
        if dies == Dies::AfterItActed {
            return act;
        }
        let how = if refused { Err("error 1227: Access denied") } else { Ok(()) };
        let next = machine::acted(&self.stored, &act, how, now);
        self.store(next);
        act
    }

    pub fn rounds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.round(true, false, Dies::No);
            self.world.pass(1);
        }
    }

    pub fn says(&self) -> String {
        told::words(&self.stored, self.world.now, FRESH)
    }

    pub fn is_frozen(&self) -> bool {
        told::is_frozen(&self.stored, self.world.now, FRESH)
    }

    pub fn order(&mut self, next: Result<Next, NotNow>) {
        self.store(next.unwrap());
    }

    pub fn line(&self) -> Line {
        Line {
            at: self.world.now,
            delay: Some(7_200.0),
            applied: None,
            slope: None,
            sight: self.world.sight(),
            beat_stuck: false,
            parallel: false,
            frozen: false,
            external: false,
            tool_interval: Duration::from_secs(GAP),
            fresh: FRESH,
        }
    }
}

#[test]
fn the_sql_thread_first_then_io_then_the_proof() {
    let mut site = Site::new();
    assert_eq!(site.says(), "to be frozen; nothing is stopped yet");
    assert_eq!(site.round(true, false, Dies::No), Act::StopSql);
    assert_eq!(site.says(), "being frozen: the SQL thread is being stopped");
    assert_eq!(site.round(true, false, Dies::No), Act::StopIo);
    assert_eq!(site.says(), "being frozen: the SQL thread stands, the IO thread is being stopped");
    assert_eq!(site.round(true, false, Dies::No), Act::Look);
    assert_eq!(
        site.says(),
        "being frozen: both threads stand at binlog.000007:1000; 20 s more to prove that nothing moves"
    );
    for _ in 0..GAP {
        assert!(!site.is_frozen());
        site.world.pass(1);
        site.round(true, false, Dies::No);
    }
    assert_eq!(site.says(), "frozen since 2026-11-23T12:00:20Z at binlog.000007:1000");
    assert_eq!(site.world.done, [Act::StopSql, Act::StopIo]);
    let told: Vec<&str> = site.told.iter().map(|(what, _)| *what).collect();
    assert_eq!(told, ["freeze.frozen"]);
    assert_eq!(
        site.told[0].1,
        "frozen: both threads read No, and the executed position binlog.000007:1000 has not moved from 2026-11-23T12:00:00Z to 2026-11-23T12:00:20Z"
    );
    let tick = site.stored.ticked(Step::Stopped).unwrap();
    assert_eq!((tick.who.as_str(), tick.at), ("firn", site.world.now));
}

#[test]
fn what_is_not_seen_any_more_is_not_called_frozen() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    assert!(site.is_frozen());
    site.world.pass(31);
    assert!(
        site.says().starts_with("was frozen at binlog.000007:1000 when last seen 32 s ago; nobody watches it"),
        "{}",
        site.says()
    );
    site.round(false, false, Dies::No);
    assert!(site.says().ends_with("it cannot be seen now: db14:3306 does not answer"), "{}", site.says());
    // Seen again, and at the same place: the proof goes on.
    site.round(true, false, Dies::No);
    assert!(site.is_frozen());
}

#[test]
fn whoever_starts_it_is_undone_and_counted() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    site.world.sql = true;
    assert_eq!(site.round(true, false, Dies::No), Act::StopSql);
    assert!(!site.is_frozen());
    assert_eq!(site.stored.restarts, 1);
    assert!(
        site.says().ends_with("something has started it once since it was stopped, last 0 s ago"),
        "{}",
        site.says()
    );
    site.rounds(GAP + 3);
    assert!(site.is_frozen());
    site.world.io = true;
    assert_eq!(
        site.round(true, false, Dies::No),
        Act::StopIo,
        "the SQL thread stands: it is the IO thread that is stopped"
    );
    site.rounds(GAP + 3);
    assert!(site.is_frozen());
    assert_eq!(site.stored.restarts, 2);
    // Started and stopped between two looks: only the position tells.
    site.world.blip(7);
    site.round(true, false, Dies::No);
    assert!(!site.is_frozen());
    assert_eq!(site.stored.restarts, 3);
    assert_eq!(
        site.told.last().unwrap().1,
        "the position moved from binlog.000007:1000 while nobody looked to binlog.000007:1007"
    );
}

#[test]
fn one_that_cannot_be_seen_is_stopped_all_the_same_and_never_called_frozen() {
    let mut site = Site::new();
    for _ in 0..100 {
        site.round(false, false, Dies::No);
        site.world.pass(1);
        assert!(!site.is_frozen());
    }
    assert!(!site.world.sql, "the statement may get through where the look does not");
    assert_eq!(site.stored.phase, Phase::StoppingSql);
}

#[test]
fn what_fails_is_told_once_with_its_reason_and_tried_again() {
    let mut site = Site::new();
    for _ in 0..5 {
        assert_eq!(site.round(true, true, Dies::No), Act::StopSql);
        site.world.pass(1);
    }
    assert!(
        site.says().contains("; cannot stop the SQL thread (5 times): error 1227: Access denied"),
        "{}",
        site.says()
    );
    let told: Vec<&str> = site.told.iter().map(|(what, _)| *what).collect();
    assert_eq!(told, ["freeze.trouble"]);
    site.rounds(GAP + 4);
    assert!(site.is_frozen());
    assert!(!site.says().contains("cannot"), "{}", site.says());
}

#[test]
fn a_server_started_anew_begins_the_proof_anew() {
    let mut site = Site::new();
    site.rounds(GAP);
    assert_eq!(site.stored.phase, Phase::Proving);
    site.world.reboot(false);
    site.world.pass(3);
    site.rounds(GAP - 1);
    assert!(!site.is_frozen(), "{}", site.says());
    site.rounds(3);
    assert!(site.is_frozen());
    assert!(site.told.iter().any(|(what, _)| *what == "freeze.server_restarted"));
    site.world.reboot(true);
    site.world.pass(1);
    assert_eq!(site.round(true, false, Dies::No), Act::StopSql);
}

#[test]
fn a_clock_that_is_put_forward_proves_nothing() {
    let mut site = Site::new();
    site.rounds(4);
    assert_eq!(site.stored.phase, Phase::Proving);
    // An hour passes on firn's clock and a second on the server.
    site.world.now = site.world.now.plus(Duration::from_hours(1));
    site.world.booted = site.world.booted.plus(Duration::from_secs(3_599));
    site.round(true, false, Dies::No);
    assert_eq!(site.stored.phase, Phase::Proving);
}

#[test]
fn a_history_stays_small_and_keeps_its_beginning() {
    let mut site = Site::new();
    for n in 0..500 {
        site.world.sql = true;
        site.world.blip(n + 1);
        site.rounds(2);
    }
    assert!(site.stored.history.len() <= 60);
    assert!(
        site.stored.history[0].text.starts_with("freeze asked for by anna on db1; statement: at binlog.000007:50000")
    );
    assert!(serde_json::to_string(&site.stored).unwrap().len() < 32 * 1024);
}

#[derive(Debug, Clone)]
enum Happens {
    Round {
        sees: bool,
        refused: bool,
        dies: u8,
    },
    /// A look that shows one thread only.
    Half {
        sql: bool,
    },
    Pass(u64),
    StartsSql,
    StartsIo,
    Blip(u64),
    Reboot(bool),
    ClockBack(u64),
    Until(u64),
    Resume,
    Again,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (prop::bool::weighted(0.85), prop::bool::weighted(0.15), 0u8..8)
            .prop_map(|(sees, refused, dies)| Happens::Round { sees, refused, dies }),
        1 => any::<bool>().prop_map(|sql| Happens::Half { sql }),
        6 => (1u64..12).prop_map(Happens::Pass),
        1 => (20u64..90).prop_map(Happens::Pass),
        1 => Just(Happens::StartsSql),
        1 => Just(Happens::StartsIo),
        1 => (1u64..500).prop_map(Happens::Blip),
        1 => any::<bool>().prop_map(Happens::Reboot),
        1 => (1u64..40).prop_map(Happens::ClockBack),
        1 => (1u64..5_000).prop_map(Happens::Until),
        1 => Just(Happens::Resume),
        2 => Just(Happens::Again),
    ]
}

impl Site {
    fn happen(&mut self, what: &Happens) {
        let now = self.world.now;
        match *what {
            Happens::Round { sees, refused, dies } => {
                let dies = match dies {
                    0 => Dies::BeforeItStores,
                    1 => Dies::BeforeItActs,
                    2 => Dies::AfterItActed,
                    _ => Dies::No,
                };
                self.round(sees, refused, dies);
            }
            Happens::Half { sql } => {
                let mut sight = self.world.sight();
                if sql {
                    sight.io = None;
                } else {
                    sight.sql = None;
                }
                let next = machine::next(&self.stored, Ok(sight), now);
                self.store(next);
            }
            Happens::Pass(seconds) => self.world.pass(seconds),
            Happens::StartsSql => self.world.sql = true,
            Happens::StartsIo => self.world.io = true,
            Happens::Blip(bytes) => self.world.blip(bytes),
            Happens::Reboot(starts) => self.world.reboot(starts),
            // firn's clock; what truly was when stays as it was, seen from there.
            Happens::ClockBack(seconds) => {
                let back = Duration::from_secs(seconds);
                self.world.now = now.minus(back);
                self.world.booted = self.world.booted.minus(back);
                for (at, _) in &mut self.world.past {
                    *at = at.minus(back);
                }
            }
            Happens::Until(bytes) => {
                let until = Spot::Position(place(self.world.at + bytes));
                if let Ok(next) = orders::ask_until(&self.stored, until, "anna", &self.line(), now) {
                    self.store(next);
                }
            }
            Happens::Resume => {
                if let Ok(next) = orders::ask_resume(&self.stored, "anna", now) {
                    self.store(next);
                }
            }
            Happens::Again => {
                if let Ok(next) = orders::ask_again(&self.stored, asked(), now) {
                    self.store(next);
                } else {
                    self.stored = Record::new(asked(), now);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// "Frozen" is said only right after a look that saw both threads stand, and of a replica that has truly stood at one
    /// place for the whole gap before that look.
    #[test]
    fn never_frozen_while_a_thread_runs_or_the_position_moved(story in prop::collection::vec(happens(), 1..120)) {
        let mut site = Site::new();
        for (n, what) in story.iter().enumerate() {
            site.happen(what);
            let looked = matches!(what, Happens::Round { sees: true, dies: 1.., .. });
            if !looked || !site.is_frozen() {
                // Between looks it may be said of what the last look saw, and no longer than FRESH.
                continue;
            }
            prop_assert!(!site.world.sql && !site.world.io, "step {n}: a thread runs; {}", site.says());
            let since = site.world.now.minus(Duration::from_secs(GAP));
            prop_assert!(site.world.stood_since(since), "step {n}: it moved at {:?}; {}", site.world.past.last(), site.says());
        }
    }

    /// Whatever happened before, and wherever a process died: left in peace it ends frozen, or resumed if that was asked
    /// for last.
    #[test]
    fn whoever_comes_next_goes_on(story in prop::collection::vec(happens(), 1..60), resume: bool) {
        let mut site = Site::new();
        for what in &story {
            site.happen(what);
        }
        if site.stored.is_over() {
            site.stored = Record::new(asked(), site.world.now);
        }
        let now = site.world.now;
        if resume {
            let next = orders::ask_resume(&site.stored, "anna", now);
            site.order(next);
        } else if matches!(site.stored.phase, Phase::Resuming | Phase::Advancing) {
            let next = orders::ask_again(&site.stored, asked(), now);
            site.order(next);
        }
        site.rounds(GAP + 60);
        if resume {
            prop_assert!(site.stored.is_over() && site.world.sql && site.world.io, "{}", site.says());
        } else {
            prop_assert!(site.is_frozen(), "{}", site.says());
            prop_assert!(!site.world.sql && !site.world.io);
        }
    }
}
