//! What is asked of a run, within which limits, and why a run was not begun.

use std::fmt;
use std::time::Duration;

use super::guard::Guard;
use super::outcome::Left;
use crate::base::random::RandomError;
use crate::base::secret::Secret;
use crate::base::task::JoinError;
use crate::base::units::Span;
use crate::base::{Shown, random};
use crate::redis::addr::NodeAddr;
use crate::redis::resp::RespError;
use crate::redis::slots::SLOTS;
use crate::redis::trouble::Trouble;

/// Hosts of a run.
pub const MOST_HOSTS: usize = 256;
/// Clients of a host.
pub const MOST_CLIENTS: u32 = 10_000;
/// Keys of a run; each is deleted by name at its end.
pub const MOST_KEYS: u32 = 10_000_000;
/// Bytes of a value.
pub const MOST_VALUE: usize = 1 << 20;
/// Accounts of the invariant check, of each host or master.
pub const MOST_ACCOUNTS: u16 = 10_000;
/// The longest run and the longest warm-up.
pub const LONGEST: Duration = Duration::from_hours(24);
/// Threads of a run.
pub const MOST_THREADS: usize = 64;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// `GET` and `SET` in turn, each one round trip.
    GetSet,
    /// `WATCH`, `GET`, `MULTI`, `SET`, `EXEC`: five round trips, as the post describes its transactions.
    Trans,
    /// The invariant check: money goes from one account to another under `WATCH` of both, and all of it stays.
    Transfer {
        /// Accounts of each host, or of each master of a cluster.
        accounts: u16,
    },
}

impl Work {
    /// As it is asked for on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetSet => "get_set",
            Self::Trans => "trans",
            Self::Transfer { .. } => "transfer",
        }
    }
}

/// How a client comes to its next key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Any, by the client's own generator.
    Random,
    /// Every client walks over the same keys in the same order from the first one on, as those of the post's own tool do:
    /// they contend all the time.
    Walk,
}

impl Choice {
    /// As it is asked for on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Walk => "walk",
        }
    }
}

/// As whom clients come.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user of an access list; nothing: the password alone is sent.
    pub user: Option<String>,
    /// The password.
    pub password: Secret,
}

/// The name of a run: what its keys begin with, so that it touches no others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(String);

impl RunId {
    /// A new one: eight random hexadecimal digits.
    pub fn new() -> Result<Self, RandomError> {
        Ok(Self(format!("{:08x}", u32::from_le_bytes(random::bytes()?))))
    }

    /// What every key of the run begins with.
    pub fn prefix(&self) -> String {
        format!("firn-bench:{}:", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A run.
#[derive(Clone)]
pub struct Spec {
    /// Where to: independent hosts, or with `cluster` nodes of one.
    pub hosts: Vec<NodeAddr>,
    /// Clients of each host, or of each master of a cluster; each has one request under way.
    pub clients: u32,
    /// How long is measured.
    pub span: Duration,
    /// How long clients work before that.
    pub warm_up: Duration,
    /// What they do.
    pub work: Work,
    /// Over how many keys.
    pub keys: u32,
    /// Bytes of a value.
    pub value: usize,
    /// How they choose.
    pub choice: Choice,
    /// Whether the hosts are nodes of one cluster, whose masters are asked for.
    pub cluster: bool,
    /// As whom.
    pub login: Option<Login>,
    /// What the generators begin with; nothing: something random, which the outcome tells.
    pub seed: Option<u64>,
    /// Threads; nothing: as many as the machine has cores for beside a server, four at most.
    pub threads: Option<usize>,
    /// How long an answer is waited for; the clients of a session of dtm-redis hang five seconds when a bucket is gone.
    pub patience: Duration,
    /// Whether what the tool itself takes is measured first, against an answerer of its own.
    pub overhead: bool,
    /// Which hosts are production, and which speak TLS.
    pub guard: Guard,
    /// Whether production is loaded all the same.
    pub anyway: bool,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec").field("hosts", &self.hosts).field("work", &self.work).finish_non_exhaustive()
    }
}

impl Spec {
    /// A run of the post's figures against these hosts: 100 clients a host, 9,999 keys, values of 27 bytes.
    pub fn new(hosts: Vec<NodeAddr>, work: Work) -> Self {
        Self {
            hosts,
            clients: 100,
            span: Duration::from_secs(10),
            warm_up: Duration::from_secs(1),
            work,
            keys: 9_999,
            value: 27,
            choice: Choice::Random,
            cluster: false,
            login: None,
            seed: None,
            threads: None,
            patience: Duration::from_secs(10),
            overhead: false,
            guard: Guard::default(),
            anyway: false,
        }
    }

    /// Refuses what is outside the limits.
    pub fn check(&self) -> Result<(), BenchError> {
        let within = |what, found: u64, least: u64, most: u64, mend| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(BenchError::Limit { what, found: found.to_string(), least, most, mend })
            }
        };
        let hosts = self.hosts.len() as u64;
        within("hosts", hosts, 1, MOST_HOSTS as u64, "name the hosts to load as a:6379,b:6379")?;
        if let Some(twice) = self.hosts.iter().enumerate().find(|(place, host)| self.hosts[..*place].contains(host)) {
            return Err(BenchError::Twice(twice.1.clone()));
        }
        within("clients of a host", self.clients.into(), 1, MOST_CLIENTS.into(), "load it from several machines")?;
        within("keys", self.keys.into(), 1, MOST_KEYS.into(), "the post has 9,999")?;
        within("bytes of a value", self.value as u64, 1, MOST_VALUE as u64, "the post has 27")?;
        if let Some(threads) = self.threads {
            within("threads", threads as u64, 1, MOST_THREADS as u64, "leave --threads out for one that fits")?;
        }
        if let Work::Transfer { accounts } = self.work {
            within("accounts", accounts.into(), 2, MOST_ACCOUNTS.into(), "fewer accounts contend more")?;
        }
        for (what, span, least) in [
            ("--seconds", self.span, Duration::from_millis(100)),
            ("--warm-up", self.warm_up, Duration::ZERO),
            ("the time an answer is waited for", self.patience, Duration::from_millis(100)),
        ] {
            if span < least || span > LONGEST {
                return Err(BenchError::Long { what, found: span, least });
            }
        }
        Ok(())
    }
}

/// What removes what is left, command by command.
fn by_hand(left: &[Left]) -> String {
    left.iter().map(|one| one.command.as_str()).collect::<Vec<_>>().join("; ")
}

/// A trouble as the benchmark says it, which has no setting for TLS.
pub(super) struct Spoken<'a>(pub(super) &'a Trouble);

impl fmt::Display for Spoken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Trouble::Wire(RespError::Begin { begin }) => write!(
                f,
                "\"{}\" begins no reply of a redis server; is it one, and without TLS, which the benchmark does not speak?",
                Shown::text(begin)
            ),
            other => other.fmt(f),
        }
    }
}

/// A run that was not begun, or that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Outside the limits.
    #[error("{what}: {found} is not from {least} to {most}; {mend}")]
    Limit {
        /// What.
        what: &'static str,
        /// What was asked for.
        found: String,
        /// From.
        least: u64,
        /// To.
        most: u64,
        /// What to do.
        mend: &'static str,
    },
    /// Too short or too long.
    #[error("{what}: {} is not from {} to {}; choose a span within", Span(*found), Span(*least), Span(LONGEST))]
    Long {
        /// What.
        what: &'static str,
        /// What was asked for.
        found: Duration,
        /// From.
        least: Duration,
    },
    /// A host stands there twice.
    #[error("{0} is named twice in --hosts; more clients are asked for by --clients")]
    Twice(NodeAddr),
    /// It is production.
    #[error(
        "{host} is marked production in the configuration ({}); a benchmark takes what its users need: name another host, \
         or say --anyway",
        Shown::text(name)
    )]
    Production {
        /// The host.
        host: NodeAddr,
        /// What marks it.
        name: String,
    },
    /// It speaks TLS.
    #[error(
        "{host} is of {}, where tls = \"{setting}\" is set; the benchmark speaks no TLS, and what it sends, the password too, \
         would go in the open: nothing was connected; name a host without TLS",
        Shown::text(name)
    )]
    Tls {
        /// The host.
        host: NodeAddr,
        /// The cluster's name.
        name: String,
        /// What `tls` is set to.
        setting: &'static str,
    },
    /// More connections than this process may open.
    #[error(
        "{wanted} connections are more than this process may have open ({most} files); take fewer --clients, or raise the \
         limit (ulimit -n {})",
        wanted + 100
    )]
    Files {
        /// Connections.
        wanted: u64,
        /// What is allowed.
        most: u64,
    },
    /// A host that does not answer as it should.
    #[error("{host}: {}; nothing was loaded", Spoken(trouble))]
    Host {
        /// Which.
        host: NodeAddr,
        /// What it says.
        trouble: Trouble,
    },
    /// Some connections do not come about.
    #[error("{host}: {open} of {wanted} connections came about, then: {}; nothing was loaded", Spoken(trouble))]
    Connections {
        /// Which.
        host: NodeAddr,
        /// How many came about.
        open: u32,
        /// Of how many.
        wanted: u32,
        /// Why no more.
        trouble: Trouble,
    },
    /// The hosts are a cluster.
    #[error("{host} is a node of a cluster, where a key is at one of many nodes; say --cluster")]
    IsCluster {
        /// Who said so.
        host: NodeAddr,
    },
    /// A cluster without masters that own slots.
    #[error("{host}: no master owns a slot in its view (CLUSTER SLOTS); nothing was loaded: is it one of a cluster?")]
    NoMasters {
        /// Who was asked.
        host: NodeAddr,
    },
    /// Keys that no master owns.
    #[error(
        "no master owns the slot of any of the {keys} keys: {owned} of {SLOTS} slots have an owner; take more --keys, or \
         give the other slots to masters; nothing was loaded"
    )]
    NoOwner {
        /// Keys of the run.
        keys: u32,
        /// Slots with an owner.
        owned: usize,
    },
    /// It came to nothing, and some of its keys are left.
    #[error("{source}; {} keys may be left, which `{}` removes", left.iter().map(|one| one.keys).sum::<u64>(), Shown::text(&by_hand(left)))]
    Left {
        /// Why it came to nothing.
        source: Box<BenchError>,
        /// What is left.
        left: Vec<Left>,
    },
    /// Nothing random.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The system gives no means to wait for connections.
    #[error("cannot wait for connections: {0}")]
    System(#[from] std::io::Error),
    /// A thread of the run ended by a fault of firn.
    #[error("a thread of the benchmark ended: {source}; its keys ({prefix}*) may be left")]
    Thread {
        /// How.
        #[source]
        source: JoinError,
        /// What its keys begin with.
        prefix: String,
    },
}
