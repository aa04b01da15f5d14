//! The threads of a replica: looked at, stopped, started. A connection and an account of their own.

use async_trait::async_trait;

use super::commands::CommandError;
use super::danger::Facts;
use super::machine::Act;
use super::sight::Sight;
use crate::base::{Shown, Time};
use crate::delay::connect::LinkError;

/// Why a look, or an act, yields nothing: what was asked, what was answered, what mends it. Safe to show.
#[derive(Debug, thiserror::Error)]
pub enum ThreadsError {
    /// The server.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The account may not.
    #[error("{error}; the account {account} lacks {privilege}: GRANT {privilege} ON *.* TO {account}")]
    Privilege {
        /// What the server said.
        error: LinkError,
        /// The account, safe to show.
        account: String,
        /// What it lacks.
        privilege: &'static str,
    },
    /// There is nothing to stop.
    #[error(
        "{server} is not a replica{channel} (any more): it has no replication configured; if it has been promoted, end the watch: firn delay resume --no-start"
    )]
    NoReplica {
        /// The server.
        server: String,
        /// ` on the channel "ch1"`, or nothing.
        channel: String,
    },
    /// One of several is meant.
    #[error("{server} has the channels {channels}; name the one to freeze, as in db14/{first}")]
    WhichChannel {
        /// The server.
        server: String,
        /// All of them.
        channels: String,
        /// One of them.
        first: String,
    },
    /// It has been told.
    #[error(
        "a STOP that was sent to {server} before waits there for the statement that is being applied; it takes hold when that ends, and no other is sent meanwhile"
    )]
    Waits {
        /// The server.
        server: String,
    },
    /// Its version is not understood.
    #[error(
        "{server} calls itself version \"{version}\", which begins with no number; it cannot be told which words it takes"
    )]
    Version {
        /// The server.
        server: String,
        /// What it calls itself, safe to show.
        version: String,
    },
    /// A statement that is not made.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl ThreadsError {
    /// Whether another process may fare better: this one cannot read the password, or the server does not let it in from
    /// here (MySQL manual, "Server Error Message Reference": 1045 and 1698 access denied, 1129 and 1130 host blocked).
    pub fn is_of_here(&self) -> bool {
        match self {
            Self::Link(LinkError::NoPassword { .. } | LinkError::NoAuthority { .. }) => true,
            Self::Link(LinkError::Refused { code, .. }) => matches!(code, 1045 | 1129 | 1130 | 1698),
            _ => false,
        }
    }

    /// Whether there is nothing that could be stopped, however often it is tried: it is no replica, or one of its channels
    /// has to be named.
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::NoReplica { .. } | Self::WhichChannel { .. })
    }
}

/// The threads of one replica, or of one channel of it.
#[async_trait]
pub trait Threads: Send + Sync {
    /// Looks at them. `now` is when the look begins.
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError>;
    /// What is known of the server's settings.
    async fn facts(&self) -> Result<Facts, ThreadsError>;
    /// Stops or starts one. Whether it then stands or runs a look tells.
    async fn perform(&self, act: &Act) -> Result<(), ThreadsError>;
}

/// Names of channels, safe to show.
pub(super) fn names(channels: &[&str]) -> String {
    let shown: Vec<String> = channels.iter().take(16).map(|name| format!("\"{}\"", Shown::text(name))).collect();
    shown.join(", ")
}
