use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::check::{Checked, Checker, Counts};
use super::verdict::{Line, LineVerdict, PAGE, Taken, judge, verdicts};
use super::{Names, parse_line};
use crate::base::Time;
use crate::base::clock::Clock;
use crate::base::file::FoundFile;
use crate::base::hash::{Check, Hash16, Hash32};
use crate::base::host::ProcessIdentity;
use crate::base::ids::{ArchiveUuid, FileId, Key, Lane, SourceId, Version};
use crate::base::time::FileTime;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    ArchiveState, ClosedBy, Confirmation, NewBundle, NewMember, NewSession, QueueState, Ready, SealedBundle, Standing,
    Store,
};

const NOW: Time = Time::from_secs(1_800_000_000);

fn archive() -> ArchiveUuid {
    ArchiveUuid(uuid::Uuid::from_u128(7))
}

fn names() -> Names {
    Names::of(["docs", "photos"])
}

fn ready(key: &str) -> Standing {
    let file = FileId(i64::try_from(key.len()).unwrap());
    Standing::Ready(Ready {
        file,
        source: SourceId(1),
        key: Key::new(key.as_bytes()),
        length: 12_345,
        gone_at: None,
        newer_waits: false,
        archive: archive(),
        from: (crate::base::ids::ArchiveId(1), 2048),
    })
}

/// Lines with what the catalog said to them, numbered from 1.
fn judged(lines: &[(&str, Option<Standing>)]) -> Vec<LineVerdict> {
    let parsed: Vec<Line> =
        (1..).zip(lines).map(|(number, (line, _))| (number, parse_line(line, &names()).unwrap())).collect();
    let standings = lines.iter().map(|(_, standing)| standing.clone()).collect();
    judge(parsed, standings, NOW, &mut Taken::default())
}

#[test]
fn every_standing_has_its_verdict() {
    let with = |change: fn(&mut Ready)| match ready("a") {
        Standing::Ready(mut ready) => {
            change(&mut ready);
            Some(Standing::Ready(ready))
        }
        other => Some(other),
    };
    let hour_ago = NOW.minus(Duration::from_hours(2));
    let waits = |state| Some(Standing::Waits { lane: Lane::Live, state, since: hour_ago, next_try: NOW });
    let near = |near: &str| Some(Standing::Unknown { near: Some(Key::new(near.as_bytes())) });
    let held = |state| Some(Standing::Held { archive: archive(), state });
    let uuid = archive();
    let cases: Vec<(String, Option<Standing>, bool, String)> = vec![
        ("docs:a /x".into(), Some(ready("a")), true, "ok  docs:a → file:/x  12.3 kB".into()),
        ("docs:a /x overwrite as-of 2026-11-22".into(), Some(ready("a")), true, "ok  docs:a → file:/x  12.3 kB · as of 2026-11-22T00:00:00Z · overwrites".into()),
        ("docs:a /x".into(), with(|ready| ready.gone_at = Some(Time::from_secs(0))), true, "ok  docs:a → file:/x  12.3 kB · its source deleted it at 1970-01-01T00:00:00Z".into()),
        ("docs:a /x".into(), with(|ready| ready.newer_waits = true), true, "ok  docs:a → file:/x  12.3 kB · a newer version is in no vault yet".into()),
        ("docs:a s3://bucket/a".into(), Some(ready("a")), true, "ok  docs:a → s3://bucket/a  12.3 kB · this version does not write to S3 yet: it is planned and priced only".into()),
        ("docs:a mogile:".into(), Some(ready("a")), true, "ok  docs:a → mogile:  12.3 kB · this version does not write to MogileFS yet: it is planned and priced only".into()),
        ("docs:a /x".into(), Some(Standing::Many), true, "ok  docs:a → file:/x/  many".into()),
        ("docs:a/ /x".into(), Some(Standing::Many), true, "ok  docs:a/ → file:/x/  many".into()),
        ("between:2026-11-01..2026-11-02 /x".into(), None, true, "ok  between:2026-11-01T00:00:00Z..2026-11-02T00:00:00Z → file:/x/  many".into()),
        ("docs:a mogile://d/k".into(), Some(Standing::Many), false, "it is a folder in the catalog: many files cannot go to one key; write mogile: (each under its own), or mogile://d/".into()),
        ("docs:../a /x/".into(), Some(ready("../a")), false, "it cannot go below a folder: its key goes up (\"..\"); name the very file it is to be, without \"/\" at the end".into()),
        ("docs:../a /x".into(), Some(ready("../a")), true, "ok  docs:../a → file:/x  12.3 kB".into()),
        ("docs:b.jgp /x".into(), near("b c.jpg"), false, "docs:b.jgp is not in the catalog; did you mean \"docs:b c.jpg\"?".into()),
        ("docs:rom/ /x".into(), near("rome/"), false, "docs:rom/ is not in the catalog; did you mean docs:rome/?".into()),
        ("docs: /x".into(), Some(Standing::Unknown { near: None }), false, "docs: is not in the catalog".into()),
        ("docs:a /x".into(), None, false, "nothing of the source \"docs\" is in the catalog; it has not been scanned yet".into()),
        ("fid:88123 /x".into(), None, false, "there is no MogileFS source: this version reads folders only; write NAME:PATH for a file of one of them".into()),
        ("mogile://avatar/a /x".into(), None, false, "there is no MogileFS source: this version reads folders only; write NAME:PATH for a file of one of them".into()),
        ("docs:a /x as-of 2026-11-22".into(), Some(Standing::Absent { first_seen: NOW }), false, "its source did not have it at 2026-11-22T00:00:00Z; it was first seen at 2027-01-15T08:00:00Z".into()),
        ("docs:a /x as-of 2027-11-22".into(), Some(ready("a")), false, "2027-11-22T00:00:00Z is yet to come; leave as-of out for the newest version".into()),
        ("docs:a /x".into(), waits(QueueState::Queued), false, "no vault holds it yet: it is queued in the live lane, since 2 h (2027-01-15T06:00:00Z)".into()),
        ("docs:a /x".into(), waits(QueueState::Failed), false, "no vault holds it yet: it is failed in the live lane, since 2 h (2027-01-15T06:00:00Z), and tried again at 2027-01-15T08:00:00Z".into()),
        ("docs:a /x".into(), held(ArchiveState::Unknown), false, format!("it is not safe: the vault's reply about its archive {uuid} was lost, and is asked for again")),
        ("docs:a /x".into(), held(ArchiveState::Damaged), false, format!("its archive {uuid} is damaged, and no other holds it; take another version with as-of, if there is one")),
        (format!("archive:{uuid} /x"), held(ArchiveState::Sealed), false, format!("its archive {uuid} is sealed; only what a vault holds can be restored")),
        ("docs:a /x".into(), Some(Standing::Lost { gone_at: NOW }), false, "no vault ever held it: its source deleted it at 2027-01-15T08:00:00Z".into()),
        ("docs:a /x".into(), Some(Standing::Nowhere), false, "no vault holds it, and it is not queued; the next scan of its source queues it, if it is still there".into()),
        (format!("archive:{uuid} /x"), Some(Standing::Unknown { near: None }), false, format!("no archive {uuid} is known to this state; `firn show` and the vault's inventory name archives in full")),
        ("version:9 /x".into(), Some(Standing::Unknown { near: None }), false, "no version 9 of a file is known to this state; `firn find` shows their numbers".into()),
        ("everything: /x".into(), Some(Standing::Unknown { near: None }), false, "the catalog is empty".into()),
        ("dosc:a /x".into(), None, false, "column 1: there is no source \"dosc\"; did you mean \"docs\"?".into()),
    ];
    for (line, standing, usable, sentence) in cases {
        let found = judged(&[(&line, standing)]).remove(0);
        assert_eq!((found.usable(), found.short()), (usable, sentence), "of: {line}");
    }
}

#[test]
fn two_lines_do_not_write_to_one_place_and_may_read_one_file() {
    let found = judged(&[
        ("docs:x /srv/a", Some(Standing::Lost { gone_at: NOW })),
        ("docs:a /srv/a", Some(ready("a"))),
        ("docs:bb /srv//./a", Some(ready("bb"))),
        ("docs:a /srv/", Some(ready("a"))),
        ("docs:a /other", Some(ready("a"))),
        ("docs:a s3://bucket/x/", Some(ready("a"))),
        ("docs:bb s3://bucket/x/a", Some(ready("bb"))),
        ("docs:bb mogile:", Some(ready("bb"))),
        ("docs:bb mogile:", Some(ready("bb"))),
        ("docs:bb mogile://d/k", Some(ready("bb"))),
        ("docs:a mogile://d/k", Some(ready("a"))),
    ]);
    let shorts: Vec<String> = found.iter().skip(1).map(LineVerdict::short).collect();
    let undelivered = |what: &str| format!("this version does not write to {what} yet: it is planned and priced only");
    assert_eq!(
        shorts,
        [
            // A line that restores nothing takes no place.
            "ok  docs:a → file:/srv/a  12.3 kB".to_owned(),
            "line 2 already restores to file:/srv/a".to_owned(),
            "line 2 already restores to file:/srv/a".to_owned(),
            "ok  docs:a → file:/other  12.3 kB · line 2 restores it, too".to_owned(),
            format!("ok  docs:a → s3://bucket/x/  12.3 kB · line 2 restores it, too · {}", undelivered("S3")),
            "line 6 already restores to s3://bucket/x/a".to_owned(),
            format!("ok  docs:bb → mogile:  12.3 kB · {}", undelivered("MogileFS")),
            "line 8 already restores to mogile:bb".to_owned(),
            format!("ok  docs:bb → mogile://d/k  12.3 kB · line 8 restores it, too · {}", undelivered("MogileFS")),
            "line 10 already restores to mogile://d/k".to_owned(),
        ]
    );
}

/// A state with some files of `docs`: `stored/N` in a vault, `queued/N` on their way.
async fn state(dir: &std::path::Path, files: usize) -> Arc<dyn Store> {
    let (clock, _) = Clock::manual(NOW);
    let store = SqliteStore::open(&dir.join("firn.db"), clock, true).unwrap();
    let source = store.source("docs".to_owned(), "directory").await.unwrap().id;
    let process = ProcessIdentity {
        host: "alpha".to_owned(),
        machine_id: String::new(),
        boot_id: String::new(),
        pid_namespace: String::new(),
        pid: 1,
        pid_start: 1,
    };
    let lease = Duration::from_mins(1);
    let session = store.session_start(NewSession { process, kinds: String::new(), lease }).await.unwrap().id;
    let found = |folder: &'static str| {
        let file = move |n: usize| FoundFile {
            key: Key::new(format!("{folder}/{n}").into_bytes()),
            version: Version::new(*b"1"),
            length: 10,
            mode: 0o644,
            mtime: FileTime { secs: 1, nanos: 0 },
            domain: None,
            class: None,
            source_checksum: None,
        };
        (0..files).map(file).collect::<Vec<_>>()
    };
    store.found(session, source, Lane::Live, found("stored")).await.unwrap();
    let claimed = store.claim(session, Lane::Live, u32::MAX).await.unwrap();
    let new = NewBundle {
        uuid: archive(),
        vault: "cold".to_owned(),
        lane: Lane::Live,
        host: "alpha".to_owned(),
        staged: Some(crate::store::StagedFile { dir: "/staging".into(), name: "1.tar".to_owned() }),
        direct: None,
    };
    let bundle = store.bundle_open(session, new).await.unwrap();
    let members = (0u64..).zip(&claimed).map(|(n, file)| NewMember {
        file: file.file,
        generation: file.generation,
        header_offset: n * 4096,
        data_offset: n * 4096 + 2048,
        length: 10,
        sha256: Hash32([1; 32]),
        md5: None,
    });
    let check = Check::Xxh3(Hash16([3; 16]));
    let sealed = SealedBundle {
        closed_by: ClosedBy::Age,
        size: 1 << 30,
        manifest_offset: 1 << 29,
        tree_hash: Hash32([2; 32]),
        sha256: None,
        check,
        members: members.collect(),
    };
    store.bundle_seal(session, bundle, sealed).await.unwrap();
    let upload = store.upload_claim(session, Lane::Live, "alpha".to_owned()).await.unwrap().unwrap();
    let confirmed = Confirmation { remote_id: b"1".to_vec(), check, size: 1 << 30 };
    store.upload_stored(session, upload.bundle, confirmed).await.unwrap();
    store.found(session, source, Lane::Live, found("queued")).await.unwrap();
    Arc::new(store)
}

async fn received(mut from: mpsc::Receiver<Checked>) -> Vec<Checked> {
    let mut pages = Vec::new();
    while let Some(page) = from.recv().await {
        pages.push(page);
    }
    pages
}

#[tokio::test]
async fn a_text_is_checked_page_by_page_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = state(dir.path(), 1500).await;
    let names = Names::known(&*store, ["photos"]).await.unwrap();
    // Two lines a file, the second of them wrong in its own way; a comment now and then.
    let mut text = String::from("\u{feff}# lost files\r\n");
    for n in 0..1500 {
        let second = match n % 3 {
            0 => format!("docs:queued/{n} /y/{n}"),
            1 => format!("docs:stored/{n} /x/{n}"),
            _ => format!("dosc:{n}"),
        };
        write!(text, "docs:stored/{n} /x/{n}\r\n{second}\n").unwrap();
    }
    let checker = Checker::new(Arc::clone(&store), names.clone());
    let (to, from) = mpsc::channel(2);
    let (done, pages) = tokio::join!(checker.check(text.as_str().into(), 5, NOW, to), received(from));
    assert!(done.unwrap());
    assert_eq!(pages.len(), 4, "3,001 lines and the end of the last");
    let places: Vec<_> = pages.iter().map(|page| (page.revision, page.page, page.last)).collect();
    assert_eq!(places, [(5, 0, false), (5, 1, false), (5, 2, false), (5, 3, true)]);
    assert_eq!(pages[3].counts, Counts { usable: 1500, wrong: 1500, first_wrong: Some(3) });
    let all: Vec<&LineVerdict> = pages.iter().flat_map(|page| &page.verdicts).collect();
    assert!(pages.iter().all(|page| page.verdicts.iter().all(|line| (line.line - 1) / PAGE == page.page)));
    let told = |line: usize| all.iter().find(|verdict| verdict.line == line).map(|verdict| verdict.short());
    assert_eq!(told(1), None, "a comment");
    assert_eq!(told(2).unwrap(), "ok  docs:stored/0 → file:/x/0  10 B");
    assert_eq!(
        told(3).unwrap(),
        "no vault holds it yet: it is queued in the live lane, since 0 s (2027-01-15T08:00:00Z)"
    );
    assert_eq!(told(5).unwrap(), "line 4 already restores to file:/x/1");
    assert_eq!(told(3001).unwrap(), "column 1: there is no source \"dosc\"; did you mean \"docs\"?");
    // One page at a time says the same.
    let (mut taken, mut one_by_one) = (Taken::default(), Vec::new());
    let parsed: Vec<Line> =
        super::lines(text.as_bytes(), &names).filter_map(|(number, line)| Some((number, line?))).collect();
    for page in parsed.chunks(PAGE) {
        one_by_one.extend(verdicts(&*store, &names, page.to_vec(), NOW, &mut taken).await.unwrap());
    }
    assert!(one_by_one.iter().eq(all), "the same verdicts, however they are paged");
}

#[tokio::test]
async fn an_older_revision_ends_when_a_newer_one_begins() {
    let dir = tempfile::tempdir().unwrap();
    let store = state(dir.path(), 10).await;
    let names = Names::known(&*store, []).await.unwrap();
    let checker = Checker::new(store, names);
    let text: Arc<str> = "docs:stored/1 /x\n".repeat(5 * PAGE).into();
    let (to, mut from) = mpsc::channel::<Checked>(1);
    let newer = async {
        // The older one stands where its first page was taken and nobody takes the next.
        assert_eq!(from.recv().await.unwrap().revision, 1);
        let (to, newest) = mpsc::channel(1);
        let (done, pages) = tokio::join!(checker.check("docs:stored/2 /x".into(), 2, NOW, to), received(newest));
        assert_eq!((done.unwrap(), pages.len(), pages[0].revision), (true, 1, 2));
        received(from).await.len()
    };
    let (older, left) = tokio::join!(checker.check(Arc::clone(&text), 1, NOW, to), newer);
    assert!(!older.unwrap());
    assert!(left <= 2, "{left} pages of the older revision came after the newer one");
    let (to, from) = mpsc::channel(1);
    drop(from);
    assert!(!checker.check(text, 3, NOW, to).await.unwrap(), "nobody receives");
}

#[tokio::test]
async fn a_source_that_is_configured_and_not_scanned_is_told_from_one_that_there_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = state(dir.path(), 1).await;
    let names = Names::known(&*store, ["photos"]).await.unwrap();
    let parsed: Vec<Line> = super::lines(b"photos:a /x\ndocs:stored/0 /x\nphoto:a /x", &names)
        .filter_map(|(number, line)| Some((number, line?)))
        .collect();
    let found = verdicts(&*store, &names, parsed, NOW, &mut Taken::default()).await.unwrap();
    let shorts: Vec<String> = found.iter().map(LineVerdict::short).collect();
    assert_eq!(
        shorts,
        [
            "nothing of the source \"photos\" is in the catalog; it has not been scanned yet",
            "ok  docs:stored/0 → file:/x  10 B",
            "column 1: there is no source \"photo\"; did you mean \"photos\"?"
        ]
    );
}
