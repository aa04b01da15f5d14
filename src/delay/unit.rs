//! One judged replica in the memory of who judges it: its state, the samples of its window, its sparkline.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::judge::{Asked, RULES, Rule, judge_by};
use super::limits::Limits;
use super::observe::observe;
use super::seen::{Look, Sample};
use super::snapshot::SPARK;
use super::state::State;
use super::verdict::Verdict;
use crate::base::Time;

/// A column of the sparkline.
const COLUMN: Duration = Duration::from_mins(10);

/// The averages of a sparkline as they are stored: the number of the newest column since 1970, and of each column, oldest
/// first, the sum of its samples and how many they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spark {
    newest: i64,
    columns: VecDeque<(f64, u32)>,
}

fn column(at: Time) -> i64 {
    at.as_micros().div_euclid(i64::try_from(COLUMN.as_micros()).unwrap_or(i64::MAX))
}

impl Spark {
    /// Takes a sample in.
    pub fn add(&mut self, sample: &Sample) {
        let number = column(sample.at);
        if self.columns.is_empty() {
            self.newest = number - 1;
        }
        let missing = usize::try_from(number.saturating_sub(self.newest)).unwrap_or(0).min(SPARK);
        self.columns.extend(std::iter::repeat_n((0.0, 0), missing));
        self.newest = self.newest.max(number);
        while self.columns.len() > SPARK {
            self.columns.pop_front();
        }
        if let (Some((sum, count)), Some(delay)) = (self.columns.back_mut(), sample.delay)
            && number == self.newest
        {
            *sum += delay;
            *count += 1;
        }
    }

    /// The averages up to `now`, oldest first; nothing where nothing was measured.
    pub fn averages(&self, now: Time) -> Vec<Option<f64>> {
        let last = column(now);
        let of = |number: i64| {
            let back = usize::try_from(self.newest.checked_sub(number)?).ok()?;
            let at = self.columns.len().checked_sub(back + 1)?;
            self.columns.get(at).filter(|(_, count)| *count > 0).map(|(sum, count)| sum / f64::from(*count))
        };
        (0..SPARK).rev().map(|back| of(last - i64::try_from(back).unwrap_or(0))).collect()
    }
}

/// One judged replica.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unit {
    /// What the judge keeps.
    pub state: State,
    /// Samples of the window, oldest first.
    pub samples: VecDeque<Sample>,
    /// Its sparkline.
    pub spark: Spark,
    /// Whether it was read from the state, or written there.
    pub known: bool,
}

impl Unit {
    /// Takes a look in and judges. The sample it was, and the verdict.
    pub fn look(&mut self, look: &Look, limits: &Limits, jobs: &[Job], asked: &Asked) -> (Sample, Verdict) {
        let sample = self.take(look, limits);
        (sample, self.judge(&RULES, limits, jobs, asked, look.at))
    }

    /// Takes a look in. The sample it was.
    pub(super) fn take(&mut self, look: &Look, limits: &Limits) -> Sample {
        observe(&mut self.state, look, limits);
        let sample = look.sample();
        // The clock of the state does not go back; a look that does is no sample.
        if self.samples.back().is_none_or(|last| last.at < sample.at) {
            self.samples.push_back(sample);
            self.spark.add(&sample);
        }
        let keep = limits.remembered();
        while self.samples.front().is_some_and(|first| look.at.since(first.at) > keep) {
            self.samples.pop_front();
        }
        sample
    }

    /// Judges what is known, at `now`, by these rules.
    pub(super) fn judge(&mut self, rules: &[Rule], limits: &Limits, jobs: &[Job], asked: &Asked, now: Time) -> Verdict {
        let (state, verdict) = judge_by(rules, &self.state, self.samples.make_contiguous(), jobs, asked, limits, now);
        self.state = state;
        verdict
    }
}
