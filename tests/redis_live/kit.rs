//! Servers made of a few lines, and what the tests say again and again.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::base::Clock;
use firn::base::secret::SecretRef;
use firn::redis::addr::NodeAddr;
use firn::redis::conn::Account;
use firn::redis::look::{Answer, Look};
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::trouble::Trouble;

/// What ends with this is the last that is written: the connection is closed behind it.
pub const END: &str = "<end>";

/// A server that answers as it is told, connection by connection.
pub struct Fake {
    addr: NodeAddr,
    stop: Arc<AtomicBool>,
    /// Connections so far, and what was read from all of them.
    pub connections: Arc<AtomicUsize>,
    pub heard: Arc<Mutex<Vec<u8>>>,
}

impl Fake {
    /// At each piece that is read, `answer` says what is written, given how many pieces were read of the connection before;
    /// nothing: the connection is closed.
    pub fn new(answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    pub fn at(place: &str, answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(place).unwrap();
        let local = listener.local_addr().unwrap();
        let addr = NodeAddr::new(&local.ip().to_string(), local.port()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let answer = Arc::new(answer);
        let fake = Self { addr, stop: stop.clone(), connections: connections.clone(), heard: heard.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, heard) = (answer.clone(), heard.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &*answer, &heard));
            }
        });
        fake
    }

    /// One that writes this when it has been asked, and keeps the line open.
    pub fn says(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self::new(move |piece, _| Some(if piece == 0 { bytes.clone() } else { Vec::new() }))
    }

    pub fn addr(&self) -> NodeAddr {
        self.addr.clone()
    }
}

type Answering = dyn Fn(usize, &[u8]) -> Option<Vec<u8>>;

fn serve(mut stream: TcpStream, answer: &Answering, heard: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 8 << 10];
    for piece in 0.. {
        let Ok(got @ 1..) = stream.read(&mut chunk) else { return };
        heard.lock().unwrap().extend_from_slice(&chunk[..got]);
        let Some(bytes) = answer(piece, &chunk[..got]) else { return };
        let last = bytes.strip_suffix(END.as_bytes());
        // Whoever asked may be gone.
        if stream.write_all(last.unwrap_or(&bytes)).is_err() || last.is_some() {
            return;
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((self.addr.host(), self.addr.port()));
    }
}

/// A bulk string.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// The two answers that a connection begins with, before those that were asked for.
pub const GREETED: &str = "+OK\r\n+OK\r\n";

pub const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\n";

/// Deadlines that a busy machine keeps, and no spread.
pub fn settings() -> Settings {
    Settings { spread: Duration::ZERO, ..Settings::default() }
}

pub fn probe(topology: Topology) -> NetProbe {
    NetProbe::new(topology, settings(), Clock::system())
}

pub fn cluster_from(seeds: &[NodeAddr]) -> NetProbe {
    probe(Topology::Cluster { seeds: seeds.to_vec() })
}

/// A password in a file, as a configuration names it.
pub fn secret(dir: &tempfile::TempDir, text: &str) -> SecretRef {
    let path = dir.path().join(format!("secret-{}", text.len()));
    std::fs::write(&path, text).unwrap();
    SecretRef::File(path)
}

pub fn account(user: Option<&str>, password: SecretRef) -> Account {
    Account { user: user.map(str::to_owned), password: Some(password), ..Account::default() }
}

/// One look at one node that is asked by itself.
pub async fn alone(addr: &NodeAddr, account: Account) -> Look {
    let settings = Settings { account, ..settings() };
    let probe = NetProbe::new(Topology::Nodes { nodes: vec![addr.clone()] }, settings, Clock::system());
    let mut looks = probe.tick().await;
    assert_eq!(looks.len(), 1, "{looks:?}");
    looks.remove(0)
}

/// Why nothing was seen.
#[track_caller]
pub fn trouble(look: &Look) -> Trouble {
    match &look.answer {
        Answer::Failed(why) => why.clone(),
        other => panic!("{}: {other:?}", look.addr),
    }
}

#[track_caller]
pub fn of<'a>(looks: &'a [Look], addr: &NodeAddr) -> &'a Look {
    looks.iter().find(|look| look.addr == *addr).unwrap_or_else(|| panic!("no look at {addr}: {looks:?}"))
}
