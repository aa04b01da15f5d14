//! Real redis servers, started by the tests: each in a folder of its own on ports nobody else has, nothing saved, gone with
//! the value that holds it, and at the latest with the process.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use firn::redis::addr::NodeAddr;
use firn::redis::info::Info;
use firn::redis::nodes::{self, NodeId, NodeLine};
use firn::redis::resp::{Bounds, Reader, Value, request};

pub use super::servers::free_port;
use super::servers::{Home, Run, Server};
use super::waiting::{LONG, eventually, found};

fn home() -> &'static Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| Home::new("firn-redis"))
}

/// A server.
pub struct Redis {
    server: Server,
    bus: u16,
    more: Vec<String>,
    /// Whom the tests log in as: `AUTH` with these words.
    login: Vec<String>,
}

impl Redis {
    /// A server on 127.0.0.1; `more` are options as on its command line, `--maxclients`, `100`.
    pub fn start(more: &[&str]) -> Self {
        let more = more.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { server: Server::new(home()), bus: free_port(), more, login: Vec::new() };
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
        let path = |name: &str| self.dir().join(name).display().to_string();
        let mut command = Command::new("redis-server");
        if self.more.iter().any(|option| option == "--sentinel") {
            // It writes what it learns into its file.
            fs::write(self.dir().join("sentinel.conf"), "").unwrap();
            command.arg(path("sentinel.conf"));
        }
        command.args([
            "--port",
            &self.port().to_string(),
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
            // Nothing is slow because the machine is busy.
            command.args(["--slowlog-log-slower-than", "10000000"]);
        }
        if self.more.iter().any(|option| option == "--cluster-enabled") {
            command.args(["--cluster-port", &self.bus.to_string()]);
        }
        command.args(&self.more);
        let answers = || TcpStream::connect(("127.0.0.1", self.port())).ok();
        self.server.run = Some(Run::start(self.dir(), LONG, command, answers));
    }

    /// Its address.
    pub fn addr(&self) -> NodeAddr {
        NodeAddr::new("127.0.0.1", self.port()).unwrap()
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
        Info::parse(&self.cmd(&["INFO", "everything"])).get(name).map(str::to_owned)
    }

    /// How many keys it has.
    pub fn keys(&self) -> u64 {
        self.cmd(&["DBSIZE"]).parse().unwrap()
    }

    /// A number of a field of `INFO`, such as `calls` of `cmdstat_exec`; zero where it says nothing.
    pub fn counted(&self, field: &str, name: &str) -> u64 {
        let words = self.info(field).unwrap_or_default();
        let found = words.split(',').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.map_or(0, |number| number.parse().unwrap())
    }

    /// Calls of a command that were carried out.
    pub fn calls(&self, command: &str) -> u64 {
        self.counted(&format!("cmdstat_{command}"), "calls")
    }

    /// Its name in its cluster.
    pub fn id(&self) -> NodeId {
        NodeId::parse(&self.cmd(&["CLUSTER", "MYID"])).unwrap()
    }

    /// Its view.
    pub fn view(&self) -> Vec<NodeLine> {
        nodes::parse(&self.cmd(&["CLUSTER", "NODES"])).unwrap()
    }

    /// Has this replica take over from its master, as an operator does. On a busy machine an attempt may have run out of
    /// time by itself (five seconds), and another is made.
    #[track_caller]
    pub fn takes_over(&self) {
        let attempt = Duration::from_secs(6);
        let master = || (self.info("role").as_deref() == Some("master")).then_some(());
        eventually(LONG, "it has taken over", || {
            assert_eq!(self.cmd(&["CLUSTER", "FAILOVER"]), "OK");
            found(attempt, master)
        });
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Redis {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
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
        let mut talk = Self::at(server.port());
        if !server.login.is_empty() {
            let words: Vec<&str> = std::iter::once("AUTH").chain(server.login.iter().map(String::as_str)).collect();
            let answer = talk.ask(&words);
            assert!(answer.error().is_none(), "{answer}");
        }
        talk
    }

    /// To whoever listens on that port of this machine.
    #[track_caller]
    pub fn at(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, reader: Reader::new(Bounds::MONITOR) }
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
        Self::of(&even(masters), 1, timeout)
    }

    /// Of so many masters without replicas.
    pub fn bare(masters: usize) -> Self {
        Self::of(&even(masters), 0, 5_000)
    }

    /// Of a master for each range of slots, with so many replicas each.
    pub fn of(ranges: &[(u16, u16)], replicas: usize, timeout: u32) -> Self {
        let (masters, all) = (ranges.len(), ranges.len() * (replicas + 1));
        let nodes: Vec<Redis> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..all).map(|_| scope.spawn(|| Redis::node(timeout))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (node, (from, to)) in nodes.iter().zip(ranges) {
            node.cmd(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
        }
        for (place, node) in nodes.iter().enumerate() {
            node.cmd(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
            if place > 0 {
                nodes[0].cmd(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), &node.bus.to_string()]);
            }
        }
        eventually(LONG, "everybody knows everybody", || {
            let knows = |node: &Redis| {
                let view = node.view();
                view.len() == all && view.iter().all(|line| line.connected && !line.is(nodes::Flag::Handshake))
            };
            nodes.iter().all(knows).then_some(())
        });
        for (place, node) in nodes.iter().enumerate().skip(masters) {
            node.cmd(&["CLUSTER", "REPLICATE", nodes[place % masters].id().as_str()]);
        }
        let cluster = Self { nodes, masters };
        cluster.settled();
        cluster.acknowledged();
        cluster
    }

    /// Waits until every node sees every master with its replica, and each replica is attached.
    pub fn settled(&self) {
        eventually(LONG, "the cluster is whole", || {
            let whole = |node: &Redis| {
                let view = node.view();
                node.cmd(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                    && view.iter().filter(|line| line.master.is_some()).count() == self.nodes.len() - self.masters
                    && view.iter().all(|line| line.connected)
            };
            let attached = |node: &Redis| node.info("master_link_status").is_none_or(|link| link == "up");
            self.nodes.iter().all(|node| whole(node) && attached(node)).then_some(())
        });
    }

    /// Waits until every replica has acknowledged what it has, as it does each second: until then it counts as syncing.
    pub fn acknowledged(&self) {
        eventually(LONG, "every replica has acknowledged", || {
            let heard = |node: &Redis| {
                let info = Info::parse(&node.cmd(&["INFO", "everything"]));
                info.attached().iter().all(|one| one.state == "online" && one.offset > Some(0))
            };
            self.nodes.iter().all(heard).then_some(())
        });
    }

    /// Addresses, in order.
    pub fn addrs(&self) -> Vec<NodeAddr> {
        let mut all: Vec<_> = self.nodes.iter().map(Redis::addr).collect();
        all.sort();
        all
    }
}

/// Slots in ranges of one size.
fn even(masters: usize) -> Vec<(u16, u16)> {
    let slot = |place: usize| u16::try_from(place * 16_384 / masters).unwrap();
    (0..masters).map(|place| (slot(place), slot(place + 1) - 1)).collect()
}

/// A cluster of three masters and three replicas that a test binary shares, started by whoever asks first. Who breaks nodes
/// starts its own.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(3, 5_000))
}

/// Gives slots of the master on one port to that on another, with their keys.
pub fn give(from: u16, to: u16, slots: impl IntoIterator<Item = u16>) {
    let (port, mut from, mut to) = (to.to_string(), Talk::at(from), Talk::at(to));
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
