//! `firn show`

use std::ffi::OsString;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt as _;

use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{CliError, out, the_file};
use crate::backup::snapshot::json::{failure, time};
use crate::base::Shown;
use crate::base::encode::put_bytes;
use crate::base::ids::ArchiveUuid;
use crate::base::units::{Count, Size};
use crate::config::Config;
use crate::services::Services;
use crate::store::{ArchiveDetail, ClosedBy, CopyRow, FailureRow, FileDetail, QueueDetail};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// A file (NAME:KEY, its newest version) or an archive (its UUID)
    what: OsString,
    /// As JSON; null is what is not known
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let uuid = args.what.to_str().filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
    if let Some(uuid) = uuid {
        let detail = store.archive_detail(ArchiveUuid(uuid)).await?;
        let detail = detail.ok_or_else(|| {
            CliError::Refused(format!(
                "no archive {uuid} is known to this state; `firn queue` lists those on their way"
            ))
        })?;
        if args.json {
            out::json(&archive_json(&detail))?;
        } else {
            archive_text(&detail)?;
        }
        return Ok(0);
    }
    let row = the_file(&**store, &args.what).await?;
    let detail = store.file_detail(row.file).await?;
    let gone = || CliError::Refused(format!("file {} is not there any more; ask again", row.file));
    let detail = detail.ok_or_else(gone)?;
    if args.json {
        out::json(&file_json(&detail))?;
    } else {
        file_text(&detail)?;
    }
    Ok(0)
}

fn file_json(f: &FileDetail) -> Map<String, Value> {
    let mut object = super::find::as_json(&f.row);
    let queue = |q: &QueueDetail| {
        json!({
            "lane": q.lane.word(),
            "state": q.state.word(),
            "attempts": q.attempts,
            "queued": q.queued_at.to_string(),
            "next_try": q.next_try.to_string(),
            "session": q.owner.map(|owner| owner.0),
            "archive": q.archive.map(|archive| archive.to_string()),
        })
    };
    put_bytes(&mut object, "version", f.version.as_bytes());
    let more = [
        ("domain", Value::from(f.domain.clone())),
        ("class", Value::from(f.class.clone())),
        ("mode", Value::from(format!("{:04o}", f.mode & 0o7777))),
        ("devcount", Value::from(f.devcount)),
        ("source_checksum", Value::from(f.source_checksum.clone())),
        ("md5", Value::from(f.md5.map(|hash| hash.to_string()))),
        ("sha256", Value::from(f.sha256.map(|hash| hash.to_string()))),
        ("superseded", time(f.superseded_at)),
        ("queue", f.queue.as_ref().map_or(Value::Null, queue)),
        ("copies", f.copies.iter().map(copy_json).map(Value::Object).collect()),
        ("failures", f.failures.iter().map(failure).collect()),
    ];
    object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    object
}

fn copy_json(copy: &CopyRow) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("archive".to_owned(), Value::from(copy.archive.to_string()));
    object.insert("vault".to_owned(), Value::from(copy.vault.clone()));
    object.insert("region".to_owned(), Value::from(copy.region.clone()));
    put_id(&mut object, "remote_id", copy.remote_id.as_deref());
    object.insert("state".to_owned(), Value::from(copy.state.word()));
    object.insert("header_offset".to_owned(), Value::from(copy.header_offset));
    object.insert("data_offset".to_owned(), Value::from(copy.data_offset));
    object.insert("bytes".to_owned(), Value::from(copy.length));
    object.insert("stored".to_owned(), time(copy.stored_at));
    object.insert("verified".to_owned(), time(copy.verified_at));
    object
}

fn put_id(object: &mut Map<String, Value>, name: &str, id: Option<&[u8]>) {
    match id {
        Some(id) => put_bytes(object, name, id),
        None => {
            object.insert(name.to_owned(), Value::Null);
        }
    }
}

fn archive_json(a: &ArchiveDetail) -> Map<String, Value> {
    let row = &a.row;
    let mut object = Map::new();
    put_id(&mut object, "remote_id", row.remote_id.as_deref());
    put_id(&mut object, "upload_id", a.upload_id.as_deref());
    let dir = a.staging_dir.as_ref().map(|dir| dir.as_os_str().as_bytes());
    put_id(&mut object, "staging_dir", dir);
    let more = [
        ("uuid", Value::from(row.uuid.to_string())),
        ("vault", Value::from(row.vault.clone())),
        ("region", Value::from(a.region.clone())),
        ("lane", Value::from(row.lane.word())),
        ("state", Value::from(row.state.word())),
        ("session", Value::from(row.owner.map(|owner| owner.0))),
        ("host", Value::from(a.host.clone())),
        ("staging_name", Value::from(a.staging_name.clone())),
        ("direct_file", Value::from(a.direct_file.map(|file| file.0))),
        ("closed_by", Value::from(row.closed_by.map(ClosedBy::word))),
        ("files", Value::from(row.files)),
        ("bytes", Value::from(row.size)),
        ("manifest_offset", Value::from(row.manifest_offset)),
        ("tree_hash", Value::from(row.tree_hash.map(|hash| hash.to_string()))),
        ("sha256", Value::from(a.sha256.map(|hash| hash.to_string()))),
        ("check", Value::from(row.check.map(|check| check.to_string()))),
        ("confirmed", Value::from(a.confirmed.map(|check| check.to_string()))),
        ("part_size", Value::from(a.part_size)),
        ("parts", Value::from(a.parts)),
        ("part_bytes", Value::from(a.part_bytes)),
        ("attempts", Value::from(row.attempts)),
        ("next_try", time(row.next_try)),
        ("note", Value::from(row.note.clone())),
        ("opened", Value::from(row.opened_at.to_string())),
        ("sealed", time(row.sealed_at)),
        ("uploading", time(row.uploading_at)),
        ("unknown_since", time(a.unknown_since)),
        ("repeated", Value::from(a.repeated)),
        ("stored", time(row.stored_at)),
        ("verified", time(a.verified_at)),
        ("verified_how", Value::from(a.verified_how.clone())),
        ("failures", a.failures.iter().map(failure).collect()),
    ];
    object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    object
}

/// A name and what it is; a dash where nobody knows.
fn field(name: &str, value: Option<impl Display>) -> Result<(), CliError> {
    match value {
        Some(value) => out::line(format!("{name:<15} {value}")),
        None => out::line(format!("{name:<15} –")),
    }
}

fn failures(rows: &[FailureRow]) -> Result<(), CliError> {
    for row in rows {
        out::line(format!("failed          {} {} {}: {}", row.at, row.stage, row.reason, row.detail))?;
    }
    Ok(())
}

fn file_text(f: &FileDetail) -> Result<(), CliError> {
    let row = &f.row;
    field("file", Some(format!("{}:{}", Shown::text(&row.source_name), row.key)))?;
    field("state", Some(row.state))?;
    field("bytes", Some(format!("{} ({})", Count(row.length), Size(row.length))))?;
    field("modified", Some(row.mtime))?;
    field("mode", Some(format!("{:04o}", f.mode & 0o7777)))?;
    field("version", Some(&f.version))?;
    for (name, value) in [("domain", &f.domain), ("class", &f.class), ("checksum", &f.source_checksum)] {
        if let Some(value) = value {
            field(name, Some(Shown::text(value)))?;
        }
    }
    if let Some(count) = f.devcount {
        field("copies there", Some(count))?;
    }
    field("sha256", f.sha256)?;
    field("md5", f.md5)?;
    field("first seen", Some(row.first_seen))?;
    if let Some(at) = f.superseded_at {
        field("superseded", Some(at))?;
    }
    if let Some(at) = row.gone_at {
        field("gone", Some(at))?;
    }
    if let Some(queue) = &f.queue {
        let of = queue.archive.map_or_else(String::new, |archive| format!(", archive {archive}"));
        let text = format!(
            "{} in {} since {}, {} failed tries, due {}{of}",
            queue.state,
            queue.lane.word(),
            queue.queued_at,
            queue.attempts,
            queue.next_try
        );
        field("queue", Some(text))?;
    }
    for copy in &f.copies {
        let at = copy.stored_at.map_or_else(String::new, |at| format!(", stored {at}"));
        let id = copy.remote_id.as_ref().map_or_else(String::new, |id| format!(" as {}", Shown::bytes(id)));
        let region = copy.region.as_ref().map_or_else(String::new, |region| format!(" ({})", Shown::text(region)));
        let text = format!(
            "{} {} in {}{region}{id}, bytes from {}{at}",
            copy.state,
            copy.archive,
            Shown::text(&copy.vault),
            copy.data_offset
        );
        field("copy", Some(text))?;
    }
    failures(&f.failures)
}

fn archive_text(a: &ArchiveDetail) -> Result<(), CliError> {
    let row = &a.row;
    field("archive", Some(row.uuid))?;
    field("state", Some(row.state))?;
    field("lane", Some(row.lane.word()))?;
    field("vault", Some(Shown::text(&row.vault)))?;
    if let Some(region) = &a.region {
        field("region", Some(Shown::text(region)))?;
    }
    field("remote id", row.remote_id.as_deref().map(Shown::bytes))?;
    field("files", row.files.map(Count))?;
    field("bytes", row.size.map(|size| format!("{} ({})", Count(size), Size(size))))?;
    field("closed by", row.closed_by)?;
    field("manifest at", row.manifest_offset)?;
    field("tree hash", row.tree_hash)?;
    field("sha256", a.sha256)?;
    field("check", row.check)?;
    field("confirmed", a.confirmed)?;
    field("opened", Some(row.opened_at))?;
    field("sealed", row.sealed_at)?;
    field("uploading", row.uploading_at)?;
    field("stored", row.stored_at)?;
    let how = |at| format!("{at}{}", a.verified_how.as_ref().map_or_else(String::new, |how| format!(", {how}")));
    field("verified", a.verified_at.map(how))?;
    if let Some(since) = a.unknown_since {
        let repeated = if a.repeated { "; its files were queued again" } else { "" };
        field("unknown since", Some(format!("{since}{repeated}")))?;
    }
    let staged = a.staging_dir.as_ref().zip(a.staging_name.as_ref());
    if let Some((dir, name)) = staged.filter(|_| row.state.is_live()) {
        let host = Shown::text(&a.host);
        field("staged", Some(format!("{} on {host}", Shown::path(&dir.join(name)))))?;
    }
    if let Some(upload) = &a.upload_id {
        let text = format!("{}, {} parts ({})", Shown::bytes(upload), Count(a.parts), Size(a.part_bytes));
        field("upload", Some(text))?;
    }
    field("attempts", Some(row.attempts))?;
    if let Some(note) = &row.note {
        field("note", Some(note))?;
    }
    failures(&a.failures)
}
