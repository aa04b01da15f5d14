//! The rules of restores, in plain words.

use std::collections::BTreeMap;
use std::ops::Range;

use firn::base::Time;
use firn::store::{Heard, PartState, PlanState, RestoreState, RetrievalState};

use crate::world::START;

/// Output that lives that many seconds longer is joined.
const MARGIN: u64 = 5 * 3600;

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) state: PartState,
    pub(super) range: Option<Range<u64>>,
    pub(super) job: Option<usize>,
    pub(super) asked: u32,
    /// Seconds since the start.
    pub(super) from: u64,
    pub(super) owner: Option<i64>,
    pub(super) generation: i64,
    pub(super) attempts: u32,
    pub(super) files: Vec<RestoreState>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) state: PlanState,
    pub(super) host: usize,
    pub(super) ceiling: i64,
    pub(super) spent: i64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) stopped: u64,
    pub(super) parts: BTreeMap<usize, Part>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) state: RetrievalState,
    pub(super) archive: usize,
    pub(super) range: Range<u64>,
    pub(super) plan: usize,
    pub(super) price: i64,
    pub(super) expires: Option<u64>,
    /// Whether the vault has taken it.
    pub(super) taken: bool,
    /// Whether the state still knows it: of requests that were refused the last one is kept.
    pub(super) kept: bool,
}

/// The rules, in plain words.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) now: u64,
    pub(super) plans: Vec<Plan>,
    pub(super) jobs: Vec<Job>,
}

impl Part {
    pub(super) fn live(&self) -> bool {
        matches!(self.state, PartState::Waiting | PartState::Asked | PartState::Ready)
    }
}

impl Job {
    pub(super) fn live(&self) -> bool {
        matches!(self.state, RetrievalState::Intended | RetrievalState::Asked | RetrievalState::Ready)
    }
}

impl Rules {
    /// What counts for the month.
    pub(super) fn used(&self) -> i64 {
        let counts = |plan: &Plan| if plan.state == PlanState::Running { plan.ceiling } else { plan.spent };
        self.plans.iter().map(counts).sum()
    }

    /// Live parts of a job.
    pub(super) fn of_job(&mut self, job: usize) -> impl Iterator<Item = &mut Part> {
        let plans = self.plans.iter_mut().filter(|plan| plan.state == PlanState::Running);
        plans.flat_map(|plan| plan.parts.values_mut()).filter(move |part| part.live() && part.job == Some(job))
    }

    pub(super) fn again(&mut self, job: usize, from: u64) {
        for part in self.of_job(job).filter(|part| part.owner.is_none()) {
            (part.state, part.job, part.from) = (PartState::Waiting, None, from);
        }
    }

    pub(super) fn over(&mut self, job: usize, state: RetrievalState) {
        if self.jobs[job].live() {
            self.jobs[job].state = state;
        }
    }

    pub(super) fn close_unwanted(&mut self, job: Option<usize>) {
        let Some(job) = job else { return };
        let stays = self.jobs[job].state == RetrievalState::Ready && self.jobs[job].expires.is_none();
        if stays && self.of_job(job).next().is_none() {
            self.jobs[job].state = RetrievalState::Closed;
        }
    }

    pub(super) fn end_if_over(&mut self, plan: usize) {
        let plan = &mut self.plans[plan];
        if plan.state == PlanState::Running && !plan.parts.values().any(Part::live) {
            plan.state = PlanState::Ended;
        }
    }

    pub(super) fn stop(&mut self, plan: usize, archive: usize) {
        let row = &mut self.plans[plan];
        let Some(part) = row.parts.get_mut(&archive).filter(|part| part.live()) else { return };
        (part.state, part.owner, part.generation) = (PartState::Stopped, None, part.generation + 1);
        for file in part.files.iter_mut().filter(|file| **file == RestoreState::Waiting) {
            *file = RestoreState::Failed;
            row.failed += 1;
        }
        row.stopped += 1;
        self.end_if_over(plan);
    }

    pub(super) fn spend(&mut self, plan: usize, money: i64) -> bool {
        let plan = &mut self.plans[plan];
        let fits = plan.spent + money <= plan.ceiling;
        plan.spent += if fits { money } else { 0 };
        fits
    }

    /// In a word: `new`, `joined N`, `nothing`, `stopped`, `gone`.
    pub(super) fn ask(&mut self, plan: usize, archive: usize, price: i64) -> String {
        let now = self.now;
        let running = self.plans[plan].state == PlanState::Running;
        let part = self.plans[plan].parts.get(&archive).filter(|part| running && part.state == PartState::Waiting);
        let Some(part) = part.filter(|part| part.from <= now).cloned() else { return "gone".to_owned() };
        let set = |rules: &mut Self, state, job| {
            let part = rules.plans[plan].parts.get_mut(&archive).unwrap();
            (part.state, part.job, part.attempts) = (state, job, 0);
        };
        let Some(range) = part.range else {
            set(self, PartState::Ready, None);
            return "nothing".to_owned();
        };
        let until = now + MARGIN;
        let joinable = |job: &Job| {
            let lives = job.state != RetrievalState::Ready || job.expires.is_none_or(|expires| expires >= until);
            job.live()
                && job.archive == archive
                && lives
                && job.range.start <= range.start
                && range.end <= job.range.end
        };
        let mut there: Vec<usize> = (0..self.jobs.len()).filter(|job| joinable(&self.jobs[*job])).collect();
        there.sort_by_key(|job| {
            let row = &self.jobs[*job];
            (-row.state.code(), std::cmp::Reverse(row.expires.unwrap_or(u64::MAX)), *job)
        });
        if let Some(job) = there.first() {
            let ready = self.jobs[*job].state == RetrievalState::Ready;
            set(self, if ready { PartState::Ready } else { PartState::Asked }, Some(*job));
            return format!("joined {job}");
        }
        if part.asked >= 2 || !self.spend(plan, price) {
            self.stop(plan, archive);
            return "stopped".to_owned();
        }
        let over = |job: &Job| {
            matches!(job.state, RetrievalState::Failed | RetrievalState::Expired | RetrievalState::Closed) && !job.taken
        };
        for job in self.jobs.iter_mut().filter(|job| (job.plan, job.archive) == (plan, archive) && over(job)) {
            job.kept = false;
        }
        let (state, expires, taken, kept) = (RetrievalState::Intended, None, false, true);
        self.jobs.push(Job { state, archive, range, plan, price, expires, taken, kept });
        set(self, PartState::Asked, Some(self.jobs.len() - 1));
        self.plans[plan].parts.get_mut(&archive).unwrap().asked += 1;
        "new".to_owned()
    }

    pub(super) fn heard(&mut self, job: usize, heard: &Heard) {
        let now = self.now;
        let (state, plan, price) = (self.jobs[job].state, self.jobs[job].plan, self.jobs[job].price);
        let intended = state == RetrievalState::Intended;
        if !self.jobs[job].kept {
            return;
        }
        match heard {
            Heard::Taken { .. } if intended => {
                self.jobs[job].state = RetrievalState::Asked;
                self.jobs[job].taken = true;
            }
            Heard::Refused { next_try, .. } if intended => {
                self.over(job, RetrievalState::Failed);
                self.plans[plan].spent -= price;
                let archive = self.jobs[job].archive;
                let part = self.plans[plan].parts.get_mut(&archive).unwrap();
                part.asked = part.asked.saturating_sub(1);
                self.again(job, secs(*next_try));
            }
            Heard::Gone(_) if intended => {
                self.over(job, RetrievalState::Failed);
                self.plans[plan].spent -= price;
                for plan in 0..self.plans.len() {
                    let archive = self.jobs[job].archive;
                    let waits = self.plans[plan].parts.get(&archive).is_some_and(|part| part.job == Some(job));
                    if waits && self.plans[plan].state == PlanState::Running {
                        self.stop(plan, archive);
                    }
                }
            }
            Heard::Ready { until, .. } if state == RetrievalState::Asked => {
                self.jobs[job].state = RetrievalState::Ready;
                self.jobs[job].expires = until.map(secs);
                for part in self.of_job(job).filter(|part| part.state == PartState::Asked) {
                    (part.state, part.from) = (PartState::Ready, now);
                }
                self.close_unwanted(Some(job));
            }
            Heard::Ready { until, .. } if state == RetrievalState::Ready => {
                let known = self.jobs[job].expires;
                self.jobs[job].expires = known.max(until.map(secs));
            }
            Heard::Ending { .. } if state == RetrievalState::Ready => self.again(job, now),
            Heard::Failed(_) | Heard::Expired if state != RetrievalState::Closed => {
                let to = if *heard == Heard::Expired { RetrievalState::Expired } else { RetrievalState::Failed };
                self.over(job, to);
                self.again(job, now);
            }
            _ => {}
        }
    }

    pub(super) fn claim(&mut self, session: i64, host: usize, only: Option<usize>) -> Option<(usize, usize, i64)> {
        let mut due: Vec<(u64, usize, usize)> = Vec::new();
        for (number, plan) in self.plans.iter().enumerate() {
            let mine = plan.state == PlanState::Running && plan.host == host && only.is_none_or(|only| only == number);
            for (archive, part) in plan.parts.iter().filter(|_| mine) {
                if part.state == PartState::Ready && part.owner.is_none() && part.from <= self.now {
                    due.push((part.from, number, *archive));
                }
            }
        }
        let (_, plan, archive) = due.into_iter().min()?;
        let part = self.plans[plan].parts.get_mut(&archive).unwrap();
        (part.owner, part.generation) = (Some(session), part.generation + 1);
        Some((plan, archive, part.generation))
    }

    /// The part, if the claim still holds.
    pub(super) fn held(&mut self, session: i64, plan: usize, archive: usize, generation: i64) -> Option<&mut Part> {
        let part = self.plans[plan].parts.get_mut(&archive)?;
        (part.live() && part.owner == Some(session) && part.generation == generation).then_some(part)
    }

    /// A part that is let go of waits for another job when its own is over.
    pub(super) fn let_go(&mut self, plan: usize, archive: usize) {
        let job = self.plans[plan].parts[&archive].job;
        let dead = job.is_some_and(|job| !self.jobs[job].live());
        let part = self.plans[plan].parts.get_mut(&archive).unwrap();
        (part.owner, part.generation) = (None, part.generation + 1);
        if dead {
            (part.state, part.job) = (PartState::Waiting, None);
        }
    }

    /// Jobs that go on for nobody.
    pub(super) fn cancel(&mut self, plan: usize) -> Option<u64> {
        if self.plans[plan].state != PlanState::Running {
            return None;
        }
        self.plans[plan].state = PlanState::Cancelled;
        let mut jobs = std::collections::BTreeSet::new();
        for part in self.plans[plan].parts.values_mut().filter(|part| part.live()) {
            (part.state, part.owner, part.generation) = (PartState::Cancelled, None, part.generation + 1);
            jobs.extend(part.job);
        }
        let mut alone = 0;
        for job in jobs {
            self.close_unwanted(Some(job));
            let under_way = matches!(self.jobs[job].state, RetrievalState::Intended | RetrievalState::Asked);
            alone += u64::from(under_way && self.of_job(job).next().is_none());
        }
        Some(alone)
    }
}

/// Seconds since the start of the test.
pub(super) fn secs(time: Time) -> u64 {
    time.since(START).as_secs()
}
