//! How long it takes to read a pasted list and hold it against a large catalog, and what memory that takes.
//!
//! `cargo bench --bench ask -- [--lines N] [--rows N] [--dir DIR]`: N lines (default 100,000) in random order against a
//! catalog of N archived files (default 1,000,000): nine of ten right, the others each wrong in some way. Prints seconds,
//! the ratio to a yardstick beside it (the same lines sorted, and each looked up in a sorted list of all keys in memory:
//! what no catalog on disk can be faster than by much), and the peak memory over that of an empty text. The goal is 1 s and
//! 100 MB.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

#[allow(dead_code)]
#[path = "../store/archived.rs"]
mod archived;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use firn::base::Time;
use firn::base::clock::Clock;
use firn::restore::ask::Names;
use firn::restore::ask::check::{Checker, Counts};
use firn::store::Store;
use firn::store::sqlite::SqliteStore;
use support::dice::Dice;
use support::flags::Flags;
use support::median::median;
use tokio::sync::mpsc;

const ROUNDS: usize = 5;

fn main() {
    let flags = Flags::read(&["lines", "rows", "dir"]);
    let (lines, rows) = (flags.number("lines", 100_000u64), flags.number("rows", 1_000_000u64));
    let temp = flags.folder();
    let place = temp.path().join("firn.db");
    // Two threads, as on a small machine.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        drop(archived::State::filled(&place, rows).await);
        let text: Arc<str> = pasted(lines, rows).into();
        let yardstick = median((0..ROUNDS).map(|_| yardstick(&text, rows)).collect::<Vec<_>>());
        let (clock, _) = Clock::manual(Time::from_secs(1_000_000_000));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&place, clock, false).unwrap());
        let names = Names::known(&*store, []).await.unwrap();
        let checker = Arc::new(Checker::new(store, names));
        check(&checker, "".into(), 0).await;
        forget_peak();
        let before = peak();
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            let began = Instant::now();
            let counts = check(&checker, Arc::clone(&text), round as u64 + 1).await;
            times.push(began.elapsed().as_secs_f64());
            let expected = usize::try_from(lines / 10 * 9).unwrap();
            assert!(counts.usable >= expected * 99 / 100 && counts.wrong > 0, "{counts:?}");
        }
        let taken = peak() - before;
        let began = Instant::now();
        let read = firn::restore::ask::lines(text.as_bytes(), checker.names());
        assert!(read.filter(|(_, line)| matches!(line, Some(Ok(_)))).count() > 0);
        println!("reading the lines alone: {:.2} s", began.elapsed().as_secs_f64());
        let seconds = median(times);
        println!(
            "{lines} lines against {rows} files: {seconds:.2} s ({seconds:.2} of the goal), {:.1} of the yardstick of {yardstick:.3} s",
            seconds / yardstick
        );
        println!("memory: {taken:.0} MB more at its peak, all verdicts kept ({:.2} of the goal)", taken / 100.0);
    });
}

/// Checks a text as an editor does, and keeps every verdict as an editor does.
async fn check(checker: &Arc<Checker>, text: Arc<str>, revision: u64) -> Counts {
    let (to, mut from) = mpsc::channel(4);
    let now = Time::from_secs(1_000_000_000);
    let at_work = Arc::clone(checker);
    #[allow(clippy::disallowed_methods)] // there is no world of turns here
    let checking = tokio::spawn(async move { at_work.check(text, revision, now, to).await });
    let (mut kept, mut counts) = (Vec::new(), Counts::default());
    while let Some(page) = from.recv().await {
        counts = page.counts;
        kept.extend(page.verdicts);
    }
    assert!(checking.await.unwrap().unwrap());
    assert!(kept.len() == counts.usable + counts.wrong);
    counts
}

/// The key of an archived file, as the filled state has it.
fn key(row: u64) -> String {
    format!("{:07}/{row:08}.jpg", row / 10)
}

fn pasted(lines: u64, rows: u64) -> String {
    let mut text = String::new();
    let mut dice = Dice(88_123);
    for n in 0..lines {
        let key = key(dice.roll(rows) + 1);
        match n % 40 {
            3 => writeln!(text, "large:{key}x /srv/restored/{n}.jpg"),
            13 => writeln!(text, "lagre:{key} /srv/restored/{n}.jpg"),
            23 => writeln!(text, "large:{key} restored {n}.jpg"),
            33 => writeln!(text, "large:'{key} /srv/restored/{n}.jpg"),
            _ => writeln!(text, "large:{key} /srv/restored/{n}.jpg"),
        }
        .unwrap();
    }
    text
}

/// Seconds to split the same lines, sort them, and look each up among all keys.
fn yardstick(text: &str, rows: u64) -> f64 {
    let keys: Vec<String> = (1..=rows).map(key).collect();
    let began = Instant::now();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let known = |line: &&str| {
        let key = line.split([':', ' ']).nth(1).unwrap_or_default();
        keys.binary_search_by(|known| known.as_str().cmp(key)).is_ok()
    };
    let found = lines.iter().filter(|line| known(line)).count();
    let seconds = began.elapsed().as_secs_f64();
    assert!(found > 0);
    seconds
}

/// Lets the kernel count the peak anew.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Peak resident memory, MB.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}
