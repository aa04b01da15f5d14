//! What the rules ask about, worked out once.

use super::{Asked, ago, words};
use crate::base::{Severity, Time};
use crate::delay::job::Job;
use crate::delay::limits::{LimitError, Limits};
use crate::delay::observe::still_for;
use crate::delay::seen::{Sample, Seen, Status};
use crate::delay::state::State;
use crate::delay::trend::{self, Frame, seconds};
use crate::delay::verdict::{Fit, Match, RuleId};

/// Clocks of two hosts, or the moment between reading two of one, may differ so much, seconds.
const SLACK: f64 = 1.0;
/// So many of the newest samples must be in bounds for rule 18.
const IN_A_ROW: usize = 3;

/// Jobs that excuse nothing and are listed.
const ODD: usize = 8;

/// A job that runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Running {
    pub class: String,
    pub start: Time,
    /// How long it has run, seconds.
    pub ran: f64,
    /// How long it may, seconds.
    pub longest: f64,
    pub stops_io: bool,
}

impl Running {
    /// How much of its time it has used.
    pub fn share(&self) -> f64 {
        self.ran / self.longest
    }
}

/// Out of bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Out {
    /// Below the least; else above the greatest.
    pub below: bool,
    /// The bound it left, seconds.
    pub bound: f64,
    /// How far it is from it, seconds.
    pub by: f64,
    /// Whether the slope leads back, at whatever rate.
    pub towards: bool,
    /// Whether it does so in max-trend-time.
    pub recovering: bool,
}

/// What the rules ask about.
#[derive(Debug)]
pub struct Facts<'a> {
    now: Time,
    limits: &'a Limits,
    asked: &'a Asked,
    state: State,
    wrong: Vec<LimitError>,
    newest: Option<(f64, Time)>,
    samples: u32,
    least: usize,
    fit: Option<Fit>,
    real_in: bool,
    running: Vec<Running>,
    ended: Option<(String, Time)>,
    bad: Vec<String>,
}

impl<'a> Facts<'a> {
    pub(super) fn gather(
        state: &State,
        samples: &[Sample],
        jobs: &[Job],
        asked: &'a Asked,
        limits: &'a Limits,
        now: Time,
    ) -> Self {
        let frame = Frame::of(limits);
        let valid = samples.iter().rev().filter(|sample| sample.at <= now);
        let mut valid = valid.filter_map(|sample| Some((sample.delay.filter(|delay| delay.is_finite())?, sample.at)));
        let newest = valid.next().or(state.sample);
        let bounds = limits.min_delay_time.as_secs_f64()..=limits.max_delay_time.as_secs_f64();
        let mut row: Vec<_> = newest.into_iter().chain(valid.take(IN_A_ROW - 1)).collect();
        row.retain(|(delay, at)| bounds.contains(delay) && state.began.is_none_or(|began| *at >= began));
        let counted = trend::counted(samples, now, state.began, &frame).count();
        let mut facts = Self {
            now,
            limits,
            asked,
            state: state.clone(),
            wrong: limits.check(),
            newest,
            samples: u32::try_from(counted).unwrap_or(u32::MAX),
            least: frame.least,
            fit: trend::fit(samples, now, state.began, &frame),
            real_in: row.len() == IN_A_ROW,
            running: Vec::new(),
            ended: None,
            bad: Vec::new(),
        };
        facts.sort_out(jobs);
        facts.advance();
        facts
    }

    /// Jobs that run, the latest that ended, and those whose times cannot be: they excuse nothing.
    fn sort_out(&mut self, jobs: &[Job]) {
        for job in jobs {
            // Too long ago to excuse anything, whatever it was.
            if job.end.is_some_and(|end| self.now.since(end) > self.limits.max_recovery_time && end >= job.start) {
                self.state.job_ended = self.state.job_ended.max(job.end);
                continue;
            }
            let Some(class) = self.limits.class(&job.class) else {
                self.odd(words::unknown_class(job));
                continue;
            };
            let ahead = |time: Time| seconds(time, self.now) > SLACK;
            if ahead(job.start) || job.end.is_some_and(|end| ahead(end) || end < job.start) {
                self.odd(words::bad_time(job, self.now));
                continue;
            }
            // One that ended after the look ran while it was looked.
            if let Some(end) = job.end.filter(|end| *end <= self.now) {
                if class.stops_io {
                    self.state.io_job_ended = self.state.io_job_ended.max(Some(end));
                }
                if self.ended.as_ref().is_none_or(|(_, latest)| end > *latest) {
                    self.ended = Some((job.class.clone(), end));
                }
            } else {
                self.running.push(Running {
                    class: job.class.clone(),
                    start: job.start,
                    ran: ago(self.now, job.start),
                    longest: class.longest.as_secs_f64(),
                    stops_io: class.stops_io,
                });
            }
        }
        let latest = self.ended.as_ref().map(|(_, end)| *end);
        self.state.job_ended = self.state.job_ended.max(latest);
    }

    /// A job that excuses nothing; of many the first are listed.
    fn odd(&mut self, text: String) {
        if self.bad.len() < ODD {
            self.bad.push(text);
        }
    }

    /// The timers of the excursion. In a gap they stand: nothing new is known of the line.
    fn advance(&mut self) {
        if !self.wrong.is_empty() {
            return;
        }
        let now = self.now;
        if self.stale() {
            self.state.unfit_since = None;
            self.state.in_since = None;
        } else if !self.gap() {
            self.excursion();
        }
        let excusing = !self.running.is_empty() || (self.out().is_some() && self.in_window().is_some());
        // Where the line is not known just now, its window neither begins to excuse nor ceases to.
        let unsure = self.fit.is_none() && self.in_window().is_some();
        if excusing {
            self.state.excused_since = self.state.excused_since.or(Some(now));
        } else if !unsure {
            self.state.excused_since = None;
        }
    }

    fn excursion(&mut self) {
        let now = self.now;
        let Some(_) = self.fit else {
            self.state.unfit_since = self.state.unfit_since.or(Some(now));
            self.state.in_since = None;
            return;
        };
        self.state.unfit_since = None;
        if let Some(out) = self.out() {
            self.state.in_since = None;
            if self.state.out_since.is_none() {
                self.state.out_since = Some(now);
                self.state.excused = !self.running.is_empty() || self.in_window().is_some();
            }
            self.state.recovering_seen |= out.recovering;
            let late = self.elapsed().is_some_and(|elapsed| elapsed > self.limits.max_trend_time.as_secs_f64());
            self.state.overdue |= self.state.recovering_seen && late;
        } else if self.state.out_since.is_some() {
            let since = *self.state.in_since.get_or_insert(now);
            if now.since(since) >= self.limits.window {
                self.state.out_since = None;
                self.state.in_since = None;
                self.state.excused = false;
                self.state.recovering_seen = false;
                self.state.overdue = false;
            }
        }
    }

    /// When it is judged.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// What is allowed.
    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    pub(super) fn asked(&self) -> &'a Asked {
        self.asked
    }

    /// The state, with its timers at `now`.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn into_state(self) -> State {
        self.state
    }

    pub(super) fn wrong(&self) -> &[LimitError] {
        &self.wrong
    }

    /// The newest sample that has a value.
    pub(crate) fn newest(&self) -> Option<(f64, Time)> {
        self.newest
    }

    /// For how long there has been no sample, seconds: since the newest, or since it was first looked at.
    pub(super) fn quiet(&self) -> f64 {
        let first = || {
            let blind = self.state.blind.as_ref().map(|(since, _)| *since);
            [self.state.began, blind, self.state.looked].into_iter().flatten().min()
        };
        self.newest.map(|(_, at)| at).or_else(first).map_or(0.0, |since| ago(self.now, since))
    }

    /// Too long without a sample.
    pub(super) fn stale(&self) -> bool {
        self.quiet() > self.limits.max_last_seen.as_secs_f64()
    }

    /// The newest look yielded no sample, or there was none for two intervals.
    pub(super) fn gap(&self) -> bool {
        let unseen = self.state.seen.as_ref().is_some_and(|(_, seen)| seen.age().is_none());
        self.state.blind.is_some() || unseen || self.quiet() > 2.0 * self.limits.interval.as_secs_f64()
    }

    /// Whether the newest look was one, and is not old.
    pub(super) fn fresh(&self) -> bool {
        let old = |at: Time| ago(self.now, at) > 2.0 * self.limits.interval.as_secs_f64();
        self.state.blind.is_none() && self.state.looked.is_some_and(|at| !old(at))
    }

    /// What the newest look saw; nothing where it failed, or is old.
    pub(crate) fn seen(&self) -> Option<&Seen> {
        self.state.seen.as_ref().filter(|_| self.fresh()).map(|(_, seen)| seen)
    }

    /// The status that it saw.
    pub(crate) fn status(&self) -> Option<&Status> {
        self.seen().and_then(|seen| seen.status.as_ref())
    }

    /// The line; nothing: too few samples.
    pub(crate) fn fit(&self) -> Option<Fit> {
        self.fit
    }

    pub(super) fn forget_fit(&mut self) {
        self.fit = None;
    }

    /// Samples that count, and how many are needed.
    pub(super) fn samples(&self) -> (u32, usize) {
        (self.samples, self.least)
    }

    /// For how long there have been samples and no line, seconds.
    pub(super) fn unfit(&self) -> f64 {
        self.state.unfit_since.map_or(0.0, |since| ago(self.now, since))
    }

    /// Whether the newest samples are all in bounds, and for how long, seconds.
    pub(super) fn real_in(&self) -> Option<f64> {
        self.state.real_in_since.filter(|_| self.real_in).map(|since| ago(self.now, since))
    }

    /// Jobs that run.
    pub(crate) fn running(&self) -> &[Running] {
        &self.running
    }

    /// The job that ended last, where its recovery window is open, and how long ago it ended, seconds.
    pub(crate) fn in_window(&self) -> Option<(&str, f64)> {
        let (class, end) = self.ended.as_ref()?;
        let ago = ago(self.now, *end);
        (ago <= self.limits.max_recovery_time.as_secs_f64()).then_some((class, ago))
    }

    /// For how long jobs and windows have excused it, where that is longer than they may together, and how long they may;
    /// seconds.
    pub(super) fn chained(&self) -> Option<(f64, f64)> {
        let longest = self.limits.jobs.iter().map(|class| class.longest).max()?;
        let most = longest.saturating_add(self.limits.max_recovery_time).as_secs_f64();
        let excused = ago(self.now, self.state.excused_since?);
        (excused > most).then_some((excused, most))
    }

    /// How long ago `since` is, counted from the end of the latest job where that is later, seconds. Nothing: not known,
    /// or not seen now.
    pub(super) fn still(&self, moved: Option<f64>) -> Option<f64> {
        let still = moved.filter(|_| self.fresh())?;
        let ended = self.state.job_ended.map(|end| ago(self.now, end));
        Some(ended.map_or(still, |ended| still.min(ended)))
    }

    /// How long the received position has stood, seconds.
    pub(crate) fn received_still(&self) -> Option<f64> {
        still_for(self.state.received.as_ref(), self.now)
    }

    /// How long the executed position has stood, seconds.
    pub(crate) fn executed_still(&self) -> Option<f64> {
        still_for(self.state.executed.as_ref(), self.now)
    }

    /// Where and how it is out of bounds; nothing: it is in, or not known.
    pub(crate) fn out(&self) -> Option<Out> {
        let Fit { slope, intercept, .. } = self.fit?;
        let (least, most) = (self.limits.min_delay_time.as_secs_f64(), self.limits.max_delay_time.as_secs_f64());
        let (below, bound) = if intercept < least {
            (true, least)
        } else if intercept > most {
            (false, most)
        } else {
            return None;
        };
        let by = (intercept - bound).abs();
        let towards = if below { slope > 0.0 } else { slope < 0.0 };
        let recovering = towards && slope.abs() >= by / self.limits.max_trend_time.as_secs_f64();
        Some(Out { below, bound, by, towards, recovering })
    }

    /// How long it has been out of bounds, seconds.
    pub(crate) fn elapsed(&self) -> Option<f64> {
        self.state.out_since.map(|since| ago(self.now, since))
    }

    /// Seconds until it is back at the present rate.
    pub(super) fn back_in(&self) -> Option<f64> {
        let slope = self.fit?.slope.abs();
        self.out().filter(|out| out.towards).map(|out| out.by / slope).filter(|secs| sensible(*secs))
    }

    /// Seconds until it leaves at the present rate.
    pub(crate) fn out_in(&self) -> Option<f64> {
        let Fit { slope, intercept, .. } = self.fit.filter(|_| self.out().is_none())?;
        let bound = if slope > 0.0 { self.limits.max_delay_time } else { self.limits.min_delay_time };
        // The noise of a level line leads out of its bounds, too, some day.
        Some((bound.as_secs_f64() - intercept) / slope).filter(|secs| sensible(*secs) && *secs < 86_400.0)
    }

    /// What the line is meant to be at, seconds: the server's delay, or the middle of the bounds.
    pub(crate) fn target(&self) -> f64 {
        let (least, most) = (self.limits.min_delay_time.as_secs_f64(), self.limits.max_delay_time.as_secs_f64());
        #[allow(clippy::cast_precision_loss)] // some hours
        let native = self.state.identity.sql_delay.map(|secs| secs as f64);
        native.filter(|secs| (least..=most).contains(secs)).unwrap_or(f64::midpoint(least, most))
    }

    /// Jobs that excuse nothing: listed behind what matches, deciding nothing.
    pub(super) fn bad_jobs(&self) -> impl Iterator<Item = Match> {
        let listed = |text: &String| Match { rule: RuleId(14), severity: Severity::Warning, text: text.clone() };
        self.bad.iter().map(listed)
    }
}

/// Beyond a month at the present rate is noise.
fn sensible(secs: f64) -> bool {
    secs.is_finite() && (0.0..2_592_000.0).contains(&secs)
}
