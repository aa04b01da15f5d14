//! Real redis servers, started by the tests: each in a folder of its own on ports nobody else has, nothing saved, gone with
//! the value that holds it or with the thread that started it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use firn::redis::addr::NodeAddr;
use firn::redis::info::Info;
use firn::redis::resp::{Bounds, Reader, Value, request};
use tempfile::TempDir;

use crate::support::waiting::eventually;

/// A server answers within this; on a busy machine it takes its time.
pub const READY: Duration = Duration::from_secs(30);

/// A port that nobody has now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server.
pub struct Redis {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// A server on 127.0.0.1; `more` are options as on its command line, `--maxclients`, `100`.
    pub fn start(more: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("firn-redis").tempdir().unwrap();
        let port = free_port();
        // It ends with the thread of the test, whatever becomes of that.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "redis-server", "--bind", "127.0.0.1", "--daemonize", "no"]);
        command.args(["--port", &port.to_string(), "--dir", &dir.path().display().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"]).args(more);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|e| panic!("redis-server: {e}; tests/run installs it"));
        let mut server = Self { dir, port, child: Some(child) };
        eventually(READY, "redis-server listens", || {
            let ended = server.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "redis-server ended in {}", server.dir.path().display());
            TcpStream::connect(("127.0.0.1", server.port)).ok()
        });
        server
    }

    /// A node of a cluster yet to be.
    pub fn node() -> Self {
        let bus = free_port().to_string();
        Self::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--cluster-port", &bus])
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn addr(&self) -> NodeAddr {
        NodeAddr::new("127.0.0.1", self.port).unwrap()
    }

    /// What it answers, errors too.
    #[track_caller]
    pub fn raw(&self, command: &[&str]) -> Value {
        Talk::to(self.port).ask(command)
    }

    /// What it answers, in words; errors fail.
    #[track_caller]
    pub fn cmd(&self, command: &[&str]) -> String {
        let value = self.raw(command);
        assert!(value.error().is_none(), "{command:?}: {value}");
        value.text().unwrap_or_else(|| value.to_string())
    }

    /// How many keys it has.
    pub fn keys(&self) -> u64 {
        self.cmd(&["DBSIZE"]).parse().unwrap()
    }

    /// A number of `INFO everything`, such as `calls` of `cmdstat_exec`; zero where it says nothing.
    pub fn counted(&self, field: &str, name: &str) -> u64 {
        let info = Info::parse(&self.cmd(&["INFO", "everything"]));
        let words = info.get(field).unwrap_or_default().to_owned();
        let found = words.split(',').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.map_or(0, |number| number.parse().unwrap())
    }

    /// Calls of a command that were carried out.
    pub fn calls(&self, command: &str) -> u64 {
        self.counted(&format!("cmdstat_{command}"), "calls")
    }

    /// Ends it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection of the tests.
pub struct Talk {
    stream: TcpStream,
    reader: Reader,
}

impl Talk {
    #[track_caller]
    pub fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(READY)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, reader: Reader::new(Bounds::MONITOR) }
    }

    /// What is answered.
    #[track_caller]
    pub fn ask(&mut self, command: &[&str]) -> Value {
        let mut bytes = Vec::new();
        request(&mut bytes, command);
        self.stream.write_all(&bytes).unwrap();
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

/// Masters of a cluster, without replicas.
pub struct Cluster {
    pub nodes: Vec<Redis>,
}

impl Cluster {
    pub fn start(masters: usize) -> Self {
        let nodes: Vec<Redis> = (0..masters).map(|_| Redis::node()).collect();
        for (place, node) in nodes.iter().enumerate() {
            let (from, to) = (place * 16_384 / masters, (place + 1) * 16_384 / masters - 1);
            node.cmd(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
            node.cmd(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
        }
        for node in &nodes[1..] {
            let bus = node.cmd(&["CONFIG", "GET", "cluster-port"]);
            let bus = bus.trim_matches(['[', ']']).rsplit(' ').next().unwrap().to_owned();
            nodes[0].cmd(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), &bus]);
        }
        eventually(READY, "the cluster is whole", || {
            let whole = |node: &Redis| {
                let info = node.cmd(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{masters}"))
            };
            nodes.iter().all(whole).then_some(())
        });
        Self { nodes }
    }
}

/// Gives slots of a master to another one, with their keys.
pub fn give(from: u16, to: u16, slots: impl IntoIterator<Item = u16>) {
    let (port, mut from, mut to) = (to.to_string(), Talk::to(from), Talk::to(to));
    let [old, new] = [&mut from, &mut to].map(|node| node.ask(&["CLUSTER", "MYID"]).text().unwrap());
    let fine = |value: Value| assert!(value.error().is_none(), "{value}");
    for slot in slots {
        let slot = slot.to_string();
        fine(to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &old]));
        fine(from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &new]));
        loop {
            let keys = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            let keys: Vec<String> = keys.array().unwrap().iter().map(|key| key.text().unwrap()).collect();
            if keys.is_empty() {
                break;
            }
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            fine(from.ask(&words));
        }
        fine(to.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &new]));
        fine(from.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &new]));
    }
}
