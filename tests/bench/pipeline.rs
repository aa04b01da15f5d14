//! How fast the whole pipeline is, directory to directory, against a yardstick run beside it.
//!
//! The yardstick only reads, hashes (SHA-256, MD5, tree hash, stock crates) and writes the same bytes with as many
//! threads as the pipeline has fetchers. It knows no queue, no state, no tar, no check of what was written. It is
//! timed twice: as plain writes, and with an fsync of each 25 MB output, which is what any backup has to wait for.
//!
//! `cargo bench --bench pipeline -- [--dir DIR] [--rounds N] [large] [small]`. The folder decides which disk is measured;
//! on a memory file system the ratio is that of the work alone. Prints ratios of the medians: above 1 the pipeline is
//! faster than the yardstick.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::cast_precision_loss)]

#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use support::dice::{Dice, noise};
use support::median::median;

const FIRN: &str = env!("CARGO_BIN_EXE_firn");
const THREADS: usize = 8;
const OUTPUT: usize = 25_000_000;
const LEAF: usize = 1 << 20;

struct Case {
    name: &'static str,
    files: usize,
    sizes: (u64, u64),
    goals: &'static [(&'static str, f64)],
}

const CASES: [Case; 2] = [
    Case { name: "large", files: 858, sizes: (1_000_000, 4_000_000), goals: &[("always", 0.9), ("auto", 1.5)] },
    Case { name: "small", files: 100_000, sizes: (4096, 32_768), goals: &[("always", 0.6), ("auto", 0.6)] },
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut dir = std::env::temp_dir();
    let mut rounds = 3;
    let mut only = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--dir" => dir = PathBuf::from(args.next().unwrap()),
            "--rounds" => rounds = args.next().unwrap().parse().unwrap(),
            name => only.push(name.to_owned()),
        }
    }
    let temp = tempfile::Builder::new().prefix("firn-bench-").tempdir_in(dir).unwrap();
    println!("in {}, {rounds} rounds, {THREADS} threads", temp.path().display());
    for case in CASES.iter().filter(|case| only.is_empty() || only.iter().any(|name| name == case.name)) {
        let source = temp.path().join(case.name);
        let (paths, bytes) = generate(&source, case);
        println!("\n{}: {} files, {:.2} GB", case.name, paths.len(), bytes as f64 / 1e9);
        for (md5, goal) in case.goals {
            let (mut plain, mut synced, mut ours) = (Vec::new(), Vec::new(), Vec::new());
            // The first round of each is not counted: it finds caches cold and the disk's blocks new.
            for round in 0..=rounds {
                let times = [
                    yardstick(temp.path(), &paths, false),
                    yardstick(temp.path(), &paths, true),
                    pipeline(temp.path(), &source, md5, bytes),
                ];
                if round > 0 {
                    plain.push(times[0]);
                    synced.push(times[1]);
                    ours.push(times[2]);
                }
            }
            let rate = |times: &[f64]| bytes as f64 / 1e6 / median(times);
            println!(
                "  md5 = {md5:<7} yardstick {:.0} MB/s, with fsync {:.0} MB/s, firn {:.0} MB/s: ratio {:.2}, to the yardstick with fsync {:.2} (goal {goal})",
                rate(&plain),
                rate(&synced),
                rate(&ours),
                median(&plain) / median(&ours),
                median(&synced) / median(&ours),
            );
        }
        fs::remove_dir_all(&source).unwrap();
    }
}

/// Files whose bytes do not repeat within a bundle.
fn generate(root: &Path, case: &Case) -> (Vec<PathBuf>, u64) {
    let (mut dice, pool) = (Dice(1), noise(1, 32 << 20));
    let mut paths = Vec::new();
    let mut bytes = 0;
    for n in 0..case.files {
        let folder = root.join((n / 1000).to_string());
        if n % 1000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let length = case.sizes.0 + dice.roll(case.sizes.1 - case.sizes.0 + 1);
        let start = usize::try_from(dice.roll(pool.len() as u64 - length)).unwrap();
        let path = folder.join(n.to_string());
        fs::write(&path, &pool[start..start + usize::try_from(length).unwrap()]).unwrap();
        paths.push(path);
        bytes += length;
    }
    // Nothing of this is left to be written while somebody is timed.
    rustix::fs::sync();
    (paths, bytes)
}

/// Reads, hashes, writes. Seconds.
fn yardstick(temp: &Path, paths: &[PathBuf], fsync: bool) -> f64 {
    let out = temp.join("yardstick");
    fs::create_dir(&out).unwrap();
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (next, out) = (&next, &out);
            scope.spawn(move || {
                let mut output = Output {
                    dir: out,
                    thread,
                    number: 0,
                    file: None,
                    written: 0,
                    fsync,
                    leaf: Sha256::new(),
                    filled: 0,
                };
                let mut buffer = Vec::new();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    buffer.clear();
                    File::open(path).unwrap().read_to_end(&mut buffer).unwrap();
                    std::hint::black_box(Sha256::digest(&buffer));
                    std::hint::black_box(Md5::digest(&buffer));
                    output.write(&buffer);
                }
                output.close();
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    fs::remove_dir_all(&out).unwrap();
    seconds
}

struct Output<'a> {
    dir: &'a Path,
    thread: usize,
    number: usize,
    file: Option<File>,
    written: usize,
    fsync: bool,
    leaf: Sha256,
    filled: usize,
}

impl Output<'_> {
    fn write(&mut self, mut bytes: &[u8]) {
        let name = format!("{}-{}", self.thread, self.number);
        let file = self.file.get_or_insert_with(|| File::create(self.dir.join(name)).unwrap());
        file.write_all(bytes).unwrap();
        self.written += bytes.len();
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(LEAF - self.filled));
            self.leaf.update(now);
            self.filled += now.len();
            if self.filled == LEAF {
                std::hint::black_box(self.leaf.finalize_reset());
                self.filled = 0;
            }
            bytes = rest;
        }
        if self.written >= OUTPUT {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(file) = self.file.take()
            && self.fsync
        {
            file.sync_data().unwrap();
        }
        self.number += 1;
        self.written = 0;
    }
}

/// Backs it all up with the real program. Seconds, from its start to its end.
fn pipeline(temp: &Path, source: &Path, md5: &str, bytes: u64) -> f64 {
    let work = temp.join("work");
    fs::create_dir(&work).unwrap();
    let config = work.join("firn.toml");
    let text = format!(
        "[[source]]\nname = \"bench\"\npath = \"{}\"\n[vault]\npath = \"vault\"\n[backup]\nmd5 = \"{md5}\"\nfetchers = {THREADS}\n[log]\nlevel = \"error\"\n",
        source.display()
    );
    fs::write(&config, text).unwrap();
    let began = Instant::now();
    let status =
        Command::new(FIRN).arg("--config").arg(&config).args(["run", "--until-idle", "--quiet"]).status().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "firn run failed: {status}");
    let stored: u64 = walk(&work.join("vault/archives"));
    assert!(stored >= bytes, "the vault holds {stored} bytes of {bytes}");
    fs::remove_dir_all(&work).unwrap();
    seconds
}

fn walk(dir: &Path) -> u64 {
    fs::read_dir(dir)
        .unwrap()
        .map(Result::unwrap)
        .map(
            |entry| {
                if entry.file_type().unwrap().is_dir() { walk(&entry.path()) } else { entry.metadata().unwrap().len() }
            },
        )
        .sum()
}
