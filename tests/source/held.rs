//! A root that is not what it was, under the whole pipeline: nothing is taken for gone, and the finding says what is
//! wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firn::backup::pipe::Kinds;
use firn::backup::pipeline::Ended;
use firn::base::buffers::Buffer;
use firn::base::ids::{FileId, Key};
use firn::base::sink::NoSink;
use firn::base::{Severity, Stop};
use firn::config::Config;
use firn::services::Services;
use firn::source::directory::DirectorySource;
use firn::source::{Presence, ReadWhole, Reading, Report, Root, Seen, Source, SourceError, Unread, Wanted};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::kit::{DEADLINE, goes_on};
use super::mounts::{mount, unmount};
use super::support::alone::As;
use super::support::waiting::in_time;

/// A source of two files, a vault and a state.
struct World {
    temp: TempDir,
}

impl World {
    fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("firn-held").tempdir().unwrap();
        let world = Self { temp };
        fs::create_dir(world.root()).unwrap();
        fs::write(world.root().join("a"), "a").unwrap();
        fs::write(world.root().join("b"), "b").unwrap();
        world
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("photos")
    }

    fn away(&self) -> PathBuf {
        self.temp.path().join("away")
    }

    async fn services(&self) -> Services {
        let file = self.temp.path().join("firn.toml");
        let text = "[[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\npath = \"vault\"\n";
        let config = Config::parse(Some((&file, text)), &[], &[]).unwrap();
        Services::open(config, true).await.unwrap()
    }

    /// Backs up until nothing is left to do. How it ended, what stands open against the root, and which files count as
    /// being there.
    async fn run(&self) -> (Ended, Option<(Severity, String)>, Vec<String>) {
        let services = self.services().await;
        let job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
        let ended = tokio::time::timeout(DEADLINE, Arc::new(job).run(Stop::new())).await.expect("it ends").unwrap();
        let notices = services.store.notices().await.unwrap();
        let held = notices.into_iter().find(|notice| notice.rule == "source.root");
        let source = services.store.source("ugc".to_owned(), "directory").await.unwrap();
        let newest = services.store.newest_file().await.unwrap();
        let files = services.store.current_files(source.id, FileId(0), newest, 100).await.unwrap();
        let held = held.map(|notice| (notice.severity, notice.value));
        let mut files: Vec<_> = files.into_iter().map(|(_, key)| key.to_string()).collect();
        files.sort();
        (ended, held, files)
    }

    async fn is_well(&self, files: &[&str]) {
        assert_eq!(self.run().await, (Ended::default(), None, files.iter().map(ToString::to_string).collect()));
    }

    async fn is_held(&self, value: &str) {
        let (ended, held, files) = self.run().await;
        assert_eq!(ended.held, ["ugc"]);
        let (severity, told) = held.expect("a finding");
        assert_eq!(severity, Severity::Critical);
        assert!(told.contains(value), "{told}");
        assert_eq!(files, ["a", "b"], "nothing is gone");
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_missing_or_empty_is_held_and_nothing_is_gone() {
    let world = World::new();
    world.is_well(&["a", "b"]).await;
    fs::rename(world.root(), world.away()).unwrap();
    world.is_held("cannot be opened: No such file or directory").await;
    fs::create_dir(world.root()).unwrap();
    world.is_held(&format!("{} is empty; the last scan saw 2 files", shown(&world.root()))).await;
    fs::remove_dir(world.root()).unwrap();
    fs::write(world.root(), "no folder").unwrap();
    world.is_held("cannot be opened: Not a directory").await;
    fs::remove_file(world.root()).unwrap();
    fs::rename(world.away(), world.root()).unwrap();
    world.is_well(&["a", "b"]).await;
    // What is really deleted is gone.
    fs::remove_file(world.root().join("a")).unwrap();
    world.is_well(&["b"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_on_another_file_system_is_held_and_nothing_is_gone() {
    if !goes_on(As::Mounter, "held::a_root_on_another_file_system_is_held_and_nothing_is_gone") {
        return;
    }
    let world = World::new();
    world.is_well(&["a", "b"]).await;
    mount(&world.root());
    fs::write(world.root().join("lost+found"), "").unwrap();
    world.is_held("is on another file system than before").await;
    unmount(&world.root());
    world.is_well(&["a", "b"]).await;
}

/// A source whose root goes away at the very end of its scan.
struct Leaving {
    inner: DirectorySource,
    away: PathBuf,
}

#[async_trait]
impl Source for Leaving {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    async fn root(&self) -> Result<Root, SourceError> {
        self.inner.root().await
    }

    async fn scan(
        &self,
        scanned: mpsc::Sender<Report>,
        live: Option<mpsc::Sender<Report>>,
        stop: Stop,
    ) -> Result<(), SourceError> {
        let (out, mut reports) = mpsc::channel(1);
        let pass_on = async {
            while let Some(report) = reports.recv().await {
                if matches!(report, Report::Done) {
                    fs::rename(self.inner.path(), &self.away).unwrap();
                }
                // Nobody listens any more when the pipeline is stopped.
                let _ = scanned.send(report).await;
            }
        };
        tokio::join!(self.inner.scan(out, live, stop), pass_on).0
    }

    async fn read_whole(&self, wanted: Vec<Wanted>, buffer: Buffer, seen: Box<dyn Seen>) -> ReadWhole {
        self.inner.read_whole(wanted, buffer, seen).await
    }

    async fn open(&self, wanted: Wanted) -> Result<Box<dyn Reading>, Unread> {
        self.inner.open(wanted).await
    }

    async fn present(&self, keys: Vec<Key>) -> Vec<Presence> {
        self.inner.present(keys).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_goes_away_during_a_scan_is_held_and_nothing_is_gone() {
    let world = World::new();
    world.is_well(&["a", "b"]).await;
    let services = world.services().await;
    let mut job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
    let inner = DirectorySource::new("ugc", world.root());
    job.sources = vec![(Arc::new(Leaving { inner, away: world.away() }), Duration::from_hours(6))];
    let ended = tokio::time::timeout(DEADLINE, Arc::new(job).run(Stop::new())).await;
    assert_eq!(ended.expect("it ends, since the source is held").unwrap().held, ["ugc"]);
    world.is_held("cannot be opened: No such file or directory").await;
    fs::rename(world.away(), world.root()).unwrap();
    world.is_well(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watch_limit_is_a_finding_as_long_as_it_holds() {
    let world = World::new();
    for folder in ["d", "e"] {
        fs::create_dir(world.root().join(folder)).unwrap();
    }
    let services = world.services().await;
    let mut job = services.job(Kinds::all(), false, Arc::new(NoSink)).await.unwrap();
    let source = DirectorySource::new("ugc", world.root()).with_watches(1);
    job.sources = vec![(Arc::new(source), Duration::from_secs(1))];
    let stop = Stop::new();
    let running = firn::base::task::spawn(Arc::new(job).run(stop.clone()));
    let store = &services.store;
    let limited = || async {
        let notices = store.notices().await.unwrap();
        notices.iter().any(|n| n.rule == "source.watch-limit" && n.value.starts_with("only 1 folders are watched"))
    };
    in_time(DEADLINE, "a finding about the watch limit", || async { limited().await.then_some(()) }).await;
    // What no watch reports is found by the scans that follow, which know nothing of the limit.
    for name in ["d/f", "e/g"] {
        fs::write(world.root().join(name), name).unwrap();
        in_time(DEADLINE, "a scan finds it", || async {
            let source = store.source("ugc".to_owned(), "directory").await.unwrap();
            let newest = store.newest_file().await.unwrap();
            let files = store.current_files(source.id, FileId(0), newest, 100).await.unwrap();
            files.iter().any(|(_, key)| key.as_bytes() == name.as_bytes()).then_some(())
        })
        .await;
    }
    assert!(limited().await, "the finding holds as long as the limit does");
    stop.stop();
    tokio::time::timeout(DEADLINE, running).await.expect("it ends when told").unwrap().unwrap();
}
