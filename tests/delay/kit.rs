//! Made-up replicas: looks at them, and what the judge says of each.

use std::time::Duration;

use firn::base::{Severity, Time};
use firn::delay::job::Job;
use firn::delay::judge::{Asked, Asker, RULES, Rule};
use firn::delay::limits::Limits;
use firn::delay::replay::Replay;
use firn::delay::seen::{Heartbeat, IoThread, Look, Position, Seen, Status};
use firn::delay::verdict::Verdict;

/// A second of a play, as the state's clock has it: of the size it has today.
pub fn at(second: i64) -> Time {
    Time::from_secs(1_795_348_845 + second)
}

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A replica that is fine: two hours behind, everything moves.
pub fn fine(second: i64) -> Seen {
    let moving = |file: &str| Some(Position { file: file.to_owned(), at: u64::try_from(1000 + second * 320).unwrap() });
    let up = u64::try_from(500_000 + second).unwrap();
    Seen {
        server_id: Some(2),
        uptime: Some(up),
        status: Some(Status {
            io: Some(IoThread::Yes),
            sql: Some(true),
            io_errno: Some(0),
            sql_errno: Some(0),
            source_id: Some(1),
            received: moving("bin.000007"),
            executed: moving("bin.000006"),
            relay: moving("relay.000012"),
            sql_delay: Some(7200),
            sql_remaining: Some(0),
            ..Status::default()
        }),
        delay: Some(Heartbeat::Age(7200.0)),
        local: Some(Heartbeat::Age(0.5)),
        primary: Some(Heartbeat::Age(0.4)),
        ..Seen::default()
    }
}

/// The same, with a delay.
pub fn behind(second: i64, delay: f64) -> Seen {
    Seen { delay: Some(Heartbeat::Age(delay)), ..fine(second) }
}

/// What happens in a play.
#[derive(Debug, Clone)]
pub enum Step {
    /// The worker looks and judges.
    Look(Box<Look>),
    /// Somebody asks.
    Ask(Time, Asker),
}

/// What is expected at a second: severity, rule, and a part of the words.
#[derive(Debug, Clone)]
pub struct Line {
    pub second: i64,
    pub severity: Severity,
    pub rule: u8,
    pub text: &'static str,
}

/// A made-up history and what the judge must say of it.
#[derive(Debug, Clone)]
pub struct Play {
    pub name: &'static str,
    pub limits: Limits,
    pub jobs: Vec<Job>,
    pub steps: Vec<Step>,
    pub lines: Vec<Line>,
}

impl Play {
    pub fn new(name: &'static str) -> Self {
        Self { name, limits: Limits::default(), jobs: Vec::new(), steps: Vec::new(), lines: Vec::new() }
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub fn job(mut self, class: &str, start: i64, end: Option<i64>) -> Self {
        self.jobs.push(Job { class: class.to_owned(), start: at(start), end: end.map(at) });
        self
    }

    /// A look every ten seconds, from the one to before the other.
    pub fn looks(mut self, from: i64, to: i64, seen: impl Fn(i64) -> Result<Seen, String>) -> Self {
        for second in (from..to).step_by(10) {
            self.steps.push(Step::Look(Box::new(Look { at: at(second), seen: seen(second) })));
        }
        self
    }

    /// A replica that is fine.
    pub fn fine(self, from: i64, to: i64) -> Self {
        self.looks(from, to, |second| Ok(fine(second)))
    }

    /// A replica that is fine but for its delay.
    pub fn behind(self, from: i64, to: i64, delay: impl Fn(i64) -> f64) -> Self {
        self.looks(from, to, |second| Ok(behind(second, delay(second))))
    }

    /// Somebody asks.
    pub fn ask(mut self, second: i64, asker: Asker) -> Self {
        self.steps.push(Step::Ask(at(second), asker));
        self
    }

    /// What must be said at a second.
    pub fn says(mut self, second: i64, severity: Severity, rule: u8, text: &'static str) -> Self {
        self.lines.push(Line { second, severity, rule, text });
        self
    }

    /// A replay of its limits and jobs.
    pub fn replay(&self) -> Replay {
        Replay::new(self.limits.clone(), Asked::by_worker(true, true), self.jobs.clone())
    }

    /// What the judge says at each step.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.judged(&RULES, |_| {})
    }

    /// What a judge with these rules says at each step; before each, `between` may do something.
    pub fn judged(&self, rules: &[Rule], mut between: impl FnMut(&mut Replay)) -> Vec<Verdict> {
        let mut replay = self.replay().by(rules.to_vec());
        let steps = self.steps.iter().map(|step| {
            between(&mut replay);
            match step {
                Step::Look(look) => replay.step(look),
                // It writes nothing back.
                Step::Ask(now, who) => {
                    let asked = Asked { asker: who.clone(), local: true, primary: true };
                    replay.clone().asked(asked).ask(*now)
                }
            }
        });
        steps.collect()
    }

    /// What of the expected is not said.
    pub fn missed(&self, verdicts: &[Verdict]) -> Vec<String> {
        let missed = self.lines.iter().filter_map(|line| {
            let said = verdicts.iter().find(|verdict| verdict.at == at(line.second));
            let said = said.unwrap_or_else(|| panic!("{}: nothing happens at {}", self.name, line.second));
            let right = said.severity == line.severity && said.rule.0 == line.rule && said.text.contains(line.text);
            (!right).then(|| {
                format!(
                    "{} at {}: {} #{} {:?} was expected, {} #{} {:?} was said",
                    self.name, line.second, line.severity, line.rule, line.text, said.severity, said.rule.0, said.text
                )
            })
        });
        missed.collect()
    }
}

/// `300-1190 OK #16`: how long each verdict held.
pub fn spans(verdicts: &[Verdict]) -> Vec<(i64, i64, Severity, u8)> {
    let mut spans: Vec<(i64, i64, Severity, u8)> = Vec::new();
    for verdict in verdicts {
        let second = (verdict.at.as_micros() - at(0).as_micros()) / 1_000_000;
        match spans.last_mut() {
            Some((_, to, severity, rule)) if (*severity, *rule) == (verdict.severity, verdict.rule.0) => *to = second,
            _ => spans.push((second, second, verdict.severity, verdict.rule.0)),
        }
    }
    spans
}
