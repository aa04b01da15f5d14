//! From a key to a path below the destination. Pure.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Why a key has no path below a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// It begins with a slash.
    #[error("its key is an absolute path")]
    Absolute,
    /// It goes up.
    #[error("its key goes up (\"..\")")]
    Up,
    /// It has a part that names nothing, or itself.
    #[error("its key has an empty part or \".\"")]
    Empty,
    /// It has a part that no file system takes.
    #[error("its key has a part of over 255 bytes, or a zero byte")]
    Unusable,
}

/// A path below the destination: folders, then the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Folders from the destination down.
    pub folders: Vec<OsString>,
    /// The file's name in the last of them.
    pub name: OsString,
}

/// The path for a key, part by part.
pub fn target(key: &[u8]) -> Result<Target, NoTarget> {
    if key.first() == Some(&b'/') {
        return Err(NoTarget::Absolute);
    }
    let mut parts = Vec::new();
    for part in key.split(|byte| *byte == b'/') {
        match part {
            b".." => return Err(NoTarget::Up),
            b"" | b"." => return Err(NoTarget::Empty),
            part if part.len() > 255 || part.contains(&0) => return Err(NoTarget::Unusable),
            part => parts.push(OsString::from_vec(part.to_vec())),
        }
    }
    let name = parts.pop().ok_or(NoTarget::Empty)?;
    Ok(Target { folders: parts, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, PathBuf};

    #[test]
    fn keys_that_would_leave_or_mean_nothing_are_refused_each_for_its_reason() {
        let cases: [(&[u8], NoTarget); 9] = [
            (b"/etc/passwd", NoTarget::Absolute),
            (b"../x", NoTarget::Up),
            (b"a/../../x", NoTarget::Up),
            (b"a/..", NoTarget::Up),
            (b"", NoTarget::Empty),
            (b"a//b", NoTarget::Empty),
            (b"a/./b", NoTarget::Empty),
            (b"a/", NoTarget::Empty),
            (b"a\0b", NoTarget::Unusable),
        ];
        for (key, why) in cases {
            assert_eq!(target(key), Err(why), "{key:?}");
        }
        assert_eq!(target(&[b'x'; 256]), Err(NoTarget::Unusable));
    }

    proptest! {
        #[test]
        fn what_is_given_stays_below_and_spells_the_key(key in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..40)) {
            if let Ok(target) = target(&key) {
                let path: PathBuf = target.folders.iter().chain([&target.name]).collect();
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(path.into_os_string().into_vec(), key);
            }
        }
    }
}
