//! What looking at a cluster of sixty nodes takes.
//!
//! `cargo bench --bench redis -- [--nodes N] [--seconds N] [--scattered]`: a process of its own answers as N nodes of one
//! cluster would (default 60; INFO as it was recorded, a view of all of them); this one finds them from one seed and looks
//! at all of them each 2 s for some seconds (default 20). `--scattered`: every slot is a range of its own, a view of 88 kB.
//! Prints the processor time that takes of one core (the goal is 2 %), the memory of this process at its most (30 MB), and
//! as yardsticks from the same run what it takes to send the same questions and read the same answers without looking at
//! them, and how long a tick is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::resp::{Bounds, Reader, request};
use firn::redis::slots::SLOTS;

const INFO: &str = include_str!("../../demo-data/redis/01-healthy/19101/info-everything.txt");
const CLUSTER: &str = include_str!("../../demo-data/redis/01-healthy/19101/cluster-info.txt");
const EVERY: Duration = Duration::from_secs(2);

struct Asked {
    nodes: usize,
    seconds: u64,
    scattered: bool,
    serve: bool,
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut asked = Asked { nodes: 60, seconds: 20, scattered: false, serve: false };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--nodes" => asked.nodes = args.next().unwrap().parse().unwrap(),
            "--seconds" => asked.seconds = args.next().unwrap().parse().unwrap(),
            "--scattered" => asked.scattered = true,
            "--serve" => asked.serve = true,
            other => panic!("{other}: there are --nodes N, --seconds N and --scattered"),
        }
    }
    if asked.serve { serve(&asked) } else { measure(&asked) }
}

/// The nodes: their ports are printed, and they go when their input ends.
fn serve(asked: &Asked) {
    let listeners: Vec<TcpListener> = (0..asked.nodes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
    let masters = asked.nodes.div_ceil(2);
    for (own, listener) in listeners.into_iter().enumerate() {
        let view = Arc::new(view(own, &ports, masters, asked.scattered));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let view = Arc::clone(&view);
                std::thread::spawn(move || answer(stream.unwrap(), &view));
            }
        });
    }
    for port in ports {
        println!("{port}");
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn view(own: usize, ports: &[u16], masters: usize, scattered: bool) -> String {
    let mut text = String::new();
    for (n, port) in ports.iter().enumerate() {
        let me = if n == own { "myself," } else { "" };
        write!(text, "{n:040x} 127.0.0.1:{port}@{} ", port.saturating_add(1)).unwrap();
        if n >= masters {
            writeln!(text, "{me}slave {:040x} 0 1763856000000 {} connected", n - masters, n - masters).unwrap();
            continue;
        }
        write!(text, "{me}master - 0 1763856000000 {n} connected").unwrap();
        if scattered {
            let own = (0..usize::from(SLOTS)).filter(|slot| slot % masters == n);
            own.for_each(|slot| write!(text, " {slot}").unwrap());
        } else {
            let from = |n: usize| n * usize::from(SLOTS) / masters;
            write!(text, " {}-{}", from(n), from(n + 1) - 1).unwrap();
        }
        text.push('\n');
    }
    text
}

fn answer(mut stream: TcpStream, view: &str) {
    let (mut reader, mut chunk) = (Reader::new(Bounds::MONITOR), [0; 8192]);
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    while let Ok(got @ 1..) = stream.read(&mut chunk) {
        reader.feed(&chunk[..got]);
        let mut answers = String::new();
        while let Some(command) = reader.read().unwrap() {
            let words: Vec<String> = command.array().unwrap().iter().map(|word| word.text().unwrap()).collect();
            answers += &match (words[0].as_str(), words[1].as_str()) {
                ("INFO", _) => bulk(INFO),
                ("CLUSTER", "NODES") => bulk(view),
                ("CLUSTER", "INFO") => bulk(CLUSTER),
                _ => "+OK\r\n".to_owned(),
            };
        }
        stream.write_all(answers.as_bytes()).unwrap();
    }
}

/// The process that answers; it ends with this one.
struct Nodes(Child, Vec<u16>);

impl Nodes {
    fn start(asked: &Asked) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--serve", "--nodes", &asked.nodes.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        if asked.scattered {
            command.arg("--scattered");
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(asked.nodes);
        let ports = lines.map(|line| line.unwrap().parse().unwrap()).collect();
        Self(child, ports)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Processor time of this process so far (proc(5): fields 14 and 15 of stat, in ticks of a hundredth of a second).
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}

/// Memory of this process at its most, MB.
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}

fn measure(asked: &Asked) {
    let nodes = Nodes::start(asked);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let before = most_memory();
    let (share, longest) = runtime.block_on(probe(asked, nodes.1[0]));
    let memory = most_memory();
    let plain = yardstick(asked, &nodes.1);
    let size = view(0, &nodes.1, asked.nodes.div_ceil(2), asked.scattered).len();
    println!("{} nodes each {EVERY:?}, a view of {size} bytes", asked.nodes);
    println!("processor: {:.2} % of a core (goal 2 %)", share * 100.0);
    println!("the same bytes sent and read, not looked at: {:.2} %; ratio {:.1}", plain * 100.0, share / plain);
    println!("memory at its most: {memory:.1} MB (goal 30 MB), {before:.1} MB before it began");
    println!("longest tick: {longest:.1?}");
}

/// The share of a core that ticks take, and the longest tick.
async fn probe(asked: &Asked, seed: u16) -> (f64, Duration) {
    let seeds = vec![NodeAddr::new("127.0.0.1", seed).unwrap()];
    let probe = NetProbe::new(Topology::Cluster { seeds }, Settings::default(), Clock::system());
    let first = probe.tick().await;
    assert_eq!(
        first.iter().filter(|look| look.view().is_some()).count(),
        asked.nodes,
        "all are found in the first tick"
    );
    drop(first);
    let ticks = (asked.seconds / EVERY.as_secs()).max(1);
    let (begun, mut longest) = (processor(), Duration::ZERO);
    for _ in 0..ticks {
        let tick = Instant::now();
        let looks = probe.tick().await;
        longest = longest.max(tick.elapsed());
        assert!(looks.len() == asked.nodes && looks.iter().all(|look| look.view().is_some()));
        drop(looks);
        // The pace of ticks is what is measured.
        tokio::time::sleep(EVERY.saturating_sub(tick.elapsed())).await;
    }
    let used = processor().saturating_sub(begun);
    (used.as_secs_f64() / (EVERY * u32::try_from(ticks).unwrap()).as_secs_f64(), longest)
}

/// The share of a core that it takes to ask as much and read as much, and no more.
fn yardstick(asked: &Asked, ports: &[u16]) -> f64 {
    let mut questions = Vec::new();
    for command in [&["INFO", "everything"][..], &["CLUSTER", "NODES"], &["CLUSTER", "INFO"]] {
        request(&mut questions, command);
    }
    let masters = ports.len().div_ceil(2);
    let lengths: Vec<usize> = (0..ports.len())
        .map(|own| {
            let bulk = |length: usize| format!("${length}\r\n").len() + length + 2;
            bulk(INFO.len()) + bulk(view(own, ports, masters, asked.scattered).len()) + bulk(CLUSTER.len())
        })
        .collect();
    let mut streams: Vec<TcpStream> =
        ports.iter().map(|port| TcpStream::connect(("127.0.0.1", *port)).unwrap()).collect();
    // Ticks of the processor's clock are coarse: enough rounds that they do not matter.
    let (rounds, mut bytes) = (100, vec![0; 16 << 10]);
    let begun = processor();
    for _ in 0..rounds {
        for stream in &mut streams {
            stream.write_all(&questions).unwrap();
        }
        for (stream, length) in streams.iter_mut().zip(&lengths) {
            let mut got = 0;
            while got < *length {
                got += stream.read(&mut bytes).unwrap();
            }
        }
    }
    processor().saturating_sub(begun).as_secs_f64() / f64::from(rounds) / EVERY.as_secs_f64()
}
