//! Trees of files: how they are made, asked for and cleared.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::support::dice::{Dice, noise};
pub use crate::support::folders::{Look, put, same, tree};

/// Memory, where there is some: much is synced here, and nothing lost by it.
pub fn fast() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if tempfile::tempdir_in(memory).is_ok() { memory.to_owned() } else { std::env::temp_dir() }
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
