//! Uploads in parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Op, Receipt, checked_description};
use super::hash::{self, MIB};
use super::refusal::Refusal;
use super::shelf::Body;
use crate::base::Time;
use crate::base::hash::Hash32;

/// Parts of an upload at most.
pub const PART_LIMIT: u64 = 10_000;
/// The largest part, bytes.
pub(super) const LARGEST_PART: u64 = 4 << 30;

/// An upload.
#[derive(Debug)]
pub(super) struct Upload {
    description: Arc<str>,
    part_size: u64,
    begun: Time,
    /// When something happened to it last.
    touched: Time,
    /// Parts by their first byte.
    parts: BTreeMap<u64, Arc<Body>>,
    /// What became of it: kept for a while, so that a repeated request gets the same reply.
    completed: Option<Receipt>,
}

impl Upload {
    pub(super) fn lives_at(&self, now: Time, lives: Duration, replays: Duration) -> bool {
        now.since(self.touched) <= if self.completed.is_some() { replays } else { lives }
    }
}

/// An upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadView {
    /// Its id.
    pub upload_id: Arc<str>,
    /// What the archive will be described as; from outside.
    pub description: Arc<str>,
    /// Bytes of a part.
    pub part_size: u64,
    /// When it was begun.
    pub begun: Time,
    /// Bytes of the parts that are there.
    pub size: u64,
}

fn no_upload(id: &str) -> Refusal {
    Refusal::NotFound { what: "upload", id: id.to_owned() }
}

fn part_key(upload_id: &str, start: u64) -> String {
    format!("{upload_id}/{start}")
}

impl Core {
    /// Begins an upload in parts of `part_size` bytes. Returns its id.
    pub fn initiate_upload(&mut self, now: Time, description: &str, part_size: u64) -> Result<Arc<str>, Refusal> {
        let fate = self.admit(now, Op::Initiate, description)?;
        let begun = checked_description(description).and_then(|description| {
            if !part_size.is_power_of_two() || !(MIB..=LARGEST_PART).contains(&part_size) {
                return Err(Refusal::BadPartSize(part_size));
            }
            let id = self.new_id("upload", &description, 92);
            let (begun, touched) = (self.now, self.now);
            let upload = Upload { description, part_size, begun, touched, parts: BTreeMap::new(), completed: None };
            self.uploads.insert(Arc::clone(&id), upload);
            Ok(id)
        });
        self.note(Op::Initiate.logged(), None, 0, begun.is_ok());
        fate.reply(begun)
    }

    /// Takes the part that starts at byte `start`; one that is there already is replaced. A part in the middle may be
    /// short: completing then fails. Returns the tree hash that the service computed.
    pub fn upload_part(
        &mut self,
        now: Time,
        upload_id: &str,
        start: u64,
        stated: Hash32,
        body: Body,
    ) -> Result<Hash32, Refusal> {
        let fate = self.admit(now, Op::Part, &part_key(upload_id, start))?;
        let size = body.size();
        let taken = self.take_part(upload_id, start, stated, body);
        self.note(Op::Part.logged(), None, size, taken.is_ok());
        fate.hash(taken)
    }

    fn take_part(&mut self, upload_id: &str, start: u64, stated: Hash32, body: Body) -> Result<Hash32, Refusal> {
        let now = self.now;
        let upload = self.uploads.get_mut(upload_id).filter(|upload| upload.completed.is_none());
        let upload = upload.ok_or_else(|| no_upload(upload_id))?;
        let (part_size, size) = (upload.part_size, body.size());
        if !start.is_multiple_of(part_size) {
            return Err(Refusal::PartMisaligned { start, part_size });
        }
        if start / part_size >= PART_LIMIT {
            return Err(Refusal::TooManyParts(start / part_size + 1));
        }
        if size == 0 || size > part_size {
            return Err(Refusal::BadPart { size, part_size });
        }
        let computed = body.tree_hash();
        if computed != stated {
            return Err(Refusal::HashMismatch { stated, computed });
        }
        upload.touched = now;
        upload.parts.insert(start, Arc::new(body));
        Ok(computed)
    }

    /// Makes an archive of an upload's parts, if they are all there and are what was stated.
    pub fn complete_upload(
        &mut self,
        now: Time,
        upload_id: &str,
        size: u64,
        stated: Hash32,
    ) -> Result<Receipt, Refusal> {
        let fate = self.admit(now, Op::Complete, upload_id)?;
        let completed = self.put_together(upload_id, size, stated);
        self.note(Op::Complete.logged(), None, 0, completed.is_ok());
        fate.receipt(completed)
    }

    fn put_together(&mut self, upload_id: &str, size: u64, stated: Hash32) -> Result<Receipt, Refusal> {
        let upload = self.uploads.get(upload_id).ok_or_else(|| no_upload(upload_id))?;
        if let Some(receipt) = &upload.completed {
            // Asked again within the time for that: the same archive, if it is asked for as the same.
            return match (receipt.tree_hash, receipt.size) {
                (hash, _) if hash != stated => Err(Refusal::HashMismatch { stated, computed: hash }),
                (_, found) if found != size => Err(Refusal::TooLong { stated: size, found }),
                _ => Ok(receipt.clone()),
            };
        }
        let mut end = 0;
        for (start, part) in &upload.parts {
            if *start != end {
                break;
            }
            end += part.size();
        }
        let all: u64 = upload.parts.values().map(|part| part.size()).sum();
        if all > size {
            return Err(Refusal::TooLong { stated: size, found: all });
        }
        if end != size || size == 0 {
            return Err(Refusal::Incomplete { stated: size, found: end });
        }
        let leaves: Vec<Hash32> = upload.parts.values().flat_map(|part| part.leaves()).copied().collect();
        let computed = hash::root(&leaves);
        if computed != stated {
            return Err(Refusal::HashMismatch { stated, computed });
        }
        let (description, starts) = (Arc::clone(&upload.description), upload.parts.keys().copied().collect::<Vec<_>>());
        let content = upload.parts.values().cloned().collect();
        let receipt = self.hold(description, content, size, computed);
        let touched = self.now;
        if let Some(upload) = self.uploads.get_mut(upload_id) {
            upload.parts.clear();
            upload.touched = touched;
            upload.completed = Some(receipt.clone());
        }
        for start in starts {
            self.forget_turns(Op::Part, part_key(upload_id, start));
        }
        Ok(receipt)
    }

    /// Throws an upload away; one that is not there is fine.
    pub fn abort_upload(&mut self, now: Time, upload_id: &str) -> Result<(), Refusal> {
        let fate = self.admit(now, Op::Abort, upload_id)?;
        if self.uploads.get(upload_id).is_some_and(|upload| upload.completed.is_none()) {
            self.uploads.remove(upload_id);
        }
        self.note(Op::Abort.logged(), None, 0, true);
        fate.reply(Ok(()))
    }

    /// Uploads that are neither completed nor aborted, by id, from the one after `after` on; at most `limit`. The second
    /// value is what to hand in for the next page.
    pub fn list_uploads(
        &mut self,
        now: Time,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UploadView>, Option<Arc<str>>), Refusal> {
        let fate = self.admit(now, Op::Uploads, after.unwrap_or(""))?;
        let view = |(id, upload): (&Arc<str>, &Upload)| UploadView {
            upload_id: Arc::clone(id),
            description: Arc::clone(&upload.description),
            part_size: upload.part_size,
            begun: upload.begun,
            size: upload.parts.values().map(|part| part.size()).sum(),
        };
        let open = self.uploads.iter().filter(|(_, upload)| upload.completed.is_none());
        let mut page: Vec<UploadView> =
            open.filter(|(id, _)| after.is_none_or(|after| &***id > after)).take(limit.max(1) + 1).map(view).collect();
        let more = page.len() > limit.max(1);
        page.truncate(limit.max(1));
        let next = page.last().filter(|_| more).map(|last| Arc::clone(&last.upload_id));
        self.note(Op::Uploads.logged(), None, 0, true);
        fate.reply(Ok((page, next)))
    }
}
