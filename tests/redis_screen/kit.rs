//! A console over clusters, and what stands in its rows.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use firn::redis::slots::SLOTS;
use tempfile::TempDir;

use crate::support::pty::Pty;
use crate::support::redis::Cluster;

const FIRN: &str = env!("CARGO_BIN_EXE_firn");
/// Wide enough for every column and every sentence.
const SIZE: (u16, u16) = (240, 50);

/// A folder with firn's configuration, and what it keeps.
pub struct Desk {
    dir: TempDir,
}

impl Desk {
    /// With a cluster called `shop`; `more` are further lines of its section.
    pub fn over(cluster: &Cluster, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seeds: Vec<String> = cluster.addrs().iter().map(ToString::to_string).collect();
        let config = format!("[[redis]]\nname = \"shop\"\nseeds = \"{}\"\n{more}\n", seeds.join(", "));
        fs::write(dir.path().join("firn.toml"), config).unwrap();
        Self { dir }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The console with its Redis tab.
    pub fn console(&self) -> Pty {
        let (config, kept) = (self.path("firn.toml"), self.path("kept"));
        let command = [FIRN, "--config", config.to_str().unwrap()];
        let mut pty = Pty::start(SIZE, command, &[("XDG_STATE_HOME", kept.to_str().unwrap())]);
        pty.wait_for("db ok");
        pty.press("5");
        pty.wait_for("VIEWS agree");
        pty
    }
}

/// Workers without a screen; killed when dropped.
pub struct Workers(Child);

impl Workers {
    pub fn start(desk: &Desk) -> Self {
        let mut command = Command::new(FIRN);
        command.arg("--config").arg(desk.path("firn.toml")).args(["run", "--quiet"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(desk.path("workers.log")).unwrap());
        Self(command.spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a row of the screen has all of these.
fn has(screen: &vt100::Screen, words: &[&str]) -> bool {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).any(|row| words.iter().all(|word| row.contains(word)))
}

/// Waits until a row of the screen has all of these.
#[track_caller]
pub fn shows(pty: &Pty, words: &[&str]) {
    pty.wait_until(&format!("a row with {words:?}"), |screen| has(screen, words));
}

/// Waits until no row of the screen has all of these.
#[track_caller]
pub fn clears(pty: &Pty, words: &[&str]) {
    pty.wait_until(&format!("no row with {words:?}"), |screen| !has(screen, words));
}

/// How much of all slots so many are.
pub fn share(slots: u16) -> String {
    format!("{:.0} %", f64::from(slots) * 100.0 / f64::from(SLOTS))
}

/// `5,461`
pub fn count(slots: u16) -> String {
    let mut text = String::new();
    if slots >= 1_000 {
        write!(text, "{},{:03}", slots / 1_000, slots % 1_000).unwrap();
    } else {
        write!(text, "{slots}").unwrap();
    }
    text
}
