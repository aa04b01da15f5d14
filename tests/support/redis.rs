//! Real redis servers, started by the tests: each in a folder of its own on ports nobody else has, nothing saved, gone with
//! the value that holds it, and at the latest with the process.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use firn::redis::addr::NodeAddr;
use firn::redis::nodes::{self, NodeId, NodeLine};
use firn::redis::resp::{Bounds, Reader, Value, request};

use super::waiting::eventually;

/// A server answers, and a cluster has formed, within this; on a busy machine it takes its time.
pub const READY: Duration = Duration::from_secs(30);

/// Where the servers of this process are.
struct Home {
    dir: PathBuf,
    /// Whoever reads the other end finds its end when this process has ended, however it did.
    _warden: ChildStdin,
}

/// Ends what is left of the servers of a process that has ended, and takes their folder away.
const WARDEN: &str = "trap '' INT TERM HUP; cat >/dev/null; \
    for pid in \"$0\"/*/pid; do [ -f \"$pid\" ] && kill -9 \"$(cat \"$pid\")\"; done; rm -rf \"$0\"";

fn home() -> &'static Path {
    static HOME: OnceLock<Home> = OnceLock::new();
    let home = HOME.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("firn-redis").tempdir().unwrap().keep();
        let mut warden = Command::new("sh");
        warden.args(["-c", WARDEN]).arg(&dir).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let warden = warden.spawn().unwrap().stdin.take().unwrap();
        Home { dir, _warden: warden }
    });
    &home.dir
}

/// A port that nobody has now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server.
pub struct Redis {
    dir: PathBuf,
    port: u16,
    bus: u16,
    more: Vec<String>,
    /// Whom the tests log in as: `AUTH` with these words.
    login: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    /// A server on 127.0.0.1; `more` are options as on its command line, `--maxclients`, `100`.
    pub fn start(more: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let dir = home().join(format!("r{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&dir).unwrap();
        let more = more.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { dir, port: free_port(), bus: free_port(), more, login: Vec::new(), child: None };
        server.launch();
        server
    }

    /// A node of a cluster yet to be, which takes a node for failed after `timeout` milliseconds.
    pub fn node(timeout: u32) -> Self {
        Self::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout.to_string()])
    }

    /// The tests log in so from now on.
    pub fn login(&mut self, words: &[&str]) {
        self.login = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Options beside those it was started with, from its next start on.
    pub fn also(&mut self, options: &[&str]) {
        self.more.extend(options.iter().map(|option| (*option).to_owned()));
    }

    /// The same options and ports again; data as far as they were saved.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    fn launch(&mut self) {
        let path = |name: &str| self.dir.join(name).display().to_string();
        let mut command = Command::new("redis-server");
        if self.more.iter().any(|option| option == "--sentinel") {
            // It writes what it learns into its file.
            fs::write(self.dir.join("sentinel.conf"), "").unwrap();
            command.arg(path("sentinel.conf"));
        }
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--dir",
            &path("."),
            "--pidfile",
            &path("pid"),
        ]);
        command.args(["--daemonize", "no", "--enable-debug-command", "yes"]);
        if !self.more.iter().any(|option| option == "--sentinel") {
            command.args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
        }
        if self.more.iter().any(|option| option == "--cluster-enabled") {
            command.args(["--cluster-port", &self.bus.to_string()]);
        }
        command.args(&self.more);
        let log = File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("redis-server: {e}; tests/run installs it"));
        eventually(READY, "redis-server listens", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "redis-server ended: {}", fs::read_to_string(self.dir.join("log")).unwrap());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.child = Some(child);
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn addr(&self) -> NodeAddr {
        NodeAddr::new("127.0.0.1", self.port).unwrap()
    }

    /// What it answers, errors too.
    #[track_caller]
    pub fn raw(&self, command: &[&str]) -> Value {
        Talk::to(self).ask(command)
    }

    /// What it answers, in words; errors fail.
    #[track_caller]
    pub fn cmd(&self, command: &[&str]) -> String {
        let value = self.raw(command);
        assert!(value.error().is_none(), "{command:?}: {value}");
        value.text().unwrap_or_else(|| value.to_string())
    }

    /// A field of `INFO`.
    pub fn info(&self, name: &str) -> Option<String> {
        firn::redis::info::Info::parse(&self.cmd(&["INFO", "everything"])).get(name).map(str::to_owned)
    }

    /// Its name in its cluster.
    pub fn id(&self) -> NodeId {
        NodeId::parse(&self.cmd(&["CLUSTER", "MYID"])).unwrap()
    }

    /// Its view.
    pub fn view(&self) -> Vec<NodeLine> {
        nodes::parse(&self.cmd(&["CLUSTER", "NODES"])).unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.child.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Stops it in its tracks: connections are taken by the kernel, nothing answers.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Ends it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            // Its number may be another's soon.
            let _ = fs::remove_file(self.dir.join("pid"));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A connection of the tests.
pub struct Talk {
    stream: TcpStream,
    reader: Reader,
}

impl Talk {
    /// To a server, logged in.
    #[track_caller]
    pub fn to(server: &Redis) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(READY)).unwrap();
        let mut talk = Self { stream, reader: Reader::new(Bounds::MONITOR) };
        if !server.login.is_empty() {
            let words: Vec<&str> = std::iter::once("AUTH").chain(server.login.iter().map(String::as_str)).collect();
            let answer = talk.ask(&words);
            assert!(answer.error().is_none(), "{answer}");
        }
        talk
    }

    /// Sends a command and does not wait for its answer.
    #[track_caller]
    pub fn send(&mut self, command: &[&str]) {
        let mut bytes = Vec::new();
        request(&mut bytes, command);
        self.stream.write_all(&bytes).unwrap();
    }

    /// What is answered.
    #[track_caller]
    pub fn ask(&mut self, command: &[&str]) -> Value {
        self.send(command);
        let mut chunk = [0; 4096];
        loop {
            if let Some(value) = self.reader.read().unwrap() {
                return value;
            }
            let got = self.stream.read(&mut chunk).unwrap();
            assert!(got > 0, "{command:?}: the server closed the connection");
            self.reader.feed(&chunk[..got]);
        }
    }
}

/// A cluster: masters first, then as many replicas, each of the master at its place.
pub struct Cluster {
    pub nodes: Vec<Redis>,
    pub masters: usize,
}

impl Cluster {
    /// Of so many masters with a replica each, which take a node for failed after `timeout` milliseconds.
    pub fn start(masters: usize, timeout: u32) -> Self {
        let nodes: Vec<Redis> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..masters * 2).map(|_| scope.spawn(|| Redis::node(timeout))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (place, node) in nodes[..masters].iter().enumerate() {
            let slots = |place: usize| place * 16_384 / masters;
            let (from, to) = (slots(place), slots(place + 1) - 1);
            node.cmd(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
        }
        for (place, node) in nodes.iter().enumerate() {
            node.cmd(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
            if place > 0 {
                nodes[0].cmd(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), &node.bus.to_string()]);
            }
        }
        let all = |what: &str, fine: &dyn Fn(&Redis) -> bool| {
            eventually(READY, what, || nodes.iter().all(fine).then_some(()));
        };
        all("everybody knows everybody", &|node| {
            let view = node.view();
            view.len() == masters * 2 && view.iter().all(|line| line.connected && !line.is(nodes::Flag::Handshake))
        });
        for place in 0..masters {
            nodes[masters + place].cmd(&["CLUSTER", "REPLICATE", nodes[place].id().as_str()]);
        }
        let cluster = Self { nodes, masters };
        cluster.settled();
        cluster
    }

    /// Waits until every node sees every master with its replica, and each replica is attached.
    pub fn settled(&self) {
        eventually(READY, "the cluster is whole", || {
            let whole = |node: &Redis| {
                let view = node.view();
                node.cmd(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                    && view.iter().filter(|line| line.master.is_some()).count() == self.masters
                    && view.iter().all(|line| line.connected)
            };
            let attached = |node: &Redis| node.info("master_link_status").is_none_or(|link| link == "up");
            self.nodes.iter().all(|node| whole(node) && attached(node)).then_some(())
        });
    }

    /// Addresses, in order.
    pub fn addrs(&self) -> Vec<NodeAddr> {
        let mut all: Vec<_> = self.nodes.iter().map(Redis::addr).collect();
        all.sort();
        all
    }
}

/// A cluster of three masters and three replicas that a test binary shares, started by whoever asks first. Who breaks nodes
/// starts its own.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(3, 5_000))
}
