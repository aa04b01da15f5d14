//! Reading what a scenario says of delayed replicas.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{DAY, Entry, Reader, Section, near};
use crate::base::{Shown, Time};
use crate::config::{Kind, Value};
use crate::delay::limits::{DelayBy, Limits};
use crate::demo::replicas::trace::Trace;
use crate::demo::replicas::{EMBEDDED, known};
use crate::demo::scenario::{JobSpec, Moment, ReplicaSpec};

/// A trace file may have this many bytes.
const LONGEST: u64 = 1 << 24;
const LIMIT: Kind = Kind::Span(1, 365 * DAY);
const MOMENT: Kind = Kind::Span(0, 30 * DAY);

pub(super) const KEYS: &[Entry] = &[
    ("replica", "name", Kind::Name, None),
    ("replica", "group", Kind::Name, Some("")),
    ("replica", "source", Kind::Name, Some("db-main")),
    ("replica", "version", Kind::Text, Some("8.0.41")),
    ("replica", "trace", Kind::Text, None),
    ("replica", "offset", Kind::Span(0, 365 * DAY), Some("0s")),
    ("replica", "catch_up", Kind::Number(1, 1000), Some("")),
    ("replica", "tool", Kind::Span(1, DAY), Some("")),
    ("replica", "tool_times", Kind::Number(0, 1_000_000), Some("3")),
    ("replica", "max_seconds_behind", LIMIT, Some("")),
    ("replica", "max_relay_behind", LIMIT, Some("")),
    ("replica", "max_master_behind", LIMIT, Some("")),
    ("replica", "max_backup_behind", LIMIT, Some("")),
    ("replica", "max_deshard_behind", LIMIT, Some("")),
    ("replica", "max_last_seen", LIMIT, Some("")),
    ("replica", "min_delay_time", LIMIT, Some("")),
    ("replica", "max_delay_time", LIMIT, Some("")),
    ("replica", "max_recovery_time", LIMIT, Some("")),
    ("replica", "max_trend_time", LIMIT, Some("")),
    ("replica", "window", LIMIT, Some("")),
    ("replica", "interval", LIMIT, Some("")),
    ("replica", "io_grace", Kind::Span(0, DAY), Some("")),
    ("replica", "delay_by", Kind::Word(&["native", "external"]), Some("")),
    ("replica", "tool_interval", LIMIT, Some("")),
    ("job", "replica", Kind::Name, None),
    ("job", "class", Kind::Name, None),
    ("job", "start", Kind::Text, None),
    ("job", "end", Kind::Text, Some("")),
    ("job", "who", Kind::Text, None),
];

impl Reader<'_> {
    /// Delayed replicas.
    pub(super) fn replicas<'a>(&mut self, all: impl Iterator<Item = &'a Section>) -> Vec<ReplicaSpec> {
        all.filter_map(|section| self.replica(section)).collect()
    }

    fn replica(&mut self, section: &Section) -> Option<ReplicaSpec> {
        let trace = match trace(self.path, &section.text("trace")) {
            Ok(trace) => trace,
            Err(text) => {
                self.wrong(section.line_of("trace"), "replica.trace", text);
                return None;
            }
        };
        if section.given("tool_times") && !section.has("tool") {
            let text = "there is no tool; leave it out, or write tool, such as \"1m\"";
            self.wrong(section.line_of("tool_times"), "replica.tool_times", text);
        }
        let limits = section.limits();
        for wrong in limits.check() {
            self.wrong(section.line, "replica", wrong.to_string());
        }
        Some(ReplicaSpec {
            name: section.text("name"),
            group: section.has("group").then(|| section.text("group")),
            source: section.text("source"),
            version: section.text("version"),
            trace: Arc::new(trace),
            offset: section.span("offset"),
            limits,
            catch_up: section.has("catch_up").then(|| section.small("catch_up")),
            tool: section.has("tool").then(|| section.span("tool")),
            tool_times: section.small("tool_times"),
        })
    }

    /// Jobs on them.
    pub(super) fn jobs<'a>(
        &mut self,
        all: impl Iterator<Item = &'a Section>,
        replicas: &[ReplicaSpec],
    ) -> Vec<JobSpec> {
        let names: Vec<&str> = replicas.iter().map(|replica| replica.name.as_str()).collect();
        all.filter_map(|section| {
            self.known(section, "replica", &names);
            let classes = replicas.iter().find(|replica| replica.name == section.text("replica"));
            let classes = classes
                .map_or_else(Vec::new, |replica| replica.limits.jobs.iter().map(|class| class.name.as_str()).collect());
            if !classes.is_empty() {
                self.known(section, "class", &classes);
            }
            let start = self.moment(section, "start")?;
            let end = if section.has("end") { Some(self.moment(section, "end")?) } else { None };
            if end.is_some_and(|end| end.of(Time::default()) <= start.of(Time::default())) {
                let text = "it is not after start; a job ends after it begins";
                self.wrong(section.line_of("end"), "job.end", text);
            }
            let (replica, class) = (section.text("replica"), section.text("class"));
            Some(JobSpec { replica, class, start, end, who: section.text("who") })
        })
        .collect()
    }

    /// A moment before the scenario begins, or after.
    fn moment(&mut self, section: &Section, key: &'static str) -> Option<Moment> {
        let text = section.text(key);
        let (span, ago) = match text.strip_suffix(" ago") {
            Some(span) => (span, true),
            None => (text.as_str(), false),
        };
        if let Some(Value::Span(Some(span))) = MOMENT.read(span.trim()) {
            return Some(if ago { Moment::Ago(span) } else { Moment::In(span) });
        }
        let text = format!(
            "found \"{}\"; allowed is a span of time after the scenario begins, such as \"20m\", or before, such as \"2h30m ago\"",
            Shown::text(&text)
        );
        self.wrong(section.line_of(key), format!("job.{key}"), text);
        None
    }
}

/// A trace: by its name, or, where the name has a slash or ends in `.csv`, in a file; a relative path is relative to the
/// scenario's file.
fn trace(scenario: &Path, name: &str) -> Result<Trace, String> {
    use std::io::Read as _;
    let is_file = name.contains('/') || Path::new(name).extension().is_some_and(|ending| ending == "csv");
    if !is_file {
        let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) else {
            let (all, near) = (known().join(", "), near(name, &known()));
            let found = Shown::text(name);
            return Err(format!(
                "found \"{found}\", which is no trace{near}; there are {all}, or name a file: ./mine.csv"
            ));
        };
        return Trace::parse(text).map_err(|e| format!("{name}: {e}"));
    }
    let path = scenario.parent().unwrap_or(Path::new("")).join(name);
    let shown = Shown::path(&path).into_owned();
    let unread = |e: std::io::Error| format!("cannot read the trace {shown}: {e}");
    let mut text = String::new();
    let file = std::fs::File::open(&path).map_err(unread)?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > LONGEST {
        return Err(format!("the trace {shown} has over 16 MiB; cut it, or keep every tenth line"));
    }
    Trace::parse(&text).map_err(|e| format!("{shown}: {e}"))
}

impl Section {
    /// Whether the file says it, rather than a default.
    fn given(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|(_, line)| *line != self.line)
    }

    /// What is allowed, where the scenario says so; the rest as if nobody says otherwise.
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        let Limits { jobs, delay_by, .. } = &mut limits;
        for job in jobs {
            let key = if job.name == "backup" { "max_backup_behind" } else { "max_deshard_behind" };
            if self.has(key) {
                job.longest = self.span(key);
            }
        }
        if self.has("delay_by") {
            *delay_by = if self.text("delay_by") == "external" { DelayBy::External } else { DelayBy::Native };
        }
        let spans: [(&str, &mut Duration); 12] = [
            ("max_seconds_behind", &mut limits.max_seconds_behind),
            ("max_relay_behind", &mut limits.max_relay_behind),
            ("max_master_behind", &mut limits.max_master_behind),
            ("max_last_seen", &mut limits.max_last_seen),
            ("min_delay_time", &mut limits.min_delay_time),
            ("max_delay_time", &mut limits.max_delay_time),
            ("max_recovery_time", &mut limits.max_recovery_time),
            ("max_trend_time", &mut limits.max_trend_time),
            ("window", &mut limits.window),
            ("interval", &mut limits.interval),
            ("io_grace", &mut limits.io_grace),
            ("tool_interval", &mut limits.tool_interval),
        ];
        for (key, value) in spans {
            if self.has(key) {
                *value = self.span(key);
            }
        }
        limits
    }
}
