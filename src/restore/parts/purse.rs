//! Money for what is read: set aside before a byte is asked for, so that what was sent for nothing is paid for, too, and
//! never more than the plan's ceiling allows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Egress;
use crate::base::Money;
use crate::base::ids::SessionId;
use crate::store::{PartKey, Store, StoreError};

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

    /// Sees to it that so many bytes more can be sent. Nothing when they can; else what is lacking.
    pub(super) async fn cover(&self, more: u64) -> Result<Option<Money>, StoreError> {
        let Bytes { paid, sent } = *self.bytes();
        let needed = sent.saturating_add(more);
        if needed <= paid {
            return Ok(None);
        }
        // The difference of two sums: what is rounded is rounded once a claim.
        let price = (self.egress)(needed).minus((self.egress)(paid));
        if !price.is_zero() && !self.store.part_spend(self.session, self.key, price).await? {
            return Ok(Some(price));
        }
        self.bytes().paid = needed;
        Ok(None)
    }

    /// Gives back what was set aside for bytes that were never sent: the service was out, or the work was stopped.
    pub(super) async fn give_back(&self) -> Result<(), StoreError> {
        let Bytes { paid, sent } = *self.bytes();
        let left = (self.egress)(paid).minus((self.egress)(sent));
        if left <= Money::ZERO {
            return Ok(());
        }
        self.bytes().paid = sent;
        self.store.part_unspend(self.session, self.key, left).await
    }

    /// So many bytes were sent, whatever came of them.
    pub(super) fn sent(&self, bytes: u64) {
        let mut counts = self.bytes();
        counts.sent = counts.sent.saturating_add(bytes);
    }
}
