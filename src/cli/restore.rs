//! `firn restore`

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::Serialize;
use uuid::Uuid;

use super::{CliError, out, split_source, who};
use crate::base::disk::Dir;
use crate::base::ids::{ArchiveUuid, Key};
use crate::base::task;
use crate::base::units::{Count, Size};
use crate::base::{Shown, Time};
use crate::config::Config;
use crate::restore::deliver::{Existing, Outcome};
use crate::restore::{ARCHIVES_COUNTED, Keys, Listed, Plan, Wanted, Wish};
use crate::services::Services;
use crate::store::NewEvent;

#[derive(Debug, ClapArgs)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
#[command(after_help = "\
Exit code:
  0  every file asked for is there
  1  some are not (each is named, with the reason), or the vault or the destination failed
  2  nothing was begun: the configuration, the command line, or what is asked for is wrong")]
pub struct Args {
    /// What: NAME:PATH (a file, or all below a folder), or NAME (everything of a source); not with --archive
    #[arg(required = true)]
    source: Option<OsString>,
    /// The folder to restore to; each file gets its whole path below it
    #[arg(required_unless_present = "archive")]
    dest: Option<PathBuf>,
    /// Restores every file of an archive, as it lies there: firn restore --archive UUID DEST
    #[arg(long, value_name = "UUID", conflicts_with_all = ["prefix", "at", "current"])]
    archive: Option<Uuid>,
    /// Takes PATH as the beginning of keys, letter by letter
    #[arg(long)]
    prefix: bool,
    /// As the files were then, such as 2026-11-22 or 2026-11-22T12:00:00Z (default: the newest the vault holds)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only files that the source still has (default: deleted ones too, for they are what is missed)
    #[arg(long)]
    current: bool,
    /// Replaces files that are there already and differ
    #[arg(long)]
    overwrite: bool,
    /// Says what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask before it overwrites
    #[arg(long)]
    yes: bool,
    /// Ends with a JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// `firn restore --json`.
#[derive(Debug, Serialize)]
struct Report {
    files: u64,
    bytes: u64,
    archives: u64,
    deleted_at_source: u64,
    newer_not_stored: u64,
    without_version: u64,
    folders_now: u64,
    restored: Option<u64>,
    restored_bytes: Option<u64>,
    already_there: Option<u64>,
    not_restored: Option<u64>,
    damaged: Option<u64>,
}

/// What is asked for.
enum Asked {
    Wish(Wish),
    Listed(Listed),
}

impl Asked {
    fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::Wish(wish) => wish.into(),
            Self::Listed(listed) => listed.into(),
        }
    }
}

/// What the command line names to restore, and where to. With --archive the one place is the destination.
fn places(args: &Args) -> Result<(OsString, PathBuf), CliError> {
    let (what, dest) = match (args.archive, args.source.clone(), args.dest.clone()) {
        (None, Some(source), Some(dest)) => (source, dest),
        (Some(archive), Some(dest), None) => (archive.to_string().into(), dest.into()),
        (Some(_), ..) => {
            let text = "--archive names what is restored; write firn restore --archive UUID DEST, without a SOURCE";
            return Err(CliError::Usage(text.to_owned()));
        }
        _ => return Err(CliError::Usage("write firn restore SOURCE DEST".to_owned())),
    };
    // Messages and events then name a place that means the same from every folder.
    let dest = std::path::absolute(&dest)
        .map_err(|e| CliError::Usage(format!("DEST \"{}\" is no folder's name: {e}", Shown::path(&dest))))?;
    Ok((what, dest))
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let (what, dest_path) = places(&args)?;
    let services = Services::open(config, false).await?;
    let at = args.at.as_deref().map(parse_time).transpose()?;
    let restorer = services.restorer().await?;
    let asked = match args.archive {
        Some(uuid) => Asked::Listed(Listed::Archive(ArchiveUuid(uuid))),
        None => Asked::Wish(wish(&services, &what, &args, at).await?),
    };
    let plan = restorer.plan(asked.wanted()).await?;
    if plan.files == 0 && plan.without == 0 {
        let what = Shown::bytes(what.as_encoded_bytes());
        return Err(CliError::Usage(match at {
            _ if args.current => {
                format!("the source has nothing of {what} now; without --current what it has deleted is restored, too")
            }
            _ if args.archive.is_some() => format!("archive {what} holds no files"),
            Some(at) => format!("nothing of {what} was there at {at}, as far as is known; give a later --at, or none"),
            None => format!("nothing of {what} is known; `firn queue` lists what is not stored yet"),
        }));
    }
    let inside = services.destination(&dest_path).map_err(|e| CliError::Usage(e.to_string()))?;
    if !args.json {
        describe(&plan)?;
    }
    if let Some(source) = inside {
        out::error(&format!(
            "{} lies in the source {source}: what is restored there is backed up again, as new files",
            Shown::path(&dest_path)
        ));
    }
    let mut report = Report {
        files: plan.files,
        bytes: plan.bytes,
        archives: plan.archives,
        deleted_at_source: plan.gone,
        newer_not_stored: plan.newer_waits,
        without_version: plan.without,
        folders_now: plan.folders_now,
        restored: None,
        restored_bytes: None,
        already_there: None,
        not_restored: None,
        damaged: None,
    };
    if args.dry_run {
        if args.json {
            out::json(&report)?;
        }
        return Ok(0);
    }
    if args.overwrite && !args.yes && !agreed(&dest_path)? {
        return Err(CliError::Usage("nothing was restored".to_owned()));
    }
    let dest = dest_path.clone();
    let dest = task::blocking(move || Dir::open_or_make(&dest))
        .await
        .map_err(|e| crate::restore::RestoreError::Task(e.to_string()))??;
    let existing = if args.overwrite { Existing::Replace } else { Existing::Keep };
    let told = |key: &Key, outcome: &Outcome| {
        if let Outcome::Not(why) = outcome {
            out::error(&format!("{key}: {why}"));
        }
    };
    let done = restorer.deliver(asked.wanted(), dest, existing, told).await?;
    let outcome = if done.not_restored == 0 { "done" } else { "not all" };
    let event = NewEvent {
        who: who(),
        what: "restore".to_owned(),
        object: Shown::bytes(what.as_encoded_bytes()).to_string(),
        detail: format!("{} files to {}, {} not restored", done.restored, Shown::path(&dest_path), done.not_restored),
        outcome: outcome.to_owned(),
    };
    if let Err(e) = services.store.event(event).await {
        // The files are there all the same.
        out::error(&format!("the restore is not entered among the events: {e}"));
    }
    if args.json {
        report.restored = Some(done.restored);
        report.restored_bytes = Some(done.bytes);
        report.already_there = Some(done.already_there);
        report.not_restored = Some(done.not_restored);
        report.damaged = Some(done.damaged);
        out::json(&report)?;
    } else {
        let mut text = format!("restored {} files, {}", Count(done.restored), Size(done.bytes));
        if done.already_there > 0 {
            text = format!("{text}; {} were there already", Count(done.already_there));
        }
        if done.not_restored > 0 {
            text = format!("{text}; {} NOT restored", Count(done.not_restored));
        }
        out::line(text)?;
    }
    Ok(if done.not_restored == 0 { 0 } else { super::FAILED })
}

/// A path is a file, else a folder; with --prefix just letters.
async fn wish(services: &Services, what: &OsString, args: &Args, at: Option<Time>) -> Result<Wish, CliError> {
    let (name, path) = split_source(what);
    let sources = services.sources();
    let Some((source, _)) = sources.iter().find(|(source, _)| source.name() == name) else {
        let known: Vec<_> = sources.iter().map(|(source, _)| source.name().to_owned()).collect();
        return Err(CliError::Usage(format!(
            "there is no source \"{}\"; there are: {}; write NAME:PATH",
            Shown::text(&name),
            known.join(", ")
        )));
    };
    let row = services.store.source(name, source.kind()).await?;
    let keys = if args.prefix || path.is_empty() || path.ends_with(b"/") {
        Keys::Prefix(path)
    } else {
        Keys::Tree(Key::new(path))
    };
    Ok(Wish { source: row.id, keys, at, current: args.current })
}

fn parse_time(text: &str) -> Result<Time, CliError> {
    let stamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    let stamp = stamp.ok_or_else(|| {
        let found = Shown::text(text);
        CliError::Usage(format!("--at: \"{found}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)"))
    })?;
    Ok(Time::from_micros(stamp.as_microsecond()))
}

fn describe(plan: &Plan) -> Result<(), CliError> {
    let archives = if plan.archives >= ARCHIVES_COUNTED as u64 {
        format!("over {}", Count(ARCHIVES_COUNTED as u64))
    } else {
        Count(plan.archives).to_string()
    };
    out::line(format!("{} files, {} from {archives} archives", Count(plan.files), Size(plan.bytes)))?;
    if plan.gone > 0 {
        out::line(format!("of these the source has deleted {} since (--current leaves them out)", Count(plan.gone)))?;
    }
    if plan.newer_waits > 0 {
        out::line(format!("{} have a newer version that is not in the vault yet", Count(plan.newer_waits)))?;
    }
    if plan.folders_now > 0 {
        out::line(format!(
            "{} deleted files are left out: folders have their names now (--at a time before gives them)",
            Count(plan.folders_now)
        ))?;
    }
    if plan.without > 0 {
        out::line(format!("{} more have no version in the vault", Count(plan.without)))?;
    }
    Ok(())
}

/// Asks on the terminal; anywhere else nobody can agree.
fn agreed(dest: &Path) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage("--overwrite needs --yes where nobody can be asked".to_owned()));
    }
    out::line(format!("files in {} that differ will be replaced; type yes to go on:", Shown::path(dest)))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
