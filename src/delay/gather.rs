//! Reads back how all replicas stand: the stored verdicts, in the order of the configuration. One that nobody has written
//! for longer than its limit is judged anew here, by the same rules: that nobody watches is then the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::freeze::keeper::{FRESH, Kept};
use super::freeze::told;
use super::job::Job;
use super::judge::{self, Asked, Asker, judge};
use super::limits::Limits;
use super::snapshot::{DelaySnapshot, Frozen, ReplicaLine};
use super::state::State;
use super::unit::Spark;
use super::watch::{Target, WINDOW, sample_of};
use crate::base::Time;
use crate::store::{JudgedRow, Store, StoreError, server_of};

/// A server of the configuration, as far as its verdicts need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// The group it is in.
    pub group: Option<String>,
    /// What is allowed.
    pub limits: Arc<Limits>,
    /// Whether a heartbeat is written on the replica itself.
    pub local: bool,
    /// Whether the source's heartbeat is read on the source, too.
    pub primary: bool,
}

impl From<&Target> for Known {
    fn from(target: &Target) -> Self {
        Self {
            name: target.name.clone(),
            group: target.group.clone(),
            limits: Arc::clone(&target.limits),
            local: target.local,
            primary: target.primary,
        }
    }
}

/// What is stored of a verdict, read once.
#[derive(Debug, Clone)]
struct Read {
    name: String,
    at: Time,
    /// The host of who wrote it; empty: nobody remembers.
    host: String,
    /// Or why it cannot be read.
    state: Result<Arc<State>, String>,
    spark: Spark,
}

impl Read {
    fn of(row: JudgedRow) -> Self {
        Self {
            at: row.at,
            host: row.writer.process.map_or_else(String::new, |(host, _)| host),
            state: serde_json::from_str(&row.state).map(Arc::new).map_err(|e| e.to_string()),
            spark: serde_json::from_str(&row.spark).unwrap_or_default(),
            name: row.replica,
        }
    }
}

/// What was read of all verdicts: the next time only what has changed since is read.
#[derive(Debug, Default)]
pub struct Memory {
    rows: BTreeMap<String, Read>,
    /// When the newest of them was written.
    written: Option<Time>,
}

impl Memory {
    async fn refresh(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        // The names first: what is written between the two is among what has changed.
        let names = store.judged_names().await?;
        let changed = store.judged(self.written).await?;
        self.rows.retain(|name, _| names.binary_search(name).is_ok());
        for row in changed {
            self.written = self.written.max(Some(row.written));
            self.rows.insert(row.replica.clone(), Read::of(row));
        }
        Ok(())
    }

    /// How all of them stand.
    pub async fn gather(&mut self, store: &dyn Store, known: &[Known]) -> Result<DelaySnapshot, StoreError> {
        let now = store.now().await?;
        self.refresh(store).await?;
        let mut rows: BTreeMap<&str, Vec<&Read>> = BTreeMap::new();
        for row in self.rows.values() {
            rows.entry(server_of(&row.name)).or_default().push(row);
        }
        let jobs = all_jobs(store, known, now).await?;
        let mut replicas = Vec::new();
        for one in known {
            match rows.remove(one.name.as_str()) {
                None => replicas.push(unjudged(one, jobs.of(&one.name), now)),
                Some(rows) => {
                    for row in rows {
                        replicas.push(line(store, one, row, &jobs, now, false).await?);
                    }
                }
            }
        }
        freezes(store, &mut replicas, now).await?;
        Ok(DelaySnapshot { now, replicas })
    }
}

/// How all of them stand, read anew.
pub async fn gather(store: &dyn Store, known: &[Known]) -> Result<DelaySnapshot, StoreError> {
    Memory::default().gather(store, known).await
}

/// Says of each replica how its freeze stands, where it has one. One that cannot be read is one all the same.
async fn freezes(store: &dyn Store, lines: &mut [ReplicaLine], now: Time) -> Result<(), StoreError> {
    for row in store.freezes_open().await? {
        let frozen = match Kept::of(&row) {
            Ok(Kept { record, .. }) => Frozen {
                proven: told::is_frozen(&record, now, FRESH),
                words: told::words(&record, now, FRESH),
                state: record.phase.word().to_owned(),
                since: Some(record.since),
                why: told::why(&record, now, FRESH),
                statement: (!record.statement.is_unknown()).then(|| record.statement.words()),
                at: record.last.map(|sight| sight.executed).unwrap_or_default(),
                who: record.asked.who,
            },
            Err(e) => Frozen {
                words: e.to_string(),
                state: row.state.clone(),
                who: row.who.clone(),
                why: Some(e.to_string()),
                ..Frozen::default()
            },
        };
        let own = |line: &&mut ReplicaLine| line.name == row.replica || server_of(&line.name) == row.replica;
        for line in lines.iter_mut().filter(own) {
            line.frozen = Some(frozen.clone());
        }
    }
    Ok(())
}

/// How one replica of a server stands; all of the server's channels where `replica` is the server and it has several. With
/// `anew` it is judged here, by the limits of `known`, whatever the worker said by its own. One that nobody has ever
/// judged is judged so, too: that no worker has written is then the verdict.
pub async fn one(store: &dyn Store, known: &Known, replica: &str, anew: bool) -> Result<Vec<ReplicaLine>, StoreError> {
    let now = store.now().await?;
    let jobs = all_jobs(store, std::slice::from_ref(known), now).await?;
    let mut rows: Vec<JudgedRow> = store.judged_one(replica.to_owned()).await?.into_iter().collect();
    if rows.is_empty() && server_of(replica) == replica {
        rows = store.judged(None).await?;
        rows.retain(|row| server_of(&row.replica) == replica);
    }
    if rows.is_empty() {
        return Ok(vec![ReplicaLine { name: replica.to_owned(), ..unjudged(known, jobs.of(replica), now) }]);
    }
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.push(line(store, known, &Read::of(row), &jobs, now, anew).await?);
    }
    freezes(store, &mut lines, now).await?;
    Ok(lines)
}

/// Jobs that run or have ended within the longest recovery window, by replica.
#[derive(Debug, Default)]
pub(super) struct Jobs(BTreeMap<String, Vec<Job>>);

impl Jobs {
    /// Those that are stored, where `all` is allowed of the replicas.
    pub(super) async fn read<'a>(
        store: &dyn Store,
        all: impl Iterator<Item = &'a Limits> + Send,
        now: Time,
    ) -> Result<Self, StoreError> {
        let longest = all.map(|limits| limits.max_recovery_time).max().unwrap_or_default();
        let mut jobs = Self::default();
        for row in store.jobs(None, now.minus(longest)).await? {
            let job = Job { class: row.class, start: row.start, end: row.end };
            jobs.0.entry(row.replica).or_default().push(job);
        }
        Ok(jobs)
    }

    /// Those of a replica, and of its server as a whole.
    pub(super) fn of(&self, replica: &str) -> Vec<Job> {
        let server = server_of(replica);
        let mut all = self.0.get(replica).cloned().unwrap_or_default();
        if server != replica {
            all.extend(self.0.get(server).cloned().unwrap_or_default());
        }
        all
    }
}

pub(super) async fn all_jobs(store: &dyn Store, known: &[Known], now: Time) -> Result<Jobs, StoreError> {
    Jobs::read(store, known.iter().map(|one| &*one.limits), now).await
}

/// One that nobody has ever judged is judged here: that no worker has written is the verdict.
fn unjudged(one: &Known, jobs: Vec<Job>, now: Time) -> ReplicaLine {
    let asked = Asked { asker: Asker::Reader(Ok(None)), local: one.local, primary: one.primary };
    let verdict = judge(&State::default(), &[], &jobs, &asked, &one.limits, now).1;
    ReplicaLine {
        name: one.name.clone(),
        group: one.group.clone(),
        limits: Arc::clone(&one.limits),
        verdict: Some(verdict),
        state: Arc::default(),
        jobs,
        spark: vec![None; super::snapshot::SPARK],
        judged: None,
        frozen: None,
    }
}

async fn line(
    store: &dyn Store,
    one: &Known,
    row: &Read,
    jobs: &Jobs,
    now: Time,
    anew: bool,
) -> Result<ReplicaLine, StoreError> {
    let mut jobs = jobs.of(&row.name);
    let (state, seen) = match &row.state {
        Ok(state) => (Arc::clone(state), Ok(Some(row.at))),
        Err(why) => (Arc::default(), Err(why.clone())),
    };
    if let Some((_, seen)) = &state.seen {
        jobs.extend(seen.jobs.iter().cloned());
    }
    let asked = Asked { asker: Asker::Reader(seen), local: one.local, primary: one.primary };
    // What its samples say now is asked for only where it is judged here, or nobody has written for too long.
    let mut samples = Vec::new();
    if anew || now.since(row.at) > one.limits.max_last_seen {
        let rows = store.delay_samples(row.name.clone(), row.at.minus(one.limits.remembered()), now, WINDOW).await?;
        samples = rows.iter().map(sample_of).collect();
    }
    let verdict = if anew {
        judge(&state, &samples, &jobs, &asked, &one.limits, now).1
    } else {
        judge::told(&state, &samples, &asked, &one.limits, now)
    };
    Ok(ReplicaLine {
        group: one.group.clone(),
        limits: Arc::clone(&one.limits),
        verdict: Some(verdict),
        state,
        jobs,
        spark: row.spark.averages(now),
        judged: Some((row.host.clone(), row.at)),
        frozen: None,
        name: row.name.clone(),
    })
}
