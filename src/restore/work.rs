//! The restore worker: asks for what confirmed plans need ([`Room`]) and delivers what can be read, several archives at a
//! time. Any number of hosts run it; one of them asks, each delivers to its own folders.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::findings;
use super::parts::Delivery;
use crate::base::host::ProcessIdentity;
use crate::base::ids::{PlanId, SessionId};
use crate::base::units::Count;
use crate::base::{Clock, Money, Stop, Time};
use crate::retrieval::room::{Room, Settings};
use crate::store::{PlanState, Store, StoreError};
use crate::vault::Vault;
use crate::vault::tariff::InForce;
use crate::worker::session::Lease;
pub use crate::worker::under::WorkError;
use crate::worker::under::{self, Under, Work};

/// What this worker is called.
pub const KIND: &str = "restore";
/// Between two looks for something to deliver.
const LOOK: Duration = Duration::from_secs(1);
/// Between two rounds of findings.
const ROUND: Duration = Duration::from_secs(10);
/// A plan that nobody confirms is kept so long.
const UNCONFIRMED: Duration = Duration::from_hours(24);
/// Rows of unconfirmed plans removed in one go.
const PRUNE: u32 = 5000;

/// Everything that the worker needs.
pub struct Job {
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// What it charges.
    pub tariff: Arc<InForce>,
    /// Time.
    pub clock: Clock,
    /// This process.
    pub process: ProcessIdentity,
    /// How long a lease holds.
    pub lease: Duration,
    /// Jobs asked for in a second at most.
    pub per_second: u32,
    /// Archives delivered at a time.
    pub slots: u32,
    /// The folder that destinations lie below, as if it were `/`; nothing: they lie where they say.
    pub root: Option<PathBuf>,
    /// This plan alone, and until it has ended.
    pub only: Option<PlanId>,
}

impl Job {
    /// Works until told to stop (or until its one plan has ended).
    pub async fn run(self: Arc<Self>, stop: Stop) -> Result<(), WorkError> {
        let under = Under {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            process: self.process.clone(),
            kinds: self.only.map_or_else(|| KIND.to_owned(), |plan| format!("{KIND} plan {plan}")),
            length: self.lease,
        };
        under::run(under, stop, |lease, inner| self.parts(lease, inner), self.ended()).await
    }

    fn parts(self: &Arc<Self>, lease: &Lease, inner: &Stop) -> Vec<Work> {
        let mut parts: Vec<Work> = vec![Box::pin(Arc::new(self.room(lease.session)).run(inner.clone()))];
        let tariff = Arc::clone(&self.tariff);
        let delivery = Delivery::new(
            Arc::clone(&self.store),
            Arc::clone(&self.vault),
            self.clock.clone(),
            lease.session,
            inner.clone(),
            Arc::new(|_| Money::ZERO),
        );
        let delivery = delivery.below(self.root.clone()).priced_by(Arc::new(move || {
            let tariff = tariff.get();
            Arc::new(move |bytes| tariff.egress_price(bytes).amount)
        }));
        let delivery = Arc::new(delivery);
        let looks = Arc::new(Mutex::new(()));
        for _ in 0..self.slots.max(1) {
            let (job, delivery, inner) = (Arc::clone(self), Arc::clone(&delivery), inner.clone());
            let (session, looks) = (lease.session, Arc::clone(&looks));
            parts.push(Box::pin(async move { job.deliver(&delivery, session, &looks, &inner).await }));
        }
        if self.only.is_none() {
            let (job, told, session) = (Arc::clone(self), inner.clone(), lease.session);
            parts.push(Box::pin(async move { job.rounds(session, &told).await }));
        }
        // What another held that has died is needed by one plan, too.
        parts.push(Box::pin(under::reap(lease.clone(), self.clock.clone(), inner.clone())));
        parts
    }

    fn room(&self, session: SessionId) -> Room {
        Room {
            store: Arc::clone(&self.store),
            vault: Arc::clone(&self.vault),
            clock: self.clock.clone(),
            session,
            settings: Settings { per_second: self.per_second, tariff: Arc::clone(&self.tariff), tick: self.look() },
        }
    }

    /// Between two looks: for one plan somebody waits.
    fn look(&self) -> Duration {
        if self.only.is_some() { LOOK / 10 } else { LOOK }
    }

    /// One slot: part after part. Of all slots that have nothing to do one looks for it.
    async fn deliver(
        &self,
        delivery: &Delivery,
        session: SessionId,
        looks: &Mutex<()>,
        stop: &Stop,
    ) -> Result<(), StoreError> {
        let host = self.process.host_key();
        while !stop.is_stopped() {
            let look = looks.lock().await;
            if stop.is_stopped() {
                break;
            }
            if let Some(work) = self.store.part_claim(session, host.clone(), self.only).await? {
                drop(look);
                match delivery.deliver(work).await {
                    // Somebody cancelled the plan, or took the part over.
                    Ok(_) | Err(StoreError::Stale { .. }) => {}
                    Err(e) => return Err(e),
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(self.look()) => {}
            }
        }
        Ok(())
    }

    /// Findings, by whoever has the duty; and what nobody confirmed is cleared away.
    async fn rounds(&self, session: SessionId, stop: &Stop) -> Result<(), StoreError> {
        let mut pruned: Option<Time> = None;
        while !stop.is_stopped() {
            if self.store.duty_take(findings::SCOPE.to_owned(), session).await?.is_some() {
                let now = self.store.now().await?;
                let found = findings::gather(&*self.store, now).await?;
                self.store.notice_round(findings::SCOPE.to_owned(), found).await?;
                if pruned.is_none_or(|at| now.since(at) >= Duration::from_hours(1)) {
                    let gone = self.store.plan_prune(now.minus(UNCONFIRMED), PRUNE).await?;
                    if gone >= u64::from(PRUNE) {
                        tracing::debug!(rows = %Count(gone), "rows of plans that nobody confirmed were removed");
                    } else {
                        pruned = Some(now);
                    }
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(ROUND) => {}
            }
        }
        Ok(())
    }

    /// Returns when the one plan that is carried out has ended.
    async fn ended(&self) -> Result<(), StoreError> {
        let Some(plan) = self.only else { return std::future::pending().await };
        loop {
            let row = self.store.plan(plan).await?;
            if row.is_none_or(|row| row.state != PlanState::Running) {
                return Ok(());
            }
            self.clock.sleep(Duration::from_millis(200)).await;
        }
    }
}
