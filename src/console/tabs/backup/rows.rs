//! The lists of the tab: what each column shows of a row, and what it sorts by. Pure.

use crate::backup::snapshot::{Bundle, PoolRow};
use crate::base::ids::{ArchiveUuid, FileId};
use crate::base::units::{Count, Size};
use crate::base::{Shown, Time};
use crate::console::format;
use crate::console::list::SortKey;
use crate::console::theme::Role;
use crate::store::{ArchiveState, FailedRow, LaneState};

/// A list of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Archives on their way.
    Bundles,
    /// Files that failed.
    Failures,
    /// Pools of all hosts.
    Pools,
}

impl Pane {
    /// All, in the order of the keys.
    pub const ALL: [Pane; 3] = [Pane::Bundles, Pane::Failures, Pane::Pools];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Bundles => "Bundles",
            Self::Failures => "Failures",
            Self::Pools => "Pools",
        }
    }

    /// The word by which drawings report it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bundles => "bundles",
            Self::Failures => "failures",
            Self::Pools => "pools",
        }
    }
}

/// A row of a list, by what it is and not by where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowId {
    /// An archive.
    Archive(ArchiveUuid),
    /// A file.
    File(FileId),
    /// A pool: host, process, name.
    Pool(String, u32, String),
}

/// What a cell shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its text, safe to show.
    pub text: String,
    /// How it is drawn.
    pub role: Role,
    /// A part of a whole, drawn as a bar before the text.
    pub part: Option<f64>,
}

impl Cell {
    /// Text in the plain role.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Role::Text, part: None }
    }

    /// The same, drawn so.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }
}

/// A column.
pub struct Column<R: 'static> {
    /// Its title.
    pub title: &'static str,
    /// Its least width, cells.
    pub width: u16,
    /// Its share of what is left over.
    pub grow: u16,
    /// Numbers stand to the right.
    pub right: bool,
    /// Columns with the largest number go first when there is no room; 0 never goes.
    pub drop: u8,
    /// What it shows at a time.
    pub cell: fn(&R, Time) -> Cell,
    /// What it sorts by.
    pub key: fn(&R) -> SortKey,
}

fn state_role(state: ArchiveState) -> Role {
    match state {
        ArchiveState::Uploading => Role::Accent,
        ArchiveState::Unknown | ArchiveState::Damaged => Role::Warning,
        ArchiveState::Open | ArchiveState::Sealed | ArchiveState::Stored => Role::Text,
        _ => Role::Dim,
    }
}

fn lane_role(lane: crate::base::ids::Lane) -> Role {
    match lane {
        crate::base::ids::Lane::Live => Role::Live,
        crate::base::ids::Lane::History => Role::History,
    }
}

/// A part of a whole, from 0 to 1; nothing where there is no whole.
#[allow(clippy::cast_precision_loss)] // for a bar
pub fn part_of(done: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| (done as f64 / of as f64).clamp(0.0, 1.0))
}

/// How far a bundle has come, in words.
pub fn progress(bundle: &Bundle) -> Cell {
    let row = &bundle.row;
    if row.attempts > 0 && row.state == ArchiveState::Sealed {
        let again = row.next_try.map_or_else(String::new, |at| format!(" at {}", format::utc_minute(at)));
        return Cell::new(format!("try {}{again}", row.attempts + 1)).role(Role::Warning);
    }
    match (row.state, bundle.progress) {
        (ArchiveState::Open, Some(progress)) => {
            let part = part_of(progress.done, progress.of);
            let filling =
                part.map_or_else(|| "filling".to_owned(), |part| format!("{} full", format::percent(Some(part))));
            Cell { text: filling, role: Role::Text, part }
        }
        (ArchiveState::Open, None) => Cell::new("filling"),
        (ArchiveState::Sealed, _) => Cell::new("waits to be sent").role(Role::Dim),
        (ArchiveState::Uploading, Some(progress)) => {
            let part = part_of(progress.done, progress.of);
            let percent = part.map(|part| format::percent(Some(part)));
            let rate = progress.rate.map(|rate| format::byte_rate(Some(rate)));
            let text = [percent, rate].into_iter().flatten().collect::<Vec<_>>().join(" ");
            Cell { text, role: Role::Accent, part }
        }
        (ArchiveState::Uploading, None) => Cell::new("sending").role(Role::Accent),
        (ArchiveState::Unknown, _) => {
            let next = row.next_try.map(|at| format!("asked again {}", format::utc_minute(at)));
            Cell::new(next.unwrap_or_else(|| "reply lost".to_owned())).role(Role::Warning)
        }
        _ => Cell::new(row.note.as_deref().map_or_else(String::new, |note| Shown::text(note).to_string())),
    }
}

/// Columns of the bundles.
pub const BUNDLES: &[Column<Bundle>] = &[
    Column {
        title: "id",
        width: 8,
        grow: 0,
        right: false,
        drop: 0,
        cell: |b, _| Cell::new(short(b.row.uuid)),
        key: |b| SortKey::Text(b.row.uuid.to_string()),
    },
    Column {
        title: "lane",
        width: 7,
        grow: 0,
        right: false,
        drop: 2,
        cell: |b, _| Cell::new(b.row.lane.word()).role(lane_role(b.row.lane)),
        key: |b| SortKey::Text(b.row.lane.word().to_owned()),
    },
    Column {
        title: "state",
        width: 9,
        grow: 0,
        right: false,
        drop: 0,
        cell: |b, _| Cell::new(b.row.state.word()).role(state_role(b.row.state)),
        key: |b| SortKey::Text(b.row.state.word().to_owned()),
    },
    Column {
        title: "files",
        width: 6,
        grow: 0,
        right: true,
        drop: 3,
        cell: |b, _| Cell::new(b.row.files.map_or_else(|| format::UNKNOWN.to_owned(), |n| Count(n).to_string())),
        key: |b| b.row.files.map_or(SortKey::None, SortKey::count),
    },
    Column {
        title: "size",
        width: 8,
        grow: 0,
        right: true,
        drop: 1,
        cell: |b, _| Cell::new(size(b).map_or_else(|| format::UNKNOWN.to_owned(), |n| Size(n).to_string())),
        key: |b| size(b).map_or(SortKey::None, SortKey::count),
    },
    Column {
        title: "age",
        width: 7,
        grow: 0,
        right: true,
        drop: 1,
        cell: |b, now| Cell::new(format::short_span(Some(now.since(b.row.opened_at)))),
        // The oldest have the smallest time: ages sort the other way round.
        key: |b| SortKey::count(u64::MAX - u64::try_from(b.row.opened_at.as_micros()).unwrap_or(0)),
    },
    Column {
        title: "progress",
        width: 23,
        grow: 3,
        right: false,
        drop: 0,
        cell: |b, _| progress(b),
        key: |b| {
            let part = b.progress.and_then(|progress| part_of(progress.done, progress.of));
            part.map_or(SortKey::None, SortKey::Number)
        },
    },
    Column {
        title: "worker",
        width: 12,
        grow: 1,
        right: false,
        drop: 4,
        cell: |b, _| {
            let worker = b.worker.as_deref().map_or_else(|| format::UNKNOWN.to_owned(), |w| Shown::text(w).to_string());
            Cell::new(worker).role(Role::Dim)
        },
        key: |b| b.worker.clone().map_or(SortKey::None, SortKey::Text),
    },
];

fn size(bundle: &Bundle) -> Option<u64> {
    bundle.row.size.or_else(|| bundle.progress.map(|progress| progress.done))
}

/// The first characters of an archive's name that tell archives of one second apart: the last of a time-ordered UUID.
pub fn short(uuid: ArchiveUuid) -> String {
    let text = uuid.to_string();
    text.get(text.len().saturating_sub(8)..).unwrap_or(&text).to_owned()
}

/// `source:key`, safe to show.
pub fn name(source: &str, key: &crate::base::ids::Key) -> String {
    format!("{}:{}", Shown::text(source), Shown::bytes(key.as_bytes()))
}

/// Columns of the failures.
pub const FAILURES: &[Column<FailedRow>] = &[
    Column {
        title: "file",
        width: 16,
        grow: 3,
        right: false,
        drop: 0,
        cell: |f, _| Cell::new(name(&f.row.source, &f.row.key)),
        key: |f| SortKey::Text(name(&f.row.source, &f.row.key)),
    },
    Column {
        title: "why",
        width: 16,
        grow: 4,
        right: false,
        drop: 0,
        cell: |f, _| {
            // The word first: the sentence may be cut.
            let why = |(word, detail): &(String, String)| format!("{word}: {detail}");
            let why = f.reason.as_ref().map_or_else(|| "no reason recorded".to_owned(), why);
            Cell::new(Shown::text(&why).to_string()).role(Role::Warning)
        },
        key: |f| f.reason.clone().map_or(SortKey::None, |(word, _)| SortKey::Text(word)),
    },
    Column {
        title: "tries",
        width: 5,
        grow: 0,
        right: true,
        drop: 2,
        cell: |f, _| Cell::new(Count(u64::from(f.row.attempts)).to_string()),
        key: |f| SortKey::count(u64::from(f.row.attempts)),
    },
    Column {
        title: "next try",
        width: 8,
        grow: 0,
        right: true,
        drop: 1,
        cell: |f, now| {
            let due = f.row.next_try <= now;
            let text = if due { "now".to_owned() } else { format::utc_minute(f.row.next_try) };
            Cell::new(text)
        },
        key: |f| SortKey::count(u64::try_from(f.row.next_try.as_micros()).unwrap_or(0)),
    },
    Column {
        title: "size",
        width: 8,
        grow: 0,
        right: true,
        drop: 3,
        cell: |f, _| Cell::new(Size(f.row.length).to_string()),
        key: |f| SortKey::count(f.row.length),
    },
    Column {
        title: "lane",
        width: 7,
        grow: 0,
        right: false,
        drop: 4,
        cell: |f, _| Cell::new(f.row.lane.word()).role(lane_role(f.row.lane)),
        key: |f| SortKey::Text(f.row.lane.word().to_owned()),
    },
];

/// How a pool stands, in words: what it does, and what was asked of it and not yet done.
pub fn standing(pool: &PoolRow, now: Time) -> Cell {
    let asked = pool.order.as_ref().filter(|order| order.applied != Some(order.generation));
    if let Some(order) = asked.filter(|_| pool.alive) {
        let mut wants = Vec::new();
        if order.paused {
            wants.push("pause".to_owned());
        }
        if order.drain {
            wants.push("drain".to_owned());
        }
        if let Some(size) = order.size.filter(|size| *size != pool.size) {
            wants.push(format!("{size} places"));
        }
        if wants.is_empty() {
            wants.push("run".to_owned());
        }
        let age = format::span(Some(now.since(order.at)));
        return Cell::new(format!("asked to {} {age} ago", wants.join(", "))).role(Role::Notice);
    }
    let who = pool.order.as_ref().map_or_else(String::new, |order| format!(" by {}", Shown::text(&order.who)));
    let until = pool.order.as_ref().and_then(|order| order.until);
    let until = until.map_or_else(String::new, |until| format!(" until {}", format::utc_minute(until)));
    match (pool.alive, pool.paused, pool.draining) {
        (false, ..) => {
            Cell::new(format!("not heard of for {}", format::span(Some(now.since(pool.seen))))).role(Role::Unknown)
        }
        (_, true, _) => Cell::new(format!("PAUSED{who}{until}")).role(Role::Held),
        (_, _, true) if pool.busy > 0 => Cell::new(format!("DRAINING, {} at work{who}", pool.busy)).role(Role::Held),
        (_, _, true) => Cell::new(format!("DRAINED{who}{until}")).role(Role::Held),
        _ => Cell::new("running"),
    }
}

/// Columns of the pools.
pub const POOLS: &[Column<PoolRow>] = &[
    Column {
        title: "host",
        width: 10,
        grow: 1,
        right: false,
        drop: 0,
        cell: |p, _| Cell::new(Shown::text(&p.host).to_string()),
        key: |p| SortKey::Text(p.host.clone()),
    },
    Column {
        title: "pid",
        width: 7,
        grow: 0,
        right: true,
        drop: 3,
        cell: |p, _| Cell::new(p.pid.to_string()).role(Role::Dim),
        key: |p| SortKey::count(u64::from(p.pid)),
    },
    Column {
        title: "pool",
        width: 7,
        grow: 0,
        right: false,
        drop: 0,
        cell: |p, _| Cell::new(Shown::text(&p.pool).to_string()),
        key: |p| SortKey::Text(p.pool.clone()),
    },
    Column {
        title: "at work",
        width: 14,
        grow: 1,
        right: false,
        drop: 0,
        cell: |p, _| {
            let part = part_of(u64::from(p.busy), u64::from(p.size)).filter(|_| p.alive);
            let text =
                if p.alive { format!("{}/{}", p.busy, p.size) } else { format!("{}/{}", format::UNKNOWN, p.size) };
            Cell { text, role: Role::Text, part }
        },
        key: |p| SortKey::count(u64::from(p.busy)),
    },
    Column {
        title: "standing",
        width: 16,
        grow: 3,
        right: false,
        drop: 0,
        cell: standing,
        key: |p| SortKey::Text(standing(p, Time::default()).text),
    },
];

/// Files that wait in a lane, in words.
pub fn waiting(lane: Option<&LaneState>) -> String {
    lane.map_or_else(|| format::UNKNOWN.to_owned(), |lane| Count(lane.files).to_string())
}
