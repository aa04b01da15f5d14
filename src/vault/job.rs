//! Retrieval jobs as a vault knows them: what is asked for, where it stands, and how its end is told.

use std::ops::Range;

use async_trait::async_trait;

use super::{Result, Tier};
use crate::base::Time;

/// A retrieval to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRequest {
    /// The vault's name for the archive.
    pub remote_id: Vec<u8>,
    /// Only these bytes, where the vault can.
    pub range: Option<Range<u64>>,
    /// How fast; nothing where there is nothing to choose.
    pub tier: Option<Tier>,
    /// Comes back with the job: the only field of it that is firn's.
    pub description: String,
}

/// Where a retrieval job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Not yet.
    InProgress,
    /// Its output can be read, until then if there is an end.
    Ready {
        /// The end.
        until: Option<Time>,
    },
    /// It came to nothing.
    Failed(String),
    /// Its output is gone again.
    Expired,
}

/// A job in the vault's own list of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    /// The vault's name for it.
    pub job_id: Vec<u8>,
    /// As it was described when it was asked for; from outside: it may be anybody's.
    pub description: String,
    /// The vault's name for the archive.
    pub remote_id: Vec<u8>,
    /// Its bytes of the archive, where the vault says.
    pub range: Option<Range<u64>>,
    /// How fast it is to be, where there is something to choose.
    pub tier: Option<Tier>,
    /// Where it stands.
    pub state: JobState,
    /// When it was asked for.
    pub asked: Time,
}

/// The most bytes of a message's body: what the queue service takes (Amazon SQS developer guide, "quotas-messages").
/// A vault hands out none that is longer.
pub const MESSAGE_LIMIT: usize = 256 << 10;

/// A message about the end of a job, or something else that lies in the same queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What to hand in when it has been dealt with. Another one each time the message comes.
    pub receipt: String,
    /// What it says; from outside, at most [`MESSAGE_LIMIT`] bytes.
    pub body: String,
}

/// Where a vault tells of the ends of its jobs: a queue. Each message comes at least once, in any order, again until it
/// is done with; the messages of others may lie there, too.
#[async_trait]
pub trait Messages: Send + Sync {
    /// Messages that are there now: at most `most`, and no more than the queue gives at once. None is no error.
    async fn receive(&self, most: usize) -> Result<Vec<Message>>;

    /// The message with this receipt has been dealt with: it does not come again. One that is gone already is fine; a
    /// receipt that a later one of the same message has replaced does nothing.
    async fn done(&self, receipt: &str) -> Result<()>;
}
