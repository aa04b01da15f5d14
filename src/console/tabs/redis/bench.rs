//! The benchmark as the tab has it: what is asked for as it is typed, and what a run has told so far. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Shown;
use crate::console::chord::{Chord, Press};
use crate::console::effect::BenchAsk;
use crate::console::msg::BenchTold;
use crate::console::widgets::line_edit::LineEdit;
use crate::redis::addr::NodeAddr;
use crate::redis::bench::{Choice, Live, Outcome, Phase, Spec, Work};
use crate::redis::limits::Kind;
use crate::redis::read::{ClusterRead, RedisRead};
use crate::redis::snapshot::Role as Part;

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Where to.
    Hosts,
    /// Whether they are one cluster.
    Spread,
    /// What clients do.
    Work,
    /// Clients of each host.
    Clients,
    /// For how long.
    Seconds,
    /// Over how many keys.
    Keys,
    /// How they choose.
    Choice,
}

impl Field {
    /// All, in their order.
    pub const ALL: [Field; 7] =
        [Field::Hosts, Field::Spread, Field::Work, Field::Clients, Field::Seconds, Field::Keys, Field::Choice];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Spread => "they are",
            Self::Work => "work",
            Self::Clients => "clients of each",
            Self::Seconds => "seconds",
            Self::Keys => "keys",
            Self::Choice => "keys are chosen",
        }
    }
}

/// Accounts of each host or master in the invariant check.
const ACCOUNTS: u16 = 100;
/// The port where none is typed.
const PORT: u16 = 6379;
/// Hosts that are put into the form: more are typed, or the cluster finds them.
const OFFERED: usize = 8;

/// What clients can do, in the order of the keys.
const WORKS: [Work; 3] = [Work::GetSet, Work::Trans, Work::Transfer { accounts: ACCOUNTS }];

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The cluster it was opened over.
    pub of: Option<String>,
    /// The line that has the keys.
    pub field: Field,
    /// Where to.
    pub hosts: LineEdit,
    /// They are nodes of one cluster.
    pub cluster: bool,
    /// What clients do: a place in the works there are.
    pub work: usize,
    /// Clients of each host.
    pub clients: LineEdit,
    /// For how long.
    pub seconds: LineEdit,
    /// Over how many keys.
    pub keys: LineEdit,
    /// Clients walk over the keys in step; else any is taken.
    pub walk: bool,
}

impl Form {
    /// One of the post's figures, over a cluster or over none.
    pub fn over(one: Option<&ClusterRead>) -> Self {
        let health = one.and_then(|one| one.health.as_ref());
        let cluster = health.is_none_or(|health| health.line.kind == Kind::Cluster);
        let masters = health.map_or_else(Vec::new, |health| {
            let master = |row: &&crate::redis::snapshot::NodeRow| {
                row.role != Some(Part::Replica) && row.sight.serves() == Some(true)
            };
            let rows = health.nodes.iter().filter(master);
            let all: Vec<String> = rows.map(|row| row.addr.to_string()).collect();
            // One node leads to the rest of its cluster.
            if cluster { all.into_iter().take(1).collect() } else { all.into_iter().take(OFFERED).collect() }
        });
        Self {
            of: one.map(|one| one.name.clone()),
            field: Field::Hosts,
            hosts: LineEdit::new(&masters.join(", ")),
            cluster,
            work: 0,
            clients: LineEdit::new("100"),
            seconds: LineEdit::new("10"),
            keys: LineEdit::new("9999"),
            walk: false,
        }
    }

    /// What clients do.
    pub fn work(&self) -> Work {
        WORKS.get(self.work).copied().unwrap_or(Work::GetSet)
    }

    /// What of these hosts is of a cluster that is marked as production, and what that is called. Of a cluster that has not
    /// been looked at it is not known which nodes are its own.
    fn production(&self, read: &RedisRead, hosts: &[NodeAddr]) -> Option<(String, String)> {
        let marked = || read.clusters.iter().filter(|one| one.production);
        let named = hosts.iter().find_map(|host| {
            let one = marked().find(|one| is_of(one, host))?;
            Some((host.to_string(), one.name.clone()))
        });
        let unread = || {
            let one = marked().find(|one| one.health.is_none() && Some(&one.name) == self.of.as_ref())?;
            Some(("what it was opened over".to_owned(), one.name.clone()))
        };
        named.or_else(unread)
    }

    /// What a line says where it is no text.
    pub fn chosen(&self, field: Field) -> Option<&'static str> {
        Some(match (field, self.work(), self.cluster, self.walk) {
            (Field::Spread, _, true, _) => "nodes of one cluster: its masters are loaded",
            (Field::Spread, _, false, _) => "independent hosts: each is loaded by itself",
            (Field::Work, Work::GetSet, ..) => "get_set: GET and SET in turn, a round trip each",
            (Field::Work, Work::Trans, ..) => "trans: WATCH, GET, MULTI, SET, EXEC, five round trips",
            (Field::Work, Work::Transfer { .. }, ..) => "invariant: transfers between accounts; lost updates are told",
            (Field::Choice, _, _, true) => "walk: all clients in step over the same keys, to contend",
            (Field::Choice, _, _, false) => "random",
            _ => return None,
        })
    }

    /// The text of a line.
    pub fn text(&self, field: Field) -> Option<&LineEdit> {
        match field {
            Field::Hosts => Some(&self.hosts),
            Field::Clients => Some(&self.clients),
            Field::Seconds => Some(&self.seconds),
            Field::Keys => Some(&self.keys),
            Field::Spread | Field::Work | Field::Choice => None,
        }
    }

    /// The line that is typed into; nothing where something is chosen.
    pub fn edit(&mut self) -> Option<&mut LineEdit> {
        match self.field {
            Field::Hosts => Some(&mut self.hosts),
            Field::Clients => Some(&mut self.clients),
            Field::Seconds => Some(&mut self.seconds),
            Field::Keys => Some(&mut self.keys),
            Field::Spread | Field::Work | Field::Choice => None,
        }
    }

    /// Goes to another line, round and round.
    pub fn go(&mut self, by: isize) {
        let count = Field::ALL.len().cast_signed();
        let at = Field::ALL.iter().position(|field| *field == self.field).unwrap_or(0).cast_signed();
        self.field = Field::ALL[usize::try_from((at + by).rem_euclid(count)).unwrap_or(0)];
    }

    /// Takes a key; whether it was one of its own.
    pub fn key(&mut self, chord: Chord) -> bool {
        let plain = !chord.ctrl && !chord.alt;
        match (chord.press, plain) {
            (Press::Tab | Press::Down, true) => self.go(1),
            (Press::BackTab | Press::Up, true) => self.go(-1),
            _ => {
                let Some(edit) = self.edit() else { return self.turn(chord) };
                return edit.key(chord);
            }
        }
        true
    }

    /// Another choice, where one is made.
    fn turn(&mut self, chord: Chord) -> bool {
        let by = match chord.press {
            Press::Right | Press::Char(' ') => 1,
            Press::Left => WORKS.len() - 1,
            // Letters are no commands here.
            _ => return chord.typed().is_some(),
        };
        match self.field {
            Field::Spread => self.cluster = !self.cluster,
            Field::Work => self.work = (self.work + by) % WORKS.len(),
            _ => self.walk = !self.walk,
        }
        true
    }

    /// What is asked for; or what is wrong with it, in a sentence. Clusters that are marked as production are kept off by
    /// whatever address a look has found their nodes at; the engine asks once more.
    pub fn ask(&self, read: Option<&RedisRead>) -> Result<BenchAsk, String> {
        let hosts = hosts(self.hosts.text())?;
        let clients = number("clients of each", &self.clients)?;
        let seconds = number("seconds", &self.seconds)?;
        let keys = number("keys", &self.keys)?;
        let choice = if self.walk { Choice::Walk } else { Choice::Random };
        if let Some((what, name)) = read.and_then(|read| self.production(read, &hosts)) {
            return Err(format!(
                "{what} is of {}, which is marked as production (production = true): the benchmark keeps off it",
                Shown::text(&name)
            ));
        }
        let ask = BenchAsk {
            of: read.and_then(|read| whose(read, &hosts)),
            hosts,
            cluster: self.cluster,
            clients,
            span: Duration::from_secs(seconds.into()),
            work: self.work(),
            keys,
            choice,
        };
        let mut spec = Spec::new(ask.hosts.clone(), ask.work);
        spec.cluster = ask.cluster;
        (spec.clients, spec.span, spec.keys, spec.choice) = (ask.clients, ask.span, ask.keys, ask.choice);
        spec.check().map_err(|e| e.to_string())?;
        Ok(ask)
    }
}

/// Whether a host is a node of a cluster.
fn is_of(one: &ClusterRead, host: &NodeAddr) -> bool {
    one.health.as_ref().is_some_and(|health| health.nodes.iter().any(|row| row.addr == *host))
}

/// The cluster that all of these hosts are nodes of: its user and password are for them. Nobody else gets them.
fn whose(read: &RedisRead, hosts: &[NodeAddr]) -> Option<String> {
    let one = read.clusters.iter().find(|one| hosts.iter().all(|host| is_of(one, host)))?;
    (!hosts.is_empty()).then(|| one.name.clone())
}

/// `10.0.0.1:7000, 10.0.0.2:7000`
fn hosts(text: &str) -> Result<Vec<NodeAddr>, String> {
    let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            NodeAddr::parse(word, PORT).ok_or_else(|| {
                format!("hosts: \"{}\" is none; write HOST:PORT, an IPv6 address in brackets", Shown::text(word))
            })
        })
        .collect()
}

fn number(what: &str, edit: &LineEdit) -> Result<u32, String> {
    let text = edit.text().trim().replace(',', "");
    text.parse()
        .map_err(|_| format!("{what}: \"{}\" is no whole number, such as {}", Shown::text(edit.text().trim()), "100"))
}

/// Parts of a second that are kept for the chart: five minutes of quarters.
const KEPT: usize = 1_200;

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was asked for.
    pub ask: BenchAsk,
    /// What succeeded a second, in each part of it that is measured; the newest last.
    pub rates: VecDeque<Option<f64>>,
    /// How long an attempt took at most for 99 of 100, milliseconds, in each part.
    pub tails: VecDeque<Option<f64>>,
    /// What was told last.
    pub live: Option<Arc<Live>>,
    /// What came of it; nothing while it goes on.
    pub ended: Option<Result<Arc<Outcome>, String>>,
    /// It was asked to stop.
    pub stopping: bool,
}

impl Run {
    /// One of which nothing has been told.
    pub fn new(ask: BenchAsk) -> Self {
        Self { ask, rates: VecDeque::new(), tails: VecDeque::new(), live: None, ended: None, stopping: false }
    }

    /// Takes in what it tells.
    pub fn told(&mut self, told: BenchTold) {
        match told {
            BenchTold::Ended(outcome) => self.ended = Some(Ok(outcome)),
            BenchTold::Live(live) => {
                // While connections are made and keys removed nobody works: that is no course of anything.
                if live.phase == Phase::Measuring {
                    let span = live.span.as_secs_f64();
                    // What took no time brought nothing that could be told a second.
                    let rate = (span > 0.0).then(|| rate(live.counts.commits, span));
                    let tail = live.transaction.or(live.trip).map(|latency| latency.p99.as_secs_f64() * 1e3);
                    for (series, value) in [(&mut self.rates, rate), (&mut self.tails, tail)] {
                        series.push_back(value);
                        if series.len() > KEPT {
                            series.pop_front();
                        }
                    }
                }
                self.live = Some(live);
            }
        }
    }
}

/// So many in that time, a second.
#[allow(clippy::cast_precision_loss)] // shown with three digits
pub fn rate(count: u64, span: f64) -> f64 {
    count as f64 / span
}

/// The benchmark of the tab: the form, which is kept, and the run there is.
#[derive(Debug, Clone, Default)]
pub struct Bench {
    /// What is typed.
    pub form: Option<Form>,
    /// The run; it stays until another is begun.
    pub run: Option<Run>,
}

impl Bench {
    /// Whether a run goes on.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.ended.is_none())
    }
}
