//! What is reported of changes, and how soon.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use firn::base::Stop;
use firn::base::file::FoundFile;
use firn::source::{Report, Source as _, Unread};
use rustix::fs::inotify::{self, CreateFlags};
use tokio::sync::mpsc;

use super::kit::{DEADLINE, Scanned, Tree, Watching, goes_on, read};
use super::support::alone::As;

/// What is written now is reported within this.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_file_written_now_is_reported_within_two_seconds() {
    let tree = Tree::new();
    tree.write("d/old", "old");
    let mut watching = Watching::start(&tree.source, 8).await;
    tree.check_neighbour(&watching.scanned).await;
    for (name, bytes) in [("new", "1"), ("d/new", "2"), ("d/old", "changed"), ("d/empty", "")] {
        let path = tree.write(name, bytes);
        let files = watching.until(&[name], SOON).await;
        let file = &files[name.as_bytes()];
        assert_eq!(read(&tree.source, file).await, Ok(fs::read(path).unwrap()), "{name}");
        assert_eq!(tree.found(name).await, *file, "{name}");
    }
    watching.end().await;
}

#[tokio::test]
async fn what_is_moved_linked_or_appended_is_reported() {
    let tree = Tree::new();
    tree.write("log", "first");
    tree.write("d/f", "moved within");
    fs::write(tree.outside("f"), "moved in").unwrap();
    fs::create_dir_all(tree.outside("album/2024")).unwrap();
    fs::write(tree.outside("album/2024/p"), "moved in with its folder").unwrap();
    let mut watching = Watching::start(&tree.source, 8).await;

    fs::rename(tree.outside("f"), tree.path("d/in")).unwrap();
    watching.until(&["d/in"], SOON).await;
    fs::rename(tree.path("d/f"), tree.path("within")).unwrap();
    watching.until(&["within"], SOON).await;
    fs::hard_link(tree.path("neighbour"), tree.path("d/link")).unwrap();
    watching.until(&["d/link"], SOON).await;
    let mut log = File::options().append(true).open(tree.path("log")).unwrap();
    log.write_all(b" second").unwrap();
    drop(log);
    let files = watching.until(&["log"], SOON).await;
    assert_eq!(files[b"log".as_slice()].length, 12);
    fs::rename(tree.outside("album"), tree.path("album")).unwrap();
    watching.until(&["album/2024/p"], SOON).await;
    // The folders that came are watched, too.
    tree.write("album/2024/q", "later");
    watching.until(&["album/2024/q"], SOON).await;
    // What is no regular file is not reported.
    symlink("neighbour", tree.path("link")).unwrap();
    tree.write("last", "");
    assert_eq!(watching.until(&["last"], SOON).await.len(), 1);
    watching.end().await;
}

#[tokio::test]
async fn a_file_that_gets_its_first_name_when_it_is_whole_is_found_by_the_next_scan() {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags};
    use std::os::fd::AsRawFd as _;
    let tree = Tree::new();
    let watching = Watching::start(&tree.source, 8).await;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(CWD, tree.source.path(), flags, Mode::RUSR) else {
        eprintln!("a_file_that_gets_its_first_name: not tested here: no file can be made without a name");
        return;
    };
    rustix::io::write(&file, b"whole").unwrap();
    let by_fd = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, by_fd, CWD, tree.path("named"), AtFlags::SYMLINK_FOLLOW).unwrap();
    drop(file);
    watching.end().await;
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(read(&tree.source, scanned.file("named")).await, Ok(b"whole".to_vec()));
}

#[tokio::test]
async fn new_folders_are_watched_however_fast_they_are_filled() {
    let tree = Tree::new();
    let mut watching = Watching::start(&tree.source, 8).await;
    let mut keys = Vec::new();
    for n in 0..40 {
        let key = format!("a{n}/b/c/d/f");
        tree.write(&key, "x");
        keys.push(key);
    }
    watching.until(&keys.iter().map(String::as_str).collect::<Vec<_>>(), SOON * 2).await;
    watching.end().await;
}

#[tokio::test]
async fn a_folder_moved_within_is_watched_under_its_new_name_only() {
    let tree = Tree::new();
    tree.write("old/sub/f", "f");
    let mut watching = Watching::start(&tree.source, 8).await;
    fs::rename(tree.path("old"), tree.path("new")).unwrap();
    watching.until(&["new/sub/f"], SOON).await;
    tree.write("new/sub/g", "g");
    let files = watching.until(&["new/sub/g"], SOON).await;
    let below_old = |files: &[FoundFile]| files.iter().any(|file| file.key.as_bytes().starts_with(b"old"));
    assert!(!below_old(&files.into_values().collect::<Vec<_>>()));
    for report in watching.end().await {
        assert!(!matches!(&report, Report::Files(files) if below_old(files)), "{report:?}");
    }
}

#[tokio::test]
async fn a_folder_moved_out_is_not_watched_any_more() {
    let tree = Tree::new();
    tree.write("album/2024/p", "p");
    let mut watching = Watching::start(&tree.source, 8).await;
    fs::rename(tree.path("album"), tree.outside("album")).unwrap();
    fs::write(tree.outside("album/2024/later"), "not ours").unwrap();
    // Another folder of that name is.
    tree.write("album/2024/ours", "ours");
    watching.until(&["album/2024/ours"], SOON).await;
    fs::write(tree.outside("album/2024/later"), "still not ours").unwrap();
    tree.write("last", "");
    let files = watching.until(&["last"], SOON).await;
    assert!(!files.contains_key(b"album/2024/later".as_slice()), "{files:?}");
    for report in watching.end().await {
        let Report::Files(files) = report else { panic!("{report:?}") };
        assert!(files.iter().all(|file| file.key.as_bytes() != b"album/2024/later"), "{files:?}");
    }
}

#[tokio::test]
async fn a_folder_deleted_and_made_again_is_watched() {
    let tree = Tree::new();
    tree.write("d/sub/f", "f");
    let mut watching = Watching::start(&tree.source, 8).await;
    for round in 0..20 {
        fs::remove_dir_all(tree.path("d")).unwrap();
        let key = format!("d/sub/{round}");
        tree.write(&key, "f");
        watching.until(&[&key], SOON).await;
    }
    tree.write("d/sub/last", "f");
    watching.until(&["d/sub/last"], SOON).await;
    watching.end().await;
}

#[tokio::test]
async fn none_of_a_burst_is_lost() {
    let tree = Tree::new();
    fs::create_dir(tree.path("d")).unwrap();
    let mut watching = Watching::start(&tree.source, 8).await;
    let keys: Vec<_> = (0..4000).map(|n| format!("d/{n}")).collect();
    for key in &keys {
        tree.write(key, "");
    }
    watching.until(&keys.iter().map(String::as_str).collect::<Vec<_>>(), Duration::from_secs(10)).await;
    watching.end().await;
}

#[tokio::test]
async fn the_watch_limit_is_told_and_a_scan_finds_what_the_watch_cannot() {
    let tree = Tree::with(|source| source.with_watches(3));
    for n in 0..10 {
        tree.write(&format!("d{n}/old"), "old");
    }
    let mut watching = Watching::start(&tree.source, 64).await;
    tree.check_neighbour(&watching.scanned).await;
    assert_eq!(watching.scanned.keys().len(), 10);
    assert_eq!(watching.scanned.watch_limit, Some((3, "firn watches at most 3 folders".to_owned())));
    let keys: Vec<_> = (0..10).map(|n| format!("d{n}/new")).collect();
    for key in &keys {
        tree.write(key, "new");
    }
    tree.write("last", "");
    let mut reported: BTreeSet<_> = watching.until(&["last"], SOON).await.into_keys().collect();
    for report in watching.end().await {
        if let Report::Files(files) = report {
            reported.extend(files.into_iter().map(|file| file.key.as_bytes().to_vec()));
        }
    }
    reported.remove(b"last".as_slice());
    // The root and two folders.
    assert_eq!(reported.len(), 2, "{reported:?}");
    let scanned = tree.scan_with_neighbour().await;
    assert!(keys.iter().all(|key| scanned.files.contains_key(key.as_bytes())));
}

#[tokio::test]
async fn more_changes_than_the_system_keeps_are_told_as_missed_and_a_scan_finds_them() {
    let kept: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    if kept > 100_000 {
        eprintln!("more_changes_than_the_system_keeps: not tested here: the system keeps {kept}");
        return;
    }
    let tree = Tree::new();
    // Nobody takes the reports, so that nobody takes the events either.
    let mut watching = Watching::start(&tree.source, 1).await;
    let paths = ["a", "b"].map(|name| tree.write(name, ""));
    // Two by turns, since equal ones that follow each other count as one. Some thousands are on their way already.
    for _ in 0..kept / 2 + 8000 {
        for path in &paths {
            drop(File::options().append(true).open(path).unwrap());
        }
    }
    tree.write("missed", "found by the next scan");
    let told = loop {
        match watching.next(DEADLINE).await.expect("it is told") {
            Report::Missed(detail) => break detail,
            Report::Files(files) => assert!(files.iter().all(|file| file.key.as_bytes() != b"missed"), "{files:?}"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told, "more changed at once than the system keeps (fs.inotify.max_queued_events)");
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["a", "b", "missed"]);
    // The watch itself goes on.
    tree.write("after", "");
    watching.until(&["after"], SOON).await;
    watching.end().await;
}

#[tokio::test]
async fn without_an_inotify_instance_scans_go_through_and_the_watch_does_not_end() {
    // A user of its own: the instances of one user are counted together.
    if !goes_on(As::User(54_321), "watching::without_an_inotify_instance_scans_go_through_and_the_watch_does_not_end") {
        return;
    }
    let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap().trim().parse().unwrap();
    if most > 2000 {
        eprintln!("without_an_inotify_instance: not tested here: the system gives {most} of them");
        return;
    }
    let taken: Vec<_> = std::iter::from_fn(|| inotify::init(CreateFlags::CLOEXEC).ok()).collect();
    assert!(taken.len() <= most);
    let tree = Tree::new();
    let mut watching = Watching::start(&tree.source, 8).await;
    tree.check_neighbour(&watching.scanned).await;
    let told = "the system gives no more inotify instances (fs.inotify.max_user_instances)".to_owned();
    assert_eq!(watching.scanned.watch_limit, Some((0, told)));
    // Were it to end, its owner would scan all over again, and again.
    assert!(watching.next(Duration::from_secs(1)).await.is_none());
    watching.end().await;
}

/// Files of each folder: more than the three reports (of 512 files) that can be on their way, so that the walk cannot have
/// come to the other folder.
const EACH: usize = 2000;

/// Scans a tree of two folders of so many files up to where the first of them is being listed, does `change` (given the
/// name of the folder that is being listed and of the one that waits), and scans on.
async fn scan_while(change: impl FnOnce(&Tree, &str, &str)) -> (Tree, Scanned) {
    let tree = Tree::new();
    fs::create_dir(tree.outside("evil")).unwrap();
    fs::write(tree.outside("evil/secret"), "secret").unwrap();
    for folder in ["a", "b"] {
        for n in 0..EACH {
            tree.write(&format!("{folder}/{n}"), "");
        }
    }
    let (out, mut reports) = mpsc::channel(1);
    let source = tree.source.clone();
    let task = firn::base::task::spawn(async move { source.scan(out, None, Stop::new()).await });
    let first = tokio::time::timeout(DEADLINE, reports.recv()).await.unwrap().unwrap();
    let Report::Files(files) = &first else { panic!("{first:?}") };
    let listed = files.iter().find_map(|file| file.key.as_bytes().iter().position(|byte| *byte == b'/').map(|_| file));
    let listed = if listed.unwrap().key.as_bytes()[0] == b'a' { ["a", "b"] } else { ["b", "a"] };
    change(&tree, listed[0], listed[1]);
    let mut scanned = Scanned::default();
    scanned.take(first);
    while let Some(report) = tokio::time::timeout(DEADLINE, reports.recv()).await.unwrap() {
        scanned.take(report);
    }
    task.await.unwrap().unwrap();
    (tree, scanned)
}

#[tokio::test]
async fn a_folder_exchanged_for_a_link_before_its_turn_is_not_entered() {
    let (tree, scanned) = scan_while(|tree, _, waits| {
        fs::rename(tree.path(waits), tree.outside("away")).unwrap();
        symlink(tree.outside("evil"), tree.path(waits)).unwrap();
    })
    .await;
    tree.check_neighbour(&scanned).await;
    assert_eq!(scanned.keys().len(), EACH);
    assert!(scanned.troubles.is_empty(), "{:?}", scanned.troubles);
}

#[tokio::test]
async fn a_folder_exchanged_for_a_link_while_it_is_listed_does_not_lead_out() {
    let mut exchanged = String::new();
    let (tree, scanned) = scan_while(|tree, listed, _| {
        fs::rename(tree.path(listed), tree.outside("away")).unwrap();
        symlink(tree.outside("evil"), tree.path(listed)).unwrap();
        listed.clone_into(&mut exchanged);
    })
    .await;
    tree.check_neighbour(&scanned).await;
    // What it held is listed to its end, and is gone by the time it would be read.
    assert_eq!(scanned.keys().len(), 2 * EACH);
    assert!(scanned.keys().iter().all(|key| !key.contains("secret")));
    let file = scanned.file(&format!("{exchanged}/7"));
    assert_eq!(read(&tree.source, file).await, Err(Unread::Gone));
}

#[tokio::test]
async fn a_folder_exchanged_for_another_before_its_turn_is_listed_as_it_is_then() {
    let (tree, scanned) = scan_while(|tree, _, waits| {
        fs::rename(tree.path(waits), tree.outside("away")).unwrap();
        tree.write(&format!("{waits}/other"), "other");
    })
    .await;
    tree.check_neighbour(&scanned).await;
    assert_eq!(scanned.keys().len(), EACH + 1);
    let other = scanned.keys().into_iter().find(|key| key.ends_with("/other")).unwrap();
    assert_eq!(read(&tree.source, scanned.file(&other)).await, Ok(b"other".to_vec()));
}

#[tokio::test]
async fn folders_that_vanish_during_the_scan_are_no_trouble() {
    let (tree, scanned) = scan_while(|tree, listed, waits| {
        for folder in [listed, waits] {
            fs::remove_dir_all(tree.path(folder)).unwrap();
        }
    })
    .await;
    tree.check_neighbour(&scanned).await;
    assert!(scanned.troubles.is_empty(), "{:?}", scanned.troubles);
}
