//! Members of a part become files under names of firn's: hashed, written, with their mode and time.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::sync::Arc;

use rustix::fs::FileType;

use super::folders::{Folders, Open, Spot, Wrong, wrong};
use super::item::{Item, Landing};
use super::member::{Member, Place, Wish, part_name};
use super::pieces::Piece;
use super::syncs::{Mark, Syncs};
use crate::base::disk::{DiskFile, Trouble};
use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveUuid, DestId, PlanId};
use crate::restore::landing::{NotRestored, Sums, dress, holds, in_the_way};
use crate::store::RestoreState;

/// What a round of a [`Writer`] came to.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Files with an outcome, or all but their name.
    pub items: Vec<Item>,
    /// Members whose bytes are not those that were backed up.
    pub damaged: Vec<(usize, NotRestored)>,
    /// Destinations that take nothing now.
    pub troubles: Vec<(DestId, String)>,
}

/// Where the members of a page are written.
pub(super) struct Writer {
    plan: PlanId,
    archive: ArchiveUuid,
    syncs: Arc<Syncs>,
    folders: Folders,
    /// Whether an earlier try may have left something.
    again: bool,
    /// The members of the page. Wishes that have their outcome, or cannot have one now, are taken out.
    pub members: Vec<Member>,
    stream: Option<Stream>,
}

/// A member that comes slice by slice.
struct Stream {
    member: usize,
    /// Nothing where the bytes have been found right already.
    sums: Option<Sums>,
    done: u64,
    outs: Vec<Out>,
}

struct Out {
    wish: Wish,
    spot: Arc<Spot>,
    open: Open,
    part: OsString,
    file: DiskFile,
    mark: Mark,
}

/// What stands where a file is to go.
enum There {
    Nothing,
    Same(u64, Mark),
    Other,
}

impl Writer {
    pub(super) fn new(
        (plan, archive): (PlanId, ArchiveUuid),
        syncs: Arc<Syncs>,
        folders: Folders,
        again: bool,
        members: Vec<Member>,
    ) -> Self {
        Self { plan, archive, syncs, folders, again, members, stream: None }
    }

    /// Looks at what is there already. Wishes that need no bytes are taken out, with their outcome.
    pub(super) fn look(&mut self) -> Round {
        let mut round = Round::default();
        let mut members = std::mem::take(&mut self.members);
        for member in &mut members {
            let (start, length, sha256) = (member.range.start, member.length(), member.sha256);
            member.wishes.retain(|wish| {
                let place = (start, wish.n);
                let item = match self.stands(wish, place, (length, sha256)) {
                    Ok(There::Other) if !wish.overwrite => Item::failed(place, NotRestored::Exists.to_string()),
                    Ok(There::Nothing | There::Other) => return true,
                    Ok(There::Same(device, mark)) => Item::settled(place, RestoreState::There, length, (device, mark)),
                    Err(Wrong::File(why)) => Item::failed(place, why.to_string()),
                    Err(Wrong::Place(why)) => {
                        round.troubles.push((wish.dest, why));
                        return false;
                    }
                };
                round.items.push(item);
                false
            });
        }
        self.members = members;
        round
    }

    fn stands(&mut self, wish: &Wish, place: Place, wanted: (u64, Hash32)) -> Result<There, Wrong> {
        let target = wish.target.as_ref().map_err(|why| Wrong::File(NotRestored::NoTarget(*why)))?;
        let spot = Spot { dest: wish.dest, folders: target.folders.clone() };
        let mark = self.syncs.mark();
        let Some(open) = self.folders.open(&spot, false)? else { return Ok(There::Nothing) };
        let entry = open.dir.entry(&target.name).map_err(|e| wrong(&e, spot.folders.is_empty()))?;
        let Some(entry) = entry else { return Ok(There::Nothing) };
        if entry.kind != FileType::RegularFile {
            return Err(Wrong::File(in_the_way(&open.dir, &target.name, entry.kind)));
        }
        let same = entry.size == wanted.0 && open.dir.open_file(&target.name).is_ok_and(|file| holds(&file, wanted));
        if self.again && (same || !wish.overwrite) {
            // What an earlier try wrote has no other end.
            let _ = open.dir.remove(&part_name(self.plan, self.archive, place));
        }
        if !same {
            return Ok(There::Other);
        }
        self.syncs.about_to_write(open.device, &open.dir);
        Ok(There::Same(open.device, mark))
    }

    /// Leaves out members that nobody wants any more.
    pub(super) fn compact(&mut self) {
        self.members.retain(|member| !member.wishes.is_empty());
    }

    /// Takes the bytes of a piece.
    pub(super) fn land(&mut self, piece: &Piece, bytes: &[u8]) -> Round {
        if piece.slice {
            self.slice(piece.members.start, &piece.range, bytes)
        } else {
            self.take(&piece.range, piece.members.clone(), bytes)
        }
    }

    fn take(&mut self, range: &Range<u64>, members: Range<usize>, bytes: &[u8]) -> Round {
        let mut round = Round::default();
        for at in members {
            let Some(member) = self.members.get(at) else { continue };
            let from = usize::try_from(member.range.start.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let length = usize::try_from(member.length()).unwrap_or(usize::MAX);
            let bytes = if length == 0 { Some(&[][..]) } else { bytes.get(from..from.saturating_add(length)) };
            // Who read them saw to it that they are all there.
            let Some(bytes) = bytes else { continue };
            let mut sums = Sums::new(member.md5.is_some());
            sums.update(bytes);
            if let Some(why) = sums.check(member.sha256, member.md5, &self.archive.to_string()) {
                round.damaged.push((at, why));
                continue;
            }
            self.begin(at, None, &mut round);
            self.write(bytes, &mut round);
            self.end(&mut round);
        }
        round
    }

    fn slice(&mut self, at: usize, range: &Range<u64>, bytes: &[u8]) -> Round {
        let mut round = Round::default();
        let Some(member) = self.members.get(at) else { return round };
        let (start, end, sums) = (member.range.start, member.range.end, Sums::new(member.md5.is_some()));
        if range.start == start {
            self.begin(at, Some(sums), &mut round);
        }
        self.write(bytes, &mut round);
        if range.end == end {
            self.end(&mut round);
        }
        round
    }

    /// Whether there is anybody left to write the member for.
    pub(super) fn wanted(&self, at: usize) -> bool {
        let streams = |stream: &Stream| stream.member != at || !stream.outs.is_empty();
        self.members.get(at).is_some_and(|member| !member.wishes.is_empty()) && self.stream.as_ref().is_none_or(streams)
    }

    /// Takes out the wishes for destinations that take nothing now.
    pub(super) fn without(&mut self, troubled: impl Fn(DestId) -> bool) {
        for member in &mut self.members {
            member.wishes.retain(|wish| !troubled(wish.dest));
        }
    }

    /// Fails the wishes for a member.
    pub(super) fn fail(&mut self, at: usize, why: &str) -> Vec<Item> {
        self.drop_stream();
        let Some(member) = self.members.get_mut(at) else { return Vec::new() };
        let start = member.range.start;
        member.wishes.drain(..).map(|wish| Item::failed((start, wish.n), why.to_owned())).collect()
    }

    /// Removes what was begun and is not whole.
    pub(super) fn drop_stream(&mut self) {
        for out in self.stream.take().into_iter().flat_map(|stream| stream.outs) {
            // What cannot be removed is found and replaced by the next try.
            let _ = out.open.dir.remove(&out.part);
        }
    }

    fn begin(&mut self, at: usize, sums: Option<Sums>, round: &mut Round) {
        self.drop_stream();
        let Some(member) = self.members.get(at) else { return };
        let start = member.range.start;
        let mut outs = Vec::with_capacity(member.wishes.len());
        let mut failed = Vec::new();
        for wish in member.wishes.clone() {
            let part = part_name(self.plan, self.archive, (start, wish.n));
            // Before its folders are made.
            let mark = self.syncs.mark();
            match self.create(&wish, &part) {
                Ok((spot, open, file)) => outs.push(Out { wish, spot, open, part, file, mark }),
                Err(why) => {
                    failed.push(wish.n);
                    round.not((start, wish.n), wish.dest, why);
                }
            }
        }
        self.settled(at, &failed);
        self.stream = Some(Stream { member: at, sums, done: 0, outs });
    }

    fn create(&mut self, wish: &Wish, part: &OsStr) -> Result<(Arc<Spot>, Open, DiskFile), Wrong> {
        let target = wish.target.as_ref().map_err(|why| Wrong::File(NotRestored::NoTarget(*why)))?;
        let spot = Arc::new(Spot { dest: wish.dest, folders: target.folders.clone() });
        let at_root = spot.folders.is_empty();
        let mut tries = 0;
        loop {
            let Some(open) = self.folders.open(&spot, true)? else {
                return Err(Wrong::Place("the destination cannot be made".to_owned()));
            };
            // The device is known from here on: a sync that comes late sees what was written before it.
            self.syncs.about_to_write(open.device, &open.dir);
            match open.dir.create(part, 0o600) {
                Ok(file) => return Ok((spot, open, file)),
                // What an interrupted try left behind is begun anew.
                Err(e) if e.trouble() == Trouble::Exists && tries == 0 => {
                    open.dir.remove(part).map_err(|e| wrong(&e, at_root))?;
                }
                // The folder has been removed since it was opened.
                Err(e) if e.trouble() == Trouble::Missing && tries == 0 => self.folders.lost(&spot),
                Err(e) => return Err(wrong(&e, at_root)),
            }
            tries += 1;
        }
    }

    fn write(&mut self, bytes: &[u8], round: &mut Round) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(sums) = &mut stream.sums {
            sums.update(bytes);
        }
        let (at, done) = (stream.member, stream.done);
        let start = self.members.get(at).map_or(0, |member| member.range.start);
        let mut failed = Vec::new();
        stream.outs.retain(|out| {
            let Err(e) = out.file.write_at(bytes, done) else { return true };
            let _ = out.open.dir.remove(&out.part);
            failed.push(out.wish.n);
            round.not((start, out.wish.n), out.wish.dest, wrong(&e, false));
            false
        });
        stream.done += bytes.len() as u64;
        self.settled(at, &failed);
    }

    /// These wishes for a member need it no more.
    fn settled(&mut self, at: usize, wishes: &[u64]) {
        if let Some(member) = self.members.get_mut(at).filter(|_| !wishes.is_empty()) {
            member.wishes.retain(|wish| !wishes.contains(&wish.n));
        }
    }

    fn end(&mut self, round: &mut Round) {
        let Some(stream) = self.stream.take() else { return };
        let Some(member) = self.members.get(stream.member) else { return };
        let archive = || self.archive.to_string();
        let wrong_bytes = stream.sums.and_then(|sums| sums.check(member.sha256, member.md5, &archive()));
        if let Some(why) = wrong_bytes {
            for out in stream.outs {
                let _ = out.open.dir.remove(&out.part);
            }
            round.damaged.push((stream.member, why));
            return;
        }
        let (start, length) = (member.range.start, member.length());
        for out in stream.outs {
            let place = (start, out.wish.n);
            let inode = dress(&out.file, member.mode, member.mtime).and_then(|()| out.file.inode());
            match (inode, out.wish.target) {
                (Ok(inode), Ok(target)) => {
                    let landing = Landing {
                        spot: out.spot,
                        part: out.part,
                        inode,
                        name: target.name,
                        overwrite: out.wish.overwrite,
                        sha256: member.sha256,
                    };
                    let on = (out.open.device, out.mark);
                    let mut item = Item::settled(place, RestoreState::Delivered, length, on);
                    item.landing = Some(landing);
                    round.items.push(item);
                }
                (Err(e), _) => {
                    let _ = out.open.dir.remove(&out.part);
                    round.not(place, out.wish.dest, wrong(&e, false));
                }
                // Nothing is created for such a wish.
                (Ok(_), Err(_)) => {}
            }
        }
    }
}

impl Round {
    fn not(&mut self, place: Place, dest: DestId, why: Wrong) {
        match why {
            Wrong::File(why) => self.items.push(Item::failed(place, why.to_string())),
            Wrong::Place(why) => self.troubles.push((dest, why)),
        }
    }
}
