//! A source, a vault and a state in a folder of their own; runs of the real binary over them; and what must hold after.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::folders::walk;
use crate::support::waiting;

/// The longest a run may take. Only a run that hangs comes near it.
const DEADLINE: Duration = Duration::from_mins(5);

/// What each version of each file holds: what must be restorable, by key.
pub type Versions = BTreeMap<String, Vec<Vec<u8>>>;

/// A folder that firn works in.
pub struct World {
    pub dir: TempDir,
    /// On another file system than `dir`, when the vault is to lie there.
    elsewhere: Option<TempDir>,
    pub versions: Versions,
    /// Set for every run.
    pub bug: Option<&'static str>,
}

/// Where to put test folders: memory if there is some, for the crash runs fsync a lot and lose nothing by it (what a
/// power cut takes is taken by the test build itself).
fn fast() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if tempfile::tempdir_in(memory).is_ok() { memory.to_owned() } else { std::env::temp_dir() }
}

impl World {
    /// An empty source. With `apart`, the vault lies on another file system than the staging folder where there is one.
    pub fn new(bundle_size: &str, apart: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("firn-crash").tempdir_in(fast()).unwrap();
        let elsewhere = apart.then(|| tempfile::Builder::new().prefix("firn-crash").tempdir().unwrap());
        let vault = elsewhere.as_ref().map_or_else(|| "vault".into(), |dir| dir.path().join("vault"));
        fs::create_dir(dir.path().join("photos")).unwrap();
        fs::create_dir(dir.path().join("limbo")).unwrap();
        let config = format!(
            "[state]\nurl = \"sqlite:firn.db\"\n[staging]\npath = \"staging\"\nbudget = \"16MB\"\n\
             [[source]]\nname = \"ugc\"\nkind = \"directory\"\npath = \"photos\"\n\
             [vault]\nkind = \"directory\"\npath = \"{}\"\n\
             [backup]\nbundle_size = \"{bundle_size}\"\nbundle_age = \"1s\"\nfetchers = 2\nuploaders = 2\n",
            vault.display()
        );
        fs::write(dir.path().join("firn.toml"), config).unwrap();
        Self { dir, elsewhere, versions: Versions::new(), bug: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.elsewhere.as_ref().map_or_else(|| self.path("vault"), |dir| dir.path().join("vault"))
    }

    /// Writes a file of the source, as a new version if there is one already.
    pub fn write(&mut self, key: &str, bytes: Vec<u8>) {
        let path = self.path("photos").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &bytes).unwrap();
        self.versions.entry(key.to_owned()).or_default().push(bytes);
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.arg("--config").arg(self.path("firn.toml")).stdin(Stdio::null());
        command.env_remove("FIRN_CRASH_AT").env("RUST_BACKTRACE", "0");
        command.env_remove("FIRN_TEST_SEED");
        if let Some(bug) = self.bug {
            command.env("FIRN_BUG", bug);
        }
        command
    }

    /// A run until nothing is left to do, to be killed from outside.
    pub fn start(&self) -> Child {
        let mut command = self.command();
        command.args(["--set", "log.level=error", "run", "--until-idle", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A run until nothing is left to do that aborts before durable step `at` (its number, or `name#n`). The step it aborted before, if it came
    /// to that; nothing if it ended by itself.
    pub fn run_and_crash(&self, at: &str, loss: &str) -> Option<String> {
        let limbo = self.path("limbo");
        let mut command = self.command();
        command.args(["--set", "log.level=error", "run", "--until-idle", "--quiet"]);
        command.env("FIRN_CRASH_AT", at).env("FIRN_CRASH_LOSS", loss).env("FIRN_CRASH_LIMBO", &limbo);
        let (status, said) = self.output(command);
        let step = fs::read_to_string(limbo.join("crashed-before")).ok();
        for entry in fs::read_dir(&limbo).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        if let Some(step) = step {
            return Some(step.trim().to_owned());
        }
        assert!(status.success(), "a run that was not cut short ended with {status}: {said}");
        None
    }

    /// A run until nothing is left to do. Whether it went well, or what it said.
    pub fn finish(&self) -> Result<(), String> {
        let mut command = self.command();
        command.args(["--set", "log.level=warn", "run", "--until-idle", "--quiet"]);
        let (status, said) = self.output(command);
        if status.success() { Ok(()) } else { Err(format!("the run after it ended with {status}: {said}")) }
    }

    /// A run until nothing is left to do: the durable steps it took, by name.
    pub fn finish_and_count(&self) -> BTreeMap<String, u64> {
        let log = self.path("steps");
        let mut command = self.command();
        command.env("FIRN_STEP_LOG", &log).args(["--set", "log.level=warn", "run", "--until-idle", "--quiet"]);
        let (status, said) = self.output(command);
        assert!(status.success(), "it ended with {status}: {said}");
        let mut counts = BTreeMap::new();
        for name in fs::read_to_string(log).unwrap().lines() {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        counts
    }

    /// Runs it with a deadline; its status and what it said.
    fn output(&self, mut command: Command) -> (ExitStatus, String) {
        let log = self.path("said");
        command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let status = wait(&mut child, DEADLINE).unwrap_or_else(|| {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hung: {}", fs::read_to_string(&log).unwrap())
        });
        (status, fs::read_to_string(log).unwrap())
    }

    /// What must hold once everything has been done: all of it, or the first thing that does not.
    pub fn verify(&self) -> Result<(), String> {
        self.restored()?;
        self.archived_once()?;
        self.nothing_left()
    }

    /// Like [`Self::verify`] where files changed while nobody looked: older versions may or may not be archived.
    pub fn verify_newest(&self) -> Result<(), String> {
        self.restored()?;
        self.nothing_left()
    }

    /// The newest version of every file comes back, byte for byte.
    fn restored(&self) -> Result<(), String> {
        let dest = self.path("restored");
        let mut command = self.command();
        let Output { status, stderr, .. } = command.args(["restore", "ugc"]).arg(&dest).output().unwrap();
        if !status.success() {
            return Err(format!("restore ended with {status}: {}", String::from_utf8_lossy(&stderr)));
        }
        for (key, versions) in &self.versions {
            let found = fs::read(dest.join(key)).map_err(|e| format!("{key} was not restored: {e}"))?;
            if Some(&found) != versions.last() {
                return Err(format!("{key} was restored with other bytes"));
            }
        }
        fs::remove_dir_all(dest).unwrap();
        Ok(())
    }

    /// Every version of every file is a member of exactly one archive of the vault, whole.
    fn archived_once(&self) -> Result<(), String> {
        let mut members: BTreeMap<(String, [u8; 32]), u32> = BTreeMap::new();
        for path in files_below(&self.vault().join("archives")) {
            let broken = |e: std::io::Error| format!("{} is not a whole tar: {e}", path.display());
            let mut archive = tar::Archive::new(fs::File::open(&path).unwrap());
            for entry in archive.entries().map_err(broken)? {
                let mut entry = entry.map_err(broken)?;
                let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(broken)?;
                let Some(key) = name.strip_prefix("data/") else { continue };
                *members.entry((key.to_owned(), Sha256::digest(&bytes).into())).or_default() += 1;
            }
        }
        for (key, versions) in &self.versions {
            for (number, bytes) in versions.iter().enumerate() {
                let copies = members.remove(&(key.clone(), Sha256::digest(bytes).into())).unwrap_or(0);
                if copies != 1 {
                    return Err(format!("version {number} of {key} lies in {copies} archives"));
                }
            }
        }
        match members.keys().next() {
            None => Ok(()),
            Some((key, _)) => Err(format!("the vault holds a version of {key} that was never written")),
        }
    }

    /// No file waits, no archive is half done, nothing lies in staging or half sent in the vault; and every archive in
    /// the vault is one that the state calls stored.
    fn nothing_left(&self) -> Result<(), String> {
        let state = rusqlite::Connection::open(self.path("firn.db")).unwrap();
        let count = |sql: &str| state.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        if count("SELECT count(*) FROM queue") != 0 {
            return Err("files are still queued".to_owned());
        }
        if count("SELECT count(*) FROM archive WHERE live = 1") != 0 {
            return Err("archives are still on their way".to_owned());
        }
        for (place, what) in
            [(self.path("staging"), "staging"), (self.vault().join("incoming"), "the vault's incoming")]
        {
            if let Some(left) = files_below(&place).first() {
                return Err(format!("{what} still holds {}", left.display()));
            }
        }
        let stored = count("SELECT count(*) FROM archive WHERE state = 3");
        let held = files_below(&self.vault().join("archives")).len();
        if i64::try_from(held) == Ok(stored) {
            Ok(())
        } else {
            Err(format!("the vault holds {held} archives, {stored} are recorded as stored"))
        }
    }
}

/// Waits for its end until the deadline.
pub fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    waiting::found(within, || child.try_wait().unwrap())
}

/// Plain files below a folder; none if it is not there.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    walk(dir).into_iter().filter(|(_, meta)| !meta.is_dir()).map(|(path, _)| path).collect()
}
