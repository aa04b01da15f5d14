//! How slots that move stand, asked of the node that moves them: keys left in a slot that is open, and the tasks of servers that
//! move slots in one piece, which show no open slot.

use std::collections::BTreeMap;

use super::conn::Batch;
use super::line::Line;
use super::resp::Value;
use super::slots::SlotSet;
use super::trouble::Trouble;

/// Slots that are asked about in one round trip.
pub const SLOTS: usize = 256;
/// Tasks that are kept.
const TASKS: usize = 256;
/// Characters of a word that are kept.
const WORD: usize = 200;

/// A task that moves slots in one piece.
/// Source: <https://valkey.io/commands/cluster-getslotmigrations>, <https://redis.io/commands/cluster-migration>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its name.
    pub id: String,
    /// The slots.
    pub slots: SlotSet,
    /// Whether this node gives them (`EXPORT`, `migrate`) or takes them (`IMPORT`, `import`), as the server says it.
    pub operation: String,
    /// How it stands, as the server says it: `success`, `failed`, `completed`, `canceled`, or what it is at.
    pub state: String,
    /// Why it failed, where it did.
    pub error: Option<String>,
}

/// How many keys the node has in these slots (the first [`SLOTS`] of them): `CLUSTER COUNTKEYSINSLOT`.
pub async fn keys_in_slots(line: &Line, slots: &[u16]) -> Result<BTreeMap<u16, u64>, Trouble> {
    let slots = &slots[..slots.len().min(SLOTS)];
    if slots.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut batch = Batch::default();
    for slot in slots {
        batch.push(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]);
    }
    let values = line.ask(&batch).await?.values;
    let keys = slots.iter().zip(&values).map(|(slot, value)| match (value.error(), value.integer()) {
        (Some(error), _) => Err(Trouble::of_error(&error)),
        (None, Some(keys)) if keys >= 0 => Ok((*slot, keys.unsigned_abs())),
        _ => Err(odd("CLUSTER COUNTKEYSINSLOT", value)),
    });
    keys.collect()
}

/// The tasks the node knows, running ones and those of late. Servers know one of the two commands, or none: then that is an
/// error of theirs, [`Trouble::Error`]. An account needs a right of its own for each, which other servers do not know.
pub async fn moves(line: &Line) -> Result<Vec<Move>, Trouble> {
    let both = Batch::of(&[&["CLUSTER", "GETSLOTMIGRATIONS"], &["CLUSTER", "MIGRATION", "STATUS", "ALL"]]);
    let values = line.ask(&both).await?.values;
    let mut why = Trouble::NoCluster;
    for value in &values {
        if let Some(error) = value.error() {
            why = Trouble::of_error(&error);
            continue;
        }
        let tasks = value.array().ok_or_else(|| odd("CLUSTER GETSLOTMIGRATIONS", value))?;
        return Ok(tasks.iter().filter_map(|task| one(task.array()?)).take(TASKS).collect());
    }
    Err(why)
}

fn odd(what: &'static str, value: &Value) -> Trouble {
    Trouble::Odd { what, found: value.to_string().chars().take(80).collect() }
}

/// Of names and values in turn.
fn one(parts: &[Value]) -> Option<Move> {
    let field = |names: [&str; 2]| {
        let named = |pair: &&[Value]| names.iter().any(|name| pair[0].bytes() == Some(name.as_bytes()));
        let pair = parts.chunks_exact(2).find(named)?;
        pair[1].text()
    };
    let short = |text: String| text.chars().take(WORD).collect::<String>();
    Some(Move {
        id: short(field(["name", "id"])?),
        slots: ranges(&field(["slot_ranges", "slots"]).unwrap_or_default()),
        operation: short(field(["operation", "operation"]).unwrap_or_default()),
        state: short(field(["state", "state"])?),
        error: field(["message", "last_error"]).filter(|text| !text.is_empty()).map(short),
    })
}

/// `0-9 20 30-39`, with blanks or commas between.
fn ranges(text: &str) -> SlotSet {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    SlotSet::of(words.filter_map(|word| {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        Some((from.parse().ok()?, to.parse().ok()?))
    }))
}
