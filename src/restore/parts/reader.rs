//! Bytes of an archive, from a vault that may be slow, cut its answers off, or have them no more.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::base::backoff::Backoff;
use crate::base::{Clock, Stop};
use crate::store::Heard;
use crate::vault::{JobState, Result, Vault, VaultError};

/// Waits between two tries of a read.
const WAITS: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
/// Failures in a row after which a read is left for later.
const TRIES: u32 = 5;
/// An answer that brought so many bytes before it was cut off was a step ahead.
const STEP: usize = 64 << 10;

/// Why there are no bytes.
#[derive(Debug)]
pub(super) enum NoBytes {
    /// These cannot be had; others may.
    These(String),
    /// The job's output cannot be read any more: what is to be told to the state, and why.
    Gone(Heard, String),
    /// The vault does not hold the archive.
    NoArchive(String),
    /// Not now.
    Later(String),
    /// It was told to stop.
    Stopped,
}

/// Reads the output of one job.
pub(super) struct Reader {
    pub vault: Arc<dyn Vault>,
    pub clock: Clock,
    pub stop: Stop,
    /// The vault's name for the job.
    pub job: Vec<u8>,
    /// Whether it is a job that was asked for; else the archive itself is read.
    pub asked: bool,
    /// Whether trouble of a kind that nobody knows was met often enough to be the end of it.
    pub stubborn: bool,
    /// Moves the waits: parts that failed together do not try again together.
    pub spread: u8,
}

impl Reader {
    /// Reads all bytes of a range. What was cut off is gone on with where it stood.
    pub async fn read(&self, range: Range<u64>) -> std::result::Result<Vec<u8>, NoBytes> {
        let mut bytes: Vec<u8> = Vec::new();
        let mut failures = 0;
        loop {
            let from = range.start.saturating_add(bytes.len() as u64);
            if from >= range.end {
                return Ok(bytes);
            }
            let wanted = range.end - from;
            let why = match self.vault.read(&self.job, from..range.end).await {
                Ok(more) if more.len() as u64 == wanted && bytes.is_empty() => return Ok(more),
                Ok(more) if more.len() as u64 > wanted => {
                    format!("the vault {} gave {} bytes where {wanted} were asked for", self.vault.name(), more.len())
                }
                Ok(more) => {
                    if more.len() >= STEP {
                        failures = 0;
                    }
                    let came = more.len();
                    bytes.extend(more);
                    if came as u64 == wanted {
                        continue;
                    }
                    format!("the vault {}'s answer was cut off after {came} of {wanted} bytes", self.vault.name())
                }
                Err(e) => self.weigh(e, failures + 1 >= TRIES).await?,
            };
            failures += 1;
            if failures >= TRIES {
                return Err(NoBytes::Later(why));
            }
            self.wait(failures).await?;
        }
    }

    async fn wait(&self, failures: u32) -> std::result::Result<(), NoBytes> {
        tokio::select! {
            biased;
            () = self.stop.stopped() => Err(NoBytes::Stopped),
            () = self.clock.sleep(WAITS.after(failures, self.spread)) => Ok(()),
        }
    }

    /// What a refusal means: words for one that is worth another try.
    async fn weigh(&self, e: VaultError, last: bool) -> std::result::Result<String, NoBytes> {
        let why = e.to_string();
        match e {
            VaultError::NoSuch { .. } if !self.asked => Err(NoBytes::NoArchive(why)),
            VaultError::NoSuch { .. } => match self.vault.status(&self.job).await {
                Ok(JobState::Ready { .. } | JobState::InProgress) => Ok(why),
                Err(VaultError::NoSuch { .. }) => Err(NoBytes::Gone(Heard::Expired, why)),
                other => self.stands(other, why),
            },
            VaultError::NotPossible { .. } => match self.vault.status(&self.job).await {
                Ok(JobState::Ready { .. }) => Err(NoBytes::These(why)),
                other => self.stands(other, why),
            },
            e if last && self.stubborn && !e.is_about_the_vault() => Err(NoBytes::These(why)),
            _ => Ok(why),
        }
    }

    /// How the job stands explains why it could not be read.
    fn stands(&self, state: Result<JobState>, why: String) -> std::result::Result<String, NoBytes> {
        match state {
            Ok(JobState::Expired) => Err(NoBytes::Gone(Heard::Expired, why)),
            Ok(JobState::Failed(reason)) => Err(NoBytes::Gone(Heard::Failed(reason.clone()), reason)),
            Err(VaultError::NoSuch { .. }) if self.asked => Err(NoBytes::Gone(Heard::Expired, why)),
            Err(VaultError::NoSuch { .. }) => Err(NoBytes::NoArchive(why)),
            Ok(_) => Ok(why),
            Err(e) => Ok(e.to_string()),
        }
    }
}
