//! All about one thing, as lines. Pure: from rows of the state to names and values.

use std::fmt::Write as _;

use super::format;
use super::theme::Role;
use crate::base::ids::ArchiveUuid;
use crate::base::units::{Count, Size};
use crate::base::{Shown, Time};
use crate::store::{ArchiveDetail, ArchiveState, CopyRow, FailureRow, FileDetail, FileState, QueueState};

/// Names and values in groups, and what can be copied of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What it is of.
    pub title: String,
    /// Groups of lines.
    pub groups: Vec<Group>,
    /// What `copy` takes: the one id somebody would paste into a ticket.
    pub id: String,
    /// It is a file that could not be fetched and waits for its next try.
    pub failed: bool,
}

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they are about; empty for the first.
    pub title: String,
    /// Name, value, how the value is drawn.
    pub lines: Vec<(String, String, Role)>,
}

impl Group {
    /// An empty one.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), lines: Vec::new() }
    }

    /// Adds a plain value.
    pub fn line(&mut self, name: &str, value: impl Into<String>) {
        self.role(name, value, Role::Text);
    }

    /// Adds a value, drawn so.
    pub fn role(&mut self, name: &str, value: impl Into<String>, role: Role) {
        self.lines.push((name.to_owned(), value.into(), role));
    }

    /// Adds a value, if there is one.
    pub fn some(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.line(name, value);
        }
    }
}

impl Details {
    /// As text, for the clipboard.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for group in &self.groups {
            if !group.title.is_empty() {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{}", group.title);
            }
            for (name, value, _) in &group.lines {
                let _ = writeln!(text, "  {name}: {value}");
            }
        }
        text
    }

    /// How many lines it takes when none is broken.
    pub fn height(&self) -> usize {
        self.groups.iter().map(|group| group.lines.len() + usize::from(!group.title.is_empty()) + 1).sum()
    }
}

/// A time, and how far away it is.
pub fn moment(at: Option<Time>, now: Time) -> String {
    format::known(at, |at| {
        if at > now {
            format!("{at} (in {})", format::span(Some(at.since(now))))
        } else {
            format!("{at} ({} ago)", format::span(Some(now.since(at))))
        }
    })
}

fn state_role(state: ArchiveState) -> Role {
    match state {
        ArchiveState::Stored | ArchiveState::Duplicate => Role::Ok,
        ArchiveState::Damaged => Role::Critical,
        ArchiveState::Unknown | ArchiveState::Orphan => Role::Warning,
        _ => Role::Text,
    }
}

fn failures(rows: &[FailureRow], now: Time) -> Option<Group> {
    if rows.is_empty() {
        return None;
    }
    let mut group = Group::new("failed attempts, newest first");
    for row in rows {
        let ago = format::span(Some(now.since(row.at)));
        let text = format!("{ago} ago, {}: {}", Shown::text(&row.reason), Shown::text(&row.detail));
        group.role(&format!("{} {}", format::utc_second(row.at), row.stage), text, Role::Warning);
    }
    Some(group)
}

/// The vault's name for an archive, safe to show.
fn remote(id: Option<&Vec<u8>>) -> Option<String> {
    id.map(|id| Shown::bytes(id).to_string())
}

/// All about an archive.
pub fn archive(detail: &ArchiveDetail, now: Time) -> Details {
    let row = &detail.row;
    let mut what = Group::new("");
    what.role("state", row.state.word(), state_role(row.state));
    what.line("lane", row.lane.word());
    what.line("files", format::count(row.files));
    what.line("size", format::known(row.size, |n| format!("{} ({} bytes)", Size(n), Count(n))));
    what.some("closed by", row.closed_by.map(|by| by.word().to_owned()));
    what.some("note", row.note.as_ref().map(|note| Shown::text(note).to_string()));
    let mut place = Group::new("where it is");
    place.line("vault", Shown::text(&row.vault).to_string());
    place.some("region", detail.region.as_ref().map(|region| Shown::text(region).to_string()));
    place.line("archive id there", format::known(remote(row.remote_id.as_ref()), |id| id));
    place.line("host that staged it", Shown::text(&detail.host).to_string());
    let staged = detail.staging_dir.as_ref().zip(detail.staging_name.as_ref());
    place.some("staged file", staged.map(|(dir, name)| Shown::path(&dir.join(name)).to_string()));
    place.some("upload id", remote(detail.upload_id.as_ref()));
    if let Some(part) = detail.part_size {
        place.line("parts", format!("{} of {}, {} in the vault", detail.parts, Size(part), Size(detail.part_bytes)));
    }
    let mut hashes = Group::new("hashes");
    hashes.line("tree hash", format::known(row.tree_hash, |hash| hash.to_string()));
    hashes.some("SHA-256", detail.sha256.map(|hash| hash.to_string()));
    hashes.line("computed here", format::known(row.check, |check| check.to_string()));
    match (detail.confirmed, row.check) {
        (None, _) => hashes.line("confirmed by the vault", format::UNKNOWN),
        (Some(confirmed), Some(check)) if confirmed == check => {
            hashes.role("confirmed by the vault", format!("the same, {}", confirmed.kind().word()), Role::Ok);
        }
        (Some(confirmed), _) => {
            hashes.role("confirmed by the vault", confirmed.to_string(), Role::Critical);
        }
    }
    hashes.line("manifest at", format::count(row.manifest_offset));
    let mut times = Group::new("times");
    times.line("opened", moment(Some(row.opened_at), now));
    times.line("sealed", moment(row.sealed_at, now));
    times.line("upload began", moment(row.uploading_at, now));
    if let Some(since) = detail.unknown_since {
        times.role("unknown since", moment(Some(since), now), Role::Warning);
    }
    times.line("in the vault", moment(row.stored_at, now));
    let took = row.stored_at.zip(row.uploading_at).map(|(end, begin)| end.since(begin));
    times.some("upload took", took.map(|took| format::span(Some(took))));
    let how = detail.verified_how.as_ref().map_or_else(String::new, |how| format!(" ({})", Shown::text(how)));
    times.line("last verified", format!("{}{how}", moment(detail.verified_at, now)));
    let mut tries = Group::new("attempts");
    tries.line("failed", Count(u64::from(row.attempts)).to_string());
    if row.state.is_live() && row.attempts > 0 {
        tries.line("next", moment(row.next_try, now));
    }
    if detail.repeated {
        tries.role("its files", "were queued again meanwhile, into another archive", Role::Warning);
    }
    let mut groups = vec![what, place, hashes, times, tries];
    groups.extend(failures(&detail.failures, now));
    Details { title: format!("archive {}", row.uuid), groups, id: row.uuid.to_string(), failed: false }
}

fn copies(rows: &[CopyRow], now: Time) -> Group {
    let mut group = Group::new("where it is");
    if rows.is_empty() {
        group.role("copies", "none: no vault holds it", Role::Warning);
    }
    for copy in rows {
        let region = copy.region.as_ref().map_or_else(String::new, |region| format!(" / {}", Shown::text(region)));
        let id = remote(copy.remote_id.as_ref()).map_or_else(String::new, |id| format!(" / {id}"));
        group.role(&copy.archive.to_string(), copy.state.word(), state_role(copy.state));
        group.line("  vault", format!("{}{region}{id}", Shown::text(&copy.vault)));
        group.line("  bytes", format!("{} to {}", Count(copy.data_offset), Count(copy.data_offset + copy.length)));
        group.line("  stored", moment(copy.stored_at, now));
        group.line("  last verified", moment(copy.verified_at, now));
    }
    group
}

/// The role of where a file stands.
pub fn file_role(state: FileState) -> Role {
    match state {
        FileState::Stored => Role::Ok,
        FileState::Failed | FileState::Nowhere => Role::Warning,
        FileState::Gone => Role::Dim,
        FileState::Queued | FileState::Fetching | FileState::Bundled => Role::Text,
    }
}

/// All about a version of a file.
pub fn file(detail: &FileDetail, now: Time) -> Details {
    let row = &detail.row;
    let name = super::tabs::backup::rows::name(&row.source_name, &row.key);
    let mut what = Group::new("");
    what.role("state", row.state.word(), file_role(row.state));
    what.line("size", format!("{} ({} bytes)", Size(row.length), Count(row.length)));
    what.line("version", Shown::bytes(detail.version.as_bytes()).to_string());
    what.line("mode", format!("{:o}", detail.mode));
    what.line("changed at its source", moment(Some(Time::from_secs(row.mtime.secs)), now));
    what.some("domain", detail.domain.as_ref().map(|text| Shown::text(text).to_string()));
    what.some("class", detail.class.as_ref().map(|text| Shown::text(text).to_string()));
    what.some("copies at its source", detail.devcount.map(|n| Count(n).to_string()));
    let mut hashes = Group::new("hashes");
    hashes.line("SHA-256", format::known(detail.sha256, |hash| hash.to_string()));
    hashes.line("MD5", format::known(detail.md5, |hash| hash.to_string()));
    hashes.line("its source says", format::known(detail.source_checksum.as_ref(), |sum| Shown::text(sum).to_string()));
    let mut times = Group::new("times");
    times.line("first seen", moment(Some(row.first_seen), now));
    let stored = detail.copies.iter().filter_map(|copy| copy.stored_at).min();
    times.line("first in a vault", moment(stored, now));
    let took = stored.map(|at| at.since(row.first_seen));
    times.some("from seen to safe", took.map(|took| format::span(Some(took))));
    if let Some(at) = detail.superseded_at {
        times.line("a newer version seen", moment(Some(at), now));
    }
    if let Some(at) = row.gone_at {
        times.line("gone from its source", moment(Some(at), now));
    }
    let mut groups = vec![what, copies(&detail.copies, now), hashes, times];
    if let Some(queue) = &detail.queue {
        let mut group = Group::new("in the queue");
        group.line("lane", queue.lane.word());
        group.line("stands", queue.state.word());
        group.line("since", moment(Some(queue.queued_at), now));
        group.line("failed attempts", Count(u64::from(queue.attempts)).to_string());
        group.line("due", moment(Some(queue.next_try), now));
        group.some("held by session", queue.owner.map(|owner| owner.to_string()));
        group.some("goes into archive", queue.archive.as_ref().map(ArchiveUuid::to_string));
        groups.insert(1, group);
    }
    groups.extend(failures(&detail.failures, now));
    let failed = detail.queue.as_ref().is_some_and(|queue| queue.state == QueueState::Failed);
    Details { title: name.clone(), groups, id: name, failed }
}
