//! A session: the lease under which this process works, and what it takes over from those who died.

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Mono;
use crate::base::host::{Life, ProcessIdentity};
use crate::base::ids::SessionId;
use crate::base::{Clock, Stop};
use crate::store::{NewSession, Reaped, Store, StoreError};

/// How often a session writes what it is doing (and renews its lease, far more often than a third of it).
pub const WRITE_EVERY: Duration = Duration::from_secs(2);

/// A lease and its keeper's means.
#[derive(Clone)]
pub struct Lease {
    /// The session.
    pub session: SessionId,
    store: Arc<dyn Store>,
    clock: Clock,
    process: ProcessIdentity,
    kinds: String,
    length: Duration,
}

/// Why a lease ended.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It could not be renewed for too long; work stops before somebody else takes it over.
    #[error("the lease could not be renewed for {} s ({last}); work stops before another worker takes it over", .since.as_secs())]
    NotRenewed {
        /// How long.
        since: Duration,
        /// The last error.
        last: StoreError,
    },
    /// Another worker has taken it over already.
    #[error(transparent)]
    Lost(StoreError),
}

impl Lease {
    /// Enters a session, then takes over at once what dead processes of this host held, and what expired elsewhere.
    pub async fn begin(
        store: Arc<dyn Store>,
        clock: Clock,
        process: ProcessIdentity,
        kinds: String,
        length: Duration,
    ) -> Result<(Self, Reaped), StoreError> {
        let new = NewSession { process: process.clone(), kinds: kinds.clone(), lease: length };
        let session = store.session_start(new).await?;
        let lease = Self { session: session.id, store, clock, process, kinds, length };
        let reaped = lease.reap().await?;
        Ok((lease, reaped))
    }

    /// Gives back what dead sessions held: those whose process is seen to be gone, and those whose lease has run out.
    pub async fn reap(&self) -> Result<Reaped, StoreError> {
        let now = self.store.now().await?;
        let mut sum = Reaped::default();
        for row in self.store.sessions().await? {
            if row.id == self.session {
                continue;
            }
            // An earlier session of this very process and of the same work has been left behind by the worker it belonged
            // to. Other work of this process goes on beside this one.
            let own = row.process == self.process;
            let life = match own {
                true if row.kinds == self.kinds => Life::Dead,
                true => Life::Alive,
                false => self.process.judges(&row.process),
            };
            let expired = row.lease_until <= now;
            // A process that is seen to live keeps its work for as long as its lease lasts, and no longer.
            if life != Life::Dead && !expired {
                continue;
            }
            let here = row.process.host_key() == self.process.host_key();
            let reaped = self.store.reap(row.id, self.session, life == Life::Dead, here).await?;
            sum.done |= reaped.done;
            sum.files += reaped.files;
            sum.abandoned += reaped.abandoned;
            sum.uploads += reaped.uploads;
        }
        Ok(sum)
    }

    /// Renews until `stop` is thrown. `doing` says what to write. Trouble with the store is tried again until the lease
    /// has only a third left.
    pub async fn keep(&self, stop: &Stop, doing: impl Fn() -> String) -> Result<(), LeaseError> {
        let mut renewed: Mono = self.clock.mono();
        loop {
            match self.store.session_renew(self.session, self.length, doing()).await {
                Ok(_) => renewed = self.clock.mono(),
                Err(e @ StoreError::Stale { .. }) => return Err(LeaseError::Lost(e)),
                Err(last) => {
                    let since = self.clock.mono().since(renewed);
                    if since >= self.length * 2 / 3 {
                        return Err(LeaseError::NotRenewed { since, last });
                    }
                    tracing::warn!(error = %last, "the lease could not be renewed; trying again");
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => return Ok(()),
                () = self.clock.sleep(WRITE_EVERY.min(self.length / 3)) => {}
            }
        }
    }

    /// Ends the session in good order.
    pub async fn end(&self) -> Result<Reaped, StoreError> {
        self.store.session_end(self.session).await
    }
}
