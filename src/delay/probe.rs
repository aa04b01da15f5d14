//! Looking at a replica.

mod mysql;
mod primary;

use async_trait::async_trait;

use super::seen::Seen;
pub(super) use mysql::{COMMIT_TIMES, IDENTITY, Identity, SYNTAX, UPTIME, status_statement};
pub use mysql::{MysqlProbe, Watched};

/// Why a look yields nothing, in words: what was asked, what was answered, what mends it. Safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unseen(pub String);

/// Looks at a server.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Looks once: a [`Seen`] for each channel, and one without a status where the server is no replica. It returns within
    /// its own time-outs, and may be dropped at any time.
    async fn look(&self) -> Result<Vec<Seen>, Unseen>;
}
