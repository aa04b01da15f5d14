//! What is asked of one node on demand: slow log, latency, clients, memory, a few settings. A command that is refused or does
//! not exist (managed services have no `CONFIG`) is not seen, which says nothing of the node.

use std::collections::BTreeMap;
use std::time::Duration;

use super::conn::Batch;
use super::line::Line;
use super::resp::Value;
use super::trouble::Trouble;
use crate::base::Time;

/// Everything that is asked of one node when its panel is open. Each part is seen, or not, by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    /// The slow log, newest first.
    pub slow: Result<Vec<Slow>, Trouble>,
    /// Latency events.
    pub latency: Result<Latency, Trouble>,
    /// Who is connected.
    pub clients: Result<Clients, Trouble>,
    /// `MEMORY STATS`, field by field; those of a database are `db.0.…`.
    pub memory: Result<Vec<(String, String)>, Trouble>,
    /// Settings, by name.
    pub config: Result<BTreeMap<String, String>, Trouble>,
}

/// An entry of the slow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Its number; it rises, and begins anew with the process.
    pub id: u64,
    /// When it ran, to the second.
    pub at: Time,
    /// How long.
    pub took: Duration,
    /// The command with its arguments, as many as the server keeps; without those of commands that carry passwords.
    pub command: Vec<String>,
    /// Who asked for it, address and port.
    pub client: Option<String>,
    /// The name that one gave itself.
    pub name: Option<String>,
}

/// What `LATENCY LATEST` told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// From where on the server records events; zero: it records none, so that there are none says nothing. Nothing: the
    /// setting may not be read.
    pub threshold: Option<Duration>,
    /// Events.
    pub events: Vec<LatencyEvent>,
}

/// A kind of event that took long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyEvent {
    /// `command`, `fork`, `aof-write`, …
    pub name: String,
    /// When it last was, to the second.
    pub at: Time,
    /// How long it took then, to the millisecond.
    pub latest: Duration,
    /// The longest so far.
    pub most: Duration,
}

/// Who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// How many.
    pub all: usize,
    /// The first [`CLIENTS`] of them.
    pub kept: Vec<Client>,
}

/// A connection, as the server sees it. What it does not tell is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its number.
    pub id: Option<u64>,
    /// Where it comes from.
    pub addr: String,
    /// What it calls itself.
    pub name: String,
    /// Its user.
    pub user: Option<String>,
    /// `N`, `S` (a replica), `M` (the master), `b` (blocked), …
    pub flags: String,
    /// The command it ran last.
    pub command: String,
    /// Seconds since it came.
    pub age: Option<u64>,
    /// Seconds since it last asked.
    pub idle: Option<u64>,
    /// Bytes that it has not fetched yet.
    pub output: Option<u64>,
    /// Bytes of memory that it takes in all.
    pub memory: Option<u64>,
}

/// Entries of the slow log that are asked for.
pub const SLOW: usize = 25;
/// Clients that are kept.
pub const CLIENTS: usize = 10_000;
/// Fields of `MEMORY STATS` that are kept.
const MEMORY: usize = 1_000;
/// Characters of a word that are kept.
const WORD: usize = 200;
/// Words of a command that are kept.
const WORDS: usize = 64;

/// Settings that are read. None of them is a secret, and none other is asked for.
pub const SETTINGS: [&str; 16] = [
    "maxmemory",
    "maxmemory-policy",
    "maxclients",
    "timeout",
    "save",
    "appendonly",
    "repl-backlog-size",
    "repl-ping-replica-period",
    "repl-timeout",
    "min-replicas-to-write",
    "client-output-buffer-limit",
    "cluster-node-timeout",
    "cluster-replica-validity-factor",
    "cluster-require-full-coverage",
    "slowlog-log-slower-than",
    "latency-monitor-threshold",
];

/// All of a node's panels, on its own line, one after another: none keeps the next tick waiting for long.
pub async fn all(line: &Line) -> Panels {
    let slow = slow_log(line, None).await;
    // Who takes connections and does not answer is asked once.
    if let Err(why) = slow.as_ref().map_err(Clone::clone)
        && !matches!(why, Trouble::NoPerm(_) | Trouble::Error(_))
    {
        let same = || why.clone();
        return Panels {
            latency: Err(same()),
            clients: Err(same()),
            memory: Err(same()),
            config: Err(same()),
            slow: Err(why),
        };
    }
    Panels {
        slow,
        latency: latency(line).await,
        clients: clients(line).await,
        memory: memory(line).await,
        config: config(line).await,
    }
}

async fn one(line: &Line, command: &[&str]) -> Result<Value, Trouble> {
    let values = line.ask(&Batch::of(&[command])).await?.values;
    fine(values.into_iter().next().unwrap_or(Value::Null))
}

/// What is no error.
fn fine(value: Value) -> Result<Value, Trouble> {
    match value.error() {
        Some(error) => Err(Trouble::of_error(&error)),
        None => Ok(value),
    }
}

fn odd(what: &'static str, value: &Value) -> Trouble {
    Trouble::Odd { what, found: value.to_string().chars().take(80).collect() }
}

fn word(value: &Value) -> String {
    let text = value.text().or_else(|| value.integer().map(|number| number.to_string()));
    text.unwrap_or_else(|| value.to_string()).chars().take(WORD).collect()
}

fn count(value: &Value) -> Option<u64> {
    u64::try_from(value.integer()?).ok()
}

/// The newest entries of the slow log; those after `since` alone, where that is given and the process is the same.
pub async fn slow_log(line: &Line, since: Option<u64>) -> Result<Vec<Slow>, Trouble> {
    let value = one(line, &["SLOWLOG", "GET", &SLOW.to_string()]).await?;
    let entries = value.array().ok_or_else(|| odd("SLOWLOG GET", &value))?;
    let entries = entries.iter().filter_map(|entry| slow(entry.array()?));
    Ok(entries.filter(|entry| since.is_none_or(|since| entry.id > since)).collect())
}

fn slow(parts: &[Value]) -> Option<Slow> {
    let said = |place: usize| parts.get(place).map(word).filter(|text| !text.is_empty());
    Some(Slow {
        id: count(parts.first()?)?,
        at: Time::from_secs(parts.get(1)?.integer()?),
        took: Duration::from_micros(count(parts.get(2)?)?),
        command: without_secrets(parts.get(3)?.array()?.iter().take(WORDS).map(word).collect()),
        client: said(4),
        name: said(5),
    })
}

/// Servers leave out or black out most of these themselves; old ones do not.
fn without_secrets(mut command: Vec<String>) -> Vec<String> {
    let is = |place: usize, words: &[&str]| {
        command.get(place).is_some_and(|word| words.iter().any(|one| word.eq_ignore_ascii_case(one)))
    };
    let has = |part: &str| command.iter().any(|word| word.to_ascii_lowercase().contains(part));
    let kept = if is(0, &["AUTH", "HELLO"]) {
        1
    } else if is(0, &["ACL"]) && is(1, &["SETUSER"]) {
        3
    } else if (is(0, &["CONFIG"]) && is(1, &["SET"]) && (has("pass") || has("auth")))
        || (is(0, &["SENTINEL"]) && (has("pass") || has("auth")))
    {
        2
    } else if is(0, &["MIGRATE"]) && has("auth") {
        1
    } else {
        return command;
    };
    if command.len() > kept {
        command.truncate(kept);
        command.push("(left out: it may hold a password)".to_owned());
    }
    command
}

/// What took long, by kind.
pub async fn latency(line: &Line) -> Result<Latency, Trouble> {
    let batch = Batch::of(&[&["LATENCY", "LATEST"], &["CONFIG", "GET", "latency-monitor-threshold"]]);
    let mut values = line.ask(&batch).await?.values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Null);
    let events = events(&fine(next())?)?;
    let threshold = next().array().and_then(|pair| count(pair.get(1)?)).map(Duration::from_millis);
    Ok(Latency { threshold, events })
}

/// The same without its threshold, in one question.
pub async fn latest(line: &Line) -> Result<Vec<LatencyEvent>, Trouble> {
    events(&one(line, &["LATENCY", "LATEST"]).await?)
}

fn events(latest: &Value) -> Result<Vec<LatencyEvent>, Trouble> {
    let events = latest.array().ok_or_else(|| odd("LATENCY LATEST", latest))?;
    let event = |parts: &[Value]| {
        let millis = |place: usize| Some(Duration::from_millis(count(parts.get(place)?)?));
        Some(LatencyEvent {
            name: word(parts.first()?),
            at: Time::from_secs(parts.get(1)?.integer()?),
            latest: millis(2)?,
            most: millis(3)?,
        })
    };
    Ok(events.iter().filter_map(|one| event(one.array()?)).collect())
}

/// Who is connected.
pub async fn clients(line: &Line) -> Result<Clients, Trouble> {
    let value = one(line, &["CLIENT", "LIST"]).await?;
    let text = value.text().ok_or_else(|| odd("CLIENT LIST", &value))?;
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    Ok(Clients { all: lines().count(), kept: lines().take(CLIENTS).map(client).collect() })
}

fn client(line: &str) -> Client {
    let mut client = Client::default();
    for (name, value) in line.split(' ').filter_map(|part| part.split_once('=')) {
        let text = || value.chars().take(WORD).collect::<String>();
        match name {
            "id" => client.id = value.parse().ok(),
            "addr" => client.addr = text(),
            "name" => client.name = text(),
            "user" => client.user = Some(text()),
            "flags" => client.flags = text(),
            "cmd" => client.command = text(),
            "age" => client.age = value.parse().ok(),
            "idle" => client.idle = value.parse().ok(),
            "omem" => client.output = value.parse().ok(),
            "tot-mem" => client.memory = value.parse().ok(),
            _ => {}
        }
    }
    client
}

/// Where its memory is.
pub async fn memory(line: &Line) -> Result<Vec<(String, String)>, Trouble> {
    let value = one(line, &["MEMORY", "STATS"]).await?;
    let parts = value.array().ok_or_else(|| odd("MEMORY STATS", &value))?;
    let mut all = Vec::new();
    for pair in parts.chunks_exact(2) {
        let name = word(&pair[0]);
        match pair[1].array() {
            Some(inner) => {
                all.extend(inner.chunks_exact(2).map(|pair| (format!("{name}.{}", word(&pair[0])), word(&pair[1]))));
            }
            None => all.push((name, word(&pair[1]))),
        }
        if all.len() >= MEMORY {
            break;
        }
    }
    all.truncate(MEMORY);
    Ok(all)
}

/// A few settings ([`SETTINGS`]). One that the server does not know is not there.
pub async fn config(line: &Line) -> Result<BTreeMap<String, String>, Trouble> {
    let mut batch = Batch::default();
    for name in SETTINGS {
        // More than one name in a command is for redis 7 and later.
        batch.push(&["CONFIG", "GET", name]);
    }
    let mut all = BTreeMap::new();
    for value in line.ask(&batch).await?.values {
        let value = fine(value)?;
        let pairs = value.array().ok_or_else(|| odd("CONFIG GET", &value))?;
        all.extend(pairs.chunks_exact(2).map(|pair| (word(&pair[0]), word(&pair[1]))));
    }
    all.retain(|name, _| SETTINGS.contains(&name.as_str()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn commands_that_carry_passwords_are_shown_without_them() {
        for text in [
            "AUTH hunter2",
            "auth ops hunter2",
            "HELLO 3 AUTH ops hunter2",
            "CONFIG SET requirepass hunter2",
            "config set masterauth hunter2",
            "CONFIG SET maxmemory 1 tls-key-file-pass hunter2",
            "ACL SETUSER ops on >hunter2",
            "MIGRATE 10.0.0.1 6379 k 0 100 AUTH2 ops hunter2",
            "SENTINEL SET main auth-pass hunter2",
        ] {
            let shown = without_secrets(words(text)).join(" ");
            assert!(!shown.contains("hunter2") && shown.ends_with("(left out: it may hold a password)"), "{shown}");
        }
        for text in ["GET auth", "SET password x", "CONFIG SET maxmemory 1", "MIGRATE h 1 k 0 100", "ACL LIST", "AUTH"]
        {
            assert_eq!(without_secrets(words(text)), words(text));
        }
    }

    #[test]
    fn a_client_is_read_by_the_names_of_its_fields() {
        let line = "id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:1 fd=8 name=firn age=12 idle=0 flags=N omem=0 tot-mem=22 \
            cmd=client|list user=default lib-name= new=field";
        let seen = client(line);
        assert_eq!((seen.id, seen.age, seen.memory), (Some(7), Some(12), Some(22)));
        assert_eq!((seen.command.as_str(), seen.user.as_deref()), ("client|list", Some("default")));
        assert_eq!((client("addr=x age=-").age, client("addr=x").output), (None, None), "not known is not zero");
    }
}
