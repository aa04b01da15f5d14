//! Short runs.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use firn::base::{Clock, Stop};
use firn::redis::addr::NodeAddr;
use firn::redis::bench::{self, BenchError, Live, Outcome, Spec, Work};

use crate::support::redis::Cluster;

/// Three masters of a cluster that the tests share who leave its slots where they are.
pub fn masters() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::bare(3))
}

/// A run of a second without warm-up, 10 clients, 500 keys.
pub fn short(hosts: &[NodeAddr], work: Work) -> Spec {
    Spec {
        clients: 10,
        span: Duration::from_secs(1),
        warm_up: Duration::ZERO,
        keys: 500,
        ..Spec::new(hosts.to_vec(), work)
    }
}

pub fn local(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port).unwrap()
}

/// Runs it, with what `meanwhile` does when the clients are at work.
pub fn run_with(spec: Spec, meanwhile: impl FnOnce(Stop) + Send + 'static) -> Result<Outcome, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stop = Stop::new();
    let mut meanwhile = Some(meanwhile);
    let mut doing = None;
    let told = stop.clone();
    let outcome = runtime.block_on(bench::run(spec, Clock::system(), stop, |live: Live| {
        if live.counts.attempts() > 0
            && let Some(what) = meanwhile.take()
        {
            let told = told.clone();
            doing = Some(std::thread::spawn(move || what(told)));
        }
    }));
    if let Some(doing) = doing {
        doing.join().unwrap();
    }
    outcome
}

pub fn run(spec: Spec) -> Outcome {
    run_with(spec, |_| {}).unwrap()
}

/// What a shell makes of a command, with what is typed into it.
pub fn by_hand(command: &str, typed: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub fn refused(spec: Spec) -> String {
    match run_with(spec, |_| {}) {
        Ok(outcome) => panic!("it ran: {outcome:?}"),
        Err(e) => e.to_string(),
    }
}
