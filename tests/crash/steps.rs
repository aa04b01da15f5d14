//! Killed before durable step k, for every k until a run ends by itself.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use crate::support::dice::noise;
use crate::world::World;

/// More steps than a run of two files can have: a run that never ends by itself is a failure.
const MOST_STEPS: u64 = 2000;

/// The first round: a small file, and one that is too large to be staged and goes in parts.
fn first(world: &mut World) {
    world.write("small.jpg", noise(1, 5_000));
    world.write("film.mov", noise(2, (9 << 20) + 77));
}

/// The second round: a new version of the small file, the third bundle.
fn second(world: &mut World) {
    world.write("small.jpg", noise(3, 6_000));
}

/// Where a run is cut short.
#[derive(Clone, Debug)]
struct Cut {
    round: u8,
    /// A number, or `name#n`.
    before: String,
}

/// Both rounds, one of them cut short. Which step it was, and what did not hold after; nothing once the run ends before
/// the step.
fn crash(cut: &Cut, loss: &str, apart: bool, bug: Option<&'static str>) -> Option<(String, Result<(), String>)> {
    let mut world = World::new("1MB", apart);
    world.bug = bug;
    let mut step = None;
    let rounds: [fn(&mut World); 2] = [first, second];
    for (round, files) in (1..).zip(rounds) {
        files(&mut world);
        if round == cut.round {
            step = Some(world.run_and_crash(&cut.before, loss)?);
        }
        if let Err(why) = world.finish() {
            return step.map(|step| (step, Err(why)));
        }
    }
    let held = world.verify();
    step.map(|step| (step, held))
}

/// What crash runs came to.
#[derive(Default)]
struct Tally {
    runs: u64,
    /// What the cuts were made before.
    names: BTreeSet<String>,
    failures: Vec<String>,
}

/// Where the next cut is made: by name first, as often as there is such a step, then by number until a run ends.
struct Cuts {
    named: Vec<(&'static str, u64)>,
    number: u64,
}

/// Steps that matter most. Steps of a run come in no fixed order, so a number alone may miss one.
const NAMED: [&str; 19] = [
    "commit: found",
    "commit: claim",
    "commit: bundle open",
    "commit: upload entered",
    "commit: bundle sealed",
    "commit: upload begun",
    "commit: part stored",
    "commit: upload contents",
    "commit: archive stored",
    "vault: put",
    "vault: begin",
    "vault: part",
    "vault: complete",
    "create",
    "mkdir",
    "fsync",
    "fsync of a folder",
    "rename",
    "remove",
];

impl Cuts {
    fn next(&mut self, round: u8) -> Cut {
        if let Some((name, n)) = self.named.pop() {
            return Cut { round, before: format!("{name}#{n}") };
        }
        self.number += 1;
        assert!(self.number < MOST_STEPS, "a run over two files does not end by itself");
        Cut { round, before: self.number.to_string() }
    }
}

/// Every step of a round, two at a time; stops at the first failure if one is enough.
fn every_step(round: u8, loss: &str, apart: bool, bug: Option<&'static str>, one_is_enough: bool) -> Tally {
    let named = NAMED.iter().rev().flat_map(|name| (1..=3).rev().map(move |n| (*name, n))).collect();
    let cuts = Mutex::new(Cuts { named, number: 0 });
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    if one_is_enough && !tally.lock().unwrap().failures.is_empty() {
                        return;
                    }
                    let cut = cuts.lock().unwrap().next(round);
                    match crash(&cut, loss, apart, bug) {
                        Some((step, held)) => {
                            let mut tally = tally.lock().unwrap();
                            tally.runs += 1;
                            if let Err(why) = held {
                                tally.failures.push(format!("{cut:?}, loss {loss:?}, crashed before {step}: {why}"));
                            }
                            tally.names.insert(cut.before);
                        }
                        // A run that ends before its number comes has had all steps; one without that name has not.
                        None if cut.before.contains('#') => {}
                        None => return,
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// All steps of both rounds under a loss; prints how many.
fn survives(loss: &str, apart: bool) {
    for round in [1, 2] {
        let tally = every_step(round, loss, apart, None, false);
        println!("round {round}, loss {loss:?}, vault apart: {apart}: {} crashes", tally.runs);
        assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
        for name in NAMED.iter().filter(|_| round == 1) {
            assert!(tally.names.contains(&format!("{name}#1")), "there was no {name} to crash before");
        }
    }
}

#[test]
fn killed_before_every_step() {
    survives("", false);
}

#[test]
fn power_cut_before_every_step() {
    survives("all", false);
}

#[test]
fn power_cut_that_takes_a_random_part() {
    survives("seed:7", true);
}

#[test]
#[ignore = "long: every kind of loss, with the vault on the same and on another file system"]
fn power_cuts_of_every_kind() {
    for apart in [false, true] {
        for loss in ["", "data", "names", "all", "seed:1", "seed:2", "seed:3", "seed:4"] {
            survives(loss, apart);
        }
    }
}

/// A deliberate mistake must turn the crash runs red, and for the reason it was made for.
fn is_caught(bug: &'static str, loss: &str, because: &[&str]) {
    let tally = every_step(1, loss, false, Some(bug), true);
    println!("{bug}: {} crashes, then: {:?}", tally.runs, tally.failures.first());
    let caught = tally.failures.iter().any(|failure| because.iter().any(|reason| failure.contains(reason)));
    assert!(caught, "{bug} was not caught as {because:?} in {} crashes: {:?}", tally.runs, tally.failures);
}

#[test]
fn a_commit_before_the_fsync_is_caught() {
    is_caught("commit-before-fsync", "all", &["the vault vault has no archive"]);
}

#[test]
fn a_delete_before_the_commit_is_caught() {
    is_caught("delete-before-commit", "", &["no version of it is in the vault", "lies in 0 archives"]);
}

#[test]
fn an_intent_after_the_upload_is_caught() {
    is_caught("intent-after-upload", "", &["the vault's incoming still holds"]);
}

/// What costs a disk's patience is counted: commits and fsyncs come by the bundle and the batch, not by the file.
#[test]
fn small_files_share_their_fsyncs() {
    let count = |files: u64| {
        let mut world = World::new("4MB", false);
        for n in 0..files {
            world.write(&format!("{}/{n}.jpg", n % 10), noise(n + 1, 2_000));
        }
        let steps = world.finish_and_count();
        world.verify().unwrap();
        println!("{files} files: {steps:?}");
        // Each commit is an fsync of the state's log; those named otherwise are followed by one that is counted.
        steps.iter().filter(|(name, _)| name.starts_with("fsync") || *name == "commit").map(|(_, n)| n).sum::<u64>()
    };
    let (few, many) = (count(500), count(3_500));
    assert!(many - few <= 3_000 / 20, "3,000 more small files took {} more fsyncs ({few}, {many})", many - few);
}
