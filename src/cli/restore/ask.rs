//! What a command line of `firn restore` asks for.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Args;
use crate::base::ids::PlanId;
use crate::base::units::Size;
use crate::base::{Shown, Time, task};
use crate::cli::{CliError, who};
use crate::config::real;
use crate::restore::ask::{Names, parse_line, quoted, read_time};
use crate::services::{Order, Services, Wanted};

/// A list may have so many bytes.
const LIST: u64 = 256 << 20;

/// What is wanted, as it was written.
pub(super) async fn wanted(services: &Services, args: &Args, at: Option<Time>) -> Result<Wanted, CliError> {
    let base = std::env::current_dir()?;
    let names = services.names().await?.with_base(base);
    let order = match (&args.batch, args.rest_of) {
        (_, Some(plan)) => Order::RestOf(PlanId(plan)),
        (Some(file), None) => Order::Text(read(file).await?.into()),
        (None, None) => Order::Lines(vec![(1, Ok(single(args, at, &names)?))]),
    };
    Ok(Wanted { order, names, title: None, who: who(), current: args.current, overwrite: args.overwrite })
}

fn single(args: &Args, at: Option<Time>, names: &Names) -> Result<crate::restore::ask::Ask, CliError> {
    let (source, dest) = match (args.archive, &args.source, &args.dest) {
        (None, Some(source), Some(dest)) => {
            let mut words = source.as_bytes().to_vec();
            if args.prefix {
                if !words.contains(&b':') {
                    words.push(b':');
                }
                words = [b"prefix:", words.as_slice()].concat();
            }
            (words, dest)
        }
        // With --archive the one place is the destination.
        (Some(archive), Some(dest), None) => (format!("archive:{archive}").into_bytes(), dest),
        (Some(_), ..) => {
            let text = "--archive names what is restored; write firn restore --archive UUID DEST, without a SOURCE";
            return Err(CliError::Usage(text.to_owned()));
        }
        _ => return Err(CliError::Usage("write firn restore SOURCE DEST".to_owned())),
    };
    let line = format!("{} {}", quoted(&source), quoted(&place(dest)?));
    let parsed =
        parse_line(&line, names).ok_or_else(|| CliError::Usage("write firn restore SOURCE DEST".to_owned()))?;
    // A column of a line that nobody wrote says nothing.
    let mut ask = parsed.map_err(|e| CliError::Usage(e.kind.to_string()))?;
    if at.is_some()
        && let Some(what) = ask.source.names_versions()
    {
        return Err(CliError::Usage(format!("--at does not go with {what}, which names its versions itself")));
    }
    ask.at = at.or(ask.at);
    Ok(ask)
}

/// A destination: a path is a folder, absolute, so that it means the same from everywhere; `file:`, `mogile:` and `s3:` are
/// what they are in lists.
fn place(dest: &OsStr) -> Result<Vec<u8>, CliError> {
    let bytes = dest.as_bytes();
    if [b"file:".as_slice(), b"mogile:", b"s3:"].iter().any(|scheme| bytes.starts_with(scheme)) {
        return Ok(bytes.to_vec());
    }
    let absolute = std::path::absolute(Path::new(dest))
        .map_err(|e| CliError::Usage(format!("DEST \"{}\" is no folder's name: {e}", Shown::path(Path::new(dest)))))?;
    // `..` after a link is where the link leads to.
    let up = absolute.components().any(|part| part == std::path::Component::ParentDir);
    let absolute = if up { real(&absolute) } else { absolute };
    let mut path = [b"file:", absolute.as_os_str().as_bytes()].concat();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    Ok(path)
}

async fn read(file: &Path) -> Result<String, CliError> {
    let (name, path) = (Shown::path(file).to_string(), file.to_owned());
    let read = task::blocking(move || {
        let mut text = Vec::new();
        let limit = LIST + 1;
        if path == Path::new("-") {
            std::io::stdin().lock().take(limit).read_to_end(&mut text)?;
        } else {
            std::fs::File::open(&path)?.take(limit).read_to_end(&mut text)?;
        }
        Ok::<_, std::io::Error>(text)
    });
    let text = read.await.map_err(|e| CliError::Refused(e.to_string()))?;
    let text = text.map_err(|e| CliError::Usage(format!("--batch: cannot read {name}: {e}")))?;
    if text.len() as u64 > LIST {
        return Err(CliError::Usage(format!("--batch: {name} is larger than {}; split it", Size(LIST))));
    }
    String::from_utf8(text).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        CliError::Usage(format!("--batch: line {line} of {name} is not UTF-8; write other bytes as \"\\xNN\""))
    })
}

/// A time as people write it.
pub(super) fn time(text: &str) -> Result<Time, CliError> {
    read_time(text).ok_or_else(|| {
        let found = Shown::text(text);
        CliError::Usage(format!("--at: \"{found}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)"))
    })
}
