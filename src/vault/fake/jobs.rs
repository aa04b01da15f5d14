//! Retrievals: of archives, whole or in part, and of the vault's inventory.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Archive, Content, Core, Inventory, Op, TierTimes, checked_description};
use super::draw::Draw;
use super::hash::{self, MIB};
use super::refusal::Refusal;
use super::shelf::Body;
use crate::base::Time;
use crate::base::hash::Hash32;
use crate::vault::Tier;

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

/// A job as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
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
    /// The tree hash of the whole archive.
    pub archive_hash: Option<Hash32>,
    /// The tree hash of the bytes asked for, where the tree of the archive has one of them.
    pub hash: Option<Hash32>,
}

/// The output of a retrieval: where its bytes lie.
#[derive(Debug)]
pub struct Output {
    /// Bodies, and the bytes of each.
    pub pieces: Vec<(Arc<Body>, Range<u64>)>,
    /// Their tree hash, where the tree of the archive has one of them.
    pub hash: Option<Hash32>,
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
            Ok(self.start(description, tier, &asked.archive_id, of))
        });
        fate.reply(job)
    }

    /// Asks for the newest inventory. Returns the job's id.
    pub fn initiate_inventory(&mut self, now: Time, description: &str) -> Result<Arc<str>, Refusal> {
        let fate = self.admit(now, Op::Job, "inventory")?;
        let job = checked_description(description).and_then(|description| {
            let next = self.next_inventory(now);
            let newest = self.last_inventory(now).ok_or(Refusal::NoInventory { next })?;
            Ok(self.start(description, Tier::Standard, "inventory", Of::Inventory { output: Some(newest) }))
        });
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
        self.ends.insert((until, Arc::clone(&id)));
        id
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
        let described = self.job(job_id).map(|job| {
            let phase = match &job.fails {
                _ if self.now < job.ends => Phase::InProgress,
                Some(why) => Phase::Failed { at: job.ends, why: why.clone() },
                None => Phase::Succeeded { at: job.ends, until: job.until },
            };
            let (archive, archive_hash, hash) = match &job.of {
                Of::Archive { id, range, whole, part, .. } => {
                    (Some((Arc::clone(id), range.clone())), Some(*whole), *part)
                }
                Of::Inventory { .. } => (None, None, None),
            };
            let (asked, tier, description) = (job.asked, job.tier, Arc::clone(&job.description));
            JobView { phase, asked, tier, description, archive, archive_hash, hash }
        });
        fate.reply(described)
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
            Of::Archive { range, size, output: Some(content), .. } => {
                let Range { start, end } = bytes;
                if start > end || start < range.start || end > range.end {
                    return Err(Refusal::RangeOutside { start, end, from: range.start, to: range.end });
                }
                Ok(Output { pieces: pieces(content, &bytes), hash: hash_of(content, &bytes, *size) })
            }
            Of::Archive { output: None, .. } => Err(Refusal::JobGone { until: job.until }),
        });
        fate.reply(output)
    }

    /// The output of an inventory job.
    pub fn inventory_output(&mut self, now: Time, job_id: &str) -> Result<Arc<Inventory>, Refusal> {
        let fate = self.admit(now, Op::Output, job_id)?;
        let output = self.finished(job_id).and_then(|job| match &job.of {
            Of::Archive { .. } => Err(Refusal::OtherJob("an archive, not an inventory")),
            Of::Inventory { output } => output.clone().ok_or(Refusal::JobGone { until: job.until }),
        });
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
