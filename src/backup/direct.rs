//! A file too large to be staged: read once, sent to the vault part by part, taken up again where it was left.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bundle::leaves::{Hands, Sink};
use super::bundle::writer::{Member, WriteError, Writer};
use super::bundle::{member, padded};
use super::digest::{FileHasher, differs};
use super::moving::Moves;
use super::pipe::{BackupError, Pipe, blocking};
use super::plan::{self, UPLOAD_AGAIN};
use super::unread::{failure, unread_files};
use super::upload::{Sent, conclude};
use crate::base::buffers::{BUFFER, Buffer};
use crate::base::disk::DiskError;
use crate::base::faults;
use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveUuid, Lane};
use crate::base::task::{self, JoinHandle};
use crate::source::{Reading, Source, Unread, Wanted};
use crate::store::{BundleRef, Claimed, ClosedBy, FetchFailure, NewBundle, PartRow, ResumedBundle, SealedBundle};
use crate::vault::tree::{LEAF, Tree};
use crate::vault::{ArchiveName, PartBody, VaultError};
use crate::worker::pool::Slot;

/// Bytes of a part: a buffer.
pub const PART: u64 = BUFFER as u64;
/// How much is read, hashed and put into parts at a time.
const PIECE: usize = LEAF;

/// Gathers leaves into parts. They come in order, from one hand.
#[derive(Default)]
struct PartSink(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    current: Option<Buffer>,
    /// For the leaf that is left when a part fills up in the last step.
    spare: Option<Buffer>,
    tree: Tree,
    number: u32,
    full: VecDeque<Part>,
}

struct Part {
    number: u32,
    body: Buffer,
    tree_hash: Hash32,
}

impl Sink for PartSink {
    fn leaf(&self, offset: u64, bytes: &[u8], hash: Hash32) -> Result<(), DiskError> {
        let mut parts = self.lock();
        let at = usize::try_from(offset % PART).unwrap_or(0);
        if parts.current.is_none() {
            parts.current = parts.spare.take();
        }
        let number = parts.number;
        let buffer = parts.current.as_mut().filter(|buffer| buffer.len() >= at + bytes.len());
        let Some(buffer) = buffer else {
            let source = std::io::Error::other("no buffer for the next part");
            return Err(DiskError { op: "gather", path: format!("part {number}").into(), source });
        };
        buffer[at..at + bytes.len()].copy_from_slice(bytes);
        buffer.set_used(at + bytes.len());
        parts.tree.push(hash);
        // The last leaf may be short: then the part is the last, too.
        if at + bytes.len() == BUFFER || bytes.len() < LEAF {
            parts.close();
        }
        Ok(())
    }

    fn cut(&self, _: u64) -> Result<(), DiskError> {
        // Nothing is cut back here: an upload that goes wrong is thrown away as a whole.
        Ok(())
    }
}

impl PartSink {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_full(&self) -> Option<Part> {
        self.lock().full.pop_front()
    }
}

impl Parts {
    fn close(&mut self) {
        if let Some(body) = self.current.take().filter(|body| body.used() > 0) {
            let tree_hash = std::mem::take(&mut self.tree).root();
            self.full.push_back(Part { number: self.number, body, tree_hash });
            self.number += 1;
        }
    }
}

/// An upload under way.
struct Sending<'a> {
    pipe: &'a Arc<Pipe>,
    lane: Lane,
    file: &'a Claimed,
    bundle: BundleRef,
    upload_id: Vec<u8>,
    /// Parts that the vault holds already.
    held: HashMap<u32, PartRow>,
    under_way: Option<JoinHandle<Result<PartRow, VaultError>>>,
    /// Counts parts that the vault holds.
    moves: Moves,
}

/// Why an upload stopped.
enum Stopped {
    /// The file.
    Unread(Unread),
    /// The vault; what was sent stays there.
    Vault(VaultError),
    /// The pipeline ends.
    Ending,
}

enum Broken {
    Stopped(Stopped),
    Fatal(BackupError),
}

impl<E: Into<BackupError>> From<E> for Broken {
    fn from(e: E) -> Self {
        Self::Fatal(e.into())
    }
}

/// Sends one file. It holds a place of the upload pool beside its own.
pub async fn send(
    pipe: &Arc<Pipe>,
    lane: Lane,
    file: Claimed,
    source: Arc<dyn Source>,
    slot: Slot,
) -> Result<(), BackupError> {
    let wanted = Wanted { key: file.found.key.clone(), version: file.found.version.clone(), length: file.found.length };
    let reading = match source.open(wanted).await {
        Ok(reading) => reading,
        Err(unread) => return unread_files(pipe, Some(&*source), vec![(file, unread)]).await,
    };
    let uploading = tokio::select! {
        biased;
        () = pipe.stop.stopped() => return super::lane::give_back(pipe, &[file]).await,
        uploading = pipe.upload.start(lane) => uploading,
    };
    if let Some(rest) = pipe.vault_rests() {
        tokio::select! {
            biased;
            () = pipe.stop.stopped() => return super::lane::give_back(pipe, &[file]).await,
            () = pipe.clock.sleep(rest) => {}
        }
    }
    let mut sending = match begin(pipe, lane, &file, source.name()).await {
        Ok(sending) => sending,
        Err(Broken::Fatal(e)) => return Err(e),
        Err(Broken::Stopped(stopped)) => return put_off(pipe, None, file, &*source, stopped).await,
    };
    let bundle = sending.bundle;
    let done = sending.run(source.name(), reading).await;
    if let Some(part) = sending.under_way.take() {
        // It ends by itself; whether it was stored no longer matters.
        let _ = part.await;
    }
    let upload_id = std::mem::take(&mut sending.upload_id);
    drop((uploading, slot));
    match done {
        Ok(()) => Ok(()),
        Err(Broken::Fatal(e)) => Err(e),
        Err(Broken::Stopped(stopped)) => put_off(pipe, Some((bundle, upload_id)), file, &*source, stopped).await,
    }
}

/// Where the manifest of a bundle of this one file will start: everything before it is known beforehand.
fn manifest_offset(source: &str, file: &Claimed) -> u64 {
    let name = super::bundle::name::Names::new().give(file.found.key.as_bytes());
    member::head(&name, source, &file.found).len() as u64 + padded(file.found.length)
}

async fn begin<'a>(pipe: &'a Arc<Pipe>, lane: Lane, file: &'a Claimed, source: &str) -> Result<Sending<'a>, Broken> {
    let resumed = match file.resume {
        Some(archive) => pipe.store.direct_resume(pipe.session, archive, file.file).await?,
        None => None,
    };
    // But for the manifest, the size that the archive will have.
    let size = manifest_offset(source, file);
    if let Some(ResumedBundle { bundle, upload_id, parts }) = resumed {
        if let Some(upload_id) = upload_id {
            let held = parts.into_iter().map(|part| (part.number, part)).collect();
            tracing::info!(archive = %bundle.uuid, "an upload is taken up again");
            let moves = pipe.moving.begin(bundle.uuid, size, pipe.clock.mono());
            return Ok(Sending { pipe, lane, file, bundle, upload_id, held, under_way: None, moves });
        }
        // It had not come to an upload yet.
        pipe.store.bundle_abandon(pipe.session, bundle, Vec::new(), "begun anew".to_owned()).await?;
    }
    let uuid = ArchiveUuid::new(pipe.clock.now())?;
    let new = NewBundle {
        uuid,
        vault: pipe.vault.name().to_owned(),
        lane,
        host: pipe.settings.host.clone(),
        staged: None,
        direct: Some(file.file),
    };
    let name = ArchiveName { uuid, manifest_offset: size };
    let too_early = if faults::bug("intent-after-upload") { Some(pipe.vault.begin(name, PART).await) } else { None };
    // The intent is durable before the vault hears of it.
    let bundle = pipe.store.bundle_open(pipe.session, new).await?;
    faults::step("vault: begin");
    let begun = match too_early {
        Some(begun) => begun,
        None => pipe.vault.begin(name, PART).await,
    };
    match begun {
        Ok(upload_id) => {
            pipe.store.upload_begun(pipe.session, bundle, upload_id.clone(), PART).await?;
            let moves = pipe.moving.begin(uuid, size, pipe.clock.mono());
            Ok(Sending { pipe, lane, file, bundle, upload_id, held: HashMap::new(), under_way: None, moves })
        }
        Err(e) => {
            pipe.store.bundle_abandon(pipe.session, bundle, Vec::new(), e.to_string()).await?;
            Err(Broken::Stopped(Stopped::Vault(e)))
        }
    }
}

impl Sending<'_> {
    async fn run(&mut self, source: &str, mut reading: Box<dyn Reading>) -> Result<(), Broken> {
        let pipe = self.pipe;
        let policy = pipe.settings.md5;
        let mut hasher = FileHasher::new(policy.applies(self.file.found.source_checksum.as_deref()));
        let check = pipe.vault.capabilities().check;
        let mut writer = Writer::new(self.bundle.uuid, check, PartSink::default(), Hands::Own);
        let sink = writer.sink();
        let member = Member { file: self.file.file, generation: self.file.generation, source, found: &self.file.found };
        self.feed(&sink).await?;
        let mark = writer.begin(member).map_err(|e| internal(&e))?;
        let mut piece = Buffer::loose(PIECE);
        let mut offset = 0;
        while offset < self.file.found.length {
            if pipe.stop.is_stopped() {
                return Err(Broken::Stopped(Stopped::Ending));
            }
            self.feed(&sink).await?;
            piece = reading.read(offset, piece).await.map_err(|unread| Broken::Stopped(Stopped::Unread(unread)))?;
            offset += piece.used() as u64;
            pipe.counters.add("backup.fetched_bytes", piece.used() as u64);
            let (back, digest, filled, result) = blocking(move || {
                let (mut writer, mut hasher) = (writer, hasher);
                hasher.update(piece.filled());
                let result = writer.piece(piece.filled());
                (writer, hasher, piece, result)
            })
            .await?;
            (writer, hasher, piece) = (back, digest, filled);
            result.map_err(|e| internal(&e))?;
        }
        reading.finish().await.map_err(|unread| Broken::Stopped(Stopped::Unread(unread)))?;
        let digests = hasher.finish();
        if let Some(detail) = differs(self.file.found.source_checksum.as_deref(), &digests) {
            return Err(Broken::Stopped(Stopped::Unread(Unread::Failed { reason: "checksum", detail })));
        }
        self.feed(&sink).await?;
        if let Err(bytes) = writer.end(member, mark, digests).map_err(|e| internal(&e))? {
            let text = format!("{bytes} bytes were written for {}", self.file.found.length);
            return Err(BackupError::Task(text).into());
        }
        self.feed(&sink).await?;
        let closed = pipe.store.now().await?;
        // What is left is the manifest and the end of the tar: less than a leaf, which may fill a part and begin another.
        sink.lock().spare = Some(Buffer::loose(LEAF));
        let (sealed, _) = writer.finish(ClosedBy::Size, closed).map_err(|e| internal(&e))?;
        sink.lock().close();
        while let Some(part) = sink.next_full() {
            self.send_part(part).await?;
        }
        self.part_done().await?;
        self.complete(sealed).await
    }

    /// Sends the part that is full, if one is, and gives the sink a buffer for the next.
    async fn feed(&mut self, sink: &PartSink) -> Result<(), Broken> {
        while let Some(part) = sink.next_full() {
            self.send_part(part).await?;
        }
        let hungry = sink.lock().current.is_none();
        if hungry {
            let buffer = self.pipe.take_buffer(self.lane).await;
            sink.lock().current = Some(buffer);
        }
        Ok(())
    }

    /// Sends a part while the next one is read; one at a time.
    async fn send_part(&mut self, part: Part) -> Result<(), Broken> {
        self.part_done().await?;
        let size = part.body.used() as u64;
        let row = PartRow { number: part.number, size, tree_hash: part.tree_hash, etag: None };
        let same = |held: &&PartRow| held.size == row.size && held.tree_hash == row.tree_hash;
        if self.held.get(&part.number).as_ref().is_some_and(same) {
            // The vault holds exactly these bytes: read again, not sent again.
            self.pipe.counters.add("backup.parts_kept", 1);
            self.moves.progress().add(size);
            return Ok(());
        }
        let (vault, upload_id) = (Arc::clone(&self.pipe.vault), self.upload_id.clone());
        let body: PartBody = Arc::new(part.body);
        self.under_way = Some(task::spawn(async move {
            faults::step("vault: part");
            let etag = vault.put_part(&upload_id, row.number, PART, body).await?;
            Ok(PartRow { etag: Some(etag), ..row })
        }));
        Ok(())
    }

    async fn part_done(&mut self) -> Result<(), Broken> {
        let Some(part) = self.under_way.take() else { return Ok(()) };
        let stored = part.await.map_err(|e| BackupError::Task(e.to_string()))?;
        let row = stored.map_err(|e| Broken::Stopped(Stopped::Vault(e)))?;
        let size = row.size;
        self.pipe.store.part_stored(self.pipe.session, self.bundle, row).await?;
        self.pipe.counters.add("backup.parts", 1);
        self.moves.progress().add(size);
        Ok(())
    }

    async fn complete(&mut self, sealed: SealedBundle) -> Result<(), Broken> {
        let pipe = self.pipe;
        let (size, check) = (sealed.size, sealed.check);
        let name = ArchiveName { uuid: self.bundle.uuid, manifest_offset: sealed.manifest_offset };
        // What the archive holds is durable before the vault is asked to make it one.
        pipe.store.upload_contents(pipe.session, self.bundle, sealed).await?;
        pipe.hand(-1);
        faults::step("vault: complete");
        let completed = pipe.vault.complete(&self.upload_id, name, size, check).await;
        let sent = Sent { bundle: self.bundle, size, check, attempts: 0, staged: false };
        Ok(conclude(pipe, sent, completed).await?)
    }
}

fn internal(e: &WriteError) -> Broken {
    Broken::Fatal(BackupError::Task(e.to_string()))
}

/// A file that could not be sent to its end.
async fn put_off(
    pipe: &Arc<Pipe>,
    begun: Option<(BundleRef, Vec<u8>)>,
    file: Claimed,
    source: &dyn Source,
    stopped: Stopped,
) -> Result<(), BackupError> {
    let now = pipe.store.now().await?;
    let (detail, wait) = match stopped {
        Stopped::Unread(unread) => {
            if let Some((bundle, upload_id)) = begun {
                // What was sent is of no use: the file is another one by now, or cannot be read.
                if let Err(e) = pipe.vault.abort(&upload_id).await {
                    tracing::warn!(error = %e, archive = %bundle.uuid, "an upload could not be thrown away; that is done later");
                }
                pipe.store.bundle_abandon(pipe.session, bundle, Vec::new(), unread.to_string()).await?;
            }
            return unread_files(pipe, Some(source), vec![(file, unread)]).await;
        }
        Stopped::Vault(e @ (VaultError::NoSuch { .. } | VaultError::NothingToSend { .. })) => {
            // The vault has lost what was sent: there is nothing to take up, the file is sent from its beginning.
            tracing::warn!(error = %e, file = %file.found.key, "an upload is gone from the vault; it is begun anew");
            if let Some((bundle, _)) = begun {
                pipe.store.bundle_abandon(pipe.session, bundle, Vec::new(), e.to_string()).await?;
            }
            let wait = plan::wait(UPLOAD_AGAIN, file.attempts + 1, file.file.0);
            let failure = FetchFailure { counts: false, ..failure(&file, "vault", e.to_string(), now.plus(wait)) };
            pipe.store.fetch_failed(pipe.session, vec![failure]).await?;
            pipe.hand(-1);
            return Ok(());
        }
        Stopped::Vault(e) => {
            if e.is_about_the_vault() {
                pipe.vault_failed();
            }
            tracing::warn!(error = %e, file = %file.found.key, "an upload stopped; it is taken up again");
            (e.to_string(), plan::wait(UPLOAD_AGAIN, file.attempts + 1, file.file.0))
        }
        Stopped::Ending => {
            // The end of the session gives file and upload back, to be taken up by the next one.
            pipe.hand(-1);
            return Ok(());
        }
    };
    // It is not the file's fault.
    let failure = FetchFailure { counts: false, ..failure(&file, "vault", detail, now.plus(wait)) };
    match begun {
        Some((bundle, _)) => pipe.store.direct_pause(pipe.session, bundle, failure).await?,
        None => pipe.store.fetch_failed(pipe.session, vec![failure]).await?,
    }
    pipe.hand(-1);
    Ok(())
}
