//! On its way in: what comes whole, what comes in parts, and how it is checked and gets its final name.

use std::ffi::{OsStr, OsString};
use std::io;

use rustix::fs::FileType;

use super::layout::{self, Stored};
use super::{Inner, PIECE, Root, os};
use crate::base::disk::{Dir, DiskError, DiskFile, Trouble};
use crate::base::hash::Check;
use crate::base::ids::ArchiveUuid;
use crate::base::{Shown, faults};
use crate::vault::{ArchiveName, Confirmed, OpenUpload, Page, PartBody, Put, Result, VaultError};

/// Uploads that came out otherwise than they were sent, kept for people: no more than this.
const KEPT: usize = 8;

impl Inner {
    pub(super) fn put(&self, put: &Put) -> Result<Confirmed> {
        let root = self.root()?;
        let name = os(layout::incoming_name(put.name.uuid));
        let is_stored = match self.find(&root, put.name.uuid)? {
            Some(stored) if stored.name != put.name => return Err(self.taken(put.name.uuid)),
            stored => stored.is_some(),
        };
        // An earlier try may have got as far as `incoming`, or to the end; what counts is what the file holds.
        let is_here = root.incoming.entry(&name).map_err(|e| self.disk(e))?.is_some();
        if !is_here && !is_stored {
            self.take_in(&root, put, &name)?;
        }
        self.confirm_and_name(&root, put.name, put.size, put.expect, Some(put))
    }

    /// Moves the staged file into `incoming`, or copies it when it lies on another device.
    fn take_in(&self, root: &Root, put: &Put, name: &OsStr) -> Result<()> {
        let entry = put.staging.entry(&put.file).map_err(|e| self.disk(e))?;
        let Some(entry) = entry.filter(|entry| entry.kind == FileType::RegularFile) else {
            return Err(VaultError::NothingToSend { vault: self.name.clone(), archive: put.name.uuid });
        };
        if entry.device == root.incoming.device().map_err(|e| self.disk(e))? {
            match put.staging.rename_new(&put.file, &root.incoming, name) {
                // Two mounts of one file system have its device number in common, and no way between them.
                Err(e) if e.source.kind() == io::ErrorKind::CrossesDevices => {}
                moved => return moved.map_err(|e| self.disk(e)),
            }
        }
        let copy = os(layout::copying_name(put.name.uuid));
        root.incoming.remove(&copy).map_err(|e| self.disk(e))?;
        let copied = copy_into(put, &root.incoming, &copy, name);
        if copied.is_err() {
            // What there is of it is in the way of nothing; removing it frees its room.
            let _ = root.incoming.remove(&copy);
        }
        copied.map_err(|e| self.disk(e))
    }

    fn taken(&self, archive: ArchiveUuid) -> VaultError {
        VaultError::Taken { vault: self.name.clone(), archive }
    }

    /// Checks what lies in `incoming` and gives it its final name.
    fn confirm_and_name(
        &self,
        root: &Root,
        name: ArchiveName,
        size: u64,
        expect: Check,
        from: Option<&Put>,
    ) -> Result<Confirmed> {
        let incoming = os(layout::incoming_name(name.uuid));
        let stored = Stored::new(name);
        let shard = root.archives.sub_or_make(OsStr::new(&stored.shard)).map_err(|e| self.disk(e))?;
        let final_name = os(stored.file_name.clone());
        let file = match root.incoming.open_file(&incoming) {
            Ok(file) => file,
            Err(e) if e.trouble() == Trouble::Missing => {
                // Perhaps it has its final name already.
                let file = shard.open_file(&final_name).map_err(|e| match e.trouble() {
                    Trouble::Missing => VaultError::NothingToSend { vault: self.name.clone(), archive: name.uuid },
                    _ => self.disk(e),
                })?;
                let confirmed = self.checked(&file, &stored, size, expect, from)?;
                shard.sync().map_err(|e| self.unknown(name.uuid, &e))?;
                return Ok(confirmed);
            }
            Err(e) => return Err(self.disk(e)),
        };
        // The deliberate mistake of the crash tests: the state learns of an archive before the disk has it.
        let durable = !faults::bug("commit-before-fsync");
        if durable {
            file.sync().map_err(|e| self.disk(e))?;
        }
        let confirmed = match self.checked(&file, &stored, size, expect, from) {
            Ok(confirmed) => confirmed,
            Err(e @ (VaultError::Mismatch { .. } | VaultError::WrongSize { .. })) => {
                self.set_aside(root, &incoming, name, from)?;
                return Err(e);
            }
            Err(e) => return Err(e),
        };
        root.incoming.rename_new(&incoming, &shard, &final_name).map_err(|e| match e.trouble() {
            Trouble::Exists => VaultError::Taken { vault: self.name.clone(), archive: name.uuid },
            _ => self.unknown(name.uuid, &e),
        })?;
        if durable {
            shard.sync().map_err(|e| self.unknown(name.uuid, &e))?;
        }
        Ok(confirmed)
    }

    /// What came out otherwise than it was sent does not stay where it would be taken for sent, and is not lost either:
    /// a file that was moved in goes back to its staging folder, parts stay under another name. Only a copy is removed.
    fn set_aside(&self, root: &Root, incoming: &OsStr, name: ArchiveName, from: Option<&Put>) -> Result<()> {
        if let Some(put) = from {
            let is_copy = put.staging.entry(&put.file).map_err(|e| self.disk(e))?.is_some();
            if is_copy {
                return root.incoming.remove(incoming).map_err(|e| self.disk(e));
            }
            if root.incoming.rename_new(incoming, &put.staging, &put.file).is_ok() {
                return Ok(());
            }
        }
        let kept = root.incoming.names().map_err(|e| self.disk(e))?;
        if kept.iter().filter(|name| layout::is_damaged(name)).count() >= KEPT {
            // Enough to look into; the vault is not filled with them.
            return root.incoming.remove(incoming).map_err(|e| self.disk(e));
        }
        let damaged = os(layout::damaged_name(name.uuid));
        root.incoming.rename_new(incoming, &root.incoming, &damaged).map_err(|e| self.disk(e))
    }

    fn unknown(&self, archive: ArchiveUuid, e: &DiskError) -> VaultError {
        VaultError::OutcomeUnknown { vault: self.name.clone(), archive, detail: e.to_string() }
    }

    /// Reads a file back and compares it with what was promised. Of a file that was copied in, that is the second half
    /// of the way.
    fn checked(
        &self,
        file: &DiskFile,
        stored: &Stored,
        size: u64,
        expect: Check,
        from: Option<&Put>,
    ) -> Result<Confirmed> {
        let archive = stored.name.uuid;
        let found = file.size().map_err(|e| self.disk(e))?;
        if found != size {
            return Err(VaultError::WrongSize { vault: self.name.clone(), archive, expected: size, found });
        }
        let before = from.map_or(0, |put| put.progress.bytes().min(size));
        let told = |read: u64| {
            if let Some(put) = from {
                // In 128 bits: the product of two sizes.
                let rest = u128::from(size - before) * u128::from(read) / u128::from(size.max(1));
                put.progress.set(before + u64::try_from(rest).unwrap_or(0));
            }
        };
        let check = self.hash(file, size, told)?;
        if check != expect {
            return Err(VaultError::Mismatch { vault: self.name.clone(), archive, expected: expect, found: check });
        }
        Ok(Confirmed { remote_id: stored.remote_id(), check, size })
    }

    pub(super) fn begin(&self, name: ArchiveName) -> Result<Vec<u8>> {
        let root = self.root()?;
        if self.find(&root, name.uuid)?.is_some() {
            return Err(self.taken(name.uuid));
        }
        let file = layout::incoming_name(name.uuid);
        // Anything left of an earlier upload of that name is begun anew.
        root.incoming.remove(OsStr::new(&file)).map_err(|e| self.disk(e))?;
        root.incoming.create(OsStr::new(&file), 0o640).map_err(|e| self.disk(e))?;
        root.incoming.sync().map_err(|e| self.disk(e))?;
        Ok(file.into_bytes())
    }

    pub(super) fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: &PartBody) -> Result<Vec<u8>> {
        let (name, _) = self.upload(upload_id)?;
        let root = self.root()?;
        let file = root.incoming.open_write(&name).map_err(|e| match e.trouble() {
            Trouble::Missing => self.no_upload(upload_id),
            _ => self.disk(e),
        })?;
        let offset = u64::from(number).saturating_mul(part_size);
        file.write_at((**body).as_ref(), offset).map_err(|e| self.disk(e))?;
        file.sync().map_err(|e| self.disk(e))?;
        Ok(number.to_string().into_bytes())
    }

    pub(super) fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let mine = internal_name(upload_id).is_some_and(|(_, uuid)| uuid == name.uuid);
        if !mine {
            return Err(self.no_such(format!("upload {} of {}", Shown::bytes(upload_id), name.uuid)));
        }
        let root = self.root()?;
        self.confirm_and_name(&root, name, size, expect, None)
    }

    pub(super) fn uploads(&self) -> Result<Page<OpenUpload>> {
        let root = self.root()?;
        let mut items = Vec::new();
        for name in root.incoming.names().map_err(|e| self.disk(e))? {
            let Some((text, uuid)) = name.to_str().and_then(|t| Some((t, layout::incoming_uuid(t)?))) else {
                continue;
            };
            if let Some(entry) = root.incoming.entry(&name).map_err(|e| self.disk(e))? {
                items.push(OpenUpload { upload_id: text.as_bytes().to_vec(), uuid: Some(uuid), size: entry.size });
            }
        }
        Ok(Page { items, next: None })
    }

    pub(super) fn abort(&self, upload_id: &[u8]) -> Result<()> {
        let (name, _) = self.upload(upload_id)?;
        let root = self.root()?;
        root.incoming.remove(&name).and_then(|()| root.incoming.sync()).map_err(|e| self.disk(e))
    }

    fn upload(&self, upload_id: &[u8]) -> Result<(OsString, ArchiveUuid)> {
        internal_name(upload_id).ok_or_else(|| self.no_upload(upload_id))
    }

    fn no_upload(&self, upload_id: &[u8]) -> VaultError {
        self.no_such(format!("upload {}", Shown::bytes(upload_id)))
    }
}

fn internal_name(upload_id: &[u8]) -> Option<(OsString, ArchiveUuid)> {
    let name = std::str::from_utf8(upload_id).ok()?;
    Some((os(name), layout::incoming_uuid(name)?))
}

fn copy_into(put: &Put, incoming: &Dir, copy: &OsStr, name: &OsStr) -> std::result::Result<(), DiskError> {
    let from = put.staging.open_file(&put.file)?;
    let to = incoming.create(copy, 0o440)?;
    let size = from.size()?;
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < size {
        let now = usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE);
        from.read_at(&mut piece[..now], offset)?;
        to.write_at(&piece[..now], offset)?;
        offset += now as u64;
        put.progress.set(offset / 2);
    }
    to.sync()?;
    incoming.rename_new(copy, incoming, name)
}
