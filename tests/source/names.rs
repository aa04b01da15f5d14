//! Names that are bytes, long names, deep trees.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{CWD, Mode, OFlags};

use super::kit::{Tree, read};

#[tokio::test]
async fn names_are_bytes() {
    let tree = Tree::new();
    let names: [&[u8]; 9] = [
        b"latin-\xe9\xff",
        b"two\nlines",
        b"red \x1b[31mtext\x07",
        b"-rf",
        b" ",
        b"100%",
        b"back\\slash",
        "\u{202e}gpj.exe".as_bytes(),
        &[b'x'; 255],
    ];
    for name in names {
        std::fs::write(tree.source.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.files.len(), names.len() + 1);
    for name in names {
        let file = &scanned.files[name];
        assert_eq!(read(&tree.source, file).await, Ok(name.to_vec()), "{}", file.key);
        let shown = file.key.to_string();
        assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'), "{shown:?}");
    }
}

/// Makes folders one in the other, each by way of the one above: the whole path may be longer than a call takes.
fn nest(tree: &Tree, name: &str, depth: usize, mut each: impl FnMut(usize, &OwnedFd)) {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let mut at = rustix::fs::openat(CWD, tree.source.path(), flags, Mode::empty()).unwrap();
    for level in 1..=depth {
        rustix::fs::mkdirat(&at, name, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, name, flags, Mode::empty()).unwrap();
        each(level, &at);
    }
}

fn write_in(dir: &OwnedFd, name: &str, bytes: &[u8]) {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::RUSR).unwrap();
    assert_eq!(rustix::io::write(file, bytes).unwrap(), bytes.len());
}

#[tokio::test]
async fn a_path_of_4095_bytes_is_read_and_a_longer_one_is_told() {
    let tree = Tree::new();
    let folder = "d".repeat(255);
    nest(&tree, &folder, 16, |level, dir| match level {
        15 => write_in(dir, &"f".repeat(255), b"longest"),
        16 => write_in(dir, "g", b"too long"),
        _ => {}
    });
    let scanned = tree.scan_with_neighbour().await;
    let longest = [vec![folder.as_str(); 15].join("/"), "f".repeat(255)].join("/");
    assert_eq!(longest.len(), 4095);
    assert_eq!(scanned.keys(), [longest.as_str()]);
    assert_eq!(read(&tree.source, scanned.file(&longest)).await, Ok(b"longest".to_vec()));
    let (key, reason, detail) = scanned.trouble();
    assert_eq!((key.len(), reason), (16 * 256 + 1, "too-long"));
    assert!(detail.ends_with(" has a path of 4097 bytes, over 4095; give it a shorter one"), "{detail}");
}

#[tokio::test]
async fn folders_are_entered_511_deep_and_deeper_ones_are_told() {
    let tree = Tree::new();
    nest(&tree, "d", 600, |level, dir| {
        if [1, 510, 511, 512, 600].contains(&level) {
            write_in(dir, "f", level.to_string().as_bytes());
        }
    });
    let scanned = tree.scan_with_neighbour().await;
    let at = |level: usize| format!("{}f", "d/".repeat(level));
    assert_eq!(scanned.keys().len(), 3);
    for level in [1, 510, 511] {
        assert_eq!(read(&tree.source, scanned.file(&at(level))).await, Ok(level.to_string().into_bytes()));
    }
    let (key, reason, detail) = scanned.trouble();
    assert_eq!((key.len(), reason), (512 * 2 - 1, "too-deep"));
    assert!(
        detail.ends_with(" lies 512 folders deep; what is below it is not backed up: make it a source of its own"),
        "{detail}"
    );
}
