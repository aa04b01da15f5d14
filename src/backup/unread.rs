//! What becomes of claimed files that could not be read as they should.

use std::time::Duration;

use super::pipe::{BackupError, Pipe};
use super::plan::{self, FETCH_AGAIN};
use super::root;
use crate::base::Time;
use crate::base::file::FoundFile;
use crate::source::{Source, Unread};
use crate::store::{ChangedFile, Claimed, FetchFailure};

/// Files of a source whose root is away are looked for again after this; its scanner tells sooner that it is back.
const ROOT_AGAIN: Duration = Duration::from_mins(5);

/// A file that has been queued for so long and is still another one when its turn comes is written all the time.
const ALWAYS: Duration = Duration::from_mins(1);

/// Records what became of files that were not read.
pub async fn unread_files(
    pipe: &Pipe,
    source: Option<&dyn Source>,
    unread: Vec<(Claimed, Unread)>,
) -> Result<(), BackupError> {
    if unread.is_empty() {
        return Ok(());
    }
    let now = pipe.store.now().await?;
    let is_gone = unread.iter().any(|(_, why)| matches!(why, Unread::Gone | Unread::Failed { reason: "root", .. }));
    let hold = match source.filter(|_| is_gone) {
        Some(source) => root_trouble(pipe, source, now).await?,
        None => None,
    };
    if let (Some(source), Some(detail)) = (source, &hold) {
        tracing::error!(source = source.name(), detail, "files cannot be had; they wait until the source is back");
    }
    let count = unread.len() as u64;
    let mut waiting = Vec::new();
    let (mut gone, mut changed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (file, why) in unread {
        let next_try = now.plus(plan::wait(FETCH_AGAIN, file.attempts + 1, file.file.0));
        let text = format!("{}: {why}", file.found.key);
        match (why, &hold) {
            (Unread::Gone, None) => gone.push((file.file, file.generation)),
            // A disk that is not mounted has deleted nothing, and nothing is wrong with its files.
            (Unread::Gone | Unread::Failed { reason: "root", .. }, Some(_)) => {
                pipe.hold_source(file.source);
                waiting.push((file.file, file.generation));
            }
            (Unread::Changed(found), _) => {
                // Changed while it waited: no fault. One that is another each time it is looked at is told.
                let always = now.since(file.queued_at) >= ALWAYS;
                changed.push(change(&file, *found, always.then_some((text, next_try))));
            }
            (Unread::Changing(found), _) => changed.push(change(&file, *found, Some((text, next_try)))),
            (Unread::Failed { reason, detail }, _) => failed.push(failure(&file, reason, detail, next_try)),
        }
    }
    pipe.counters.add("backup.gone_files", gone.len() as u64);
    pipe.counters.add("backup.failed_reads", failed.len() as u64);
    if let Some(first) = failed.first() {
        let (files, again) = (failed.len(), first.next_try);
        tracing::warn!(files, reason = first.reason, first = first.detail, %again, "files could not be fetched");
    }
    if !waiting.is_empty() {
        pipe.store.put_off(pipe.session, waiting, now.plus(ROOT_AGAIN)).await?;
    }
    if !gone.is_empty() {
        pipe.store.fetch_gone(pipe.session, gone).await?;
    }
    if !changed.is_empty() {
        pipe.store.fetch_changed(pipe.session, changed).await?;
    }
    if !failed.is_empty() {
        pipe.store.fetch_failed(pipe.session, failed).await?;
    }
    pipe.hand(-count.cast_signed());
    pipe.queued.notify_waiters();
    Ok(())
}

/// What is wrong with a source's root, if it is not what it was.
async fn root_trouble(pipe: &Pipe, source: &dyn Source, now: Time) -> Result<Option<String>, BackupError> {
    let root = source.root().await;
    let row = pipe.store.source(source.name().to_owned(), source.kind()).await?;
    Ok(root::judge(&row, &source.place(), &root, now).err().map(|finding| finding.value))
}

/// A failed attempt at a claimed file.
pub fn failure(file: &Claimed, reason: &str, detail: String, next_try: Time) -> FetchFailure {
    FetchFailure {
        file: file.file,
        generation: file.generation,
        reason: reason.to_owned(),
        detail,
        next_try,
        counts: true,
    }
}

fn change(file: &Claimed, found: FoundFile, failed: Option<(String, Time)>) -> ChangedFile {
    ChangedFile { file: file.file, generation: file.generation, found, failed }
}
