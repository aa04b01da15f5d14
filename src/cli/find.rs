//! `firn find`

use std::ffi::OsString;

use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};

use super::{CliError, FAILED, out, source_and_key};
use crate::backup::snapshot::json::time;
use crate::base::Shown;
use crate::base::encode::put_bytes;
use crate::base::units::{Count, Size};
use crate::config::Config;
use crate::services::Services;
use crate::store::FileRow;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code:
  0  something was found
  1  nothing begins so, or the state could not be read")]
pub struct Args {
    /// What keys begin with, letter by letter; NAME:PREFIX looks into one source
    what: OsString,
    /// As JSON. Keys are `key`, or `key_b64` (base64) when they are not UTF-8
    #[arg(long)]
    json: bool,
    /// How many to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let (source, prefix) = source_and_key(&**store, &args.what).await?;
    let mut files = store.find_files(source.map(|row| row.id), prefix, None, args.limit + 1).await?;
    let more = files.len() > args.limit as usize;
    files.truncate(args.limit as usize);
    if args.json {
        out::json(&json!({ "files": files.iter().map(as_json).collect::<Vec<_>>(), "more": more }))?;
    } else {
        for file in &files {
            let archive = file.archive.map_or_else(String::new, |archive| format!("  {archive}"));
            out::line(format!(
                "{:<9} {}:{}  {:>9}{archive}",
                file.state,
                Shown::text(&file.source_name),
                file.key,
                Size(file.length)
            ))?;
        }
        if more {
            out::line(format!(
                "there are more than {}; --limit lists more, a longer PREFIX fewer",
                Count(args.limit.into())
            ))?;
        }
    }
    if files.is_empty() {
        out::error(&format!("no key that is known begins with {}", Shown::bytes(args.what.as_encoded_bytes())));
        return Ok(FAILED);
    }
    Ok(0)
}

/// A file that was found.
pub(super) fn as_json(file: &FileRow) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("file".to_owned(), Value::from(file.file.0));
    object.insert("source".to_owned(), Value::from(file.source_name.clone()));
    put_bytes(&mut object, "key", file.key.as_bytes());
    object.insert("state".to_owned(), Value::from(file.state.word()));
    object.insert("bytes".to_owned(), Value::from(file.length));
    object.insert("mtime".to_owned(), Value::from(file.mtime.to_string()));
    object.insert("first_seen".to_owned(), Value::from(file.first_seen.to_string()));
    object.insert("gone".to_owned(), time(file.gone_at));
    object.insert("archive".to_owned(), Value::from(file.archive.map(|archive| archive.to_string())));
    object
}
