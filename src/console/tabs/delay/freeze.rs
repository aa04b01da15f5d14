//! Freezing a replica from the console: what is typed of the statement, what is known of the replica, and all that is
//! told of a freeze, as lines. Pure.

use crate::base::{Shown, Time};
use crate::console::effect::Query;
use crate::console::theme::Role;
use crate::console::widgets::line_edit::LineEdit;
use crate::delay::freeze::arrival::Applied;
use crate::delay::freeze::danger::{Facts, dangers};
use crate::delay::freeze::gtid::Gtids;
use crate::delay::freeze::keeper::{FRESH, finding};
use crate::delay::freeze::line::Line;
use crate::delay::freeze::record::Record;
use crate::delay::freeze::statement::{Spot, Statement};
use crate::delay::freeze::steps::{Step, checklist, elapsed, loss};
use crate::delay::freeze::{place, report, told};
use crate::restore::ask::read_time;

/// How a replica stands to whoever may have to freeze it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When it was read, by the state's clock.
    pub at: Time,
    /// Its freeze: the open one, or the last one where that was asked for.
    pub record: Option<Box<Record>>,
    /// How far it has got; nothing where it was never seen.
    pub line: Option<Line>,
    /// Its server's settings, where they were read.
    pub facts: Option<Facts>,
    /// Why it cannot be frozen from here.
    pub cannot: Option<String>,
    /// Why it could not be looked at.
    pub unseen: Option<String>,
}

/// A replica that may have to be frozen.
#[derive(Debug, Clone)]
pub struct FreezeForm {
    /// Its name.
    pub name: String,
    /// What is typed of the statement.
    pub edit: LineEdit,
    /// What was read; nothing yet.
    pub reading: Option<Box<Reading>>,
    /// Why nothing was read the last time.
    pub wrong: Option<String>,
    /// What has been asked and not been answered.
    pub asked: Option<Query>,
    /// It has been looked at since it was opened.
    pub looked: bool,
    /// The first line shown of what is told.
    pub top: usize,
}

/// A replica that is frozen, or being frozen, or was until now.
#[derive(Debug, Clone)]
pub struct FrozenView {
    /// Its name.
    pub name: String,
    /// What was read; nothing yet.
    pub reading: Option<Box<Reading>>,
    /// Why nothing was read the last time.
    pub wrong: Option<String>,
    /// What has been asked and not been answered.
    pub asked: Option<Query>,
    /// The selected line, of those that can be; nothing: the first step that is not done.
    pub selected: Option<usize>,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A heading: it is not selected.
    Heading,
    /// A recovery step, and whether it is done.
    Step(Step, bool),
    /// A command: copied as it is.
    Command(String),
    /// Words.
    Words,
}

/// A line of what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The words, safe to show.
    pub text: String,
    /// How they are drawn.
    pub role: Role,
    /// What they are.
    pub what: What,
}

impl Told {
    fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, what: What::Words }
    }

    fn heading(text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Role::Title, what: What::Heading }
    }
}

/// The longest word of a statement that is told back.
const LONGEST: usize = 80;

/// What is typed of a statement: its time, its place in a log or its GTID, or a time and one of these. Nothing typed is
/// no statement; what cannot be read is told.
pub fn statement(text: &str) -> Result<Statement, String> {
    let mut found = Statement::default();
    for word in text.split_whitespace() {
        let shown = Shown::text(&word.chars().take(LONGEST).collect::<String>()).to_string();
        let day = word.len() == "2026-11-22".len();
        match read_time(word) {
            // Midnight is hardly meant; and a GTID of MariaDB may look like a day.
            Some(_) if day => {
                return Err(format!("\"{shown}\" is a day; write the time, too: {word}T12:04:00Z (UTC)"));
            }
            Some(_) if found.time.is_some() => return Err("two times are given; give the one it began at".to_owned()),
            Some(time) => {
                found.time = Some(time);
                continue;
            }
            None => {}
        }
        let spot = match (place::parse(word), word.parse::<Gtids>()) {
            (Ok(at), _) => Spot::Position(at),
            (Err(_), Ok(gtid)) => Spot::Gtid(gtid),
            // A log's name and a number were meant.
            (Err(e), Err(_)) if word.rsplit_once(':').is_some_and(|(file, _)| file.contains('.')) => {
                return Err(e.to_string());
            }
            (Err(_), Err(_)) => {
                return Err(format!(
                    "\"{shown}\" is no time (2026-11-22T12:04:00Z, UTC), no place in a log (binlog.000123:4567) and no GTID"
                ));
            }
        };
        if found.spot.replace(spot).is_some() {
            return Err("two places are given; give the one it begins at".to_owned());
        }
    }
    Ok(found)
}

/// How a verdict is drawn.
fn role_of(applied: Applied) -> Role {
    match applied {
        Applied::NotYet => Role::Ok,
        Applied::Already => Role::Critical,
        Applied::CannotTell => Role::Unknown,
    }
}

/// What is left of a span: `1:37:54`.
fn clock(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The verdict for a statement, and when it arrives: while it is on its way, counting down.
fn prospect(statement: &Statement, line: &Line, now: Time) -> Vec<Told> {
    let found = report::prospect(statement, line, now);
    let mut all = Vec::new();
    let comes = !line.frozen && (line.external || line.sight.sql != Some(false));
    if let Some(arrival) = found.arrival.as_ref().filter(|_| comes) {
        let ahead = |at: Option<Time>| at.filter(|at| *at > now).map(|at| clock(at.since(now)));
        let left = match (ahead(arrival.not_before), ahead(arrival.expected)) {
            (Some(left), _) => Some(format!("{left} left at the earliest")),
            (None, Some(left)) => Some(format!("about {left} left")),
            (None, None) => None,
        };
        all.extend(left.map(|text| Told::new(text, Role::Strong)));
    }
    let role = role_of(found.answer.applied);
    let mut lines = report::prospect_lines(statement, &found).into_iter();
    all.extend(lines.next().map(|text| Told::new(text, role)));
    all.extend(lines.map(|text| Told::new(text.trim_start(), Role::Text)));
    all
}

/// What would delete the relay log, or set it going.
fn danger(facts: &Facts, line: Option<&Line>) -> Vec<Told> {
    let sight = line.map(|line| line.sight.clone()).unwrap_or_default();
    let role = |text: &str| {
        if text.starts_with("relay_log_recovery is ON") {
            Role::Critical
        } else if text.contains(" is OFF: a restart of the server keeps ") || text.starts_with("relay_log_purge is OFF")
        {
            Role::Text
        } else {
            Role::Warning
        }
    };
    dangers(facts, &sight).into_iter().map(|text| Told { role: role(&text), ..Told::new(text, Role::Text) }).collect()
}

/// What is told of a replica that may have to be frozen, with what is typed of the statement.
pub fn form(form: &FreezeForm, now: Time) -> Vec<Told> {
    let mut all = Vec::new();
    let statement = statement(form.edit.text());
    let reading = form.reading.as_deref();
    let line = reading.and_then(|reading| reading.line.as_ref());
    match (&statement, line) {
        (Err(why), _) => all.push(Told::new(why.as_str(), Role::InputError)),
        (Ok(statement), _) if statement.is_unknown() => all.push(Told::new(
            "no statement is named: it can be frozen all the same; a time, a place or a GTID tells when it arrives here",
            Role::InputHint,
        )),
        (Ok(statement), Some(line)) => all.extend(prospect(statement, line, now)),
        (Ok(_), None) if reading.is_some() => {
            all.push(Told::new("it was never seen: how far it has got is not known", Role::Unknown));
        }
        (Ok(_), None) => all.push(Told::new("reading …", Role::Dim)),
    }
    if let Some(why) = &form.wrong {
        all.push(Told::new(format!("it was not read: {}", Shown::text(why)), Role::Warning));
    }
    let Some(reading) = reading else { return all };
    match &reading.cannot {
        Some(why) => all.push(Told::new(format!("it cannot be frozen from here: {why}"), Role::Critical)),
        None => all.push(Told::new(
            "Enter asks for its name, then stops the SQL thread and the IO thread; \"frozen\" is said when that is proven",
            Role::Text,
        )),
    }
    all.push(Told::heading("the replica"));
    if let Some(line) = line {
        all.extend(report::sight_lines(&line.sight).into_iter().map(|text| Told::new(text, Role::Text)));
    }
    if let Some(why) = &reading.unseen {
        all.push(Told::new(format!("it cannot be seen now: {}", Shown::text(why)), Role::Warning));
    }
    all.push(Told::heading("what would delete its relay log"));
    all.extend(danger(&reading.facts.clone().unwrap_or_default(), line));
    all
}

/// What stands over the lines of a freeze: how it stands in a sentence.
pub fn head(record: &Record, now: Time) -> Told {
    let role = if record.is_over() { Role::Text } else { Role::of(finding(record, now).severity) };
    Told::new(told::words(record, now, FRESH), role)
}

/// Its title: FROZEN where that is proven, and only there.
pub fn title(name: &str, record: Option<&Record>, now: Time) -> String {
    let name = Shown::text(name);
    match record {
        Some(record) if told::is_frozen(record, now, FRESH) => format!("{name}: FROZEN"),
        _ => format!("{name}: freeze"),
    }
}

/// All that is told of a freeze: what is to be done first, then what it rests on.
pub fn frozen(reading: &Reading, now: Time) -> Vec<Told> {
    let Some(record) = reading.record.as_deref() else { return Vec::new() };
    let span = crate::base::units::Span(elapsed(record, now));
    let mut all = vec![Told::heading(format!("recovery steps, T+0 is {}, elapsed {span}", record.degraded))];
    all.extend(checklist(record).into_iter().map(|line| {
        let (done, step) = (line.done.is_some(), line.step);
        let role = if done { Role::Dim } else { Role::Text };
        Told { text: line.words(), role, what: What::Step(step, done) }
    }));
    match loss(record, now) {
        Some(Ok(loss)) => all.extend(loss.words().into_iter().map(|text| Told::new(text, Role::Text))),
        Some(Err(e)) => all.push(Told::new(format!("loss: {e}"), Role::Warning)),
        None => {}
    }
    if let Some(line) = reading.line.as_ref().filter(|_| !record.statement.is_unknown()) {
        all.push(Told::heading("the statement"));
        all.extend(prospect(&record.statement, line, now));
    }
    if !record.is_over() {
        all.push(Told::heading("what would delete its relay log"));
        all.extend(danger(&record.facts.clone().unwrap_or_default(), reading.line.as_ref()));
        all.extend(commands(record));
    }
    all.push(Told::heading("the replica"));
    all.push(Told::new(format!("asked for by {} at {}", Shown::text(&record.asked.who), record.asked.at), Role::Text));
    if let Some(proof) = &record.proof {
        let text = format!(
            "proof: from {} to {} the position did not move, and both threads read No at every look",
            proof.first.at, proof.last.at
        );
        all.push(Told::new(text, Role::Text));
    }
    if let Some(sight) = &record.last {
        all.extend(report::sight_lines(sight).into_iter().map(|text| Told::new(text, Role::Text)));
    }
    all.push(Told::heading("history, the newest first"));
    let entry =
        |entry: &crate::delay::freeze::record::Entry| Told::new(format!("{}  {}", entry.at, entry.text), Role::Dim);
    all.extend(record.history.iter().rev().map(entry));
    all
}

/// The commands to run, and those that the console leaves to the command line.
fn commands(record: &Record) -> Vec<Told> {
    let name = Shown::text(&record.replica).to_string();
    let mut all = vec![Told::heading("commands")];
    let mut command = |what: String, text: String| {
        all.push(Told::new(what, Role::Dim));
        let shown = Shown::text(&text).to_string();
        all.push(Told { text: shown, role: Role::Strong, what: What::Command(text) });
    };
    for known in report::commands_of(record) {
        command(format!("{} ({}):", known.what, report::place_of(&known)), known.text);
    }
    let own = [
        ("run up to a place and no further, on the command line:", "resume", " --until FILE:POSITION"),
        ("go on by hand, unwatched, on the command line:", "resume", " --by-hand"),
        ("after a promotion: end it and start nothing, on the command line:", "resume", " --no-start"),
        ("what an hour of the service is worth, for the loss:", "freeze-loss", " DOLLARS --rebuild 20h"),
    ];
    for (what, verb, rest) in own {
        command(what.to_owned(), format!("firn delay {verb} {name}{rest}"));
    }
    all
}

impl FrozenView {
    /// The freeze, where it was read.
    pub fn record(&self) -> Option<&Record> {
        self.reading.as_ref()?.record.as_deref()
    }

    /// Its lines.
    pub fn lines(&self, now: Time) -> Vec<Told> {
        self.reading.as_ref().map_or_else(Vec::new, |reading| frozen(reading, now))
    }

    /// The place of the selected line among them: of those that are no headings.
    pub fn place(&self, lines: &[Told]) -> Option<usize> {
        let mut can = lines.iter().enumerate().filter(|(_, line)| line.what != What::Heading).map(|(at, _)| at);
        match self.selected {
            Some(selected) => {
                let last = can.clone().next_back();
                can.nth(selected).or(last)
            }
            None => lines.iter().position(|line| matches!(line.what, What::Step(_, false))).or_else(|| can.next()),
        }
    }

    /// The selected line.
    pub fn line(&self, now: Time) -> Option<Told> {
        let lines = self.lines(now);
        lines.get(self.place(&lines)?).cloned()
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize, now: Time) {
        let lines = self.lines(now);
        let Some(place) = self.place(&lines) else { return };
        let can = |line: &&Told| line.what != What::Heading;
        let at = lines.iter().take(place).filter(can).count();
        let count = lines.iter().filter(can).count();
        self.selected = Some(at.saturating_add_signed(by).min(count.saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_time_a_place_or_a_gtid() {
        let words = |text: &str| statement(text).map(|found| found.words());
        assert_eq!(words("  ").unwrap(), "unknown");
        assert_eq!(words("2026-11-22T12:04:00Z").unwrap(), "of 2026-11-22T12:04:00Z");
        assert_eq!(words("binlog.000123:4567").unwrap(), "at binlog.000123:4567");
        assert_eq!(words("0-1-100").unwrap(), "GTID 0-1-100");
        let both = "binlog.000123:4567 2026-11-22T12:04:00Z";
        assert_eq!(words(both).unwrap(), "at binlog.000123:4567, of 2026-11-22T12:04:00Z");
    }

    #[test]
    fn what_is_no_statement_says_what_is() {
        let why = |text: &str| statement(text).unwrap_err();
        for text in ["noon", "12:04", "2026-11-22T12:04", "binlog.000123"] {
            let said = why(text);
            assert!(
                said.starts_with(&format!("\"{text}\" is no time (2026-11-22T12:04:00Z, UTC), no place")),
                "{said}"
            );
        }
        assert_eq!(why("2026-11-22"), "\"2026-11-22\" is a day; write the time, too: 2026-11-22T12:04:00Z (UTC)");
        assert_eq!(
            why("binlog.000123:3"),
            "3 is not a position in a log; positions are whole numbers from 4 (where the first event begins)"
        );
        assert_eq!(why("0-1-100 0-1-101"), "two places are given; give the one it begins at");
        let twice = "2026-11-22T12:04:00Z 2026-11-22T12:05:00Z";
        assert_eq!(why(twice), "two times are given; give the one it began at");
        assert!(why("\u{1b}[31m").starts_with("\"\\x1b[31m\" is no time"));
    }
}
