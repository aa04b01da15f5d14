//! Ids as types of their own, so that a file's number is never taken for an archive's.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::{Shown, Time, random};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A row of `file`: one version of one source file.
    FileId
);
number_id!(
    /// A row of `archive`: one bundle, known to the world by its [`ArchiveUuid`].
    ArchiveId
);
number_id!(
    /// A row of `worker`: one incarnation of one process. Never used twice, so it fences late writers.
    SessionId
);
number_id!(
    /// A row of `source`.
    SourceId
);
number_id!(
    /// A row of `plan`: what was asked to be restored in one go.
    PlanId
);
number_id!(
    /// A row of `dest`: a folder, or another place, that a plan restores to.
    DestId
);
number_id!(
    /// A row of `retrieval`: one job at a vault.
    RetrievalId
);
number_id!(
    /// A row of `window`: a backup, or another job that holds a replica up, from its start to its end.
    JobId
);
number_id!(
    /// A row of `freeze`: a replica stopped in an emergency, from the order until it goes on.
    FreezeId
);
number_id!(
    /// Grows each time a row passes to another owner; a transition names the one it was made under.
    Generation
);

/// The name of an archive that firn itself chose, before the first byte was sent. Time-ordered (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveUuid(pub Uuid);

impl ArchiveUuid {
    /// A new name: milliseconds of `now`, the rest random.
    pub fn new(now: Time) -> Result<Self, random::RandomError> {
        let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
        Ok(Self(uuid::Builder::from_unix_timestamp_millis(millis, &random::bytes()?).into_uuid()))
    }

    /// The last two hex digits: random, so they spread archives evenly over folders.
    pub fn shard(&self) -> String {
        let bytes = self.0.as_bytes();
        format!("{:02x}", bytes[15])
    }
}

impl fmt::Display for ArchiveUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a retrieval is called in the description of its job, the only field of it that is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetrievalUuid(pub Uuid);

impl RetrievalUuid {
    /// A new random name.
    pub fn new() -> Result<Self, random::RandomError> {
        Ok(Self(uuid::Builder::from_random_bytes(random::bytes()?).into_uuid()))
    }
}

impl fmt::Display for RetrievalUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tells one vault from another: written into the vault and into the state, compared before every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VaultUuid(pub Uuid);

impl VaultUuid {
    /// A new random identity.
    pub fn new() -> Result<Self, random::RandomError> {
        Ok(Self(uuid::Builder::from_random_bytes(random::bytes()?).into_uuid()))
    }
}

impl fmt::Display for VaultUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key: the name of a file inside its source. Bytes, not text; for a directory the path below its root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// Takes any bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as the source spells them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key made safe to show.
    pub fn shown(&self) -> Shown<'_> {
        Shown::bytes(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.shown())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().fmt(f)
    }
}

/// What tells two versions of one key apart, as its source writes it (a directory: size, mtime, ctime, inode).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Arc<[u8]>);

impl Version {
    /// Takes any bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as the source wrote them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", Shown::bytes(&self.0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::bytes(&self.0).fmt(f)
    }
}

/// Which of the two queues a file waits in. Live always overtakes history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Files that appeared or changed while firn was watching, or since the last scan.
    Live,
    /// What was there at the first scan.
    History,
}

impl Lane {
    /// Both, the more urgent first.
    pub const ALL: [Lane; 2] = [Lane::Live, Lane::History];

    /// The word used in reports, JSON and the state database's documentation.
    pub fn word(self) -> &'static str {
        match self {
            Lane::Live => "live",
            Lane::History => "history",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
