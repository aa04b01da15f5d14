//! A run from its beginning to its end.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::drive::work;
use super::ledger::{Ledger, Verdict};
use super::outcome::{Counts, Live, Outcome, Phase};
use super::prepare::{Ready, allowed, lay_out, prepare};
use super::shared::{Shared, lock};
use super::spec::{BenchError, RunId, Spec, Work};
use super::tally::{Tally, latency};
use super::{clean, overhead, wire};
use crate::base::clock::Mono;
use crate::base::task::{self, JoinError};
use crate::base::{Clock, Stop, random};
use crate::redis::addr::NodeAddr;

/// How often it is said how a run stands.
pub const EVERY: Duration = Duration::from_millis(250);
/// How often it is looked whether all clients are connected.
const CONNECTED: Duration = Duration::from_millis(2);
/// Files of a process beside the connections.
const FILES: u64 = 100;

/// Loads the hosts as it is asked for, and says how it stands every quarter of a second.
///
/// Keys of the run are removed at its end: also when `stop` is thrown, which is how a run is ended early, and when it comes
/// to nothing. Time is the machine's: a `clock` that a test moves by hand measures nothing.
///
/// Dropped before it has ended, its clients end by themselves and its keys are left.
pub async fn run<P>(spec: Spec, clock: Clock, stop: Stop, mut progress: P) -> Result<Outcome, BenchError>
where
    P: FnMut(Live) + Send,
{
    spec.check()?;
    let id = RunId::new()?;
    let seed = match spec.seed {
        Some(seed) => seed,
        // Whoever repeats a run by its seed copies it out of a line.
        None => u64::from(u32::from_le_bytes(random::bytes()?)),
    };
    let prefix = id.prefix();
    let ended = |source: JoinError| BenchError::Thread { source, prefix: prefix.clone() };
    let spec = Arc::new(spec);
    {
        let spec = Arc::clone(&spec);
        task::blocking(move || allowed(&spec)).await.map_err(ended)??;
    }
    let measured = if spec.overhead { Some(overhead::measure(&spec, &clock, &stop).await?) } else { None };
    let ready = {
        let (spec, id) = (Arc::clone(&spec), id.clone());
        task::blocking(move || prepare(&spec, &id, seed)).await.map_err(ended)??
    };
    let shared = Arc::new(share(ready, &clock, &stop)?);
    files(&shared)?;
    // Whoever interrupts it from now on knows how its keys are removed.
    progress(shared.quiet(Phase::Connecting));
    let laid_out = {
        let (spec, shared) = (Arc::clone(&spec), Arc::clone(&shared));
        task::blocking(move || lay_out(&spec, &shared.plan)).await.map_err(ended)?
    };
    let driven = match laid_out {
        Ok(()) => drive(&shared, &mut progress).await,
        Err(e) => Err(e),
    };
    // Whatever came of it: what it wrote goes.
    let verdict = match &driven {
        Ok(_) => invariant(&shared, &spec, driven.as_ref().ok()).await,
        Err(_) => None,
    };
    let (removed, left) = {
        let (shared, spec) = (Arc::clone(&shared), Arc::clone(&spec));
        task::blocking(move || clean::clean(&shared, spec.login.as_ref())).await.map_err(ended)?
    };
    let driven = match driven {
        Ok(driven) => driven,
        Err(e) if left.is_empty() => return Err(e),
        Err(e) => return Err(BenchError::Left { source: Box::new(e), left }),
    };
    let mut outcome = driven.outcome(&shared, &spec);
    (outcome.overhead, outcome.invariant) = (measured, verdict);
    (outcome.removed, outcome.left) = (removed, left);
    Ok(outcome)
}

/// What all threads share.
pub(super) fn share(ready: Ready, clock: &Clock, stop: &Stop) -> Result<Shared, BenchError> {
    let places = ready.plan.places.len();
    let tallies = ready.plan.threads.iter().map(|_| Tally::new(places).map(Mutex::new));
    Ok(Shared {
        remedy: clean::remedy(&ready.plan, ready.nodes.is_cluster()),
        met: ready.plan.places.iter().map(|_| AtomicU32::new(0)).collect(),
        clock: clock.clone(),
        tallies: tallies.collect::<Result<_, _>>()?,
        plan: ready.plan,
        nodes: ready.nodes,
        stop: stop.clone(),
        halt: AtomicBool::new(false),
        ready: AtomicU32::new(0),
        begin: OnceLock::new(),
        trouble: Mutex::new(None),
        settled: AtomicU32::new(0),
        busy: Mutex::new(Vec::new()),
    })
}

/// Refuses more connections than this process may have.
fn files(shared: &Shared) -> Result<(), BenchError> {
    let wanted = shared.plan.threads.iter().map(|thread| thread.len() as u64).sum();
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(most) if wanted + FILES > most => Err(BenchError::Files { wanted, most }),
        _ => Ok(()),
    }
}

/// What clients did.
pub(super) struct Driven {
    pub(super) total: Tally,
    pub(super) span: Duration,
    stopped: bool,
    ledger: Mutex<Ledger>,
}

/// Ends the clients when nobody waits for them any more.
struct Halt(Arc<Shared>);

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.halt.store(true, Ordering::Relaxed);
    }
}

/// Lets the clients of all threads work.
pub(super) async fn drive<P>(shared: &Arc<Shared>, progress: &mut P) -> Result<Driven, BenchError>
where
    P: FnMut(Live) + Send,
{
    let halt = Halt(Arc::clone(shared));
    let mut threads = Vec::new();
    for number in 0..shared.plan.threads.len() {
        let shared = Arc::clone(shared);
        threads.push(task::spawn(task::blocking(move || work(&shared, number))));
    }
    let plan = &shared.plan;
    let clients: u32 = plan.threads.iter().map(|thread| u32::try_from(thread.len()).unwrap_or(u32::MAX)).sum();
    let mut watch = Watch::new(shared)?;
    watch.take(Phase::Connecting, Duration::ZERO, plan.warm_up + plan.span, progress)?;
    while shared.ready.load(Ordering::Relaxed) < clients {
        let ended = threads.iter().any(task::JoinHandle::is_finished);
        if ended || shared.is_halted() || lock(&shared.trouble).is_some() {
            break;
        }
        shared.clock.sleep(CONNECTED).await;
    }
    if shared.ready.load(Ordering::Relaxed) == clients && !shared.is_halted() {
        let begin = shared.clock.mono();
        let _ = shared.begin.set(begin);
        (watch.at, watch.span) = (begin, plan.span);
        watch.all(begin, &threads, progress).await?;
    } else if lock(&shared.trouble).is_none() {
        // Whoever is still connecting need not.
        shared.halt.store(true, Ordering::Relaxed);
    }
    // Those that are not done by now are past their patience.
    for thread in threads {
        let joined = thread.await.and_then(|inner| inner);
        joined.map_err(|source| BenchError::Thread { source, prefix: plan.prefix.clone() })??;
    }
    drop(halt);
    if let Some(unmet) = shared.unmet() {
        return Err(unmet);
    }
    watch.take(Phase::Ending, Duration::ZERO, Duration::ZERO, progress)?;
    Ok(Driven {
        total: watch.total,
        span: watch.span,
        stopped: shared.stop.is_stopped(),
        ledger: Mutex::new(watch.ledger),
    })
}

type Thread = task::JoinHandle<Result<Result<(), BenchError>, JoinError>>;

/// Takes in what threads have counted.
struct Watch<'a> {
    shared: &'a Shared,
    /// An empty one for each thread, to exchange for its own.
    spare: Vec<Tally>,
    total: Tally,
    so_far: Counts,
    ledger: Ledger,
    at: Mono,
    /// How long was measured.
    span: Duration,
}

impl<'a> Watch<'a> {
    fn new(shared: &'a Shared) -> Result<Self, BenchError> {
        let (plan, places) = (&shared.plan, shared.plan.places.len());
        let ledger = match plan.work {
            Work::Transfer { accounts } => Ledger::new(plan.places.iter().map(|place| place.bank), accounts),
            _ => Ledger::default(),
        };
        Ok(Self {
            spare: plan.threads.iter().map(|_| Tally::new(places)).collect::<Result<_, _>>()?,
            total: Tally::new(places)?,
            so_far: Counts::default(),
            ledger,
            at: shared.clock.mono(),
            span: Duration::ZERO,
            shared,
        })
    }

    /// Until the clients have ended.
    async fn all<P>(&mut self, begin: Mono, threads: &[Thread], progress: &mut P) -> Result<(), BenchError>
    where
        P: FnMut(Live) + Send,
    {
        let (shared, plan) = (self.shared, &self.shared.plan);
        let of = plan.warm_up + plan.span;
        let mut stopped = None;
        while !threads.iter().all(task::JoinHandle::is_finished) {
            tokio::select! {
                () = shared.clock.sleep(EVERY) => {}
                () = shared.stop.stopped(), if stopped.is_none() => {}
                () = done(shared, threads, begin, of) => {}
            }
            let since = shared.clock.mono().since(begin);
            if shared.stop.is_stopped() && stopped.is_none() {
                stopped = Some(since);
                self.span = since.saturating_sub(plan.warm_up).min(plan.span);
            }
            let phase = match since {
                _ if stopped.is_some() || since >= of => Phase::Ending,
                since if since < plan.warm_up => Phase::WarmUp,
                _ => Phase::Measuring,
            };
            self.take(phase, since.min(of), of, progress)?;
        }
        // All had ended before anybody looked.
        if shared.stop.is_stopped() && stopped.is_none() {
            let since = shared.clock.mono().since(begin);
            self.span = since.saturating_sub(plan.warm_up).min(plan.span);
        }
        Ok(())
    }

    /// Exchanges what threads count into for something empty, and says what it was.
    fn take<P>(&mut self, phase: Phase, since: Duration, of: Duration, progress: &mut P) -> Result<(), BenchError>
    where
        P: FnMut(Live) + Send,
    {
        let mut bucket = Tally::new(self.shared.plan.places.len())?;
        for (own, spare) in self.shared.tallies.iter().zip(&mut self.spare) {
            mem::swap(&mut *lock(own), spare);
            bucket.add(spare);
            self.ledger.take(&spare.log);
            spare.clear();
        }
        self.ledger.round();
        let now = self.shared.clock.mono();
        let mut counts = bucket.counts();
        self.so_far.add(&counts);
        counts.add(&bucket.other);
        self.total.add(&bucket);
        progress(Live {
            since,
            of,
            span: now.since(self.at),
            counts,
            trip: latency(&bucket.all_trips()),
            transaction: latency(&bucket.transactions()),
            so_far: self.so_far.clone(),
            ..self.shared.quiet(phase)
        });
        self.at = now;
        Ok(())
    }
}

/// When all threads have ended, after their time is over.
async fn done(shared: &Shared, threads: &[Thread], begin: Mono, of: Duration) {
    let left = of.saturating_sub(shared.clock.mono().since(begin));
    shared.clock.sleep(left).await;
    while !threads.iter().all(task::JoinHandle::is_finished) {
        shared.clock.sleep(CONNECTED).await;
    }
}

/// What the invariant check says.
async fn invariant(shared: &Arc<Shared>, spec: &Arc<Spec>, driven: Option<&Driven>) -> Option<Verdict> {
    let Work::Transfer { accounts } = shared.plan.work else { return None };
    let ledger = mem::take(&mut *lock(&driven?.ledger));
    let read = {
        let (shared, spec) = (Arc::clone(shared), Arc::clone(spec));
        task::blocking(move || clean::accounts(&shared, spec.login.as_ref(), accounts)).await
    };
    let (found, unread) = read.unwrap_or_else(|e| (std::collections::BTreeMap::new(), Some(e.to_string())));
    Some(ledger.close(&found, unread, |bank, account| {
        let host = shared.plan.places.iter().find(|place| place.bank == bank);
        let host = host.map_or_else(String::new, |place| place.addr.to_string());
        (wire::account(&shared.plan.prefix, bank, account), host)
    }))
}

impl Driven {
    fn outcome(self, shared: &Shared, spec: &Spec) -> Outcome {
        let (plan, total) = (&shared.plan, &self.total);
        let counts = total.counts();
        let mut whole = counts.clone();
        whole.add(&total.other);
        let hosts: Vec<NodeAddr> = plan.places.iter().map(|place| place.addr.clone()).collect();
        let counts_attempts = counts.attempts();
        // What is no transaction cannot be aborted.
        let abort_share = counts.abort_share().filter(|_| plan.work != Work::GetSet);
        let a_second = |count: u64| rate(count, self.span);
        let (keys, value) = match plan.work {
            Work::Transfer { accounts } => (u64::from(accounts), 0),
            _ => (plan.keys.into(), plan.value),
        };
        Outcome {
            prefix: plan.prefix.clone(),
            work: plan.work.name(),
            choice: plan.choice.name(),
            keys,
            value_bytes: value,
            clients: spec.clients,
            threads: plan.threads.len(),
            seed: plan.seed,
            span: self.span,
            stopped: self.stopped,
            per_second: a_second(counts.commits),
            attempts_per_second: a_second(counts_attempts),
            trips_per_second: a_second(counts.trips),
            counts,
            whole,
            sent: total.sent,
            unanswered: total.unanswered,
            attempts: counts_attempts,
            abort_share,
            trip: latency(&total.all_trips()),
            steps: total.steps(),
            transaction: latency(&total.transactions()),
            committed: latency(&total.committed),
            hosts: total.host_figures(&hosts),
            busiest_thread: lock(&shared.busy).iter().copied().reduce(f64::max),
            overhead: None,
            invariant: None,
            removed: 0,
            left: Vec::new(),
        }
    }
}

/// So many a second.
#[allow(clippy::cast_precision_loss)]
pub(super) fn rate(count: u64, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { count as f64 / span.as_secs_f64() }
}
