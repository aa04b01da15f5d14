//! MySQL and MariaDB, looked at: a few short statements, none of which changes anything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::primary::{Primary, Told};
use super::{Probe, Unseen};
use crate::base::Clock;
use crate::base::clock::Mono;
use crate::delay::connect::{Link, LinkError, Server, Table, words};
use crate::delay::heartbeat::{Beats, HeartbeatTable, IdColumn, beats};
use crate::delay::job::Job;
use crate::delay::jobs_query;
use crate::delay::privilege::{Flavour, Need};
use crate::delay::seen::{Heartbeat, Seen, Status};
use crate::delay::status::{MOST_CHANNELS, statuses};

/// A look at a server that answers each statement just in time ends here.
const LOOK: Duration = Duration::from_secs(9);
/// What was refused or was not there is asked for again after this.
const AGAIN: Duration = Duration::from_mins(10);

/// Who the server is. Nothing here needs a privilege. MariaDB has no `server_uuid` and leaves comments of these versions out.
pub(crate) const IDENTITY: &str = "SELECT @@server_id AS server_id, @@global.read_only AS read_only, VERSION() AS version, \
    CURRENT_USER() AS account /*!50700 , @@server_uuid AS server_uuid */";
/// Its uptime.
pub(crate) const UPTIME: &str = "SHOW GLOBAL STATUS LIKE 'Uptime'";
/// Commit times at the first server of the chain, by channel: the newest received, the newest applied by any worker. A
/// time of year 0 means never.
pub(crate) const COMMIT_TIMES: &str = "SELECT c.CHANNEL_NAME AS channel, \
    IF(YEAR(c.LAST_QUEUED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP) > 0, \
    TIMESTAMPDIFF(MICROSECOND, c.LAST_QUEUED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, UTC_TIMESTAMP(6)), NULL) AS queued, \
    (SELECT MIN(IF(YEAR(w.LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP) > 0, \
    TIMESTAMPDIFF(MICROSECOND, w.LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, UTC_TIMESTAMP(6)), NULL)) \
    FROM performance_schema.replication_applier_status_by_worker w WHERE w.CHANNEL_NAME = c.CHANNEL_NAME) AS applied \
    FROM performance_schema.replication_connection_status c";

/// What is watched, and how.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The replica.
    pub replica: Server,
    /// The one channel to look at; nothing: all.
    pub channel: Option<String>,
    /// The heartbeat table.
    pub heartbeat: HeartbeatTable,
    /// The `server_id` whose heartbeat counts; nothing: the source's.
    pub source: Option<u64>,
    /// Whether a heartbeat is written on the replica, too.
    pub local: bool,
    /// The primary, where its own heartbeat is read as well.
    pub primary: Option<Server>,
    /// A SELECT that tells jobs.
    pub jobs_query: Option<String>,
}

/// A probe of MySQL or MariaDB. It keeps a connection to the replica, and one to the primary.
#[derive(Debug)]
pub struct MysqlProbe {
    watched: Watched,
    replica: Link,
    /// Which column names the writer in the replica's heartbeat table.
    id: Mutex<IdColumn>,
    primary: Option<Primary>,
    clock: Clock,
    memory: Mutex<Memory>,
}

/// What was learnt.
#[derive(Debug, Default)]
struct Memory {
    /// MySQL's spelling of the status statement.
    old_spelling: bool,
    /// Why there are no commit times, and when they are asked for again.
    no_times: Option<(String, Mono)>,
    /// The heartbeats at the last look.
    beats: Beats,
    /// Sources by channel, as they were last told.
    sources: BTreeMap<String, u64>,
    /// Jobs as they were last told.
    jobs: Vec<Job>,
}

/// A server, as it introduces itself.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub server_id: Option<u64>,
    pub read_only: Option<bool>,
    pub version: String,
    pub account: String,
    pub server_uuid: Option<String>,
    pub flavour: Flavour,
}

impl Identity {
    /// Reads what [`IDENTITY`] answers.
    pub fn of(answer: &Table) -> Self {
        let text = |name| answer.value(0, name).map(|text| text.chars().take(128).collect::<String>());
        let version = text("version").unwrap_or_default();
        Self {
            server_id: text("server_id").and_then(|text| text.parse().ok()),
            // MariaDB 12 has more words for it.
            read_only: text("read_only").map(|text| !matches!(text.to_ascii_uppercase().as_str(), "0" | "OFF")),
            flavour: Flavour::of(&version),
            account: text("account").unwrap_or_default(),
            server_uuid: text("server_uuid"),
            version,
        }
    }
}

/// The statement that shows the status of all channels.
pub(crate) fn status_statement(flavour: Flavour, old_spelling: bool) -> &'static str {
    match (flavour, old_spelling) {
        (Flavour::MariaDb(..), _) => "SHOW ALL SLAVES STATUS",
        (Flavour::MySql(..), false) => "SHOW REPLICA STATUS",
        (Flavour::MySql(..), true) => "SHOW SLAVE STATUS",
    }
}

/// A statement in the other spelling helps.
pub(crate) const SYNTAX: u16 = 1064;
/// There is no such column.
const NO_COLUMN: u16 = 1054;

impl MysqlProbe {
    /// Not connected yet.
    pub fn new(watched: Watched, clock: Clock) -> Self {
        let replica = Link::new(watched.replica.clone());
        let primary = watched.primary.clone().map(|server| Primary::new(server, watched.heartbeat.clone()));
        Self { watched, replica, id: Mutex::default(), primary, clock, memory: Mutex::default() }
    }

    /// Says goodbye to the servers.
    pub async fn close(&self) {
        self.replica.close().await;
        if let Some(primary) = &self.primary {
            primary.close().await;
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn status(&self, identity: &Identity) -> Result<Table, Unseen> {
        let old = self.memory().old_spelling;
        let first = status_statement(identity.flavour, old);
        let mut answer = self.replica.ask(first, first).await;
        let other = status_statement(identity.flavour, !old);
        if other != first && answer.as_ref().err().and_then(LinkError::code) == Some(SYNTAX) {
            answer = self.replica.ask(other, other).await;
            if answer.as_ref().err().and_then(LinkError::code) != Some(SYNTAX) {
                self.memory().old_spelling = !old;
            }
        }
        answer.map_err(|e| {
            let mend = Need::Status.mend(e.code(), identity.flavour, &identity.account);
            Unseen(format!("{e}{mend}"))
        })
    }

    /// Ages by channel of what was received and applied last.
    async fn times(&self, identity: &Identity, notes: &mut Vec<String>) -> Result<Table, Unseen> {
        if !identity.flavour.has_commit_times() {
            return Ok(Table::default());
        }
        let now = self.clock.mono();
        let known = self.memory().no_times.clone();
        if let Some((why, until)) = known
            && until > now
        {
            notes.push(why);
            return Ok(Table::default());
        }
        match self.replica.ask("performance_schema", COMMIT_TIMES).await {
            Ok(answer) => {
                self.memory().no_times = None;
                Ok(answer)
            }
            Err(e @ LinkError::Failed { .. }) => {
                let mend = Need::PerformanceSchema.mend(e.code(), identity.flavour, &identity.account);
                let why = format!("no commit times: {e}{mend}");
                notes.push(why.clone());
                self.memory().no_times = Some((why, now.plus(AGAIN)));
                Ok(Table::default())
            }
            Err(e) => Err(Unseen(e.to_string())),
        }
    }

    /// Jobs of one's own table. While it cannot be read they are what they were: their limits hold all the same.
    async fn jobs(&self, notes: &mut Vec<String>) -> Result<Vec<Job>, Unseen> {
        let Some(query) = &self.watched.jobs_query else { return Ok(Vec::new()) };
        let told = match self.replica.ask("jobs_query", query).await {
            Ok(answer) => jobs_query::jobs(&answer),
            Err(e @ (LinkError::Failed { .. } | LinkError::TooMuch { .. })) => Err(e.to_string()),
            Err(e) => return Err(Unseen(e.to_string())),
        };
        match told {
            Ok((jobs, odd)) => {
                notes.extend(odd);
                self.memory().jobs.clone_from(&jobs);
                Ok(jobs)
            }
            Err(why) => {
                let jobs = self.memory().jobs.clone();
                notes.push(format!("{why}; jobs are taken as they were told last ({})", jobs.len()));
                Ok(jobs)
            }
        }
    }

    async fn replica(&self) -> Result<Vec<Seen>, Unseen> {
        let unseen = |e: LinkError| Unseen(e.to_string());
        let identity = Identity::of(&self.replica.ask("who it is", IDENTITY).await.map_err(unseen)?);
        let (mut found, mut notes) = statuses(&self.status(&identity).await?);
        let beats = rows(&self.replica, &self.watched.heartbeat, &self.id, &identity).await.map_err(unseen)?;
        let uptime = self.replica.ask("its uptime", UPTIME).await;
        let uptime = match uptime {
            Ok(answer) => answer.value(0, "Value").and_then(|text| text.parse().ok()),
            Err(e @ LinkError::Failed { .. }) => {
                notes.push(format!("its uptime is not known: {e}"));
                None
            }
            Err(e) => return Err(unseen(e)),
        };
        let times = self.times(&identity, &mut notes).await?;
        let jobs = self.jobs(&mut notes).await?;
        for status in &mut found {
            ages(status, &times);
        }
        if let Some(channel) = &self.watched.channel {
            let names: Vec<String> = found.iter().map(|status| format!("\"{}\"", words(&status.channel))).collect();
            found.retain(|status| status.channel == *channel);
            if found.is_empty() && !names.is_empty() {
                notes.push(format!("there is no channel \"{}\"; there are {}", words(channel), names.join(", ")));
            }
        }
        let base = Seen {
            server_id: identity.server_id,
            server_uuid: identity.server_uuid.clone(),
            uptime,
            version: Some(identity.version.clone()),
            read_only: identity.read_only,
            local: self.watched.local.then(|| self.local(&identity, &beats)),
            jobs,
            ..Seen::default()
        };
        Ok(self.by_channel(&base, found, &beats, notes))
    }

    fn local(&self, identity: &Identity, beats: &Result<Beats, String>) -> Heartbeat {
        match (beats, identity.server_id) {
            (Ok(beats), Some(own)) => beats.of(own, &self.watched.heartbeat, self.replica.server()),
            (Err(why), _) => Heartbeat::Unread(why.clone()),
            (_, None) => Heartbeat::Unread(format!("{} does not say its server_id", self.replica.server())),
        }
    }

    /// One look for each channel.
    fn by_channel(
        &self,
        base: &Seen,
        found: Vec<Status>,
        beats: &Result<Beats, String>,
        mut notes: Vec<String>,
    ) -> Vec<Seen> {
        let mut memory = self.memory();
        if let Ok(beats) = beats {
            let mut moved = beats.moved(&memory.beats);
            moved.retain(|writer| {
                Some(*writer) != base.server_id && !found.iter().any(|status| status.source_id == Some(*writer))
            });
            let known = found.iter().any(|status| status.source_id.is_some());
            if self.watched.source.is_none() && moved.len() > usize::from(!known) {
                let writers: Vec<String> = moved.iter().take(8).map(u64::to_string).collect();
                notes.push(format!(
                    "servers that are no source of this one write heartbeats, too: {}; is there another primary? \
                     heartbeat_source says whose counts",
                    writers.join(", ")
                ));
            }
            if beats.strange > 0 {
                notes.push(format!("{} has rows without a server_id", self.watched.heartbeat.shown()));
            }
            memory.beats = beats.clone();
        }
        if found.is_empty() {
            return vec![Seen { notes, ..base.clone() }];
        }
        memory.sources.retain(|channel, _| found.iter().any(|status| status.channel == *channel));
        let mut looks = Vec::with_capacity(found.len().min(MOST_CHANNELS));
        for status in found {
            let mut notes = notes.clone();
            if let Some(id) = status.source_id {
                memory.sources.insert(status.channel.clone(), id);
            }
            let known =
                self.watched.source.or(status.source_id).or_else(|| memory.sources.get(&status.channel).copied());
            let mut applied = None;
            let delay = match beats {
                Err(why) => Heartbeat::Unread(why.clone()),
                Ok(beats) => {
                    let guess = known.or_else(|| beats.only_other(base.server_id));
                    if let (None, Some(writer)) = (known, guess) {
                        notes.push(format!(
                            "the source's server_id is not known while it is away; the only other writer's heartbeat is \
                             taken, server {writer}'s"
                        ));
                    }
                    applied = guess.and_then(|writer| beats.written(writer, &self.watched.heartbeat));
                    match guess {
                        Some(writer) => beats.of(writer, &self.watched.heartbeat, self.replica.server()),
                        None if beats.by_writer.is_empty() => {
                            beats.of(0, &self.watched.heartbeat, self.replica.server())
                        }
                        None => Heartbeat::Unread(
                            "the source's server_id is not known; heartbeat_source says whose heartbeat counts"
                                .to_owned(),
                        ),
                    }
                }
            };
            looks.push(Seen { status: Some(status), delay: Some(delay), applied, notes, ..base.clone() });
        }
        looks
    }
}

/// The heartbeat table of one of the servers; `id`: which column named the writer last time. A server that refuses or has
/// no table is told; one that does not answer fails.
pub(super) async fn rows(
    link: &Link,
    table: &HeartbeatTable,
    id: &Mutex<IdColumn>,
    identity: &Identity,
) -> Result<Result<Beats, String>, LinkError> {
    let known = *id.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answer = link.ask("the heartbeat table", &table.select(known)).await;
    if answer.as_ref().err().and_then(LinkError::code) == Some(NO_COLUMN) {
        answer = link.ask("the heartbeat table", &table.select(known.other())).await;
        if answer.is_ok() {
            *id.lock().unwrap_or_else(PoisonError::into_inner) = known.other();
        }
    }
    match answer {
        Ok(answer) => Ok(Ok(beats(&answer, table))),
        Err(e @ LinkError::Failed { .. }) => {
            let mend = match e.code() {
                Some(1049 | 1146) => {
                    format!("; there is no table {} there: does its writer write to it?", table.shown())
                }
                code => Need::Heartbeat(table).mend(code, identity.flavour, &identity.account),
            };
            Ok(Err(format!("{e}{mend}")))
        }
        Err(other) => Err(other),
    }
}

/// Ages of what was received and applied, seconds.
#[allow(clippy::cast_precision_loss)] // microseconds of three hundred years are whole in an f64
fn ages(status: &mut Status, times: &Table) {
    let row = (0..times.rows.len()).find(|row| times.value(*row, "channel").unwrap_or("") == status.channel);
    let age = |name| {
        let micros: i64 = times.value(row?, name)?.parse().ok()?;
        Some(micros as f64 / 1e6)
    };
    status.queued_age = age("queued");
    status.applied_age = age("applied");
}

#[async_trait]
impl Probe for MysqlProbe {
    async fn look(&self) -> Result<Vec<Seen>, Unseen> {
        if let Some(primary) = &self.primary {
            primary.begin().await;
        }
        let Ok(looks) = tokio::time::timeout(LOOK, self.replica()).await else {
            return Err(Unseen(format!(
                "{} took more than {LOOK:?} for all statements together",
                self.replica.server()
            )));
        };
        let (mut looks, ended) = (looks?, self.clock.mono());
        if let Some(primary) = &self.primary {
            let Told { heartbeat, id, .. } = primary.told().await;
            let ago = self.clock.mono().since(ended);
            for look in &mut looks {
                let source = self.watched.source.or_else(|| look.status.as_ref()?.source_id);
                if let (Some(id), Some(source)) = (id, source)
                    && id != source
                {
                    look.notes.push(format!("primary_host is server {id}, and the source is server {source}"));
                }
                look.primary = Some(heartbeat.clone());
                look.ago = ago;
            }
        }
        Ok(looks)
    }
}
