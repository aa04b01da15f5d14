//! The worker that writes heartbeats. Each server is a duty: of all hosts one writes to it.

use std::sync::Arc;
use std::time::Duration;

use super::delays::WATCHED;
use super::{Services, lines};
use crate::base::ids::SessionId;
use crate::base::{Clock, Finding, Severity, Stop, Time, task};
use crate::config::HeartbeatConfig;
use crate::delay::findings::HEARTBEAT;
use crate::delay::writer::{Told, Writer};
use crate::store::{Store, StoreError, heartbeat_duty};
use crate::worker::session::Lease;
use crate::worker::under::{self, Work};

/// What this worker is called.
pub const KIND: &str = "heartbeat";

/// Between two looks at who writes, and at how it goes.
const LOOK: Duration = Duration::from_secs(5);
/// A heartbeat that fails is told once it has failed for so long: what restarts is back by then …
const TOLD_AFTER: Duration = Duration::from_secs(30);
/// … and with its newest numbers so often.
const SAID_AGAIN: Duration = Duration::from_mins(1);

impl Services {
    /// Writes heartbeats, under a lease of its own.
    pub(super) async fn write_heartbeats(&self, stop: Stop) -> Result<(), String> {
        let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            let all = self.config.delay.heartbeats.iter().map(|config| -> Work {
                let beats = Beats {
                    writer: Arc::new(lines::writer(config, self.clock.clone())),
                    config: config.clone(),
                    store: Arc::clone(&self.store),
                    clock: self.clock.clone(),
                    session: lease.session,
                };
                let inner = inner.clone();
                Box::pin(async move { beats.run(inner).await })
            });
            let reaps: Work = Box::pin(under::reap(lease.clone(), self.clock.clone(), inner.clone()));
            all.chain([reaps]).collect()
        };
        under::run(self.under(KIND, WATCHED), stop, parts, std::future::pending()).await.map_err(|e| e.to_string())
    }
}

/// Heartbeats of one server.
struct Beats {
    writer: Arc<Writer>,
    config: HeartbeatConfig,
    store: Arc<dyn Store>,
    clock: Clock,
    session: SessionId,
}

/// A writer that runs; it ends with this.
struct Running(Stop, task::JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
        self.1.abort();
    }
}

impl Beats {
    async fn run(self, stop: Stop) -> Result<(), StoreError> {
        let duty = heartbeat_duty(&self.config.name);
        let mut running: Option<Running> = None;
        let mut said: Option<(Time, bool)> = None;
        let mut failing: Option<(Time, u64)> = None;
        while !stop.is_stopped() {
            if self.store.duty_take(duty.clone(), self.session).await?.is_some() {
                if running.as_ref().is_some_and(|running| running.1.is_finished()) {
                    tracing::error!(heartbeat = self.config.name, "its writer has fallen over; it is begun anew");
                    running = None;
                }
                running.get_or_insert_with(|| {
                    let (writer, own) = (Arc::clone(&self.writer), Stop::new());
                    let told = own.clone();
                    Running(own, task::spawn(async move { writer.run(&told).await }))
                });
                self.tell(&mut failing, &mut said).await?;
            } else if running.take().is_some() {
                tracing::info!(heartbeat = self.config.name, "another process writes it now");
                (said, failing) = (None, None);
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(LOOK) => {}
            }
        }
        drop(running);
        self.store.duty_release(duty, self.session).await
    }

    /// Writes what is wrong, when that changes, and now and then anew.
    async fn tell(&self, failing: &mut Option<(Time, u64)>, said: &mut Option<(Time, bool)>) -> Result<(), StoreError> {
        let (now, told) = (self.store.now().await?, self.writer.told());
        if told.error.is_none() {
            *failing = None;
        }
        let since = told.error.as_ref().map(|_| *failing.get_or_insert((now, told.failed)));
        let found = since.filter(|(since, _)| now.since(*since) >= TOLD_AFTER);
        let found = found.map(|(since, before)| finding(&self.config.name, &told, since, before));
        let changed = said.is_none_or(|(_, bad)| bad != found.is_some());
        if changed || (found.is_some() && said.is_some_and(|(at, _)| now.since(at) >= SAID_AGAIN)) {
            *said = Some((now, found.is_some()));
            self.store.notice_round(heartbeat_duty(&self.config.name), found.into_iter().collect()).await?;
        }
        Ok(())
    }
}

/// A heartbeat that is not written: the delay of everything behind it can soon not be told.
fn finding(name: &str, told: &Told, since: Time, before: u64) -> Finding {
    let why = told.error.as_deref().unwrap_or("no reason recorded");
    let failed = told.failed.saturating_sub(before).saturating_add(1);
    Finding::new(HEARTBEAT, name, Severity::Critical, since)
        .value(format!("{failed} heartbeats in a row could not be written: {why}"))
        .limit("a heartbeat each interval: without it no delay can be told")
        .next("mend what the reason names on that server; it goes on by itself")
}
