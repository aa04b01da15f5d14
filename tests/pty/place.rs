//! A directory to back up, a vault, and a configuration: what a console over something real stands on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rusqlite::Connection;
use tempfile::TempDir;

use super::pty::Pty;

/// The binary.
pub const FIRN: &str = env!("CARGO_BIN_EXE_firn");

/// What every configuration begins with.
const BEGINNING: &str = r#"
[[source]]
name = "ugc"
path = "photos"
[vault]
path = "vault"
"#;

/// A small configuration.
const CONFIG: &str = r#"
[backup]
bundle_age = "1s"
[console]
refresh = "1s"
"#;

/// Everything in one folder.
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// With so many small files to back up.
    pub fn new(files: usize) -> Self {
        Self::with(CONFIG, files, |n| format!("picture {n}").into_bytes())
    }

    /// With a configuration of its own beside source and vault, and so many files that hold what is said of each.
    pub fn with(more: &str, files: usize, holds: impl Fn(usize) -> Vec<u8>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("firn.toml"), [BEGINNING, more].concat()).unwrap();
        fs::create_dir(dir.path().join("photos")).unwrap();
        for n in 0..files {
            fs::write(dir.path().join(format!("photos/{n:04}.jpg")), holds(n)).unwrap();
        }
        Self { dir }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line of firn with this configuration.
    pub fn command(&self, args: &[&str]) -> Vec<String> {
        let config = self.path("firn.toml").to_str().unwrap().to_owned();
        [FIRN, "--config", &config].into_iter().chain(args.iter().copied()).map(str::to_owned).collect()
    }

    /// The console, whatever it says. What it keeps, it keeps here.
    pub fn open(&self, size: (u16, u16), args: &[&str]) -> Pty {
        let kept = self.path("kept");
        Pty::start(size, self.command(args), &[("XDG_STATE_HOME", kept.to_str().unwrap())])
    }

    /// The console, drawn from the state.
    pub fn console(&self, args: &[&str]) -> Pty {
        let pty = self.open((200, 50), args);
        pty.wait_for("db ok");
        pty.wait_for("IN VAULT");
        pty
    }

    /// A headless command.
    pub fn firn(&self, args: &[&str]) -> Output {
        let command = self.command(args);
        Command::new(&command[0]).args(&command[1..]).output().unwrap()
    }

    /// Everything in the vault.
    pub fn backed_up(files: usize) -> Self {
        let place = Self::new(files);
        place.back_up();
        place
    }

    /// Everything into the vault.
    pub fn back_up(&self) {
        let run = self.firn(&["run", "--until-idle", "--quiet"]);
        assert!(run.status.success(), "{run:?}");
    }

    /// The state, as it lies on the disk.
    pub fn state(&self) -> Connection {
        Connection::open(self.path("firn.db")).unwrap()
    }

    /// One number out of the state.
    pub fn number(&self, sql: &str) -> i64 {
        self.state().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
