//! Delayed replicas: what is configured of them, how they stand, and the worker that watches them.

use std::sync::Arc;
use std::time::Duration;

use super::{Services, lines};
use crate::base::{Clock, Stop, Time};
use crate::config::ReplicaConfig;
use crate::delay::chart;
use crate::delay::gather::Known;
use crate::delay::snapshot::{DelayChart, DelaySnapshot};
use crate::delay::watch::{KIND, Target, Watch};
use crate::store::StoreError;
use crate::worker::session::Lease;
use crate::worker::under::{self, Work};

/// Who watches, or writes heartbeats, is missed within `max-last-seen` (60 s by default): another takes over well before.
pub(super) const WATCHED: Duration = Duration::from_secs(30);

impl Services {
    /// Whether any replica is watched.
    pub fn has_replicas(&self) -> bool {
        self.replicas.as_ref().map_or(!self.config.delay.replicas.is_empty(), |targets| !targets.is_empty())
    }

    /// The servers whose replicas are judged, without a line to any.
    pub fn replicas(&self) -> Vec<Known> {
        match &self.replicas {
            Some(targets) => targets.iter().map(Known::from).collect(),
            None => self.config.delay.replicas.iter().map(known).collect(),
        }
    }

    /// The same with lines to them. Nothing is connected before it is looked at.
    pub(super) fn targets(&self) -> Vec<Target> {
        match &self.replicas {
            Some(targets) => targets.clone(),
            None => self.config.delay.replicas.iter().map(|replica| target(replica, &self.clock)).collect(),
        }
    }

    /// How all replicas stand.
    pub async fn delays(&self) -> Result<DelaySnapshot, StoreError> {
        self.judged.lock().await.gather(&*self.store, &self.replicas()).await
    }

    /// The samples of a replica in a span of time.
    pub async fn delay_chart(&self, replica: &str, from: Time, to: Time) -> Result<DelayChart, StoreError> {
        chart::chart(&*self.store, replica, from, to).await
    }

    /// The worker that looks at replicas and judges them, under a lease of its own.
    pub(super) async fn watch_replicas(&self, stop: Stop) -> Result<(), String> {
        let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            let watch = Watch {
                targets: self.targets(),
                store: Arc::clone(&self.store),
                clock: self.clock.clone(),
                session: lease.session,
            };
            let reaps = under::reap(lease.clone(), self.clock.clone(), inner.clone());
            let mut parts: Vec<Work> = vec![Box::pin(watch.run(inner.clone())), Box::pin(reaps)];
            if let Some(threads) = self.stoppable().known() {
                parts.push(Box::pin(self.keeper().run(lease.session, threads, inner.clone())));
            }
            parts
        };
        under::run(self.under(KIND, WATCHED), stop, parts, std::future::pending()).await.map_err(|e| e.to_string())
    }
}

fn target(config: &ReplicaConfig, clock: &Clock) -> Target {
    let Known { name, group, limits, local, primary } = known(config);
    let channel = config.channel.clone();
    let probe = Arc::new(lines::probe(config, clock.clone()));
    Target { name, group, limits, local, primary, channel, probe }
}

fn known(config: &ReplicaConfig) -> Known {
    Known {
        name: config.name.clone(),
        group: config.group.clone(),
        limits: Arc::new(config.limits.clone()),
        local: config.local_heartbeat,
        primary: config.primary.is_some(),
    }
}
