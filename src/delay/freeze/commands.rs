//! Statements and shell commands, quoted: find the statement, stop before it, pass over it. What a server does with each
//! is told where it is not plain; what is said of MariaDB was tried on 10.11, what is said of MySQL is from its manual
//! ("START REPLICA", "CHANGE REPLICATION SOURCE TO").

use std::time::Duration;

use serde::Serialize;

use super::danger::{Facts, GtidUse};
use super::gtid::Gtids;
use super::place::{self, PlaceError};
use super::sight::Sight;
use super::statement::{Spot, Statement};
use crate::base::{Shown, Time};
use crate::delay::privilege::Flavour;
use crate::delay::seen::Position;

/// Around the time that is given, so much of the log is read: people's times are rounded.
const AROUND: Duration = Duration::from_mins(5);

/// The longest name of a channel or connection (MySQL manual, "Replication Channel Naming Conventions": 64).
const LONGEST_CHANNEL: usize = 64;

/// A command that is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A name that does not go into a statement.
    #[error(
        "the channel \"{0}\" has a quote, a backslash or a control character, or is longer than {LONGEST_CHANNEL} characters; stop it by hand"
    )]
    Channel(String),
    /// A log's name that does not.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// MariaDB stops before a GTID only when it starts both threads (error 1277), and fetches the log again.
    #[error(
        "MariaDB cannot run its SQL thread alone up to a GTID (error 1277); give the position in the relay log where {0} begins"
    )]
    MariaDbGtid(String),
    /// MariaDB with GTIDs deletes its relay log when a thread is started while both stand.
    #[error(
        "this MariaDB replica uses GTIDs: starting its SQL thread while both threads stand deletes the relay log, and what was received is gone if the source is; run the commands that firn delay frozen {0} shows instead"
    )]
    DeletesRelayLog(String),
}

/// Where a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// In a shell on the replica's host.
    Shell,
    /// In a shell on the source's host.
    SourceShell,
    /// As SQL on the replica.
    Sql,
    /// With firn.
    Firn,
}

/// A command to run, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// What it does.
    pub what: String,
    /// Where it is run.
    pub at: Where,
    /// The command.
    pub text: String,
}

fn command(at: Where, what: impl Into<String>, text: impl Into<String>) -> Command {
    Command { what: what.into(), at, text: text.into() }
}

/// A channel's name as a literal.
fn channel_literal(name: &str) -> Result<String, CommandError> {
    let plain = |c: char| !c.is_control() && !"'\"\\`".contains(c);
    if name.chars().count() > LONGEST_CHANNEL || !name.chars().all(plain) {
        return Err(CommandError::Channel(Shown::text(&name.chars().take(80).collect::<String>()).to_string()));
    }
    Ok(format!("'{name}'"))
}

/// A statement about the threads of one channel alone: `STOP REPLICA SQL_THREAD … FOR CHANNEL ''` or
/// `STOP SLAVE '' SQL_THREAD …`. Without a name it would be about all channels (MySQL) or the session's (MariaDB).
fn about(server: Flavour, verb: &str, thread: &str, rest: &str, channel: &str) -> Result<String, CommandError> {
    let name = channel_literal(channel)?;
    let (replica, rest) = (server.replica(), if rest.is_empty() { String::new() } else { format!(" {rest}") });
    Ok(match server {
        // Channels came with 5.7.6.
        Flavour::MySql(..) if server.version() < (5, 7, 6) => format!("{verb} {replica} {thread}{rest}"),
        Flavour::MySql(..) => format!("{verb} {replica} {thread}{rest} FOR CHANNEL {name}"),
        Flavour::MariaDb(..) => format!("{verb} {replica} {name} {thread}{rest}"),
    })
}

/// Stops the SQL thread.
pub fn stop_sql(server: Flavour, channel: &str) -> Result<String, CommandError> {
    about(server, "STOP", "SQL_THREAD", "", channel)
}

/// Stops the IO thread.
pub fn stop_io(server: Flavour, channel: &str) -> Result<String, CommandError> {
    about(server, "STOP", "IO_THREAD", "", channel)
}

/// Starts the IO thread.
pub fn start_io(server: Flavour, channel: &str) -> Result<String, CommandError> {
    about(server, "START", "IO_THREAD", "", channel)
}

/// Starts the SQL thread, for good or up to a place. `relay` is what the replica's relay logs are called, by any of them.
pub fn start_sql(
    server: Flavour,
    channel: &str,
    until: Option<&Spot>,
    relay: Option<&Position>,
) -> Result<String, CommandError> {
    let rest = match until {
        None => String::new(),
        Some(Spot::Position(at)) => {
            place::check_file(&at.file)?;
            let of_relay = relay.is_some_and(|relay| place::base(&relay.file) == place::base(&at.file));
            let log = if of_relay { "RELAY" } else { server.source() };
            format!("UNTIL {log}_LOG_FILE = '{}', {log}_LOG_POS = {}", at.file, at.at)
        }
        Some(Spot::Gtid(gtid @ Gtids::MySql(_))) => format!("UNTIL SQL_BEFORE_GTIDS = '{gtid}'"),
        Some(Spot::Gtid(gtid @ Gtids::MariaDb(_))) => return Err(CommandError::MariaDbGtid(gtid.to_string())),
    };
    about(server, "START", "SQL_THREAD", &rest, channel)
}

/// The same, refused where it would delete what it is to protect.
pub fn start_sql_safely(
    server: Flavour,
    channel: &str,
    until: &Spot,
    sight: &Sight,
    facts: &Facts,
    replica: &str,
) -> Result<String, CommandError> {
    if facts.start_deletes() {
        return Err(CommandError::DeletesRelayLog(Shown::text(replica).to_string()));
    }
    start_sql(server, channel, Some(until), sight.relay.as_ref())
}

/// What a freeze's commands are made from.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The replica's name, as firn knows it.
    pub replica: &'a str,
    /// The server.
    pub server: Flavour,
    /// The channel.
    pub channel: &'a str,
    /// What is known of the server's settings.
    pub facts: &'a Facts,
    /// The threads and positions.
    pub sight: &'a Sight,
    /// The statement.
    pub statement: &'a Statement,
}

/// The commands of the emergency, in the order they are run. Whatever cannot be made is left out.
pub fn commands(about: &About<'_>) -> Vec<Command> {
    let mut all = Vec::new();
    all.extend(copy(about));
    all.extend(find(about));
    all.extend(keep(about));
    all.extend(quoted(about.replica).map(|replica| {
        let what = "before a thread is started by hand: let go of it, the watch would stop it again (firn delay freeze watches anew)";
        command(Where::Firn, what, format!("firn delay resume {replica} --by-hand"))
    }));
    all.extend(before_it(about));
    all.extend(past_it(about));
    all
}

/// A word for a shell.
fn quoted(word: &str) -> Option<String> {
    if word.is_empty() || word.chars().any(char::is_control) {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/@+=:,%".contains(c);
    Some(if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) })
}

/// The folder of the relay logs, and what their names begin with, both as words of a shell.
fn relay_files(about: &About<'_>) -> Option<(String, String)> {
    let relay = about.sight.relay.as_ref()?;
    place::check_file(&relay.file).ok()?;
    Some((quoted(about.facts.relay_dir.as_deref()?)?, quoted(place::base(&relay.file)?)?))
}

fn copy(about: &About<'_>) -> Option<Command> {
    let (folder, base) = relay_files(about)?;
    let what = "copy the relay log first: it may be the only place that still has what was not applied";
    Some(command(Where::Shell, what, format!("cd {folder} && mkdir -p ../relay-copy && cp -p {base}.* ../relay-copy/")))
}

/// `2026-11-22 12:04:05`, UTC.
fn stamp(time: Time) -> String {
    time.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}

/// Reads the logs around the statement. The tool takes times in the zone of its own process.
fn find(about: &About<'_>) -> Vec<Command> {
    let statement = about.statement;
    let times = statement.time.map_or_else(String::new, |time| {
        format!(" --start-datetime='{}' --stop-datetime='{}'", stamp(time.minus(AROUND)), stamp(time.plus(AROUND)))
    });
    let show = match &statement.spot {
        Some(Spot::Gtid(gtid)) => format!(" | grep -n -B 1 -A 40 -F '{gtid}'"),
        Some(Spot::Position(_)) | None if statement.time.is_some() => " | less".to_owned(),
        Some(Spot::Position(at)) => format!(" | grep -n -A 40 -w -E '(at|end_log_pos) {}'", at.at),
        None => " | less".to_owned(),
    };
    let tool = about.server.binlog_tool();
    let read = |files: &str| format!("TZ=UTC {tool} --base64-output=decode-rows -vv{times} {files}{show}");
    let mut found = Vec::new();
    if let Some((folder, base)) = relay_files(about) {
        let what = "find the statement in the relay log: it begins at the \"# at\" of its GTID or BEGIN event, FILE:AT is its position there";
        found.push(command(Where::Shell, what, format!("cd {folder} && {}", read(&format!("{base}.[0-9]*")))));
    }
    let newest = about.sight.received.position.as_ref().filter(|at| place::check_file(&at.file).is_ok());
    if let Some(file) = newest.and_then(|at| place::base(&at.file)).and_then(quoted) {
        let what = "or in the source's own log, if the source is there (in its log folder): FILE:AT is its position in the source's log";
        found.push(command(Where::SourceShell, what, read(&format!("{file}.[0-9]*"))));
    }
    found
}

/// What keeps the relay log from being deleted as it is applied.
fn keep(about: &About<'_>) -> Option<Command> {
    let what = "keep relay logs that have been applied";
    (about.facts.relay_log_purge == Some(true)).then(|| command(Where::Sql, what, "SET GLOBAL relay_log_purge = 0;"))
}

/// Runs the SQL thread up to the statement, and no further.
fn before_it(about: &About<'_>) -> Vec<Command> {
    let mut all = Vec::new();
    let deletes = about.facts.start_deletes();
    if let Some(spot) = about.statement.spot.as_ref().filter(|_| !deletes)
        && let Ok(text) = start_sql(about.server, about.channel, Some(spot), about.sight.relay.as_ref())
    {
        let waits = match about.sight.sql_delay.filter(|delay| *delay > 0) {
            Some(delay) => format!("; it goes on waiting {delay} s for each transaction"),
            None => String::new(),
        };
        let what = format!("run the SQL thread up to the statement and no further{waits}");
        all.push(command(Where::Sql, what, text + ";"));
    }
    let Some(change) = at_once(about) else { return all };
    let why = if deletes {
        "let it run without the delay and without GTIDs, which alone keeps the relay log (MariaDB with GTIDs deletes it at the next start)"
    } else {
        "or at once: take the delay away; without RELAY_LOG_FILE this would delete the relay log, as both threads stand"
    };
    all.push(command(Where::Sql, why, change));
    let spot = about.statement.spot.as_ref().filter(|spot| in_relay_log(spot, about));
    let until = match spot {
        Some(spot) => start_sql(about.server, about.channel, Some(spot), about.sight.relay.as_ref()).ok(),
        None => about_relay(about).ok(),
    };
    all.extend(until.map(|text| {
        command(
            Where::Sql,
            "then up to the statement, by its place in the relay log (places in the source's log no longer count)",
            text + ";",
        )
    }));
    all
}

/// Whether a place still counts after the relay log has been named to the server.
fn in_relay_log(spot: &Spot, about: &About<'_>) -> bool {
    match spot {
        Spot::Position(at) => {
            about.sight.relay.as_ref().is_some_and(|relay| place::base(&relay.file) == place::base(&at.file))
        }
        Spot::Gtid(gtid) => matches!(gtid, Gtids::MySql(_)),
    }
}

/// The command with its place left to be filled in.
fn about_relay(on: &About<'_>) -> Result<String, CommandError> {
    about(on.server, "START", "SQL_THREAD", "UNTIL RELAY_LOG_FILE = 'FILE', RELAY_LOG_POS = AT", on.channel)
}

/// Takes the delay away and keeps the relay log.
fn at_once(about: &About<'_>) -> Option<String> {
    let relay = about.sight.relay.as_ref().filter(|relay| place::check_file(&relay.file).is_ok())?;
    let name = channel_literal(about.channel).ok()?;
    let (word, source) = (about.server.says_source(), about.server.source());
    let place = format!("RELAY_LOG_FILE = '{}', RELAY_LOG_POS = {}", relay.file, relay.at);
    Some(match about.server {
        Flavour::MySql(..) => {
            let verb = if word { "CHANGE REPLICATION SOURCE TO" } else { "CHANGE MASTER TO" };
            // The places of a relay log are refused while the source is asked by GTID (error 1776).
            let gtid = if about.facts.gtid == Some(GtidUse::No) {
                String::new()
            } else {
                format!("{source}_AUTO_POSITION = 0, ")
            };
            let channel =
                if about.server.version() < (5, 7, 6) { String::new() } else { format!(" FOR CHANNEL {name}") };
            format!("{verb} {source}_DELAY = 0, {gtid}{place}{channel};")
        }
        Flavour::MariaDb(..) => {
            let gtid = if about.facts.gtid == Some(GtidUse::No) { "" } else { "MASTER_USE_GTID = no, " };
            format!("CHANGE MASTER {name} TO MASTER_DELAY = 0, {gtid}{place};")
        }
    })
}

/// Passes over the statement, once the replica stands right before it.
fn past_it(about: &About<'_>) -> Vec<Command> {
    let Ok(start) = start_sql(about.server, about.channel, None, None) else { return Vec::new() };
    let deletes = about.facts.start_deletes();
    if deletes && at_once(about).is_none() {
        return Vec::new();
    }
    let first = if deletes {
        " (after the CHANGE MASTER above alone: with GTIDs this start deletes the relay log, and MariaDB may refuse to skip)"
    } else {
        ""
    };
    let what = format!("standing right before the statement, pass over it and apply the rest{first}");
    let skip = match (about.server, &about.statement.spot) {
        (Flavour::MySql(..), Some(Spot::Gtid(gtid))) => {
            format!("SET gtid_next = '{gtid}'; BEGIN; COMMIT; SET gtid_next = 'AUTOMATIC';")
        }
        (Flavour::MySql(..), _) if about.facts.gtid == Some(GtidUse::AutoPosition) => {
            "SET gtid_next = 'UUID:NUMBER'; BEGIN; COMMIT; SET gtid_next = 'AUTOMATIC';".to_owned()
        }
        (Flavour::MySql(..), _) if about.server.version() >= (8, 0, 26) => {
            "SET GLOBAL sql_replica_skip_counter = 1;".to_owned()
        }
        (Flavour::MySql(..), _) => "SET GLOBAL sql_slave_skip_counter = 1;".to_owned(),
        (Flavour::MariaDb(..), _) => match channel_literal(about.channel) {
            Ok(name) if about.channel.is_empty() => {
                drop(name);
                "SET GLOBAL sql_slave_skip_counter = 1;".to_owned()
            }
            Ok(name) => format!("SET @@default_master_connection = {name}; SET GLOBAL sql_slave_skip_counter = 1;"),
            Err(_) => return Vec::new(),
        },
    };
    vec![command(Where::Sql, what, format!("{skip} {start};"))]
}
