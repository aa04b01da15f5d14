//! Operations on redis clusters: what the judge remembers of them, and silences.

use async_trait::async_trait;

use super::{ClusterRow, ClusterWrite, NewEvent, NewSilence, Result, SilenceRow};
use crate::base::Time;
use crate::base::ids::{Generation, SessionId};

/// The state database, as far as redis clusters go.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// What the judge remembers of a cluster.
    async fn cluster(&self, name: String) -> Result<Option<ClusterRow>>;
    /// Writes it, under the duty [`super::cluster_duty`] of that generation, and with it the events that are new in it: both
    /// or neither. Of what is too large the events alone are written.
    async fn cluster_write(
        &self,
        session: SessionId,
        generation: Generation,
        name: String,
        body: String,
        events: Vec<NewEvent>,
    ) -> Result<ClusterWrite>;
    /// Silences a cluster, or a node of it, until a time; one that is silenced is silenced anew. Leaves an event.
    async fn silence(&self, new: NewSilence) -> Result<SilenceRow>;
    /// Ends a silence before its time. Whether there was one. Leaves an event.
    async fn silence_end(&self, cluster: String, node: Option<String>, who: String) -> Result<bool>;
    /// Silences that have not ended at that time, by cluster and node.
    async fn silences(&self, now: Time) -> Result<Vec<SilenceRow>>;
}
