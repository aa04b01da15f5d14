//! How much of a redis server's throughput firn's own clients let through.
//!
//! `cargo bench --bench redis_load -- [--clients N] [--seconds N] [--rounds N]`: a server on this machine is loaded in turn by
//! redis-benchmark and by firn with GET and SET (as many clients, the same sizes of keys and values, no pipelining), and
//! by a minimal loop and by firn with transactions of five round trips; 100 clients, 1 s and 15 rounds unless said. Prints
//! the best and the median of each and their ratios (the goal is 0.95 or more of either), what processor time each client
//! takes for a round trip, and what the tool takes itself. Client and server share the machine's cores: what a client does
//! not take is the server's. Where others work on the machine at the same time, the best of many short runs is what says
//! most, and processor time is the steadiest of all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

#[path = "../support/median.rs"]
mod median;
#[allow(dead_code)] // nothing else is waited for
#[path = "../support/waiting.rs"]
mod waiting;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firn::base::{Clock, Stop};
use firn::redis::addr::NodeAddr;
use firn::redis::bench::{self, Outcome, Spec, Work};
use median::median;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use waiting::eventually;

const KEYS: u32 = 9_999;
const VALUE: &str = "abcdefghijklmnopqrstuvwxyz0";

struct Server {
    port: u16,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = command.stdout(Stdio::null()).spawn().expect("redis-server is installed");
        let server = Self { port, child };
        eventually(Duration::from_secs(10), "redis-server listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        server
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut clients, mut seconds, mut rounds) = (100_u32, 1_u32, 15_u32);
    while let Some(arg) = args.next() {
        let number = args.next().expect("a number").parse().expect("a number");
        match arg.as_str() {
            "--clients" => clients = number,
            "--seconds" => seconds = number,
            "--rounds" => rounds = number,
            other => panic!("{other}: there are --clients N, --seconds N and --rounds N"),
        }
    }
    let server = Server::start();
    let span = Duration::from_secs(seconds.into());
    let (mut theirs, mut ours) = (Runs::new("redis-benchmark"), Runs::new("firn"));
    let (mut minimal, mut transactions) = (Runs::new("minimal loop"), Runs::new("firn"));
    let mut last = None;
    for round in 0..rounds {
        // Whoever comes second finds the other's traces in caches: they take turns.
        let mut both = [true, false];
        both.rotate_left((round % 2) as usize);
        for own in both {
            if own {
                ours.add(of(&firn(&server, Work::GetSet, clients, span, false)));
            } else {
                theirs.add(redis_benchmark(&server, clients, span));
            }
        }
        for own in both {
            if own {
                let outcome = firn(&server, Work::Trans, clients, span, round == 0);
                transactions.add(of(&outcome));
                last = outcome.overhead.is_some().then_some(outcome).or(last);
            } else {
                minimal.add(least(&server, clients, span));
            }
        }
    }
    println!("{clients} clients, {rounds} rounds of {seconds} s");
    println!("GET and SET");
    theirs.beside(&ours);
    println!("transactions of five round trips");
    minimal.beside(&transactions);
    let own = last.and_then(|outcome| outcome.overhead).expect("the first round measures it");
    let micros = |latency: Option<bench::Latency>| latency.map_or(f64::NAN, |of| of.p50.as_secs_f64() * 1e6);
    println!(
        "the tool itself, against an answerer that answers at once: {:.1} µs a round trip with one client (p50), {:.0}/s and \
         {:.0} µs with {clients}",
        micros(own.one),
        own.rate,
        micros(own.many)
    );
}

/// What one client did: requests or transactions a second, and processor time of a round trip.
#[derive(Clone, Copy)]
struct Ran {
    rate: f64,
    micros: f64,
}

struct Runs {
    name: &'static str,
    all: Vec<Ran>,
}

impl Runs {
    fn new(name: &'static str) -> Self {
        Self { name, all: Vec::new() }
    }

    fn add(&mut self, one: Ran) {
        self.all.push(one);
    }

    fn best(&self) -> f64 {
        self.all.iter().map(|one| one.rate).fold(0.0, f64::max)
    }

    fn median(&self, of: fn(&Ran) -> f64) -> f64 {
        median(self.all.iter().map(of).collect::<Vec<_>>())
    }

    fn beside(&self, firn: &Self) {
        for one in [self, firn] {
            let (best, middle) = (one.best(), one.median(|ran| ran.rate));
            let micros = one.median(|ran| ran.micros);
            println!(
                "  {:<16} best {best:>8.0}/s  median {middle:>8.0}/s  {micros:>5.1} µs of processor a round trip",
                one.name
            );
        }
        let (best, middle) = (firn.best() / self.best(), firn.median(|ran| ran.rate) / self.median(|ran| ran.rate));
        println!("  ratio            best {best:>8.2}    median {middle:>8.2}    (goal 0.95)");
    }
}

#[allow(clippy::cast_precision_loss)]
fn of(outcome: &Outcome) -> Ran {
    let spent = outcome.busiest_thread.unwrap_or(f64::NAN) / 100.0 * outcome.span.as_secs_f64() * 1e6;
    Ran { rate: outcome.attempts_per_second, micros: spent / outcome.counts.trips as f64 }
}

/// Processor time of children that have ended (proc(5): fields 16 and 17 of stat, in ticks of a hundredth of a second).
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

/// Processor time of this thread, seconds (proc(5): the first field of schedstat).
fn own() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn firn(server: &Server, work: Work, clients: u32, span: Duration, overhead: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let spec = Spec {
        clients,
        span,
        warm_up: Duration::from_millis(500),
        overhead,
        ..Spec::new(vec![NodeAddr::new("127.0.0.1", server.port).unwrap()], work)
    };
    let outcome = runtime.block_on(bench::run(spec, Clock::system(), Stop::new(), |_| {})).unwrap();
    assert!(outcome.counts.failed == 0 && outcome.left.is_empty(), "{outcome:?}");
    outcome
}

/// GET and SET, as many of each: requests a second. Its keys are as long as firn's.
fn redis_benchmark(server: &Server, clients: u32, span: Duration) -> Ran {
    let before = children();
    let key = "firn-bench:00000:__rand_int__";
    // Both together take about as long as one run of firn's.
    let requests = 60_000 * span.as_secs();
    let rate = |words: &[&str]| -> f64 {
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &server.port.to_string(), "-c", &clients.to_string(), "-r", &KEYS.to_string()]);
        command.args(["-n", &requests.to_string(), "--csv"]).args(words);
        let output = command.output().expect("redis-benchmark is installed");
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().last().unwrap().to_owned();
        line.rsplit("\",\"").nth(6).and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    let (set, get) = (rate(&["SET", key, VALUE]), rate(&["GET", key]));
    #[allow(clippy::cast_precision_loss)]
    let micros = (children() - before) * 1e6 / (2 * requests) as f64;
    Ran { rate: 2.0 / (1.0 / set + 1.0 / get), micros }
}

/// Transactions of five round trips by as little as does it: no times, no errors, no other hosts. Transactions a second,
/// aborted ones too.
fn least(server: &Server, clients: u32, span: Duration) -> Ran {
    struct Line {
        stream: TcpStream,
        step: usize,
        key: [u8; 8],
    }
    let steps: Vec<Vec<u8>> = [
        "*2\r\n$5\r\nWATCH\r\n$29\r\nfirn-bench:00000000:k00000000\r\n".to_owned(),
        "*2\r\n$3\r\nGET\r\n$29\r\nfirn-bench:00000000:k00000000\r\n".to_owned(),
        "*1\r\n$5\r\nMULTI\r\n".to_owned(),
        format!("*3\r\n$3\r\nSET\r\n$29\r\nfirn-bench:00000000:k00000000\r\n$27\r\n{VALUE}\r\n"),
        "*1\r\n$4\r\nEXEC\r\n".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec();
    let mut poll = Poll::new().unwrap();
    let to: SocketAddr = ([127, 0, 0, 1], server.port).into();
    let mut lines: Vec<Line> = (0..clients as usize)
        .map(|number| {
            let stream = std::net::TcpStream::connect(to).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE).unwrap();
            Line { stream, step: 0, key: *b"00000000" }
        })
        .collect();
    let mut dice = 1_u64;
    let mut request = Vec::new();
    let mut send = |line: &mut Line| {
        if line.step == 0 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let mut number = dice % u64::from(KEYS);
            for digit in line.key.iter_mut().rev() {
                *digit = b'0' + u8::try_from(number % 10).unwrap();
                number /= 10;
            }
        }
        request.clear();
        request.extend_from_slice(&steps[line.step]);
        let at = match line.step {
            0 | 1 => Some(request.len() - 10),
            3 => Some(request.len() - 10 - 34),
            _ => None,
        };
        if let Some(at) = at {
            request[at..at + 8].copy_from_slice(&line.key);
        }
        line.stream.write_all(&request).unwrap();
    };
    for line in &mut lines {
        send(line);
    }
    let mut events = Events::with_capacity(1024);
    let mut bytes = [0; 4096];
    let began = Instant::now();
    // As long a warm-up as firn's.
    let warm_up = Duration::from_millis(500);
    let (mut count, mut counting, mut spent) = (0_u64, began, own());
    let mut warm = false;
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let line = &mut lines[event.token().0];
            match line.stream.read(&mut bytes) {
                Ok(n) if n > 0 && bytes[..n].ends_with(b"\r\n") => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => continue,
                other => panic!("{other:?}"),
            }
            line.step = (line.step + 1) % 5;
            count += u64::from(line.step == 0);
            send(line);
        }
        let now = Instant::now();
        if !warm && now - began >= warm_up {
            (warm, count, counting, spent) = (true, 0, now, own());
        } else if warm && now - counting >= span {
            #[allow(clippy::cast_precision_loss)]
            let all = count as f64;
            let micros = (own() - spent) * 1e6 / (5.0 * all);
            return Ran { rate: all / (now - counting).as_secs_f64(), micros };
        }
    }
}
