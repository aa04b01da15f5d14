//! Folders: how files are put there, what is found below, and how two are held against each other.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A file with its mode, and its time after 1970.
pub fn put(path: &Path, bytes: &[u8], mode: u32, mtime: Duration) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + mtime).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Every path below a folder, other folders too, with what its inode says. Nothing where there is no folder.
pub fn walk(root: &Path) -> Vec<(PathBuf, Metadata)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, meta));
        }
    }
    found
}

/// The SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Or something else, which holds nothing then.
    pub is_file: bool,
    pub mode: u32,
    pub mtime: (i64, i64),
    pub sha256: [u8; 32],
}

/// All that is no folder, by its path below `root`. Names of firn's own are among them.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Look> {
    let files = walk(root).into_iter().filter(|(_, meta)| !meta.is_dir());
    files
        .map(|(path, meta)| {
            let is_file = meta.is_file();
            let bytes = if is_file { fs::read(&path).unwrap() } else { Vec::new() };
            let (mode, mtime) = (meta.mode() & 0o7777, (meta.mtime(), meta.mtime_nsec()));
            let look = Look { is_file, mode, mtime, sha256: digest(&bytes) };
            (path.strip_prefix(root).unwrap().to_owned(), look)
        })
        .collect()
}

/// Fails with the first path that is not the same.
#[track_caller]
pub fn same(one: &BTreeMap<PathBuf, Look>, other: &BTreeMap<PathBuf, Look>) {
    for (path, look) in one {
        let Some(found) = other.get(path) else { panic!("{} is missing", path.display()) };
        assert_eq!(look, found, "{}", path.display());
    }
    let more: Vec<&PathBuf> = other.keys().filter(|path| !one.contains_key(*path)).collect();
    assert!(more.is_empty(), "nobody asked for {more:?}");
}
