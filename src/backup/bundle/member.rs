//! The bytes before a member's data: a pax header and a ustar header.

use tar::{EntryType, Header};

use super::{BLOCK, padded};
use crate::base::encode;
use crate::base::file::FoundFile;
use crate::base::time::FileTime;

/// The largest size a ustar header holds in octal; beyond it a pax record says it.
const USTAR_LARGEST: u64 = 0o77_777_777_777;
/// Bytes of a ustar header's name.
const USTAR_NAME: usize = 100;

/// Everything before the data of a file of a source.
pub fn head(name: &[u8], source: &str, file: &FoundFile) -> Vec<u8> {
    let mut comment = format!(
        "firn1 source={} key={} version={}",
        encode::percent(source.as_bytes()),
        encode::percent(file.key.as_bytes()),
        encode::percent(file.version.as_bytes())
    );
    for (field, value) in [("domain", &file.domain), ("class", &file.class)] {
        if let Some(value) = value {
            comment = format!("{comment} {field}={}", encode::percent(value.as_bytes()));
        }
    }
    headers(name, file.length, file.mode, file.mtime, Some(&comment))
}

/// Everything before the data of a member that firn itself adds.
pub fn own_head(name: &str, length: u64, mtime: FileTime) -> Vec<u8> {
    headers(name.as_bytes(), length, 0o644, mtime, None)
}

fn headers(name: &[u8], length: u64, mode: u32, mtime: FileTime, comment: Option<&str>) -> Vec<u8> {
    let mut records = Vec::new();
    if length > USTAR_LARGEST {
        record(&mut records, "size", length.to_string().as_bytes());
    }
    if mtime.nanos > 0 || !(0..=USTAR_LARGEST.cast_signed()).contains(&mtime.secs) {
        record(&mut records, "mtime", mtime.to_string().as_bytes());
    }
    if let Some(comment) = comment {
        record(&mut records, "comment", comment.as_bytes());
    }
    // Last, because it may hold a newline: readers that go by lines instead of lengths get the rest right.
    if name.len() > USTAR_NAME {
        if std::str::from_utf8(name).is_err() {
            // Pax text is UTF-8 unless it says otherwise.
            record(&mut records, "hdrcharset", b"BINARY");
        }
        record(&mut records, "path", name);
    }
    let mut out = Vec::with_capacity(4 * 512);
    if !records.is_empty() {
        let pax = ustar(b"PaxHeaders/firn", records.len() as u64, 0o644, FileTime::default(), EntryType::XHeader);
        out.extend_from_slice(pax.as_bytes());
        out.extend_from_slice(&records);
        pad(&mut out);
    }
    out.extend_from_slice(ustar(name, length, mode, mtime, EntryType::Regular).as_bytes());
    out
}

fn ustar(name: &[u8], length: u64, mode: u32, mtime: FileTime, kind: EntryType) -> Header {
    let mut header = Header::new_ustar();
    if let Some(ustar) = header.as_ustar_mut() {
        let short = &name[..name.len().min(USTAR_NAME)];
        ustar.name[..short.len()].copy_from_slice(short);
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(length.min(USTAR_LARGEST));
    header.set_mtime(u64::try_from(mtime.secs).unwrap_or(0).min(USTAR_LARGEST));
    header.set_cksum();
    header
}

/// `<length> <key>=<value>\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = 1 + key.len() + 1 + value.len() + 1;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Fills up to a whole block with zeros.
pub fn pad(out: &mut Vec<u8>) {
    let whole = padded(out.len() as u64);
    out.resize(usize::try_from(whole).unwrap_or(out.len()), 0);
}

/// How many bytes of padding follow `length` bytes of data.
pub fn padding(length: u64) -> usize {
    // Always below a block.
    usize::try_from(padded(length) - length).unwrap_or(0)
}

/// A generous estimate of what a member adds to a tar, for budgets: data, padding, headers, its line in the manifest.
pub fn cost(key_length: usize, length: u64) -> u64 {
    padded(length) + 4 * BLOCK + 6 * (key_length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Key, Version};
    use proptest::prelude::*;
    use std::io::Read as _;

    fn file(key: &[u8], length: u64, mtime: FileTime) -> FoundFile {
        FoundFile {
            key: Key::new(key),
            version: Version::new(&b"1-2.3"[..]),
            length,
            mode: 0o640,
            mtime,
            domain: None,
            class: Some("large image".to_owned()),
            source_checksum: None,
        }
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for length in [1, 5, 90, 91, 92, 989, 990, 991] {
            let mut out = Vec::new();
            record(&mut out, "comment", &vec![b'x'; length]);
            let said: usize = std::str::from_utf8(&out).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, out.len());
        }
    }

    #[test]
    fn the_comment_says_what_it_is() {
        let head = head(b"data/a b", "ugc", &file(b"a b", 3, FileTime::default()));
        let text = String::from_utf8_lossy(&head);
        assert!(text.contains("comment=firn1 source=ugc key=a%20b version=1-2.3 class=large%20image\n"), "{text}");
        assert_eq!(head.len() % 512, 0);
    }

    #[test]
    fn sizes_beyond_octal_stand_in_a_record() {
        let head = head(b"data/x", "ugc", &file(b"x", 10 << 30, FileTime::default()));
        assert!(String::from_utf8_lossy(&head).contains("20 size=10737418240\n"));
    }

    proptest! {
        /// A stock reader finds the name, size, mode and time that were written, for any bytes in the name.
        #[test]
        fn read_back_by_another_reader(
            name in prop::collection::vec(1u8..=255, 1..300).prop_filter("no slash runs", |n| !n.contains(&b'/')),
            data in prop::collection::vec(any::<u8>(), 0..2000),
            secs in -2_000_000_000i64..=20_000_000_000, nanos in 0u32..1_000_000_000,
        ) {
            let name = [b"data/", name.as_slice()].concat();
            let mut tar = head(&name, "ugc", &file(b"k", data.len() as u64, FileTime { secs, nanos }));
            tar.extend_from_slice(&data);
            pad(&mut tar);
            tar.extend_from_slice(&[0; 1024]);
            let mut archive = tar::Archive::new(tar.as_slice());
            let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
            let path = entry.path_bytes().into_owned();
            // The stock reader goes by lines; GNU tar, which goes by lengths, is asked in the tests of whole archives.
            if name.len() <= 100 || !name.contains(&b'\n') {
                prop_assert_eq!(path, name);
            }
            prop_assert_eq!(entry.header().mode().unwrap(), 0o640);
            if nanos == 0 && (0..=8_589_934_591).contains(&secs) {
                prop_assert_eq!(entry.header().mtime().unwrap(), secs.unsigned_abs());
            } else {
                let pax = entry.pax_extensions().unwrap().unwrap();
                let mtime = pax.filter_map(Result::ok).find(|r| r.key() == Ok("mtime")).unwrap();
                prop_assert_eq!(mtime.value().unwrap(), FileTime { secs, nanos }.to_string());
            }
            let mut read = Vec::new();
            entry.read_to_end(&mut read).unwrap();
            prop_assert_eq!(read, data);
        }
    }
}
