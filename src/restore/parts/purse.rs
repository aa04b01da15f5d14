//! Money for what is read: set aside before a byte is asked for, so that what was sent for nothing is paid for, too, and
//! never more than the plan's ceiling allows. Not far ahead ([`AHEAD`]): of what is set aside when a process dies nobody
//! knows whether it was sent, so it stays spent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Egress;
use crate::base::Money;
use crate::base::ids::SessionId;
use crate::store::{PartKey, Store, StoreError};

/// Money is set aside for so many bytes at a time at most (or for one read, where that is more): what a death costs a plan
/// beyond what was sent, and how many bytes share a transaction.
const AHEAD: u64 = 64 << 20;

/// The purse of one claim.
pub(super) struct Purse {
    store: Arc<dyn Store>,
    session: SessionId,
    key: PartKey,
    egress: Egress,
    bytes: Mutex<Bytes>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bytes {
    /// For so many money has been set aside.
    paid: u64,
    /// So many have been sent.
    sent: u64,
}

impl Purse {
    pub(super) fn new(store: Arc<dyn Store>, session: SessionId, key: PartKey, egress: Egress) -> Self {
        Self { store, session, key, egress, bytes: Mutex::default() }
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What so many bytes more cost, where the plan's ceiling does not leave that much now. Nothing is set aside.
    pub(super) async fn lacks(&self, more: u64) -> Result<Option<Money>, StoreError> {
        let Bytes { paid, sent } = *self.bytes();
        let price = self.price(paid, sent.saturating_add(more));
        if price <= Money::ZERO {
            return Ok(None);
        }
        let plan = self.store.plan(self.key.plan).await?;
        let left = plan.and_then(|plan| Some(plan.totals?.ceiling.minus(plan.held).minus(plan.spent)));
        Ok(left.filter(|left| price > *left).map(|_| price))
    }

    /// Sees to it that so many bytes more can be sent, `then` being what is to be read after them. Nothing when they can;
    /// else what is lacking.
    pub(super) async fn cover(&self, more: u64, then: u64) -> Result<Option<Money>, StoreError> {
        let Bytes { paid, sent } = *self.bytes();
        let needed = sent.saturating_add(more);
        if needed <= paid {
            return Ok(None);
        }
        let along = then.min(AHEAD.saturating_sub(needed - paid));
        if along > 0 && self.spend(paid, needed.saturating_add(along)).await? {
            return Ok(None);
        }
        let price = self.price(paid, needed);
        Ok(if self.spend(paid, needed).await? { None } else { Some(price) })
    }

    /// What the bytes from one count to another cost: the difference of two sums, so that what is rounded is rounded once a
    /// claim.
    fn price(&self, from: u64, to: u64) -> Money {
        (self.egress)(to).minus((self.egress)(from))
    }

    async fn spend(&self, from: u64, to: u64) -> Result<bool, StoreError> {
        let price = self.price(from, to);
        if price > Money::ZERO && !self.store.part_spend(self.session, self.key, price).await? {
            return Ok(false);
        }
        self.bytes().paid = to;
        Ok(true)
    }

    /// Gives back what was set aside for bytes that were never sent: the service was out, the work was stopped, or the plan.
    /// Once: where the state does not answer, nobody knows whether it has taken it back.
    pub(super) async fn give_back(&self) -> Result<(), StoreError> {
        let left = {
            let mut bytes = self.bytes();
            let left = self.price(bytes.sent, bytes.paid);
            bytes.paid = bytes.sent;
            left
        };
        if left <= Money::ZERO {
            return Ok(());
        }
        self.store.part_unspend(self.session, self.key, left).await
    }

    /// So many bytes were sent, whatever came of them.
    pub(super) fn sent(&self, bytes: u64) {
        let mut counts = self.bytes();
        counts.sent = counts.sent.saturating_add(bytes);
    }
}
