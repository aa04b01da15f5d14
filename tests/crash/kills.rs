//! kill -9 at random moments, and crashes in the middle of picking up after crashes.

use std::time::{Duration, Instant};

use crate::support::dice::{Dice, noise};
use crate::world::{World, wait};

/// Seeds that differ from run to run, unless one is given.
fn seed() -> u64 {
    let given = std::env::var("FIRN_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()) * 2_654_435_761 % 1_000_003 + 1);
    println!("FIRN_TEST_SEED={seed}");
    seed
}

/// Fills a source with files of mixed sizes.
fn fill(world: &mut World, dice: &mut Dice, files: u64) {
    for n in 0..files {
        let size = match dice.roll(100) {
            0..10 => 0,
            10..90 => dice.roll(3_000),
            90..99 => dice.roll(60_000),
            _ => 300_000 + dice.roll(200_000),
        };
        world.write(
            &format!("{:02x}/{:02x}/{n}.jpg", n % 16, n / 16 % 16),
            noise(n + 1, usize::try_from(size).unwrap()),
        );
    }
}

/// Kills runs until `kills` have been cut short. New versions appear meanwhile, so that there is always work to cut.
fn killed_at_random(files: u64, kills: u32, most_ms: u64) {
    let mut dice = Dice(seed());
    let mut world = World::new("256KiB", false);
    fill(&mut world, &mut dice, files);
    let mut cut_short = 0;
    let started = Instant::now();
    for round in 0.. {
        if cut_short == kills {
            break;
        }
        let mut child = world.start();
        let wait_for = Duration::from_micros(dice.roll(most_ms * 1000));
        if wait(&mut child, wait_for).is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            cut_short += 1;
        }
        // A few files change between the runs.
        for _ in 0..dice.roll(20) {
            let n = dice.roll(files);
            let key = format!("{:02x}/{:02x}/{n}.jpg", n % 16, n / 16 % 16);
            // A version that no run came to see is not one that can be restored: only the newest must be.
            world.versions.remove(&key);
            world.write(&key, noise(round * 31 + n + 7, usize::try_from(dice.roll(4_000) + 1).unwrap()));
        }
    }
    println!("{cut_short} runs killed in {:?}", started.elapsed());
    world.finish().unwrap();
    world.verify_newest().unwrap();
}

#[test]
fn twenty_kills_over_two_thousand_files() {
    killed_at_random(2_000, 20, 400);
}

#[test]
#[ignore = "long: 200 kills over 20,000 files, some minutes"]
fn two_hundred_kills_over_twenty_thousand_files() {
    killed_at_random(20_000, 200, 1_500);
}

#[test]
fn crashes_while_picking_up_after_crashes() {
    let mut dice = Dice(seed());
    for _ in 0..4 {
        let mut world = World::new("64KiB", false);
        fill(&mut world, &mut dice, 60);
        world.write("film.mov", noise(5, (8 << 20) + 1_000));
        let mut crashes = 0;
        while crashes < 40 {
            let loss = format!("seed:{}", dice.roll(1 << 40));
            // The state moves on a little with each: later crashes come further.
            if world.run_and_crash(&(1 + dice.roll(60 + crashes * 10)).to_string(), &loss).is_none() {
                break;
            }
            crashes += 1;
        }
        println!("{crashes} crashes");
        world.finish().unwrap();
        world.verify().unwrap();
    }
}
