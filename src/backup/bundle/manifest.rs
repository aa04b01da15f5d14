//! The manifest: what a bundle holds, so that a vault alone is enough to rebuild the catalog.

use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::base::Time;
use crate::base::encode;
use crate::base::file::FoundFile;
use crate::base::hash::{Hash16, Hash32};
use crate::base::ids::ArchiveUuid;

/// `MANIFEST.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The archive's name.
    pub uuid: String,
    /// When the bundle was closed, UTC.
    pub closed: String,
    /// How the members are encrypted: nothing, in this format's first version.
    pub encryption: Option<String>,
    /// The members, in order of offset.
    pub files: Vec<ManifestFile>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// The source's name.
    pub source: String,
    /// The key, percent-encoded bytes.
    pub key: String,
    /// The version as the source writes it (percent-encoded); a fid where the source has fids.
    pub version: String,
    /// Domain, where sources have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Class, where sources have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Bytes.
    pub length: u64,
    /// Permission bits, octal.
    pub mode: String,
    /// Last change of the content: seconds since 1970 UTC, nine decimals.
    pub mtime: String,
    /// The checksum that the source itself keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_checksum: Option<String>,
    /// MD5, when it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// SHA-256.
    pub sha256: String,
    /// The member's name, percent-encoded bytes.
    pub member: String,
    /// Where the member's first header starts.
    pub header_offset: u64,
    /// Where its bytes start.
    pub data_offset: u64,
}

impl ManifestFile {
    /// The entry of a member.
    pub fn new(
        source: &str,
        file: &FoundFile,
        member: &[u8],
        offsets: (u64, u64),
        sha256: Hash32,
        md5: Option<Hash16>,
    ) -> Self {
        Self {
            source: source.to_owned(),
            key: encode::percent(file.key.as_bytes()),
            version: encode::percent(file.version.as_bytes()),
            domain: file.domain.clone(),
            class: file.class.clone(),
            length: file.length,
            mode: format!("{:04o}", file.mode),
            mtime: file.mtime.to_string(),
            source_checksum: file.source_checksum.clone(),
            md5: md5.map(|md5| md5.to_string()),
            sha256: sha256.to_string(),
            member: encode::percent(member),
            header_offset: offsets.0,
            data_offset: offsets.1,
        }
    }
}

/// Puts a manifest into words, a line a file, as the files come: it keeps text, not objects.
#[derive(Debug, Default)]
pub struct ManifestWriter {
    lines: Vec<u8>,
}

impl ManifestWriter {
    /// Adds a file.
    pub fn push(&mut self, file: &ManifestFile) -> serde_json::Result<()> {
        self.lines.extend_from_slice(if self.lines.is_empty() { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut self.lines, file)
    }

    /// The whole manifest of a bundle closed at `closed`.
    pub fn finish(self, uuid: ArchiveUuid, closed: Time) -> serde_json::Result<Vec<u8>> {
        let (uuid, closed) = (uuid.to_string(), closed.to_string());
        let empty = Manifest { format: FORMAT.to_owned(), uuid, closed, encryption: None, files: Vec::new() };
        let mut text = serde_json::to_vec(&empty)?;
        // The object of a manifest without files ends in its empty list: the lines go into it.
        text.truncate(text.len().saturating_sub(2));
        text.extend_from_slice(&self.lines);
        text.extend_from_slice(b"\n]}\n");
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::FileTime;
    use crate::base::ids::{Key, Version};

    #[test]
    fn what_is_written_line_by_line_reads_back_as_one_object() {
        let uuid = ArchiveUuid(uuid::Uuid::nil());
        for count in [0u8, 1, 3] {
            let mut writer = ManifestWriter::default();
            let mut files = Vec::new();
            for n in 0..count {
                let found = FoundFile {
                    key: Key::new(vec![b'k', n, 0xff]),
                    version: Version::new(&b"1-2"[..]),
                    length: 7,
                    mode: 0o640,
                    mtime: FileTime { secs: -1, nanos: 5 },
                    domain: Some("d".to_owned()),
                    class: None,
                    source_checksum: None,
                };
                let file =
                    ManifestFile::new("ugc", &found, b"data/k", (0, 1024), Hash32([n; 32]), Some(Hash16([n; 16])));
                writer.push(&file).unwrap();
                files.push(file);
            }
            let text = writer.finish(uuid, Time::from_secs(0)).unwrap();
            assert_eq!(text.split(|byte| *byte == b'\n').count(), usize::from(count) + 3, "a line a file");
            let read: Manifest = serde_json::from_slice(&text).unwrap();
            let expected = Manifest {
                format: FORMAT.to_owned(),
                uuid: uuid.to_string(),
                closed: "1970-01-01T00:00:00Z".to_owned(),
                encryption: None,
                files,
            };
            assert_eq!(read, expected);
        }
    }
}
