//! What was seen, as a folder: what one operator sends to another. A folder a node, `HOST_PORT`, in it `info-everything.txt`,
//! `cluster-nodes.txt` and `cluster-info.txt`; what was answered with an error holds that error as its first line, what was
//! not answered at all `[no reply]` and why; and `config-get.txt`, settings that the judge goes by, a line each. A node that was not asked has no folder. Passwords are in no reply that is asked
//! for; errors are kept as they were answered.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::addr::NodeAddr;
use super::aside::Aside;
use super::info::Info;
use super::look::{Answer, Look, Reply};
use super::nodes::{Flag, NodeLine};
use super::trouble::Trouble;
use crate::base::Shown;
use crate::base::units::{exact_span, parse_span};

/// The files of a node.
pub const FILES: [&str; 3] = ["info-everything.txt", "cluster-nodes.txt", "cluster-info.txt"];
/// What begins a file of a node that did not answer.
pub const NO_REPLY: &str = "[no reply]";

/// A folder that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Something is there already.
    #[error(
        "{} is there already; name a folder that is not, as one recording must not fall into another",
        Shown::path(path)
    )]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The system says no.
    #[error("{} cannot be written: {source}", Shown::path(path))]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a node has set, where that was told.
pub const SETTINGS: &str = "config-get.txt";

/// Writes the looks of one tick as a new folder, with what nodes told beside it.
pub fn write(dir: &Path, looks: &[Look], asides: &[Aside]) -> Result<(), RecordError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RecordError::Io { path, source }
    };
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    fs::create_dir(dir).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => RecordError::Exists { path: dir.to_owned() },
        _ => RecordError::Io { path: dir.to_owned(), source },
    })?;
    for look in looks {
        let Some(files) = files(look) else { continue };
        let node = dir.join(folder(&look.addr));
        fs::create_dir_all(&node).map_err(failed(&node))?;
        let files = FILES.iter().zip(files).filter_map(|(name, text)| Some((name, text?)));
        for (name, text) in files {
            let path = node.join(name);
            fs::write(&path, text).map_err(failed(&path))?;
        }
        let settings = asides.iter().find(|aside| aside.addr == look.addr).and_then(|aside| aside.settings);
        if let Some(settings) = settings {
            let path = node.join(SETTINGS);
            fs::write(&path, settings.text()).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// `HOST_PORT`
pub fn folder(addr: &NodeAddr) -> String {
    format!("{}_{}", addr.host(), addr.port())
}

/// The three files of a look, those that were asked for; nothing: nobody asked for any.
pub fn files(look: &Look) -> Option<[Option<String>; 3]> {
    match &look.answer {
        Answer::NotAsked => None,
        Answer::Failed(trouble) => {
            let text = trouble_text(trouble)?;
            Some([Some(text.clone()), Some(text.clone()), Some(text)])
        }
        Answer::Came(reply) => {
            let Reply { info: told, nodes, cluster } = reply.as_ref();
            let info =
                |info: &Result<Info, Trouble>| info.as_ref().map_or_else(trouble_text, |info| Some(info_text(info)));
            let nodes = nodes.as_ref().map_or_else(trouble_text, |lines| Some(nodes_text(lines)));
            Some([info(told), nodes, info(cluster)]).filter(|files| files.iter().any(Option::is_some))
        }
    }
}

/// The reply again.
fn info_text(info: &Info) -> String {
    let mut text = String::new();
    for (name, fields) in info.sections() {
        if !name.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, "# {name}\r\n");
        }
        for (field, value) in fields {
            let _ = write!(text, "{field}:{value}\r\n");
        }
        if !name.is_empty() {
            text.push_str("\r\n");
        }
    }
    text
}

/// The reply again, but for the ports of the cluster bus.
fn nodes_text(lines: &[NodeLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let addr =
            line.addr.as_ref().map_or_else(|| ":0".to_owned(), |addr| format!("{}:{}", addr.host(), addr.port()));
        let hostname = line.hostname.as_ref().map(|name| format!(",{name}")).unwrap_or_default();
        let flags: Vec<&str> = line.flags.iter().map(|flag| flag_word(*flag)).collect();
        let flags = if flags.is_empty() { "noflags".to_owned() } else { flags.join(",") };
        let master = line.master.as_ref().map_or("-", |id| id.as_str());
        let link = if line.connected { "connected" } else { "disconnected" };
        let _ = write!(
            text,
            "{} {addr}{hostname} {flags} {master} {} {} {} {link}",
            line.id, line.ping_sent, line.pong_received, line.epoch
        );
        for (from, to) in line.slots.ranges() {
            let _ = if from == to { write!(text, " {from}") } else { write!(text, " {from}-{to}") };
        }
        for open in &line.open {
            let arrow = if open.importing { "-<-" } else { "->-" };
            let _ = write!(text, " [{}{arrow}{}]", open.slot, open.peer);
        }
        text.push('\n');
    }
    text
}

/// The word of a flag, as servers say it.
pub fn flag_word(flag: Flag) -> &'static str {
    match flag {
        Flag::Myself => "myself",
        Flag::Master => "master",
        Flag::Replica => "slave",
        Flag::PFail => "fail?",
        Flag::Fail => "fail",
        Flag::Handshake => "handshake",
        Flag::NoAddr => "noaddr",
        Flag::NoFailover => "nofailover",
    }
}

/// One line: what a server answered, or that it did not; nothing: it was not asked.
fn trouble_text(trouble: &Trouble) -> Option<String> {
    let one = |text: &str| text.replace(['\r', '\n'], " ");
    let text = match trouble {
        Trouble::NotAsked => return None,
        Trouble::Refused => format!("{NO_REPLY} connection refused"),
        Trouble::Connect(after) => format!("{NO_REPLY} no connection within {}", exact_span(*after)),
        Trouble::Silent(after) => format!("{NO_REPLY} timed out after {}", exact_span(*after)),
        Trouble::Closed => format!("{NO_REPLY} connection closed"),
        Trouble::Network(why) => format!("{NO_REPLY} network: {}", one(why)),
        Trouble::Resolve { host, why } => format!("{NO_REPLY} cannot resolve {}: {}", one(host), one(why)),
        Trouble::Handshake(within) => format!("{NO_REPLY} TLS: no answer within {}", exact_span(*within)),
        Trouble::Tls(why) => format!("{NO_REPLY} TLS: {}", one(why)),
        Trouble::Own(why) => format!("{NO_REPLY} firn itself: {}", one(why)),
        Trouble::Wire(error) => format!("{NO_REPLY} protocol: {}", one(&error.to_string())),
        Trouble::Odd { what, found } => format!("{NO_REPLY} {what} answered with {}", one(found)),
        Trouble::Loading => "-LOADING Redis is loading the dataset in memory".to_owned(),
        Trouble::NoAuth => "-NOAUTH Authentication required.".to_owned(),
        Trouble::WrongPass => "-WRONGPASS invalid username-password pair or user is disabled.".to_owned(),
        Trouble::NoPassword => "-ERR Client sent AUTH, but no password is set".to_owned(),
        Trouble::NoUsers => "-ERR wrong number of arguments for 'auth' command".to_owned(),
        Trouble::Denied => "-DENIED protected mode".to_owned(),
        Trouble::NoCluster => "-ERR This instance has cluster support disabled".to_owned(),
        Trouble::Busy(text) | Trouble::NoPerm(text) | Trouble::Full(text) | Trouble::Error(text) => {
            format!("-{}", one(text))
        }
    };
    Some(format!("{text}\r\n"))
}

/// What the first line of a file says, if it is no reply.
pub fn read_trouble(text: &str) -> Option<Trouble> {
    let line = text.lines().next().unwrap_or_default().trim_end_matches('\r');
    if let Some(error) = line.strip_prefix('-') {
        return Some(Trouble::of_error(error));
    }
    let why = line.strip_prefix(NO_REPLY)?.trim();
    let lower = why.to_ascii_lowercase();
    let last = || why.rsplit(' ').next().and_then(|word| parse_span(word).ok()).unwrap_or(Duration::from_secs(1));
    let after = |word: &str| why.split_once(word).map_or_else(|| why.to_owned(), |(_, rest)| rest.trim().to_owned());
    Some(match () {
        () if lower.starts_with("firn itself:") => Trouble::Own(after(":")),
        () if lower.starts_with("cannot resolve") => {
            let rest = after("cannot resolve");
            let (host, why) = rest.split_once(": ").unwrap_or((&rest, ""));
            Trouble::Resolve { host: host.to_owned(), why: why.to_owned() }
        }
        () if lower.starts_with("tls:") => Trouble::Tls(after(":")),
        () if lower.starts_with("protocol:") || lower.contains(" answered with ") => {
            Trouble::Odd { what: "the recording", found: why.to_owned() }
        }
        () if lower.starts_with("network:") => Trouble::Network(after(":")),
        // What others wrote, in whatever words.
        () if lower.contains("no connection within") => Trouble::Connect(last()),
        () if lower.contains("refused") => Trouble::Refused,
        () if lower.contains("timed out") || lower.contains("timeout") => Trouble::Silent(last()),
        () if lower.contains("closed") || lower.contains("reset") || lower.contains("eof") => Trouble::Closed,
        () if lower.contains("name or service") || lower.contains("getaddrinfo") => {
            Trouble::Resolve { host: String::new(), why: why.to_owned() }
        }
        () if lower.contains("certificate") => Trouble::Tls(why.to_owned()),
        () if lower.contains("unreachable") || lower.contains("no route") => Trouble::Network(why.to_owned()),
        // Why it did not answer is not said in words that are known: that it did not is.
        () => Trouble::Silent(Duration::from_secs(1)),
    })
}
