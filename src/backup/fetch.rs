//! Fetching: from a claim to bytes in a bundle.

use std::sync::Arc;

use super::bundle::writer::Digests;
use super::digest::{Md5Policy, WhileRead, differs};
use super::lane::{Fetched, Open, Streamed, give_back, seal_beside, stream_to_end};
use super::md5_lanes;
use super::pipe::{BackupError, Pipe, blocking};
use super::plan::{self, FETCH_AGAIN, Route};
use super::root;
use super::staging::Reservation;
use crate::base::Time;
use crate::base::file::FoundFile;
use crate::base::ids::Lane;
use crate::source::{ReadWhole, Source, Unread, Wanted};
use crate::store::{ChangedFile, Claimed, ClosedBy, FetchFailure};
use crate::worker::pool::Slot;

/// Fetches a batch: small files together, or one large one.
pub async fn fetch(pipe: Arc<Pipe>, lane: Lane, batch: Vec<Claimed>, slot: Slot) -> Result<(), BackupError> {
    let mut batch = batch;
    let Some(first) = batch.first() else { return Ok(()) };
    let Some(source) = pipe.sources.get(&first.source).cloned() else {
        let detail = "its source is not in the configuration any more".to_owned();
        let unread = Unread::Failed { reason: "no-source", detail };
        return unread_files(&pipe, None, batch.into_iter().map(|file| (file, unread.clone())).collect()).await;
    };
    let route = pipe.sizes().route(first.found.length);
    if route == Route::Direct {
        return super::direct::send(&pipe, lane, batch.swap_remove(0), source, slot).await;
    }
    let share = tokio::select! {
        share = pipe.staging.reserve(lane, plan::cost(&batch)) => share,
        () = pipe.stop.stopped() => return give_back(&pipe, &batch).await,
    };
    let done = match route {
        Route::Whole => whole(&pipe, lane, batch, source, share).await,
        // A large file comes alone.
        _ => large(&pipe, lane, batch.swap_remove(0), source, share, route).await,
    };
    drop(slot);
    done
}

fn wanted(file: &Claimed) -> Wanted {
    Wanted { key: file.found.key.clone(), version: file.found.version.clone(), length: file.found.length }
}

/// How many buffers a lane leaves to the more urgent one.
pub fn leave(lane: Lane) -> usize {
    match lane {
        Lane::Live => 0,
        Lane::History => 2,
    }
}

async fn whole(
    pipe: &Arc<Pipe>,
    lane: Lane,
    batch: Vec<Claimed>,
    source: Arc<dyn Source>,
    share: Reservation,
) -> Result<(), BackupError> {
    let buffer = pipe.buffers.take(leave(lane)).await;
    let read = source.read_whole(batch.iter().map(wanted).collect(), buffer, Box::<WhileRead>::default()).await;
    let (policy, name) = (pipe.settings.md5, source.name().to_owned());
    let sort = move || sort_out(batch, read, policy, name);
    // Nothing but MD5 takes long enough here to be worth another thread.
    let (fetched, unread) = if policy == Md5Policy::Never { sort() } else { blocking(sort).await? };
    unread_files(pipe, Some(&*source), unread).await?;
    if fetched.files.is_empty() {
        return Ok(());
    }
    pipe.counters.add("backup.fetched_files", fetched.files.len() as u64);
    pipe.counters.add("backup.fetched_bytes", fetched.files.iter().map(|(file, ..)| file.found.length).sum());
    pipe.lane(lane).append(pipe, fetched, share).await
}

/// Which files were read, and what the others lacked.
fn sort_out(
    batch: Vec<Claimed>,
    read: ReadWhole,
    policy: Md5Policy,
    source: String,
) -> (Fetched, Vec<(Claimed, Unread)>) {
    let ReadWhole { buffer, results, seen } = read;
    let mut seen = seen.and_then(|seen| seen.into_any().downcast::<WhileRead>().ok()).unwrap_or_default();
    let mut fetched = Fetched { buffer, files: Vec::with_capacity(batch.len()), source };
    let mut unread = Vec::new();
    for (place, (file, result)) in batch.into_iter().zip(results).enumerate() {
        match result {
            Ok(start) => fetched.files.push((file, start, Digests { sha256: seen.take(place), md5: None })),
            Err(why) => unread.push((file, why)),
        }
    }
    let wanting: Vec<usize> = (0..fetched.files.len())
        .filter(|place| policy.applies(fetched.files[*place].0.found.source_checksum.as_deref()))
        .collect();
    let bytes: Vec<&[u8]> = wanting.iter().map(|place| fetched.bytes(*place)).collect();
    for (place, md5) in wanting.iter().zip(md5_lanes::of_many(&bytes)) {
        fetched.files[*place].2.md5 = Some(md5);
    }
    let mut good = Vec::with_capacity(fetched.files.len());
    for (file, start, digests) in fetched.files.drain(..) {
        match differs(file.found.source_checksum.as_deref(), &digests) {
            Some(detail) => unread.push((file, Unread::Failed { reason: "checksum", detail })),
            None => good.push((file, start, digests)),
        }
    }
    fetched.files = good;
    (fetched, unread)
}

/// Streams one large file: into the lane's bundle, or into one of its own.
async fn large(
    pipe: &Arc<Pipe>,
    lane: Lane,
    file: Claimed,
    source: Arc<dyn Source>,
    share: Reservation,
    route: Route,
) -> Result<(), BackupError> {
    let reading = match source.open(wanted(&file)).await {
        Ok(reading) => reading,
        Err(unread) => return unread_files(pipe, Some(&*source), vec![(file, unread)]).await,
    };
    // The buffer is taken before the lane is: who holds the lane waits for nothing that others hold.
    let buffer = pipe.buffers.take(leave(lane)).await;
    let name = source.name();
    let length = file.found.length;
    let unread = if route == Route::Streamed {
        pipe.lane(lane).append_stream(pipe, &file, name, reading, buffer, share).await?
    } else {
        let Some(open) = Open::new(pipe, lane).await? else { return give_back(pipe, &[file]).await };
        match stream_to_end(pipe, open, &file, name, reading, buffer, share).await? {
            None => return Ok(()),
            Some(Streamed::In(open)) => {
                seal_beside(pipe, open, ClosedBy::Size);
                None
            }
            Some(Streamed::Not(open, unread)) => {
                open.discard(pipe, unread.to_string()).await?;
                Some(unread)
            }
        }
    };
    if let Some(unread) = unread {
        return unread_files(pipe, Some(&*source), vec![(file, unread)]).await;
    }
    pipe.counters.add("backup.fetched_files", 1);
    pipe.counters.add("backup.fetched_bytes", length);
    Ok(())
}

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
    let is_gone = unread.iter().any(|(_, why)| *why == Unread::Gone);
    let hold = match source.filter(|_| is_gone) {
        Some(source) => root_trouble(pipe, source, now).await?,
        None => None,
    };
    let count = unread.len() as u64;
    let (mut gone, mut changed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (file, why) in unread {
        let next_try = now.plus(plan::wait(FETCH_AGAIN, file.attempts + 1, file.file.0));
        let text = format!("{}: {why}", file.found.key);
        match (why, &hold) {
            (Unread::Gone, None) => gone.push((file.file, file.generation)),
            // A disk that is not mounted has deleted nothing.
            (Unread::Gone, Some(detail)) => failed.push(failure(&file, "root", detail.clone(), next_try)),
            (Unread::Changed(found), _) => changed.push(change(&file, *found, None)),
            (Unread::Changing(found), _) => changed.push(change(&file, *found, Some((text, next_try)))),
            (Unread::Failed { reason, detail }, _) => failed.push(failure(&file, reason, detail, next_try)),
        }
    }
    pipe.counters.add("backup.gone_files", gone.len() as u64);
    pipe.counters.add("backup.failed_reads", failed.len() as u64);
    for failure in &failed {
        tracing::warn!(reason = failure.reason, detail = failure.detail, again = %failure.next_try, "a file could not be fetched");
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
