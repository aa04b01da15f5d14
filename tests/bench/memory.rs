//! How much memory a backup takes, whatever the size of the tree or of one file.
//!
//! `cargo bench --bench memory -- [--dir DIR] [--files N] [--gb N]`: the peak resident memory of a run over 30,000 files,
//! over N (default 300,000), and over one sparse file of N GB (default 20, which takes as much disk in the vault). Prints
//! each as a ratio to the first and to the limit of 150 MB.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::cast_precision_loss)]

#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::flags::Flags;

const LIMIT: f64 = 150.0;

fn main() {
    let flags = Flags::read(&["dir", "files", "gb"]);
    let (dir, files, gigabytes) = (flags.dir(), flags.number("files", 300_000), flags.number("gb", 20));
    let few = peak(&dir, |photos| tree(photos, 30_000));
    report("30,000 files", few, few);
    report(&format!("{files} files"), peak(&dir, |photos| tree(photos, files)), few);
    let huge =
        peak(&dir, |photos| File::create(photos.join("huge")).unwrap().set_len(gigabytes * 1_000_000_000).unwrap());
    report(&format!("one file of {gigabytes} GB"), huge, few);
}

fn report(what: &str, peak: f64, first: f64) {
    println!(
        "{what:<24} {peak:>6.0} MB: {:.2} of the first, {:.2} of the limit of {LIMIT} MB",
        peak / first,
        peak / LIMIT
    );
}

fn tree(photos: &Path, files: u32) {
    for n in 0..files {
        let folder = photos.join((n / 1000).to_string());
        if n % 1000 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        fs::write(folder.join(format!("a-name-of-some-length-{n}.jpg")), vec![0; 500 + n as usize % 3000]).unwrap();
    }
}

/// The peak resident memory of one run, MB.
fn peak(dir: &Path, fill: impl FnOnce(&Path)) -> f64 {
    let temp = tempfile::Builder::new().prefix("firn-bench-").tempdir_in(dir).unwrap();
    let photos = temp.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fill(&photos);
    let config = "[[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\npath = \"vault\"\n";
    fs::write(temp.path().join("firn.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.arg("--config").arg(temp.path().join("firn.toml")).args(["--set", "log.level=error"]);
    let mut child = command.args(["run", "--until-idle", "--quiet"]).stdin(Stdio::null()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most: f64 = 0.0;
    let ended = loop {
        // The kernel keeps the peak; what is read last before the end is it.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        most = most.max(kilobytes.unwrap_or(0.0) * 1024.0 / 1e6);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        // A poll until the run ends.
        std::thread::park_timeout(Duration::from_millis(10));
    };
    assert!(ended.success(), "the run ended with {ended}");
    most
}
