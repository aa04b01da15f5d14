//! Work that may hold a replica up for a while.

use serde::{Deserialize, Serialize};

use crate::base::Time;

/// A job on a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its class, such as `backup`.
    pub class: String,
    /// When it began.
    pub start: Time,
    /// When it ended; nothing: it has not.
    pub end: Option<Time>,
}
