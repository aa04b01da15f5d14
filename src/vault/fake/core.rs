//! The service as a state machine: a value, requests with their times, replies. Nothing in it waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::damage::{Damage, Plans};
use super::draw::Draw;
use super::hash;
use super::jobs::Job;
use super::ledger::Ledger;
use super::queue::Queue;
use super::refusal::Refusal;
use super::shelf::Body;
use super::topic::Topic;
use super::uploads::Upload;
use super::weather::{Fate, Weather};
use crate::base::Time;
use crate::base::hash::Hash32;

/// How long retrievals take: the least and the most, by tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierTimes {
    /// Expedited.
    pub expedited: (Duration, Duration),
    /// Standard.
    pub standard: (Duration, Duration),
    /// Bulk.
    pub bulk: (Duration, Duration),
}

/// How many requests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A second, in the long run.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

/// What the service goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What chance draws from.
    pub seed: u64,
    /// What goes wrong, and when.
    pub weather: Weather,
    /// How often the vault is listed, counted from when it was made. The first list comes after one such time.
    pub inventory_every: Duration,
    /// The largest body of one request, bytes.
    pub single_request: u64,
    /// An upload on which nothing happens for longer is removed.
    pub upload_lives: Duration,
    /// For so long after an upload was completed it is completed again with the same reply.
    pub complete_replays: Duration,
    /// How long the output of a job can be read.
    pub output_lives: Duration,
    /// How long retrievals take.
    pub tiers: TierTimes,
    /// How many requests are taken; nothing: any.
    pub rate: Option<Rate>,
    /// Whether a retrieval can be made faster while it runs. This service cannot; the archive classes of S3 can (S3 user
    /// guide, "restoring-objects-upgrade-tier").
    pub upgrade: bool,
    /// How the ends of jobs are told; nothing: they are not.
    pub topic: Option<Topic>,
}

impl Default for Rules {
    /// The service's limits as its developer guide states them; no faults, any rate.
    fn default() -> Self {
        let hours = Duration::from_hours;
        Self {
            seed: 0,
            weather: Weather::default(),
            inventory_every: hours(24),
            single_request: 4 << 30,
            upload_lives: hours(24),
            complete_replays: Duration::from_mins(10),
            output_lives: hours(24),
            tiers: TierTimes {
                expedited: (Duration::from_mins(1), Duration::from_mins(5)),
                standard: (hours(3), hours(5)),
                bulk: (hours(5), hours(12)),
            },
            rate: None,
            upgrade: false,
            topic: Some(Topic::default()),
        }
    }
}

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Op {
    Describe,
    Post,
    Initiate,
    Part,
    Complete,
    Abort,
    Uploads,
    Delete,
    Job,
    Status,
    Jobs,
    Upgrade,
    Output,
    Receive,
    Done,
}

impl Op {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Post => "post",
            Self::Initiate => "initiate",
            Self::Part => "part",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::Uploads => "uploads",
            Self::Delete => "delete",
            Self::Job => "job",
            Self::Status => "status",
            Self::Jobs => "jobs",
            Self::Upgrade => "upgrade",
            Self::Output => "output",
            Self::Receive => "receive",
            Self::Done => "done",
        }
    }

    /// What the log calls it.
    pub(super) fn logged(self) -> &'static str {
        match self {
            Self::Post => "upload",
            Self::Initiate => "upload-begin",
            Self::Part => "upload-part",
            Self::Complete => "upload-end",
            Self::Abort => "upload-abort",
            other => other.word(),
        }
    }
}

/// What an archive is made of, in order.
pub(super) type Content = Arc<[Arc<Body>]>;

/// An archive that the service holds.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) description: Arc<str>,
    pub(super) created: Time,
    pub(super) size: u64,
    pub(super) tree_hash: Hash32,
    pub(super) content: Content,
}

impl Archive {
    pub(super) fn listed(&self, id: &Arc<str>) -> Listed {
        Listed {
            archive_id: Arc::clone(id),
            description: Arc::clone(&self.description),
            created: self.created,
            size: self.size,
            tree_hash: self.tree_hash,
        }
    }
}

/// The reply to an archive that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its id: 138 characters, a new one for each archive.
    pub archive_id: Arc<str>,
    /// The tree hash that the service computed.
    pub tree_hash: Hash32,
    /// Bytes.
    pub size: u64,
}

/// An archive in an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub archive_id: Arc<str>,
    /// What it was described as; from outside.
    pub description: Arc<str>,
    /// When it was taken.
    pub created: Time,
    /// Bytes.
    pub size: u64,
    /// Its tree hash.
    pub tree_hash: Hash32,
}

/// What the vault held at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// When. What was taken earlier and not deleted is in it, and nothing else.
    pub taken: Time,
    /// The archives, by id.
    pub archives: Vec<Listed>,
}

/// A vault at the service.
#[derive(Debug)]
pub struct Core {
    pub(super) rules: Rules,
    /// The latest time that was named: it never goes back.
    pub(super) now: Time,
    pub(super) archives: BTreeMap<Arc<str>, Archive>,
    pub(super) uploads: BTreeMap<Arc<str>, Upload>,
    pub(super) jobs: BTreeMap<Arc<str>, Job>,
    /// When jobs come to their ends.
    pub(super) due: BTreeSet<(Time, Arc<str>)>,
    /// When the outputs of jobs end.
    pub(super) ends: BTreeSet<(Time, Arc<str>)>,
    pub(super) queue: Queue,
    pub(super) ledger: Ledger,
    pub(super) damage: BTreeMap<Arc<str>, Damage>,
    pub(super) plans: Plans,
    /// How often each thing has been asked.
    turns: BTreeMap<(Op, String), u32>,
    /// How many things have been made of each kind under one description.
    made: BTreeMap<(&'static str, String), u64>,
    inventory: Option<Arc<Inventory>>,
    next_inventory: Time,
    /// Requests that may come at once, in millionths, and when that was counted.
    bucket: (u64, Time),
}

/// A request in millionths.
const WHOLE: u64 = 1_000_000;

impl Core {
    /// An empty vault that was made at `created`. That may be long ago: then it has been listed since, empty.
    pub fn new(rules: Rules, created: Time) -> Self {
        let next_inventory = created.plus(rules.inventory_every);
        let bucket = (rules.rate.map_or(0, |rate| u64::from(rate.burst) * WHOLE), created);
        Self {
            rules,
            now: created,
            archives: BTreeMap::new(),
            uploads: BTreeMap::new(),
            jobs: BTreeMap::new(),
            due: BTreeSet::new(),
            ends: BTreeSet::new(),
            queue: Queue::default(),
            ledger: Ledger::default(),
            damage: BTreeMap::new(),
            plans: Plans::default(),
            turns: BTreeMap::new(),
            made: BTreeMap::new(),
            inventory: None,
            next_inventory,
            bucket,
        }
    }

    /// What it goes by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Another schedule of faults, from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.rules.weather = weather;
    }

    /// Whether the vault can be reached.
    pub fn describe(&mut self, now: Time) -> Result<(), Refusal> {
        let fate = self.admit(now, Op::Describe, "")?;
        self.note(Op::Describe.logged(), None, 0, true);
        fate.reply(Ok(()))
    }

    /// Takes an archive in one request. Each call that succeeds makes another archive.
    pub fn post(&mut self, now: Time, description: &str, stated: Hash32, body: Body) -> Result<Receipt, Refusal> {
        let fate = self.admit(now, Op::Post, description)?;
        let size = body.size();
        let taken = self.take(description, stated, body);
        self.note(Op::Post.logged(), None, size, taken.is_ok());
        fate.receipt(taken)
    }

    fn take(&mut self, description: &str, stated: Hash32, body: Body) -> Result<Receipt, Refusal> {
        let description = checked_description(description)?;
        let (size, most) = (body.size(), self.rules.single_request);
        if size == 0 || size > most {
            return Err(Refusal::BadSize { size, most });
        }
        let computed = body.tree_hash();
        if computed != stated {
            return Err(Refusal::HashMismatch { stated, computed });
        }
        Ok(self.hold(description, Arc::new([Arc::new(body)]), size, computed))
    }

    /// From now on it is an archive.
    pub(super) fn hold(&mut self, description: Arc<str>, content: Content, size: u64, tree_hash: Hash32) -> Receipt {
        let archive_id = self.new_id("archive", &description, 138);
        let archive = Archive { description, created: self.now, size, tree_hash, content };
        self.archives.insert(Arc::clone(&archive_id), archive);
        Receipt { archive_id, tree_hash, size }
    }

    /// Deletes an archive; one that is not there is fine. Retrievals of it that are under way fail; what has been
    /// retrieved can still be read.
    pub fn delete(&mut self, now: Time, archive_id: &str) -> Result<(), Refusal> {
        let fate = self.admit(now, Op::Delete, archive_id)?;
        if self.archives.remove(archive_id).is_some() {
            self.fail_jobs_of(archive_id);
        }
        self.note(Op::Delete.logged(), None, 0, true);
        fate.reply(Ok(()))
    }

    /// The newest inventory; nothing before the first. It costs no request: it stands for the last one that was fetched.
    pub fn last_inventory(&mut self, now: Time) -> Option<Arc<Inventory>> {
        self.advance(now);
        self.inventory.clone()
    }

    /// When the next inventory is taken.
    pub fn next_inventory(&mut self, now: Time) -> Time {
        self.advance(now);
        self.next_inventory
    }

    /// How many times `op` has been asked about `subject`.
    pub(super) fn turns(&self, op: Op, subject: &str) -> u32 {
        self.turns.get(&(op, subject.to_owned())).copied().unwrap_or(0)
    }

    pub(super) fn forget_turns(&mut self, op: Op, subject: String) {
        self.turns.remove(&(op, subject));
    }

    /// A request comes in: what happens by itself until then happens, and it is decided what becomes of it.
    pub(super) fn admit(&mut self, now: Time, op: Op, subject: &str) -> Result<Fate, Refusal> {
        let fate = self.admit_to_queue(now, op, subject)?;
        if fate.throttled || !self.within_rate() {
            self.note(op.logged(), None, 0, false);
            return Err(Refusal::Throttling);
        }
        Ok(fate)
    }

    /// The same for a request to the queue, which has no part in the rate of the others.
    pub(super) fn admit_to_queue(&mut self, now: Time, op: Op, subject: &str) -> Result<Fate, Refusal> {
        self.advance(now);
        let turn = self.turns.entry((op, subject.to_owned())).or_insert(0);
        let this = *turn;
        *turn += 1;
        let fate = self.rules.weather.fate(self.now, self.rules.seed, op.word(), subject, this);
        if fate.out {
            self.note(op.logged(), None, 0, false);
            return Err(Refusal::Unavailable);
        }
        Ok(fate)
    }

    fn within_rate(&mut self) -> bool {
        let Some(rate) = self.rules.rate else { return true };
        let (level, counted) = self.bucket;
        // A microsecond adds as many millionths of a request as there are requests a second.
        let passed = u64::try_from(self.now.since(counted).as_micros()).unwrap_or(u64::MAX);
        let more = passed.saturating_mul(u64::from(rate.per_second));
        let level = level.saturating_add(more).min(u64::from(rate.burst) * WHOLE);
        let left = level.checked_sub(WHOLE);
        self.bucket = (left.unwrap_or(level), self.now);
        left.is_some()
    }

    /// What happens by itself until `now`.
    pub(super) fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.take_inventory();
        let (now, lives, replays) = (self.now, self.rules.upload_lives, self.rules.complete_replays);
        self.uploads.retain(|_, upload| upload.lives_at(now, lives, replays));
        while self.due.first().is_some_and(|(end, _)| *end <= now)
            && let Some((end, id)) = self.due.pop_first()
        {
            self.job_ends(end, &id);
        }
        while self.ends.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, id)) = self.ends.pop_first()
                && let Some(job) = self.jobs.get_mut(&id)
            {
                job.drop_output();
            }
        }
    }

    /// Nothing has been taken or deleted since the last request, so what is held now was held at every list that has
    /// become due meanwhile. Only the newest of them matters.
    fn take_inventory(&mut self) {
        let every = self.rules.inventory_every.max(Duration::from_secs(1));
        if self.now < self.next_inventory {
            return;
        }
        let late = self.now.since(self.next_inventory).as_micros() % every.as_micros();
        let taken = self.now.minus(Duration::from_micros(u64::try_from(late).unwrap_or(0)));
        let archives = self.holdings();
        self.inventory = Some(Arc::new(Inventory { taken, archives }));
        self.next_inventory = taken.plus(every);
    }

    /// A new id of a kind for something described as `of`.
    pub(super) fn new_id(&mut self, kind: &'static str, of: &str, length: usize) -> Arc<str> {
        Draw::new(self.rules.seed, &["id", kind, of], self.next_made(kind, of)).id(length).into()
    }

    /// How many of a kind were made before under one description; one more from now on.
    pub(super) fn next_made(&mut self, kind: &'static str, of: &str) -> u64 {
        let made = self.made.entry((kind, of.to_owned())).or_insert(0);
        *made += 1;
        *made - 1
    }
}

impl Fate {
    /// The reply on its way back.
    pub(super) fn reply<T>(self, done: Result<T, Refusal>) -> Result<T, Refusal> {
        if self.lost { Err(Refusal::NoReply) } else { done }
    }

    /// The same for a reply with a hash in it.
    pub(super) fn hash(self, done: Result<Hash32, Refusal>) -> Result<Hash32, Refusal> {
        self.reply(done).map(|hash| if self.corrupt { hash::leaf(&hash.0) } else { hash })
    }

    /// The same for an archive that was taken.
    pub(super) fn receipt(self, done: Result<Receipt, Refusal>) -> Result<Receipt, Refusal> {
        let receipt = self.reply(done)?;
        Ok(Receipt { tree_hash: self.hash(Ok(receipt.tree_hash))?, ..receipt })
    }
}

/// A description as it is kept: printable ASCII, 1,024 characters at most; the service strips spaces from its front.
pub(super) fn checked_description(description: &str) -> Result<Arc<str>, Refusal> {
    if let Some(at) = description.bytes().position(|byte| !(0x20..=0x7e).contains(&byte)) {
        return Err(Refusal::BadDescription(at));
    }
    if description.len() > 1024 {
        return Err(Refusal::LongDescription(description.len()));
    }
    Ok(description.trim_start_matches(' ').into())
}
