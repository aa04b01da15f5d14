//! The tree of masters with their replicas: what each column shows of a node, and what it sorts by. Pure.

use std::time::Duration;

use crate::base::escape::shown_again;
use crate::base::units::Size;
use crate::base::{Severity, Shown};
use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::list::SortKey;
use crate::console::theme::Role;
use crate::console::widgets::table::{Cell, Column, Row};
use crate::redis::limits::Kind;
use crate::redis::nodes::{Flag, NodeId};
use crate::redis::slots::SLOTS;
use crate::redis::snapshot::{NodeRow, Role as Part};

/// The column of states.
const STATE: usize = 2;
/// The column of keys.
const KEYS: usize = 5;
/// The column of memory.
const MEMORY: usize = 6;
/// The column of commands a second.
const OPS: usize = 7;
/// The column of bytes that replicas are behind.
const LAG: usize = 10;
/// The column of round trips.
const TRIP: usize = 11;

/// Titles of the columns.
pub const TITLES: [&str; 14] = [
    "node", "role", "state", "slots", "share", "keys", "memory", "ops/s", "clients", "link", "behind", "trip",
    "version", "up",
];

/// What the list can be sorted by: the column, and whether it begins with the largest. First of all as nodes belong
/// together.
pub const SORTS: [(Option<usize>, bool); 7] = [
    (None, false),
    (Some(STATE), true),
    (Some(KEYS), true),
    (Some(MEMORY), true),
    (Some(OPS), true),
    (Some(LAG), true),
    (Some(TRIP), true),
];

/// A number to sort by.
pub fn number(value: Option<f64>) -> SortKey {
    value.filter(|value| value.is_finite()).map_or(SortKey::None, SortKey::Number)
}

/// What a column sorts by.
pub fn key(row: &NodeRow, column: usize) -> SortKey {
    let count = |value: Option<u64>| value.map_or(SortKey::None, SortKey::count);
    match column {
        STATE => {
            let severity = match severity(row) {
                Severity::Ok => 0.0,
                Severity::Unknown => 1.0,
                Severity::Warning => 2.0,
                Severity::Critical => 3.0,
            };
            SortKey::Number(severity)
        }
        KEYS => count(row.keys),
        MEMORY => count(row.memory),
        OPS => number(row.ops),
        LAG => count(row.lag_bytes),
        TRIP => number(row.took.map(|took| took.as_secs_f64())),
        _ => SortKey::None,
    }
}

/// How bad it is with a node. One that could not be looked into is not fine, nor is one that serves nobody, though it takes a
/// second look to say so.
pub fn severity(row: &NodeRow) -> Severity {
    let seen = match row.sight.serves() {
        Some(true) => Severity::Ok,
        Some(false) => Severity::Warning,
        None => Severity::Unknown,
    };
    row.severity.max(seen)
}

/// What a direct look says of it, and what the others say of it where that is something else.
pub fn standing(row: &NodeRow) -> String {
    let said = |flag: Flag| row.flags.contains(&flag);
    let word = row.sight.word();
    if said(Flag::Fail) {
        format!("{word}, fail")
    } else if said(Flag::PFail) {
        format!("{word}, fail?")
    } else if said(Flag::Handshake) {
        format!("{word}, handshake")
    } else {
        word.to_owned()
    }
}

/// What it is, in a word.
pub fn role(row: &NodeRow) -> &'static str {
    row.role.map_or(format::UNKNOWN, Part::word)
}

/// Its slots in few words: one range as it is, more of them counted.
pub fn slots(row: &NodeRow) -> String {
    match row.slots.ranges() {
        [] if row.role == Some(Part::Master) => "none".to_owned(),
        [] => String::new(),
        [(from, to)] if from == to => from.to_string(),
        [(from, to)] => format!("{from}-{to}"),
        all => format!("{} ranges", all.len()),
    }
}

/// How much of all slots are its own.
fn share(row: &NodeRow) -> String {
    if row.slots.is_empty() {
        return String::new();
    }
    format::percent(Some(f64::from(row.slots.count()) / f64::from(SLOTS)))
}

/// `1.1 GB of 4.0 GB`; without a limit the bytes alone.
pub fn memory(row: &NodeRow) -> String {
    match (row.memory, row.memory_max) {
        (Some(used), Some(most)) if most > 0 => format!("{} of {}", Size(used), Size(most)),
        (used, _) => format::size(used),
    }
}

/// What is said of a replica's line to its master. A master has none.
fn link(row: &NodeRow) -> (&'static str, Role) {
    match (row.role, row.link) {
        (Some(Part::Replica), Some(true)) => ("up", Role::Text),
        (Some(Part::Replica), Some(false)) => ("down", Role::Warning),
        (Some(Part::Replica), None) => (format::UNKNOWN, Role::Dim),
        _ => ("", Role::Dim),
    }
}

/// How far a replica is behind: bytes, and seconds from two on (an acknowledgement comes once a second).
pub fn behind(row: &NodeRow) -> String {
    if row.role != Some(Part::Replica) {
        return String::new();
    }
    match (row.lag_bytes, row.lag_seconds) {
        (Some(bytes), Some(seconds)) if seconds >= 2 => format!("{} {seconds} s", Size(bytes)),
        (None, Some(seconds)) if seconds >= 2 => format!("{seconds} s"),
        (bytes, _) => format::size(bytes),
    }
}

/// All that a row says, for the filter.
pub fn text(row: &NodeRow) -> String {
    let master = row.master.as_ref().map(ToString::to_string).unwrap_or_default();
    let words = [row.version.as_deref(), row.trouble.as_deref(), row.id.as_ref().map(NodeId::as_str)];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let (state, role) = (standing(row), role(row));
    format!("{} {role} {state} {} {} {master} {}", row.addr, severity(row).word(), link(row).0, words.join(" "))
}

/// Which columns there are, and how they are laid out.
pub struct Heads {
    /// Them, in the order of a row's cells.
    pub columns: Vec<Column<'static>>,
    /// Which of the titles they are.
    kept: Vec<usize>,
    /// Replicas stand under their master.
    tree: bool,
}

/// The columns for nodes of this kind. Independent nodes have no slots and no master.
pub fn heads(kind: Kind, longest: usize, sorted: Option<usize>) -> Heads {
    let longest = u16::try_from(longest.clamp(9, 44)).unwrap_or(44);
    let words = |at: usize, min: u16| Column::words(TITLES[at], min, 0);
    let all = [
        Column::words(TITLES[0], longest.min(23), 1).cut(Cut::Middle),
        words(1, 7).drop(9),
        Column::words(TITLES[2], 12, 1),
        words(3, 11).drop(5),
        Column::numbers(TITLES[4], 5).drop(4),
        Column::numbers(TITLES[5], 9).drop(6),
        Column::numbers(TITLES[6], 20).drop(7),
        Column::numbers(TITLES[7], 8).drop(3),
        Column::numbers(TITLES[8], 7).drop(10),
        words(9, 4).drop(1),
        Column::numbers(TITLES[10], 9).drop(2),
        Column::numbers(TITLES[11], 7).drop(8),
        words(12, 13).drop(12),
        Column::numbers(TITLES[13], 6).drop(11),
    ];
    let out: &[usize] = match kind {
        Kind::Cluster => &[],
        Kind::Replicas => &[3, 4],
        Kind::List => &[1, 3, 4, 9, 10],
    };
    let (kept, columns) = all.into_iter().enumerate().filter(|(at, _)| !out.contains(at)).unzip();
    Heads { columns, kept, tree: sorted.is_none() }
}

impl Heads {
    /// Where a column of [`TITLES`] stands among those there are.
    pub fn place(&self, column: usize) -> Option<usize> {
        self.kept.iter().position(|at| *at == column)
    }
}

/// Its address as it stands in the tree: a replica under its master.
pub fn label(row: &NodeRow, tree: bool, look: &Look<'_>) -> String {
    match row.role {
        Some(Part::Replica) if tree && row.master.is_some() => {
            format!("{} {}", look.glyphs.border.corners[2], row.addr)
        }
        _ => row.addr.to_string(),
    }
}

/// A node's row.
pub fn row<'a>(row: &NodeRow, heads: &Heads, look: &Look<'_>) -> Row<'a> {
    let severity = severity(row);
    let seen = row.sight.serves() == Some(true);
    // What a node that does not answer said before is not what it says now: the judge tells nothing then.
    let plain = |text: String| Cell::new(text, if seen { Role::Text } else { Role::Dim });
    let sign = look.glyphs.severity(severity);
    let link = link(row);
    let version = format::known(row.version.as_deref(), shown_again);
    let uptime = format::short_span(row.uptime.map(Duration::from_secs));
    let cells = vec![
        Cell::new(label(row, heads.tree, look), Role::Text),
        Cell::new(role(row), Role::Dim),
        Cell::new(format!("{sign} {}", standing(row)), Role::of(severity)),
        plain(slots(row)),
        plain(share(row)),
        plain(format::count(row.keys)),
        plain(memory(row)),
        plain(format::rate(row.ops)),
        plain(format::count(row.clients)),
        Cell::new(link.0, link.1),
        plain(behind(row)),
        plain(format::millis(row.took)),
        Cell::new(version, Role::Dim),
        Cell::new(uptime, Role::Dim),
    ];
    let cells = cells.into_iter().enumerate().filter(|(at, _)| heads.kept.contains(at)).map(|(_, cell)| cell).collect();
    Row { cells, marked: false }
}

/// A node in a sentence, for the lines below the lists.
pub fn sentence(row: &NodeRow) -> String {
    let mut said = format!("{}: {} {}", row.addr, role(row), standing(row));
    if let (Some(Part::Replica), Some(master)) = (row.role, &row.master) {
        said = format!("{said}, of {master}");
    }
    if !row.slots.is_empty() {
        said = format!("{said}, owns {} ({})", row.slots, share(row));
    }
    if let Some(trouble) = &row.trouble {
        said = format!("{said}; {}", Shown::text(trouble));
    }
    said
}
