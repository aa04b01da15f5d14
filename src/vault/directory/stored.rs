//! What is stored: finding it, reading it, listing it, deleting it.

use std::ffi::OsStr;
use std::ops::Range;

use rustix::fs::FileType;
use xxhash_rust::xxh3::Xxh3Default;

use super::layout::{self, Stored};
use super::{IDENTITY_FILE, Inner, PIECE, Root};
use crate::base::Shown;
use crate::base::disk::{Dir, DiskFile, Trouble};
use crate::base::hash::{Check, Hash16};
use crate::base::ids::ArchiveUuid;
use crate::vault::{Confirmed, Head, Item, Page, Result, VaultError};

impl Inner {
    /// XXH3 of what the file system gives back.
    /// Hashes what a file holds; `told` hears how far it has come.
    pub(super) fn hash(&self, file: &DiskFile, size: u64, told: impl Fn(u64)) -> Result<Check> {
        let mut hasher = Xxh3Default::new();
        let mut piece = vec![0; PIECE];
        let mut offset = 0;
        while offset < size {
            let now = usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE);
            file.read_at(&mut piece[..now], offset).map_err(|e| self.disk(e))?;
            hasher.update(&piece[..now]);
            offset += now as u64;
            told(offset);
        }
        Ok(Check::Xxh3(Hash16(hasher.digest128().to_be_bytes())))
    }

    pub(super) fn find(&self, root: &Root, uuid: ArchiveUuid) -> Result<Option<Stored>> {
        let shard = match root.archives.sub(OsStr::new(&uuid.shard())) {
            Ok(shard) => shard,
            Err(e) if e.trouble() == Trouble::Missing => return Ok(None),
            Err(e) => return Err(self.disk(e)),
        };
        let mut found = None;
        shard
            .each_name(|name, _| {
                found = name.to_str().and_then(Stored::parse).filter(|stored| stored.name.uuid == uuid);
                found.is_none()
            })
            .map_err(|e| self.disk(e))?;
        Ok(found)
    }

    pub(super) fn open_stored(&self, root: &Root, remote_id: &[u8]) -> Result<DiskFile> {
        let unknown = || self.no_such(format!("archive {}", Shown::bytes(remote_id)));
        let stored = Stored::from_remote_id(remote_id).ok_or_else(unknown)?;
        let open = root
            .archives
            .sub(OsStr::new(&stored.shard))
            .and_then(|shard| shard.open_file(OsStr::new(&stored.file_name)));
        open.map_err(|e| if e.trouble() == Trouble::Missing { unknown() } else { self.disk(e) })
    }

    pub(super) fn inventory(&self, after: Option<&str>) -> Result<Page<Item>> {
        let root = self.root()?;
        let mut items = Vec::new();
        let shard = match after {
            None => {
                self.foreign(&root.dir, "", &mut items, |name| {
                    name == IDENTITY_FILE
                        || name == layout::ARCHIVES
                        || name == layout::INCOMING
                        || name == "lost+found"
                })?;
                self.foreign(&root.incoming, layout::INCOMING, &mut items, |name| {
                    name.to_str().is_some_and(|name| layout::incoming_uuid(name).is_some())
                })?;
                self.foreign(&root.archives, layout::ARCHIVES, &mut items, |name| {
                    name.to_str().is_some_and(layout::is_shard)
                })?;
                0
            }
            Some(text) => u8::from_str_radix(text, 16).map_err(|_| self.no_such(format!("page {text:?}")))?,
        };
        let shard_name = format!("{shard:02x}");
        match root.archives.sub(OsStr::new(&shard_name)) {
            Ok(dir) => {
                for name in dir.names().map_err(|e| self.disk(e))? {
                    let stored = name.to_str().and_then(Stored::parse).filter(|stored| stored.shard == shard_name);
                    let entry = dir.entry(&name).map_err(|e| self.disk(e))?;
                    match (stored, entry) {
                        (Some(stored), Some(entry)) if entry.kind == FileType::RegularFile => items
                            .push(Item::Archive { name: stored.name, remote_id: stored.remote_id(), size: entry.size }),
                        (_, Some(_)) => items.push(foreign(&format!("{}/{shard_name}", layout::ARCHIVES), &name)),
                        (_, None) => {}
                    }
                }
            }
            Err(e) if e.trouble() == Trouble::Missing => {}
            Err(e) => {
                // Somebody's file or link of such a name does not hide the shards after it.
                let entry = root.archives.entry(OsStr::new(&shard_name)).map_err(|e| self.disk(e))?;
                if entry.is_none_or(|entry| entry.kind == FileType::Directory) {
                    return Err(self.disk(e));
                }
                items.push(foreign(layout::ARCHIVES, OsStr::new(&shard_name)));
            }
        }
        Ok(Page { items, next: shard.checked_add(1).map(|next| format!("{next:02x}")) })
    }

    fn foreign(&self, dir: &Dir, within: &str, items: &mut Vec<Item>, ours: impl Fn(&OsStr) -> bool) -> Result<()> {
        dir.each_name(|name, _| {
            if !ours(name) {
                items.push(foreign(within, name));
            }
            // A folder full of somebody else's files is told by its first thousand.
            items.len() < 1000
        })
        .map_err(|e| self.disk(e))
    }

    pub(super) fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        let root = match self.root() {
            Ok(root) => root,
            Err(e) => return Ok(Head::CannotTell(e.to_string())),
        };
        let Some(stored) = self.find(&root, uuid)? else { return Ok(Head::Absent) };
        let file = self.open_stored(&root, &stored.remote_id())?;
        // A name that a power cut could still take away is not "stored".
        let shard = root.archives.sub(OsStr::new(&stored.shard)).and_then(|shard| shard.sync());
        if let Err(e) = shard.and_then(|()| file.sync()) {
            return Ok(Head::CannotTell(e.to_string()));
        }
        let size = file.size().map_err(|e| self.disk(e))?;
        let confirmed = Confirmed { remote_id: stored.remote_id(), check: self.hash(&file, size, |_| {})?, size };
        Ok(Head::Stored { name: stored.name, confirmed })
    }

    pub(super) fn read(&self, remote_id: &[u8], range: &Range<u64>) -> Result<Vec<u8>> {
        let root = self.root()?;
        let file = self.open_stored(&root, remote_id)?;
        let size = file.size().map_err(|e| self.disk(e))?;
        let wanted = range.end.checked_sub(range.start).filter(|_| range.end <= size);
        let Some(wanted) = wanted.and_then(|wanted| usize::try_from(wanted).ok()) else {
            let detail = format!("bytes {}..{} of an archive of {size} bytes", range.start, range.end);
            return Err(VaultError::NotPossible { vault: self.name.clone(), detail });
        };
        let mut bytes = vec![0; wanted];
        file.read_at(&mut bytes, range.start).map_err(|e| self.disk(e))?;
        Ok(bytes)
    }

    pub(super) fn delete(&self, remote_id: &[u8]) -> Result<()> {
        let unknown = || self.no_such(format!("archive {}", Shown::bytes(remote_id)));
        let stored = Stored::from_remote_id(remote_id).ok_or_else(unknown)?;
        let root = self.root()?;
        match root.archives.sub(OsStr::new(&stored.shard)) {
            Ok(shard) => {
                let removed = shard.remove(OsStr::new(&stored.file_name)).and_then(|()| shard.sync());
                removed.map_err(|e| self.disk(e))
            }
            Err(e) if e.trouble() == Trouble::Missing => Ok(()),
            Err(e) => Err(self.disk(e)),
        }
    }
}

fn foreign(within: &str, name: &OsStr) -> Item {
    use std::os::unix::ffi::OsStrExt as _;
    let mut path = within.as_bytes().to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
    Item::Foreign(path)
}
