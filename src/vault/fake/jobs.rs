//! Retrievals: of archives, whole or in part, and of the vault's inventory.

use std::ops::{Bound, Range};
use std::sync::Arc;
use std::time::Duration;

use super::core::{Archive, Content, Core, Inventory, Op, TierTimes, checked_description};
use super::damage::SPOILT;
use super::draw::Draw;
use super::hash::{self, MIB};
use super::refusal::Refusal;
use super::shelf::Body;
use crate::base::Time;
use crate::base::hash::Hash32;
use crate::vault::Tier;

/// Jobs on a page of their list at most.
pub(super) const JOBS_ON_A_PAGE: usize = 50;

/// What a retrieval asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    /// The archive.
    pub archive_id: String,
    /// Only these bytes: whole MiB, but for the end.
    pub range: Option<Range<u64>>,
    /// How fast; nothing: standard.
    pub tier: Option<Tier>,
    /// Comes back with the job.
    pub description: String,
}

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    description: Arc<str>,
    tier: Tier,
    asked: Time,
    /// When it comes to its end.
    ends: Time,
    /// Why it will fail.
    fails: Option<String>,
    /// Until when its output can be read.
    until: Time,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Archive { id: Arc<str>, range: Range<u64>, size: u64, whole: Hash32, part: Option<Hash32>, output: Option<Content> },
    Inventory { output: Option<Arc<Inventory>> },
}

impl Job {
    pub(super) fn drop_output(&mut self) {
        match &mut self.of {
            Of::Archive { output, .. } => *output = None,
            Of::Inventory { output } => *output = None,
        }
    }

    /// As it stands at a time.
    fn view(&self, id: &str, now: Time) -> JobView {
        let phase = match &self.fails {
            _ if now < self.ends => Phase::InProgress,
            Some(why) => Phase::Failed { at: self.ends, why: why.clone() },
            None => Phase::Succeeded { at: self.ends, until: self.until },
        };
        let (archive, archive_size, archive_hash, hash) = match &self.of {
            Of::Archive { id, range, size, whole, part, .. } => {
                (Some((Arc::clone(id), range.clone())), Some(*size), Some(*whole), *part)
            }
            Of::Inventory { .. } => (None, None, None, None),
        };
        let (asked, tier, description) = (self.asked, self.tier, Arc::clone(&self.description));
        JobView { job_id: id.into(), phase, asked, tier, description, archive, archive_size, archive_hash, hash }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Not at its end.
    InProgress,
    /// Its output can be read.
    Succeeded {
        /// When it ended.
        at: Time,
        /// Until when the output is kept.
        until: Time,
    },
    /// There will be no output.
    Failed {
        /// When it ended.
        at: Time,
        /// Why.
        why: String,
    },
}

impl Phase {
    /// The service's code for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded { .. } => "Succeeded",
            Self::Failed { .. } => "Failed",
        }
    }
}

/// The service's word for a tier.
pub(super) fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Expedited => "Expedited",
        Tier::Standard => "Standard",
        Tier::Bulk => "Bulk",
    }
}

fn speed(tier: Tier) -> u8 {
    match tier {
        Tier::Expedited => 2,
        Tier::Standard => 1,
        Tier::Bulk => 0,
    }
}

/// A job as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub job_id: Arc<str>,
    /// Where it stands.
    pub phase: Phase,
    /// When it was asked for.
    pub asked: Time,
    /// How fast it was to be.
    pub tier: Tier,
    /// As it was described; from outside.
    pub description: Arc<str>,
    /// The archive and the bytes of it; nothing for an inventory.
    pub archive: Option<(Arc<str>, Range<u64>)>,
    /// The size of the whole archive, bytes.
    pub archive_size: Option<u64>,
    /// The tree hash of the whole archive.
    pub archive_hash: Option<Hash32>,
    /// The tree hash of the bytes asked for, where the tree of the archive has one of them.
    pub hash: Option<Hash32>,
}

/// Which jobs are listed: those that fit both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Only those that are at their end, or that are not.
    pub completed: Option<bool>,
    /// Only those with this code: `InProgress`, `Succeeded` or `Failed`.
    pub status: Option<&'static str>,
}

/// The output of a retrieval: where its bytes lie.
#[derive(Debug)]
pub struct Output {
    /// Bodies, and the bytes of each.
    pub pieces: Vec<(Arc<Body>, Range<u64>)>,
    /// Their tree hash, where the tree of the archive has one of them.
    pub hash: Option<Hash32>,
    /// How many of them are sent before the connection ends: fewer than there are where it ends early.
    pub sent: u64,
    /// Which of them are spoilt, counted from the first.
    spoilt: Vec<u64>,
}

impl Output {
    /// Does to the bytes what was done to the archive.
    pub fn spoil(&self, bytes: &mut [u8]) {
        for at in &self.spoilt {
            if let Some(byte) = usize::try_from(*at).ok().and_then(|at| bytes.get_mut(at)) {
                *byte ^= SPOILT;
            }
        }
    }
}

/// The tree hash of some bytes of an archive.
fn hash_of(archive: &Content, range: &Range<u64>, size: u64) -> Option<Hash32> {
    let index = |at: u64| usize::try_from(at).ok();
    let (from, to) = (index(range.start / MIB)?, index(range.end.div_ceil(MIB))?);
    hash::is_tree_aligned(range, size).then(|| {
        let leaves = archive.iter().flat_map(|part| part.leaves()).copied();
        hash::root(&leaves.skip(from).take(to - from).collect::<Vec<_>>())
    })
}

fn span(times: &TierTimes, tier: Tier, draw: &Draw) -> Duration {
    let (least, most) = match tier {
        Tier::Expedited => times.expedited,
        Tier::Standard => times.standard,
        Tier::Bulk => times.bulk,
    };
    draw.between(least, most)
}

impl Core {
    /// Asks for an archive. Each call that succeeds makes another job. Returns its id.
    pub fn initiate_retrieval(&mut self, now: Time, asked: &Retrieval) -> Result<Arc<str>, Refusal> {
        let fate = self.admit(now, Op::Job, &asked.archive_id)?;
        let tier = asked.tier.unwrap_or(Tier::Standard);
        let job = checked_description(&asked.description).and_then(|description| {
            let archive = self.archives.get_key_value(asked.archive_id.as_str());
            let (id, archive) =
                archive.ok_or_else(|| Refusal::NotFound { what: "archive", id: asked.archive_id.clone() })?;
            let of = of_archive(id, archive, asked.range.clone())?;
            if tier == Tier::Expedited && fate.no_expedited {
                return Err(Refusal::InsufficientCapacity);
            }
            let bytes = match &of {
                Of::Archive { range, .. } => range.end - range.start,
                Of::Inventory { .. } => 0,
            };
            Ok((self.start(description, tier, &asked.archive_id, of), bytes))
        });
        if let Ok((id, _)) = &job
            && let Some(why) = self.plans.failing.pop_front()
            && let Some(job) = self.jobs.get_mut(id)
        {
            job.fails = Some(why);
            job.drop_output();
        }
        let bytes = job.as_ref().map_or(0, |(_, bytes)| *bytes);
        self.note(Op::Job.logged(), Some(tier), bytes, job.is_ok());
        fate.reply(job.map(|(id, _)| id))
    }

    /// Asks for the newest inventory. Returns the job's id.
    pub fn initiate_inventory(&mut self, now: Time, description: &str) -> Result<Arc<str>, Refusal> {
        let fate = self.admit(now, Op::Job, "inventory")?;
        let job = checked_description(description).and_then(|description| {
            let next = self.next_inventory(now);
            let newest = self.last_inventory(now).ok_or(Refusal::NoInventory { next })?;
            Ok(self.start(description, Tier::Standard, "inventory", Of::Inventory { output: Some(newest) }))
        });
        self.note("inventory", None, 0, job.is_ok());
        fate.reply(job)
    }

    fn start(&mut self, description: Arc<str>, tier: Tier, subject: &str, of: Of) -> Arc<str> {
        let turn = self.next_made("job-span", subject);
        let draw = Draw::new(self.rules.seed, &["job", subject], turn);
        let slow = self.rules.weather.slowness(self.now);
        let ends = self.now.plus(span(&self.rules.tiers, tier, &draw).saturating_mul(slow));
        let until = ends.plus(self.rules.output_lives);
        let id = self.new_id("job", subject, 92);
        let job = Job { description, tier, asked: self.now, ends, fails: None, until, of };
        self.jobs.insert(Arc::clone(&id), job);
        self.due.insert((ends, Arc::clone(&id)));
        self.ends.insert((until, Arc::clone(&id)));
        id
    }

    /// A job has come to its end, and is told.
    pub(super) fn job_ends(&mut self, at: Time, id: &Arc<str>) {
        let fails = self.rules.weather.fails_job(at, self.rules.seed, id);
        let Some(job) = self.jobs.get_mut(id) else { return };
        if fails && job.fails.is_none() {
            job.fails = Some("the archive could not be retrieved because of an internal error".to_owned());
            job.drop_output();
        }
        let view = job.view(id, at);
        self.tell(at, &view);
    }

    /// Makes a job faster that is not at its end: from now on it takes as long as one of the faster tier.
    pub fn upgrade_job(&mut self, now: Time, job_id: &str, tier: Tier) -> Result<(), Refusal> {
        let fate = self.admit(now, Op::Upgrade, job_id)?;
        let upgraded = self.faster(job_id, tier, fate.no_expedited);
        self.note(Op::Upgrade.logged(), Some(tier), upgraded.as_ref().copied().unwrap_or(0), upgraded.is_ok());
        fate.reply(upgraded.map(|_| ()))
    }

    /// Returns the bytes that the job retrieves.
    fn faster(&mut self, job_id: &str, tier: Tier, no_expedited: bool) -> Result<u64, Refusal> {
        if !self.rules.upgrade {
            return Err(Refusal::NoUpgrade);
        }
        let job = self.job(job_id)?;
        let Of::Archive { id, range, .. } = &job.of else {
            return Err(Refusal::OtherJob("an inventory, not an archive"));
        };
        if job.ends <= self.now {
            return Err(Refusal::JobOver);
        }
        if speed(tier) <= speed(job.tier) {
            return Err(Refusal::NotFaster(word(job.tier)));
        }
        if tier == Tier::Expedited && no_expedited {
            return Err(Refusal::InsufficientCapacity);
        }
        let (bytes, ended, until) = (range.end - range.start, job.ends, job.until);
        let draw = Draw::new(self.rules.seed, &["upgrade", id, job_id, word(tier)], 0);
        let slow = self.rules.weather.slowness(self.now);
        let ends = ended.min(self.now.plus(span(&self.rules.tiers, tier, &draw).saturating_mul(slow)));
        let lives = self.rules.output_lives;
        if let Some((id, _)) = self.jobs.get_key_value(job_id) {
            let id = Arc::clone(id);
            self.due.remove(&(ended, Arc::clone(&id)));
            self.due.insert((ends, Arc::clone(&id)));
            self.ends.remove(&(until, Arc::clone(&id)));
            self.ends.insert((ends.plus(lives), id));
        }
        if let Some(job) = self.jobs.get_mut(job_id) {
            (job.tier, job.ends, job.until) = (tier, ends, ends.plus(lives));
        }
        Ok(bytes)
    }

    /// Retrievals of an archive that was deleted fail, when they are not at their end yet.
    pub(super) fn fail_jobs_of(&mut self, archive_id: &str) {
        let now = self.now;
        let under_way = |job: &&mut Job| job.ends > now;
        for job in self.jobs.values_mut().filter(under_way) {
            if matches!(&job.of, Of::Archive { id, .. } if &**id == archive_id) {
                job.fails = Some("the archive was deleted before it was retrieved".to_owned());
                job.drop_output();
            }
        }
    }

    /// A job whose output is or will be there; when that is over, it is said.
    fn job(&self, job_id: &str) -> Result<&Job, Refusal> {
        let job = self.jobs.get(job_id).ok_or_else(|| Refusal::NotFound { what: "job", id: job_id.to_owned() })?;
        if job.until <= self.now { Err(Refusal::JobGone { until: job.until }) } else { Ok(job) }
    }

    /// Where a job stands.
    pub fn describe_job(&mut self, now: Time, job_id: &str) -> Result<JobView, Refusal> {
        let fate = self.admit(now, Op::Status, job_id)?;
        let described = self.job(job_id).map(|job| job.view(job_id, self.now));
        self.note(Op::Status.logged(), None, 0, described.is_ok());
        fate.reply(described)
    }

    /// The jobs that are not over, by id, from the one after `after` on; 50 at most (developer guide, "api-jobs-get"). The
    /// second value is what to hand in for the next page.
    pub fn list_jobs(
        &mut self,
        now: Time,
        filter: JobFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<JobView>, Option<Arc<str>>), Refusal> {
        let fate = self.admit(now, Op::Jobs, after.unwrap_or(""))?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let now = self.now;
        let limit = limit.clamp(1, JOBS_ON_A_PAGE);
        let known = self.jobs.range::<str, _>((from, Bound::Unbounded)).filter(|(_, job)| job.until > now);
        let fitting = known.map(|(id, job)| job.view(id, now)).filter(|view| {
            let code = view.phase.code();
            filter.status.is_none_or(|status| status == code)
                && filter.completed.is_none_or(|completed| completed == (view.phase != Phase::InProgress))
        });
        let mut page: Vec<JobView> = fitting.take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|last| Arc::clone(&last.job_id));
        self.note(Op::Jobs.logged(), None, 0, true);
        fate.reply(Ok((page, next)))
    }

    /// A job that is at its end and did not fail.
    fn finished(&self, job_id: &str) -> Result<&Job, Refusal> {
        let job = self.job(job_id)?;
        if self.now < job.ends {
            return Err(Refusal::JobInProgress);
        }
        match &job.fails {
            Some(why) => Err(Refusal::JobFailed(why.clone())),
            None => Ok(job),
        }
    }

    /// Some bytes of a retrieval's output. Offsets are those of the archive.
    pub fn job_output(&mut self, now: Time, job_id: &str, bytes: Range<u64>) -> Result<Output, Refusal> {
        let fate = self.admit(now, Op::Output, job_id)?;
        let output = self.finished(job_id).and_then(|job| match &job.of {
            Of::Inventory { .. } => Err(Refusal::OtherJob("an inventory, not an archive")),
            Of::Archive { id, range, size, output: Some(content), .. } => {
                let Range { start, end } = bytes;
                if start > end || start < range.start || end > range.end {
                    return Err(Refusal::RangeOutside { start, end, from: range.start, to: range.end });
                }
                let whole = || (Vec::new(), end - start);
                let (spoilt, left) = self.damage.get(id).map_or_else(whole, |damage| damage.of(&bytes));
                let sent = fate.cut.map_or(left, |at| left.min(at % (end - start).max(1)));
                Ok(Output { pieces: pieces(content, &bytes), hash: hash_of(content, &bytes, *size), sent, spoilt })
            }
            Of::Archive { output: None, .. } => Err(Refusal::JobGone { until: job.until }),
        });
        let sent = output.as_ref().map_or(0, |output| if fate.lost { 0 } else { output.sent });
        self.note(Op::Output.logged(), None, sent, output.is_ok());
        fate.reply(output)
    }

    /// The output of an inventory job.
    pub fn inventory_output(&mut self, now: Time, job_id: &str) -> Result<Arc<Inventory>, Refusal> {
        let fate = self.admit(now, Op::Output, job_id)?;
        let output = self.finished(job_id).and_then(|job| match &job.of {
            Of::Archive { .. } => Err(Refusal::OtherJob("an archive, not an inventory")),
            Of::Inventory { output } => output.clone().ok_or(Refusal::JobGone { until: job.until }),
        });
        self.note("inventory-output", None, 0, output.is_ok());
        fate.reply(output)
    }
}

fn of_archive(id: &Arc<str>, archive: &Archive, range: Option<Range<u64>>) -> Result<Of, Refusal> {
    let size = archive.size;
    let range = range.unwrap_or(0..size);
    let Range { start, end } = range;
    if start >= end || end > size {
        return Err(Refusal::RangeOutside { start, end, from: 0, to: size });
    }
    if !hash::is_megabyte_aligned(&range, size) {
        return Err(Refusal::RangeMisaligned { start, end, size });
    }
    let part = hash_of(&archive.content, &range, size);
    let output = Some(Arc::clone(&archive.content));
    Ok(Of::Archive { id: Arc::clone(id), range, size, whole: archive.tree_hash, part, output })
}

/// Where some bytes of an archive lie.
fn pieces(content: &Content, bytes: &Range<u64>) -> Vec<(Arc<Body>, Range<u64>)> {
    let mut at = 0;
    let mut pieces = Vec::new();
    for body in content.iter() {
        let (from, to) = (at, at + body.size());
        at = to;
        if from < bytes.end && bytes.start < to {
            pieces.push((Arc::clone(body), bytes.start.max(from) - from..bytes.end.min(to) - from));
        }
    }
    pieces
}
