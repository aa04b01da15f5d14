//! Scanning and watching one source, as its duty's holder: what is new is queued, what is gone is marked, what is wrong
//! is a finding.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::pipe::{BackupError, Pipe};
use super::root;
use crate::base::clock::Mono;
use crate::base::file::FoundFile;
use crate::base::ids::{FileId, Generation, Key, Lane, SourceId};
use crate::base::units::Count;
use crate::base::{Finding, Severity, Stop, Time};
use crate::source::{NotAFile, Presence, Report, Root, Source};
use crate::store::{DutyRow, SourceRow};

/// How often a duty that somebody else holds is asked for, and a root looked at.
const AGAIN: Duration = Duration::from_secs(5);
/// Reports in flight between a walk and the state.
const REPORTS: usize = 8;
/// Files in one page of the search for what is gone.
const PAGE: u32 = 1000;

/// Where a source's scanner stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanning {
    /// Another worker looks after this source.
    Elsewhere,
    /// It is being scanned.
    Now,
    /// It has been scanned through, and is watched.
    Through,
    /// Its root is not what it was: the finding says how.
    Held(String),
}

/// The duty of looking after a source.
pub fn duty_of(source: &str) -> String {
    format!("scan:{source}")
}

/// Looks after one source until the pipeline stops.
pub async fn run(
    pipe: Arc<Pipe>,
    source: Arc<dyn Source>,
    rescan: Duration,
    standing: watch::Sender<Scanning>,
) -> Result<(), BackupError> {
    let duty_name = duty_of(source.name());
    let mut was_held = false;
    let started = pipe.store.now().await?;
    while !pipe.stop.is_stopped() {
        let row = pipe.store.source(source.name().to_owned(), source.kind()).await?;
        let Some(duty) = pipe.store.duty_take(duty_name.clone(), pipe.session).await? else {
            let looked_after = looked_after(&pipe, &row, &duty_name, started).await?;
            standing.send_replace(if looked_after { Scanning::Elsewhere } else { Scanning::Now });
            rest(&pipe, AGAIN).await;
            continue;
        };
        let now = pipe.store.now().await?;
        match root::judge(&row, &source.place(), &source.root().await, now) {
            Err(finding) => {
                was_held = true;
                pipe.hold_source(row.id);
                tracing::error!(source = source.name(), finding = %finding, "the source is held");
                standing.send_replace(Scanning::Held(finding.value.clone()));
                pipe.store.notice_round(scope(&*source), vec![*finding]).await?;
                rest(&pipe, AGAIN).await;
            }
            Ok(root) => {
                if row.device.is_none() {
                    pipe.store.source_rooted(row.id, root.device).await?;
                }
                if std::mem::take(&mut was_held) {
                    // What could not be read while the disk was away is tried at once.
                    pipe.store.retry_failed(None).await?;
                    pipe.queued.notify_waiters();
                }
                standing.send_replace(Scanning::Now);
                pipe.release_source(row.id);
                Round::new(&pipe, &source, rescan, row, root, &duty, &standing).run().await?;
            }
        }
    }
    pipe.store.duty_release(duty_name, pipe.session).await?;
    Ok(())
}

/// Whether the holder of a source's duty has seen everything that was there at `started`: it has scanned it through
/// since, or it scanned it before and lives, so that its watch has gone on. A dead one's duty tells nothing.
async fn looked_after(pipe: &Pipe, row: &SourceRow, duty: &str, started: Time) -> Result<bool, BackupError> {
    let Some(scanned) = row.scanned else { return Ok(false) };
    if scanned >= started {
        return Ok(true);
    }
    let holder = pipe.store.duty(duty.to_owned()).await?.and_then(|duty| duty.owner);
    let sessions = pipe.store.sessions().await?;
    Ok(sessions.iter().any(|session| Some(session.id) == holder && session.last_seen > started))
}

fn scope(source: &dyn Source) -> String {
    format!("source:{}", source.name())
}

async fn rest(pipe: &Pipe, span: Duration) {
    tokio::select! {
        biased;
        () = pipe.stop.stopped() => {}
        () = pipe.clock.sleep(span) => {}
    }
}

/// File numbers that a scan has seen, a bit each: 100 million files are 12.5 MB.
#[derive(Debug, Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn insert(&mut self, file: FileId) {
        let Ok(n) = usize::try_from(file.0) else { return };
        if self.0.len() <= n / 64 {
            self.0.resize(n / 64 + 1, 0);
        }
        self.0[n / 64] |= 1 << (n % 64);
    }

    fn contains(&self, file: FileId) -> bool {
        usize::try_from(file.0).ok().and_then(|n| Some(self.0.get(n / 64)? >> (n % 64) & 1 == 1)).unwrap_or(false)
    }
}

/// What is wrong with parts of a source: per reason how many, and the first.
#[derive(Debug, Default)]
struct Troubles {
    by_reason: BTreeMap<&'static str, (u64, String)>,
    skipped: BTreeMap<NotAFile, Key>,
}

/// Folders watched and what hinders the rest, when not all can be.
type WatchLimit = Option<(u64, String)>;

impl Troubles {
    fn findings(&self, watch_limit: &WatchLimit, source: &str, since: Time) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (reason, (count, first)) in &self.by_reason {
            let next = match *reason {
                "permission" => "give firn's user the right to read it",
                "open-files" => "raise the limit of open files (ulimit -n)",
                "too-deep" | "too-long" => "make what lies there a source of its own, or move it up",
                _ => "look at the disk",
            };
            findings.push(
                Finding::new("source.unreadable", format!("{source} ({reason})"), Severity::Warning, since)
                    .value(format!("{} not backed up; the first: {first}", Count(*count)))
                    .limit("every file and folder of the source can be read")
                    .next(next),
            );
        }
        if let Some((watched, detail)) = watch_limit {
            findings.push(
                Finding::new("source.watch-limit", source, Severity::Warning, since)
                    .value(format!("only {} folders are watched: {detail}", Count(*watched)))
                    .limit("every folder; what changes in the others is found by the next scan only")
                    .next("raise fs.inotify.max_user_watches (sysctl), or scan more often ([[source]] rescan)"),
            );
        }
        findings
    }

    fn skipped(&self) -> String {
        let words = self.skipped.iter().map(|(kind, first)| format!("{} (first: {first})", kind.word()));
        let text = words.collect::<Vec<_>>().join(", ");
        if text.is_empty() { text } else { format!("; left out, being no regular files: {text}") }
    }
}

/// One scan, and the watch after it.
struct Round<'a> {
    pipe: &'a Arc<Pipe>,
    source: &'a Arc<dyn Source>,
    rescan: Duration,
    row: SourceRow,
    root: Root,
    duty: Generation,
    standing: &'a watch::Sender<Scanning>,
    first: bool,
    /// As long as the watch lasts, whichever scan or event told of it.
    watch_limit: WatchLimit,
    /// What the last scan that went through found wrong.
    troubles: Troubles,
    /// The watch has missed something: when the scan is through, everything begins anew.
    missed: bool,
}

/// A scan under way.
struct Scan {
    reports: mpsc::Receiver<Report>,
    started: Time,
    up_to: FileId,
    seen: Seen,
    files: u64,
    troubles: Troubles,
}

impl<'a> Round<'a> {
    fn new(
        pipe: &'a Arc<Pipe>,
        source: &'a Arc<dyn Source>,
        rescan: Duration,
        row: SourceRow,
        root: Root,
        duty: &DutyRow,
        standing: &'a watch::Sender<Scanning>,
    ) -> Self {
        let first = row.scanned.is_none();
        Self {
            pipe,
            source,
            rescan,
            row,
            root,
            duty: duty.generation,
            standing,
            first,
            watch_limit: None,
            troubles: Troubles::default(),
            missed: false,
        }
    }

    async fn run(mut self) -> Result<(), BackupError> {
        let pipe = self.pipe;
        let stop = Stop::new();
        let (live_out, mut live) = mpsc::channel(REPORTS);
        let mut scan = Some(self.start(&stop, Some(live_out)).await?);
        let mut next_scan: Option<Mono> = None;
        let mut next_look = pipe.clock.mono().plus(AGAIN);
        let mut scan_first = true;
        let result = loop {
            let due = next_scan.map(|at| at.since(pipe.clock.mono()));
            let look = next_look.since(pipe.clock.mono());
            tokio::select! {
                // None starves another: the timers come seldom, and scan and watch take turns.
                biased;
                () = pipe.stop.stopped() => break Ok(()),
                () = pipe.clock.sleep(look) => {
                    next_look = pipe.clock.mono().plus(AGAIN);
                    match self.still_there().await {
                        Ok(true) => {
                            // Somebody did not find it a moment ago; it is back.
                            if pipe.release_source(self.row.id)
                                && let Err(e) = pipe.store.retry_failed(None).await
                            {
                                break Err(e.into());
                            }
                        }
                        Ok(false) => break Ok(()),
                        Err(e) => break Err(e),
                    }
                }
                () = pipe.clock.sleep(due.unwrap_or(Duration::MAX)), if due.is_some() => {
                    // The watch goes on while everything is looked at once more.
                    match self.still_there().await {
                        Ok(true) => {}
                        Ok(false) => break Ok(()),
                        Err(e) => break Err(e),
                    }
                    next_scan = None;
                    scan = match self.start(&stop, None).await {
                        Ok(scan) => Some(scan),
                        Err(e) => break Err(e),
                    };
                }
                heard = hear(&mut scan, &mut live, &mut scan_first) => match heard {
                    Heard::Scan(report) => match report {
                    Some(Report::Done) => {
                        let Some(done) = scan.take() else { continue };
                        match self.through(done).await {
                            // A scan that is begun anew with each overflow would never end: this one came first.
                            Ok(true) if self.missed => break Ok(()),
                            Ok(true) => {}
                            // Its root went away: the next look says how.
                            Ok(false) => break Ok(()),
                            Err(e) => break Err(e),
                        }
                        next_scan = Some(pipe.clock.mono().plus(self.rescan));
                    }
                    Some(report) => {
                        if let Some(scan) = &mut scan
                            && let Err(e) = self.take(scan, report).await
                        {
                            break Err(e);
                        }
                    }
                    // The walk ended without a word: its root went away. Look again from the start.
                    None => break Ok(()),
                },
                    Heard::Live(report) => match report {
                    Some(Report::Files(files)) => {
                        if let Err(e) = self.enter(Lane::Live, files).await {
                            break Err(e);
                        }
                    }
                    Some(Report::Missed(detail)) => {
                        if !std::mem::replace(&mut self.missed, true) {
                            let name = self.source.name();
                            tracing::warn!(source = name, detail, "the watch has missed something; everything is scanned again");
                        }
                        if scan.is_none() {
                            break Ok(());
                        }
                    }
                    Some(Report::WatchLimit { watched, detail }) => {
                        self.watch_limit = Some((watched, detail));
                        if scan.is_none()
                            && let Err(e) = self.tell().await
                        {
                            break Err(e);
                        }
                    }
                    Some(_) => {}
                    None => break Ok(()),
                },
                },
            }
        };
        stop.stop();
        result
    }

    /// Whether the root is still what it was and the duty still ours.
    async fn still_there(&mut self) -> Result<bool, BackupError> {
        self.row = self.pipe.store.source(self.source.name().to_owned(), self.source.kind()).await?;
        let now = self.pipe.store.now().await?;
        let ours = self.pipe.store.duty_take(duty_of(self.source.name()), self.pipe.session).await?.is_some();
        let root = root::judge(&self.row, &self.source.place(), &self.source.root().await, now);
        // Another folder in its place is not what the watch looks at.
        Ok(ours && root.is_ok_and(|root| (root.device, root.inode) == (self.root.device, self.root.inode)))
    }

    async fn start(&self, stop: &Stop, live: Option<mpsc::Sender<Report>>) -> Result<Scan, BackupError> {
        let started = self.pipe.store.now().await?;
        let up_to = self.pipe.store.newest_file().await?;
        let (out, reports) = mpsc::channel(REPORTS);
        let (source, stop, pipe) = (Arc::clone(self.source), stop.clone(), Arc::clone(self.pipe));
        self.pipe.spawn(async move {
            let scanning = source.scan(out, live, stop.clone());
            tokio::select! {
                biased;
                // Its threads see that nobody listens any more.
                () = pipe.stop.stopped() => stop.stop(),
                scanned = scanning => if let Err(e) = scanned {
                    // The root went away between two looks; the next one says how.
                    tracing::warn!(error = %e, "a scan ended early");
                },
            }
            Ok(())
        });
        Ok(Scan { reports, started, up_to, seen: Seen::default(), files: 0, troubles: Troubles::default() })
    }

    async fn take(&mut self, scan: &mut Scan, report: Report) -> Result<(), BackupError> {
        match report {
            Report::Files(files) => {
                scan.files += files.len() as u64;
                let lane = if self.first { Lane::History } else { Lane::Live };
                if self.first {
                    return self.enter(lane, files).await;
                }
                let asked = files.iter().map(|file| (file.key.clone(), file.version.clone())).collect();
                let known = self.pipe.store.known(self.row.id, asked).await?;
                let mut new = Vec::new();
                for (file, known) in files.into_iter().zip(known) {
                    match known {
                        Some(id) => scan.seen.insert(id),
                        None => new.push(file),
                    }
                }
                self.enter(lane, new).await
            }
            Report::Trouble(trouble) => {
                let entry = scan.troubles.by_reason.entry(trouble.reason).or_insert_with(|| (0, trouble.detail));
                entry.0 += 1;
                Ok(())
            }
            Report::Skipped(kind, first) => {
                scan.troubles.skipped.entry(kind).or_insert(first);
                Ok(())
            }
            Report::WatchLimit { watched, detail } => {
                self.watch_limit = Some((watched, detail));
                Ok(())
            }
            Report::Missed(_) | Report::Done => Ok(()),
        }
    }

    async fn enter(&self, lane: Lane, files: Vec<FoundFile>) -> Result<(), BackupError> {
        if files.is_empty() {
            return Ok(());
        }
        let outcome = self.pipe.store.found(self.pipe.session, self.row.id, lane, files).await?;
        if outcome.queued > 0 {
            self.pipe.counters.add("backup.found_files", outcome.queued);
            self.pipe.counters.add("backup.found_bytes", outcome.bytes);
            self.pipe.queued.notify_waiters();
        }
        Ok(())
    }

    /// A scan went through to its end. Whether the root was there until then.
    async fn through(&mut self, scan: Scan) -> Result<bool, BackupError> {
        let pipe = self.pipe;
        let name = self.source.name();
        // A disk that was unmounted meanwhile: nothing this scan did not see is gone.
        if !self.still_there().await? {
            return Ok(false);
        }
        let gone = if self.first { 0 } else { self.mark_gone(&scan).await? };
        pipe.store.source_scanned(self.row.id, pipe.session, scan.started, scan.files).await?;
        let skipped = scan.troubles.skipped();
        self.troubles = scan.troubles;
        self.tell().await?;
        let result = format!("{} files, {gone} gone since the scan before{skipped}", Count(scan.files));
        tracing::info!(source = name, result, "scanned");
        let next = pipe.store.now().await?.plus(self.rescan);
        pipe.store.duty_done(duty_of(name), pipe.session, self.duty, next, result).await?;
        self.first = false;
        self.standing.send_replace(Scanning::Through);
        Ok(true)
    }

    /// The whole set of findings about this source that holds now.
    async fn tell(&self) -> Result<(), BackupError> {
        let now = self.pipe.store.now().await?;
        let findings = self.troubles.findings(&self.watch_limit, self.source.name(), now);
        self.pipe.store.notice_round(scope(&**self.source), findings).await?;
        Ok(())
    }

    /// Files that were there before the scan, that it did not see, and that are really not there.
    async fn mark_gone(&self, scan: &Scan) -> Result<u64, BackupError> {
        let store = &self.pipe.store;
        let source: SourceId = self.row.id;
        let (mut after, mut marked) = (FileId(0), 0);
        loop {
            let page = store.current_files(source, after, scan.up_to, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(marked) };
            after = *last;
            let unseen: Vec<(FileId, Key)> = page.into_iter().filter(|(id, _)| !scan.seen.contains(*id)).collect();
            if unseen.is_empty() {
                continue;
            }
            let present = self.source.present(unseen.iter().map(|(_, key)| key.clone()).collect()).await;
            let gone: Vec<FileId> = unseen
                .iter()
                .zip(present)
                .filter(|(_, presence)| *presence == Presence::Absent)
                .map(|((id, _), _)| *id)
                .collect();
            if !gone.is_empty() {
                marked += store.mark_gone(self.pipe.session, gone).await?;
            }
        }
    }
}

/// Who was heard.
enum Heard {
    Scan(Option<Report>),
    Live(Option<Report>),
}

/// The next report of the scan or of the watch: when both have one, they take turns.
async fn hear(scan: &mut Option<Scan>, live: &mut mpsc::Receiver<Report>, scan_first: &mut bool) -> Heard {
    let heard = if *scan_first {
        tokio::select! {
            biased;
            report = next_report(scan) => Heard::Scan(report),
            report = live.recv() => Heard::Live(report),
        }
    } else {
        tokio::select! {
            biased;
            report = live.recv() => Heard::Live(report),
            report = next_report(scan) => Heard::Scan(report),
        }
    };
    *scan_first = matches!(heard, Heard::Live(_));
    heard
}

async fn next_report(scan: &mut Option<Scan>) -> Option<Report> {
    match scan {
        Some(scan) => scan.reports.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_inserted_and_nothing_else_is_seen(files in prop::collection::hash_set(0i64..5000, 0..200), other in 0i64..6000) {
            let mut seen = Seen::default();
            for file in &files {
                seen.insert(FileId(*file));
            }
            prop_assert!(files.iter().all(|file| seen.contains(FileId(*file))));
            prop_assert_eq!(seen.contains(FileId(other)), files.contains(&other));
        }
    }

    #[test]
    fn trouble_is_told_once_per_reason_with_the_first_of_it() {
        let mut troubles = Troubles::default();
        troubles.by_reason.insert("permission", (12, "cannot open the folder private".to_owned()));
        let limit = Some((8192, "the system lets no more be watched".to_owned()));
        let findings = troubles.findings(&limit, "ugc", Time::default());
        let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told[0],
            "WARNING source.unreadable ugc (permission): 12 not backed up; the first: cannot open the folder private (should be: every file and folder of the source can be read); give firn's user the right to read it"
        );
        assert!(told[1].starts_with("WARNING source.watch-limit ugc: only 8,192 folders are watched"), "{}", told[1]);
    }
}
