//! Under which name a file stands in a bundle: its key when that is a safe relative path, else a number.

use std::collections::HashSet;

/// Names given out in one bundle. No two files get one name, and no file gets a name that another uses as a folder.
#[derive(Debug, Clone, Default)]
pub struct Names {
    files: HashSet<Vec<u8>>,
    folders: HashSet<Vec<u8>>,
    numbered: u64,
}

impl Names {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The member name for `key`: `data/<key>`, or `data/.firn/<n>` where that would not do.
    pub fn give(&mut self, key: &[u8]) -> Vec<u8> {
        let plain = [b"data/", key].concat();
        if is_safe(key) && self.is_free(&plain) {
            for (at, _) in plain.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                if !self.folders.contains(&plain[..at]) {
                    self.folders.insert(plain[..at].to_vec());
                }
            }
            self.files.insert(plain.clone());
            return plain;
        }
        self.numbered += 1;
        format!("data/.firn/{}", self.numbered).into_bytes()
    }

    fn is_free(&self, name: &[u8]) -> bool {
        let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        !self.files.contains(name)
            && !self.folders.contains(name)
            && slashes.into_iter().all(|at| !self.files.contains(&name[..at]))
    }
}

/// A relative path that stays below its folder, whose parts any file system takes, and that does not look like one of
/// firn's own numbers.
fn is_safe(key: &[u8]) -> bool {
    let part = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && part.len() <= 255;
    !key.contains(&0) && key.split(|byte| *byte == b'/').all(part) && key != b".firn" && !key.starts_with(b".firn/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn keys_that_are_no_safe_paths_get_numbers() {
        let mut names = Names::new();
        let mut give = |key: &[u8]| String::from_utf8_lossy(&names.give(key)).into_owned();
        assert_eq!(give(b"a/b.jpg"), "data/a/b.jpg");
        assert_eq!(give(b"a/b.jpg"), "data/.firn/1", "taken");
        assert_eq!(give(b"a"), "data/.firn/2", "used as a folder");
        assert_eq!(give(b"a/b.jpg/c"), "data/.firn/3", "below a file");
        for (n, key) in
            [&b"/abs"[..], b"../up", b"x/../y", b"x//y", b"", b"./x", b"x/", b"nul\0", &[b'l'; 256], b".firn/9"]
                .iter()
                .enumerate()
        {
            assert_eq!(give(key), format!("data/.firn/{}", n + 4));
        }
        assert_eq!(give("é\n\x1b".as_bytes()), "data/é\n\x1b");
    }

    proptest! {
        #[test]
        fn no_two_alike_none_a_folder_of_another_none_outside(keys in prop::collection::vec("[ab./]{0,6}", 1..40)) {
            let mut names = Names::new();
            let given: Vec<String> = keys.iter().map(|key| String::from_utf8(names.give(key.as_bytes())).unwrap()).collect();
            for (i, one) in given.iter().enumerate() {
                let inside = Path::new(one).components().all(|c| matches!(c, Component::Normal(_)));
                prop_assert!(inside && one.starts_with("data/"));
                for other in &given[i + 1..] {
                    prop_assert_ne!(one, other);
                    prop_assert!(!Path::new(one).starts_with(other) && !Path::new(other).starts_with(one));
                }
            }
        }
    }
}
