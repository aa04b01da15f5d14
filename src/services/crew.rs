//! The workers of a process: each kind of work under a supervisor of its own, so that what keeps one from working does not
//! keep the others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Services;
use super::heartbeats::KIND as HEARTBEAT;
use crate::base::Stop;
use crate::base::sink::Totals;
use crate::delay::watch::KIND as DELAY;
use crate::redis::watch::KIND as REDIS;
use crate::restore::work::KIND as RESTORE;
use crate::worker::kinds::{Kind, Kinds};
use crate::worker::session::Lease;
use crate::worker::supervisor::{Standing, supervise};
use crate::worker::under::{self, Under, Work};

/// Workers that run.
pub struct Crew {
    /// Ends them.
    pub stop: Stop,
    /// How they stand: at the end when all are; stopped when one is.
    pub standing: watch::Receiver<Standing>,
    /// What they have counted.
    pub counters: Totals,
}

/// Workers that are being started.
struct Starting<'a> {
    services: &'a Arc<Services>,
    stop: Stop,
    all: Vec<(&'static str, watch::Receiver<Standing>)>,
}

impl Starting<'_> {
    /// Starts one under a supervisor of its own.
    fn start<F>(&mut self, name: &'static str, work: impl Fn(Arc<Services>, Stop) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (told, standing) = watch::channel(Standing::Running);
        self.all.push((name, standing));
        let shared = Arc::clone(self.services);
        let run = move |inner: Stop| work(Arc::clone(&shared), inner);
        drop(self.services.spawn(supervise(name, self.services.clock.clone(), self.stop.clone(), told, run)));
    }
}

impl Services {
    /// Whether there is anything to watch: replicas, heartbeats, redis clusters.
    pub fn watches(&self) -> bool {
        self.has_replicas() || self.has_redis() || !self.config.delay.heartbeats.is_empty()
    }

    /// Starts workers of these kinds. What keeps them from working is how they stand; they are tried again.
    pub fn start(self: &Arc<Self>, kinds: &Kinds) -> Crew {
        let counters = Totals::default();
        let mut crew = Starting { services: self, stop: Stop::new(), all: Vec::new() };
        let backup = kinds.of_backup();
        if !backup.is_empty() {
            let counters = counters.clone();
            crew.start("backup", move |services, inner| {
                let (kinds, counters) = (backup.clone(), Arc::new(counters.clone()));
                async move {
                    let job = services.job(kinds, false, counters).await.map_err(|e| e.to_string())?;
                    Arc::new(job).run(inner).await.map(|_| ()).map_err(|e| e.to_string())
                }
            });
        }
        if kinds.has(Kind::Restore) && self.config.vault.is_some() {
            crew.start(RESTORE, |services, inner| async move {
                let job = services.restore_job(None).await.map_err(|e| e.to_string())?;
                Arc::new(job).run(inner).await.map_err(|e| e.to_string())
            });
        }
        if kinds.has(Kind::Delay) && self.has_replicas() {
            crew.start(DELAY, |services, inner| async move { services.watch_replicas(inner).await });
        }
        if kinds.has(Kind::Heartbeat) && !self.config.delay.heartbeats.is_empty() {
            crew.start(HEARTBEAT, |services, inner| async move { services.write_heartbeats(inner).await });
        }
        if kinds.has(Kind::Redis) && self.has_redis() {
            let counters = counters.clone();
            crew.start(REDIS, move |services, inner| {
                let counters = Arc::new(counters.clone());
                async move { services.keep_redis(counters, inner).await }
            });
        }
        if kinds.has(Kind::Alert) {
            crew.start("alert", |services, inner| async move { services.tell(inner).await });
        }
        let Starting { stop, all, .. } = crew;
        let standing = self.together(all);
        Crew { stop, standing, counters }
    }

    /// How several stand, as one.
    fn together(&self, mut all: Vec<(&'static str, watch::Receiver<Standing>)>) -> watch::Receiver<Standing> {
        let (told, standing) = watch::channel(of_all(&all));
        drop(self.spawn(async move {
            loop {
                // One that has ended changes no more.
                all.retain(|(_, standing)| *standing.borrow() != Standing::Ended && standing.has_changed().is_ok());
                let now = of_all(&all);
                let over = now == Standing::Ended;
                told.send_if_modified(|before| {
                    let changed = *before != now;
                    *before = now;
                    changed
                });
                if over {
                    return;
                }
                let changes = all.iter_mut().map(|(_, standing)| Box::pin(standing.changed())).collect();
                first(changes).await;
            }
        }));
        standing
    }

    /// The worker of alerts, under a lease of its own.
    async fn tell(&self, stop: Stop) -> Result<(), String> {
        let means = self.alerts().map_err(|e| e.to_string())?;
        let under = self.under("alert", Duration::MAX);
        let tell = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            vec![Box::pin(crate::alert::run(means, lease.clone(), inner.clone()))]
        };
        under::run(under, stop, tell, std::future::pending()).await.map_err(|e| e.to_string())
    }

    /// Work of that name, by this process; its lease is as configured, but no longer than `longest`.
    pub(super) fn under(&self, kinds: &str, longest: Duration) -> Under {
        Under {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            process: self.process.clone(),
            kinds: kinds.to_owned(),
            length: self.config.lease.min(longest),
        }
    }
}

/// Whatever ends first.
async fn first<F: Future + Unpin>(mut all: Vec<F>) {
    std::future::poll_fn(|cx| {
        let ready = all.iter_mut().any(|one| std::pin::Pin::new(one).poll(cx).is_ready());
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

fn of_all(all: &[(&'static str, watch::Receiver<Standing>)]) -> Standing {
    let mut over = true;
    for (name, standing) in all {
        match &*standing.borrow() {
            Standing::Stopped { reason, failures, again } => {
                let reason = if *name == "backup" { reason.clone() } else { format!("{name}: {reason}") };
                return Standing::Stopped { reason, failures: *failures, again: *again };
            }
            Standing::Running => over = false,
            Standing::Ended => {}
        }
    }
    if over { Standing::Ended } else { Standing::Running }
}
