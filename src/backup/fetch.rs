//! Fetching: from a claim to bytes in a bundle.

use std::sync::Arc;

use super::bundle::writer::Digests;
use super::digest::{Md5Policy, WhileRead, differs};
use super::lane::{Fetched, LaneWriter, Lanes, Open, Streamed, give_back, seal_beside, stream_to_end};
use super::md5_lanes;
use super::pipe::{BackupError, Pipe, blocking};
use super::plan::{self, Route};
use super::staging::Reservation;
use super::unread::unread_files;
use crate::base::ids::Lane;
use crate::source::{ReadWhole, Source, Unread, Wanted};
use crate::store::{Claimed, ClosedBy};
use crate::worker::pool::Slot;

/// Fetches a batch: small files together, or one large one.
pub async fn fetch(
    pipe: Arc<Pipe>,
    lanes: &Lanes,
    lane: Lane,
    batch: Vec<Claimed>,
    slot: Slot,
) -> Result<(), BackupError> {
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
        biased;
        () = pipe.stop.stopped() => return give_back(&pipe, &batch).await,
        share = pipe.staging.reserve(lane, plan::cost(&batch)) => share,
    };
    let done = match route {
        Route::Whole => whole(&pipe, lanes.of(lane), batch, source, share).await,
        // A large file comes alone.
        _ => large(&pipe, lanes.of(lane), batch.swap_remove(0), source, share, route).await,
    };
    drop(slot);
    done
}

fn wanted(file: &Claimed) -> Wanted {
    Wanted { key: file.found.key.clone(), version: file.found.version.clone(), length: file.found.length }
}

async fn whole(
    pipe: &Arc<Pipe>,
    writer: &LaneWriter,
    batch: Vec<Claimed>,
    source: Arc<dyn Source>,
    share: Reservation,
) -> Result<(), BackupError> {
    let buffer = pipe.take_buffer(writer.lane()).await;
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
    writer.append(pipe, fetched, share).await
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
    writer: &LaneWriter,
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
    let buffer = pipe.take_buffer(writer.lane()).await;
    let name = source.name();
    let length = file.found.length;
    let unread = if route == Route::Streamed {
        writer.append_stream(pipe, &file, name, reading, buffer, share).await?
    } else {
        let Some(open) = Open::new(pipe, writer.lane()).await? else { return give_back(pipe, &[file]).await };
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
