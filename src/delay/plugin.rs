//! A verdict as a monitoring plugin says it.

mod perf;
mod words;

use std::fmt::Write as _;

use super::snapshot::ReplicaLine;
use super::verdict::Verdict;
pub use crate::base::plugin::Plugin;
use crate::base::plugin::{WIDTH, cut, plain};
use crate::base::{Severity, Shown};

pub use self::words::{limit, number};

/// What its first line begins with.
pub const LABEL: &str = "DELAY";

/// How a replica stands, for a plugin. With `verbosity` 1 all that matches in full, 2 also every limit with what is measured
/// against it, 3 also how it came to this.
pub fn plugin(line: &ReplicaLine, verbosity: u8) -> Plugin {
    let Some(verdict) = &line.verdict else {
        return Plugin::unknown(LABEL, &format!("nobody has judged {} yet", Shown::text(&line.name)));
    };
    let first = words::short(line, verdict).line(verdict.severity, &Shown::text(&line.name).to_string());
    let mut plugin = Plugin::new(LABEL, verdict.severity, first, perf::perfdata(line, verdict));
    if verbosity >= 1 {
        matching(&mut plugin, line, verdict);
    }
    if verbosity >= 2 {
        measures(&mut plugin, verdict);
    }
    if verbosity >= 3 {
        for turn in line.state.turns.iter().rev() {
            plugin.push(&format!("since {} {} rule {}: {}", turn.since, turn.severity, turn.rule.0, turn.text));
        }
    }
    plugin.bound();
    plugin
}

/// All that matches, what excuses it and for how long, and the likely cause.
fn matching(plugin: &mut Plugin, line: &ReplicaLine, verdict: &Verdict) {
    plugin.push(&format!("{}: {}", Shown::text(&line.name), verdict.text));
    for found in &verdict.matches {
        plugin.push(&format!("rule {} {}: {}", found.rule.0, found.severity, found.text));
    }
    let degraded = &verdict.degraded;
    let causes = [("job", degraded.job), ("recovery", degraded.recovery), ("trend", degraded.trend)];
    for (cause, (so_long, most)) in causes.into_iter().filter_map(|(cause, of)| Some((cause, of?))) {
        plugin.push(&format!("degraded by {cause}: {}s of {}s", number(so_long, &[most]), number(most, &[])));
    }
    if let Some(hint) = &verdict.hint {
        plugin.push(&format!("likely cause: {hint}"));
    }
    for note in line.state.seen.iter().flat_map(|(_, seen)| &seen.notes) {
        plugin.push(&format!("note: {note}"));
    }
    if let Some(frozen) = &line.frozen {
        plugin.push(&format!("stopped in an emergency: {}", frozen.words));
    }
}

/// Every limit with what is measured against it, those that are most used first.
fn measures(plugin: &mut Plugin, verdict: &Verdict) {
    for measured in &verdict.measured {
        let mut text = match measured.value {
            Some(value) => {
                let edges: Vec<f64> = measured.least.into_iter().chain(measured.most).collect();
                format!("{} {}s", measured.name, number(value, &edges))
            }
            None => format!("{} not known", measured.name),
        };
        let bounds = match (measured.least, measured.most) {
            (Some(least), Some(most)) => Some(format!("{} to {}s", number(least, &[]), number(most, &[]))),
            (Some(least), None) => Some(format!("at least {}s", number(least, &[]))),
            (None, Some(most)) => Some(format!("at most {}s", number(most, &[]))),
            (None, None) => None,
        };
        // Writing to a string does not fail.
        if let Some(bounds) = bounds {
            let _ = write!(text, ", {bounds}");
        }
        if let Some(used) = measured.used.filter(|used| used.is_finite()) {
            let _ = write!(text, ", {:.0} % used", used * 100.0);
        }
        plugin.push(&text);
    }
}

/// A first line before it is fitted: what must be said, and what is added where there is room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Short {
    /// What must be said; cut at a word if even that does not fit.
    head: String,
    /// One of them is added, the first that fits.
    tails: Vec<String>,
    /// A text that is added after a colon, cut at a word: what a server said.
    fill: Option<String>,
}

impl Short {
    /// A line of nothing but a head.
    fn head(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    fn tail(mut self, tail: impl Into<String>) -> Self {
        self.tails.push(tail.into());
        self
    }

    fn fill(mut self, fill: Option<&str>) -> Self {
        self.fill = fill.filter(|text| !text.trim().is_empty()).map(|text| plain(text.trim()));
        self
    }

    /// The line: the most of it that fits, the name of the replica only where it costs nothing.
    fn line(&self, severity: Severity, name: &str) -> String {
        let bare = format!("DELAY {severity} - ");
        let named = if name.is_empty() { bare.clone() } else { format!("{bare}{}: ", plain(name)) };
        let head = plain(self.head.trim());
        let head = if head.is_empty() { "no reason is known".to_owned() } else { head };
        let fits = |text: &String| text.chars().count() <= WIDTH;
        let both = |tail: String| [&named, &bare].map(|begin| format!("{begin}{head}{tail}"));
        let whole = self.fill.iter().flat_map(|fill| both(format!(": {fill}")));
        // What a server said is worth more than a name or a limit, even a part of it.
        let part = self.fill.iter().filter_map(|fill| {
            let begin = format!("{bare}{head}: ");
            let room = WIDTH.checked_sub(begin.chars().count()).filter(|room| *room >= 12)?;
            Some(format!("{begin}{}", cut(fill, room)))
        });
        let tails = self.tails.iter().flat_map(|tail| both(plain(tail)));
        let mut lines = whole.chain(part).chain(tails).chain(both(String::new()));
        lines.find(fits).unwrap_or_else(|| cut(&format!("{bare}{head}"), WIDTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_said_goes_before_what_is_added() {
        let short =
            Short::head("Active backup 9208s of 64800s").tail("; intercept 16408s out of 5400:9000").tail("; 16408s");
        assert_eq!(
            short.line(Severity::Warning, "db14"),
            "DELAY WARNING - db14: Active backup 9208s of 64800s; 16408s"
        );
        let filled =
            Short::head("SQL thread error 1062").fill(Some("Could not execute Write_rows: Duplicate entry '1'"));
        assert_eq!(
            filled.line(Severity::Critical, "db14"),
            "DELAY CRITICAL - SQL thread error 1062: Could not execute Write_rows..."
        );
        let long = Short::head("word ".repeat(40));
        let line = long.line(Severity::Critical, "db14");
        assert!(line.chars().count() <= WIDTH && line.ends_with("word..."), "{line}");
    }
}
