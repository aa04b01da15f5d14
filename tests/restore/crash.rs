//! Killed before every step of a delivery, with and without what a power cut takes: what the state says is there is there,
//! and the next try brings the rest. Needs the test build.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firn::base::Money;
use firn::base::ids::PlanId;
use firn::store::RestoreState;

use super::world::{World, noise, put, same, tree};

/// The child's home and plan.
const HOME: &str = "FIRN_TESTS_RESTORE_HOME";

/// More steps than a delivery of these files can have.
const MOST_STEPS: u64 = 3000;

/// Steps that matter most; steps of a run come in no fixed order, so a number alone may miss one.
const NAMED: [&str; 8] =
    ["deliver: sync", "deliver: name", "deliver: named", "deliver: told", "syncfs", "create", "rename", "mkdir"];

fn few(root: &Path) {
    for n in 0..12u64 {
        let length = usize::try_from(n * 700).unwrap();
        put(root, &format!("d{}/f{n}", n % 3), &noise(n + 1, length), 0o640, Duration::from_secs(n));
    }
    put(root, "film.mov", &noise(5, (4 << 20) + 99), 0o644, Duration::from_secs(3));
}

/// Not a test of its own: what the tests below run as a process that dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let world = World::reopened(Path::new(&home)).await;
    world.deliver().await;
}

/// Runs the delivery in a process that dies before that step; whether it came to it.
fn dies(world: &World, at: &str, loss: &str, bug: &str) -> bool {
    let limbo = world.path("limbo");
    let _ = fs::remove_dir_all(&limbo);
    fs::create_dir(&limbo).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child"]).env(HOME, world.temp.path());
    child.env("FIRN_CRASH_AT", at).env("FIRN_CRASH_LOSS", loss).env("FIRN_CRASH_LIMBO", &limbo).env("FIRN_BUG", bug);
    let done = child.output().unwrap();
    let crashed = limbo.join("crashed-before").exists();
    assert!(crashed || done.status.success(), "{at}: {}", String::from_utf8_lossy(&done.stdout));
    crashed
}

async fn killed_before(world: &World, at: &str, loss: &str, bug: &str, number: u64) -> bool {
    let dest = format!("back{number}");
    let wants = world.all(&dest).await;
    let plan: PlanId = world.plan(&wants, Money::ZERO).await;
    let crashed = dies(world, at, loss, bug);
    world.end_sessions().await;
    let what = format!("crashed before {at}, loss {loss:?}");
    // What the state says is there is there, whatever was lost.
    let there = tree(&world.path(&dest));
    let source = tree(&world.photos());
    for row in world.outcomes(plan).await.into_values() {
        if row.state == RestoreState::Delivered {
            let path = PathBuf::from(row.target.to_string());
            assert!(there.get(&path) == source.get(&path), "{what}: {} is recorded and is not right", path.display());
        }
    }
    // And what has its final name is right, recorded or not.
    for (path, holds) in &there {
        if !path.to_string_lossy().contains(".firn-part") {
            assert!(source.get(path) == Some(holds), "{what}: {} is there and is not right", path.display());
        }
    }
    world.deliver().await;
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path(&dest));
    fs::remove_dir_all(world.path(&dest)).unwrap();
    crashed
}

async fn survives(loss: &str, bug: &str) {
    let world = World::backed_up(few).await;
    let mut number = 0;
    let mut met = BTreeSet::new();
    for name in NAMED {
        for n in 1..=2 {
            number += 1;
            if killed_before(&world, &format!("{name}#{n}"), loss, bug, number).await {
                met.insert(name);
            }
        }
    }
    assert_eq!(met, BTreeSet::from(NAMED));
    for step in (1..MOST_STEPS).step_by(3) {
        number += 1;
        if !killed_before(&world, &step.to_string(), loss, bug, number).await {
            println!("loss {loss:?}: {step} steps");
            return;
        }
    }
    panic!("a delivery of thirteen files does not end by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_every_third_step() {
    survives("", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cut_before_every_third_step() {
    survives("all", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cut_that_takes_a_random_part() {
    survives("seed:11", "").await;
}

/// A delivery that tells the state before it has synced must turn these runs red.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_told_before_the_sync_are_caught() {
    let caught = tokio::task::JoinSet::from_iter([survives("all", "told-before-synced")]).join_next().await.unwrap();
    let said = *caught.expect_err("it was not caught").into_panic().downcast::<String>().unwrap();
    assert!(said.contains("is not right"), "{said}");
}

/// Files share their syncs: ten times as many cost about as many as their batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_files_share_their_syncs() {
    let world = World::backed_up(|root| {
        for n in 0..5_000u64 {
            put(root, &format!("d{}/{n}", n % 10), &n.to_le_bytes(), 0o644, Duration::from_secs(n));
        }
    })
    .await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let log = world.path("steps");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child"]).env(HOME, world.temp.path()).env("FIRN_STEP_LOG", &log);
    assert!(child.status().unwrap().success());
    world.all_delivered(plan, 5_000).await;
    let text = fs::read_to_string(log).unwrap();
    let count = |name: &str| text.lines().filter(|line| *line == name).count();
    let (syncs, told) = (count("syncfs"), count("deliver: told"));
    println!("5,000 files: {syncs} syncs, {told} transactions");
    // Five batches a thousand, each ended by the sync of the next, and the ends of eleven parts.
    assert!(syncs <= 40 && told <= 40, "{syncs} syncs, {told} transactions");
    assert_eq!(count("fsync"), 0, "no file is synced by itself");
}
