//! What sentinels say of the masters they watch. They are asked and told nothing.
//!
//! Source: <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/>

use super::addr::NodeAddr;
use super::conn::Batch;
use super::line::Line;
use super::probe::Named;
use super::resp::Value;
use super::trouble::Trouble;
use crate::base::{Clock, Time};

/// One sentinel, looked at once.
#[derive(Debug, Clone, PartialEq)]
pub struct SentinelLook {
    /// Which.
    pub addr: NodeAddr,
    /// When its answer was whole, or when it was clear that none comes.
    pub at: Time,
    /// The masters it watches.
    pub answer: Result<Vec<Watched>, Trouble>,
}

/// A master, as a sentinel sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The sentinels' name for it.
    pub name: String,
    /// Where it is; nothing: that was not told, or is none.
    pub addr: Option<NodeAddr>,
    /// `master`, `s_down`, `o_down`, `disconnected`, `failover_in_progress`, …
    pub flags: Vec<String>,
    /// Other sentinels it knows of.
    pub other_sentinels: Option<u64>,
    /// How many must agree that it is down.
    pub quorum: Option<u64>,
    /// Its replicas.
    pub replicas: Result<Vec<WatchedReplica>, Trouble>,
}

/// A replica, as a sentinel sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedReplica {
    /// Where it is.
    pub addr: NodeAddr,
    /// `slave`, `s_down`, `disconnected`, …
    pub flags: Vec<String>,
    /// `ok` or `err`
    pub link: Option<String>,
    /// In which order it is promoted; 0: never.
    pub priority: Option<u64>,
}

/// Masters of one sentinel that are kept.
const MASTERS: usize = 64;
/// Replicas of one master that are kept.
const REPLICAS: usize = 256;
/// Bytes of a value that are kept.
const VALUE: usize = 256;

impl Watched {
    /// Whether it is said of it.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }
}

impl SentinelLook {
    /// Whom it names.
    pub fn named(&self) -> Vec<Named> {
        let masters = self.answer.as_deref().unwrap_or_default();
        let of = |one: &Watched| {
            let replicas = one.replicas.as_deref().unwrap_or_default().iter().map(|replica| replica.addr.clone());
            one.addr.clone().into_iter().chain(replicas).collect::<Vec<_>>()
        };
        masters.iter().flat_map(of).map(|addr| Named { addr, id: None }).collect()
    }
}

/// Asks a sentinel for the masters it watches, or for one, and for their replicas.
pub async fn look(line: &Line, master: Option<&str>, clock: &Clock) -> SentinelLook {
    let answer = ask(line, master).await;
    SentinelLook { addr: line.addr().clone(), at: clock.now(), answer }
}

async fn ask(line: &Line, master: Option<&str>) -> Result<Vec<Watched>, Trouble> {
    let answered = line.ask(&Batch::of(&[&["SENTINEL", "MASTERS"]])).await?;
    let mut masters = masters(answered.values.first().unwrap_or(&Value::Null))?;
    masters.retain(|one| master.is_none_or(|name| name == one.name));
    if masters.is_empty() {
        return Ok(masters);
    }
    for word in ["REPLICAS", "SLAVES"] {
        let mut batch = Batch::default();
        for one in &masters {
            batch.push(&["SENTINEL", word, &one.name]);
        }
        let answered = line.ask(&batch).await?;
        for (one, value) in masters.iter_mut().zip(&answered.values) {
            one.replicas = replicas(value);
        }
        // Before redis 5 the word was another.
        if !masters.iter().all(|one| matches!(&one.replicas, Err(Trouble::Error(_)))) {
            break;
        }
    }
    Ok(masters)
}

/// Name by name, of an array of names and values in turn.
fn field(parts: &[Value], name: &str) -> Option<String> {
    let pair = parts.chunks_exact(2).find(|pair| pair[0].bytes() == Some(name.as_bytes()))?;
    pair[1].text().map(|text| text.chars().take(VALUE).collect())
}

fn flags(parts: &[Value]) -> Vec<String> {
    field(parts, "flags").unwrap_or_default().split(',').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

fn number(parts: &[Value], name: &str) -> Option<u64> {
    field(parts, name)?.parse().ok()
}

fn address(parts: &[Value]) -> Option<NodeAddr> {
    NodeAddr::new(&field(parts, "ip")?, field(parts, "port")?.parse().ok()?)
}

fn list<'a>(what: &'static str, value: &'a Value) -> Result<&'a [Value], Trouble> {
    if let Some(error) = value.error() {
        return Err(match Trouble::of_error(&error) {
            // An ordinary server.
            Trouble::Error(text) if text.starts_with("ERR unknown command") => {
                Trouble::Odd { what, found: format!("{text}; is it a sentinel?") }
            }
            why => why,
        });
    }
    value.array().ok_or_else(|| Trouble::Odd { what, found: value.to_string().chars().take(80).collect() })
}

fn masters(value: &Value) -> Result<Vec<Watched>, Trouble> {
    let all = list("SENTINEL MASTERS", value)?.iter().filter_map(Value::array);
    let of = |parts: &[Value]| {
        Some(Watched {
            name: field(parts, "name")?,
            addr: address(parts),
            flags: flags(parts),
            other_sentinels: number(parts, "num-other-sentinels"),
            quorum: number(parts, "quorum"),
            replicas: Ok(Vec::new()),
        })
    };
    Ok(all.filter_map(of).take(MASTERS).collect())
}

fn replicas(value: &Value) -> Result<Vec<WatchedReplica>, Trouble> {
    let all = list("SENTINEL REPLICAS", value)?.iter().filter_map(Value::array);
    let of = |parts: &[Value]| {
        Some(WatchedReplica {
            addr: address(parts)?,
            flags: flags(parts),
            link: field(parts, "master-link-status"),
            priority: number(parts, "slave-priority"),
        })
    };
    Ok(all.filter_map(of).take(REPLICAS).collect())
}
