//! The open bundle of a lane. Whoever holds the lane's lock is its one writer.

use std::ffi::OsStr;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use super::bundle::leaves::{Hands, Sink};
use super::bundle::member;
use super::bundle::writer::{Digests, Member, WriteError, Writer};
use super::digest::FileHasher;
use super::moving::Moves;
use super::pipe::{BackupError, Pipe, blocking};
use super::staging::{Reservation, staged_name};
use crate::base::buffers::Buffer;
use crate::base::clock::Mono;
use crate::base::disk::{DiskError, DiskFile};
use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveUuid, FileId, Generation, Lane};
use crate::source::{Reading, Unread};
use crate::store::{BundleRef, Claimed, ClosedBy, NewBundle, StagedFile};

/// A lane and its open bundle, if it has one.
pub struct LaneWriter {
    lane: Lane,
    open: Mutex<Option<Open>>,
}

/// The open bundle of each lane, the live one first.
pub struct Lanes([LaneWriter; 2]);

impl Default for Lanes {
    fn default() -> Self {
        Self(Lane::ALL.map(LaneWriter::new))
    }
}

impl Lanes {
    /// The writer of a lane.
    pub fn of(&self, lane: Lane) -> &LaneWriter {
        match lane {
            Lane::Live => &self.0[0],
            Lane::History => &self.0[1],
        }
    }

    /// Both.
    pub fn both(&self) -> &[LaneWriter; 2] {
        &self.0
    }
}

/// A bundle being filled in the staging folder.
pub struct Open {
    writer: Writer<StagedSink>,
    bundle: BundleRef,
    /// When its first file went in.
    since: Option<Mono>,
    share: Vec<Reservation>,
    moves: Moves,
}

/// A staged file that takes leaves.
pub struct StagedSink(DiskFile);

impl Sink for StagedSink {
    fn leaf(&self, offset: u64, bytes: &[u8], _: Hash32) -> Result<(), DiskError> {
        self.0.write_at(bytes, offset)
    }

    fn cut(&self, len: u64) -> Result<(), DiskError> {
        self.0.truncate(len)
    }
}

/// Files read whole, with where each stands in the buffer.
pub struct Fetched {
    /// Their bytes.
    pub buffer: Buffer,
    /// The files.
    pub files: Vec<(Claimed, usize, Digests)>,
    /// The name of their source.
    pub source: String,
}

impl Fetched {
    /// The bytes of the file at this place of the list.
    pub fn bytes(&self, place: usize) -> &[u8] {
        let Some((claimed, start, _)) = self.files.get(place) else { return &[] };
        let length = usize::try_from(claimed.found.length).unwrap_or(usize::MAX);
        self.buffer.get(*start..start.saturating_add(length)).unwrap_or_default()
    }
}

/// How streaming a file ended.
pub enum Streamed {
    /// It is in the bundle.
    In(Open),
    /// It could not be read as it should; the bundle is as it was before.
    Not(Open, Unread),
}

impl Open {
    /// Enters a bundle and creates its staged file. Nothing if the folder cannot take it: then nothing was begun.
    pub async fn new(pipe: &Pipe, lane: Lane) -> Result<Option<Self>, BackupError> {
        let uuid = ArchiveUuid::new(pipe.clock.now())?;
        let name = staged_name(uuid);
        let new = NewBundle {
            uuid,
            vault: pipe.vault.name().to_owned(),
            lane,
            host: pipe.settings.host.clone(),
            staged: Some(StagedFile { dir: pipe.staging.path().to_owned(), name: name.clone() }),
            direct: None,
        };
        let bundle = pipe.store.bundle_open(pipe.session, new).await?;
        let dir = pipe.staging.dir().clone();
        let check = pipe.vault.capabilities().check;
        let hands = Hands::Runtime(tokio::runtime::Handle::current());
        match blocking(move || dir.create(OsStr::new(&name), 0o640)).await? {
            Ok(file) => {
                let writer = Writer::new(uuid, check, StagedSink(file), hands);
                let moves = pipe.moving.begin(uuid, pipe.settings.bundle_size, pipe.clock.mono());
                Ok(Some(Self { writer, bundle, since: None, share: Vec::new(), moves }))
            }
            Err(e) => {
                let error = WriteError::Disk(e);
                tell(pipe, &error);
                pipe.store.bundle_abandon(pipe.session, bundle, Vec::new(), error.to_string()).await?;
                Ok(None)
            }
        }
    }

    /// Streams a file in, piece by piece through `buffer`.
    pub async fn stream(
        self,
        pipe: &Pipe,
        claimed: &Claimed,
        source: &str,
        mut reading: Box<dyn Reading>,
        mut buffer: Buffer,
    ) -> Result<Result<Streamed, Broken>, BackupError> {
        let md5 = pipe.settings.md5.applies(claimed.found.source_checksum.as_deref());
        let mut hasher = FileHasher::new(md5);
        let owned = Arc::new((claimed.clone(), source.to_owned()));
        let mut open = self;
        open.moves.at_least(open.writer.len() + member::cost(claimed.found.key.as_bytes().len(), claimed.found.length));
        let mark = {
            let owned = Arc::clone(&owned);
            let (back, mark) = blocking(move || {
                let mark = open.writer.begin(as_member(&owned.0, &owned.1));
                (open, mark)
            })
            .await?;
            open = back;
            match mark {
                Ok(mark) => mark,
                Err(e) => return Ok(Err(Broken { open, error: e })),
            }
        };
        let mut offset = 0;
        let trouble = loop {
            if offset >= claimed.found.length {
                match reading.finish().await {
                    Ok(()) => break None,
                    Err(unread) => break Some(unread),
                }
            }
            buffer = match reading.read(offset, buffer).await {
                Ok(buffer) => buffer,
                Err(unread) => break Some(unread),
            };
            let (back, piece, digest, result) = blocking(move || {
                let (mut open, mut hasher) = (open, hasher);
                hasher.update(buffer.filled());
                let result = open.writer.piece(buffer.filled());
                (open, buffer, hasher, result)
            })
            .await?;
            (open, buffer, hasher) = (back, piece, digest);
            if let Err(error) = result {
                return Ok(Err(Broken { open, error }));
            }
            offset += buffer.used() as u64;
            open.moves.come_to(open.writer.len(), pipe.clock.mono());
        };
        let digests = hasher.finish();
        let wrong = super::digest::differs(claimed.found.source_checksum.as_deref(), &digests);
        let trouble = trouble.or_else(|| wrong.map(|detail| Unread::Failed { reason: "checksum", detail }));
        let (open, ended) = blocking(move || {
            let mut open = open;
            let ended = match &trouble {
                Some(_) => open.writer.cut_back(mark).map(|()| Ok(())),
                None => open.writer.end(as_member(&owned.0, &owned.1), mark, digests),
            };
            (open, ended.map(|ended| (ended, trouble)))
        })
        .await?;
        open.moves.come_to(open.writer.len(), pipe.clock.mono());
        Ok(match ended {
            Err(error) => Err(Broken { open, error }),
            Ok((_, Some(unread))) => Ok(Streamed::Not(open, unread)),
            Ok((Ok(()), None)) => {
                let mut open = open;
                open.since.get_or_insert_with(|| pipe.clock.mono());
                Ok(Streamed::In(open))
            }
            Ok((Err(bytes), None)) => {
                let detail = format!("internal error: {bytes} bytes were written for {}", claimed.found.length);
                Ok(Streamed::Not(open, Unread::Failed { reason: "internal", detail }))
            }
        })
    }

    /// Throws it away with what it holds: nothing, or files that are queued again.
    pub async fn discard(self, pipe: &Pipe, why: String) -> Result<(), BackupError> {
        let Self { writer, bundle, share, .. } = self;
        let claims = writer.claims();
        // Closes the file before it is removed.
        blocking(move || writer.discard()).await?;
        abandon(pipe, bundle, claims, share, why).await
    }

    /// Adds a share of the budget.
    pub fn holds(&mut self, share: Reservation) {
        self.share.push(share);
    }

    /// Closes it: manifest, fsync, folder fsync, and only then the transaction that says so.
    /// How many files are in it; nothing when it could not be written and was abandoned.
    pub async fn seal(self, pipe: &Pipe, closed_by: ClosedBy) -> Result<Option<u64>, BackupError> {
        let Self { writer, bundle, share, .. } = self;
        let claims = writer.claims();
        let files = claims.len() as u64;
        let dir = pipe.staging.dir().clone();
        let closed = pipe.store.now().await?;
        let written = blocking(move || {
            let (sealed, sink) = writer.finish(closed_by, closed)?;
            sink.0.sync()?;
            dir.sync()?;
            Ok::<_, WriteError>(sealed)
        });
        match written.await? {
            Ok(sealed) => {
                pipe.counters.add("backup.bundle_bytes", sealed.size);
                pipe.hold(bundle.uuid, share);
                pipe.store.bundle_seal(pipe.session, bundle, sealed).await?;
                pipe.staging.worked();
                pipe.hand(-files.cast_signed());
                pipe.counters.add("backup.bundles", 1);
                pipe.sealed.notify_waiters();
                Ok(Some(files))
            }
            Err(error) => {
                tell(pipe, &error);
                abandon(pipe, bundle, claims, share, error.to_string()).await.map(|()| None)
            }
        }
    }
}

/// A bundle whose staged file could not be written.
pub struct Broken {
    open: Open,
    error: WriteError,
}

impl Broken {
    /// Throws the bundle away; its files, and those in `more`, are queued again.
    pub async fn abandon(self, pipe: &Pipe, more: &[Claimed]) -> Result<(), BackupError> {
        let Open { writer, bundle, share, .. } = self.open;
        let mut claims = writer.claims();
        claims.extend(more.iter().map(|file| (file.file, file.generation)));
        // Closes the file before it is removed.
        blocking(move || writer.discard()).await?;
        tell(pipe, &self.error);
        abandon(pipe, bundle, claims, share, self.error.to_string()).await
    }
}

async fn abandon(
    pipe: &Pipe,
    bundle: BundleRef,
    claims: Vec<(FileId, Generation)>,
    share: Vec<Reservation>,
    why: String,
) -> Result<(), BackupError> {
    let staging = pipe.staging.clone();
    let removed = blocking(move || staging.remove(&staged_name(bundle.uuid))).await?;
    if let Err(e) = removed {
        tracing::warn!(error = %e, "the staged file of an abandoned bundle stays until the next start");
    }
    drop(share);
    let files = claims.len() as u64;
    pipe.store.bundle_abandon(pipe.session, bundle, claims, why).await?;
    pipe.hand(-files.cast_signed());
    pipe.queued.notify_waiters();
    Ok(())
}

fn tell(pipe: &Pipe, error: &WriteError) {
    tracing::error!(%error, "a bundle could not be written; waiting before the next one");
    pipe.counters.add("backup.staging_failures", 1);
    pipe.staging.failed();
}

fn as_member<'a>(claimed: &'a Claimed, source: &'a str) -> Member<'a> {
    Member { file: claimed.file, generation: claimed.generation, source, found: &claimed.found }
}

impl LaneWriter {
    /// A lane without a bundle.
    fn new(lane: Lane) -> Self {
        Self { lane, open: Mutex::new(None) }
    }

    /// Which lane.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Appends files that were read whole; bundles that fill up on the way are sealed beside it.
    pub async fn append(&self, pipe: &Arc<Pipe>, fetched: Fetched, share: Reservation) -> Result<(), BackupError> {
        let mut slot = self.open.lock().await;
        let mut fetched = fetched;
        let mut share = Some(share);
        let mut next = 0;
        while next < fetched.files.len() {
            let Some(mut open) = self.ready(pipe, &mut slot, 0).await? else {
                let rest: Vec<Claimed> = fetched.files.drain(next..).map(|(claimed, ..)| claimed).collect();
                return give_back(pipe, &rest).await;
            };
            if let Some(share) = share.take() {
                open.holds(share);
            }
            open.since.get_or_insert_with(|| pipe.clock.mono());
            let sizes = pipe.sizes();
            let (open, back, reached, result) = blocking(move || {
                let mut open = open;
                let mut at = next;
                let result = loop {
                    let Some((claimed, _, digests)) = fetched.files.get(at) else { break Ok(()) };
                    let member = as_member(claimed, &fetched.source);
                    if let Err(e) = open.writer.append(member, fetched.bytes(at), *digests) {
                        break Err(e);
                    }
                    at += 1;
                    if sizes.is_full(open.writer.len()) {
                        break Ok(());
                    }
                };
                (open, fetched, at, result)
            })
            .await?;
            open.moves.come_to(open.writer.len(), pipe.clock.mono());
            fetched = back;
            next = reached;
            match result {
                Ok(()) if sizes.is_full(open.writer.len()) => seal_beside(pipe, open, ClosedBy::Size),
                Ok(()) => *slot = Some(open),
                Err(error) => {
                    let rest: Vec<Claimed> = fetched.files.drain(next..).map(|(claimed, ..)| claimed).collect();
                    drop(share);
                    return Broken { open, error }.abandon(pipe, &rest).await;
                }
            }
        }
        Ok(())
    }

    /// Streams a file into the lane's bundle. What was wrong with the file, if something was.
    pub async fn append_stream(
        &self,
        pipe: &Arc<Pipe>,
        claimed: &Claimed,
        source: &str,
        reading: Box<dyn Reading>,
        buffer: Buffer,
        share: Reservation,
    ) -> Result<Option<Unread>, BackupError> {
        let mut slot = self.open.lock().await;
        let more = member::cost(claimed.found.key.as_bytes().len(), claimed.found.length);
        let Some(open) = self.ready(pipe, &mut slot, more).await? else {
            give_back(pipe, std::slice::from_ref(claimed)).await?;
            return Ok(None);
        };
        match stream_to_end(pipe, open, claimed, source, reading, buffer, share).await? {
            None => Ok(None),
            Some(Streamed::In(open)) => {
                if pipe.sizes().is_full(open.writer.len()) {
                    seal_beside(pipe, open, ClosedBy::Size);
                } else {
                    *slot = Some(open);
                }
                Ok(None)
            }
            Some(Streamed::Not(open, unread)) => {
                *slot = Some(open);
                Ok(Some(unread))
            }
        }
    }

    /// The open bundle, taken out of its slot; a new one if there is none, or if the old one has no room for `more`.
    async fn ready(
        &self,
        pipe: &Arc<Pipe>,
        slot: &mut MutexGuard<'_, Option<Open>>,
        more: u64,
    ) -> Result<Option<Open>, BackupError> {
        match slot.take() {
            Some(open) if pipe.sizes().close_before(open.writer.len(), more) => {
                seal_beside(pipe, open, ClosedBy::Size);
                Open::new(pipe, self.lane).await
            }
            Some(open) => Ok(Some(open)),
            None => Open::new(pipe, self.lane).await,
        }
    }

    /// Seals the lane's bundle if it holds something and is old enough (or `now` says so). How many files it sealed.
    pub async fn seal_if_due(&self, pipe: &Arc<Pipe>, now: Option<ClosedBy>) -> Result<Option<u64>, BackupError> {
        let mut slot = self.open.lock().await;
        let age = slot.as_ref().and_then(|open| open.since).map(|since| pipe.clock.mono().since(since));
        let closed_by = match (now, age) {
            (Some(closed_by), Some(_)) => closed_by,
            (None, Some(age)) if age >= pipe.settings.bundle_age => ClosedBy::Age,
            _ => return Ok(None),
        };
        match slot.take() {
            Some(open) if !open.writer.is_empty() => {
                drop(slot);
                open.seal(pipe, closed_by).await
            }
            other => {
                *slot = other;
                Ok(None)
            }
        }
    }

    /// Throws away a bundle that holds nothing (all reads into it went wrong), at the end of the work.
    pub async fn close_empty(&self, pipe: &Pipe) -> Result<(), BackupError> {
        match self.open.lock().await.take() {
            Some(open) => open.discard(pipe, "the work ended before anything was in it".to_owned()).await,
            None => Ok(()),
        }
    }

    /// Bytes and files in the open bundle (none: 0 and 0); nothing while somebody is writing it.
    pub fn glance(&self) -> Option<(u64, u64)> {
        let open = self.open.try_lock().ok()?;
        Some(open.as_ref().map_or((0, 0), |open| (open.writer.len(), open.writer.files())))
    }
}

/// Streams one file and takes care of a bundle that breaks: then nothing is left of it, and the answer is nothing.
pub async fn stream_to_end(
    pipe: &Pipe,
    mut open: Open,
    claimed: &Claimed,
    source: &str,
    reading: Box<dyn Reading>,
    buffer: Buffer,
    share: Reservation,
) -> Result<Option<Streamed>, BackupError> {
    open.holds(share);
    match open.stream(pipe, claimed, source, reading, buffer).await? {
        Ok(Streamed::Not(mut open, unread)) => {
            // Nothing of the file is in it, so nothing of the budget either: an empty bundle may stay open for long.
            open.share.pop();
            Ok(Some(Streamed::Not(open, unread)))
        }
        Ok(streamed) => Ok(Some(streamed)),
        Err(broken) => {
            broken.abandon(pipe, std::slice::from_ref(claimed)).await?;
            Ok(None)
        }
    }
}

/// Seals a bundle while the next one is being filled.
pub fn seal_beside(pipe: &Arc<Pipe>, open: Open, closed_by: ClosedBy) {
    let shared = Arc::clone(pipe);
    pipe.spawn(async move { open.seal(&shared, closed_by).await.map(drop) });
}

/// Gives claimed files back untouched.
pub async fn give_back(pipe: &Pipe, files: &[Claimed]) -> Result<(), BackupError> {
    if files.is_empty() {
        return Ok(());
    }
    let claims = files.iter().map(|file| (file.file, file.generation)).collect();
    pipe.store.give_back(pipe.session, claims).await?;
    pipe.hand(-(files.len() as u64).cast_signed());
    Ok(())
}
