//! A source made of nothing: its files follow from a seed and the time ([`files`]), reading one takes the time that a
//! storage host would take, and what goes wrong goes wrong on a schedule.

pub mod files;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use self::files::{Files, Now, REWRITTEN};
use super::scenario::TroubleKind;
use crate::base::buffers::Buffer;
use crate::base::file::FoundFile;
use crate::base::ids::Key;
use crate::base::{Clock, Shown, Stop, Time};
use crate::source::{Presence, ReadWhole, Reading, Report, Root, Seen, Source, SourceError, Trouble, Unread, Wanted};

/// Files in one report.
const BATCH: u64 = 256;
/// How long a walk takes for one report.
const WALK: Duration = Duration::from_millis(400);
/// How often the watch looks for news.
const LOOK: Duration = Duration::from_secs(1);
/// How often whoever streams a file waits, and how much comes meanwhile: 4 MB a second.
const STREAM: (u64, Duration) = (1 << 20, Duration::from_millis(250));

/// A source of the demo.
#[derive(Debug, Clone)]
pub struct DemoSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    place: String,
    clock: Clock,
    files: Mutex<Files>,
}

impl DemoSource {
    /// A source with these files, by the time of `clock`.
    pub fn new(files: Files, clock: Clock) -> Self {
        let (name, place) = (files.spec().name.clone(), files.spec().place.clone());
        Self(Arc::new(Inner { name, place: Shown::text(&place).to_string(), clock, files: Mutex::new(files) }))
    }
}

impl Inner {
    /// The files as they are now, and when that is.
    fn now(&self) -> (MutexGuard<'_, Files>, Time) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        files.bring_to(now);
        (files, now)
    }

    fn away(&self) -> Option<SourceError> {
        let (files, now) = self.now();
        (files.trouble(None, now) == Some(TroubleKind::Away)).then(|| SourceError::NoRoot {
            name: self.name.clone(),
            place: self.place.clone(),
            detail: "No such file or directory (os error 2)".to_owned(),
        })
    }

    /// The wanted version of a file, as it is now: its number and what it is.
    fn look(&self, wanted: &Wanted) -> Result<(u64, Now), Unread> {
        if let Some(e) = self.away() {
            return Err(Unread::Failed { reason: "root", detail: e.to_string() });
        }
        let (files, now) = self.now();
        if files.trouble(None, now) == Some(TroubleKind::Empty) {
            return Err(Unread::Gone);
        }
        let file = files.number(&wanted.key).ok_or(Unread::Gone)?;
        let found = files.at(file, now).ok_or(Unread::Gone)?;
        let failed = |reason, tried: &str, said: &str| {
            let detail = format!("cannot {tried} {}: {said}", wanted.key.shown());
            Err(Unread::Failed { reason, detail })
        };
        match files.trouble(Some(file), now) {
            Some(TroubleKind::Permission) => failed("permission", "open", "Permission denied (os error 13)"),
            Some(TroubleKind::Io) => failed("io", "read", "Input/output error (os error 5)"),
            _ if found.version() != wanted.version => Err(Unread::Changed(Box::new(as_found(&files, file, &found)))),
            _ => Ok((file, found)),
        }
    }

    /// Whether a file still is what it was when reading began.
    fn unchanged(&self, wanted: &Wanted) -> Result<(u64, Now), Unread> {
        self.look(wanted).map_err(|unread| match unread {
            Unread::Changed(now) => Unread::Changing(now),
            other => other,
        })
    }

    /// What it takes until the first byte of a file comes.
    fn latency(&self, wanted: &Wanted) -> Duration {
        let (files, now) = self.now();
        let Some(file) = files.number(&wanted.key) else { return Duration::from_millis(1) };
        let turn = u64::try_from(now.as_micros()).unwrap_or(0);
        let usual = files.latency(file, turn);
        // One that is being written is slow to come.
        let written = files.trouble(Some(file), now) == Some(TroubleKind::Changing);
        if written { usual + REWRITTEN } else { usual }
    }
}

fn as_found(files: &Files, file: u64, now: &Now) -> FoundFile {
    FoundFile {
        key: files.key(file),
        version: now.version(),
        length: now.length,
        mode: 0o644,
        mtime: now.mtime(),
        domain: None,
        class: None,
        source_checksum: None,
    }
}

#[async_trait]
impl Source for DemoSource {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn kind(&self) -> &'static str {
        "demo"
    }

    fn place(&self) -> String {
        self.0.place.clone()
    }

    async fn root(&self) -> Result<Root, SourceError> {
        if let Some(away) = self.0.away() {
            return Err(away);
        }
        let (files, now) = self.0.now();
        let is_empty = files.count() == 0 || files.trouble(None, now) == Some(TroubleKind::Empty);
        Ok(Root { device: Some(1), is_empty, inode: Some(2) })
    }

    async fn scan(
        &self,
        scanned: mpsc::Sender<Report>,
        live: Option<mpsc::Sender<Report>>,
        stop: Stop,
    ) -> Result<(), SourceError> {
        // What changes from here on is the watch's to tell.
        let seen = self.0.now().0.news(0).1;
        tokio::select! {
            biased;
            () = stop.stopped() => Ok(()),
            walked = self.walk(scanned) => {
                walked?;
                match live {
                    Some(live) => self.watch(live, seen).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn read_whole(&self, wanted: Vec<Wanted>, buffer: Buffer, seen: Box<dyn Seen>) -> ReadWhole {
        let (mut buffer, mut seen) = (buffer, seen);
        let mut results = Vec::with_capacity(wanted.len());
        let mut used = 0;
        for (place, wanted) in wanted.iter().enumerate() {
            let result = self.one(wanted, &mut buffer, used, |bytes| seen.bytes(place, bytes)).await;
            results.push(result.map(|length| {
                let start = used;
                used += length;
                start
            }));
        }
        buffer.set_used(used);
        ReadWhole { buffer, results, seen: Some(seen) }
    }

    async fn open(&self, wanted: Wanted) -> Result<Box<dyn Reading>, Unread> {
        self.0.clock.sleep(self.0.latency(&wanted)).await;
        let (file, now) = self.0.look(&wanted)?;
        Ok(Box::new(DemoReading { source: Arc::clone(&self.0), wanted, file, revision: now.revision }))
    }

    async fn present(&self, keys: Vec<Key>) -> Vec<Presence> {
        let away = self.0.away().is_some();
        let (files, now) = self.0.now();
        let empty = files.trouble(None, now) == Some(TroubleKind::Empty);
        let present = |key: &Key| match files.number(key).and_then(|file| files.at(file, now)) {
            _ if away => Presence::CannotTell,
            Some(_) if !empty => Presence::Present,
            _ => Presence::Absent,
        };
        keys.iter().map(present).collect()
    }
}

impl DemoSource {
    /// Reports every file there is, then that these were all.
    async fn walk(&self, scanned: mpsc::Sender<Report>) -> Result<(), SourceError> {
        let mut next = 0;
        loop {
            self.0.clock.sleep(WALK).await;
            if let Some(away) = self.0.away() {
                return Err(away);
            }
            let (batch, to) = {
                let (files, now) = self.0.now();
                let to = files.count().min(next + BATCH);
                let found = |file| Some(as_found(&files, file, &files.at(file, now)?));
                ((next..to).filter_map(found).collect::<Vec<_>>(), to)
            };
            if to == next {
                break;
            }
            next = to;
            // Nobody listens any more: then there is nobody to tell.
            if scanned.send(Report::Files(batch)).await.is_err() {
                return Ok(());
            }
        }
        let unreadable = {
            let (files, now) = self.0.now();
            files.unreadable(now).then(|| Key::new(format!("{}/private", files.spec().folder).into_bytes()))
        };
        if let Some(key) = unreadable {
            let detail = format!("cannot open the folder {}: Permission denied (os error 13)", key.shown());
            let _ = scanned.send(Report::Trouble(Trouble { key, reason: "permission", detail })).await;
        }
        let _ = scanned.send(Report::Done).await;
        Ok(())
    }

    /// Reports what happens, from place `seen` of the log on, until nobody listens or the root goes away.
    async fn watch(&self, live: mpsc::Sender<Report>, mut seen: usize) -> Result<(), SourceError> {
        loop {
            self.0.clock.sleep(LOOK).await;
            if let Some(away) = self.0.away() {
                return Err(away);
            }
            let found: Vec<FoundFile> = {
                let (files, now) = self.0.now();
                let (news, next) = files.news(seen);
                seen = next;
                news.iter().filter_map(|file| Some(as_found(&files, *file, &files.at(*file, now)?))).collect()
            };
            if live.is_closed() || (!found.is_empty() && live.send(Report::Files(found)).await.is_err()) {
                return Ok(());
            }
        }
    }

    /// Reads one file behind what the buffer holds already. Its length.
    async fn one(
        &self,
        wanted: &Wanted,
        buffer: &mut Buffer,
        used: usize,
        seen: impl FnOnce(&[u8]) + Send,
    ) -> Result<usize, Unread> {
        let (file, now) = self.0.look(wanted)?;
        self.0.clock.sleep(self.0.latency(wanted)).await;
        self.0.unchanged(wanted)?;
        let length = usize::try_from(wanted.length).ok();
        let Some(into) = length.and_then(|length| buffer.get_mut(used..used.checked_add(length)?)) else {
            let detail = format!("internal error: no room for {} bytes", wanted.length);
            return Err(Unread::Failed { reason: "internal", detail });
        };
        self.0.now().0.fill(file, now.revision, 0, into);
        seen(into);
        Ok(into.len())
    }
}

/// A file of the demo, being read in pieces.
struct DemoReading {
    source: Arc<Inner>,
    wanted: Wanted,
    file: u64,
    revision: u64,
}

#[async_trait]
impl Reading for DemoReading {
    async fn read(&mut self, offset: u64, buffer: Buffer) -> Result<Buffer, Unread> {
        let mut buffer = buffer;
        let left = self.wanted.length.saturating_sub(offset);
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let micros = u64::try_from(STREAM.1.as_micros()).unwrap_or(0) * (now as u64) / STREAM.0;
        self.source.clock.sleep(Duration::from_micros(micros)).await;
        self.source.unchanged(&self.wanted)?;
        self.source.now().0.fill(self.file, self.revision, offset, &mut buffer[..now]);
        buffer.set_used(now);
        Ok(buffer)
    }

    async fn finish(self: Box<Self>) -> Result<(), Unread> {
        self.source.unchanged(&self.wanted).map(|_| ())
    }
}
