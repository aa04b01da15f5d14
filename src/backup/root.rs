//! Whether a source's root is what it was: the difference between a file that was deleted and a disk that was not
//! mounted. Pure.

use crate::base::units::Count;
use crate::base::{Finding, Severity, Time};
use crate::source::{Root, SourceError};
use crate::store::SourceRow;

/// The rule of the finding.
pub const RULE: &str = "source.root";

/// Nothing of the source is scanned or taken for gone while this holds; the finding otherwise.
pub fn judge(row: &SourceRow, place: &str, root: &Result<Root, SourceError>, now: Time) -> Result<Root, Box<Finding>> {
    let finding = || Finding::new(RULE, row.name.as_str(), Severity::Critical, now);
    let held = |finding| Err(Box::new(finding));
    let seen = row.files_present.unwrap_or(0);
    match root {
        Err(e) => held(
            finding()
                .value(e.to_string())
                .limit(format!("a folder that can be read at {place}"))
                .next("mount the disk or mend [[source]] path; nothing is taken for deleted meanwhile"),
        ),
        Ok(root) if root.is_empty && (seen > 0 || row.has_files) => held(
            finding()
                .value(match seen {
                    0 => format!("{place} is empty; files of it are known, and no scan has gone through yet"),
                    seen => format!("{place} is empty; the last scan saw {} files", Count(seen)),
                })
                .limit("the files, or at least one of them")
                .next("mount the disk; if the files were really all deleted, put one file there to say so"),
        ),
        Ok(root) if row.device.is_some() && root.device.is_some() && root.device != row.device => held(
            finding()
                .value(format!("{place} is on another file system than before"))
                .limit("the file system of the last scan")
                .next(format!("mount the disk; if it was meant to move: firn source accept {}", row.name)),
        ),
        Ok(root) => Ok(*root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::SourceId;

    fn row(device: Option<u64>, files_present: Option<u64>) -> SourceRow {
        let has_files = files_present.is_some_and(|files| files > 0);
        let (id, name) = (SourceId(1), "ugc".to_owned());
        SourceRow { id, name, device, files_present, scanned: None, scanned_by: None, has_files }
    }

    #[allow(clippy::unnecessary_wraps)] // what a source answers with
    fn root(device: u64, is_empty: bool) -> Result<Root, SourceError> {
        Ok(Root { device: Some(device), is_empty, inode: Some(2) })
    }

    #[test]
    fn a_root_that_is_what_it_was() {
        let now = Time::default();
        for (row, root) in [
            (row(None, None), root(7, false)),
            (row(None, None), root(7, true)),
            (row(Some(7), Some(12)), root(7, false)),
            (row(Some(7), Some(0)), root(7, true)),
        ] {
            assert_eq!(judge(&row, "/srv", &root, now).ok(), root.ok());
        }
    }

    #[test]
    fn a_root_that_is_missing_empty_or_elsewhere_is_critical_and_says_which() {
        let now = Time::default();
        let missing =
            Err(SourceError::NoRoot { name: "ugc".into(), place: "/srv".into(), detail: "no such folder".into() });
        let half_scanned = SourceRow { has_files: true, ..row(Some(7), None) };
        let cases = [
            (half_scanned, root(7, true), "/srv is empty; files of it are known, and no scan has gone through yet"),
            (row(Some(7), Some(1200)), missing, "cannot be opened: no such folder"),
            (row(Some(7), Some(1200)), root(7, true), "/srv is empty; the last scan saw 1,200 files"),
            (row(Some(7), Some(1200)), root(8, false), "/srv is on another file system than before"),
        ];
        for (row, root, value) in cases {
            let finding = judge(&row, "/srv", &root, now).unwrap_err();
            assert_eq!((finding.severity, finding.key.rule), (Severity::Critical, "source.root"));
            assert!(finding.value.contains(value), "{}", finding.value);
        }
    }
}
