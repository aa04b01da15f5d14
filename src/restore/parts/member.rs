//! Files of a part, put together by where they lie: bytes that are wanted at two places are read once. Pure.

use std::ffi::OsString;
use std::ops::Range;

use crate::base::FileTime;
use crate::base::hash::{Hash16, Hash32};
use crate::base::ids::{ArchiveUuid, DestId, PlanId};
use crate::restore::target::{NoTarget, Target, target};
use crate::store::PartFile;

/// A place in a part: offset in the archive, and what tells two wishes for one file apart.
pub(super) type Place = (u64, u64);

/// Bytes of the archive, and who wants them.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Where they lie.
    pub range: Range<u64>,
    /// Their SHA-256.
    pub sha256: Hash32,
    /// Their MD5, where it is known.
    pub md5: Option<Hash16>,
    /// Permission bits.
    pub mode: u32,
    /// Last change.
    pub mtime: FileTime,
    /// Where they go.
    pub wishes: Vec<Wish>,
}

/// A place where a member goes.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// Tells it from the others.
    pub n: u64,
    /// The destination.
    pub dest: DestId,
    /// The path below it.
    pub target: Result<Target, NoTarget>,
    /// Whether what is there is replaced.
    pub overwrite: bool,
}

impl Member {
    /// Bytes.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn is(&self, file: &PartFile) -> bool {
        self.range.start == file.offset && self.length() == file.length && self.sha256 == file.sha256
    }
}

/// Puts a page of files together. The page ends within a member where more wishes for its last one may follow: those are
/// left for the next page, unless they are all there is. Also the place after which the next page begins.
pub(super) fn members(page: Vec<PartFile>, more: bool) -> (Vec<Member>, Option<Place>) {
    let mut members: Vec<Member> = Vec::new();
    let mut last = None;
    for file in page {
        last = Some((file.offset, file.n));
        let wish =
            Wish { n: file.n, dest: file.dest, target: target(file.target.as_bytes()), overwrite: file.overwrite };
        match members.last_mut().filter(|member| member.is(&file)) {
            Some(member) => member.wishes.push(wish),
            None => members.push(Member {
                range: file.offset..file.offset.saturating_add(file.length),
                sha256: file.sha256,
                md5: file.md5,
                mode: file.mode,
                mtime: file.mtime,
                wishes: vec![wish],
            }),
        }
    }
    if more && members.len() > 1 {
        members.pop();
        last = members.last().and_then(|member| Some((member.range.start, member.wishes.last()?.n)));
    }
    (members, last)
}

/// What a file is called until it is whole: the same at each try, so that what one left behind is found and replaced by
/// the next; and no other plan's, nor another archive's, nor that of another state that restores to the same folder.
pub(super) fn part_name(plan: PlanId, archive: ArchiveUuid, (offset, n): Place) -> OsString {
    format!(".firn-part-{plan}-{archive}-{offset}-{n}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FileId, Key, SourceId};

    fn file(offset: u64, n: u64) -> PartFile {
        PartFile {
            offset,
            n,
            file: FileId(1),
            source: SourceId(1),
            key: Key::new(*b"a"),
            length: 100,
            mode: 0o644,
            mtime: FileTime::default(),
            sha256: Hash32([u8::try_from(offset % 200).unwrap(); 32]),
            md5: None,
            dest: DestId(1),
            target: Key::new(*b"a"),
            overwrite: false,
        }
    }

    fn sizes(members: &[Member]) -> Vec<(u64, usize)> {
        members.iter().map(|member| (member.range.start, member.wishes.len())).collect()
    }

    #[test]
    fn two_wishes_for_one_file_are_one_member_and_no_page_ends_within_one() {
        let page = || vec![file(0, 1), file(0, 4), file(500, 2), file(900, 3), file(900, 7)];
        let (all, last) = members(page(), false);
        assert_eq!((sizes(&all), last), (vec![(0, 2), (500, 1), (900, 2)], Some((900, 7))));
        let (some, last) = members(page(), true);
        assert_eq!((sizes(&some), last), (vec![(0, 2), (500, 1)], Some((500, 2))));
        let (one, last) = members(vec![file(0, 1), file(0, 4)], true);
        assert_eq!((sizes(&one), last), (vec![(0, 2)], Some((0, 4))), "else it would never go on");
        assert_eq!(members(Vec::new(), false).1, None);
    }

    #[test]
    fn what_has_no_length_that_can_be_counted_stays_in_bounds() {
        let (members, _) = members(vec![PartFile { length: u64::MAX, ..file(900, 1) }], false);
        assert_eq!(members[0].range, 900..u64::MAX);
    }
}
