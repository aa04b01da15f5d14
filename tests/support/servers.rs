//! What servers of others that the tests start have in common: folders of their own, ports nobody else has, and an end with
//! the value that holds them, at the latest with the process.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::waiting::{LONG, eventually};

/// Ends what is left of the servers of a process that has ended, and takes their folder away.
const WARDEN: &str = "trap '' INT TERM HUP; cat >/dev/null; \
    for pid in \"$0\"/*/pid; do [ -f \"$pid\" ] && kill -9 \"$(cat \"$pid\")\"; done; rm -rf \"$0\"";

/// Where the servers of one kind of this process are.
pub struct Home {
    dir: PathBuf,
    next: AtomicU32,
    /// Whoever reads the other end finds its end when this process has ended, however it did.
    _warden: ChildStdin,
}

impl Home {
    pub fn new(prefix: &str) -> Self {
        let dir = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
        let mut warden = Command::new("sh");
        warden.args(["-c", WARDEN]).arg(&dir).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let warden = warden.spawn().unwrap().stdin.take().unwrap();
        Self { dir, next: AtomicU32::new(1), _warden: warden }
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The folder of another server. It is to write its number into `pid` there.
    pub fn folder(&self) -> PathBuf {
        let dir = self.dir.join(format!("s{}", self.next.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&dir).unwrap();
        dir
    }
}

/// A port that nobody has now, and that no other test is given while this process lives, whichever program it is of: a name
/// of the system's stands for it. It is none of those that the system gives to connections.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    loop {
        let dice = RandomState::new().build_hasher().finish();
        let port = u16::try_from(10_000 + dice % 22_000).unwrap();
        let name = SocketAddr::from_abstract_name(format!("firn-test-port-{port}")).unwrap();
        let Ok(taken) = UnixListener::bind_addr(&name) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
            return port;
        }
    }
}

/// A server that runs; dropped, it is ended as by a power cut.
pub struct Run {
    dir: PathBuf,
    child: Child,
}

impl Run {
    /// Starts it and waits until it is there, by what `answers`. What it says goes to `log` in its folder.
    #[track_caller]
    pub fn start<T>(
        dir: &Path,
        within: Duration,
        mut command: Command,
        mut answers: impl FnMut() -> Option<T>,
    ) -> Self {
        let program = command.get_program().display().to_string();
        let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("{program}: {e}; tests/run installs it"));
        let mut run = Self { dir: dir.to_owned(), child };
        eventually(within, &format!("{program} answers"), || {
            let ended = run.child.try_wait().unwrap();
            assert!(ended.is_none(), "{program} ended: {}", fs::read_to_string(dir.join("log")).unwrap());
            answers()
        });
        run
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it in its tracks: connections stay, and are taken by the kernel; nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        // The signal is sent; every thread stops when it gets to it.
        let tasks = format!("/proc/{}/task", self.child.id());
        let stopped = |task: std::io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        eventually(LONG, "every thread of it stands", || fs::read_dir(&tasks).unwrap().all(stopped).then_some(()));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its number may be another's soon.
        let _ = fs::remove_file(self.dir.join("pid"));
    }
}

/// A server with its folder and port, whether it runs now or not. Both end with it.
pub struct Server {
    dir: PathBuf,
    port: u16,
    pub run: Option<Run>,
}

impl Server {
    /// One that does not run yet.
    pub fn new(home: &Home) -> Self {
        Self { dir: home.folder(), port: free_port(), run: None }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it in its tracks: connections stay, and are taken by the kernel; nothing answers.
    pub fn freeze(&self) {
        self.run.as_ref().unwrap().freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.run.as_ref().unwrap().thaw();
    }

    /// Ends it, as a power cut would.
    pub fn kill(&mut self) {
        self.run = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
