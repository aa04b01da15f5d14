//! The judge: the state of a replica and its samples become a verdict. Pure: time is a parameter.
//!
//! Twenty-two rules ([`RULES`]) are asked in their order. All that match are listed, the first decides. The words are those
//! of "Monitoring Delayed Replication" (Cianos), which leaves open what follows.
//!
//! - The delay that is judged is the line's value now, the intercept. The newest sample alone decides rule 18, nothing else.
//! - Bounds are inclusive; a limit is exceeded by more than itself.
//! - The least rate of a recovery is no option of its own: at its present rate the line must be back within
//!   `max-trend-time`, counted from where it is now. Correlation is shown and decides nothing.
//! - An excursion begins when the intercept leaves the bounds, and is over once it has stayed inside for a window: a line
//!   that swings does not begin its time anew with each swing. One that began under a job or its recovery window is
//!   excused by it and falls under rule 19 afterwards; one that began before is only covered while the job lasts.
//! - The recovery window is over by time alone, however well it recovers then.
//! - A job that stands still needs both its thread and its log to: rules 7 and 11 leave out a job whose class stops the IO
//!   thread, rules 8 and 12 any job; 11 and 12 count from its end.
//! - Jobs one after another excuse for as long as the longest class and `max-recovery-time` together allow. Beyond
//!   that it is rule 13 while one runs (it is the job that runs too long, if not alone), and rule 19 in a window (it is the
//!   recovery that is too late).
//! - No sample for a moment: the verdict before it is held, and said to be, up to `max-last-seen`. What the look did see
//!   (an error, a thread that stands) still counts.
//! - With an external tool a standing SQL thread is normal. That nothing is executed for three of the tool's intervals,
//!   while transactions come in, is not: rule 8.
//! - Too few samples are UNKNOWN for two windows, counted from when samples began to come or come again; then CRITICAL.

mod facts;
mod measured;
mod rules;
mod words;

pub use facts::Facts;
pub use rules::{RULES, Rule};
pub(super) use words::outside;

use super::cause;
use super::job::Job;
use super::limits::Limits;
use super::seen::Sample;
use super::state::{State, Turn};
use super::trend::seconds;
use super::verdict::{Degraded, Match, RuleId, Verdict};
use crate::base::{Severity, Time};

/// Who asks the judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// The worker that looks at the replica.
    Worker,
    /// Somebody who reads what a worker wrote: when that was (nothing: never), or why it cannot be read.
    Reader(Result<Option<Time>, String>),
}

/// What the judge is asked about, beside the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub asker: Asker,
    /// Whether a heartbeat is written on the replica itself.
    pub local: bool,
    /// Whether the source's heartbeat is read on the source, too.
    pub primary: bool,
}

impl Asked {
    /// By the worker, of a replica with the heartbeats that are told.
    pub fn by_worker(local: bool, primary: bool) -> Self {
        Self { asker: Asker::Worker, local, primary }
    }
}

/// Judges a replica at `now`. `samples` are in the order of time, as far back as a window at least; `jobs` those that run
/// or ended within the recovery window. The state that comes back is the next one's.
pub fn judge(
    state: &State,
    samples: &[Sample],
    jobs: &[Job],
    asked: &Asked,
    limits: &Limits,
    now: Time,
) -> (State, Verdict) {
    judge_by(&RULES, state, samples, jobs, asked, limits, now)
}

/// Judges by other rules than all: what a test leaves out must be missed.
pub fn judge_by(
    rules: &[Rule],
    state: &State,
    samples: &[Sample],
    jobs: &[Job],
    asked: &Asked,
    limits: &Limits,
    now: Time,
) -> (State, Verdict) {
    let mut facts = Facts::gather(state, samples, jobs, asked, limits, now);
    let mut matches = matching(rules, &facts);
    let mut held = false;
    if facts.gap() {
        let counts = |found: &Match| found.rule.0 <= 3 || (facts.fresh() && (4..=13).contains(&found.rule.0));
        if matches.iter().any(counts) {
            matches.retain(counts);
        } else if let Some(last) = state.last.as_ref().filter(|last| last.rule.0 > 2 && !last.matches.is_empty()) {
            matches.clone_from(&last.matches);
            held = true;
        } else {
            // Nothing is known that could be held: what the samples of before would say is not enough.
            facts.forget_fit();
            matches = matching(rules, &facts);
        }
    }
    let decided = matches.first().cloned().unwrap_or_else(|| Match {
        rule: RuleId(0),
        severity: Severity::Unknown,
        text: "no rule applies".to_owned(),
    });
    if !held {
        matches.extend(facts.bad_jobs());
    }
    let text = if held { words::held(&decided.text, &facts) } else { decided.text };
    let verdict = Verdict {
        at: now,
        severity: decided.severity,
        rule: decided.rule,
        text,
        delay: facts.newest(),
        fit: facts.fit(),
        back_in: facts.back_in(),
        out_in: facts.out_in(),
        out_since: facts.state().out_since,
        degraded: degraded(decided.rule, &facts),
        measured: measured::measured(&facts),
        hint: cause::hint(&facts, decided.severity),
        matches,
    };
    let mut next = facts.into_state();
    remember(&mut next, &verdict);
    (next, verdict)
}

/// What somebody who reads is told without judging anew: what the worker said, unless it is too old, or its state cannot be
/// read (rules 1 to 3).
pub fn told(state: &State, samples: &[Sample], asked: &Asked, limits: &Limits, now: Time) -> Verdict {
    let Some(last) = &state.last else {
        return judge(state, samples, &[], asked, limits, now).1;
    };
    let first = judge_by(&RULES[..3], state, samples, &[], asked, limits, now).1;
    if (1..=3).contains(&first.rule.0) { first } else { (**last).clone() }
}

fn matching(rules: &[Rule], facts: &Facts<'_>) -> Vec<Match> {
    let found = rules.iter().filter_map(|rule| {
        let (severity, text) = (rule.applies)(facts)?;
        Some(Match { rule: rule.id, severity, text })
    });
    found.collect()
}

fn degraded(rule: RuleId, facts: &Facts<'_>) -> Degraded {
    let limits = facts.limits();
    let oldest = facts.running().iter().max_by(|a, b| a.share().total_cmp(&b.share()));
    let elapsed = facts.elapsed().map(|elapsed| (elapsed, limits.max_trend_time.as_secs_f64()));
    let window = facts.in_window().filter(|_| facts.out().is_some());
    Degraded {
        job: oldest.map(|job| (job.ran, job.longest)),
        recovery: window.map(|(_, ago)| (ago, limits.max_recovery_time.as_secs_f64())),
        trend: elapsed.filter(|_| matches!(rule.0, 18 | 20 | 21)),
    }
}

/// The newest verdict, and the history of its changes.
fn remember(state: &mut State, verdict: &Verdict) {
    let same = state.turns.last().is_some_and(|turn| (turn.rule, turn.severity) == (verdict.rule, verdict.severity));
    if !same {
        let turn =
            Turn { since: verdict.at, severity: verdict.severity, rule: verdict.rule, text: verdict.text.clone() };
        state.turns.push(turn);
        let over = state.turns.len().saturating_sub(State::TURNS);
        state.turns.drain(..over);
    }
    state.last = Some(Box::new(verdict.clone()));
}

/// How long `since` is ago, seconds; never below zero.
fn ago(now: Time, since: Time) -> f64 {
    seconds(now, since).max(0.0)
}
