//! Writing a bundle: one writer, every byte hashed as it passes, a bad read cut back out.

use std::sync::Arc;

use super::leaves::{Hands, Leaves, Merged, Sink};
use super::manifest::{ManifestFile, ManifestWriter};
use super::name::Names;
use super::{END, MANIFEST, member};
use crate::base::disk::DiskError;
use crate::base::file::FoundFile;
use crate::base::hash::{Check, CheckKind, Hash16, Hash32};
use crate::base::ids::{ArchiveUuid, FileId, Generation};
use crate::base::{FileTime, Time};
use crate::store::{ClosedBy, NewMember, SealedBundle};
use crate::vault::tree::LEAF;

/// A bundle that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its sink failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its manifest could not be put into words.
    #[error("the manifest of a bundle cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// Whose file it is and what its bytes gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256 of the file.
    pub sha256: Hash32,
    /// MD5 of the file, when it was computed.
    pub md5: Option<Hash16>,
}

/// A file to be appended.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its row.
    pub file: FileId,
    /// Under which it was claimed.
    pub generation: Generation,
    /// The source's name.
    pub source: &'a str,
    /// What the source showed.
    pub found: &'a FoundFile,
}

/// A bundle being written.
pub struct Writer<S> {
    uuid: ArchiveUuid,
    leaves: Leaves<S>,
    /// The bytes of the current leaf.
    leaf: Vec<u8>,
    /// Bytes in leaves that were given away.
    given: u64,
    names: Names,
    members: Vec<NewMember>,
    manifest: ManifestWriter,
}

/// A place in a bundle to go back to.
pub struct Mark {
    leaf: Vec<u8>,
    given: u64,
    merged: Merged,
    names: Names,
    header_offset: u64,
    data_offset: u64,
    name: Vec<u8>,
}

impl<S: Sink> Writer<S> {
    /// An empty bundle; `check` is the hash that the vault will confirm.
    pub fn new(uuid: ArchiveUuid, check: CheckKind, sink: S, hands: Hands) -> Self {
        Self {
            uuid,
            leaves: Leaves::new(sink, check, hands),
            leaf: Vec::with_capacity(LEAF),
            given: 0,
            names: Names::new(),
            members: Vec::new(),
            manifest: ManifestWriter::default(),
        }
    }

    /// Its name.
    pub fn uuid(&self) -> ArchiveUuid {
        self.uuid
    }

    /// Bytes so far, without manifest and end.
    pub fn len(&self) -> u64 {
        self.given + self.leaf.len() as u64
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members it has.
    pub fn files(&self) -> u64 {
        self.members.len() as u64
    }

    /// Its members so far, as they were claimed.
    pub fn claims(&self) -> Vec<(FileId, Generation)> {
        self.members.iter().map(|m| (m.file, m.generation)).collect()
    }

    /// The sink.
    pub fn sink(&self) -> Arc<S> {
        self.leaves.sink()
    }

    /// Waits for what is under way and lets go of the sink. Blocks.
    pub fn discard(self) {
        self.leaves.discard();
    }

    /// Appends a file that is all there. Its length is the one its headers name: bounded by the slice itself.
    pub fn append(&mut self, member: Member<'_>, data: &[u8], digests: Digests) -> Result<(), WriteError> {
        let name = self.names.give(member.found.key.as_bytes());
        let header_offset = self.len();
        self.push(&member::head(&name, member.source, member.found))?;
        let data_offset = self.len();
        self.push(data)?;
        self.push(&[0; 512][..member::padding(data.len() as u64)])?;
        self.note(member, &name, (header_offset, data_offset), digests)
    }

    /// Begins a file that comes in pieces; the mark is where to go back to should it go wrong.
    pub fn begin(&mut self, member: Member<'_>) -> Result<Mark, WriteError> {
        let names = self.names.clone();
        let (leaf, given, merged) = (self.leaf.clone(), self.given, self.leaves.settle()?);
        let name = self.names.give(member.found.key.as_bytes());
        let header_offset = self.len();
        self.push(&member::head(&name, member.source, member.found))?;
        Ok(Mark { leaf, given, merged, names, header_offset, data_offset: self.len(), name })
    }

    /// The next bytes of the file that was begun.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.push(bytes)
    }

    /// Ends the file that was begun. Nothing but exactly its length may stand between its headers and here; else it is
    /// cut back out, and the answer is how many bytes there were.
    pub fn end(&mut self, member: Member<'_>, mark: Mark, digests: Digests) -> Result<Result<(), u64>, WriteError> {
        let length = self.len() - mark.data_offset;
        if length != member.found.length {
            self.cut_back(mark)?;
            return Ok(Err(length));
        }
        self.push(&[0; 512][..member::padding(length)])?;
        self.note(member, &mark.name, (mark.header_offset, mark.data_offset), digests)?;
        Ok(Ok(()))
    }

    /// Cuts a file that went wrong back out: the bundle is as it was before it.
    pub fn cut_back(&mut self, mark: Mark) -> Result<(), WriteError> {
        self.leaves.cut(mark.merged)?;
        self.leaf = mark.leaf;
        self.leaf.reserve(LEAF.saturating_sub(self.leaf.len()));
        self.given = mark.given;
        self.names = mark.names;
        Ok(())
    }

    fn note(
        &mut self,
        member: Member<'_>,
        name: &[u8],
        offsets: (u64, u64),
        digests: Digests,
    ) -> Result<(), WriteError> {
        self.members.push(NewMember {
            file: member.file,
            generation: member.generation,
            header_offset: offsets.0,
            data_offset: offsets.1,
            length: member.found.length,
            sha256: digests.sha256,
            md5: digests.md5,
        });
        let entry = ManifestFile::new(member.source, member.found, name, offsets, digests.sha256, digests.md5);
        Ok(self.manifest.push(&entry)?)
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(LEAF - self.leaf.len()));
            self.leaf.extend_from_slice(now);
            if self.leaf.len() == LEAF {
                self.flush()?;
            }
            bytes = rest;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let next = self.leaves.buffer();
        let leaf = std::mem::replace(&mut self.leaf, next);
        self.given += leaf.len() as u64;
        Ok(self.leaves.give(leaf)?)
    }

    /// Closes the bundle: manifest, end, last leaf.
    pub fn finish(mut self, closed_by: ClosedBy, closed: Time) -> Result<(SealedBundle, Arc<S>), WriteError> {
        let manifest_offset = self.len();
        let text = std::mem::take(&mut self.manifest).finish(self.uuid, closed)?;
        let mtime = FileTime { secs: closed.as_micros().div_euclid(1_000_000), nanos: 0 };
        self.push(&member::own_head(MANIFEST, text.len() as u64, mtime))?;
        self.push(&text)?;
        self.push(&[0; 512][..member::padding(text.len() as u64)])?;
        self.push(&[0; END])?;
        if !self.leaf.is_empty() {
            self.flush()?;
        }
        let (size, members) = (self.given, self.members);
        let (roots, sink) = self.leaves.finish()?;
        let sha256 = match roots.check {
            Check::Sha256(hash) => Some(hash),
            _ => None,
        };
        let sealed = SealedBundle {
            closed_by,
            size,
            manifest_offset,
            tree_hash: roots.tree,
            sha256,
            check: roots.check,
            members,
        };
        Ok((sealed, sink))
    }
}
