//! Reading a scenario: its keys, what they may be, and what must fit together.

mod clusters;
mod replicas;
mod restores;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{Ack, Action, Backup, Burst, Host, Order, Scenario, SourceSpec, Spell, Trouble, TroubleKind, VaultSpec};
use crate::base::{Shown, Time};
use crate::config::{Kind, Origin, Problem, Value, nearest};
use crate::vault::fake::Fault;
use crate::worker::kinds::Kinds;
use crate::worker::pool::{LARGEST, SMALLEST};

const DAY: u64 = 86_400;
const GB: u64 = 1_000_000_000;
const MOMENT: Kind = Kind::Span(0, DAY);

/// A key: its section, its name, what it may be, and what it is when nobody says (nothing: it must be said; empty:
/// it may be left out).
type Entry = (&'static str, &'static str, Kind, Option<&'static str>);

/// Sections that stand once.
const ONCE: [&str; 5] = ["scenario", "backup", "vault", "restores", "budget"];

const KEYS: &[Entry] = &[
    ("scenario", "about", Kind::Text, None),
    ("scenario", "start", Kind::Text, None),
    ("scenario", "speed", Kind::Number(1, 1000), Some("1")),
    ("backup", "bundle_size", Kind::Size(1 << 16, GB), Some("2500kB")),
    ("backup", "bundle_age", Kind::Span(1, DAY), Some("20s")),
    ("backup", "staging_budget", Kind::Size(1 << 20, 100 * GB), Some("40MB")),
    ("backup", "attempts", Kind::Number(1, 1000), Some("3")),
    ("backup", "repeat_unknown_after", Kind::SpanOrNever(1, 365 * DAY), Some("1h")),
    ("backup", "lease", Kind::Span(10, 3600), Some("60s")),
    ("vault", "name", Kind::Name, Some("glacier")),
    ("vault", "request", Kind::Span(0, 600), Some("150ms")),
    ("vault", "rate", Kind::Size(1, GB), Some("250kB")),
    ("vault", "jitter", Kind::Number(0, 100), Some("30")),
    ("vault", "inventory_every", Kind::Span(60, 30 * DAY), Some("1d")),
    ("vault", "output_lives", Kind::Span(60, 30 * DAY), Some("1d")),
    ("vault", "tariff", Kind::Word(&["glacier-vault", "glacier-vault-2012"]), Some("glacier-vault")),
    ("restores", "confirm_above", Kind::Dollars, Some("10")),
    ("restores", "new_per_second", Kind::Number(1, 100_000), Some("50")),
    ("restores", "slots", Kind::Number(2, 1024), Some("2")),
    ("restores", "rate_per_day", Kind::SizeOrNone(1 << 20, 1 << 60), Some("none")),
    ("budget", "restore_plan", Kind::DollarsOrNone, Some("none")),
    ("budget", "restore_day", Kind::DollarsOrNone, Some("none")),
    ("budget", "restore_month", Kind::DollarsOrNone, Some("none")),
    ("host", "name", Kind::Name, None),
    ("host", "pid", Kind::Number(1, 4_194_304), None),
    ("host", "fetchers", Kind::Number(SMALLEST as u64, LARGEST as u64), Some("6")),
    ("host", "uploaders", Kind::Number(SMALLEST as u64, LARGEST as u64), Some("4")),
    ("host", "workers", Kind::Text, Some("scan,fetch,upload,reconcile,restore,delay,heartbeat,redis,alert")),
    ("host", "begins", MOMENT, Some("0s")),
    ("host", "dies", MOMENT, Some("")),
    ("source", "name", Kind::Name, None),
    ("source", "place", Kind::Text, None),
    ("source", "folder", Kind::Name, None),
    ("source", "ending", Kind::Name, Some("jpg")),
    ("source", "history", Kind::Number(0, 1_000_000), Some("0")),
    ("source", "median", Kind::Size(1, GB), Some("5kB")),
    ("source", "large_one_in", Kind::Number(0, 1_000_000), Some("0")),
    ("source", "large", Kind::Size(1, GB), Some("10MB")),
    ("source", "odd_one_in", Kind::Number(0, 1_000_000), Some("0")),
    ("source", "arrive", Kind::Number(0, 100_000), Some("0")),
    ("source", "change", Kind::Number(0, 100_000), Some("0")),
    ("source", "delete", Kind::Number(0, 100_000), Some("0")),
    ("source", "latency", Kind::Span(0, 600), Some("60ms")),
    ("source", "rescan", Kind::Span(1, 30 * DAY), Some("6h")),
    ("burst", "source", Kind::Name, None),
    ("burst", "from", MOMENT, None),
    ("burst", "until", MOMENT, None),
    ("burst", "times", Kind::Number(1, 1000), None),
    ("weather", "from", MOMENT, None),
    ("weather", "until", MOMENT, None),
    (
        "weather",
        "fault",
        Kind::Word(&[
            "throttle",
            "lost-reply",
            "corrupt-reply",
            "outage",
            "slow",
            "no-expedited",
            "failed-job",
            "cut-output",
            "lost-message",
            "doubled-message",
            "late-message",
        ]),
        None,
    ),
    ("weather", "one_in", Kind::Number(1, 1_000_000), Some("1")),
    ("weather", "factor", Kind::Number(2, 1000), Some("2")),
    ("weather", "by", Kind::Span(1, DAY), Some("1h")),
    ("trouble", "source", Kind::Name, None),
    ("trouble", "from", MOMENT, None),
    ("trouble", "until", MOMENT, None),
    ("trouble", "kind", Kind::Word(&["away", "empty", "permission", "io", "changing", "unreadable"]), None),
    ("trouble", "one_in", Kind::Number(1, 1_000_000), Some("1")),
    ("order", "at", MOMENT, None),
    ("order", "host", Kind::Name, None),
    ("order", "pool", Kind::Word(&["fetch", "upload"]), None),
    ("order", "action", Kind::Word(&["pause", "resume", "drain", "resize"]), None),
    ("order", "size", Kind::Number(SMALLEST as u64, LARGEST as u64), Some("")),
    ("order", "for", Kind::Span(1, DAY), Some("")),
    ("order", "who", Kind::Text, None),
    ("ack", "at", MOMENT, None),
    ("ack", "rule", Kind::Text, None),
    ("ack", "object", Kind::Text, None),
    ("ack", "for", Kind::Span(1, DAY), None),
    ("ack", "who", Kind::Text, None),
    ("restore", "at", MOMENT, None),
    ("restore", "host", Kind::Name, Some("")),
    ("restore", "who", Kind::Text, None),
    ("restore", "title", Kind::Text, Some("")),
    ("restore", "lines", Kind::Text, Some("")),
    ("restore", "source", Kind::Name, Some("")),
    ("restore", "files", Kind::Number(1, 10_000), Some("")),
    ("restore", "archives", Kind::Number(1, 1000), Some("")),
    ("restore", "to", Kind::Text, Some("")),
    ("restore", "tier", Kind::Word(&["expedited", "standard", "bulk"]), Some("standard")),
    ("restore", "confirm", Kind::Flag, Some("true")),
    ("restore", "corrupt", Kind::Number(0, 1000), Some("0")),
    ("restore", "failing", Kind::Number(0, 1000), Some("0")),
    ("place", "at", Kind::Text, None),
    ("place", "from", MOMENT, None),
    ("place", "until", MOMENT, None),
    ("place", "kind", Kind::Word(&["away", "file"]), None),
];

/// A section that has been read: its values, and the lines they stand on.
struct Section {
    name: &'static str,
    line: usize,
    values: BTreeMap<&'static str, (Value, usize)>,
}

pub(super) fn scenario(name: &str, path: &Path, text: &str) -> Result<Scenario, Vec<Problem>> {
    let mut reader = Reader { path, text, problems: Vec::new() };
    let sections = reader.read();
    let built = if reader.problems.is_empty() { reader.build(name, &sections) } else { None };
    match built {
        Some(scenario) if reader.problems.is_empty() => Ok(scenario),
        _ => {
            reader.problems.sort_by_key(|problem| match &problem.origin {
                Origin::File(_, line) => *line,
                _ => usize::MAX,
            });
            Err(reader.problems)
        }
    }
}

fn keys() -> impl Iterator<Item = &'static Entry> {
    KEYS.iter().chain(replicas::KEYS).chain(clusters::KEYS)
}

fn keys_of(section: &str) -> impl Iterator<Item = &'static Entry> {
    keys().filter(move |entry| entry.0 == section)
}

fn sections() -> Vec<&'static str> {
    let mut names: Vec<&str> = keys().map(|entry| entry.0).collect();
    names.dedup();
    names
}

fn near(found: &str, words: &[&str]) -> String {
    nearest(found, words.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn wrong(&mut self, line: usize, key: impl Into<String>, text: impl Into<String>) {
        let origin = Origin::File(self.path.to_owned(), line);
        self.problems.push(Problem { origin, key: key.into(), text: text.into() });
    }

    fn read(&mut self) -> Vec<Section> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let line = self.line(error.span().map_or(0, |span| span.start));
            let message = error.message().lines().next().unwrap_or("not TOML");
            self.wrong(line, "", format!("this is not TOML: {}", Shown::text(message)));
        }
        let mut read = Vec::new();
        if !errors.is_empty() {
            return read;
        }
        for (name, value) in document.get_ref() {
            let line = self.line(name.span().start);
            let found: &str = name.get_ref();
            let Some(section) = sections().into_iter().find(|section| *section == found) else {
                let (all, near) = (sections().join(", "), near(found, &sections()));
                self.wrong(line, found, format!("unknown section{near}; there are {all}"));
                continue;
            };
            let once = ONCE.contains(&section);
            match value.get_ref() {
                DeValue::Table(table) if once => read.push(self.section(section, line, table)),
                DeValue::Array(list) if !once => {
                    for item in list {
                        let line = self.line(item.span().start);
                        match item.get_ref() {
                            DeValue::Table(table) => read.push(self.section(section, line, table)),
                            _ => self.wrong(line, section, format!("found no table; write [[{section}]]")),
                        }
                    }
                }
                _ if once => self.wrong(line, section, format!("it stands once; write [{section}]")),
                _ => self.wrong(line, section, format!("it is a list; write [[{section}]], in two brackets")),
            }
        }
        for section in ["scenario", "host", "source"] {
            if !read.iter().any(|found| found.name == section) {
                let mark = if ONCE.contains(&section) { format!("[{section}]") } else { format!("[[{section}]]") };
                self.wrong(1, section, format!("it is missing; add {mark}"));
            }
        }
        read
    }

    fn section(&mut self, name: &'static str, line: usize, table: &DeTable<'_>) -> Section {
        let mut section = Section { name, line, values: BTreeMap::new() };
        for (key, value) in table {
            let at = self.line(key.span().start);
            let found: &str = key.get_ref();
            let path = format!("{name}.{found}");
            let Some((_, key, kind, _)) = keys_of(name).find(|entry| entry.1 == found) else {
                let known: Vec<&str> = keys_of(name).map(|entry| entry.1).collect();
                let text = format!("unknown key{}; {name} has {}", near(found, &known), known.join(", "));
                self.wrong(at, path, text);
                continue;
            };
            let (value, shown) = match value.get_ref() {
                DeValue::String(text) => (kind.read(text), format!("\"{}\"", Shown::text(text))),
                DeValue::Integer(n) if kind.takes_integer() && n.radix() == 10 => {
                    (kind.read(&n.as_str().replace('_', "")), n.as_str().to_owned())
                }
                DeValue::Boolean(flag) if kind.takes_boolean() => (kind.read(&flag.to_string()), flag.to_string()),
                _ => (None, "something else".to_owned()),
            };
            match value {
                Some(value) => {
                    section.values.insert(key, (value, at));
                }
                None => self.wrong(at, path, format!("found {shown}; allowed is {}", kind.allowed())),
            }
        }
        for (_, key, kind, default) in keys_of(name) {
            if table.keys().any(|found| found.get_ref() == key) {
                continue;
            }
            match default.map(|text| (text, kind.read(text))) {
                None => {
                    let text = format!("it is missing; allowed is {}", kind.allowed());
                    self.wrong(line, format!("{name}.{key}"), text);
                }
                Some((_, Some(value))) => {
                    section.values.insert(key, (value, line));
                }
                // It may be left out.
                Some((_, None)) => {}
            }
        }
        section
    }

    fn build(&mut self, name: &str, read: &[Section]) -> Option<Scenario> {
        let defaults = ["backup", "vault", "restores", "budget"].map(Section::of_defaults);
        let one = |name: &str| read.iter().chain(&defaults).find(|section| section.name == name);
        let all = |name: &'static str| read.iter().filter(move |section| section.name == name);
        let (top, backup, vault) = (one("scenario")?, one("backup")?, one("vault")?);
        let (restoring, budget) = (one("restores")?, one("budget")?);
        let hosts: Vec<Host> = all("host").map(|host| self.host(host)).collect();
        let mut sources: Vec<SourceSpec> = all("source").map(Section::source).collect();
        let host_names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        let source_names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
        let source_names: Vec<&str> = source_names.iter().map(String::as_str).collect();
        self.once("host", all("host"));
        self.once("source", all("source"));
        for burst in all("burst") {
            self.known(burst, "source", &source_names);
            self.window(burst);
            let Some(source) = sources.iter_mut().find(|source| source.name == burst.text("source")) else { continue };
            let (from, until) = (burst.span("from"), burst.span("until"));
            source.bursts.push(Burst { from, until, times: burst.small("times") });
        }
        let mut weather = Vec::new();
        for spell in all("weather") {
            self.window(spell);
            weather.push(Spell { from: spell.span("from"), until: spell.span("until"), fault: spell.fault() });
        }
        let mut troubles = Vec::new();
        for trouble in all("trouble") {
            self.known(trouble, "source", &source_names);
            self.window(trouble);
            troubles.push(trouble.trouble());
        }
        let mut orders = Vec::new();
        for order in all("order") {
            self.known(order, "host", &host_names);
            orders.extend(self.order(order));
        }
        let acks = all("ack").map(|ack| Ack {
            at: ack.span("at"),
            rule: ack.text("rule"),
            object: ack.text("object"),
            holds: ack.span("for"),
            who: ack.text("who"),
        });
        let restores = self.restores(all("restore"), &host_names, &source_names);
        let places = self.places(all("place"));
        self.once("replica", all("replica"));
        let replicas = self.replicas(all("replica"));
        let jobs = self.jobs(all("job"), &replicas);
        self.once("cluster", all("cluster"));
        let clusters = self.clusters(all("cluster"), all("act"));
        let start = top.text("start").parse::<jiff::Timestamp>();
        if start.is_err() {
            let text = format!(
                "found \"{}\"; allowed is a time in UTC, such as \"2026-11-22T03:00:00Z\"",
                Shown::text(&top.text("start"))
            );
            self.wrong(top.line_of("start"), "scenario.start", text);
        }
        Some(Scenario {
            name: name.to_owned(),
            about: top.text("about"),
            start: start.map_or(Time::default(), |start| Time::from_micros(start.as_microsecond())),
            speed: top.small("speed"),
            backup: backup.backup(),
            restore: restoring.restoring(),
            budget: budget.budget(),
            restores,
            places,
            replicas,
            jobs,
            clusters,
            vault: VaultSpec {
                name: vault.text("name"),
                request: vault.span("request"),
                rate: vault.number("rate"),
                jitter: vault.small("jitter"),
                inventory_every: vault.span("inventory_every"),
                output_lives: vault.span("output_lives"),
                tariff: vault.text("tariff"),
            },
            acks: acks.collect(),
            hosts,
            sources,
            weather,
            troubles,
            orders,
        })
    }

    fn host(&mut self, host: &Section) -> Host {
        let workers = host.text("workers");
        if let Err(e) = Kinds::parse(&workers) {
            self.wrong(host.line_of("workers"), "host.workers", e.to_string());
        }
        Host {
            name: host.text("name"),
            pid: host.small("pid"),
            fetchers: host.small("fetchers"),
            uploaders: host.small("uploaders"),
            workers,
            begins: host.span("begins"),
            dies: host.values.contains_key("dies").then(|| host.span("dies")),
        }
    }

    fn order(&mut self, order: &Section) -> Option<Order> {
        let size = order.values.contains_key("size").then(|| order.small("size"));
        let action = match (order.text("action").as_str(), size) {
            ("pause", None) => Action::Pause,
            ("drain", None) => Action::Drain,
            ("resume", None) => Action::Resume,
            ("resize", Some(size)) => Action::Resize(size),
            ("resize", None) => {
                self.wrong(order.line, "order.size", "it is missing; resize needs it");
                return None;
            }
            (action, Some(_)) => {
                let text = format!("{action} has no size; leave it out, or write action = \"resize\"");
                self.wrong(order.line_of("size"), "order.size", text);
                return None;
            }
            _ => return None,
        };
        Some(Order {
            at: order.span("at"),
            host: order.text("host"),
            pool: order.text("pool"),
            action,
            holds: order.values.contains_key("for").then(|| order.span("for")),
            who: order.text("who"),
        })
    }

    /// Names are given once.
    fn once<'a>(&mut self, what: &str, all: impl Iterator<Item = &'a Section>) {
        let mut seen = BTreeMap::new();
        for section in all {
            let name = section.text("name");
            if let Some(before) = seen.insert(name.clone(), section.line_of("name")) {
                let text = format!("{name:?} stands on line {before} already; give it another name");
                self.wrong(section.line_of("name"), format!("{what}.name"), text);
            }
        }
    }

    /// A key names something that there is.
    fn known(&mut self, section: &Section, key: &'static str, names: &[&str]) {
        let found = section.text(key);
        if !names.contains(&found.as_str()) {
            let (all, near) = (names.join(", "), near(&found, names));
            let text = format!("found {found:?}, which is no {key}{near}; there are {all}");
            self.wrong(section.line_of(key), format!("{}.{key}", section.name), text);
        }
    }

    fn window(&mut self, section: &Section) {
        if section.span("from") >= section.span("until") {
            let text = "it is not after from; a window ends after it begins";
            self.wrong(section.line_of("until"), format!("{}.until", section.name), text);
        }
    }
}

impl Section {
    fn of_defaults(name: &'static str) -> Self {
        let value = |entry: &'static Entry| Some((entry.1, (entry.2.read(entry.3?)?, 1)));
        Self { name, line: 1, values: keys_of(name).filter_map(value).collect() }
    }

    fn line_of(&self, key: &str) -> usize {
        self.values.get(key).map_or(self.line, |(_, line)| *line)
    }

    fn text(&self, key: &str) -> String {
        match self.values.get(key) {
            Some((Value::Text(text), _)) => text.clone(),
            _ => String::new(),
        }
    }

    fn number(&self, key: &str) -> u64 {
        match self.values.get(key) {
            Some((Value::Number(n), _)) => *n,
            _ => 0,
        }
    }

    fn small(&self, key: &str) -> u32 {
        u32::try_from(self.number(key)).unwrap_or(u32::MAX)
    }

    fn span(&self, key: &str) -> Duration {
        self.maybe_span(key).unwrap_or_default()
    }

    fn maybe_span(&self, key: &str) -> Option<Duration> {
        match self.values.get(key) {
            Some((Value::Span(span), _)) => *span,
            _ => None,
        }
    }

    fn backup(&self) -> Backup {
        Backup {
            bundle_size: self.number("bundle_size"),
            bundle_age: self.span("bundle_age"),
            staging_budget: self.number("staging_budget"),
            attempts: self.small("attempts"),
            repeat_unknown_after: self.maybe_span("repeat_unknown_after"),
            lease: self.span("lease"),
        }
    }

    fn source(&self) -> SourceSpec {
        SourceSpec {
            name: self.text("name"),
            place: self.text("place"),
            folder: self.text("folder"),
            ending: self.text("ending"),
            history: self.number("history"),
            median: self.number("median"),
            large_one_in: self.number("large_one_in"),
            large: self.number("large"),
            odd_one_in: self.number("odd_one_in"),
            arrive: self.small("arrive"),
            change: self.small("change"),
            delete: self.small("delete"),
            latency: self.span("latency"),
            rescan: self.span("rescan"),
            bursts: Vec::new(),
        }
    }

    fn fault(&self) -> Fault {
        let one_in = self.small("one_in");
        match self.text("fault").as_str() {
            "lost-reply" => Fault::LostReply { one_in },
            "corrupt-reply" => Fault::CorruptReply { one_in },
            "outage" => Fault::Outage,
            "slow" => Fault::Slow { factor: self.small("factor") },
            "no-expedited" => Fault::NoExpedited,
            "failed-job" => Fault::FailedJob { one_in },
            "cut-output" => Fault::CutOutput { one_in },
            "lost-message" => Fault::LostMessage { one_in },
            "doubled-message" => Fault::DoubledMessage { one_in },
            "late-message" => Fault::LateMessage { one_in, by: self.span("by") },
            _ => Fault::Throttle { one_in },
        }
    }

    fn trouble(&self) -> Trouble {
        let kind = match self.text("kind").as_str() {
            "away" => TroubleKind::Away,
            "empty" => TroubleKind::Empty,
            "permission" => TroubleKind::Permission,
            "io" => TroubleKind::Io,
            "changing" => TroubleKind::Changing,
            _ => TroubleKind::Unreadable,
        };
        let (from, until) = (self.span("from"), self.span("until"));
        Trouble { source: self.text("source"), from, until, kind, one_in: self.number("one_in").max(1) }
    }
}
