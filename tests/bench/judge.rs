//! How long it takes to judge many replicas.
//!
//! `cargo bench --bench judge -- [--replicas N] [--samples N]`: N replicas (default 1,000), each with a window of N samples
//! (default 60) and the state that a worker would have kept, are judged once. Prints milliseconds and the ratio to a
//! yardstick beside it (the same samples copied and summed). The goal is 20 ms.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

#[allow(dead_code)]
#[path = "../delay/kit.rs"]
mod kit;
#[path = "../support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use firn::base::Severity;
use firn::delay::job::Job;
use firn::delay::judge::{Asked, judge};
use firn::delay::limits::Limits;
use firn::delay::observe::observe;
use firn::delay::seen::{Look, Sample};
use firn::delay::state::State;
use kit::{at, behind};
use support::flags::Flags;
use support::median::median;

const ROUNDS: usize = 21;

/// A replica as its worker keeps it.
struct Kept {
    state: State,
    samples: Vec<Sample>,
    jobs: Vec<Job>,
    /// What the judge must say of it.
    severity: Severity,
}

fn main() {
    let flags = Flags::read(&["replicas", "samples"]);
    let (replicas, samples) = (flags.number("replicas", 1000usize), flags.number("samples", 60i64));
    let limits = Limits { window: Duration::from_secs(10 * samples.unsigned_abs()), ..Limits::default() };
    let (asked, now) = (Asked::by_worker(true, true), at((samples - 1) * 10));
    let kept: Vec<Kept> = (0..replicas).map(|place| keep(place, samples, &limits, &asked)).collect();
    let mut times = Vec::new();
    let mut yardsticks = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut sum = 0.0;
        for kept in &kept {
            let copy = black_box(kept.samples.clone());
            sum += copy.iter().filter_map(|sample| sample.delay).sum::<f64>();
        }
        black_box(sum);
        yardsticks.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        for kept in &kept {
            let (state, verdict) = judge(&kept.state, &kept.samples, &kept.jobs, &asked, &limits, now);
            assert_eq!(verdict.severity, kept.severity, "{}", verdict.text);
            black_box(state);
        }
        times.push(began.elapsed().as_secs_f64());
    }
    let (time, yardstick) = (median(&times), median(&yardsticks));
    println!(
        "{replicas} replicas with {samples} samples each: judged in {:.1} ms (the goal for 1,000 with 60 is 20 ms); {:.0} times a copy \
         and a sum of the same samples ({:.3} ms)",
        time * 1000.0,
        time / yardstick,
        yardstick * 1000.0
    );
}

/// One in two is fine, one in four in a backup, and one in four has left its bounds.
fn keep(place: usize, samples: i64, limits: &Limits, asked: &Asked) -> Kept {
    let jobs = vec![Job { class: "backup".to_owned(), start: at(0), end: None }];
    let (jobs, severity) = match place % 4 {
        0 => (jobs, Severity::Warning),
        1 => (Vec::new(), Severity::Critical),
        _ => (Vec::new(), Severity::Ok),
    };
    let mut state = State::default();
    let mut seen = Vec::new();
    for second in (0..samples).map(|sample| sample * 10) {
        let delay = if severity == Severity::Ok { 7200.0 } else { 10_000.0 + second as f64 };
        let look = Look { at: at(second), seen: Ok(behind(second, delay + (second % 7) as f64)) };
        observe(&mut state, &look, limits);
        seen.push(look.sample());
        state = judge(&state, &seen, &jobs, asked, limits, look.at).0;
    }
    Kept { state, samples: seen, jobs, severity }
}
