//! The file that tells a vault from a folder, and one vault from another.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Inner;
use crate::base::Time;
use crate::base::disk::{Dir, DiskError, Trouble};
use crate::base::ids::VaultUuid;
use crate::vault::{Result, VaultError};

/// Its name in the vault's folder.
pub const IDENTITY_FILE: &str = "firn-vault.json";
/// It is written under this name first.
const NEW: &str = "firn-vault.json.new";
/// The format it names.
const FORMAT: &str = "firn-vault-1";
/// A longer file is not it.
const LONGEST: u64 = 4096;

/// What stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Which vault.
    pub uuid: VaultUuid,
}

#[derive(Serialize, Deserialize)]
struct Written {
    format: String,
    uuid: String,
    made: String,
}

impl Inner {
    pub(super) fn other(&self, found: VaultUuid, expected: VaultUuid) -> VaultError {
        VaultError::OtherIdentity { vault: self.name.clone(), place: self.place(), found, expected }
    }

    pub(super) fn read_identity(&self, dir: &Dir) -> Result<Option<Identity>> {
        let bad = |detail: String| VaultError::BadIdentity {
            vault: self.name.clone(),
            place: self.place(),
            file: IDENTITY_FILE,
            detail,
        };
        let file = match dir.open_file(OsStr::new(IDENTITY_FILE)) {
            Ok(file) => file,
            Err(e) if e.trouble() == Trouble::Missing => return Ok(None),
            Err(e) => return Err(self.disk(e)),
        };
        let size = file.size().map_err(|e| self.disk(e))?;
        let length = usize::try_from(size).ok().filter(|_| size <= LONGEST);
        let mut text = vec![0; length.ok_or_else(|| bad(format!("it has {size} bytes, over {LONGEST}")))?];
        file.read_at(&mut text, 0).map_err(|e| self.disk(e))?;
        let written: Written = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
        if written.format != FORMAT {
            return Err(bad(format!("its format is not {FORMAT:?}")));
        }
        let uuid = Uuid::try_parse(&written.uuid).map_err(|e| bad(format!("its uuid is none: {e}")))?;
        Ok(Some(Identity { uuid: VaultUuid(uuid) }))
    }
}

/// Folders first, the identity last: a folder with an identity is a whole vault.
pub(super) fn make(dir: &Dir, uuid: VaultUuid, now: Time) -> std::result::Result<(), DiskError> {
    for name in [super::layout::ARCHIVES, super::layout::INCOMING] {
        dir.make_dir(OsStr::new(name))?;
    }
    dir.remove(OsStr::new(NEW))?;
    let written = Written { format: FORMAT.to_owned(), uuid: uuid.to_string(), made: now.to_string() };
    let text = serde_json::json!({ "format": written.format, "uuid": written.uuid, "made": written.made });
    let file = dir.create(OsStr::new(NEW), 0o644)?;
    file.write_at(format!("{text:#}\n").as_bytes(), 0)?;
    file.sync()?;
    dir.rename_new(OsStr::new(NEW), dir, OsStr::new(IDENTITY_FILE))?;
    dir.sync()
}
