//! The worker of delayed replicas: looks at each server on a schedule of its own, judges what it saw, and writes sample and
//! verdict in one transaction.
//!
//! A server is a duty: of all hosts one looks at it and judges its replicas, and everybody reads what it wrote. Who takes a
//! duty over goes on from the stored state. Each server has a task of its own, so that one that hangs delays no other; what
//! they see goes to one task that judges and writes, for many replicas in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::findings::{finding, unstored, unwatched};
use super::gather::Jobs;
use super::judge::Asked;
use super::limits::Limits;
use super::probe::Probe;
use super::seen::{Look, Sample, Seen};
use super::unit::Unit;
use super::verdict::{RuleId, Verdict};
use crate::base::clock::Mono;
use crate::base::ids::{Generation, SessionId};
use crate::base::units::Count;
use crate::base::{Clock, Severity, Stop, Time, task};
use crate::store::{DelaySample, JudgedWrite, NewJudged, NoticeRow, Store, StoreError, delay_duty, server_of};

/// What this worker is called.
pub const KIND: &str = "delay";
/// Samples are kept so long.
pub const KEPT: Duration = Duration::from_hours(10 * 24);
/// Jobs and freezes that have ended are kept for so long, as events are.
const ENDED_KEPT: Duration = Duration::from_hours(90 * 24);

/// Between two looks at who holds which duty.
const DUTIES: Duration = Duration::from_secs(5);
/// What servers saw within this is judged and written together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Servers that begin together are looked at so far apart.
const APART: Duration = Duration::from_millis(7);
/// Looks that wait to be judged.
const WAITING: usize = 1024;
/// A finding that stays is written anew so often, with its newest numbers.
const SAID_AGAIN: Duration = Duration::from_mins(1);
/// Between two rounds of clearing away.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// Rows cleared away in one go.
const PRUNE: u32 = 20_000;
/// Samples of a window at most: as many as are kept where one is taken each second, which is as often as there can be one.
pub(super) const WINDOW: u32 = 1_000_000;
/// The duty of clearing away.
const PRUNE_DUTY: &str = "delay-prune";

/// A server whose replicas are judged.
#[derive(Clone)]
pub struct Target {
    /// Its name, as configured.
    pub name: String,
    /// The group it is in.
    pub group: Option<String>,
    /// What is allowed.
    pub limits: Arc<Limits>,
    /// Whether a heartbeat is written on the replica itself.
    pub local: bool,
    /// Whether the source's heartbeat is read on the source, too.
    pub primary: bool,
    /// The one channel that is watched; nothing: each by itself.
    pub channel: Option<String>,
    /// Looks at it.
    pub probe: Arc<dyn Probe>,
}

/// What a channel of a server is called: the server's name, with the channel behind it where it has one.
pub fn name_of(server: &str, channel: &str) -> String {
    if channel.is_empty() { server.to_owned() } else { format!("{server}/{channel}") }
}

/// What a server's task saw.
struct Looked {
    server: usize,
    at: Mono,
    seen: Result<Vec<Seen>, String>,
}

/// What a finding of a replica is known by: it is written anew when that changes.
type Said = (String, Severity, RuleId, bool, Option<String>);

/// A server whose duty is held.
struct Held {
    generation: Generation,
    task: task::JoinHandle<()>,
    units: BTreeMap<String, Unit>,
    looked: Mono,
    /// What could not be stored: since when, and why.
    unstored: BTreeMap<String, (Time, String)>,
    /// What was last told of it.
    said: Option<(Time, Vec<Said>)>,
}

/// The worker.
pub struct Watch {
    /// The servers.
    pub targets: Vec<Target>,
    /// The state.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
    /// Under which it works.
    pub session: SessionId,
}

impl Watch {
    /// Works until told to stop.
    pub async fn run(self, stop: Stop) -> Result<(), StoreError> {
        let (told, mut looks) = mpsc::channel(WAITING);
        let mut held: BTreeMap<usize, Held> = BTreeMap::new();
        let worked = self.rounds(&mut held, &told, &mut looks, &stop).await;
        for one in held.values() {
            one.task.abort();
        }
        worked?;
        // Another host takes over at once.
        for server in held.keys() {
            if let Some(target) = self.targets.get(*server) {
                self.store.duty_release(delay_duty(&target.name), self.session).await?;
            }
        }
        Ok(())
    }

    async fn rounds(
        &self,
        held: &mut BTreeMap<usize, Held>,
        told: &mpsc::Sender<Looked>,
        looks: &mut mpsc::Receiver<Looked>,
        stop: &Stop,
    ) -> Result<(), StoreError> {
        let (mut duties, mut pruned): (Option<Mono>, Option<Mono>) = (None, None);
        while !stop.is_stopped() {
            if duties.is_none_or(|at| self.clock.mono().since(at) >= DUTIES) {
                self.take(held, told).await?;
                self.overdue(held).await?;
                duties = Some(self.clock.mono());
            }
            if pruned.is_none_or(|at| self.clock.mono().since(at) >= PRUNE_EVERY) && self.prune().await? {
                pruned = Some(self.clock.mono());
            }
            let first = tokio::select! {
                biased;
                () = stop.stopped() => break,
                looked = looks.recv() => looked,
                () = self.clock.sleep(DUTIES) => None,
            };
            let Some(first) = first else { continue };
            self.clock.sleep(TOGETHER).await;
            let mut batch = vec![first];
            while let Ok(more) = looks.try_recv() {
                batch.push(more);
                if batch.len() >= WAITING {
                    break;
                }
            }
            self.judge(held, batch).await?;
        }
        Ok(())
    }

    /// Takes the duties that are to be had; begins with what is new, and leaves what is lost.
    async fn take(&self, held: &mut BTreeMap<usize, Held>, told: &mpsc::Sender<Looked>) -> Result<(), StoreError> {
        let names = self.targets.iter().map(|target| delay_duty(&target.name)).collect();
        let rows = self.store.duties_take(names, self.session).await?;
        let mut begun = Vec::new();
        for (server, row) in rows.into_iter().enumerate() {
            let Some(target) = self.targets.get(server) else { continue };
            match (row, held.get(&server)) {
                (None, None) => {}
                (None, Some(_)) => {
                    leave(held, server);
                    tracing::info!(replica = target.name, "another process judges it now");
                }
                (Some(row), Some(one)) if one.generation == row.generation && !one.task.is_finished() => {}
                (Some(row), _) => {
                    if leave(held, server) {
                        tracing::warn!(replica = target.name, "what looked at it has ended; it is begun anew");
                    }
                    begun.push((server, row.generation));
                }
            }
        }
        if begun.is_empty() {
            return Ok(());
        }
        let servers: Vec<usize> = begun.iter().map(|(server, _)| *server).collect();
        let mut units = self.load(&servers).await?;
        for (place, (server, generation)) in (0_u32..).zip(begun) {
            let Some(target) = self.targets.get(server) else { continue };
            let wait = APART.saturating_mul(place).min(target.limits.interval);
            let task = task::spawn(look_on(server, target.clone(), self.clock.clone(), wait, told.clone()));
            let (units, looked) = (units.remove(&server).unwrap_or_default(), self.clock.mono());
            held.insert(server, Held { generation, task, units, looked, unstored: BTreeMap::new(), said: None });
        }
        Ok(())
    }

    /// What is stored of the replicas of servers.
    async fn load(&self, servers: &[usize]) -> Result<BTreeMap<usize, BTreeMap<String, Unit>>, StoreError> {
        let targets: BTreeMap<&str, (usize, &Target)> = servers
            .iter()
            .filter_map(|server| self.targets.get(*server).map(|target| (target.name.as_str(), (*server, target))))
            .collect();
        let now = self.store.now().await?;
        let (mut units, mut places, mut spans) = (BTreeMap::<_, BTreeMap<_, _>>::new(), Vec::new(), Vec::new());
        let mut others = Vec::new();
        for row in self.store.judged(None).await? {
            let Some((server, target)) = targets.get(server_of(&row.replica)) else { continue };
            if target.channel.as_ref().is_some_and(|channel| row.replica != name_of(&target.name, channel)) {
                others.push(row.replica);
                continue;
            }
            let unit = match serde_json::from_str(&row.state) {
                Ok(state) => {
                    spans.push((row.replica.clone(), now.minus(target.limits.remembered())));
                    places.push((*server, row.replica.clone()));
                    let spark = serde_json::from_str(&row.spark).unwrap_or_default();
                    Unit { state, spark, known: true, ..Unit::default() }
                }
                Err(e) => {
                    // What cannot be read is begun anew: unknown until it is known.
                    tracing::error!(error = %e, replica = row.replica, "its stored state cannot be read; it is judged anew");
                    Unit { known: true, ..Unit::default() }
                }
            };
            units.entry(*server).or_default().insert(row.replica, unit);
        }
        // Channels that are watched no more: one is named now.
        if !others.is_empty() {
            self.store.judged_forget(others).await?;
        }
        let windows = self.store.delay_windows(spans, WINDOW).await?;
        for ((server, name), window) in places.into_iter().zip(windows) {
            if let Some(unit) = units.get_mut(&server).and_then(|units| units.get_mut(&name)) {
                unit.samples = window.iter().map(sample_of).collect();
            }
        }
        Ok(units)
    }

    /// Judges servers that nothing is seen of, not even that looking failed: time passes for them, too.
    async fn overdue(&self, held: &mut BTreeMap<usize, Held>) -> Result<(), StoreError> {
        let now = self.clock.mono();
        let late = |server: &usize, one: &Held| {
            let target = self.targets.get(*server);
            target.is_some_and(|target| now.since(one.looked) > target.limits.interval.saturating_add(LATE))
        };
        let late: Vec<usize> =
            held.iter().filter(|(server, one)| late(server, one)).map(|(server, _)| *server).collect();
        let why = || Err("the look at it has not come to an end".to_owned());
        let looked = late.into_iter().map(|server| Looked { server, at: now, seen: why() }).collect::<Vec<_>>();
        if looked.is_empty() { Ok(()) } else { self.judge(held, looked).await }
    }

    /// Judges what was seen, and writes it.
    async fn judge(&self, held: &mut BTreeMap<usize, Held>, batch: Vec<Looked>) -> Result<(), StoreError> {
        let (now, mono) = (self.store.now().await?, self.clock.mono());
        let jobs = Jobs::read(&*self.store, self.targets.iter().map(|target| &*target.limits), now).await?;
        let (mut rows, mut forgotten) = (Vec::new(), Vec::new());
        let mut servers = BTreeSet::new();
        for looked in batch {
            let Some((target, one)) = self.targets.get(looked.server).zip(held.get_mut(&looked.server)) else {
                continue;
            };
            one.looked = one.looked.max(looked.at);
            let end = now.minus(mono.since(looked.at));
            let all = spread(&target.name, &one.units, looked.seen);
            if !all.iter().any(|(name, _)| *name == target.name)
                && one.units.get(&target.name).is_some_and(|unit| is_stand_in(&target.name, &target.name, unit))
            {
                one.units.remove(&target.name);
                forgotten.push(target.name.clone());
            }
            for (name, seen) in all {
                let unit = one.units.entry(name.clone()).or_default();
                let mut known = jobs.of(&name);
                // A look that fails says nothing of jobs: those that were told last go on.
                let told = match &seen {
                    Ok(seen) => Some(&seen.jobs),
                    Err(_) => unit.state.seen.as_ref().map(|(_, seen)| &seen.jobs),
                };
                known.extend(told.into_iter().flatten().cloned());
                let asked = Asked::by_worker(target.local, target.primary);
                let at = Seen::when(seen.as_ref(), end);
                let (sample, verdict) = unit.look(&Look { at, seen }, &target.limits, &known, &asked);
                rows.push((looked.server, new_row(one.generation, &name, unit, sample, &verdict)));
            }
            servers.insert(looked.server);
        }
        let written = self.store.delay_write(self.session, rows.iter().map(|(_, row)| row.clone()).collect()).await?;
        let mut lost = BTreeSet::new();
        for ((server, row), written) in rows.iter().zip(written) {
            let Some(one) = held.get_mut(server) else { continue };
            if !matches!(written, JudgedWrite::TooLarge { .. }) {
                one.unstored.remove(&row.replica);
            }
            match written {
                JudgedWrite::Written => {
                    if let Some(unit) = one.units.get_mut(&row.replica) {
                        unit.known = true;
                    }
                }
                // One that is still seen is judged anew.
                JudgedWrite::Forgotten => {
                    one.units.remove(&row.replica);
                }
                JudgedWrite::NotHeld => {
                    leave(held, *server);
                    lost.insert(*server);
                }
                // The clock of the state stood still: the next one counts.
                JudgedWrite::NotNewer(_) => tracing::debug!(replica = row.replica, "judged twice at one time"),
                JudgedWrite::TooLarge { what, bytes, most } => {
                    let why = format!("{what} takes {bytes} bytes, and {most} are possible");
                    tracing::error!(replica = row.replica, why, "too large to be stored: nobody else sees it");
                    one.unstored.entry(row.replica.clone()).or_insert((now, String::new())).1 = why;
                }
            }
        }
        if !forgotten.is_empty() {
            self.store.judged_forget(forgotten).await?;
        }
        let frozen: BTreeSet<String> = self.store.freezes_open().await?.into_iter().map(|row| row.replica).collect();
        for server in servers.difference(&lost) {
            if let Some((target, one)) = self.targets.get(*server).zip(held.get_mut(server)) {
                self.tell(target, one, &frozen, now).await?;
            }
        }
        Ok(())
    }

    /// Writes what is wrong with a server's replicas: when that changes, and now and then with its newest numbers.
    async fn tell(
        &self,
        target: &Target,
        one: &mut Held,
        frozen: &BTreeSet<String>,
        now: Time,
    ) -> Result<(), StoreError> {
        let stopped = |name: &String| frozen.contains(name) || frozen.contains(server_of(name));
        let said: Vec<_> = one
            .units
            .iter()
            .filter_map(|(name, unit)| {
                let unstored = one.unstored.get(name).map(|(_, why)| why.clone());
                unit.state.last.as_ref().map(|last| (name.clone(), last.severity, last.rule, stopped(name), unstored))
            })
            .collect();
        let well = one.unstored.is_empty() && said.iter().all(|(_, severity, ..)| *severity == Severity::Ok);
        if let Some((at, before)) = &one.said
            && *before == said
            && (well || now.since(*at) < SAID_AGAIN)
        {
            return Ok(());
        }
        let found = one
            .units
            .iter()
            .filter_map(|(name, unit)| finding(name, &unit.state, &target.limits, stopped(name)))
            .chain(one.unstored.iter().map(|(name, (since, why))| unstored(name, why, *since)))
            .collect();
        self.store.notice_round(delay_duty(&target.name), found).await?;
        one.said = Some((now, said));
        Ok(())
    }

    /// Findings that nobody looks after any more (a server was taken out of the configuration, the one host that watched it
    /// is gone) are not over by that, and not known to hold.
    async fn orphans(&self, now: Time) -> Result<(), StoreError> {
        let mut scopes: BTreeMap<String, Vec<NoticeRow>> = BTreeMap::new();
        for row in self.store.notices().await? {
            if row.scope.starts_with("delay:") || row.scope.starts_with("heartbeat:") {
                scopes.entry(row.scope.clone()).or_default().push(row);
            }
        }
        for (scope, rows) in scopes {
            let old = rows.iter().all(|row| now.since(row.seen_at) >= ORPHANED);
            let own = self.targets.iter().any(|target| delay_duty(&target.name) == scope);
            if !old || own || self.store.duty_take(scope.clone(), self.session).await?.is_none() {
                continue;
            }
            self.store.notice_round(scope.clone(), rows.iter().filter_map(unwatched).collect()).await?;
            self.store.duty_release(scope, self.session).await?;
        }
        Ok(())
    }

    /// Clears away what is too old. Whether there is no more of it.
    async fn prune(&self) -> Result<bool, StoreError> {
        if self.store.duty_take(PRUNE_DUTY.to_owned(), self.session).await?.is_none() {
            return Ok(true);
        }
        let now = self.store.now().await?;
        self.orphans(now).await?;
        let gone = self.store.delay_prune(now.minus(KEPT), PRUNE).await?;
        self.store.jobs_prune(now.minus(ENDED_KEPT), PRUNE).await?;
        tracing::debug!(rows = %Count(gone), "old samples were cleared away");
        Ok(gone < u64::from(PRUNE))
    }
}

/// A finding that nobody has seen to hold for so long is said to be unwatched: whoever watched it is back by then.
const ORPHANED: Duration = Duration::from_hours(1);

/// A look that is not at its end so long after the next was due is not waited for.
const LATE: Duration = Duration::from_secs(20);

/// Looks at a server, an interval after the other. A look that takes longer costs those that fall into it.
async fn look_on(server: usize, target: Target, clock: Clock, wait: Duration, told: mpsc::Sender<Looked>) {
    clock.sleep(wait).await;
    let every = target.limits.interval;
    let mut next = clock.mono();
    loop {
        let seen = match task::caught(target.probe.look()).await {
            Ok(seen) => seen.map_err(|e| e.to_string()),
            Err(panic) => Err(format!("the look at it failed: {panic}")),
        };
        let at = clock.mono();
        if told.send(Looked { server, at, seen }).await.is_err() {
            return;
        }
        while next <= clock.mono() {
            next = next.plus(every);
        }
        clock.sleep(next.since(clock.mono())).await;
    }
}

/// What a look says of each replica of a server: one that is not seen any more is none.
pub(super) fn spread(
    server: &str,
    units: &BTreeMap<String, Unit>,
    seen: Result<Vec<Seen>, String>,
) -> Vec<(String, Result<Seen, String>)> {
    match seen {
        Err(why) if units.is_empty() => vec![(server.to_owned(), Err(why))],
        Err(why) => units.keys().map(|name| (name.clone(), Err(why.clone()))).collect(),
        // It is no replica: none of those it was, is one.
        Ok(all) if all.iter().all(|seen| seen.status.is_none()) => {
            let seen = all.into_iter().next().unwrap_or_default();
            let names = if units.is_empty() { vec![server.to_owned()] } else { units.keys().cloned().collect() };
            names.into_iter().map(|name| (name, Ok(seen.clone()))).collect()
        }
        Ok(all) => {
            let channel = |seen: &Seen| seen.status.as_ref().map_or(String::new(), |status| status.channel.clone());
            let named = |seen: Seen| (name_of(server, &channel(&seen)), Ok(seen));
            let mut named: Vec<_> = all.into_iter().map(named).collect();
            let gone = units.keys().filter(|name| !named.iter().any(|(seen, _)| seen == *name));
            let gone = gone.filter(|name| !is_stand_in(server, name, &units[*name]));
            let gone: Vec<_> = gone.map(|name| (name.clone(), Ok(Seen::default()))).collect();
            named.extend(gone);
            named
        }
    }
}

/// Whether it only stood for its server as long as nobody knew of the channels: it was never seen to be a replica.
fn is_stand_in(server: &str, name: &str, unit: &Unit) -> bool {
    name == server && unit.state.identity.source_id.is_none() && unit.state.received.is_none()
}

/// Looks at a server no more. Whether it did.
fn leave(held: &mut BTreeMap<usize, Held>, server: usize) -> bool {
    let one = held.remove(&server);
    one.inspect(|one| one.task.abort()).is_some()
}

/// What is written of a replica after it was judged.
pub fn new_row(generation: Generation, name: &str, unit: &Unit, sample: Sample, verdict: &Verdict) -> NewJudged {
    // Neither can fail: their keys are text, their numbers finite.
    let state = serde_json::to_string(&unit.state).unwrap_or_default();
    let spark = serde_json::to_string(&unit.spark).unwrap_or_default();
    NewJudged {
        replica: name.to_owned(),
        generation,
        known: unit.known,
        at: sample.at,
        samples: vec![row_of(&sample, verdict.severity)],
        severity: verdict.severity,
        rule: verdict.rule.0,
        text: verdict.text.clone(),
        state,
        spark,
    }
}

/// A stored sample.
pub fn sample_of(row: &DelaySample) -> Sample {
    // Delays are far below where a double loses microseconds.
    #[allow(clippy::cast_precision_loss)]
    let delay = row.delay.map(|micros| micros as f64 / 1e6);
    Sample { at: row.at, delay }
}

/// A sample to be stored; what no time can hold is not known.
pub fn row_of(sample: &Sample, severity: Severity) -> DelaySample {
    let micros = sample.delay.map(|delay| (delay * 1e6).round()).filter(|micros| micros.abs() < 9e15);
    #[allow(clippy::cast_possible_truncation)] // it is below that
    let delay = micros.map(|micros| micros as i64);
    DelaySample { at: sample.at, delay, severity }
}
