//! Random operations on a store and on a plain model of its rules, side by side: the answers and everything that can be
//! seen afterwards must be the same. Clocks jump, sessions die and come back, stale references are used, the state is
//! closed and opened again.

mod choice;
mod observe;
mod rules;
mod steps;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use firn::base::Time;
use firn::base::ids::{ArchiveId, Generation};
use firn::store::{BundleRef, Claimed, StoreError};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use self::rules::{Answer, Ref, Refused, Rules};
use crate::world::{LEASE, START, Sqlite, World, new_session, uuid};

/// Which operation, and what decides its particulars.
type Step = (u8, u8, u8, u8);

const HOSTS: [&str; 2] = ["alpha", "beta"];
const DIRS: [&str; 2] = ["/staging", "/elsewhere"];
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

#[test]
fn the_store_does_what_the_model_says() {
    play_many(32);
}

#[test]
#[ignore = "long: 1000 runs of the model, five minutes"]
fn the_store_does_what_the_model_says_for_long() {
    let done = play_many(1000);
    // A game that never gets somewhere says nothing about it.
    let never: Vec<_> = done.iter().filter(|(_, times)| **times == 0).collect();
    assert!(never.is_empty(), "never: {never:?}");
    for state in ["stored", "unknown", "duplicate", "abandoned"] {
        assert!(done.contains_key(state), "no archive was ever {state}");
    }
    eprintln!("{done:?}");
}

/// How often each operation went through.
fn play_many(cases: u32) -> BTreeMap<String, u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = RefCell::new(BTreeMap::new());
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_time: 10_000, failure_persistence: None, ..Config::default() });
    let steps = vec(any::<Step>(), 1..200);
    let played =
        runner.run(&steps, |steps| runtime.block_on(play(&steps, &mut done.borrow_mut())).map_err(TestCaseError::fail));
    match played {
        Ok(()) => done.into_inner(),
        Err(TestError::Fail(why, steps)) => panic!("{why}\nwith the steps {steps:?}"),
        Err(TestError::Abort(why)) => panic!("gave up: {why}"),
    }
}

async fn play(steps: &[Step], done: &mut BTreeMap<String, u32>) -> Result<(), String> {
    let mut game = Game::new().await;
    for (n, step) in steps.iter().enumerate() {
        let kind = game.choose(*step);
        let played = async {
            game.step(kind, *step).await?;
            game.observe(step.3).await
        };
        if let Err(why) = played.await {
            return Err(format!("step {n}: {why}\n{}", game.trace.join("\n")));
        }
        let went = game.went_through.take();
        *done.entry(format!("{kind:?}")).or_default() += u32::from(went.is_some());
        for archive in game.rules.archives.values() {
            *done.entry(archive.state.to_string()).or_default() += 1;
        }
    }
    Ok(())
}

pub(crate) struct Game {
    w: World,
    rules: Rules,
    source: firn::base::ids::SourceId,
    claims: Vec<(i64, Claimed)>,
    bundles: Vec<(i64, Ref)>,
    duties: Vec<(i64, i64)>,
    number: u8,
    /// What was put into an archive at an offset: the version whose bytes lie there.
    bytes: HashMap<(u8, u64), u8>,
    trace: Vec<String>,
    /// Set by an operation that was not refused.
    went_through: Option<()>,
}

impl Game {
    async fn new() -> Self {
        let w = World::new(Box::new(Sqlite::fresh()));
        let source = w.source().await;
        let mut game = Self {
            w,
            rules: Rules::new(START),
            source,
            claims: Vec::new(),
            bundles: Vec::new(),
            duties: Vec::new(),
            number: 0,
            bytes: HashMap::new(),
            trace: Vec::new(),
            went_through: None,
        };
        game.rules.write(|_| Ok(())).unwrap();
        for host in [0, 0, 1] {
            game.start(host).await.unwrap();
        }
        game
    }

    /// The answers must be the same; so must the reasons of a refusal.
    fn same<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        model: Answer<T>,
        store: Result<T, StoreError>,
    ) -> Result<Option<T>, String> {
        let (model, store) = (model.map_err(|refused| reason(&refused)), store.map_err(|e| told(&e)));
        self.trace.push(format!("{what} = {store:?}"));
        if model != store {
            return Err(format!("{what}: the model says {model:?} and the store {store:?}"));
        }
        self.went_through = store.is_ok().then_some(());
        Ok(store.ok())
    }

    async fn start(&mut self, host: u8) -> Result<(), String> {
        let model = self.rules.write(|r| Ok(r.start(host, LEASE)));
        let store = self.w.store.session_start(new_session(HOSTS[usize::from(host)])).await;
        self.same(&format!("start on {host}"), model, store.map(|session| session.id.0))?;
        Ok(())
    }
}

fn pair(claimed: &Claimed) -> (i64, i64) {
    (claimed.file.0, claimed.generation.0)
}

fn plain(claimed: &Claimed) -> (i64, i64, u32, u8, Option<i64>) {
    let version = claimed.found.version.as_bytes()[0];
    (claimed.file.0, claimed.generation.0, claimed.attempts, version, claimed.resume.map(|id| id.0))
}

fn short(bundle: BundleRef) -> Ref {
    let number = u8::try_from(bundle.uuid.0.as_u128()).unwrap();
    Ref { archive: bundle.archive.0, number, generation: bundle.generation.0 }
}

fn full(r: Ref) -> BundleRef {
    BundleRef { archive: ArchiveId(r.archive), uuid: uuid(r.number), generation: Generation(r.generation) }
}

fn reaped(reaped: &firn::store::Reaped) -> (bool, u64, u64, u64) {
    (reaped.done, reaped.files, reaped.abandoned, reaped.uploads)
}

fn reason(refused: &Refused) -> String {
    match refused {
        Refused::Lease => "the lease".to_owned(),
        Refused::File(id) => format!("file {id}"),
        Refused::Archive(number) => format!("archive {}", uuid(*number)),
        Refused::Duty => "the duty duty".to_owned(),
        Refused::NoContents => "no contents".to_owned(),
    }
}

fn told(error: &StoreError) -> String {
    match error {
        StoreError::Stale { what, .. } => what.clone(),
        StoreError::Impossible(text) if text.ends_with("is to be stored and has no contents") => {
            "no contents".to_owned()
        }
        other => format!("another error: {other}"),
    }
}

/// What can be seen, in plain words for both sides.
fn time(time: Time) -> i64 {
    time.as_micros()
}
