//! What becomes of lines, held against the catalog: a page in one look-up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use super::error::{Kind, LineError, brief};
use super::{Ask, DestSpec, Names, SourceSpec, dest};
use crate::base::ids::{ArchiveUuid, FileId};
use crate::base::units::{Size, Span};
use crate::base::{Shown, Time};
use crate::restore::target::{NoTarget, target};
use crate::store::{ArchiveState, Asked, QueueState, Ready, Result, Standing, Store};

/// Lines that are looked up in one go.
pub const PAGE: usize = 1000;

/// For how many unknown keys of a page the nearest one is looked for: a list of nothing but wrong keys is not to take
/// longer than one of right ones.
const NEAR: u32 = 16;

/// A line that was parsed, and its number.
pub type Line = (usize, std::result::Result<Ask, LineError>);

/// A line, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVerdict {
    /// Its number, from 1.
    pub line: usize,
    /// What it asks for, with the destination as it will be used; nothing where it could not be understood.
    pub ask: Option<Ask>,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is one file, and a vault holds it.
    One {
        /// The version that will be restored.
        ready: Ready,
        /// Another line that asks for this very version, to be put elsewhere.
        also: Option<usize>,
    },
    /// It is many files; the plan counts them.
    Many,
    /// It could not be understood.
    Wrong(Box<LineError>),
    /// It was understood, and cannot be.
    Refused(Box<Refusal>),
}

/// Why a line that was understood cannot be. Texts in it are safe to show, and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such key.
    #[error("{what} is not in the catalog{}", .near.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    Unknown {
        /// What was asked for.
        what: String,
        /// What is spelled most like it there.
        near: Option<String>,
    },
    /// A source that has never been scanned.
    #[error("nothing of the source \"{0}\" is in the catalog; it has not been scanned yet")]
    Unseen(String),
    /// No MogileFS.
    #[error("there is no MogileFS source: this version reads folders only; write NAME:PATH for a file of one of them")]
    NoMogile,
    /// Nothing at that time.
    #[error("its source did not have it at {at}; it was first seen at {first_seen}")]
    Absent {
        /// As of.
        at: Time,
        /// When it was first seen.
        first_seen: Time,
    },
    /// A time that has not come.
    #[error("{0} is yet to come; leave as-of out for the newest version")]
    Future(Time),
    /// No vault holds it yet.
    #[error("no vault holds it yet: it is {state} in the {lane} lane, since {} ({since}){}", Span(*.age), .next_try.map_or_else(String::new, |at| format!(", and tried again at {at}")))]
    Waits {
        /// Where it stands.
        state: QueueState,
        /// Its lane.
        lane: crate::base::ids::Lane,
        /// When it was queued.
        since: Time,
        /// How long ago that was.
        age: std::time::Duration,
        /// When it is tried again, should it have failed.
        next_try: Option<Time>,
    },
    /// An archive that nobody knows to be there.
    #[error("it is not safe: the vault's reply about its archive {0} was lost, and is asked for again")]
    Unsafe(ArchiveUuid),
    /// An archive with wrong bytes.
    #[error("its archive {0} is damaged, and no other holds it; take another version with as-of, if there is one")]
    Damaged(ArchiveUuid),
    /// Any other state in which an archive gives nothing.
    #[error("its archive {archive} is {state}; only what a vault holds can be restored")]
    Held {
        /// The archive.
        archive: ArchiveUuid,
        /// Where it stands.
        state: ArchiveState,
    },
    /// Deleted too early.
    #[error("no vault ever held it: its source deleted it at {0}")]
    Lost(Time),
    /// In no vault and in no queue.
    #[error("no vault holds it, and it is not queued; the next scan of its source queues it, if it is still there")]
    Nowhere,
    /// No such archive.
    #[error("no archive {0} is known to this state; `firn show` and the vault's inventory name archives in full")]
    NoArchive(ArchiveUuid),
    /// No such version.
    #[error("no version {0} of a file is known to this state; `firn find` shows their numbers")]
    NoVersion(FileId),
    /// Nothing at all.
    #[error("the catalog is empty")]
    Empty,
    /// It cannot go below that folder.
    #[error("it cannot go below a folder: {0}; name the very file it is to be, without \"/\" at the end")]
    NoTarget(NoTarget),
    /// Many files, and one place.
    #[error("it is a folder in the catalog: {0}")]
    Folder(Kind),
    /// Taken.
    #[error("line {line} already restores to {dest}")]
    Taken {
        /// The other line.
        line: usize,
        /// The destination.
        dest: String,
    },
}

/// What is taken by the lines before: destinations, and versions that are asked for.
#[derive(Debug, Default)]
pub struct Taken {
    dests: HashMap<Box<[u8]>, usize>,
    files: HashMap<FileId, usize>,
}

impl Verdict {
    /// Whether the line can be part of a plan.
    pub fn usable(&self) -> bool {
        matches!(self, Self::One { .. } | Self::Many)
    }
}

impl LineVerdict {
    /// Whether the line can be part of a plan.
    pub fn usable(&self) -> bool {
        self.verdict.usable()
    }

    /// The verdict in one line, such as `ok  docs:a/b.jpg → file:/srv/x/b.jpg  12.0 kB`.
    pub fn short(&self) -> String {
        self.to_string()
    }
}

/// What is delivered by a later version; a sentence that is said before a plan is made.
pub fn undelivered(dest: &DestSpec) -> Option<&'static str> {
    match dest {
        DestSpec::Local { .. } => None,
        DestSpec::Mogile { .. } => Some("this version does not write to MogileFS yet: it is planned and priced only"),
        DestSpec::S3 { .. } => Some("this version does not write to S3 yet: it is planned and priced only"),
    }
}

/// A kind of destination that is not written to, by its name.
pub fn elsewhere(kind: &str) -> String {
    match kind {
        "s3" => "S3".to_owned(),
        "mogile" => "MogileFS".to_owned(),
        other => Shown::text(other).to_string(),
    }
}

impl fmt::Display for LineVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, gone_at, newer_waits, also) = match &self.verdict {
            Verdict::Wrong(error) => return error.fmt(f),
            Verdict::Refused(refusal) => return refusal.fmt(f),
            Verdict::One { ready, also } => (Some(ready.length), ready.gone_at, ready.newer_waits, *also),
            Verdict::Many => (None, None, false, None),
        };
        let Some(ask) = &self.ask else { return f.write_str("ok") };
        write!(f, "ok  {} → {}", ask.source, ask.dest)?;
        match size {
            Some(size) => write!(f, "  {}", Size(size))?,
            None => f.write_str("  many")?,
        }
        if let Some(at) = ask.at {
            write!(f, " · as of {at}")?;
        }
        if ask.overwrite {
            f.write_str(" · overwrites")?;
        }
        if let Some(at) = gone_at {
            write!(f, " · its source deleted it at {at}")?;
        }
        if newer_waits {
            f.write_str(" · a newer version is in no vault yet")?;
        }
        if let Some(line) = also {
            write!(f, " · line {line} restores it, too")?;
        }
        undelivered(&ask.dest).map_or(Ok(()), |sentence| write!(f, " · {sentence}"))
    }
}

/// Holds a page of lines (at most [`PAGE`], in their order) against the catalog. `taken` goes from page to page.
pub async fn verdicts(
    store: &dyn Store,
    names: &Names,
    lines: Vec<Line>,
    now: Time,
    taken: &mut Taken,
) -> Result<Vec<LineVerdict>> {
    let standings = look(store, names, &lines).await?;
    Ok(judge(lines, standings, now, taken))
}

/// What the catalog says to each line; nothing where it was not asked.
pub(super) async fn look(store: &dyn Store, names: &Names, lines: &[Line]) -> Result<Vec<Option<Standing>>> {
    let asked: Vec<Option<Asked>> =
        lines.iter().map(|(_, read)| read.as_ref().ok().and_then(|ask| question(ask, names))).collect();
    let place: Vec<bool> = asked.iter().map(Option::is_some).collect();
    let asked: Vec<Asked> = asked.into_iter().flatten().collect();
    let mut found = if asked.is_empty() { Vec::new() } else { store.standing(asked, NEAR).await? }.into_iter();
    Ok(place.into_iter().map(|asked| if asked { found.next() } else { None }).collect())
}

fn question(ask: &Ask, names: &Names) -> Option<Asked> {
    match &ask.source {
        SourceSpec::Path { source, key } if key.as_bytes().ends_with(b"/") => {
            Some(Asked::Prefix(names.id(source)?, key.as_bytes().to_vec()))
        }
        SourceSpec::Path { source, key } => Some(Asked::Key(names.id(source)?, key.clone(), ask.at)),
        SourceSpec::Source(source) => Some(Asked::Prefix(names.id(source)?, Vec::new())),
        SourceSpec::Prefix { source, prefix } => Some(Asked::Prefix(names.id(source)?, prefix.as_bytes().to_vec())),
        SourceSpec::Version(file) => Some(Asked::Version(*file)),
        SourceSpec::Archive(uuid) => Some(Asked::Archive(*uuid)),
        SourceSpec::Everything => Some(Asked::Anything),
        SourceSpec::Between { .. } | SourceSpec::Fid(_) | SourceSpec::Mogile { .. } => None,
    }
}

/// Verdicts of lines, in their order, from what the catalog said. Pure.
pub(super) fn judge(
    lines: Vec<Line>,
    standings: Vec<Option<Standing>>,
    now: Time,
    taken: &mut Taken,
) -> Vec<LineVerdict> {
    let one = |((line, read), standing): (Line, Option<Standing>)| match read {
        Err(error) => LineVerdict { line, ask: None, verdict: Verdict::Wrong(Box::new(error)) },
        Ok(mut ask) => {
            let verdict = of_ask(line, &mut ask, standing, now, taken)
                .unwrap_or_else(|refusal| Verdict::Refused(Box::new(refusal)));
            LineVerdict { line, ask: Some(ask), verdict }
        }
    };
    lines.into_iter().zip(standings).map(one).collect()
}

fn of_ask(
    line: usize,
    ask: &mut Ask,
    standing: Option<Standing>,
    now: Time,
    taken: &mut Taken,
) -> std::result::Result<Verdict, Refusal> {
    if let Some(at) = ask.at.filter(|at| *at > now) {
        return Err(Refusal::Future(at));
    }
    let Some(standing) = standing else {
        return match &ask.source {
            SourceSpec::Fid(_) | SourceSpec::Mogile { .. } => Err(Refusal::NoMogile),
            SourceSpec::Path { source, .. } | SourceSpec::Source(source) | SourceSpec::Prefix { source, .. } => {
                Err(Refusal::Unseen(brief(source.as_bytes())))
            }
            // What lies between two times the plan finds out.
            _ => Ok(Verdict::Many),
        };
    };
    match standing {
        Standing::Ready(ready) => one_file(line, ask, ready, taken),
        Standing::Many => {
            if !ask.source.is_many() {
                let dest = ask.dest.clone().for_many().map_err(Refusal::Folder)?;
                ask.dest = dest;
            }
            Ok(Verdict::Many)
        }
        Standing::Unknown { near } => Err(match &ask.source {
            SourceSpec::Archive(uuid) => Refusal::NoArchive(*uuid),
            SourceSpec::Version(file) => Refusal::NoVersion(*file),
            SourceSpec::Everything => Refusal::Empty,
            source => Refusal::Unknown {
                what: brief_word(source),
                near: near.and_then(|near| renamed(source, near)).map(|near| near.to_string()),
            },
        }),
        Standing::Absent { first_seen } => Err(match ask.at {
            Some(at) => Refusal::Absent { at, first_seen },
            None => Refusal::Nowhere,
        }),
        Standing::Waits { lane, state, since, next_try } => Err(Refusal::Waits {
            state,
            lane,
            since,
            age: now.since(since),
            next_try: (state == QueueState::Failed).then_some(next_try),
        }),
        Standing::Held { archive, state: ArchiveState::Unknown } => Err(Refusal::Unsafe(archive)),
        Standing::Held { archive, state: ArchiveState::Damaged } => Err(Refusal::Damaged(archive)),
        Standing::Held { archive, state } => Err(Refusal::Held { archive, state }),
        Standing::Lost { gone_at } => Err(Refusal::Lost(gone_at)),
        Standing::Nowhere => Err(Refusal::Nowhere),
    }
}

/// A source as it is written, cut where it is too long for a sentence.
fn brief_word(source: &SourceSpec) -> String {
    const LONGEST: usize = 80;
    let text = source.to_string();
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

/// The same with another key: what was perhaps meant.
fn renamed(source: &SourceSpec, near: crate::base::ids::Key) -> Option<SourceSpec> {
    match source {
        SourceSpec::Path { source, .. } => Some(SourceSpec::Path { source: source.clone(), key: near }),
        SourceSpec::Prefix { source, .. } => Some(SourceSpec::Prefix { source: source.clone(), prefix: near }),
        _ => None,
    }
}

fn one_file(line: usize, ask: &Ask, ready: Ready, taken: &mut Taken) -> std::result::Result<Verdict, Refusal> {
    if let DestSpec::Local { folder: true, .. } = ask.dest {
        target(ready.key.as_bytes()).map_err(Refusal::NoTarget)?;
    }
    if let Some(target) = dest::target(&ask.dest, &ask.source, Some(&ready.key)) {
        match taken.dests.entry(target.into_boxed_slice()) {
            Entry::Occupied(other) => {
                return Err(Refusal::Taken { line: *other.get(), dest: brief(other.key()) });
            }
            Entry::Vacant(free) => {
                free.insert(line);
            }
        }
    }
    let also = match taken.files.entry(ready.file) {
        Entry::Occupied(other) => Some(*other.get()),
        Entry::Vacant(free) => {
            free.insert(line);
            None
        }
    };
    Ok(Verdict::One { ready, also })
}
