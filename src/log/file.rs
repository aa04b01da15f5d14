//! Log files: one a day, a week of them, readable by their owner alone. Written by a thread of their own, so that a slow
//! disk holds nobody up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use tracing::Level;

use super::ring::{Ring, fit};
use crate::base::{Clock, Shown, Time};

/// Days of log files kept, the current one included.
pub const KEPT_DAYS: usize = 7;

/// Lines on their way to the disk. Beyond them lines are lost, and counted.
const WAITING: usize = 4096;

/// How long the end of the process may wait for the last lines.
const LAST: Duration = Duration::from_secs(1);

/// `firn-2026-11-22.log`, by UTC.
const PREFIX: &str = "firn-";
const SUFFIX: &str = ".log";

/// Why there is no log file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("the folder {path} cannot be made: {error}")]
    Folder { path: Shown<'static>, error: io::Error },
    #[error("{path} cannot be opened: {error}")]
    Open { path: Shown<'static>, error: io::Error },
    #[error("its thread cannot be started: {0}")]
    Thread(io::Error),
}

enum Message {
    Line(Time, Level, String),
    Close(SyncSender<()>),
}

/// Takes lines.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    lines: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Sender {
    /// Passes a line on; never waits.
    pub(super) fn send(&self, at: Time, level: Level, text: &str) {
        if self.lines.try_send(Message::Line(at, level, fit(text))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    sender: Sender,
}

impl Writer {
    /// Opens today's file and starts the thread. Trouble later is told in the ring.
    pub(super) fn start(folder: &Path, ring: Ring, clock: Clock) -> Result<Self, FileError> {
        let files = Files::open(folder, clock.now())?;
        let (lines, queue) = mpsc::sync_channel(WAITING);
        let sender = Sender { lines, lost: Arc::default() };
        let writing = Writing { files, ring, clock, lost: Arc::clone(&sender.lost), told_lost: 0, failing: false };
        thread::Builder::new()
            .name("log file".to_owned())
            .spawn(move || writing.run(&queue))
            .map_err(FileError::Thread)?;
        Ok(Self { sender })
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    pub(super) fn lost(&self) -> u64 {
        self.sender.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let (done, wait) = mpsc::sync_channel(1);
        // A full queue belongs to a disk that hangs: then the end does not wait for it.
        if self.sender.lines.try_send(Message::Close(done)).is_ok() {
            let _ = wait.recv_timeout(LAST);
        }
    }
}

struct Writing {
    files: Files,
    ring: Ring,
    clock: Clock,
    lost: Arc<AtomicU64>,
    told_lost: u64,
    failing: bool,
}

impl Writing {
    fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(message) = queue.recv() {
            match message {
                Message::Line(at, level, text) => self.line(at, level, &text),
                Message::Close(done) => {
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    fn line(&mut self, at: Time, level: Level, text: &str) {
        let mut line = format!("{at} {level:>5} {text}\n");
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > self.told_lost {
            let missing = lost - self.told_lost;
            line = format!("{at} {:>5} {missing} lines are missing here: the disk was too slow\n{line}", Level::WARN);
        }
        match self.files.write(at, &line) {
            Ok(()) => (self.failing, self.told_lost) = (false, lost),
            // Once until it works again: the ring has better to show.
            Err(e) if !self.failing => {
                self.failing = true;
                let text = format!("the log file is not written: {e}");
                self.ring.push(self.clock.now(), Level::WARN, &text);
            }
            Err(_) => {}
        }
    }
}

/// The folder, and the file of the current day.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    day: String,
    file: File,
}

impl Files {
    fn open(folder: &Path, now: Time) -> Result<Self, FileError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| FileError::Folder { path: Shown::path(folder).into_owned(), error })?;
        let day = day_of(now);
        let file = open(folder, &day)?;
        let files = Self { folder: folder.to_owned(), day, file };
        files.prune();
        Ok(files)
    }

    fn write(&mut self, at: Time, line: &str) -> Result<(), FileError> {
        let day = day_of(at);
        // A clock that is set back goes on in the newer file.
        if day > self.day {
            self.file = open(&self.folder, &day)?;
            self.day = day;
            self.prune();
        }
        self.file.write_all(line.as_bytes()).map_err(|error| FileError::Open {
            path: Shown::path(&self.folder.join(name(&self.day))).into_owned(),
            error,
        })
    }

    /// Removes all but the newest [`KEPT_DAYS`] files. What has another name is not ours.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut days: Vec<String> =
            entries.flatten().filter_map(|entry| day_in(entry.file_name().to_str()?).map(str::to_owned)).collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        for day in days.iter().skip(KEPT_DAYS) {
            // One that cannot be removed is tried again tomorrow.
            let _ = fs::remove_file(self.folder.join(name(day)));
        }
    }
}

fn name(day: &str) -> String {
    format!("{PREFIX}{day}{SUFFIX}")
}

/// The day in a file's name, if it is one of ours.
fn day_in(name: &str) -> Option<&str> {
    let day = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let shape = |(at, b): (usize, u8)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() };
    (day.len() == 10 && day.bytes().enumerate().all(shape)).then_some(day)
}

/// `2026-11-22`, by UTC.
fn day_of(at: Time) -> String {
    at.to_string().chars().take(10).collect()
}

fn open(folder: &Path, day: &str) -> Result<File, FileError> {
    let path = folder.join(name(day));
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).and_then(|file| {
        // One from before may have been opened to others.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        Ok(file)
    });
    opened.map_err(|error| FileError::Open { path: Shown::path(&path).into_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_found_no_room_are_counted_and_missed_in_the_file() {
        let home = tempfile::tempdir().unwrap();
        let noon = Time::from_secs(1_795_348_800);
        let (clock, _hand) = Clock::manual(noon);
        let (lines, queue) = mpsc::sync_channel(1);
        let sender = Sender { lines, lost: Arc::default() };
        for text in ["first", "second", "third"] {
            sender.send(noon, Level::INFO, text);
        }
        let writer = Writer { sender: sender.clone() };
        assert_eq!(writer.lost(), 2);
        let files = Files::open(home.path(), noon).unwrap();
        let lost = Arc::clone(&sender.lost);
        let writing = Writing { files, ring: Ring::new(), clock, lost, told_lost: 0, failing: false };
        let written = thread::spawn(move || writing.run(&queue));
        // The queue takes two more as it empties.
        for text in ["fourth", "fifth"] {
            sender.lines.send(Message::Line(noon, Level::INFO, text.to_owned())).unwrap();
        }
        drop((sender, writer));
        written.join().unwrap();
        let text = fs::read_to_string(home.path().join("firn-2026-11-22.log")).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| line.split_once("Z ").unwrap().1.trim_start()).collect();
        assert_eq!(
            lines,
            ["WARN 2 lines are missing here: the disk was too slow", "INFO first", "INFO fourth", "INFO fifth"]
        );
    }
}
