//! One run of the pipeline, from its lease to its end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::lane::Lanes;
use super::moving::Moved;
use super::pipe::{BackupError, Kind, Parts, Pipe, Settings, blocking};
use super::scan::{self, Scanning};
use super::staging::Staging;
use super::{dispatch, settle, watchman};
use crate::base::buffers::Buffers;
use crate::base::host::ProcessIdentity;
use crate::base::sink::CounterSink;
use crate::base::task;
use crate::base::{Clock, Stop};
use crate::source::Source;
use crate::store::{ClosedBy, Store};
use crate::vault::Vault;
use crate::worker::pool::{Pool, PoolView};
use crate::worker::session::Lease;

/// How often idleness is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// Everything a pipeline is started with, again and again.
pub struct Job {
    /// How to work.
    pub settings: Settings,
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// The sources, and how often each is scanned.
    pub sources: Vec<(Arc<dyn Source>, Duration)>,
    /// The staging folder.
    pub staging: PathBuf,
    /// What the state calls it; nothing: by its path.
    pub staging_name: Option<PathBuf>,
    /// Its budget, bytes.
    pub staging_budget: u64,
    /// What of it history leaves to live files, bytes.
    pub staging_for_live: u64,
    /// Buffers of 8 MiB.
    pub buffers: usize,
    /// Who fetches.
    pub fetch: Pool,
    /// Who uploads.
    pub upload: Pool,
    /// Time.
    pub clock: Clock,
    /// Where work is counted.
    pub counters: Arc<dyn CounterSink>,
    /// This process.
    pub process: ProcessIdentity,
    /// How long a lease holds.
    pub lease: Duration,
    /// What the pipeline shows of itself.
    pub view: View,
}

/// What a running pipeline shows of itself.
#[derive(Clone, Default)]
pub struct View(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    running: Option<(Arc<Pipe>, Arc<Lanes>)>,
    scanning: BTreeMap<String, watch::Receiver<Scanning>>,
}

/// A glance at a running pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Glance {
    /// The pools.
    pub pools: Vec<PoolView>,
    /// Per source, what its scanner does.
    pub scanning: BTreeMap<String, String>,
    /// Bytes in the open bundle of each lane (live, history); nothing while it is being written.
    pub open_bytes: [Option<u64>; 2],
    /// Bytes of the staging budget that are taken.
    pub staging_used: u64,
    /// The staging budget.
    pub staging_budget: u64,
    /// Files claimed and not yet in a sealed bundle.
    pub in_hand: u64,
    /// Bundles that are being filled or sent.
    pub bundles: Vec<Moved>,
}

impl View {
    /// What the pipeline is doing; nothing while it does not run.
    pub fn glance(&self) -> Option<Glance> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (pipe, lanes) = shown.running.as_ref()?;
        let scanning = shown.scanning.iter().map(|(name, standing)| {
            let word = match &*standing.borrow() {
                Scanning::Elsewhere => "elsewhere".to_owned(),
                Scanning::Now => "scanning".to_owned(),
                Scanning::Through => "watching".to_owned(),
                Scanning::Held(why) => format!("held: {why}"),
            };
            (name.clone(), word)
        });
        let (staging_used, staging_budget) = pipe.staging.used();
        Some(Glance {
            pools: vec![pipe.fetch.view(), pipe.upload.view()],
            scanning: scanning.collect(),
            open_bytes: lanes.both().each_ref().map(|lane| lane.glance().map(|(bytes, _)| bytes)),
            staging_used,
            staging_budget,
            in_hand: pipe.in_hand(),
            bundles: pipe.moving.glance(pipe.clock.mono()),
        })
    }

    /// Something has become due: whoever waits looks at once.
    pub fn wake(&self) {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((pipe, _)) = &shown.running {
            dispatch::wake(pipe);
        }
    }

    fn show(&self, running: Option<(Arc<Pipe>, Arc<Lanes>)>, scanning: BTreeMap<String, watch::Receiver<Scanning>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Shown { running, scanning };
    }
}

/// How a run of `--until-idle` ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Files that failed for good: counted up to a limit.
    pub given_up: u64,
    /// Sources whose root is not what it was.
    pub held: Vec<String>,
}

impl Job {
    /// Runs until `stop` is thrown, until nothing is left to do (if the settings say so), or until something fails.
    pub async fn run(self: Arc<Self>, stop: Stop) -> Result<Ended, BackupError> {
        let (path, name) = (self.staging.clone(), self.staging_name.clone());
        let (budget, for_live) = (self.staging_budget, self.staging_for_live);
        let clock = self.clock.clone();
        let staging = blocking(move || Staging::open_as(&path, name, budget, for_live, clock)).await??;
        let (lease, reaped) = Lease::begin(
            Arc::clone(&self.store),
            self.clock.clone(),
            self.process.clone(),
            self.settings.kinds.words(),
            self.lease,
        )
        .await?;
        if reaped.done {
            tracing::info!(
                files = reaped.files,
                abandoned = reaped.abandoned,
                uploads = reaped.uploads,
                "took over what dead workers held"
            );
        }
        let mut sources = Vec::new();
        for (source, _) in &self.sources {
            let row = self.store.source(source.name().to_owned(), source.kind()).await?;
            sources.push((row, Arc::clone(source)));
        }
        let pipe = Arc::new(Pipe::new(Parts {
            settings: self.settings.clone(),
            store: Arc::clone(&self.store),
            vault: Arc::clone(&self.vault),
            sources,
            staging,
            buffers: Buffers::new(self.buffers),
            fetch: self.fetch.clone(),
            upload: self.upload.clone(),
            session: lease.session,
            clock: self.clock.clone(),
            counters: Arc::clone(&self.counters),
            stop: Stop::new(),
        }));
        let ended = self.work(&pipe, &lease, &stop).await;
        self.view.show(None, BTreeMap::new());
        ended
    }

    async fn work(&self, pipe: &Arc<Pipe>, lease: &Lease, stop: &Stop) -> Result<Ended, BackupError> {
        let keeper_stop = Stop::new();
        let keeper = {
            let (shared, lease, stop, view) = (Arc::clone(pipe), lease.clone(), keeper_stop.clone(), self.view.clone());
            task::spawn(async move {
                let doing = || view.glance().map_or_else(String::new, |glance| json!(glance).to_string());
                if let Err(e) = lease.keep(&stop, doing).await {
                    shared.fail(e.into());
                }
            })
        };
        let lanes = Arc::new(Lanes::default());
        let foreign = settle::clear_staging(pipe).await;
        let ended = match foreign {
            Ok(foreign) => {
                if foreign > 0 {
                    tracing::warn!(foreign, "the staging folder holds files that are not firn's; they are left alone");
                }
                self.tasks(pipe, &lanes, lease, stop).await
            }
            Err(e) => Err(e),
        };
        pipe.stop.stop();
        dispatch::wake(pipe);
        pipe.tasks_ended().await;
        let ended = match (ended, pipe.failure()) {
            (Ok(ended), None) => finish(pipe, &lanes).await.map(|()| ended),
            (Err(e), _) | (Ok(_), Some(e)) => Err(e),
        };
        keeper_stop.stop();
        // It ends when told; were it to panic, the lease would run out by itself.
        let _ = keeper.await;
        let ended = match (ended, pipe.failure()) {
            (Ok(_), Some(e)) => Err(e),
            (other, _) => other,
        };
        let over = lease.end().await;
        let ended = ended?;
        over?;
        Ok(ended)
    }

    async fn tasks(
        &self,
        pipe: &Arc<Pipe>,
        lanes: &Arc<Lanes>,
        lease: &Lease,
        stop: &Stop,
    ) -> Result<Ended, BackupError> {
        let kinds = &self.settings.kinds;
        let mut scanning = BTreeMap::new();
        if kinds.has(Kind::Scan) {
            for (source, rescan) in &self.sources {
                let (told, standing) = watch::channel(Scanning::Now);
                scanning.insert(source.name().to_owned(), standing);
                pipe.spawn(scan::run(Arc::clone(pipe), Arc::clone(source), *rescan, told));
            }
        }
        self.view.show(Some((Arc::clone(pipe), Arc::clone(lanes))), scanning.clone());
        for lane in crate::base::ids::Lane::ALL {
            if kinds.has(Kind::Fetch) {
                pipe.spawn(dispatch::fetches(Arc::clone(pipe), Arc::clone(lanes), lane));
                pipe.spawn(dispatch::ages(Arc::clone(pipe), Arc::clone(lanes), lane));
            }
            if kinds.has(Kind::Upload) {
                pipe.spawn(dispatch::uploads(Arc::clone(pipe), lane));
            }
        }
        pipe.spawn(dispatch::orders(Arc::clone(pipe), Arc::clone(lanes), self.process.host.clone()));
        let (told, rounds) = watch::channel(0);
        if kinds.has(Kind::Reconcile) {
            pipe.spawn(watchman::run(Arc::clone(pipe), lease.clone(), told));
        }
        tokio::select! {
            biased;
            () = stop.stopped() => Ok(Ended::default()),
            () = pipe.stop.stopped() => Ok(Ended::default()),
            ended = until_idle(pipe, lanes, scanning, rounds), if self.settings.until_idle => ended,
        }
    }
}

/// Returns when nothing is left to do for the kinds that run here.
async fn until_idle(
    pipe: &Arc<Pipe>,
    lanes: &Lanes,
    scanning: BTreeMap<String, watch::Receiver<Scanning>>,
    rounds: watch::Receiver<u64>,
) -> Result<Ended, BackupError> {
    let kinds = &pipe.settings.kinds;
    loop {
        pipe.clock.sleep(LOOK).await;
        let scans_over = scanning.values().all(|standing| !matches!(*standing.borrow(), Scanning::Now));
        // The watchman's first round settles what others left behind.
        if !scans_over || (kinds.has(Kind::Reconcile) && *rounds.borrow() == 0) {
            continue;
        }
        let left = pipe.store.unfinished(pipe.settings.attempts).await?;
        let open_files: Option<u64> = lanes.both().iter().map(|lane| lane.glance().map(|(_, files)| files)).sum();
        if kinds.has(Kind::Fetch)
            && !left.waiting
            && open_files.is_some_and(|files| files > 0 && files == pipe.in_hand())
        {
            // All that is in hand lies in open bundles: nothing is gained by waiting for their age.
            for lane in lanes.both() {
                lane.seal_if_due(pipe, Some(ClosedBy::Hand)).await?;
            }
        }
        let held = scanning.values().any(|standing| matches!(*standing.borrow(), Scanning::Held(_)));
        let nothing_due = !left.waiting && left.retry_at.is_none();
        // Files of a source that is away are not waited for; whatever else can be had is.
        let out_of_reach = held && pipe.store.due(pipe.settings.host.clone()).await?.fetch == [false; 2];
        let fetched =
            !kinds.has(Kind::Fetch) || ((nothing_due || out_of_reach) && !left.fetching && pipe.in_hand() == 0);
        let uploaded = !kinds.has(Kind::Upload) || (!left.bundled && !left.archives);
        if fetched && uploaded {
            let held = scanning.iter().filter(|(_, standing)| matches!(*standing.borrow(), Scanning::Held(_)));
            let held = held.map(|(name, _)| name.clone()).collect();
            return Ok(Ended { given_up: left.given_up, held });
        }
    }
}

/// The end in good order: what is open is sealed, so that the next start finds it complete.
async fn finish(pipe: &Arc<Pipe>, lanes: &Lanes) -> Result<(), BackupError> {
    for lane in lanes.both() {
        lane.seal_if_due(pipe, Some(ClosedBy::Hand)).await?;
        lane.close_empty(pipe).await?;
    }
    pipe.tasks_ended().await;
    Ok(())
}
