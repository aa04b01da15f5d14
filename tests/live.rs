//! Files written now reach the vault in time while a backfill saturates both pools.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests
#![allow(clippy::disallowed_methods)] // the wall clock is what is measured

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use support::waiting::eventually;

/// A live file may take its bundle's age and this.
const SLACK: Duration = Duration::from_secs(5);

/// Ends what it started, whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn micros(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// One number out of the state; nothing while it cannot be read.
fn number(state: &Path, sql: &str) -> Option<i64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let state = Connection::open_with_flags(state, flags).ok()?;
    state.busy_timeout(Duration::from_secs(5)).ok()?;
    state.query_row(sql, [], |row| row.get(0)).ok()
}

/// Room on the file system of a folder, bytes.
fn room(dir: &Path) -> u64 {
    let stat = rustix::fs::statvfs(dir).unwrap();
    stat.f_bavail * stat.f_frsize
}

/// `live` files, ten a second, while `history` small files and one of `huge` bytes (sparse) are backed up.
fn live_files_in_time(history: u32, huge: u64, live: u32, bundle_age: Duration) {
    let temp = TempDir::new().unwrap();
    let dir = temp.path();
    let needed = huge + u64::from(history) * 16_384 * 2 + (1 << 30);
    assert!(room(dir) > needed, "{} has {} bytes free; this takes {needed}", dir.display(), room(dir));
    let photos = dir.join("photos");
    for n in 0..history {
        let folder = photos.join(format!("{:03}", n / 500));
        if n % 500 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let size = 1_000 + usize::try_from(n % 30).unwrap() * 700;
        fs::write(folder.join(n.to_string()), vec![u8::try_from(n % 251).unwrap(); size]).unwrap();
    }
    fs::File::create(photos.join("huge.bin")).unwrap().set_len(huge).unwrap();
    fs::create_dir(photos.join("live")).unwrap();
    let config = format!(
        "[state]\nurl = \"sqlite:firn.db\"\n[staging]\npath = \"staging\"\n[[source]]\nname = \"ugc\"\n\
         kind = \"directory\"\npath = \"photos\"\n[vault]\nkind = \"directory\"\npath = \"vault\"\n\
         [backup]\nbundle_size = \"25MB\"\nbundle_age = \"{}s\"\nfetchers = 8\nuploaders = 4\n",
        bundle_age.as_secs()
    );
    fs::write(dir.join("firn.toml"), config).unwrap();
    let state = dir.join("firn.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.arg("--config").arg(dir.join("firn.toml")).args(["--set", "log.level=warn", "run", "--quiet"]);
    let _running = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    let busy = "SELECT count(*) FROM archive WHERE state IN (0, 2) HAVING count(*) > 0";
    eventually(Duration::from_mins(1), "the backfill", || number(&state, busy));
    let mut written = Vec::new();
    for n in 0..live {
        let path = photos.join("live").join(format!("{n}.jpg"));
        fs::write(&path, vec![7; 20_000]).unwrap();
        written.push((format!("live/{n}.jpg"), micros(SystemTime::now())));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let still = number(&state, "SELECT count(*) FROM queue WHERE lane = 1").unwrap();
    let mut worst = (0, 0, String::new());
    for (key, at) in written {
        let of = |column: &str| {
            format!(
                "SELECT a.{column} FROM file f JOIN member m ON m.file = f.id JOIN archive a ON a.id = m.archive
             WHERE f.key = CAST('{key}' AS BLOB) AND a.state = 3"
            )
        };
        let stored = eventually(bundle_age * 4, &format!("{key} in the vault"), || number(&state, &of("stored_at")));
        let sealed = number(&state, &of("sealed_at")).unwrap();
        worst = worst.max((stored - at, stored - sealed, key));
    }
    #[allow(clippy::cast_precision_loss)] // seconds for people
    let (seconds, upload) = (worst.0 as f64 / 1e6, worst.1 as f64 / 1e6);
    println!("{live} live files; history still queued after the last was written: {still}");
    println!(
        "worst from written to stored: {seconds:.2} s, {upload:.2} s of it after its bundle was sealed ({})",
        worst.2
    );
    assert!(still > 0, "the backfill was over before the live files were written: nothing was shown");
    let limit = micros(SystemTime::UNIX_EPOCH + bundle_age + SLACK);
    assert!(worst.0 <= limit, "{} took {seconds:.2} s, the limit is {:?}", worst.2, bundle_age + SLACK);
}

#[test]
fn ten_live_files_during_a_backfill() {
    live_files_in_time(3_000, 2_000_000_000, 10, Duration::from_secs(3));
}

#[test]
#[ignore = "long: 100 live files during a backfill of 50,000 files and one of 20 GB (takes 22 GB of disk), minutes"]
fn a_hundred_live_files_during_a_large_backfill() {
    live_files_in_time(50_000, 20_000_000_000, 100, Duration::from_secs(20));
}
