//! Short runs.

use std::time::Duration;

use firn::base::{Clock, Stop};
use firn::redis::addr::NodeAddr;
use firn::redis::bench::{self, BenchError, Live, Outcome, Spec, Work};

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

#[track_caller]
pub fn refused(spec: Spec) -> String {
    match run_with(spec, |_| {}) {
        Ok(outcome) => panic!("it ran: {outcome:?}"),
        Err(e) => e.to_string(),
    }
}
