//! Trees of files: how they are made, and how they are held against each other.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Memory, where there is some: much is synced here, and nothing lost by it.
pub fn fast() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if tempfile::tempdir_in(memory).is_ok() { memory.to_owned() } else { std::env::temp_dir() }
}

/// Bytes that look like nothing and are the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A small generator: the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub fn pick<T>(&mut self, from: &mut Vec<T>) -> T {
        let at = usize::try_from(self.roll(from.len() as u64)).unwrap();
        from.swap_remove(at)
    }
}

/// A file with its mode and time.
pub fn put(path: &Path, bytes: &[u8], mode: u32, mtime: Duration) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + mtime);
    file.set_times(times).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A tree of files: empty ones, many small ones, some of a MiB, one that goes in parts; modes, times to the nanosecond, and
/// names that are no text.
pub fn fill(photos: &Path, dice: &mut Dice, files: u64) {
    for n in 0..files {
        let size = match n {
            0 => (5 << 20) + 12_345,
            _ if n % 9 == 1 => 0,
            _ if n % 13 == 2 => 700_000 + dice.roll(600_000),
            _ => 1 + dice.roll(20_000),
        };
        let name: Vec<u8> = match n % 7 {
            0 => format!("a b/{n} \"quoted\" 'too'.jpg").into_bytes(),
            1 => [b"odd/\xff\xfe ".as_slice(), format!("{n}").as_bytes()].concat(),
            2 => format!("deep/er/and/{}/{n}", n / 7).into_bytes(),
            _ => format!("{:02x}/{n}.jpg", n % 5).into_bytes(),
        };
        let path = photos.join(OsStr::from_bytes(&name));
        let mode = [0o644, 0o600, 0o444, 0o751][usize::try_from(n % 4).unwrap()];
        let mtime =
            Duration::new(1_300_000_000 + dice.roll(400_000_000), u32::try_from(dice.roll(1_000_000_000)).unwrap());
        put(&path, &noise(dice.roll(1 << 30), usize::try_from(size).unwrap()), mode, mtime);
    }
}

/// What a file is: its bytes, mode, and time.
pub type Look = (Vec<u8>, u32, (i64, i64));

/// Every file below a folder by its path there.
pub fn look(root: &Path) -> BTreeMap<PathBuf, Look> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            assert!(meta.is_file(), "{} is no file", path.display());
            let below = path.strip_prefix(root).unwrap().to_owned();
            found.insert(below, (fs::read(&path).unwrap(), meta.mode() & 0o7777, (meta.mtime(), meta.mtime_nsec())));
        }
    }
    found
}

/// Fails with the first path that is not the same, not with all bytes of two trees.
#[track_caller]
pub fn same(one: &BTreeMap<PathBuf, Look>, other: &BTreeMap<PathBuf, Look>) {
    for (path, (bytes, mode, mtime)) in one {
        let Some(found) = other.get(path) else { panic!("{} is missing", path.display()) };
        assert!(found.0 == *bytes, "{} has other bytes", path.display());
        assert_eq!((found.1, found.2), (*mode, *mtime), "{}: mode and time", path.display());
    }
    let more: Vec<&PathBuf> = other.keys().filter(|path| !one.contains_key(*path)).collect();
    assert!(more.is_empty(), "nobody asked for {more:?}");
}

/// A word of a request, whatever its bytes are.
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = "\"".to_owned();
    for byte in bytes {
        match byte {
            b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)).unwrap(),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => write!(text, "\\x{byte:02x}").unwrap(),
        }
    }
    text.push('"');
    text
}

/// Removes every file below a folder, and the folders.
pub fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
}
