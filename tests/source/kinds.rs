//! What may stand in a tree.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use firn::base::ids::Version;
use firn::source::{NotAFile, Presence, Unread, Wanted};
use rustix::fs::{CWD, FileType, Mode};

use super::kit::{Tree, check_facts, key, present, read};

/// Asks for a key as if a scan had found a file there once.
async fn ask(tree: &Tree, name: &str) -> Result<Vec<u8>, Unread> {
    let mut file = tree.found("neighbour").await;
    file.key = key(name);
    read(&tree.source, &file).await
}

#[tokio::test]
async fn every_regular_file_is_found_with_its_facts_and_folders_are_not() {
    let tree = Tree::new();
    tree.write("a/b/c.jpg", "abc");
    tree.write("a/zero", "");
    tree.write("large", vec![7; (1 << 20) + 1]);
    fs::create_dir_all(tree.path("empty/within")).unwrap();
    fs::set_permissions(tree.path("a/b/c.jpg"), fs::Permissions::from_mode(0o4751)).unwrap();
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["a/b/c.jpg", "a/zero", "large"]);
    assert_eq!(scanned.file("a/b/c.jpg").mode, 0o4751);
    for file in scanned.files.values() {
        check_facts(tree.source.path(), file);
    }
    assert_eq!(read(&tree.source, scanned.file("a/zero")).await, Ok(vec![]));
    assert_eq!(read(&tree.source, scanned.file("large")).await, Ok(vec![7; (1 << 20) + 1]));
    assert!(scanned.troubles.is_empty() && scanned.skipped.is_empty());
}

#[tokio::test]
async fn links_are_neither_followed_nor_stored_wherever_they_lead() {
    let tree = Tree::new();
    fs::create_dir(tree.outside("secrets")).unwrap();
    fs::write(tree.outside("secrets/key"), "secret").unwrap();
    tree.write("d/f", "f");
    symlink(tree.outside("secrets/key"), tree.path("to-file")).unwrap();
    symlink(tree.outside("secrets"), tree.path("to-folder")).unwrap();
    symlink("nowhere", tree.path("dangling")).unwrap();
    symlink("loop-b", tree.path("loop-a")).unwrap();
    symlink("loop-a", tree.path("loop-b")).unwrap();
    symlink(".", tree.path("d/itself")).unwrap();
    symlink("neighbour", tree.path("to-neighbour")).unwrap();
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["d/f"]);
    assert_eq!(scanned.skipped.keys().collect::<Vec<_>>(), [&NotAFile::Symlink]);
    assert!(scanned.troubles.is_empty(), "{:?}", scanned.troubles);
    for name in ["to-file", "to-folder/key", "dangling", "loop-a", "d/itself/f", "to-neighbour"] {
        assert_eq!(ask(&tree, name).await, Err(Unread::Gone), "{name}");
        assert_eq!(present(&tree.source, name).await, Presence::Absent, "{name}");
    }
}

#[tokio::test]
async fn sockets_and_pipes_are_left_out_and_never_waited_for() {
    let tree = Tree::new();
    let _listener = UnixListener::bind(tree.path("socket")).unwrap();
    rustix::fs::mknodat(CWD, tree.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), [""; 0]);
    let told: Vec<_> = scanned.skipped.iter().map(|(kind, first)| (kind.word(), first.to_string())).collect();
    assert_eq!(told, [("socket", "socket".to_owned()), ("fifo", "pipe".to_owned())]);
    for name in ["socket", "pipe"] {
        assert_eq!(ask(&tree, name).await, Err(Unread::Gone), "{name}");
        assert_eq!(present(&tree.source, name).await, Presence::Absent, "{name}");
    }
}

#[tokio::test]
async fn a_device_is_left_out() {
    let tree = Tree::new();
    let null = rustix::fs::makedev(1, 3);
    let made = rustix::fs::mknodat(CWD, tree.path("device"), FileType::CharacterDevice, Mode::RUSR, null);
    if let Err(e) = made {
        eprintln!("a_device_is_left_out: not tested here: no device can be made ({e})");
        return;
    }
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), [""; 0]);
    assert_eq!(scanned.skipped.get(&NotAFile::Device), Some(&key("device")));
    assert_eq!(ask(&tree, "device").await, Err(Unread::Gone));
    assert_eq!(present(&tree.source, "device").await, Presence::Absent);
}

#[tokio::test]
async fn each_name_of_a_file_is_a_file_of_its_own() {
    let tree = Tree::new();
    tree.write("one", "shared");
    fs::create_dir(tree.path("d")).unwrap();
    fs::hard_link(tree.path("one"), tree.path("d/two")).unwrap();
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["d/two", "one"]);
    for name in ["d/two", "one"] {
        assert_eq!(read(&tree.source, scanned.file(name)).await, Ok(b"shared".to_vec()));
    }
    // The name that is left keeps the content: it is another version (the inode changed), and still there.
    fs::remove_file(tree.path("one")).unwrap();
    let after = tree.scan_with_neighbour().await;
    assert_eq!(after.keys(), ["d/two"]);
    assert_eq!(read(&tree.source, after.file("d/two")).await, Ok(b"shared".to_vec()));
    assert_eq!(present(&tree.source, "one").await, Presence::Absent);
}

#[tokio::test]
async fn a_file_that_became_something_else_is_gone() {
    let tree = Tree::new();
    let names = ["folder", "link", "pipe", "socket"];
    for name in names {
        tree.write(name, name);
    }
    let scanned = tree.scan_with_neighbour().await;
    for name in names {
        fs::remove_file(tree.path(name)).unwrap();
    }
    fs::create_dir(tree.path("folder")).unwrap();
    symlink("neighbour", tree.path("link")).unwrap();
    rustix::fs::mknodat(CWD, tree.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _listener = UnixListener::bind(tree.path("socket")).unwrap();
    for name in names {
        assert_eq!(read(&tree.source, scanned.file(name)).await, Err(Unread::Gone), "{name}");
        assert_eq!(present(&tree.source, name).await, Presence::Absent, "{name}");
    }
    tree.check_neighbour(&scanned).await;
}

#[tokio::test]
async fn a_key_never_leads_out_of_the_root() {
    use firn::source::Source as _;
    let tree = Tree::new();
    fs::write(tree.outside("secret"), "secret").unwrap();
    fs::create_dir(tree.path("d")).unwrap();
    let absolute = tree.outside("secret").to_str().unwrap().to_owned();
    for name in ["../secret", "d/../../secret", absolute.as_str()] {
        let wanted = Wanted { key: key(name), version: Version::new(*b"any"), length: 6 };
        let Err(why) = tree.source.open(wanted).await else { panic!("{name} was opened") };
        assert_eq!(why, Unread::Gone, "{name}");
        assert_eq!(present(&tree.source, name).await, Presence::Absent, "{name}");
    }
}
