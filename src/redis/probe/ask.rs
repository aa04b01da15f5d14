//! What a node is asked in a tick, and its answers as they are kept.

use std::time::Duration;

use super::super::conn::Batch;
use super::super::info::Info;
use super::super::line::{Answered, Line};
use super::super::look::Reply;
use super::super::nodes;
use super::super::resp::Value;
use super::super::trouble::Trouble;
use crate::base::{Clock, Time};

/// What of a node is asked.
#[derive(Debug, Clone)]
pub enum Which {
    /// A node of a cluster; with its view, or without.
    Cluster {
        /// Whether `CLUSTER NODES` is asked.
        view: bool,
    },
    /// A node by itself.
    Alone,
    /// A node that replicates: its role too, for one whose user may not ask `INFO`.
    Replica,
    /// A dtm-redis session: these keys, which nobody writes.
    Session(Vec<String>),
}

/// The sections of `INFO` that are asked for. Redis 5 does not know `everything`, and says nothing then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sections {
    /// All there are.
    #[default]
    Everything,
    /// All but those of modules.
    All,
}

/// What came of it.
#[derive(Debug)]
pub struct Came {
    /// When it was whole, or clear that nothing comes.
    pub at: Time,
    /// How long it took.
    pub took: Option<Duration>,
    /// The answers. Where the view was not asked for, there is none.
    pub reply: Result<Reply, Trouble>,
    /// Bytes of the view; nothing: it was not asked for, or refused.
    pub view: Option<usize>,
    /// What it knows of `INFO`.
    pub sections: Sections,
    /// What `ROLE` answered.
    pub role: Option<Value>,
}

impl Came {
    /// Nothing did.
    pub fn not(at: Time, sections: Sections, why: Trouble) -> Self {
        Self { at, took: None, reply: Err(why), view: None, sections, role: None }
    }
}

/// Asks a node.
pub async fn look(line: &Line, which: &Which, sections: Sections, clock: &Clock) -> Came {
    let mut sections = sections;
    let mut got = round(line, which, sections).await;
    if let Ok((_, reply, _, _)) = &got
        && sections == Sections::Everything
        && !matches!(which, Which::Session(_))
        && reply.info.as_ref().is_ok_and(Info::is_empty)
    {
        sections = Sections::All;
        got = round(line, which, sections).await;
    }
    let at = clock.now();
    match got {
        Ok((took, reply, view, role)) => Came { at, took: Some(took), reply: Ok(reply), view, sections, role },
        Err(why) => Came::not(at, sections, why),
    }
}

type Round = (Duration, Reply, Option<usize>, Option<Value>);

async fn round(line: &Line, which: &Which, sections: Sections) -> Result<Round, Trouble> {
    let Answered { values, took, .. } = line.ask(&batch(which, sections)).await?;
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Null);
    if let Which::Session(keys) = which {
        for _ in keys {
            match next() {
                Value::Null | Value::Bulk(_) | Value::Simple(_) => {}
                Value::Error(text) => return Err(Trouble::of_error(&String::from_utf8_lossy(&text))),
                other => return Err(odd("GET", &other)),
            }
        }
        return Ok((took, alone(Ok(Info::default())), None, None));
    }
    let info = info("INFO", &next());
    Ok(match which {
        Which::Cluster { view } => {
            let (nodes, size) = if *view { view_of(&next()) } else { (Err(Trouble::NoCluster), None) };
            let cluster = self::info("CLUSTER INFO", &next());
            (took, Reply { info, nodes, cluster }, size, None)
        }
        Which::Replica => (took, alone(info), None, Some(next())),
        Which::Alone | Which::Session(_) => (took, alone(info), None, None),
    })
}

/// Of a node that is asked as none of a cluster: without `INFO` there is nothing.
fn alone(info: Result<Info, Trouble>) -> Reply {
    let why = info.as_ref().err().cloned().unwrap_or(Trouble::NoCluster);
    Reply { info, nodes: Err(why.clone()), cluster: Err(why) }
}

fn batch(which: &Which, sections: Sections) -> Batch {
    let info: &[&str] = match sections {
        Sections::Everything => &["INFO", "everything"],
        Sections::All => &["INFO", "all"],
    };
    match which {
        Which::Cluster { view: true } => Batch::of(&[info, &["CLUSTER", "NODES"], &["CLUSTER", "INFO"]]),
        Which::Cluster { view: false } => Batch::of(&[info, &["CLUSTER", "INFO"]]),
        Which::Alone => Batch::of(&[info]),
        Which::Replica => Batch::of(&[info, &["ROLE"]]),
        Which::Session(keys) => {
            let mut batch = Batch::default();
            for key in keys {
                batch.push(&["GET", key]);
            }
            batch
        }
    }
}

fn odd(what: &'static str, found: &Value) -> Trouble {
    Trouble::Odd { what, found: found.to_string().chars().take(80).collect() }
}

fn text(what: &'static str, value: &Value) -> Result<String, Trouble> {
    match (value.error(), value.text()) {
        (Some(error), _) => Err(Trouble::of_error(&error)),
        (None, Some(text)) => Ok(text),
        (None, None) => Err(odd(what, value)),
    }
}

fn info(what: &'static str, value: &Value) -> Result<Info, Trouble> {
    text(what, value).map(|text| Info::parse(&text))
}

fn view_of(value: &Value) -> (Result<Vec<nodes::NodeLine>, Trouble>, Option<usize>) {
    match text("CLUSTER NODES", value) {
        Ok(text) => {
            let view = nodes::parse(&text);
            (view.map_err(|why| Trouble::Odd { what: "CLUSTER NODES", found: why.to_string() }), Some(text.len()))
        }
        Err(why) => (Err(why), None),
    }
}

/// Keys of which one falls into each of so many buckets (a power of two): dtm-redis takes the low bits of a key's MD5, the
/// first byte being the lowest.
pub fn session_keys(buckets: usize) -> Vec<String> {
    use md5::{Digest as _, Md5};

    const MOST: usize = 256;
    let buckets = buckets.clamp(1, MOST).next_power_of_two().min(MOST);
    let mut keys: Vec<Option<String>> = vec![None; buckets];
    for number in 0_u32.. {
        let key = format!("firn:probe:{number}");
        let first = Md5::digest(key.as_bytes()).first().copied().unwrap_or_default();
        let place = usize::from(first) & (buckets - 1);
        if keys[place].is_none() {
            keys[place] = Some(key);
        }
        if keys.iter().all(Option::is_some) || number > 100_000 {
            break;
        }
    }
    keys.into_iter().flatten().collect()
}
