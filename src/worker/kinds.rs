//! The kinds of worker there are, and lists of them as people write them.

use std::collections::BTreeSet;

/// A kind of worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Scans and watches sources.
    Scan,
    /// Fetches files and bundles them.
    Fetch,
    /// Uploads bundles.
    Upload,
    /// Settles what is unknown, looks after vault and staging.
    Reconcile,
    /// Asks for what plans need, and delivers it.
    Restore,
    /// Looks at delayed replicas and judges them.
    Delay,
    /// Writes heartbeats.
    Heartbeat,
    /// Keeps the history of redis clusters.
    Redis,
    /// Tells people what is wrong.
    Alert,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 9] = [
        Kind::Scan,
        Kind::Fetch,
        Kind::Upload,
        Kind::Reconcile,
        Kind::Restore,
        Kind::Delay,
        Kind::Heartbeat,
        Kind::Redis,
        Kind::Alert,
    ];

    /// Whether it is one of those that back up together.
    pub fn is_backup(self) -> bool {
        matches!(self, Self::Scan | Self::Fetch | Self::Upload | Self::Reconcile)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Fetch => "fetch",
            Self::Upload => "upload",
            Self::Reconcile => "reconcile",
            Self::Restore => "restore",
            Self::Delay => "delay",
            Self::Heartbeat => "heartbeat",
            Self::Redis => "redis",
            Self::Alert => "alert",
        }
    }
}

/// The kinds of worker that run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<Kind>);

/// A list of workers that names what there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no worker; there are: scan, fetch, upload, reconcile, restore, delay, heartbeat, redis, alert")]
pub struct KindError {
    /// The word.
    found: String,
}

impl Kinds {
    /// All of them.
    pub fn all() -> Self {
        Self(Kind::ALL.into())
    }

    /// Reads a comma-separated list.
    pub fn parse(text: &str) -> Result<Self, KindError> {
        let words = text.split(',').map(str::trim);
        let kind = |word: &str| {
            let known = Kind::ALL.into_iter().find(|kind| kind.word() == word);
            known.ok_or_else(|| KindError { found: word.to_owned() })
        };
        Ok(Self(words.map(kind).collect::<Result<_, _>>()?))
    }

    /// Whether workers of this kind run.
    pub fn has(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    /// Those that back up.
    #[must_use]
    pub fn of_backup(&self) -> Self {
        Self(self.0.iter().copied().filter(|kind| kind.is_backup()).collect())
    }

    /// The others.
    #[must_use]
    pub fn without_backup(&self) -> Self {
        Self(self.0.iter().copied().filter(|kind| !kind.is_backup()).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a comma-separated list.
    pub fn words(&self) -> String {
        self.0.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(",")
    }
}
