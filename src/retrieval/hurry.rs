//! Jobs that are made faster while they run, where the vault can (S3 user guide, "restoring-objects-upgrade-tier").
//!
//! What is to be made faster, and who pays, stands in the state; here the vault is asked. The price is spent before the
//! request leaves, and once: a request whose answer was lost is made again, and the vault says that the job is in that
//! tier already. What was certainly refused frees its money, and the job goes on as it was.

use std::sync::Arc;
use std::time::Duration;

use super::room::{AT_ONCE, REFUSED, Room};
use crate::base::{Time, task};
use crate::store::{Hurry, HurryHeard, HurryStep, RetrievalRow, RetrievalState, StoreError};
use crate::vault::VaultError;
use crate::vault::tariff::{tier_named, tier_word};

/// The vault is asked so often, when it refuses for the moment; then the money is free again.
pub const HURRY_TRIES: u32 = 3;

impl Room {
    /// Asks the vault to make faster what plans have paid for: so many at most. How many requests left.
    pub(super) async fn hurry(self: &Arc<Self>, most: u32) -> Result<u32, StoreError> {
        if most == 0 {
            return Ok(0);
        }
        let due = self.store.hurries_due(most).await?;
        let mut sent = 0;
        for some in due.chunks(AT_ONCE) {
            let tasks: Vec<_> = some
                .iter()
                .map(|job| {
                    let (room, uuid) = (Arc::clone(self), job.uuid);
                    task::spawn(async move { room.hurry_one(uuid).await })
                })
                .collect();
            for asked in tasks {
                match asked.await {
                    Ok(done) => sent += u32::from(done?),
                    Err(e) => return Err(StoreError::Impossible(format!("making a job faster failed: {e}"))),
                }
            }
        }
        Ok(sent)
    }

    /// Whether a request left.
    async fn hurry_one(&self, uuid: crate::base::ids::RetrievalUuid) -> Result<bool, StoreError> {
        let (job, repeated) = match self.store.hurry_begin(self.session, uuid).await? {
            HurryStep::Ask(job) => (job, false),
            HurryStep::Again(job) => (job, true),
            HurryStep::Gone => return Ok(false),
        };
        let (Some(hurry), Some(job_id)) = (job.faster.clone(), job.job_id.clone()) else { return Ok(false) };
        let Some(to) = tier_named(&hurry.tier).flatten() else {
            let why = format!("this version knows no tier {}", crate::base::Shown::text(&hurry.tier));
            self.store.hurry_heard(uuid, hurry.tries, HurryHeard::Refused { why, again: None }).await?;
            return Ok(false);
        };
        // One that came to its end while a request was on its way is not asked about: the vault's list tells.
        let over = repeated && job.state != RetrievalState::Asked;
        let heard = if over {
            self.settle_hurry(&job, &hurry, "it came to its end meanwhile").await?
        } else {
            let answer = self.vault.upgrade(&job_id, to).await;
            let now = self.store.now().await?;
            let again = now.plus(REFUSED);
            match answer {
                Ok(()) => self.hurried(&job, &hurry, now),
                // It was in another tier when it was entered: the request before has done it.
                Err(VaultError::NotFaster { tier, .. }) if repeated || tier == hurry.tier => {
                    self.hurried(&job, &hurry, now)
                }
                Err(e @ VaultError::FasterUnknown { .. }) => HurryHeard::Unknown { why: e.to_string(), again },
                // The request before may yet have done it, though this one did not.
                Err(e @ VaultError::Unavailable { .. }) if repeated => {
                    HurryHeard::Unknown { why: e.to_string(), again }
                }
                Err(e @ VaultError::Unavailable { .. }) => {
                    let again = (hurry.tries + 1 < HURRY_TRIES).then_some(again);
                    HurryHeard::Refused { why: e.to_string(), again }
                }
                Err(e) if repeated => self.settle_hurry(&job, &hurry, &e.to_string()).await?,
                Err(e) => HurryHeard::Refused { why: e.to_string(), again: None },
            }
        };
        match &heard {
            HurryHeard::Done { .. } => tracing::info!(job = %uuid, tier = hurry.tier, "a job was made faster"),
            HurryHeard::Refused { why, .. } | HurryHeard::Unknown { why, .. } | HurryHeard::Lost(why) => {
                tracing::warn!(job = %uuid, tier = hurry.tier, why, "a job was not made faster");
            }
        }
        self.store.hurry_heard(uuid, hurry.tries, heard).await?;
        Ok(!over)
    }

    /// It is in its new tier from now on.
    fn hurried(&self, job: &RetrievalRow, hurry: &Hurry, now: Time) -> HurryHeard {
        let faster = RetrievalRow { tier: Some(hurry.tier.clone()), ..job.clone() };
        let due = self.slowest(&hurry.tier).map(|slowest: Duration| now.plus(slowest));
        HurryHeard::Done { next_look: self.first_look(&faster, now), due }
    }

    /// A request whose answer nobody saw, about a job that cannot be made faster any more: in which tier it is tells.
    async fn settle_hurry(&self, job: &RetrievalRow, hurry: &Hurry, why: &str) -> Result<HurryHeard, StoreError> {
        let now = self.store.now().await?;
        if !self.vault.capabilities().lists_jobs {
            return Ok(HurryHeard::Lost(why.to_owned()));
        }
        let Some(listed) = self.list().await else {
            return Ok(HurryHeard::Unknown {
                why: "its jobs could not be listed".to_owned(),
                again: now.plus(REFUSED),
            });
        };
        Ok(match listed.get(&job.uuid) {
            None => HurryHeard::Lost(format!("{why}; the vault does not list the job any more")),
            Some(seen) if seen.tier.is_some_and(|tier| tier_word(Some(tier)) == hurry.tier) => {
                self.hurried(job, hurry, now)
            }
            Some(_) => HurryHeard::Refused { why: why.to_owned(), again: None },
        })
    }
}
