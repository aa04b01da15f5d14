//! What happens to a file between being found and having been read.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use firn::base::buffers::Buffer;
use firn::base::file::FoundFile;
use firn::source::{Presence, Reading, Source as _, Unread};

use super::kit::{Tree, Watcher, present, read, read_all, wanted};

const SIZE: usize = 3 << 20;

/// What is done to a file, in words and in deed.
type Change = (&'static str, fn(&Path));

fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Opens a file and reads its first MiB.
async fn begin(tree: &Tree, file: &FoundFile) -> Box<dyn Reading> {
    let Ok(mut reading) = tree.source.open(wanted(file)).await else { panic!("{} can be opened", file.key) };
    let piece = reading.read(0, Buffer::loose(1 << 20)).await.unwrap();
    assert_eq!(piece.filled(), vec![1; 1 << 20]);
    reading
}

/// Reads the rest and asks whether it was the version that was wanted.
async fn go_on(mut reading: Box<dyn Reading>, file: &FoundFile) -> Result<(), Unread> {
    for offset in (1 << 20..file.length).step_by(1 << 20) {
        reading.read(offset, Buffer::loose(1 << 20)).await?;
    }
    reading.finish().await
}

/// Reads a file of 3 MiB, in pieces and whole, while `change` is done to it after the first piece. What both say.
async fn read_while(change: impl Fn(&Tree) + Send + Clone + 'static) -> (Unread, Tree) {
    let tree = Tree::new();
    tree.write("f", vec![1; SIZE]);
    let scanned = tree.scan_with_neighbour().await;
    let file = scanned.file("f").clone();
    let reading = begin(&tree, &file).await;
    change(&tree);
    let in_pieces = go_on(reading, &file).await.unwrap_err();
    tree.check_neighbour(&scanned).await;

    // The same once more, read whole between two neighbours, which are read all the same.
    let again = Tree::new();
    again.write("f", vec![1; SIZE]);
    let file = again.found("f").await;
    let others = again.found("neighbour").await;
    let (source, list) = (again.source.clone(), [file, others.clone()]);
    let shared = std::sync::Arc::new(again);
    let inner = std::sync::Arc::clone(&shared);
    let results = read_all(&source, &list, Watcher::and_then(move || change(&inner))).await;
    assert!(results[1].is_ok(), "{results:?}");
    let whole = results.into_iter().next().unwrap().unwrap_err();
    assert_eq!(std::mem::discriminant(&whole), std::mem::discriminant(&in_pieces), "{whole} / {in_pieces}");
    (in_pieces, tree)
}

#[tokio::test]
async fn a_file_that_grows_is_changing_and_is_what_a_scan_says_of_it() {
    let (why, tree) = read_while(|tree| append(&tree.path("f"), b"more")).await;
    assert_eq!(why.to_string(), "it changed while it was being read (it has 3145732 bytes now)");
    assert_eq!(why, Unread::Changing(Box::new(tree.found("f").await)));
    assert_eq!(read(&tree.source, &tree.found("f").await).await.unwrap().len(), SIZE + 4);
}

#[tokio::test]
async fn a_file_that_shrinks_is_changing() {
    let (why, tree) =
        read_while(|tree| File::options().write(true).open(tree.path("f")).unwrap().set_len(5).unwrap()).await;
    assert_eq!(why.to_string(), "it changed while it was being read (it has 5 bytes now)");
    assert_eq!(why, Unread::Changing(Box::new(tree.found("f").await)));
}

#[tokio::test]
async fn a_file_that_shrinks_and_grows_back_is_changing() {
    let (why, tree) = read_while(|tree| {
        let file = File::options().write(true).open(tree.path("f")).unwrap();
        file.set_len(5).unwrap();
        file.set_len(SIZE as u64).unwrap();
    })
    .await;
    assert_eq!(why, Unread::Changing(Box::new(tree.found("f").await)));
}

#[tokio::test]
async fn a_file_that_is_overwritten_in_place_is_changing_even_with_its_old_time() {
    let (why, tree) = read_while(|tree| {
        let path = tree.path("f");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, vec![2; SIZE]).unwrap();
        File::options().write(true).open(&path).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
    })
    .await;
    assert_eq!(why, Unread::Changing(Box::new(tree.found("f").await)));
}

#[tokio::test]
async fn a_file_that_is_deleted_meanwhile_is_gone() {
    let (why, tree) = read_while(|tree| fs::remove_file(tree.path("f")).unwrap()).await;
    assert_eq!(why, Unread::Gone);
    assert_eq!(present(&tree.source, "f").await, Presence::Absent);
}

#[tokio::test]
async fn a_file_that_is_replaced_meanwhile_is_changing_and_names_the_one_in_its_place() {
    let (why, tree) = read_while(|tree| {
        tree.write("new", "new");
        fs::rename(tree.path("new"), tree.path("f")).unwrap();
    })
    .await;
    let now = tree.found("f").await;
    assert_eq!(why, Unread::Changing(Box::new(now.clone())));
    assert_eq!(read(&tree.source, &now).await, Ok(b"new".to_vec()));
}

#[tokio::test]
async fn a_file_that_a_link_replaces_meanwhile_is_gone() {
    let (why, _tree) = read_while(|tree| {
        symlink("neighbour", tree.path("link")).unwrap();
        fs::rename(tree.path("link"), tree.path("f")).unwrap();
    })
    .await;
    assert_eq!(why, Unread::Gone);
}

#[tokio::test]
async fn another_version_is_told_before_a_byte_is_read() {
    let tree = Tree::new();
    let changes: [Change; 4] = [
        ("another time, same size", |path| fs::write(path, "aftr").unwrap()),
        ("same time, another inode", |path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            let old = fs::metadata(path).unwrap().ino();
            let copy = path.with_extension("copy");
            fs::write(&copy, "aftr").unwrap();
            File::options()
                .write(true)
                .open(&copy)
                .unwrap()
                .set_times(FileTimes::new().set_modified(modified))
                .unwrap();
            fs::rename(copy, path).unwrap();
            assert_ne!(fs::metadata(path).unwrap().ino(), old);
        }),
        ("same time and inode", |path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            fs::write(path, "aftr").unwrap();
            File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
        }),
        ("another size", |path| fs::write(path, "after").unwrap()),
    ];
    for (what, change) in changes {
        let path = tree.write("f", "befo");
        let before = tree.found("f").await;
        change(&path);
        let scanned = tree.scan_with_neighbour().await;
        let after = scanned.file("f");
        assert_ne!(before.version, after.version, "{what}");
        assert_eq!(read(&tree.source, &before).await, Err(Unread::Changed(Box::new(after.clone()))), "{what}");
        assert_eq!(read(&tree.source, after).await, Ok(fs::read(&path).unwrap()), "{what}");
    }
}

#[tokio::test]
async fn the_good_ones_of_a_list_are_read_whatever_became_of_the_others() {
    let tree = Tree::new();
    for name in ["1", "2", "3", "4", "5"] {
        tree.write(name, name.repeat(1000));
    }
    let scanned = tree.scan().await;
    let list: Vec<_> = ["1", "2", "3", "4", "5"].iter().map(|name| scanned.file(name).clone()).collect();
    fs::remove_file(tree.path("2")).unwrap();
    tree.write("4", "another");
    let results = read_all(&tree.source, &list, Watcher::default()).await;
    assert_eq!(results[1], Err(Unread::Gone));
    assert_eq!(results[3], Err(Unread::Changed(Box::new(tree.found("4").await))));
    for (n, name) in [(0, "1"), (2, "3"), (4, "5")] {
        assert_eq!(results[n], Ok(name.repeat(1000).into_bytes()));
    }
    tree.check_neighbour(&scanned).await;
}

#[tokio::test]
async fn files_of_a_folder_that_is_gone_or_exchanged_are_gone() {
    let tree = Tree::new();
    fs::create_dir(tree.outside("evil")).unwrap();
    for name in ["gone", "linked", "other"] {
        tree.write(&format!("{name}/f"), "mine");
    }
    let scanned = tree.scan_with_neighbour().await;
    let inode_kept = tree.outside("evil/f");
    fs::hard_link(tree.path("linked/f"), inode_kept).unwrap();
    for name in ["gone", "linked", "other"] {
        fs::remove_dir_all(tree.path(name)).unwrap();
    }
    // Even the very inode is out of reach by way of a link.
    symlink(tree.outside("evil"), tree.path("linked")).unwrap();
    tree.write("other", "a file where a folder was");
    for name in ["gone/f", "linked/f", "other/f"] {
        assert_eq!(read(&tree.source, scanned.file(name)).await, Err(Unread::Gone), "{name}");
        assert_eq!(present(&tree.source, name).await, Presence::Absent, "{name}");
    }
    tree.check_neighbour(&scanned).await;
}

#[tokio::test]
async fn a_root_that_is_away_says_so_and_nothing_is_absent() {
    let tree = Tree::new();
    let file = tree.found("neighbour").await;
    let away = tree.outside("away");
    fs::rename(tree.source.path(), &away).unwrap();
    let sentence = format!(
        "the source ugc: its root {} cannot be opened: No such file or directory (os error 2)",
        tree.source.path().display()
    );
    assert_eq!(tree.source.root().await.unwrap_err().to_string(), sentence);
    assert_eq!(read(&tree.source, &file).await, Err(Unread::Failed { reason: "root", detail: sentence }));
    assert_eq!(present(&tree.source, "neighbour").await, Presence::CannotTell);
    fs::rename(away, tree.source.path()).unwrap();
    tree.scan_with_neighbour().await;
}
