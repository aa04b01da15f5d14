//! Vaults that do not tell the truth about their jobs. The suite must find each of them out, for the right reason.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firn::base::ids::ArchiveUuid;
use firn::vault::{Capabilities, JobSeen, JobState, Message, Messages, Page, Result, Tier, Vault, VaultError};

use super::glacier::Emulated;
use super::subject::Subject;
use super::suite::{jobs, told};
use super::support::between::{Between, Over};

/// What is wrong with a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Lists the first page of its jobs as if it were all.
    OnePage,
    /// Lists jobs with their descriptions trimmed.
    Trims,
    /// Lists nothing, and says that it lists its jobs.
    ListsNothing,
    /// Lists each job as if it could be read.
    AllReady,
    /// Takes every wish for a faster job, and does nothing.
    NoFaster,
    /// Deletes messages as it gives them out.
    OnlyOnce,
    /// Keeps messages that were done with.
    ForEver,
    /// Tells of every other message only.
    Loses,
    /// Gives out nothing else than what firn's jobs are called.
    TidiesUp,
    /// Tells failures as successes.
    AllSucceed,
    /// Takes any receipt.
    AnyReceipt,
}

#[derive(Clone)]
struct Mute {
    below: Arc<dyn Vault>,
    wrong: Wrong,
}

struct Muted(Emulated, Wrong);

impl Subject for Muted {
    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(Over(Mute { below: self.0.vault(), wrong: self.1 }))
    }

    fn staging(&self) -> PathBuf {
        self.0.staging()
    }

    fn pass_time(&self, span: Duration) {
        self.0.pass_time(span);
    }

    fn damage(&self, archive: ArchiveUuid) -> bool {
        self.0.damage(archive)
    }

    fn add_foreign(&self) -> Vec<Vec<u8>> {
        self.0.add_foreign()
    }

    fn foreign_is_untouched(&self) -> bool {
        self.0.foreign_is_untouched()
    }

    fn fail_next_job(&self) -> bool {
        self.0.fail_next_job()
    }

    fn add_foreign_messages(&self) -> Vec<String> {
        self.0.add_foreign_messages()
    }
}

#[async_trait]
impl Messages for Mute {
    async fn receive(&self, most: usize) -> Result<Vec<Message>> {
        let Some(queue) = self.below.messages() else { return Ok(Vec::new()) };
        let mut messages = queue.receive(most).await?;
        match self.wrong {
            Wrong::OnlyOnce => {
                for message in &messages {
                    queue.done(&message.receipt).await?;
                }
            }
            Wrong::Loses => {
                for message in messages.iter().skip(1).step_by(2) {
                    queue.done(&message.receipt).await?;
                }
                messages = messages.into_iter().step_by(2).collect();
            }
            Wrong::TidiesUp => {
                for message in messages.iter().filter(|message| !message.body.contains("cold")) {
                    queue.done(&message.receipt).await?;
                }
            }
            Wrong::AllSucceed => {
                for message in &mut messages {
                    message.body = message.body.replace("Failed", "Succeeded");
                }
            }
            _ => {}
        }
        Ok(messages)
    }

    async fn done(&self, receipt: &str) -> Result<()> {
        let Some(queue) = self.below.messages() else { return Ok(()) };
        match self.wrong {
            Wrong::ForEver => Ok(()),
            Wrong::AnyReceipt => {
                let _ = queue.done(receipt).await;
                Ok(())
            }
            _ => queue.done(receipt).await,
        }
    }
}

#[async_trait]
impl Between for Mute {
    fn below(&self) -> &dyn Vault {
        &*self.below
    }

    fn capabilities(&self) -> Capabilities {
        let honest = self.below.capabilities();
        Capabilities { upgrade: honest.upgrade || self.wrong == Wrong::NoFaster, ..honest }
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        let mut page = self.below.jobs(after).await?;
        match self.wrong {
            Wrong::OnePage => page.next = None,
            Wrong::ListsNothing => page.items.clear(),
            Wrong::Trims => {
                page.items.iter_mut().for_each(|job| job.description = job.description.trim().to_owned());
            }
            Wrong::AllReady => page.items.iter_mut().for_each(|job| job.state = JobState::Ready { until: None }),
            _ => {}
        }
        Ok(page)
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        if self.wrong == Wrong::NoFaster {
            let vault = self.name().to_owned();
            return if tier == Tier::Bulk { Err(VaultError::NotFaster { vault, tier: "bulk" }) } else { Ok(()) };
        }
        self.below.upgrade(job_id, tier).await
    }

    fn messages(&self) -> Option<Arc<dyn Messages>> {
        Some(Arc::new(self.clone()))
    }
}

/// What the cases about jobs and messages find wrong.
async fn wrongs(wrong: Wrong) -> Vec<(&'static str, String)> {
    let subject = || Muted(Emulated::new(), wrong);
    let outcomes = [
        ("listed", jobs::jobs_are_listed_as_they_were_asked_for_until_they_are_over(&subject()).await),
        ("faster", jobs::a_job_is_made_faster_or_that_is_refused(&subject()).await),
        ("told", told::the_end_of_a_job_is_told_until_it_is_done_with(&subject()).await),
        ("others", told::messages_of_others_stay_where_they_are(&subject()).await),
        ("failed", told::a_job_that_fails_is_told_as_failed(&subject()).await),
    ];
    outcomes.into_iter().filter_map(|(case, outcome)| Some((case, outcome.err()?))).collect()
}

#[tokio::test]
async fn each_is_found_out_by_the_case_that_looks_at_it() {
    let cases: [(Wrong, &[(&str, &str)]); 11] = [
        (Wrong::OnePage, &[("listed", "50 of 63 are listed")]),
        (Wrong::Trims, &[("listed", "it was described as \"trailing  \" and is listed as \"trailing\"")]),
        (Wrong::ListsNothing, &[("listed", "0 of 63 are listed"), ("failed", "a job that failed is listed as []")]),
        (
            Wrong::AllReady,
            &[
                ("listed", "it has just been asked for, and is listed as Some"),
                ("failed", "a job that failed is listed as [Ready"),
            ],
        ),
        (Wrong::NoFaster, &[("faster", "nothing became faster: another stands at ")]),
        (
            Wrong::OnlyOnce,
            &[("told", "0 of 25 jobs are told, time 1"), ("others", "4 of 4 messages of others are gone, time 1")],
        ),
        (Wrong::ForEver, &[("told", "25 are told of "), ("others", "12 are told again, which were done with")]),
        (Wrong::Loses, &[("told", " of 25 jobs are told, time 0"), ("others", " of 12 jobs are told")]),
        (Wrong::TidiesUp, &[("others", "4 of 4 messages of others are gone, time 1")]),
        (
            Wrong::AllSucceed,
            &[("failed", "a job that failed because of \"shelf 7 is on fire\" is told as [Succeeded]")],
        ),
        (Wrong::AnyReceipt, &[("told", "it took a receipt that it never gave")]),
    ];
    for (wrong, expected) in cases {
        let found = wrongs(wrong).await;
        assert_eq!(found.len(), expected.len(), "{wrong:?}: {found:?}");
        for ((case, words), (name, told)) in expected.iter().zip(&found) {
            assert_eq!(case, name, "{wrong:?}: {found:?}");
            assert!(told.contains(words), "{wrong:?}, {case}: {told}; not: {words}");
        }
    }
}
