//! What the service answers when it does not do what it was asked: its codes, its HTTP status, and a sentence.

use super::hash::MIB;
use super::uploads::PART_LIMIT;
use crate::base::hash::Hash32;
use crate::base::{Shown, Time};

/// A refusal, or no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many requests.
    #[error("the rate of requests is too high; send fewer, later")]
    Throttling,
    /// The service is out.
    #[error("the service cannot complete the request now; send it again later")]
    Unavailable,
    /// No capacity for expedited retrievals.
    #[error("there is no capacity for expedited retrievals now; ask again later, or for the tier Standard")]
    InsufficientCapacity,
    /// The request was sent, and the connection ended before its reply. It may have taken effect.
    #[error("the connection ended before the reply came")]
    NoReply,
    /// No such archive, upload, job or inventory.
    #[error("{what} not found: {}", Shown::text(.id))]
    NotFound {
        /// What.
        what: &'static str,
        /// By which name; from outside.
        id: String,
    },
    /// The job has been there; its output is kept no longer.
    #[error("the job's output was kept until {until}; ask for the archive again")]
    JobGone {
        /// When it ended.
        until: Time,
    },
    /// The vault is too young to have been listed.
    #[error("the vault has no inventory yet; the first is taken at {next}")]
    NoInventory {
        /// When there will be one.
        next: Time,
    },
    /// The description is too long.
    #[error("the description has {0} characters; 1024 at most")]
    LongDescription(usize),
    /// The description holds something else than printable ASCII.
    #[error("the description holds a character that is not printable ASCII, at byte {0}")]
    BadDescription(usize),
    /// No archive is of this size.
    #[error("the body has {size} bytes; from 1 to {most} in one request")]
    BadSize {
        /// What came.
        size: u64,
        /// Bytes that one request takes.
        most: u64,
    },
    /// No part is of this size.
    #[error("the part size is {0} bytes; it must be 1 MiB times a power of two, up to 4 GiB")]
    BadPartSize(u64),
    /// A part does not start where one can.
    #[error("the part starts at byte {start}; it must start at a multiple of the part size, {part_size}")]
    PartMisaligned {
        /// Where it starts.
        start: u64,
        /// The upload's part size.
        part_size: u64,
    },
    /// A part is empty or larger than it may be.
    #[error("the part has {size} bytes; from 1 to {part_size} for this upload")]
    BadPart {
        /// What came.
        size: u64,
        /// The upload's part size.
        part_size: u64,
    },
    /// Too many parts.
    #[error("the part is number {0}; an upload has {PART_LIMIT} parts at most")]
    TooManyParts(u64),
    /// The bytes are not those that were promised.
    #[error("the tree hash {computed} was computed of the bytes that came, {stated} was stated")]
    HashMismatch {
        /// What the request said.
        stated: Hash32,
        /// What the bytes say.
        computed: Hash32,
    },
    /// The parts do not make up the archive: one is missing, or one in the middle is short.
    #[error("the parts hold {found} bytes without a gap, {stated} were stated; send what is missing")]
    Incomplete {
        /// The size that the request said.
        stated: u64,
        /// Bytes from the beginning to the first gap.
        found: u64,
    },
    /// The parts hold more than was said.
    #[error("the parts hold {found} bytes, {stated} were stated")]
    TooLong {
        /// The size that the request said.
        stated: u64,
        /// Bytes of all parts.
        found: u64,
    },
    /// The range of a job is not one of whole MiB.
    #[error("the range {start}..{end} of an archive of {size} bytes is not megabyte-aligned ({MIB} bytes)")]
    RangeMisaligned {
        /// First byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// The archive's size.
        size: u64,
    },
    /// A range is empty, the wrong way round or reaches outside.
    #[error("the range {start}..{end} is not within {from}..{to}")]
    RangeOutside {
        /// First byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// Where it must lie.
        from: u64,
        /// Where it must end.
        to: u64,
    },
    /// The job is under way.
    #[error("the job is in progress; its output is not available yet")]
    JobInProgress,
    /// The job failed.
    #[error("the job failed: {0}")]
    JobFailed(String),
    /// The job has come to its end.
    #[error("the job has come to its end; it cannot be made faster")]
    JobOver,
    /// The job is as fast already.
    #[error("the job is {0}; it can be made faster only")]
    NotFaster(&'static str),
    /// Jobs cannot be made faster here.
    #[error("a retrieval cannot be made faster once it was asked for; ask for another")]
    NoUpgrade,
    /// The queue gave out no message with this receipt.
    #[error("the receipt {} is not one of this queue", Shown::text(.0))]
    BadReceipt(String),
    /// The job is of the other kind.
    #[error("the job's output is {0}")]
    OtherJob(&'static str),
}

impl Refusal {
    /// The service's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Throttling => "ThrottlingException",
            Self::Unavailable => "ServiceUnavailableException",
            Self::InsufficientCapacity => "InsufficientCapacityException",
            Self::NoReply => "RequestTimeoutException",
            Self::NotFound { .. } | Self::JobGone { .. } | Self::NoInventory { .. } => "ResourceNotFoundException",
            Self::BadReceipt(_) => "ReceiptHandleIsInvalid",
            Self::LongDescription(_)
            | Self::BadDescription(_)
            | Self::BadSize { .. }
            | Self::BadPartSize(_)
            | Self::PartMisaligned { .. }
            | Self::BadPart { .. }
            | Self::TooManyParts(_)
            | Self::HashMismatch { .. }
            | Self::Incomplete { .. }
            | Self::TooLong { .. }
            | Self::RangeMisaligned { .. }
            | Self::RangeOutside { .. }
            | Self::JobInProgress
            | Self::JobFailed(_)
            | Self::JobOver
            | Self::NotFaster(_)
            | Self::NoUpgrade
            | Self::OtherJob(_) => "InvalidParameterValueException",
        }
    }

    /// The HTTP status that it comes with. Throttling is a 400 at this service.
    pub fn status(&self) -> u16 {
        match self.code() {
            "ServiceUnavailableException" => 500,
            "InsufficientCapacityException" => 503,
            "RequestTimeoutException" => 408,
            "ResourceNotFoundException" => 404,
            _ => 400,
        }
    }
}
