//! What firn's user may not read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use firn::source::directory::DirectorySource;
use firn::source::{Presence, Unread};

use super::kit::{Tree, goes_on, neighbour, present, read, scan};
use super::support::alone::{NOBODY, given};

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn an_unreadable_file_is_told_when_it_is_read() {
    if !goes_on(NOBODY, "rights::an_unreadable_file_is_told_when_it_is_read") {
        return;
    }
    let tree = Tree::new();
    let path = tree.write("private\x1b[2J", "mine");
    allow(&path, 0o000);
    let scanned = tree.scan_with_neighbour().await;
    let why = read(&tree.source, scanned.file("private\x1b[2J")).await.unwrap_err();
    let Unread::Failed { reason, detail } = why else { panic!("{why}") };
    assert_eq!(reason, "permission");
    assert_eq!(detail, r"cannot open private\x1b[2J: Permission denied (os error 13)");
    assert_eq!(present(&tree.source, "private\x1b[2J").await, Presence::Present);
    allow(&path, 0o400);
    let scanned = tree.scan().await;
    assert_eq!(read(&tree.source, scanned.file("private\x1b[2J")).await, Ok(b"mine".to_vec()));
}

#[tokio::test]
async fn an_unreadable_folder_is_told_and_nothing_below_it_is_taken_for_gone() {
    if !goes_on(NOBODY, "rights::an_unreadable_folder_is_told_and_nothing_below_it_is_taken_for_gone") {
        return;
    }
    let tree = Tree::new();
    tree.write("closed/f", "mine");
    tree.write("open/f", "mine");
    let before = tree.scan_with_neighbour().await;
    allow(&tree.path("closed"), 0o000);
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["open/f"]);
    assert_eq!(
        scanned.trouble(),
        ("closed", "permission", "cannot open the folder closed: Permission denied (os error 13)")
    );
    assert_eq!(present(&tree.source, "closed/f").await, Presence::CannotTell);
    let why = read(&tree.source, before.file("closed/f")).await.unwrap_err();
    assert_eq!(why.to_string(), "cannot open closed/f: Permission denied (os error 13)");
    allow(&tree.path("closed"), 0o700);
    assert_eq!(tree.scan().await.keys(), ["closed/f", "open/f"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_listed_or_searched_is_told() {
    if !goes_on(NOBODY, "rights::a_folder_that_cannot_be_listed_or_searched_is_told") {
        return;
    }
    let tree = Tree::new();
    tree.write("unlisted/f", "mine");
    allow(&tree.path("unlisted"), 0o300);
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), [""; 0]);
    assert_eq!(
        scanned.trouble(),
        ("unlisted", "permission", "cannot open the folder unlisted: Permission denied (os error 13)")
    );
    // Its names are not told, but whoever knows one may ask.
    assert_eq!(present(&tree.source, "unlisted/f").await, Presence::Present);
    assert_eq!(present(&tree.source, "unlisted/g").await, Presence::Absent);
    fs::remove_dir_all(tree.path("unlisted")).unwrap_err();
    allow(&tree.path("unlisted"), 0o700);
    fs::rename(tree.path("unlisted"), tree.path("unsearched")).unwrap();
    allow(&tree.path("unsearched"), 0o400);
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(
        scanned.trouble(),
        ("unsearched/f", "permission", "cannot look at unsearched/f: Permission denied (os error 13)")
    );
    assert_eq!(present(&tree.source, "unsearched/f").await, Presence::CannotTell);
    allow(&tree.path("unsearched"), 0o700);
}

#[tokio::test]
async fn files_of_another_owner_are_read_though_their_access_time_cannot_be_spared() {
    if !goes_on(NOBODY, "rights::files_of_another_owner_are_read_though_their_access_time_cannot_be_spared") {
        return;
    }
    let Some(root) = given() else {
        eprintln!("files of another owner: not tested here: this user cannot make any");
        return;
    };
    let source = DirectorySource::new("ugc", root);
    let scanned = scan(&source).await;
    // The first file is refused the quiet way, which is then given up; the second is not even tried that way.
    for _ in 0..2 {
        assert!(read(&source, neighbour(&scanned)).await.is_ok());
    }
}
