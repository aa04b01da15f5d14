//! The service's answers in the words of the vault's contract.

use super::Inner;
use crate::base::Shown;
use crate::base::hash::{Check, Hash32};
use crate::base::ids::ArchiveUuid;
use crate::vault::fake::core::Receipt;
use crate::vault::fake::jobs::{JobView, Phase};
use crate::vault::fake::refusal::Refusal;
use crate::vault::{Confirmed, JobSeen, JobState, Result, VaultError};

pub(super) fn state(phase: Phase) -> JobState {
    match phase {
        Phase::InProgress => JobState::InProgress,
        Phase::Succeeded { until, .. } => JobState::Ready { until: Some(until) },
        Phase::Failed { why, .. } => JobState::Failed(why),
    }
}

/// A job in a listing; nothing for one that retrieves no archive.
pub(super) fn seen(job: JobView) -> Option<JobSeen> {
    let (archive_id, range) = job.archive?;
    Some(JobSeen {
        job_id: job.job_id.as_bytes().to_vec(),
        description: job.description.to_string(),
        remote_id: archive_id.as_bytes().to_vec(),
        range: Some(range),
        tier: Some(job.tier),
        state: state(job.phase),
        asked: job.asked,
    })
}

impl Inner {
    pub(super) fn no_such(&self, what: String) -> VaultError {
        VaultError::NoSuch { vault: self.name.clone(), what }
    }

    pub(super) fn not_possible(&self, detail: String) -> VaultError {
        VaultError::NotPossible { vault: self.name.clone(), detail }
    }

    /// An id of the service's. They are ASCII; nothing else names anything.
    pub(super) fn text<'a>(&self, id: &'a [u8], what: &str) -> Result<&'a str> {
        std::str::from_utf8(id).map_err(|_| self.no_such(format!("{what} {}", Shown::bytes(id))))
    }

    /// A refusal of a request that is not about one of firn's archives.
    pub(super) fn refused(&self, refusal: Refusal) -> VaultError {
        match refusal {
            Refusal::NotFound { what, id } => self.no_such(format!("{what} {}", Shown::text(&id))),
            Refusal::JobGone { .. } => self.no_such(format!("output of that job any more: {refusal}")),
            Refusal::Throttling | Refusal::Unavailable | Refusal::InsufficientCapacity | Refusal::NoReply => {
                let (code, detail) = (refusal.code(), refusal.to_string());
                VaultError::Unavailable { vault: self.name.clone(), code, detail }
            }
            Refusal::NoUpgrade => self.not_possible(refusal.to_string()),
            _ => self.not_possible(format!("{}: {refusal}", refusal.code())),
        }
    }

    /// The answer to a request that makes an archive.
    pub(super) fn confirmed(
        &self,
        archive: ArchiveUuid,
        expected: Hash32,
        done: std::result::Result<Receipt, Refusal>,
    ) -> Result<Confirmed> {
        let vault = self.name.clone();
        match done {
            Ok(Receipt { archive_id, tree_hash, size }) => {
                Ok(Confirmed { remote_id: archive_id.as_bytes().to_vec(), check: Check::TreeHash(tree_hash), size })
            }
            Err(Refusal::HashMismatch { computed, .. }) => {
                let (expected, found) = (Check::TreeHash(expected), Check::TreeHash(computed));
                Err(VaultError::Mismatch { vault, archive, expected, found })
            }
            Err(Refusal::Incomplete { stated, found } | Refusal::TooLong { stated, found }) => {
                Err(VaultError::WrongSize { vault, archive, expected: stated, found })
            }
            Err(refusal @ Refusal::NoReply) => {
                Err(VaultError::OutcomeUnknown { vault, archive, detail: refusal.to_string() })
            }
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    pub(super) fn tree_hash(&self, expect: Check) -> Result<Hash32> {
        match expect {
            Check::TreeHash(hash) => Ok(hash),
            other => Err(self.not_possible(format!(
                "it takes archives with their tree hash, and {} was computed of this one",
                other.kind().word()
            ))),
        }
    }
}
