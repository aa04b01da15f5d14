//! What the tests here stand on: a home of firn's in a temporary folder, its commands, trees of files to back up.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use firn::base::Clock;
use serde_json::Value;
use tempfile::TempDir;

pub use crate::support::dice::noise;
pub use crate::support::done::Done;
use crate::support::folders::{self, Look};
pub use crate::support::waiting::eventually;

/// The minimal configuration, a line a section.
pub const MINIMAL: &str = r#"state = { url = "sqlite:firn.db" }
staging = { path = "staging" }
source = [{ name = "ugc", kind = "directory", path = "photos" }]
vault = { kind = "directory", path = "vault" }
backup = { bundle_size = "25MB", bundle_age = "20s", fetchers = 8, uploaders = 4 }
"#;

/// Looks for a source's files in a vault's tars.
pub const CHECK_TARS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check-tars");

/// Longer than any command here takes, on a busy machine.
pub const LONG: Duration = crate::support::waiting::LONG;

/// A firn in the background; killed when dropped.
pub struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[track_caller]
    pub fn wait(mut self, within: Duration) -> Done {
        let err = self.err.clone();
        let shown = || String::from_utf8_lossy(&fs::read(&err).unwrap_or_default()).into_owned();
        let clock = Clock::system();
        let began = clock.mono();
        let status = eventually(within + Duration::from_secs(1), "the command ends", || {
            let over = self.child.try_wait().unwrap();
            assert!(over.is_some() || clock.mono().since(began) < within, "it goes on and on:\n{}", shown());
            over
        });
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let (out, err) = (read(&self.out), read(&self.err));
        assert!(!err.contains("panicked"), "{err}");
        // A signal that ends it has no exit code.
        Done { code: status.code().unwrap_or(-1), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration, a source, and room for state, staging and vault.
pub struct Home {
    dir: TempDir,
    names: std::cell::Cell<u32>,
}

impl Home {
    /// The minimal configuration.
    pub fn new() -> Self {
        Self::with(MINIMAL)
    }

    /// Small bundles and quick leases.
    pub fn small(bundle_size: &str) -> Self {
        let backup = format!(r#"bundle_size = "{bundle_size}", bundle_age = "1s", fetchers = 4, uploaders = 2"#);
        let rest = MINIMAL.lines().take(4).collect::<Vec<_>>().join("\n");
        Self::with(&format!("{rest}\nbackup = {{ {backup} }}\nworker = {{ lease = \"10s\" }}\n"))
    }

    pub fn with(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Another user may be the one who runs firn here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("firn.toml"), config).unwrap();
        fs::create_dir(dir.path().join("photos")).unwrap();
        Self { dir, names: std::cell::Cell::new(0) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn photos(&self) -> PathBuf {
        self.path("photos")
    }

    /// `firn` with this configuration, and nothing else around it.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        self.dress(&mut command);
        command.arg("--config").arg(self.path("firn.toml")).args(args);
        command
    }

    /// The same through another program, such as `setpriv`.
    pub fn through<S: AsRef<OsStr>>(&self, wrapper: &[&str], args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(wrapper[0]);
        self.dress(&mut command);
        // Where it was built, others may not be let in.
        let binary = self.path("firn");
        if !binary.exists() {
            // By another process: a file that this one has open for writing could not be run while it forks elsewhere.
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_firn")).arg(&binary).status().unwrap();
            assert!(copied.success());
        }
        command.args(&wrapper[1..]).arg(binary).arg("--config").arg(self.path("firn.toml")).args(args);
        command
    }

    fn dress(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.dir.path()).env("USER", "tester").stdin(Stdio::null());
        command.current_dir(self.dir.path());
    }

    #[track_caller]
    pub fn firn(&self, args: &[&str]) -> Done {
        self.run(self.command(args))
    }

    #[track_caller]
    pub fn run(&self, command: Command) -> Done {
        self.start(command).wait(LONG)
    }

    pub fn start(&self, mut command: Command) -> Running {
        self.names.set(self.names.get() + 1);
        let path = |what: &str| self.path(&format!("{}.{what}", self.names.get()));
        let (out, err) = (path("out"), path("err"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Running { child: command.spawn().unwrap(), out, err }
    }

    /// Everything into the vault.
    #[track_caller]
    pub fn back_up(&self) -> Done {
        self.firn(&["run", "--until-idle"]).expect(0)
    }

    /// What `firn status` says; nothing (every value of it null) while there is no state.
    #[track_caller]
    pub fn status(&self) -> Value {
        let done = self.firn(&["status", "--json"]);
        if done.code == 3 && done.out.is_empty() { Value::Null } else { done.json() }
    }

    /// A firn that has nothing left to do and watches.
    #[track_caller]
    pub fn watching(&self) -> Running {
        let running = self.start(self.command(["run"]));
        let watches = || self.status()["workers"][0]["doing"]["scanning"]["ugc"] == "watching";
        eventually(LONG, "it watches", || watches().then_some(()));
        running
    }

    /// The finding of a rule, once there is one.
    #[track_caller]
    pub fn finding(&self, within: Duration, rule: &str) -> Value {
        eventually(within, rule, || {
            self.status()["findings"].as_array()?.iter().find(|finding| finding["rule"] == rule).cloned()
        })
    }

    /// What the vault's tars hold, as `tar` and `sha256sum` alone find it: everything of the source. Files, members.
    #[track_caller]
    pub fn check_tars(&self) -> (u64, u64) {
        let mut command = Command::new(CHECK_TARS);
        command.arg(self.path("vault")).arg(self.photos());
        let done = self.run(command).expect(0);
        let number = |word: &str| {
            let after = done.out.split_once(word).unwrap_or_else(|| panic!("{}", done.out)).1;
            let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap_or_else(|e| panic!("{e}: {}", done.out))
        };
        (number("files"), number("members"))
    }

    /// Restores everything to a new folder and compares it with the source.
    #[track_caller]
    pub fn restores_whole(&self) {
        let dest = self.path("restored-whole");
        let _ = fs::remove_dir_all(&dest);
        self.run(self.command([OsStr::new("restore"), OsStr::new("ugc"), dest.as_os_str(), OsStr::new("--yes")]))
            .expect(0);
        same_trees(&self.photos(), &dest);
        fs::remove_dir_all(&dest).unwrap();
    }
}

/// Every regular file below `root`, by its path.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Look> {
    assert!(root.is_dir(), "{} is a folder", root.display());
    folders::tree(root).into_iter().filter(|(_, look)| look.is_file).collect()
}

#[track_caller]
pub fn same_trees(one: &Path, other: &Path) {
    folders::same(&tree(one), &tree(other));
}

/// Writes a file with its mode and its time.
pub fn put(path: &Path, bytes: &[u8], mode: u32, mtime: (i64, u32)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
    let stamp = |(secs, nanos): (i64, u32)| rustix::fs::Timespec { tv_sec: secs, tv_nsec: nanos.into() };
    let times = rustix::fs::Timestamps { last_access: stamp(mtime), last_modification: stamp(mtime) };
    rustix::fs::futimens(&file, &times).unwrap();
}

/// Whether it has a name of firn's, under which files are written.
pub fn is_part(path: &Path) -> bool {
    path.as_os_str().as_bytes().starts_with(b".firn-part-")
}

/// `count` plain files of a few hundred bytes.
pub fn plain_tree(root: &Path, count: u64) {
    for n in 0..count {
        let len = usize::try_from(n * 37 % 900).unwrap();
        put(&root.join(format!("d{}/f{n}", n % 7)), &noise(n, len), 0o644, (1_700_000_000, 0));
    }
}

/// Names that a shell, a terminal or a tar could trip over.
pub fn odd_names() -> Vec<OsString> {
    let mut names: Vec<Vec<u8>> = [
        b"new\nline".as_slice(),
        b"esc\x1b[2J\x1b]0;title\x07",
        b"-rf",
        b"--help",
        b" blanks  at both ends ",
        b"\xff\xfe not \xc3\x28 utf-8",
        "umlaut-\u{e4}\u{f6}\u{fc}-\u{65e5}\u{672c}".as_bytes(),
        "right-to-left-\u{202e}gpj.exe".as_bytes(),
        "c1-\u{9b}31m".as_bytes(),
        b"back\\slash",
        b"quote'\"`$(x)",
        b"star*?[a]",
        b"tab\tcr\r",
        b"#hash;semi&amp|pipe",
        b"MANIFEST.json",
        b"%41%zz",
        b".hidden",
        b"...",
        b".firn/1",
        b"deep/er/and/deep/er/still/f",
    ]
    .map(<[u8]>::to_vec)
    .into();
    names.push(vec![b'n'; 255]);
    names.push([b"u".repeat(249).as_slice(), "\u{e9}\u{e9}\u{e9}".as_bytes()].concat());
    names.push([b"d".repeat(255).as_slice(), b"/", &b"e".repeat(255), b"/", &b"f".repeat(200)].concat());
    names.into_iter().map(OsString::from_vec).collect()
}

/// Every kind of regular file there is: `count` of them and the odd ones. `large` bytes in the largest.
pub fn mixed_tree(root: &Path, count: u64, large: usize) {
    let sizes = [0, 1, 511, 512, 513, 1023, 4096, 10_239, 10_240, 65_536];
    for (n, name) in odd_names().into_iter().enumerate() {
        let bytes = noise(n as u64 + 1_000_000, sizes[n % sizes.len()]);
        put(&root.join(name), &bytes, 0o640, (1_000_000_000 + i64::try_from(n).unwrap(), 123_456_789));
    }
    let modes = [0o644, 0o600, 0o444, 0o755, 0o666, 0o400, 0o1644];
    let times =
        [(0, 1), (-1, 999_999_999), (1, 0), (951_782_400, 500), (1_700_000_000, 987_654_321), (4_102_444_800, 7)];
    for n in 0..count {
        let at = usize::try_from(n).unwrap();
        let bytes = noise(n, if at % 23 == 0 { at * 97 % 300_000 } else { sizes[at % sizes.len()] });
        let path = root.join(format!("{}/{}/file {n}.bin", n % 5, n % 11));
        put(&path, &bytes, modes[at % modes.len()], times[at % times.len()]);
    }
    put(&root.join("large"), &noise(7, large), 0o644, (1_500_000_000, 250_000_000));
    fs::create_dir_all(root.join("empty folder")).unwrap();
    std::os::unix::fs::symlink("large", root.join("link")).unwrap();
}
