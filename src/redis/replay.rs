//! A recording is judged again. Several folders are polls, one after another.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::addr::NodeAddr;
use super::aside::Aside;
use super::health::{Tick, judge};
use super::history::History;
use super::info::Info;
use super::limits::{Kind, Limits, Raise, Subject};
use super::look::{Answer, Look, Reply};
use super::nodes;
use super::record::{FILES, SETTINGS, read_trouble};
use super::settings::Settings;
use super::slots::SlotSet;
use super::snapshot::Health;
use super::trouble::Trouble;
use crate::base::{Shown, Time};

/// Bytes of one file that are read: a view of 4,096 nodes with scattered slots is below it.
const FILE: u64 = 16 << 20;
/// Folders of one poll.
const NODES: usize = 4_096;
/// Between two polls that do not say when they were.
const APART: Duration = Duration::from_secs(2);
/// `INFO`, where not everything was asked for.
const SHORT: &str = "info.txt";

/// A recording that cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No folder was named.
    #[error(
        "no folder was named; name one that firn redis record has written, or several that are polls one after another"
    )]
    None,
    /// It cannot be read.
    #[error("{} cannot be read: {source}", Shown::path(path))]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no node in it.
    #[error(
        "{} holds no folder of a node; a recording has one a node, named HOST_PORT or PORT, with {}",
        Shown::path(path),
        FILES.join(", ")
    )]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// Too many.
    #[error("{} holds more than {NODES} folders of nodes; that is no recording of firn", Shown::path(path))]
    Many {
        /// Where.
        path: PathBuf,
    },
    /// A file beyond what is read.
    #[error("{} has more than {} MiB; that is no reply of a node", Shown::path(path), FILE >> 20)]
    Large {
        /// Where.
        path: PathBuf,
    },
}

/// What a recording says.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// How the cluster stood at each poll.
    pub polls: Vec<Health>,
}

impl Replayed {
    /// How it stood at the last one.
    pub fn last(&self) -> Option<&Health> {
        self.polls.last()
    }
}

/// Judges folders as polls, one after another, and what the last one shows counts at once. What kind of cluster it is, the
/// folders say.
pub fn replay<P: AsRef<Path>>(dirs: &[P], limits: &Limits) -> Result<Replayed, ReplayError> {
    replay_like(dirs, limits, &BTreeMap::new())
}

/// The same where machines have names, see [`Subject::hosts`].
pub fn replay_like<P: AsRef<Path>>(
    dirs: &[P],
    limits: &Limits,
    hosts: &BTreeMap<String, String>,
) -> Result<Replayed, ReplayError> {
    let polls: Vec<(PathBuf, Vec<Seen>)> = dirs
        .iter()
        .map(|dir| Ok((dir.as_ref().to_owned(), read_all(dir.as_ref())?)))
        .collect::<Result<_, ReplayError>>()?;
    if polls.is_empty() {
        return Err(ReplayError::None);
    }
    let kind = kind(&polls.iter().flat_map(|(_, seen)| seen.iter().map(|(look, _)| look)).collect::<Vec<_>>());
    let (mut history, mut judged, mut before) = (History::default(), Vec::new(), None);
    for (dir, seen) in polls {
        let (mut looks, settings): (Vec<Look>, Vec<Option<Settings>>) = seen.into_iter().unzip();
        let now = time(&dir, &looks, before);
        for look in &mut looks {
            look.at = now;
        }
        before = Some(now);
        let told = looks.iter().zip(settings).filter(|(_, settings)| settings.is_some());
        let asides: Vec<Aside> =
            told.map(|(look, settings)| Aside { settings, ..Aside::new(look.addr.clone(), now) }).collect();
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let subject = Subject { name, kind, hosts: hosts.clone(), ..Subject::default() };
        let tick = Tick {
            subject: &subject,
            limits,
            looks: &looks,
            asides: &asides,
            sentinels: &[],
            now,
            raise: Raise::Recorded,
        };
        let (next, health) = judge(&history, &tick);
        history = next;
        judged.push(health);
    }
    Ok(Replayed { polls: judged })
}

/// The texts of a node's files, in the order of [`FILES`]; nothing: there is none of that name.
pub type Texts = [Option<String>; 3];

/// What the folder of a node is called, and its texts.
pub type Told = (String, Texts);

/// Reads the looks of one folder; their times are not set.
pub fn read(dir: &Path) -> Result<Vec<Look>, ReplayError> {
    Ok(read_all(dir)?.into_iter().map(|(look, _)| look).collect())
}

/// What a folder has of a node.
type Seen = (Look, Option<Settings>);

fn read_all(dir: &Path) -> Result<Vec<Seen>, ReplayError> {
    let mut looks = Vec::new();
    for (name, texts) in texts(dir)? {
        let Some(look) = look(&name, &texts) else { continue };
        let settings = file(&dir.join(name).join(SETTINGS))?.map(|text| Settings::read(&text));
        looks.push((look, settings));
    }
    if looks.is_empty() {
        return Err(ReplayError::Empty { path: dir.to_owned() });
    }
    looks.sort_by(|(a, _), (b, _)| a.addr.cmp(&b.addr));
    Ok(looks)
}

/// The texts of one folder, node by node, in the order of their names.
pub fn texts(dir: &Path) -> Result<Vec<Told>, ReplayError> {
    let failed = |source| ReplayError::Io { path: dir.to_owned(), source };
    let mut told = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| address(name).is_some()) else { continue };
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if told.len() >= NODES {
            return Err(ReplayError::Many { path: dir.to_owned() });
        }
        let [info, view, cluster] = FILES;
        let info = match file(&path.join(info))? {
            None => file(&path.join(SHORT))?,
            some => some,
        };
        told.push((name.to_owned(), [info, file(&path.join(view))?, file(&path.join(cluster))?]));
    }
    told.sort();
    Ok(told)
}

/// `HOST_PORT`, or `PORT` at 127.0.0.1.
fn address(name: &str) -> Option<NodeAddr> {
    match name.rsplit_once('_') {
        Some((host, port)) => NodeAddr::new(host, port.parse().ok()?),
        None => NodeAddr::new("127.0.0.1", name.parse().ok()?),
    }
}

/// The look that a node's folder of that name makes, without its time; nothing: it names no node, or has none of the files.
pub fn look(name: &str, texts: &Texts) -> Option<Look> {
    let addr = address(name)?;
    let [info, view, cluster] = texts;
    if info.is_none() && view.is_none() && cluster.is_none() {
        return None;
    }
    // A folder that names a port alone does not say the host; the node itself may.
    let lines = view.as_deref().map(|text| read_nodes(text, cluster.as_deref()));
    let own =
        lines.iter().flatten().flatten().find(|line| line.is(nodes::Flag::Myself)).and_then(|line| line.addr.clone());
    let bare = !name.contains('_');
    let addr = own.filter(|own| bare && own.port() == addr.port()).unwrap_or(addr);
    let troubles: Vec<Option<Trouble>> = texts.iter().filter_map(|text| text.as_deref()).map(read_trouble).collect();
    // Nothing was answered at all, and everything failed alike.
    let silent = texts.iter().filter_map(|text| text.as_deref()).all(|text| text.starts_with(super::record::NO_REPLY));
    let answer = match troubles.into_iter().next().flatten() {
        Some(trouble) if silent => Answer::Failed(trouble),
        _ => Answer::Came(Box::new(Reply {
            info: info.as_deref().map_or(Err(Trouble::NotAsked), read_info),
            nodes: lines.unwrap_or(Err(Trouble::NotAsked)),
            cluster: cluster.as_deref().map_or(Err(Trouble::NotAsked), read_info),
        })),
    };
    Some(Look { addr, at: Time::default(), took: None, answer })
}

/// A file's text; nothing: it is not there. What is no UTF-8 is replaced.
fn file(path: &Path) -> Result<Option<String>, ReplayError> {
    let failed = |source| ReplayError::Io { path: path.to_owned(), source };
    // What is no file may never be opened: a pipe waits for who writes into it.
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.is_file() => return Ok(None),
        Ok(_) => {}
    }
    let opened = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    opened.take(FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE {
        return Err(ReplayError::Large { path: path.to_owned() });
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A reply that was cut ends in the middle of a line: what is left of that line is no number to judge by.
fn read_info(text: &str) -> Result<Info, Trouble> {
    if let Some(trouble) = read_trouble(text) {
        return Err(trouble);
    }
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let info = Info::parse(whole);
    if info.is_empty() {
        let found: String = text.chars().take(80).collect();
        return Err(Trouble::Odd { what: "INFO", found });
    }
    Ok(info)
}

/// A view that ends in the middle of a line may have been cut, and half a view would name owners missing that are not: it
/// counts where the same node's `CLUSTER INFO` has as many slots assigned.
fn read_nodes(text: &str, cluster: Option<&str>) -> Result<Vec<nodes::NodeLine>, Trouble> {
    if let Some(trouble) = read_trouble(text) {
        return Err(trouble);
    }
    let odd = |found: String| Trouble::Odd { what: "CLUSTER NODES", found };
    let lines = nodes::parse(text).map_err(|error| odd(error.to_string()))?;
    if !text.ends_with('\n') {
        let cluster = cluster.and_then(|text| read_info(text).ok());
        let assigned = cluster.and_then(|info| info.number("cluster_slots_assigned"));
        let slots = SlotSet::of(lines.iter().filter(|line| line.owns()).flat_map(|line| line.slots.ranges()).copied());
        let whole = assigned == Some(u64::from(slots.count()));
        if !whole {
            let end: String = text.lines().last().unwrap_or_default().chars().take(80).collect();
            return Err(odd(format!("half a view, which ends with {end}")));
        }
    }
    Ok(lines)
}

/// A cluster, if any node is one, or was asked as one; else a primary with replicas, if any node is a replica.
fn kind(looks: &[&Look]) -> Kind {
    let replies = || looks.iter().filter_map(|look| look.reply());
    let infos = || replies().filter_map(|reply| reply.info.as_ref().ok());
    let asked = replies().any(|reply| reply.nodes != Err(Trouble::NotAsked));
    let alone = infos().any(|info| info.is_cluster() == Some(false));
    if asked || !alone || infos().any(|info| info.is_cluster() == Some(true)) {
        return Kind::Cluster;
    }
    let replica = |info: &Info| {
        info.get("role") == Some("slave") || info.number("connected_slaves").is_some_and(|count| count > 0)
    };
    if infos().any(replica) { Kind::Replicas } else { Kind::List }
}

/// When a poll was: as the servers tell it (the latest), else two seconds after the one before; of the first, when a node was
/// last heard of by another, or when the folder was written.
fn time(dir: &Path, looks: &[Look], before: Option<Time>) -> Time {
    let told = looks.iter().filter_map(|look| look.info()?.signed("server_time_usec")).max().map(Time::from_micros);
    let told = told.filter(|told| told.as_micros() > 0);
    let next = before.map(|before| before.plus(APART));
    match (told, next) {
        // A clock that stands or goes back tells no order.
        (Some(told), Some(next)) if Some(told) <= before => next,
        (Some(told), _) => told,
        (None, Some(next)) => next,
        (None, None) => {
            let heard = looks.iter().filter_map(Look::view).flatten().map(|line| line.pong_received).max();
            let heard = heard.filter(|millis| *millis > 0).and_then(|millis| i64::try_from(millis).ok());
            let written = || fs::metadata(dir).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok();
            let written = || written().map_or(Time::default(), |since| Time::default().plus(since));
            heard.map_or_else(written, |millis| Time::from_micros(millis.saturating_mul(1000)))
        }
    }
}
