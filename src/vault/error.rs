//! What a vault refuses, and what goes wrong with it.

use std::ops::Range;

use crate::base::Shown;
use crate::base::disk::{DiskError, Trouble};
use crate::base::hash::Check;
use crate::base::ids::{ArchiveUuid, VaultUuid};

/// A vault's refusal or trouble.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The identity is not there: a mount is missing, or this is no vault.
    #[error(
        "the vault {vault} at {place} has no {file} (this state expects identity {expected}); nothing is written: mount it, or mend [vault] path"
    )]
    NoIdentity {
        /// The vault's name.
        vault: String,
        /// Where.
        place: String,
        /// The identity file.
        file: &'static str,
        /// What should stand in it.
        expected: VaultUuid,
    },
    /// The identity is another one.
    #[error(
        "the vault {vault} at {place} has identity {found}, this state expects {expected}; nothing is written: it is the vault of another state"
    )]
    OtherIdentity {
        /// The vault's name.
        vault: String,
        /// Where.
        place: String,
        /// What stands there.
        found: VaultUuid,
        /// What should.
        expected: VaultUuid,
    },
    /// The identity cannot be read.
    #[error(
        "the vault {vault} at {place}: {file} is not an identity of firn's ({detail}); nothing is written: put the right file back"
    )]
    BadIdentity {
        /// The vault's name.
        vault: String,
        /// Where.
        place: String,
        /// The identity file.
        file: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// What the vault holds is not what was sent. Nothing of it is kept.
    #[error(
        "the vault {vault} got {found} where {expected} was sent (archive {archive}); it was not kept and is sent again"
    )]
    Mismatch {
        /// The vault's name.
        vault: String,
        /// The archive.
        archive: ArchiveUuid,
        /// What firn computed.
        expected: Check,
        /// What the vault computed.
        found: Check,
    },
    /// The size is not the promised one.
    #[error("the vault {vault} got {found} bytes of archive {archive} where {expected} were promised; it was not kept")]
    WrongSize {
        /// The vault's name.
        vault: String,
        /// The archive.
        archive: ArchiveUuid,
        /// What was promised.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The name is taken by something else.
    #[error("the vault {vault} already holds another archive {archive}; nothing was replaced")]
    Taken {
        /// The vault's name.
        vault: String,
        /// The archive.
        archive: ArchiveUuid,
    },
    /// The staged file is gone, and the vault does not hold it either.
    #[error("the staged file of archive {archive} is gone and the vault {vault} does not hold it")]
    NothingToSend {
        /// The vault's name.
        vault: String,
        /// The archive.
        archive: ArchiveUuid,
    },
    /// No such archive, upload or job.
    #[error("the vault {vault} has no {what}")]
    NoSuch {
        /// The vault's name.
        vault: String,
        /// What was asked for.
        what: String,
    },
    /// A request the vault does not take.
    #[error("the vault {vault} cannot do that: {detail}")]
    NotPossible {
        /// The vault's name.
        vault: String,
        /// Why.
        detail: String,
    },
    /// The request was sent and its outcome is not known.
    #[error("the vault {vault} may or may not hold archive {archive}: {detail}")]
    OutcomeUnknown {
        /// The vault's name.
        vault: String,
        /// The archive.
        archive: ArchiveUuid,
        /// What went wrong.
        detail: String,
    },
    /// A retrieval was asked for and the answer did not come: there may be a job now, and another one would cost as much
    /// again.
    #[error(
        "the vault {vault} may or may not have begun the retrieval \"{}\": {detail}; look for it among the vault's jobs before asking again",
        Shown::text(.description)
    )]
    JobUnknown {
        /// The vault's name.
        vault: String,
        /// What the job was described as.
        description: String,
        /// What went wrong.
        detail: String,
    },
    /// A job is to be made faster and is as fast already: also the answer to a request that is repeated.
    #[error("the vault {vault} has the job in the tier {tier} already; it can be made faster only")]
    NotFaster {
        /// The vault's name.
        vault: String,
        /// The tier that the job is in.
        tier: &'static str,
    },
    /// A job was to be made faster and the answer did not come. Asking again is harmless: it is done once.
    #[error("the vault {vault} may or may not have made the job faster: {detail}")]
    FasterUnknown {
        /// The vault's name.
        vault: String,
        /// What went wrong.
        detail: String,
    },
    /// A job's output ended too early. Nothing of it is handed out.
    #[error(
        "the vault {vault} sent {got} of {wanted} bytes of a job's output, from byte {start}; nothing of them is used"
    )]
    CutShort {
        /// The vault's name.
        vault: String,
        /// The first byte that was asked for.
        start: u64,
        /// Bytes that came.
        got: u64,
        /// Bytes that were asked for.
        wanted: u64,
    },
    /// A job's output is not what the vault itself says that it is. Nothing of it is handed out.
    #[error(
        "the vault {vault} sent bytes {}..{} of a job's output with {found} and says that they have {expected}; nothing of them is used",
        .range.start, .range.end
    )]
    OutputMismatch {
        /// The vault's name.
        vault: String,
        /// Which bytes of the archive.
        range: Range<u64>,
        /// What the vault says.
        expected: Check,
        /// What they are.
        found: Check,
    },
    /// The connection broke, or stood still for too long, in the midst of a job's output. Nothing of it is handed out.
    #[error(
        "the vault {vault} broke off after {got} of {wanted} bytes of a job's output, from byte {start}: {detail}; nothing of them is used"
    )]
    BrokenOff {
        /// The vault's name.
        vault: String,
        /// The first byte that was asked for.
        start: u64,
        /// Bytes that came.
        got: u64,
        /// Bytes that were asked for.
        wanted: u64,
        /// What went wrong.
        detail: String,
    },
    /// A service did not do it, or did not answer a request that may be repeated. It may do it later. Of a job's output
    /// nothing came.
    #[error("the vault {vault} does not do that now: {code}: {detail}")]
    Unavailable {
        /// The vault's name.
        vault: String,
        /// The service's word for it.
        code: &'static str,
        /// What it said.
        detail: String,
    },
    /// A file call failed.
    #[error("the vault {vault}: {source}")]
    Disk {
        /// The vault's name.
        vault: String,
        /// The call.
        source: DiskError,
    },
    /// firn itself failed.
    #[error("the vault {vault}: internal error: {detail}")]
    Internal {
        /// The vault's name.
        vault: String,
        /// What.
        detail: String,
    },
}

impl VaultError {
    /// Whether it is the vault as a whole that cannot be written (so that every other archive would fail the same way).
    pub fn is_about_the_vault(&self) -> bool {
        match self {
            Self::NoIdentity { .. }
            | Self::OtherIdentity { .. }
            | Self::BadIdentity { .. }
            | Self::BrokenOff { .. }
            | Self::Unavailable { .. } => true,
            Self::Disk { source, .. } => {
                matches!(source.trouble(), Trouble::Full | Trouble::ReadOnly | Trouble::Denied)
            }
            _ => false,
        }
    }

    /// How many of the bytes that a read had asked for may have come before it failed so: services bill what they send.
    /// Where an error does not tell, that is all of them.
    pub fn came(&self, wanted: u64) -> u64 {
        match self {
            Self::CutShort { got, .. } | Self::BrokenOff { got, .. } => *got,
            Self::OutputMismatch { range, .. } => range.end.saturating_sub(range.start),
            // Refused before the first byte.
            Self::NoSuch { .. } | Self::NotPossible { .. } | Self::Unavailable { .. } => 0,
            _ => wanted,
        }
    }
}

/// What a vault answers with.
pub type Result<T> = std::result::Result<T, VaultError>;
