//! Trees, scans, readings, watches.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firn::base::Stop;
use firn::base::buffers::Buffer;
use firn::base::file::FoundFile;
use firn::base::ids::Key;
use firn::source::directory::DirectorySource;
use firn::source::{NotAFile, Presence, ReadWhole, Report, Seen, Source as _, Trouble, Unread, Wanted};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::support::alone::{self, As};
use super::support::folders::walk;

/// The longest anything here may take; only what hangs comes near it.
pub const DEADLINE: Duration = Duration::from_secs(30);

const NEIGHBOUR: &str = "neighbour";
const NEIGHBOURS: &[u8] = b"an ordinary file that is always there";

/// A source's folder, with an ordinary file in it.
pub struct Tree {
    temp: TempDir,
    pub source: DirectorySource,
}

impl Tree {
    pub fn new() -> Self {
        Self::with(|source| source)
    }

    pub fn with(change: impl FnOnce(DirectorySource) -> DirectorySource) -> Self {
        let temp = tempfile::Builder::new().prefix("firn-source").tempdir().unwrap();
        let root = temp.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(root.join(NEIGHBOUR), NEIGHBOURS).unwrap();
        let source = change(DirectorySource::new("ugc", &root));
        Self { temp, source }
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.source.path().join(key)
    }

    /// Beside the root, not below it.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn write(&self, key: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn scan(&self) -> Scanned {
        scan(&self.source).await
    }

    /// A scan that found the neighbour, which reads as it should.
    pub async fn scan_with_neighbour(&self) -> Scanned {
        let scanned = self.scan().await;
        self.check_neighbour(&scanned).await;
        scanned
    }

    pub async fn check_neighbour(&self, scanned: &Scanned) {
        assert!(scanned.done, "the scan went through to its end");
        assert_eq!(read(&self.source, scanned.file(NEIGHBOUR)).await, Ok(NEIGHBOURS.to_vec()));
    }

    /// What a scan finds under this name, which must be there.
    pub async fn found(&self, key: &str) -> FoundFile {
        self.scan().await.file(key).clone()
    }
}

/// Everything a scan reported.
#[derive(Debug, Default)]
pub struct Scanned {
    pub files: BTreeMap<Vec<u8>, FoundFile>,
    pub troubles: Vec<Trouble>,
    pub skipped: BTreeMap<NotAFile, Key>,
    pub watch_limit: Option<(u64, String)>,
    pub done: bool,
}

impl Scanned {
    pub fn take(&mut self, report: Report) {
        assert!(!self.done, "nothing comes after the end");
        match report {
            Report::Files(files) => {
                for file in files {
                    let twice = self.files.insert(file.key.as_bytes().to_vec(), file);
                    assert_eq!(twice, None, "a scan reports each file once");
                }
            }
            Report::Trouble(trouble) => self.troubles.push(trouble),
            Report::Skipped(kind, first) => {
                assert_eq!(self.skipped.insert(kind, first), None, "each kind is told once");
            }
            Report::Missed(why) => panic!("a scan misses nothing: {why}"),
            Report::WatchLimit { watched, detail } => {
                assert_eq!(self.watch_limit.replace((watched, detail)), None, "the limit is told once");
            }
            Report::Done => self.done = true,
        }
    }

    pub fn file(&self, key: &str) -> &FoundFile {
        self.files.get(key.as_bytes()).unwrap_or_else(|| panic!("{key} was not found among {:?}", self.keys()))
    }

    /// Keys as text, without the neighbour.
    pub fn keys(&self) -> Vec<String> {
        let keys = self.files.keys().map(|key| String::from_utf8_lossy(key).into_owned());
        keys.filter(|key| key != NEIGHBOUR).collect()
    }

    /// The one thing that was in the way.
    pub fn trouble(&self) -> (&str, &'static str, &str) {
        let [trouble] = self.troubles.as_slice() else { panic!("one trouble, not {:?}", self.troubles) };
        (std::str::from_utf8(trouble.key.as_bytes()).unwrap(), trouble.reason, trouble.detail.as_str())
    }
}

pub async fn scan(source: &DirectorySource) -> Scanned {
    let (out, mut reports) = mpsc::channel(4);
    let source = source.clone();
    let task = firn::base::task::spawn(async move { source.scan(out, None, Stop::new()).await });
    let mut scanned = Scanned::default();
    let all = async {
        while let Some(report) = reports.recv().await {
            scanned.take(report);
        }
    };
    tokio::time::timeout(DEADLINE, all).await.expect("a scan ends");
    task.await.unwrap().unwrap();
    scanned
}

pub fn wanted(file: &FoundFile) -> Wanted {
    Wanted { key: file.key.clone(), version: file.version.clone(), length: file.length }
}

pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes())
}

/// Remembers what it is shown; can do something when it has been shown a piece.
#[derive(Default)]
pub struct Watcher {
    pub shown: BTreeMap<usize, Vec<u8>>,
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl Watcher {
    pub fn and_then(then: impl FnOnce() + Send + 'static) -> Self {
        Self { shown: BTreeMap::new(), then: Some(Box::new(then)) }
    }
}

impl Seen for Watcher {
    fn bytes(&mut self, file: usize, bytes: &[u8]) {
        self.shown.entry(file).or_default().extend_from_slice(bytes);
        if let Some(then) = self.then.take() {
            then();
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Reads files whole. What was shown on the way must be what stands in the buffer.
pub async fn read_all(source: &DirectorySource, files: &[FoundFile], watcher: Watcher) -> Vec<Result<Vec<u8>, Unread>> {
    let room: u64 = files.iter().map(|file| file.length).sum();
    let buffer = Buffer::loose(usize::try_from(room).unwrap());
    let reading = source.read_whole(files.iter().map(wanted).collect(), buffer, Box::new(watcher));
    let ReadWhole { buffer, results, seen } =
        tokio::time::timeout(DEADLINE, reading).await.expect("reading never waits");
    let watcher = seen.unwrap().into_any().downcast::<Watcher>().unwrap();
    assert_eq!(results.len(), files.len());
    let bytes = results.into_iter().zip(files).enumerate().map(|(n, (result, file))| {
        let start = result?;
        let bytes = buffer.filled()[start..][..usize::try_from(file.length).unwrap()].to_vec();
        assert_eq!(watcher.shown.get(&n).map_or(&[][..], Vec::as_slice), bytes, "what was shown of {}", file.key);
        Ok(bytes)
    });
    bytes.collect()
}

pub async fn read(source: &DirectorySource, file: &FoundFile) -> Result<Vec<u8>, Unread> {
    let whole = read_all(source, std::slice::from_ref(file), Watcher::default()).await.remove(0);
    assert_eq!(whole, read_in_pieces(source, file).await, "whole and in pieces");
    whole
}

async fn read_in_pieces(source: &DirectorySource, file: &FoundFile) -> Result<Vec<u8>, Unread> {
    let mut reading = tokio::time::timeout(DEADLINE, source.open(wanted(file))).await.expect("opening never waits")?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < file.length {
        let piece = reading.read(bytes.len() as u64, Buffer::loose(1 << 20)).await?;
        bytes.extend_from_slice(piece.filled());
    }
    reading.finish().await?;
    Ok(bytes)
}

pub async fn present(source: &DirectorySource, key: &str) -> Presence {
    source.present(vec![self::key(key)]).await.remove(0)
}

/// A scan that goes on as a watch.
pub struct Watching {
    pub scanned: Scanned,
    pub live: mpsc::Receiver<Report>,
    stop: Stop,
    task: firn::base::task::JoinHandle<Result<(), firn::source::SourceError>>,
}

impl Watching {
    /// Scans to the end; the watch goes on. `room` reports may wait to be taken.
    pub async fn start(source: &DirectorySource, room: usize) -> Self {
        let (out, mut reports) = mpsc::channel(4);
        let (live_out, live) = mpsc::channel(room);
        let (stop, source) = (Stop::new(), source.clone());
        let inner = stop.clone();
        let task = firn::base::task::spawn(async move { source.scan(out, Some(live_out), inner).await });
        let mut scanned = Scanned::default();
        while !scanned.done {
            let report = tokio::time::timeout(DEADLINE, reports.recv()).await.expect("a scan ends");
            scanned.take(report.expect("the scan says that it is done"));
        }
        Self { scanned, live, stop, task }
    }

    /// The next report, within `span`.
    pub async fn next(&mut self, span: Duration) -> Option<Report> {
        let report = tokio::time::timeout(span, self.live.recv()).await.ok()?;
        Some(report.expect("the watch goes on until it is stopped"))
    }

    /// Takes reports until every one of `keys` has been reported, all within `span`. Everything that was reported.
    pub async fn until(&mut self, keys: &[&str], span: Duration) -> BTreeMap<Vec<u8>, FoundFile> {
        let mut left: BTreeSet<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let mut files = BTreeMap::new();
        let gathered = tokio::time::timeout(span, async {
            while !left.is_empty() {
                let report = self.live.recv().await.expect("the watch goes on until it is stopped");
                let Report::Files(found) = report else { panic!("files are reported, not {report:?}") };
                for file in found {
                    left.remove(file.key.as_bytes());
                    files.insert(file.key.as_bytes().to_vec(), file);
                }
            }
        });
        let gathered = gathered.await;
        let first = left.first().map(|key| String::from_utf8_lossy(key));
        assert!(gathered.is_ok(), "not reported within {span:?}: {} files, the first of them {first:?}", left.len());
        files
    }

    /// Ends it, and what was reported besides is handed out.
    pub async fn end(mut self) -> Vec<Report> {
        self.stop.stop();
        let mut left = Vec::new();
        let all = async {
            while let Some(report) = self.live.recv().await {
                left.push(report);
            }
            self.task.await.unwrap().unwrap();
        };
        tokio::time::timeout(DEADLINE, all).await.expect("a watch that is stopped ends");
        left
    }
}

/// What an ordinary walk says is there: bytes of each regular file by its path.
pub fn plain_walk(root: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let files = walk(root).into_iter().filter(|(_, meta)| meta.is_file());
    let key = |path: &Path| path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
    files.map(|(path, _)| (key(&path), fs::read(&path).unwrap())).collect()
}

/// Says of a found file what its inode says.
pub fn check_facts(root: &Path, file: &FoundFile) {
    let path = root.join(std::ffi::OsStr::from_bytes(file.key.as_bytes()));
    let facts = fs::symlink_metadata(path).unwrap();
    assert_eq!(file.length, facts.len(), "{}", file.key);
    assert_eq!(file.mode, facts.mode() & 0o7777, "{}", file.key);
    assert_eq!((file.mtime.secs, i64::from(file.mtime.nanos)), (facts.mtime(), facts.mtime_nsec()), "{}", file.key);
}

/// As [`alone::goes_on`], where the child is given a folder with a neighbour in it that belongs to the parent's user.
pub fn goes_on(who: As, test: &str) -> bool {
    alone::goes_on_given(who, test, |given| fs::write(given.join(NEIGHBOUR), NEIGHBOURS).unwrap())
}

/// The neighbour of any root.
pub fn neighbour(scanned: &Scanned) -> &FoundFile {
    scanned.file(NEIGHBOUR)
}
