//! Bytes of an archive, from a vault that may be slow, cut its answers off, or have them no more.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::purse::Purse;
use crate::base::backoff::Backoff;
use crate::base::{Clock, Money, Stop};
use crate::store::{Heard, StoreError};
use crate::vault::{JobState, Result, Vault, VaultError};

/// Waits between two tries of a read.
const WAITS: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
/// Failures in a row after which a read is left for later.
const TRIES: u32 = 5;
/// Bytes that make a step ahead: failures are counted anew after it.
const STEP: u64 = 64 << 10;
/// Cut off so often at the same byte, the archive ends there.
const SAME_CUTS: u32 = 3;

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
    /// The plan's ceiling leaves nothing for them: what they cost.
    Dear(Money),
    /// The state.
    State(StoreError),
    /// It was told to stop.
    Stopped,
}

/// Reads the output of one job.
pub(super) struct Reader {
    pub vault: Arc<dyn Vault>,
    pub purse: Purse,
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
    /// Where outputs end too early, once that has been found to be so.
    pub ends: Mutex<Option<u64>>,
}

impl Reader {
    /// Reads all bytes of a range; `then` are those that are read after them. What was cut off is gone on with where it
    /// stood.
    pub async fn read(&self, range: Range<u64>, then: u64) -> std::result::Result<Vec<u8>, NoBytes> {
        let mut bytes: Vec<u8> = Vec::new();
        let mut failures = 0;
        let (mut cut, mut cuts) = (None, 0);
        let mut until = range.end;
        loop {
            let from = range.start.saturating_add(bytes.len() as u64);
            if from >= range.end {
                return Ok(bytes);
            }
            until = if until > from { until } else { range.end };
            let wanted = until - from;
            match self.purse.cover(wanted, then.saturating_add(range.end - until)).await {
                Ok(None) => {}
                Ok(Some(price)) => return Err(NoBytes::Dear(price)),
                Err(e) => return Err(NoBytes::State(e)),
            }
            let read = self.vault.read(&self.job, from..until).await;
            self.purse.sent(match &read {
                Ok(bytes) => bytes.len() as u64,
                Err(e) => e.came(wanted),
            });
            let why = match read {
                Ok(all) if all.len() as u64 == wanted => {
                    if bytes.is_empty() && until == range.end {
                        return Ok(all);
                    }
                    bytes.extend(all);
                    if wanted >= STEP {
                        failures = 0;
                    }
                    continue;
                }
                Ok(other) => {
                    let (name, got) = (self.vault.name(), other.len());
                    format!("the vault {name} gave {got} bytes where {wanted} were asked for")
                }
                Err(e @ VaultError::CutShort { .. }) => {
                    let got = if let VaultError::CutShort { got, .. } = e { got.min(wanted) } else { 0 };
                    let at = from + got;
                    cuts = if cut == Some(at) { cuts + 1 } else { 1 };
                    cut = Some(at);
                    if cuts >= SAME_CUTS {
                        *self.ends() = Some(at);
                    }
                    if self.ends().is_some_and(|ends| at >= ends) {
                        return Err(NoBytes::These(e.to_string()));
                    }
                    // What can be had is asked for by itself.
                    until = at;
                    e.to_string()
                }
                // It has been so twice: smaller reads may tell where.
                Err(e @ VaultError::OutputMismatch { .. }) if failures > 0 => {
                    return Err(NoBytes::These(e.to_string()));
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

    fn ends(&self) -> MutexGuard<'_, Option<u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
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
