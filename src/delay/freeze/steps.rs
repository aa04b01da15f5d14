//! The recovery steps of "Monitoring Delayed Replication" (Cianos) with who did them and when; and what the loss is, with
//! the delay and without: single loss expectancy = value an hour × hours × exposure factor.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Record, shown};
use crate::base::units::Span;
use crate::base::{Money, Time};

/// A step, in the post's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// T+0.
    Degraded,
    /// T+5 minutes.
    Stopped,
    /// T+35 minutes.
    Removed,
    /// T+40 minutes.
    Promoted,
    /// T+50 minutes.
    Validated,
    /// The service is back: the clock of the loss stops.
    Declared,
    /// What remains.
    Demoted,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Step; 7] =
        [Self::Degraded, Self::Stopped, Self::Removed, Self::Promoted, Self::Validated, Self::Declared, Self::Demoted];

    /// The word that names it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
            Self::Promoted => "promoted",
            Self::Validated => "validated",
            Self::Declared => "declared",
            Self::Demoted => "demoted",
        }
    }

    /// The step that a word names.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    /// What is to be done, after the post.
    pub fn words(self) -> &'static str {
        match self {
            Self::Degraded => "service degraded; investigation into the cause begins",
            Self::Stopped => {
                "cause determined; all replication to the delayed replica stopped, IO thread and SQL thread"
            }
            Self::Removed => {
                "the pending transaction removed from the relay log, or the relay log reset, as consistency demands"
            }
            Self::Promoted => "the delayed replica promoted to primary",
            Self::Validated => "validated that the system is functional",
            Self::Declared => "service recovery declared",
            Self::Demoted => "the demoted primary recovered to a consistent state",
        }
    }

    /// When the post had done it, after the beginning; nothing where it gives no time.
    pub fn planned(self) -> Option<Duration> {
        match self {
            Self::Degraded => Some(Duration::ZERO),
            Self::Stopped => Some(Duration::from_mins(5)),
            Self::Removed => Some(Duration::from_mins(35)),
            Self::Promoted => Some(Duration::from_mins(40)),
            Self::Validated => Some(Duration::from_mins(50)),
            Self::Declared | Self::Demoted => None,
        }
    }
}

/// A step that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Which.
    pub step: Step,
    /// When.
    pub at: Time,
    /// Who said so.
    pub who: String,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The step.
    pub step: Step,
    /// After the beginning: when it was done, or nothing.
    pub done: Option<Duration>,
    /// Who said so.
    pub who: Option<String>,
}

impl Line {
    /// The line as it is shown: `[x] T+5 min  … (at T+7 min by anna on db1)`.
    pub fn words(&self) -> String {
        let planned =
            self.step.planned().map_or_else(|| "     ".to_owned(), |at| format!("T+{:<3}", at.as_secs() / 60));
        let mark = if self.done.is_some() { 'x' } else { ' ' };
        let mut text = format!("[{mark}] {planned} {:<9} {}", self.step.word(), self.step.words());
        if let Some(done) = self.done {
            let who = self.who.as_deref().map(shown).unwrap_or_default();
            // Writing into a String does not fail.
            let _ = write!(text, " (T+{}, {who})", minutes(done));
        }
        text
    }
}

/// Minutes and seconds of a span: `7:05`, hours run on: `125:00`.
fn minutes(span: Duration) -> String {
    format!("{}:{:02}", span.as_secs() / 60, span.as_secs() % 60)
}

/// The checklist of a freeze, in the post's order.
pub fn checklist(record: &Record) -> Vec<Line> {
    let line = |step| {
        let tick = record.ticked(step);
        Line { step, done: tick.map(|tick| tick.at.since(record.degraded)), who: tick.map(|tick| tick.who.clone()) }
    };
    Step::ALL.into_iter().map(line).collect()
}

/// How long the service has been degraded: until recovery was declared, or until now.
pub fn elapsed(record: &Record, now: Time) -> Duration {
    record.ticked(Step::Declared).map_or(now, |tick| tick.at).since(record.degraded)
}

/// A loss that cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LossError {
    /// Not an amount.
    #[error("\"{0}\" is no amount; write dollars an hour, such as 10000 or 12.50")]
    Value(String),
    /// Not a share.
    #[error(
        "\"{0}\" is no exposure factor; write percent from 0 to 100, such as 100 or 12.5 (three digits after the point at most)"
    )]
    Exposure(String),
    /// More than an amount can be.
    #[error("{value} an hour for {hours} is more than can be computed (nine billion dollars)")]
    Large {
        /// The value an hour.
        value: Money,
        /// For how long.
        hours: String,
    },
}

/// What the loss is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossInput {
    /// What an hour of the service is worth, billionths of a dollar.
    pub value_nanos: i64,
    /// How much of the service is lost, thousandths of a percent: 100,000 is all of it.
    pub exposure: u32,
    /// How long it takes to rebuild the data from a backup, without the delay.
    pub rebuild: Duration,
}

/// All of the service, in thousandths of a percent.
const ALL: u32 = 100_000;

impl LossInput {
    /// From what people write: dollars an hour, percent, and a span.
    pub fn parse(value: &str, exposure: &str, rebuild: Duration) -> Result<Self, LossError> {
        let amount = Money::parse(value).ok_or_else(|| LossError::Value(shown(value)))?;
        // Percent with three digits are read exactly, as dollars are.
        let share = Money::parse(exposure).map(Money::nanos).filter(|nanos| nanos % 1_000_000 == 0);
        let share = share.and_then(|nanos| u32::try_from(nanos / 1_000_000).ok()).filter(|share| *share <= ALL);
        let exposure = share.ok_or_else(|| LossError::Exposure(shown(exposure)))?;
        let input = Self { value_nanos: amount.nanos(), exposure, rebuild };
        input.expectancy(rebuild)?;
        Ok(input)
    }

    /// The single loss expectancy of an outage so long, to the billionth of a dollar and rounded up.
    pub fn expectancy(self, outage: Duration) -> Result<Money, LossError> {
        const MILLIS_OF_HOUR: i128 = 3_600_000;
        let large = || LossError::Large { value: Money::from_nanos(self.value_nanos), hours: Span(outage).to_string() };
        let millis = i128::try_from(outage.as_millis()).map_err(|_| large())?;
        let whole = i128::from(self.value_nanos)
            .checked_mul(millis)
            .and_then(|value| value.checked_mul(i128::from(self.exposure)))
            .ok_or_else(large)?;
        let unit = MILLIS_OF_HOUR * i128::from(ALL);
        let nanos = whole / unit + i128::from(whole % unit > 0);
        i64::try_from(nanos).map(Money::from_nanos).map_err(|_| large())
    }

    /// The exposure factor as it is written: `100 %`, `12.5 %`.
    pub fn exposure_words(self) -> String {
        let percent = Money::from_nanos(i64::from(self.exposure) * 1_000_000).exact();
        format!("{percent} %")
    }
}

/// The loss of a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What it is computed from.
    pub input: LossInput,
    /// How long the service has been degraded.
    pub elapsed: Duration,
    /// Whether recovery has been declared.
    pub over: bool,
    /// With the delayed replica: over the time elapsed.
    pub with: Money,
    /// Without it: over the time it takes to rebuild.
    pub without: Money,
}

/// The loss so far; nothing where nobody has said what an hour is worth.
pub fn loss(record: &Record, now: Time) -> Option<Result<Loss, LossError>> {
    let input = record.loss?;
    let elapsed = elapsed(record, now);
    let both = input.expectancy(elapsed).and_then(|with| Ok((with, input.expectancy(input.rebuild)?)));
    Some(both.map(|(with, without)| Loss {
        input,
        elapsed,
        over: record.ticked(Step::Declared).is_some(),
        with,
        without,
    }))
}

impl Loss {
    /// The arithmetic, a line each, for a report.
    pub fn words(&self) -> Vec<String> {
        let value = Money::from_nanos(self.input.value_nanos);
        let exposure = self.input.exposure_words();
        let so_far = if self.over { "" } else { " so far" };
        let line = |name: &str, hours: Duration, loss: Money| {
            format!("{name}: {value} an hour × {} h × {exposure} = {loss}", hours_words(hours))
        };
        let mut lines = vec![
            line("loss without the delayed replica (rebuilt from a backup)", self.input.rebuild, self.without),
            line(&format!("loss with it{so_far}"), self.elapsed, self.with),
        ];
        lines.push(if self.with <= self.without {
            format!("saved{so_far}: {}", self.without.minus(self.with))
        } else {
            format!(
                "no saving: it has taken {} longer than to rebuild",
                Span(self.elapsed.saturating_sub(self.input.rebuild))
            )
        });
        lines
    }
}

/// Hours with three digits, as the post writes them: `0.833`.
fn hours_words(span: Duration) -> String {
    let thousandths = (span.as_millis() * 1_000 + 1_800_000) / 3_600_000;
    let (whole, part) = (thousandths / 1_000, thousandths % 1_000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn input(value: &str, exposure: &str, hours: u64) -> LossInput {
        LossInput::parse(value, exposure, Duration::from_hours(hours)).unwrap()
    }

    #[test]
    fn the_posts_arithmetic() {
        let post = input("10000", "100", 20);
        assert_eq!(post.expectancy(Duration::from_hours(8)).unwrap(), Money::from_cents(8_000_000));
        assert_eq!(post.expectancy(post.rebuild).unwrap(), Money::from_cents(20_000_000));
        // 50 minutes: the post says $8,333.
        assert_eq!(post.expectancy(Duration::from_mins(50)).unwrap().nanos(), 8_333_333_333_334);
        assert_eq!(hours_words(Duration::from_mins(50)), "0.833");
        assert_eq!(hours_words(Duration::from_mins(90)), "1.5");
        assert_eq!(input("10000", "12.5", 20).expectancy(Duration::from_hours(1)).unwrap(), Money::from_cents(125_000));
        assert_eq!(input("10000", "12.5", 20).exposure_words(), "12.5 %");
    }

    #[test]
    fn what_cannot_be_computed_is_refused_with_the_reason() {
        let hour = Duration::from_hours(1);
        for (value, exposure, why) in [
            ("ten", "100", "\"ten\" is no amount; write dollars an hour"),
            ("-1", "100", "\"-1\" is no amount"),
            ("10", "101", "\"101\" is no exposure factor; write percent from 0 to 100"),
            ("10", "0.0001", "\"0.0001\" is no exposure factor"),
            ("10", "all", "\"all\" is no exposure factor"),
        ] {
            let said = LossInput::parse(value, exposure, hour).unwrap_err().to_string();
            assert!(said.starts_with(why), "{said}");
        }
        let said = LossInput::parse("9000000000", "100", hour * 20).unwrap_err().to_string();
        assert_eq!(said, "$9,000,000,000.00 an hour for 20 h is more than can be computed (nine billion dollars)");
    }

    #[test]
    fn every_step_has_a_word_of_its_own_and_the_posts_time() {
        for step in Step::ALL {
            assert_eq!(Step::named(step.word()), Some(step));
        }
        let minutes: Vec<Option<u64>> =
            Step::ALL.into_iter().map(|step| step.planned().map(|at| at.as_secs() / 60)).collect();
        assert_eq!(minutes, [Some(0), Some(5), Some(35), Some(40), Some(50), None, None]);
        assert_eq!(Step::named("healed"), None);
    }

    proptest! {
        /// Never less than the exact amount, and less than a billionth of a dollar more.
        #[test]
        fn the_loss_is_exact_and_rounded_up(nanos in 0i64..1_000_000_000_000_000, secs in 0u64..200_000, exposure in 0u32..=ALL) {
            let input = LossInput { value_nanos: nanos, exposure, rebuild: Duration::ZERO };
            let loss = i128::from(input.expectancy(Duration::from_secs(secs)).unwrap().nanos());
            let exact = i128::from(nanos) * i128::from(secs) * i128::from(exposure);
            let unit = 3_600 * i128::from(ALL);
            prop_assert!(loss * unit >= exact && (loss - 1) * unit < exact);
        }
    }
}
