//! Names in a directory vault. Pure.

use uuid::Uuid;

use crate::base::ids::ArchiveUuid;
use crate::vault::ArchiveName;

pub(super) const ARCHIVES: &str = "archives";
pub(super) const INCOMING: &str = "incoming";

/// Where a stored archive stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub name: ArchiveName,
    pub shard: String,
    pub file_name: String,
}

impl Stored {
    pub(super) fn new(name: ArchiveName) -> Self {
        Self { name, shard: name.uuid.shard(), file_name: format!("{}.m{}.tar", name.uuid, name.manifest_offset) }
    }

    /// Reads a file name; nothing unless it is spelled exactly as firn spells it.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (uuid, rest) = file_name.split_once('.')?;
        let offset = rest.strip_prefix('m')?.strip_suffix(".tar")?;
        let uuid = ArchiveUuid(Uuid::try_parse(uuid).ok()?);
        let stored = Self::new(ArchiveName { uuid, manifest_offset: offset.parse().ok()? });
        (stored.file_name == file_name).then_some(stored)
    }

    /// The vault's name for it: the path below the vault's folder.
    pub(super) fn remote_id(&self) -> Vec<u8> {
        format!("{ARCHIVES}/{}/{}", self.shard, self.file_name).into_bytes()
    }

    /// The archive behind such a name; nothing for any other path, so that none can lead elsewhere.
    pub(super) fn from_remote_id(remote_id: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(remote_id).ok()?;
        let stored = Self::parse(text.rsplit_once('/')?.1)?;
        (stored.remote_id() == remote_id).then_some(stored)
    }
}

pub(super) fn incoming_name(uuid: ArchiveUuid) -> String {
    format!("{uuid}.tar")
}

pub(super) fn copying_name(uuid: ArchiveUuid) -> String {
    format!("{uuid}.copying")
}

/// What is kept of an upload that came out otherwise than it was sent.
pub(super) fn damaged_name(uuid: ArchiveUuid) -> String {
    format!("{uuid}.damaged")
}

/// Whether a file in `incoming` is such a one.
pub(super) fn is_damaged(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b".damaged")
}

/// The archive that a file in `incoming` belongs to.
pub(super) fn incoming_uuid(name: &str) -> Option<ArchiveUuid> {
    let (stem, _) = name.rsplit_once('.').filter(|(_, end)| matches!(*end, "tar" | "copying"))?;
    let uuid = Uuid::try_parse(stem).ok()?;
    (uuid.to_string() == stem).then_some(ArchiveUuid(uuid))
}

/// Two lower-case hex digits.
pub(super) fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0193a1b2-0000-7000-8000-0000000000aa";

    #[test]
    fn a_stored_name_reads_back() {
        let stored = Stored::parse(&format!("{UUID}.m25000448.tar")).unwrap();
        assert_eq!(stored.name.manifest_offset, 25_000_448);
        assert_eq!(stored.remote_id(), format!("archives/aa/{UUID}.m25000448.tar").into_bytes());
        assert_eq!(Stored::from_remote_id(&stored.remote_id()), Some(stored));
    }

    #[test]
    fn no_other_path_is_taken_for_an_archive() {
        for path in [
            format!("archives/ab/{UUID}.m1.tar"),
            format!("archives/aa/../aa/{UUID}.m1.tar"),
            format!("/archives/aa/{UUID}.m1.tar"),
            format!("archives/aa/{UUID}.m01.tar"),
            format!("archives/aa/{}.m1.tar", UUID.to_uppercase()),
            "archives/aa/x.tar".to_owned(),
            format!("{UUID}.m1.tar"),
        ] {
            assert_eq!(Stored::from_remote_id(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn names_in_incoming() {
        assert!(incoming_uuid(&format!("{UUID}.tar")).is_some());
        assert!(incoming_uuid(&format!("{UUID}.copying")).is_some());
        assert!(incoming_uuid("notes.tar").is_none());
        assert!(incoming_uuid(&format!("{UUID}.m1.tar")).is_none());
        assert!(is_shard("0f") && !is_shard("0F") && !is_shard("0g") && !is_shard("000"));
    }
}
