//! The workers of a process: each kind of work under a supervisor of its own, so that what keeps one from working does not
//! keep the others.

use std::sync::Arc;

use tokio::sync::watch;

use super::Services;
use crate::base::Stop;
use crate::base::sink::Totals;
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
}

impl Services {
    /// Starts workers of these kinds. What keeps them from working is how they stand; they are tried again.
    pub fn start(self: &Arc<Self>, kinds: &Kinds) -> Crew {
        let stop = Stop::new();
        let mut all = Vec::new();
        if !kinds.of_backup().is_empty() {
            let (told, standing) = watch::channel(Standing::Running);
            all.push(("backup", standing));
            let (shared, kinds) = (Arc::clone(self), kinds.of_backup());
            let run = move |inner: Stop| {
                let (services, kinds) = (Arc::clone(&shared), kinds.clone());
                async move {
                    let job =
                        services.job(kinds, false, Arc::new(Totals::default())).await.map_err(|e| e.to_string())?;
                    Arc::new(job).run(inner).await.map(|_| ()).map_err(|e| e.to_string())
                }
            };
            drop(self.spawn(supervise("backup", self.clock.clone(), stop.clone(), told, run)));
        }
        if kinds.has(Kind::Restore) && self.config.vault.is_some() {
            let (told, standing) = watch::channel(Standing::Running);
            all.push((RESTORE, standing));
            let shared = Arc::clone(self);
            let run = move |inner: Stop| {
                let services = Arc::clone(&shared);
                async move {
                    let job = services.restore_job(None).await.map_err(|e| e.to_string())?;
                    Arc::new(job).run(inner).await.map_err(|e| e.to_string())
                }
            };
            drop(self.spawn(supervise(RESTORE, self.clock.clone(), stop.clone(), told, run)));
        }
        if kinds.has(Kind::Alert) {
            let (told, standing) = watch::channel(Standing::Running);
            all.push(("alert", standing));
            let shared = Arc::clone(self);
            let run = move |inner: Stop| {
                let services = Arc::clone(&shared);
                async move { services.tell(inner).await }
            };
            drop(self.spawn(supervise("alert", self.clock.clone(), stop.clone(), told, run)));
        }
        let standing = self.together(all);
        Crew { stop, standing }
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
        let under = self.under("alert");
        let tell = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            vec![Box::pin(crate::alert::run(means, lease.clone(), inner.clone()))]
        };
        under::run(under, stop, tell, std::future::pending()).await.map_err(|e| e.to_string())
    }

    /// Work of that name, by this process.
    fn under(&self, kinds: &str) -> Under {
        Under {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            process: self.process.clone(),
            kinds: kinds.to_owned(),
            length: self.config.lease,
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
