//! What claims and pages cost with few archived files and with many: rows touched, and time.
//!
//! Two state databases are filled past the store, one with ten thousand archived files, one with ten million (`--rows`
//! sets another number), both with the same small work to do. Each operation is run on both: the steps that SQLite's
//! machine makes are counted, and the median time is taken of many runs in turn.
//!
//! `cargo bench --bench claims -- [--rows N] [--rounds N] [--dir DIR]`. Prints ratios, large to small. The goal is 1.00
//! for the steps (within a hundredth) and 1.2 at most for the time. Ten million files take about 5 GB in `--dir`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

#[path = "../store/archived.rs"]
mod archived;
#[path = "../support/mod.rs"]
mod support;

use std::time::Instant;

use archived::{OPERATIONS, State};
use support::flags::Flags;
use support::median::median;

const SMALL: u64 = 10_000;

fn main() {
    let flags = Flags::read(&["rows", "rounds", "dir"]);
    let (rows, rounds) = (flags.number("rows", 10_000_000), flags.number("rounds", 201));
    let temp = flags.folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        let small = State::filled(&temp.path().join("small.db"), SMALL).await;
        let large = State::filled(&temp.path().join("large.db"), rows).await;
        println!(
            "{SMALL} and {rows} archived files, filled in {:.0} s; {rounds} rounds",
            began.elapsed().as_secs_f64()
        );
        println!("{:<28} {:>9} {:>9} {:>7} {:>11} {:>11} {:>7}", "", "steps", "steps", "ratio", "µs", "µs", "ratio");
        // Operation, state: what each round counted.
        let mut steps = vec![[Vec::new(), Vec::new()]; OPERATIONS.len()];
        let mut times = steps.clone();
        // All operations in each round, so that a busy moment of the machine falls on all alike. The first round is not
        // counted: it finds caches cold and statements unprepared.
        for round in 0..=rounds {
            for (n, operation) in OPERATIONS.iter().enumerate() {
                for at in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                    let state = [&small, &large][at];
                    let before = state.steps();
                    let began = Instant::now();
                    state.run(operation).await;
                    let micros = began.elapsed().as_secs_f64() * 1e6;
                    let made = state.steps() - before;
                    state.undo(operation).await;
                    if round > 0 {
                        steps[n][at].push(made as f64);
                        times[n][at].push(micros);
                    }
                }
            }
        }
        let (mut worst_steps, mut worst_time) = (1.0f64, 0.0f64);
        for ((operation, steps), times) in OPERATIONS.iter().zip(steps).zip(times) {
            let [steps, times] = [steps.map(median), times.map(median)];
            let ratios = (steps[1] / steps[0], times[1] / times[0]);
            if (ratios.0 - 1.0).abs() > (worst_steps - 1.0).abs() {
                worst_steps = ratios.0;
            }
            worst_time = worst_time.max(ratios.1);
            println!(
                "{operation:<28} {:>9.0} {:>9.0} {:>7.3} {:>11.1} {:>11.1} {:>7.2}",
                steps[0], steps[1], ratios.0, times[0], times[1], ratios.1
            );
        }
        println!("worst: steps {worst_steps:.3} (goal 1.00 ± 0.01), time {worst_time:.2} (goal 1.2)");
    });
}
