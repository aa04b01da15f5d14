//! The contract of `firn::vault::Vault`. Each case takes a vault that is empty and says what it did wrong.

use std::ops::Range;
use std::time::Duration;

use firn::vault::{ArchiveName, Confirmed, Head, Item, JobRequest, JobState, Vault, VaultError};

use super::subject::{Subject, body, check_of, stage};

/// What a case finds: nothing, or what is wrong.
pub type Outcome = Result<(), String>;

/// Ends a case that finds something wrong.
macro_rules! ensure {
    ($holds:expr, $($wrong:tt)+) => {
        if !$holds {
            return Err(format!($($wrong)+));
        }
    };
}

/// Hands the list of all cases to another macro.
macro_rules! with_cases {
    ($then:ident $(, $more:tt)*) => {
        $then! { [$($more)*]
            whole::what_it_says_of_itself_fits_together,
            whole::archives_of_any_size_come_back,
            whole::a_second_put_of_an_archive_leaves_the_first,
            whole::another_content_under_a_taken_name_is_refused,
            whole::a_hash_that_was_promised_wrong_is_found_out,
            whole::a_size_that_was_promised_wrong_is_refused,
            whole::what_changed_on_its_way_is_found_out,
            whole::what_changes_later_is_found_by_asking_again,
            whole::nothing_to_send_is_said,
            parts::nothing_is_visible_before_it_is_complete,
            parts::parts_of_any_number_come_back,
            parts::parts_may_come_in_any_order_and_again,
            parts::a_missing_part_is_found_out,
            parts::a_wrong_hash_of_the_whole_is_found_out,
            parts::an_upload_goes_on_after_reopening,
            parts::completing_again_does_no_harm,
            parts::an_aborted_upload_is_gone,
            jobs::ranges_are_read_exactly,
            jobs::ranges_outside_are_refused,
            jobs::what_a_job_can_do_is_what_is_said,
            jobs::names_that_it_never_gave_are_refused,
            jobs::jobs_are_listed_as_they_were_asked_for_until_they_are_over,
            jobs::a_job_is_made_faster_or_that_is_refused,
            told::the_end_of_a_job_is_told_until_it_is_done_with,
            told::messages_of_others_stay_where_they_are,
            told::a_job_that_fails_is_told_as_failed,
            holdings::what_was_just_put_is_told_or_not_yet_known,
            holdings::a_deleted_archive_is_gone_and_may_be_deleted_again,
            holdings::the_inventory_names_each_archive_once_and_leaves_the_rest_alone,
        }
    };
}

/// Makes a test of each case for a vault: `contract!(module, maker of the subject)`.
macro_rules! contract {
    ($module:ident, $subject:expr) => {
        mod $module {
            with_cases!(tests_of_cases, ($subject));
        }
    };
}

macro_rules! tests_of_cases {
    ([($subject:expr)] $($room:ident::$case:ident,)*) => {
        $(#[tokio::test]
        async fn $case() {
            if let Err(wrong) = $crate::suite::$room::$case(&$subject).await {
                panic!("{wrong}");
            }
        })*
    };
}

/// Runs every case, each on a subject of its own. The cases that found something, with what.
macro_rules! wrongs_of {
    ($subject:expr) => {
        with_cases!(run_cases, ($subject))
    };
}

macro_rules! run_cases {
    ([($subject:expr)] $($room:ident::$case:ident,)*) => {{
        let mut wrongs = std::collections::BTreeMap::new();
        $(if let Err(wrong) = $crate::suite::$room::$case(&$subject).await {
            wrongs.insert(stringify!($case), wrong);
        })*
        wrongs
    }};
}

pub mod holdings;
pub mod jobs;
pub mod parts;
pub mod told;
pub mod whole;

/// Rounds that a job is given to become ready; time passes in each.
const ROUNDS: usize = 1000;
/// The time that passes in one.
const ROUND: Duration = Duration::from_mins(10);

/// Lets time pass until the inventory knows of everything that has been asked of the vault. Where the inventory is of
/// this moment, none passes.
pub fn catch_up(subject: &dyn Subject) {
    let can = subject.vault().capabilities();
    if !can.inventory_lag.is_zero() {
        // What was asked may still take effect; the inventory after that tells.
        subject.pass_time(can.request_lives + can.inventory_lag + Duration::from_secs(1));
    }
}

/// Puts an archive that is what it is promised to be.
pub async fn put(subject: &dyn Subject, name: ArchiveName, bytes: &[u8]) -> Result<Confirmed, String> {
    let vault = subject.vault();
    let kind = vault.capabilities().check;
    let confirmed = vault.put(stage(&subject.staging(), kind, name, bytes)).await;
    let confirmed = confirmed.map_err(|e| format!("{} bytes were not taken: {e}", bytes.len()))?;
    is_confirmed(&*vault, &confirmed, bytes)?;
    Ok(confirmed)
}

/// Whether a confirmation is that of these bytes.
pub fn is_confirmed(vault: &dyn Vault, confirmed: &Confirmed, bytes: &[u8]) -> Outcome {
    let right = check_of(vault.capabilities().check, bytes);
    let (check, size) = (confirmed.check, confirmed.size);
    ensure!(check == right, "it confirmed {check} where {right} was sent");
    ensure!(size == bytes.len() as u64, "it confirmed {size} bytes where {} were sent", bytes.len());
    ensure!(!confirmed.remote_id.is_empty(), "it has no name for an archive that it took");
    Ok(())
}

/// Asks for an archive and waits for it. The job's id.
pub async fn thaw(subject: &dyn Subject, remote_id: &[u8], range: Option<Range<u64>>) -> Result<Vec<u8>, VaultError> {
    let vault = subject.vault();
    let tier = vault.capabilities().tiers.first().copied();
    let request = JobRequest { remote_id: remote_id.to_vec(), range, tier, description: "contract".to_owned() };
    let job = vault.request(request).await?;
    for _ in 0..ROUNDS {
        match vault.status(&job).await? {
            JobState::Ready { .. } => return Ok(job),
            JobState::InProgress => subject.pass_time(ROUND),
            other => {
                let detail = format!("the job ended as {other:?}");
                return Err(VaultError::NotPossible { vault: vault.name().to_owned(), detail });
            }
        }
    }
    let detail = "the job is never ready".to_owned();
    Err(VaultError::NotPossible { vault: vault.name().to_owned(), detail })
}

/// Whether the vault holds exactly these bytes: it says so, and gives them back.
pub async fn holds(subject: &dyn Subject, name: ArchiveName, bytes: &[u8]) -> Outcome {
    let vault = subject.vault();
    catch_up(subject);
    let head = vault.head(name.uuid).await.map_err(|e| format!("it cannot be asked for an archive: {e}"))?;
    let Head::Stored { name: found, confirmed } = head else {
        return Err(format!("it answers {head:?} for an archive that it holds"));
    };
    ensure!(found == name, "it holds {found} where {name} was put");
    is_confirmed(&*vault, &confirmed, bytes)?;
    let job = thaw(subject, &confirmed.remote_id, None).await.map_err(|e| format!("it does not give it back: {e}"))?;
    let read = vault.read(&job, 0..confirmed.size).await.map_err(|e| format!("it cannot be read back: {e}"))?;
    ensure!(read == bytes, "what is read back ({} bytes) is not what was put ({} bytes)", read.len(), bytes.len());
    Ok(())
}

/// Whether the vault neither holds nor lists an archive.
pub async fn holds_not(subject: &dyn Subject, name: ArchiveName) -> Outcome {
    let vault = subject.vault();
    catch_up(subject);
    let head = vault.head(name.uuid).await.map_err(|e| format!("it cannot be asked for an archive: {e}"))?;
    ensure!(head == Head::Absent, "it answers {head:?} for an archive that it must not hold");
    let listed = archives(subject).await?;
    ensure!(!listed.iter().any(|(found, ..)| found.uuid == name.uuid), "it lists an archive that it must not hold");
    Ok(())
}

/// Everything in the inventory, page by page, once it knows of everything.
pub async fn inventory(subject: &dyn Subject) -> Result<Vec<Item>, String> {
    let vault = subject.vault();
    catch_up(subject);
    let (mut items, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = vault.inventory(after).await.map_err(|e| format!("its inventory cannot be read: {e}"))?;
        items.extend(page.items);
        pages += 1;
        ensure!(pages < 100_000, "its inventory never ends");
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
}

/// The archives in the inventory: name, the vault's name, size.
pub async fn archives(subject: &dyn Subject) -> Result<Vec<(ArchiveName, Vec<u8>, u64)>, String> {
    let archive = |item| match item {
        Item::Archive { name, remote_id, size } => Some((name, remote_id, size)),
        Item::Foreign(_) => None,
    };
    Ok(inventory(subject).await?.into_iter().filter_map(archive).collect())
}

/// A body of one MiB.
pub fn one_mib(seed: u64) -> Vec<u8> {
    body(1 << 20, seed)
}
